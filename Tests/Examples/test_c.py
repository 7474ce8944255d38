"""examples/c, compiled as their readers would, against an installed copy: PREFIX is where."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import colorize

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPH = ROOT / "examples/photos/camera.png"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """colorize_png, built by the line in its first comment."""
    prefix = Path(os.environ["PREFIX"])
    environment = dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"))
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "colorize", "libpng"],
        env=environment, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    target = tmp_path_factory.mktemp("program") / "colorize_png"
    subprocess.run(
        ["cc", "-std=c99", *STRICT, ROOT / "examples/c/colorize_png.c", *flags, "-o", target],
        check=True,
    )

    def run(*arguments):
        return subprocess.run(
            [target, *arguments],
            env=dict(os.environ, LD_LIBRARY_PATH=str(prefix / "lib")),
            capture_output=True,
            text=True,
        )

    return run


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_gives_what_the_library_gives(program, tmp_path, mode):
    picture = Image.open(PHOTOGRAPH).resize((130, 97)).convert("RGB")
    if mode.endswith("A"):
        picture.putalpha(Image.radial_gradient("L").resize(picture.size))
    picture = picture.convert(mode)
    picture.save(tmp_path / "in.png")
    result = program(tmp_path / "in.png", tmp_path / "out.png")
    assert (result.returncode, result.stderr) == (0, "")

    seen = {"LA": "RGBA", "P": "RGB"}.get(mode, mode)
    expected = colorize.Model().colorize(np.asarray(picture.convert(seen)))
    assert (np.asarray(Image.open(tmp_path / "out.png")) == expected).all()


def test_takes_a_model_file(program, tmp_path):
    content = (ROOT / "Sources/ColorizeDefaultModel/compact.safetensors").read_bytes()
    # Metadata of the same length: another picture shows that the file was used.
    other = content.replace(b'"default_network_size":"160"', b'"default_network_size":"128"', 1)
    assert other != content
    (tmp_path / "other.safetensors").write_bytes(other)
    result = program(
        "--model", tmp_path / "other.safetensors", PHOTOGRAPH, tmp_path / "out.png"
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    gray = np.asarray(Image.open(PHOTOGRAPH))
    actual = np.asarray(Image.open(tmp_path / "out.png"))
    assert (actual == colorize.Model().colorize(gray, network_size=128)).all()
    assert (actual != colorize.Model().colorize(gray)).any()


def test_says_what_is_wrong_with_a_model_file(program, tmp_path):
    (tmp_path / "broken.pth").write_bytes(b"PK\3\4 and no more")
    for name in ["broken.pth", "missing.pth"]:
        result = program("--model", tmp_path / name, PHOTOGRAPH, tmp_path / "out.png")
        assert result.returncode == 1
        assert result.stderr.startswith("cannot open the model: ")
        assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("content", [None, b"", b"not a PNG"])
def test_says_what_it_cannot_read(program, tmp_path, content):
    if content is not None:
        (tmp_path / "in.png").write_bytes(content)
    result = program(tmp_path / "in.png", tmp_path / "out.png")
    assert result.returncode == 1
    assert result.stderr.startswith(f"{tmp_path / 'in.png'}: ")
    assert not (tmp_path / "out.png").exists()


def test_says_what_it_cannot_write(program, tmp_path):
    result = program(PHOTOGRAPH, tmp_path / "missing" / "out.png")
    assert result.returncode == 1
    assert "missing/out.png: " in result.stderr


def test_says_how_it_is_used(program):
    result = program()
    assert result.returncode == 1
    assert "usage" in result.stderr

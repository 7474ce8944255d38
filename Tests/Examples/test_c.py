"""examples/c, compiled as their readers would, against an installed copy: PREFIX is where."""

import os
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import libcolorize

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPH = ROOT / "examples/photos/camera.png"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def build(folder, name, *options):
    """Builds a program of examples/c by the line in its first comment; what starts it."""
    prefix = Path(os.environ["PREFIX"])
    environment = dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"))
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libcolorize", "libpng"],
        env=environment, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    source = ROOT / f"examples/c/{name}.c"
    subprocess.run(["cc", *options, *STRICT, source, *flags, "-o", folder / name], check=True)

    def start(*arguments):
        return subprocess.Popen(
            [folder / name, *arguments],
            env=dict(os.environ, LD_LIBRARY_PATH=str(prefix / "lib")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def finish(process):
    """Waits for a started program; its status and what it wrote."""
    stdout, stderr = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    start = build(tmp_path_factory.mktemp("program"), "colorize_png", "-std=c99")
    return lambda *arguments: finish(start(*arguments))


@pytest.fixture(scope="module")
def start_album(tmp_path_factory):
    return build(tmp_path_factory.mktemp("album"), "colorize_album", "-std=c11", "-pthread")


@pytest.fixture
def photos(tmp_path):
    """Six pictures that are not alike, one of them with alpha, and a folder for the results."""
    (tmp_path / "colored").mkdir()
    paths = []
    for number in range(6):
        picture = Image.open(PHOTOGRAPH).crop((40 * number, 0, 40 * number + 200, 150 + number))
        if number == 3:
            picture.putalpha(Image.radial_gradient("L").resize(picture.size))
        paths.append(tmp_path / f"{number}.png")
        picture.save(paths[-1])
    return paths


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
    expected = libcolorize.Model().colorize(np.asarray(picture.convert(seen)))
    assert (np.asarray(Image.open(tmp_path / "out.png")) == expected).all()


def test_takes_a_model_file(program, tmp_path):
    content = (ROOT / "Sources/ColorizeDefaultModel/default.safetensors").read_bytes()
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
    assert (actual == libcolorize.Model().colorize(gray, network_size=128)).all()
    assert (actual != libcolorize.Model().colorize(gray)).any()


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


@pytest.mark.parametrize("workers", ["1", "3"])
def test_an_album_is_colored_by_threads_that_share_a_model(start_album, tmp_path, photos, workers):
    result = finish(start_album("--workers", workers, tmp_path / "colored", *photos))
    assert (result.returncode, result.stdout) == (0, "6 colored, 0 not\n")
    percentages = [int(number) for number in re.findall(r"(\d+) %", result.stderr)]
    assert percentages == sorted(set(percentages)) and percentages[-1] == 100
    assert len(percentages) > 10
    for path in photos:
        picture = Image.open(path)
        seen = picture.convert("RGBA" if picture.mode == "LA" else "RGB")
        actual = np.asarray(Image.open(tmp_path / "colored" / path.name))
        assert (actual == libcolorize.Model().colorize(np.asarray(seen))).all()


def test_an_album_goes_on_after_a_bad_file(start_album, tmp_path, photos):
    photos[1].write_bytes(b"not a PNG")
    result = finish(start_album(tmp_path / "colored", *photos))
    assert (result.returncode, result.stdout) == (1, "5 colored, 1 not\n")
    assert f"{photos[1]}: " in result.stderr
    names = sorted(path.name for path in (tmp_path / "colored").iterdir())
    assert names == [path.name for path in photos if path != photos[1]]


def test_control_c_cancels_an_album(start_album, tmp_path, photos):
    """At 2048 a picture takes seconds: the signal comes while networks run."""
    folder = tmp_path / "colored"
    process = start_album("--network-size", "2048", folder, *photos)
    seen = ""
    while "%" not in seen:
        seen += process.stderr.read(1)
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert result.returncode == 130
    assert result.stderr.endswith("cancelled\n")
    assert "100 %" not in result.stderr
    assert list(folder.iterdir()) == []


def test_an_album_refuses_what_it_cannot_do(start_album, tmp_path, photos):
    folder = tmp_path / "colored"
    for arguments in [
        [],
        [folder],
        ["--workers", "0", folder, *photos],
        ["--network-size", "-1", folder, *photos],
        ["--speed", "9", folder, *photos],
    ]:
        result = finish(start_album(*arguments))
        assert (result.returncode, result.stderr[:7]) == (1, "usage: ")
    result = finish(start_album(folder, photos[0], tmp_path / "other" / photos[0].name))
    assert result.returncode == 1
    assert "would have the same name" in result.stderr
    result = finish(start_album("--network-size", "100", folder, photos[0]))
    assert result.returncode == 1
    assert "100" in result.stderr
    result = finish(start_album(tmp_path / "missing", photos[0]))
    assert result.returncode == 1
    assert "missing/0.png.part: " in result.stderr

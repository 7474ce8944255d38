"""examples/python, as their readers run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

import libcolorize

EXAMPLES = ROOT / "examples" / "python"


def run(example: str, *arguments: object) -> subprocess.CompletedProcess:
    package = str(Path(libcolorize.__file__).parents[1])
    return subprocess.run(
        [sys.executable, EXAMPLES / example, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("magic", ["P5", "P6"])
def test_the_example_colors_a_file(
    magic: str, model: libcolorize.Model, photo: np.ndarray, tmp_path: Path
):
    image = np.ascontiguousarray(photo[:, :, 0] if magic == "P5" else photo)
    source, target = tmp_path / "in.pnm", tmp_path / "out.ppm"
    source.write_bytes(f"{magic}\n# a comment\n47 61\n255\n".encode() + image.tobytes())
    result = run("colorize_array.py", source, target)
    assert result.returncode == 0, result.stderr
    assert result.stderr.endswith("coloring: 100%\n")
    assert target.read_bytes() == b"P6\n47 61\n255\n" + model.colorize(image).tobytes()


def test_the_example_says_what_is_wrong(tmp_path: Path):
    source = tmp_path / "in.pnm"
    source.write_bytes(b"P2\n1 1\n255\n7\n")
    result = run("colorize_array.py", source, tmp_path / "out.ppm")
    assert result.returncode == 1
    problem = f"{source} is not a binary PGM or PPM file with 8 bits"
    assert result.stderr == f"colorize_array: {problem}\n"
    assert not (tmp_path / "out.ppm").exists()
    assert run("colorize_array.py").stderr.startswith("usage: ")


def test_hints(model: libcolorize.Model, photo: np.ndarray, tmp_path: Path):
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(photo).save(source)
    result = run("hints.py", source, target, "10,20", "30,40,#b03020", "8.5,50,#6a8a3a,4", "47,0")
    assert result.returncode == 0, result.stderr
    hints = [libcolorize.Hint(30, 40, "#b03020"), libcolorize.Hint(8.5, 50, "#6a8a3a", radius=4)]
    assert np.array_equal(np.asarray(Image.open(target)), model.colorize(photo, hints=hints))
    places = re.findall(r"^at (.*):$", result.stdout, re.MULTILINE)
    assert places == ["10,20", "47,0"]
    colors = re.findall(r"^  ( *\d+)%  #[0-9a-f]{6}$", result.stdout, re.MULTILINE)
    assert 2 <= len(colors) <= 10
    assert len(colors) + len(places) == result.stdout.count("\n")

    assert run("hints.py", source, target).returncode == 0
    assert np.array_equal(np.asarray(Image.open(target)), model.colorize(photo))


@pytest.mark.parametrize(
    ("hint", "problem"),
    [
        ("7", "not enough values"),
        ("7,y", "could not convert"),
        ("7,8,red", "it must be '#rrggbb'"),
        ("48,8,#ff0000", "hints[0].x is 48.0; it must be 0 to 47"),
        ("7,62", "points[0].y is 62.0; it must be 0 to 61"),
    ],
)
def test_hints_says_what_is_wrong(hint: str, problem: str, photo: np.ndarray, tmp_path: Path):
    source = tmp_path / "in.png"
    Image.fromarray(photo).save(source)
    result = run("hints.py", source, tmp_path / "out.png", hint)
    assert result.returncode == 1
    assert result.stderr.startswith("hints: ")
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out.png").exists()

"""examples/python/colorize_array.py, as its reader runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import colorize

EXAMPLE = ROOT / "examples" / "python" / "colorize_array.py"


def run(*arguments: object) -> subprocess.CompletedProcess:
    package = str(Path(colorize.__file__).parents[1])
    return subprocess.run(
        [sys.executable, EXAMPLE, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("magic", ["P5", "P6"])
def test_the_example_colours_a_file(
    magic: str, model: colorize.Model, photo: np.ndarray, tmp_path: Path
):
    image = np.ascontiguousarray(photo[:, :, 0] if magic == "P5" else photo)
    source, target = tmp_path / "in.pnm", tmp_path / "out.ppm"
    source.write_bytes(f"{magic}\n# a comment\n47 61\n255\n".encode() + image.tobytes())
    result = run(source, target)
    assert result.returncode == 0, result.stderr
    assert result.stderr.endswith("colouring: 100%\n")
    assert target.read_bytes() == b"P6\n47 61\n255\n" + model.colorize(image).tobytes()


def test_the_example_says_what_is_wrong(tmp_path: Path):
    source = tmp_path / "in.pnm"
    source.write_bytes(b"P2\n1 1\n255\n7\n")
    result = run(source, tmp_path / "out.ppm")
    assert result.returncode == 1
    problem = f"{source} is not a binary PGM or PPM file with 8 bits"
    assert result.stderr == f"colorize_array: {problem}\n"
    assert not (tmp_path / "out.ppm").exists()
    assert run().stderr.startswith("usage: ")

"""What mypy and pyright, both strict, say of a user's script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "src"


def run(*command: object, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_it_runs(tmp_path: Path):
    source = tmp_path / "in" / "photo.png"
    source.parent.mkdir()
    Image.fromarray(np.arange(600, dtype=np.uint16).astype(np.uint8).reshape(20, 30)).save(source)
    result = run("-X", "dev", "-W", "error", HERE / "typed.py", source, PYTHONPATH=str(PACKAGE))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("(20, 30, 3) ")


def test_mypy(tmp_path: Path):
    result = run(
        "-m", "mypy", "--strict", "--cache-dir", tmp_path, HERE / "typed.py", MYPYPATH=str(PACKAGE)
    )  # fmt: skip
    assert result.returncode == 0, result.stdout


def test_pyright(tmp_path: Path):
    settings = {
        "include": [str(HERE / "typed.py")],
        "extraPaths": [str(PACKAGE)],
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": "error",
        "enableTypeIgnoreComments": False,
        # PyTorch's own stubs are not strict.
        "reportUnknownMemberType": False,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    result = run("-m", "pyright", "--pythonpath", sys.executable, "-p", tmp_path)
    assert result.returncode == 0, result.stdout

"""Tests of the command, from outside: LIBCOLORIZE_COMMAND is its path."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from support import ROOT, Command

# file_server
sys.path.append(str(ROOT / "Tests" / "Support"))
# A shell's background processes are started to ignore it, and what they start with them.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def public_folder():
    """A folder that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="colorize-tests-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def colorize(public_folder):
    """The command, to be called with arguments. A copy, which other users may run, too."""
    path = os.environ.get("LIBCOLORIZE_COMMAND")
    if not path:
        pytest.exit("LIBCOLORIZE_COMMAND must be the path of the command", returncode=2)
    copy = public_folder / "libcolorize"
    shutil.copy(path, copy)
    copy.chmod(0o755)
    return Command(copy)


@pytest.fixture
def gray():
    """uint8 [48, 64]: a picture with edges and gradients."""
    y, x = np.mgrid[0:48, 0:64]
    return ((np.hypot(x - 20, y - 25) * 7 + (x // 16) * 30) % 256).astype(np.uint8)


@pytest.fixture
def rgb(gray):
    """uint8 [48, 64, 3]"""
    return np.stack([gray, 255 - gray // 2, np.roll(gray, 9, axis=1)], axis=2)

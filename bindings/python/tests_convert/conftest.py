"""The fixtures of the other tests, too: the weights at random, the natural lightness."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import libcolorize
from libcolorize.colorizers import _state_dict

os.environ["KERAS_BACKEND"] = "torch"

_SPEC = importlib.util.spec_from_file_location(
    "libcolorize_tests_conftest", Path(__file__).parents[1] / "tests" / "conftest.py"
)
assert _SPEC is not None and _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_SHARED)
lightness, photo, states = _SHARED.lightness, _SHARED.photo, _SHARED.states


@pytest.fixture(scope="session")
def state(states: dict[str, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Those of eccv16, with colors that there are: a and b of up to 110."""
    given = states["eccv16"]
    return {**given, "model_out.weight": given["model_out.weight"] / np.float32(4)}


@pytest.fixture(scope="session")
def checkpoint(state: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a model file."""
    path = tmp_path_factory.mktemp("checkpoint") / "eccv16.safetensors"
    path.write_bytes(_state_dict.model_file("eccv16", state))
    return path


@pytest.fixture(scope="session")
def eccv16(checkpoint: Path) -> Iterator[libcolorize.Model]:
    with libcolorize.Model(checkpoint) as opened:
        yield opened

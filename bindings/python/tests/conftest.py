"""What the tests share. They run the library of LIBCOLORIZE_LIBRARY, or an installed one."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import libcolorize
from libcolorize.colorizers import _state_dict

ROOT = Path(__file__).parents[3]
# file_server
sys.path.append(str(ROOT / "Tests" / "Support"))
# A shell's background processes are started to ignore it, and what they start with them.
signal.signal(signal.SIGINT, signal.default_int_handler)
HEADER = ROOT / "include" / "colorize.h"
# The default model; the tests ask it which one it is.
(MODEL_FILE,) = (ROOT / "Sources" / "ColorizeDefaultModel").glob("*.safetensors")


@contextmanager
def raises_named(name: str, text: str = "") -> Iterator[pytest.ExceptionInfo[libcolorize.Error]]:
    """Like pytest.raises, for a libcolorize.Error of that name whose message holds `text`."""
    with pytest.raises(libcolorize.Error) as caught:
        yield caught
    assert caught.value.name == name
    assert text in caught.value.message


def tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file."""
    types = {"F64": "f8", "I64": "i8", "F32": "f4", "F16": "f2", "U16": "u2", "U8": "u1"}
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    result = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        values = np.frombuffer(content[start + first : start + last], types[entry["dtype"]])
        result[name] = values.reshape(entry["shape"])
    return result


def metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself."""
    content = path.read_bytes()
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]


def cases(subject: str) -> list[dict[str, np.ndarray]]:
    """The numbered cases of one of Tests/Fixtures."""
    result: list[dict[str, np.ndarray]] = []
    for name, values in tensors(ROOT / "Tests" / "Fixtures" / f"{subject}.safetensors").items():
        number, key = name.split(".")
        while len(result) <= int(number):
            result.append({})
        result[int(number)][key] = values
    return result


@pytest.fixture(scope="session")
def model() -> libcolorize.Model:
    return libcolorize.Model()


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """uint8 [61, 47, 3], natural."""
    return next(case["input"] for case in cases("picture") if case["input"].shape == (61, 47, 3))


@pytest.fixture(scope="session")
def siggraph17(checkpoints: dict[str, Path]) -> Iterator[libcolorize.Model]:
    with libcolorize.Model(checkpoints["siggraph17"]) as opened:
        yield opened


@pytest.fixture(scope="session")
def eccv16(checkpoints: dict[str, Path]) -> Iterator[libcolorize.Model]:
    with libcolorize.Model(checkpoints["eccv16"]) as opened:
        yield opened


@pytest.fixture(scope="session")
def lightness() -> np.ndarray:
    """float32 [64, 64], natural."""
    return next(
        100 * case["input"][0] + 50
        for case in cases("network")
        if case["input"].shape == (4, 64, 64)
    )


@pytest.fixture(scope="session")
def states() -> dict[str, dict[str, np.ndarray]]:
    """Weights for the published networks: at random, such that what goes in makes a difference."""
    # What a variable of variance 2 has after a ReLU.
    mean, variance = 0.56, 0.68
    # Contrasts are small, and bins have to disagree.
    gains = {"model1.0.weight": 4, "model8.6.weight": 4, "model_out.weight": 16}
    result: dict[str, dict[str, np.ndarray]] = {}
    for network in ("eccv16", "siggraph17"):
        shapes = _state_dict.SHAPES[network]
        rng = np.random.default_rng(17)
        state = result[network] = {}
        for name, shape in shapes.items():
            values = rng.standard_normal(shape, np.float32)
            if len(shape) == 4:
                # He's; four of a transposed kernel's 16 taps meet in a pixel.
                fan_in = shape[0] * 4 if shape[2] == 4 else np.prod(shape[1:])
                state[name] = values * np.float32(gains.get(name, 1) * np.sqrt(2 / fan_in))
            elif name.endswith(("running_var", "weight")):
                scale = variance if name.endswith("running_var") else 1
                state[name] = np.float32(scale) * np.exp(np.float32(0.2) * values)
            else:
                centre = mean if name.endswith("running_mean") else 0
                state[name] = np.float32(centre) + np.float32(0.2) * values
    return result


@pytest.fixture(scope="session")
def checkpoints(
    states: dict[str, dict[str, np.ndarray]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The same as model files."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for network, state in states.items():
        (folder / network).write_bytes(_state_dict.model_file(network, state))
    return {network: folder / network for network in states}

"""What the tests share. They run the library that COLORIZE_LIBRARY names, or an installed one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import colorize

ROOT = Path(__file__).parents[3]
HEADER = ROOT / "include" / "colorize.h"
MODEL_FILE = ROOT / "Sources" / "ColorizeDefaultModel" / "compact.safetensors"


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
def model() -> colorize.Model:
    return colorize.Model()


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """uint8 [61, 47, 3], natural."""
    return next(case["input"] for case in cases("picture") if case["input"].shape == (61, 47, 3))


@pytest.fixture(scope="session")
def lightness() -> np.ndarray:
    """float32 [64, 64], natural."""
    return next(
        100 * case["input"][0] + 50
        for case in cases("network")
        if case["input"].shape == (4, 64, 64)
    )

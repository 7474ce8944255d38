"""Names and shapes of the released networks' weights, and a model file made of them in memory."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ._array import floats


def _convolutions(
    block: str, channels: list[int], first: int = 0, kernel: int = 3
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """One after another, with a ReLU between each two: hence every second number."""
    for index, (inputs, outputs) in enumerate(zip(channels, channels[1:])):
        name = f"{block}.{first + 2 * index}"
        yield f"{name}.weight", (outputs, inputs, kernel, kernel)
        yield f"{name}.bias", (outputs,)


def _transposed(block: str, inputs: int, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{block}.0.weight", (inputs, outputs, 4, 4)
    yield f"{block}.0.bias", (outputs,)


def _norm(name: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for kind in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{kind}", (channels,)


def _trunk(inputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """model1 to model7, which the two networks have in common but for the input."""
    widths = [(inputs, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512)]
    widths += 3 * [(512, 512, 512, 512)]
    for number, channels in enumerate(widths, 1):
        yield from _convolutions(f"model{number}", list(channels))
        yield from _norm(f"model{number}.{2 * (len(channels) - 1)}", channels[-1])


def _eccv16() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _trunk(1)
    yield from _transposed("model8", 512, 256)
    yield from _convolutions("model8", [256, 256, 256], first=2)
    yield from _convolutions("model8", [256, 313], first=6, kernel=1)
    yield "model_out.weight", (2, 313, 1, 1)


def _siggraph17() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _trunk(4)
    yield from _transposed("model8up", 512, 256)
    yield from _convolutions("model3short8", [256, 256])
    yield from _convolutions("model8", [256, 256, 256], first=1)
    yield from _norm("model8.5", 256)
    yield from _transposed("model9up", 256, 128)
    yield from _convolutions("model2short9", [128, 128])
    yield from _convolutions("model9", [128, 128], first=1)
    yield from _norm("model9.3", 128)
    yield from _transposed("model10up", 128, 128)
    yield from _convolutions("model1short10", [64, 128])
    yield from _convolutions("model10", [128, 128], first=1)
    yield from _convolutions("model_class", [256, 529], kernel=1)
    yield from _convolutions("model_out", [128, 2], kernel=1)


SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "eccv16": dict(_eccv16()),
    "siggraph17": dict(_siggraph17()),
}
_AB = {
    name: shape
    for name, shape in SHAPES["siggraph17"].items()
    if not name.startswith("model_class")
}
# What the released class computes, and the release for Caffe, whose ab are of up to 100.
SHAPES |= {"siggraph17-ab": _AB, "ideepcolor": _AB}


def check(
    class_name: str, architecture: str, state_dict: Mapping[str, Any], strict: bool
) -> list[str]:
    """The names that are not known. RuntimeError lists all that is wrong, in PyTorch's words."""
    shapes = SHAPES[architecture]
    missing = [name for name in shapes if name not in state_dict]
    unexpected = [
        name
        for name in state_dict
        # PyTorch's counter has no influence on a result.
        if name not in shapes and not name.endswith(".num_batches_tracked")
    ]
    problems = []
    if unexpected and strict:
        problems.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}.")
    if missing:
        problems.append(f"Missing key(s) in state_dict: {_quoted(missing)}.")
    for name, shape in shapes.items():
        given = shape if name in missing else tuple(np.shape(state_dict[name]))
        if given != shape:
            problems.append(
                f"size mismatch for {name}: copying a param with shape {list(given)} from "
                f"checkpoint, the shape in current model is {list(shape)}."
            )
    if problems:
        lines = "".join(f"\n\t{problem}" for problem in problems)
        raise RuntimeError(f"Error(s) in loading state_dict for {class_name}:{lines}")
    return unexpected


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def model_file(architecture: str, state_dict: Mapping[str, Any]) -> bytearray:
    """The bytes of a safetensors file with the network's weights."""
    shapes = SHAPES[architecture]
    header: dict[str, Any] = {"__metadata__": {"architecture": architecture}}
    end = 0
    for name, shape in shapes.items():
        first, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [first, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    start = 8 + len(text)
    content = bytearray(start + end)
    content[:start] = len(text).to_bytes(8, "little") + text
    values = np.frombuffer(content, "<f4", offset=start)
    for name in shapes:
        first, last = header[name]["data_offsets"]
        values[first // 4 : last // 4] = floats(state_dict[name]).ravel()
    return content

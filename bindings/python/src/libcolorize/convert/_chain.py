"""eccv16 as a chain of steps, and chains of other frameworks compared with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .._calls import invalid
from ..colorizers._state_dict import SHAPES
from ..model import Model
from ._state import State

EPSILON = 1e-5
"""Of PyTorch's batch norm."""
AB_SCALE = 110.0
L_SCALE, L_OFFSET = 0.01, -0.5
_TOLERANCE = 1e-5


class ConvertError(ValueError):
    """A file is not what can be converted; the text says where it is something else."""


@dataclass
class Step:
    """One operation. Weights are as PyTorch has them: [out, in, height, width], or, of a transposed
    convolution, [in, out, height, width].
    """

    kind: str
    """"affine", "convolution", "transposed convolution", "relu", "batch norm", "softmax",
    "upsampling", "convolution without weights"; anything else is something that is not known."""
    name: str = ""
    """In the file that it is from, or of its tensors in the release."""
    settings: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    tensors: Callable[[], dict[str, Any]] = dict
    """The weights, which are read only where the shapes are right."""

    @property
    def shown(self) -> str:
        """With its article."""
        return f"{'an' if self.kind[0] in 'aeiouAEIOU' else 'a'} {self}"

    def __str__(self) -> str:
        parts = [f"{key} {value}" for key, value in self.settings.items()]
        if "weight" in self.shapes and self.kind.endswith("convolution"):
            parts.insert(0, f"weights {list(self.shapes['weight'])}")
        elif self.shapes:
            parts.append(f"{next(iter(self.shapes.values()))[0]} channels")
        return f"{self.kind}{' with ' if parts else ''}{', '.join(parts)}"


def _skeleton() -> Iterator[Step]:
    """From (L - 50) / 100 to the bins' values before the softmax."""
    shapes = SHAPES["eccv16"]

    def convolution(name: str, stride: int = 1, dilation: int = 1) -> Step:
        kernel = shapes[f"{name}.weight"][2]
        return Step(
            "convolution",
            name,
            {"stride": stride, "dilation": dilation, "padding": dilation * (kernel - 1) // 2},
            {key: shapes[f"{name}.{key}"] for key in ("weight", "bias")},
        )

    for block, (count, stride, dilation) in enumerate(
        [(2, 2, 1), (2, 2, 1), (3, 2, 1), (3, 1, 1), (3, 1, 2), (3, 1, 2), (3, 1, 1)], 1
    ):
        for index in range(count):
            is_last = index == count - 1
            yield convolution(f"model{block}.{2 * index}", stride if is_last else 1, dilation)
            yield Step("relu")
        name = f"model{block}.{2 * count}"
        keys = ("weight", "bias", "running_mean", "running_var")
        yield Step("batch norm", name, {}, {key: shapes[f"{name}.{key}"] for key in keys})
    yield Step(
        "transposed convolution",
        "model8.0",
        {"stride": 2, "padding": 1},
        {key: shapes[f"model8.0.{key}"] for key in ("weight", "bias")},
    )
    yield Step("relu")
    for name in ("model8.2", "model8.4"):
        yield convolution(name)
        yield Step("relu")
    yield convolution("model8.6")


_DECODING = Step(
    "convolution",
    "model_out",
    {"stride": 1, "dilation": 1, "padding": 0},
    {"weight": SHAPES["eccv16"]["model_out.weight"]},
)


def _upsampling() -> Step:
    return Step("upsampling", "upsample4", {"factor": 4, "interpolation": "bilinear"})


def _affine(name: str, scale: float, offset: float) -> Step:
    return Step("affine", name, {"scale": scale, "offset": offset})


def steps_of(state: State, end: Literal["ab", "class"]) -> list[Step]:
    """The whole network, from L to ab or to the bins' probabilities."""
    steps = [_affine("normalize_l", L_SCALE, L_OFFSET), *_skeleton(), Step("softmax", "softmax")]
    if end == "ab":
        decoding = Step(_DECODING.kind, _DECODING.name, _DECODING.settings, _DECODING.shapes)
        steps += [decoding, _upsampling(), _affine("unnormalize_ab", AB_SCALE, 0)]
    for step in steps:
        step.tensors = lambda step=step: {  # type: ignore[misc]
            key: state[f"{step.name}.{key}"] for key in step.shapes
        }
    return steps


def match(given: list[Step]) -> State:
    """The weights of a network that is eccv16. ConvertError names the first difference."""
    steps = list(_merged(given))
    state: State = {}
    if steps and is_affine(steps[0], L_SCALE, L_OFFSET):
        steps = steps[1:]
    expected = list(_skeleton())
    for number, wanted in enumerate(expected):
        step = _same(steps, number, wanted)
        if wanted.name:
            _take(state, wanted.name, step)
    rest = steps[len(expected) :]
    if len(rest) > 1 and rest[1].kind == "softmax" and is_affine(rest[0], None, 0):
        # A temperature. The release for PyTorch has it in its last weights.
        factor = np.float32(rest[0].settings["scale"])
        for key in ("model8.6.weight", "model8.6.bias"):
            state[key] = state[key] * factor
        rest = rest[1:]
    if rest and rest[0].kind == "softmax":
        rest = rest[1:]
        if rest and rest[0].kind == "convolution without weights":
            # Decoded with the library's bins.
            rest = rest[1:]
        elif rest:
            step = _same(rest, 0, _DECODING)
            _take(state, "model_out", step)
            if np.any(state.pop("model_out.bias", 0)):
                raise ConvertError(f"{step.name}: eccv16's last convolution has no bias")
            rest = rest[1:]
        if rest and rest[0].kind == "upsampling":
            _same(rest, 0, _upsampling())
            rest = rest[1:]
        if rest and is_affine(rest[0], AB_SCALE, 0):
            rest = rest[1:]
    if rest:
        raise ConvertError(f"{rest[0].name or rest[0].kind}: {rest[0]}; eccv16 has ended before it")
    if "model_out.weight" not in state:
        with Model() as model:
            centres = model.bin_centres
        if len(centres) != SHAPES["eccv16"]["model_out.weight"][1]:
            raise invalid(f"the built-in model has {len(centres)} bins; eccv16 has 313")
        state["model_out.weight"] = (centres.T / np.float32(AB_SCALE))[:, :, None, None]
    return checked(state)


def checked(state: State) -> State:
    """The same, all of whose numbers are finite."""
    for name, values in state.items():
        if not np.all(np.isfinite(values)):
            raise ConvertError(f"{name} has numbers that are not finite")
    return state


def _merged(steps: list[Step]) -> Iterator[Step]:
    """Two affine steps, one after the other, are one."""
    last: Step | None = None
    for step in steps:
        if step.kind == "affine" and last is not None:
            scale, offset = last.settings["scale"], last.settings["offset"]
            factor = step.settings["scale"]
            last = _affine(last.name, scale * factor, offset * factor + step.settings["offset"])
            continue
        if last is not None:
            yield last
            last = None
        if step.kind == "affine":
            last = step
        else:
            yield step
    if last is not None:
        yield last


def is_affine(step: Step, scale: float | None, offset: float) -> bool:
    return (
        step.kind == "affine"
        and (scale is None or abs(step.settings["scale"] - scale) <= _TOLERANCE * scale)
        and abs(step.settings["offset"] - offset) <= _TOLERANCE
    )


def _same(steps: list[Step], number: int, wanted: Step) -> Step:
    place = f" ({wanted.name})" if wanted.name else ""
    if number >= len(steps):
        raise ConvertError(f"the network ends where eccv16 has {wanted.shown}{place}")
    step = steps[number]
    known = {key: value for key, value in step.settings.items() if key in wanted.settings}
    shapes = {key: shape for key, shape in step.shapes.items() if key in wanted.shapes}
    has_bias = "bias" in step.shapes
    expected = {key: shape for key, shape in wanted.shapes.items() if key in shapes}
    if step.kind != wanted.kind or known != wanted.settings or shapes != expected:
        name = step.name or f"step {number + 1}"
        raise ConvertError(f"{name} is {step.shown}; eccv16 has {wanted.shown}{place} there")
    if "weight" in wanted.shapes and "weight" not in shapes and step.kind != "batch norm":
        raise ConvertError(f"{step.name} has no weights")
    if has_bias and step.kind != "batch norm" and len(step.shapes["bias"]) != 1:
        raise ConvertError(f"{step.name} has a bias of shape {step.shapes['bias']}")
    return step


def _take(state: State, name: str, step: Step) -> None:
    for key, value in release_tensors("eccv16", name, step).items():
        state[f"{name}.{key}"] = value


def release_tensors(network: str, name: str, step: Step) -> State:
    """A step's weights as the release has them, for its tensors that begin with `name`."""
    shapes = SHAPES[network]
    values = {key: np.asarray(value, np.float32) for key, value in step.tensors().items()}
    if step.kind == "batch norm":
        channels = shapes[f"{name}.weight"]
        # Left out: scale=False, center=False.
        values.setdefault("weight", np.ones(channels, np.float32))
        values.setdefault("bias", np.zeros(channels, np.float32))
        # The release's epsilon is another one, and only the sum counts.
        values["running_var"] = values["running_var"] + np.float32(
            step.settings.get("epsilon", EPSILON) - EPSILON
        )
    elif f"{name}.bias" in shapes:
        values.setdefault("bias", np.zeros(shapes[f"{name}.bias"], np.float32))
    return {key: np.ascontiguousarray(value) for key, value in values.items()}

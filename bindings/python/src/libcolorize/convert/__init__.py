"""Reads and writes the files of other frameworks: Keras and ONNX.

    from libcolorize import convert

    model = convert.open("colorizer.h5")          # or .keras, .onnx
    model.colorize(gray)
    convert.to_safetensors("colorizer.h5", "colorizer.safetensors")
    convert.export_keras("eccv16", "eccv16.keras")
    convert.export_onnx("eccv16", "eccv16.onnx")

The network is eccv16, as its authors released it for PyTorch; any other is refused, and the first
difference is named. None of the frameworks is needed to run this: Keras's files are read with h5py,
ONNX's with onnx. pip install 'libcolorize[convert]' brings the two.

Networks may begin with (L - 50) / 100, or be given that. They end with ab, at a quarter of the size
or enlarged, times 110 or not; or with the 313 bins, with or without their softmax. The second kind
is decoded with the library's bins.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Union

from .._calls import invalid
from ..colorizers._state_dict import model_file
from ..model import Model
from ._chain import ConvertError, steps_of
from ._state import State, state_of

__all__ = ["ConvertError", "export_keras", "export_onnx", "open", "read", "to_safetensors"]

Name = Union[str, "os.PathLike[str]"]


def read(path: Name) -> State:
    """The weights of a file, float32 by the names that the release for PyTorch gives them.

    path  .h5, .hdf5 or .keras of Keras, or .onnx
    """
    from ._chain import match

    suffix = Path(path).suffix.lower()
    steps: Any
    if suffix in (".h5", ".hdf5", ".keras"):
        from . import _keras

        with _keras.opened(path) as steps:
            return match(steps)
    if suffix == ".onnx":
        from . import _onnx

        return match(_onnx.steps(path))
    raise invalid(f"path is {str(path)!r}; its name must end with .h5, .hdf5, .keras or .onnx")


def open(path: Name, *, plain_softmax_temperature: float | None = None) -> Model:
    """A `Model` with the weights of a file, which `read` reads."""
    return Model.from_bytes(
        model_file("eccv16", read(path)), plain_softmax_temperature=plain_softmax_temperature
    )


def to_safetensors(source: Name, target: Name) -> Path:
    """Makes a model file of libcolorize's of a file that `read` reads."""
    return _write(target, bytes(model_file("eccv16", read(source))))


def export_keras(model: Name, target: Name, end: Literal["ab", "class"] = "ab") -> Path:
    """Makes a file that `keras.models.load_model` loads, of the functional API.

    It takes L of CIE Lab, 0 to 100, [N, H, W, 1], and gives ab, [N, H, W, 2], H and W rounded up to
    multiples of 8; or the probabilities of the bins, [N, H/4, W/4, 313].

    model   "eccv16", or a model file with its weights
    target  ends with .keras, .h5 or .hdf5
    end     what it gives, "ab" or "class"
    """
    suffix = Path(target).suffix.lower()
    if suffix not in (".keras", ".h5", ".hdf5"):
        raise invalid(f"target is {str(target)!r}; its name must end with .keras, .h5 or .hdf5")
    from . import _keras

    _check(end)
    steps = steps_of(state_of(model), end)
    return _write(target, _keras.zipped(steps) if suffix == ".keras" else _keras.hdf5(steps))


def export_onnx(model: Name, target: Name, end: Literal["ab", "class"] = "ab") -> Path:
    """Makes an ONNX file, opset 18, of any size and number of pictures.

    It takes L of CIE Lab, 0 to 100, [N, 1, H, W], and gives ab, [N, 2, H, W], H and W rounded up to
    multiples of 8; or the probabilities of the bins, [N, 313, H/4, W/4].

    model  "eccv16", or a model file with its weights
    end    what it gives, "ab" or "class"
    """
    from . import _onnx

    _check(end)
    return _write(target, _onnx.file(steps_of(state_of(model), end)))


def _check(end: str) -> None:
    if end not in ("ab", "class"):
        raise invalid(f"end is {end!r}; it must be 'ab' or 'class'")


def _write(target: Name, content: bytes) -> Path:
    from ..demo import written

    path = Path(target)
    with written(path) as file:
        file.write(content)
    return path

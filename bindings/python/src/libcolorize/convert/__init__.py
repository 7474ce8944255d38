"""Reads the files of Keras, ONNX and Caffe, and writes those of the first two.

    from libcolorize import convert

    model = convert.open("colorizer.h5")          # or .keras, .onnx
    model.colorize(gray)
    convert.to_safetensors("colorizer.h5", "colorizer.safetensors")
    convert.export_keras("eccv16", "eccv16.keras")
    convert.export_onnx("eccv16", "eccv16.onnx")

The network is eccv16, as its authors released it for PyTorch, or, in ONNX's files, siggraph17, with
or without its bins; any other is refused, and the first difference is named. None of the frameworks
is needed to run this: Keras's files are read with h5py, ONNX's with onnx, Caffe's with protobuf,
which pip install 'libcolorize[convert]' brings.

Networks may begin with (L - 50) / 100, or be given that. They end with ab, at a quarter of the size
or enlarged, times 110 or not; or with the 313 bins, with or without their softmax. The second kind
is decoded with the library's bins.

Caffe's files are those of the paper's release: colorization_release_v*.caffemodel, with the
colorization_deploy_v*.prototxt beside it, as in open("release.caffemodel", "deploy.prototxt"). They
take L - 50, and multiply the values before the softmax by 2.606, 1 / 0.38; both go into weights
here. The colors of the bins are not in these files.

ideepcolor's model for local hints, model.caffemodel with the deploy_nodist.prototxt of its
reference_model, is siggraph17 without bins, whose ab are of up to 100 instead of 110: the network
"ideepcolor" of model files. It takes hints, and makes no suggestions.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Union

from .._calls import invalid
from ..colorizers._state_dict import model_file
from ..model import Model
from ._chain import ConvertError, match, steps_of
from ._state import State, state_of

__all__ = ["ConvertError", "export_keras", "export_onnx", "open", "read", "to_safetensors"]

Name = Union[str, "os.PathLike[str]"]


def read(path: Name, prototxt: Name | None = None) -> State:
    """The weights of a file, float32 by the names that the release for PyTorch gives them.

    path      .h5, .hdf5 or .keras of Keras, .onnx, or .caffemodel
    prototxt  for .caffemodel: the network's definition
    """
    return _read(path, prototxt)[1]


def _read(path: Name, prototxt: Name | None) -> tuple[str, State]:
    """The network of a file, and its weights."""
    suffix = Path(path).suffix.lower()
    steps: Any
    if (suffix == ".caffemodel") != (prototxt is not None):
        raise invalid(
            f"path is {str(path)!r} and prototxt is {prototxt!r}; "
            "a .caffemodel needs the .prototxt of its network, and no other file does"
        )
    if prototxt is not None:
        from . import _caffe

        definition, blobs = _caffe.load(path, prototxt)
        if _caffe.takes_hints(definition):
            return "ideepcolor", _caffe.local_hints(definition, blobs)
        return "eccv16", match(_caffe.steps(definition, blobs))
    if suffix in (".h5", ".hdf5", ".keras"):
        from . import _keras

        with _keras.opened(path) as steps:
            return "eccv16", match(steps)
    if suffix == ".onnx":
        from . import _onnx, _siggraph17

        graph = _onnx.Graph(path)
        if len(graph.inputs) == 3:
            return _siggraph17.read_onnx(graph)
        return "eccv16", match(graph.chain())
    raise invalid(
        f"path is {str(path)!r}; its name must end with .h5, .hdf5, .keras, .onnx or .caffemodel"
    )


def open(
    path: Name, prototxt: Name | None = None, *, plain_softmax_temperature: float | None = None
) -> Model:
    """A `Model` with the weights of a file, which `read` reads."""
    return Model.from_bytes(
        model_file(*_read(path, prototxt)), plain_softmax_temperature=plain_softmax_temperature
    )


def to_safetensors(source: Name, target: Name, prototxt: Name | None = None) -> Path:
    """Makes a model file of libcolorize's of a file that `read` reads."""
    return _write(target, bytes(model_file(*_read(source, prototxt))))


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
    _, state = state_of(model)
    steps = steps_of(state, end)
    return _write(target, _keras.zipped(steps) if suffix == ".keras" else _keras.hdf5(steps))


def export_onnx(model: Name, target: Name, end: Literal["ab", "class"] = "ab") -> Path:
    """Makes an ONNX file, opset 18, of any size and number of pictures.

    eccv16 takes L of CIE Lab, 0 to 100, [N, 1, H, W], and gives ab, [N, 2, H, W], H and W rounded
    up to multiples of 8; or the probabilities of the bins, [N, 313, H/4, W/4].

    siggraph17 takes lightness, the same; hints, ab, [N, 2, H, W], 0 where there is none; and mask,
    [N, 1, H, W], 1 where there is one; H and W are multiples of 8. It gives ab, [N, 2, H, W], and
    probabilities, [N, 529, H/4, W/4], whatever `end` is; siggraph17-ab and ideepcolor give ab.

    model  "eccv16", "siggraph17", or a model file with the weights of one of these networks
    end    what eccv16 gives, "ab" or "class"
    """
    from . import _onnx, _siggraph17

    _check(end)
    network, state = state_of(model, ("eccv16", *_siggraph17.AB_SCALES))
    if network != "eccv16":
        return _write(target, _siggraph17.file(network, state))
    return _write(target, _onnx.file(steps_of(state, end)))


def _check(end: str) -> None:
    if end not in ("ab", "class"):
        raise invalid(f"end is {end!r}; it must be 'ab' or 'class'")


def _write(target: Name, content: bytes) -> Path:
    from ..demo import written

    path = Path(target)
    with written(path) as file:
        file.write(content)
    return path

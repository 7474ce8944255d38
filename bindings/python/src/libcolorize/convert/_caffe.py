"""Caffe's files: a network's definition (.prototxt) and its weights (.caffemodel).

Two networks were released so: eccv16, which is a chain of layers, and ideepcolor's local hints,
which is siggraph17 but for its beginning and its end.

The schema below is our own: of Caffe's messages it has the fields that these need, with their
numbers in the files; others are passed over. A blob's numbers are packed, and therefore bytes that
are read at once: a file has 32 million of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from . import _siggraph17
from ._chain import AB_SCALE, L_SCALE, ConvertError, Step, checked
from ._siggraph17 import Node
from ._state import State

_LARGEST = 1 << 30
"""Bytes of a file; eccv16 has 130 MB of weights."""

_IDLE = ("Input", "Silence", "Dropout")

RECIPROCAL_TEMPERATURE = 2.606
"""What the release multiplies its logits by: 1 / 0.38. Where it is an input (v0), its scripts give
it this value.
"""

# Name, number and type of each field; "*" for those that are repeated, "=" for a default.
_SCHEMA = {
    "NetParameter": (
        "name 1 string",
        "layers 2 *V1LayerParameter",
        "input 3 *string",
        "input_dim 4 *int32",
        "input_shape 8 *BlobShape",
        "layer 100 *LayerParameter",
    ),
    "V1LayerParameter": ("name 4 string",),
    "BlobShape": ("dim 1 *int64 packed",),
    "BlobProto": (
        "num 1 int32",
        "channels 2 int32",
        "height 3 int32",
        "width 4 int32",
        "data 5 bytes",
        "shape 7 BlobShape",
        "double_data 8 bytes",
    ),
    "LayerParameter": (
        "name 1 string",
        "type 2 string",
        "bottom 3 *string",
        "top 4 *string",
        "blobs 7 *BlobProto",
        "convolution_param 106 ConvolutionParameter",
        "eltwise_param 110 EltwiseParameter",
        "power_param 122 PowerParameter",
        "relu_param 123 ReLUParameter",
        "softmax_param 125 SoftmaxParameter",
        "batch_norm_param 139 BatchNormParameter",
        "slice_param 126 SliceParameter",
        "scale_param 142 ScaleParameter",
        "input_param 143 InputParameter",
    ),
    "InputParameter": ("shape 1 *BlobShape",),
    "ConvolutionParameter": (
        "num_output 1 uint32",
        "bias_term 2 bool =true",
        "pad 3 *uint32",
        "kernel_size 4 *uint32",
        "group 5 uint32 =1",
        "stride 6 *uint32",
        "weight_filler 7 FillerParameter",
        "pad_h 9 uint32",
        "pad_w 10 uint32",
        "kernel_h 11 uint32",
        "kernel_w 12 uint32",
        "stride_h 13 uint32",
        "stride_w 14 uint32",
        "dilation 18 *uint32",
    ),
    "EltwiseParameter": ("operation 1 EltwiseOp =SUM", "coeff 2 *float"),
    "PowerParameter": ("power 1 float =1", "scale 2 float =1", "shift 3 float =0"),
    "ReLUParameter": ("negative_slope 1 float =0",),
    "SliceParameter": ("slice_dim 1 uint32 =1", "slice_point 2 *uint32", "axis 3 int32 =1"),
    "SoftmaxParameter": ("axis 2 int32 =1",),
    "BatchNormParameter": ("eps 3 float =1e-5",),
    "ScaleParameter": ("axis 1 int32 =1", "filler 3 FillerParameter", "bias_term 4 bool =false"),
    "FillerParameter": ("type 1 string =constant", "value 2 float =0"),
}
_ENUMS = {"EltwiseOp": ("PROD", "SUM", "MAX")}


@lru_cache(maxsize=1)
def messages() -> dict[str, Any]:
    """The classes of the schema's messages."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ModuleNotFoundError:
        raise ImportError(
            "Caffe's files need protobuf: pip install 'libcolorize[convert]'"
        ) from None
    file = descriptor_pb2.FileDescriptorProto(
        name="libcolorize/caffe.proto", package="libcolorize.caffe", syntax="proto2"
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, values in _ENUMS.items():
        enum = file.enum_type.add(name=name)
        for place, value in enumerate(values):
            enum.value.add(name=value, number=place)
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field in fields:
            own, number, kind, *rest = field.split()
            is_repeated, kind = kind.startswith("*"), kind.lstrip("*")
            added = message.field.add(
                name=own,
                number=int(number),
                label=kinds.LABEL_REPEATED if is_repeated else kinds.LABEL_OPTIONAL,
            )
            if kind in _SCHEMA or kind in _ENUMS:
                added.type = kinds.TYPE_MESSAGE if kind in _SCHEMA else kinds.TYPE_ENUM
                added.type_name = f".libcolorize.caffe.{kind}"
            else:
                added.type = getattr(kinds, f"TYPE_{kind.upper()}")
            for word in rest:
                if word == "packed":
                    added.options.packed = True
                else:
                    added.default_value = word[1:]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"libcolorize.caffe.{name}")
        )
        for name in _SCHEMA
    }


# ---- Reading -------------------------------------------------------------------------------------


Blobs = dict[str, list[Any]]


def load(model: str | os.PathLike[str], prototxt: str | os.PathLike[str]) -> tuple[Any, Blobs]:
    """A definition, and the weights of its layers by their names."""
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    definition, weights = messages()["NetParameter"](), messages()["NetParameter"]()
    try:
        text_format.Parse(Path(prototxt).read_text(), definition, allow_unknown_field=True)
    except (text_format.ParseError, UnicodeDecodeError) as problem:
        raise ConvertError(
            f"{os.fspath(prototxt)} is no definition of Caffe's: {problem}"
        ) from None
    size = os.path.getsize(model)
    if size > _LARGEST:
        raise ConvertError(f"{os.fspath(model)} is of {size} bytes; at most {_LARGEST} are read")
    try:
        weights.ParseFromString(Path(model).read_bytes())
    except DecodeError as problem:
        raise ConvertError(f"{os.fspath(model)} is no file of Caffe's: {problem}") from None
    if definition.layers or (weights.layers and not weights.layer):
        raise ConvertError(
            f"{os.fspath(prototxt if definition.layers else model)} is of Caffe's format before "
            "2014; Caffe's upgrade_net_proto_text and upgrade_net_proto_binary make it a new one"
        )
    return definition, {layer.name: list(layer.blobs) for layer in weights.layer}


def steps(definition: Any, blobs: Blobs) -> list[Step]:
    """The steps of a network that is a chain. It takes L - 50, and gives ab."""
    found = list(_chain(definition, blobs))
    # The release for PyTorch takes (L - 50) / 100 and gives ab / 110.
    convolutions = [step for step in found if step.kind == "convolution"]
    if convolutions:
        _scale_weights(convolutions[0], 1 / L_SCALE)
        if convolutions[-1].name == "class8_ab":
            _scale_weights(convolutions[-1], 1 / AB_SCALE)
    return found


def _scale_weights(step: Step, factor: float) -> None:
    read = step.tensors

    def scaled() -> dict[str, Any]:
        tensors = read()
        return {**tensors, "weight": tensors["weight"] * np.float32(factor)}

    step.tensors = scaled


def _inputs(definition: Any) -> list[str]:
    inputs = list(definition.input)
    for layer in definition.layer:
        if layer.type == "Input":
            inputs += layer.top
    if not inputs:
        raise ConvertError("the definition has no input; it must be the one for deployment")
    return inputs


def _chain(definition: Any, blobs: Blobs) -> Iterator[Step]:
    inputs = _inputs(definition)
    here = inputs[0]
    for layer in definition.layer:
        if layer.type in _IDLE:
            continue
        sources = list(layer.bottom)
        others = [name for name in sources if name != here]
        is_temperature = layer.type == "Eltwise" and len(others) == 1 and others[0] in inputs[1:]
        if len(sources) != 1 + is_temperature or here not in sources or len(layer.top) != 1:
            raise ConvertError(f"{layer.name} takes {sources}; eccv16 is a chain of layers")
        here = layer.top[0]
        yield _step(layer, blobs.get(layer.name, []))


def _step(layer: Any, blobs: list[Any]) -> Step:
    kind, name = layer.type, layer.name
    if kind in ("Convolution", "Deconvolution"):
        return _convolution(layer, blobs)
    if kind == "BatchNorm":
        if len(blobs) < 3:
            raise ConvertError(f"{name} has no weights")
        channels = (_size(blobs[0]),)

        def statistics() -> dict[str, Any]:
            mean, variance, total = (_values(blob) for blob in blobs[:3])
            # They are sums, of so many pictures.
            factor = 1 / float(total[0]) if total[0] else 0.0
            return {"running_mean": mean * factor, "running_var": variance * factor}

        return Step(
            "batch norm",
            name,
            {"epsilon": layer.batch_norm_param.eps},
            {"running_mean": channels, "running_var": channels},
            statistics,
        )
    if kind == "ReLU":
        slope = layer.relu_param.negative_slope
        return Step("leaky relu", name, {"slope": slope}) if slope else Step("relu", name)
    if kind == "TanH":
        return Step("tanh", name)
    if kind == "Softmax":
        axis = layer.softmax_param.axis
        return Step("softmax" if axis in (1, -3) else f"softmax of axis {axis}", name)
    if kind == "Scale":
        return _scale(layer, blobs)
    if kind == "Power" and layer.power_param.power == 1:
        given = layer.power_param
        return Step("affine", name, {"scale": given.scale, "offset": given.shift})
    if kind == "Eltwise":
        operation = _ENUMS["EltwiseOp"][layer.eltwise_param.operation]
        if operation == "PROD":
            return Step("affine", name, {"scale": RECIPROCAL_TEMPERATURE, "offset": 0.0})
        if operation == "SUM" and all(factor == 1 for factor in layer.eltwise_param.coeff):
            return Step("addition", name)
    return Step(kind, name)


def _scale(layer: Any, blobs: list[Any]) -> Step:
    """One number for all channels: the file's, or what the definition fills it with."""
    given = layer.scale_param
    if blobs:
        values = np.unique(_values(blobs[0]))
    else:
        is_known = given.filler.type == "constant"
        filled = given.filler.value if given.HasField("filler") else 1.0
        values = np.array([filled] if is_known else [])
    if given.bias_term or len(values) != 1:
        return Step("Scale with a number for each channel", layer.name)
    return Step("affine", layer.name, {"scale": float(values[0]), "offset": 0.0})


def _convolution(layer: Any, blobs: list[Any]) -> Step:
    given, name = layer.convolution_param, layer.name
    is_transposed = layer.type == "Deconvolution"
    kernel = _one(given.kernel_size, given.kernel_h, given.kernel_w, 1)
    settings = {
        "stride": _one(given.stride, given.stride_h, given.stride_w, 1),
        "padding": _one(given.pad, given.pad_h, given.pad_w, 0),
    }
    dilation = _one(given.dilation, 0, 0, 1)
    if given.group != 1:
        is_sparse = (kernel, settings["padding"]) == (1, 0) and not given.bias_term
        if not is_transposed and is_sparse and _are_ones(given, blobs):
            stride = settings["stride"]
            return Step("every other pixel", name, {"steps": {2: stride, 3: stride}})
        return Step(f"{layer.type} with {given.group} groups", name)
    if not is_transposed:
        settings["dilation"] = dilation
    elif dilation != 1:
        return Step(f"Deconvolution with dilation {dilation}", name)
    keys = ["weight", "bias"] if given.bias_term else ["weight"]
    if name == "class8_ab" and not _are_bins(blobs):
        # Scripts put the bins' colors there when they have loaded the network.
        shape = (given.num_output, 0, kernel, kernel)
        return Step("convolution without weights", name, settings, {"weight": shape})
    if len(blobs) < len(keys):
        raise ConvertError(f"{name} has no weights")
    known = dict(zip(keys, blobs))
    shapes = {"weight": _shape(known["weight"], 4)}
    if "bias" in known:
        shapes["bias"] = (_size(known["bias"]),)
    return Step(
        "transposed convolution" if is_transposed else "convolution",
        name,
        settings,
        shapes,
        lambda: {key: _values(blob).reshape(shapes[key]) for key, blob in known.items()},
    )


def _are_ones(given: Any, blobs: list[Any]) -> bool:
    """Whether a convolution of each channel by itself leaves values as they are."""
    if given.group != given.num_output:
        return False
    if blobs:
        return bool(np.all(_values(blobs[0]) == 1))
    return bool(given.weight_filler.type == "constant" and given.weight_filler.value == 1)


def _are_bins(blobs: list[Any]) -> bool:
    """Whether weights are the colors of bins, which lie on a grid of tens."""
    if not blobs:
        return False
    tens = _values(blobs[0]) / 10
    return bool(np.any(tens) and np.abs(tens - np.rint(tens)).max() < 1e-3)


def _one(values: Any, height: int, width: int, default: int) -> Any:
    """A number that is the same in both directions."""
    numbers = [int(value) for value in values] or [height or default, width or default]
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)


def _shape(blob: Any, rank: int) -> tuple[int, ...]:
    dims = tuple(blob.shape.dim) or (blob.num, blob.channels, blob.height, blob.width)
    return tuple(int(side) for side in dims[-rank:])


def _size(blob: Any) -> int:
    return len(blob.data) // 4 or len(blob.double_data) // 8


def _values(blob: Any) -> Any:
    if len(blob.data) % 4 or len(blob.double_data) % 8:
        raise ConvertError("a blob ends within a number")
    values = np.frombuffer(blob.data, "<f4").astype(np.float32)
    if blob.double_data:
        values = np.frombuffer(blob.double_data, "<f8").astype(np.float32)
    expected = int(np.prod(_shape(blob, 8), dtype=np.int64))
    if len(values) != expected:
        raise ConvertError(f"a blob of shape {_shape(blob, 8)} has {len(values)} numbers")
    return values


# ---- ideepcolor ----------------------------------------------------------------------------------


def takes_hints(definition: Any) -> bool:
    """Whether the input has four planes: L - 50, ab of hints, and their mask, 110 where one is."""
    shapes = [list(shape.dim) for shape in definition.input_shape]
    for layer in definition.layer:
        shapes += [list(shape.dim) for shape in layer.input_param.shape]
    return [*shapes, list(definition.input_dim), []][0][1:2] == [4]


def local_hints(definition: Any, blobs: Blobs) -> State:
    """The weights of ideepcolor's local hints, by the names of the release for PyTorch."""
    graph = _Graph(definition, blobs)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ConvertError(
            f"the network has the inputs {graph.inputs} and the outputs {graph.outputs}; "
            "ideepcolor's local hints have one of each, as in deploy_nodist.prototxt"
        )
    planes = Node("input", name=graph.inputs[0])
    parts = [
        _siggraph17.convolution(
            Node("slice", (planes,), "", {"part": number, "at": [1]}), name, weight=shape
        )
        for number, (name, shape) in enumerate(
            [("bw_conv1_1", (64, 1, 3, 3)), ("ab_conv1_1", (64, 3, 3, 3))]
        )
    ]
    comparison = _siggraph17.Comparison(graph, "ideepcolor")
    (ab,) = _siggraph17.network("ideepcolor", Node("addition", tuple(parts)))
    comparison.compare(ab, graph.outputs[0])
    state = comparison.state
    # The release for PyTorch takes (L - 50) / 100, ab / 110 and a mask of 1, in one convolution.
    scaled = [
        state.pop(f"{part.name}.weight") * np.float32(scale)
        for part, scale in zip(parts, (1 / L_SCALE, AB_SCALE))
    ]
    state["model1.0.weight"] = np.concatenate(scaled, axis=1)
    state["model1.0.bias"] = sum(state.pop(f"{part.name}.bias") for part in parts)
    return checked(state)


class _Graph:
    """A definition as a graph. A value is named after its layer: tops are written to again."""

    def __init__(self, definition: Any, blobs: Blobs) -> None:
        self.inputs = _inputs(definition)
        self._blobs = blobs
        self._origins: dict[str, tuple[Any, list[str], int]] = {}
        # The value that is under the name of a top now.
        here = {name: name for name in self.inputs}
        unused = dict.fromkeys(self.inputs)
        for layer in definition.layer:
            if layer.type in _IDLE:
                continue
            missing = [name for name in layer.bottom if name not in here]
            if missing:
                raise ConvertError(f"{layer.name} takes {missing[0]}, which is not there yet")
            sources = [here[name] for name in layer.bottom]
            for name in sources:
                unused.pop(name, None)
            for part, top in enumerate(layer.top):
                value = layer.name if len(layer.top) == 1 else top
                if value in self._origins or value in self.inputs:
                    value = f"{value}, {layer.type}"
                self._origins[value] = (layer, sources, part)
                here[top] = value
                unused[value] = None
        self.outputs = list(unused)

    def origin(self, name: str) -> tuple[Step, list[str]]:
        """What gives a value, and the values that it takes."""
        if name not in self._origins:
            return Step("input", name), []
        layer, sources, part = self._origins[name]
        if layer.type == "Slice":
            given = layer.slice_param
            is_planes = given.axis == given.slice_dim == 1
            settings = {"part": part, "at": list(given.slice_point)}
            return Step("slice" if is_planes else "slice of another axis", name, settings), sources
        return _step(layer, self._blobs.get(layer.name, [])), list(sources)

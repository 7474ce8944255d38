"""ONNX: what is written here, and what torch.onnx makes of the release's definition."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..colorizers._state_dict import SHAPES
from ._chain import EPSILON, ConvertError, Step

_OPSET = 18
_IR_VERSION = 8
"""The first that has opset 18."""
_IDLE = ("Identity", "Dropout", "Cast")


def package() -> Any:
    try:
        import onnx
    except ModuleNotFoundError:
        raise ImportError("ONNX's files need onnx: pip install 'libcolorize[convert]'") from None
    return onnx


# ---- Reading -------------------------------------------------------------------------------------


class Graph:
    """A file's graph, by its values' names."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._onnx = package()
        from google.protobuf.message import DecodeError

        try:
            graph = self._onnx.load(os.fspath(path)).graph
        except DecodeError as problem:
            raise ConvertError(f"{os.fspath(path)} is no file of ONNX's: {problem}") from None
        self._constants = {item.name: item for item in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self._constants[node.output[0]] = node.attribute[0].t
            elif node.op_type == "Identity" and node.input[0] in self._constants:
                # Equal weights are kept once.
                self._constants[node.output[0]] = self._constants[node.input[0]]
        self.nodes = [
            node for node in graph.node if not all(name in self._constants for name in node.output)
        ]
        self._producers = {name: node for node in self.nodes for name in node.output}
        self.inputs = [item.name for item in graph.input if item.name not in self._constants]
        self.outputs = [item.name for item in graph.output]

    def _value(self, name: str) -> Any:
        return self._onnx.numpy_helper.to_array(self._constants[name])

    def _flowing(self, node: Any) -> list[str]:
        """What a node takes that is no constant."""
        return [name for name in node.input if name and name not in self._constants]

    def _step(self, node: Any) -> Step:
        return _step(self._onnx, node, self._constants, self._value)

    def origin(self, name: str) -> tuple[Step, list[str]]:
        """What gives a value, and the values that it takes."""
        node = self._producers.get(name)
        if node is None:
            return Step("input", name), []
        sources = self._flowing(node)
        return self.origin(sources[0]) if node.op_type in _IDLE else (self._step(node), sources)

    def chain(self) -> list[Step]:
        """The steps of a network that is a chain."""
        return list(self._chain())

    def _chain(self) -> Iterator[Step]:
        if len(self.inputs) != 1:
            raise ConvertError(
                f"the network has {len(self.inputs)} inputs; eccv16 has one, siggraph17 three"
            )
        here = self.inputs[0]
        for node in self.nodes:
            flowing = self._flowing(node)
            if flowing != [here]:
                raise ConvertError(
                    f"{node.name or node.op_type} takes {flowing}; eccv16 is a chain of operations"
                )
            here = node.output[0]
            if node.op_type not in _IDLE:
                yield self._step(node)


def _step(onnx: Any, node: Any, constants: dict[str, Any], value: Any) -> Step:
    kind, name = node.op_type, node.name or node.op_type
    given = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    weights = [item for item in node.input[1:] if item in constants]

    def shapes(*keys: str) -> dict[str, tuple[int, ...]]:
        return {key: tuple(constants[item].dims) for key, item in zip(keys, weights)}

    def tensors(*keys: str) -> Any:
        return lambda: {key: value(item) for key, item in zip(keys, weights)}

    if kind in ("Conv", "ConvTranspose"):
        if given.get("group", 1) != 1 or given.get("auto_pad", b"NOTSET") != b"NOTSET":
            return Step(f"{kind} with groups or auto_pad", name)
        settings = {
            "stride": _one(given.get("strides", [1])),
            "dilation": _one(given.get("dilations", [1])),
            "padding": _one(given.get("pads", [0])),
        }
        if kind == "ConvTranspose" and (
            settings.pop("dilation") != 1 or any(given.get("output_padding", [0]))
        ):
            return Step("ConvTranspose with dilation or output_padding", name)
        word = "convolution" if kind == "Conv" else "transposed convolution"
        return Step(word, name, settings, shapes("weight", "bias"), tensors("weight", "bias"))
    if kind == "BatchNormalization":
        keys = ("weight", "bias", "running_mean", "running_var")
        return Step(
            "batch norm",
            name,
            {"epsilon": given.get("epsilon", 1e-5)},
            shapes(*keys),
            tensors(*keys),
        )
    if kind == "Relu":
        return Step("relu", name)
    if kind == "Softmax":
        return Step(
            "softmax" if given.get("axis", -1) in (1, -3) else "softmax of another axis", name
        )
    if kind == "Slice":
        return _slice(name, node, constants, value)
    if kind == "LeakyRelu":
        return Step("leaky relu", name, {"slope": given.get("alpha", 0.01)})
    if kind == "Tanh":
        return Step("tanh", name)
    if kind == "Concat" and given.get("axis") in (1, -3):
        return Step("concatenation", name)
    if kind == "Add" and not weights and node.input[0] not in constants:
        return Step("addition", name)
    if kind == "Resize":
        return _resize(name, given, node, constants, value)
    if kind in ("Add", "Sub", "Mul", "Div") and len(weights) == 1 and node.input[1] in constants:
        numbers = value(node.input[1])
        if numbers.size == 1:
            number = float(numbers.ravel()[0])
            scale = {"Mul": number, "Div": 1 / number if number else np.inf}.get(kind, 1.0)
            offset = {"Add": number, "Sub": -number}.get(kind, 0.0)
            return Step("affine", name, {"scale": scale, "offset": offset})
    if kind == "Mul" and node.input[0] in constants and value(node.input[0]).size == 1:
        scale = float(value(node.input[0]).ravel()[0])
        return Step("affine", name, {"scale": scale, "offset": 0.0})
    return Step(kind, name)


def _slice(name: str, node: Any, constants: dict[str, Any], value: Any) -> Step:
    """Every other pixel is a slice of each side, or of both at once."""
    given = node.input[1:]
    if len(given) != 4 or any(item not in constants for item in given):
        return Step("Slice of a size", name)
    starts, ends, axes, steps = (np.ravel(value(item)).tolist() for item in given)
    if any(starts) or any(end < np.iinfo(np.int32).max for end in ends):
        return Step("Slice of a part", name)
    found = {axis % 4: step for axis, step in zip(axes, steps) if step != 1}
    return Step("every other pixel", name, {"steps": found})


def _resize(
    name: str, given: dict[str, Any], node: Any, constants: dict[str, Any], value: Any
) -> Step:
    scales = value(node.input[2]) if len(node.input) > 2 and node.input[2] in constants else ()
    is_bilinear = given.get("mode") == b"linear" and given.get(
        "coordinate_transformation_mode", b"half_pixel"
    ) in (b"half_pixel", b"pytorch_half_pixel")
    factor = _one([float(scale) for scale in scales[2:]]) if len(scales) == 4 else "of a size"
    interpolation = "bilinear" if is_bilinear else str(given.get("mode", b"nearest"))
    return Step("upsampling", name, {"factor": factor, "interpolation": interpolation})


def _one(values: Any) -> Any:
    numbers = list(values)
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)


# ---- Writing -------------------------------------------------------------------------------------


def file(steps: list[Step]) -> bytes:
    """The content of a file of these steps."""
    onnx = package()
    make = onnx.helper.make_node
    nodes, constants = [], []

    def constant(name: str, values: Any) -> str:
        constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    here = "lightness"
    for number, step in enumerate(steps):
        name = step.name or f"relu{number}"
        out = name if number < len(steps) - 1 else "result"
        weights = [constant(f"{name}.{key}", values) for key, values in step.tensors().items()]
        padding = step.settings.get("padding", 0)
        if step.kind == "affine":
            scale, offset = (np.float32(step.settings[key]) for key in ("scale", "offset"))
            scaled = f"{name}.scaled" if offset else out
            nodes.append(make("Mul", [here, constant(f"{name}.scale", scale)], [scaled]))
            if offset:
                nodes.append(make("Add", [scaled, constant(f"{name}.offset", offset)], [out]))
        elif step.kind in ("convolution", "transposed convolution"):
            stride = step.settings["stride"]
            side = step.shapes["weight"][2]
            operator = "Conv" if step.kind == "convolution" else "ConvTranspose"
            nodes.append(
                make(
                    operator,
                    [here, *weights],
                    [out],
                    name=name,
                    kernel_shape=[side, side],
                    strides=[stride, stride],
                    dilations=2 * [step.settings.get("dilation", 1)],
                    pads=4 * [padding],
                )
            )
        elif step.kind == "batch norm":
            nodes.append(
                make("BatchNormalization", [here, *weights], [out], name=name, epsilon=EPSILON)
            )
        elif step.kind == "relu":
            nodes.append(make("Relu", [here], [out], name=name))
        elif step.kind == "softmax":
            nodes.append(make("Softmax", [here], [out], name=name, axis=1))
        else:
            scales = constant(f"{name}.scales", np.float32([1, 1, 4, 4]))
            nodes.append(make("Resize", [here, "", scales], [out], name=name, mode="linear"))
        here = out
    ends_with_bins = steps[-1].kind == "softmax"
    planes = SHAPES["eccv16"]["model8.6.bias"][0] if ends_with_bins else 2
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "eccv16",
        [tensor("lightness", onnx.TensorProto.FLOAT, ["N", 1, "H", "W"])],
        [tensor("result", onnx.TensorProto.FLOAT, ["N", planes, None, None])],
        constants,
    )
    return content(graph)


def content(graph: Any) -> bytes:
    """A file of a graph."""
    onnx = package()
    model = onnx.helper.make_model(
        graph,
        producer_name="libcolorize",
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model)
    result: bytes = model.SerializeToString(deterministic=True)
    return result

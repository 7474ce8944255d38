"""siggraph17 as a graph of operations, written as ONNX, and ONNX graphs compared with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..colorizers._state_dict import SHAPES
from . import _onnx
from ._chain import (
    AB_SCALE,
    EPSILON,
    L_OFFSET,
    L_SCALE,
    ConvertError,
    Step,
    checked,
    is_affine,
    release_tensors,
)
from ._state import State

_NETWORK = "siggraph17"
_SLOPE = 0.2


@dataclass(eq=False)
class Node:
    """A value, and the operation that it comes from."""

    kind: str
    """As of `Step`, or "input", "concatenation", "addition", "every other pixel", "leaky relu",
    "tanh"."""
    inputs: tuple[Node, ...] = ()
    name: str = ""
    """Of its tensors in the release, or of an input."""
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shapes = {key: SHAPES[_NETWORK][f"{self.name}.{key}"] for key in _keys(self.kind)}
        return str(Step(self.kind, self.name, self.settings, shapes))


def _keys(kind: str) -> tuple[str, ...]:
    if kind == "batch norm":
        return ("weight", "bias", "running_mean", "running_var")
    return ("weight", "bias") if kind.endswith("convolution") else ()


def network() -> tuple[Node, Node]:
    """ab, and the probabilities of the bins."""

    def convolution(x: Node, name: str, dilation: int = 1) -> Node:
        kernel = SHAPES[_NETWORK][f"{name}.weight"][2]
        padding = dilation * (kernel - 1) // 2
        settings = {"stride": 1, "dilation": dilation, "padding": padding}
        return Node("convolution", (x,), name, settings)

    def relu(x: Node) -> Node:
        return Node("relu", (x,))

    def norm(x: Node, name: str) -> Node:
        return Node("batch norm", (x,), name)

    def block(x: Node, number: int, count: int, dilation: int = 1) -> Node:
        for index in range(count):
            x = relu(convolution(x, f"model{number}.{2 * index}", dilation))
        return norm(x, f"model{number}.{2 * count}")

    def halved(x: Node) -> Node:
        return Node("every other pixel", (x,))

    def combined(x: Node, up: str, short: Node, name: str) -> Node:
        larger = Node("transposed convolution", (x,), up, {"stride": 2, "padding": 1})
        return relu(Node("addition", (larger, convolution(short, name))))

    lightness, hints, mask = (Node("input", name=name) for name in ("lightness", "hints", "mask"))
    x1 = Node(
        "concatenation",
        (
            Node("affine", (lightness,), "", {"scale": L_SCALE, "offset": L_OFFSET}),
            Node("affine", (hints,), "", {"scale": 1 / AB_SCALE, "offset": 0.0}),
            mask,
        ),
    )
    x1 = block(x1, 1, 2)
    x2 = block(halved(x1), 2, 2)
    x3 = block(halved(x2), 3, 3)
    x = block(halved(x3), 4, 3)
    x = block(block(x, 5, 3, 2), 6, 3, 2)
    x = combined(block(x, 7, 3), "model8up.0", x3, "model3short8.0")
    x = relu(convolution(relu(convolution(x, "model8.1")), "model8.3"))
    x = norm(x, "model8.5")
    classes = Node("softmax", (convolution(x, "model_class.0"),))
    x = combined(x, "model9up.0", x2, "model2short9.0")
    x = norm(relu(convolution(x, "model9.1")), "model9.3")
    x = combined(x, "model10up.0", x1, "model1short10.0")
    x = Node("leaky relu", (convolution(x, "model10.1"),), "", {"slope": _SLOPE})
    x = Node("tanh", (convolution(x, "model_out.0"),))
    return Node("affine", (x,), "", {"scale": AB_SCALE, "offset": 0.0}), classes


# ---- Writing -------------------------------------------------------------------------------------


def file(state: State) -> bytes:
    """The content of an ONNX file, which gives ab and the bins' probabilities."""
    onnx = _onnx.package()
    make, numpy_helper = onnx.helper.make_node, onnx.numpy_helper
    nodes: list[Any] = []
    constants: list[Any] = []
    names: dict[Node, str] = {}

    def constant(name: str, values: Any) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def written(node: Node, result: str = "") -> str:
        if node in names:
            return names[node]
        sources = [written(source) for source in node.inputs]
        name = node.name or f"{node.kind.replace(' ', '_')}{len(names)}"
        out = names[node] = result or name
        weights = [constant(f"{name}.{key}", state[f"{name}.{key}"]) for key in _keys(node.kind)]
        given = node.settings
        if node.kind == "affine":
            scale, offset = (np.float32(given[key]) for key in ("scale", "offset"))
            scaled = f"{name}.scaled" if offset else out
            nodes.append(make("Mul", [*sources, constant(f"{name}.scale", scale)], [scaled]))
            if offset:
                nodes.append(make("Add", [scaled, constant(f"{name}.offset", offset)], [out]))
        elif node.kind.endswith("convolution"):
            side = SHAPES[_NETWORK][f"{name}.weight"][2]
            operator = "Conv" if node.kind == "convolution" else "ConvTranspose"
            nodes.append(
                make(
                    operator, [*sources, *weights], [out], name=name,
                    kernel_shape=[side, side], strides=2 * [given["stride"]],
                    dilations=2 * [given.get("dilation", 1)], pads=4 * [given["padding"]],
                )
            )  # fmt: skip
        elif node.kind == "every other pixel":
            starts, ends = np.zeros(2, np.int64), np.full(2, np.iinfo(np.int64).max)
            words: dict[str, Any] = {
                "starts": starts,
                "ends": ends,
                "axes": [2, 3],
                "steps": [2, 2],
            }
            slices = [constant(f"{name}.{key}", np.int64(value)) for key, value in words.items()]
            nodes.append(make("Slice", [*sources, *slices], [out], name=name))
        elif node.kind != "input":
            known: dict[str, tuple[str, dict[str, Any]]] = {
                "concatenation": ("Concat", {"axis": 1}),
                "addition": ("Add", {}),
                "relu": ("Relu", {}),
                "leaky relu": ("LeakyRelu", {"alpha": _SLOPE}),
                "tanh": ("Tanh", {}),
                "softmax": ("Softmax", {"axis": 1}),
                "batch norm": ("BatchNormalization", {"epsilon": EPSILON}),
            }
            operator, attributes = known[node.kind]
            nodes.append(make(operator, [*sources, *weights], [out], name=name, **attributes))
        return out

    ab, classes = network()
    written(ab, "ab")
    written(classes, "probabilities")
    kind, tensor = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
    bins = SHAPES[_NETWORK]["model_class.0.bias"][0]
    graph = onnx.helper.make_graph(
        nodes,
        _NETWORK,
        [
            tensor(name, kind, ["N", planes, "H", "W"])
            for name, planes in (("lightness", 1), ("hints", 2), ("mask", 1))
        ],
        [
            tensor("ab", kind, ["N", 2, "H", "W"]),
            tensor("probabilities", kind, ["N", bins, None, None]),
        ],
        constants,
    )
    return _onnx.content(graph)


# ---- Reading -------------------------------------------------------------------------------------


def match(graph: _onnx.Graph) -> State:
    """The weights of a graph that is siggraph17. ConvertError names the first difference."""
    return _Match(graph).state


class _Match:
    def __init__(self, graph: _onnx.Graph) -> None:
        self._graph = graph
        self._seen: dict[Node, str] = {}
        self.state: State = {}
        ab, classes = network()
        outputs = list(graph.outputs)
        if len(outputs) != 2:
            raise ConvertError(
                f"the network has {len(outputs)} outputs; siggraph17 has two, ab and the values or "
                "probabilities of the bins, which the release gives with its model_class"
            )
        # In any order: the bins' values come of a convolution or a softmax, ab of a tanh.
        is_first = [self._ends_with_tanh(name) for name in outputs]
        if is_first == [False, True]:
            outputs.reverse()
        self._compare(ab, outputs[0])
        step, _ = self._step(outputs[1])
        self._compare(classes if step.kind == "softmax" else classes.inputs[0], outputs[1])
        checked(self.state)

    def _ends_with_tanh(self, name: str) -> bool:
        step, sources = self._step(name)
        if step.kind == "affine":
            step, _ = self._step(sources[0])
        return step.kind == "tanh"

    def _step(self, name: str) -> tuple[Step, list[str]]:
        """What gives a value, and the values that it takes."""
        node = self._graph.producers.get(name)
        if node is None:
            return Step("input", name), []
        sources = self._graph.flowing(node)
        if node.op_type in _onnx.IDLE:
            return self._step(sources[0])
        step = self._graph.step(node)
        if step.kind == "affine":
            before, others = self._step(sources[0])
            if before.kind == "affine":
                first, second = before.settings, step.settings
                step.settings = {
                    "scale": first["scale"] * second["scale"],
                    "offset": first["offset"] * second["scale"] + second["offset"],
                }
                sources = others
        elif step.kind == "every other pixel" and step.settings["steps"] == {}:
            return self._step(sources[0])
        elif step.kind == "every other pixel" and step.settings["steps"] != {2: 2, 3: 2}:
            before, others = self._step(sources[0])
            if before.kind == "every other pixel":
                step.settings = {"steps": {**before.settings["steps"], **step.settings["steps"]}}
                sources = others
        return step, sources

    def _compare(self, wanted: Node, name: str) -> None:
        step, sources = self._step(name)
        if wanted.kind == "input":
            if step.kind != "input":
                raise ConvertError(f"{name} is a {step}; siggraph17 has its input {wanted.name}")
            return
        place = f" ({wanted.name})" if wanted.name else ""
        shapes = {key: SHAPES[_NETWORK][f"{wanted.name}.{key}"] for key in _keys(wanted.kind)}
        if (
            step.kind != wanted.kind
            or len(sources) != len(wanted.inputs)
            or not self._is_alike(step, wanted)
            or step.shapes != shapes
        ):
            raise ConvertError(f"{name} is a {step}; siggraph17 has a {wanted}{place} there")
        if wanted in self._seen:
            if self._seen[wanted] != name:
                raise ConvertError(f"{name} takes the place of {self._seen[wanted]}{place}")
            return
        self._seen[wanted] = name
        if shapes:
            tensors = release_tensors(_NETWORK, wanted.name, step)
            self.state.update({f"{wanted.name}.{key}": tensors[key] for key in tensors})
        if wanted.kind == "addition" and self._step(sources[0])[0].kind == "convolution":
            sources.reverse()
        for source, value in zip(wanted.inputs, sources):
            self._compare(source, value)

    def _is_alike(self, step: Step, wanted: Node) -> bool:
        if wanted.kind == "affine":
            return is_affine(step, wanted.settings["scale"], wanted.settings["offset"])
        if wanted.kind == "every other pixel":
            return bool(step.settings["steps"] == {2: 2, 3: 2})
        if wanted.kind == "leaky relu":
            return bool(abs(step.settings["slope"] - _SLOPE) < 1e-6)
        return all(step.settings.get(key) == value for key, value in wanted.settings.items())

"""siggraph17 and its kin as graphs of operations: written as ONNX, and compared with other graphs.

"siggraph17"     ab, and the values of its bins
"siggraph17-ab"  ab alone, which is what the released class computes
"ideepcolor"     the release for Caffe: ab alone, of up to 100
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

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

AB_SCALES = {"siggraph17": AB_SCALE, "siggraph17-ab": AB_SCALE, "ideepcolor": 100.0}
_SHAPES = SHAPES["siggraph17"]
_SLOPE = 0.2


class Graph(Protocol):
    """A network of another framework's, by its values' names."""

    outputs: list[str]

    def origin(self, name: str) -> tuple[Step, list[str]]:
        """What gives a value, and the values that it takes."""


@dataclass(eq=False)
class Node:
    """A value, and the operation that it comes from."""

    kind: str
    """As of `Step`, or "input", "slice", "concatenation", "addition", "every other pixel",
    "leaky relu", "tanh"."""
    inputs: tuple[Node, ...] = ()
    name: str = ""
    """Of its tensors in the release, or of an input."""
    settings: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        return Step(self.kind, self.name, self.settings, self.shapes).shown


def convolution(
    x: Node, name: str, dilation: int = 1, weight: tuple[int, ...] | None = None
) -> Node:
    """A convolution that keeps the size, with the weights of the release or of another shape."""
    shape = weight or _SHAPES[f"{name}.weight"]
    padding = dilation * (shape[2] - 1) // 2
    settings = {"stride": 1, "dilation": dilation, "padding": padding}
    return Node("convolution", (x,), name, settings, {"weight": shape, "bias": shape[:1]})


def relu(x: Node) -> Node:
    return Node("relu", (x,))


def _three_inputs() -> Node:
    """model1's first convolution, of L and of the ab and the mask of hints."""
    lightness, hints, mask = (Node("input", name=name) for name in ("lightness", "hints", "mask"))
    normalized = (
        Node("affine", (lightness,), "", {"scale": L_SCALE, "offset": L_OFFSET}),
        Node("affine", (hints,), "", {"scale": 1 / AB_SCALE, "offset": 0.0}),
        mask,
    )
    return convolution(Node("concatenation", normalized), "model1.0")


def network(architecture: str, beginning: Node | None = None) -> tuple[Node, ...]:
    """ab, and, of siggraph17, the probabilities of the bins.

    beginning  model1's first convolution, if it is another one
    """

    def norm(x: Node, name: str) -> Node:
        keys = ("weight", "bias", "running_mean", "running_var")
        return Node("batch norm", (x,), name, {}, {key: _SHAPES[f"{name}.{key}"] for key in keys})

    def rest(x: Node, number: int, count: int, dilation: int = 1) -> Node:
        """A block from its first ReLU on."""
        for index in range(1, count):
            x = convolution(relu(x), f"model{number}.{2 * index}", dilation)
        return norm(relu(x), f"model{number}.{2 * count}")

    def block(x: Node, number: int, count: int, dilation: int = 1) -> Node:
        return rest(convolution(x, f"model{number}.0", dilation), number, count, dilation)

    def halved(x: Node) -> Node:
        return Node("every other pixel", (x,))

    def combined(x: Node, up: str, short: Node, name: str) -> Node:
        shapes = {key: _SHAPES[f"{up}.{key}"] for key in ("weight", "bias")}
        larger = Node("transposed convolution", (x,), up, {"stride": 2, "padding": 1}, shapes)
        return relu(Node("addition", (larger, convolution(short, name))))

    x1 = rest(beginning or _three_inputs(), 1, 2)
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
    ab = Node("affine", (x,), "", {"scale": AB_SCALES[architecture], "offset": 0.0})
    return (ab, classes) if architecture == "siggraph17" else (ab,)


# ---- Writing -------------------------------------------------------------------------------------


def file(architecture: str, state: State) -> bytes:
    """The content of an ONNX file, which gives ab and, of siggraph17, the bins' probabilities."""
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
        weights = [constant(f"{name}.{key}", state[f"{name}.{key}"]) for key in node.shapes]
        given = node.settings
        if node.kind == "affine":
            scale, offset = (np.float32(given[key]) for key in ("scale", "offset"))
            scaled = f"{name}.scaled" if offset else out
            nodes.append(make("Mul", [*sources, constant(f"{name}.scale", scale)], [scaled]))
            if offset:
                nodes.append(make("Add", [scaled, constant(f"{name}.offset", offset)], [out]))
        elif node.kind.endswith("convolution"):
            side = node.shapes["weight"][2]
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

    bins = _SHAPES["model_class.0.bias"][0]
    sizes = {"ab": (2, "H", "W"), "probabilities": (bins, None, None)}
    ends = list(zip(network(architecture), sizes))
    for node, name in ends:
        written(node, name)
    kind, tensor = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        architecture,
        [
            tensor(name, kind, ["N", planes, "H", "W"])
            for name, planes in (("lightness", 1), ("hints", 2), ("mask", 1))
        ],
        [tensor(name, kind, ["N", *sizes[name]]) for _, name in ends],
        constants,
    )
    return _onnx.content(graph)


# ---- Reading -------------------------------------------------------------------------------------


def read_onnx(graph: _onnx.Graph) -> tuple[str, State]:
    """The network that a graph of three inputs is, and its weights.

    ConvertError names the first difference.
    """
    outputs = list(graph.outputs)
    if len(outputs) > 2:
        raise ConvertError(
            f"the network has {len(outputs)} outputs; siggraph17 has ab, and may have the values "
            "or probabilities of its bins"
        )
    comparison = Comparison(graph, "")
    # In any order: the bins' values come of a convolution or a softmax, ab of a tanh.
    if len(outputs) == 2 and comparison.is_ab(outputs[1]):
        outputs.reverse()
    end, _ = comparison.step(outputs[0])
    is_ideepcolor = end.kind == "affine" and is_affine(end, AB_SCALES["ideepcolor"], 0)
    architecture = "ideepcolor" if is_ideepcolor else "siggraph17-ab"
    if len(outputs) == 2:
        architecture = "siggraph17"
    comparison.architecture = architecture
    ab, *classes = network(architecture)
    comparison.compare(ab, outputs[0])
    for node, name in zip(classes, outputs[1:]):
        step, _ = comparison.step(name)
        comparison.compare(node if step.kind == "softmax" else node.inputs[0], name)
    return architecture, checked(comparison.state)


class Comparison:
    """Of a graph with a network, from the ends to the inputs; `state` are the weights."""

    def __init__(self, graph: Graph, architecture: str) -> None:
        self._graph = graph
        self._seen: dict[Node, str] = {}
        self.architecture = architecture
        self.state: State = {}

    def is_ab(self, name: str) -> bool:
        """Whether a value comes of a tanh, times something or not."""
        step, sources = self.step(name)
        if step.kind == "affine":
            step, _ = self.step(sources[0])
        return step.kind == "tanh"

    def step(self, name: str) -> tuple[Step, list[str]]:
        """What gives a value, and the values that it takes; steps that are one here are one."""
        step, sources = self._graph.origin(name)
        if step.kind == "affine":
            before, others = self.step(sources[0])
            if before.kind == "affine":
                first, second = before.settings, step.settings
                step.settings = {
                    "scale": first["scale"] * second["scale"],
                    "offset": first["offset"] * second["scale"] + second["offset"],
                }
                sources = others
        elif step.kind == "every other pixel" and step.settings["steps"] == {}:
            return self.step(sources[0])
        elif step.kind == "every other pixel" and step.settings["steps"] != {2: 2, 3: 2}:
            before, others = self.step(sources[0])
            if before.kind == "every other pixel":
                step.settings = {"steps": {**before.settings["steps"], **step.settings["steps"]}}
                sources = others
        return step, sources

    def compare(self, wanted: Node, name: str) -> None:
        """Takes the weights of a value, and of all that it comes from."""
        step, sources = self.step(name)
        if wanted.kind == "input":
            if step.kind != "input":
                raise ConvertError(
                    f"{name} is {step.shown}; {self.architecture} has its input {wanted.name}"
                )
            return
        place = f" ({wanted.name})" if wanted.name else ""
        if len(sources) != len(wanted.inputs) or not self._is_alike(step, wanted):
            raise ConvertError(
                f"{name} is {step.shown}; {self.architecture} has {wanted.shown}{place} there"
            )
        if wanted in self._seen:
            if self._seen[wanted] != name:
                raise ConvertError(f"{name} takes the place of {self._seen[wanted]}{place}")
            return
        self._seen[wanted] = name
        if wanted.shapes:
            tensors = release_tensors("siggraph17", wanted.name, step)
            self.state.update({f"{wanted.name}.{key}": tensors[key] for key in tensors})
        if wanted.kind == "addition" and self._is_alike(self.step(sources[1])[0], wanted.inputs[0]):
            sources.reverse()
        for source, value in zip(wanted.inputs, sources):
            self.compare(source, value)

    def _is_alike(self, step: Step, wanted: Node) -> bool:
        shapes = wanted.shapes
        if wanted.kind == "batch norm":
            # Scale and shift may be left out.
            shapes = {key: shape for key, shape in shapes.items() if key in step.shapes}
        if step.kind != wanted.kind or step.shapes != shapes:
            return False
        if wanted.kind == "affine":
            return is_affine(step, wanted.settings["scale"], wanted.settings["offset"])
        if wanted.kind == "every other pixel":
            return bool(step.settings["steps"] == {2: 2, 3: 2})
        if wanted.kind == "leaky relu":
            return bool(abs(step.settings["slope"] - _SLOPE) < 1e-6)
        return all(step.settings.get(key) == value for key, value in wanted.settings.items())

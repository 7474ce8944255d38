"""Keras's files: .h5 of Keras 2 and 3, and .keras. Layouts are HWIO, planes come last."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._chain import EPSILON, ConvertError, Step

_KERAS_VERSION = "3.0.0"
_LARGEST = 1 << 30
"""Bytes of a file in a .keras; eccv16 has 130 MB of weights."""
# Nothing happens in them when a network only predicts.
_IDLE = ("Dropout", "SpatialDropout2D", "GaussianNoise", "Identity")


def _h5py() -> Any:
    try:
        import h5py
    except ModuleNotFoundError:
        raise ImportError("Keras's files need h5py: pip install 'libcolorize[convert]'") from None
    return h5py


# ---- Reading -------------------------------------------------------------------------------------


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[list[Step]]:
    """The steps of a file, whose weights can be read inside the block."""
    h5py = _h5py()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, "config.json"))
            weights = io.BytesIO(_member(archive, "model.weights.h5"))
        with h5py.File(weights) as file:
            yield list(_steps(config, _of_keras(file, h5py)))
        return
    try:
        file = h5py.File(path)
    except OSError as problem:
        if not os.path.exists(path):
            raise
        raise ConvertError(f"{os.fspath(path)} is no file of Keras's: {problem}") from None
    with file:
        if "model_config" not in file.attrs:
            raise ConvertError(
                f"{os.fspath(path)} has weights alone; save the whole model, with model.save"
            )
        config = json.loads(file.attrs["model_config"])
        yield list(_steps(config, _of_h5(file["model_weights"])))


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        size = archive.getinfo(name).file_size
    except KeyError:
        raise ConvertError(f"{archive.filename} has no {name}: it is no file of Keras's") from None
    if size > _LARGEST:
        raise ConvertError(f"{name} is of {size} bytes; at most {_LARGEST} are read")
    return archive.read(name)


def _of_h5(group: Any) -> dict[str, list[Any]]:
    """The weights of each layer, not read yet."""
    result = {}
    for layer in group:
        names = group[layer].attrs.get("weight_names", [])
        texts = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
        result[layer] = [group[layer][name] for name in texts]
    return result


def _of_keras(file: Any, h5py: Any) -> dict[str, list[Any]]:
    result: dict[str, list[Any]] = {}

    def visit(path: str, item: Any) -> None:
        if path.endswith("vars") and isinstance(item, h5py.Group) and "name" in item.attrs:
            result[str(item.attrs["name"])] = [item[str(index)] for index in range(len(item))]

    file.visititems(visit)
    return result


def _steps(config: dict[str, Any], weights: dict[str, list[Any]]) -> Iterator[Step]:
    padding = 0
    for layer in _in_order(config):
        kind, settings = layer["class_name"], layer["config"]
        name = settings.get("name", layer.get("name", kind))
        tensors = weights.get(name, [])
        if kind == "InputLayer" or kind in _IDLE:
            continue
        if settings.get("data_format", "channels_last") != "channels_last":
            raise ConvertError(f"{name} is channels_first; channels_last is read")
        if kind == "ZeroPadding2D":
            sides = np.ravel(settings["padding"]).tolist()
            if len(set(sides)) != 1:
                raise ConvertError(
                    f"{name} pads by {settings['padding']}; eccv16 by the same all round"
                )
            padding += int(sides[0])
            continue
        step = _step(kind, name, settings, tensors, padding)
        if padding and step.kind != "convolution":
            raise ConvertError(f"{name} is a {step}; a convolution must come after padding")
        padding = 0
        yield step
        activation = settings.get("activation", "linear")
        if kind not in ("Activation", "ReLU", "Softmax") and activation != "linear":
            yield Step(_activation(activation), name)


def _activation(activation: Any) -> str:
    if activation in ("relu", "softmax"):
        return str(activation)
    return f"activation {activation!r}"


def _step(kind: str, name: str, settings: dict[str, Any], tensors: list[Any], padding: int) -> Step:
    if kind in ("Conv2D", "Convolution2D"):
        return _convolution(name, settings, tensors, padding)
    if kind in ("Conv2DTranspose", "Convolution2DTranspose"):
        return _transposed(name, settings, tensors)
    if kind == "BatchNormalization":
        keys = [
            *["weight"] * settings.get("scale", True),
            *["bias"] * settings.get("center", True),
            "running_mean",
            "running_var",
        ]
        return Step(
            "batch norm",
            name,
            {"epsilon": settings.get("epsilon", 1e-3)},
            {key: tuple(tensor.shape) for key, tensor in zip(keys, tensors)},
            lambda: {key: tensor[()] for key, tensor in zip(keys, tensors)},
        )
    if kind == "ReLU":
        plain = (
            settings.get("max_value"),
            settings.get("negative_slope", 0),
            settings.get("threshold", 0),
        )
        return Step("relu" if plain in ((None, 0, 0),) else f"ReLU {plain}", name)
    if kind == "Softmax":
        return Step(
            "softmax" if settings.get("axis", -1) in (-1, 3) else "softmax of an axis", name
        )
    if kind == "Activation":
        return Step(_activation(settings["activation"]), name)
    if kind == "UpSampling2D":
        return Step(
            "upsampling",
            name,
            {
                "factor": _one(settings["size"]),
                "interpolation": settings.get("interpolation", "nearest"),
            },
        )
    if kind == "Rescaling":
        return Step(
            "affine", name, {"scale": settings["scale"], "offset": settings.get("offset", 0)}
        )
    return Step(kind, name)


def _convolution(name: str, settings: dict[str, Any], tensors: list[Any], padding: int) -> Step:
    kernel, stride = _one(settings["kernel_size"]), _one(settings["strides"])
    dilation = _one(settings.get("dilation_rate", 1))
    shown: Any = padding
    if settings["padding"] == "same":
        # With a stride, one side gets more: which one depends on the picture's size.
        even = stride == 1 and isinstance(dilation, int) and isinstance(kernel, int)
        shown = padding + dilation * (kernel - 1) // 2 if even else "'same' with a stride"
    chosen = {"stride": stride, "dilation": dilation, "padding": shown}
    return Step("convolution", name, chosen, *_tensors(settings, tensors))


def _transposed(name: str, settings: dict[str, Any], tensors: list[Any]) -> Step:
    kernel, stride = _one(settings["kernel_size"]), _one(settings["strides"])
    is_known = settings["padding"] == "same" and (kernel, stride) == (4, 2)
    chosen = {"stride": stride, "padding": 1 if is_known else repr(settings["padding"])}
    return Step("transposed convolution", name, chosen, *_tensors(settings, tensors))


def _tensors(
    settings: dict[str, Any], tensors: list[Any]
) -> tuple[dict[str, tuple[int, ...]], Callable[[], dict[str, Any]]]:
    """Shapes of a convolution's weights, in PyTorch's order, and what reads them."""
    keys = ["weight", "bias"] if settings.get("use_bias", True) else ["weight"]
    known = dict(zip(keys, tensors))
    shapes = {
        key: tuple(tensor.shape[axis] for axis in ((3, 2, 0, 1) if tensor.ndim == 4 else (0,)))
        for key, tensor in known.items()
    }

    def read() -> dict[str, Any]:
        return {
            key: tensor[()].transpose(3, 2, 0, 1) if tensor.ndim == 4 else tensor[()]
            for key, tensor in known.items()
        }

    return shapes, read


def _one(values: Any) -> Any:
    """A number that is the same in both directions."""
    numbers = np.ravel(values).tolist()
    return int(numbers[0]) if len(set(numbers)) == 1 else tuple(numbers)


def _in_order(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The layers of a network that is a chain."""
    layers = config["config"]["layers"] if isinstance(config["config"], dict) else config["config"]
    if config["class_name"] == "Sequential":
        yield from layers
        return
    after: dict[str, dict[str, Any]] = {}
    first = None
    for layer in layers:
        sources = list(_sources(layer.get("inbound_nodes", [])))
        if not sources:
            if first is not None:
                raise ConvertError(f"{layer['name']} is a second input; eccv16 has one")
            first = layer
        elif len(sources) > 1 or sources[0] in after:
            raise ConvertError(f"{layer['name']} makes a branch; eccv16 is a chain of layers")
        else:
            after[sources[0]] = layer
    here = first
    for _ in layers:
        if here is None:
            return
        yield here
        here = after.get(here["name"])


def _sources(nodes: Any) -> Iterator[str]:
    """The names of layers in inbound_nodes, in Keras 3's or Keras 2's form."""
    if isinstance(nodes, dict):
        if "keras_history" in nodes.get("config", {}):
            yield nodes["config"]["keras_history"][0]
            return
        for value in nodes.values():
            yield from _sources(value)
    elif isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str):
            yield nodes[0]
            return
        for value in nodes:
            yield from _sources(value)


# ---- Writing -------------------------------------------------------------------------------------


def _layers(steps: list[Step]) -> Iterator[tuple[str, dict[str, Any], int, list[Any]]]:
    """Class, configuration, planes that come out, and weights of each layer."""
    channels = 1
    yield "InputLayer", {"batch_shape": [None, None, None, 1], "name": "lightness"}, 1, []
    for number, step in enumerate(steps):
        # Keras takes no dots.
        name = step.name.replace(".", "_") or f"relu_{number}"
        tensors = step.tensors()
        if step.kind == "affine":
            kind, config = "Rescaling", dict(step.settings)
            weights = []
        elif step.kind == "relu":
            kind, config, weights = "ReLU", {}, []
        elif step.kind == "softmax":
            kind, config, weights = "Softmax", {"axis": -1}, []
        elif step.kind == "upsampling":
            kind, config, weights = (
                "UpSampling2D",
                {"size": [4, 4], "interpolation": "bilinear"},
                [],
            )
        elif step.kind == "batch norm":
            kind, config = "BatchNormalization", {"axis": -1, "epsilon": EPSILON}
            weights = [tensors[key] for key in ("weight", "bias", "running_mean", "running_var")]
        else:
            is_transposed = step.kind == "transposed convolution"
            kind = "Conv2DTranspose" if is_transposed else "Conv2D"
            weight = tensors["weight"].transpose(2, 3, 1, 0)
            channels = weight.shape[2 if is_transposed else 3]
            weights = [weight, *([tensors["bias"]] if "bias" in tensors else [])]
            side, stride = weight.shape[0], step.settings["stride"]
            config = {
                "filters": channels,
                "kernel_size": [side, side],
                "strides": [stride, stride],
                "padding": "same" if stride == 1 or is_transposed else "valid",
                "dilation_rate": [step.settings.get("dilation", 1)] * 2,
                "use_bias": "bias" in tensors,
            }
            if not is_transposed and stride > 1:
                # "same" would pad at one side only.
                padding = step.settings["padding"]
                before = {"padding": [[padding, padding]] * 2, "name": f"{name}_padding"}
                yield "ZeroPadding2D", before, int(tensors["weight"].shape[1]), []
        yield kind, {**config, "name": name}, int(channels), weights


def _config(layers: list[tuple[str, dict[str, Any], int, list[Any]]]) -> dict[str, Any]:
    result, before = [], None
    for kind, config, planes, _ in layers:
        nodes = []
        if before is not None:
            source, source_planes = before
            tensor = {
                "shape": [None, None, None, source_planes],
                "dtype": "float32",
                "keras_history": [source, 0, 0],
            }
            argument = {"class_name": "__keras_tensor__", "config": tensor}
            nodes = [{"args": [argument], "kwargs": {}}]
        name = config["name"]
        result.append(
            {
                "module": "keras.layers",
                "class_name": kind,
                "config": config,
                "registered_name": None,
                "name": name,
                "inbound_nodes": nodes,
            }
        )
        before = name, planes
    assert before is not None
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "eccv16",
            "trainable": True,
            "layers": result,
            "input_layers": [["lightness", 0, 0]],
            "output_layers": [[before[0], 0, 0]],
        },
        "registered_name": "Functional",
    }


def _texts(texts: list[str]) -> Any:
    """Of a type of HDF5 that does not depend on how many there are."""
    return np.array([text.encode() for text in texts], "S")


def hdf5(steps: list[Step]) -> bytes:
    """The content of a .h5."""
    h5py = _h5py()
    layers = list(_layers(steps))
    content = io.BytesIO()
    with h5py.File(content, "w", track_order=False) as file:
        file.attrs["keras_version"] = _KERAS_VERSION
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(_config(layers))
        group = file.create_group("model_weights")
        group.attrs["keras_version"] = _KERAS_VERSION
        group.attrs["backend"] = "tensorflow"
        group.attrs["layer_names"] = _texts([config["name"] for _, config, _, _ in layers])
        for kind, config, _, weights in layers:
            name = config["name"]
            own = group.create_group(name)
            keys = _KEYS["BatchNormalization" if kind == "BatchNormalization" else "Conv2D"]
            names = [f"{name}/{key}" for key in keys[: len(weights)]]
            own.attrs["weight_names"] = _texts(names)
            for text, values in zip(names, weights):
                own.create_dataset(text, data=np.ascontiguousarray(values))
        group.create_group("top_level_model_weights").attrs["weight_names"] = _texts([])
    return content.getvalue()


_KEYS = {
    "Conv2D": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}
# Keras's snake_case of the classes.
_GROUPS = {
    "InputLayer": "input_layer",
    "Rescaling": "rescaling",
    "ZeroPadding2D": "zero_padding2d",
    "Conv2D": "conv2d",
    "Conv2DTranspose": "conv2d_transpose",
    "ReLU": "re_lu",
    "BatchNormalization": "batch_normalization",
    "Softmax": "softmax",
    "UpSampling2D": "up_sampling2d",
}


def zipped(steps: list[Step]) -> bytes:
    """The content of a .keras."""
    h5py = _h5py()
    layers = list(_layers(steps))
    weights_file = io.BytesIO()
    with h5py.File(weights_file, "w") as file:
        file.create_group("vars").attrs["name"] = "eccv16"
        counts: dict[str, int] = {}
        for kind, config, _, weights in layers:
            count = counts[kind] = counts.get(kind, -1) + 1
            own = f"{_GROUPS[kind]}_{count}" if count else _GROUPS[kind]
            values = file.create_group(f"layers/{own}/vars")
            values.attrs["name"] = config["name"]
            for index, array in enumerate(weights):
                values.create_dataset(str(index), data=np.ascontiguousarray(array))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in (
            ("metadata.json", json.dumps({"keras_version": _KERAS_VERSION}).encode()),
            ("config.json", json.dumps(_config(layers)).encode()),
            ("model.weights.h5", weights_file.getvalue()),
        ):
            # The same bytes at any time.
            archive.writestr(zipfile.ZipInfo(name), text)
    return content.getvalue()

"""Caffe's files, against OpenCV's reading of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import libcolorize
from libcolorize import convert
from libcolorize.convert import _caffe

BOUND = 5e-3
"""In units of ab, of values to 110: both compute with floats, in different orders."""


def definition(version: str, side: int) -> str:
    """A definition with the release's layers and names. Its three versions begin and end
    differently.
    """
    lines = ['name: "LtoAB"']
    if version == "v2":
        shape = f"shape {{ dim: 1 dim: 1 dim: {side} dim: {side} }}"
        lines += [layer("data_l", "Input", [], f"input_param {{ {shape} }}")]
    elif version == "v1":
        lines += ['input: "data_l"', *(f"input_dim: {size}" for size in (1, 1, side, side))]
    else:
        for name, sizes in (("data_l", (1, 1, side, side)), ("Trecip", (1, 313, *2 * [side // 4]))):
            dims = " ".join(f"dim: {size}" for size in sizes)
            lines += [f'input: "{name}"', f"input_shape {{ {dims} }}"]
    lines.append("force_backward: true")
    here = "data_l"

    def convolution(name: str, outputs: int, *words: str, kernel: int = 3) -> str:
        nonlocal here
        kind = "Deconvolution" if kernel == 4 else "Convolution"
        settings = " ".join([f"num_output: {outputs} kernel_size: {kernel}", *words])
        text = layer(name, kind, [here], f"convolution_param {{ {settings} }}", name[-7:])
        here = name[-7:]
        return text

    def inplace(name: str, kind: str) -> str:
        return layer(name, kind, [here], "", here)

    blocks = [(64, 2, 2, 1), (128, 2, 2, 1), (256, 3, 2, 1), (512, 3, 1, 1)]
    blocks += [(512, 3, 1, 2), (512, 3, 1, 2), (512, 3, 1, 1)]
    for number, (width, count, stride, dilation) in enumerate(blocks, 1):
        for index in range(1, count + 1):
            name = "bw_conv1_1" if (number, index) == (1, 1) else f"conv{number}_{index}"
            words = [f"pad: {dilation} dilation: {dilation}"]
            if index == count and stride > 1:
                words.append(f"stride: {stride}")
            lines.append(convolution(name, width, *words))
            lines.append(inplace(f"relu{number}_{index}", "ReLU"))
        name = f"conv{number}_{count}norm"
        lines.append(layer(name, "BatchNorm", [here], "batch_norm_param { }"))
        here = name
    lines.append(convolution("conv8_1", 256, "pad: 1 stride: 2 dilation: 1", kernel=4))
    lines.append(inplace("relu8_1", "ReLU"))
    for index in (2, 3):
        lines.append(convolution(f"conv8_{index}", 256, "pad: 1"))
        lines.append(inplace(f"relu8_{index}", "ReLU"))
    classes = "convolution_param { num_output: 313 kernel_size: 1 }"
    lines.append(layer("conv8_313", "Convolution", [here], classes))
    if version == "v0":
        product = "eltwise_param { operation: PROD }"
        lines.append(layer("Reheat8", "Eltwise", ["conv8_313", "Trecip"], product, "conv8_313_rh"))
    else:
        factor = "scale_param { bias_term: False filler { type: 'constant' value: 2.606 } }"
        lines.append(layer("conv8_313_rh", "Scale", ["conv8_313"], factor))
    lines.append(layer("class8_313_rh", "Softmax", ["conv8_313_rh"]))
    ab = "convolution_param { num_output: 2 kernel_size: 1 # the bins\n }"
    lines.append(layer("class8_ab", "Convolution", ["class8_313_rh"], ab))
    lines.append('layer { name: "Silence" type: "Silence" bottom: "class8_ab" }')
    return "\n".join(lines)


def layer(name: str, kind: str, bottoms: list[str], text: str = "", top: str = "") -> str:
    sources = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
    return f'layer {{ name: "{name}" type: "{kind}" {sources} top: "{top or name}" {text} }}'


def caffe_names() -> Iterator[tuple[str, str]]:
    """The layers that have weights, and the release's names for PyTorch."""
    for number, count in enumerate((2, 2, 3, 3, 3, 3, 3), 1):
        for index in range(count):
            name = f"conv{number}_{index + 1}"
            yield "bw_" * (name == "conv1_1") + name, f"model{number}.{2 * index}"
        yield f"conv{number}_{count}norm", f"model{number}.{2 * count}"
    for name, other in (("conv8_1", "0"), ("conv8_2", "2"), ("conv8_3", "4"), ("conv8_313", "6")):
        yield name, f"model8.{other}"


def floats(values: Any) -> bytes:
    """As they lie in a file."""
    return np.asarray(values, "<f4").tobytes()


@pytest.fixture
def weights(state: dict[str, np.ndarray]) -> Any:
    """The message of a .caffemodel, with the state's weights as Caffe has them."""
    net = _caffe.messages()["NetParameter"](name="LtoAB")
    for name, other in caffe_names():
        added = net.layer.add(name=name)
        if "norm" in name:
            # Sums of ten pictures; there is no scale and no shift.
            mean, variance = (state[f"{other}.running_{key}"] for key in ("mean", "var"))
            arrays = [10 * mean, 10 * variance, np.float32([10])]
        else:
            factor = 0.01 if name == "bw_conv1_1" else 1 / 2.606 if name == "conv8_313" else 1
            bias = state[f"{other}.bias"] * (factor if name == "conv8_313" else 1)
            arrays = [state[f"{other}.weight"] * np.float32(factor), bias]
        for array in arrays:
            blob = added.blobs.add(data=floats(array))
            blob.shape.dim.extend(array.shape)
    bins = np.rint(110 * state["model_out.weight"] / 10) * 10
    blob = net.layer.add(name="class8_ab").blobs.add(data=floats(bins))
    blob.shape.dim.extend(bins.shape)
    blob = net.layer[-1].blobs.add(data=floats([0, 0]))
    blob.shape.dim.extend([2])
    return net


@pytest.mark.parametrize("version", ["v0", "v1", "v2"])
def test_a_file_gives_opencv_s_numbers(
    version: str, weights: Any, lightness: np.ndarray, tmp_path: Path
):
    prototxt, path = tmp_path / "deploy.prototxt", tmp_path / "release.caffemodel"
    prototxt.write_text(definition(version, len(lightness)))
    if version == "v1":
        # The filler's number, where a file has it.
        weights.layer.add(name="conv8_313_rh").blobs.add(
            data=floats([2.606] * 313)
        ).shape.dim.append(313)
    path.write_bytes(weights.SerializeToString())
    net = cv2.dnn.readNetFromCaffe(str(prototxt), str(path))
    net.setInput((lightness - 50)[None, None].astype(np.float32), "data_l")
    if version == "v0":
        sides = [side // 4 for side in lightness.shape]
        net.setInput(np.full((1, 313, *sides), 2.606, np.float32), "Trecip")
    if version == "v2":
        # OpenCV leaves what is filled empty.
        net.getLayer(net.getLayerId("conv8_313_rh")).blobs = [np.full((1, 313), 2.606, np.float32)]
    expected = net.forward("class8_ab")[0]
    assert expected.std() > 1
    with convert.open(path, prototxt) as model:
        found = model.predict(lightness)
    # Enlarged by four, as the release for PyTorch does.
    assert found.shape == (2, *lightness.shape)
    enlarged = np.stack(
        [cv2.resize(plane, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR) for plane in expected]
    )
    assert np.abs(found - enlarged).max() < BOUND
    target = convert.to_safetensors(path, tmp_path / "out.safetensors", prototxt)
    with libcolorize.Model(target) as model:
        assert np.array_equal(model.predict(lightness), found)


def test_the_bins_colors_are_the_library_s_where_a_file_has_none(
    weights: Any, lightness: np.ndarray, tmp_path: Path
):
    """The release's scripts put them there when the network is loaded."""
    prototxt, path = tmp_path / "deploy.prototxt", tmp_path / "release.caffemodel"
    prototxt.write_text(definition("v2", 64))
    for index in range(3):
        if index == 1:
            weights.layer[-1].blobs[0].data = floats(np.random.default_rng(1).normal(size=626))
        if index == 2:
            del weights.layer[-1]
        path.write_bytes(weights.SerializeToString())
        state = convert.read(path, prototxt)
        with libcolorize.Model() as model:
            bins = model.bin_centres.T / np.float32(110)
        assert np.array_equal(state["model_out.weight"][:, :, 0, 0], bins) == (index > 0)


def test_old_and_double_blobs(weights: Any, tmp_path: Path):
    prototxt, path = tmp_path / "deploy.prototxt", tmp_path / "release.caffemodel"
    prototxt.write_text(definition("v2", 64))
    path.write_bytes(weights.SerializeToString())
    expected = convert.read(path, prototxt)
    bias = weights.layer[0].blobs[1]
    bias.ClearField("shape")
    bias.num, bias.channels, bias.height, bias.width = 1, 1, 1, 64
    bias.double_data = np.frombuffer(bias.data, "<f4").astype("<f8").tobytes()
    bias.ClearField("data")
    path.write_bytes(weights.SerializeToString())
    found = convert.read(path, prototxt)
    assert all(np.array_equal(found[name], values) for name, values in expected.items())


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("num_output: 128", "num_output: 128 group: 2", "conv2_1 is a Convolution with 2 groups"),
        ("pad: 2 dilation: 2", "pad: 1 dilation: 1", r"conv5_1 is a convolution.*model5\.0"),
        ("kernel_size: 4 pad: 1", "kernel_size: 4 pad: 0", r"conv8_1 is a transposed.*model8\.0"),
        ('bottom: "conv3_1"', 'bottom: "conv2_2"', r"relu3_1 takes \['conv2_2'\]; eccv16 is a"),
        ('type: "Softmax"', 'type: "Sigmoid"', "conv8_313_rh: affine.*eccv16 has ended before it"),
        ('name: "conv4_2"', 'name: "conv4_9"', "conv4_9 has no weights"),
    ],
)
def test_another_architecture_is_refused(
    before: str, after: str, text: str, weights: Any, tmp_path: Path
):
    prototxt, path = tmp_path / "deploy.prototxt", tmp_path / "release.caffemodel"
    original = definition("v2", 64)
    changed = original.replace(before, after)
    assert changed != original
    prototxt.write_text(changed)
    path.write_bytes(weights.SerializeToString())
    with pytest.raises(convert.ConvertError, match=text):
        convert.read(path, prototxt)


def test_files_that_are_something_else(weights: Any, tmp_path: Path):
    prototxt, path = tmp_path / "deploy.prototxt", tmp_path / "release.caffemodel"
    prototxt.write_text(definition("v2", 64))
    path.write_bytes(b"\xff\xffno message")
    with pytest.raises(convert.ConvertError, match=r"release\.caffemodel is no file of Caffe's"):
        convert.read(path, prototxt)
    path.write_bytes(_caffe.messages()["NetParameter"](layers=[{"name": "a"}]).SerializeToString())
    with pytest.raises(convert.ConvertError, match=r"caffemodel is of Caffe's format before 2014"):
        convert.read(path, prototxt)
    blob = weights.layer[0].blobs[0]
    blob.data = blob.data[:-4]
    path.write_bytes(weights.SerializeToString())
    with pytest.raises(convert.ConvertError, match=r"a blob of shape .* has 575 numbers"):
        convert.read(path, prototxt)
    blob.data = blob.data[:-1]
    path.write_bytes(weights.SerializeToString())
    with pytest.raises(convert.ConvertError, match="a blob ends within a number"):
        convert.read(path, prototxt)
    prototxt.write_text("layer { name: ")
    with pytest.raises(convert.ConvertError, match=r"deploy\.prototxt is no definition of Caffe's"):
        convert.read(path, prototxt)
    prototxt.write_text("")
    with pytest.raises(convert.ConvertError, match="the definition has no input"):
        convert.read(path, prototxt)
    with pytest.raises(libcolorize.Error, match=r"a \.caffemodel needs the \.prototxt"):
        convert.read(path)
    with pytest.raises(FileNotFoundError):
        convert.read(tmp_path / "nowhere.caffemodel", prototxt)

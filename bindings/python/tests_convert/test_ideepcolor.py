"""ideepcolor's model for local hints in Caffe's files, against OpenCV's reading of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

import libcolorize
from libcolorize import convert
from libcolorize.convert import _caffe

from .test_caffe import BOUND, floats, layer

BLOCKS = [(64, 2, 1), (128, 2, 1), (256, 3, 1), (512, 3, 1), (512, 3, 2), (512, 3, 2), (512, 3, 1)]


def definition(height: int, width: int) -> str:
    """A definition with the layers and names of the release's deploy_nodist.prototxt."""
    shape = f"shape {{ dim: 1 dim: 4 dim: {height} dim: {width} }}"
    lines = [layer("data_l_ab_mask", "Input", [], f"input_param {{ {shape} }}")]
    part = 'top: "data_ab_mask" slice_param { axis: 1 slice_point: 1 }'
    lines.append(layer("Slice", "Slice", ["data_l_ab_mask"], part, "data_l"))

    def convolution(
        name: str, bottom: str, outputs: int, text: str = "pad: 1", side: int = 3
    ) -> str:
        words = f"convolution_param {{ num_output: {outputs} kernel_size: {side} {text} }}"
        lines.append(layer(name, "Deconvolution" if side == 4 else "Convolution", [bottom], words))
        return name

    def relu(name: str, top: str, text: str = "") -> str:
        lines.append(layer(name, "ReLU", [top], text, top))
        return top

    def norm(bottom: str) -> str:
        lines.append(layer(f"{bottom}norm", "BatchNorm", [bottom], "batch_norm_param{ }"))
        return f"{bottom}norm"

    def added(name: str, *bottoms: str) -> str:
        lines.append(layer(name, "Eltwise", list(bottoms)))
        return name

    convolution("ab_conv1_1", "data_ab_mask", 64)
    convolution("bw_conv1_1", "data_l", 64)
    here = relu("relu1_1", added("conv1_1", "bw_conv1_1", "ab_conv1_1"))
    for number, (width, count, dilation) in enumerate(BLOCKS, 1):
        for index in range(1 + (number == 1), count + 1):
            name = f"conv{number}_{index}"
            here = convolution(name, here, width, f"pad: {dilation} dilation: {dilation}")
            relu(f"relu{number}_{index}", name)
        here = norm(here)
        if number < 4:
            filler = "weight_filler { type: 'constant' value: 1 }"
            text = f"bias_term: false stride: 2 {filler} group: {width}"
            here = convolution(f"{here}_ss", here, width, text, side=1)
    for number, width, short in ((8, 256, "conv3_3"), (9, 128, "conv2_2"), (10, 128, "conv1_2")):
        up = convolution(f"conv{number}_1", here, width, "pad: 1 stride: 2", side=4)
        other = convolution(f"{short}_short", f"{short}norm", width)
        # As in the release: the ReLU of the first has the name of the addition.
        name = "conv8_1_comb" if number == 8 else f"relu{number}_1_comb"
        here = relu(name, added(f"conv{number}_1_comb", up, other))
        for index in range(2, 4 if number == 8 else 3):
            here = convolution(f"conv{number}_{index}", here, width)
            relu(
                here.replace("conv", "relu"),
                here,
                "relu_param { negative_slope: 0.2 }" * (number == 10),
            )
        here = norm(here) if number < 10 else here
    convolution("conv10_ab", here, 2, "stride: 1", side=1)
    lines.append(layer("pred_ab_1", "TanH", ["conv10_ab"]))
    text = 'scale_param { bias_term: false filler { type: "constant" value: 100. } }'
    lines.append(layer("pred_ab", "Scale", ["pred_ab_1"], text))
    return "\n".join(lines)


def caffe_names() -> Iterator[tuple[str, str]]:
    """The layers with weights behind the first, and the release's names for PyTorch."""
    for number, (_, count, _) in enumerate(BLOCKS, 1):
        for index in range(count):
            if (number, index) != (1, 0):
                yield f"conv{number}_{index + 1}", f"model{number}.{2 * index}"
        yield f"conv{number}_{count}norm", f"model{number}.{2 * count}"
    for number, short in ((8, "conv3_3"), (9, "conv2_2"), (10, "conv1_2")):
        yield f"conv{number}_1", f"model{number}up.0"
        yield f"{short}_short", f"model{short[4]}short{number}.0"
        yield f"conv{number}_2", f"model{number}.1"
    yield from (("conv8_3", "model8.3"), ("conv8_3norm", "model8.5"))
    yield from (("conv9_2norm", "model9.3"), ("conv10_ab", "model_out.0"))


@pytest.fixture(scope="module")
def model_file(
    states: dict[str, dict[str, np.ndarray]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A .caffemodel with siggraph17's weights as Caffe has them."""
    state = states["siggraph17"]
    net = _caffe.messages()["NetParameter"]()

    def add(name: str, *arrays: np.ndarray) -> None:
        added = net.layer.add(name=name)
        for array in arrays:
            added.blobs.add(data=floats(array)).shape.dim.extend(array.shape)

    # L - 50, ab and a mask of 110 are given as they are.
    first, bias = state["model1.0.weight"], state["model1.0.bias"]
    add("bw_conv1_1", first[:, :1] / np.float32(100), bias / np.float32(4))
    add("ab_conv1_1", first[:, 1:] / np.float32(110), bias * np.float32(0.75))
    for name, other in caffe_names():
        if name.endswith("norm"):
            mean, variance = (state[f"{other}.running_{key}"] for key in ("mean", "var"))
            add(name, 10 * mean, 10 * variance, np.float32([10]))
        else:
            # Colors that there are.
            factor = np.float32(0.125 if name == "conv10_ab" else 1)
            add(name, state[f"{other}.weight"] * factor, state[f"{other}.bias"])
    for name, width in (("conv1_2", 64), ("conv2_2", 128), ("conv3_3", 256)):
        add(f"{name}norm_ss", np.ones((width, 1, 1, 1), np.float32))
    add("pred_ab", np.float32([100, 100]))
    path = tmp_path_factory.mktemp("ideepcolor") / "model.caffemodel"
    path.write_bytes(net.SerializeToString())
    return path


@pytest.fixture(scope="module")
def prototxt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ideepcolor") / "deploy_nodist.prototxt"
    path.write_text(definition(64, 48))
    return path


@pytest.fixture(scope="module")
def without_filled(model_file: Path) -> Path:
    """The same without what a definition fills."""
    net = _caffe.messages()["NetParameter"].FromString(model_file.read_bytes())
    filled = {"pred_ab", *(f"{name}norm_ss" for name in ("conv1_2", "conv2_2", "conv3_3"))}
    kept = [one for one in net.layer if one.name not in filled]
    assert len(kept) == len(net.layer) - 4
    path = model_file.with_name("without_filled.caffemodel")
    path.write_bytes(_caffe.messages()["NetParameter"](layer=kept).SerializeToString())
    return path


@pytest.fixture
def inputs(lightness: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """L, ab of hints and their mask; 64 by 48 pixels."""
    hints, mask = np.zeros((2, 64, 48), np.float32), np.zeros((64, 48), np.float32)
    hints[:, 9:15, 7:12], mask[9:15, 7:12] = [[[40]], [[-30]]], 1
    return np.ascontiguousarray(lightness[:, :48], np.float32), hints, mask


def test_a_file_gives_opencv_s_numbers(
    model_file: Path, prototxt: Path, inputs: tuple, tmp_path: Path
):
    lightness, hints, mask = inputs
    net = cv2.dnn.readNetFromCaffe(str(prototxt), str(model_file))
    found = {}
    with convert.open(model_file, prototxt) as model:
        assert model.info.architecture == "ideepcolor"
        for name, given in (("hints", (hints, mask)), ("none", (0 * hints, 0 * mask))):
            # The release's scripts: mask_mult is 110.
            planes = np.concatenate([(lightness - 50)[None], given[0], 110 * given[1][None]])
            net.setInput(planes[None], "data_l_ab_mask")
            expected = net.forward("pred_ab")[0]
            assert expected.std() > 10 and np.abs(expected).max() <= 100
            found[name] = model.predict(lightness, *given)
            assert np.abs(found[name] - expected).max() < BOUND
        # There are no bins.
        with pytest.raises(libcolorize.Error, match="ideepcolor gives colors only"):
            model.distribution(lightness, hints, mask)
    assert np.abs(found["hints"] - found["none"]).max() > 5
    source = convert.to_safetensors(model_file, tmp_path / "out.safetensors", prototxt)
    with libcolorize.Model(source) as model:
        assert model.info.architecture == "ideepcolor"
        assert np.array_equal(model.predict(*inputs), found["hints"])
    # And as ONNX.
    target = convert.export_onnx(source, tmp_path / "ideepcolor.onnx")
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    given = {"lightness": lightness[None, None], "hints": hints[None], "mask": mask[None, None]}
    (values,) = session.run(None, given)
    assert np.abs(values[0] - found["hints"]).max() < BOUND
    with convert.open(target) as model:
        assert model.info.architecture == "ideepcolor"
        assert np.array_equal(model.predict(*inputs), found["hints"])


def test_what_is_filled_need_not_be_in_the_file(
    model_file: Path, without_filled: Path, prototxt: Path
):
    expected, found = (convert.read(path, prototxt) for path in (model_file, without_filled))
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], values) for name, values in expected.items())


SHORT = 'name: "conv2_2_short" type: "Convolution" bottom: "conv2_2norm"'


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("value: 100.", "value: 110.", "pred_ab is an affine with scale 110.*ideepcolor has"),
        ("slope: 0.2", "slope: 0.1", "relu10_2 is a leaky relu with slope 0.1"),
        ("pad: 2 dilation: 2", "pad: 1 dilation: 1", r"conv6_3 is a convolution.*model6\.4"),
        ("slice_point: 1", "slice_point: 2", r"data_. is a slice with part ., at \[2\]"),
        ("constant' value: 1 }", "constant' value: 2 }", "_ss is a Convolution with 256"),
        ('name: "conv7_2"', 'name: "conv7_9"', "conv7_9 has no weights"),
        (SHORT, SHORT.replace("norm", ""), "relu2_2 is a relu; ideepcolor has a batch norm"),
        (SHORT, SHORT.replace("conv2_2norm", "x"), "takes x, which is not there yet"),
        ('name: "pred_ab" type: "Scale"', 'name: "pred_ab" type: "Silence"', "_1 is a tanh"),
    ],
)  # fmt: skip
def test_another_architecture_is_refused(
    before: str, after: str, text: str, without_filled: Path, tmp_path: Path
):
    original = definition(64, 48)
    changed = original.replace(before, after)
    assert changed != original
    prototxt = tmp_path / "changed.prototxt"
    prototxt.write_text(changed)
    with pytest.raises(convert.ConvertError, match=text):
        convert.read(without_filled, prototxt)


def test_other_models_of_the_release_are_refused(model_file: Path, tmp_path: Path):
    """That of suggestions has another end beside it, that of global hints another beginning."""
    classes = "convolution_param { num_output: 313 kernel_size: 1 }"
    shape = "input_param { shape { dim: 1 dim: 314 dim: 1 dim: 1 } }"
    for text, named in (
        (layer("pred_313", "Convolution", ["conv8_3norm"], classes), "'pred_ab', 'pred_313'"),
        (layer("glob_ab_313", "Input", [], shape), "'data_l_ab_mask', 'glob_ab_313'"),
    ):
        prototxt = tmp_path / "other.prototxt"
        prototxt.write_text(f"{definition(64, 48)}\n{text}")
        with pytest.raises(convert.ConvertError, match=named):
            convert.read(model_file, prototxt)

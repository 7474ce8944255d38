"""ONNX, against ONNX Runtime, and against what PyTorch exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import libcolorize
from libcolorize import convert
from libcolorize.colorizers import _state_dict

BOUND = 2e-3
"""In units of ab, of values to 110: both compute with floats, in different orders."""


class Network(nn.Module):
    """eccv16 by the paper's table, with the names of the release."""

    def __init__(self, widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512)) -> None:
        super().__init__()
        inputs = 1
        for number, width in enumerate(widths, 1):
            dilation = 2 if number in (5, 6) else 1
            block: list[nn.Module] = []
            count = 2 if number < 3 else 3
            for index in range(count):
                stride = 2 if number < 4 and index == count - 1 else 1
                block += [nn.Conv2d(inputs, width, 3, stride, dilation, dilation), nn.ReLU()]
                inputs = width
            self.add_module(f"model{number}", nn.Sequential(*block, nn.BatchNorm2d(width)))
        self.model8 = nn.Sequential(
            nn.ConvTranspose2d(inputs, 256, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(256, 313, 1),
        )  # fmt: skip
        self.model_out = nn.Conv2d(313, 2, 1, bias=False)

    def forward(self, lightness: torch.Tensor) -> torch.Tensor:
        x = (lightness - 50) / 100
        for number in range(1, 9):
            x = getattr(self, f"model{number}")(x)
        x = self.model_out(x.softmax(dim=1))
        return 110 * nn.functional.interpolate(x, scale_factor=4, mode="bilinear")


class Guided(nn.Module):
    """siggraph17 by the paper's figure, with the names of the release; gives the bins' values, too,
    as the authors' training repository does.
    """

    def __init__(self, classes: bool = True, width: int = 512) -> None:
        super().__init__()
        self.classes = classes
        sizes = [(4, 64, 2, 1), (64, 128, 2, 1), (128, 256, 3, 1), (256, 512, 3, 1)]
        sizes += [(512, width, 3, 2), (width, 512, 3, 2), (512, 512, 3, 1)]
        for number, (inputs, outputs, count, dilation) in enumerate(sizes, 1):
            block: list[nn.Module] = []
            for index in range(count):
                first = outputs if index else inputs
                block += [nn.Conv2d(first, outputs, 3, 1, dilation, dilation), nn.ReLU()]
            self.add_module(f"model{number}", nn.Sequential(*block, nn.BatchNorm2d(outputs)))
        for number, up, short, inputs, side in (
            (8, 512, 3, 256, 256), (9, 256, 2, 128, 128), (10, 128, 1, 64, 128),
        ):  # fmt: skip
            self.add_module(
                f"model{number}up", nn.Sequential(nn.ConvTranspose2d(up, side, 4, 2, 1))
            )
            shortcut = nn.Sequential(nn.Conv2d(inputs, side, 3, 1, 1))
            self.add_module(f"model{short}short{number}", shortcut)
        self.model8 = nn.Sequential(
            nn.ReLU(), nn.Conv2d(256, 256, 3, 1, 1),
            nn.ReLU(), nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(), nn.BatchNorm2d(256),
        )  # fmt: skip
        self.model9 = nn.Sequential(
            nn.ReLU(), nn.Conv2d(128, 128, 3, 1, 1), nn.ReLU(), nn.BatchNorm2d(128)
        )
        self.model10 = nn.Sequential(nn.ReLU(), nn.Conv2d(128, 128, 3, 1, 1), nn.LeakyReLU(0.2))
        self.model_class = nn.Sequential(nn.Conv2d(256, 529, 1))
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, 1), nn.Tanh())

    def forward(self, lightness: torch.Tensor, hints: torch.Tensor, mask: torch.Tensor) -> Any:
        x1 = self.model1(torch.cat(((lightness - 50) / 100, hints / 110, mask), dim=1))
        x2 = self.model2(x1[:, :, ::2, ::2])
        x3 = self.model3(x2[:, :, ::2, ::2])
        x = self.model4(x3[:, :, ::2, ::2])
        x = self.model8up(self.model7(self.model6(self.model5(x)))) + self.model3short8(x3)
        x8 = self.model8(x)
        x = self.model9(self.model9up(x8) + self.model2short9(x2))
        x = self.model10(self.model10up(x) + self.model1short10(x1))
        ab = 110 * self.model_out(x)
        return (self.model_class(x8), ab) if self.classes else ab


@pytest.fixture(scope="session")
def guided(states: dict[str, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Weights of siggraph17 that give colors that there are."""
    given = states["siggraph17"]
    last = "model_out.0.weight"
    return {**given, last: given[last] / np.float32(8)}


@pytest.fixture(scope="session")
def guided_inputs(lightness: np.ndarray) -> list[np.ndarray]:
    """L, ab of hints and their mask; 64 by 48 pixels."""
    hints, mask = np.zeros((2, 64, 48), np.float32), np.zeros((64, 48), np.float32)
    hints[:, 9:15, 7:12], mask[9:15, 7:12] = [[[40]], [[-30]]], 1
    return [np.ascontiguousarray(lightness[:, :48])[None], hints, mask[None]]


def ask(model: libcolorize.Model, inputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    lightness, hints, mask = inputs[0][0], inputs[1], inputs[2][0]
    return model.predict(lightness, hints, mask), model.distribution(lightness, hints, mask)


def test_siggraph17_as_it_is_written(guided: dict, guided_inputs: list[np.ndarray], tmp_path: Path):
    source, path = tmp_path / "siggraph17.safetensors", tmp_path / "siggraph17.onnx"
    source.write_bytes(_state_dict.model_file("siggraph17", guided))
    convert.export_onnx(source, path)
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    with libcolorize.Model(source) as model:
        # Another size, and two pictures at once.
        for inputs in (guided_inputs, [values[:, :40, :24] for values in guided_inputs]):
            both = {name: np.stack([values, values]) for name, values in zip(names, inputs)}
            found = session.run(["ab", "probabilities"], both)
            for expected, bound, values in zip(ask(model, inputs), (BOUND, 1e-4), found):
                assert expected.std() > bound and values.shape == (2, *expected.shape)
                assert np.abs(values - expected).max() < bound
    again = convert.read(path)
    assert all(np.array_equal(again[name], values) for name, values in guided.items())


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_siggraph17_as_pytorch_exports_it(
    dynamo: bool, guided: dict, guided_inputs: list[np.ndarray], tmp_path: Path
):
    network = Guided().eval()
    network.load_state_dict(
        {name: torch.from_numpy(values) for name, values in guided.items()}, strict=False
    )
    given = tuple(torch.from_numpy(values)[None] for values in guided_inputs)
    path = tmp_path / "exported.onnx"
    axes = {name: {2: "H", 3: "W"} for name in ("L", "ab", "mask")}
    names = {"dynamic_axes": axes} if not dynamo else {"external_data": False}
    torch.onnx.export(network, given, path, input_names=["L", "ab", "mask"], dynamo=dynamo, **names)
    with torch.no_grad():
        values, expected = (result[0].numpy() for result in network(*given))
    with convert.open(path) as model:
        assert model.info.architecture == "siggraph17"
        found, distribution = ask(model, guided_inputs)
    assert np.abs(found - expected).max() < BOUND
    shares = np.exp(values - values.max(axis=0))
    assert np.abs(distribution - shares / shares.sum(axis=0)).max() < 1e-4


@pytest.mark.filterwarnings("ignore")
def test_what_is_no_siggraph17(guided_inputs: list[np.ndarray], tmp_path: Path):
    given = tuple(torch.from_numpy(values)[None] for values in guided_inputs)
    path = tmp_path / "exported.onnx"
    torch.onnx.export(Guided(width=96).eval(), given, path, dynamo=False)
    with pytest.raises(
        convert.ConvertError, match=r"\[512, 96, 3, 3\].*siggraph17 has .*model6\.0"
    ):
        convert.read(path)


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_siggraph17_as_the_release_computes_it(
    dynamo: bool, guided: dict, guided_inputs: list[np.ndarray], tmp_path: Path
):
    """Without bins, and therefore without suggestions."""
    network = Guided(classes=False).eval()
    network.load_state_dict(
        {name: torch.from_numpy(values) for name, values in guided.items()}, strict=False
    )
    given = tuple(torch.from_numpy(values)[None] for values in guided_inputs)
    path = tmp_path / "exported.onnx"
    names = {"external_data": False} if dynamo else {}
    torch.onnx.export(network, given, path, dynamo=dynamo, **names)
    with torch.no_grad():
        expected = network(*given)[0].numpy()
    with convert.open(path) as model:
        assert model.info.architecture == "siggraph17-ab" and model.info.bins == 0
        lightness, hints, mask = guided_inputs[0][0], guided_inputs[1], guided_inputs[2][0]
        assert np.abs(model.predict(lightness, hints, mask) - expected).max() < BOUND


def run(path: Path, planes: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return session.run(None, {given.name: planes})[0]


@pytest.mark.parametrize("end", ["ab", "class"])
def test_what_is_written_gives_our_numbers_in_onnx_runtime(
    end: str,
    eccv16: libcolorize.Model,
    state: dict,
    checkpoint: Path,
    lightness: np.ndarray,
    tmp_path: Path,
):
    path = convert.export_onnx(checkpoint, tmp_path / "eccv16.onnx", end)
    onnx.checker.check_model(path, full_check=True)
    # Sides that are no square and no multiples of 8, and two pictures at once.
    for planes in (lightness, lightness[:40, :50]):
        both = np.stack([planes, planes[::-1]])[:, None]
        for found, given in zip(run(path, both), both):
            if end == "ab":
                expected = eccv16.predict(given[0])
                bound = BOUND
            else:
                plain = eccv16.info.plain_softmax_temperature
                expected, bound = eccv16.distribution(given[0], temperature=plain), 1e-4
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() < bound
    for name, values in convert.read(path).items():
        if end == "ab" or name != "model_out.weight":
            assert np.array_equal(values, state[name]), name
    other = convert.export_onnx(checkpoint, tmp_path / "other.onnx", end)
    assert path.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_what_pytorch_exports(dynamo: bool, state: dict, lightness: np.ndarray, tmp_path: Path):
    network = Network().eval()
    network.load_state_dict(
        {name: torch.from_numpy(values) for name, values in state.items()}, strict=False
    )
    given = torch.from_numpy(lightness)[None, None]
    path = tmp_path / "exported.onnx"
    names = {"dynamic_axes": {"L": {2: "H", 3: "W"}}} if not dynamo else {"external_data": False}
    torch.onnx.export(network, (given,), path, input_names=["L"], dynamo=dynamo, **names)
    with torch.no_grad():
        expected = network(given)[0].numpy()
    with convert.open(path) as opened:
        found = opened.predict(lightness)
    assert expected.std() > 1
    assert np.abs(found - expected).max() < BOUND


@pytest.mark.filterwarnings("ignore")
def test_another_network_is_refused(lightness: np.ndarray, tmp_path: Path):
    path = tmp_path / "other.onnx"
    given = torch.from_numpy(lightness)[None, None]
    network = Network((64, 96, 256, 512, 512, 512, 512)).eval()
    torch.onnx.export(network, (given,), path, dynamo=False)
    with pytest.raises(convert.ConvertError, match=r"\[96, 64, 3, 3\].*eccv16 has .*model2\.0"):
        convert.read(path)
    path.write_bytes(b"\xff\xffno ONNX")
    with pytest.raises(convert.ConvertError, match=r"other\.onnx is no file of ONNX's"):
        convert.read(path)
    with pytest.raises(FileNotFoundError):
        convert.read(tmp_path / "nowhere.onnx")

"""ONNX, against ONNX Runtime, and against what PyTorch exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import libcolorize
from libcolorize import convert

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

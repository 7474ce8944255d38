"""The networks in PyTorch, from their inputs to ab: what all runtimes are given.

They do what colorize_predict does: those of our own end in the annealed mean, at T = 0.38. DDColor
and DeOldify begin with lightness, of which their releases make gray before their networks, and
DeOldify ends in a and b of its red, green and blue. eccv16 and siggraph17 are as they were
released, but for one thing: the release runs siggraph17's decoder twice and drops the first result,
and that work should be nobody's here.
"""

from pathlib import Path

import torch
from architectures import OWN
from colorizers.eccv16 import ECCVGenerator
from colorizers.siggraph17 import SIGGRAPHGenerator
from torch import nn

import deoldify
from compact import BINS, PAPER_TEMPERATURE
from models import load
from names import DDCOLOR, DEFAULT, DEOLDIFY, architecture

DEFAULT_MODEL = Path(__file__).parents[1] / "Sources/ColorizeDefaultModel/default.safetensors"


class OwnAb(nn.Module):
    """One of our own and its decoding. The mean over bins is a 1x1 convolution without bias."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        centres = BINS.T[:, :, None, None].float()
        self.centres = nn.Parameter(centres.contiguous(), requires_grad=False)

    def forward(self, inputs):
        probabilities = torch.softmax(self.network(inputs) / PAPER_TEMPERATURE, dim=1)
        return nn.functional.conv2d(probabilities, self.centres)


class SIGGRAPHOnce(SIGGRAPHGenerator):
    """The released network with its decoder run once."""

    # ncnn has no slices with steps; a maximum of one value is the same.
    without_slices = False

    def every_other(self, x):
        if self.without_slices:
            return nn.functional.max_pool2d(x, 1, stride=2)
        return x[:, :, ::2, ::2]

    def forward(self, lightness, hints, mask):
        inputs = (self.normalize_l(lightness), self.normalize_ab(hints), mask)
        x1 = self.model1(torch.cat(inputs, dim=1))
        x2 = self.model2(self.every_other(x1))
        x3 = self.model3(self.every_other(x2))
        x = self.model4(self.every_other(x3))
        x = self.model7(self.model6(self.model5(x)))
        x = self.model8(self.model8up(x) + self.model3short8(x3))
        x = self.model9(self.model9up(x) + self.model2short9(x2))
        x = self.model10(self.model10up(x) + self.model1short10(x1))
        return self.unnormalize_ab(self.model_out(x))


def gray_of_lightness(lightness):
    """sRGB-encoded, 0 to 1: a few operations a pixel."""
    f = (lightness + 16) / 116
    light = torch.where(f > 6 / 29, f**3, (f - 4 / 29) * (108 / 841))
    return torch.where(
        light > 0.0031308, 1.055 * light.clamp(min=1e-6) ** (1 / 2.4) - 0.055, 12.92 * light
    )


class DDColorOfLightness(nn.Module):
    """The released network behind the gray that it is shown of L."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, lightness):
        return self.network(gray_of_lightness(lightness).expand(-1, 3, -1, -1))


class DeOldifyOfLightness(nn.Module):
    """The released network between the gray that it is shown of L and a and b of its colors."""

    # Linear sRGB to X, Y and Z over those of white (D65).
    TO_XYZ = torch.tensor(
        [
            [0.412453 / 0.95047, 0.357580 / 0.95047, 0.180423 / 0.95047],
            [0.212671, 0.715160, 0.072169],
            [0.019334 / 1.08883, 0.119193 / 1.08883, 0.950227 / 1.08883],
        ]
    )

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.mean = nn.Parameter(deoldify.MEAN.clone(), requires_grad=False)
        self.deviation = nn.Parameter(deoldify.DEVIATION.clone(), requires_grad=False)
        self.to_xyz = nn.Parameter(self.TO_XYZ[:, :, None, None].clone(), requires_grad=False)

    def forward(self, lightness):
        gray = gray_of_lightness(lightness).expand(-1, 3, -1, -1)
        output = self.network((gray - self.mean) / self.deviation)
        rgb = (output * self.deviation + self.mean).clamp(0, 1)
        linear = torch.where(
            rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp(min=1e-6) ** 2.4, rgb / 12.92
        )
        xyz = nn.functional.conv2d(linear, self.to_xyz)
        f = torch.where(xyz > 0.008856, xyz.clamp(min=1e-6) ** (1 / 3), 7.787 * xyz + 16 / 116)
        return torch.cat([500 * (f[:, :1] - f[:, 1:2]), 200 * (f[:, 1:2] - f[:, 2:])], dim=1)


def open_network(name, checkpoint):
    """A network for inference. `checkpoint`: the path of its state dict; the default has none."""
    if name == DEFAULT:
        return OwnAb(load(DEFAULT_MODEL)).eval()
    if name in OWN:
        network = OWN[name]()
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
        return OwnAb(network).eval().requires_grad_(False)
    if name in DDCOLOR:
        import ddcolor

        network = ddcolor.DDColor(architecture(name).removeprefix("ddcolor-"))
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
        return DDColorOfLightness(network).eval().requires_grad_(False)
    if name in DEOLDIFY:
        network = deoldify.DeOldify(architecture(name).removeprefix("deoldify-"))
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
        return DeOldifyOfLightness(network).eval().requires_grad_(False)
    network = {"eccv16": ECCVGenerator, "siggraph17": SIGGRAPHOnce}[name]()
    network.load_state_dict(torch.load(checkpoint, weights_only=True))
    return network.eval().requires_grad_(False)

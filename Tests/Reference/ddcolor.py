"""DDColor in PyTorch: the classes of the package spandrel_extra_arches, which are the release's.

    network = DDColor("tiny")             # or "large"
    ab = network(inputs)                  # [1, 3, H, W], sRGB from 0 to 1 -> [1, 2, H, W]

Weights are without spectral norm, which `normalize` puts on, as the released files have it.
"""

import sys
import warnings
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from skimage.color import lab2rgb, rgb2lab
from torch import nn
from torch.nn.utils import remove_spectral_norm, spectral_norm

# The package imports all architectures that it has, of which others need torchvision, whose
# binaries go with another build of PyTorch.
NAMES = ["torchvision", "torchvision.transforms", "torchvision.transforms.functional"]
sys.modules.update({name: mock.MagicMock() for name in NAMES})
from spandrel_extra_arches.architectures.DDColor import DDColor as Released  # noqa: E402
from spandrel_extra_arches.architectures.DDColor.__arch.position_encoding import (  # noqa: E402
    PositionEmbeddingSine,
)

for name in NAMES:
    del sys.modules[name]

# ConvNeXt-S is in no release: a file of it has the tensors that say so.
ENCODERS = {"tiny": "convnext-t", "large": "convnext-l", "small": "convnext-s"}


def DDColor(kind):  # noqa: N802
    network = Released(
        encoder_name=ENCODERS[kind],
        last_norm="Spectral",
        num_output_channels=2,
        num_queries=100,
        num_scales=3,
        dec_layers=9,
    )
    # Nothing uses its result.
    network.encoder.arch.norm = nn.Identity()
    for module in network.modules():
        if hasattr(module, "weight_orig"):
            remove_spectral_norm(module)
            # PyTorch forgets this one.
            module._load_state_dict_pre_hooks.clear()
    return network


def normalize(network):
    """Puts on the norms that the release has, in place; the network computes the same."""
    network.encoder.arch.norm = nn.LayerNorm(network.encoder.arch.norm3.weight.shape[0])
    for name, module in list(network.named_modules()):
        has_norm = name.startswith(("decoder.layers.", "decoder.last_shuf.", "refine_net."))
        if not has_norm or not isinstance(module, nn.Conv2d):
            continue
        weight = module.weight.detach().clone()
        spectral_norm(module)
        # What is divided by is `factor`, as if it were the spectral norm.
        factor = 3
        module.weight_orig.data = factor * weight
        product = weight.flatten(1).T @ module.weight_u
        module.weight_v.data = product / product.square().sum()
    return network


def network_input(lightness):
    """What the release shows of L [H, W]: sRGB of (L, 0, 0), [1, 3, H, W], in float64."""
    lab = np.stack([np.asarray(lightness, np.float64)] + 2 * [np.zeros(np.shape(lightness))], -1)
    return torch.from_numpy(np.ascontiguousarray(lab2rgb(lab).transpose(2, 0, 1)))[None]


def forward(network, lightness):
    """a and b [2, H, W] of L [H, W]."""
    dtype = next(network.parameters()).dtype
    return network(network_input(lightness).to(dtype))[0]


def positions(channels):
    """Its sine positions: of [1, channels, H, W] and None."""
    return PositionEmbeddingSine(channels // 2, normalize=True)


def released_pipeline(network, image, side):
    """A picture colored as the release does it: uint8 [H, W, 3] of uint8 [H, W, 3] or [H, W].

    OpenCV's conversions are tables; here are the exact ones. Its float32 resize has the positions
    of PyTorch's bilinear one without antialiasing.
    """
    rgb = np.stack(3 * [image], -1) if image.ndim == 2 else image
    rgb = rgb / 255
    planes = torch.from_numpy(rgb.transpose(2, 0, 1).copy())[None]
    small = F.interpolate(planes, (side, side), mode="bilinear", align_corners=False)
    lightness = rgb2lab(small[0].numpy().transpose(1, 2, 0))[..., 0]
    ab = forward(network, lightness)[None].float()
    ab = F.interpolate(ab, rgb.shape[:2], mode="nearest")[0].numpy().transpose(1, 2, 0)
    lab = np.concatenate([rgb2lab(rgb)[..., :1], ab], axis=-1)
    with warnings.catch_warnings():
        # scikit-image warns of every negative Z.
        warnings.simplefilter("ignore", UserWarning)
        return (lab2rgb(lab) * 255).round().astype(np.uint8)

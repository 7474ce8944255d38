"""DeOldify's two networks in PyTorch: what its release builds with fastai, written anew.

    network = DeOldify("deep")            # "artistic"; "wide": "stable" and "video"
    rgb = network(inputs)                 # [1, 3, H, W], normalised as ImageNet's, -> [1, 3, H, W]

Tensors have the release's names, in which a list has all parts, numbered. `normalize` puts spectral
and weight norms on, as the released files have them; without them the weights are what these make.
"""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.nn.utils import spectral_norm, weight_norm

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
DEVIATION = torch.tensor([0.229, 0.224, 0.225])[:, None, None]

# The channels of the four blocks of the decoder.
BLOCKS = {"deep": (768, 768, 672, 300), "wide": (512, 512, 512, 256)}
# ResNet-34's and ResNet-101's.
ENCODERS = {"deep": (3, 4, 6, 3), "wide": (3, 4, 23, 3)}


class ResidualBlock(nn.Module):
    """Of ResNet, with convolutions of these kernels."""

    def __init__(self, inputs, width, stride, kernels):
        super().__init__()
        outputs = width * (4 if len(kernels) == 3 else 1)
        self.count = len(kernels)
        channels = inputs
        # The stride is the first 3x3's.
        strided = kernels.index(3) + 1
        for number, kernel in enumerate(kernels, start=1):
            after = outputs if number == self.count else width
            step = stride if number == strided else 1
            conv = nn.Conv2d(channels, after, kernel, step, kernel // 2, bias=False)
            setattr(self, f"conv{number}", conv)
            setattr(self, f"bn{number}", nn.BatchNorm2d(after))
            channels = after
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        inside = x
        for number in range(1, self.count + 1):
            inside = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(inside))
            if number < self.count:
                inside = F.relu(inside)
        return F.relu(inside + (x if self.downsample is None else self.downsample(x)))


def encoder(counts, kernels):
    """ResNet without its head."""
    layers = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = 64
    for index, count in enumerate(counts):
        blocks = []
        for number in range(count):
            stride = 2 if number == 0 and index > 0 else 1
            blocks.append(ResidualBlock(channels, 64 << index, stride, kernels))
            channels = (64 << index) * (4 if len(kernels) == 3 else 1)
        layers.append(nn.Sequential(*blocks))
    return nn.Sequential(*layers)


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.query = nn.Conv1d(channels, channels // 8, 1, bias=False)
        self.key = nn.Conv1d(channels, channels // 8, 1, bias=False)
        self.value = nn.Conv1d(channels, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        positions = x.flatten(2)
        query, key, value = (part(positions) for part in (self.query, self.key, self.value))
        # [queries, keys]: the softmax is over the queries.
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=1)
        return (self.gamma * (value @ weights) + positions).view_as(x)


def activated(inputs, outputs, *more):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.BatchNorm2d(outputs),
        *more,
    )


class Enlargement(nn.Module):
    """Pixel shuffle and blur; `conv` with a batch norm, or with a bias."""

    def __init__(self, inputs, outputs, norm):
        super().__init__()
        conv = nn.Conv2d(inputs, 4 * outputs, 1, bias=not norm)
        self.conv = nn.Sequential(conv, *([nn.BatchNorm2d(4 * outputs)] if norm else []))

    def forward(self, x):
        x = F.pixel_shuffle(F.relu(self.conv(x)), 2)
        return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, stride=1)


class Block(nn.Module):
    def __init__(self, below, beside, up, outputs, deep, attention):
        super().__init__()
        self.shuf = Enlargement(below, up, norm=True)
        self.bn = nn.BatchNorm2d(beside)
        more = [Attention(outputs)] if attention else []
        if deep:
            self.conv1 = activated(up + beside, outputs)
            self.conv2 = activated(outputs, outputs, *more)
        else:
            self.conv = activated(up + beside, outputs, *more)

    def forward(self, below, beside):
        up = self.shuf(below)
        if up.shape[2:] != beside.shape[2:]:
            up = F.interpolate(up, beside.shape[2:], mode="nearest")
        x = F.relu(torch.cat((up, self.bn(beside)), dim=1))
        return self.conv2(self.conv1(x)) if hasattr(self, "conv1") else self.conv(x)


class Merge(nn.Module):
    """x + what two convolutions make of it."""

    def __init__(self, channels):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()) for _ in range(2)
        )

    def forward(self, x):
        return x + self.layers[1](self.layers[0](x))


class DeOldify(nn.Module):
    def __init__(self, kind):
        super().__init__()
        deep = kind == "deep"
        kernels = (3, 3) if deep else (1, 3, 1)
        beside = (256, 128, 64, 64) if deep else (1024, 512, 256, 64)
        below = deepest = 512 if deep else 2048
        blocks = []
        for index, outputs in enumerate(BLOCKS[kind]):
            up = below // 2 if deep else outputs
            blocks.append(Block(below, beside[index], up, outputs, deep, index == 1))
            below = outputs
        self.layers = nn.ModuleList(
            [
                encoder(ENCODERS[kind], kernels),
                nn.BatchNorm2d(deepest),
                nn.ReLU(),
                nn.Sequential(activated(deepest, 2 * deepest), activated(2 * deepest, deepest)),
                *blocks,
                Enlargement(below, below, norm=False),
                nn.Identity(),
                Merge(below + 3),
                nn.Sequential(nn.Conv2d(below + 3, 3, 1)),
            ]
        )

    def forward(self, rgb):
        x, beside = rgb, []
        for index, layer in enumerate(self.layers[0]):
            x = layer(x)
            # Behind the first ReLU, and layers 1 to 3.
            if index in (2, 4, 5, 6):
                beside.append(x)
        x = self.layers[3](self.layers[2](self.layers[1](x)))
        for block in self.layers[4:8]:
            x = block(x, beside.pop())
        x = torch.cat((self.layers[8](x), rgb), dim=1)
        return torch.sigmoid(self.layers[11](self.layers[10](x))) * 6 - 3


def network_input(gray, dtype=torch.float32):
    """[1, 3, H, W] of a gray picture, uint8 [H, W]."""
    values = torch.from_numpy(np.array(gray)).to(dtype).expand(1, 3, -1, -1) / 255
    return (values - MEAN.to(dtype)) / DEVIATION.to(dtype)


def colors(output):
    """Red, green and blue of what the network gives, 0 to 1."""
    return (output * DEVIATION.to(output.dtype) + MEAN.to(output.dtype)).clamp(0, 1)


def released_pipeline(predict, image, size):
    """What the release makes of a picture, without its watermark: uint8 [H, W, 3] of uint8 [H, W]
    or [H, W, 3]. `predict` is the network: [1, 3, size, size] of [1, 3, size, size]."""
    original = Image.fromarray(image).convert("RGB")
    small = original.resize((size, size), Image.Resampling.BILINEAR).convert("LA").convert("L")
    color = colors(predict(network_input(small))[0].float()) * 255
    # Cut off, not rounded.
    color = Image.fromarray(color.permute(1, 2, 0).numpy().astype(np.uint8))
    color = color.resize(original.size, Image.Resampling.BILINEAR)
    yuv = cv2.cvtColor(np.asarray(color), cv2.COLOR_RGB2YUV)
    yuv[..., 0] = cv2.cvtColor(np.asarray(original), cv2.COLOR_RGB2YUV)[..., 0]
    return cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB)


def normalize(network):
    """Puts the release's norms on, in place; what the network computes stays the same."""
    weight_norm(network.layers[8].conv[0])
    for part in (*network.layers[3:8], *network.layers[10:]):
        for module in part.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d):
                _normalize_spectrally(module)
    return network


def _normalize_spectrally(module):
    weight = module.weight.detach().clone()
    spectral_norm(module)
    # What is divided by is `factor`, as if it were the spectral norm.
    factor = 3
    module.weight_orig.data = factor * weight
    product = weight.flatten(1).T @ module.weight_u
    module.weight_v.data = product / product.square().sum()

"""The lite network in PyTorch: the definition that libcolorize's own is measured against.

It reads like the network's description (Sources/ColorizeCore/Networks/Lite.swift); the attributes
are named as the tensors of a model file are, so a file's tensors are a state dict.

    network = models.load("lite.safetensors")
    logits = network(inputs)               # [1, 4, H, W] -> [1, 313, H/4, W/4]
"""

import torch.nn.functional as F
from torch import nn

from compact import BINS, Residual, conv, up

# Of the classifier's stages after the first: channels, blocks, kernel, stride.
STAGES = {
    2: (24, 2, 3, 2),
    3: (40, 2, 5, 2),
    4: (80, 3, 3, 2),
    5: (112, 3, 5, 1),
    6: (192, 4, 5, 2),
    7: (320, 1, 3, 1),
}


def padded(inputs, outputs, kernel, stride=1, groups=1):
    """A convolution with as much padding on every side, without bias, then batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-5),
    )


def halving(inputs, outputs):
    """A 3x3 convolution with bias and stride 2."""
    return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)


class Block(nn.Module):
    """EfficientNet's: wider inside by `expansion`, and added to what it gets if `adds`."""

    def __init__(
        self, inputs, outputs, kernel, stride, expansion=6, adds=False,
        convolution=padded, activation=F.relu,
    ):  # fmt: skip
        super().__init__()
        inside = expansion * inputs
        if expansion > 1:
            self.expand = convolution(inputs, inside, 1)
        self.depthwise = convolution(inside, inside, kernel, stride, groups=inside)
        self.project = convolution(inside, outputs, 1)
        self.adds = adds
        self.activation = activation

    def forward(self, x):
        y = self.activation(self.expand(x)) if hasattr(self, "expand") else x
        y = self.project(self.activation(self.depthwise(y)))
        return x + y if self.adds else y


def stage(inputs, shape, **kinds):
    """The blocks of one size: their channels, number, kernel and stride."""
    outputs, count, kernel, stride = shape
    blocks = [Block(inputs, outputs, kernel, stride, **kinds)]
    blocks += [Block(outputs, outputs, kernel, 1, adds=True, **kinds) for _ in range(count - 1)]
    return nn.Sequential(*blocks)


class Lite(nn.Module):
    """Input [N, 4, H, W]: (L - 50) / 100, a hint / 110, b hint / 110, mask (1 where a hint is).

    H and W are multiples of 16.
    """

    def __init__(self):
        super().__init__()
        self.stem = conv(4, 32, 2)
        self.stage1 = nn.Sequential(Block(32, 16, 3, 1, expansion=1))
        self.stage2 = stage(16, STAGES[2])
        self.stage3 = stage(24, STAGES[3])
        self.stage4 = stage(40, STAGES[4])
        self.stage5 = stage(80, STAGES[5])
        self.stage6 = stage(112, STAGES[6])
        self.stage7 = stage(192, STAGES[7])
        self.hint2 = halving(4, 16)
        self.hint4 = halving(16, 32)
        self.hint8 = halving(32, 64)
        self.hint16 = halving(64, 128)
        self.hintimage4 = nn.Conv2d(24, 32, 1)
        self.hintimage8 = nn.Conv2d(40, 64, 1)
        self.hintimage16 = nn.Conv2d(112, 128, 1)
        self.hintres4 = Residual(32)
        self.hintres8 = Residual(64)
        self.lateral16 = nn.Conv2d(112, 128, 1)
        self.up16 = nn.Conv2d(320, 128, 1)
        self.dec16 = nn.Sequential(Residual(128), Residual(128))
        self.glob1 = nn.Linear(128, 128)
        self.glob2 = nn.Linear(128, 128)
        self.lateral8 = nn.Conv2d(40, 96, 1)
        self.hintlateral8 = nn.Conv2d(64, 96, 1)
        self.up8 = nn.Conv2d(128, 96, 1)
        self.dec8 = nn.Sequential(Residual(96))
        self.lateral4 = nn.Conv2d(24, 64, 1)
        self.hintlateral4 = nn.Conv2d(32, 64, 1)
        self.up4 = nn.Conv2d(96, 64, 1)
        self.dec4 = nn.Sequential(Residual(64))
        self.head = conv(64, 128, 1)
        self.logits = nn.Conv2d(128, len(BINS), 1)

    def forward(self, inputs):
        a = self.stage2(self.stage1(F.relu(self.stem(inputs))))
        b = self.stage3(a)
        c = self.stage5(self.stage4(b))
        d = self.stage7(self.stage6(c))

        hint4 = self.hint4(F.relu(self.hint2(inputs))) + self.hintimage4(a)
        hint4 = self.hintres4(F.relu(hint4))
        hint8 = self.hintres8(F.relu(self.hint8(hint4) + self.hintimage8(b)))
        hint16 = F.relu(self.hint16(hint8) + self.hintimage16(c))

        c = self.lateral16(c)
        y = self.dec16[0](F.relu(up(self.up16(d), c) + (c + hint16)))
        g = self.glob2(F.relu(self.glob1(y.mean(dim=(2, 3)))))
        y = self.dec16[1](F.relu(y + g[:, :, None, None]))

        b = self.lateral8(b) + self.hintlateral8(hint8)
        y = self.dec8(F.relu(up(self.up8(y), b) + b))

        a = self.lateral4(a) + self.hintlateral4(hint4)
        y = self.dec4(F.relu(up(self.up4(y), a) + a))
        return self.logits(F.relu(self.head(y)))

"""The lite1 network in PyTorch: the definition that libcolorize's own is measured against.

It reads like the network's description (Sources/ColorizeCore/Networks/Lite1.swift and
EfficientNetLite1.swift); the attributes are named as the tensors of a model file are, so a file's
tensors are a state dict.

    network = models.load("lite1.safetensors")
    logits = network(inputs)               # [1, 4, H, W] -> [1, 313, H/4, W/4]
"""

import torch
import torch.nn.functional as F
from torch import nn

from compact import BINS, Residual, conv, up
from lite import Block, halving, stage

# Of the classifier's stages after the first: channels, blocks, kernel, stride.
STAGES = {
    2: (24, 3, 3, 2),
    3: (40, 3, 5, 2),
    4: (80, 4, 3, 2),
    5: (112, 4, 5, 1),
    6: (192, 5, 5, 2),
    7: (320, 1, 3, 1),
}


def gray_as_rgb(lightness):
    """What the classifier is shown, [N, 3, H, W], of (L - 50) / 100, [N, 1, H, W]."""
    f = (100 * lightness + 66) / 116
    luminance = torch.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
    curve = 1.055 * luminance.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    encoded = torch.where(luminance > 0.0031308, curve, 12.92 * luminance)
    return ((255 * encoded - 127) / 128).expand(-1, 3, -1, -1)


class Same(nn.Module):
    """A convolution with TensorFlow's padding, for sides that are multiples of the stride; then
    batch norm."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1):
        super().__init__()
        both = kernel - stride
        self.padding = [both // 2, both - both // 2] * 2
        self.add_module("0", nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False))
        self.add_module("1", nn.BatchNorm2d(outputs, eps=1e-5))

    def forward(self, x):
        convolution, norm = self.children()
        return norm(convolution(F.pad(x, self.padding)))


# lite's block with the classifier's own padding and activation.
KINDS = {"convolution": Same, "activation": F.relu6}


class Lite1(nn.Module):
    """Input [N, 4, H, W]: (L - 50) / 100, a hint / 110, b hint / 110, mask (1 where a hint is).

    H and W are multiples of 32.
    """

    def __init__(self):
        super().__init__()
        self.stem = Same(3, 32, 3, 2)
        self.stage1 = nn.Sequential(Block(32, 16, 3, 1, expansion=1, **KINDS))
        self.stage2 = stage(16, STAGES[2], **KINDS)
        self.stage3 = stage(24, STAGES[3], **KINDS)
        self.stage4 = stage(40, STAGES[4], **KINDS)
        self.stage5 = stage(80, STAGES[5], **KINDS)
        self.stage6 = stage(112, STAGES[6], **KINDS)
        self.stage7 = stage(192, STAGES[7], **KINDS)
        self.top = Same(320, 1280, 1)
        self.hint2 = halving(4, 16)
        self.hint4 = halving(16, 32)
        self.hint8 = halving(32, 64)
        self.hint16 = halving(64, 128)
        self.hintimage4 = nn.Conv2d(24, 32, 1)
        self.hintimage8 = nn.Conv2d(40, 64, 1)
        self.hintimage16 = nn.Conv2d(112, 128, 1)
        self.hintres4 = Residual(32)
        self.hintres8 = Residual(64)
        self.hintres16 = Residual(128)
        self.glob1 = nn.Linear(1280, 256)
        self.glob2 = nn.Linear(256, 192)
        self.lateral16 = nn.Conv2d(112, 192, 1)
        self.hintlateral16 = nn.Conv2d(128, 192, 1)
        self.up16 = nn.Conv2d(1280, 192, 1)
        self.dec16 = nn.Sequential(Residual(192), Residual(192))
        self.lateral8 = nn.Conv2d(40, 128, 1)
        self.hintlateral8 = nn.Conv2d(64, 128, 1)
        self.up8 = nn.Conv2d(192, 128, 1)
        self.dec8 = nn.Sequential(Residual(128))
        self.lateral4 = nn.Conv2d(24, 64, 1)
        self.hintlateral4 = nn.Conv2d(32, 64, 1)
        self.up4 = nn.Conv2d(128, 64, 1)
        self.dec4 = nn.Sequential(Residual(64))
        self.head = conv(64, 128, 1)
        self.logits = nn.Conv2d(128, len(BINS), 1)

    def classifier(self, inputs):
        """The classifier's values at H/4, H/8, H/16, and its head's at H/32."""
        quarter = self.stage2(self.stage1(F.relu6(self.stem(gray_as_rgb(inputs[:, :1])))))
        eighth = self.stage3(quarter)
        sixteenth = self.stage5(self.stage4(eighth))
        top = F.relu6(self.top(self.stage7(self.stage6(sixteenth))))
        return quarter, eighth, sixteenth, top

    def forward(self, inputs):
        quarter, eighth, sixteenth, top = self.classifier(inputs)

        hint4 = self.hint4(F.relu(self.hint2(inputs))) + self.hintimage4(quarter)
        hint4 = self.hintres4(F.relu(hint4))
        hint8 = self.hintres8(F.relu(self.hint8(hint4) + self.hintimage8(eighth)))
        hint16 = self.hintres16(F.relu(self.hint16(hint8) + self.hintimage16(sixteenth)))

        g = self.glob2(F.relu(self.glob1(top.mean(dim=(2, 3)))))
        x = self.lateral16(sixteenth) + self.hintlateral16(hint16)
        y = self.dec16[0](F.relu(up(self.up16(top), x) + x))
        y = self.dec16[1](F.relu(y + g[:, :, None, None]))

        x = self.lateral8(eighth) + self.hintlateral8(hint8)
        y = self.dec8(F.relu(up(self.up8(y), x) + x))

        x = self.lateral4(quarter) + self.hintlateral4(hint4)
        y = self.dec4(F.relu(up(self.up4(y), x) + x))
        return self.logits(F.relu(self.head(y)))

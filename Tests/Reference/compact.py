"""The compact network in PyTorch: the definition that libcolorize's own is measured against.

It reads like the table of the network's description; the attributes are named as the tensors of
a model file are, so a file's tensors are a state dict.

    network = models.load("compact.safetensors")
    logits = network(inputs)               # [1, 4, H, W] -> [1, 313, H/4, W/4]
    ab = annealed_mean(logits, 0.38)       # [1, 2, H/4, W/4]
"""

import torch
import torch.nn.functional as F
from torch import nn

# The a of a row of bins: its first and last b. Steps of 10 both ways, a major: bin 0 is (-90, 50),
# bin 312 is (100, 0): the 313 bins of Zhang et al. 2016, section 2.2, in the release's order.
BIN_ROWS = {
    -90: (50, 90), -80: (20, 90), -70: (0, 90), -60: (-20, 90), -50: (-30, 100),
    -40: (-40, 100), -30: (-50, 100), -20: (-50, 100), -10: (-60, 100), 0: (-70, 100),
    10: (-80, 90), 20: (-80, 90), 30: (-90, 90), 40: (-100, 90), 50: (-100, 80),
    60: (-110, 80), 70: (-110, 80), 80: (-110, 70), 90: (-110, 70), 100: (-90, 0),
}  # fmt: skip

# [313, 2]: a and b of each bin's centre.
BINS = torch.tensor(
    [(a, b) for a, (first, last) in BIN_ROWS.items() for b in range(first, last + 1, 10)],
    dtype=torch.float64,
)

# The temperature that the paper decodes at (section 2.3).
PAPER_TEMPERATURE = 0.38


def vivid(vividness, prior):
    """What is added to logits [313] for a world in which rare colors are less rare.

    The distribution p becomes proportional to p * (1 + vividness / (313 smoothed prior)), or, for a
    vividness below 0, where rare colors are rarer, p / (1 - vividness / (313 smoothed prior)); the
    smoothed prior is 0.95 prior + 0.05 / 313.
    """
    smoothed = 0.95 * prior + 0.05 / len(BINS)
    shift = torch.log1p(abs(vividness) / (len(BINS) * smoothed))
    return shift if vividness >= 0 else -shift


def read_prior(path):
    """[313]: the last cells of a table's rows, as `libcolorize gamut --csv` writes it."""
    rows = path.read_text().splitlines()[-len(BINS) :]
    return torch.tensor([float(row.replace(",", "\t").split("\t")[-1]) for row in rows]).double()


def conv(inputs, outputs, stride):
    """A 3x3 convolution without bias, then batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-5),
    )


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.a = conv(channels, channels, 1)
        self.b = conv(channels, channels, 1)

    def forward(self, x):
        return F.relu(x + self.b(F.relu(self.a(x))))


def up(y, x):
    """y stretched to the size of x."""
    return F.interpolate(y, size=x.shape[2:], mode="bilinear", align_corners=False)


class Compact(nn.Module):
    """Input [N, 4, H, W]: (L - 50) / 100, a hint / 110, b hint / 110, mask (1 where a hint is).

    H and W are multiples of 16.
    """

    def __init__(self):
        super().__init__()
        self.stem1 = conv(4, 32, 2)
        self.stem2 = conv(32, 64, 2)
        self.enc4 = nn.Sequential(Residual(64))
        self.down8 = conv(64, 128, 2)
        self.enc8 = nn.Sequential(Residual(128), Residual(128))
        self.down16 = conv(128, 256, 2)
        self.enc16 = nn.Sequential(Residual(256), Residual(256))
        self.glob1 = nn.Linear(256, 256)
        self.glob2 = nn.Linear(256, 256)
        self.up8 = nn.Conv2d(256, 128, 1)
        self.dec8 = nn.Sequential(Residual(128))
        self.up4 = nn.Conv2d(128, 64, 1)
        self.dec4 = nn.Sequential(Residual(64))
        self.head = conv(64, 128, 1)
        self.logits = nn.Conv2d(128, len(BINS), 1)

    def forward(self, inputs):
        x = F.relu(self.stem2(F.relu(self.stem1(inputs))))
        a = self.enc4(x)
        b = self.enc8(F.relu(self.down8(a)))
        c = self.enc16(F.relu(self.down16(b)))
        g = self.glob2(F.relu(self.glob1(c.mean(dim=(2, 3)))))
        c = F.relu(c + g[:, :, None, None])
        y = self.dec8(F.relu(up(self.up8(c), b) + b))
        y = self.dec4(F.relu(up(self.up4(y), a) + a))
        return self.logits(F.relu(self.head(y)))


def annealed_mean(logits, temperature):
    """The mean of the bins' centres under softmax(logits / temperature): [N, 2, H/4, W/4]."""
    probabilities = torch.softmax(logits / temperature, dim=1)
    return torch.einsum("nqhw,qc->nchw", probabilities, BINS.to(logits.dtype))

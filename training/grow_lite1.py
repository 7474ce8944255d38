"""A lite1 that begins by saying what a lite says, with a new classifier's eyes.

    python training/grow_lite1.py START.safetensors LITE.safetensors --data TAR... --out GROWN

START is what classifier_start.py has written. lite1's decoder and branch of hints are lite's with
more channels: the old channels get LITE's weights, and see nothing of the new ones at first. What
lite took from its own encoder is fitted to the new classifier's values by least squares over some
photographs. Hints, which random weights hardly learn beside a classifier that does not see them,
are known from the first step on.

LITE may be the built-in model, with the dials that its last layer holds: they are taken out again
by --temperature and --vividness.
"""

import argparse
import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from skimage.color import rgb2lab

sys.path.insert(0, str(Path(__file__).parents[1] / "Tests" / "Reference"))
from make_default_model import PRIOR

import models
from compact import PAPER_TEMPERATURE, read_prior, up, vivid
from safetensors_file import write

SIDE = 128
AT_ONCE = 50
# Shares of the mean square of a value, against fitting noise.
RIDGE = 1e-3
POOLED_RIDGE = 0.03


def photographs(tars, count):
    """[count, 1, SIDE, SIDE] of (L - 50) / 100, from all tars alike."""
    lightness = []
    for path in tars:
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            wanted = -(-count // len(tars))
            for member in members[:: max(1, len(members) // wanted)][:wanted]:
                picture = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
                left, top = ((side - min(picture.size)) // 2 for side in picture.size)
                box = (left, top, left + min(picture.size), top + min(picture.size))
                square = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box)
                lightness.append((rgb2lab(np.asarray(square))[..., 0] - 50) / 100)
    return torch.from_numpy(np.float32(lightness[:count]))[:, None]


class Fit:
    """Least squares of rows of values, with a constant."""

    def __init__(self, ridge):
        self.ridge = ridge
        self.squares = self.products = 0

    def add(self, values, wanted):
        """[N, C, H, W] or [N, C] each."""
        x, y = (
            (v.permute(0, 2, 3, 1).reshape(-1, v.shape[1]) if v.dim() == 4 else v).double()
            for v in (values, wanted)
        )
        x = torch.cat([x, torch.ones(len(x), 1)], 1)
        self.squares = self.squares + x.T @ x
        self.products = self.products + x.T @ y
        self.total = getattr(self, "total", 0) + (y - y.mean(0)).square().sum()
        self.constant = getattr(self, "constant", 0) + y.square().sum()

    def solve(self, name):
        """[outputs, inputs] and [outputs]."""
        penalty = self.ridge * self.squares.diagonal().mean() * torch.eye(len(self.squares))
        penalty[-1, -1] = 0
        both = torch.linalg.solve(self.squares + penalty, self.products)
        left = self.constant - 2 * (both * self.products).sum()
        left = left + (both * (self.squares @ both)).sum()
        print(f"{name}: {100 * (1 - left / self.total):.0f} % of the variance")
        return both[:-1].T.float(), both[-1].float()


@torch.inference_mode()
def fits(old, new, lightness):
    """Name of a layer of lite1 -> weight and bias with which it says what lite says there."""
    names = ("lateral4", "hintimage4", "lateral8", "hintimage8", "16", "hintimage16", "glob")
    all_fits = {name: Fit(POOLED_RIDGE if name == "glob" else RIDGE) for name in names}
    for first in range(0, len(lightness), AT_ONCE):
        inputs = F.pad(lightness[first : first + AT_ONCE], (0, 0, 0, 0, 0, 3))
        a = old.stage2(old.stage1(F.relu(old.stem(inputs))))
        b = old.stage3(a)
        c = old.stage5(old.stage4(b))
        d = old.stage7(old.stage6(c))
        quarter, eighth, sixteenth, top = new.classifier(inputs)

        for size, mine, its in (("4", quarter, a), ("8", eighth, b)):
            all_fits[f"lateral{size}"].add(mine, getattr(old, f"lateral{size}")(its))
            all_fits[f"hintimage{size}"].add(mine, getattr(old, f"hintimage{size}")(its))
        all_fits["hintimage16"].add(sixteenth, old.hintimage16(c))
        deep = up(old.up16(d), c) + old.lateral16(c)
        all_fits["16"].add(torch.cat([sixteenth, up(top, sixteenth)], 1), deep)

        hint4 = old.hint4(F.relu(old.hint2(inputs))) + old.hintimage4(a)
        hint8 = old.hint8(old.hintres4(F.relu(hint4))) + old.hintimage8(b)
        hint16 = F.relu(old.hint16(old.hintres8(F.relu(hint8))) + old.hintimage16(c))
        y = old.dec16[0](F.relu(deep + hint16)).mean(dim=(2, 3))
        all_fits["glob"].add(top.mean(dim=(2, 3)), old.glob2(F.relu(old.glob1(y))))
    return {name: fit.solve(name) for name, fit in all_fits.items()}


def grow(start, lite, found):
    """START's weights, and LITE's in the first channels of what has such."""
    weights = {name: tensor.clone() for name, tensor in start.items()}
    for name in [name for name in lite if name in weights and name.split(".")[0] in GROWING]:
        tensor, into = lite[name], weights[name]
        rows = len(tensor)
        if tensor.dim() > 1:
            into[:rows] = 0
            into[:rows, : tensor.shape[1]] = tensor
        else:
            into[:rows] = tensor

    for name in ("lateral4", "hintimage4", "lateral8", "hintimage8", "hintimage16"):
        weight, bias = found[name]
        weights[f"{name}.weight"][: len(weight)] = weight[:, :, None, None]
        weights[f"{name}.bias"][: len(bias)] = bias
    weight, bias = found["16"]
    rows, taken = len(weight), weights["lateral16.weight"].shape[1]
    weights["lateral16.weight"][:rows] = weight[:, :taken, None, None]
    weights["lateral16.bias"][:rows] = bias
    weights["up16.weight"][:rows] = weight[:, taken:, None, None]
    weights["up16.bias"][:rows] = 0
    weights["hintlateral16.weight"][:rows] = torch.eye(rows)[:, :, None, None]
    weights["hintlateral16.bias"][:rows] = 0
    # A linear map through a ReLU: x is relu(x) - relu(-x).
    weight, bias = found["glob"]
    weights["glob1.weight"][:] = torch.cat([weight, -weight])
    weights["glob1.bias"][:] = torch.cat([bias, -bias])
    weights["glob2.weight"][:rows] = torch.cat([torch.eye(rows), -torch.eye(rows)], 1)
    weights["glob2.bias"][:rows] = 0
    return weights


# What lite and lite1 both have behind their classifiers, but for what is fitted.
GROWING = (
    *("hint2", "hint4", "hint8", "hint16", "hintres4", "hintres8", "hintlateral8", "hintlateral4"),
    *("dec16", "up8", "dec8", "up4", "dec4", "head", "logits"),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("start", type=Path)
    parser.add_argument("lite", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--temperature", type=float, default=PAPER_TEMPERATURE)
    parser.add_argument("--vividness", type=float, default=0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    start = load_file(arguments.start)
    lite = {
        name: tensor.float()
        for name, tensor in load_file(arguments.lite).items()
        if not name.startswith("vector.")
    }
    factor = PAPER_TEMPERATURE / arguments.temperature
    shift = vivid(arguments.vividness, read_prior(PRIOR)).float()
    lite["logits.weight"] /= factor
    lite["logits.bias"] = lite["logits.bias"] / factor - shift

    old = models.network_of("lite", lite)
    new = models.network_of("lite1", start)
    found = fits(old, new, photographs(arguments.data, arguments.pictures))
    weights = grow(start, lite, found)
    write(
        arguments.out,
        {name: tensor.numpy() for name, tensor in weights.items()},
        {"architecture": "lite1"},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

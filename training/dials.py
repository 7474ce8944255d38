"""Chooses how the default model's distribution is read, on pictures held back from training.

    python training/dials.py MODEL --data DIR_OR_TAR... --hold-back 100 --prior ab-prior.tsv

For the model's distribution p at temperature T a color is the mean of the bins under

    q ~ p * (1 + vividness / (313 smoothed prior)),

the distribution of a world in which rare colors are less rare; or, for a vividness below 0, where
they are rarer, p / (1 - vividness / ...). Vividness 0 is p itself, and the smoothed prior is
0.95 prior + 0.05 / 313. The factor is a summand of the last layer's bias, so that it costs nothing:
make_default_model.py puts it there. Every setting's figures are those of `libcolorize evaluate`
(reference preset, ab bilinear).
"""

import argparse
import io
import itertools
import sys
import tarfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.spatial import cKDTree
from skimage import color

sys.path.insert(0, str(Path(__file__).parents[1] / "Tests" / "Reference"))
from compact import BINS, read_prior, vivid
from models import load

SUFFIXES = (".jpg", ".jpeg", ".png")
THRESHOLDS = 151


def held_back(paths, period, limit):
    """The pictures that `train --hold-back` does not train on, up to `limit`, evenly."""
    encoded = []
    for path in sorted(paths):
        members = sorted(path.iterdir()) if path.is_dir() else [path]
        for member in members:
            if member.suffix == ".tar":
                with tarfile.open(member) as tar:
                    encoded += [
                        tar.extractfile(m).read()
                        for m in tar
                        if m.isfile() and m.name.lower().endswith(SUFFIXES)
                    ]
            elif member.name.lower().endswith(SUFFIXES):
                encoded.append(member.read_bytes())
    chosen = encoded[period - 1 :: period] if period else encoded
    step = max(1, len(chosen) // limit)
    return [np.asarray(Image.open(io.BytesIO(e)).convert("RGB")) for e in chosen[::step][:limit]]


class Picture:
    def __init__(self, rgb, tree, weights):
        self.rgb = rgb / 255.0
        self.lab = color.rgb2lab(rgb)
        self.weights = weights[tree.query(self.lab[..., 1:].reshape(-1, 2))[1]]

    def lightness(self, side):
        square = Image.fromarray((self.rgb * 255).round().astype(np.uint8))
        square = square.resize((side, side), Image.Resampling.BICUBIC)
        return color.rgb2lab(np.asarray(square))[..., 0]


def figures(pictures, predictions):
    """AuC, rebalanced AuC, PSNR, CIEDE2000, chroma."""
    counts, weighted = np.zeros(THRESHOLDS), np.zeros(THRESHOLDS)
    pixels = weight = 0.0
    psnr, difference, chroma = [], [], []
    for picture, ab in zip(pictures, predictions, strict=True):
        distance = np.linalg.norm(picture.lab[..., 1:] - ab, axis=-1).ravel()
        bucket = np.minimum(np.ceil(distance).astype(int), THRESHOLDS)
        counts += np.bincount(bucket, minlength=THRESHOLDS + 1)[:THRESHOLDS]
        weighted += np.bincount(bucket, picture.weights, minlength=THRESHOLDS + 1)[:THRESHOLDS]
        pixels += distance.size
        weight += picture.weights.sum()
        rgb = np.clip(color.lab2rgb(np.dstack([picture.lab[..., :1], ab])), 0, 1)
        psnr.append(-10 * np.log10(((rgb - picture.rgb) ** 2).mean()))
        difference.append(color.deltaE_ciede2000(picture.lab, color.rgb2lab(rgb)).mean())
        chroma.append(np.linalg.norm(ab, axis=-1).mean())
    return (
        100 * (np.cumsum(counts) / pixels).mean(),
        100 * (np.cumsum(weighted) / weight).mean(),
        np.mean(psnr),
        np.mean(difference),
        np.mean(chroma),
    )


def show(name, values):
    auc, rebalanced, psnr, difference, chroma = values
    print(
        f"{name:32s} {auc:7.2f} {rebalanced:7.2f} {psnr:7.2f} {difference:7.2f} {chroma:7.2f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--hold-back", type=int, default=0, help="0: all pictures")
    parser.add_argument("--prior", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=128)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128])
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.5, 0.75, 1])
    parser.add_argument("--vividness", type=float, nargs="+", default=[0, 0.05, 0.1, 0.2, 0.5])
    parser.add_argument("--saturations", type=float, nargs="+", default=[1])
    arguments = parser.parse_args()

    network = load(arguments.model).eval()
    centres = BINS.double()
    prior = read_prior(arguments.prior)
    tree = cKDTree(BINS.numpy())
    pictures = [
        Picture(rgb, tree, 1 / prior.numpy())
        for rgb in held_back(arguments.data, arguments.hold_back, arguments.limit)
    ]
    print(f"{len(pictures)} pictures")
    print(f"{'':32s} {'AuC':>7s} {'rebal.':>7s} {'PSNR':>7s} {'dE2000':>7s} {'chroma':>7s}")
    show("gray", figures(pictures, [np.zeros_like(p.lab[..., 1:]) for p in pictures]))
    truth = np.mean([np.linalg.norm(p.lab[..., 1:], axis=-1).mean() for p in pictures])
    print(f"{'truth':32s} {'':31s} {truth:7.2f}")
    for side in arguments.sizes:
        logits = []
        with torch.no_grad():
            for picture in pictures:
                inputs = torch.zeros(1, 4, side, side)
                inputs[0, 0] = torch.from_numpy((picture.lightness(side) - 50) / 100)
                logits.append(network(inputs).double())
        for t, vividness in itertools.product(arguments.temperatures, arguments.vividness):
            shift = vivid(vividness, prior).view(1, -1, 1, 1)
            means = [
                torch.einsum("nkhw,kc->nchw", ((one + shift) / t).softmax(1), centres)
                for one in logits
            ]
            full = [
                F.interpolate(m, size=p.lab.shape[:2], mode="bilinear", align_corners=False)[0]
                .permute(1, 2, 0)
                .numpy()
                for m, p in zip(means, pictures, strict=True)
            ]
            for s in arguments.saturations:
                name = f"{side}  T {t:g}  vividness {vividness:g}  x{s:g}"
                show(name, figures(pictures, [ab * s for ab in full]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

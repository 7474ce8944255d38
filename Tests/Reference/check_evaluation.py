"""Compares the commands evaluate and gamut with scikit-image, SciPy, Pillow and PyTorch.

    LIBCOLORIZE_COMMAND=.../libcolorize python check_evaluation.py

Free pictures of several sizes and formats are evaluated with the built-in model at two network
sizes, without hints and with them, beside other results. All of it is computed here again: the
network by PyTorch, colors by scikit-image, nearest bins by SciPy. Prints what was measured and its
bound, row by row, and ends with `N passed, M failed`.
"""

import csv
import os
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.spatial import cKDTree
from skimage.color import deltaE_ciede2000, lab2rgb, rgb2lab

from compact import BINS, annealed_mean
from make_fixtures import MODEL
from models import load
from pictures import gray, picture
from report import Report

# Relative differences. Without a network all is float64 on both sides; scikit-image encodes colors
# and decodes them again, and the bend of sRGB's curve is not at quite the same place in both.
EXACT = 1e-8
# Colors are sorted into bins as float32: the few that lie between two may be in the other one.
GAMUT = 1e-4
# The network's ab is within 2e-3 (docs/exactness.md), mostly far less, of errors and chroma of 10.
WITH_NETWORK = 1e-4

FIGURES = ["auc", "rebalanced_auc", "psnr", "ciede2000", "chroma", "colorfulness"]
NETWORK_SIZES = [64, 160]
HINTS = [0, 3, 40]
TEMPERATURE, SATURATION = 0.6, 0.75
# Of the smoothed prior (Zhang et al. 2016, section 2.2).
SIGMA = 5
PICTURES = [("coffee", 97, 150), ("chelsea", 64, 64), ("rocket", 201, 130), ("coffee", 40, 5)]

PRIOR = Path(__file__).parents[2] / "Sources/ColorizeTraining/Evaluation/ImageNetPrior.swift"


def prior():
    """The table in the sources: 313 numbers, whose sum is 1."""
    numbers = re.findall(r"\d\.[\d_]+e-?\d+", PRIOR.read_text())
    return np.array([float(number) for number in numbers])


# ---- Hints --------------------------------------------------------------------------------------


class SplitMix64:
    """Numbers for a picture, as the sources say them."""

    STEP, ALL = 0x9E3779B97F4A7C15, (1 << 64) - 1

    def __init__(self, number):
        self.state = self.mixed((self.mixed(self.STEP) + number) & self.ALL)

    def mixed(self, value):
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & self.ALL
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & self.ALL
        return value ^ (value >> 31)

    def fraction(self):
        self.state = (self.state + self.STEP) & self.ALL
        return (self.mixed(self.state) >> 11) * 2.0**-53

    def normal(self):
        radius = np.sqrt(-2 * np.log(1 - self.fraction()))
        return radius * np.cos(2 * np.pi * self.fraction())


def patches(count, number, height, width):
    """[(rows, columns)] as slices of the picture."""
    generator = SplitMix64(number)

    def place(side):
        length = min(6, side)
        room = side - length
        first = int(np.clip((room + 1) / 2 + (room + 1) / 4 * generator.normal(), 0, room))
        return slice(first, first + length)

    return [(place(height), place(width)) for _ in range(count)]


def covered(part, source, target):
    """Which of `target` pixels have their centres in `part` of `source` ones; one at least."""
    centres = (np.arange(target) + 0.5) * source / target
    inside = (part.start <= centres) & (centres < part.stop)
    if not inside.any():
        inside[int((part.start + part.stop) / 2 * target / source)] = True
    return inside


def network_input(image, lab, side, hints):
    """float32 [1, 4, side, side]: lightness, and hints as the mean ab of patches."""
    small = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    inputs = np.zeros((4, side, side))
    inputs[0] = (rgb2lab(np.asarray(small))[..., 0] - 50) / 100
    for rows, columns in hints:
        place = np.ix_(covered(rows, image.shape[0], side), covered(columns, image.shape[1], side))
        for channel in (1, 2):
            inputs[channel][place] = lab[rows, columns, channel].mean() / 110
        inputs[3][place] = 1
    return torch.from_numpy(inputs[None].astype(np.float32))


# ---- Figures ------------------------------------------------------------------------------------


def predicted(network, image, lab, side, hints):
    """float64 [H, W, 2]"""
    ab = annealed_mean(network(network_input(image, lab, side, hints)), TEMPERATURE)
    size = image.shape[:2]
    large = F.interpolate(ab.float(), size=size, mode="bilinear", align_corners=False)
    return SATURATION * large[0].permute(1, 2, 0).numpy().astype(float)


def colored(lab, ab):
    """ab, and the picture of float64 0 to 1."""
    return ab, np.clip(lab2rgb(np.dstack([lab[..., :1], ab])), 0, 1)


def colorfulness(rgb):
    """Hasler and Suesstrunk 2003, of [N, 3] from 0 to 1."""
    red, green, blue = 255 * rgb.T
    opponents = np.array([red - green, (red + green) / 2 - blue])
    return np.hypot(*opponents.std(axis=1)) + 0.3 * np.hypot(*opponents.mean(axis=1))


class Row:
    """What a row of the table is made of: `add` takes one picture after the other."""

    def __init__(self):
        self.distances, self.weights, self.means = [], [], []

    def add(self, image, lab, weights, outside, ab, rgb):
        """outside: bool [H, W]: the pixels that count."""
        truth, lab, ab, rgb = image[outside] / 255, lab[outside], ab[outside], rgb[outside]
        self.distances.append(np.linalg.norm(lab[:, 1:] - ab, axis=1))
        self.weights.append(weights[outside])
        error = np.mean((rgb - truth) ** 2)
        self.means.append(
            [
                10 * np.log10(1 / error) if error else np.inf,
                deltaE_ciede2000(lab, rgb2lab(rgb)).mean(),
                np.linalg.norm(ab, axis=1).mean(),
                colorfulness(rgb),
            ]
        )

    def figures(self):
        distances, weights = np.concatenate(self.distances), np.concatenate(self.weights)
        within = [distances <= threshold for threshold in range(151)]
        auc = 100 * np.mean([share.mean() for share in within])
        rebalanced = 100 * np.mean([weights[share].sum() for share in within]) / weights.sum()
        return np.array([auc, rebalanced, *np.mean(self.means, axis=0)])


def expected(images, others, hints, probabilities):
    """name of a row -> its figures."""
    network = load(MODEL).eval()
    tree = cKDTree(BINS.numpy())
    names = [f"network at {side}" for side in NETWORK_SIZES]
    rows = {name: Row() for name in ["ground truth", "gray", *names, "others"]}
    for number, (image, other) in enumerate(zip(images, others, strict=True)):
        lab = rgb2lab(image)
        weights = 1 / probabilities[tree.query(lab[..., 1:])[1]]
        known = patches(hints, number, *image.shape[:2])
        outside = np.ones(image.shape[:2], bool)
        for rows_and_columns in known:
            outside[rows_and_columns] = False
        colorings = {
            "ground truth": (lab[..., 1:], image / 255),
            "gray": colored(lab, np.zeros_like(lab[..., 1:])),
            "others": (rgb2lab(other)[..., 1:], other / 255),
        }
        for name, side in zip(names, NETWORK_SIZES, strict=True):
            colorings[name] = colored(lab, predicted(network, image, lab, side, known))
        for name, coloring in colorings.items():
            rows[name].add(image, lab, weights, outside, *coloring)
    return {name: row.figures() for name, row in rows.items()}


# ---- The comparison -----------------------------------------------------------------------------


def save_pictures(folder):
    """Writes photographs and other results into folders. Returns both as arrays."""
    images = [picture(*place) for place in PICTURES]
    # A gray one, which its file says in one channel.
    images.append(np.tile(gray(images[0])[:, :, None], 3))
    others = [np.roll(image, 1, axis=2) // 2 + 60 for image in images]
    for name in ("photographs", "others"):
        (folder / name).mkdir()
    for number, (image, other) in enumerate(zip(images, others, strict=True)):
        mode = {2: "RGBA", len(images) - 1: "L"}.get(number, "RGB")
        Image.fromarray(image).convert(mode).save(folder / f"photographs/{number}.png")
        Image.fromarray(other).save(folder / f"others/{number}.png")
    return images, others


def measured(folder, hints, *options):
    """name of a row -> its figures, from the command's table."""
    table = folder / "table.csv"
    command = [
        os.environ["LIBCOLORIZE_COMMAND"],
        "evaluate",
        "--csv",
        table,
        "--hints",
        hints,
        *options,
    ]
    for side in NETWORK_SIZES:
        command += ["--network-size", side]
    command += ["--temperature", TEMPERATURE, "--saturation", SATURATION]
    command += ["--results", folder / "others", folder / "photographs"]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    with table.open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    rows["others"] = rows.pop(str(folder / "others"))
    return {
        name: np.array([float(row[figure]) for figure in FIGURES]) for name, row in rows.items()
    }


def compare(report, wanted, found, exact=EXACT):
    """exact: the bound where there is no network."""
    report.row("rows that are not in both", len(wanted.keys() ^ found.keys()), 0)
    for row, figures in wanted.items():
        bound = WITH_NETWORK if "network" in row else exact
        for figure, want, have in zip(FIGURES, figures, found[row], strict=True):
            difference = 0 if want == have else abs(have - want) / max(abs(want), 1e-3)
            report.row(f"{row}: {figure} ({want:.4f})", difference, bound)


def check_gamut(report, folder, images):
    """The prior of the photographs, and the command's own way of taking it."""
    report.section("gamut")
    table = folder / "prior.tsv"
    command = [os.environ["LIBCOLORIZE_COMMAND"], "gamut", "--csv", table, folder / "photographs"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    a, b, found = np.loadtxt(table, delimiter="\t", skiprows=1).T
    bins = BINS.numpy()
    report.row("bins that differ", np.abs(np.stack([a, b], 1) - bins).max(), 0)
    shares = np.zeros(len(bins))
    # The last one is gray.
    for image in images[:-1]:
        nearest = cKDTree(bins).query(rgb2lab(image)[..., 1:].reshape(-1, 2))[1]
        shares += np.bincount(nearest, minlength=len(bins)) / len(nearest) / len(images[:-1])
    distances = np.square(bins[:, None] - bins[None]).sum(axis=2)
    wanted = np.exp(-distances / (2 * SIGMA**2)) @ shares
    wanted /= wanted.sum()
    report.row("the prior: sum of differences", np.abs(found - wanted).sum(), GAMUT)
    occurring = int(re.search(r"bins +(\d+) of 313 occur", printed).group(1))
    report.row("bins that occur: difference", abs(occurring - np.count_nonzero(shares)), 0)
    common = float(re.search(r"10 bins have ([\d.]+)%", printed).group(1))
    report.row("of the ten: difference", abs(common - 100 * np.sort(shares)[-10:].sum()), 0.06)
    return table, wanted


def main():
    torch.set_grad_enabled(False)
    # Colors outside of sRGB.
    warnings.simplefilter("ignore", UserWarning)
    report = Report()
    report.section("the prior")
    report.row("its bins", len(prior()), 313, True)
    report.row("its sum's distance from 1", abs(prior().sum() - 1), 1e-8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, others = save_pictures(folder)
        for hints in HINTS:
            report.section(f"{hints} hints: relative differences")
            compare(report, expected(images, others, hints, prior()), measured(folder, hints))
        table, own_prior = check_gamut(report, folder, images)
        report.section("with that prior: relative differences")
        found = measured(folder, 0, "--prior", table)
        compare(report, expected(images, others, 0, own_prior), found, WITH_NETWORK)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

"""How ab is best brought to full size: ways of doing it, judged against the ground truth.

    python upsampling.py FOLDER [--every N] [--model default.safetensors]
    python upsampling.py --illustrate ../docs/images/upsampling.jpg

FOLDER holds photographs of 256x256. Their ab is shrunk to a coarse grid by the mean over its cells
and brought back to 256x256 by each of the ways below, with the help of lightness. It is compared
with what it was: mean CIEDE2000 over everything, and over the edges, which are all pixels within 3
of one where (a, b) changes by 20 or more between its two neighbours, horizontally or vertically.
The lightness is the truth's, so nothing but the upsampling is judged. With --model the coarse ab is
the network's.

The tables are those of docs/upsampling.md, which says what the ways are; the illustration shows two
of them on a photograph of scikit-image's. Runs on what
Tests/Reference/requirements.txt lists.
"""

import argparse
import sys
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.color import deltaE_ciede2000, lab2rgb, rgb2lab
from skimage.data import coffee

SIDE = 256
EDGE_CHANGE = 20
EDGE_RADIUS = 3
BATCH = 16
# Sides of the grid of ab and of the lightness that the network sees: the default model at 256 and
# at 160, its default; a picture four times as large as what the network sees; and a network, like
# siggraph17, that gives ab for each pixel that it sees.
SETTINGS = [(64, 256), (40, 160), (16, 64), (128, 128)]

# ---- Resampling ----------------------------------------------------------------------------------
# Planes are [..., height, width] everywhere.


@cache
def bilinear_matrix(source, target):
    """[target, source]: PyTorch's bilinear, align_corners false."""
    place = np.maximum((np.arange(target) + 0.5) * source / target - 0.5, 0)
    first = np.minimum(place.astype(int), source - 1)
    share = np.minimum(place - first, 1)
    matrix = np.zeros((target, source), np.float32)
    matrix[np.arange(target), first] += 1 - share
    matrix[np.arange(target), np.minimum(first + 1, source - 1)] += share
    return matrix


@cache
def mean_matrix(source, target):
    """[target, source]: means over cells, which need not end where a pixel does."""
    ends = np.linspace(0, source, target + 1)
    pixels = np.arange(source)
    covered = np.minimum(ends[1:, None], pixels + 1) - np.maximum(ends[:-1, None], pixels)
    covered = np.maximum(covered, 0)
    return (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)


def resample(matrix, planes, side):
    rows = matrix(planes.shape[-2], side)
    columns = matrix(planes.shape[-1], side)
    return rows @ planes @ columns.T


def enlarge(planes, side):
    return resample(bilinear_matrix, planes, side)


def means(planes, side):
    return resample(mean_matrix, planes, side)


# ---- The ways ------------------------------------------------------------------------------------
# Each takes ab [n, 2, h, h] and the lightness that the network sees [n, 1, s, s], and gives ab for
# the full lightness [n, 1, SIDE, SIDE].


def bilinear(ab, seen, full):
    return enlarge(ab, full.shape[-1])


def slopes(ab, seen, epsilon):
    """The guided filter's: of ab over lightness, and both means, in 3x3 cells around each one."""
    guide = means(seen, ab.shape[-1])

    def mean(planes):
        return ndimage.uniform_filter(planes, (1, 1, 3, 3), mode="nearest")

    guide_mean, ab_mean = mean(guide), mean(ab)
    variance = mean(guide * guide) - guide_mean**2
    slope = (mean(guide * ab) - guide_mean * ab_mean) / (variance + epsilon)
    return guide, slope, mean(slope), mean(ab_mean - slope * guide_mean)


def guided_filter(epsilon):
    """He and Sun 2015: lines of ab over lightness, their coefficients averaged and enlarged."""

    def way(ab, seen, full):
        _, _, slope, intercept = slopes(ab, seen, epsilon)
        return enlarge(slope, SIDE) * full + enlarge(intercept, SIDE)

    return way


def residual_filter(epsilon):
    """Bilinear, and the guided filter's slope for what bilinear lightness lacks."""

    def way(ab, seen, full):
        guide, slope, _, _ = slopes(ab, seen, epsilon)
        return enlarge(ab, SIDE) + enlarge(slope, SIDE) * (full - enlarge(guide, SIDE))

    return way


def cubic_spline(distance):
    near = (4 - 6 * distance**2 + 3 * distance**3) / 6
    return np.where(distance < 1, near, np.maximum(2 - distance, 0) ** 3 / 6)


def tent(distance):
    return np.maximum(1 - distance, 0)


def joint_bilateral(sigma, spatial=tent):
    """Kopf et al. 2007, with 1 / (1 + (difference of lightness / sigma)^2) for the range."""
    reach = 1 if spatial is tent else 2

    def way(ab, seen, full):
        side, target = ab.shape[-1], full.shape[-1]
        guide = means(seen, side)
        place = np.clip((np.arange(target) + 0.5) * side / target - 0.5, 0, side - 1)
        taps = []
        for offset in range(1 - reach, 1 + reach):
            index = place.astype(int) + offset
            taps.append((np.clip(index, 0, side - 1), spatial(abs(place - index))))
        total, weights = 0, 0
        for rows, down in taps:
            for columns, across in taps:
                cells = (..., rows[:, None], columns)
                difference = (full - guide[cells]) / sigma
                weight = np.outer(down, across).astype(np.float32) / (1 + difference**2)
                total = total + weight * ab[cells]
                weights = weights + weight
        return total / weights

    return way


def within_neighbours(planes, ab):
    """Brought into the range of the 3x3 cells around, which is enlarged bilinearly."""
    least = ndimage.minimum_filter(ab, (1, 1, 3, 3), mode="nearest")
    most = ndimage.maximum_filter(ab, (1, 1, 3, 3), mode="nearest")
    side = planes.shape[-1]
    return np.clip(planes, enlarge(least, side), enlarge(most, side))


def diffused(ab, lightness, sigma, steps, start):
    """Colors flow where lightness does not change, and every cell keeps its mean."""
    side = lightness.shape[-1]
    down = 0.24 / (1 + (np.diff(lightness, axis=2) / sigma) ** 2)
    across = 0.24 / (1 + (np.diff(lightness, axis=3) / sigma) ** 2)
    planes = start(ab, lightness, lightness)
    for _ in range(steps):
        flow_down = down * np.diff(planes, axis=2)
        flow_across = across * np.diff(planes, axis=3)
        planes[:, :, :-1] += flow_down
        planes[:, :, 1:] -= flow_down
        planes[:, :, :, :-1] += flow_across
        planes[:, :, :, 1:] -= flow_across
        planes += enlarge(ab - means(planes, ab.shape[-1]), side)
    return within_neighbours(planes, ab)


def diffusion(steps, sigma=4, start=None, last=None):
    """Diffusion at the network's resolution, then the joint bilateral filter to full size."""
    start = start or joint_bilateral(12)
    last = last or joint_bilateral(12)

    def way(ab, seen, full):
        if ab.shape[-1] < seen.shape[-1]:
            ab = diffused(ab, seen, sigma, steps, start)
        return ab if ab.shape[-1] == full.shape[-1] else last(ab, seen, full)

    return way


WAYS = {
    "bilinear": bilinear,
    "guided filter, epsilon 25": guided_filter(25),
    "guided filter, epsilon 100": guided_filter(100),
    "residual guided filter, epsilon 25": residual_filter(25),
    "residual guided filter, epsilon 100": residual_filter(100),
    "residual guided filter, epsilon 400": residual_filter(400),
    "joint bilateral 4x4, sigma 6": joint_bilateral(6, cubic_spline),
    "joint bilateral 4x4, sigma 12": joint_bilateral(12, cubic_spline),
    "joint bilateral 2x2, sigma 6": joint_bilateral(6),
    "joint bilateral 2x2, sigma 12": joint_bilateral(12),
    "means kept, no lightness": diffusion(8, sigma=1e-6, start=bilinear, last=bilinear),
    "means kept from joint bilateral": diffusion(8, sigma=1e-6),
    "diffusion, 10 steps, from bilinear": diffusion(10, start=bilinear),
    "diffusion, 10 steps, bilinear at the end": diffusion(10, last=bilinear),
    "diffusion, 5 steps": diffusion(5),
    "diffusion, 10 steps": diffusion(10),
    "diffusion, 20 steps": diffusion(20),
    "diffusion, 10 steps, sigma 2": diffusion(10, sigma=2),
    "diffusion, 10 steps, sigma 8": diffusion(10, sigma=8),
}

# ---- Measuring -----------------------------------------------------------------------------------


def planes_of(lab):
    """L [n, 1, h, w] and ab [n, 2, h, w]."""
    planes = np.moveaxis(lab, -1, 1).astype(np.float32)
    return planes[:, :1], planes[:, 1:]


def seen_lightness(pictures, side):
    """As the network gets it: the picture squashed by Pillow's bicubic filter."""
    small = [Image.fromarray(p).resize((side, side), Image.Resampling.BICUBIC) for p in pictures]
    return planes_of(rgb2lab(np.stack([np.asarray(image) for image in small])))[0]


def edges(ab):
    change = np.zeros((len(ab), *ab.shape[2:]), np.float32)
    change[:, 1:-1] = np.linalg.norm(ab[:, :, 2:] - ab[:, :, :-2], axis=1)
    across = np.linalg.norm(ab[:, :, :, 2:] - ab[:, :, :, :-2], axis=1)
    change[:, :, 1:-1] = np.maximum(change[:, :, 1:-1], across)
    y, x = np.mgrid[-EDGE_RADIUS : EDGE_RADIUS + 1, -EDGE_RADIUS : EDGE_RADIUS + 1]
    disc = x * x + y * y <= EDGE_RADIUS**2
    return ndimage.binary_dilation(change >= EDGE_CHANGE, disc[None])


def difference(lightness, ab, truth):
    def lab(planes):
        return np.moveaxis(np.concatenate([lightness, planes], axis=1), 1, -1)

    return deltaE_ciede2000(lab(truth), lab(ab))


def coarse_ab(network, seen):
    """What a network in PyTorch makes of lightness."""
    import torch

    from compact import PAPER_TEMPERATURE, annealed_mean

    inputs = torch.zeros(len(seen), 4, *seen.shape[2:])
    inputs[:, :1] = torch.from_numpy((seen - 50) / 100)
    return annealed_mean(network(inputs), PAPER_TEMPERATURE).numpy()


def measure(pictures, settings, network=None):
    """Prints a table: CIEDE2000 at edges and everywhere, for each setting."""
    sums = np.zeros((len(WAYS), len(settings), 2))
    counts = np.zeros(2)
    for first in range(0, len(pictures), BATCH):
        batch = pictures[first : first + BATCH]
        lightness, truth = planes_of(rgb2lab(batch))
        band = edges(truth)
        counts += band.sum(), band.size
        for column, (side, seen_side) in enumerate(settings):
            seen = seen_lightness(batch, seen_side)
            ab = coarse_ab(network, seen) if network else means(truth, side)
            for row, way in enumerate(WAYS.values()):
                error = difference(lightness, way(ab, seen, lightness), truth)
                sums[row, column] += error[band].sum(), error.sum()
    print(f"{len(pictures)} pictures; the edges are {100 * counts[0] / counts[1]:.1f} % of them\n")
    print("| | " + " | ".join(f"{side} of {seen}" for side, seen in settings) + " |")
    print("|---" * (1 + len(settings)) + "|")
    for name, row in zip(WAYS, sums / counts, strict=True):
        print(
            f"| {name} | "
            + " | ".join(f"{there:.2f}, {everywhere:.3f}" for there, everywhere in row)
            + " |"
        )


def illustrate(path):
    """A part of scikit-image's cup of coffee, with the ab of 32x32 cells: the truth, bilinear,
    and the way that was chosen."""
    picture = coffee()[:, 100:500]
    lightness, truth = planes_of(rgb2lab(picture[None]))
    ab, seen = means(truth, 32), seen_lightness(picture[None], 128)
    colorings = [truth, bilinear(ab, seen, lightness), diffusion(10)(ab, seen, lightness)]
    labs = [
        np.concatenate([lightness, planes], axis=1)[0, :, 50:290, 20:300] for planes in colorings
    ]
    rgb = lab2rgb(np.moveaxis(np.concatenate(labs, axis=2), 0, -1))
    Image.fromarray(np.uint8(np.rint(255 * rgb))).save(path, quality=92, subsampling=0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--illustrate", type=Path, metavar="FILE")
    parser.add_argument("--every", type=int, default=1, help="take every Nth picture")
    parser.add_argument("--model", help="a model of ours, whose ab is taken instead")
    arguments = parser.parse_args()
    if arguments.illustrate:
        illustrate(arguments.illustrate)
        return
    files = sorted(arguments.folder.glob("*.jpg"))[:: arguments.every]
    pictures = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    if not arguments.model:
        measure(pictures, SETTINGS)
        return
    sys.path.insert(0, str(Path(__file__).parents[1] / "Tests/Reference"))
    import models

    measure(pictures, [(40, 160), (64, 256)], models.load(arguments.model))


if __name__ == "__main__":
    main()

"""Compares what the library makes of hints with docs/control.md written down in NumPy and SciPy.

    LIBCOLORIZE_LIBRARY=.../libcolorize.so python check_hints.py

The network's own values are the library's, by `predict` and `distribution`; what becomes of them is
computed here in float64, with SciPy's shortest paths. Pictures are as large as the network's input,
and ab is enlarged bilinearly, so that there is nothing else in between.
"""

import itertools
import sys

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from skimage.color import lab2rgb, rgb2lab

import libcolorize
from pictures import gray, picture
from report import Report

SIZE = 160
CELL = 4
# Of ab: what float32 makes of sRGB, and of paths.
BOUND = 0.01
# Of 0 to 1, from the ends of sRGB: nearer to these a color may have been clipped.
MARGIN = 0.01

# Places, radii and colors: one that the network finds plausible, others that it does not.
CASES = {
    "one that is improbable": [(80, 90, 5, (60, -50))],
    "one that is plausible": [(40, 60, 4, (6, 12))],
    "three, one of them gray": [
        (30, 40, 3, (-40, 30)), (120, 50, 6, (0, 0)), (90, 120, 2, (25, 40)),
    ],
    "two beside each other": [(70, 80, 3, (50, 30)), (92, 82, 3, (-40, 20))],
}  # fmt: skip
# How far they may reach, in pixels of the picture.
REACHES = {"": 0, ", not beyond 30 pixels": 30, ", in the whole picture": np.inf}


def mean_of_cells(values):
    side = SIZE // CELL
    return values.reshape(*values.shape[:-2], side, CELL, side, CELL).mean((-3, -1))


def raster(hints):
    """Sums of hints and their number at the network's pixels: [2, H, W] and [H, W]."""
    ab, count = np.zeros((2, SIZE, SIZE)), np.zeros((SIZE, SIZE))
    centres = np.arange(SIZE) + 0.5
    for x, y, radius, color in hints:
        inside = np.ix_(
            (centres >= y - radius) & (centres < y + radius),
            (centres >= x - radius) & (centres < x + radius),
        )
        count[inside] += 1
        for channel in (0, 1):
            ab[channel][inside] += color[channel]
    return np.divide(ab, count, out=ab, where=count > 0), (count > 0).astype(float)


def fall(value, least, most):
    return np.clip((most - value) / (most - least), 0, 1)


def membership(distance, reach):
    return fall(distance, 0.8 * reach, 1.2 * reach)


def shortest_paths(lightness, texture, plain, seeds):
    """The distance of each cell to the nearest seed, and which one that is."""
    height, width = lightness.shape
    values = np.stack([lightness / 3, *plain / 3, texture / 4])
    number = np.arange(height * width).reshape(height, width)
    edges = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        there = np.s_[down:, max(right, 0) : width + min(right, 0)]
        steps = np.sqrt(
            ((values[(slice(None), *here)] - values[(slice(None), *there)]) ** 2).sum(0)
        )
        steps += 16 / max(height, width) * np.hypot(down, right)
        edges.append((number[here].ravel(), number[there].ravel(), steps.ravel()))
    first, second, lengths = (np.concatenate(part) for part in zip(*edges, strict=True))
    graph = csr_matrix((lengths, (first, second)), shape=(number.size, number.size))
    distance, _, source = dijkstra(
        graph, directed=False, indices=np.flatnonzero(seeds), min_only=True,
        return_predecessors=True,
    )  # fmt: skip
    return distance.reshape(height, width), source.reshape(height, width)


def smoothed(field, is_there, stays):
    """Sixteen times the mean of a cell and its neighbours across and down."""
    for _ in range(16):
        sums, counts = field * is_there, is_there.astype(float)
        total, found = sums.copy(), counts.copy()
        for axis in (-1, -2):
            for step in (1, -1):
                moved, others = np.roll(sums, step, axis), np.roll(counts, step, axis)
                edge = [slice(None)] * 2
                edge[axis] = 0 if step == 1 else -1
                moved[(..., *edge)] = 0
                others[tuple(edge)] = 0
                total += moved
                found += others
        field = np.where(is_there & ~stays, total / np.maximum(found, 1), field)
    return field


def blended(model, lightness, hints, reach):
    """ab of the cells, [2, H / 4, W / 4]."""
    ab, mask = raster(hints)
    inputs = [array.astype(np.float32) for array in (ab, mask)]
    plain = model.predict(lightness).astype(float)
    network = model.predict(lightness, *inputs).astype(float)
    share = mean_of_cells(mask)
    seeds = share > 0
    asked = mean_of_cells(ab * mask) / np.where(seeds, share, 1)

    bins = model.bin_centres.astype(float).reshape(-1, 2)
    near = np.exp(-((asked.reshape(2, -1).T[:, None] - bins) ** 2).sum(2) / (2 * 12**2))
    chances = model.distribution(lightness, temperature=1).astype(float)
    probability = (chances.reshape(len(bins), -1).T * near).sum(1).reshape(seeds.shape)
    plausible = fall(-np.log(probability + 1e-6), 0.8, 3.2)
    if reach == np.inf:
        plausible[:] = 1

    light = mean_of_cells(lightness.astype(float))
    squares = mean_of_cells(lightness.astype(float) ** 2)
    texture = np.sqrt(np.maximum(squares - light**2, 0))
    distance, source = shortest_paths(light, texture, plain, seeds)
    is_there = distance <= 18 * 1.2

    def of_source(field):
        own = field.reshape(*field.shape[:-2], -1)[..., np.where(is_there, source, 0)]
        return smoothed(np.where(is_there, own, 0), is_there, seeds)

    change, rest = of_source(asked - plain), of_source(asked - network)
    k = of_source(plausible)
    thing = membership(distance, 18)
    believed = thing + (1 - thing) * plausible[seeds].mean() ** 2
    weight = thing + k * (membership(distance, 8) - thing)
    improbable = 0.8 * (1 - k)
    inside = improbable * (plain + change) + (1 - improbable) * (network + rest)
    result = plain + believed * (network - plain) + weight * (inside - network)
    if 0 < reach < np.inf:
        away = CELL * distance_transform_edt(~seeds)
        result = plain + np.clip((reach - away) / (0.2 * reach), 0, 1) * (result - plain)
    return np.where(seeds, asked, result)


def main():
    report = Report()
    report.section("ab with hints against NumPy's: the largest difference")
    with libcolorize.Model() as model:
        for name in ("chelsea", "coffee", "rocket"):
            shade = gray(picture(name, SIZE, SIZE))
            lightness = rgb2lab(np.repeat(shade[..., None], 3, 2))[..., 0].astype(np.float32)
            plain = None
            for (case, hints), (bound, reach) in itertools.product(CASES.items(), REACHES.items()):
                case += bound
                made = model.colorize(
                    (shade / 255).astype(np.float32),
                    hints=[libcolorize.Hint(x, y, ab=ab, radius=r) for x, y, r, ab in hints],
                    hint_reach=reach or "thing", network_size=SIZE, upsampling="bilinear",
                    gamut="clip",
                )  # fmt: skip
                cells = torch.from_numpy(blended(model, lightness, hints, reach))[None]
                wanted = F.interpolate(cells, scale_factor=CELL, mode="bilinear")[0].numpy()
                shown = lab2rgb(np.dstack([lightness, *wanted]))
                inside = ((shown > MARGIN) & (shown < 1 - MARGIN)).all(2)
                difference = rgb2lab(made.astype(float))[..., 1:] - wanted.transpose(1, 2, 0)
                error = np.abs(difference[inside]).max()
                report.row(f"{name}, {case} ({inside.mean():.0%} of it)", error, BOUND)
                # Otherwise this would compare what hints hardly change.
                plain = model.predict(lightness) if plain is None else plain
                moved = np.abs(cells[0].numpy() - plain).max()
                report.row(f"{name}, {case}: what they move", moved, 3, at_least=True)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

"""DDColor: the library against the classes of spandrel_extra_arches, in full.

    LIBCOLORIZE_LIBRARY=... python check_ddcolor.py [--only tiny large] [--sizes 256x256 ...]

Files as the release has them: a zip container, the state dict under `params`, spectral norms on.
PyTorch computes in float64, which takes minutes for each size.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from skimage.color import rgb2lab

import ddcolor
import libcolorize
from check_reference import instruction_sets
from pictures import gray, picture
from published import formula_network
from report import Report

ROOT = Path(__file__).parents[2]
# Of ab.
LEAST_DEVIATION = 10


def check(report, kind, sizes, folder):
    name = f"ddcolor-{kind}"
    network = formula_network(name)
    path = folder / f"{name}.pth"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"params": ddcolor.normalize(network).state_dict()}, path)
    opened = instruction_sets(lambda: libcolorize.Model(path), names=("avx512", "avx2", "baseline"))
    exact = formula_network(name, torch.float64)
    report.section(f"{name}: ab against PyTorch in float64")
    for height, width in sizes:
        lightness = rgb2lab(picture("coffee", height, width))[..., 0].astype(np.float32)
        expected = ddcolor.forward(exact, lightness).numpy()
        deviation = expected.std(axis=(1, 2)).min()
        report.row(f"{width}x{height}: standard deviation", deviation, LEAST_DEVIATION, True)
        for instruction_set, model in opened.items():
            error = np.abs(model.predict(lightness) - expected)
            report.row(f"{width}x{height}, {instruction_set}: largest", error.max(), 5e-3)
            report.row(f"{width}x{height}, {instruction_set}: mean", error.mean(), 5e-4)
    report.section(f"{name}: pictures as the release makes them")
    model = next(iter(opened.values()))
    side = sizes[0][0]
    for image in (picture("coffee", 300, 200), gray(picture("rocket", 100, 700))):
        expected = ddcolor.released_pipeline(exact, image, side).astype(int)
        result = model.colorize(image, preset="reference", network_size=side).astype(int)
        difference = np.abs(result - expected)
        report.row(f"{image.shape}: levels", difference.max(), 1)
        report.row(f"{image.shape}: share of values", (difference > 0).mean(), 0.005)
    path.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=ddcolor.ENCODERS, default=["tiny", "large"])
    parser.add_argument("--sizes", nargs="+", default=["256x256", "512x512", "640x384"])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "ddcolor")
    arguments = parser.parse_args()
    sizes = [tuple(map(int, size.split("x")))[::-1] for size in arguments.sizes]
    report = Report()
    with torch.no_grad():
        for kind in arguments.only:
            check(report, kind, sizes, arguments.folder)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

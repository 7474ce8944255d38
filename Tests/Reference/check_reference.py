"""Compares libcolorize with PyTorch, Pillow, scikit-image and the released pipeline, in full.

    LIBCOLORIZE_LIBRARY=.../libcolorize.so PYTHONPATH=bindings/python/src \\
      python check_reference.py [--trained model.safetensors]

Prints what was measured and its bound, row by row, and ends with `N passed, M failed` and an exit
status to match. PyTorch computes in float32 here, as its users do. The C library has no function
that only resamples: here that is compared within whole pictures, and by the library's own tests on
the fixtures bit for bit.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

import architectures
import numpy as np
import skimage.data
import torch
from skimage.color import lab2rgb, rgb2lab

import libcolorize
from compact import BINS, PAPER_TEMPERATURE, annealed_mean
from make_fixtures import (
    MODEL,
    own_in_pipeline,
    released_pipeline,
    seeded,
    unclipped_lab2rgb,
)
from models import load
from pictures import PICTURES, gray, network_input, picture
from report import Report

# The network's ab, of a range of +-110.
AB_MAXIMUM, AB_MEAN = 2e-3, 2e-4
# The same against the weights before they were rounded to fp16.
ROUNDING_MAXIMUM = 0.1
# Logits agree to 1e-4; over a temperature of 0.38 that is 3e-4 of a probability at most.
PROBABILITY_MAXIMUM = 3e-4
LAB_MAXIMUM, RGB_MAXIMUM = 1e-3, 1e-4
# A byte against 255 times a float: half a level of rounding, and 2e-4 of the whole range.
LEVEL_MAXIMUM = 0.5 + 255 * 2e-4
# The share of bytes that are one level from the float's own rounding.
OTHER_LEVEL_SHARE = 0.002

SIZES = [(16, 16), (16, 48), (80, 32), (64, 64), (160, 160), (96, 256), (256, 112), (256, 256)]
HINTS = [(1, 2, 3), (7, 9, 4), (12, 4, 1)]


def instruction_sets(
    open_model=libcolorize.Model, names=("avx512", "avx2", "baseline", "openblas")
):
    """name -> a model opened for it, for those that this processor has; "openblas" for the best
    of them with OpenBLAS's matrix products."""
    models = {}
    for name in names:
        variable = "COLORIZE_GEMM" if name == "openblas" else "COLORIZE_ISA"
        os.environ[variable] = name
        try:
            models[name] = open_model()
        except libcolorize.Error as error:
            if "instruction set" not in str(error):
                raise
            print(f"  (not measured: {error})")
        finally:
            os.environ.pop(variable)
    return models


def natural_inputs():
    """What the network is compared on: [4, H, W] of every size, with and without hints."""
    names = sorted(PICTURES)
    inputs = []
    for index, (height, width) in enumerate(SIZES):
        content = picture(names[index % len(names)], height, width)
        inputs.append(network_input(content))
        inputs.append(network_input(content, hints=HINTS))
    return inputs


def arguments_of(inputs):
    """lightness, hints and mask for the library, of the network's input [4, H, W]."""
    values = inputs.double().numpy()
    lightness = 100 * values[0] + 50
    return (lightness, 110 * values[1:3], values[3]) if values[3].any() else (lightness,)


def check_network(report, models, trained):
    report.section("the network's ab, against PyTorch in float32 with the same weights")
    network = load(MODEL)
    inputs = natural_inputs()
    expected = [annealed_mean(network(x[None]), PAPER_TEMPERATURE)[0].numpy() for x in inputs]
    spread = np.concatenate([ab.reshape(2, -1) for ab in expected], axis=1).std(axis=1)
    report.row("(standard deviation of that ab, the smaller of a and b)", spread.min(), 2, True)
    for name, model in models.items():
        for hints in (False, True):
            errors = [
                np.abs(model.predict(*arguments_of(x)) - ab)
                for x, ab in zip(inputs, expected, strict=True)
                if x[3].any().item() == hints
            ]
            what = f"{name}, {'with' if hints else 'without'} hints, {len(errors)} sizes"
            report.row(f"{what}: maximum", max(e.max() for e in errors), AB_MAXIMUM)
            report.row(f"{what}: largest mean", max(e.mean() for e in errors), AB_MEAN)
    for temperature in (0.1, 1, 4):
        worst = 0
        for x in inputs:
            wanted = annealed_mean(network(x[None]), temperature)[0].numpy()
            for model in models.values():
                actual = model.predict(*arguments_of(x), temperature=temperature)
                worst = max(worst, np.abs(actual - wanted).max())
        report.row(f"T = {temperature}: maximum", worst, AB_MAXIMUM)

    report.section("the same, against the weights before they were rounded to fp16")
    if trained is None:
        print("  (not measured: --trained does not name their file)")
        return
    unrounded = load(trained)
    worst = 0
    for x in inputs:
        wanted = annealed_mean(unrounded(x[None]), PAPER_TEMPERATURE)[0].numpy()
        for model in models.values():
            worst = max(worst, np.abs(model.predict(*arguments_of(x)) - wanted).max())
    report.row("maximum", worst, ROUNDING_MAXIMUM)


def check_distribution(report, models):
    report.section("the distribution over bins, against PyTorch's softmax")
    network = load(MODEL)
    for temperature in (1, PAPER_TEMPERATURE):
        worst = worst_sum = 0
        for x in natural_inputs():
            wanted = torch.softmax(network(x[None])[0] / temperature, dim=0).numpy()
            for model in models.values():
                actual = model.distribution(*arguments_of(x), temperature=temperature)
                worst = max(worst, np.abs(actual - wanted).max())
                # Summed in float64, the error is that of 313 roundings.
                total = actual.sum(axis=0, dtype=np.float64)
                worst_sum = max(worst_sum, np.abs(total - 1).max())
        report.row(f"T = {temperature}: maximum", worst, PROBABILITY_MAXIMUM)
        report.row(f"T = {temperature}: sum over the bins, from 1", worst_sum, 1e-5)
    for name, model in models.items():
        report.row(
            f"{name}: bins' centres that differ",
            np.count_nonzero(model.bin_centres != BINS.numpy()),
            0,
        )


def check_lab(report):
    report.section("a million colors between sRGB and Lab, against scikit-image in float64")
    rng = seeded("check_lab")
    rgb = np.concatenate(
        [
            rng.uniform(0, 1, (700_000, 3)),
            rng.integers(0, 256, (200_000, 3)) / 255,
            rng.uniform(-0.5, 1.5, (100_000, 3)),
        ]
    ).astype(np.float32)
    lab = np.concatenate(
        [
            rgb2lab(rng.uniform(0, 1, (300_000, 3))),
            rng.uniform((0, -128, -128), (100, 128, 128), (500_000, 3)),
            rng.uniform((0, -128, 0), (20, 128, 128), (200_000, 3)),
        ]
    ).astype(np.float32)
    with warnings.catch_warnings():
        # scikit-image warns of every negative Z.
        warnings.simplefilter("ignore", UserWarning)
        wide = lab.astype(np.float64)
        rows = [
            ("sRGB to Lab", libcolorize.rgb_to_lab(rgb), rgb2lab(rgb.astype(float)), LAB_MAXIMUM),
            ("Lab to sRGB, clipped", libcolorize.lab_to_rgb(lab), lab2rgb(wide), RGB_MAXIMUM),
            (
                "Lab to sRGB, not clipped",
                libcolorize.lab_to_rgb(lab, clip=False),
                unclipped_lab2rgb(wide),
                RGB_MAXIMUM,
            ),
        ]
    for what, actual, wanted, bound in rows:
        report.row(f"{what}: maximum", np.abs(actual - wanted).max(), bound)


def pictures():
    """Names and images of whole pictures: uint8 [H, W] or [H, W, 3], natural."""
    sizes = [
        ("1x1", (1, 1)),
        ("1xN", (1, 301)),
        ("Nx1", (301, 1)),
        ("odd", (61, 47)),
        ("smaller than the network", (128, 200)),
        ("larger in height", (601, 63)),
        ("larger in width", (63, 601)),
        ("larger", (500, 333)),
        ("exactly the network's size", (256, 256)),
        ("4000x3000", (3000, 4000)),
    ]
    for index, (name, (height, width)) in enumerate(sizes):
        image = picture(sorted(PICTURES)[index % len(PICTURES)], height, width)
        yield f"{name}, RGB", image
        yield f"{name}, gray", gray(image)
    yield "astronaut, 512x512, RGB", skimage.data.astronaut()
    yield "noise, 300x300, RGB", seeded("noise").integers(0, 256, (300, 300, 3), dtype=np.uint8)


def compare_pictures(report, models, predict, images):
    """Rows for whole pictures in preset reference. `predict` is what `released_pipeline` takes."""
    for name, image in images:
        wanted = 255 * np.asarray(released_pipeline(predict, image, 256), np.float64)
        # All instruction sets where that is quick.
        chosen = models if image.size < 1_000_000 else dict([next(iter(models.items()))])
        worst = worst_level = share = 0
        for model in chosen.values():
            actual = model.colorize(image, preset="reference")
            worst = max(worst, np.abs(actual - wanted).max())
            levels = np.abs(actual - np.rint(wanted))
            worst_level = max(worst_level, levels.max())
            share = max(share, np.count_nonzero(levels) / levels.size)
        report.row(f"{name}: maximum", worst, LEVEL_MAXIMUM)
        report.row(f"{name}: levels from its rounding", worst_level, 1)
        # In a picture of three values one at the edge would be a third of them.
        report.row(f"{name}: share of such values", share, max(OTHER_LEVEL_SHARE, 1 / wanted.size))


def check_pictures(report, models):
    report.section(
        "whole pictures in preset reference, against the released pipeline: levels of 255"
    )
    compare_pictures(report, models, own_in_pipeline(load(MODEL)), pictures())


def check_threads(report, models):
    report.section("any number of threads, against one")
    image = picture("coffee", 200, 300)
    inputs = arguments_of(network_input(picture("chelsea", 96, 128), hints=HINTS))
    for name, model in models.items():
        picture_of_one = model.colorize(image, threads=1)
        ab_of_one = model.predict(*inputs, threads=1)
        differing = 0
        for threads in (2, 3, 4, 7, 16):
            differing += np.count_nonzero(model.colorize(image, threads=threads) != picture_of_one)
            differing += np.count_nonzero(model.predict(*inputs, threads=threads) != ab_of_one)
        report.row(f"{name}: bytes and floats that differ", differing, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--trained", type=Path, metavar="FILE", help="the fp32 weights that the model was made of"
    )
    arguments = parser.parse_args()
    print(f"libcolorize {libcolorize.version}, PyTorch {torch.__version__}")
    models = instruction_sets()
    report = Report()
    architectures.check(report)
    check_network(report, models, arguments.trained)
    check_distribution(report, models)
    check_lab(report)
    check_pictures(report, models)
    check_threads(report, models)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

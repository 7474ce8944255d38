"""Compares libcolorize with DeOldify's networks, from checkpoints as released, and its pipeline.

    LIBCOLORIZE_LIBRARY=.../libcolorize.so LIBCOLORIZE_TRAINING_PROBE=.../training-probe \\
      PYTHONPATH=bindings/python/src python check_deoldify.py [--factors 8 16 21 35] [--only NAME]

torch.save writes the checkpoints, with the formula's weights under spectral and weight norms and an
optimiser's state beside them. PyTorch computes in float64. Prints what was measured and its bound.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from architectures import RGB
from skimage.color import rgb2lab

import libcolorize
from check_reference import instruction_sets
from check_training import instruction_sets as probed_sets
from deoldify import colors, network_input, normalize, released_pipeline
from pictures import gray, picture
from published import formula_network
from report import Report
from torch_training import probe

# Of red, green and blue from -3 to 3.
RGB_MAXIMUM, RGB_MEAN = 6e-4, 6e-5
LEAST_DEVIATION = 0.3
# ab of these: a level of 255 is up to half a unit or so.
AB_MAXIMUM, AB_MEAN = 6e-3, 6e-4
# Bytes that are cut off are one apart where a value is at the edge. Y, U and V are rounded from
# that, and blue has twice of U: the result is up to three apart then, at a few places.
LEVELS = 3
OTHER_LEVEL_SHARE, TWO_LEVELS_SHARE = 0.002, 0.0005

SIZES = [(16, 16), (48, 80), (336, 16)]
PICTURES = [((61, 47), 8), ((300, 451), 8), ((128, 128), 8), ((1, 9), 2), ((500, 333), 13)]


def write_checkpoint(network, path):
    """As fastai's Learner.save does, before PyTorch 1.6."""
    optimiser = {
        "state": {},
        "param_groups": [{"lr": slice(None, 1e-3, None), "betas": (0.9, 0.99), "params": [0, 1]}],
    }
    content = {"model": network.state_dict(), "opt": optimiser}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def lightness_of(shade):
    return rgb2lab(np.repeat(shade[:, :, None], 3, axis=2))[..., 0].astype(np.float32)


def check_outputs(report, name, network, path, factors):
    report.section(f"{name}'s red, green and blue, against PyTorch in float64: -3 to 3")
    for height, width in [*SIZES, *((16 * factor, 16 * factor) for factor in factors)]:
        shade = gray(picture("coffee", height, width))
        wanted = network(network_input(shade, torch.float64))[0]
        inputs = ((lightness_of(shade) - 50) / 100)[:, :, None]
        request = {"task": "network", "model": path, "height": height, "width": width}
        for one in probed_sets():
            output = probe({"input": inputs}, request, instruction_set=one)["output"][0]
            error = np.abs(output.transpose(2, 0, 1) - wanted.numpy())
            what = f"{height}x{width}, {one}"
            report.row(f"{what}: maximum", error.max(), RGB_MAXIMUM)
            report.row(f"{what}: mean", error.mean(), RGB_MEAN)
        spread = wanted.std(dim=(1, 2)).min()
        if min(height, width) > 16:
            report.row("(standard deviation, the smallest)", spread, LEAST_DEVIATION, True)


def check_colors(report, name, network, models):
    report.section(f"{name}'s ab, of colors brought into 0 to 1")
    for height, width in SIZES:
        shade = gray(picture("chelsea", height, width))
        rgb = colors(network(network_input(shade, torch.float64))[0])
        wanted = rgb2lab(rgb.permute(1, 2, 0).numpy())[..., 1:].transpose(2, 0, 1)
        for one, model in models.items():
            error = np.abs(model.predict(lightness_of(shade)) - wanted)
            report.row(f"{height}x{width}, {one}: maximum", error.max(), AB_MAXIMUM)
            report.row(f"{height}x{width}, {one}: mean", error.mean(), AB_MEAN)


def check_converted(report, name, path, models, folder):
    report.section(f"{name}, converted to safetensors")
    command = os.environ["LIBCOLORIZE_COMMAND"]
    lightness = lightness_of(gray(picture("rocket", 48, 64)))
    for half in (False, True):
        target = Path(folder) / "converted.safetensors"
        options = ["--fp16"] if half else []
        os.spawnv(os.P_WAIT, command, [command, "convert", str(path), str(target), *options])
        with libcolorize.Model(target) as model:
            error = np.abs(
                model.predict(lightness) - next(iter(models.values())).predict(lightness)
            ).max()
        what = "in fp16" if half else "in fp32: floats"
        # fp16 has 11 bits.
        report.row(f"{what}: ab against the checkpoint's", error, 1 if half else 0)
        report.row("(share of its size)", target.stat().st_size / path.stat().st_size,
                   0.51 if half else 1.01)  # fmt: skip
        # Its test takes as long as ten runs.
        if half:
            status = os.spawnv(os.P_WAIT, command, [command, "doctor", str(target)])
            report.row(f"{what}: doctor's exit status", status, 0)
        target.unlink()


def check_pictures(report, name, network, models):
    report.section(
        f"whole pictures by {name} in preset reference, against the release: levels of 255"
    )
    best = next(iter(models.values()))
    for index, ((height, width), factor) in enumerate(PICTURES):
        image = picture(("coffee", "chelsea", "rocket")[index % 3], height, width)
        image = gray(image) if index % 2 else image
        wanted = released_pipeline(network, image, 16 * factor).astype(int)
        actual = best.colorize(image, preset="reference", render_factor=factor).astype(int)
        levels = np.abs(actual - wanted)
        what = f"{height}x{width}, factor {factor}"
        report.row(f"{what}: levels", levels.max(), LEVELS)
        for least, share in [(1, OTHER_LEVEL_SHARE), (2, TWO_LEVELS_SHARE)]:
            found = np.count_nonzero(levels >= least) / levels.size
            report.row(f"{what}: share of {least} or more", found, max(share, 1 / levels.size))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--factors", type=int, nargs="*", default=[8, 16, 21, 35])
    parser.add_argument("--only", choices=RGB)
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    print(f"libcolorize {libcolorize.version}, PyTorch {torch.__version__}")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="colorize-deoldify-") as folder:
        for name in [arguments.only] if arguments.only else RGB:
            path = Path(folder) / f"{name}.pth"
            network = normalize(formula_network(name))
            write_checkpoint(network, path)
            models = instruction_sets(lambda path=path: libcolorize.Model(path))
            check_pictures(report, name, network, models)
            network = network.double()
            check_colors(report, name, network, models)
            check_converted(report, name, path, models, folder)
            models.clear()
            check_outputs(report, name, network, path, arguments.factors)
            path.unlink()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

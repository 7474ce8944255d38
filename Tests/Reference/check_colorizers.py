"""Compares libcolorize.colorizers with the released package that it takes the place of.

    LIBCOLORIZE_LIBRARY=.../libcolorize.so PYTHONPATH=bindings/python/src python check_colorizers.py

The release's demo runs as it is, and with nothing but its import line changed, with PyTorch and
without it. Then every step is compared as floats, with the weights of published.py. Prints what was
measured and its bound, row by row, and ends with `N passed, M failed`.
"""

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import colorizers as released
import numpy as np
import torch
from architectures import RELEASED
from PIL import Image

import demos
import libcolorize
import libcolorize.colorizers as ours
from check_reference import AB_MAXIMUM, AB_MEAN
from make_fixtures import seeded
from pictures import gray, picture
from published import in_float64, released_network
from report import Report

# Floats of 0 to 1.
RGB_MAXIMUM = 2e-4
LIGHTNESS_MAXIMUM = 1e-3
# The demo cuts 255 times a float down to a byte: where the two are on either side of an integer,
# the bytes differ by one. So it is wherever a channel is clipped to 1, for example.
OTHER_LEVEL_SHARE = 0.002

SIZES = [(256, 256), (64, 96), (8, 8), (200, 120)]
ANY_SIZES = [*SIZES, (1, 1), (37, 53)]
PICTURES = [
    ("coffee", (61, 47)),
    ("chelsea", (300, 451)),
    ("rocket", (256, 256)),
    ("coffee", (1, 9)),
]

IMPORT = "from colorizers import *"
OURS = "from libcolorize.colorizers import *"
SCRIPTS = {
    "its import line changed": OURS,
    "and PyTorch imported behind it": f"{OURS}\nimport torch",
    "and PyTorch imported before it": f"import torch\n{OURS}",
}


def run(command, folder):
    result = subprocess.run(
        command, env=demos.environment(folder), capture_output=True, text=True, timeout=600
    )
    if result.returncode != 0:
        raise RuntimeError(f"a demo failed:\n{result.stderr}")


def outputs(prefix):
    """Both networks' pictures, [2, H, W, 3]."""
    files = [f"{prefix}_{network}.png" for network in demos.FILES]
    return np.stack([np.asarray(Image.open(file).convert("RGB")).astype(int) for file in files])


def compare_outputs(report, what, actual, wanted):
    difference = np.abs(actual - wanted)
    report.row(f"{what}: levels of 255", difference.max(), 1)
    report.row(
        f"{what}: share of such", np.count_nonzero(difference) / difference.size, OTHER_LEVEL_SHARE
    )


def check_script(report, folder):
    report.section("the release's demo, against itself under the release")
    image = folder / "photo.png"
    Image.fromarray(picture("chelsea", 300, 451)).save(image)
    run(demos.released_demo(folder, "-i", image, "-o", folder / "released"), folder)
    wanted = outputs(folder / "released")
    report.row(
        "(levels between the two networks' pictures)", np.ptp(wanted, axis=0).max(), 20, True
    )
    for what, line in SCRIPTS.items():
        for with_torch in (True, False) if line == OURS else (True,):
            prefix = folder / "edited"
            edit = lambda text, line=line: text.replace(IMPORT, line)  # noqa: E731
            arguments = ("-i", image, "-o", prefix, "--use_gpu")
            run(demos.edited_demo(folder, edit, *arguments, torch=with_torch), folder)
            suffix = "" if with_torch else ", PyTorch not installed"
            compare_outputs(report, f"{what}{suffix}", outputs(prefix), wanted)
    run(demos.own_demo(folder, "-i", image, "-o", folder / "own"), folder)
    # This one rounds: wherever the fraction is a half or more it is one level above.
    report.row(
        "python -m libcolorize.demo: levels of 255",
        np.abs(outputs(folder / "own") - wanted).max(),
        1,
    )


def networks():
    """name -> the released network and ours, with the same weights from the same state dict."""
    for name in RELEASED:
        theirs = released_network(name)
        model = getattr(ours, name)(pretrained=False).eval()
        model.load_state_dict(theirs.state_dict())
        yield name, theirs, model


def lightness_of(index, height, width):
    """L as the release computes it, a tensor [1, 1, H, W]."""
    image = picture(("coffee", "chelsea", "rocket")[index % 3], height, width)
    return released.preprocess_img(image, HW=(height, width))[0]


def compare_ab(report, what, pairs):
    errors = [np.abs(np.asarray(actual) - wanted.numpy()) for actual, wanted in pairs]
    report.row(f"{what}: maximum", max(error.max() for error in errors), AB_MAXIMUM)
    report.row(f"{what}: largest mean", max(error.mean() for error in errors), AB_MEAN)


def check_networks(report, models):
    report.section("ab, against the release's networks with the same state dict")
    for name, (theirs, model) in models.items():
        theirs = in_float64(theirs)
        sizes = ANY_SIZES if name == "eccv16" else SIZES
        inputs = [lightness_of(index, *size) for index, size in enumerate(sizes)]
        pairs = [(model(x), theirs(x)) for x in inputs]
        compare_ab(report, f"{name}, {len(sizes)} sizes", pairs)
        shapes = [tuple(actual.shape) != tuple(wanted.shape) for actual, wanted in pairs]
        report.row(f"{name}: shapes that differ", sum(shapes), 0)
        x = torch.cat([lightness_of(index, 64, 64) for index in range(3)])
        compare_ab(report, f"{name}, three at a time", [(model(x), theirs(x))])

    theirs, model = models["siggraph17"]
    theirs = in_float64(theirs)
    rng = seeded("check_colorizers")
    pairs, half, lone, beyond = [], [], [], []
    for index, (height, width) in enumerate(SIZES):
        x = lightness_of(index, height, width)
        known = rng.uniform(0, 1, (1, 1, height, width)) < 0.1
        mask = torch.from_numpy(known.astype(np.float32))
        ab = torch.from_numpy(rng.uniform(-90, 90, (1, 2, height, width)).astype(np.float32))
        ab = ab * mask
        pairs.append((model(x, ab, mask), theirs(x, ab, mask)))
        half.append((model(x, ab, mask * 0.5), theirs(x, ab, mask * 0.5)))
        # The training repository's masks, given to this network, and numbers of no meaning.
        for other in (mask - 0.5, 1.5 - 2 * mask):
            beyond.append((model(x, ab, other), theirs(x, ab, other)))
        lone.append((model(x, ab), theirs(x, ab)))
        lone.append((model(x, mask_B=mask), theirs(x, mask_B=mask)))
    compare_ab(report, "siggraph17 with hints", pairs)
    compare_ab(report, "siggraph17 with half a mask", half)
    compare_ab(report, "siggraph17 with masks of -0.5 to 1.5", beyond)
    compare_ab(report, "siggraph17 with hints or a mask alone", lone)


def check_centred(report, theirs):
    report.section("siggraph17 from a checkpoint of centred masks: masks stay the network's own")
    model = ours.siggraph17(pretrained=False)
    content = ours._state_dict.model_file("siggraph17", theirs.state_dict())
    model.network = libcolorize.Model.from_bytes(content, mask_convention="centred")
    theirs = in_float64(theirs)
    x = lightness_of(0, 64, 64)
    ab = torch.zeros(1, 2, 64, 64)
    mask = torch.full((1, 1, 64, 64), -0.5)
    ab[:, :, 20:30, 30:40], mask[:, :, 20:30, 30:40] = 50, 0.5
    compare_ab(report, "with hints", [(model(x, ab, mask), theirs(x, ab, mask))])
    beyond = 4 * mask + 1
    compare_ab(report, "with masks of -1 to 3", [(model(x, ab, beyond), theirs(x, ab, beyond))])
    compare_ab(report, "without", [(model(x), theirs(x))])


def check_pictures(report, models):
    report.section("pictures as floats of 0 to 1, against the release's functions")
    types = []
    for index, (name, size) in enumerate(PICTURES):
        image = picture(name, *size)
        if index % 2:
            image = np.tile(gray(image)[:, :, None], 3)
        pairs = zip(released.preprocess_img(image), ours.preprocess_img(image), strict=True)
        worst = max(np.abs(np.asarray(actual) - wanted.numpy()).max() for wanted, actual in pairs)
        what = f"{name} {size[0]}x{size[1]}{', gray' if index % 2 else ''}"
        report.row(f"{what}: L", worst, LIGHTNESS_MAXIMUM)
        for network, (theirs, model) in models.items():
            lightness, small = released.preprocess_img(image)
            with warnings.catch_warnings():
                # Colors outside of sRGB, and a mode without align_corners.
                warnings.simplefilter("ignore", UserWarning)
                wanted = released.postprocess_tens(lightness, theirs(small))
            lightness, small = ours.preprocess_img(image)
            actual = ours.postprocess_tens(lightness, model(small).cpu())
            report.row(f"{what}: {network}", np.abs(actual - wanted).max(), RGB_MAXIMUM)
            types.append((actual.dtype, wanted.dtype))
    lightness, small = released.preprocess_img(image)
    pair = (lightness.double(), torch.zeros(1, 2, *lightness.shape[2:], dtype=torch.float64))
    types += [(package.postprocess_tens(*pair).dtype for package in (ours, released))]
    differ = sum(actual != wanted for actual, wanted in types)
    report.row("(types)", len(types), len(PICTURES) * len(models) + 1, True)
    report.row("types of pictures that differ", differ, 0)


def check_tensors(report, models):
    report.section("PyTorch's tensors and our arrays, mixed")
    _, model = models["siggraph17"]
    x = lightness_of(0, 32, 32)
    array = x.numpy().view(ours.Array)
    result = model(x)
    wrong = {
        "tensor in, tensor out": not isinstance(result, torch.Tensor),
        "float64 in, float32 out": model(x.double()).dtype != torch.float32,
        "with a gradient": model(x.requires_grad_()).requires_grad,
        "array in, array out": not isinstance(model(x.detach().numpy()), ours.Array),
        "torch.cat of arrays": not isinstance(torch.cat((array, array), dim=1), torch.Tensor),
        "torch.cat of both": torch.cat((array, x), dim=1).shape != (1, 2, 32, 32),
        "array + tensor": not isinstance(array + x, torch.Tensor),
        "tensor + array": not isinstance(x + array, torch.Tensor),
        "interpolate": torch.nn.functional.interpolate(array, size=(4, 4)).shape != (1, 1, 4, 4),
        "the star import's torch": ours.torch.float32 is not torch.float32,
        "size()": array.size() != tuple(x.size()) or array.size(1) != x.size(1),
        "squeeze": array.squeeze(0).shape != x.squeeze(0).shape,
        "squeeze of 32": array.squeeze(2).shape != x.squeeze(2).shape,
        "unsqueeze": array.unsqueeze(-2).shape != x.unsqueeze(-2).shape,
        "permute": not np.array_equal(array.permute(0, 2, 3, 1), x.detach().permute(0, 2, 3, 1)),
        "the default norm_layer": not ours.ECCVGenerator(norm_layer=torch.nn.BatchNorm2d),
        "the star import's version": ours.torch.__version__ != torch.__version__,
        "its no_grad as a decorator": ours.torch.no_grad()(torch.is_grad_enabled)(),
        "its cat of tensors": not isinstance(ours.torch.cat((x, x), dim=1), torch.Tensor),
    }
    for what, is_wrong in wrong.items():
        report.row(f"{what}: is wrong", is_wrong, 0)


def main():
    torch.set_grad_enabled(False)
    print(f"libcolorize {libcolorize.version}, PyTorch {torch.__version__}")
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        demos.write_checkpoints(folder)
        check_script(report, Path(folder))
    models = {name: (theirs, model) for name, theirs, model in networks()}
    check_networks(report, models)
    check_centred(report, models["siggraph17"][0])
    check_pictures(report, models)
    check_tensors(report, models)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

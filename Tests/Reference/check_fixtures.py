"""Shows that the committed fixtures bite: what each of a list of mistakes would do to them.

For every mistake it prints the largest error that it would cause in some fixture, the tolerance
of the tests, and their ratio; the mistake has to be seen TEN times over. Each subject is first
computed without a mistake, and has to be within the tolerance then: it is the mistake that counts.
"""

import sys
import warnings
from functools import cache
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file
from skimage.color import colorconv, lab2rgb
from torch import nn

from compact import PAPER_TEMPERATURE, annealed_mean
from make_fixtures import FIXTURES, MODEL, released_pipeline
from models import load
from published import ECCV16_TEMPERATURE, forward, released_network

TEN = 10
AB_TOLERANCE = 2e-3
RGB_TOLERANCE = 1e-4
# PyTorch's own float32 is 6e-4 off here: noise of ab's range at rounded coordinates.
BILINEAR_TOLERANCE = 1e-3
PROBABILITY_TOLERANCE = 1e-4
# Of 0 to 1, in pictures: 2e-4, and half a step of the fixture's 16 bits.
PICTURE_TOLERANCE = 2e-4 + 0.5 / 65535


def cases(subject):
    """The cases of a fixture as dictionaries."""
    tensors = load_file(FIXTURES / f"{subject}.safetensors")
    result = []
    while prefix := f"{len(result)}.":
        case = {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)}
        if not case:
            return result
        result.append(case)


# ---- Resampling: Pillow's algorithm in NumPy -----------------------------------------------------


def bicubic(x):
    x, a = np.abs(x), -0.5
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def resampled_rows(image, width, fixed_point):
    """The horizontal pass: uint8 [H, W, C] to [H, width, C]."""
    if image.shape[1] == width:
        return image
    result = np.empty((image.shape[0], width, image.shape[2]), np.uint8)
    scale = image.shape[1] / width
    stretch = max(scale, 1)
    for x in range(width):
        centre = (x + 0.5) * scale
        first = max(int(centre - 2 * stretch + 0.5), 0)
        last = min(int(centre + 2 * stretch + 0.5), image.shape[1])
        weights = bicubic((np.arange(first, last) - centre + 0.5) / stretch)
        weights *= 1 / weights.sum()
        pixels = image[:, first:last].astype(np.int64)
        if fixed_point:
            units = np.trunc(weights * (1 << 22) + np.copysign(0.5, weights)).astype(np.int64)
            values = (np.einsum("hkc,k->hc", pixels, units) + (1 << 21)) >> 22
        else:
            values = np.floor(np.einsum("hkc,k->hc", pixels, weights) + 0.5)
        result[:, x] = np.clip(values, 0, 255)
    return result


def resampling_error(fixed_point):
    """How many values of all cases differ."""
    count = 0
    for case in cases("resample"):
        height, width = case["output"].shape[:2]
        wide = resampled_rows(case["input"], width, fixed_point).transpose(1, 0, 2)
        count += np.count_nonzero(
            resampled_rows(wide, height, fixed_point).transpose(1, 0, 2) != case["output"]
        )
    return count


# ---- Lab -----------------------------------------------------------------------------------------


def lab_with_z_clipped(lab):
    """scikit-image's lab2rgb, but clipping Z where that clips f(Z)."""
    y = (lab[:, 0] + 16) / 116
    f = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    xyz = np.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
    xyz *= colorconv.xyz_tristimulus_values(illuminant="D65", observer="2")
    xyz[:, 2] = np.maximum(xyz[:, 2], 0)
    return colorconv.xyz2rgb(xyz)


def lab_error(function):
    tensors = load_file(FIXTURES / "lab.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        actual = function(tensors["lab_in"].astype(np.float64))
    return np.abs(actual - tensors["rgb_clipped"]).max()


# ---- Bilinear, the network -----------------------------------------------------------------------


def bilinear_error(align_corners):
    worst = 0
    for case in cases("bilinear"):
        inputs = torch.from_numpy(case["input"])[None]
        size = case["output"].shape[1:]
        actual = F.interpolate(inputs, size=size, mode="bilinear", align_corners=align_corners)
        worst = max(worst, np.abs(actual[0].numpy() - case["output"]).max())
    return worst


def network_error(change=lambda network: None, temperature=PAPER_TEMPERATURE, channels=4):
    """Of ab. `change` is done to the network; channels after the first `channels` are zeroed."""
    network = load(MODEL)
    change(network)
    worst = 0
    for case in cases("network"):
        inputs = torch.from_numpy(case["input"])[None].clone()
        inputs[:, channels:] = 0
        ab = annealed_mean(network(inputs), temperature)[0].numpy()
        worst = max(worst, np.abs(ab - case["ab"]).max())
    return worst


def with_other_epsilon(network):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3


def without_addition(block):
    """The change that leaves `x +` out of one residual block."""

    def change(network):
        residual = network.get_submodule(block)
        if block.startswith("stage"):
            residual.adds = False
        else:
            residual.forward = lambda x: F.relu(residual.b(F.relu(residual.a(x))))

    return change


def with_aligned_corners():
    """PyTorch's bilinear with align_corners, wherever the network asks for it without."""
    plain = F.interpolate
    return mock.patch(
        "compact.F.interpolate",
        lambda *args, **kwargs: plain(*args, **kwargs | {"align_corners": True}),
    )


def network_error_with_aligned_corners():
    with with_aligned_corners():
        return network_error()


# ---- The published networks ----------------------------------------------------------------------


def published_error(architecture, change=lambda network: None, mask_offset=0):
    """Of ab. `change` is done to the network."""
    network = released_network(architecture)
    change(network)
    worst = 0
    for case in cases(architecture):
        values = case["input"]
        arguments = (values[0],)
        if len(values) == 4:
            offset = mask_offset - (0.5 if "centred" in case else 0)
            arguments = (values[0], values[1:3], values[3] + np.float32(offset))
        worst = max(worst, np.abs(forward(network, *arguments)[0].numpy() - case["ab"]).max())
    return worst


@cache
def published_error_without_mistake(architecture):
    return published_error(architecture)


def probability_error(architecture, factor=1, transposed_classes=False):
    """Of the distribution of logits times `factor`."""
    network = released_network(architecture)
    worst = 0
    for case in cases(architecture):
        if "probabilities" in case and "centred" not in case:
            values = case["input"]
            arguments = (values[0], values[1:3], values[3]) if len(values) == 4 else (values[0],)
            probabilities = torch.softmax(factor * forward(network, *arguments)[1], dim=0).numpy()
            if transposed_classes:
                grid = probabilities.reshape(23, 23, *probabilities.shape[1:])
                probabilities = grid.swapaxes(0, 1).reshape(probabilities.shape)
            worst = max(worst, np.abs(probabilities - case["probabilities"]).max())
    return worst


def picture_error(interpolations):
    """Of eccv16's pictures, with the enlargement by 4 and that to full size in one or two steps."""
    network = released_network("eccv16")
    if interpolations == 1:
        network.upsample4 = nn.Identity()
    worst = 0
    for case in cases("eccv16-picture"):
        rgb = released_pipeline(network, case["input"], int(case["network_size"][0]))
        worst = max(worst, np.abs(rgb - case["output"] / 65535).max())
    return worst


def fold_norm_into_next(norm_name, convolution_name):
    """The change that applies a batch norm within the convolution behind it: padding and all."""

    def change(network):
        norm, convolution = map(network.get_submodule, (norm_name, convolution_name))
        original = norm.forward
        padding = convolution.padding[0]
        convolution.padding = (0, 0)
        plain = convolution.forward
        norm.forward = lambda x: x
        convolution.forward = lambda x: plain(original(F.pad(x, [padding] * 4)))

    return change


def without_dilation(block):
    def change(network):
        for module in network.get_submodule(block):
            if isinstance(module, nn.Conv2d):
                module.dilation = module.padding = (1, 1)

    return change


def with_kernel_turned(name):
    """The change that uses a transposed convolution's kernel turned by 180 degrees."""

    def change(network):
        module = network.get_submodule(name)
        module.weight.data = module.weight.data.flip(2, 3)

    return change


def without_skip(name):
    def change(network):
        network.get_submodule(name).forward = lambda x: torch.zeros(1)

    return change


def with_slope_zero(network):
    network.model10[2].negative_slope = 0


def published_rows(architecture, changes):
    return [
        (
            f"{architecture}: {name}",
            lambda: published_error_without_mistake(architecture),
            lambda change=change: published_error(architecture, change),
            AB_TOLERANCE,
        )
        for name, change in changes
    ]


COMMON_CHANGES = [
    ("eps 1e-3", with_other_epsilon),
    *(
        (f"{norm} in {next_name}", fold_norm_into_next(norm, next_name))
        for norm, next_name in [("model4.6", "model5.0"), ("model6.6", "model7.0")]
    ),
    *((f"{block} not dilated", without_dilation(block)) for block in ("model5", "model6")),
]

PUBLISHED_ROWS = [
    *published_rows(
        "eccv16",
        [
            *COMMON_CHANGES,
            ("model1.4 in model2.0", fold_norm_into_next("model1.4", "model2.0")),
            ("model8.0 turned", with_kernel_turned("model8.0")),
        ],
    ),
    *published_rows(
        "siggraph17",
        [
            *COMMON_CHANGES,
            *(
                (f"{n} turned", with_kernel_turned(n))
                for n in ("model8up.0", "model9up.0", "model10up.0")
            ),
            *(
                (f"no {name}", without_skip(name))
                for name in ("model3short8", "model2short9", "model1short10")
            ),
            ("leaky slope 0", with_slope_zero),
        ],
    ),
    (
        "siggraph17: mask 0.5 less",
        lambda: published_error_without_mistake("siggraph17"),
        lambda: published_error("siggraph17", mask_offset=-0.5),
        AB_TOLERANCE,
    ),
    (
        "siggraph17: classes b major",
        lambda: probability_error("siggraph17"),
        lambda: probability_error("siggraph17", transposed_classes=True),
        PROBABILITY_TOLERANCE,
    ),
    (
        "eccv16: plain softmax at T = 1",
        lambda: probability_error("eccv16"),
        lambda: probability_error("eccv16", factor=ECCV16_TEMPERATURE),
        PROBABILITY_TOLERANCE,
    ),
    (
        "eccv16: one interpolation",
        lambda: picture_error(interpolations=2),
        lambda: picture_error(interpolations=1),
        PICTURE_TOLERANCE,
    ),
]

BLOCKS = ["stage2.1", "stage3.1", "stage4.2", "stage6.3", "dec16.0", "dec16.1", "dec8.0", "dec4.0"]

# The mistake, the error without it and with it, and the tolerance.
ROWS = [
    # Any value that differs is an error, so the tolerance of their number is taken as one.
    (
        "rounded floats for fixed point",
        lambda: resampling_error(fixed_point=True),
        lambda: resampling_error(fixed_point=False),
        1,
    ),
    (
        "Z clipped, not f(Z)",
        lambda: lab_error(lab2rgb),
        lambda: lab_error(lab_with_z_clipped),
        RGB_TOLERANCE,
    ),
    (
        "align_corners",
        lambda: bilinear_error(align_corners=False),
        lambda: bilinear_error(align_corners=True),
        BILINEAR_TOLERANCE,
    ),
    (
        "align_corners in the network",
        network_error,
        network_error_with_aligned_corners,
        AB_TOLERANCE,
    ),
    (
        "batch norm's eps 1e-3",
        network_error,
        lambda: network_error(with_other_epsilon),
        AB_TOLERANCE,
    ),
    ("T of 1", network_error, lambda: network_error(temperature=1), AB_TOLERANCE),
    ("mask ignored", network_error, lambda: network_error(channels=3), AB_TOLERANCE),
    ("hints ignored", network_error, lambda: network_error(channels=1), AB_TOLERANCE),
    *(
        (
            f"no addition in {block}",
            network_error,
            lambda block=block: network_error(without_addition(block)),
            AB_TOLERANCE,
        )
        for block in BLOCKS
    ),
    *PUBLISHED_ROWS,
]


def main():
    failures = 0
    print(f"{'mistake':32} {'without':>9} {'with':>9} {'tolerance':>9} {'ratio':>7}")
    for name, without_mistake, with_mistake, tolerance in ROWS:
        right, wrong = without_mistake(), with_mistake()
        # An error of the number of values must be 0.
        good = (right == 0 if tolerance == 1 else right <= tolerance) and wrong >= TEN * tolerance
        failures += not good
        ratio = wrong / tolerance
        print(
            f"{name:32} {right:9.2g} {wrong:9.3g} {tolerance:9.1g} {ratio:7.0f}"
            + ("" if good else "  NOT SEEN")
        )
    print(f"{len(ROWS) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

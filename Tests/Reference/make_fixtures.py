"""Makes Tests/Fixtures/*.safetensors: what PyTorch, Pillow, scikit-image and the release give.

    python make_fixtures.py              the committed set, small
    python make_fixtures.py --full DIR   the same files with many more and much larger cases

A file has one subject and numbered cases: `0.input`, `0.output`, `1.input`, ... All is seeded.
What PyTorch computes here, it computes in float64, rounded to float32 at the end: so the bytes do
not depend on the processor, and a test measures the library's own error. (PyTorch's float32 is
3e-5 from it in ab; check_reference.py compares with that.)
"""

import argparse
import sys
import warnings
from functools import partial
from pathlib import Path
from unittest import mock

import colorizers.util as released
import numpy as np
import skimage.data
import torch
import torch.nn.functional as F
from architectures import RELEASED, RGB
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

import ddcolor
from compact import PAPER_TEMPERATURE, annealed_mean
from deoldify import Attention
from deoldify import network_input as network_input_of_gray
from deoldify import released_pipeline as rgb_pipeline
from models import load
from pictures import gray, network_input, picture
from published import formula_network, forward, own_forward, released_network
from safetensors_file import write

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "Sources" / "ColorizeDefaultModel" / "default.safetensors"
FIXTURES = ROOT / "Tests" / "Fixtures"
MAXIMUM_BYTES = 3_500_000


def seeded(subject):
    """A generator of its own for each subject: a new case in one does not change the others."""
    return np.random.default_rng([ord(letter) for letter in subject])


def numbered(cases):
    """name -> array of a list of dictionaries, with the case's number before each name."""
    return {f"{i}.{name}": array for i, case in enumerate(cases) for name, array in case.items()}


def float32(tensor):
    return tensor.detach().to(torch.float32).numpy()


# ---- Resampling ----------------------------------------------------------------------------------


def checker(height, width):
    """Saturated squares of one pixel: the kernel's overshoot is clipped, and sums fall on .5."""
    y, x = np.mgrid[:height, :width]
    return (255 * ((x + y) % 2)).astype(np.uint8)


def resample_case(image, height, width):
    output = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
    shape = (image.shape[0], image.shape[1], -1)
    return {"input": image.reshape(shape), "output": output.reshape(height, width, -1)}


def resample(full):
    """`N.input` U8 [H, W, C] and `N.output` U8 [h, w, C]: Pillow's bicubic, bit for bit."""
    rng = seeded("resample")

    def noise(*shape):
        return rng.integers(0, 256, shape, dtype=np.uint8)

    def saturated(*shape):
        return (255 * rng.integers(0, 2, shape)).astype(np.uint8)

    cases = [
        (noise(1, 1), 16, 16),
        (noise(1, 1, 3), 16, 16),
        (noise(1, 37), 16, 16),
        (noise(37, 1), 16, 16),
        (noise(1, 7, 3), 16, 32),
        (noise(7, 1, 3), 32, 16),
        (noise(13, 11, 3), 48, 64),  # larger
        (saturated(13, 11), 48, 64),
        (checker(37, 29), 16, 16),  # smaller
        (noise(37, 29, 3), 16, 16),
        (noise(64, 48), 64, 48),  # as it is
        (noise(48, 32, 3), 48, 48),  # one axis alone
        (noise(32, 48, 3), 48, 48),
        (noise(48, 64), 48, 32),
        (noise(64, 48), 32, 48),
        (noise(33, 65), 64, 32),  # one axis up, the other down
        (checker(33, 65), 64, 32),
        (saturated(65, 33), 32, 64),
        (checker(150, 100), 16, 16),  # strongly smaller
        (saturated(150, 100), 16, 16),
        (checker(96, 96), 32, 32),
        (noise(2, 3000, 3), 48, 64),  # long and thin
        (saturated(3000, 2), 64, 48),
        (noise(100, 75), 160, 160),
        (picture("coffee", 90, 120), 64, 64),
        (gray(picture("chelsea", 120, 90)), 80, 80),
    ]
    if full:
        large = picture("coffee", 3000, 4000)
        cases += [
            (large, 256, 256),
            (gray(large), 160, 160),
            (np.ascontiguousarray(large.transpose(1, 0, 2)), 256, 256),
            (noise(3000, 4000, 3), 256, 256),
            (saturated(3000, 4000), 256, 256),
            (checker(3000, 4000), 256, 256),
            (noise(1, 100_000), 256, 256),
            (noise(100_000, 1, 3), 256, 256),
            (noise(256, 256, 3), 2048, 2048),
        ]
        for _ in range(200):
            height, width = rng.integers(1, 400, 2)
            sides = 16 * rng.integers(1, 20, 2)
            make = noise if rng.random() < 0.5 else saturated
            channels = (3,) if rng.random() < 0.5 else ()
            cases.append((make(height, width, *channels), *map(int, sides)))
    return numbered(resample_case(*case) for case in cases)


# ---- Lab -----------------------------------------------------------------------------------------


def unclipped_lab2rgb(lab):
    """scikit-image's lab2rgb without its last step, which clips RGB to 0 to 1."""
    with mock.patch("skimage.color.colorconv.np.clip") as clip:
        rgb = lab2rgb(lab)
    if clip.call_count != 1 or clip.call_args.args[1:] != (0, 1):
        raise RuntimeError("scikit-image's lab2rgb does not end in the one clip to 0 to 1 any more")
    return rgb


def lab(full):
    """Both ways between sRGB and Lab, by scikit-image in float64.

    rgb F32 [N, 3] -> lab F64 [N, 3]: all of sRGB, the corners, values around both branches, and
    some outside of 0 to 1.
    lab_in F32 [M, 3] -> rgb_clipped, rgb_unclipped F64 [M, 3]: colors of sRGB, the whole box of L
    and ab, dark ones with strong b, whose f(Z) is negative and is clipped, and L around 0 and 100.
    """
    rng = seeded("lab")
    count = 250_000 if full else 1000
    levels = np.array([0, 0.01, 0.04045, 0.0405, 0.5, 1])
    corners = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)
    rgb = np.concatenate(
        [
            corners,
            np.repeat(np.arange(256)[:, None] / 255, 3, axis=1),
            rng.uniform(0, 1, (count, 3)),
            rng.uniform(0, 0.06, (count // 4, 3)),
            rng.uniform(-0.5, 1.5, (count // 4, 3)),
        ]
    ).astype(np.float32)

    box = rng.uniform((0, -128, -128), (100, 128, 128), (count, 3))
    dark = rng.uniform((0, -128, 0), (30, 128, 128), (count // 4, 3))
    edges = rng.uniform(-128, 128, (count // 4, 3))
    edges[:, 0] = rng.choice([0, 1e-3, 8, 99.9, 100], count // 4)
    inside = rgb2lab(rng.uniform(0, 1, (count // 2, 3)))
    lab_in = np.concatenate([box, dark, edges, inside]).astype(np.float32)

    with warnings.catch_warnings():
        # scikit-image warns of every negative Z.
        warnings.simplefilter("ignore", UserWarning)
        return {
            "rgb": rgb,
            "lab": rgb2lab(rgb.astype(np.float64)),
            "lab_in": lab_in,
            "rgb_clipped": lab2rgb(lab_in.astype(np.float64)),
            "rgb_unclipped": unclipped_lab2rgb(lab_in.astype(np.float64)),
        }


# ---- Operators -----------------------------------------------------------------------------------


def bilinear(full):
    """`N.input` F32 [C, H, W], `N.output` F32 [C, h, w], of ab's range: torch's interpolate."""
    rng = seeded("bilinear")
    cases = [
        ((2, 1, 1), (5, 7)),
        ((2, 1, 9), (4, 31)),
        ((3, 9, 1), (31, 4)),
        ((16, 4, 6), (8, 12)),  # exactly twice, as in the network
        ((5, 7, 5), (13, 11)),
        ((2, 16, 16), (61, 47)),
        ((2, 8, 12), (8, 12)),  # as it is
        ((2, 31, 23), (12, 9)),  # down, without antialiasing
        ((2, 40, 40), (1, 37)),
        ((2, 40, 24), (37, 64)),  # one axis down, the other up
    ]
    if full:
        cases += [((2, 64, 64), (3000, 4000)), ((2, 40, 40), (255, 63)), ((128, 32, 32), (64, 64))]
    result = []
    for shape, size in cases:
        values = rng.uniform(-110, 110, shape).astype(np.float32)
        inputs = torch.from_numpy(values)[None].double()
        output = F.interpolate(inputs, size=size, mode="bilinear", align_corners=False)[0]
        result.append({"input": values, "output": float32(output)})
    return numbered(result)


def convolution(full):
    """`N.input` [C, H, W], `N.weight` [O, C, k, k], stride, padding, dilation, maybe bias ->
    `N.output`.
    """
    rng = seeded("convolution")
    # in, out, kernel, stride, padding, bias, height, width, maybe dilation
    cases = [
        (4, 32, 3, 2, 1, False, 16, 16),  # stem1
        (32, 64, 3, 2, 1, False, 9, 11),
        (5, 7, 3, 1, 1, True, 6, 5),
        (5, 7, 3, 2, 1, True, 7, 8),
        (5, 7, 1, 1, 0, True, 5, 3),
        (7, 5, 1, 2, 0, False, 5, 6),
        (64, 64, 3, 1, 1, False, 8, 6),
        (3, 4, 3, 1, 0, True, 5, 4),
        (3, 4, 3, 1, 1, False, 1, 1),
        (3, 4, 3, 2, 1, True, 1, 9),
        (64, 33, 1, 1, 0, True, 4, 4),
        (7, 5, 3, 1, 2, True, 7, 6, 2),  # dilated
        (3, 4, 3, 1, 2, True, 1, 1, 2),
        (3, 4, 3, 1, 2, False, 2, 9, 2),
        (4, 3, 3, 2, 2, True, 9, 8, 2),
        (3, 4, 3, 1, 3, True, 5, 4, 3),
    ]
    if full:
        cases += [
            (256, 256, 3, 1, 1, False, 16, 16),
            (128, 256, 3, 2, 1, False, 32, 32),
            (128, 313, 1, 1, 0, True, 64, 64),
            (64, 128, 3, 1, 1, False, 64, 64),
            (512, 64, 3, 1, 2, True, 32, 32, 2),
        ]
    result = []
    for inputs, outputs, kernel, stride, padding, has_bias, height, width, *rest in cases:
        dilation = rest[0] if rest else 1
        scale = (inputs * kernel * kernel) ** -0.5
        case = {
            "input": rng.standard_normal((inputs, height, width)).astype(np.float32),
            "weight": (scale * rng.standard_normal((outputs, inputs, kernel, kernel))).astype(
                np.float32
            ),
            "stride": np.array([stride]),
            "padding": np.array([padding]),
            "dilation": np.array([dilation]),
        }
        if has_bias:
            case["bias"] = rng.standard_normal(outputs).astype(np.float32)
        output = F.conv2d(
            torch.from_numpy(case["input"])[None].double(),
            torch.from_numpy(case["weight"]).double(),
            torch.from_numpy(case["bias"]).double() if has_bias else None,
            stride=stride,
            padding=padding,
            dilation=dilation,
        )
        case["output"] = float32(output[0])
        result.append(case)
    return numbered(result)


def depthwise(full):
    """`N.input` [C, H, W], `N.weight` [C, 1, k, k], `N.stride`, maybe `N.bias` -> `N.output`:
    PyTorch's convolution with as many groups as channels and a padding of k / 2.
    """
    rng = seeded("depthwise")
    # channels, kernel, stride, height, width
    cases = [
        (1, 3, 1, 1, 1),
        (3, 3, 2, 1, 4),
        (5, 5, 1, 2, 3),
        (7, 5, 2, 9, 1),
        (16, 3, 1, 6, 7),
        (33, 3, 2, 7, 8),
        (19, 5, 1, 8, 11),
        (4, 5, 2, 12, 13),
    ]
    # ConvNeXt's, with a bias.
    cases += [(5, 7, 1, 3, 4), (18, 7, 1, 9, 10)]
    if full:
        cases += [(96, 3, 2, 128, 128), (672, 5, 1, 33, 31)]
    result = []
    for channels, kernel, stride, height, width in cases:
        case = {
            "input": rng.standard_normal((channels, height, width)).astype(np.float32),
            "weight": (rng.standard_normal((channels, 1, kernel, kernel)) / kernel).astype(
                np.float32
            ),
            "stride": np.array([stride]),
        }
        if kernel == 7:
            case["bias"] = rng.standard_normal(channels).astype(np.float32)
        output = F.conv2d(
            torch.from_numpy(case["input"])[None].double(),
            torch.from_numpy(case["weight"]).double(),
            torch.from_numpy(case["bias"]).double() if "bias" in case else None,
            stride=stride,
            padding=kernel // 2,
            groups=channels,
        )
        case["output"] = float32(output[0])
        result.append(case)
    return numbered(result)


def transposed(full):
    """`N.input` [I, H, W], `N.weight` [I, O, 4, 4], `N.bias` -> `N.output` [O, 2H, 2W]: PyTorch's
    transposed convolution with stride 2 and padding 1.
    """
    rng = seeded("transposed")
    # in, out, height, width
    cases = [(1, 1, 1, 1), (3, 5, 1, 4), (5, 3, 7, 1), (7, 33, 5, 3), (64, 16, 3, 4)]
    if full:
        cases += [(512, 64, 32, 32), (128, 128, 31, 17)]
    result = []
    for inputs, outputs, height, width in cases:
        case = {
            "input": rng.standard_normal((inputs, height, width)).astype(np.float32),
            "weight": (0.5 * inputs**-0.5 * rng.standard_normal((inputs, outputs, 4, 4))).astype(
                np.float32
            ),
            "bias": rng.standard_normal(outputs).astype(np.float32),
        }
        output = F.conv_transpose2d(
            torch.from_numpy(case["input"])[None].double(),
            torch.from_numpy(case["weight"]).double(),
            torch.from_numpy(case["bias"]).double(),
            stride=2,
            padding=1,
        )
        case["output"] = float32(output[0])
        result.append(case)
    return numbered(result)


def activation(full):
    """`input` F32 [1, 1, N] -> `leaky` with slope 0.2, and `tanh`."""
    values = np.concatenate(
        [seeded("activation").normal(0, 3, 10_000 if full else 500), [-100, -1e-6, 0, 1e-6, 100]]
    ).astype(np.float32)[None, None]
    inputs = torch.from_numpy(values).double()
    return {
        "input": values,
        "leaky": float32(F.leaky_relu(inputs, 0.2)),
        "tanh": float32(torch.tanh(inputs)),
    }


def image_operators(full):
    """`N.input` [C, H, W] -> `N.output`: PyTorch's max pool of `N.kernel`, `N.stride` and
    `N.padding`, pixel shuffle by `N.factor`, `N.sigmoid`, or else DeOldify's blur, cropped to the
    output's size.
    """
    rng = seeded("image_operators")
    cases = []

    def add(shape, function, **parameters):
        values = rng.standard_normal(shape).astype(np.float32)
        output = function(torch.from_numpy(values)[None].double())[0]
        numbers = {name: np.array([number]) for name, number in parameters.items()}
        cases.append({"input": values, "output": float32(output), **numbers})

    def blur(x):
        return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, stride=1)

    large = [(64, 128, 128)] if full else []
    for shape in [(5, 8, 8), (3, 7, 5), (2, 1, 1), *large]:
        add(shape, partial(F.max_pool2d, kernel_size=3, stride=2, padding=1),
            kernel=3, stride=2, padding=1)  # fmt: skip
        add(shape, blur)
    add((2, 4, 6), lambda x: F.interpolate(blur(x), (3, 5), mode="nearest"))
    add((2, 34, 6), lambda x: F.interpolate(blur(x), (33, 5), mode="nearest"))
    for shape, factor in [((12, 3, 2), 2), ((32, 2, 3), 4), ((4, 1, 1), 2)]:
        add(shape, partial(F.pixel_shuffle, upscale_factor=factor), factor=factor)
    add((3, 4, 5), lambda x: torch.sigmoid(x) * 6 - 3, sigmoid=1)
    return numbered(cases)


def attention(full):
    """`N.input` [C, H, W] -> `N.output` of DeOldify's attention with `N.gamma`, and what it makes
    on the way: `N.query`, `N.key` and `N.value`.
    """
    rng = seeded("attention")
    result = []
    for channels, height, width in [(8, 1, 1), (16, 3, 5), (24, 6, 4), *([(64, 32, 32)] * full)]:
        module = Attention(channels).double().requires_grad_(False)
        values = rng.standard_normal((channels, height, width)).astype(np.float32)
        gamma = np.array([rng.uniform(0.5, 1)], np.float32)
        module.gamma.copy_(torch.from_numpy(gamma))
        case = {"input": values, "gamma": gamma}
        inputs = torch.from_numpy(values)[None].double()
        for name in ("query", "key", "value"):
            part = getattr(module, name)
            weight = rng.standard_normal(part.weight.shape) * 2 * channels**-0.5
            part.weight.copy_(torch.from_numpy(weight))
            made = part(inputs.flatten(2)).view(1, -1, height, width)[0]
            case[name] = float32(made)
        result.append({**case, "output": float32(module(inputs)[0])})
    return numbered(result)


# ---- The network ---------------------------------------------------------------------------------


def network(full):
    """For `N.input` the embedded model's `N.logits`, `N.ab` at T = 0.38 and `N.ab_t1` at T = 1."""
    rng = seeded("network")
    model = load(MODEL, torch.float64)
    hints = [(2, 3, 4), (10, 20, 6), (27, 11, 1)]
    # Random lightness, and a hint of a random color at every fourth pixel.
    noise = rng.uniform(-1, 1, (4, 32, 32))
    noise[0] *= 0.5
    noise[3] = rng.random((32, 32)) < 0.25
    noise[1:3] *= noise[3]
    cases = [
        network_input(picture("chelsea", 16, 16)),
        network_input(picture("coffee", 16, 16), hints=[(5, 6, 3)]),
        network_input(picture("coffee", 32, 48)),
        network_input(picture("rocket", 32, 48), hints=hints),
        network_input(picture("coffee", 64, 64)),
        torch.from_numpy(noise).float(),
    ]
    if full:
        for name in ("coffee", "chelsea", "rocket"):
            for height, width in [(256, 256), (160, 160), (128, 272), (512, 64)]:
                content = picture(name, height, width)
                cases += [network_input(content), network_input(content, hints=hints)]
    result = []
    for inputs in cases:
        logits = model(inputs[None].double())
        result.append(
            {
                "input": inputs.numpy(),
                "logits": float32(logits[0]),
                "ab": float32(annealed_mean(logits, PAPER_TEMPERATURE)[0]),
                "ab_t1": float32(annealed_mean(logits, 1)[0]),
            }
        )
    return numbered(result)


def own(architecture, full):
    """For `N.input` F32 [4, H, W] of L, hints' ab and mask the `N.ab` at T = 0.38 and the
    `N.probabilities` of the bins at T = 1, with the formula's weights.
    """
    rng = seeded(architecture)
    network = formula_network(architecture, torch.float64)
    sizes = [(16, 16, 0.3), (32, 16, None), (48, 64, 0.02), (64, 64, None)]
    with_probabilities = 2
    if full:
        sizes += [(256, 256, None), (160, 272, 0.01)]
    result = []
    for index, (height, width, share) in enumerate(sizes):
        content = picture(("coffee", "chelsea", "rocket")[index % 3], height, width)
        inputs = network_input(content).numpy().copy()
        hints, mask = random_hints(rng, height, width, share or 0)
        inputs[1:3] = hints / np.float32(110) * mask
        inputs[3] = mask
        ab, logits = own_forward(network, inputs)
        lightness = inputs[:1] * 100 + 50
        case = {
            "input": np.concatenate([lightness, hints * mask, mask[None]]),
            "ab": float32(ab),
        }
        if index < with_probabilities:
            case["probabilities"] = float32(torch.softmax(logits, dim=0))
        result.append(case)
    return numbered(result)


def random_hints(rng, height, width, share):
    """ab [2, H, W] everywhere, and a mask [H, W] of 0 and 1 that holds `share` of the pixels."""
    hints = rng.uniform(-110, 110, (2, height, width)).astype(np.float32)
    return hints, (rng.random((height, width)) < share).astype(np.float32)


def published(architecture, full):
    """For `N.input` F32 [C, H, W] the `N.ab` of the released class, and in some cases the
    `N.probabilities` of bins or classes: softmax(logits).

    eccv16's input is L alone. siggraph17's has the hints' ab, which it reads everywhere, and the
    mask; where `N.centred` is there, the mask that the network saw was 0.5 less.
    """
    rng = seeded(architecture)
    network = released_network(architecture, torch.float64)
    # height, width, the hints' share, with probabilities, centred mask
    if architecture == "eccv16":
        sizes = [
            (24, 16, None, True, False),
            (17, 9, None, False, False),
            (1, 1, None, True, False),
            (32, 40, None, False, False),
            (37, 53, None, False, False),
            (64, 64, None, False, False),
        ]
    else:
        sizes = [
            (16, 16, 0.3, True, False),
            (8, 8, 0.1, True, True),
            (24, 40, None, False, False),
            (32, 32, 0.5, False, False),
            (40, 24, 0.02, False, True),
            (48, 48, 0.02, False, False),
        ]
    if full:
        sizes += [(256, 256, None, False, False)]
    result = []
    for index, (height, width, share, with_probabilities, centred) in enumerate(sizes):
        content = picture(("coffee", "chelsea", "rocket")[index % 3], height, width)
        lightness = rgb2lab(content)[..., 0].astype(np.float32)
        case = {"input": lightness[None]}
        arguments = (lightness,)
        if architecture == "siggraph17":
            if share is None:
                hints = np.zeros((2, height, width), np.float32)
                mask = np.zeros((height, width), np.float32)
            else:
                hints, mask = random_hints(rng, height, width, share)
            case = {"input": np.concatenate([lightness[None], hints, mask[None]])}
            if centred:
                case["centred"] = np.array([1])
            arguments = (lightness, hints, mask - np.float32(0.5) if centred else mask)
        ab, logits = forward(network, *arguments)
        case["ab"] = float32(ab)
        if with_probabilities:
            case["probabilities"] = float32(torch.softmax(logits, dim=0))
        result.append(case)
    return numbered(result)


# ---- Whole pictures ------------------------------------------------------------------------------


def released_pipeline(predict, image, network_size):
    """What the released Python does to a picture: float RGB [H, W, 3], 0 to 1.

    `predict` is the network: ab [1, 2, h, w] of L [1, 1, S, S]. `image` is uint8 [H, W] or
    [H, W, 3], the former three times over as the release's load_img makes it.
    """
    if image.ndim == 2:
        image = np.tile(image[:, :, None], 3)
    lightness, small = released.preprocess_img(image, HW=(network_size, network_size), resample=3)
    ab = predict(small).float()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return released.postprocess_tens(lightness, ab)


def own_in_pipeline(network):
    """A network of our own in the form of the released ones. Its ab is at a quarter of its input's
    size, and the pipeline's one bilinear step takes it from there to the picture's.
    """

    def predict(lightness):
        inputs = torch.zeros((1, 4, *lightness.shape[2:]), dtype=network.logits.weight.dtype)
        inputs[:, :1] = (lightness - 50) / 100
        return annealed_mean(network(inputs), PAPER_TEMPERATURE)

    return predict


def picture_case(predict, image, network_size):
    rgb = released_pipeline(predict, image, network_size)
    return {
        "input": image,
        "network_size": np.array([network_size]),
        "output": np.rint(65535 * np.asarray(rgb, np.float64)).astype(np.uint16),
    }


def whole_picture(full):
    """`N.input` U8 [H, W] or [H, W, 3] and `N.network_size` -> `N.output` U16: 65535 times RGB."""
    predict = own_in_pipeline(load(MODEL, torch.float64))
    cases = [
        (picture("coffee", 1, 1), 256),
        (picture("coffee", 1, 37), 256),
        (gray(picture("rocket", 37, 1)), 256),
        (gray(picture("coffee", 61, 47)), 256),
        (picture("coffee", 61, 47), 160),
        (picture("chelsea", 63, 255), 256),
        (gray(picture("coffee", 256, 256)), 256),
        (gray(picture("rocket", 40, 300)), 256),  # one axis larger than the network, one smaller
        (picture("rocket", 170, 20), 160),
        (picture("coffee", 64, 64), 256),  # the size of the network's ab
    ]
    if full:
        for size in (160, 256):
            cases += [
                (picture("coffee", 3000, 4000), size),
                (gray(picture("rocket", 1000, 700)), size),
                (skimage.data.chelsea(), size),
                (skimage.data.astronaut(), size),
                (picture("coffee", 2, 5000), size),
                (picture("coffee", 255, 257), size),
            ]
    return numbered(picture_case(predict, *case) for case in cases)


def published_picture(architecture, full):
    """The same with a released network in the pipeline."""
    network = released_network(architecture, torch.float64)
    cases = [
        (picture("coffee", 61, 47), 64),
        (gray(picture("rocket", 30, 100)), 64),
        (picture("chelsea", 64, 64), 64),  # nothing is resized
        (gray(picture("coffee", 40, 60)), 256),
    ]
    if full:
        cases += [(picture("rocket", 300, 200), 256), (picture("coffee", 256, 256), 256)]
    return numbered(
        picture_case(lambda lightness: network(lightness.double()), *case) for case in cases
    )


# ---- DDColor -------------------------------------------------------------------------------------


def transformer(full):
    """`N.input` [C, H, W] -> `N.output`, of one of these:

    `N.exponent`           layer norm with `N.weight`, `N.bias` and an epsilon of 10^-exponent
    `N.gelu`               GELU without an approximation
    `N.positions`          DDColor's sine positions, of the input's size
    `N.in_proj_weight`     PyTorch's MultiheadAttention of `N.heads` heads, with `N.in_proj_bias`,
                           `N.out_weight`, `N.out_bias`: queries are the input, keys `N.keys`,
                           values `N.values`
    """
    rng = seeded("transformer")
    cases = []

    def values(*shape, scale=1.0):
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    def double(array):
        return torch.from_numpy(array).double()

    # Values so small that epsilon counts.
    for shape, exponent, scale in [
        ((5, 2, 3), 6, 1), ((96, 3, 2), 6, 1e-3), ((33, 1, 4), 5, 3e-3), ((1, 2, 1), 5, 1)
    ]:  # fmt: skip
        case = {
            "input": values(*shape, scale=scale),
            "weight": values(shape[0]),
            "bias": values(shape[0]),
            "exponent": np.array([exponent]),
        }
        output = F.layer_norm(
            double(case["input"]).permute(1, 2, 0), shape[:1], double(case["weight"]),
            double(case["bias"]), 10.0**-exponent,
        )  # fmt: skip
        cases.append(case | {"output": float32(output.permute(2, 0, 1).contiguous())})
    inputs = np.concatenate([rng.normal(0, 3, 300), [-100, -9, -1e-6, 0, 1e-6, 9, 100]])
    inputs = inputs.astype(np.float32)[None, None]
    cases.append(
        {"input": inputs, "output": float32(F.gelu(double(inputs))), "gelu": np.array([1])}
    )
    for shape in [(16, 3, 5), (8, 1, 1), *([(256, 64, 40)] if full else [])]:
        inputs = values(*shape)
        encoding = ddcolor.positions(shape[0])
        output = encoding(double(inputs)[None], None)[0]
        cases.append({"input": inputs, "output": float32(output), "positions": np.array([1])})
    for channels, heads, queries, height, width in [
        (16, 2, 7, 4, 5), (24, 3, 1, 1, 1), (32, 1, 14, 9, 3), (64, 8, 20, 20, 15)
    ]:  # fmt: skip
        attention = torch.nn.MultiheadAttention(channels, heads).double().requires_grad_(False)
        case = {
            "input": values(channels, 1, queries),
            "keys": values(channels, height, width),
            "values": values(channels, height, width),
            "in_proj_weight": values(3 * channels, channels, scale=1.5 * channels**-0.5),
            "in_proj_bias": values(3 * channels),
            "out_weight": values(channels, channels, scale=channels**-0.5),
            "out_bias": values(channels),
            "heads": np.array([heads]),
        }
        attention.in_proj_weight.data = double(case["in_proj_weight"])
        attention.in_proj_bias.data = double(case["in_proj_bias"])
        attention.out_proj.weight.data = double(case["out_weight"])
        attention.out_proj.bias.data = double(case["out_bias"])
        query, keys, memory = (
            double(case[name]).flatten(1).T[:, None] for name in ("input", "keys", "values")
        )
        output = attention(query, keys, memory)[0][:, 0].T[:, None]
        cases.append(case | {"output": float32(output.contiguous())})
    return numbered(cases)


def released_ddcolor(architecture, full):
    """`N.input` F32 [1, H, W], L -> `N.ab` F32 [2, H, W]."""
    network = formula_network(architecture, torch.float64)
    rng = seeded(architecture)
    sizes = [(32, 32), (64, 96)]
    if full:
        sizes += [(256, 256), (384, 640), (512, 512)]
    cases = []
    for height, width in sizes:
        lightness = rgb2lab(picture("coffee", height, width))[..., 0]
        lightness = (lightness + rng.normal(0, 3, lightness.shape)).clip(0, 100)
        inputs = lightness.astype(np.float32)
        cases.append({"input": inputs[None], "ab": float32(ddcolor.forward(network, inputs))})
    return numbered(cases)


def released_ddcolor_picture(architecture, full):
    """`N.input` U8 [H, W, 3] or [H, W], `N.network_size` -> `N.output` U8 [H, W, 3]: the release's
    pipeline with exact conversions between RGB and Lab."""
    network = formula_network(architecture, torch.float64)
    cases = [
        (picture("coffee", 61, 47), 64),
        (gray(picture("rocket", 30, 100)), 64),
        (picture("chelsea", 64, 64), 64),  # nothing is resized
        (gray(picture("coffee", 150, 200)), 32),  # much smaller: antialiasing would show
    ]
    if full:
        cases += [(picture("rocket", 300, 200), 256), (picture("coffee", 700, 900), 512)]
    return numbered(
        {
            "input": image,
            "network_size": np.array([side]),
            "output": ddcolor.released_pipeline(network, image, side),
        }
        for image, side in cases
    )


def rgb_network(architecture, full):
    """For `N.input` F32 [1, H, W] of L, of a gray picture, the `N.rgb` [3, H, W], from -3 to 3,
    with the formula's weights.
    """
    network = formula_network(architecture, torch.float64)
    # The last has an odd render factor: sides are halved to odd ones.
    sizes = [(16, 32), (48, 80)]
    if full:
        sizes += [(128, 128), (256, 256)]
    result = []
    for index, (height, width) in enumerate(sizes):
        content = gray(picture(("chelsea", "coffee", "rocket")[index % 3], height, width))
        lightness = rgb2lab(np.repeat(content[:, :, None], 3, axis=2))[..., 0]
        output = network(network_input_of_gray(content, torch.float64))[0]
        result.append({"input": lightness[None].astype(np.float32), "rgb": float32(output)})
    return numbered(result)


def rgb_picture(architecture, full):
    """`N.input` U8 [H, W] or [H, W, 3] and `N.network_size` -> `N.output` U8 [H, W, 3] of the
    release's pipeline.
    """
    network = formula_network(architecture, torch.float64)
    cases = [
        (picture("coffee", 61, 47), 64),
        (gray(picture("rocket", 30, 50)), 48),
        (picture("chelsea", 48, 48), 48),  # nothing is resized
        (picture("chelsea", 1, 3), 16),
    ]
    if full:
        cases += [(picture("rocket", 300, 200), 128), (picture("coffee", 600, 800), 256)]
    return numbered(
        {
            "input": image,
            "network_size": np.array([size]),
            "output": rgb_pipeline(lambda x: network(x.double()), image, size),
        }
        for image, size in cases
    )


SUBJECTS = {
    "resample": resample,
    "lab": lab,
    "bilinear": bilinear,
    "convolution": convolution,
    "depthwise": depthwise,
    "transposed": transposed,
    "activation": activation,
    "image-operators": image_operators,
    "attention": attention,
    "network": network,
    "picture": whole_picture,
    "compact": partial(own, "compact"),
    **{name: partial(published, name) for name in RELEASED},
    **{f"{name}-picture": partial(published_picture, name) for name in RELEASED},
    **{name: partial(rgb_network, name) for name in RGB},
    "deoldify-deep-picture": partial(rgb_picture, "deoldify-deep"),
    "transformer": transformer,
    "ddcolor-tiny": partial(released_ddcolor, "ddcolor-tiny"),
    "ddcolor-tiny-picture": partial(released_ddcolor_picture, "ddcolor-tiny"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=SUBJECTS)
    parser.add_argument("--full", type=Path, metavar="DIR", help="write the large set to DIR")
    arguments = parser.parse_args()
    folder = arguments.full or FIXTURES
    total = 0
    for subject in arguments.only:
        make = SUBJECTS[subject]
        path = folder / f"{subject}.safetensors"
        write(path, make(full=arguments.full is not None))
        total += path.stat().st_size
        print(f"{path.name}: {path.stat().st_size} bytes")
    if arguments.full is None and total > MAXIMUM_BYTES:
        print(f"{total} bytes in all, which is over {MAXIMUM_BYTES}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

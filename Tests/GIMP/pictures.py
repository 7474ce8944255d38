"""Pictures for the tests of the GIMP filter, and what has to become of them."""

from pathlib import Path

import numpy as np
from PIL import Image

import colorize

PHOTOGRAPH = Path(__file__).resolve().parents[2] / "examples/photos/camera.png"
MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def photograph(mode, size=(131, 97)):
    """uint8 [H, W, channels]: the photograph as GIMP is given it."""
    picture = Image.open(PHOTOGRAPH).resize(size)
    pixels = np.asarray(picture)[..., None]
    if mode.startswith("RGB"):
        # Colours, which are not to be looked at.
        tint = np.linspace(0.6, 1, 3 * size[0]).reshape(1, size[0], 3)
        pixels = (pixels * tint).round().astype(np.uint8)
    if mode.endswith("A"):
        alpha = np.asarray(Image.radial_gradient("L").resize(size))[..., None]
        pixels = np.concatenate([pixels, alpha], axis=-1)
    assert pixels.shape[-1] == MODES[mode]
    return pixels


def expected(pixels, **options):
    """What the C API makes of uint8 pixels [H, W, channels]."""
    gray = pixels[..., 0] if pixels.shape[-1] < 3 else pixels[..., :3]
    result = colorize.Model().colorize(np.ascontiguousarray(gray), **options)
    if pixels.shape[-1] % 2 == 0:
        result = np.concatenate([result, pixels[..., -1:]], axis=-1)
    return result


def as_rgb(pixels):
    """What GIMP's conversion to RGB makes of pixels."""
    if pixels.shape[-1] >= 3:
        return pixels
    return np.concatenate([pixels[..., [0, 0, 0]], pixels[..., 1:]], axis=-1)

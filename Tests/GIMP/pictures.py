"""Pictures for the tests of the GIMP filter, and what the C API makes of them."""

import ctypes
from pathlib import Path

import numpy as np
from PIL import Image

from libcolorize import _declarations as c
from libcolorize import _library

PHOTOGRAPH = Path(__file__).resolve().parents[2] / "examples/photos/camera.png"
MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
# By the number of channels.
FORMATS = {
    np.uint8: (
        c.COLORIZE_GRAY8,
        c.COLORIZE_GRAY_ALPHA8,
        c.COLORIZE_RGB8,
        c.COLORIZE_RGBA8,
    ),
    np.uint16: (
        c.COLORIZE_GRAY16,
        c.COLORIZE_GRAY_ALPHA16,
        c.COLORIZE_RGB16,
        c.COLORIZE_RGBA16,
    ),
    np.float32: (
        c.COLORIZE_GRAY_FLOAT,
        c.COLORIZE_GRAY_ALPHA_FLOAT,
        c.COLORIZE_RGB_FLOAT,
        c.COLORIZE_RGBA_FLOAT,
    ),
}


def photograph(mode, size=(131, 97), dtype=np.uint8):
    """[H, W, channels]: the photograph as GIMP is given it."""
    picture = Image.open(PHOTOGRAPH).resize(size)
    pixels = np.asarray(picture)[..., None] / 255
    if mode.startswith("RGB"):
        # Colors, which are not to be looked at.
        pixels = pixels * np.linspace(0.6, 1, 3 * size[0]).reshape(1, size[0], 3)
    elif dtype == np.uint16:
        # Grays that 8 bits do not have.
        pixels = pixels * np.linspace(0.9, 1, size[0]).reshape(1, size[0], 1)
    if mode.endswith("A"):
        alpha = np.asarray(Image.radial_gradient("L").resize(size))[..., None] / 255
        pixels = np.concatenate([pixels, alpha], axis=-1)
    assert pixels.shape[-1] == MODES[mode]
    return (pixels * np.iinfo(dtype).max).round().astype(dtype)


def as_rgb(pixels):
    """What GIMP's conversion to RGB makes of pixels."""
    if pixels.shape[-1] >= 3:
        return pixels
    return np.ascontiguousarray(np.concatenate([pixels[..., [0, 0, 0]], pixels[..., 1:]], axis=-1))


def _image(pixels):
    height, width, channels = pixels.shape
    return c.colorize_image(
        pixels=pixels.ctypes.data,
        row_bytes=width * channels * pixels.itemsize,
        width=width,
        height=height,
        format=FORMATS[pixels.dtype.type][channels - 1],
    )


def expected(pixels, hints=None, **fields):
    """What the C API makes of pixels, with these fields of colorize_options.

    hints  ab, float32 [H, W, 2], and mask, uint8 [H, W]
    """
    library = _library.load()
    error = c.colorize_error()
    model = c.colorize_model_p()
    pixels = np.ascontiguousarray(pixels)
    result = np.zeros_like(as_rgb(pixels))
    options = c.colorize_options(struct_size=ctypes.sizeof(c.colorize_options), **fields)
    if hints is not None:
        ab, mask = (np.ascontiguousarray(part) for part in hints)
        hint_map = c.colorize_hint_map(
            struct_size=ctypes.sizeof(c.colorize_hint_map),
            ab=ab.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
            ab_row_bytes=ab.strides[0],
            mask=mask.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)),
            mask_row_bytes=mask.strides[0],
        )
        options.hint_map = ctypes.pointer(hint_map)
    assert library.colorize_model_open_default(ctypes.byref(model), error) == 0, error.message
    try:
        status = library.colorize_run(
            model, ctypes.byref(_image(pixels)), ctypes.byref(_image(result)),
            ctypes.byref(options), error,
        )  # fmt: skip
        assert status == 0, error.message
    finally:
        library.colorize_model_close(model)
    return result

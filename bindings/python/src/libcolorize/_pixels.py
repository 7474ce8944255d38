"""NumPy arrays as colorize.h's images: in place where C can walk them, copied where it cannot."""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from ._calls import invalid, uint32

Array = npt.NDArray[Any]

# By the number of channels, from 1.
_FORMATS = {
    np.dtype(np.uint8): (
        c.COLORIZE_GRAY8,
        c.COLORIZE_GRAY_ALPHA8,
        c.COLORIZE_RGB8,
        c.COLORIZE_RGBA8,
    ),
    np.dtype(np.uint16): (
        c.COLORIZE_GRAY16,
        c.COLORIZE_GRAY_ALPHA16,
        c.COLORIZE_RGB16,
        c.COLORIZE_RGBA16,
    ),
    np.dtype(np.float32): (
        c.COLORIZE_GRAY_FLOAT,
        c.COLORIZE_GRAY_ALPHA_FLOAT,
        c.COLORIZE_RGB_FLOAT,
        c.COLORIZE_RGBA_FLOAT,
    ),
}
_DTYPES = "uint8, uint16 or float32"
_ALL = (1, 2, 3, 4)
_WITH_COLORS = (3, 4)

# What Pillow converts a picture of a mode to, where its bytes are not what colorize.h reads.
_PILLOW_MODES = {
    "1": "L",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}
_PLAIN_MODES = ("L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B", "I;16N", "F")

# Floats are 0 to 1, and what is a little above is a highlight. A picture is refused where more than
# a tenth of its values is above 2: it is counted in other units, and would come out white.
_LARGEST_FLOAT = 2
_LARGEST_SHARE = 0.1


def source(image: npt.ArrayLike, bgra: bool) -> Array:
    """A picture to be colored, of one of the types that the library reads."""
    array = _as_known_type(_of_pillow(image, "image"), "image")
    _check_shape(array, "image", (1, 2, 4) if bgra else _ALL)
    _check_range(array, "image")
    if bgra and _channels(array) == 4:
        _check_bgra(array.dtype, "image")
    return array


def reference(image: npt.ArrayLike, name: str) -> Array:
    """A picture whose colors are looked at, as C can walk it."""
    array = _as_known_type(_of_pillow(image, name), name)
    _check_shape(array, name, _WITH_COLORS)
    _check_range(array, name)
    return array if row_bytes(array) is not None else array.copy(order="C")


def result(
    shape: tuple[int, ...],
    own_dtype: np.dtype[Any],
    out: Array | None,
    dtype: npt.DTypeLike | None,
    bgra: bool,
) -> Array:
    """Where the colors of a picture of this shape and type go: `out`, checked, or a new array."""
    wanted = None if dtype is None else np.dtype(dtype)
    if wanted is not None and wanted not in _FORMATS:
        raise TypeError(f"dtype is {wanted}; it must be {_DTYPES}")
    if out is None:
        chosen = own_dtype if wanted is None else wanted
        if bgra:
            _check_bgra(chosen, "the result")
        channels = 4 if bgra or shape[2:] in ((2,), (4,)) else 3
        return np.empty((*shape[:2], channels), chosen)

    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is a {type(out).__name__}; it must be a NumPy array")
    if out.dtype not in _FORMATS:
        raise TypeError(f"out is of {out.dtype}; it must be of {_DTYPES}")
    if wanted is not None and wanted != out.dtype:
        raise invalid(f"dtype is {wanted}, and out is of {out.dtype}")
    if bgra:
        _check_bgra(out.dtype, "out")
    _check_shape(out, "out", (4,) if bgra else _WITH_COLORS)
    if out.shape[:2] != shape[:2]:
        raise invalid(
            f"out has shape {out.shape}; image has {shape[0]} rows and {shape[1]} columns"
        )
    if not out.flags.writeable:
        raise invalid("out is read-only")
    if row_bytes(out) is None:
        raise invalid("out has gaps between the pixels of a row")
    return out


def readable(pixels: Array, target: Array | None = None) -> Array:
    """The picture as C can walk it while it writes `target`: itself, or a copy."""
    if row_bytes(pixels) is None:
        return pixels.copy(order="C")
    if target is None or _is_same(pixels, target) or not np.may_share_memory(pixels, target):
        return pixels
    return pixels.copy(order="C")


def image(array: Array, bgra: bool = False) -> c.colorize_image:
    height, width = array.shape[:2]
    channels = _channels(array)
    return c.colorize_image(
        # Of a read-only array ctypes would give no pointer.
        pixels=_address(array),
        row_bytes=row_bytes(array),
        width=uint32("width", width),
        height=uint32("height", height),
        format=c.COLORIZE_BGRA8 if bgra and channels == 4 else _FORMATS[array.dtype][channels - 1],
    )


def row_bytes(array: Array) -> int | None:
    """From a row's first byte to the next row's; None if C could not walk the array like that."""
    height, width = array.shape[:2]
    pixel = _bytes_per_pixel(array)
    # NumPy gives dimensions of 1 any stride that it likes.
    if pixel > array.itemsize and array.strides[2] != array.itemsize:
        return None
    if width > 1 and array.strides[1] != pixel:
        return None
    if height <= 1:
        return int(width) * pixel
    stride = int(array.strides[0])
    return stride if stride >= width * pixel else None


def _of_pillow(image: npt.ArrayLike, name: str) -> npt.ArrayLike:
    """A picture of Pillow's in a mode whose bytes are gray, RGB, or these with alpha."""
    # Who has none of its pictures need not have Pillow.
    pillow = sys.modules.get("PIL.Image")
    if pillow is None or not isinstance(image, pillow.Image):
        return image
    mode = image.mode
    if mode in _PLAIN_MODES:
        return image
    if mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if mode in _PILLOW_MODES:
        return image.convert(_PILLOW_MODES[mode])
    raise TypeError(
        f"{name} is a Pillow image of the mode {mode!r}; convert it, for example to 'L', 'RGB' or "
        "'RGBA'"
    )


def _check_range(array: Array, name: str) -> None:
    if array.dtype != np.float32:
        return
    colors = array
    if array.ndim == 3 and array.shape[2] in (2, 4):
        colors = array[:, :, :-1]
    above = np.count_nonzero(colors > _LARGEST_FLOAT)
    if above > _LARGEST_SHARE * colors.size:
        raise invalid(
            f"{name} has floats above {_LARGEST_FLOAT} in {100 * above / colors.size:.0f} % of "
            "its values; they must be 0 to 1: divide by 255, by 65535, or by what is white in it"
        )


def _as_known_type(image: npt.ArrayLike, name: str) -> Array:
    if isinstance(image, (str, bytes, os.PathLike)):
        raise TypeError(
            f"{name} is a {type(image).__name__}; it must be an array or a picture of Pillow's. "
            "libcolorize.colorize reads files"
        )
    array = np.asarray(image)
    if array.dtype.type in (np.uint8, np.uint16):
        # Files may have the other byte order.
        return array.astype(array.dtype.type, copy=False)
    if array.dtype.kind == "f":
        # What is too large for a float32 is white as infinity is.
        with np.errstate(over="ignore"):
            return array.astype(np.float32, copy=False)
    raise TypeError(f"{name} is of {array.dtype}; it must be of uint8, uint16 or floats")


def _check_shape(array: Array, name: str, channels: tuple[int, ...]) -> None:
    is_gray = array.ndim == 2 and 1 in channels
    if not is_gray and (array.ndim != 3 or array.shape[2] not in channels):
        shapes = ["[H, W]"] * (1 in channels) + [f"[H, W, {count}]" for count in channels]
        raise invalid(f"{name} has shape {array.shape}; it must be {' or '.join(shapes)}")
    if array.size == 0:
        raise invalid(f"{name} has shape {array.shape}, which is without pixels")


def _check_bgra(dtype: np.dtype[Any], name: str) -> None:
    if dtype != np.uint8:
        raise TypeError(f"{name} is of {dtype}; with bgra it must be of uint8")


def _is_same(pixels: Array, target: Array) -> bool:
    """Whether each pixel of both has the same bytes."""
    return (
        _address(pixels) == _address(target)
        and row_bytes(pixels) == row_bytes(target)
        and _bytes_per_pixel(pixels) == _bytes_per_pixel(target)
    )


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def _channels(array: Array) -> int:
    return int(math.prod(array.shape[2:]))


def _bytes_per_pixel(array: Array) -> int:
    return _channels(array) * array.itemsize

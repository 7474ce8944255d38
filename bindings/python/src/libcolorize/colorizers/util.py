"""From a file to the network's input, and from the network's ab to a picture."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..color import lab_to_rgb, rgb_to_lab
from ._array import Array, floats, is_double

# Colors are computed this many pixels at a time: memory then holds little beside input and output.
_BAND_PIXELS = 1 << 18


def _pillow() -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ImportError(
            "reading and resizing pictures needs Pillow: pip install pillow"
        ) from None
    return Image


def load_img(img_path: str | os.PathLike[str]) -> npt.NDArray[np.uint8]:
    """uint8 [H, W, 3], or [H, W, 4] of a picture with alpha.

    Gray becomes three equal channels, as in the release; so do 16 bits, of which the upper 8 are
    taken. Everything else, palettes for example, becomes RGB; the release would fail, or take the
    numbers of a palette for gray.
    """
    with _pillow().open(img_path) as file:
        if file.mode.startswith("I;16"):
            gray = (np.asarray(file) >> 8).astype(np.uint8)
        elif file.mode in ("I", "F"):
            raise ValueError(f"{img_path} has numbers of {file.mode} for pixels, of unknown range")
        elif file.mode in ("L", "1", "LA", "La"):
            gray = np.asarray(file.convert("L"))
        else:
            return np.asarray(file if file.mode in ("RGB", "RGBA") else file.convert("RGB"))
    return np.tile(gray[:, :, None], 3)


def resize_img(
    img: npt.NDArray[np.uint8],
    HW: tuple[int, int] = (256, 256),  # noqa: N803
    resample: int = 3,
) -> npt.NDArray[np.uint8]:
    """The picture squashed to HW, height and width; 3 is Pillow's bicubic."""
    return np.asarray(_pillow().fromarray(img).resize((HW[1], HW[0]), resample=resample))


def preprocess_img(
    img_rgb_orig: npt.NDArray[np.uint8],
    HW: tuple[int, int] = (256, 256),  # noqa: N803
    resample: int = 3,
) -> tuple[Array, Array]:
    """L [1, 1, H, W] of a picture, and L of the picture squashed to HW.

    The picture is uint8 [H, W, 3], or [H, W], or [H, W, 4], whose alpha is not looked at.
    """
    image = np.asarray(img_rgb_orig)
    if image.dtype != np.uint8:
        raise TypeError(f"the picture is of {image.dtype}; it must be of uint8")
    if image.ndim == 2:
        image = np.broadcast_to(image[:, :, None], (*image.shape, 3))
    if image.ndim != 3 or image.shape[2] not in (3, 4) or image.size == 0:
        raise ValueError(
            f"the picture has shape {image.shape}; it must be [H, W], [H, W, 3] or [H, W, 4]"
        )
    image = image[:, :, :3]
    small = resize_img(np.ascontiguousarray(image), HW, resample)
    return _lightness(image), _lightness(small)


def _bands(height: int, width: int) -> Iterator[slice]:
    rows = max(1, _BAND_PIXELS // width)
    return (slice(first, first + rows) for first in range(0, height, rows))


def _lightness(image: npt.NDArray[np.uint8]) -> Array:
    """L, float32 [1, 1, H, W], of uint8 [H, W, 3]."""
    result = np.empty((1, 1, *image.shape[:2]), np.float32)
    for rows in _bands(*image.shape[:2]):
        result[0, 0, rows] = rgb_to_lab(image[rows] / np.float32(255))[:, :, 0]
    return result.view(Array)


def postprocess_tens(
    tens_orig_l: Any, out_ab: Any, mode: str = "bilinear"
) -> npt.NDArray[np.floating]:
    """The picture, [H, W, 3], 0 to 1: L [1, 1, H, W] with ab [1, 2, h, w] stretched to it.

    It is float32, or float64 if L or ab is; of more than one the first is taken; `mode` is not
    looked at: all as in the release.
    """
    dtype = np.float64 if is_double(tens_orig_l) or is_double(out_ab) else np.float32
    lightness, ab = floats(tens_orig_l)[0, 0], floats(out_ab)[0]
    height, width = lightness.shape
    # ab stretched in width: [2, h, width].
    left, right, weight = _taps(ab.shape[2], width)
    ab = ab[:, :, left] * (1 - weight) + ab[:, :, right] * weight
    upper, lower, weight = _taps(ab.shape[1], height)
    weight = weight[:, None]
    result = np.empty((height, width, 3), dtype)
    for rows in _bands(height, width):
        lab = np.empty((*result[rows].shape[:2], 3), np.float32)
        lab[:, :, 0] = lightness[rows]
        for channel in (0, 1):
            plane = ab[channel]
            lab[:, :, 1 + channel] = (
                plane[upper[rows]] * (1 - weight[rows]) + plane[lower[rows]] * weight[rows]
            )
        result[rows] = lab_to_rgb(lab)
    return result


def _taps(
    size: int, new_size: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """For each new place the two old ones around it and the second's weight: PyTorch's bilinear
    interpolation with align_corners=False. Places are counted in the middles of pixels, and what
    lies outside of the first or the last middle has its value.
    """
    place = np.maximum((np.arange(new_size) + 0.5) * (size / new_size) - 0.5, 0)
    first = np.minimum(place.astype(np.intp), size - 1)
    return first, np.minimum(first + 1, size - 1), (place - first).astype(np.float32)

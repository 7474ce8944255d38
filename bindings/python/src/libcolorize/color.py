"""Colors by themselves: sRGB, CIE Lab and what of it sRGB has."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._calls import call, floats, invalid, library


def rgb_to_lab(rgb: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """CIE Lab of sRGB: float32 [..., 3], L 0 to 100, a and b; the white point is D65 (2 degrees).

    rgb  floats [..., 3], sRGB-encoded, 0 to 1; values outside are taken as they are
    """
    values = _colors(rgb, "rgb")
    result = np.empty_like(values)
    call(library.colorize_rgb_to_lab, floats(values), floats(result), values.size // 3)
    return result


def lab_to_rgb(lab: npt.ArrayLike, clip: bool = True) -> npt.NDArray[np.float32]:
    """sRGB of CIE Lab: float32 [..., 3], sRGB-encoded.

    lab   floats [..., 3]: L 0 to 100, a and b
    clip  whether each channel is clipped to 0 to 1; if not, colors outside of sRGB's gamut come
          back as they are, below 0 or above 1
    """
    values = _colors(lab, "lab")
    result = np.empty_like(values)
    call(library.colorize_lab_to_rgb, floats(values), floats(result), values.size // 3, bool(clip))
    return result


def gamut_chroma(lightness: float, hues: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The gamut of sRGB at a lightness: the largest chroma, 0 to 134, for each hue.

    Gives float32 of the shape of `hues`.

    lightness  L of CIE Lab, 0 to 100
    hues       in degrees, atan2(b, a); any finite numbers
    """
    values = np.array(hues, np.float32, order="C")
    call(library.colorize_gamut_chroma, lightness, floats(values), floats(values), values.size)
    return values


def _colors(array: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    """float32 [..., 3], contiguous."""
    values = np.asarray(array)
    if not np.issubdtype(values.dtype, np.floating):
        # Bytes would be taken for values of 0 to 255 times white.
        raise TypeError(f"{name} is of {values.dtype}; it must be of floats")
    if values.shape[-1:] != (3,):
        raise invalid(f"{name} has shape {values.shape}; its last dimension must be 3")
    return np.ascontiguousarray(values, np.float32)

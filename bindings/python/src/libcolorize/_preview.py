"""Small PNG pictures for notebooks, made without any other package."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from .color import lab_to_rgb, rgb_to_lab

_SIDE = 512
"""Pixels of a preview's longer side, or a few more."""


def before_and_after(colored: npt.NDArray[np.uint8]) -> bytes:
    """A PNG of a colored picture, uint8 [H, W, 3 or 4], on the right of its lightness."""
    small = _reduced(colored[:, :, :3])
    lightness = rgb_to_lab(small)
    lightness[:, :, 1:] = 0
    return png(np.rint(255 * np.hstack([lab_to_rgb(lightness), small])).astype(np.uint8))


def _reduced(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Floats, 0 to 1, of the means of squares."""
    height, width = picture.shape[:2]
    step = max(1, max(height, width) // _SIDE)
    # A side that is shorter than a square keeps its pixels.
    steps = min(step, height), min(step, width)
    rows, columns = height // steps[0], width // steps[1]
    squares = picture[: rows * steps[0], : columns * steps[1]]
    squares = squares.reshape(rows, steps[0], columns, steps[1], 3)
    means: Any = squares.mean(axis=(1, 3), dtype=np.float32)
    return means / np.float32(255)


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    """The file of uint8 [H, W, 3]."""
    height, width = picture.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = picture.reshape(height, 3 * width)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip

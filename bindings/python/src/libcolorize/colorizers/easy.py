"""A file in, a picture out."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt

from .eccv16 import eccv16
from .siggraph17 import siggraph17
from .util import load_img, postprocess_tens, preprocess_img


def pipeline(path: str | os.PathLike[str], eccv: bool = True) -> npt.NDArray[np.float32]:
    """Colors a file with the published eccv16, or else siggraph17: float32 [H, W, 3], 0 to 1."""
    lightness, small = preprocess_img(load_img(path), HW=(256, 256))
    colorizer = eccv16().eval() if eccv else siggraph17().eval()
    return postprocess_tens(lightness, colorizer(small).cpu())

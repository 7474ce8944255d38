"""Replaces the published package `colorizers` (rz-colorization), without PyTorch.

    from libcolorize.colorizers import *        # instead of: from colorizers import *

    colorizer = siggraph17(pretrained=True).eval()
    image = load_img("photo.jpg")
    (lightness, small) = preprocess_img(image, HW=(256, 256))
    picture = postprocess_tens(lightness, colorizer(small).cpu())

Names, arguments and results are those of the release. Intermediate arrays are `Array`, NumPy arrays
with the methods of tensors that such scripts use; PyTorch tensors give PyTorch tensors. Neither
PyTorch nor scikit-image is needed or imported. Pillow is, to read and shrink pictures.

Different from the release:

- networks run in libcolorize on the CPU; `.cuda()` and `.to(device)` change nothing;
- a network made with pretrained=False has no weights until `load_state_dict`, and says so; the
  release's would give noise;
- a network's input has sides of at most 2048, hints within -128 to 128, and masks of any finite
  numbers;
- `preprocess_img` also takes gray pictures [H, W] and RGBA, and ignores alpha;
- `load_img` converts palettes, CMYK and 16 bits to what the other functions expect;
- `postprocess_tens` does not warn about colors outside sRGB.

Missing:

- the networks are not torch.nn.Module: they have no `state_dict()`, `parameters()`, layers, hooks
  or `half()`, and cannot be trained; an attempt says so. `norm_layer` must be torch.nn.BatchNorm2d,
  and `classes` the published number;
- an `Array` has NumPy's attributes and `clone`, `contiguous`, `cpu`, `cuda`, `data`, `detach`,
  `dim`, `float`, `numpy`, `permute`, `size`, `squeeze`, `to` and `unsqueeze`, but no others;
- the modules that the star import brings, `torch`, `nn`, `F`, `plt`, `PIL`, `Image` and `color`,
  are imported when a script first uses them, and must be installed then. Only `torch.cat` of arrays
  and `torch.no_grad` work without PyTorch.
"""

import numpy as np

from . import base_color, easy, util
from ._array import Array
from ._stand_ins import PIL, F, Image, color, nn, plt, torch
from .base_color import BaseColor
from .easy import pipeline
from .eccv16 import ECCVGenerator, eccv16
from .siggraph17 import SIGGRAPHGenerator, siggraph17
from .util import load_img, postprocess_tens, preprocess_img, resize_img

# What the release's star import brings, modules that it happens to use included: scripts rely on
# them.
__all__ = [
    "PIL",
    "Array",
    "BaseColor",
    "ECCVGenerator",
    "F",
    "Image",
    "SIGGRAPHGenerator",
    "base_color",
    "color",
    "easy",
    "eccv16",
    "load_img",
    "nn",
    "np",
    "pipeline",
    "plt",
    "postprocess_tens",
    "preprocess_img",
    "resize_img",
    "siggraph17",
    "torch",
    "util",
]

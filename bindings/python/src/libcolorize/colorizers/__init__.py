"""In the place of the released package `colorizers` (rz-colorization), without PyTorch.

    from libcolorize.colorizers import *        # instead of: from colorizers import *

    colorizer = siggraph17(pretrained=True).eval()
    image = load_img("photo.jpg")
    (lightness, small) = preprocess_img(image, HW=(256, 256))
    picture = postprocess_tens(lightness, colorizer(small).cpu())

Names, arguments and results are the release's. The arrays on the way are `Array`, NumPy arrays that
know what such scripts ask of tensors; who gives PyTorch's tensors gets PyTorch's tensors. Neither
PyTorch nor scikit-image is needed or imported; Pillow is, to read and to shrink pictures.

Different from the release:

- networks run in libcolorize on the CPU: `.cuda()` and `.to(device)` change nothing;
- a network made with pretrained=False has no weights until `load_state_dict`, and says so; the
  release's would give noise;
- sides of what a network is given are at most 2048, and hints within -128 to 128; masks are any
  numbers that are finite;
- `preprocess_img` also takes gray pictures [H, W] and RGBA, whose alpha it does not look at;
- `load_img` turns palettes, CMYK and 16 bits into what the others expect;
- `postprocess_tens` does not warn of colours outside of sRGB.

Not there:

- the networks are no torch.nn.Module: they have no `state_dict()`, `parameters()`, layers or hooks,
  cannot be trained, and compute in float32 without `half()`, which all say so. There is no other
  `norm_layer` than torch.nn.BatchNorm2d, and no other number of `classes` than the published one;
- of an `Array`, everything that is not NumPy's, but for `clone`, `contiguous`, `cpu`, `cuda`,
  `data`, `detach`, `dim`, `float`, `numpy`, `permute`, `size`, `squeeze`, `to` and `unsqueeze`;
- the modules that the star import brings, `torch`, `nn`, `F`, `plt`, `PIL`, `Image` and `color`,
  are imported when a script first uses them, and must be installed then. Only `torch.cat` of arrays
  and `torch.no_grad` do without PyTorch.
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

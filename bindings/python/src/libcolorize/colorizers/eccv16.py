"""Zhang, Isola and Efros, Colorful Image Colorization, ECCV 2016: https://arxiv.org/abs/1603.08511"""

from __future__ import annotations

import os
from typing import Any

from ._array import floats, like
from ._generator import Generator


class ECCVGenerator(Generator):
    """L [N, 1, H, W] to ab [N, 2, H, W], of any size; H and W are rounded up to multiples of 8."""

    architecture = "eccv16"

    def forward(self, input_l: Any) -> Any:
        return like(input_l, self.predict(floats(input_l)))


def eccv16(pretrained: bool = True, weights: str | os.PathLike[str] | None = None) -> ECCVGenerator:
    """The network; `weights` says where its file is, see `libcolorize.weights.find`."""
    model = ECCVGenerator()
    if pretrained:
        model.load_pretrained(weights)
    return model

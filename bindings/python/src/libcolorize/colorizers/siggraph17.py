"""Zhang et al., Real-Time User-Guided Image Colorization, SIGGRAPH 2017:
https://arxiv.org/abs/1705.02999
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ._array import floats, like
from ._generator import Generator


class SIGGRAPHGenerator(Generator):
    """L [N, 1, H, W] to ab [N, 2, H, W], H and W multiples of 8.

    input_B  [N, 2, H, W], a and b where they are known, 0 elsewhere
    mask_B   [N, 1, H, W], any numbers, in the network's own terms, as in the release: nothing is
             added to it

    classes  for the release's sake: 529, its default
    """

    architecture = "siggraph17"

    def __init__(self, norm_layer: Any = None, classes: int = 529) -> None:
        super().__init__(norm_layer)
        if classes != 529:
            raise ValueError(f"classes is {classes!r}; siggraph17 has 529 here, as was published")

    def forward(self, input_A: Any, input_B: Any = None, mask_B: Any = None) -> Any:  # noqa: N803
        lightness = floats(input_A)
        hints = mask = None
        if input_B is not None or mask_B is not None or self._is_centred():
            # One without the other is all zero, as in the release. Where the network's mask is
            # centred, its zero is not "no hint", but that is what the release gives it too.
            hints = np.repeat(0 * lightness, 2, axis=1) if input_B is None else floats(input_B)
            mask = 0 * lightness if mask_B is None else floats(mask_B)
        return like(input_A, self.predict(lightness, hints, mask))

    def _is_centred(self) -> bool:
        return self.network is not None and self.network.info.mask_convention == "centred"


def siggraph17(
    pretrained: bool = True, weights: str | os.PathLike[str] | None = None
) -> SIGGRAPHGenerator:
    """The network; `weights` says where its file is, see `libcolorize.weights.find`."""
    model = SIGGRAPHGenerator()
    if pretrained:
        model.load_pretrained(weights)
    return model

"""What ECCVGenerator and SIGGRAPHGenerator share: a network behind the release's interface."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import weights
from ..model import Model
from . import _state_dict
from .base_color import BaseColor


class IncompatibleKeys(NamedTuple):
    """What load_state_dict returns, as PyTorch's does."""

    missing_keys: list[str]
    unexpected_keys: list[str]


_NO_MODULE = "it is no torch.nn.Module, and only applies a network"
_NO_WEIGHTS = (
    "its weights lie in libcolorize and do not come back out; torch.load reads them from the file "
    "that libcolorize.weights.find({0!r}) names"
)
_NO_TYPES = "it computes in float32, whatever it is given; leave the call out"
_ABSENT = {
    **dict.fromkeys(("parameters", "named_parameters", "state_dict"), _NO_WEIGHTS),
    **dict.fromkeys(("bfloat16", "double", "half", "type"), _NO_TYPES),
    **dict.fromkeys(
        (
            "add_module", "apply", "buffers", "children", "compile", "modules", "named_buffers",
            "named_children", "named_modules", "register_forward_hook",
            "register_forward_pre_hook", "requires_grad_", "share_memory", "zero_grad",
        ),
        _NO_MODULE,
    ),
}  # fmt: skip


class Generator(BaseColor):
    """Has no weights at first.

    norm_layer  for the release's sake: there is torch.nn.BatchNorm2d, its default, and no other
    """

    architecture: str
    network: Model | None = None
    """The network itself, once there are weights."""

    def __init__(self, norm_layer: Any = None) -> None:
        super().__init__()
        torch = sys.modules.get("torch")
        if norm_layer is not None and (torch is None or norm_layer is not torch.nn.BatchNorm2d):
            raise ValueError(
                f"norm_layer is {norm_layer!r}; {self.architecture} has torch.nn.BatchNorm2d here, "
                "and nothing else"
            )

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there.
        kind = type(self).__name__
        if name in _ABSENT:
            advice = _ABSENT[name].format(self.architecture)
            raise AttributeError(f"{kind} of libcolorize has no {name}: {advice}")
        raise AttributeError(f"{kind!r} object has no attribute {name!r}")

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True
    ) -> IncompatibleKeys:
        """Takes the weights from PyTorch's tensors or from arrays, by name.

        RuntimeError lists what is missing, what is of another shape and, unless `strict` is false,
        what is not known. Unlike in PyTorch none may be missing even then: there are no others.
        """
        unexpected = _state_dict.check(type(self).__name__, self.architecture, state_dict, strict)
        self.network = Model.from_bytes(_state_dict.model_file(self.architecture, state_dict))
        return IncompatibleKeys([], unexpected)

    def load_pretrained(self, source: str | os.PathLike[str] | None = None) -> None:
        """Takes the published weights; `source` is what `libcolorize.weights.find` takes."""
        path = weights.find(self.architecture, source)
        network = Model(path)
        if network.info.architecture != self.architecture:
            raise ValueError(
                f"{path} holds {network.info.architecture}; this is {self.architecture}"
            )
        self.network = network

    def predict(
        self,
        lightness: npt.NDArray[np.float32],
        hints: npt.NDArray[np.float32] | None = None,
        mask: npt.NDArray[np.float32] | None = None,
    ) -> npt.NDArray[np.float32]:
        """ab [N, 2, H, W] of L [N, 1, H, W], hints [N, 2, H, W] and the network's own mask."""
        if self.network is None:
            raise RuntimeError(
                f"this {type(self).__name__} has no weights; make it with pretrained=True, or give "
                "it some with load_state_dict"
            )
        if lightness.ndim != 4 or lightness.shape[1] != 1 or len(lightness) == 0:
            raise ValueError(f"L has shape {lightness.shape}; it must be [N, 1, H, W]")
        for name, channels, values in (("ab", 2, hints), ("mask", 1, mask)):
            wanted = (len(lightness), channels, *lightness.shape[2:])
            if values is not None and values.shape != wanted:
                raise ValueError(
                    f"{name} has shape {values.shape}; with this L it must be {wanted}"
                )
        # Where the network's mask is centred, the library subtracts a half.
        offset = np.float32(0.5 if self.network.info.mask_convention == "centred" else 0)
        return np.stack(
            [
                self.network.predict(
                    lightness[n, 0],
                    None if hints is None else hints[n],
                    None if mask is None else mask[n, 0] + offset,
                )
                for n in range(len(lightness))
            ]
        )

    def forward(self, *_: Any) -> Any:
        raise NotImplementedError

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.forward(*arguments, **keywords)

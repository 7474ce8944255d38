"""The modules that come with the release's star import, imported when a script first uses them."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from typing import Any

import numpy as np

from ._array import Array


class StandIn(types.ModuleType):
    """Passes every attribute on to the module that it stands for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            module = importlib.import_module(self.__name__)
        except ModuleNotFoundError as problem:
            raise ImportError(
                f"{self.__name__}.{name} is asked for, and {problem.name} is not installed; "
                "colorize.colorizers itself does not need it"
            ) from None
        return getattr(module, name)


class Torch(StandIn):
    """Does without PyTorch what the release's demo asks of it."""

    def cat(self, tensors: Any, dim: int = 0, **keywords: Any) -> Any:
        """torch.cat; of arrays alone an Array."""
        if not keywords and all(isinstance(tensor, np.ndarray) for tensor in tensors):
            return np.concatenate(tensors, axis=dim).view(Array)
        return self.__getattr__("cat")(tensors, dim=dim, **keywords)

    def no_grad(self) -> Any:
        """PyTorch's own once that is in use; here nothing has a gradient."""
        torch = sys.modules.get("torch")
        return contextlib.nullcontext() if torch is None else torch.no_grad()


torch = Torch("torch")
nn = StandIn("torch.nn")
F = StandIn("torch.nn.functional")
plt = StandIn("matplotlib.pyplot")
PIL = StandIn("PIL")
Image = StandIn("PIL.Image")
color = StandIn("skimage.color")

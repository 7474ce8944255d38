"""The modules that come with the release's star import, imported when a script first uses them."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from ._array import Array

# What importing and looking at a module ask of it: no use of it, and no reason to import it.
_NO_USE = {"__all__", "__path__", "__wrapped__"}


class StandIn(types.ModuleType):
    """Passes every attribute on to the module that it stands for."""

    def __getattr__(self, name: str) -> Any:
        if name in _NO_USE:
            raise AttributeError(f"this stand-in for the module {self.__name__} has no {name}")
        whole = f"{self.__name__}.{name}"
        try:
            module = importlib.import_module(self.__name__)
            try:
                return getattr(module, name)
            except AttributeError:
                # A module inside of it that nobody has imported yet, such as PIL.Image.
                if name.startswith("__"):
                    raise
                try:
                    return importlib.import_module(whole)
                except ModuleNotFoundError as problem:
                    if problem.name != whole:
                        raise
                raise
        except ModuleNotFoundError as problem:
            raise ImportError(
                f"{whole} is asked for, and {problem.name} is not installed; "
                "libcolorize.colorizers itself does not need it"
            ) from None


class Torch(StandIn):
    """Does without PyTorch what the release's demo asks of it."""

    def cat(self, tensors: Any, dim: int = 0, **keywords: Any) -> Any:
        """torch.cat; of arrays alone an Array."""
        if not keywords and all(isinstance(tensor, np.ndarray) for tensor in tensors):
            return np.concatenate(tensors, axis=dim).view(Array)
        return self.__getattr__("cat")(tensors, dim=dim, **keywords)

    def no_grad(self, function: Callable | None = None) -> Any:
        """For a `with` block or as a decorator. PyTorch's own once that is in use; here nothing has
        a gradient.
        """
        torch = sys.modules.get("torch")
        result = _NoGrad() if torch is None else torch.no_grad()
        return result if function is None else result(function)


class _NoGrad(contextlib.ContextDecorator):
    """It may be in use by the time that a block is entered, or a function called."""

    def __enter__(self) -> None:
        torch = sys.modules.get("torch")
        self._inner = contextlib.nullcontext() if torch is None else torch.no_grad()
        self._inner.__enter__()

    def __exit__(self, *problem: Any) -> None:
        self._inner.__exit__(*problem)

    def _recreate_cm(self) -> _NoGrad:
        # ContextDecorator asks for one for each call: calls may be inside of one another.
        return _NoGrad()


torch = Torch("torch")
nn = StandIn("torch.nn")
F = StandIn("torch.nn.functional")
plt = StandIn("matplotlib.pyplot")
PIL = StandIn("PIL")
Image = StandIn("PIL.Image")
color = StandIn("skimage.color")

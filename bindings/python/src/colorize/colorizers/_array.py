"""NumPy arrays that know what scripts ask of tensors, so that PyTorch need not be there."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt


class Array(np.ndarray):
    """float32, on the CPU and without a gradient: most of what a script does to a tensor on its way
    between networks changes nothing. PyTorch's functions take it for a tensor and return tensors.
    """

    def _itself(self, *_: object, **__: object) -> Array:
        return self

    cpu = cuda = to = detach = float = contiguous = _itself

    @property
    def data(self) -> Array:
        return self

    def numpy(self) -> npt.NDArray[np.float32]:
        """A view, as PyTorch's is."""
        return np.asarray(self)

    def dim(self) -> int:
        return self.ndim

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, arguments: tuple = (), keywords: dict | None = None
    ) -> Any:
        """PyTorch calls this in place of a function of its own that was given an Array."""
        return function(*_tensors(arguments), **_tensors(keywords or {}))


def _tensors(value: Any) -> Any:
    """The same with PyTorch's tensors for arrays, at any depth."""
    if isinstance(value, Array):
        return sys.modules["torch"].from_numpy(value.numpy())
    if isinstance(value, dict):
        return {key: _tensors(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_tensors(item) for item in value)
    return value


def is_tensor(value: object) -> bool:
    """Whether it is one of PyTorch's. While nobody has imported that, nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def floats(value: Any) -> npt.NDArray[np.float32]:
    """float32 of an array, a list or a tensor on whatever device."""
    if is_tensor(value):
        value = value.detach().cpu().float().numpy()
    return np.asarray(value, np.float32)


def like(given: object, result: npt.NDArray[np.float32]) -> Any:
    """A tensor if a tensor was given, else an Array."""
    if is_tensor(given):
        return sys.modules["torch"].from_numpy(result)
    return result.view(Array)

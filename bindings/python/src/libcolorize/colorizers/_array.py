"""NumPy arrays that know what scripts ask of tensors, so that PyTorch need not be there."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt


class Size(int):
    """NumPy's `array.size`, the number of elements, and PyTorch's `tensor.size()`, the shape."""

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]


class Array(np.ndarray):
    """float32, on the CPU and without a gradient: most of what a script does to a tensor on its way
    between networks changes nothing. PyTorch's functions take it for a tensor and return tensors.

    What NumPy and PyTorch call the same but do not do the same, `transpose(1, 2)` and
    `mean(dim=1)`, is NumPy's.
    """

    def _itself(self, *_: object, **__: object) -> Array:
        return self

    cpu = cuda = to = detach = contiguous = _itself

    def float(self) -> Array:
        return self.astype(np.float32, copy=False)

    def clone(self) -> Array:
        return self.copy()

    @property
    def size(self) -> Size:
        result = Size(super().size)
        result.shape = self.shape
        return result

    def unsqueeze(self, dim: int) -> Array:
        return np.expand_dims(self, dim)

    def squeeze(self, dim: Any = None, *, axis: Any = None) -> Array:
        """Leaves out the dimensions of 1: all, or `dim` if it is one. `axis`: as in NumPy."""
        if dim is None:
            return super().squeeze(axis)
        dims = dim if isinstance(dim, tuple) else (dim,)
        return super().squeeze(tuple(dim for dim in dims if self.shape[dim] == 1))

    def permute(self, *dims: Any) -> Array:
        return self.transpose(*dims)

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


def is_double(value: object) -> bool:
    """Whether it is an array or a tensor of float64."""
    return str(getattr(value, "dtype", "")).endswith("float64")


def like(given: object, result: npt.NDArray[np.float32]) -> Any:
    """A tensor if a tensor was given, else an Array."""
    if is_tensor(given):
        return sys.modules["torch"].from_numpy(result)
    return result.view(Array)

"""What both networks share: the release's normalisations of L and ab, and its way with devices."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")
_Self = TypeVar("_Self", bound="BaseColor")


class BaseColor:
    """L of CIE Lab, 0 to 100, to -0.5 to 0.5, and ab to -1 to 1; and back."""

    training = False

    def __init__(self) -> None:
        self.l_cent = 50.0
        self.l_norm = 100.0
        self.ab_norm = 110.0

    def normalize_l(self, in_l: _T) -> _T:
        return (in_l - self.l_cent) / self.l_norm

    def unnormalize_l(self, in_l: _T) -> _T:
        return in_l * self.l_norm + self.l_cent

    def normalize_ab(self, in_ab: _T) -> _T:
        return in_ab / self.ab_norm

    def unnormalize_ab(self, in_ab: _T) -> _T:
        return in_ab * self.ab_norm

    def eval(self: _Self) -> _Self:
        return self

    def train(self: _Self, mode: bool = True) -> _Self:
        if mode:
            raise NotImplementedError("libcolorize only applies networks; train with PyTorch")
        return self

    def _itself(self: _Self, *_: object, **__: object) -> _Self:
        """There is the CPU only."""
        return self

    cpu = cuda = to = float = _itself

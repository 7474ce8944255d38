"""The frames of a film, colored one after another."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from . import _pixels
from ._calls import call, invalid, library
from ._handle import Handle
from ._keywords import takes
from ._options import CallOptions, HintLike, options

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SequenceOptions(CallOptions, total=False):
    """Of `Model.sequence`."""

    network_size: int | None
    render_factor: int | None
    network_fit: Literal["square", "aspect"] | None
    upsampling: Literal["bilinear", "guided"] | None


class ShotOptions(CallOptions, total=False):
    """Of every frame."""

    temperature: float | None
    style: Literal["natural", "vivid"] | None
    saturation: float | None
    gamut: Literal["clip", "keep-hue"] | None
    variant: int
    palette: npt.ArrayLike | None
    palette_strength: float | None
    dtype: npt.DTypeLike | None
    bgra: bool


class FrameOptions(ShotOptions, total=False):
    """Of `Sequence.colorize`."""

    hints: Iterable[HintLike] | None
    out: npt.NDArray[Any] | None


@dataclass(frozen=True)
class FrameReport:
    """How a frame was colored."""

    begins_shot: bool
    """Whether nothing of the frames before is in it: the first, after a cut, after `reset`."""
    ran_network: bool
    """False if it was not this frame's turn, see `keyframe_interval`."""
    agreement: float
    """How far the colors of the frame before were believed: the mean over the frame, 0 to 1."""
    hints: int
    """The hints in effect, carried ones included."""


class Sequence(Handle):
    """The frames of a film, in their order. Created by `Model.sequence`.

    Colors are carried along the motion from frame to frame and averaged with the network's, so they
    stay with what they are on instead of flickering. It keeps what it needs of the model, which may
    be closed before it. One call at a time may use it. It is closed like a model.
    """

    _end = library.colorize_sequence_close

    report: FrameReport | None = None
    """How the last frame was colored; None before the first."""

    def __init__(self, handle: c.colorize_sequence_p, width: int, height: int) -> None:
        """For `Model.sequence`."""
        self._hold(handle)
        self._size = (width, height)

    def __repr__(self) -> str:
        state = ", closed" if self._closed else ""
        return f"<libcolorize.Sequence of {self._size[0]}x{self._size[1]} pixels{state}>"

    @takes(FrameOptions)
    def colorize(self, image: npt.ArrayLike, **given: Unpack[FrameOptions]) -> npt.NDArray[Any]:
        """Colors the next frame: [H, W, 3], or [H, W, 4] if it has alpha, of the frame's type.

        `image` and the other arguments are those of `Model.colorize`. Hints are of this frame, and
        are carried with what they mark until it is gone or a shot begins. Another style,
        temperature, saturation, variant or palette_strength takes effect at once, a palette itself
        little by little. After an exception the sequence is as it was before the call.
        """
        bgra = bool(given.get("bgra"))
        pixels = _pixels.source(image, bgra)
        result = _pixels.result(
            pixels.shape, pixels.dtype, given.get("out"), given.get("dtype"), bgra
        )
        pixels = _pixels.readable(pixels, result)
        report = c.colorize_frame_report(struct_size=ctypes.sizeof(c.colorize_frame_report))
        with self._use() as handle, options(given, pixels.shape) as chosen:
            chosen.call(
                library.colorize_sequence_run,
                handle,
                ctypes.byref(_pixels.image(pixels, bgra)),
                ctypes.byref(_pixels.image(result, bgra)),
                ctypes.byref(chosen.values),
                ctypes.byref(report),
            )
        self.report = FrameReport(
            bool(report.begins_shot), bool(report.ran_network), report.agreement, report.hints
        )
        return result

    @takes(ShotOptions)
    def frames(
        self, images: Iterable[npt.ArrayLike], **given: Unpack[ShotOptions]
    ) -> Iterator[npt.NDArray[Any]]:
        """Colors frames as they come: an iterator over `colorize` of each.

        The keywords are those of `colorize` without hints and out.
        """
        return (self.colorize(image, **given) for image in images)

    def reset(self) -> None:
        """Forgets all frames and hints: the next frame begins a shot."""
        with self._use() as handle:
            call(library.colorize_sequence_reset, handle)


def sequence_options(
    steadiness: float | None, keyframe_interval: int | None, keep_over_cuts: bool
) -> c.colorize_sequence_options:
    """colorize.h's, checked as far as zeros would hide mistakes."""
    for name, value in (("steadiness", steadiness), ("keyframe_interval", keyframe_interval)):
        if value is not None and not 1 <= value <= 100:
            raise invalid(f"{name} is {value}; it must be 1 to 100")
    return c.colorize_sequence_options(
        struct_size=ctypes.sizeof(c.colorize_sequence_options),
        steadiness=0 if steadiness is None else np.float32(steadiness),
        keyframe_interval=0 if keyframe_interval is None else keyframe_interval,
        keep_over_cuts=bool(keep_over_cuts),
    )

"""A picture that is colored many times."""

from __future__ import annotations

import ctypes
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from . import _pixels
from ._calls import floats, invalid, library
from ._handle import Handle
from ._keywords import takes
from ._options import RenderOptions, SuggestOptions, options

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True, repr=False)
class Suggestion:
    """A color that a pixel may have."""

    probability: float
    """0 to 1, of this color and those near it."""
    ab: tuple[float, float]
    """a and b of CIE Lab, moved into sRGB at the pixel's lightness without changing their hue."""
    rgb: tuple[float, float, float]
    """Red, green and blue at the pixel's lightness, sRGB-encoded, 0 to 1."""

    def __repr__(self) -> str:
        levels = bytes(round(255 * min(max(value, 0), 1)) for value in self.rgb)
        return f"<libcolorize.Suggestion #{levels.hex()}, {100 * self.probability:.0f} %>"


class Session(Handle):
    """One picture, for a user who sets one hint after another. Created by `Model.session`.

    Whatever does not depend on hints and dials is computed once, so another `colorize` takes the
    time of the network and the last stage. The session holds a copy of the picture and what it
    needs of the model, which may be closed before it. Any number of threads may use one session at
    the same time. It is closed like a model.
    """

    _end = library.colorize_session_close

    def __init__(
        self, handle: c.colorize_session_p, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        """For `Model.session`, with the shape and type of the picture."""
        self._hold(handle)
        self._shape = shape
        self._dtype = dtype

    def __repr__(self) -> str:
        state = ", closed" if self._closed else ""
        return f"<libcolorize.Session with {self._shape[1]}x{self._shape[0]} pixels{state}>"

    def _repr_png_(self) -> bytes:
        """For notebooks: the picture's lightness, and the picture colored as it is by default."""
        from . import _preview

        return _preview.before_and_after(self.colorize(dtype=np.uint8, bgra=False))

    @takes(RenderOptions)
    def colorize(self, **given: Unpack[RenderOptions]) -> npt.NDArray[Any]:
        """Colors the picture: byte for byte what `Model.colorize` gives, with its arguments."""
        bgra = bool(given.get("bgra"))
        result = _pixels.result(
            self._shape, self._dtype, given.get("out"), given.get("dtype"), bgra
        )
        with self._use() as handle, options(given, self._shape) as chosen:
            chosen.call(
                library.colorize_session_run,
                handle,
                ctypes.byref(_pixels.image(result, bgra)),
                ctypes.byref(chosen.values),
            )
        return result

    @takes(SuggestOptions)
    def suggest(
        self,
        points: npt.ArrayLike,
        colors: int = 5,
        **given: Unpack[SuggestOptions],
    ) -> list[list[Suggestion]]:
        """The most plausible colors at some pixels: a list for each, most probable first.

        They are groups of the bins of the network's distribution, around its peaks.

        points       [N, 2], x and y in pixels as in `Hint`; N is 1 to 65536
        colors       the largest number for each point, 1 to 32; there may be fewer
        temperature  of the distribution, 0.01 to 10. Default: 1, the one that the network was
                     trained to give
        hints, hint_map, threads, progress: as for `Model.colorize`
        """
        places = np.ascontiguousarray(points, np.float32)
        if places.ndim != 2 or places.shape[1] != 2:
            raise invalid(f"points has shape {places.shape}; it must be [N, 2]")
        count = operator.index(colors)
        if not 1 <= count <= 32:
            raise invalid(f"colors is {count}; it must be 1 to 32")
        found = (c.colorize_suggestion * (len(places) * count))()
        with self._use() as handle, options(given, self._shape) as chosen:
            chosen.call(
                library.colorize_session_suggest,
                handle,
                floats(places),
                len(places),
                count,
                ctypes.byref(chosen.values),
                found,
            )
        # Six floats each.
        values = np.frombuffer(found, np.float32).reshape(len(places), count, 6)
        return [
            [
                Suggestion(probability, (a, b), (red, green, blue))
                for probability, a, b, red, green, blue in point
                if probability > 0
            ]
            for point in values.tolist()
        ]

    @takes(SuggestOptions)
    def confidence(
        self,
        **given: Unpack[SuggestOptions],
    ) -> npt.NDArray[np.float32]:
        """How sure the network is at each pixel: float32 [H, W], 0 (anything goes) to 1.

        It is 1 - entropy / log(bins) of the network's distribution. The arguments are those of
        `suggest`.
        """
        result = np.empty(self._shape[:2], np.float32)
        with self._use() as handle, options(given, self._shape) as chosen:
            chosen.call(
                library.colorize_session_confidence,
                handle,
                ctypes.byref(chosen.values),
                floats(result),
                result.strides[0],
            )
        return result

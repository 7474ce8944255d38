"""How to color a picture: colorize.h's options, as keywords."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from . import _pixels
from ._calls import chosen_float, chosen_uint32, chosen_word, floats, invalid, uint32
from ._running import Progress, Running

HintMap = tuple[npt.ArrayLike, npt.ArrayLike]

_PRESETS = {"default": c.COLORIZE_PRESET_DEFAULT, "reference": c.COLORIZE_PRESET_REFERENCE}
_FITS = {"square": c.COLORIZE_FIT_SQUARE, "aspect": c.COLORIZE_FIT_ASPECT}
_STYLES = {"natural": c.COLORIZE_STYLE_NATURAL, "vivid": c.COLORIZE_STYLE_VIVID}
_UPSAMPLINGS = {
    "bilinear": c.COLORIZE_UPSAMPLING_BILINEAR,
    "guided": c.COLORIZE_UPSAMPLING_GUIDED,
}
_GAMUT_MAPPINGS = {"clip": c.COLORIZE_GAMUT_CLIP, "keep-hue": c.COLORIZE_GAMUT_KEEP_HUE}


@dataclass(frozen=True)
class Hint:
    """A color that the user knows, or wants, at a place in a picture.

        Hint(120, 80, "#b03020", radius=6)
        Hint(x=120, y=80, ab=(45, 30))

    Give either `rgb` or `ab`. The lightness of the picture does not change. The call that takes the
    hint raises an error if the place is outside the picture, or the color outside sRGB.
    """

    x: float
    """The center, in pixels from the picture's left edge, 0 to its width. The first pixel's center
    is at 0.5."""
    y: float
    """And from its top edge, 0 to its height."""
    rgb: str | Sequence[float] | None = None
    """Red, green and blue, sRGB-encoded: "#rrggbb", or three floats, 0 to 1."""
    ab: Sequence[float] | None = None
    """a and b of CIE Lab."""
    radius: float = 0
    """Half the side, in pixels, of a square of this color; 0: a point."""

    def __post_init__(self) -> None:
        if self.ab is None and self.rgb is not None:
            object.__setattr__(self, "rgb", _numbers("rgb", 3, self.rgb))
        elif self.rgb is None and self.ab is not None:
            object.__setattr__(self, "ab", _numbers("ab", 2, self.ab))
        else:
            raise invalid("a hint has either rgb or ab")


def _numbers(name: str, count: int, color: str | Sequence[float]) -> tuple[float, ...]:
    if isinstance(color, str):
        if name == "ab":
            raise invalid(f"a hint's ab is {color!r}; it must be two numbers")
        if not re.fullmatch("#[0-9a-fA-F]{6}", color):
            raise invalid(f"a hint's rgb is {color!r}; it must be '#rrggbb' or three numbers")
        return tuple(byte / 255 for byte in bytes.fromhex(color[1:]))
    values = tuple(float(value) for value in color)
    if len(values) != count:
        raise invalid(f"a hint's {name} has {len(values)} numbers; it must have {count}")
    return values


@dataclass(frozen=True)
class Options:
    """What a call is given, and how it is made."""

    values: c.colorize_options
    call: Callable[..., None]
    """`Running.call`."""


@contextmanager
def options(
    *,
    preset: str | None = None,
    network_size: int | None = None,
    render_factor: int | None = None,
    network_fit: str | None = None,
    temperature: float | None = None,
    style: str | None = None,
    saturation: float | None = None,
    upsampling: str | None = None,
    gamut: str | None = None,
    variant: int = 0,
    hints: Iterable[Hint] | None = None,
    hint_map: HintMap | None = None,
    picture_shape: tuple[int, ...] = (),
    palette: npt.ArrayLike | None = None,
    palette_strength: float | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Options]:
    """The options of a call made inside the block, which keeps what they point to.

    picture_shape  [H, W, ...] of the picture that `hint_map` belongs to
    """
    if render_factor is not None:
        if network_size is not None:
            raise invalid("network_size and render_factor say the same; give one of them")
        if not 1 <= render_factor <= 128:
            raise invalid(f"render_factor is {render_factor}; it must be 1 to 128")
        network_size = 16 * render_factor
    result = c.colorize_options(
        struct_size=ctypes.sizeof(c.colorize_options),
        preset=chosen_word("preset", preset, _PRESETS),
        network_size=chosen_uint32("network_size", network_size),
        network_fit=chosen_word("network_fit", network_fit, _FITS),
        temperature=chosen_float("temperature", temperature),
        style=chosen_word("style", style, _STYLES),
        saturation=chosen_float("saturation", saturation),
        upsampling=chosen_word("upsampling", upsampling, _UPSAMPLINGS),
        gamut_mapping=chosen_word("gamut", gamut, _GAMUT_MAPPINGS),
        variant=uint32("variant", variant),
        palette_strength=chosen_float("palette_strength", palette_strength),
        threads=chosen_uint32("threads", threads),
    )
    if hints is not None:
        points = _hints(hints)
        result.hints = points
        result.hint_count = len(points)
    if hint_map is not None:
        colours, mask = _hint_map(hint_map, picture_shape[:2])
        result.hint_map = ctypes.pointer(
            c.colorize_hint_map(
                struct_size=ctypes.sizeof(c.colorize_hint_map),
                ab=floats(colours),
                ab_row_bytes=colours.strides[0],
                mask=mask.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)),
                mask_row_bytes=mask.strides[0],
            )
        )
    if palette is not None:
        reference = _pixels.reference(palette, "palette")
        result.palette = ctypes.pointer(_pixels.image(reference))

    running = Running(progress)
    if progress is not None or running.is_interruptible:
        result.progress = c.colorize_progress(running.report)
    yield Options(result, running.call)


def _hints(hints: Iterable[Hint]) -> ctypes.Array[c.colorize_hint]:
    given = list(hints)
    result = (c.colorize_hint * len(given))()
    for index, hint in enumerate(given):
        if not isinstance(hint, Hint):
            raise TypeError(
                f"hints[{index}] is a {type(hint).__name__}; it must be a libcolorize.Hint"
            )
        target = result[index]
        target.x, target.y, target.radius = hint.x, hint.y, hint.radius
        target.space = c.COLORIZE_COLOR_RGB if hint.ab is None else c.COLORIZE_COLOR_AB
        target.color = hint.rgb if hint.ab is None else hint.ab
    return result


def _hint_map(
    hint_map: HintMap, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """ab and mask, contiguous."""
    ab, mask = hint_map
    colours = np.ascontiguousarray(ab, np.float32)
    if colours.shape != (*shape, 2):
        raise invalid(
            f"hint_map's ab has shape {colours.shape}; with this picture it must be {(*shape, 2)}"
        )
    places = np.asarray(mask) != 0
    if places.shape != shape:
        raise invalid(
            f"hint_map's mask has shape {places.shape}; with this picture it must be {shape}"
        )
    return colours, np.ascontiguousarray(places)

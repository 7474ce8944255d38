"""How to color a picture: colorize.h's options, as keywords."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, TypedDict, Union

import numpy as np
import numpy.typing as npt

from . import _css, _pixels
from . import _declarations as c
from ._calls import chosen_float, chosen_uint32, chosen_word, floats, invalid, uint32
from ._running import Progress, Running

HintMap = tuple[npt.ArrayLike, npt.ArrayLike]
Color = Union[str, Sequence[float]]
HintLike = Union["Hint", tuple[float, float, Color], tuple[float, float, Color, float]]

_PRESETS = {"default": c.COLORIZE_PRESET_DEFAULT, "reference": c.COLORIZE_PRESET_REFERENCE}
_FITS = {"square": c.COLORIZE_FIT_SQUARE, "aspect": c.COLORIZE_FIT_ASPECT}
_STYLES = {"natural": c.COLORIZE_STYLE_NATURAL, "vivid": c.COLORIZE_STYLE_VIVID}
_UPSAMPLINGS = {
    "bilinear": c.COLORIZE_UPSAMPLING_BILINEAR,
    "guided": c.COLORIZE_UPSAMPLING_GUIDED,
}
_REACHES = {"thing": 0, "picture": float("inf")}
_GAMUT_MAPPINGS = {"clip": c.COLORIZE_GAMUT_CLIP, "keep-hue": c.COLORIZE_GAMUT_KEEP_HUE}


@dataclass(frozen=True, repr=False)
class Hint:
    """A color that the user knows, or wants, at a place in a picture.

        Hint(120, 80, "#b03020", radius=6)
        Hint(120, 80, "firebrick")
        Hint(x=120, y=80, ab=(45, 30))

    Give either `rgb` or `ab`. The lightness of the picture does not change. The call that takes the
    hint raises an error if the place is outside the picture, or the color outside sRGB.
    """

    x: float
    """The center, in pixels from the picture's left edge, 0 to its width. The first pixel's center
    is at 0.5."""
    y: float
    """And from its top edge, 0 to its height."""
    rgb: Color | None = None
    """Red, green and blue, sRGB-encoded: "#rrggbb", "#rgb", a CSS color name, three floats, 0 to 1,
    or three integers, 0 to 255. Integers none of which is above 1 are taken as floats."""
    ab: Sequence[float] | None = None
    """a and b of CIE Lab."""
    radius: float = 0
    """Half the side, in pixels, of a square of this color; 0: a point."""

    def __post_init__(self) -> None:
        if self.ab is None and self.rgb is not None:
            object.__setattr__(self, "rgb", _rgb(self.rgb))
        elif self.rgb is None and self.ab is not None:
            object.__setattr__(self, "ab", _ab(self.ab))
        else:
            raise invalid("a hint has either rgb or ab")

    def __repr__(self) -> str:
        color = f"ab={self.ab}" if self.rgb is None else repr(hexadecimal(self.rgb) or self.rgb)
        radius = f", radius={self.radius:g}" if self.radius else ""
        return f"Hint({self.x:g}, {self.y:g}, {color}{radius})"


def _rgb(color: Color) -> tuple[float, ...]:
    if isinstance(color, str):
        text = _css.COLORS.get(color.lower(), color)
        if re.fullmatch("#[0-9a-fA-F]{3}", text):
            text = "#" + "".join(2 * digit for digit in text[1:])
        if not re.fullmatch("#[0-9a-fA-F]{6}", text):
            raise invalid(
                f"a hint's rgb is {color!r}; it must be '#rrggbb', '#rgb', a CSS color name or "
                "three numbers"
            )
        return tuple(byte / 255 for byte in bytes.fromhex(text[1:]))
    given = list(color)
    values = _numbers("rgb", 3, given)
    if all(isinstance(value, Integral) for value in given) and max(values) > 1:
        return tuple(value / 255 for value in values)
    return values


def _ab(color: Sequence[float]) -> tuple[float, ...]:
    if isinstance(color, str):
        raise invalid(f"a hint's ab is {color!r}; it must be two numbers")
    return _numbers("ab", 2, color)


def _numbers(name: str, count: int, color: Sequence[float]) -> tuple[float, ...]:
    values = tuple(float(value) for value in color)
    if len(values) != count:
        raise invalid(f"a hint's {name} has {len(values)} numbers; it must have {count}")
    return values


def hexadecimal(rgb: Any) -> str | None:
    """#rrggbb of a color that it can say exactly."""
    levels = [255 * value for value in rgb]
    if all(0 <= level <= 255 and abs(level - round(level)) < 1e-9 for level in levels):
        return "#" + bytes(round(level) for level in levels).hex()
    return None


# ---- What calls take: keywords, written here and nowhere else ------------------------------------


class CallOptions(TypedDict, total=False):
    """How a call runs."""

    threads: int | None
    progress: Progress | None


class PredictOptions(CallOptions, total=False):
    """Of the network alone."""

    temperature: float | None


class SuggestOptions(PredictOptions, total=False):
    """Of questions to a session."""

    hints: Iterable[HintLike] | None
    hint_map: HintMap | None


class NetworkOptions(CallOptions, total=False):
    """What the network sees."""

    preset: Literal["default", "reference"] | None
    network_size: int | None
    render_factor: int | None
    network_fit: Literal["square", "aspect"] | None


class DialOptions(TypedDict, total=False):
    """What becomes of what the network says."""

    temperature: float | None
    style: Literal["natural", "vivid"] | None
    saturation: float | None
    upsampling: Literal["bilinear", "guided"] | None
    gamut: Literal["clip", "keep-hue"] | None
    variant: int
    palette_strength: float | None


class RenderOptions(DialOptions, SuggestOptions, total=False):
    """Of a session's `colorize`."""

    hint_reach: Literal["thing", "picture"] | float | None
    palette: npt.ArrayLike | None
    dtype: npt.DTypeLike | None
    bgra: bool
    out: npt.NDArray[Any] | None


class ColorizeOptions(RenderOptions, NetworkOptions, total=False):
    """Of `Model.colorize`."""


class SessionOptions(NetworkOptions, total=False):
    """Of `Model.session`."""

    bgra: bool


@dataclass(frozen=True)
class Options:
    """What a call is given, and how it is made."""

    values: c.colorize_options
    call: Callable[..., None]
    """`Running.call`."""


@contextmanager
def options(
    given: ColorizeOptions | RenderOptions | SessionOptions | SuggestOptions | PredictOptions,
    picture_shape: tuple[int, ...] = (),
) -> Iterator[Options]:
    """The options of a call made inside the block, which keeps what they point to.

    picture_shape  [H, W, ...] of the picture that `hint_map` belongs to
    """
    chosen: dict[str, Any] = {**given}
    render_factor = chosen.pop("render_factor", None)
    if render_factor is not None:
        if chosen.get("network_size") is not None:
            raise invalid("network_size and render_factor say the same; give one of them")
        if not 1 <= render_factor <= 128:
            raise invalid(f"render_factor is {render_factor}; it must be 1 to 128")
        chosen["network_size"] = 16 * render_factor
    result = c.colorize_options(
        struct_size=ctypes.sizeof(c.colorize_options),
        preset=chosen_word("preset", chosen.get("preset"), _PRESETS),
        network_size=chosen_uint32("network_size", chosen.get("network_size")),
        network_fit=chosen_word("network_fit", chosen.get("network_fit"), _FITS),
        temperature=chosen_float("temperature", chosen.get("temperature")),
        style=chosen_word("style", chosen.get("style"), _STYLES),
        saturation=chosen_float("saturation", chosen.get("saturation")),
        upsampling=chosen_word("upsampling", chosen.get("upsampling"), _UPSAMPLINGS),
        gamut_mapping=chosen_word("gamut", chosen.get("gamut"), _GAMUT_MAPPINGS),
        variant=uint32("variant", chosen.get("variant", 0)),
        palette_strength=chosen_float("palette_strength", chosen.get("palette_strength")),
        hint_reach=_reach(chosen.get("hint_reach")),
        threads=chosen_uint32("threads", chosen.get("threads")),
    )
    hints, hint_map = chosen.get("hints"), chosen.get("hint_map")
    palette, progress = chosen.get("palette"), chosen.get("progress")
    if hints is not None:
        points = _hints(hints)
        result.hints = points
        result.hint_count = len(points)
    if hint_map is not None:
        colors, mask = _hint_map(hint_map, picture_shape[:2])
        result.hint_map = ctypes.pointer(
            c.colorize_hint_map(
                struct_size=ctypes.sizeof(c.colorize_hint_map),
                ab=floats(colors),
                ab_row_bytes=colors.strides[0],
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


def _reach(reach: Literal["thing", "picture"] | float | None) -> float:
    if isinstance(reach, str):
        if reach not in _REACHES:
            raise invalid(f"hint_reach is {reach!r}; it must be 'thing', 'picture' or a number")
        return _REACHES[reach]
    return chosen_float("hint_reach", reach)


def hint(given: HintLike, name: str) -> Hint:
    """A hint, or the arguments of one in a tuple: x, y, color and perhaps a radius."""
    if isinstance(given, Hint):
        return given
    if not isinstance(given, (tuple, list)) or len(given) not in (3, 4):
        raise TypeError(
            f"{name} is {_shown(given)}; it must be a libcolorize.Hint, or (x, y, color) or "
            "(x, y, color, radius)"
        )
    x, y, color, *radius = given
    return Hint(x, y, color, radius=radius[0] if radius else 0)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"


def _hints(hints: Iterable[HintLike]) -> ctypes.Array[c.colorize_hint]:
    given = list(hints)
    result = (c.colorize_hint * len(given))()
    for index, one in enumerate(given):
        known = hint(one, f"hints[{index}]")
        target = result[index]
        target.x, target.y, target.radius = known.x, known.y, known.radius
        target.space = c.COLORIZE_COLOR_RGB if known.ab is None else c.COLORIZE_COLOR_AB
        target.color = known.rgb if known.ab is None else known.ab
    return result


def _hint_map(
    hint_map: HintMap, shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """ab and mask, contiguous."""
    ab, mask = hint_map
    colors = np.ascontiguousarray(ab, np.float32)
    if colors.shape != (*shape, 2):
        raise invalid(
            f"hint_map's ab has shape {colors.shape}; with this picture it must be {(*shape, 2)}"
        )
    places = np.asarray(mask) != 0
    if places.shape != shape:
        raise invalid(
            f"hint_map's mask has shape {places.shape}; with this picture it must be {shape}"
        )
    return colors, np.ascontiguousarray(places)

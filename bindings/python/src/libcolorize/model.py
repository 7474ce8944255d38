"""The friendly layer: NumPy arrays in and out, exceptions for statuses.

Array shapes are written [rows, columns, ...]. Every call releases Python's global interpreter lock
while the library works, so threads can color several pictures at the same time with one model.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from . import _pixels
from ._calls import Error, call, chosen_float, chosen_word, floats, invalid, library, uint32
from ._handle import Handle
from ._keywords import takes
from ._options import ColorizeOptions, PredictOptions, SessionOptions, options
from .sequence import Sequence, SequenceOptions, sequence_options
from .session import Session

if TYPE_CHECKING:
    from typing_extensions import Unpack

_PRECISIONS = {
    "float32": c.COLORIZE_PRECISION_FLOAT32,
    "bfloat16": c.COLORIZE_PRECISION_BFLOAT16,
}
_MASK_CONVENTIONS = {"zero-one": c.COLORIZE_MASK_ZERO_ONE, "centred": c.COLORIZE_MASK_CENTRED}


def _version() -> str:
    number = library.colorize_version()
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


version: str = _version()
"""The version of the library that is loaded, for example "0.2.0"."""


@dataclass(frozen=True, repr=False)
class ModelInfo:
    """What a model is."""

    architecture: str
    """For example "lite"."""
    licence: str
    """The licence of the weights as the model file states it; empty if it does not."""
    instruction_set: str
    """What the model was opened for: "avx512", "avx2" or "baseline"."""
    gemm: str
    """What multiplies matrices: "own", the library's kernels, or "openblas"."""
    gemm_configuration: str
    """OpenBLAS's version and build options, in its own words; empty for "own"."""
    gemm_core: str
    """The processor whose kernels OpenBLAS uses; empty for "own"."""
    parameters: int
    """Number of weights."""
    default_network_size: int
    """The side, in pixels, at which the network sees a picture by default."""
    network_size_multiple: int
    """`Model.predict` takes sides that are multiples of this."""
    network_size_rounding: int
    """Sides of the network's results: those of its input, rounded up to a multiple of this..."""
    output_stride: int
    """...and divided by this for `Model.predict`..."""
    distribution_stride: int
    """...or by this for `Model.distribution`."""
    bins: int
    """Number of ab bins in the network's distribution."""
    takes_hints: bool
    """Whether `Model.predict` may be given hints."""
    mask_convention: str
    """The mask that the network itself sees: "zero-one", or "centred", -0.5 to 0.5."""
    plain_softmax_temperature: float
    """The temperature that the network's plain softmax corresponds to."""

    def __repr__(self) -> str:
        hints = "hints" if self.takes_hints else "no hints"
        return (
            f"<libcolorize.ModelInfo {self.architecture}, {self.parameters / 1e6:.1f} million "
            f"weights, network size {self.default_network_size}, {hints}>"
        )


class Model(Handle):
    """A network with its weights, ready to color.

    Model()              the model that is built into the library, also Model("default")
    Model("siggraph17")  a published network by its name. `available` lists the names; the file is
                         found, or downloaded, by `weights.find`
    Model(path)          a model file: safetensors, or a PyTorch checkpoint of a published network.
                         `from_file` is for files that have the name of a network

    Any number of threads may use one model at the same time. It is closed by `close`, by the end of
    a `with` block, or with its last reference. Calls that are still running finish first.

    `plain_softmax_temperature`, 0.01 to 100, is the temperature that the network's plain softmax
    corresponds to, for files that do not say so themselves. `mask_convention` says which values of
    the mask the network was trained with, where there is no hint and where there is one:
    "zero-one", or "centred" for -0.5 and 0.5. `precision` is "float32", the default, or "bfloat16":
    weights and what they are multiplied by are rounded, which is faster where a network has linear
    layers, DDColor's above all, and an Error where the processor has no AVX-512 BF16.
    """

    _end = library.colorize_model_close

    def __init__(
        self,
        model: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
        *,
        plain_softmax_temperature: float | None = None,
        mask_convention: Literal["zero-one", "centred"] | None = None,
        precision: Literal["float32", "bfloat16"] | None = None,
    ) -> None:
        if model is None or model == "default":
            if plain_softmax_temperature is not None:
                raise invalid("plain_softmax_temperature is for model files")
            if mask_convention is not None:
                raise invalid("mask_convention is for model files")
            if precision is not None:
                raise invalid("precision is for model files")
            self._open(library.colorize_model_open_default)
            return
        if not isinstance(model, (str, bytes, os.PathLike)):
            raise TypeError(
                f"model is a {type(model).__name__}; it must be a name or a path: the names are "
                f"{', '.join(map(repr, self.available()))}"
            )
        path = file_of(model)
        try:
            self._open_file(path, plain_softmax_temperature, mask_convention, precision)
        except Error as problem:
            is_word = isinstance(model, str) and os.sep not in model and "." not in model
            if not is_word or os.path.lexists(path):
                raise
            raise Error(
                problem.status,
                f"there is no model and no file {model!r}: the models' names are "
                f"{', '.join(map(repr, self.available()))}",
            ) from None

    @classmethod
    def from_file(
        cls,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        plain_softmax_temperature: float | None = None,
        mask_convention: Literal["zero-one", "centred"] | None = None,
        precision: Literal["float32", "bfloat16"] | None = None,
    ) -> Model:
        """A model file, whatever its name is."""
        self = cls.__new__(cls)
        self._open_file(path, plain_softmax_temperature, mask_convention, precision)
        return self

    @staticmethod
    def available() -> dict[str, Path | None]:
        """The models that have a name, and the files of those that are on this machine.

        The built-in one, "default", has none; of the others None means that opening it looks for
        it elsewhere, see `libcolorize.weights`.
        """
        from . import weights

        return {"default": None, **{name: weights.present(name) for name in weights.PUBLISHED}}

    def _open_file(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        plain_softmax_temperature: float | None,
        mask_convention: str | None,
        precision: str | None,
    ) -> None:
        name = os.fsencode(path)
        if b"\0" in name:
            raise invalid("path holds a zero byte")
        given = _model_options(plain_softmax_temperature, mask_convention, precision)
        self._open(library.colorize_model_open, name, ctypes.byref(given))

    @classmethod
    def from_bytes(
        cls,
        data: bytes | bytearray | memoryview,
        *,
        plain_softmax_temperature: float | None = None,
        mask_convention: Literal["zero-one", "centred"] | None = None,
        precision: Literal["float32", "bfloat16"] | None = None,
    ) -> Model:
        """A model from the bytes of a model file. They are not kept."""
        values = np.frombuffer(data, np.uint8)
        given = _model_options(plain_softmax_temperature, mask_convention, precision)
        self = cls.__new__(cls)
        self._open(
            library.colorize_model_open_memory,
            values.ctypes.data_as(ctypes.c_void_p),
            values.size,
            ctypes.byref(given),
        )
        return self

    def _open(self, function: Callable[..., int], *arguments: object) -> None:
        handle = c.colorize_model_p()
        call(function, *arguments, ctypes.byref(handle))
        self._hold(handle)
        self._info = self._read_info()

    def __repr__(self) -> str:
        if self._closed:
            return "<libcolorize.Model, closed>"
        info = self._info
        return (
            f"<libcolorize.Model {info.architecture}, {info.parameters / 1e6:.1f} million weights, "
            f"{info.instruction_set}>"
        )

    # ---- What it is ----

    @property
    def info(self) -> ModelInfo:
        """What the model is. May be read after `close`, too."""
        return self._info

    def _read_info(self) -> ModelInfo:
        description = c.colorize_model_description(
            struct_size=ctypes.sizeof(c.colorize_model_description)
        )
        with self._use() as handle:
            status = library.colorize_model_info(handle, ctypes.byref(description))
        if status != c.COLORIZE_OK:
            raise Error(status, "the library does not describe the model")
        conventions = {number: name for name, number in _MASK_CONVENTIONS.items()}
        return ModelInfo(
            architecture=description.architecture.decode(errors="replace"),
            licence=description.licence.decode(errors="replace"),
            instruction_set=description.instruction_set.decode(errors="replace"),
            gemm=description.gemm.decode(errors="replace"),
            gemm_configuration=description.gemm_configuration.decode(errors="replace"),
            gemm_core=description.gemm_core.decode(errors="replace"),
            parameters=description.parameters,
            default_network_size=description.default_network_size,
            network_size_multiple=description.network_size_multiple,
            network_size_rounding=description.network_size_rounding,
            output_stride=description.output_stride,
            distribution_stride=description.distribution_stride,
            bins=description.bins,
            takes_hints=bool(description.takes_hints),
            mask_convention=conventions.get(description.mask_convention, ""),
            plain_softmax_temperature=description.plain_softmax_temperature,
        )

    @property
    def bin_centres(self) -> npt.NDArray[np.float32]:
        """float32 [bins, 2]: a and b of CIE Lab, in the order of `distribution`."""
        centres = np.empty((self._info.bins, 2), np.float32)
        with self._use() as handle:
            call(library.colorize_bin_centres, handle, self._info.bins, floats(centres))
        return centres

    # ---- Coloring ----

    @takes(ColorizeOptions)
    def colorize(self, image: npt.ArrayLike, **given: Unpack[ColorizeOptions]) -> npt.NDArray[Any]:
        """Colors a picture: [H, W, 3], or [H, W, 4] if it has alpha, of the picture's type.

        image         [H, W], [H, W, 1], [H, W, 2] (gray, alpha), [H, W, 3] or [H, W, 4] (RGB,
                      alpha), of any strides: uint8, uint16, or floats from 0 to 1. H and W are 1 to
                      1048576. Values are sRGB-encoded, alpha is not premultiplied. Only the
                      lightness of a color picture matters; alpha is copied unchanged. Floats below
                      0 count as 0, those above 1 as 1, and NaN as 0; floats other than float32 are
                      converted to float32. The picture is read in place if the pixels of a row are
                      contiguous, and copied first otherwise.

        What the network sees

        preset        "default": the best picture that this version can make; "reference": exactly
                      the steps of the published Python pipeline.
        network_size  the side of the square, in pixels, that the network sees: a multiple of
                      `info.network_size_multiple` up to 2048. Default: `info.default_network_size`
                      (preset "reference": its release's, 256 or DeOldify's 560).
        render_factor the same as DeOldify has it: a 16th of `network_size`.
        network_fit   "square", the default: the picture is squashed to that square; "aspect": it
                      keeps its proportions and about as many pixels as the square has, as far as
                      the multiple allows, with no side longer than 2048.

        Dials

        temperature   of the annealed mean, 0.01 to 10: near 0 vivid and patchy, at 1 even and
                      dull. Default: 0.38, the paper's. siggraph17 has none; use `saturation`.
        saturation    multiplies a and b of CIE Lab, 0.01 to 10. Default: 1.
        style         sets those of the two that are not given: "natural" (0.6 and 0.9) or "vivid"
                      (0.25 and 1.3).
        variant       0: the most likely coloring; 1 to 4: others that the network considers
                      possible, each coherent over the picture. Not for siggraph17.
        upsampling    "guided" by the edges in the picture's lightness, or "bilinear". Default:
                      guided (preset "reference": bilinear).
        gamut         what to do with colors outside sRGB at the pixel's lightness: "keep-hue"
                      reduces the chroma, "clip" clips each channel. Default: keep-hue (preset
                      "reference": clip).

        Known colors, for networks with `info.takes_hints`

        hints         a sequence of `Hint`, or of tuples (x, y, color) or (x, y, color, radius), at
                      most 1048576. With the default preset the result is also pulled towards
                      them where the network does not follow.
        hint_map      hints as planes, (ab, mask): a and b of CIE Lab, floats [H, W, 2], wherever
                      mask, [H, W], is not 0.
        hint_reach    with the default preset: "thing", the default: a hint colors the thing that it
                      is on; a number: that, and nothing that is further than so many pixels from
                      the nearest hint; "picture": the network's answer counts everywhere.

        Colors of another picture, with any network

        palette           a picture whose colors to use: [h, w, 3] or [h, w, 4] (RGB, alpha), of the
                          same types as `image`, of any size. A pixel counts as much as its alpha.
        palette_strength  how closely to match its distribution of colors, 0.01 to 1. Default: 1.

        The call

        threads       1 to 256. Default: the processors that the thread may run on. Does not affect
                      the result.
        progress      is called from time to time with the share of the work that is done, 0 to 1.
                      If it returns something true, the call ends with an Error named
                      COLORIZE_CANCELLED. If it raises an exception, the call is cancelled and
                      raises it.
        dtype         of the result: uint8, uint16 or float32. Default: the type of `image`, or
                      float32 for other floats. Its lightness has all the bits of `image`.
        bgra          whether four channels are blue, green, red, alpha, as in cairo, GTK and Qt, in
                      `image` and in the result, which then has four. For uint8.
        out           where to write: [H, W, 3] or [H, W, 4] of uint8, uint16 or float32, writable,
                      with the pixels of a row contiguous. It may be `image` itself, or a view of
                      the same memory with as many bytes per pixel. After an error its content is
                      undefined.

        Raises TypeError for arrays of another type, and otherwise Error, which names the value and
        its bound.
        """
        bgra = bool(given.get("bgra"))
        pixels = _pixels.source(image, bgra)
        result = _pixels.result(
            pixels.shape, pixels.dtype, given.get("out"), given.get("dtype"), bgra
        )
        pixels = _pixels.readable(pixels, result)
        with self._use() as handle, options(given, pixels.shape) as chosen:
            chosen.call(
                library.colorize_run,
                handle,
                ctypes.byref(_pixels.image(pixels, bgra)),
                ctypes.byref(_pixels.image(result, bgra)),
                ctypes.byref(chosen.values),
            )
        return result

    @takes(SessionOptions)
    def session(self, image: npt.ArrayLike, **given: Unpack[SessionOptions]) -> Session:
        """A `Session`, for coloring one picture many times. The picture is copied.

        The arguments are those of `colorize`. Those about the network hold for the whole session.
        """
        bgra = bool(given.get("bgra"))
        pixels = _pixels.readable(_pixels.source(image, bgra))
        session = c.colorize_session_p()
        with self._use() as handle, options(given) as chosen:
            chosen.call(
                library.colorize_session_open,
                handle,
                ctypes.byref(_pixels.image(pixels, bgra)),
                ctypes.byref(chosen.values),
                ctypes.byref(session),
            )
            # Inside of the block: what `progress` raised at the end must not leave it open.
            return Session(session, pixels.shape, pixels.dtype)

    @takes(SequenceOptions)
    def sequence(
        self,
        width: int,
        height: int,
        steadiness: float | None = None,
        keyframe_interval: int | None = None,
        keep_over_cuts: bool = False,
        **given: Unpack[SequenceOptions],
    ) -> Sequence:
        """A `Sequence`, for the frames of a film of this size, whose colors are to stay.

            with model.sequence(640, 480) as sequence:
                for rgb in sequence.frames(frames):  # [480, 640] each, or with channels
                    ...

        steadiness         the most frames that a color is the mean of: 1 (every frame is colored by
                           itself) to 100. Default: 16
        keyframe_interval  the network runs on one frame of so many at least, 1 to 100, and
                           otherwise where much of a frame is new: faster, and less exact.
                           Default: 1, every frame
        keep_over_cuts     whether a frame that has nothing in common with the one before is not the
                           beginning of a shot

        network_size, render_factor, network_fit, upsampling: as for `colorize`; they hold for all
        frames.
        """
        sequence = c.colorize_sequence_p()
        with self._use() as handle, options(given) as chosen:
            chosen.call(
                library.colorize_sequence_open,
                handle,
                uint32("width", width),
                uint32("height", height),
                ctypes.byref(chosen.values),
                ctypes.byref(sequence_options(steadiness, keyframe_interval, keep_over_cuts)),
                ctypes.byref(sequence),
            )
            # Inside of the block: what a signal raised at the end must not leave it open.
            return Sequence(sequence, width, height)

    @takes(PredictOptions)
    def predict(
        self,
        lightness: npt.ArrayLike,
        hints: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        **given: Unpack[PredictOptions],
    ) -> npt.NDArray[np.float32]:
        """Runs the network alone: ab of CIE Lab, float32 [2, H / output_stride, W / output_stride],
        with H and W rounded up to multiples of `info.network_size_rounding`.

        lightness  [H, W], L of CIE Lab, 0 to 100; H and W are multiples of
                   `info.network_size_multiple`, up to 2048
        hints      [2, H, W], a and b of CIE Lab, -128 to 128, and 0 where there is no hint, because
                   the network reads all of it
        mask       [H, W], 1 where there is a hint, else 0. Other values are passed on, although
                   networks are not trained with them; if `info.mask_convention` is "centred", 0.5
                   is subtracted. Give both hints and mask, or neither
        Values that are not finite are an error.
        temperature, threads, progress: as for `colorize`
        """
        return self._run_network(
            library.colorize_predict,
            2,
            self._info.output_stride,
            lightness,
            hints,
            mask,
            given,
        )

    @takes(PredictOptions)
    def distribution(
        self,
        lightness: npt.ArrayLike,
        hints: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        **given: Unpack[PredictOptions],
    ) -> npt.NDArray[np.float32]:
        """The probability of each ab bin: float32 [bins, H / distribution_stride,
        W / distribution_stride], with H and W rounded up as for `predict`.

        Probabilities are 0 to 1 and sum to 1 over the bins; `bin_centres` has their positions.
        Arguments are those of `predict`, but the default temperature is 1: the distribution that
        the network was trained to give.
        """
        return self._run_network(
            library.colorize_distribution,
            self._info.bins,
            self._info.distribution_stride,
            lightness,
            hints,
            mask,
            given,
        )

    def _run_network(
        self,
        function: Callable[..., int],
        channels: int,
        stride: int,
        lightness: npt.ArrayLike,
        hints: npt.ArrayLike | None,
        mask: npt.ArrayLike | None,
        given: PredictOptions,
    ) -> npt.NDArray[np.float32]:
        values = np.ascontiguousarray(lightness, np.float32)
        if values.ndim != 2:
            raise invalid(f"lightness has shape {values.shape}; it must be [H, W]")
        height, width = values.shape
        if (hints is None) != (mask is None):
            raise invalid("hints and mask go together")
        arrays = [values]
        if hints is not None and mask is not None:
            arrays.append(_of_shape((2, height, width), hints, "hints"))
            arrays.append(_of_shape((height, width), mask, "mask"))
        rounding = self._info.network_size_rounding
        # Where there is no distribution, the library says so.
        stride = stride or 1
        sides = [-(-side // rounding) * rounding // stride for side in (height, width)]
        result = np.empty((channels, *sides), np.float32)
        pointers = [floats(array) for array in arrays] + [None] * (3 - len(arrays))
        with self._use() as handle, options(given) as chosen:
            chosen.call(
                function,
                handle,
                uint32("width", width),
                uint32("height", height),
                *pointers,
                ctypes.byref(chosen.values),
                floats(result),
            )
        return result


def file_of(model: Any) -> Any:
    """The file of a published network, if it is the name of one, else the path that it is."""
    from . import weights

    # A file of that name is given as a Path, or as ./eccv16.
    return weights.find(model) if model in weights.PUBLISHED else model


def _model_options(
    plain_softmax_temperature: float | None, mask_convention: str | None, precision: str | None
) -> c.colorize_model_options:
    return c.colorize_model_options(
        struct_size=ctypes.sizeof(c.colorize_model_options),
        plain_softmax_temperature=chosen_float(
            "plain_softmax_temperature", plain_softmax_temperature
        ),
        mask_convention=chosen_word("mask_convention", mask_convention, _MASK_CONVENTIONS),
        precision=chosen_word("precision", precision, _PRECISIONS),
    )


def _of_shape(shape: tuple[int, ...], array: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    values = np.ascontiguousarray(array, np.float32)
    if values.shape != shape:
        raise invalid(f"{name} has shape {values.shape}; with this lightness it must be {shape}")
    return values

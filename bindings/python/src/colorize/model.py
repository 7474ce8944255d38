"""The friendly layer: NumPy arrays in and out, exceptions for statuses.

Array shapes are written [rows, columns, ...]. Every call releases Python's global interpreter lock
while the library works, so threads of a program may colour several pictures at the same time, with
one model between them.
"""

from __future__ import annotations

import ctypes
import math
import operator
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from ._library import load

_library = load()

_Number = TypeVar("_Number", int, float)
Progress = Callable[[float], object]

_PRESETS = {"default": c.COLORIZE_PRESET_DEFAULT, "reference": c.COLORIZE_PRESET_REFERENCE}
_MASK_CONVENTIONS = {"zero-one": c.COLORIZE_MASK_ZERO_ONE, "centred": c.COLORIZE_MASK_CENTRED}
_FORMATS = {1: c.COLORIZE_GRAY8, 3: c.COLORIZE_RGB8, 4: c.COLORIZE_RGBA8}
_UINT32_MAX = 2**32 - 1


def _version() -> str:
    number = _library.colorize_version()
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


version: str = _version()
"""The version of the library that is loaded, for example "0.1.0"."""


class Error(Exception):
    """What the library, or this layer on its behalf, refuses.

    status  the number, one of colorize.h's constants
    name    its name there, for example "COLORIZE_INVALID_ARGUMENT"
    """

    status: int
    name: str

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.name = _library.colorize_status_name(status).decode()
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} ({self.name})"


@dataclass(frozen=True)
class ModelInfo:
    """What a model is."""

    architecture: str
    """For example "compact"."""
    licence: str
    """The licence of the weights as the model file states it; empty if it does not."""
    instruction_set: str
    """What the model was opened for: "avx512", "avx2" or "baseline"."""
    gemm: str
    """What multiplies matrices: "own", the library's kernels, or "openblas"."""
    gemm_configuration: str
    """Of OpenBLAS: its version and how it was built, in its own words; empty for "own"."""
    gemm_core: str
    """The processor for which OpenBLAS has chosen its kernels; empty for "own"."""
    parameters: int
    """Number of weights."""
    default_network_size: int
    """The side, in pixels, at which the network sees a picture unless told otherwise."""
    network_size_multiple: int
    """Sides that `Model.predict` takes are multiples of this."""
    network_size_rounding: int
    """Sides of what the network gives: those of its input, rounded up to a multiple of this..."""
    output_stride: int
    """...and divided by this for `Model.predict`..."""
    distribution_stride: int
    """...or by this for `Model.distribution`."""
    bins: int
    """Number of ab bins in the network's distribution."""
    takes_hints: bool
    """Whether `Model.predict` may be given hints."""
    mask_convention: str
    """What the network itself sees for a mask: "zero-one", or "centred", -0.5 to 0.5."""
    plain_softmax_temperature: float
    """The temperature at which the network's plain softmax stands."""


class Model:
    """A network with its weights, ready to colour.

    Model()      the model that lies inside the library
    Model(path)  a model file: safetensors, or a checkpoint of PyTorch's of a published network

    Any number of threads may use one model at the same time. It is closed by `close`, by the end of
    a `with` block, or with its last reference; calls that are running then are finished first.

    `plain_softmax_temperature` says at which temperature, 0.01 to 100, the network's plain softmax
    stands, for files that do not say it themselves. `mask_convention` says what the network was
    trained to see where a hint is not and where one is: "zero-one", or "centred", -0.5 and 0.5.
    """

    # A model whose opening failed is closed.
    _handle: c.colorize_model_p | None = None
    _closed = True

    def __init__(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes] | None = None,
        *,
        plain_softmax_temperature: float | None = None,
        mask_convention: str | None = None,
    ) -> None:
        if path is None:
            if plain_softmax_temperature is not None:
                raise _invalid("plain_softmax_temperature is for model files")
            if mask_convention is not None:
                raise _invalid("mask_convention is for model files")
            self._open(_library.colorize_model_open_default)
            return
        name = os.fsencode(path)
        if b"\0" in name:
            raise _invalid("path holds a zero byte")
        options = _model_options(plain_softmax_temperature, mask_convention)
        self._open(_library.colorize_model_open, name, ctypes.byref(options))

    @classmethod
    def from_bytes(
        cls,
        data: bytes | bytearray | memoryview,
        *,
        plain_softmax_temperature: float | None = None,
        mask_convention: str | None = None,
    ) -> Model:
        """A model from the bytes of a model file. They are not kept."""
        values = np.frombuffer(data, np.uint8)
        options = _model_options(plain_softmax_temperature, mask_convention)
        self = cls.__new__(cls)
        self._open(
            _library.colorize_model_open_memory,
            values.ctypes.data_as(ctypes.c_void_p),
            values.size,
            ctypes.byref(options),
        )
        return self

    def _open(self, function: Callable[..., int], *arguments: object) -> None:
        handle = c.colorize_model_p()
        _call(function, *arguments, ctypes.byref(handle))
        self._lock = threading.Lock()
        self._users = 0
        self._handle = handle
        self._closed = False
        self._info = self._read_info()

    # ---- Life ----

    def close(self) -> None:
        """Ends the model and frees its memory. Closing it again does nothing.

        From now on every use is a ValueError. Where calls are running, in other threads or around
        the progress function that this is called from, the last of them frees the memory.
        """
        if self._closed:
            return
        with self._lock:
            self._closed = True
            self._free_if_unused()

    def _free_if_unused(self) -> None:
        """The lock is held."""
        if self._closed and self._users == 0:
            _library.colorize_model_close(self._handle)
            self._handle = None

    @contextmanager
    def _use(self) -> Iterator[c.colorize_model_p]:
        """The handle, which stays valid inside the block even if the model is closed meanwhile."""
        with self._lock:
            handle = self._handle
            if self._closed or handle is None:
                raise ValueError("this colorize.Model is closed")
            self._users += 1
        try:
            yield handle
        finally:
            with self._lock:
                self._users -= 1
                self._free_if_unused()

    def __enter__(self) -> Model:
        if self._closed:
            raise ValueError("this colorize.Model is closed")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> str:
        raise TypeError("a colorize.Model cannot be copied or pickled")

    def __repr__(self) -> str:
        if self._closed:
            return "<colorize.Model, closed>"
        info = self._info
        return (
            f"<colorize.Model {info.architecture}, {info.parameters / 1e6:.1f} million weights, "
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
        status = _library.colorize_model_info(self._handle, ctypes.byref(description))
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
            _call(_library.colorize_bin_centres, handle, self._info.bins, _floats(centres))
        return centres

    # ---- Colouring ----

    def colorize(
        self,
        image: npt.ArrayLike,
        *,
        temperature: float | None = None,
        network_size: int | None = None,
        preset: str | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
        out: npt.NDArray[np.uint8] | None = None,
    ) -> npt.NDArray[np.uint8]:
        """Colours a picture: uint8 [H, W, 3], or [H, W, 4] if it has alpha.

        image         uint8 [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], sRGB-encoded, of any strides;
                      H and W are 1 to 1048576. Only the lightness of a coloured picture is looked
                      at; alpha is copied as it is. It is read in place where the pixels of a row
                      are contiguous, and copied first otherwise.
        temperature   of the annealed mean, 0.01 to 10: towards 0 vivid and patchy, at 1 even and
                      dull. Default: 0.38, the paper's.
        network_size  the side of the square, in pixels, that the network sees: a multiple of
                      `info.network_size_multiple` up to 2048. Default: `info.default_network_size`
                      (preset "reference": 256).
        preset        "default": the best picture that this version knows how to make; "reference":
                      what the released Python pipeline computes, step by step.
        threads       how many work on this call, 1 to 256. Default: the processors at hand. Has no
                      influence on the result.
        progress      is called from time to time with the work done so far, 0 to 1. If it returns
                      something true, the call ends with an Error named COLORIZE_CANCELLED; if it
                      raises, the call is cancelled and the exception comes out of it.
        out           where to write: uint8 [H, W, 3] or [H, W, 4], writable, the pixels of a row
                      contiguous. It may be `image` itself. After an error its content is undefined.
        """
        pixels = np.asarray(image)
        _check_pixels(pixels, "image", (1, 3, 4))
        height, width = pixels.shape[:2]
        if out is None:
            channels = 4 if pixels.shape[2:] == (4,) else 3
            result = np.empty((height, width, channels), np.uint8)
        else:
            result = out
            if not isinstance(result, np.ndarray):
                raise TypeError(f"out is a {type(result).__name__}; it must be a NumPy array")
            _check_pixels(result, "out", (3, 4))
            if result.shape[:2] != (height, width):
                raise _invalid(
                    f"out has shape {result.shape}; image has {height} rows and {width} columns"
                )
            if not result.flags.writeable:
                raise _invalid("out is read-only")
            if _row_bytes(result) is None:
                raise _invalid("out has gaps between the pixels of a row")

        same = pixels.shape == result.shape and (
            pixels.__array_interface__["data"][0] == result.__array_interface__["data"][0]
            and _row_bytes(pixels) == _row_bytes(result)
        )
        if _row_bytes(pixels) is None or (not same and np.may_share_memory(pixels, result)):
            pixels = pixels.copy(order="C")

        with (
            self._use() as handle,
            _options(temperature, network_size, preset, threads, progress) as options,
        ):
            _call(
                _library.colorize_run,
                handle,
                ctypes.byref(_image(pixels)),
                ctypes.byref(_image(result)),
                ctypes.byref(options),
            )
        return result

    def predict(
        self,
        lightness: npt.ArrayLike,
        hints: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        *,
        temperature: float | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.float32]:
        """The network alone: ab of CIE Lab, float32 [2, H / output_stride, W / output_stride], with
        H and W rounded up to multiples of `info.network_size_rounding`.

        lightness  [H, W], L of CIE Lab, 0 to 100; H and W are multiples of
                   `info.network_size_multiple`, up to 2048
        hints      [2, H, W], a and b of CIE Lab, -128 to 128, and 0 where there is no hint: the
                   network sees all of it
        mask       [H, W], 1 where a hint is, else 0; networks know no other numbers, but are given
                   them, less 0.5 where `info.mask_convention` is "centred". Hints and mask go
                   together
        Values that are not finite are an error.
        temperature, threads, progress: as for `colorize`
        """
        return self._run_network(
            _library.colorize_predict,
            2,
            self._info.output_stride,
            lightness,
            hints,
            mask,
            temperature,
            threads,
            progress,
        )

    def distribution(
        self,
        lightness: npt.ArrayLike,
        hints: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        *,
        temperature: float | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.float32]:
        """The probability of each ab bin: float32 [bins, H / distribution_stride,
        W / distribution_stride], with H and W rounded up as for `predict`.

        Probabilities are 0 to 1 and sum to 1 over the bins; `bin_centres` says where these are.
        Arguments are those of `predict`, but the default temperature is 1: the distribution that
        the network was trained to give.
        """
        return self._run_network(
            _library.colorize_distribution,
            self._info.bins,
            self._info.distribution_stride,
            lightness,
            hints,
            mask,
            temperature,
            threads,
            progress,
        )

    def _run_network(
        self,
        function: Callable[..., int],
        channels: int,
        stride: int,
        lightness: npt.ArrayLike,
        hints: npt.ArrayLike | None,
        mask: npt.ArrayLike | None,
        temperature: float | None,
        threads: int | None,
        progress: Progress | None,
    ) -> npt.NDArray[np.float32]:
        values = np.ascontiguousarray(lightness, np.float32)
        if values.ndim != 2:
            raise _invalid(f"lightness has shape {values.shape}; it must be [H, W]")
        height, width = values.shape
        if (hints is None) != (mask is None):
            raise _invalid("hints and mask go together")
        arrays = [values]
        if hints is not None and mask is not None:
            arrays.append(_of_shape((2, height, width), hints, "hints"))
            arrays.append(_of_shape((height, width), mask, "mask"))
        rounding = self._info.network_size_rounding
        sides = [-(-side // rounding) * rounding // stride for side in (height, width)]
        result = np.empty((channels, *sides), np.float32)
        pointers = [_floats(array) for array in arrays] + [None] * (3 - len(arrays))
        with self._use() as handle, _options(temperature, None, None, threads, progress) as options:
            _call(
                function,
                handle,
                _uint32("width", width),
                _uint32("height", height),
                *pointers,
                ctypes.byref(options),
                _floats(result),
            )
        return result


# ---- Colour ----


def rgb_to_lab(rgb: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """CIE Lab of sRGB: float32 [..., 3], L 0 to 100, a and b; the white point is D65 (2 degrees).

    rgb  floats [..., 3], sRGB-encoded, 0 to 1; values outside are taken as they are
    """
    values = _colours(rgb, "rgb")
    result = np.empty_like(values)
    _call(_library.colorize_rgb_to_lab, _floats(values), _floats(result), values.size // 3)
    return result


def lab_to_rgb(lab: npt.ArrayLike, clip: bool = True) -> npt.NDArray[np.float32]:
    """sRGB of CIE Lab: float32 [..., 3], sRGB-encoded.

    lab   floats [..., 3]: L 0 to 100, a and b
    clip  whether each channel is clipped to 0 to 1; if not, colours outside of sRGB's gamut come
          back as they are, below 0 or above 1
    """
    values = _colours(lab, "lab")
    result = np.empty_like(values)
    _call(
        _library.colorize_lab_to_rgb, _floats(values), _floats(result), values.size // 3, bool(clip)
    )
    return result


# ---- Between Python and C ----


def _call(function: Callable[..., int], *arguments: object) -> None:
    """Calls a function whose last argument is an error, and raises what it reports."""
    error = c.colorize_error()
    status = function(*arguments, ctypes.byref(error))
    if status != c.COLORIZE_OK:
        raise Error(status, error.message.decode(errors="replace"))


def _invalid(message: str) -> Error:
    return Error(c.COLORIZE_INVALID_ARGUMENT, message)


def _uint32(name: str, value: int) -> int:
    """ctypes would drop the bits that do not fit."""
    number = operator.index(value)
    if not 0 <= number <= _UINT32_MAX:
        raise _invalid(f"{name} is {number}; it must be 0 to {_UINT32_MAX}")
    return number


def _chosen(name: str, value: _Number | None) -> _Number | Literal[0]:
    """In C a zero means the default; here that is None, and a zero is a mistake."""
    if value is None:
        return 0
    if value == 0:
        raise _invalid(f"{name} is 0; leave it out for the default")
    return value


def _model_options(
    plain_softmax_temperature: float | None, mask_convention: str | None
) -> c.colorize_model_options:
    if mask_convention is not None and mask_convention not in _MASK_CONVENTIONS:
        raise _invalid(
            f"mask_convention is {mask_convention!r}; it must be "
            f"{' or '.join(map(repr, _MASK_CONVENTIONS))}"
        )
    return c.colorize_model_options(
        struct_size=ctypes.sizeof(c.colorize_model_options),
        plain_softmax_temperature=_chosen("plain_softmax_temperature", plain_softmax_temperature),
        mask_convention=_MASK_CONVENTIONS[mask_convention] if mask_convention else 0,
    )


@contextmanager
def _options(
    temperature: float | None,
    network_size: int | None,
    preset: str | None,
    threads: int | None,
    progress: Progress | None,
) -> Iterator[c.colorize_options]:
    """The options of a call made inside the block, which raises what `progress` raises."""
    if preset is not None and preset not in _PRESETS:
        raise _invalid(f"preset is {preset!r}; it must be {' or '.join(map(repr, _PRESETS))}")
    options = c.colorize_options(
        struct_size=ctypes.sizeof(c.colorize_options),
        preset=_PRESETS[preset or "default"],
        network_size=_uint32("network_size", _chosen("network_size", network_size)),
        temperature=_chosen("temperature", temperature),
        threads=_uint32("threads", _chosen("threads", threads)),
    )
    raised: list[BaseException] = []
    if progress is not None:

        def report(_: object, fraction: float) -> int:
            try:
                return 1 if progress(fraction) else 0
            except BaseException as exception:
                # ctypes would print it and go on.
                raised.append(exception)
                return 1

        options.progress = c.colorize_progress(report)
    try:
        yield options
    except Error:
        if not raised:
            raise
    if raised:
        raise raised[0]


def _check_pixels(array: npt.NDArray[np.uint8], name: str, channels: tuple[int, ...]) -> None:
    if array.dtype != np.uint8:
        raise TypeError(f"{name} is of {array.dtype}; it must be of uint8")
    is_gray = array.ndim == 2 and 1 in channels
    if not is_gray and (array.ndim != 3 or array.shape[2] not in channels):
        shapes = ["[H, W]"] * (1 in channels) + [f"[H, W, {count}]" for count in channels]
        raise _invalid(f"{name} has shape {array.shape}; it must be {' or '.join(shapes)}")
    if array.size == 0:
        raise _invalid(f"{name} has shape {array.shape}, which is without pixels")


def _row_bytes(array: npt.NDArray[np.uint8]) -> int | None:
    """From a row's first byte to the next row's; None if C could not walk the array like that."""
    height, width = array.shape[:2]
    channels = int(math.prod(array.shape[2:]))
    # NumPy gives dimensions of 1 any stride that it likes.
    if channels > 1 and array.strides[2] != 1:
        return None
    if width > 1 and array.strides[1] != channels:
        return None
    if height <= 1:
        return int(width) * channels
    stride = int(array.strides[0])
    return stride if stride >= width * channels else None


def _image(array: npt.NDArray[np.uint8]) -> c.colorize_image:
    height, width = array.shape[:2]
    return c.colorize_image(
        # Of a read-only array ctypes would give no pointer.
        pixels=array.__array_interface__["data"][0],
        row_bytes=_row_bytes(array),
        width=_uint32("width", width),
        height=_uint32("height", height),
        format=_FORMATS[math.prod(array.shape[2:])],
    )


def _colours(array: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    """float32 [..., 3], contiguous."""
    values = np.asarray(array)
    if not np.issubdtype(values.dtype, np.floating):
        # Bytes would be taken for values of 0 to 255 times white.
        raise TypeError(f"{name} is of {values.dtype}; it must be of floats")
    if values.shape[-1:] != (3,):
        raise _invalid(f"{name} has shape {values.shape}; its last dimension must be 3")
    return np.ascontiguousarray(values, np.float32)


def _of_shape(shape: tuple[int, ...], array: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    values = np.ascontiguousarray(array, np.float32)
    if values.shape != shape:
        raise _invalid(f"{name} has shape {values.shape}; with this lightness it must be {shape}")
    return values


def _floats(array: npt.NDArray[np.float32]) -> ctypes._Pointer[ctypes.c_float]:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))

"""The part of the filter that knows nothing of GIMP, called by ctypes."""

import ctypes
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from libcolorize import _declarations as c

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "examples/gimp"
LIBRARY = Path(os.environ["LIBCOLORIZE_LIBRARY"])


class Filter(ctypes.Structure):
    _fields_ = (
        ("library", ctypes.c_void_p),
        ("model", ctypes.c_void_p),
        ("model_file", ctypes.c_char_p),
        ("takes_hints", ctypes.c_bool),
    )


class Hints(ctypes.Structure):
    _fields_ = (
        ("ab", ctypes.POINTER(ctypes.c_float)),
        ("mask", ctypes.POINTER(ctypes.c_uint8)),
        ("count", ctypes.c_size_t),
    )


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    target = tmp_path_factory.mktemp("layer") / "layer.so"
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2", "-shared", "-fPIC",
         f'-DCOLORIZE_LIBRARY_FOLDER="{LIBRARY.parent}"', f"-I{LIBRARY.parents[1]}/include",
         SOURCES / "colorize_layer.c", SOURCES / "colorize_library.c", "-o", target, "-ldl"],
        check=True,
    )  # fmt: skip
    return ctypes.CDLL(str(target))


def image(pixels, row_bytes):
    height, width, _ = pixels.shape
    return c.colorize_image(
        pixels=pixels.ctypes.data, row_bytes=row_bytes, width=width, height=height,
        format=c.COLORIZE_RGBA8,
    )  # fmt: skip


@pytest.mark.parametrize("sides", [(7, 9), (64, 64), (3, 50)])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_shrinking_is_a_mean_of_squares(layer, sides, factor):
    height, width = sides
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 4), np.uint8)
    small_height, small_width = height // factor, width // factor
    squares = pixels[: small_height * factor, : small_width * factor].reshape(
        small_height, factor, small_width, factor, 4
    )
    # Rounded to the nearest, halves upwards.
    sums = squares.sum(axis=(1, 3), dtype=int)
    wanted = (2 * sums + factor**2) // (2 * factor**2)
    work = pixels.copy()
    description = image(work, 4 * width)
    layer.layer_shrink(ctypes.byref(description), ctypes.c_uint32(factor))
    assert (description.width, description.height) == (small_width, small_height)
    assert description.row_bytes == 4 * small_width
    actual = work.reshape(-1)[: small_height * small_width * 4].reshape(wanted.shape)
    assert (actual == wanted).all()


@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.parametrize("x, y", [(0, 0), (-5, 4), (20, -7), (200, 0), (0, -100), (-(2**31), 0)])
def test_hints_lie_where_the_strokes_do(layer, factor, x, y):
    """Red and blue strokes, and green ones that are too transparent."""
    width, height = 24 // factor, 18 // factor
    strokes = np.zeros((11, 30, 4), np.uint8)
    strokes[2:6, 3:25] = [255, 0, 0, 200]
    strokes[8, 1:29] = [0, 0, 255, 128]
    strokes[0, :] = [0, 255, 0, 127]
    wanted = {}
    for row, column in np.argwhere(strokes[..., 3] >= 128):
        at = ((row + y) // factor, (column + x) // factor)
        if 0 <= row + y < height * factor and 0 <= column + x < width * factor:
            wanted[at] = strokes[row, column, 0] > 0
    model, hints, error = Filter(), Hints(), c.colorize_error()
    assert layer.layer_filter_open(ctypes.byref(model), None, ctypes.byref(error)) == 0
    assert model.takes_hints
    try:
        status = layer.layer_hints_take(
            ctypes.byref(hints), ctypes.byref(model), ctypes.byref(image(strokes, 120)),
            ctypes.c_int32(x), ctypes.c_int32(y), ctypes.c_uint32(factor), ctypes.c_uint32(width),
            ctypes.c_uint32(height), ctypes.byref(error),
        )  # fmt: skip
        assert status == 0
        assert hints.count == len(wanted)
        for at in np.ndindex(height, width) if hints.ab else []:
            pixel = at[0] * width + at[1]
            assert hints.mask[pixel] == (at in wanted)
            if at in wanted:
                red = [80.1, 67.2]
                blue = [79.2, -107.9]
                a_and_b = [hints.ab[2 * pixel], hints.ab[2 * pixel + 1]]
                assert np.abs(np.subtract(a_and_b, red if wanted[at] else blue)).max() < 0.1
    finally:
        layer.layer_hints_free(ctypes.byref(hints))
        layer.layer_filter_close(ctypes.byref(model))
    assert not hints.ab and not model.model


@pytest.fixture(scope="module")
def refusing_layer(tmp_path_factory):
    """The same with layer_faults.c, which lets one call of the library or the allocator fail."""
    folder = tmp_path_factory.mktemp("refusing")
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-fPIC", f"-I{SOURCES}",
             f"-I{LIBRARY.parents[1]}/include"]  # fmt: skip
    for source, more in [
        (SOURCES / "colorize_layer.c", ["-Dmalloc=refusing_malloc", "-Dcalloc=refusing_calloc"]),
        (Path(__file__).with_name("layer_faults.c"), [f'-DREAL_LIBRARY="{LIBRARY}"']),
    ]:
        target = folder / f"{source.stem}.o"
        subprocess.run(["cc", *flags, *more, "-c", source, "-o", target], check=True)
    target = folder / "layer.so"
    subprocess.run(["cc", "-shared", *folder.glob("*.o"), "-o", target, "-ldl"], check=True)
    return ctypes.CDLL(str(target))


@pytest.mark.parametrize(
    "model_file", [None, ROOT / "Sources/ColorizeDefaultModel/default.safetensors"]
)
def test_each_call_of_the_library_and_for_memory_may_fail(refusing_layer, model_file):
    """Open, take hints, run: an error of memory, nothing kept, and the next attempt works."""
    layer = refusing_layer
    strokes = np.zeros((9, 9, 4), np.uint8)
    strokes[2:6, 3:8] = [255, 0, 0, 255]
    name = None if model_file is None else str(model_file).encode()

    def attempt():
        """The first status that is not 0, and the pixels."""
        model, hints, error = Filter(), Hints(), c.colorize_error()
        pixels = np.full((40, 48, 4), 99, np.uint8)
        status = layer.layer_filter_open(ctypes.byref(model), name, ctypes.byref(error))
        assert bool(model.model) == (status == 0)
        if status == 0:
            status = layer.layer_hints_take(
                ctypes.byref(hints), ctypes.byref(model), ctypes.byref(image(strokes, 36)),
                ctypes.c_int32(4), ctypes.c_int32(5), ctypes.c_uint32(1), ctypes.c_uint32(48),
                ctypes.c_uint32(40), ctypes.byref(error),
            )  # fmt: skip
            assert bool(hints.ab) == bool(hints.mask) == (status == 0)
        if status == 0:
            settings = (ctypes.c_byte * 256)()
            status = layer.layer_filter_run(
                ctypes.byref(model), settings, ctypes.byref(hints),
                ctypes.byref(image(pixels, 192)), None, None, ctypes.byref(error),
            )  # fmt: skip
        layer.layer_hints_free(ctypes.byref(hints))
        layer.layer_filter_close(ctypes.byref(model))
        assert status == error.status
        if status:
            assert status == c.COLORIZE_OUT_OF_MEMORY and error.message
            assert (pixels == 99).all()
        else:
            assert (pixels[..., 0] > pixels[..., 1]).any()
        return status

    failing_call = ctypes.c_long.in_dll(layer, "failing_call")
    calls = ctypes.c_long.in_dll(layer, "calls")
    try:
        failing_call.value, calls.value = -1, 0
        assert attempt() == 0
        count = calls.value
        # The library, its name, the model, memory for hints (3), rows of strokes (4), the run.
        assert count == 11
        for number in range(count):
            failing_call.value, calls.value = number, 0
            assert attempt() != 0
            failing_call.value = -1
            assert attempt() == 0
    finally:
        failing_call.value = -1

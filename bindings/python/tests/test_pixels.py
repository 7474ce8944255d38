"""Arrays of every type, shape and stride as pictures: what is read, what comes out, and where."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from conftest import raises_named
from PIL import Image

import libcolorize
from libcolorize import _pixels

DTYPES = [np.uint8, np.uint16, np.float32]
WHITE = {np.uint8: 255, np.uint16: 65535, np.float32: 1}
# Between two ways of computing the same picture in float32, of 1.
ROUNDING = 1e-5


def as_dtype(image: np.ndarray, dtype: Any) -> np.ndarray:
    """The same values, of uint8, as another type."""
    if dtype == np.float32:
        return image.astype(np.float32) / np.float32(255)
    return image.astype(dtype) * dtype(WHITE[dtype] // 255)


def as_floats(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float64) / WHITE[image.dtype.type]


def half_a_step(dtype: Any) -> float:
    return ROUNDING if dtype == np.float32 else 0.5 / WHITE[dtype] + ROUNDING


def forms(photo: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Shapes by name: the picture, what it is without alpha, and its alpha."""
    gray = np.ascontiguousarray(photo[:, :, 1])
    alpha = np.arange(gray.size, dtype=np.uint8).reshape(gray.shape)
    return {
        "[H, W]": (gray, gray, None),
        "[H, W, 1]": (gray[:, :, None], gray, None),
        "[H, W, 2]": (np.dstack([gray, alpha]), gray, alpha),
        "[H, W, 3]": (photo, photo, None),
        "[H, W, 4]": (np.dstack([photo, alpha]), photo, alpha),
    }


FORMS = ["[H, W]", "[H, W, 1]", "[H, W, 2]", "[H, W, 3]", "[H, W, 4]"]


# ---- Types and shapes ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_and_shape(dtype, form: str, model: libcolorize.Model, photo: np.ndarray):
    bytes_, plain, alpha = forms(photo)[form]
    image = as_dtype(bytes_, dtype)
    before = image.copy()
    expected = model.colorize(plain, dtype=np.float32)
    result = model.colorize(image)
    assert result.dtype == dtype
    assert result.shape == (61, 47, 3 if alpha is None else 4)
    assert np.abs(as_floats(result)[:, :, :3] - expected).max() <= half_a_step(dtype)
    assert np.array_equal(image, before)
    if alpha is not None:
        # Alpha of the same depth passes bit for bit.
        assert np.array_equal(result[:, :, 3], image[:, :, -1])


@pytest.mark.parametrize("target", DTYPES)
@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_every_type_into_every_type(
    form: str, source, target, model: libcolorize.Model, photo: np.ndarray
):
    bytes_, plain, alpha = forms(photo)[form]
    image = as_dtype(bytes_, source)
    expected = model.colorize(plain, dtype=np.float32)
    result = model.colorize(image, dtype=target)
    assert result.dtype == target
    assert np.abs(as_floats(result)[:, :, :3] - expected).max() <= half_a_step(target)
    if alpha is not None:
        assert np.array_equal(result[:, :, 3], as_dtype(alpha, target))
    # The same where the caller has the memory, and it has the alpha that the picture has not.
    out = np.full((61, 47, 4), 77, target)
    assert model.colorize(image, out=out) is out
    assert np.array_equal(out[:, :, :3], result[:, :, :3])
    assert np.array_equal(
        out[:, :, 3], np.full_like(out[:, :, 3], WHITE[target]) if alpha is None else result[..., 3]
    )


def test_gray_of_three_channels_is_gray(model: libcolorize.Model, photo: np.ndarray):
    gray = photo[:, :, 1].copy()
    from_gray = model.colorize(gray)
    assert np.array_equal(model.colorize(np.dstack([gray] * 3)), from_gray)
    # Natural colors came out, not gray.
    assert np.ptp(from_gray.astype(int), axis=2).mean() > 5


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_more_than_8_bits_are_kept(dtype, model: libcolorize.Model):
    # 4096 grays; 8 bits have 256 of them, whose lightness is up to 0.2 apart from these.
    ramp = np.linspace(0.2, 0.8, 4096).reshape(64, 64)
    image = (ramp * WHITE[dtype]).astype(dtype)
    assert len(np.unique(image)) == 4096

    def lightness(picture: np.ndarray) -> np.ndarray:
        rgb = as_floats(picture)
        return libcolorize.rgb_to_lab(rgb if rgb.ndim == 3 else np.dstack([rgb] * 3))[:, :, 0]

    error = np.abs(lightness(model.colorize(image)) - lightness(image))
    assert error.max() < 0.005
    assert np.abs(lightness(model.colorize(image, dtype=np.uint8)) - lightness(image)).max() > 0.05


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4", ">f8", np.longdouble])
def test_other_floats_become_float32(dtype, model: libcolorize.Model, photo: np.ndarray):
    image = (photo / 256).astype(dtype)
    result = model.colorize(image)
    assert result.dtype == np.float32
    assert np.array_equal(result, model.colorize(image.astype(np.float32)))


def test_the_other_byte_order(model: libcolorize.Model, photo: np.ndarray):
    image = photo.astype(np.uint16) * 250 + 3
    result = model.colorize(image.astype(">u2"))
    assert result.dtype == np.uint16
    assert np.array_equal(result, model.colorize(image))


def test_floats_that_are_no_colors(model: libcolorize.Model, photo: np.ndarray):
    image = as_dtype(photo, np.float32)[:, :, 1].copy()
    limited = image.copy()
    others = {-0.5: 0, -np.inf: 0, np.nan: 0, 1.5: 1, np.inf: 1, 1e30: 1}
    for row, (value, counts_as) in enumerate(others.items()):
        image[row, 5:9], limited[row, 5:9] = value, counts_as
    result = model.colorize(image)
    assert np.array_equal(result, model.colorize(limited))
    assert np.isfinite(result).all()
    # 1e300 is no float32.
    wide = image.astype(np.float64)
    wide[5, 5:9] = 1e300
    assert np.array_equal(model.colorize(wide), result)
    # Alpha is only copied.
    with_alpha = np.dstack([limited, image])
    assert np.array_equal(model.colorize(with_alpha)[:, :, 3], image, equal_nan=True)


@pytest.mark.parametrize("factor", [255, 65535])
def test_floats_of_another_range_are_refused(
    factor: int, model: libcolorize.Model, photo: np.ndarray
):
    image = photo / 255 * factor
    with raises_named("COLORIZE_INVALID_ARGUMENT", "divide by 255"):
        model.colorize(image)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "palette has floats above 2"):
        model.colorize(photo, palette=image)
    # Alpha is nobody's color.
    model.colorize(np.dstack([photo[:, :, 0] / 255, image[:, :, 0]]))


@pytest.mark.parametrize(
    ("mode", "means"),
    [
        ("1", "L"),
        ("P", "RGB"),
        ("CMYK", "RGB"),
        ("YCbCr", "RGB"),
        ("HSV", "RGB"),
        ("RGBa", "RGBA"),
        ("RGBX", "RGB"),
    ],
)
def test_pillow_s_modes(mode: str, means: str, model: libcolorize.Model, photo: np.ndarray):
    image = Image.fromarray(photo)
    image = (image.convert("RGBA") if mode == "RGBa" else image).convert(mode)
    expected = model.colorize(np.asarray(image.convert(means)))
    assert np.array_equal(model.colorize(image), expected)


def test_pillow_s_palette_with_transparency(model: libcolorize.Model, photo: np.ndarray):
    image = Image.fromarray(photo).convert("P")
    image.info["transparency"] = 3
    result = model.colorize(image)
    assert np.array_equal(result, model.colorize(np.asarray(image.convert("RGBA"))))


@pytest.mark.parametrize("mode", ["I", "LAB"])
def test_pillow_s_modes_that_are_refused(mode: str, model: libcolorize.Model):
    with pytest.raises(TypeError, match=f"mode '{mode}'; convert it"):
        model.colorize(Image.new(mode, (8, 8)))


def test_images_that_are_refused(model: libcolorize.Model, photo: np.ndarray):
    for image in (photo.astype(np.int16), photo > 10, photo.tolist(), photo.astype(complex), "a"):
        with pytest.raises(
            TypeError, match=r"image is of .*; it must be of uint8, uint16 or float"
        ):
            model.colorize(image)
    for dtype in DTYPES:
        for shape in ((4,), (4, 4, 5), (1, 4, 4, 3), ()):
            with raises_named("COLORIZE_INVALID_ARGUMENT", "image has shape"):
                model.colorize(np.zeros(shape, dtype))
        for shape in ((0, 4), (4, 0), (0, 0, 3), (0, 3, 2)):
            with raises_named("COLORIZE_INVALID_ARGUMENT", "without pixels"):
                model.colorize(np.zeros(shape, dtype))
    with raises_named("COLORIZE_INVALID_ARGUMENT", "it must be [H, W] or [H, W, 1] or"):
        model.colorize(np.zeros((4, 4, 0), np.uint8))
    with raises_named("COLORIZE_INVALID_ARGUMENT", "1048577"):
        model.colorize(np.zeros((1, 1_048_577), np.uint8))
    # 2**32 + 1 columns must not be taken for one; the strides make it a small array.
    wide = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (1, 2**32 + 1), (0, 0))
    with raises_named("COLORIZE_INVALID_ARGUMENT", "4294967297"):
        _pixels.image(wide)


# ---- BGRA ----------------------------------------------------------------------------------------


def test_bgra(model: libcolorize.Model, photo: np.ndarray):
    image = forms(photo)["[H, W, 4]"][0]
    swapped = np.ascontiguousarray(image[:, :, [2, 1, 0, 3]])
    expected = model.colorize(image)[:, :, [2, 1, 0, 3]]
    assert np.array_equal(model.colorize(swapped, bgra=True), expected)
    out = np.zeros_like(swapped)
    assert model.colorize(swapped, bgra=True, out=out) is out
    assert np.array_equal(out, expected)
    # In place, as a host does it.
    assert model.colorize(swapped, bgra=True, out=swapped) is swapped
    assert np.array_equal(swapped, expected)


def test_bgra_of_gray(model: libcolorize.Model, photo: np.ndarray):
    for form in ("[H, W]", "[H, W, 1]", "[H, W, 2]"):
        image, _, alpha = forms(photo)[form]
        result = model.colorize(image, bgra=True)
        assert np.array_equal(result[:, :, 2::-1], model.colorize(image)[:, :, :3])
        assert np.all(result[:, :, 3] == (255 if alpha is None else alpha))
    # A picture of another depth may have its result as BGRA.
    deep = as_dtype(photo[:, :, 1], np.uint16)
    result = model.colorize(deep, bgra=True, dtype=np.uint8)
    assert np.array_equal(result[:, :, 2::-1], model.colorize(deep, dtype=np.uint8))


def test_bgra_that_is_refused(model: libcolorize.Model, photo: np.ndarray):
    with raises_named("COLORIZE_INVALID_ARGUMENT", "image has shape (61, 47, 3)"):
        model.colorize(photo, bgra=True)
    four = np.zeros((4, 4, 4), np.uint16)
    with pytest.raises(TypeError, match="image is of uint16; with bgra it must be of uint8"):
        model.colorize(four, bgra=True)
    with pytest.raises(TypeError, match="the result is of uint16; with bgra"):
        model.colorize(four[:, :, 0], bgra=True)
    with pytest.raises(TypeError, match="out is of uint16; with bgra"):
        model.colorize(np.zeros((4, 4), np.uint8), bgra=True, out=four)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "out has shape (4, 4, 3)"):
        model.colorize(np.zeros((4, 4), np.uint8), bgra=True, out=np.zeros((4, 4, 3), np.uint8))


# ---- Strides -------------------------------------------------------------------------------------


def spaced(array: np.ndarray) -> np.ndarray:
    """The same values in rows that are 13 bytes farther apart, and so on no even address."""
    row = array[0].nbytes + 13
    buffer = np.full((array.shape[0], row), 99, np.uint8)
    view = np.ndarray(array.shape, array.dtype, buffer, strides=(row, *array.strides[1:]))
    view[...] = array
    return view


STRIDES = {
    "rows farther apart": spaced,
    "every second column of a wider one": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "columns from right to left": lambda a: a[:, ::-1].copy()[:, ::-1],
    "rows from the bottom": lambda a: a[::-1].copy()[::-1],
    "columns first": lambda a: np.asfortranarray(a),
    "planes": lambda a: np.moveaxis(np.moveaxis(a, 2, 0).copy(), 0, 2),
    "a part of a larger one": lambda a: np.pad(a, ((3, 2), (5, 7), (0, 0)))[3:-2, 5:-7],
    "three of four channels": lambda a: np.dstack([a, a[:, :, 0]])[:, :, :3],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", STRIDES)
def test_any_strides(name: str, dtype, model: libcolorize.Model, photo: np.ndarray):
    plain = as_dtype(photo, dtype)
    image = STRIDES[name](plain)
    assert np.array_equal(image, plain)
    assert image.strides != plain.strides
    assert np.array_equal(model.colorize(image), model.colorize(plain))


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_read_in_place(dtype, photo: np.ndarray):
    image = as_dtype(photo, dtype)
    row = 47 * 3 * image.itemsize
    assert _pixels.row_bytes(image) == row
    assert _pixels.row_bytes(spaced(image)) == row + 13
    assert _pixels.row_bytes(image[:, 5:9]) == row
    assert _pixels.row_bytes(image[::2]) == 2 * row
    for walkable in (image, spaced(image), image[:, 5:9], image[::2]):
        assert _pixels.readable(walkable) is walkable
    for other in (image[:, :, 0], image[:, ::-1], image[::-1], image[:, :, ::-1]):
        assert _pixels.row_bytes(other) is None
        assert _pixels.readable(other).flags.c_contiguous


def test_a_large_picture_is_not_copied(model: libcolorize.Model):
    image = np.full((1000, 1000, 4), 90, np.uint16)
    image.flags.writeable = False
    out = np.empty_like(image)
    # NumPy's memory is traced.
    tracemalloc.start()
    try:
        model.colorize(image, out=out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < image.nbytes / 10


def test_one_row_for_all(model: libcolorize.Model, photo: np.ndarray):
    repeated = np.broadcast_to(photo[:1], photo.shape)
    assert np.array_equal(model.colorize(repeated), model.colorize(repeated.copy()))


def test_read_only_input_is_read_in_place(model: libcolorize.Model, photo: np.ndarray):
    image = photo.copy()
    image.flags.writeable = False
    assert np.array_equal(model.colorize(image), model.colorize(photo))
    assert np.array_equal(image, photo)


# ---- out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_out(dtype, model: libcolorize.Model, photo: np.ndarray):
    expected = model.colorize(photo, dtype=dtype)
    out = np.zeros((61, 47, 3), dtype)
    assert model.colorize(photo, out=out) is out
    assert np.array_equal(out, expected)
    assert model.colorize(photo, out=out, dtype=dtype) is out

    # With gaps between the rows, which are not written.
    view = spaced(np.zeros((61, 47, 3), dtype))
    assert model.colorize(photo, out=view) is view
    assert np.array_equal(view, expected)
    gaps = view.base if isinstance(view.base, np.ndarray) else np.asarray(view.base)
    assert np.all(gaps[:, -13:] == 99)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["[H, W, 3]", "[H, W, 4]"])
def test_out_is_the_image(form: str, dtype, model: libcolorize.Model, photo: np.ndarray):
    image = as_dtype(forms(photo)[form][0], dtype)
    expected = model.colorize(image)
    assert model.colorize(image, out=image) is image
    assert np.array_equal(image, expected)


def test_out_is_the_image_s_memory_in_another_format(model: libcolorize.Model, photo: np.ndarray):
    gray = np.ascontiguousarray(photo[:, :, 1])
    # Four bytes a pixel before and after, six, and eight.
    pairs = [
        (as_dtype(gray, np.float32), np.uint8, 4),
        (as_dtype(np.dstack([gray, gray]), np.uint16), np.uint8, 4),
        (as_dtype(np.dstack([gray, gray]), np.float32), np.uint16, 4),
    ]
    for image, dtype, channels in pairs:
        expected = model.colorize(image, dtype=dtype)
        out = image.view(dtype).reshape(61, 47, channels)
        assert _pixels.readable(image, out) is image
        model.colorize(image, out=out)
        assert np.array_equal(out[:, :, : expected.shape[2]], expected)


def test_out_overlaps_the_image(model: libcolorize.Model, photo: np.ndarray):
    expected = model.colorize(photo)
    buffer = np.zeros((62, 47, 3), np.uint8)
    buffer[:61] = photo
    model.colorize(buffer[:61], out=buffer[1:])
    assert np.array_equal(buffer[1:], expected)
    # The same first byte, and fewer bytes a pixel.
    buffer = np.zeros((61, 47, 3), np.uint16)
    bytes_ = np.ndarray((61, 47, 3), np.uint8, buffer)
    bytes_[...] = photo
    model.colorize(bytes_, out=buffer)
    assert np.array_equal(buffer, model.colorize(photo, dtype=np.uint16))


def test_out_that_is_refused(model: libcolorize.Model, photo: np.ndarray):
    def refused(out: object, text: str, **options: Any) -> None:
        with raises_named("COLORIZE_INVALID_ARGUMENT", text):
            model.colorize(photo, out=out, **options)

    refused(np.zeros((61, 48, 3), np.uint8), "61 rows and 47 columns")
    refused(np.zeros((61, 47), np.uint8), "(61, 47)")
    refused(np.zeros((61, 47, 1), np.uint8), "(61, 47, 1)")
    refused(np.zeros((61, 47, 2), np.uint8), "(61, 47, 2)")
    refused(np.zeros((61, 94, 3), np.uint8)[:, ::2], "gaps")
    refused(np.zeros((61, 47, 3), np.uint8), "dtype is uint16, and out is of uint8", dtype="uint16")
    frozen = np.zeros((61, 47, 3), np.uint8)
    frozen.flags.writeable = False
    refused(frozen, "read-only")
    for dtype in (np.float64, np.int16, ">u2", bool):
        out = np.zeros((61, 47, 3), dtype)
        with pytest.raises(
            TypeError, match=r"out is of .*; it must be of uint8, uint16 or float32"
        ):
            model.colorize(photo, out=out)
    with pytest.raises(TypeError, match="bytearray"):
        model.colorize(photo, out=bytearray(61 * 47 * 3))


@pytest.mark.parametrize("dtype", [np.float64, float, int, "int16", ">u2", bool])
def test_types_that_no_result_has(dtype, model: libcolorize.Model, photo: np.ndarray):
    with pytest.raises(TypeError, match=r"dtype is .*; it must be uint8, uint16 or float32"):
        model.colorize(photo, dtype=dtype)

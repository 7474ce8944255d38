"""PNG files of every kind are read for what they show."""

import numpy as np
import pytest
from PIL import Image
from support import (
    CHANNELS,
    GRAY,
    GRAY_ALPHA,
    PALETTE,
    RGB,
    RGBA,
    chunks,
    lightness,
    pixels,
    png,
)

INTERLACED = pytest.mark.parametrize("interlaced", [False, True], ids=["straight", "interlaced"])


def scaled(samples, depth):
    """8 bits from fewer; 16 stay as they are."""
    if depth == 16:
        return samples.astype(np.uint16)
    return (samples * (255 // (2**depth - 1))).astype(np.uint8)


def samples_of(gray, depth):
    """`depth`-bit samples that use all of their bits."""
    y, x = np.indices(gray.shape)
    return (gray.astype(np.int64) * 257 + x * 13 + y * 7) % 65536 >> (16 - depth)


@INTERLACED
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_gray(colorize, tmp_path, gray, depth, interlaced):
    samples = samples_of(gray, depth)
    source = tmp_path / "source.png"
    source.write_bytes(png(samples, depth, GRAY, interlaced=interlaced))
    colorize.reads(source, scaled(samples, depth), tmp_path)


@INTERLACED
@pytest.mark.parametrize("depth", [8, 16])
def test_rgb(colorize, tmp_path, rgb, depth, interlaced):
    samples = np.stack([samples_of(rgb[..., i], depth) for i in range(3)], axis=2)
    source = tmp_path / "source.png"
    source.write_bytes(png(samples, depth, RGB, interlaced=interlaced))
    colorize.reads(source, scaled(samples, depth), tmp_path)


@INTERLACED
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("color", [GRAY_ALPHA, RGBA])
def test_alpha(colorize, tmp_path, rgb, color, depth, interlaced):
    shown = rgb if color == RGBA else rgb[..., :1]
    both = np.concatenate([shown, np.roll(rgb[..., 2:], 5, axis=0)], axis=2)
    samples = np.stack([samples_of(both[..., i], depth) for i in range(both.shape[2])], axis=2)
    source = tmp_path / "source.png"
    source.write_bytes(png(samples, depth, color, interlaced=interlaced))
    expected = scaled(samples, depth)
    colorize.reads(source, expected, tmp_path)
    have = pixels(tmp_path / "have.png")
    assert have.shape[2] == 4 and np.array_equal(have[..., 3], expected[..., -1])


@INTERLACED
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("transparent", [False, True], ids=["opaque", "transparent"])
def test_palette(colorize, tmp_path, gray, depth, transparent, interlaced):
    table = np.random.default_rng(7).integers(0, 256, (2**depth, 3), dtype=np.uint8)
    alpha = np.full(2**depth, 255, np.uint8)
    before = [(b"PLTE", table.tobytes())]
    if transparent:
        # Shorter than the palette: the other entries are opaque.
        alpha[: max(2**depth // 2, 1)] = 77
        before.append((b"tRNS", alpha[: max(2**depth // 2, 1)].tobytes()))
    samples = samples_of(gray, depth)
    source = tmp_path / "source.png"
    source.write_bytes(png(samples, depth, PALETTE, interlaced=interlaced, before=before))
    expected = table[samples]
    if transparent:
        expected = np.dstack([expected, alpha[samples]])
    colorize.reads(source, expected, tmp_path)
    if transparent:
        assert np.array_equal(pixels(tmp_path / "have.png")[..., 3], alpha[samples])


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_gray_with_a_transparent_value(colorize, tmp_path, gray, depth):
    samples = samples_of(gray, depth)
    key = int(samples[10, 10])
    source = tmp_path / "source.png"
    source.write_bytes(png(samples, depth, GRAY, before=[(b"tRNS", key.to_bytes(2, "big"))]))
    shown = scaled(samples, depth)
    alpha = np.where(samples == key, 0, np.iinfo(shown.dtype).max).astype(shown.dtype)
    colorize.reads(source, np.dstack([shown, alpha]), tmp_path)


@pytest.mark.parametrize("depth", [8, 16])
def test_rgb_with_a_transparent_value(colorize, tmp_path, rgb, depth):
    samples = np.stack([samples_of(rgb[..., i], depth) for i in range(3)], axis=2)
    key = samples[10, 10]
    source = tmp_path / "source.png"
    data = key.astype(">u2").tobytes()
    source.write_bytes(png(samples, depth, RGB, before=[(b"tRNS", data)]))
    shown = scaled(samples, depth)
    alpha = np.where((samples == key).all(axis=2), 0, np.iinfo(shown.dtype).max)
    colorize.reads(source, np.dstack([shown, alpha.astype(shown.dtype)]), tmp_path)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (3, 5), (300, 7)])
@INTERLACED
def test_small_and_odd_sizes(colorize, tmp_path, shape, interlaced):
    samples = np.arange(shape[0] * shape[1]).reshape(shape) * 5 % 256
    source = tmp_path / "source.png"
    source.write_bytes(png(samples, 8, GRAY, interlaced=interlaced))
    colorize.reads(source, samples.astype(np.uint8), tmp_path)


def test_the_lightness_stays_and_color_comes(colorize, tmp_path, gray):
    """What the other tests compare with is right in itself."""
    source = tmp_path / "source.png"
    Image.fromarray(gray).save(source)
    colored, said = colorize.color(source, tmp_path / "out.png")
    assert said == ""
    assert colored.shape == (*gray.shape, 3)
    # Luma is not lightness, and gamut clipping moves it; but a wrong picture is far off.
    luma = colored @ [0.299, 0.587, 0.114]
    assert np.abs(luma - gray).mean() < 12
    assert np.corrcoef(luma.ravel(), gray.ravel())[0, 1] > 0.98
    assert np.ptp(colored.astype(int), axis=2).mean() > 2


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("color", "kind"), [(GRAY, RGB), (RGB, RGB), (GRAY_ALPHA, RGBA), (RGBA, RGBA)]
)
def test_the_output_has_the_inputs_bits_and_its_alpha(colorize, tmp_path, rgb, depth, color, kind):
    samples = np.dstack([rgb, rgb[..., :1]])[..., : CHANNELS[color]].astype(np.int64)
    source = tmp_path / "source.png"
    source.write_bytes(png(samples * 257 >> (16 - depth), depth, color))
    said = colorize("-o", tmp_path / "out.png", source).stderr
    (name, head), *_ = chunks((tmp_path / "out.png").read_bytes())
    assert (name, head[8], head[9]) == (b"IHDR", depth, kind)
    assert said == ""


def test_16_bits_are_16_bits_of_lightness(colorize, tmp_path):
    """The gray rises by one step of 16 bits, 1/257 of one of 8, from pixel to pixel; so does what
    comes out."""
    samples = 20000 + np.arange(40 * 256).reshape(40, 256)
    source = tmp_path / "source.png"
    source.write_bytes(png(samples, 16, GRAY))
    colored, _ = colorize.color(source, tmp_path / "out.png")
    assert colored.dtype == np.uint16
    # A step in L is 0.0015 here; rounding to 16 bits moves it by up to half of that.
    error = np.abs(lightness(colored) - lightness(samples.astype(np.uint16)))
    assert error.max() < 0.0015
    assert (colored % 257 != 0).mean() > 0.9


def test_16_bits_that_a_jpeg_has_not_are_said_and_not_if_quiet(colorize, tmp_path, gray):
    source = tmp_path / "deep.png"
    source.write_bytes(png(gray.astype(np.int64) * 257, 16, GRAY))
    said = colorize("-o", tmp_path / "out.jpg", source).stderr
    assert said == f"libcolorize: {source}: has 16 bits a channel; the output has 8\n"
    assert colorize("--quiet", "-o", tmp_path / "out.jpg", source).stderr == ""

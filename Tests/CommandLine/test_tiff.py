"""TIFF files of every kind are read for what they show, and written with all of their bits."""

import io
import os
import signal
import subprocess
import time

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from support import (
    BLACK_IS_ZERO,
    BYTE,
    FAILURE,
    LONG,
    SHORT,
    WHITE_IS_ZERO,
    lightness,
    names,
    pixels,
    png,
    tiff,
    tiff_of,
    tiff_rows,
    tiff_tags,
)

PALETTE_COLORS, ITU_LAB, SENSOR = 3, 10, 32803
ASSOCIATED, UNASSOCIATED = 1, 2

DEPTHS = pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
ORDERS = pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])


@pytest.fixture
def deep(rgb):
    """uint16 [48, 64, 4]: samples that use all of their bits."""
    y, x = np.mgrid[0:48, 0:64]
    both = np.dstack([rgb, np.roll(rgb[..., 2], 5, axis=0)])
    return ((both.astype(int) * 257 + (x * 13 + y * 7)[..., None]) % 65536).astype(np.uint16)


def of_kind(deep, channels, kind):
    """1 to 4 channels of `deep` as uint8, uint16 or float32; the last one of 2 or 4 is alpha."""
    samples = deep[..., {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]]
    if kind == "uint8":
        samples = (samples >> 8).astype(np.uint8)
    if kind == "float32":
        samples = (samples / np.float32(65535)).astype(np.float32)
    return samples[..., 0] if channels == 1 else samples


def write(path, samples, *, planar=False, **options):
    """A TIFF by tifffile."""
    channels = samples.shape[2] if samples.ndim == 3 else 1
    if channels > 1:
        options["planarconfig"] = "separate" if planar else "contig"
    if channels % 2 == 0:
        options["extrasamples"] = ["unassalpha"]
    if planar:
        samples = np.ascontiguousarray(np.moveaxis(samples, 2, 0))
    tifffile.imwrite(path, samples, photometric="minisblack" if channels < 3 else "rgb", **options)


# ---- Layouts ------------------------------------------------------------------------------------


@DEPTHS
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("planar", [False, True], ids=["together", "apart"])
@pytest.mark.parametrize(
    "blocks", [{"rowsperstrip": 48}, {"rowsperstrip": 7}, {"tile": (32, 16)}, {"tile": (64, 80)}]
)
def test_layouts(colorize, tmp_path, deep, kind, channels, planar, blocks):
    samples = of_kind(deep, channels, kind)
    write(tmp_path / "source.tif", samples, planar=planar and channels > 1, **blocks)
    colorize.reads(tmp_path / "source.tif", samples, tmp_path)
    if channels % 2 == 0:
        have = pixels(next(tmp_path.glob("have.*")))
        assert np.array_equal(have[..., 3], samples[..., -1])


@ORDERS
@DEPTHS
@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
@pytest.mark.parametrize("predictor", [False, True], ids=["plain", "predicted"])
def test_byte_orders(colorize, tmp_path, deep, order, kind, big, predictor):
    samples = of_kind(deep, 3, kind)
    write(
        tmp_path / "source.tif",
        samples,
        byteorder=order,
        bigtiff=big,
        predictor=predictor,
        compression="lzw" if predictor else None,
    )
    colorize.reads(tmp_path / "source.tif", samples, tmp_path)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("tile", [None, (16, 32)], ids=["strips", "tiles"])
@pytest.mark.parametrize(
    "compression", ["lzw", "deflate", "adobe_deflate", "packbits", "zstd", "lzma", "webp"]
)
def test_compressions(colorize, tmp_path, deep, kind, tile, compression):
    if compression == "webp" and kind == "uint16":
        pytest.skip("WebP has 8 bits")
    samples = of_kind(deep, 3, kind)
    options = {"compressionargs": {"lossless": True}} if compression == "webp" else {}
    write(tmp_path / "source.tif", samples, compression=compression, tile=tile, **options)
    colorize.reads(tmp_path / "source.tif", samples, tmp_path)


@pytest.mark.parametrize("blocks", [{"rowsperstrip": 16}, {"rowsperstrip": 48}, {"tile": (32, 16)}])
@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "minisblack"},
        {"photometric": "ycbcr", "subsampling": (1, 1)},
        {"photometric": "ycbcr", "subsampling": (2, 2)},
        {"photometric": "rgb", "compressionargs": {"outcolorspace": "rgb"}},
    ],
)
def test_jpeg_inside(colorize, tmp_path, gray, rgb, options, blocks):
    source = tmp_path / "source.tif"
    samples = gray if options["photometric"] == "minisblack" else rgb
    tifffile.imwrite(source, samples, compression="jpeg", **options, **blocks)
    with tifffile.TiffFile(source) as file:
        assert file.pages[0].compression == 7
    colorize.reads(source, tifffile.imread(source), tmp_path)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 14, 16])
@pytest.mark.parametrize("white", [False, True], ids=["black is 0", "white is 0"])
def test_bits_of_gray(colorize, tmp_path, deep, bits, white):
    """Widened to 8 or 16 bits. 61 columns: a row ends within a byte."""
    samples = deep[:, :61, 0].astype(int) >> (16 - bits)
    source = tmp_path / "source.tif"
    source.write_bytes(tiff_of(samples, bits, WHITE_IS_ZERO if white else BLACK_IS_ZERO))
    shown = 2**bits - 1 - samples if white else samples
    largest, kind = (255, np.uint8) if bits <= 8 else (65535, np.uint16)
    expected = np.floor(shown * largest / (2**bits - 1) + 0.5).astype(kind)
    colorize.reads(source, expected, tmp_path)


@pytest.mark.parametrize("bits", [4, 12])
def test_bits_of_rgb_and_alpha(colorize, tmp_path, deep, bits):
    samples = deep[:, :61].astype(int) >> (16 - bits)
    largest, kind = (255, np.uint8) if bits <= 8 else (65535, np.uint16)
    expected = np.floor(samples * largest / (2**bits - 1) + 0.5).astype(kind)
    source = tmp_path / "source.tif"
    source.write_bytes(tiff_of(samples, bits, 2, _338=(SHORT, [UNASSOCIATED])))
    colorize.reads(source, expected, tmp_path)
    assert np.array_equal(pixels(tmp_path / "have.png")[..., 3], expected[..., 3])


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
@pytest.mark.parametrize("white", [False, True], ids=["black is 0", "white is 0"])
def test_faxes(colorize, tmp_path, gray, compression, white):
    """What archives scan text to: 1 bit in CCITT's codes."""
    picture = Image.fromarray((gray > 99).astype(np.uint8) * 255).convert("1")
    source = tmp_path / "source.tif"
    info = {262: WHITE_IS_ZERO if white else BLACK_IS_ZERO}
    picture.save(source, compression=compression, tiffinfo=info)
    shown = np.asarray(Image.open(source).convert("L"))
    assert set(np.unique(shown)) == {0, 255}
    colorize.reads(source, shown, tmp_path)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("scale", [257, 256])
def test_palettes(colorize, tmp_path, deep, bits, scale):
    """Colors of 8 bits, which some programs write as the upper half of 16, others in both."""
    samples = deep[:, :61, 0].astype(int) >> (16 - bits)
    table = np.random.default_rng(7).integers(0, 256, (2**bits, 3))
    source = tmp_path / "source.tif"
    colors = (SHORT, (table.T * scale).ravel())
    source.write_bytes(tiff_of(samples, bits, PALETTE_COLORS, _320=colors))
    colorize.reads(source, table[samples].astype(np.uint8), tmp_path)


# ---- Alpha and other channels -------------------------------------------------------------------


@DEPTHS
@pytest.mark.parametrize("channels", [2, 4])
def test_associated_alpha_is_divided_out(colorize, tmp_path, deep, kind, channels):
    straight = of_kind(deep, channels, kind)
    largest = 1 if kind == "float32" else np.iinfo(straight.dtype).max
    alpha = straight[..., -1:].copy()
    alpha[:5] = 0
    alpha[5:9] = largest
    color = straight[..., :-1] * (alpha / largest)
    if kind != "float32":
        color = np.floor(color + 0.5)
    stored = np.concatenate([color.astype(alpha.dtype), alpha], axis=2)
    stored[10, 10, 0] = largest  # more than alpha: no color
    source = tmp_path / "source.tif"
    tifffile.imwrite(
        source,
        stored,
        photometric="rgb" if channels == 4 else "minisblack",
        planarconfig="contig",
        extrasamples=["assocalpha"],
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == "float32":
            divided = np.where(alpha > 0, stored[..., :-1] / alpha, stored[..., :-1])
        else:
            whole, below = stored[..., :-1].astype(int) * largest, alpha.astype(int)
            divided = np.minimum((whole + below // 2) // np.maximum(below, 1), largest)
            divided = np.where(alpha > 0, divided, stored[..., :-1])
    expected = np.concatenate([divided.astype(alpha.dtype), alpha], axis=2)
    colorize.reads(source, expected, tmp_path)
    have = pixels(next(tmp_path.glob("have.*")))
    assert np.array_equal(have[..., 3], alpha[..., 0])


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize(
    ("extras", "alpha", "left_out"),
    [
        ([0], None, "a channel that is neither color nor alpha, which is left out"),
        ([0, UNASSOCIATED], 1, "a channel that is neither color nor alpha, which is left out"),
        ([UNASSOCIATED, 0, 0], 0, "2 channels that are neither color nor alpha, which are"),
    ],
)
def test_other_channels_are_left_out_and_said(
    colorize, tmp_path, rgb, extras, alpha, left_out, planar
):
    added = [np.roll(rgb[..., i], 3 * i + 2, axis=1) for i in range(len(extras))]
    samples = np.dstack([rgb, *added])
    tags = tiff_tags(samples, 8, 2, _338=(SHORT, extras), _284=(SHORT, [planar]))
    planes = np.moveaxis(samples, 2, 0)
    blocks = [samples.tobytes()] if planar == 1 else [plane.tobytes() for plane in planes]
    source = tmp_path / "source.tif"
    source.write_bytes(tiff(tags, blocks))
    expected = rgb if alpha is None else np.dstack([rgb, added[alpha]])
    colorize.reads(source, expected, tmp_path)
    said = colorize("-o", tmp_path / "out.tif", source).stderr
    assert said.startswith(f"libcolorize: {source}: has {left_out}") and said.count("\n") == 1


# ---- Depth --------------------------------------------------------------------------------------


def ramp(kind, rows=40, columns=256):
    """Gray that rises by one 16-bit step from pixel to pixel, as uint16 or float32."""
    steps = 20000 + np.arange(rows * columns).reshape(rows, columns)
    return steps.astype(np.uint16) if kind == "uint16" else (steps / 65535).astype(np.float32)


@pytest.mark.parametrize("kind", ["uint16", "float32"])
@pytest.mark.parametrize("to", ["png", "tif"])
def test_all_bits_reach_the_output(colorize, tmp_path, kind, to):
    """A step of 16 bits is 1/257 of one of 8 bits; the result's lightness follows each."""
    samples = ramp(kind)
    tifffile.imwrite(tmp_path / "source.tif", samples, photometric="minisblack")
    have, said = colorize.color(tmp_path / "source.tif", tmp_path / f"out.{to}")
    assert have.dtype == (np.uint16 if to == "png" else samples.dtype)
    floats_lost = kind == "float32" and to == "png"
    assert said.endswith("has floats; the output has 16\n") if floats_lost else said == ""
    # A step in L is 0.0015 here; rounding to 16 bits moves it by up to half of that.
    assert np.abs(lightness(have) - lightness(samples)).max() < 0.0015
    levels = have.astype(float) * (65535 if have.dtype == np.float32 else 1)
    assert (np.floor(levels + 0.5) % 257 != 0).mean() > 0.9


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_bits_that_are_lost_are_said(colorize, tmp_path, kind):
    source = tmp_path / "source.tif"
    tifffile.imwrite(source, ramp(kind), photometric="minisblack")
    has = "16 bits a channel" if kind == "uint16" else "floats"
    said = colorize("-o", tmp_path / "out.jpg", source).stderr
    assert said == f"libcolorize: {source}: has {has}; the output has 8\n"
    assert colorize("--quiet", "-o", tmp_path / "out.jpg", source).stderr == ""


def test_floats_outside_of_0_to_1(colorize, tmp_path):
    """Are taken as the nearer end, and what is no number as 0; the output has 0 to 1."""
    samples = ramp("float32")
    samples[0, :4] = [-1, 3, np.inf, -np.inf]
    samples[1, :2] = np.nan
    expected = np.nan_to_num(np.clip(samples, 0, 1))
    tifffile.imwrite(tmp_path / "source.tif", samples, photometric="minisblack")
    have, _ = colorize.color(tmp_path / "source.tif", tmp_path / "out.tif")
    assert have.min() >= 0 and have.max() <= 1
    tifffile.imwrite(tmp_path / "source.tif", expected, photometric="minisblack")
    want, _ = colorize.color(tmp_path / "source.tif", tmp_path / "want.tif")
    assert np.array_equal(have, want)


# ---- Pages --------------------------------------------------------------------------------------

# test_pages.py has files of several.


def test_smaller_copies_are_no_pages(colorize, tmp_path, gray):
    """Neither behind the picture, as in pyramids, nor before it, as cameras have them."""
    source = tmp_path / "source.tif"
    for order in ([1, 0, 0, 0], [0, 1, 0]):
        with tifffile.TiffWriter(source) as file:
            for is_whole in order:
                page = gray if is_whole else 255 - gray[::2, ::2]
                file.write(page, photometric="minisblack", subfiletype=0 if is_whole else 1)
        colorize.reads(source, gray, tmp_path)
        assert colorize("-o", tmp_path / "out.tif", source).stderr == (
            f"libcolorize: {source}: its thumbnail, for which a TIFF's EXIF has no place, is left "
            "out\n"
        )
        assert len(tifffile.TiffFile(tmp_path / "out.tif").pages) == 1
    tifffile.imwrite(source, gray, photometric="minisblack", subfiletype=1)
    said = colorize("-o", tmp_path / "out.tif", source, status=FAILURE).stderr
    assert said == (
        f"libcolorize: {source}: is a TIFF without a page of full size: a camera's raw file?\n"
    )


# ---- Writing ------------------------------------------------------------------------------------


@DEPTHS
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(48, 64), (1, 1), (700, 333)])
def test_what_is_written(colorize, tmp_path, deep, kind, channels, shape):
    """tifffile and, where it can, Pillow read the same as from a PNG."""
    samples = of_kind(np.resize(deep, (*shape, 4)), channels, kind)
    source = tmp_path / "source.tif"
    write(source, samples)
    have, said = colorize.color(source, tmp_path / "out.tiff")
    assert said == ""
    assert have.dtype == samples.dtype
    assert have.shape == (*shape, 4 if channels % 2 == 0 else 3)
    with tifffile.TiffFile(tmp_path / "out.tiff") as file:
        page = file.pages[0]
        assert (page.compression, page.photometric, page.planarconfig) == (8, 2, 1)
        assert page.predictor == (3 if kind == "float32" else 2)
        assert page.extrasamples == ((UNASSOCIATED,) if channels % 2 == 0 else ())
        assert page.tags[274].value == 1
    if kind != "float32":
        want, _ = colorize.color(source, tmp_path / "out.png")
        assert np.array_equal(have, want)
    if kind == "uint8":
        with Image.open(tmp_path / "out.tiff") as image:
            assert np.array_equal(np.asarray(image), have)


def test_a_png_becomes_a_tiff_and_a_tiff_a_png(colorize, tmp_path, deep):
    samples = of_kind(deep, 4, "uint16")
    (tmp_path / "source.png").write_bytes(png(samples, 16, 6))
    write(tmp_path / "source.tif", samples)
    results = [
        colorize.color(tmp_path / f"source.{source}", tmp_path / f"out.{to}")
        for source in ("png", "tif")
        for to in ("png", "tif")
    ]
    for have, said in results:
        assert said == ""
        assert np.array_equal(have, results[0][0])


# ---- Orientation --------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_the_orientation_is_applied(colorize, tmp_path, deep, kind, orientation):
    samples = of_kind(deep, 4, kind)
    source = tmp_path / "source.tif"
    write(source, samples, extratags=[(274, 3, 1, orientation, True)])
    places = np.arange(48 * 64, dtype=np.int32).reshape(48, 64)
    file = io.BytesIO()
    Image.fromarray(places).save(file, "TIFF", tiffinfo={274: orientation})
    turned = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    expected = samples.reshape(-1, 4)[turned]
    assert (expected.shape[:2] == (48, 64)) == (orientation < 5)
    colorize.reads(source, expected, tmp_path)
    colorize("-o", tmp_path / "out.tif", source)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.pages[0].tags[274].value == 1


# ---- Files --------------------------------------------------------------------------------------


def test_a_pipe(colorize, tmp_path, deep):
    samples = of_kind(deep, 3, "uint16")
    write(tmp_path / "source.tif", samples)
    want, _ = colorize.color(tmp_path / "source.tif", tmp_path / "want.tif")
    with subprocess.Popen(["cat", tmp_path / "source.tif"], stdout=subprocess.PIPE) as writer:
        colorize("-o", tmp_path / "have.tif", "/dev/stdin", stdin=writer.stdout)
    assert np.array_equal(pixels(tmp_path / "have.tif"), want)


def test_the_content_tells_the_format_not_the_name(colorize, tmp_path, gray):
    tifffile.imwrite(tmp_path / "really-a-tiff.png", gray)
    colorize.reads(tmp_path / "really-a-tiff.png", gray, tmp_path)


# ---- Refused ------------------------------------------------------------------------------------


def refused(colorize, tmp_path, data):
    """Asserts that a file is reported and nothing written, and returns what is said of it."""
    source = tmp_path / "source.tif"
    source.write_bytes(data)
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert said.startswith(f"libcolorize: {source}: ") and said.count("\n") == 1, said
    assert names(tmp_path) == ["source.tif"]
    return said.removeprefix(f"libcolorize: {source}: ").rstrip("\n")


@pytest.mark.parametrize(
    ("photometric", "channels", "why"),
    [
        (ITU_LAB, 3, "is a TIFF of ITU Lab (fax), which is not read: convert it to gray or RGB "),
        (SENSOR, 1, "is a TIFF of raw sensor data, which is not read: convert it to gray or RGB "),
        (4, 1, "is a TIFF of color space 4, which is not read"),
        (999, 1, "is a TIFF of color space 999, which is not read"),
    ],
)
def test_other_color_spaces(colorize, tmp_path, gray, photometric, channels, why):
    samples = np.dstack([gray] * channels)
    said = refused(colorize, tmp_path, tiff_of(samples, 8, photometric, _530=(SHORT, [1, 1])))
    assert said.startswith(why)


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({"_339": (SHORT, [2])}, "is a TIFF of signed integers of 8 bits"),
        ({"_339": (SHORT, [3])}, "is a TIFF of floats of 8 bits"),
        ({"_258": (SHORT, [64]), "_339": (SHORT, [3])}, "is a TIFF of floats of 64 bits"),
        ({"_258": (SHORT, [17])}, "is a TIFF of integers of 17 bits"),
        ({"_259": (SHORT, [6])}, "libtiff: Missing JPEG tables"),
        ({"_259": (SHORT, [34661])}, "is a TIFF with compression 34661, which is not read"),
        ({"_259": (SHORT, [12345])}, "is a TIFF with compression 12345, which is not read"),
        ({"_262": (SHORT, [2])}, "is a TIFF of 1 samples a pixel; 3 to 16 are read"),
        ({"_277": (SHORT, [17]), "_258": (SHORT, [8] * 17)}, "is a TIFF of 17 samples a pixel"),
        ({"_262": (SHORT, [3]), "_258": (SHORT, [4])}, "libtiff: "),
        ({"_257": (LONG, [0])}, "libtiff: "),
    ],
)
def test_other_samples(colorize, tmp_path, gray, tags, why):
    assert refused(colorize, tmp_path, tiff_of(gray, 8, BLACK_IS_ZERO, **tags)).startswith(why)


def test_tags_that_are_missing(colorize, tmp_path, gray):
    for tag in (256, 257, 262):
        tags = tiff_tags(gray, 8, BLACK_IS_ZERO)
        del tags[tag]
        assert refused(colorize, tmp_path, tiff(tags, [tiff_rows(gray, 8)]))


def feed(colorize, tmp_path, *arguments, seconds=60):
    """Starts the command on a pipe, which is given a TIFF's beginning and then zeros for ever."""
    os.mkfifo(tmp_path / "pipe.tif")
    process = subprocess.Popen(
        [colorize.path, *arguments, "-o", tmp_path / "out.png", tmp_path / "pipe.tif"],
        stderr=subprocess.PIPE,
        text=True,
    )
    written = 0
    until = time.monotonic() + seconds
    try:
        with (tmp_path / "pipe.tif").open("wb", buffering=0) as pipe:
            pipe.write(b"II*\0\x08\x10\0\0")
            while time.monotonic() < until:
                written += pipe.write(bytes(65536))
                yield process, written
    except BrokenPipeError:
        return
    raise AssertionError(f"still reading after {written} bytes")


def test_an_endless_pipe_has_a_bound(colorize, tmp_path):
    """As much as --max-memory, and 32 MB of metadata; without it, as much as is ever read."""
    for running, written in feed(colorize, tmp_path, "--max-memory=20"):
        process = running
        assert written < 60 << 20
    assert process.wait(60) == FAILURE
    said = process.stderr.read()
    assert said.endswith("comes through a pipe and is larger than the 52 MB that are read\n")
    assert names(tmp_path) == ["pipe.tif"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_endless_pipe_is_stopped_by_the_first_signal(colorize, tmp_path, number):
    sent = None
    for process, written in feed(colorize, tmp_path):
        if written > 1 << 20 and sent is None:
            process.send_signal(number)
            sent = written
    assert process.wait(60) == -number
    assert names(tmp_path) == ["pipe.tif"]


def test_a_tag_of_40_megabytes(colorize, tmp_path, gray):
    """XMP of which nobody wants to keep so much: left out, and said; --max-memory counts it."""
    source = tmp_path / "source.tif"
    xmp = b"<x:xmpmeta/>".ljust(40 << 20)
    source.write_bytes(tiff_of(gray, 8, BLACK_IS_ZERO, _700=(BYTE, xmp)))
    said = colorize("-o", tmp_path / "out.tif", source).stderr
    assert "has more than 32 MB of metadata, of which some are left out" in said
    assert (tmp_path / "out.tif").stat().st_size < 1 << 20
    colorize.reads(source, gray, tmp_path)
    colorize("--max-memory=1", "-o", tmp_path / "out.tif", source)


def test_without_libtiff_it_says_what_to_install(colorize, gray, tmp_path):
    """libtiff is loaded when it is needed; one that cannot be loaded stands for none."""
    Image.fromarray(gray).save(tmp_path / "in.png")
    (tmp_path / "libtiff.so.6").touch()
    without = {"LD_LIBRARY_PATH": str(tmp_path)}
    result = colorize(
        "-o", tmp_path / "out.tif", tmp_path / "in.png", status=FAILURE, environment=without
    )
    assert "apt-get install libtiff6" in result.stderr
    assert not (tmp_path / "out.tif").exists()
    colorize("-o", tmp_path / "out.png", tmp_path / "in.png", environment=without)

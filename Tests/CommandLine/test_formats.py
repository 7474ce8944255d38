"""The formats beside PNG, JPEG and TIFF, against the software that wrote them."""

import re
import shutil
import struct
import subprocess

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image
from support import (
    FAILURE,
    LONG,
    SHORT,
    exif,
    jpeg,
    lightness,
    names,
    pixels,
    tiff,
    tiff_of,
)

ADOBE = "/usr/share/color/icc/colord/AdobeRGB1998.icc"


@pytest.fixture
def rgba(rgb):
    return np.dstack([rgb, np.roll(rgb[..., 0], 5, axis=0)])


@pytest.fixture
def deep(gray):
    """uint16 [48, 64]: all of its bits are in use."""
    x = np.arange(64)
    return (gray.astype(np.uint16) * 256 + x * 3).astype(np.uint16)


def decoded(path, mode):
    with Image.open(path) as image:
        return np.asarray(image.convert(mode))


# ---- Pillow writes, and the command reads the same ----------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("webp", {"quality": 80}),
        ("webp", {"lossless": True}),
        ("jp2", {"irreversible": False}),
        ("j2k", {"irreversible": False}),
        ("bmp", {}),
        ("ppm", {}),
    ],
)
def test_rgb(colorize, tmp_path, rgb, kind, options):
    source = tmp_path / f"source.{kind}"
    Image.fromarray(rgb).save(source, **options)
    colorize.reads(source, decoded(source, "RGB"), tmp_path)


@pytest.mark.parametrize("kind", ["avif", "jxl"])
def test_rgb_to_a_level(colorize, tmp_path, rgb, kind):
    """Decoders may round in another way."""
    source = tmp_path / f"source.{kind}"
    if kind == "avif":
        Image.fromarray(rgb).save(source, quality=90, subsampling="4:4:4")
        want = decoded(source, "RGB")
    else:
        source.write_bytes(imagecodecs.jpegxl_encode(rgb, level=90))
        want = imagecodecs.jpegxl_decode(source.read_bytes())
    have, said = colorize.color(source, tmp_path / "out.png")
    assert said == ""
    assert abs(lightness(have) - lightness(want)).max() < 1


@pytest.mark.parametrize("kind", ["webp", "jp2"])
def test_alpha(colorize, tmp_path, rgba, kind):
    source = tmp_path / f"source.{kind}"
    options = {"webp": {"lossless": True, "exact": True}, "jp2": {"irreversible": False}}[kind]
    Image.fromarray(rgba).save(source, **options)
    colorize.reads(source, rgba, tmp_path)
    out, _ = colorize.color(source, tmp_path / "out.webp")
    assert abs(out[..., 3].astype(int) - rgba[..., 3]).max() == 0


@pytest.mark.parametrize("kind", ["pgm", "jp2"])
def test_gray_of_16_bits(colorize, tmp_path, deep, kind):
    source = tmp_path / f"source.{kind}"
    if kind == "pgm":
        source.write_bytes(b"P5\n# a comment\n64 48\n65535\n" + deep.astype(">u2").tobytes())
    else:
        Image.fromarray(deep).save(source, irreversible=False)
    colorize.reads(source, deep, tmp_path)


def test_16_bits_of_a_jpeg_xl_are_those_of_its_profile(colorize, tmp_path, deep):
    """imagecodecs writes 16 bits as linear light."""
    source = tmp_path / "source.jxl"
    source.write_bytes(imagecodecs.jpegxl_encode(deep, lossless=True))
    out, said = colorize.color(source, tmp_path / "out.png")
    assert said == "" and out.dtype == np.uint16
    y = deep / 65535
    expected = 116 * np.where(y > 0.008856, np.cbrt(y), 7.787 * y + 16 / 116) - 16
    assert abs(lightness(out) - expected).max() < 0.1


@pytest.mark.parametrize("interlaced", [False, True])
def test_the_first_frame_of_a_gif(colorize, tmp_path, rgb, interlaced):
    source = tmp_path / "source.gif"
    first = Image.fromarray(rgb).quantize(64)
    first.save(source, interlace=interlaced)
    colorize.reads(source, decoded(source, "RGB"), tmp_path)
    first.save(source, save_all=True, append_images=[Image.fromarray(255 - rgb).quantize(64)])
    out, said = colorize.color(source, tmp_path / "out.png")
    assert "is an animation, of which only the still picture is colored" in said
    assert abs(lightness(out[..., :3]) - lightness(decoded(source, "RGB"))).max() < 1


def test_the_first_frame_of_an_animated_webp(colorize, tmp_path, rgb):
    source = tmp_path / "source.webp"
    others = [Image.fromarray(255 - rgb)]
    Image.fromarray(rgb).save(source, save_all=True, append_images=others, lossless=True)
    out, said = colorize.color(source, tmp_path / "out.png")
    assert "is an animation" in said
    assert abs(lightness(out[..., :3]) - lightness(rgb)).max() < 1


# ---- PNM and BMP, which are read here -----------------------------------------------------------


@pytest.mark.parametrize("largest", [1, 7, 255, 1000, 65535])
@pytest.mark.parametrize("kind", ["P2", "P5", "P3", "P6", "P7"])
def test_pnm_of_any_depth(colorize, tmp_path, rgb, kind, largest):
    """Netpbm: a sample is a share of the largest one; as text, or as one or two bytes."""
    samples = (rgb.astype(int) * 257 * largest + 32767) // 65535
    if kind in ("P2", "P5"):
        samples = samples[..., 0]
    elif kind == "P7":
        samples = np.dstack([samples, np.roll(samples[..., :1], 7, axis=0)])
    full = 255 if largest < 256 else 65535
    expected = (samples * full + largest // 2) // largest
    top = f"{kind}\n# text # more\n64 48\n{largest}\n".encode()
    if kind == "P7":
        top = f"P7\nWIDTH 64\nHEIGHT 48\nDEPTH 4\nMAXVAL {largest}\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
        top = top.encode()
    if kind in ("P2", "P3"):
        body = " ".join(map(str, samples.ravel())).encode()
    else:
        body = samples.astype(">u2" if largest > 255 else "u1").tobytes()
    source = tmp_path / "source.pnm"
    source.write_bytes(top + body)
    colorize.reads(source, expected.astype(np.uint8 if full == 255 else np.uint16), tmp_path)


@pytest.mark.parametrize("is_text", [False, True])
def test_pbm(colorize, tmp_path, gray, is_text):
    bits = gray[:, :61] > 99
    body = (
        "\n".join("".join(map(str, row.astype(int))) for row in bits).encode()
        if is_text
        else np.packbits(bits, axis=1).tobytes()
    )
    source = tmp_path / "source.pbm"
    source.write_bytes((b"P1" if is_text else b"P4") + b" 61 48\n" + body)
    colorize.reads(source, np.where(bits, 0, 255).astype(np.uint8), tmp_path)


def bitmap(width, height, bits, body, *, compression=0, palette=b"", masks=b"", header=40):
    numbers = (header, width, height, 1, bits, compression, 0, 2835, 2835, 0, 0)
    top = struct.pack("<IiiHHIIiiII", *numbers)
    top += masks if header == 40 else masks.ljust(header - 40, b"\0")
    start = 14 + len(top) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + top + palette + body


def padded(rows):
    return b"".join(row.tobytes() + b"\0" * (-row.nbytes % 4) for row in rows)


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_bmp_with_a_palette(colorize, tmp_path, gray, bits):
    table = np.random.default_rng(3).integers(0, 256, (2**bits, 3), dtype=np.uint8)
    indices = gray[:, :61] >> (8 - bits)
    planes = (indices[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    rows = np.packbits(planes.reshape(48, -1), axis=1)
    palette = np.dstack([table[None, :, ::-1], np.zeros((1, 2**bits, 1), np.uint8)]).tobytes()
    source = tmp_path / "source.bmp"
    source.write_bytes(bitmap(61, 48, bits, padded(rows[::-1]), palette=palette))
    colorize.reads(source, table[indices], tmp_path)
    source.write_bytes(bitmap(61, -48, bits, padded(rows), palette=palette))
    colorize.reads(source, table[indices], tmp_path)


def test_bmp_of_24_bits_and_of_bit_fields(colorize, tmp_path, rgb):
    source = tmp_path / "source.bmp"
    source.write_bytes(bitmap(61, 48, 24, padded(rgb[::-1, :61, ::-1])))
    colorize.reads(source, rgb[:, :61], tmp_path)
    five, six = ((rgb.astype(int) * largest + 127) // 255 for largest in (31, 63))
    expected = np.dstack([five[..., 0] / 31, six[..., 1] / 63, five[..., 2] / 31]) * 255
    rows = (five[..., 0] << 11 | six[..., 1] << 5 | five[..., 2]).astype("<u2")
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    source.write_bytes(bitmap(64, 48, 16, padded(rows[::-1]), compression=3, masks=masks))
    colorize.reads(source, np.floor(expected + 0.5).astype(np.uint8), tmp_path)


def test_bmp_of_run_lengths(colorize, tmp_path):
    """Runs, literal pixels with padding, a way elsewhere, and both ends."""
    palette = bytes(v for level in range(256) for v in (level, level, level, 0))
    body = bytes([4, 200, 0, 3, 10, 20, 30, 0, 0, 0]) + bytes([0, 2, 2, 0, 5, 90, 0, 1])
    source = tmp_path / "source.bmp"
    source.write_bytes(bitmap(7, 2, 8, body, compression=1, palette=palette))
    rows = [[0, 0, 90, 90, 90, 90, 90], [200, 200, 200, 200, 10, 20, 30]]
    expected = np.repeat(np.array(rows, np.uint8)[..., None], 3, axis=2)
    colorize.reads(source, expected, tmp_path)


# ---- HEIC ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_what_libheif_writes(colorize, tmp_path, rgb, kind):
    """With its profile and description; libheif has turned the pixels where that is to be."""
    start, source = tmp_path / "start.jpg", tmp_path / f"source.{kind}"
    with open(ADOBE, "rb") as file:
        profile = file.read()
    stream = Image.Exif()
    stream[ExifTags.Base.ImageDescription] = "a pier"
    Image.fromarray(rgb).save(start, quality=98, exif=stream, icc_profile=profile)
    arguments = ["heif-enc", "-q", "98", *(["-A"] if kind == "avif" else []), start, "-o", source]
    subprocess.run(arguments, check=True, capture_output=True)
    plain, _ = colorize.color(start, tmp_path / "plain.png")
    out, said = colorize.color(source, tmp_path / "out.png")
    assert said == ""
    # Two lossy codecs, and colors of half the resolution between colors without any relation.
    assert abs(lightness(out) - lightness(plain)).mean() < 3
    with Image.open(tmp_path / "out.png") as image:
        assert image.getexif()[ExifTags.Base.ImageDescription] == "a pier"
        assert "icc_profile" in image.info


# ---- TIFF ---------------------------------------------------------------------------------------


def test_ycbcr_of_a_tiff(colorize, tmp_path, rgb):
    """Colors of the full and of half the resolution (TIFF 6.0, section 21)."""
    ycc = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    source = tmp_path / "source.tif"
    source.write_bytes(tiff_of(ycc, 8, 6, _530=(SHORT, [1, 1])))
    have, said = colorize.color(source, tmp_path / "out.png")
    assert said == ""
    assert abs(lightness(have) - lightness(rgb)).max() < 1.5
    blocks = ycc.reshape(24, 2, 32, 2, 3).astype(int)
    luma = blocks[..., 0].transpose(0, 2, 1, 3).reshape(24, 32, 4)
    chroma = blocks[..., 1:].mean(axis=(1, 3)).round()
    tags = {256: (LONG, [64]), 257: (LONG, [48]), 258: (SHORT, [8, 8, 8]), 259: (SHORT, [1])}
    tags |= {262: (SHORT, [6]), 277: (SHORT, [3]), 278: (LONG, [48]), 530: (SHORT, [2, 2])}
    body = np.concatenate([luma, chroma], axis=2).astype(np.uint8).tobytes()
    source.write_bytes(tiff(tags, [body]))
    whole = np.dstack([ycc[..., 0], chroma.repeat(2, 0).repeat(2, 1).astype(np.uint8)])
    want = np.asarray(Image.fromarray(whole, "YCbCr").convert("RGB"))
    have, _ = colorize.color(source, tmp_path / "out.png")
    assert abs(lightness(have) - lightness(want)).max() < 1.5


@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_integers_of_32_bits_count_by_their_upper_half(colorize, tmp_path, rgb, planes):
    wide = rgb.astype(np.uint32) * 0x01010101
    source = tmp_path / "source.tif"
    planar = np.moveaxis(wide, 2, 0) if planes == "separate" else wide
    tifffile.imwrite(source, planar, photometric="rgb", planarconfig=planes)
    colorize.reads(source, rgb.astype(np.uint16) * 257, tmp_path)


def test_a_page_of_a_tiff(colorize, tmp_path, gray):
    """A smaller copy of a page is no page."""
    source = tmp_path / "source.tif"
    pages = [gray, gray[::-1], 255 - gray]
    with tifffile.TiffWriter(source) as file:
        for page in pages:
            file.write(page)
            file.write(page[::2, ::2], subfiletype=1)
    for number, page in enumerate(pages, start=1):
        out, said = colorize.color(source, tmp_path / "out.png", "--pages", str(number))
        assert said == ""
        assert abs(lightness(out) - lightness(page)).max() < 1
    said = colorize("--pages", "4", "-o", tmp_path / "no.png", source, status=FAILURE).stderr
    assert "has 3 pages, and --pages asks for number 4" in said


# ---- Names and content --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("scan.JFIF", "scan-colorized.JFIF"),
        ("scan.jpe", "scan-colorized.jpe"),
        ("scan.BTF", "scan-colorized.BTF"),
        ("scan.WebP", "scan-colorized.WebP"),
        ("scan.heic", "scan-colorized.jpg"),
        ("scan.gif", "scan-colorized.png"),
        ("scan.pgm", "scan-colorized.png"),
        ("scan", "scan-colorized.jpg"),
        ("scan.dat", "scan-colorized.jpg"),
        (".scan", ".scan-colorized.jpg"),
    ],
)
def test_where_a_picture_of_any_name_goes(colorize, tmp_path, gray, name, output):
    """What it is its content says: it is a JPEG in each case."""
    (tmp_path / name).write_bytes(jpeg(gray))
    colorize("--network-size", "32", tmp_path / name)
    assert names(tmp_path) == sorted([name, output])
    start = (tmp_path / output).read_bytes()[:12]
    begins = {"jpg": b"\xff\xd8", "png": b"\x89PNG", "btf": b"II", "webp": b"RIFF"}
    suffix = output.rpartition(".")[2].lower()
    assert start.startswith(begins[{"jfif": "jpg", "jpe": "jpg"}.get(suffix, suffix)])


def test_a_folder_of_many_formats(colorize, tmp_path, rgb):
    (tmp_path / "letter").write_text("Dear reader,")
    for kind in ("webp", "gif", "bmp"):
        Image.fromarray(rgb).save(tmp_path / f"{kind}.{kind}")
    said = colorize("-o", tmp_path / "out", *sorted(tmp_path.iterdir())).stderr
    assert "letter: passed over" in said
    assert names(tmp_path / "out") == ["bmp.png", "gif.png", "webp.webp"]


# ---- WebP out -----------------------------------------------------------------------------------


def test_a_webp_is_what_was_colored_and_keeps_what_is_said(colorize, tmp_path, rgb):
    source, out = tmp_path / "source.jpg", tmp_path / "out.webp"
    with open(ADOBE, "rb") as file:
        profile = file.read()
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
    smooth = np.asarray(Image.fromarray(rgb).resize((640, 480), Image.Resampling.BICUBIC))
    Image.fromarray(smooth).save(source, quality=95, exif=exif(6), icc_profile=profile, xmp=xmp)
    colorize("--no-provenance", "--profile", "keep", "-o", out, source)
    colorize("--profile", "keep", "-o", tmp_path / "plain.png", source)
    plain = pixels(tmp_path / "plain.png").astype(int)
    with Image.open(out) as image:
        assert image.format == "WEBP" and image.size == (480, 640)
        assert image.info["icc_profile"] == profile
        assert image.info["xmp"] == xmp
        assert image.getexif()[ExifTags.Base.ImageDescription] == "a description"
        assert image.getexif()[ExifTags.Base.Orientation] == 1
        assert abs(np.asarray(image).astype(int) - plain).mean() < 4


def test_16_bits_and_a_side_that_webp_has_not(colorize, tmp_path, deep):
    source = tmp_path / "source.tif"
    tifffile.imwrite(source, deep)
    said = colorize("-o", tmp_path / "out.webp", source).stderr
    assert "has 16 bits a channel; the output has 8" in said
    tifffile.imwrite(source, np.zeros((4, 16384), np.uint8))
    said = colorize("-o", tmp_path / "out.webp", source, status=FAILURE).stderr
    assert "has 16384 x 4 pixels; a WebP has at most 16383 a side" in said


# ---- What is refused, and what is missing -------------------------------------------------------


def test_jpegs_that_are_refused_by_name(colorize, tmp_path, gray):
    source = tmp_path / "source.jpg"
    source.write_bytes(imagecodecs.jpeg_encode(gray.astype(np.uint16) << 4, bitspersample=12))
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert "is a JPEG of 12 bits a channel, which is not read: convert it to PNG or TIFF" in said
    source.write_bytes(imagecodecs.ljpeg_encode(gray))
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert "is a lossless JPEG, which is not read: convert it to PNG or TIFF first" in said


PACKAGES = {
    "webp": "libwebp7",
    "avif": "libheif1",
    "jp2": "libopenjp2-7",
    "jxl": "libjxl0.7",
    "gif": "libgif7",
    "tif": "libtiff6",
}
HIDING = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void *dlopen(const char *name, int flags) {
  void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
  const char *hidden = getenv("HIDDEN");
  return next(name != NULL && hidden != NULL && strstr(name, hidden) ? "none.so" : name, flags);
}
"""


@pytest.fixture(scope="module")
def hiding(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hiding")
    (folder / "hiding.c").write_text(HIDING)
    library = folder / "hiding.so"
    arguments = ["gcc", "-shared", "-fPIC", folder / "hiding.c", "-o", library, "-ldl"]
    subprocess.run(arguments, check=True)
    return library


@pytest.mark.parametrize("kind", PACKAGES)
def test_a_missing_library_is_a_line_that_says_what_to_install(
    colorize, tmp_path, rgb, hiding, kind
):
    source = tmp_path / f"source.{kind}"
    if kind == "jxl":
        source.write_bytes(imagecodecs.jpegxl_encode(rgb))
    else:
        Image.fromarray(rgb).save(source)
    package = PACKAGES[kind]
    hidden = {"tif": "libtiff", "jp2": "libopenjp2"}.get(kind, re.match("[a-z]+", package)[0])
    environment = {"LD_PRELOAD": str(hiding), "HIDDEN": hidden}
    arguments = ["-o", tmp_path / "out.png", source]
    said = colorize(*arguments, environment=environment, status=FAILURE).stderr
    assert f"(Debian: apt-get install {package})" in said and said.count("\n") == 1
    assert names(tmp_path) == [source.name]


# ---- Damage -------------------------------------------------------------------------------------


def written(tmp_path, kind, rgb):
    path = tmp_path / f"whole.{kind}"
    if kind == "jxl":
        path.write_bytes(imagecodecs.jpegxl_encode(rgb))
    elif kind == "heic":
        Image.fromarray(rgb).save(tmp_path / "start.png")
        arguments = ["heif-enc", tmp_path / "start.png", "-o", path]
        subprocess.run(arguments, check=True, capture_output=True)
    else:
        Image.fromarray(rgb).save(path)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["webp", "heic", "avif", "jp2", "jxl", "gif", "bmp", "ppm"])
def test_cut_and_flipped_bytes_do_no_harm(colorize, tmp_path, rgb, kind):
    """Each is a picture, or one line that says why not."""
    whole = written(tmp_path, kind, rgb)
    generator = np.random.default_rng(17)
    folder = tmp_path / "damaged"
    folder.mkdir()
    for index in range(30):
        data = bytearray(whole)
        if index % 3 == 0:
            del data[generator.integers(1, len(data)) :]
        else:
            for place in generator.integers(0, len(data), 1 + index % 4):
                data[place] = generator.integers(0, 256)
        (folder / f"{index}.{kind}").write_bytes(data)
    for options in ([], ["--salvage"]):
        arguments = ["--quiet", "--network-size", "16", *options, "-o", tmp_path / "out"]
        result = subprocess.run(
            [colorize.path, *arguments, *sorted(folder.iterdir())], capture_output=True, timeout=300
        )
        assert result.returncode in (0, FAILURE), result.stderr
        for line in result.stderr.decode().splitlines():
            # Debian's libjxl prints lines of its own.
            assert line.startswith("libcolorize: ") or line.startswith("./lib/jxl/"), line
        shutil.rmtree(tmp_path / "out", ignore_errors=True)

"""Damaged files are reported, and never take the command down."""

import io
import re
import resource
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import (
    BLACK_IS_ZERO,
    BYTE,
    FAILURE,
    GRAY,
    LONG,
    LONG8,
    PALETTE,
    RGB,
    RGBA,
    SHORT,
    chunk,
    exif,
    header,
    jpeg,
    lightness,
    names,
    pixels,
    png,
    segment,
    tiff,
    tiff_of,
    tiff_rows,
    tiff_tags,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def seeds(gray, rgb):
    """Small files of every kind: name -> bytes."""
    rgba = np.dstack([rgb, gray])
    palette = [(b"PLTE", bytes(range(48))), (b"tRNS", bytes(range(16)))]
    text = [(b"zTXt", b"Comment\0\0x\x9c\x03\0\0\0\0\1"), (b"tEXt", b"Title\0text")]
    return {
        "gray.png": png(gray, 8, GRAY, before=[(b"eXIf", exif(6)[6:])]),
        "rgba.png": png(rgba.astype(np.int64) * 257, 16, RGBA, interlaced=True),
        "palette.png": png(gray // 16, 4, PALETTE, before=palette),
        "rgb.png": png(rgb, 8, RGB, before=text),
        "gray.jpg": jpeg(gray, exif=exif(5, thumbnail=True), comment=b"comment"),
        "rgb.jpg": jpeg(rgb, subsampling=2, exif=exif(3), dpi=(300, 300)),
        "progressive.jpg": jpeg(rgb, progressive=True),
        "gray.tif": tiff_of(gray, 8, BLACK_IS_ZERO, _274=(SHORT, [6]), _700=(BYTE, b"<x/>" * 9)),
        "deflate.tif": tiff_by_tifffile(
            rgba.astype(np.uint16) * 257, compression="deflate", predictor=True, rowsperstrip=9
        ),
        "tiles.tif": tiff_by_tifffile(
            rgb, compression="lzw", tile=(32, 16), byteorder=">", bigtiff=True
        ),
        "jpeg.tif": tiff_by_pillow(Image.fromarray(rgb), compression="jpeg", exif=exif(3)),
        "fax.tif": tiff_by_pillow(Image.fromarray(gray > 99), compression="group4"),
        "palette.tif": tiff_by_pillow(
            Image.fromarray(rgb).quantize(16), compression="packbits", dpi=(300, 300)
        ),
    }


def tiff_by_tifffile(samples, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric="rgb", metadata=None, **options)
    return file.getvalue()


def tiff_by_pillow(image, **options):
    file = io.BytesIO()
    image.save(file, "TIFF", **options)
    return file.getvalue()


NOTES = (
    "16 bits|was left out|is left out|are left out|several pages|behind its pixels"
    "|has no end marker|belong to nothing|as a drawing or a halftone"
)


def test_files_that_are_cut_off(colorize, tmp_path, seeds):
    """At every length: an error where pixels are missing, a note where none is."""
    (tmp_path / "in").mkdir()
    for name, data in seeds.items():
        (tmp_path / "whole" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "whole" / name).write_bytes(data)
        for length in {*range(0, len(data), 61), len(data) - 1, len(data) - 2, len(data) - 12}:
            (tmp_path / "in" / f"{length:05}-{name}").write_bytes(data[:length])
    colorize("-o", tmp_path / "right", *sorted((tmp_path / "whole").iterdir()))
    sources = sorted((tmp_path / "in").iterdir())
    said = colorize("-o", tmp_path / "out", *sources, status=FAILURE).stderr.splitlines()
    made = set(names(tmp_path / "out"))
    assert 10 < len(made) < len(sources) / 4
    for source in sources:
        about = [line for line in said if line.startswith(f"libcolorize: {source}: ")]
        noted = any(re.search(NOTES, line) for line in about)
        assert about and noted == (source.name in made), about
        if noted:
            right = tmp_path / "right" / source.name.partition("-")[2]
            assert np.array_equal(pixels(tmp_path / "out" / source.name), pixels(right))


@pytest.mark.filterwarnings("ignore:Truncated File Read")  # Pillow, of the EXIF that was kept
def test_flipped_bits(colorize, tmp_path, seeds):
    """Each file gives a picture or one line that says why not; in PNGs the checksums of some are
    mended, so that the damage is inside."""
    random = np.random.default_rng(11)
    (tmp_path / "in").mkdir()
    for name, data in seeds.items():
        for number in range(80):
            damaged = bytearray(data)
            for _ in range(random.integers(1, 6)):
                # Mostly near the start, where the headers are.
                end = len(data) if random.random() < 0.4 else min(len(data), 300)
                damaged[random.integers(end)] ^= 1 << random.integers(8)
            if name.endswith("png") and number % 2:
                damaged = mended(damaged)
            (tmp_path / "in" / f"{number:02}-{name}").write_bytes(damaged)
    sources = sorted((tmp_path / "in").iterdir())
    said = colorize("-o", tmp_path / "out", *sources, status=FAILURE).stderr.splitlines()
    failed = [line for line in said if not re.search(NOTES, line)]
    made = set(names(tmp_path / "out"))
    assert len(made) + len(failed) == len(sources)
    for source in sources:
        about = [line for line in failed if line.startswith(f"libcolorize: {source}: ")]
        assert len(about) == (source.name not in made)
    # Neither so much damage nor so little that this shows nothing.
    assert 50 < len(made) < len(sources) - 50
    for name in made:
        assert pixels(tmp_path / "out" / name).shape[2] in (3, 4)


def mended(data):
    """A PNG's bytes with the right checksum of every chunk, as far as its lengths make sense."""
    position = 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        if length > len(data) - position - 12:
            break
        content = bytes(data[position + 8 : position + 8 + length])
        whole = chunk(bytes(data[position + 4 : position + 8]), content)
        data[position : position + len(whole)] = whole
        position += len(whole)
    return data


NO_PICTURE = "is not a picture in a format that is read"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\x89", NO_PICTURE),
        (b"GIF89a" + b"\0" * 100, "is a GIF without a picture"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "ends too early or is damaged, as libwebp finds"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "libheif: "),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "libheif: "),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "OpenJPEG"),
        (b"\xff\x4f\xff\x51" + b"\0" * 8, "OpenJPEG"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "ends too early or is damaged, as libjxl finds"),
        (b"BM" + b"\0" * 12 + b"\x28\0\0\0", "ends too early"),
        (b"P5 10 10 255\n", "ends too early"),
        (b"P6 -1 10 255\n", "is a PNM file with a header that makes no sense"),
        (b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 9\nMAXVAL 255\nENDHDR\n", "is a PAM file of 9 channels"),
        (b"8BPS\0\x01", "is a Photoshop document, which is not read: "),
        (b"%PDF-1.7\n", "is a PDF document, which is not read: extract its "),
        (b"BM is a letter", NO_PICTURE + "\n"),
        (b"\xff\xd8", NO_PICTURE),
        (b"a letter, not a picture", NO_PICTURE),
        (SIGNATURE, "ends too early"),
        (b"II*\0", "ends too early"),
        (b"MM\0*\0\0\0\x08", "ends too early"),
        (b"MM\0+\0\x08\0\0", "ends too early"),
        (b"II*\0\0\0\0\0", "is a TIFF without a picture"),
        (b"II+\0\x08\0\0\0" + b"\0" * 8, "is a TIFF without a picture"),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", ""),
        (b"II,\0\x08\0\0\0", NO_PICTURE),
        (SIGNATURE + chunk(b"IEND", b""), "libpng: "),
        (b"\xff\xd8\xff\xd9", "libjpeg: "),
        (b"\xff\xd8\xff\xe0", "ends too early"),
    ],
)
def test_files_that_are_no_pictures(colorize, tmp_path, content, why):
    source = tmp_path / "source.png"
    source.write_bytes(content)
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert said.startswith(f"libcolorize: {source}: {why}")
    assert names(tmp_path) == ["source.png"]


def claiming(width, height, depth=8, color=GRAY):
    """A PNG that claims to be of a size and ends there."""
    return SIGNATURE + header(width, height, depth, color) + chunk(b"IDAT", b"") * 2


def tiff_claiming(width, height, bits=8, order="<", big=False, **tags):
    """A TIFF that claims to be of a size and has one byte of pixels."""
    size = {256: (LONG, [width]), 257: (LONG, [height]), 278: (LONG, [height])}
    size |= {int(tag[1:]): value for tag, value in tags.items()}
    all_tags = tiff_tags(np.zeros((1, 1), np.uint8), bits, BLACK_IS_ZERO)
    return tiff(all_tags | size, [b"\0"], order, big=big)


def jpeg_claiming(width, height, progressive):
    """A JPEG that claims to be of a size and ends in its first scan."""
    frame = b"\x08" + struct.pack(">HH", height, width) + b"\1\1\x11\0"
    return (
        b"\xff\xd8"
        + segment(0xDB, b"\0" + b"\1" * 64)
        + segment(0xC2 if progressive else 0xC0, frame)
        + segment(0xC4, b"\0\1" + b"\0" * 15 + b"\0")
        + segment(0xDA, b"\1\1\0\0" + (b"\0\0" if progressive else b"\x3f\0"))
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (claiming(0, 1), "libpng: "),
        (claiming(1048577, 1), "libpng: "),
        (claiming(1, 2**31 - 1), "libpng: "),
        (claiming(1048576, 2049), "has 1048576 x 2049 pixels, more than the 2048 MB"),
        (claiming(1048576, 513, 16, RGBA), "has 1048576 x 513 pixels, more than the 2048 MB"),
        (jpeg_claiming(65500, 65500, False), "has 65500 x 65500 pixels, more than the 2048 MB"),
        (jpeg_claiming(65500, 65500, True), "has 65500 x 65500 pixels, more than the 2048 MB"),
        (jpeg_claiming(65535, 1, False), "libjpeg: Maximum supported image dimension"),
        (jpeg_claiming(1, 0, False), "libjpeg: "),
        (tiff_claiming(1048577, 1), "has 1048577 x 1 pixels; each side is 1 to 1048576"),
        (tiff_claiming(1, 2**31), "libtiff: "),
        (tiff_claiming(1, 2**32 - 1), "has 1 x 4294967295 pixels; each side is 1 to 1048576"),
        (tiff_claiming(1, 2**32 - 1, _278=(LONG, [1])), "libtiff: "),
        (tiff_claiming(1048576, 2049), "has 1048576 x 2049 pixels, more than the 2048 MB"),
        (tiff_claiming(1048576, 1025, 16), "has 1048576 x 1025 pixels, more than the 2048 MB"),
        (tiff_claiming(1048576, 2049, 1), "has 1048576 x 2049 pixels, more than the 2048 MB"),
        (
            tiff_claiming(9, 9, _322=(LONG, [2**20]), _323=(LONG, [2**12])),
            "is a TIFF of tiles or rows of 4294967296 bytes",
        ),
        (tiff_claiming(9, 9, _322=(LONG, [2**32 - 1]), _323=(LONG, [2**32 - 1])), ""),
        (tiff_claiming(9, 9, _322=(LONG, [0]), _323=(LONG, [16])), ""),
        (tiff_claiming(9, 9, _278=(LONG, [0])), ""),
    ],
)
def test_sizes_are_checked_before_memory_is_asked_for(colorize, tmp_path, content, why):
    source = tmp_path / "source.png"
    source.write_bytes(content)
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert said.startswith(f"libcolorize: {source}: {why}"), said


def test_memory_that_is_refused_is_an_error(colorize, tmp_path):
    """2048 MB in a process that may have 1 GB."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    source = tmp_path / "source.png"
    source.write_bytes(claiming(1048576, 2048))
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE, preexec_fn=limit).stderr
    assert said == f"libcolorize: {source}: needs 2048 MB of memory, more than there is\n"
    source.write_bytes(tiff_claiming(1048576, 2048))
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE, preexec_fn=limit).stderr
    assert said == f"libcolorize: {source}: needs 2048 MB of memory, more than there is\n"


def peak_megabytes(colorize, source, target, status=0):
    """What a run takes at most; and what it says."""
    script = (
        "import os, resource, subprocess, sys\n"
        "result = subprocess.run(sys.argv[1:], capture_output=True, text=True, timeout=60)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)\n"
        "print(result.stderr)\n"
        "sys.exit(result.returncode)"
    )
    arguments = [
        sys.executable,
        "-c",
        script,
        colorize.path,
        "--threads",
        "1",
        "-o",
        target,
        source,
    ]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert result.returncode == status, result.stdout
    peak, _, said = result.stdout.partition("\n")
    return int(peak), said


def test_a_chunk_that_claims_gigabytes(colorize, tmp_path):
    """46 bytes: what is said to be there is not asked for."""
    source = tmp_path / "source.png"
    source.write_bytes(SIGNATURE + header(1, 1, 8, GRAY) + b"\x7f\xff\xff\xfftEXt" + b"a" * 5)
    peak, said = peak_megabytes(colorize, source, tmp_path / "out.png", FAILURE)
    assert said.startswith(f"libcolorize: {source}: ")
    assert peak < 500


def test_texts_that_unpack_to_gigabytes(colorize, tmp_path):
    """900 of 8 MB, one pixel: some are left out, and the picture is colored."""
    packed = zlib.compress(b"a" * 7_900_000, 9)
    texts = [(b"zTXt", b"Comment\0\0" + packed)] * 900
    source = tmp_path / "source.png"
    source.write_bytes(png(np.zeros((1, 1), np.uint8), 8, GRAY, before=texts))
    peak, said = peak_megabytes(colorize, source, tmp_path / "out.png")
    assert "more than 32 MB of metadata, of which some are left out" in said
    assert peak < 500


def test_markers_without_end(colorize, tmp_path, gray):
    source = tmp_path / "source.jpg"
    data = jpeg(gray)
    comments = segment(0xFE, bytes(65000)) * 600
    source.write_bytes(data[:2] + comments + data[2:])
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert said == f"libcolorize: {source}: has more than 32 MB of metadata\n"


def test_the_limit_of_memory(colorize, tmp_path):
    """Input and output count: 3 MB of gray need 12 MB."""
    source = tmp_path / "source.png"
    source.write_bytes(png(np.zeros((1536, 2048), np.uint8), 8, GRAY))
    target = tmp_path / "out.png"
    said = colorize("--max-memory=11", "-o", target, source, status=FAILURE).stderr
    assert "has 2048 x 1536 pixels and needs 12 MB, input and output; the limit is 11 MB" in said
    colorize("--max-memory=12", "-o", target, source)
    # The coefficients of a progressive JPEG, of 2 bytes each, are there as well.
    source.write_bytes(jpeg(np.zeros((1536, 2048), np.uint8), progressive=True))
    said = colorize("--max-memory=17", "-o", target, source, status=FAILURE).stderr
    assert "needs 18 MB" in said
    colorize("--max-memory=18", "-o", target, source)


def test_floats_that_do_not_go_from_0_to_1(colorize, tmp_path, gray):
    for largest in (255, 65535):
        samples = gray.astype(np.float32) / 255 * largest
        said = failure(colorize, tmp_path, tiff_by_tifffile_gray(samples))
        assert said.endswith(f"divide them by {largest} first"), said
    (tmp_path / "source.tif").write_bytes(tiff_by_tifffile_gray(gray.astype(np.float32) / 200))
    colorize("-o", tmp_path / "out.tif", tmp_path / "source.tif")


def tiff_by_tifffile_gray(samples):
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric="minisblack", metadata=None)
    return file.getvalue()


@pytest.mark.parametrize("name", ["rgb.png", "rgb.jpg", "deflate.tif", "jpeg.tif"])
def test_salvage_writes_what_there_is(colorize, tmp_path, seeds, name):
    """Half of a file: its first rows are those of the whole file, and the loss is said."""
    data = seeds[name]
    suffix = name.partition(".")[2]
    source = tmp_path / f"source.{suffix}"
    half = bytearray(data)
    if suffix == "tif":
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages[0]
            start = page.dataoffsets[-1] + page.databytecounts[-1] // 2
        half[start : start + 20] = bytes(20)
    else:
        half = half[: len(half) * 2 // 3]
    source.write_bytes(half)
    colorize("-o", tmp_path / "out.png", source, status=FAILURE)
    have, said = colorize.color(source, tmp_path / "out.png", "--salvage")
    assert "is damaged" in said
    source.write_bytes(data)
    want, _ = colorize.color(source, tmp_path / "want.png")
    assert have.shape == want.shape
    assert np.any(have != want)
    if name in ("rgb.jpg", "jpeg.tif"):
        return  # they are turned: their first rows are the last
    # Lightness is the input's, whatever its colors are.
    first = slice(0, 8)
    assert np.abs(lightness(have[first]) - lightness(want[first])).max() < 1.5


def test_an_animation_is_said_to_be_one(colorize, tmp_path, gray):
    source = tmp_path / "source.png"
    for frames in (1, 2):
        control = (b"acTL", struct.pack(">II", frames, 0))
        source.write_bytes(png(gray, 8, GRAY, before=[control]))
        _, said = colorize.color(source, tmp_path / "out.png")
        assert ("is an animation" in said) == (frames == 2)


def test_a_wrong_checksum_in_a_png(colorize, tmp_path, gray):
    """Of the pixels it is damage; of a text that nobody needs it is not."""
    data = bytearray(png(gray, 8, GRAY, before=[(b"tEXt", b"Title\0text")]))
    source = tmp_path / "source.png"
    text = data.index(b"Title")
    data[text] ^= 1
    source.write_bytes(data)
    colorize("-o", tmp_path / "out.png", source)
    (tmp_path / "out.png").unlink()
    data[data.index(b"IDAT") + 40] ^= 1
    source.write_bytes(data)
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert said.startswith(f"libcolorize: {source}: libpng: ")
    assert names(tmp_path) == ["source.png"]


# ---- TIFF ---------------------------------------------------------------------------------------


def failure(colorize, tmp_path, data, limit=None):
    """Asserts that a file is reported and nothing written, and returns what is said of it."""
    source = tmp_path / "source.tif"
    source.write_bytes(data)
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE, preexec_fn=limit).stderr
    assert said.startswith(f"libcolorize: {source}: ") and said.count("\n") == 1, said
    assert names(tmp_path) == ["source.tif"]
    return said.removeprefix(f"libcolorize: {source}: ").rstrip("\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {273: (LONG, [8])},
        {273: (LONG, [8] * 3)},
        {273: (LONG, [0xFFFFFFF0] * 6)},
        {273: (LONG, [0] * 6)},
        {279: (LONG, [512])},
        {279: (LONG, [100] * 6)},
        {279: (LONG, [0xFFFFFFFF] * 6)},
        {278: (LONG, [1])},
        {278: (LONG, [3])},
    ],
    ids=str,
)
@pytest.mark.parametrize("compression", [1, 8, 5, 32773])
def test_wrong_counts_and_places_of_strips(colorize, tmp_path, gray, wrong, compression):
    """Six strips are right."""
    tags = tiff_tags(gray, 8, BLACK_IS_ZERO) | {278: (LONG, [8])}
    blocks = [tiff_rows(gray[y : y + 8], 8) for y in range(0, 48, 8)]
    source = tmp_path / "right.tif"
    source.write_bytes(tiff(tags, blocks))
    colorize.reads(source, gray, tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    failure(colorize, tmp_path, tiff(tags | {259: (SHORT, [compression])} | wrong, blocks))


def test_more_strips_than_there_are_bytes(colorize, tmp_path):
    """A million strips of one row, in a file of some hundred bytes and in little memory."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    said = failure(
        colorize,
        tmp_path,
        tiff_claiming(100, 1048576, _278=(LONG, [1])),
        limit,
    )
    assert said


def test_directories_in_a_circle(colorize, tmp_path, gray):
    """The page that follows the first one is the first one."""
    data = bytearray(tiff_of(gray, 8, BLACK_IS_ZERO))
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    source = tmp_path / "source.tif"
    source.write_bytes(data)
    colorize.reads(source, gray, tmp_path)


def test_exif_in_a_circle(colorize, tmp_path, gray):
    """EXIF's directory is the picture's own, again and again."""
    pointer = {tag: (LONG, [0]) for tag in (0x8769, 0x8825, 0xA005)}
    data = bytearray(tiff(tiff_tags(gray, 8, BLACK_IS_ZERO) | pointer, [tiff_rows(gray, 8)]))
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] in pointer:
            struct.pack_into("<I", data, entry + 8, start)
    source = tmp_path / "source.tif"
    source.write_bytes(data)
    colorize.reads(source, gray, tmp_path)


@pytest.mark.parametrize("name", ["fax.tif", "jpeg.tif", "deflate.tif", "tiles.tif"])
def test_damage_in_the_pixels_of_a_tiff(colorize, tmp_path, seeds, name):
    """Also what libtiff would only warn of, making up what is missing."""
    data = seeds[name]
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        middle = page.dataoffsets[0] + page.databytecounts[0] // 2
    damaged = bytearray(data)
    damaged[middle : middle + 12] = bytes(12)
    assert failure(colorize, tmp_path, damaged).startswith("libtiff: ")


def test_a_tiff_of_8_byte_offsets_that_are_no_offsets(colorize, tmp_path, gray):
    tags = tiff_tags(gray, 8, BLACK_IS_ZERO)
    for offset in (2**63 - 1, 2**63, 2**64 - 1):
        data = tiff(tags | {273: (LONG8, [offset])}, [tiff_rows(gray, 8)], big=True)
        assert failure(colorize, tmp_path, data)
        head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, offset)
        assert failure(colorize, tmp_path, head + data[16:])

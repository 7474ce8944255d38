"""Damaged files are reported, and never take the command down."""

import io
import re
import resource
import struct

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


def test_files_that_are_cut_off_are_errors(colorize, tmp_path, seeds):
    """At every length, also where all pixels are there: the file is not whole."""
    (tmp_path / "in").mkdir()
    count = 0
    for name, data in seeds.items():
        for length in {*range(0, len(data), 61), len(data) - 1, len(data) - 2, len(data) - 12}:
            (tmp_path / "in" / f"{length:05}-{name}").write_bytes(data[:length])
            count += 1
    sources = sorted((tmp_path / "in").iterdir())
    said = colorize("-o", tmp_path / "out", *sources, status=FAILURE).stderr.splitlines()
    assert names(tmp_path / "out") == []
    assert len(said) == count
    for source, line in zip(sources, said, strict=True):
        assert re.fullmatch(f"libcolorize: {re.escape(str(source))}: (\\S.*)", line), line


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
    notes = "16 bits|was left out|is left out|are left out|several pages"
    failed = [line for line in said if not re.search(notes, line)]
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


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\x89", "is not a PNG, JPEG or TIFF file"),
        (b"GIF89a" + b"\0" * 100, "is not a PNG, JPEG or TIFF file"),
        (b"\xff\xd8", "is not a PNG, JPEG or TIFF file"),
        (b"a letter, not a picture", "is not a PNG, JPEG or TIFF file"),
        (SIGNATURE, "ends too early"),
        (b"II*\0", "ends before what it says to hold"),
        (b"MM\0*\0\0\0\x08", "ends before what it says to hold"),
        (b"MM\0+\0\x08\0\0", "ends before what it says to hold"),
        (b"II*\0\0\0\0\0", ""),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", ""),
        (b"II,\0\x08\0\0\0", "is not a PNG, JPEG or TIFF file"),
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


def claiming(width, height, depth=8, colour=GRAY):
    """A PNG that claims to be of a size and ends there."""
    return SIGNATURE + header(width, height, depth, colour) + chunk(b"IDAT", b"") * 2


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
    assert said == f"libcolorize: {source}: needs 2048 MB of memory, which was refused\n"
    source.write_bytes(tiff_claiming(1048576, 2048))
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE, preexec_fn=limit).stderr
    assert said == f"libcolorize: {source}: needs 2048 MB of memory, which was refused\n"


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

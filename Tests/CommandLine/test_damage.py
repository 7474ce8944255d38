"""Damaged files are reported, and never take the command down."""

import re
import resource
import struct

import numpy as np
import pytest
from PIL import Image
from support import (
    FAILURE,
    GRAY,
    PALETTE,
    RGB,
    RGBA,
    chunk,
    exif,
    header,
    jpeg,
    names,
    png,
    segment,
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
    }


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
        assert re.fullmatch(f"colorize: {re.escape(str(source))}: (\\S.*)", line), line


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
    failed = [line for line in said if not re.search("16 bits|was left out", line)]
    made = set(names(tmp_path / "out"))
    assert len(made) + len(failed) == len(sources)
    for source in sources:
        about = [line for line in failed if line.startswith(f"colorize: {source}: ")]
        assert len(about) == (source.name not in made)
    # Neither so much damage nor so little that this shows nothing.
    assert 50 < len(made) < len(sources) - 50
    for name in made:
        with Image.open(tmp_path / "out" / name) as image:
            image.load()


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
        (b"\x89", "is not a PNG or JPEG file"),
        (b"GIF89a" + b"\0" * 100, "is not a PNG or JPEG file"),
        (b"\xff\xd8", "is not a PNG or JPEG file"),
        (b"a letter, not a picture", "is not a PNG or JPEG file"),
        (SIGNATURE, "ends too early"),
        (SIGNATURE + chunk(b"IEND", b""), "libpng: "),
        (b"\xff\xd8\xff\xd9", "libjpeg: "),
        (b"\xff\xd8\xff\xe0", "ends too early"),
    ],
)
def test_files_that_are_no_pictures(colorize, tmp_path, content, why):
    source = tmp_path / "source.png"
    source.write_bytes(content)
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert said.startswith(f"colorize: {source}: {why}")
    assert names(tmp_path) == ["source.png"]


def claiming(width, height, depth=8, colour=GRAY):
    """A PNG that claims to be of a size and ends there."""
    return SIGNATURE + header(width, height, depth, colour) + chunk(b"IDAT", b"") * 2


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
    ],
)
def test_sizes_are_checked_before_memory_is_asked_for(colorize, tmp_path, content, why):
    source = tmp_path / "source.png"
    source.write_bytes(content)
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert said.startswith(f"colorize: {source}: {why}"), said


def test_memory_that_is_refused_is_an_error(colorize, tmp_path):
    """2048 MB in a process that may have 1 GB."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    source = tmp_path / "source.png"
    source.write_bytes(claiming(1048576, 2048))
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE, preexec_fn=limit).stderr
    assert said == f"colorize: {source}: needs 2048 MB of memory, which was refused\n"


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
    assert said.startswith(f"colorize: {source}: libpng: ")
    assert names(tmp_path) == ["source.png"]

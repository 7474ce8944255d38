"""JPEG files are read for what they show, and written well."""

import io
import re
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps, JpegImagePlugin
from support import FAILURE, GRAY, RGB, exif, jpeg, lightness, names, pixels, png


def decoded(data):
    """What Pillow makes of a JPEG's bytes, turned as its EXIF says."""
    with Image.open(io.BytesIO(data)) as image:
        turned = ImageOps.exif_transpose(image)
        return np.asarray(turned if turned.mode == "L" else turned.convert("RGB"))


@pytest.mark.parametrize("progressive", [False, True], ids=["sequential", "progressive"])
@pytest.mark.parametrize(
    "options",
    [
        {"subsampling": 0},
        {"subsampling": 1},
        {"subsampling": 2},
        {"keep_rgb": True},
        {"quality": 5},
    ],
    ids=["4:4:4", "4:2:2", "4:2:0", "RGB", "coarse"],
)
def test_color(colorize, tmp_path, rgb, options, progressive):
    source = tmp_path / "source.jpg"
    source.write_bytes(jpeg(rgb, progressive=progressive, **options))
    colorize.reads(source, decoded(source.read_bytes()), tmp_path)


@pytest.mark.parametrize("progressive", [False, True], ids=["sequential", "progressive"])
@pytest.mark.parametrize("shape", [(48, 64), (1, 1), (1, 9), (17, 3)])
def test_gray(colorize, tmp_path, gray, shape, progressive):
    source = tmp_path / "source.jpg"
    source.write_bytes(jpeg(gray[: shape[0], : shape[1]], progressive=progressive))
    colorize.reads(source, decoded(source.read_bytes()), tmp_path)


@pytest.mark.parametrize("restart", [1, 3])
def test_restart_markers(colorize, tmp_path, rgb, restart):
    source = tmp_path / "source.jpg"
    source.write_bytes(jpeg(rgb, restart_marker_blocks=restart))
    colorize.reads(source, decoded(source.read_bytes()), tmp_path)


def test_the_content_tells_the_format_not_the_name(colorize, tmp_path, rgb):
    source = tmp_path / "really-a-jpeg.png"
    source.write_bytes(jpeg(rgb))
    colorize.reads(source, decoded(source.read_bytes()), tmp_path)


@pytest.mark.parametrize("name", ["CMYK", "YCCK"])
def test_cmyk(colorize, tmp_path, gray, name):
    """Without a profile, as Pillow converts it; test_color_profiles.py has the others."""
    file = io.BytesIO()
    Image.fromarray(gray).convert("CMYK").save(file, "JPEG", quality=95)
    data = bytearray(file.getvalue())
    if name == "YCCK":
        # The last byte of Adobe's segment is the transform; 2 is YCCK.
        data[data.index(b"Adobe") + 11] = 2
    source = tmp_path / "source.jpg"
    source.write_bytes(data)
    out, said = colorize.color(source, tmp_path / "out.png")
    assert "is CMYK without a sound color profile" in said
    with Image.open(source) as image:
        expected = np.asarray(image.convert("RGB"))
    assert abs(lightness(out) - lightness(expected)).max() < 1


# 24x16 gray in arithmetic coding, by libjpeg-turbo: Pillow reads this, but does not write it.
ARITHMETIC = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb0043000d090a0b0a080d0b0a0b0e0e0d0f1320151312"
    "1213271c1e17202e2931302e292d2c333a4a3e333646372c2d405741464c4e525352323e5a615a50604a5152"
    "4fffc9000b080010001801011100ffcc000600101005ffda0008010100003f00fe7228d719665586fd903da7"
    "deb6ea9ade4f8eef1e9cfcfe0ab566af791a1dc60e8b799f298db394cb56b0586395cd288c42bc5d199183f5"
    "c57fe8c00705d4b0576fea694be2ecf546cfcefa75fd2441d97c02af5f69c8ce7c96606e60888239ff003e5c"
    "7856f1068469856b8fbb07daa2e49327b1c86fcb9e19ebd884f43f922b3a0650f4767e04a4f06d9f4f3cb694"
    "cd8a8ad4caea182d2a102b15551610ff00c536ddcc8f0d51c459f9822e8cd49cbe8f29085fb913e1d866c4b7"
    "ce2cffd9"
)


def test_arithmetic_coding(colorize, tmp_path):
    source = tmp_path / "source.jpg"
    source.write_bytes(ARITHMETIC)
    colorize.reads(source, decoded(ARITHMETIC), tmp_path)


# ---- Orientation --------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
@pytest.mark.parametrize("kind", ["gray", "rgb"])
def test_the_orientation_is_applied_to_a_jpeg(
    colorize, tmp_path, gray, rgb, kind, order, orientation
):
    data = jpeg(gray if kind == "gray" else rgb, exif=exif(orientation, order=order))
    source = tmp_path / "source.jpg"
    source.write_bytes(data)
    expected = decoded(data)
    assert (expected.shape[:2] == gray.shape) == (orientation < 5)
    colorize.reads(source, expected, tmp_path)
    with Image.open(tmp_path / "have.png") as image:
        assert image.getexif()[0x0112] == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_to_a_png(colorize, tmp_path, rgb, orientation):
    """Also to alpha, and where the number is a LONG, against the standard."""
    rgba = np.dstack([rgb, rgb[::-1, :, 0]])
    source = tmp_path / "source.png"
    stream = exif(orientation, long=True)
    Image.fromarray(rgba).save(source, exif=stream)
    with Image.open(source) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    colorize.reads(source, expected, tmp_path)
    assert np.array_equal(pixels(tmp_path / "have.png")[..., 3], expected[..., 3])
    with Image.open(tmp_path / "have.png") as image:
        assert image.getexif()[0x0112] == 1


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_is_reset(colorize, tmp_path, rgb, orientation):
    source = tmp_path / "source.jpg"
    source.write_bytes(jpeg(rgb, exif=exif(orientation)))
    colorize("-o", tmp_path / "out.jpg", source)
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.size == rgb.shape[1::-1]
        assert image.getexif()[0x0112] == 1


def test_a_large_picture_is_turned(colorize, tmp_path):
    """Larger than the blocks in which turning works, and no multiple of them."""
    y, x = np.mgrid[0:333, 0:517]
    gray = ((x * 3 + y * 5 + (x * y) // 300) % 256).astype(np.uint8)
    data = jpeg(gray, exif=exif(7))
    source = tmp_path / "source.jpg"
    source.write_bytes(data)
    colorize.reads(source, decoded(data), tmp_path)


# ---- Writing ------------------------------------------------------------------------------------


def test_jpeg_is_written_with_quality_95_and_color_at_full_resolution(colorize, tmp_path, rgb):
    source = tmp_path / "source.png"
    Image.fromarray(rgb).save(source)
    expected, _ = colorize.color(source, tmp_path / "out.png")
    Image.fromarray(expected).save(tmp_path / "pillow.jpg", quality=95, subsampling=0)
    for name in ["out.jpg", "out.jpeg", "out.JPG"]:
        colorize("-o", tmp_path / name, source)
        with Image.open(tmp_path / name) as have, Image.open(tmp_path / "pillow.jpg") as want:
            assert have.format == "JPEG"
            assert JpegImagePlugin.get_sampling(have) == 0
            assert have.quantization == want.quantization
            # The same encoder, or one that rounds a coefficient differently here and there.
            assert np.abs(np.asarray(have).astype(int) - np.asarray(want)).max() <= 4


def test_an_opaque_picture_with_alpha_becomes_a_jpeg(colorize, tmp_path, rgb):
    source = tmp_path / "source.png"
    Image.fromarray(np.dstack([rgb, np.full_like(rgb[..., 0], 255)])).save(source)
    have, _ = colorize.color(source, tmp_path / "out.jpg")
    Image.fromarray(rgb).save(source)
    want, _ = colorize.color(source, tmp_path / "want.jpg")
    assert np.array_equal(have, want)


def test_a_transparent_picture_does_not_become_a_jpeg(colorize, tmp_path, rgb):
    alpha = np.full_like(rgb[..., 0], 255)
    alpha[-1, -1] = 254
    source = tmp_path / "source.png"
    Image.fromarray(np.dstack([rgb, alpha])).save(source)
    said = colorize("-o", tmp_path / "out.jpg", source, status=FAILURE).stderr
    assert said == (
        f"libcolorize: {source}: is transparent, which a JPEG cannot hold: "
        "choose a .png, .tif or .webp output\n"
    )
    assert names(tmp_path) == ["source.png"]


def test_a_picture_too_wide_for_jpeg(colorize, tmp_path):
    source = tmp_path / "source.png"
    source.write_bytes(png(np.zeros((1, 65501), np.int64), 8, GRAY))
    said = colorize("-o", tmp_path / "out.jpg", source, status=FAILURE).stderr
    assert "65501 x 1" in said and "65500" in said
    source.write_bytes(png(np.zeros((1, 65500, 3), np.int64), 8, RGB))
    colorize("-o", tmp_path / "out.jpg", source)


# ---- What libjpeg would let pass ----------------------------------------------------------------


def progressive(steps):
    """A sound progressive JPEG, 8x8 gray, with these scans: each is a coefficient's number and its
    approximation, as the scan's header has them, and finds nothing in that coefficient."""
    parts = [b"\xff\xd8", b"\xff\xdb\0\x43\0" + b"\1" * 64]
    parts.append(b"\xff\xc2\0\x0b\x08" + struct.pack(">HH", 8, 8) + b"\1\1\x11\0")
    # One code of one bit: 0 for DC (no difference) and for AC (end of block).
    for table in (0x00, 0x10):
        parts.append(b"\xff\xc4\0\x14" + bytes([table, 1]) + b"\0" * 15 + b"\0")
    for band, approximation in steps:
        parts.append(b"\xff\xda\0\x08\1\1\0" + bytes([band, band, approximation]) + b"\x7f")
    return b"".join(parts) + b"\xff\xd9"


def test_a_progressive_file_of_too_many_scans_is_refused(colorize, tmp_path):
    # Each coefficient in 14 scans, bit by bit: as many as there can be.
    steps = [(0, 0)]
    steps += [(band, bits) for band in range(1, 64) for bits in (0xD, *range(0xDC, 0, -0x11))]
    assert len(steps) == 1 + 63 * 14
    source = tmp_path / "source.jpg"
    source.write_bytes(progressive(steps[:100]))
    colorize.reads(source, np.full((8, 8), 128, np.uint8), tmp_path)
    source.write_bytes(progressive(steps))
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert "more than 100 scans" in said


def damaged_pixels(kind, rgb):
    """A JPEG with damage that libjpeg only warns of, making up what is missing."""
    data = bytearray(jpeg(rgb, restart_marker_blocks=2))
    restart = data.index(b"\xff\xd1", len(data) // 2)
    if kind == "premature end of data segment":
        del data[-40:-2]
    elif kind == "bad Huffman code":
        # Sixteen ones are no code in any table.
        data[restart + 4 : restart + 4] = b"\xff\0" * 8
    elif kind == "found marker 0xd5 instead of RST1":
        data[restart + 1] = 0xD5
    elif kind == "Inconsistent progression sequence":
        data = progressive([(1, 0), (0, 0)])  # AC before DC
    elif kind == "bad arithmetic code":
        data = bytearray(ARITHMETIC)
        data[220] ^= 0x55
    return data


@pytest.mark.parametrize(
    "kind",
    [
        "premature end of data segment",
        "bad Huffman code",
        "found marker 0xd5 instead of RST1",
        "Inconsistent progression sequence",
        "bad arithmetic code",
    ],
)
def test_damage_in_the_pixels_is_an_error(colorize, tmp_path, rgb, kind):
    source = tmp_path / "source.jpg"
    source.write_bytes(damaged_pixels(kind, rgb))
    with Image.open(source) as image:
        image.load()  # Pillow lets it pass, as nearly everybody does
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert re.search(f"libjpeg: .*{kind}", said), said
    assert names(tmp_path) == ["source.jpg"]


def test_bytes_before_the_end_are_no_damage(colorize, tmp_path, rgb):
    """Some cameras pad before the end marker."""
    data = jpeg(rgb)
    source = tmp_path / "source.jpg"
    source.write_bytes(data[:-2] + b"\0" * 10 + data[-2:])
    colorize.reads(source, decoded(data), tmp_path)


def test_stray_bytes_are_a_note(colorize, tmp_path, rgb):
    """Before a restart marker, and between segments: every pixel is there."""
    data = jpeg(rgb, restart_marker_blocks=2)
    restart = data.index(b"\xff\xd1", len(data) // 2)
    tables = data.index(b"\xff\xdb")
    for place in (restart, tables):
        source = tmp_path / "source.jpg"
        source.write_bytes(data[:place] + b"\0" * 30 + data[place:])
        colorize.reads(source, decoded(data), tmp_path)
        _, said = colorize.color(source, tmp_path / "out.png")
        assert said.endswith(": has bytes that belong to nothing, which are passed over\n")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_missing_end_marker_is_a_note(colorize, tmp_path, rgb, progressive):
    data = jpeg(rgb, progressive=progressive)
    source = tmp_path / "source.jpg"
    source.write_bytes(data[:-2])
    colorize.reads(source, decoded(data), tmp_path)
    _, said = colorize.color(source, tmp_path / "out.png")
    assert said.endswith(": has no end marker; its pixels are whole\n")


def test_a_progressive_file_that_lacks_scans_is_an_error(colorize, tmp_path, rgb):
    """Cut off between two scans, nothing shows the loss but what the scans leave to refine."""
    data = jpeg(rgb, progressive=True)
    source = tmp_path / "source.jpg"
    source.write_bytes(data[: data.rindex(b"\xff\xda")])
    said = colorize("-o", tmp_path / "out.png", source, status=FAILURE).stderr
    assert said == f"libcolorize: {source}: ends too early: the file is cut off\n"
    _, said = colorize.color(source, tmp_path / "out.png", "--salvage")
    assert "is damaged" in said


def test_a_tail_after_the_end_is_no_damage(colorize, tmp_path, rgb):
    source = tmp_path / "source.jpg"
    source.write_bytes(jpeg(rgb) + b"appended by a phone" * 50)
    colorize.reads(source, decoded(jpeg(rgb)), tmp_path)

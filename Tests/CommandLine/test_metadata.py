"""What a file says beside its pixels is kept, as far as it is still true."""

import functools
import io
import struct
import subprocess
import zlib

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational
from support import (
    ASCII,
    BYTE,
    EXIF_NAME,
    GRAY,
    LONG,
    RATIONAL,
    RGB,
    SHORT,
    Command,
    chunks,
    exif,
    gray_profile,
    jpeg,
    pixels,
    png,
    segments,
    tiff,
    tiff_of,
    tiff_tags,
    with_segments,
)

KINDS = ["jpg", "png", "tif"]
CROSSINGS = pytest.mark.parametrize("to", KINDS)
SOURCES = pytest.mark.parametrize("source_kind", KINDS)
# Of formats that hold EXIF as a stream of its own.
STREAMS = ["jpg", "png"]

XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" '
    b"exif:Color='none'><tiff:Orientation>6</tiff:Orientation></rdf:Description></x:xmpmeta>"
)
XMP_AFTER = XMP.replace(b'"6"', b'"1"').replace(b">6<", b">1<")


@pytest.fixture
def colorize(colorize):
    """What is carried over is looked at alone: test_provenance.py has what is added."""
    return Command(colorize.path, "--no-provenance")


@functools.cache  # a profile holds the time at which it was made
def rgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def make(folder, kind, array, **options):
    """A picture file with metadata as Pillow writes them."""
    path = folder / f"source.{kind}"
    if kind == "png" and "xmp" in options:
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode())
        options["pnginfo"] = info
    if kind == "tif" and "xmp" in options:
        options["tiffinfo"] = {700: options.pop("xmp")} | ({274: 6} if "exif" in options else {})
    Image.fromarray(array).save(path, **options)
    return path


def info(path):
    with Image.open(path) as image:
        image.load()
        return image.info


# ---- EXIF ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source_kind", STREAMS)
@pytest.mark.parametrize("to", STREAMS)
@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
def test_exif_is_kept_with_its_orientation_reset(colorize, tmp_path, rgb, source_kind, to, order):
    source = make(tmp_path, source_kind, rgb, exif=exif(6, order=order))
    out = tmp_path / f"out.{to}"
    colorize("-o", out, source)
    assert EXIF_NAME + info(out)["exif"].removeprefix(EXIF_NAME) == exif(1, order=order)


def thumbnail_of(path):
    """By exiftool, as an array, and its JPEG; None: there is none."""
    data = subprocess.run(
        ["exiftool", "-b", "-ThumbnailImage", path], capture_output=True, check=True
    ).stdout
    return (np.asarray(Image.open(io.BytesIO(data))), data) if data else (None, b"")


@pytest.mark.parametrize("options", [[], ["--no-provenance"]])
@pytest.mark.parametrize("to", ["jpg", "png", "webp"])
@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
def test_the_thumbnail_is_made_anew(colorize, tmp_path, rgb, to, order, options):
    """Of the picture as it is written: turned, and colored."""
    large = rgb.repeat(8, 0).repeat(8, 1)
    source = make(tmp_path, "jpg", large, exif=exif(6, order=order, thumbnail=True))
    old, old_bytes = thumbnail_of(source)
    assert old is not None, "the test's own file has no thumbnail"
    out = tmp_path / f"out.{to}"
    assert colorize(*options, "-o", out, source).stderr == ""
    new, new_bytes = thumbnail_of(out)
    with Image.open(out) as image:
        assert image.getexif()[0x010E] == "a description"
        small = image.convert("RGB").resize(new.shape[1::-1], Image.Resampling.BOX)
        assert max(new.shape) == 160 and new.shape[0] > new.shape[1] and new.shape[2] == 3
    assert np.abs(np.asarray(small).astype(int) - new).mean() < 4
    # A JPEG of EXIF has no other segments, and the old one is gone.
    assert new_bytes[:3] == b"\xff\xd8\xff" and b"JFIF" not in new_bytes
    assert old_bytes not in out.read_bytes()
    said = subprocess.run(
        ["exiftool", "-validate", "-warning", out], capture_output=True, text=True
    )
    assert "IFD1" not in said.stdout


def test_without_a_thumbnail_none_is_made(colorize, tmp_path, rgb):
    source = make(tmp_path, "jpg", rgb, exif=exif(1))
    colorize("-o", tmp_path / "out.jpg", source)
    assert thumbnail_of(tmp_path / "out.jpg")[0] is None


def test_a_tiff_has_no_place_for_a_thumbnail(colorize, tmp_path, rgb):
    source = make(tmp_path, "jpg", rgb, exif=exif(1, thumbnail=True))
    said = colorize("-o", tmp_path / "out.tif", source).stderr
    assert said == (
        f"libcolorize: {source}: its thumbnail, for which a TIFF's EXIF has no place, is left out\n"
    )
    assert len(tifffile.TiffFile(tmp_path / "out.tif").pages) == 1


def test_a_smaller_copy_in_a_tiff_becomes_a_thumbnail(colorize, tmp_path, gray):
    source = tmp_path / "source.tif"
    with tifffile.TiffWriter(source) as file:
        file.write(gray.repeat(8, 0).repeat(8, 1), photometric="minisblack")
        file.write(gray, photometric="minisblack", subfiletype=1)
    assert colorize("-o", tmp_path / "out.jpg", source).stderr == ""
    assert max(thumbnail_of(tmp_path / "out.jpg")[0].shape) == 160


def test_a_thumbnail_that_has_no_room_is_left_out(colorize, tmp_path, rgb):
    stream = exif(1, thumbnail=True)
    # Behind it, 64 KB that nothing points to, less what it takes to write the software.
    stream += bytes(65400 - len(stream))
    source = make(tmp_path, "jpg", rgb.repeat(8, 0).repeat(8, 1), exif=stream)
    said = colorize("-o", tmp_path / "out.jpg", source).stderr
    assert "its thumbnail, for which its EXIF has no room, is left out" in said
    assert thumbnail_of(tmp_path / "out.jpg")[0] is None


def test_thumbnails_of_xmp_go(colorize, tmp_path, rgb):
    packet = XMP_WITH_THUMBNAIL
    source = make(tmp_path, "jpg", rgb, xmp=packet)
    colorize("-o", tmp_path / "out.jpg", source)
    data = (tmp_path / "out.jpg").read_bytes()
    assert b"xmpGImg" not in data.replace(b"xmlns:xmpGImg", b"") and b"kept" in data
    assert max(thumbnail_of(tmp_path / "out.jpg")[0].shape) > 0


XMP_WITH_THUMBNAIL = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/" xmp:Label="kept">
<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource"><xmpGImg:width>8</xmpGImg:width>
<xmpGImg:image>AAAA</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def described():
    """EXIF with entries of many types, in all of its directories."""
    full = Image.Exif()
    full[0x010E] = "a description"
    full[0x0112] = 6
    full[0x013B] = "Dorothea Lange"
    full[0x0132] = "1936:03:09 12:30:59"
    full[0x9C9B] = "Länge".encode("utf-16-le") + b"\0\0"
    inside = full.get_ifd(ExifTags.IFD.Exif)
    inside[0x829A] = IFDRational(1, 125)
    inside[0x8827] = 400
    inside[0x9204] = IFDRational(-1, 3)
    inside[0x9286] = b"ASCII\0\0\0" + b"a long comment " * 9
    inside[0x9003] = "1936:03:09 12:30:59"
    inside[0xA005] = {1: "R98"}
    place = full.get_ifd(ExifTags.IFD.GPSInfo)
    place[1] = "N"
    place[2] = (IFDRational(35), IFDRational(4), IFDRational(173, 10))
    place[5] = b"\0"
    return full


def entries(path):
    """What `described` is about, as a file has it."""
    with Image.open(path) as image:
        if path.suffix != ".tif":  # of which Pillow would forget the orientation
            image.load()
        found = image.getexif()
        inside = dict(found.get_ifd(ExifTags.IFD.Exif))
        inside.pop(0xA005, None)
        own = {tag: found.get(tag) for tag in (0x010E, 0x013B, 0x0132, 0x9C9B)}
        own[0x0112] = found.get(0x0112, 1)
        return own, inside, dict(found.get_ifd(ExifTags.IFD.GPSInfo))


@SOURCES
@CROSSINGS
def test_exif_goes_into_a_tiffs_directories_and_back(colorize, tmp_path, rgb, source_kind, to):
    source = make(tmp_path, source_kind, rgb, exif=described().tobytes())
    own, inside, place = entries(source)
    assert own[0x0112] == 6 and len(inside) >= 5 and len(place) == 3
    out = tmp_path / f"out.{to}"
    assert colorize("-o", out, source).stderr == ""
    assert entries(out) == (own | {0x0112: 1}, inside, place)
    if to == "tif":
        assert np.array_equal(pixels(out), colorize.color(source, tmp_path / "out.png")[0])


@pytest.mark.parametrize("order", [">", "<"], ids=["big", "little"])
@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
def test_descriptions_of_every_type_in_a_tiff(colorize, tmp_path, gray, order, big):
    """With what does not describe the picture left out."""
    kept = {
        0x010D: (ASCII, b"scan 7\0"),
        0x010E: (ASCII, b"a pier\0"),
        0x0131: (ASCII, b"x\0"),
        0x4746: (SHORT, [4]),
        0x83BB: (LONG, list(range(0x01010101, 0x01010109))),
        0x9C9C: (BYTE, bytes(range(40))),
    }
    left = {0xC4A5: (BYTE, b"PrintIM" * 3), 0x8649: (BYTE, b"8BIM" * 9)}
    tags = tiff_tags(gray, 8, 1) | kept | left
    source = tmp_path / "source.tif"
    source.write_bytes(tiff(tags, [gray.tobytes()], order, big=big))
    assert colorize("-o", tmp_path / "out.tif", source).stderr == ""
    with (
        tifffile.TiffFile(source) as before,
        tifffile.TiffFile(tmp_path / "out.tif") as after,
    ):
        assert (before.byteorder, after.byteorder) == (order, "<")
        for tag in kept:
            first, second = before.pages[0].tags[tag], after.pages[0].tags[tag]
            assert (first.dtype, first.count, first.value) == (
                second.dtype,
                second.count,
                second.value,
            )
        numbers = [tag.code for tag in after.pages[0].tags]
        assert not set(numbers) & set(left)
        assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"MM",
        b"MM\0*",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0",
        b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\1\0\0\0\6\0\0\0",
        b"MM\0*\0\0\0\x00" + b"\x01\x12\0\3\0\0\0\1\0\6\0\0" * 4,
        b"garbage that is no TIFF stream",
        b"II*\0\x08\0\0\0\1\0\x12\x01\x07\0\1\0\0\0\6\0\0\0",
    ],
)
def test_broken_exif_does_no_harm(colorize, tmp_path, rgb, stream):
    source = tmp_path / "source.jpg"
    source.write_bytes(with_segments(jpeg(rgb), (0xE1, EXIF_NAME + stream)))
    out = tmp_path / "out.jpg"
    colorize("-o", out, source)
    colorize("-o", tmp_path / "out.png", source)
    colorize("-o", tmp_path / "out.tif", source)
    assert sorted(pixels(tmp_path / "out.tif").shape) == sorted(rgb.shape)
    kept = [body for code, body in segments(out.read_bytes()) if code == 0xE1]
    # What is no TIFF stream is dropped.
    assert len(kept) == (len(stream) >= 8 and stream[:4] in (b"MM\0*", b"II*\0"))


def test_exif_that_is_too_large_for_a_jpeg_is_said(colorize, tmp_path, rgb):
    source = tmp_path / "source.png"
    stream = exif(1).removeprefix(EXIF_NAME) + b"\0" * 70000
    source.write_bytes(png(rgb, 8, RGB, before=[(b"eXIf", stream)]))
    said = colorize("-o", tmp_path / "out.jpg", source).stderr
    assert said == (
        f"libcolorize: {source}: its EXIF has more bytes than JPEG takes and was left out\n"
    )
    assert "exif" not in info(tmp_path / "out.jpg")
    assert colorize("-o", tmp_path / "out.png", source).stderr == ""
    assert dict(chunks((tmp_path / "out.png").read_bytes()))[b"eXIf"] == stream


# ---- ICC ----------------------------------------------------------------------------------------


@SOURCES
@CROSSINGS
def test_an_rgb_profile_is_kept(colorize, tmp_path, rgb, source_kind, to):
    source = make(tmp_path, source_kind, rgb, icc_profile=rgb_profile())
    out = tmp_path / f"out.{to}"
    assert colorize("-o", out, source).stderr == ""
    assert info(out)["icc_profile"] == rgb_profile()


def test_a_profile_of_several_segments_is_kept(colorize, tmp_path, rgb):
    profile = rgb_profile() + bytes(range(256)) * 600
    source = make(tmp_path, "jpg", rgb, icc_profile=profile)
    colorize("-o", tmp_path / "out.jpg", source)
    assert info(tmp_path / "out.jpg")["icc_profile"] == profile


@SOURCES
@CROSSINGS
def test_srgb_takes_the_place_of_a_gray_profile(colorize, tmp_path, gray, source_kind, to):
    source = make(tmp_path, source_kind, gray, icc_profile=gray_profile())
    assert info(source)["icc_profile"] == gray_profile()
    out = tmp_path / f"out.{to}"
    assert colorize("-o", out, source).stderr == ""
    profile = info(out)["icc_profile"]
    written = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    assert ImageCms.getProfileDescription(written).strip() == "sRGB"
    # The same picture gives the same bytes: no date of today is in it.
    colorize("-o", out, source)
    assert info(out)["icc_profile"] == profile


# ---- XMP ----------------------------------------------------------------------------------------


@SOURCES
@CROSSINGS
def test_xmp_is_kept(colorize, tmp_path, rgb, source_kind, to):
    """With its orientation reset only if it was applied, which EXIF alone decides."""
    out = tmp_path / f"out.{to}"
    source = make(tmp_path, source_kind, rgb, xmp=XMP, exif=exif(6))
    colorize("-o", out, source)
    assert info(out)["xmp"] == XMP_AFTER
    source = make(tmp_path, source_kind, rgb, xmp=XMP)
    colorize("-o", out, source)
    assert info(out)["xmp"] == XMP


@pytest.mark.parametrize("end", [b"tiff:Orientation", b"tiff:Orientation=", b'tiff:Orientation="'])
def test_xmp_that_ends_in_its_orientation_does_no_harm(colorize, tmp_path, rgb, end):
    source = tmp_path / "source.jpg"
    xmp = b"<x:xmpmeta " + end
    source.write_bytes(with_segments(jpeg(rgb, exif=exif(3)), (0xE1, XMP_NAME + xmp)))
    colorize("-o", tmp_path / "out.jpg", source)
    assert info(tmp_path / "out.jpg")["xmp"] == xmp


# ---- Density ------------------------------------------------------------------------------------


@SOURCES
@CROSSINGS
def test_the_density_is_kept_and_turns_with_the_picture(colorize, tmp_path, rgb, source_kind, to):
    source = make(tmp_path, source_kind, rgb, dpi=(300, 150))
    colorize("-o", tmp_path / f"out.{to}", source)
    assert info(tmp_path / f"out.{to}")["dpi"] == pytest.approx((300, 150), abs=0.02)
    source = make(tmp_path, source_kind, rgb, dpi=(300, 150), exif=exif(8))
    colorize("-o", tmp_path / f"out.{to}", source)
    assert info(tmp_path / f"out.{to}")["dpi"] == pytest.approx((150, 300), abs=0.02)


@pytest.mark.parametrize(
    ("unit", "expected"), [(0, (40, 50, 0)), (1, (1575, 1969, 1)), (2, (4000, 5000, 1))]
)
def test_the_units_of_a_jpegs_density(colorize, tmp_path, rgb, unit, expected):
    data = bytearray(jpeg(rgb))
    assert data[6:11] == b"JFIF\0"
    data[13:18] = struct.pack(">BHH", unit, 40, 50)
    source = tmp_path / "source.jpg"
    source.write_bytes(data)
    colorize("-o", tmp_path / "out.png", source)
    found = dict(chunks((tmp_path / "out.png").read_bytes()))[b"pHYs"]
    assert struct.unpack(">IIB", found) == expected
    colorize("-o", tmp_path / "out.jpg", source)
    assert (tmp_path / "out.jpg").read_bytes()[13:18] == struct.pack(">BHH", unit, 40, 50)


@pytest.mark.parametrize(
    ("unit", "x", "y", "expected"),
    [
        (2, (300, 1), (600, 2), (11811, 11811, 1)),
        (3, (1181, 10), (59, 1), (11810, 5900, 1)),
        (1, (2, 1), (3, 1), (2, 3, 0)),
        (2, (0, 1), (300, 1), None),
        (2, (300, 0), (300, 1), None),
        (2, (2**32 - 1, 1), (300, 1), None),
    ],
)
def test_the_units_of_a_tiffs_density(colorize, tmp_path, gray, unit, x, y, expected):
    source = tmp_path / "source.tif"
    tags = {"_282": (RATIONAL, x), "_283": (RATIONAL, y), "_296": (SHORT, [unit])}
    source.write_bytes(tiff_of(gray, 8, 1, **tags))
    colorize("-o", tmp_path / "out.png", source)
    found = dict(chunks((tmp_path / "out.png").read_bytes())).get(b"pHYs")
    assert (found and struct.unpack(">IIB", found)) == expected
    colorize("-o", tmp_path / "out.tif", source)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        kept = {tag.code: tag.value for tag in file.pages[0].tags}
    if expected is None:
        assert 282 not in kept
    else:
        assert kept[296] == unit
        assert kept[282][0] / kept[282][1] == pytest.approx(x[0] / x[1])
        assert kept[283][0] / kept[283][1] == pytest.approx(y[0] / y[1])


# ---- Of one format only -------------------------------------------------------------------------


def test_comments_and_iptc_of_a_jpeg(colorize, tmp_path, rgb):
    extension = b"http://ns.adobe.com/xmp/extension/\0" + b"part of a large XMP"
    added = [
        (0xFE, b"first comment"),
        (0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\6caption"),
        (0xFE, b"second comment"),
        (0xE1, extension),
    ]
    source = tmp_path / "source.jpg"
    source.write_bytes(with_segments(jpeg(rgb), *added))
    colorize("-o", tmp_path / "out.jpg", source)
    kept = segments((tmp_path / "out.jpg").read_bytes())
    assert [one for one in kept if one in added] == added


def test_texts_and_time_of_a_png_before_and_after_the_pixels(colorize, tmp_path, gray):
    compressed = zlib.compress(b"a long story " * 20)
    before = [
        (b"tEXt", b"Title\0on the pier"),
        (b"zTXt", b"Comment\0\0" + compressed),
        (b"tIME", struct.pack(">HBBBBB", 1936, 3, 9, 12, 30, 59)),
    ]
    after = [
        (b"iTXt", b"Author\0\0\0de\0Autorin\0" + "Dorothea Länge".encode()),
        (b"tEXt", b"Source\0a plate"),
    ]
    source = tmp_path / "source.png"
    source.write_bytes(png(gray, 8, GRAY, before=before, after=after))
    colorize("-o", tmp_path / "out.png", source)
    kept = chunks((tmp_path / "out.png").read_bytes())
    for kind, data in before + after:
        if kind == b"zTXt":
            story = next(body for name, body in kept if name == kind)
            assert story.startswith(b"Comment\0\0")
            assert zlib.decompress(story[9:]) == b"a long story " * 20
        else:
            assert (kind, data) in kept


@pytest.mark.parametrize("key", [b"", b" ", b" Title", b"Title ", b"a  b", b"a\x07b", b"k" * 80])
def test_a_text_with_a_bad_key_does_no_harm(colorize, tmp_path, gray, key):
    before = [(b"tEXt", key + b"\0text"), (b"tEXt", b"Title\0kept")]
    source = tmp_path / "source.png"
    source.write_bytes(png(gray, 8, GRAY, before=before))
    colorize("-o", tmp_path / "out.png", source)
    texts = [data for kind, data in chunks((tmp_path / "out.png").read_bytes()) if kind == b"tEXt"]
    assert texts == [b"Title\0kept"]


def test_the_color_chunks_of_a_png(colorize, tmp_path, rgb):
    """Where they say sRGB; test_color_profiles.py has the others."""
    chromaticities = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    for chunk_kinds in (
        [(b"sRGB", b"\1"), (b"gAMA", struct.pack(">I", 45455))],
        [(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", chromaticities)],
    ):
        source = tmp_path / "source.png"
        source.write_bytes(png(rgb, 8, RGB, before=chunk_kinds))
        colorize("-o", tmp_path / "out.png", source)
        kept = chunks((tmp_path / "out.png").read_bytes())
        assert [one for one in chunk_kinds if one not in kept] == []


def test_a_file_without_metadata_gets_none(colorize, tmp_path, gray):
    source = tmp_path / "source.png"
    source.write_bytes(png(gray, 8, GRAY))
    colorize("-o", tmp_path / "out.png", source)
    assert {kind for kind, _ in chunks((tmp_path / "out.png").read_bytes())} == {
        b"IHDR",
        b"IDAT",
        b"IEND",
    }
    colorize("-o", tmp_path / "out.jpg", source)
    codes = {code for code, _ in segments((tmp_path / "out.jpg").read_bytes())}
    assert not codes & {0xE1, 0xE2, 0xED, 0xFE}
    colorize("-o", tmp_path / "out.tif", source)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        found = {tag.code for tag in file.pages[0].tags}
    # Size, bits, compression, meaning, strips, orientation and the predictor.
    assert found == {256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284, 317, 339}
    source = tmp_path / "source.tif"
    source.write_bytes(tiff_of(gray, 8, 1, _274=(SHORT, [3])))
    colorize("-o", tmp_path / "out.png", source)
    assert {kind for kind, _ in chunks((tmp_path / "out.png").read_bytes())} == {
        b"IHDR",
        b"IDAT",
        b"IEND",
    }


def test_the_pixels_do_not_depend_on_metadata(colorize, tmp_path, rgb):
    plain, full = io.BytesIO(), io.BytesIO()
    Image.fromarray(rgb).save(plain, "PNG")
    Image.fromarray(rgb).save(full, "PNG", icc_profile=rgb_profile(), dpi=(99, 99), exif=exif(1))
    (tmp_path / "plain.png").write_bytes(plain.getvalue())
    (tmp_path / "full.png").write_bytes(full.getvalue())
    first, _ = colorize.color(tmp_path / "plain.png", tmp_path / "a.png")
    second, _ = colorize.color(tmp_path / "full.png", tmp_path / "b.png")
    assert np.array_equal(first, second)

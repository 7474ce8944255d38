"""What the command writes is sound to exiftool, exiv2 and pngcheck."""

import struct
import subprocess

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import (
    BYTE,
    EXIF_NAME,
    GRAY,
    LONG,
    UNDEFINED,
    exif,
    jpeg,
    pixels,
    png,
    processor_seconds,
    segments,
    tiff_of,
    with_segments,
)

KINDS = ["jpg", "png", "tif"]


def check(program, *arguments):
    """What a program prints of a file in which it finds nothing wrong."""
    result = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.mark.parametrize("to", KINDS)
@pytest.mark.parametrize("source_kind", KINDS)
def test_what_is_written_is_sound(colorize, tmp_path, gray, source_kind, to):
    source, target = tmp_path / f"source.{source_kind}", tmp_path / f"out.{to}"
    stream = exif(6, thumbnail=True)
    if source_kind == "jpg":
        source.write_bytes(jpeg(gray, exif=stream, dpi=(300, 300), comment=b"a comment"))
    elif source_kind == "png":
        texts = [(b"eXIf", stream.removeprefix(EXIF_NAME)), (b"tEXt", b"Title\0text")]
        source.write_bytes(png(gray, 8, GRAY, before=texts))
    else:
        description = (2, b"a description\0")
        source.write_bytes(tiff_of(gray, 8, 1, _270=description, _274=(3, [6])))
    colorize("-o", target, source)
    said = check("exiftool", "-validate", "-warning", "-error", "-a", target).stdout
    assert "Error" not in said
    assert check("exiv2", "-q", "-pa", target).stderr == ""
    assert "a description" in check("exiftool", "-ImageDescription", target).stdout
    if to == "png":
        said = check("pngcheck", "-v", target).stdout
        assert said.count("chunk eXIf") == 1
        assert "No errors detected" in said


@pytest.mark.parametrize("to", KINDS)
def test_density_and_size_that_only_exif_holds(colorize, tmp_path, gray, to):
    """As cameras write them: no JFIF, and the sides before turning."""
    with_exif = Image.Exif()
    with_exif[0x0112] = 6
    with_exif[0x011A] = with_exif[0x011B] = 300
    with_exif[0x0128] = 2
    with_exif[0x8769] = {0xA002: gray.shape[1], 0xA003: gray.shape[0]}
    data = jpeg(gray, exif=with_exif.tobytes())
    assert data[2:4] == b"\xff\xe0"  # JFIF, which goes
    (length,) = struct.unpack_from(">H", data, 4)
    source, target = tmp_path / "source.jpg", tmp_path / f"out.{to}"
    source.write_bytes(data[:2] + data[4 + length :])
    colorize("-o", target, source)
    with Image.open(target) as image:
        assert [round(float(one)) for one in image.info["dpi"]] == [300, 300]
    sides = check("exiftool", "-s3", "-n", "-ExifImageWidth", "-ExifImageHeight", target).stdout
    assert sides.split() == [str(gray.shape[0]), str(gray.shape[1])]


def test_compression(colorize, tmp_path, gray):
    """Higher levels are smaller, of the same pixels; the default lies between."""
    source = tmp_path / "source.png"
    source.write_bytes(png(np.tile(gray, (4, 4)), 8, GRAY))
    sizes = []
    for options in (["--compression", "1"], [], ["--compression", "9"]):
        target = tmp_path / f"{len(sizes)}.png"
        colorize(*options, "-o", target, source)
        sizes.append(target.stat().st_size)
        assert np.array_equal(pixels(target), pixels(tmp_path / "0.png"))
    assert sizes[0] > sizes[1] > sizes[2]
    assert "--compression is 10; it must be 1 to 9" in colorize.refused(
        "--compression", "10", source
    )


# ---- From one format to another ------------------------------------------------------------------


IPTC = b"\x1c\x02\x78\0\7caption\x1c\x02\x19\0\5boats"
PHOTOSHOP = b"Photoshop 3.0\0"


def resource(number, data):
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


def tags(path, *names):
    """What exiftool finds, one a line."""
    return check("exiftool", "-s3", "-a", *[f"-{name}" for name in names], path).stdout.splitlines()


@pytest.mark.parametrize("form", ["long", "undefined", "resource"])
@pytest.mark.parametrize("to", ["jpg", "tif"])
def test_iptc_of_a_tiff(colorize, tmp_path, gray, form, to):
    """In a JPEG it is where its readers look; in a TIFF, in its own tag."""
    record = IPTC + b"\0" * (-len(IPTC) % 4)
    entry = {
        "long": {"_33723": (LONG, list(struct.unpack(f"<{len(record) // 4}I", record)))},
        "undefined": {"_33723": (UNDEFINED, IPTC)},
        "resource": {"_34377": (BYTE, resource(0x03ED, bytes(16)) + resource(0x0404, IPTC))},
    }[form]
    source, target = tmp_path / "source.tif", tmp_path / f"out.{to}"
    source.write_bytes(tiff_of(gray, 8, 1, **entry))
    assert colorize("-o", target, source).stderr == ""
    assert tags(target, "IPTC:Caption-Abstract", "IPTC:Keywords") == ["caption", "boats"]
    assert "caption" in check("exiv2", "-pi", target).stdout
    if to == "jpg":
        assert IPTC in dict(segments(target.read_bytes()))[0xED]
        assert tags(target, "IFD0:IPTC-NAA") == []
    said = colorize("-o", tmp_path / "out.png", source).stderr
    assert "its IPTC record, for which a PNG has no place, is left out" in said


@pytest.mark.parametrize("to", ["jpg", "tif"])
def test_iptc_of_a_jpeg(colorize, tmp_path, gray, to):
    source, target = tmp_path / "source.jpg", tmp_path / f"out.{to}"
    body = PHOTOSHOP + resource(0x03ED, bytes(16)) + resource(0x0404, IPTC)
    source.write_bytes(with_segments(jpeg(gray), (0xED, body)))
    assert colorize("-o", target, source).stderr == ""
    assert tags(target, "IPTC:Caption-Abstract", "IPTC:Keywords") == ["caption", "boats"]
    if to == "tif":
        with tifffile.TiffFile(target) as file:
            assert file.pages[0].tags[33723].value == IPTC


def test_a_gray_thumbnail_of_photoshop_goes(colorize, tmp_path, gray):
    """And nothing else of its resources. EXIF has a colored one instead."""
    others = [
        resource(0x03ED, bytes(range(16))),
        resource(0x0404, IPTC),
        resource(0x0425, b"x" * 15),
    ]
    small = jpeg(gray[:8, :8])
    thumbnails = [resource(0x040C, bytes(28) + small), resource(0x0409, bytes(28) + small)]
    body = others[0] + thumbnails[0] + others[1] + thumbnails[1] + others[2]
    source, target = tmp_path / "source.jpg", tmp_path / "out.jpg"
    source.write_bytes(with_segments(jpeg(gray), (0xED, PHOTOSHOP + body)))
    assert tags(source, "PhotoshopThumbnail")
    colorize("-o", target, source)
    assert dict(segments(target.read_bytes()))[0xED] == PHOTOSHOP + b"".join(others)
    assert tags(target, "PhotoshopThumbnail") == []
    assert tags(target, "ThumbnailImage")


@pytest.mark.parametrize(
    "body",
    [b"", b"8BIM", b"8BIM\x04", b"8BIM\x04\x0c\xff", b"8BIM\x04\x0c\0\0\xff\xff\xff\xff",
     b"8BIM\x04\x0c\0\0\0\0\0\x09abc", b"8BIM\x04\x04\0\0\0\0\0\0", b"MeSa\x04\x0c\0\0\0\0\0\0"],
)  # fmt: skip
def test_resources_that_are_broken_stay_as_they_are(colorize, tmp_path, gray, body):
    source, target = tmp_path / "source.jpg", tmp_path / "out.jpg"
    source.write_bytes(with_segments(jpeg(gray), (0xED, PHOTOSHOP + body)))
    colorize("-o", target, source)
    assert dict(segments(target.read_bytes()))[0xED] == PHOTOSHOP + body
    colorize("-o", tmp_path / "out.tif", source)


def test_the_georeference_of_a_map(colorize, tmp_path, gray):
    """Kept from TIFF to TIFF, and otherwise said to be gone; also where the picture is turned."""
    source, target = tmp_path / "source.tif", tmp_path / "out.tif"
    extra = [(33550, "d", 3, (0.5, 0.5, 0.0), True),
             (33922, "d", 6, (0.0, 0.0, 0.0, 440720.0, 3751320.0, 0.0), True),
             (34735, "H", 8, (1, 1, 0, 1, 3072, 0, 1, 32611), True)]  # fmt: skip
    tifffile.imwrite(source, gray, photometric="minisblack", metadata=None, extratags=extra)
    assert colorize("-o", target, source).stderr == ""
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(target) as after:
        for number, *_ in extra:
            assert before.pages[0].tags[number].value == after.pages[0].tags[number].value
    assert "32611" in check("exiftool", "-n", "-ProjectedCSType", target).stdout
    for kind in ("png", "jpg"):
        said = colorize("-o", tmp_path / f"out.{kind}", source).stderr
        assert "its georeference is left out" in said
    turned = [*extra, (274, "H", 1, 6, True)]
    tifffile.imwrite(source, gray, photometric="minisblack", metadata=None, extratags=turned)
    assert "its georeference no longer holds" in colorize("-o", target, source).stderr
    with tifffile.TiffFile(target) as after:
        assert not {33550, 33922, 34735} & {tag.code for tag in after.pages[0].tags}


MAKERS = {
    b"Nikon\0\2\x10\0\0MM\0*\0\0\0\x08\0\0": True,
    b"FUJIFILM\x0c\0\0\0\0\0": True,
    b"Canon has none: \0\0": False,
    b"SONY DSC \0\0\0\0\0": False,
}


def maker_note(path):
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            tag = file.pages[0].tags.get(0x8769)
            return tag and tag.value.get("MakerNote")
    with Image.open(path) as image:
        return image.getexif().get_ifd(0x8769).get(0x927C)


@pytest.mark.parametrize("note", MAKERS, ids=lambda note: note[:5].decode())
@pytest.mark.parametrize("source_kind", ["jpg", "tif"])
@pytest.mark.parametrize("to", KINDS)
def test_maker_notes_are_kept_where_they_stay_whole(
    colorize, tmp_path, gray, note, source_kind, to
):
    """In a stream that is carried as it is, or where they count from their own start."""
    whole = Image.Exif()
    whole[0x010F] = "a maker"
    whole[0x8769] = {0x927C: note}
    source, target = tmp_path / f"source.{source_kind}", tmp_path / f"out.{to}"
    Image.fromarray(gray).save(source, exif=whole.tobytes())
    assert maker_note(source) == note
    said = colorize("-o", target, source).stderr
    kept = MAKERS[note] or (source_kind == "jpg" and to != "tif")
    assert maker_note(target) == (note if kept else None)
    assert tags(target, "Make") == ["a maker"]
    assert ("maker notes, which hold only in their own file" in said) == (not kept)


@pytest.mark.parametrize("form", ["attribute", "element"])
@pytest.mark.parametrize("to", KINDS)
def test_a_gain_map_that_is_gone_is_not_promised(colorize, tmp_path, gray, form, to):
    """Ultra HDR and Motion Photo: XMP no longer speaks of pictures that stood behind the first."""
    said = b'hdrgm:Version="1.0" GCamera:MotionPhoto="1"' if form == "attribute" else b""
    inner = b"" if form == "attribute" else b"<hdrgm:Version>1.0</hdrgm:Version>"
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
        b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" '
        b'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/" ' + said + b' dc:source="a plate">' + inner
        + b"<Container:Directory><rdf:Seq><rdf:li>x</rdf:li></rdf:Seq></Container:Directory>"
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )  # fmt: skip
    source, target = tmp_path / "source.jpg", tmp_path / f"out.{to}"
    name = b"http://ns.adobe.com/xap/1.0/\0"
    source.write_bytes(with_segments(jpeg(gray), (0xE1, name + xmp)))
    assert tags(source, "XMP-hdrgm:all") == ["1.0"]
    assert "has a gain map or a film beside its picture" in colorize("-o", target, source).stderr
    assert tags(target, "XMP-hdrgm:all", "XMP-GContainer:all", "XMP-GCamera:all") == []
    assert tags(target, "XMP-dc:source") == ["a plate"]


def test_xmp_that_never_ends_takes_no_time(colorize, tmp_path, gray):
    """Half a million openings without an end, which would be looked for from each."""
    source = tmp_path / "source.png"
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + b"<Container:Directory " * 250000
    source.write_bytes(png(gray, 8, GRAY, before=[(b"iTXt", text)]))
    before = processor_seconds()
    colorize("-o", tmp_path / "out.png", source)
    assert processor_seconds() - before < 10


def test_what_a_format_has_no_place_for_is_said(colorize, tmp_path, gray):
    extension = b"http://ns.adobe.com/xmp/extension/\0" + b"part of a large XMP"
    source = tmp_path / "source.jpg"
    source.write_bytes(with_segments(jpeg(gray), (0xFE, b"a comment"), (0xE1, extension)))
    assert colorize("-o", tmp_path / "out.jpg", source).stderr == ""
    for kind in ("png", "tif"):
        said = colorize("-o", tmp_path / f"out.{kind}", source).stderr
        assert "its comments are left out; the extension of its XMP is left out" in said
    source = tmp_path / "source.png"
    texts = [(b"tEXt", b"Title\0text")]
    source.write_bytes(png(gray, 8, GRAY, before=texts))
    assert colorize("-o", tmp_path / "out.png", source).stderr == ""
    for kind in ("jpg", "tif"):
        said = colorize("-o", tmp_path / f"out.{kind}", source).stderr
        assert "its texts are left out" in said


def test_pictures_behind_the_first_are_said_to_be_left_out(colorize, tmp_path, gray):
    """MPO, as stereo cameras and phones write it."""
    source, target = tmp_path / "source.jpg", tmp_path / "out.jpg"
    pictures = [Image.fromarray(gray), Image.fromarray(255 - gray)]
    pictures[0].save(source, "MPO", save_all=True, append_images=pictures[1:])
    with Image.open(source) as image:
        assert image.n_frames == 2
    said = colorize("-o", target, source).stderr
    assert "has further pictures behind its first one, which are left out" in said
    with Image.open(target) as image:
        assert image.format == "JPEG" and getattr(image, "n_frames", 1) == 1
    assert tags(target, "MPF:all") == []

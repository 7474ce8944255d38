"""What the command writes is sound to exiftool, exiv2 and pngcheck."""

import struct
import subprocess

import numpy as np
import pytest
from PIL import Image
from support import EXIF_NAME, GRAY, exif, jpeg, pixels, png, tiff_of

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

"""What the command writes is sound to exiftool, exiv2 and pngcheck."""

import shutil
import subprocess

import pytest
from support import EXIF_NAME, GRAY, exif, jpeg, png, tiff_of

KINDS = ["jpg", "png", "tif"]


def check(program, *arguments):
    """What a program prints of a file in which it finds nothing wrong."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (scripts/install-dependencies --with check)")
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

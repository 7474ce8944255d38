"""TIFF with several pages: each is colored, on its own, and other readers read what is made."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from support import FAILURE

PAGES = 3


@pytest.fixture
def pages(gray):
    """Of other sizes, depths and kinds."""
    return [gray, np.uint16(gray[:, :40]) * 257, np.dstack([255 - gray.T, gray.T])]


@pytest.fixture
def source(tmp_path, pages):
    path = tmp_path / "pages.tif"
    write(path, pages)
    return path


def write(path, pages, **options):
    with tifffile.TiffWriter(path, **options) as file:
        for number, page in enumerate(pages):
            has_alpha = page.ndim == 3 and page.shape[2] in (2, 4)
            file.write(
                page,
                photometric="rgb" if page.ndim == 3 and page.shape[2] > 2 else "minisblack",
                planarconfig="contig" if page.ndim == 3 else None,
                extrasamples=["unassalpha"] if has_alpha else None,
                description=f"page {number}",
                metadata=None,
            )


def read(path):
    with tifffile.TiffFile(path) as file:
        return [page.asarray() for page in file.pages]


def alone(colorize, tmp_path, page):
    """What a page becomes by itself."""
    write(tmp_path / "alone.tif", [page])
    colorize("-o", tmp_path / "alone-colored.tif", tmp_path / "alone.tif")
    return read(tmp_path / "alone-colored.tif")[0]


def exiftool(*arguments):
    result = subprocess.run(
        ["exiftool", "-json", "-G3", *map(str, arguments)], capture_output=True, check=True
    )
    return json.loads(result.stdout)[0]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("options", [[], ["--pages", "all"]])
def test_all_pages_are_colored(colorize, tmp_path, pages, big, options):
    source, target = tmp_path / "pages.tif", tmp_path / "out.tif"
    write(source, pages, bigtiff=big)
    assert colorize(*options, "-o", target, source).stderr == ""
    colored = read(target)
    assert len(colored) == PAGES
    for page, have in zip(pages, colored):
        want = alone(colorize, tmp_path, page)
        assert have.dtype == page.dtype and np.array_equal(have, want)
    with tifffile.TiffFile(target) as file:
        assert not file.is_bigtiff
        for number, page in enumerate(file.pages):
            assert page.subfiletype == 2
            assert page.tags["PageNumber"].value == (number, PAGES)
            assert page.tags["ImageDescription"].value == f"page {number}"
    # Readers that are not ours: Pillow and libtiff's own tool.
    with Image.open(target) as image:
        assert image.n_frames == PAGES
        for number in range(PAGES):
            image.seek(number)
            image.load()
    if shutil.which("tiffinfo"):
        result = subprocess.run(["tiffinfo", "-D", target], capture_output=True, text=True)
        assert (result.returncode, result.stderr) == (0, "")


def test_one_page(colorize, tmp_path, source, pages):
    for number, page in enumerate(pages, start=1):
        colorize("--pages", str(number), "-o", tmp_path / "out.tif", source)
        (have,) = read(tmp_path / "out.tif")
        assert np.array_equal(have, alone(colorize, tmp_path, page))
    said = colorize("--pages", "4", "-o", tmp_path / "out.tif", source, status=FAILURE).stderr
    assert said == f"libcolorize: {source}: has 3 pages, and --pages asks for number 4\n"
    for wrong in ("0", "1001", "some"):
        assert "--pages" in colorize.refused("--pages", wrong, "-o", tmp_path / "out.tif", source)


def test_another_format_gets_the_first(colorize, tmp_path, source, pages):
    said = colorize("-o", tmp_path / "out.png", source).stderr
    assert said == f"libcolorize: {source}: has 3 pages, of which the first is colored\n"
    assert colorize("--quiet", "-o", tmp_path / "out.png", source).stderr == ""
    target = tmp_path / "all.png"
    said = colorize("--pages", "all", "-o", target, source, status=FAILURE).stderr
    assert said == (
        f"libcolorize: {source}: has 3 pages, of which only a TIFF holds all: choose a .tif "
        "output, or one page by --pages\n"
    )
    assert not target.exists()
    write(source, pages[:1])
    assert colorize("--pages", "all", "-o", target, source).stderr == ""


def test_each_page_has_its_profile_and_says_how_it_was_made(colorize, tmp_path, gray):
    """The second is Adobe RGB's gray, as it were: darker for the same numbers."""
    source, target = tmp_path / "pages.tif", tmp_path / "out.tif"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    first = Image.fromarray(gray)
    second = Image.fromarray(gray[::-1])
    first.save(
        source,
        save_all=True,
        append_images=[second],
        icc_profile=icc,
    )
    colorize("-o", target, source)
    said = exiftool("-a", "-XMP:all", "-EXIF:Software", target)
    kinds = [value for key, value in said.items() if key.endswith(":DigitalSourceType")]
    assert len(kinds) >= 1
    with tifffile.TiffFile(target) as file:
        for page in file.pages:
            packet = page.tags["XMP"].value
            assert b"compositeWithTrainedAlgorithmicMedia" in packet and b"InputSHA256" in packet
            assert page.tags["Software"].value.startswith("libcolorize ")
            assert "InterColorProfile" in page.tags
    info = colorize("info", target).stdout
    assert "pages            2\n" in info and "input SHA-256" in info


@pytest.mark.parametrize("options", [["--profile", "display-p3"], ["--max-size", "20"], []])
def test_made_again(colorize, tmp_path, source, options):
    target = tmp_path / "out.tif"
    colorize(*options, "-o", target, source)
    said = colorize("reproduce", target, "--from", source).stdout
    assert said == "made again: the same file, byte for byte\n"
    if options:
        return
    # What was changed on a later page is found.
    pages = read(target)
    pages[2] = pages[2].copy()
    pages[2][3, 3, 0] ^= 1
    packet = tifffile.TiffFile(target).pages[0].tags["XMP"].value
    with tifffile.TiffWriter(tmp_path / "changed.tif") as file:
        for page in pages:
            file.write(
                page,
                photometric="rgb",
                planarconfig="contig",
                extrasamples=["unassalpha"] if page.shape[2] == 4 else None,
                extratags=[(700, 1, len(packet), packet, True)],
                metadata=None,
            )
    result = colorize("reproduce", tmp_path / "changed.tif", "--from", source, status=FAILURE)
    assert "pixels differ by up to" in result.stdout


def test_skipped_while_all_of_it_is_whole(colorize, tmp_path, source):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    source.rename(scans / "pages.tif")
    colorize("-o", out, scans)
    target = out / "pages.tif"
    whole = target.read_bytes()
    assert "1 skipped" in colorize("-o", out, scans).stderr
    # Damage on the last page alone.
    with tifffile.TiffFile(target) as file:
        last = file.pages[2]
        place, size = last.dataoffsets[0], last.databytecounts[0]
    damaged = bytearray(whole)
    damaged[place : place + size] = bytes(size)
    target.write_bytes(damaged)
    assert "1 colored" in colorize("-o", out, scans).stderr
    assert target.read_bytes() == whole


def test_pages_with_colors_stay_among_others(colorize, tmp_path, gray, rgb):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    for first, second in [(rgb, gray), (gray, rgb)]:
        write(scans / "mixed.tif", [first, second])
        colored = 1 if first is rgb else 2
        said = colorize("--existing", "replace", "-o", out, scans).stderr
        note = f"page {colored}: has colors already, and stays as it is"
        assert f"{scans / 'mixed.tif'}: {note}\n" in said
        pages = read(out / "mixed.tif")
        assert np.array_equal(pages[colored - 1], rgb)
        assert np.array_equal(pages[2 - colored], alone(colorize, tmp_path, gray))
        # The page that was colored says so, the other one does not.
        with tifffile.TiffFile(out / "mixed.tif") as file:
            assert ["XMP" in page.tags for page in file.pages] == [colored == 2, colored == 1]
        assert "1 skipped" in colorize("-o", out, scans).stderr
        said = colorize("reproduce", out / "mixed.tif", "--from", scans / "mixed.tif").stdout
        assert "byte for byte" in said
    write(scans / "mixed.tif", [rgb, rgb[::-1]])
    (out / "mixed.tif").unlink()
    assert "1 skipped: has colors already" in colorize("-o", out, scans).stderr
    assert list(out.iterdir()) == []
    colorize("--colored", "copy", "-o", out, scans)
    assert (out / "mixed.tif").read_bytes() == (scans / "mixed.tif").read_bytes()
    colorize("--colored", "recolor", "--existing", "replace", "-o", out, scans)
    assert not np.array_equal(read(out / "mixed.tif")[0], rgb)


def test_hints_are_one_page_s(colorize, tmp_path, source):
    options = ["--hint", "5,5,#a04020,3"]
    said = colorize(*options, "-o", tmp_path / "out.tif", source, status=FAILURE).stderr
    assert said == (
        f"libcolorize: {source}: has 3 pages, and hints are one's: choose it by --pages\n"
    )
    colorize(*options, "--pages", "2", "-o", tmp_path / "out.tif", source)


def test_smaller_copies_are_not_colored(colorize, tmp_path, gray):
    source = tmp_path / "source.tif"
    large = np.tile(gray, (16, 16))
    with tifffile.TiffWriter(source) as file:
        for page in (large, large[::-1]):
            file.write(page, photometric="minisblack")
            file.write(page[::2, ::2], photometric="minisblack", subfiletype=1)
    said = colorize("-o", tmp_path / "out.tif", source).stderr
    assert said == (
        f"libcolorize: {source}: page 1: has smaller copies or masks beside its pages, which are "
        "left out\n"
    )
    assert [page.shape for page in read(tmp_path / "out.tif")] == [(*large.shape, 3)] * 2


def test_a_pipe(colorize, tmp_path, source):
    colorize("-o", tmp_path / "want.tif", source)
    for name in ("-", "/dev/stdin"):
        with subprocess.Popen(["cat", source], stdout=subprocess.PIPE) as writer:
            colorize("-o", tmp_path / "have.tif", name, stdin=writer.stdout)
        assert (tmp_path / "have.tif").read_bytes() == (tmp_path / "want.tif").read_bytes()
    # And out through one.
    with open(tmp_path / "out.tif", "wb") as out:
        subprocess.run([colorize.path, "--to", "tiff", "-o", "-", source], stdout=out, check=True)
    assert (tmp_path / "out.tif").read_bytes() == (tmp_path / "want.tif").read_bytes()


@pytest.mark.parametrize("damage", ["cut", "no directory"])
def test_pages_that_are_lost_are_an_error(colorize, tmp_path, source, pages, damage):
    """They cost pixels. What is asked for alone can still be had."""
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as file:
        place = file.pages[2].offset
    if damage == "cut":
        data = data[: place + 6]
    else:
        data[place : place + 2] = b"\0\0"
    source.write_bytes(data)
    target = tmp_path / "out.tif"
    said = colorize("-o", target, source, status=FAILURE).stderr
    assert said.startswith(f"libcolorize: {source}: ") and "behind page 2" in said
    assert not target.exists()
    colorize("--pages", "2", "-o", target, source)
    assert len(read(target)) == 1
    assert "behind" in colorize("-o", tmp_path / "out.png", source).stderr
    said = colorize("--salvage", "-o", target, source).stderr
    assert "is damaged or cut off behind page 2" in said
    assert len(read(target)) == 2


def test_a_page_that_is_not_read_is_named(colorize, tmp_path, gray):
    source, target = tmp_path / "pages.tif", tmp_path / "out.tif"
    with tifffile.TiffWriter(source) as file:
        file.write(gray, photometric="minisblack")
        file.write(np.int16(gray), photometric="minisblack")
    said = colorize("-o", target, source, status=FAILURE).stderr
    assert said.startswith(f"libcolorize: {source}: page 2: is a TIFF of signed integers")
    assert list(tmp_path.glob("out*")) == []


def test_memory_holds_one_page(colorize, tmp_path):
    """Sixteen pages take no more than two, but for what malloc keeps."""
    y, x = np.mgrid[0:1500, 0:2000]
    page = np.uint8((x + y) % 256)

    def peak(count):
        write(tmp_path / "pages.tif", [page] * count)
        process = subprocess.Popen(
            [colorize.path, "--threads", "1", "-o", tmp_path / "out.tif", tmp_path / "pages.tif"],
            stderr=subprocess.DEVNULL,
        )
        largest = 0
        while process.poll() is None:
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    largest = max(largest, int(line.split()[1]))
            time.sleep(0.005)
        assert process.returncode == 0
        return largest / 1024

    few, many = peak(2), peak(16)
    print(f"2 pages: {few:.0f} MB; 16: {many:.0f} MB")
    # A page is 3 MB gray and 9 MB colored.
    assert many < few + 12

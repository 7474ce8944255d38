"""Colors the test pictures of other projects, and compares what was read with what Pillow reads.

    LIBCOLORIZE_COMMAND=build/stage/bin/libcolorize python Tests/Suites/check_suites.py [--write]

The suites are those that Debian's source packages carry: PngSuite and libpng's own (libpng1.6),
libtiff's (tiff) and Pillow's (pillow), among them bmpsuite. They are fetched by `apt-get source`
into build/suites, once; no root is needed. A picture is colored with hardly any color, so that its
output has the lightness of what was read.

Fails where the command crashes, takes more than two minutes, says nothing where it refuses, or
reads something else than Pillow without a reason that stands below. --write writes
docs/picture-suites.md.
"""

import argparse
import collections
import contextlib
import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageCms, ImageOps

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build/suites"
SUITES = {
    "PngSuite": ("libpng1.6", "contrib/pngsuite"),
    "libpng": ("libpng1.6", "contrib/testpngs"),
    "libtiff": ("tiff", "test/images"),
    "Pillow": ("pillow", "Tests/images"),
}
KINDS = {
    *("png", "apng", "tif", "tiff", "bmp", "dib", "jpg", "jpeg", "mpo", "gif", "webp", "avif"),
    *("jp2", "j2k", "j2c", "jpf", "jpx", "ppm", "pgm", "pbm", "pnm"),
}
BATCH = 40  # pictures that are colored in one run
TOLERANCE = 1.5  # of L: a level of 8 bits is up to 0.9 of it in the dark

EIGHT_BITS_FIRST = "Pillow makes 8 bits of 16 before it divides by alpha; tifffile agrees with us"

# Where the two differ, and why: by the ends of the names.
REASONS = {
    "pal4rle.bmp": "Pillow misreads runs of 4 bits; pal4.bmp, the same picture, is read alike",
    "badrle.bmp": "damaged runs: each makes its own picture",
    "pal4rletrns.bmp": "pixels that no run says",
    "pal8rletrns.bmp": "pixels that no run says",
    "tiff_16bit_RGBa.tiff": EIGHT_BITS_FIRST,
    "tiff_strip_planar_16bit_RGBa.tiff": EIGHT_BITS_FIRST,
    "tiff_tiled_planar_16bit_RGBa.tiff": EIGHT_BITS_FIRST,
    "exif_imagemagick_orientation.png": "an orientation in a text of ImageMagick's",
    "xmp_tags_orientation.png": "an orientation that XMP has and EXIF has not",
    "xmp_tags_orientation_exiftool.png": "an orientation that XMP has and EXIF has not",
}


def fetch(package):
    """The unpacked source of one of Debian's packages."""
    target = FOLDER / package
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        for part in ("lists/partial", "cache/archives/partial", "sources"):
            (folder / part).mkdir(parents=True)
        sources = Path("/etc/apt/sources.list.d/debian.sources")
        if sources.exists():
            text = sources.read_text().replace("Types: deb\n", "Types: deb-src\n")
            (folder / "sources/suites.sources").write_text(text)
        else:
            text = Path("/etc/apt/sources.list").read_text()
            lines = [line.replace("deb ", "deb-src ", 1) for line in text.splitlines()]
            (folder / "sources/suites.list").write_text("\n".join(lines) + "\n")
        options = [
            "-qq",
            "-oDir::Etc::sourcelist=/dev/null",
            f"-oDir::Etc::sourceparts={folder}/sources",
            f"-oDir::State::lists={folder}/lists",
            f"-oDir::Cache={folder}/cache",
        ]
        subprocess.run(["apt-get", *options, "update"], check=True)
        # Of the release: mirrors let superseded security updates go before their index says so.
        release = platform.freedesktop_os_release()["VERSION_CODENAME"]
        arguments = [*options, "source", f"--target-release={release}", "--download-only", package]
        subprocess.run(["apt-get", *arguments], check=True, cwd=folder)
        (archive,) = folder.glob("*.orig.tar.*")
        with tarfile.open(archive) as file:
            file.extractall(folder / "unpacked", filter="data")
        (top,) = (folder / "unpacked").iterdir()
        top.rename(target)
    return target


def lightness(rgb):
    """L of sRGB from 0 to 1."""
    linear = np.where(rgb > 0.04045, ((np.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    y = linear @ [0.212671, 0.715160, 0.072169]
    return 116 * np.where(y > 0.008856, np.cbrt(y), 7.787 * y + 16 / 116) - 16


def pillow_reads(path):
    """([H, W, 3] of sRGB from 0 to 1, where it can be seen), or None where Pillow does not read it;
    and why the two cannot be compared."""
    try:
        with Image.open(path) as image:
            image.load()
            info, mode = image.info, image.mode
            image = ImageOps.exif_transpose(image)
    except Exception:
        return None, None
    if "chromaticity" in info and "srgb" not in info and "icc_profile" not in info:
        return None, "primaries of its own"
    wide = {"I": 65535, "F": 1}.get(mode, 65535 if mode.startswith("I;16") else None)
    seen = np.ones((image.height, image.width), bool)
    if wide:
        value = np.asarray(image).astype(float) / wide
        if value.max(initial=0) > 1.001 or value.min(initial=0) < 0:
            return None, "numbers of a scale of its own"
        rgb = np.repeat(value[..., None], 3, axis=2)
    else:
        if "transparency" in info or "A" in mode or "a" in mode:
            seen = np.asarray(image.convert("RGBA"))[..., 3] > 0
        profile = info.get("icc_profile")
        if profile:
            with contextlib.suppress(ImageCms.PyCMSError, OSError):
                image = ImageCms.profileToProfile(
                    image if mode in ("L", "CMYK") else image.convert("RGB"),
                    ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                    ImageCms.createProfile("sRGB"),
                    renderingIntent=1,
                    outputMode="RGB",
                    flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
                )
        rgb = np.asarray(image.convert("RGB")) / 255
    gamma = info.get("gamma")
    if gamma and "srgb" not in info and "icc_profile" not in info and abs(gamma - 0.45455) > 1e-5:
        linear = rgb ** (1 / gamma)
        rgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return (rgb, seen), None


def color(command, paths):
    """{path: (its colored pixels or None, what was said of it)} of some pictures at once.

    A run that does not end as it should gives a word in their place.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The content says what they are; by their names outputs are TIFF.
        links = {folder / f"{index:04}.tif": path for index, path in enumerate(paths)}
        for link, path in links.items():
            link.symlink_to(path)
        arguments = ["--network-size", "16", "--saturation", "0.01", "-o", folder / "out", *links]
        try:
            result = subprocess.run([command, *arguments], capture_output=True, timeout=120)
        except subprocess.TimeoutExpired:
            return "hangs"
        if result.returncode not in (0, 1):
            return f"crashes: {result.stderr[-300:].decode(errors='replace')}"
        lines = result.stderr.decode(errors="replace").splitlines()
        answers = {}
        for link, path in links.items():
            out = folder / "out" / link.name
            said = [line.partition(f"{link}: ")[2] for line in lines if f"{link}: " in line]
            # Pillow shows the first page.
            picture = tifffile.imread(out, key=0) if out.exists() else None
            answers[path] = (picture, "; ".join(said))
        return answers


def colored(command, paths):
    """The same of many: in one run, or in several where one of them does harm."""
    answers = color(command, paths)
    if isinstance(answers, dict):
        return answers
    if len(paths) == 1:
        return {paths[0]: (answers, "")}
    half = len(paths) // 2
    return colored(command, paths[:half]) | colored(command, paths[half:])


def judge(path, picture, said):
    """(the verdict, what there is to say of it)"""
    if isinstance(picture, str):
        return picture.partition(":")[0], picture
    if picture is None and not said:
        return "says nothing", ""
    pillow, incomparable = pillow_reads(path)
    if picture is None:
        return ("refused by both" if pillow is None else "refused"), said
    if pillow is None:
        return ("read, not comparable", incomparable) if incomparable else ("read by us only", said)
    largest = {"u1": 255, "u2": 65535, "f4": 1}[picture.dtype.str[1:]]
    have = picture[..., :3].astype(float) / largest
    want, seen = pillow
    if have.shape != want.shape:
        return "differs", f"{have.shape[:2]} and {want.shape[:2]}"
    if picture.shape[2] == 4:
        seen = seen & (picture[..., 3] > 0)
    difference = abs(lightness(have) - lightness(want))[seen].max(initial=0)
    return ("alike", "") if difference <= TOLERANCE else ("differs", f"L by {difference:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/picture-suites.md")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    command = os.path.abspath(os.environ["LIBCOLORIZE_COMMAND"])
    FOLDER.mkdir(parents=True, exist_ok=True)
    verdicts = ["alike", "read by us only", "read, not comparable", "refused by both"]
    verdicts += ["refused", "differs"]
    rows, notes, failures = [], [], []
    for suite, (package, place) in SUITES.items():
        counts = collections.Counter()
        paths = [
            path
            for path in sorted((fetch(package) / place).rglob("*"))
            if path.is_file() and path.suffix[1:].lower() in KINDS
        ]
        answers = {}
        for start in range(0, len(paths), BATCH):
            answers |= colored(command, paths[start : start + BATCH])
        for path in paths:
            verdict, why = judge(path, *answers[path])
            counts[verdict] += 1
            known = REASONS.get(path.name)
            if verdict not in verdicts or (verdict == "differs" and known is None):
                failures.append(f"{suite}: {path.name} {verdict}: {why}")
                print(failures[-1], file=sys.stderr)
            if verdict in ("refused", "differs"):
                notes.append(f"| {path.name} | {verdict} | {known or why} |")
        rows.append((suite, counts))
        print(suite, dict(counts), flush=True)
    if options.write:
        head = " | ".join(verdicts)
        lines = [
            "# Test pictures of other projects",
            "",
            "What `make check-suites` finds: how the command reads pictures that nobody here",
            "made, compared with Pillow. The suites are those of Debian 12's source packages",
            "libpng1.6, tiff and pillow. None may crash the command or keep it busy for two",
            "minutes, and a refusal says why.",
            "",
            f"| suite | pictures | {head} |",
            "|---|" + "---:|" * (len(verdicts) + 1),
        ]
        for suite, counts in rows:
            cells = " | ".join(str(counts[verdict]) for verdict in verdicts)
            lines.append(f"| {suite} | {sum(counts.values())} | {cells} |")
        lines += [
            "",
            f"Alike: lightness within {TOLERANCE} everywhere but where all is transparent, after",
            "profiles and gamma are applied on both sides. Not comparable: Pillow does not apply a",
            "PNG's primaries, or gives numbers of another scale.",
            "",
            "## What Pillow reads and the command refuses or reads in another way",
            "",
            "| picture | | why |",
            "|---|---|---|",
            *notes,
        ]
        (ROOT / "docs/picture-suites.md").write_text("\n".join(lines) + "\n")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

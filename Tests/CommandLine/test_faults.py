"""Each call of the C library that the command makes for files, threads and memory, failed once.

Tests/Faults/faults.c is preloaded and lets a call fail by its number. Whatever fails, the command
ends by itself, with the whole output and status 0, or with a message, a status and the output as it
was before; and leaves nothing behind.

What reads and writes pictures is tried without the rest, every call of it. Of the command's calls a
few of each kind are, or, with LIBCOLORIZE_FAULTS=all, every one (`make check-faults`; an hour).
"""

import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import FAILURE, MODEL, ROOT

KINDS = [
    "open",
    "read",
    "write",
    "close",
    "rename",
    "stat",
    "seek",
    "thread",
    "aligned",
    "map",
    "malloc",
]
# As large as faults.h has it.
COUNTS = struct.Struct(f"{len(KINDS)}q")
ALL = os.environ.get("LIBCOLORIZE_FAULTS") == "all"
# Of each kind, unless all are tried.
SOME = 3


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    source = ROOT / "Tests/Faults/faults.c"
    command = [
        "gcc",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        source,
        "-ldl",
        "-o",
        library,
    ]
    subprocess.run(command, check=True)
    return library


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """The command with its symbols, and where in it the code of CImageFiles lies."""
    build = Path(os.environ["LIBCOLORIZE_TRAINING_PROBE"]).parent
    path = build / "libcolorize"
    own = set()
    for file in (build / "CImageFiles.build").rglob("*.o"):
        lines = subprocess.run(
            ["nm", "--defined-only", file], capture_output=True, text=True, check=True
        )
        own |= {words[2] for words in map(str.split, lines.stdout.splitlines()) if words[1] in "tT"}
    assert "image_file_read" in own
    lines = subprocess.run(
        ["nm", "--defined-only", "-S", path], capture_output=True, text=True, check=True
    )
    ranges = tmp_path_factory.mktemp("code") / "ranges"
    with ranges.open("w") as file:
        for words in map(str.split, lines.stdout.splitlines()):
            if len(words) == 4 and words[2] in "tT" and words[3] in own:
                file.write(f"{words[0]} {int(words[0], 16) + int(words[1], 16):x}\n")
    assert ranges.read_text()
    return path, ranges


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, shim):
    """The program that reads and writes pictures with failing calls."""
    program = tmp_path_factory.mktemp("pictures") / "pictures"
    sources = [ROOT / "Tests/Faults/pictures.c", *(ROOT / "Sources/CImageFiles").glob("*.c")]
    folders = [f"-I{ROOT / 'Sources/CImageFiles/include'}", f"-I{ROOT / 'Tests/Faults'}"]
    libraries = ["-lpng16", "-ljpeg", "-llcms2", "-ltiff", "-lexpat", "-l:libcrypto.a"]
    libraries += ["-lm", "-ldl"]
    command = ["gcc", "-O1", "-g", "-Wall", *folders, *sources, shim, *libraries, "-o", program]
    subprocess.run(command, check=True)
    return program


def picture():
    y, x = np.mgrid[0:24, 0:16]
    return ((x * 13 + y * 7) % 256).astype(np.uint8)


def make_png(path):
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("Comment", "a text", zip=True)
    Image.fromarray(picture()).save(path, pnginfo=text, dpi=(300, 300))


def make_jpeg(path):
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    Image.fromarray(picture()).save(path, exif=exif, comment=b"a comment", dpi=(300, 300))


def make_tiff(path):
    tifffile.imwrite(path, picture(), compression="zlib", description="a text", predictor=True)


def colors(name, make):
    """Colors a picture over one that is there."""

    def prepare(folder):
        make(folder / f"in.{name}")
        return [
            "--network-size",
            "16",
            "--threads",
            "2",
            "-o",
            f"out.{name}",
            f"in.{name}",
        ], f"out.{name}"

    return prepare


def converts(folder):
    """Reads a model file and writes another."""
    (folder / "in.safetensors").write_bytes(MODEL.read_bytes())
    return ["convert", "in.safetensors", "out.safetensors"], "out.safetensors"


def takes_much(folder):
    """A model file and the colors of another picture."""
    make_png(folder / "in.png")
    Image.fromarray(np.dstack([picture()] * 3)).save(folder / "palette.tif")
    (folder / "model.safetensors").write_bytes(MODEL.read_bytes())
    options = [
        "--model",
        "model.safetensors",
        "--palette-from",
        "palette.tif",
        "--network-size",
        "16",
    ]
    return [*options, "-o", "out.png", "in.png"], "out.png"


CASES = {
    "png": colors("png", make_png),
    "jpeg": colors("jpg", make_jpeg),
    "tiff": colors("tif", make_tiff),
    "model and palette": takes_much,
    "convert": converts,
}
BEFORE = b"what was there before"


@pytest.mark.parametrize(
    ("name", "make"), [("in.png", make_png), ("in.jpg", make_jpeg), ("in.tif", make_tiff)]
)
def test_each_call_for_a_picture_may_fail(name, make, tmp_path, shim, pictures):
    make(tmp_path / name)
    (tmp_path / "folder").mkdir()
    # Without the allocator's caches, what is in use is what has not been given back.
    environment = dict(
        os.environ, LD_PRELOAD=str(shim), GLIBC_TUNABLES="glibc.malloc.tcache_count=0"
    )
    command = [pictures, tmp_path / name, tmp_path / "folder"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    print(result.stdout)
    assert result.returncode == 0, result.stderr


class Bench:
    def __init__(self, folder, shim, command, prepare):
        self.folder, self.shim, (self.path, self.ranges) = folder, shim, command
        self.arguments, self.output = prepare(folder)
        self.overwrites = self.arguments[0] != "convert"
        self.inputs = {path.name for path in folder.iterdir()}

    def run(self, fault):
        output = self.folder / self.output
        output.unlink(missing_ok=True)
        if self.overwrites:
            output.write_bytes(BEFORE)
        counts = self.folder.parent / f"counts-{os.getpid()}"
        counts.unlink(missing_ok=True)
        environment = dict(
            os.environ,
            LD_PRELOAD=str(self.shim),
            FAULT=fault,
            FAULT_COUNT=str(counts),
            FAULT_CODE=str(self.ranges),
        )
        result = subprocess.run(
            [self.path, *self.arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        content = output.read_bytes() if output.exists() else None
        left = {path.name for path in self.folder.iterdir()} - self.inputs - {self.output}
        return result, content, left, dict(zip(KINDS, COUNTS.unpack(counts.read_bytes())))


def numbers(count):
    if ALL or count <= SOME:
        return range(count)
    return sorted({round(i * (count - 1) / (SOME - 1)) for i in range(SOME)})


@pytest.mark.parametrize("name", CASES)
def test_each_call_may_fail(name, tmp_path, shim, command):
    folder = tmp_path / "folder"
    folder.mkdir()
    bench = Bench(folder, shim, command, CASES[name])
    result, expected, left, counts = bench.run("open:-1")
    assert result.returncode == 0, result.stderr
    assert expected is not None and expected != BEFORE and not left
    for kind in ["open", "read", "write", "close", "rename", "aligned"]:
        assert counts[kind] > 0, kind
    assert name == "convert" or counts["malloc"] > 10
    before = BEFORE if bench.overwrites else None
    refused, tried = 0, 0
    for kind in KINDS:
        for number in numbers(counts[kind]):
            result, content, left, _ = bench.run(f"{kind}:{number}")
            what = f"{kind} {number} of {counts[kind]}: {result.returncode}, {result.stderr!r}"
            assert result.returncode in (0, FAILURE), what
            assert not left, f"{what}: {left} is left"
            tried += 1
            if result.returncode == 0:
                assert content == expected, what
                continue
            refused += 1
            assert result.stderr.startswith("libcolorize: "), what
            # Where it fails behind the renaming the output is whole.
            assert content in (before, expected), what
    print(f"{name}: {tried} of {sum(counts.values())} calls failed, {refused} runs with them")
    assert refused > 5

"""What the tests share: running the command, and making pictures that Pillow cannot."""

import io
import os
import re
import resource
import struct
import subprocess
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "Sources/ColorizeDefaultModel/default.safetensors"

FAILURE = 1
USAGE = 64

GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
COLORS = {1: GRAY, 2: GRAY_ALPHA, 3: RGB, 4: RGBA}


def prior_table(frequency):
    """A table in which all 313 bins are as frequent."""
    bins = [line.split("\t")[1:3] for line in (ROOT / "training/ab-prior.tsv").open()][1:]
    return "a\tb\tprior\n" + "".join(f"{a}\t{b}\t{frequency}\n" for a, b in bins)


class Command:
    def __init__(self, path, *always):
        """always: options that every call has."""
        self.path = str(path)
        self.always = always

    def __call__(self, *arguments, status=0, environment=None, **options):
        """Runs it and checks its exit status. Returns what it has printed."""
        result = subprocess.run(
            [self.path, *self.always, *map(os.fspath, arguments)],
            capture_output=True,
            env=dict(os.environ, **(environment or {})),
            timeout=120,
            **options,
        )
        result.stdout = result.stdout.decode()
        result.stderr = result.stderr.decode()
        assert result.returncode == status, result.stderr
        return result

    def refused(self, *arguments, **options):
        """Runs it with arguments that are wrong: it does nothing and says two lines, of which the
        second one is where help is. Returns the first one."""
        result = self(*arguments, status=USAGE, **options)
        assert result.stdout == ""
        why, where = result.stderr.splitlines()
        assert why.startswith("libcolorize: ") and re.fullmatch(
            "see libcolorize ([a-z]+ )?--help", where
        )
        return why

    def color(self, source, target, *options):
        """Colors one picture and returns its pixels and what was said."""
        said = self(*options, "-o", target, source).stderr
        return pixels(target), said

    def reads(self, source, expected, tmp_path):
        """Asserts that the command takes `source` for the pixels `expected`.

        Both are colored, `expected` from a plain PNG of 8 or 16 bits, or a plain TIFF of floats,
        and must give the same picture with the same number of bits.
        """
        if expected.dtype == np.float32:
            plain, kind = tmp_path / "plain.tif", "tif"
            gray = expected.ndim == 2 or expected.shape[2] < 3
            tifffile.imwrite(
                plain,
                expected,
                photometric="minisblack" if gray else "rgb",
                planarconfig="contig",
                extrasamples=["unassalpha"] if expected.shape[2:] in ((2,), (4,)) else None,
            )
        else:
            plain, kind = tmp_path / "plain.png", "png"
            channels = expected.shape[2] if expected.ndim == 3 else 1
            plain.write_bytes(png(expected, 8 * expected.itemsize, COLORS[channels]))
        want, _ = self.color(plain, tmp_path / f"want.{kind}")
        have, _ = self.color(source, tmp_path / f"have.{kind}")
        assert (have.shape, have.dtype) == (want.shape, want.dtype)
        assert have.dtype == expected.dtype
        assert np.array_equal(have, want)


def pixels(path):
    """What a file holds, with all of its bits, by other readers than the command's."""
    data = Path(path).read_bytes()
    if data.startswith(b"\x89PNG"):
        return imagecodecs.png_decode(data)
    if data[:2] in (b"II", b"MM"):
        samples = tifffile.imread(path)
        return samples.astype(samples.dtype.newbyteorder("="))
    with Image.open(path) as image:
        return np.asarray(image)


def lightness(picture):
    """L of CIE Lab, 0 to 100, of a gray or sRGB picture of any depth."""
    largest = {"u1": 255, "u2": 65535, "f4": 1}[picture.dtype.str[1:]]
    value = picture[..., :3].astype(float) / largest if picture.ndim == 3 else picture / largest
    if picture.ndim == 3 and picture.shape[2] < 3:
        value = value[..., 0]
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    y = linear if linear.ndim == 2 else linear @ [0.212671, 0.715160, 0.072169]
    return 116 * np.where(y > 0.008856, np.cbrt(y), 7.787 * y + 16 / 116) - 16


def processor_seconds():
    """What all processes that this one has waited for have taken. It does not depend on what else
    the machine does, as the time of day would."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- PNG ----------------------------------------------------------------------------------------


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def chunks(data):
    """[(kind, data)] of a PNG's bytes."""
    found = []
    position = 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        found.append(
            (data[position + 4 : position + 8], data[position + 8 : position + 8 + length])
        )
        position += 12 + length
    return found


def header(width, height, depth, color, interlaced=False):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))


def png(samples, depth, color, *, interlaced=False, before=(), after=()):
    """The bytes of a PNG.

    samples: [H, W] or [H, W, channels], of `depth` bits. before, after: (kind, data) of chunks
    before and after the pixels.
    """
    samples = np.asarray(samples)
    samples = samples.reshape(*samples.shape[:2], CHANNELS[color])
    # Adam7, as (first row, first column, row step, column step).
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2)]
        passes += [(0, 1, 2, 2), (1, 0, 2, 1)]
    data = b""
    for row, column, down, right in passes:
        part = samples[row::down, column::right]
        for line in part if part.size else ():
            bits = (line.reshape(-1, 1) >> np.arange(depth - 1, -1, -1)) & 1
            data += b"\0" + np.packbits(bits.astype(np.uint8)).tobytes()
    parts = [b"\x89PNG\r\n\x1a\n"]
    parts.append(header(samples.shape[1], samples.shape[0], depth, color, interlaced))
    parts += [chunk(kind, content) for kind, content in before]
    parts.append(chunk(b"IDAT", zlib.compress(data)))
    parts += [chunk(kind, content) for kind, content in after]
    parts.append(chunk(b"IEND", b""))
    return b"".join(parts)


# ---- JPEG ---------------------------------------------------------------------------------------


def jpeg(array, **options):
    """The bytes of a JPEG from Pillow."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def segment(code, data):
    return bytes([0xFF, code]) + struct.pack(">H", len(data) + 2) + data


def segments(data):
    """[(code, data)] of the marker segments before a JPEG's pixels."""
    found = []
    position = 2
    while data[position + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, position + 2)
        found.append((data[position + 1], data[position + 4 : position + 2 + length]))
        position += 2 + length
    return found


def with_segments(data, *added):
    """A JPEG's bytes with marker segments after its first one (JFIF)."""
    (length,) = struct.unpack_from(">H", data, 4)
    return data[: 4 + length] + b"".join(segment(*one) for one in added) + data[4 + length :]


# ---- TIFF ---------------------------------------------------------------------------------------


BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 1, 2, 3, 4, 5, 7, 16
CODES = {BYTE: "B", ASCII: "s", SHORT: "H", LONG: "I", RATIONAL: "II", UNDEFINED: "B", LONG8: "Q"}


def tiff_entry(tag, kind, values, order="<", *, at=0, big=False):
    """(the bytes of a directory's entry, those that it points to, which lie at the offset `at`)."""
    if isinstance(values, bytes):
        count, data = len(values), values
    else:
        values = np.ravel(values).tolist()
        count = len(values) // len(CODES[kind])
        data = struct.pack(f"{order}{len(values)}{CODES[kind][0]}", *values)
    word = "Q" if big else "I"
    head = struct.pack(order + "HH" + word, tag, kind, count)
    size = struct.calcsize(order + word)
    if len(data) <= size:
        return head + data.ljust(size, b"\0"), b""
    return head + struct.pack(order + word, at), data + b"\0" * (len(data) % 2)


def tiff_directory(tags, order="<", *, at, big=False, following=0):
    """The bytes of a directory at the offset `at`, and what it points to. tag -> (type, values)"""
    word = "Q" if big else "I"
    table = struct.pack(order + ("Q" if big else "H"), len(tags))
    size = len(table) + len(tags) * (20 if big else 12) + struct.calcsize(order + word)
    rest = b""
    for tag, (kind, values) in sorted(tags.items()):
        entry, data = tiff_entry(tag, kind, values, order, at=at + size + len(rest), big=big)
        table += entry
        rest += data
    return table + struct.pack(order + word, following) + rest


def tiff(tags, blocks, order="<", *, big=False):
    """The bytes of a TIFF: its strips or tiles, and behind them its directory."""
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    position = 16 if big else 8
    offsets = [position + sum(map(len, blocks[:i])) for i in range(len(blocks))]
    data = b"".join(blocks)
    data += b"\0" * (len(data) % 2)
    offset_tag, count_tag = (324, 325) if 322 in tags else (273, 279)
    kind = LONG8 if big else LONG
    places = {offset_tag: (kind, offsets), count_tag: (kind, [len(one) for one in blocks])}
    at = position + len(data)
    start += struct.pack(order + "HHQ", 8, 0, at) if big else struct.pack(order + "I", at)
    return start + data + tiff_directory({**places, **tags}, order, at=at, big=big)


BLACK_IS_ZERO, WHITE_IS_ZERO = 1, 0


def tiff_tags(samples, bits, photometric, **others):
    """The tags of an uncompressed picture of samples [H, W] or [H, W, channels]."""
    samples = np.asarray(samples)
    channels = samples.shape[2] if samples.ndim == 3 else 1
    return {
        256: (LONG, [samples.shape[1]]),
        257: (LONG, [samples.shape[0]]),
        258: (SHORT, [bits] * channels),
        259: (SHORT, [1]),
        262: (SHORT, [photometric]),
        277: (SHORT, [channels]),
        278: (LONG, [samples.shape[0]]),
    } | {int(tag[1:]): value for tag, value in others.items()}


def tiff_rows(samples, bits, order="<"):
    """Integer samples as rows of bytes."""
    samples = np.asarray(samples)
    lines = samples.reshape(samples.shape[0], -1)
    if bits == 16:
        return lines.astype(order + "u2").tobytes()
    if bits == 32:
        return lines.astype(order + "f4").tobytes()
    planes = (lines[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(planes.astype(np.uint8).reshape(len(lines), -1), axis=1).tobytes()


def tiff_of(samples, bits, photometric, order="<", **others):
    """The bytes of an uncompressed TIFF of one strip; others: _TAG=(type, values)."""
    return tiff(
        tiff_tags(samples, bits, photometric, **others), [tiff_rows(samples, bits, order)], order
    )


# ---- Metadata -----------------------------------------------------------------------------------


# How EXIF begins in a JPEG. What follows is a TIFF stream, with which it begins in a PNG.
EXIF_NAME = b"Exif\0\0"


def exif(orientation, *, order=">", long=False, thumbnail=False):
    """EXIF as Pillow takes it, with an orientation, a description and a thumbnail if wanted."""
    description = b"a description\0"
    entries = [
        struct.pack(order + "HHII", 0x010E, 2, len(description), 8 + 2 + 2 * 12 + 4),
        struct.pack(order + "HHII", 0x0112, 4, 1, orientation)
        if long
        else struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0),
    ]
    second = 8 + 2 + 2 * 12 + 4 + len(description)
    stream = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", 8)
    stream += struct.pack(order + "H", 2) + b"".join(entries)
    stream += struct.pack(order + "I", second if thumbnail else 0) + description
    if thumbnail:
        picture = jpeg(np.zeros((8, 8), np.uint8))
        start = second + 2 + 2 * 12 + 4
        stream += struct.pack(order + "H", 2)
        stream += struct.pack(order + "HHII", 0x0201, 4, 1, start)
        stream += struct.pack(order + "HHII", 0x0202, 4, 1, len(picture))
        stream += struct.pack(order + "I", 0) + picture
    return EXIF_NAME + stream


def gray_profile():
    """A small sound ICC profile for gray."""
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 0x0233) + b"\0\0"
    table = struct.pack(">I", 2)
    table += b"wtpt" + struct.pack(">II", 156, len(white))
    table += b"kTRC" + struct.pack(">II", 156 + len(white), len(curve))
    body = table + white + curve
    size = 128 + len(body)
    top = struct.pack(">I", size) + b"\0" * 4 + b"\x02\x40\0\0" + b"mntrGRAYXYZ "
    top += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    top += struct.pack(">iii", 63190, 65536, 54061)
    return top.ljust(128, b"\0") + body

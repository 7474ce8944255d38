"""Colors a picture in memory, from Python.

    python colorize_array.py photo.pgm colored.ppm

Needs NumPy and the colorize package. Reads and writes binary PGM and PPM files with 8 bits, so that
it needs nothing else; with Pillow an array is np.asarray(Image.open(path).convert("RGB")).
"""

import re
import sys

import numpy as np

import libcolorize


def read_pnm(path):
    """uint8 [H, W] of a PGM file, [H, W, 3] of a PPM file."""
    with open(path, "rb") as file:
        content = file.read()
    # Magic number, width, height and maximum, with white space and comments between them.
    gap = rb"(?:\s|#[^\n]*\n)+"
    header = re.match(rb"P([56])" + gap + rb"(\d+)" + gap + rb"(\d+)" + gap + rb"255\s", content)
    if header is None:
        raise ValueError(f"{path} is not a binary PGM or PPM file with 8 bits")
    kind, width, height = (int(group) for group in header.groups())
    shape = (height, width) if kind == 5 else (height, width, 3)
    return np.frombuffer(content, np.uint8, int(np.prod(shape)), header.end()).reshape(shape)


def write_ppm(path, rgb):
    """Writes uint8 [H, W, 3]."""
    with open(path, "wb") as file:
        file.write(b"P6\n%d %d\n255\n" % (rgb.shape[1], rgb.shape[0]))
        file.write(rgb.tobytes())


def show(fraction):
    print(f"\rcoloring: {fraction:4.0%}", end="", file=sys.stderr)


def main():
    if len(sys.argv) != 3:
        return "usage: python colorize_array.py photo.pgm colored.ppm"
    try:
        image = read_pnm(sys.argv[1])
        with libcolorize.Model() as model:
            rgb = model.colorize(image, progress=show)
        print(file=sys.stderr)
        write_ppm(sys.argv[2], rgb)
    except (OSError, ValueError, libcolorize.Error) as problem:
        return f"colorize_array: {problem}"
    return None


if __name__ == "__main__":
    sys.exit(main())

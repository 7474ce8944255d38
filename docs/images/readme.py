"""README.md's row of pictures: above as they are, below as the built-in model colors them.

    python docs/images/readme.py --command libcolorize PORTRAIT STREET INTERIOR FAILURE

SOURCES.md says which photographs these are. Nothing is chosen or touched up afterwards: default
options, cut to squares, written to readme.jpg beside this file.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

SIDE = 240
GAP = 6


def colored(command, photograph):
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "colored.png"
        subprocess.run([command, "--quiet", "-o", result, photograph], check=True)
        return Image.open(result).convert("RGB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", default="libcolorize")
    parser.add_argument("photographs", nargs=4)
    arguments = parser.parse_args()
    step = SIDE + GAP
    row = Image.new("RGB", (4 * step - GAP, 2 * step - GAP), "white")
    for column, photograph in enumerate(arguments.photographs):
        before = Image.open(photograph).convert("L").convert("RGB")
        for line, picture in enumerate([before, colored(arguments.command, photograph)]):
            square = ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS, 0, (0.5, 0.25))
            row.paste(square, (column * step, line * step))
    row.save(Path(__file__).with_name("readme.jpg"), quality=88, optimize=True)


if __name__ == "__main__":
    main()

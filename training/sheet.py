"""A contact sheet: pictures in gray, as models color them, and as they were.

    python training/sheet.py --command libcolorize --model OLD.safetensors --out O.png PICTURE...

A row belongs to a picture: gray, the built-in model, each --model, and, with --truth, the picture.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

SIDE = 256
GAP = 4


def colored(command, model, pictures, options):
    """The pictures as a model colors them."""
    with tempfile.TemporaryDirectory() as directory:
        arguments = [command, "run", "--quiet", "-o", directory, *options]
        if model:
            arguments += ["--model", model]
        subprocess.run([*arguments, *pictures], check=True)
        return [
            Image.open(Path(directory) / Path(picture).name).convert("RGB") for picture in pictures
        ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", default="libcolorize")
    parser.add_argument("--model", action="append", default=[], help="beside the built-in one")
    parser.add_argument("--network-size", help="default: each model's own")
    parser.add_argument("--truth", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("pictures", nargs="+")
    arguments = parser.parse_args()

    options = ["--network-size", arguments.network_size] if arguments.network_size else []
    originals = [Image.open(picture).convert("RGB") for picture in arguments.pictures]
    columns = [[original.convert("L").convert("RGB") for original in originals]]
    for model in [None, *arguments.model]:
        columns.append(colored(arguments.command, model, arguments.pictures, options))
    if arguments.truth:
        columns.append(originals)
    step = SIDE + GAP
    sheet = Image.new("RGB", (step * len(columns) - GAP, step * len(originals) - GAP), "white")
    for x, column in enumerate(columns):
        for y, picture in enumerate(column):
            picture = ImageOps.pad(picture, (SIDE, SIDE), color="white")
            sheet.paste(picture, (x * step, y * step))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(arguments.out)
    print(f"{arguments.out}: {len(originals)} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())

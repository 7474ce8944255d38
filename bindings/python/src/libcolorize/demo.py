"""Colors a picture with the published networks, as the release's demo does.

    python -m libcolorize.demo -i photo.jpg -o saved

writes saved_eccv16.png and saved_siggraph17.png, and shows them beside the original and its gray
form; without a display that figure becomes saved_panel.png. Where the
published weights are not there and cannot be downloaded, the built-in model writes
saved_default.png instead. Needs Pillow and Matplotlib:
pip install pillow matplotlib.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from . import Error, Model, weights

TITLES = {"eccv16": "Output (ECCV 16)", "siggraph17": "Output (SIGGRAPH 17)"}
# A picture in the figure is some 600 pixels wide; more of them only cost memory.
PANEL_PIXELS = 1200


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m libcolorize.demo",
        description="Colors a picture with the networks of ECCV 2016 and SIGGRAPH 2017.",
    )
    parser.add_argument(
        "-i", "--img_path", required=True, metavar="IMG", help="the picture, gray or colored"
    )
    parser.add_argument(
        "-o", "--save_prefix", default="saved", metavar="PREFIX",
        help="writes PREFIX_eccv16.png and PREFIX_siggraph17.png (default: saved)",
    )  # fmt: skip
    parser.add_argument(
        "--use_gpu", action="store_true", help="accepted; the CPU is used all the same"
    )
    for network in TITLES:
        parser.add_argument(
            f"--{network}", metavar="FILE", help=f"other weights for {network} than the published"
        )
    return parser.parse_args(arguments)


def missing_packages() -> list[str]:
    packages = {"pillow": "PIL", "matplotlib": "matplotlib"}
    return [name for name, module in packages.items() if find_spec(module) is None]


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file that has its name only once it is whole."""
    # Nobody else can know the name, or have put a link there.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def for_panel(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The same, smaller if it is large."""
    from PIL import Image

    return np.asarray(Image.fromarray(image).reduce(-(-max(image.shape[:2]) // PANEL_PIXELS)))


def gray(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """What the networks see: the lightness of a picture, uint8 [H, W, 3]."""
    from .colorizers.util import postprocess_tens, preprocess_img

    lightness, _ = preprocess_img(image, HW=(1, 1))
    rgb = postprocess_tens(lightness, np.zeros((1, 2, 1, 1), np.float32))
    return np.rint(255 * rgb).astype(np.uint8)


def show(pictures: dict[str, npt.NDArray[np.uint8]], path: Path) -> bool:
    """Four pictures in a figure, on the display or else in a file. Whether it was the display."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        from matplotlib import pyplot

        figure: Any = pyplot.figure(figsize=(12, 8))
        shown = figure.canvas.required_interactive_framework is not None
    else:
        # pyplot takes a while to load, and is for windows.
        from matplotlib.figure import Figure

        figure, shown = Figure(figsize=(12, 8)), False
    places = list(figure.subplots(2, 2).flat)
    for axes in places:
        axes.axis("off")
    for axes, (title, picture) in zip(places, pictures.items()):
        axes.imshow(picture)
        axes.set_title(title)
    if shown:
        pyplot.show()
    else:
        with written(path) as file:
            figure.savefig(file, format="png")
    return shown


def published(network: str) -> Path | None:
    """The published weights, or None if they cannot be had, which is said."""
    try:
        return weights.find(network)
    except weights.WeightsError as problem:
        if os.environ.get("LIBCOLORIZE_WEIGHTS"):
            # Who names a place wants that one or an error.
            raise
        print(
            f"libcolorize.demo: {network} is not here, and the built-in model takes its place: "
            f"{problem}",
            file=sys.stderr,
        )
        return None


def run(options: argparse.Namespace) -> None:
    from PIL import Image

    from .colorizers.util import load_img

    prefix = options.save_prefix
    image = load_img(options.img_path)
    # What is missing is said before anything is computed.
    files = {name: getattr(options, name) or published(name) for name in TITLES}
    original = for_panel(image)
    pictures = {"Original": original, "Input": gray(original)}
    networks = {name: title for name, title in TITLES.items() if files[name]}
    if len(networks) < len(TITLES):
        networks["default"] = "Output (built-in model)"
    for name, title in networks.items():
        with Model.from_file(files[name]) if name in TITLES else Model() as model:
            if name in TITLES and model.info.architecture != name:
                raise ValueError(f"{files[name]} holds {model.info.architecture}; this is {name}")
            preset: Any = "reference" if name in TITLES else "default"
            result = model.colorize(image, preset=preset)
        path = Path(f"{prefix}_{name}.png")
        with written(path) as file:
            Image.fromarray(result).save(file, format="png")
        print(path)
        pictures[title] = for_panel(result)
    panel = Path(f"{prefix}_panel.png")
    if not show(pictures, panel):
        print(panel)


def main(arguments: Sequence[str] | None = None) -> str | None:
    """What went wrong, or None."""
    options = parse(arguments)
    missing = missing_packages()
    if missing:
        return f"libcolorize.demo needs {' and '.join(missing)}: pip install {' '.join(missing)}"
    if options.use_gpu:
        print(
            "libcolorize.demo: libcolorize computes on the CPU; --use_gpu is ignored",
            file=sys.stderr,
        )
    from PIL.Image import DecompressionBombError

    try:
        run(options)
    except DecompressionBombError as problem:
        return f"libcolorize.demo: {options.img_path}: {problem}"
    except (Error, OSError, ValueError) as problem:
        return f"libcolorize.demo: {problem}"
    return None


if __name__ == "__main__":
    sys.exit(main())

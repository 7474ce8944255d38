"""Makes the gallery: gallery.md and its pictures, in a folder.

    python docs/site/gallery.py build/gallery

Each picture is what the line of Python above it gives with the built-in model; nothing is chosen
afterwards. The photographs are the one in examples/photos and those of README.md's picture.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import libcolorize

ROOT = Path(__file__).resolve().parents[2]
SIDE, STEP = 240, 246
"""Of a square in README.md's picture, and from one to the next."""

STYLES = {
    "default": "model.colorize(gray)",
    "natural": 'model.colorize(gray, style="natural")',
    "vivid": 'model.colorize(gray, style="vivid")',
}
CONTROLS = {
    "As it comes": {"default": "model.colorize(gray)"},
    "Temperature": {
        "0.1, towards the most probable color": "model.colorize(gray, temperature=0.1)",
        "1, the plain mean": "model.colorize(gray, temperature=1)",
    },
    "Other plausible colorings": {
        f"variant {number}": f"model.colorize(gray, variant={number})" for number in (1, 2, 3, 4)
    },
    "Known colors": {
        "a brown coat": 'model.colorize(gray, hints=[(190, 220, "#7a3b2e", 25)])',
        "a blue coat": 'model.colorize(gray, hints=[(190, 220, "navy", 25)])',
        "brown, and a green lawn": (
            'model.colorize(gray, hints=[(190, 220, "#7a3b2e", 25), (60, 440, "#6a8a3a", 40)])'
        ),
    },
    "How the colors are enlarged": {
        "guided, the default": 'model.colorize(gray, upsampling="guided")',
        "bilinear": 'model.colorize(gray, upsampling="bilinear")',
    },
}


def photographs() -> dict[str, np.ndarray]:
    """uint8 [SIDE, SIDE], the gray squares of README.md's picture by what they show."""
    row = np.asarray(Image.open(ROOT / "docs" / "images" / "readme.jpg").convert("L"))
    names = ("A portrait", "A street", "An interior", "A failure: a dark print in its mount")
    return {
        name: np.ascontiguousarray(row[:SIDE, STEP * number : STEP * number + SIDE])
        for number, name in enumerate(names)
    }


class Gallery:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = [
            "# Gallery",
            "Made by [gallery.py](site/gallery.py) with the built-in model. Above each"
            " picture is the line that made it; `gray` is the photograph, `[H, W]`, and `model` is"
            " `libcolorize.Model()`. The [sources](images/SOURCES.md) of the photographs.",
        ]
        self._count = 0

    def add(self, title: str, picture: np.ndarray, line: str = "") -> None:
        self._count += 1
        name = f"{self._count:02d}.jpg"
        Image.fromarray(picture).save(self.folder / name, quality=88, optimize=True)
        if line:
            self.text.append(f"**{title}**\n\n```python\n{line}\n```")
        self.text.append(f"![{title}](gallery/{name})")

    def write(self) -> None:
        (self.folder / "gallery.md").write_text("\n\n".join(self.text) + "\n")


def main() -> str | None:
    if len(sys.argv) != 2:
        return __doc__
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    gallery = Gallery(folder)
    with libcolorize.Model() as model:

        def made(line: str, gray: np.ndarray) -> Any:
            return eval(line, {"model": model, "gray": gray})

        for title, gray in photographs().items():
            gallery.text.append(f"## {title}")
            rows = [np.repeat(gray[:, :, None], 3, axis=2)]
            rows += [made(line, gray) for line in STYLES.values()]
            gap = np.full((SIDE, 6, 3), 255, np.uint8)
            row = [part for one in rows for part in (one, gap)][:-1]
            gallery.text.append(
                "Gray, then default, natural and vivid:\n\n```python\n"
                + "\n".join(STYLES.values())
                + "\n```"
            )
            gallery.add(f"{title}: gray, default, natural, vivid", np.hstack(row))
        camera = np.asarray(Image.open(ROOT / "examples" / "photos" / "camera.png").convert("L"))
        gallery.text.append(
            "# Steering\n\nThe same photograph, 512 pixels wide, over and over."
            " [Control](control.md) explains each of these."
        )
        gallery.add("The photograph", camera)
        for title, lines in CONTROLS.items():
            gallery.text.append(f"## {title}")
            for caption, line in lines.items():
                gallery.add(caption, made(line, camera), line)
    gallery.write()
    return None


if __name__ == "__main__":
    sys.exit(main())

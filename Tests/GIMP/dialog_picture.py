"""Makes the README's picture of the dialog: a photograph with a layer of hints.

    make check-gimp   # builds the filter; then
    LIBCOLORIZE_PLUG_IN=build/check-gimp/libcolorize-photo \\
      PYTHONPATH=bindings/python/src .venv/bin/python Tests/GIMP/dialog_picture.py
"""

import os
import tempfile
import time
from pathlib import Path

from display import Display
from gimp import Gimp, read_png
from PIL import Image
from server import wait_for
from test_display import DIALOG, Opened, colorfulness

from pictures import PHOTOGRAPH, as_rgb

PICTURE = Path(__file__).resolve().parents[2] / "docs/images/gimp-dialog.png"
# A stroke on the coat, at this place of the photograph: x, y, width, height.
STROKE = (110, 260, 60, 12)
COLOR = (25, 45, 110)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Display(Gimp(folder, Path(os.environ["LIBCOLORIZE_PLUG_IN"]))) as display:
            photograph = as_rgb(read_png(PHOTOGRAPH))
            opened = Opened(display, folder, photograph)
            size = " ".join(map(str, photograph.shape[1::-1]))
            opened.evaluate(
                f"""
                (let ((hints (car (gimp-layer-new {opened.image} {size} RGBA-IMAGE "hints"
                                                  100 LAYER-MODE-NORMAL))))
                  (gimp-image-insert-layer {opened.image} hints 0 -1)
                  (gimp-context-set-foreground '({" ".join(map(str, COLOR))}))
                  (gimp-image-select-rectangle {opened.image} CHANNEL-OP-REPLACE
                                               {" ".join(map(str, STROKE))})
                  (gimp-edit-bucket-fill hints BUCKET-FILL-FG LAYER-MODE-NORMAL 100 255 FALSE 0 0)
                  (gimp-selection-none {opened.image})
                  (gimp-image-set-active-layer {opened.image} {opened.layer}))
                """
            )
            opened.open_dialog()
            # Where there is nothing to be explained.
            display.xdotool("mousemove", "1279", "899")
            x, y, width, height = display.frame(DIALOG)
            crop = lambda: display.screenshot()[y : y + height, x : x + width]  # noqa: E731
            wait_for(lambda: colorfulness(crop()[40:270, width // 2 :]) > 5)
            # The preview follows once more when the hints are found.
            time.sleep(2)
            Image.fromarray(crop()).save(PICTURE, optimize=True)
            display.press(DIALOG, "Escape")
    print(PICTURE)


if __name__ == "__main__":
    main()

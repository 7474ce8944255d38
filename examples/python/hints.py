"""Colors a photograph with colors that are known, and says what else is plausible there.

    python hints.py photo.png colored.png 120,80 300,200,#b03020 40,40,#6a8a3a,12

x,y prints the colors that the network finds possible at that pixel; x,y,#rrggbb gives it a color,
and a fourth number makes that a square of so many pixels to each side. The lightness of the
photograph stays as it is: the color that is given says the hue.

Needs the colorize package and Pillow.
"""

import sys

import numpy as np
from PIL import Image

import libcolorize


def parse(text):
    """A place as (x, y), or a Hint."""
    x, y, *rest = text.split(",")
    if not rest:
        return float(x), float(y)
    color, radius = (*rest, "0")[:2]
    return libcolorize.Hint(float(x), float(y), color, radius=float(radius))


def show_suggestions(session, places, hints):
    """Prints what the network finds possible at places, as far as the hints leave it open."""
    for (x, y), suggestions in zip(places, session.suggest(places, hints=hints)):
        print(f"at {x:g},{y:g}:")
        for suggestion in suggestions:
            red, green, blue = (round(255 * value) for value in suggestion.rgb)
            print(f"  {suggestion.probability:4.0%}  #{red:02x}{green:02x}{blue:02x}")


def main():
    if len(sys.argv) < 3:
        return "usage: python hints.py photo.png colored.png [x,y[,#rrggbb[,radius]] ...]"
    try:
        given = [parse(text) for text in sys.argv[3:]]
        hints = [entry for entry in given if isinstance(entry, libcolorize.Hint)]
        places = [entry for entry in given if entry not in hints]
        with Image.open(sys.argv[1]) as file:
            image = np.asarray(file.convert("RGB"))
        # A session sees the photograph once, whatever is asked of it afterwards.
        with libcolorize.Model() as model, model.session(image) as session:
            if places:
                show_suggestions(session, places, hints)
            rgb = session.colorize(hints=hints)
        Image.fromarray(rgb).save(sys.argv[2])
    except (OSError, ValueError, libcolorize.Error) as problem:
        return f"hints: {problem}"
    return None


if __name__ == "__main__":
    sys.exit(main())

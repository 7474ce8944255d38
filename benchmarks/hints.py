"""What hints are worth: PSNR against their number, and whether they are kept.

    python benchmarks/hints.py DIR [--model FILE] [--plot hints.png]

The sweep of Zhang et al. 2017 (section 4.1): patches of 6x6 pixels at Gaussian places tell the
mean color of what is under them in the photograph. Each photograph's lightness is colored with 0,
1, 2, 5, 10, 20 and 50 of them by colorize_run with its defaults, and compared with the photograph:
over the whole picture, and outside of all 50 patches, so that every number is measured on the same
pixels. Then the color at each patch's centre is compared with what was asked for.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import color

import libcolorize

COUNTS = (0, 1, 2, 5, 10, 20, 50)
SIDE = 6
SUFFIXES = (".jpg", ".jpeg", ".png")


def places(rng, side):
    """The first pixels of patches: Gaussian about the middle, a quarter of the side wide."""
    room = side - SIDE
    wanted = (room + 1) / 2 + (room + 1) / 4 * rng.standard_normal(max(COUNTS))
    return np.clip(wanted.astype(int), 0, room)


def psnr(difference):
    return -10 * np.log10((difference**2).mean())


def measure(model, path, number):
    """PSNR of the whole picture and outside of patches, for each count; CIEDE2000 at centres."""
    truth = np.asarray(Image.open(path).convert("RGB")) / 255.0
    lab = color.rgb2lab(truth)
    # The lightness as a gray picture: what colorize_run looks at.
    gray = color.lab2rgb(np.dstack([lab[..., :1], np.zeros_like(lab[..., 1:])]))[..., 0]
    gray = np.clip(gray, 0, 1).astype(np.float32)
    rng = np.random.default_rng(number)
    height, width = gray.shape
    hints, outside = [], np.ones(gray.shape, bool)
    for y, x in zip(places(rng, height), places(rng, width), strict=True):
        patch = np.s_[y : y + SIDE, x : x + SIDE]
        ab = lab[patch][..., 1:].mean((0, 1))
        hints.append(libcolorize.Hint(x + SIDE / 2, y + SIDE / 2, ab=tuple(ab), radius=SIDE / 2))
        outside[patch] = False
    whole, rest, kept = [], [], []
    for count in COUNTS:
        made = model.colorize(gray, hints=hints[:count])
        whole.append(psnr(made - truth))
        rest.append(psnr((made - truth)[outside]))
        if count != 10:
            continue
        made_lab = color.rgb2lab(made.astype(np.float64))
        for hint in hints[:count]:
            at = made_lab[int(hint.y), int(hint.x)]
            # What was asked for, at this lightness, as far as sRGB has it.
            asked = np.array([at[0], *hint.ab])
            asked = color.rgb2lab(np.clip(color.lab2rgb(asked[None, None]), 0, 1))[0, 0]
            kept.append(color.deltaE_ciede2000(at, asked))
    return whole, rest, kept


def plot(path, rows):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for values, label in zip(rows, ("whole picture", "outside of the patches"), strict=True):
        axes.plot(range(len(COUNTS)), values, marker="o", label=label)
    axes.set_xticks(range(len(COUNTS)), COUNTS)
    axes.set_xlabel("hints")
    axes.set_ylabel("PSNR, dB")
    axes.legend()
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, help="default: the built-in model")
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()

    paths = sorted(p for p in arguments.folder.iterdir() if p.suffix.lower() in SUFFIXES)
    with libcolorize.Model(arguments.model) as model:
        measured = [measure(model, path, number) for number, path in enumerate(paths)]
        name = model.info.architecture
    whole = np.mean([m[0] for m in measured], axis=0)
    rest = np.mean([m[1] for m in measured], axis=0)
    kept = np.concatenate([m[2] for m in measured])
    print(f"{name}, {len(paths)} photographs, PSNR in dB\n")
    print(f"| hints | {' | '.join(map(str, COUNTS))} |")
    print(f"|{'---|' * (1 + len(COUNTS))}")
    print(f"| whole picture | {' | '.join(f'{v:.2f}' for v in whole)} |")
    print(f"| outside of the patches | {' | '.join(f'{v:.2f}' for v in rest)} |")
    print(
        f"\nCIEDE2000 from what was asked for at the centres of 10 hints: median "
        f"{np.median(kept):.2f}, 90 % below {np.quantile(kept, 0.9):.2f}"
    )
    if arguments.plot:
        plot(arguments.plot, (whole, rest))
    rises = (np.diff(whole) > 0).all() and (np.diff(rest) > 0).all()
    print("rises all the way" if rises else "does NOT rise all the way")
    return 0


if __name__ == "__main__":
    sys.exit(main())

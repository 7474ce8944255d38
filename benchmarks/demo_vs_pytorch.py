"""python -m colorize.demo against the release's demo under PyTorch, from a process's start to PNGs.

    COLORIZE_LIBRARY=.../libcolorize.so PYTHONPATH=bindings/python/src:Tests/Reference \\
      python benchmarks/demo_vs_pytorch.py [--rounds 7] [--maximum-ratio 1]

Needs Tests/Reference/requirements.txt. Both load the same weights from the same files (those of
Tests/Reference/published.py; the release as from its cache, colorize with its SHA-256 compared),
colour the same photograph with both networks and write both pictures; colorize also draws the
figure into a file, which the release draws on displays only. Rounds are interleaved. Prints the
medians of time, their ratio (colorize over the release) and of each process's largest resident
memory. Fails where the pictures differ by more than a level of 255, since a speed of something else
would not count, or where a ratio is over --maximum-ratio. Let nothing else run meanwhile.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import demos

# A height and a width like those of a camera's preview, and a small one.
SIZES = [(300, 451), (1365, 2048)]


def measure(command, folder):
    """Seconds and megabytes that a process takes."""
    start = time.perf_counter()
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            command, env=demos.environment(folder), stdout=log, stderr=subprocess.STDOUT
        )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit((folder / "log").read_text())
    return seconds, usage.ru_maxrss / 1024


def largest_difference(folder):
    worst = 0
    for network in demos.FILES:
        pictures = [
            np.asarray(Image.open(folder / f"{name}_{network}.png").convert("RGB")).astype(int)
            for name in ("ours", "released")
        ]
        worst = max(worst, np.abs(pictures[0] - pictures[1]).max())
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--maximum-ratio", type=float, metavar="RATIO")
    arguments = parser.parse_args()

    print(f"{'picture':>9} {'':8} {'colorize':>9} {'PyTorch':>9} {'ratio':>6} {'max level':>9}")
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demos.write_checkpoints(folder)
        photograph = Image.open(Path(__file__).parents[1] / "docs/images/camera-colorized.jpg")
        for height, width in SIZES:
            image = folder / f"{width}x{height}.jpg"
            photograph.resize((width, height)).save(image)
            commands = {
                "ours": demos.own_demo(folder, "-i", image, "-o", folder / "ours"),
                "released": demos.released_demo(folder, "-i", image, "-o", folder / "released"),
            }
            # The first run of each brings its files into the system's cache.
            for command in commands.values():
                measure(command, folder)
            difference = largest_difference(folder)
            results = {name: [] for name in commands}
            for number in range(arguments.rounds):
                # Each is the first of the two as often as the second.
                for name in list(commands)[:: -1 if number % 2 else 1]:
                    results[name].append(measure(commands[name], folder))
            for index, unit in enumerate(("s", "MB")):
                ours, theirs = (
                    statistics.median(result[index] for result in results[name])
                    for name in commands
                )
                digits = 2 - 2 * index
                label = f"{width}x{height}" if index == 0 else ""
                shown = f"{difference:9}" if index == 0 else ""
                print(
                    f"{label:>9} {('time', 'memory')[index]:8} {ours:6.{digits}f} {unit:2} "
                    f"{theirs:6.{digits}f} {unit:2} {ours / theirs:6.2f} {shown}",
                    flush=True,
                )
                if arguments.maximum_ratio is not None:
                    good &= ours / theirs <= arguments.maximum_ratio
            good &= bool(difference <= 1)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

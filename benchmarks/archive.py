"""A folder of pictures in one process, against one-thread commands side by side.

    LIBCOLORIZE_COMMAND=... python benchmarks/archive.py [--pictures 200] [--rounds 5]

Needs NumPy and Pillow. Rounds are interleaved; figures are the best of each. Prints pictures a
second of

  one process    libcolorize -o OUT FOLDER
  side by side   as many commands of one thread as processors, each with its share of the pictures
  files alone    decoding and encoding the same pictures with libjpeg (Pillow), without any network,
                 in as many processes
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (1600, 1200)


def make(folder, count):
    """Gray JPEGs of 1600 x 1200 pixels with the spectrum of photographs, of some 1 MB each."""
    folder.mkdir()
    random = np.random.default_rng(1)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE[0]), np.fft.fftfreq(SIZE[1])))
    frequency[0, 0] = 1
    for number in range(count):
        phase = np.exp(2j * np.pi * random.random(frequency.shape))
        waves = np.fft.ifft2(phase / frequency).real
        gray = np.clip(128 + 48 * waves / waves.std(), 0, 255).astype(np.uint8)
        Image.fromarray(gray).save(folder / f"{number:05}.jpg", quality=90)


def recode(paths, out):
    for path in paths:
        with Image.open(path) as image:
            image.convert("RGB").save(out / path.name, quality=95, subsampling=0)


def timed(work, out):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    start = time.perf_counter()
    work(out)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processors", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    command = os.environ["LIBCOLORIZE_COMMAND"]
    with tempfile.TemporaryDirectory() as scratch:
        folder, out = Path(scratch, "in"), Path(scratch, "out")
        make(folder, arguments.pictures)
        paths = sorted(folder.iterdir())
        shares = [paths[number :: arguments.processors] for number in range(arguments.processors)]

        def one_process(out):
            subprocess.run([command, "--quiet", "-o", out, folder], check=True)

        def side_by_side(out):
            running = [
                subprocess.Popen(
                    [command, "--quiet", "--threads", "1", "--jobs", "1", "-o", out, *share]
                )
                for share in shares
            ]
            if any([process.wait() for process in running]):
                sys.exit("a command has failed")

        def files_alone(out):
            with ProcessPoolExecutor(arguments.processors) as pool:
                list(pool.map(recode, shares, [out] * len(shares)))

        ways = {
            "one process": one_process,
            "side by side": side_by_side,
            "files alone": files_alone,
        }
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(arguments.rounds):
            for name, work in ways.items():
                best[name] = min(best[name], timed(work, out))
    for name, seconds in best.items():
        print(f"{name:14} {arguments.pictures / seconds:6.1f} pictures a second")
    print(f"one process : side by side  {best['side by side'] / best['one process']:.2f}")


if __name__ == "__main__":
    main()

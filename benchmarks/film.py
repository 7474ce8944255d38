"""Frames a second of `libcolorize video`, from a file to a file, and where the time goes.

    LIBCOLORIZE_COMMAND=... python benchmarks/film.py FILM [--frames 200] [--rounds 3] [--pytorch]

FILM is made gray, of 640x480 and of 1280x720 pixels, in H.264. Rounds are interleaved; figures are
the best of each. Prints frames a second of the command, with colors kept steady, frame by frame,
and steady with the network on one frame of four; and the processors' milliseconds for a frame, of
which so many are ffmpeg's to decode it, and to encode it in color.

--pytorch: the released siggraph17, as its demo calls it (its own preprocessing and postprocessing,
all processors), for each frame of the film of 640x480 pixels, read and written through ffmpeg like
the command's. It needs Tests/Reference's environment and PYTHONPATH. The time that a network takes
does not depend on its weights, which are random here.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SIZES = ((640, 480), (1280, 720))
WANTED = {(640, 480): 24, (1280, 720): 15}
ENCODER = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p")


def ffmpeg(*arguments: object) -> list[str]:
    return ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]


def raw(path: Path) -> list[str]:
    return ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1")


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and the processors' seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pytorch(film: Path, out: Path, size: tuple[int, int]) -> Callable[[], None]:
    import colorizers
    import numpy as np
    import torch

    model = colorizers.siggraph17(pretrained=False).eval()
    width, height = size

    def work() -> None:
        encoder = ffmpeg(
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i", "pipe:0"
        )
        with (
            subprocess.Popen(raw(film), stdout=subprocess.PIPE) as reading,
            subprocess.Popen([*encoder, *ENCODER, out], stdin=subprocess.PIPE) as writing,
            torch.no_grad(),
        ):
            while frame := reading.stdout.read(width * height * 3):
                picture = np.frombuffer(frame, np.uint8).reshape(height, width, 3)
                original, network = colorizers.preprocess_img(picture, HW=(256, 256), resample=3)
                colored = colorizers.postprocess_tens(original, model(network))
                writing.stdin.write((colored * 255).astype(np.uint8).tobytes())
            writing.stdin.close()

    return work


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("film", type=Path, metavar="FILM")
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pytorch", action="store_true")
    given = parser.parse_args()
    command = [os.environ["LIBCOLORIZE_COMMAND"], "video", "--quiet"]
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for width, height in SIZES:
            film, out = Path(scratch) / "film.mp4", Path(scratch) / "out.mp4"
            look = f"scale={width}:{height},format=gray,format=yuv420p"
            subprocess.run(
                ffmpeg("-i", given.film, "-frames:v", given.frames, "-vf", look,
                       "-an", *ENCODER, film), check=True)  # fmt: skip
            works = {
                "steady": [*command, film, "-o", out],
                "frame by frame": [*command, "--steadiness", "1", film, "-o", out],
                "network on 1 of 4": [*command, "--keyframe-interval", "4", film, "-o", out],
                "decoded": ffmpeg("-i", film, "-vf", "format=rgb24", "-f", "null", "-"),
                "encoded": ffmpeg("-i", out, "-vf", "format=rgb24,format=yuv420p", *ENCODER,
                                  Path(scratch) / "again.mp4"),
            }  # fmt: skip
            runs = {
                name: (lambda work=work: subprocess.run(work, check=True))
                for name, work in works.items()
            }
            if given.pytorch and (width, height) == SIZES[0]:
                runs["siggraph17, PyTorch"] = pytorch(film, Path(scratch) / "theirs.mp4", SIZES[0])
            best = {name: (float("inf"), float("inf")) for name in runs}
            for _ in range(given.rounds):
                for name, run in runs.items():
                    best[name] = min(best[name], timed(run))
            print(f"{width}x{height}, {given.frames} frames")
            for name, (seconds, used) in best.items():
                rate = given.frames / seconds
                holds = rate >= WANTED[width, height] or name not in ("steady", "frame by frame")
                missed += not holds
                ours = (
                    ""
                    if "PyTorch" in name
                    else f"{1e3 * used / given.frames:7.1f} ms of processors"
                )
                print(
                    f"  {name:20}{rate:7.1f} a second{ours}{'' if holds else '  MISSED'}",
                    flush=True,
                )
            if "siggraph17, PyTorch" in best:
                times = best["siggraph17, PyTorch"][0] / best["steady"][0]
                missed += times < 20
                print(
                    f"  PyTorch's time over the steadied command's: {times:.1f}"
                    + ("" if times >= 20 else "  MISSED")
                )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""How much faster a second worker of libcolorize.ray is, on this machine.

    .ray/bin/python benchmarks/ray_workers.py [--pictures 200] [--side 1200] [--workers 1 2]

Needs the environment of `make check-ray`, LIBCOLORIZE_LIBRARY and LIBCOLORIZE_COMMAND. Prints
pictures a second for each number of workers: of the whole run, and of what follows the first
picture, since starting workers takes seconds.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import ray as cluster
from PIL import Image

from libcolorize import ray


def first_and_last(out, pictures, begin, stop):
    """Seconds until the first and the last of the outputs, which a thread waits for."""
    seen = {}

    def watch():
        while not stop.is_set() and len(seen) < pictures:
            for path in out.glob("*.jpg"):
                seen.setdefault(path.name, time.perf_counter() - begin)
            time.sleep(0.01)

    thread = threading.Thread(target=watch)
    thread.start()
    return seen, thread


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--side", type=int, default=1200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    cluster.init(num_cpus=max(options.workers) + 1, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as name:
        scans = Path(name) / "scans"
        scans.mkdir()
        size = (options.side * 3 // 4, options.side)
        for number in range(options.pictures):
            small = np.random.default_rng(number).integers(0, 256, (30, 40)).astype(np.uint8)
            Image.fromarray(small).resize(size[::-1]).save(scans / f"{number}.jpg")
        for workers in options.workers:
            out, stop = Path(name) / f"out-{workers}", threading.Event()
            begin = time.perf_counter()
            seen, thread = first_and_last(out, options.pictures, begin, stop)
            result = ray.batch(scans, out, workers=workers, batch_size=8, progress=False)
            stop.set()
            thread.join()
            whole = time.perf_counter() - begin
            assert len(result.done) == options.pictures, result
            after = max(seen.values()) - min(seen.values())
            print(
                f"{workers} workers: {options.pictures / whole:.1f} pictures a second; "
                f"{(options.pictures - 1) / after:.1f} after the first"
            )


if __name__ == "__main__":
    main()

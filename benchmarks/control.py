"""What a user who steers waits for: cancelling, one more hint, and a very large picture.

cancel     the longest time between two questions whether to stop, and from a "yes" to the end of
           the call, at every tenth of a run: each network at 1024x1024, on 24 megapixels
session    one more hint in a session, against a fresh call
200 MP     a buffer of 16 bits: time, and memory beyond the buffers, the model and its activations
"""

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from names import DEFAULT, architecture

HERE = Path(__file__)
CANCEL_BOUND = 50
NETWORK_SIZE = 1024
CANCELLED = (6000, 4000)
SESSIONS = [(1024, 768), (3000, 2000)]
VERY_LARGE = (20000, 10000)


def run(results, setup):
    results.section("Control")
    rows = []
    for threads in setup.threads:
        # The network's size is the same for all.
        for network, name in {architecture(name): name for name in setup.networks}.items():
            file = "" if network == DEFAULT else setup.folder / f"{name}.pth"
            measured = worker("cancel", file, threads)
            gap = results.record("control", network, "gap", "ms", measured["gaps"], threads=threads)
            stop = results.record(
                "control", network, "stop", "ms", measured["stops"], threads=threads
            )
            longest = max(measured["gaps"]), max(measured["stops"])
            rows.append([network, threads, gap, longest[0], stop, longest[1]])
            results.bound(
                f"{network}, {threads} threads: from a request to the end of the call, ms",
                sum(longest), CANCEL_BOUND,
            )  # fmt: skip
    results.table(
        ["network", "threads", "question, ms", "longest", "answer to end, ms", "longest"], rows
    )
    rows = []
    for size in SESSIONS:
        measured = worker("session", *size)
        fresh = results.record("control", "libcolorize", "fresh", "ms", measured["fresh"])
        again = results.record("control", "libcolorize", "session", "ms", measured["session"])
        rows.append([f"{size[0]}x{size[1]}", fresh, again, again / fresh])
    results.table(["picture", "fresh call, ms", "in a session, ms", "ratio"], rows)
    measured = worker("large", *VERY_LARGE)
    results.table(
        ["gray16 to RGB16", "seconds", "memory beyond, MB"],
        [[f"{VERY_LARGE[0]}x{VERY_LARGE[1]}", measured["seconds"], measured["megabytes"]]],
    )


def worker(mode, *arguments):
    command = [sys.executable, HERE, mode, *map(str, arguments)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def noise(width, height, dtype):
    """A picture that is not flat; made row by row, since it may be large."""
    rng = np.random.default_rng(1)
    row = rng.integers(0, np.iinfo(dtype).max, width + 1024, dtype)
    picture = np.empty((height, width), dtype)
    for y in range(height):
        first = y * 7 % 1024
        picture[y] = row[first : first + width] // 2 + y % 100
    return picture


def measure_cancel(file, threads):
    import libcolorize

    threads = int(threads)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    model = libcolorize.Model(file or None)
    picture = noise(*CANCELLED, np.uint8)
    out = np.empty((*picture.shape, 3), np.uint8)
    options = {"network_size": NETWORK_SIZE, "threads": threads, "out": out}

    asked = []

    def note(_):
        asked.append(time.perf_counter())

    model.colorize(picture, **options)
    start = time.perf_counter()
    model.colorize(picture, progress=note, **options)
    gaps = 1000 * np.diff([start, *asked])

    stops = []
    for tenth in range(10):
        said = []

        def stop(fraction, tenth=tenth, said=said):
            if fraction < tenth / 10:
                return False
            said.append(time.perf_counter())
            return True

        try:
            model.colorize(picture, progress=stop, **options)
        except libcolorize.Error as error:
            assert error.name == "COLORIZE_CANCELLED"
        stops.append(1000 * (time.perf_counter() - said[0]))
    return {"gaps": gaps.tolist(), "stops": stops}


def measure_session(width, height):
    import libcolorize

    width, height = int(width), int(height)
    model = libcolorize.Model()
    picture = noise(width, height, np.uint8)
    out = np.empty((*picture.shape, 3), np.uint8)
    rng = np.random.default_rng(2)
    times = {"fresh": [], "session": []}
    with model.session(picture) as session:
        for count in range(1, 21):
            hints = [
                libcolorize.Hint(x, y, ab=(20, 20), radius=5)
                for x, y in rng.uniform(0, min(width, height), (count, 2))
            ]
            start = time.perf_counter()
            model.colorize(picture, hints=hints, out=out)
            middle = time.perf_counter()
            session.colorize(hints=hints, out=out)
            end = time.perf_counter()
            if count > 1:
                times["fresh"].append(1000 * (middle - start))
                times["session"].append(1000 * (end - middle))
    return times


def measure_large(width, height):
    import libcolorize

    model = libcolorize.Model()
    # The network's memory stays with the model.
    model.colorize(noise(300, 200, np.uint16))
    picture = noise(int(width), int(height), np.uint16)
    out = np.ones((*picture.shape, 3), np.uint16)
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    start = time.perf_counter()
    model.colorize(picture, out=out)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "megabytes": (status("VmHWM") - before) / 1024}


def status(name):
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    MODES = {"cancel": measure_cancel, "session": measure_session, "large": measure_large}
    print(json.dumps(MODES[sys.argv[1]](*sys.argv[2:])))

"""Large pictures: what is done before and after the network, and what it costs by size.

    python pixels.py ours   FOLDER THREADS
    python pixels.py python FOLDER
    python pixels.py memory FOLDER

are the processes that are measured. Each makes the pictures that it needs of the same photograph;
the first two go over `SIZES` and print a line of JSON.
"""

import ctypes
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from results import LEVEL_BOUND

# Width and height.
SIZES = [(300, 200), (600, 400), (1200, 800), (2400, 1600), (6000, 4000)]
LARGEST = SIZES[-1]
TIME_BOUND = 0.05
MEMORY_BOUND = 32
# The Python pipeline takes seconds, and they hardly vary.
ROUNDS = 5
# A stage of the pipeline -> what is timed.
STAGES = ("resize", "rgb2lab", "rgb2lab of the small one", "interpolate", "lab2rgb")


def run(results, setup):
    results.section("Large pictures")
    results.say(
        "The default model. Ours: all of colorize_run with the preset `reference`, the network "
        "included, and `pixels` what is left of it without the network (colorize_predict at "
        "256x256). The Python pipeline: preprocess_img and postprocess_tens of the release, "
        "without reading the file and without the network. Each in a process of its own, which may "
        "use as many processors "
        "as it has threads; Python's may use all."
    )
    own = {threads: [] for threads in setup.threads}
    python = []
    for _ in range(min(setup.rounds, ROUNDS)):
        for threads in setup.threads:
            own[threads].append(worker("ours", setup.folder, threads))
        python.append(worker("python", setup.folder))
    results.difference(
        f"the {LARGEST[0]}x{LARGEST[1]} picture, in levels,",
        max(said["levels"] for said in python), LEVEL_BOUND,
    )  # fmt: skip
    stages(results, own, python)
    sizes(results, own, python)
    beyond(results, [worker("memory", setup.folder) for _ in range(3)])


def beyond(results, megabytes):
    if None in megabytes:
        results.say("This system does not count the largest resident memory anew.")
        return
    largest = results.record("pixels", "libcolorize", "memory beyond", "MB", megabytes)
    results.say(
        f"Beyond input, output, model and the network's memory, a picture of "
        f"{LARGEST[0]}x{LARGEST[1]} pixels took {largest:.1f} MB at most."
    )
    results.bound("24 megapixels: memory beyond, MB", largest, MEMORY_BOUND)


def stages(results, own, python):
    """The largest picture, stage by stage."""
    pixels = LARGEST[0] * LARGEST[1]
    theirs = {
        stage: results.record(
            "pixels", "Python pipeline", stage, "ms",
            [said["stages"][-1][stage] for said in python], pixels=pixels,
        )
        for stage in STAGES
    }  # fmt: skip
    total = sum(theirs.values())
    rows = [
        ["Python pipeline", stage, value, value / pixels * 1e6] for stage, value in theirs.items()
    ]
    rows.append(["Python pipeline", "these stages", total, total / pixels * 1e6])
    for threads, saids in own.items():
        name = f"libcolorize, {threads} thread{'s' if threads > 1 else ''}"
        whole, network = (
            results.record(
                "pixels", "libcolorize", quantity, "ms", [value(said) for said in saids],
                threads=threads, pixels=pixels,
            )
            for quantity, value in [
                ("whole", lambda said: said["whole"][-1]),
                ("network", lambda said: said["network"]),
            ]
        )  # fmt: skip
        for stage, value in [("network", network), ("pixels", whole - network), ("whole", whole)]:
            # For each processor that works on it.
            rows.append([name, stage, value, value * threads / pixels * 1e6])
        results.bound(
            f"24 megapixels, {threads} thread{'s' if threads > 1 else ''}: time over the Python "
            "pipeline's stages", whole / total, TIME_BOUND,
        )  # fmt: skip
    results.say(f"### {LARGEST[0]}x{LARGEST[1]}")
    results.table(["", "stage", "ms", "ns a pixel and core"], rows)


def sizes(results, own, python):
    """What a picture costs by its size."""
    results.say("### By size")
    rows = []
    for number, (width, height) in enumerate(SIZES):
        pixels = width * height
        row = [f"{width}x{height}", pixels / 1e6]
        for threads, saids in own.items():
            row.append(
                results.record(
                    "pixels", "libcolorize", "cost", "ms",
                    [said["whole"][number] for said in saids], threads=threads, pixels=pixels,
                )
            )  # fmt: skip
        row.append(row[-1] / pixels * 1e6)
        row.append(
            results.record(
                "pixels", "Python pipeline", "cost", "ms",
                [sum(said["stages"][number].values()) for said in python], pixels=pixels,
            )
        )  # fmt: skip
        rows.append(row)
    own_columns = [f"ours, {threads} thread{'s' if threads > 1 else ''}, ms" for threads in own]
    results.table(
        ["picture", "megapixels", *own_columns, "ns a pixel", "Python without network, ms"], rows
    )


def worker(mode, folder, *arguments):
    result = subprocess.run(
        [sys.executable, __file__, mode, folder, *map(str, arguments)],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return json.loads(result.stdout)


# ---- The processes that are measured -------------------------------------------------------------


def photograph(width, height):
    with Image.open(Path(__file__).parents[1] / "docs/images/camera-colorized.jpg") as image:
        return np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC))


@contextmanager
def timed(stage, times):
    """Notes the milliseconds that the block takes."""
    start = time.perf_counter()
    yield
    times[stage] = 1000 * (time.perf_counter() - start)


def milliseconds(function, repetitions):
    """The median duration."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def measure_ours(folder, threads):
    import libcolorize

    threads = int(threads)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    model = libcolorize.Model()
    whole = []
    for width, height in SIZES:
        picture = photograph(width, height)
        out = np.empty_like(picture)

        def color(picture=picture, out=out):
            model.colorize(picture, out=out, preset="reference", threads=threads)

        color()
        whole.append(milliseconds(color, 3 if (width, height) == LARGEST else 7))
    np.save(Path(folder) / "largest.npy", out)
    lightness = np.full((256, 256), 50, np.float32)
    model.predict(lightness, threads=threads)
    network = milliseconds(lambda: model.predict(lightness, threads=threads), 7)
    return {"whole": whole, "network": network}


def measure_python(folder):
    import colorizers.util
    import torch
    import torch.nn.functional as F
    from skimage import color

    import compact
    import graphs
    import models

    network = models.load(graphs.DEFAULT_MODEL)
    result = []
    # The first one prepares what is made once.
    for width, height in [SIZES[0], *SIZES]:
        picture = photograph(width, height)
        times = {}
        # The lines of colorizers.util, one by one.
        with timed("resize", times):
            small = colorizers.util.resize_img(picture, HW=(256, 256))
        with timed("rgb2lab", times):
            lightness = torch.Tensor(color.rgb2lab(picture)[:, :, 0])[None, None]
        with timed("rgb2lab of the small one", times):
            small_lightness = torch.Tensor(color.rgb2lab(small)[:, :, 0])
        inputs = torch.zeros(1, 4, 256, 256)
        inputs[0, 0] = (small_lightness - 50) / 100
        with torch.no_grad():
            ab = compact.annealed_mean(network(inputs), compact.PAPER_TEMPERATURE)
        with timed("interpolate", times):
            ab = F.interpolate(ab, size=(height, width), mode="bilinear")
        with timed("lab2rgb", times):
            lab = torch.cat((lightness, ab), dim=1)
            rgb = color.lab2rgb(lab.numpy()[0].transpose((1, 2, 0)))
        result.append(times)
    ours = np.load(Path(folder) / "largest.npy", mmap_mode="r")
    levels = max(
        float(np.abs(255 * np.asarray(rgb[y], np.float64) - ours[y]).max()) for y in range(height)
    )
    return {"stages": result[1:], "levels": levels}


def measure_memory(folder):
    """Megabytes that a run takes at its height, when all that lasts is there before."""
    import libcolorize

    model = libcolorize.Model()
    # The network's memory stays with the model.
    model.colorize(photograph(*SIZES[0]), preset="reference")
    picture = photograph(*LARGEST)
    out = np.ones_like(picture)
    # What was freed and not given back would serve the run uncounted.
    ctypes.CDLL(None).malloc_trim(0)
    try:
        # From here on the largest resident memory is counted anew.
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    before = status("VmRSS")
    model.colorize(picture, out=out, preset="reference")
    return (status("VmHWM") - before) / 1024


def status(name):
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    MODES = {"ours": measure_ours, "python": measure_python, "memory": measure_memory}
    print(json.dumps(MODES[sys.argv[1]](*sys.argv[2:])))

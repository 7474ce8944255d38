"""From a process's start to a picture on disk, against the release's demo under PyTorch."""

import os
import subprocess
import time

import numpy as np
from PIL import Image

import demos
from results import LEVEL_BOUND

BOUND = 0.10
# A photograph as it is found on the web, a camera's preview, and a small picture of a camera:
# width and height.
PHOTOGRAPH = (600, 457)
PICTURES = [(451, 300), (2048, 1365)]
# plt.imsave truncates what libcolorize rounds.
LEVELS = 1 + LEVEL_BOUND // 1


def run(results, setup):
    results.section("The whole command")
    results.say(
        "From the process's start to PNG files, with all processors; the files are in the system's "
        "cache. `eccv16`: the command `colorize --preset reference` and the release's demo with "
        "the other network and its figure taken out. `both networks`: `python -m libcolorize.demo` "
        "and the demo as it is. Both open checkpoints of the same weights."
    )
    folder = setup.folder / "command"
    folder.mkdir()
    demos.write_checkpoints(folder)
    rows = []
    for size in [PHOTOGRAPH, *PICTURES]:
        image = folder / f"{size[0]}x{size[1]}.jpg"
        with Image.open(setup.root / "docs/images/camera-colorized.jpg") as photograph:
            photograph.resize(size).save(image)
        rows += compare(results, setup, folder, image, size)
    results.table(
        ["", "picture", "quantity", "libcolorize", "PyTorch", "ours / PyTorch", "max level"], rows
    )


def compare(results, setup, folder, image, size):
    ours = folder / "ours"
    theirs = folder / "theirs"
    if size == PHOTOGRAPH:
        what, networks = "eccv16", ["eccv16"]
        checkpoint = folder / demos.FILES["eccv16"]
        commands = {
            "libcolorize": [
                setup.command, "--quiet", "--preset", "reference", "--model", checkpoint,
                "-o", f"{ours}_eccv16.png", image,
            ],
            "PyTorch": demos.released_demo(folder, "-i", image, "-o", theirs, edit=only_eccv16),
        }  # fmt: skip
    else:
        what, networks = "both networks", list(demos.FILES)
        commands = {
            "libcolorize": demos.own_demo(folder, "-i", image, "-o", ours),
            "PyTorch": demos.released_demo(folder, "-i", image, "-o", theirs),
        }
    # The first run of each brings its files into the system's cache.
    for command in commands.values():
        measure(command, folder)
    levels = max(
        largest_difference(f"{ours}_{network}.png", f"{theirs}_{network}.png")
        for network in networks
    )
    results.difference(f"{what}, {size[0]}x{size[1]}: the picture", levels, LEVELS)
    measured = {name: [] for name in commands}
    for number in range(setup.rounds):
        # Each is the first of the two as often as the second.
        for name in list(commands)[:: -1 if number % 2 else 1]:
            measured[name].append(measure(commands[name], folder))
    rows = []
    for index, (quantity, unit) in enumerate([("time", "s"), ("peak memory", "MB")]):
        own, peer = (
            results.record(
                "command", name, quantity, unit, [values[index] for values in measured[name]],
                network=what, pixels=size[0] * size[1],
            )
            for name in commands
        )  # fmt: skip
        rows.append(
            [what, f"{size[0]}x{size[1]}", f"{quantity}, {unit}", own, peer, own / peer,
             levels if index == 0 else ""]
        )  # fmt: skip
        if what == "eccv16" and quantity == "time":
            results.bound("eccv16, whole command: time over the demo's", own / peer, BOUND)
    return rows


def only_eccv16(text):
    """The demo without its other network, and without the figure."""
    lines = text[: text.index("plt.figure")].splitlines()
    kept = [line for line in lines if "siggraph17" not in line and not line.startswith("img_bw")]
    return "\n".join(kept)


def measure(command, folder):
    """Seconds and megabytes that a process takes."""
    log = folder / "log"
    with open(log, "wb") as file:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=demos.environment(folder), stdout=file, stderr=subprocess.STDOUT
        )
        # This process is smaller than those that it measures.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {log.read_text()}")
    return seconds, usage.ru_maxrss / 1024


def largest_difference(*paths):
    pictures = []
    for path in paths:
        with Image.open(path) as image:
            pictures.append(np.asarray(image.convert("RGB")).astype(int))
    return int(np.abs(pictures[0] - pictures[1]).max())

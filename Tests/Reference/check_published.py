"""Compares libcolorize with the released eccv16 and siggraph17, from checkpoints of full size.

    LIBCOLORIZE_LIBRARY=.../libcolorize.so PYTHONPATH=bindings/python/src \\
      python check_published.py [--folder build/published]

PyTorch writes the checkpoints (published.py says with which weights), the library opens them, and
both are run on the same inputs. The table and the bounds are those of check_reference.py. Then the
files are damaged: a damaged file is a model or an Error, and never more than that.
"""

import argparse
import os
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from architectures import GUIDED, RELEASED
from safetensors.torch import save_file
from skimage.color import rgb2lab

import libcolorize
from check_reference import (
    AB_MAXIMUM,
    AB_MEAN,
    PROBABILITY_MAXIMUM,
    compare_pictures,
    instruction_sets,
    pictures,
)
from make_fixtures import random_hints, seeded
from pictures import PICTURES, picture
from published import (
    CLASS_CENTRES,
    ECCV16_TEMPERATURE,
    forward,
    in_float64,
    released_network,
    write_checkpoint,
)
from report import Report

ROOT = Path(__file__).parents[2]

SIZES = {
    "eccv16": [(256, 256), (250, 130), (37, 53), (8, 64), (1, 1), (2, 31)],
    "siggraph17": [(256, 256), (136, 72), (40, 56), (8, 64), (8, 8)],
}
# Of a and b at 256x256, so that the bounds of ab say something.
LEAST_DEVIATION = {"eccv16": 2, "siggraph17": 20}

# MiB that opening a file may take beyond the network's own tensors (docs/model-format.md).
OPENING_MAXIMUM = 64
# What the processes that open damaged files may map beyond what they have when they begin: a file,
# a model of it, and room for one that claims to be larger.
DAMAGE_LIMIT = 1 << 30
DAMAGE_SECONDS = 240


def lightness_of(index, height, width):
    return rgb2lab(picture(sorted(PICTURES)[index % len(PICTURES)], height, width))[..., 0]


# ---- The networks alone --------------------------------------------------------------------------


def cases(architecture):
    """What both are run on: (kind, arguments), `arguments` being L, or L, hints and mask."""
    rng = seeded(f"check {architecture}")
    for index, (height, width) in enumerate(SIZES[architecture]):
        lightness = lightness_of(index, height, width).astype(np.float32)
        yield "no hints", (lightness,)
        if architecture == "siggraph17":
            hints, mask = random_hints(rng, height, width, share=(0.02, 0.5)[index % 2])
            # Hints are read outside of the mask, too.
            yield "hints everywhere", (lightness, hints, mask)
    if architecture == "siggraph17":
        hints, _ = random_hints(rng, 64, 64, share=0)
        mask = rng.uniform(0, 1, (64, 64)).astype(np.float32)
        yield "a mask between 0 and 1", (lightness_of(0, 64, 64).astype(np.float32), hints, mask)


def compare_ab(report, what, models, expected):
    """Rows for each instruction set. `expected`: a list of arguments and PyTorch's ab."""
    for name, model in models.items():
        errors = []
        for arguments, wanted in expected:
            actual = model.predict(*arguments)
            if actual.shape != wanted.shape:
                raise RuntimeError(f"{what}: ab is {actual.shape}, PyTorch's {wanted.shape}")
            errors.append(np.abs(actual - wanted))
        count = f"{len(errors)} size{'s' if len(errors) > 1 else ''}"
        report.row(f"{what}, {name}, {count}: maximum", max(e.max() for e in errors), AB_MAXIMUM)
        report.row(f"{what}, {name}, {count}: largest mean", max(e.mean() for e in errors), AB_MEAN)


def check_network(report, architecture, network, models, centred):
    """How far PyTorch's own float32 is from its float64 is printed."""
    report.section(f"{architecture}'s ab, against PyTorch in float64 with the same weights")
    single, network = network, in_float64(network)
    kinds = {}
    own = []
    for kind, arguments in cases(architecture):
        ab, _ = forward(network, *arguments)
        kinds.setdefault(kind, []).append((arguments, ab.numpy()))
        own.append((forward(single, *arguments)[0] - ab).abs())
    print(f"  (PyTorch's float32: maximum {max(e.max() for e in own):.2g}, largest mean "
          f"{max(e.mean() for e in own):.2g})")  # fmt: skip
    # The first is 256x256, without hints.
    spread = kinds["no hints"][0][1].std(axis=(1, 2))
    least = LEAST_DEVIATION[architecture]
    report.row("(standard deviation of that ab, the smaller of a and b)", spread.min(), least, True)
    for kind, expected in kinds.items():
        compare_ab(report, kind, models, expected)
    if architecture == "eccv16":
        return
    # What the training repository's checkpoints were given: 0.5 less.
    expected = []
    for arguments, _ in kinds["hints everywhere"][2:]:
        lightness, hints, mask = arguments
        ab, _ = forward(network, lightness, hints, mask - np.float32(0.5))
        expected.append((arguments, ab.numpy()))
    for arguments, _ in kinds["no hints"][2:]:
        nothing = np.zeros((3, *arguments[0].shape), np.float32)
        ab, _ = forward(network, *arguments, nothing[:2], nothing[2] - np.float32(0.5))
        expected.append((arguments, ab.numpy()))
    compare_ab(report, "mask centred", centred, expected)


def check_without_classes(report, folder):
    """siggraph17's weights in its kin without bins: the release's own forward, and ideepcolor."""
    state = released_network("siggraph17").state_dict()
    for architecture, make in GUIDED.items():
        report.section(f"{architecture}'s ab, against PyTorch in float64 with siggraph17's weights")
        network = make().eval().requires_grad_(False)
        missing, _ = network.load_state_dict(state, strict=False)
        if missing:
            raise RuntimeError(f"{architecture} has {missing}")
        path = folder / f"{architecture}.safetensors"
        save_file(network.state_dict(), path, metadata={"architecture": architecture})
        models = instruction_sets(lambda path=path: libcolorize.Model(path))
        exact = in_float64(network)
        expected = []
        for kind, arguments in cases("siggraph17"):
            if kind == "hints everywhere":
                lightness, hints, mask = arguments
                inputs = (lightness[None], hints, mask[None])
                ab = exact(*(torch.from_numpy(array)[None] for array in inputs))[0]
                expected.append((arguments, ab.numpy()))
        compare_ab(report, "hints everywhere", models, expected)
        path.unlink()


def check_distribution(report, architecture, network, models):
    report.section(f"{architecture}'s distribution and temperatures, against PyTorch")
    # The plain softmax's temperature: at it, the logits are taken as they are.
    plain = ECCV16_TEMPERATURE if architecture == "eccv16" else 1
    chosen = [
        (arguments, *forward(network, *arguments))
        for _, arguments in cases(architecture)
        if arguments[0].size < 10_000
    ]
    for temperature in (None, 0.38, 1, 3):
        worst = worst_sum = worst_ab = most = 0
        for arguments, regression, logits in chosen:
            ab = regression
            scaled = logits * (plain / (temperature or 1))
            wanted = torch.softmax(scaled, dim=0)
            most = max(most, wanted.max(dim=0).values.mean().item())
            if architecture == "eccv16":
                # The rest of the released forward.
                scaled = logits * (plain / (temperature or 0.38))
                ab = network.model_out(torch.softmax(scaled, dim=0)[None])
                ab = 110 * F.interpolate(ab, scale_factor=4, mode="bilinear")[0]
            for model in models.values():
                actual = model.distribution(*arguments, temperature=temperature)
                worst = max(worst, np.abs(actual - wanted.numpy()).max())
                worst_sum = max(worst_sum, np.abs(actual.sum(axis=0, dtype=np.float64) - 1).max())
                actual = model.predict(*arguments, temperature=temperature)
                worst_ab = max(worst_ab, np.abs(actual - ab.numpy()).max())
        name = "no temperature given" if temperature is None else f"T = {temperature}"
        report.row(f"{name}: maximum of the distribution", worst, PROBABILITY_MAXIMUM)
        report.row(f"{name}: sum over the bins, from 1", worst_sum, 1e-5)
        report.row(f"{name}: maximum of ab", worst_ab, AB_MAXIMUM)
        if temperature == plain:
            report.row("(mean of the likeliest bin's probability)", most, 0.95)
            report.row("(the same, times the number of bins)", most * len(logits), 5, True)
    for name, model in models.items():
        if architecture == "eccv16":
            wanted = 110 * network.model_out.weight.numpy()[:, :, 0, 0].T
            error = np.abs(model.bin_centres - wanted).max()
        else:
            error = np.abs(model.bin_centres - CLASS_CENTRES).max()
        report.row(f"{name}: bins' centres", error, 1e-5)


def check_threads(report, architecture, models):
    report.section(f"{architecture}, any number of threads against one")
    arguments = [a for kind, a in cases(architecture) if a[0].size < 10_000][-1]
    image = picture("coffee", 90, 120)
    for name, model in models.items():
        ab_of_one = model.predict(*arguments, threads=1)
        picture_of_one = model.colorize(image, network_size=64, threads=1)
        differing = 0
        for threads in (2, 3, 4, 7, 16):
            differing += np.count_nonzero(model.predict(*arguments, threads=threads) != ab_of_one)
            differing += np.count_nonzero(
                model.colorize(image, network_size=64, threads=threads) != picture_of_one
            )
        report.row(f"{name}: bytes and floats that differ", differing, 0)


def check_pictures(report, architecture, network, models):
    report.section(
        f"whole pictures by {architecture} in preset reference, against the released pipeline:"
        " levels of 255"
    )
    # As in check_reference.py, but gray and RGB in turns, and most on one instruction set.
    images = [item for index, item in enumerate(pictures()) if index // 2 % 2 == index % 2]
    best = dict([next(iter(models.items()))])
    compare_pictures(report, models, network, images[2:4])
    rest = images[:2] + images[4:]
    if architecture == "siggraph17":
        # What is done at the picture's size does not depend on the network.
        rest = [(name, image) for name, image in rest if image.size < 1_000_000]
    compare_pictures(report, best, network, rest)


# ---- Containers ----------------------------------------------------------------------------------

# Beside "legacy" with counters, which everything above is measured with.
CONTAINERS = {
    "zip": {},
    "legacy, without counters": {"container": "legacy", "counters": False},
    "zip, without counters": {"counters": False},
    "legacy, module. before each name": {"container": "legacy", "prefix": True},
    "zip, module. before each name": {"prefix": True},
    "legacy, nested": {"container": "legacy", "nested": True},
    "zip, nested": {"nested": True},
}


def check_containers(report, architecture, network, folder, models):
    report.section(f"{architecture}'s checkpoints in other containers, against the first: floats")
    arguments = next(a for kind, a in cases(architecture) if a[0].size < 10_000)
    wanted = {name: model.predict(*arguments) for name, model in models.items()}
    path = folder / f"{architecture}.pth"
    for container, how in CONTAINERS.items():
        write_checkpoint(network, path, **how)
        for name in models if container == "zip" else list(models)[:1]:
            model = instruction_sets(lambda: libcolorize.Model(path), [name])[name]
            differing = np.count_nonzero(model.predict(*arguments) != wanted[name])
            report.row(f"{container}, {name}: floats that differ", differing, 0)
    for container in ("legacy", "zip"):
        halves = released_network(architecture).half()
        write_checkpoint(halves, path, container=container)
        ab, _ = forward(halves.float(), *arguments)
        error = np.abs(libcolorize.Model(path).predict(*arguments) - ab.numpy()).max()
        report.row(f"{container}, fp16, against PyTorch with these: maximum", error, AB_MAXIMUM)
    path.unlink()


# ---- Memory, damage ------------------------------------------------------------------------------


# The peak of a process's memory before and after it opens a model, in kB. Not PyTorch's, whose own
# peak is higher; nor ru_maxrss, which begins with that of the process that started this one.
OPENING = """
import sys
import libcolorize

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

before = peak()
model = libcolorize.Model(sys.argv[1])
print(before, peak())
"""


def metadata_ranges(path):
    """The parts of a checkpoint that are not the tensors' values, as (start, end)."""
    size = path.stat().st_size
    if not zipfile.is_zipfile(path):
        # Pickles, and then each storage behind its 8 bytes of length.
        state = torch.load(path, weights_only=True)
        storages = {tensor.data_ptr(): tensor.nbytes for tensor in state.values()}
        return [(0, size - sum(8 + count for count in storages.values()))]
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        directory = archive.start_dir
    ranges = [(directory, size)]
    content = path.read_bytes()
    for entry in entries:
        # A local header is 30 bytes, the name, and what is padding here.
        start = entry.header_offset
        end = start + 30 + sum(struct.unpack("<HH", content[start + 26 : start + 30]))
        is_tensor = Path(entry.filename).parent.name == "data"
        ranges.append((start, end if is_tensor else end + entry.file_size))
    return ranges


def damage(path):
    """In a process of its own: opens damaged copies of a file. Prints what became of them."""
    data = bytearray(path.read_bytes())
    rng = seeded(path.name)
    ranges = metadata_ranges(path)
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (mapped + DAMAGE_LIMIT,) * 2)

    counts = dict.fromkeys(("models", "errors"), 0)
    lightness = lightness_of(0, 8, 8)

    def attempt(content):
        try:
            with libcolorize.Model.from_bytes(content) as model:
                counts["models"] += 1
                model.predict(lightness)
        except libcolorize.Error:
            counts["errors"] += 1

    view = memoryview(data)
    # Half of the prefixes end within the first pickles, or anywhere if these are not at the start.
    first = ranges[0][1] if ranges[0][0] == 0 else len(data)
    ends = np.concatenate([rng.integers(0, first, 500), rng.integers(0, len(data), 500)])
    for end in ends:
        attempt(view[:end])
    if counts["models"]:
        raise RuntimeError("a part of a file was taken for all of it")
    print("prefixes", counts, flush=True)

    sizes = np.array([end - start for start, end in ranges])
    for place in range(330):
        if place < 300:
            start, end = ranges[rng.choice(len(ranges), p=sizes / sizes.sum())]
        else:
            start, end = 0, len(data)
        index = rng.integers(start, end)
        old = data[index]
        data[index] = old ^ (1 << rng.integers(8))
        attempt(data)
        data[index] = old
    print("flips", counts, flush=True)


def in_process(*command):
    """Runs Python in a process of its own: 0 and its last line, or 1 and why it has none."""
    command = [sys.executable, *map(str, command)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DAMAGE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        return 1, f"not done after {DAMAGE_SECONDS} s: {(error.stdout or b'')[-200:]}"
    if done.returncode != 0:
        return 1, f"ended with {done.returncode}: {(done.stdout + done.stderr)[-1000:]}"
    return 0, done.stdout.strip().splitlines()[-1]


def check_file(report, path, with_damage):
    size = path.stat().st_size / 2**20
    name = path.stem
    status, said = in_process("-c", OPENING, path)
    if status:
        print(f"  {said}")
        beyond = float("inf")
    else:
        before, after = map(int, said.split())
        beyond = (after - before) / 1024 - size
    report.row(f"{name}, {size:.0f} MiB: MiB beyond, to open it", beyond, OPENING_MAXIMUM)
    if not with_damage:
        return
    status, said = in_process(__file__, "--damage", path)
    print(f"  {said}")
    report.row(f"{name}: crashes and hangs in 1000 prefixes, 330 flips", status, 0)


# ---- All -----------------------------------------------------------------------------------------


def check(report, architecture, folder):
    network = released_network(architecture)
    path = folder / f"{architecture}-legacy.pth"
    write_checkpoint(network, path, container="legacy")
    models = instruction_sets(lambda: libcolorize.Model(path))
    centred = {}
    if architecture == "siggraph17":
        centred = instruction_sets(lambda: libcolorize.Model(path, mask_convention="centred"))
    check_network(report, architecture, network, models, centred)
    check_distribution(report, architecture, network, models)
    check_threads(report, architecture, models)
    check_containers(report, architecture, network, folder, models)
    check_pictures(report, architecture, network, models)

    report.section(f"{architecture}'s files: memory, damage")
    # Which network is in a container makes no difference to what reads it.
    check_file(report, path, with_damage=architecture == "siggraph17")
    path.unlink()
    path = folder / f"{architecture}-zip.pth"
    write_checkpoint(network, path)
    check_file(report, path, with_damage=architecture == "eccv16")
    path.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "published")
    parser.add_argument("--only", choices=RELEASED, help="one network")
    parser.add_argument("--damage", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.damage:
        return damage(arguments.damage)
    print(f"libcolorize {libcolorize.version}, PyTorch {torch.__version__}")
    report = Report()
    for architecture in [arguments.only] if arguments.only else RELEASED:
        check(report, architecture, arguments.folder)
    if arguments.only != "eccv16":
        check_without_classes(report, arguments.folder)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

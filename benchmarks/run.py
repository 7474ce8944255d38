"""Runs the benchmarks: every peer and libcolorize, interleaved, on the same inputs and weights.

    make bench [BENCH="OPTION ..."]

Needs what benchmarks/requirements.txt lists, LIBCOLORIZE_LIBRARY and LIBCOLORIZE_COMMAND; see
docs/benchmarks.md. A run of all parts, networks and peers writes its tables, its figures and a plot
into benchmarks/results/, under the name of the processor. The exit status is 1 where a result of
libcolorize's differs from the reference's by more than docs/exactness.md allows, since a speed of
something else does not count; a bound of speed that is missed is only said.
"""

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import command
import control
import layers
import libcolorize
import memory
import networks
import opening
import pixels
import training
from names import NETWORKS
from peers import PEERS
from results import Results, processor

HERE = Path(__file__).parent
PARTS = {
    "networks": networks,
    "opening": opening,
    "memory": memory,
    "command": command,
    "pixels": pixels,
    "control": control,
    "layers": layers,
    "training": training,
}
TRAINING = [24, 128]


@dataclass
class Setup:
    """What the parts need to know."""

    root: Path
    # Holds what prepare.py has written.
    folder: Path
    # Of libcolorize's kernels: the best that the processor has.
    instruction_set: str
    command: str
    networks: list
    peers: list
    # The numbers of threads to measure with, those that this machine has processors for.
    threads: list
    rounds: int
    # What trains (Tests/TrainingProbe), and on how many pictures at once of which side.
    probe: str
    training: list


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
                        help=f"of {', '.join(PARTS)}")  # fmt: skip
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS),
                        metavar="NETWORK", help=f"of {', '.join(NETWORKS)}")  # fmt: skip
    parser.add_argument("--peers", nargs="+", choices=list(PEERS)[1:], default=list(PEERS)[1:],
                        metavar="PEER", help=f"of {', '.join(list(PEERS)[1:])}")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=10, help="10 or more for figures that count")
    parser.add_argument("--training", type=int, nargs=2, default=TRAINING,
                        metavar=("COUNT", "SIDE"),
                        help="other batches are for trying")  # fmt: skip
    parser.add_argument("--results", type=Path, metavar="FOLDER",
                        help="where to write; a run of a part writes nothing without")  # fmt: skip
    arguments = parser.parse_args()

    is_whole = [arguments.only, arguments.networks, arguments.peers] == [
        list(PARTS), list(NETWORKS), list(PEERS)[1:]
    ]  # fmt: skip
    folder = arguments.results or (HERE / "results" if is_whole else None)
    results = Results()
    with libcolorize.Model() as model:
        instruction_set = model.info.instruction_set
    introduce(results, instruction_set)
    with tempfile.TemporaryDirectory(prefix="colorize-benchmarks-") as name:
        setup = Setup(
            root=HERE.parent, folder=Path(name), instruction_set=instruction_set,
            command=os.environ["LIBCOLORIZE_COMMAND"], networks=arguments.networks,
            peers=["libcolorize", *arguments.peers],
            threads=[1, 2][: len(os.sched_getaffinity(0))], rounds=arguments.rounds,
            probe=os.environ["LIBCOLORIZE_TRAINING_PROBE"], training=arguments.training,
        )  # fmt: skip
        # In a process of its own: what is measured later is larger than this one.
        subprocess.run(
            [sys.executable, HERE / "prepare.py", name, *arguments.networks]
            + (["--ncnn"] if "ncnn" in arguments.peers else [])
            + ["--training", *map(str, arguments.training)],
            check=True,
        )
        for part in arguments.only:
            PARTS[part].run(results, setup)
    if arguments.rounds < 10:
        results.noise.append(f"it had {arguments.rounds} rounds; 10 are the least")
    if "training" in arguments.only and arguments.training != TRAINING:
        results.noise.append("its batches in training were not of 24 pictures of 128x128")
    results.conclude()
    if folder:
        from plot import plot

        file = f"{processor()} {instruction_set} {processors()}".lower()
        file = re.sub(r"[^a-z0-9]+", "-", file).strip("-")
        results.write(folder, file, plot)
        print(f"written: {folder / file}.md, .csv and .png")
    return 1 if results.failures else 0


def introduce(results, instruction_set):
    results.say(
        f"# libcolorize {libcolorize.version} on {processor()}, {processors()}\n\n"
        f"{datetime.date.today()}; Linux {platform.release()}, Python "
        f"{platform.python_version()}; libcolorize's kernels for {instruction_set}. What the "
        f"figures mean, and how they were taken: docs/benchmarks.md."
    )


def processors():
    count = len(os.sched_getaffinity(0))
    return f"{count} processor{'s' if count > 1 else ''}"


if __name__ == "__main__":
    sys.exit(main())

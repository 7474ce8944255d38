"""Where our own time goes: each step of each network, and its share of the roofline."""

import csv
import io
import os
import subprocess

from names import DEFAULT, side


def run(results, setup):
    results.section("Our layers")
    results.say(
        "`libcolorize profile` at 256x256, or what the name says. `direct` and `done` are millions "
        "of multiply-adds: those of a direct computation and those that the algorithm does; the "
        "former count for GFLOP/s, the latter for the share of the roofline. The roofline is what "
        "the matrix kernel does with data in the first-level cache, times the threads."
    )
    for network in setup.networks:
        profiles = {threads: profile(setup, network, threads) for threads in setup.threads}
        for threads, steps in profiles.items():
            for number, step in enumerate(steps):
                results.record(
                    "layers", f"{number} {step['step'] or step['algorithm']}", "time", "ms",
                    [float(step["milliseconds"])], network=network, threads=threads,
                )  # fmt: skip
        results.say(f"### {network}")
        roofline = ", ".join(
            f"{float(steps[0]['peak_gflops']):.0f} GFLOP/s a thread, measured with {threads}"
            for threads, steps in profiles.items()
        )
        results.say(f"Roofline: {roofline}.")
        results.table(
            ["step", "algorithm", "input", "output", "direct", "done"]
            + [
                f"{column}, {threads}"
                for threads in profiles
                for column in ("ms", "GFLOP/s", "roofline")
            ],
            [row(same) for same in zip(*profiles.values())],
        )


def row(same):
    """A line of the table, of a step as each number of threads does it."""
    step = same[0]
    line = [step["step"] or f"({step['algorithm']})", step["algorithm"]]
    line += [step["input"], step["output"]]
    line += [int(step[name]) / 1e6 for name in ("direct_multiply_adds", "done_multiply_adds")]
    for step in same:
        line += [float(step["milliseconds"]), float(step["direct_gflops"])]
        line.append(f"{100 * float(step['roofline_share']):.0f} %")
    return line


def profile(setup, network, threads):
    arguments = ["--csv", "--threads", str(threads), "--rounds", str(max(setup.rounds, 3))]
    arguments += ["--size", str(side(network))]
    if network != DEFAULT:
        arguments += ["--model", setup.folder / f"{network}.pth"]
    processors = set(sorted(os.sched_getaffinity(0))[-threads:])
    text = subprocess.run(
        [setup.command, "profile", *arguments], check=True, capture_output=True, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, processors),
    ).stdout  # fmt: skip
    return list(csv.DictReader(io.StringIO(text)))

"""Compares training with PyTorch: gradients, running statistics, optimisers, losses.

    COLORIZE_TRAINING_PROBE=.../training-probe python check_training.py [--only PART ...]

PyTorch computes in float64 and is the truth; what its own float32 makes of the same is printed
beside ours. A tensor's error is the norm of the difference over the norm of the tensor.
"""

import argparse
import subprocess
import sys

import numpy as np
import torch

from report import Report
from torch_training import PROBE, AwayFromKinks, Reference, Task, probe

GRADIENT_BOUND = 1e-4
STATISTIC_BOUND = 1e-6


def instruction_sets():
    """Those that this processor has, best first."""
    sets = []
    for name in ("avx512", "avx2", "baseline"):
        # Without a file to read, it ends after it has looked at the instruction set.
        said = subprocess.run(
            [PROBE, "nothing", "nothing", "1", name], capture_output=True, text=True, check=False
        )
        if "instruction set" in said.stderr:
            print(f"  (not measured: this processor has no {name})")
        else:
            sets.append(name)
    return sets


def distance(actual, wanted):
    """The norm of the difference over the norm; infinity where a tensor of zeros is none."""
    difference = np.linalg.norm(np.asarray(actual, np.float64).ravel() - wanted.ravel())
    norm = np.linalg.norm(wanted.ravel())
    return difference / norm if norm else (np.inf if difference else 0)


def worst(actual, wanted, prefix=""):
    """The largest error of all tensors, and whose it is."""
    missing = {prefix + name for name in wanted} - set(actual)
    if missing or not wanted:
        raise RuntimeError(f"not given: {sorted(missing)}")
    return max((distance(actual[prefix + name], wanted[name]), name) for name in wanted)


# ---- Whole networks ------------------------------------------------------------------------------

NETWORKS = {
    "compact": Task("compact", 3, 64),
    "compact, extra heads": Task("compact", 2, 96, map=0.7, pooled=0.7),
    "compact, encoder frozen": Task("compact", 2, 64, frozen=("stem", "enc4", "down8", "enc8")),
    "eccv16": Task("eccv16", 2, 64),
    "siggraph17, classes": Task("siggraph17", 2, 32),
    "siggraph17, L1": Task(
        "siggraph17", 2, 32, classification=0, regression=1, regression_kind="l1"
    ),
    "siggraph17, both": Task("siggraph17", 2, 32, classification=0.3, regression=2),
}


def check_networks(report, sets):
    report.section("gradients of whole networks: the worst tensor's; PyTorch's float32 first")
    for name, task in NETWORKS.items():
        module, batches = task.module(), task.batches(1)
        scout = Reference(task, module)
        with AwayFromKinks(scout.module):
            scout.values(batches[0])
        # Biases have been moved; running statistics, too, which are to be as they were.
        for own, moved in zip(module.parameters(), scout.module.parameters(), strict=True):
            own.data.copy_(moved)
        truth = Reference(task, module)
        loss = truth.backward(batches[0])
        gradients, statistics = truth.gradients(), truth.statistics()
        single = Reference(task, module, torch.float32)
        single.backward(batches[0])
        error, whose = worst(single.gradients(), gradients)
        print(f"  {name}, loss {loss:.4f}: PyTorch's float32 {error:.2g} ({whose}),"
              f" statistics {worst(single.statistics(), statistics)[0]:.2g}")  # fmt: skip
        request = task.request(module, batches)
        for number, instruction_set in enumerate(sets):
            if number and task.network != "compact":
                continue
            ours = probe(*request, instruction_set=instruction_set)
            what = f"{name}, {instruction_set}"
            error, whose = worst(ours, gradients, "gradient.")
            report.row(f"{what}: {whose}", error, GRADIENT_BOUND)
            error, _ = worst(ours, statistics, "statistic.")
            report.row(f"{what}: running statistics", error, STATISTIC_BOUND)
            report.row(f"{what}: loss", abs(float(ours["loss"][0]) / loss - 1), 1e-6)


PARTS = {"networks": check_networks}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
                        help=f"of {', '.join(PARTS)}")  # fmt: skip
    arguments = parser.parse_args()
    print(f"PyTorch {torch.__version__}")
    sets = instruction_sets()
    report = Report()
    for part in arguments.only:
        PARTS[part](report, sets)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

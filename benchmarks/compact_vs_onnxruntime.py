"""libcolorize against ONNX Runtime on the compact network, at 256x256 with 1 and 2 threads.

    COLORIZE_LIBRARY=.../libcolorize.so PYTHONPATH=bindings/python/src:Tests/Reference \\
      python benchmarks/compact_vs_onnxruntime.py [--rounds 20] [--maximum-ratio 1.5]

Needs Tests/Reference/requirements.txt. Both compute ab of the same input, annealed mean at T = 0.38
included, in one process; rounds are interleaved, so that a noisy machine is as noisy for both.
Prints the medians, their ratio (libcolorize over ONNX Runtime) and the largest difference of ab.
Fails where a ratio is over --maximum-ratio, or where the difference is over the bound: a speed of
something else would not count. Let nothing else run meanwhile.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

import colorize
from export_onnx import AB_MAXIMUM, export
from make_fixtures import MODEL
from pictures import network_input, picture

SIZE = 256


def session(path, threads):
    """ONNX Runtime with all graph optimisations and that many threads in an operator."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def milliseconds(function):
    """Three durations of a function, warm."""
    # After a run ONNX Runtime's threads wait for the next one busily, on the processor that the
    # other needs. They give up within this pause.
    time.sleep(0.1)
    function()
    times = [time.perf_counter()]
    for _ in range(3):
        function()
        times.append(time.perf_counter())
    return [1000 * (after - before) for before, after in itertools.pairwise(times)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--maximum-ratio", type=float, metavar="RATIO")
    arguments = parser.parse_args()

    inputs = network_input(picture("coffee", SIZE, SIZE))[None].numpy()
    lightness = 100 * inputs[0, 0] + 50
    model = colorize.Model()
    versions = f"libcolorize {colorize.version} ({model.info.instruction_set})"
    print(f"{versions}, ONNX Runtime {onnxruntime.__version__}; compact at {SIZE}x{SIZE}")
    print(f"{'threads':>7} {'libcolorize':>12} {'ONNX Runtime':>13} {'ratio':>6} {'max |ab|':>9}")
    good = True
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "compact.onnx"
        export(path, MODEL, SIZE)
        for threads in (1, 2):
            peer = session(path, threads)
            runs = {
                "ours": lambda threads=threads: model.predict(lightness, threads=threads),
                "peer": lambda peer=peer: peer.run(["ab"], {"input": inputs})[0][0],
            }
            difference = np.abs(runs["ours"]() - runs["peer"]()).max()
            times = {name: [] for name in runs}
            for number in range(arguments.rounds):
                # Each is the first of the two as often as the second.
                for name in list(runs)[:: -1 if number % 2 else 1]:
                    times[name] += milliseconds(runs[name])
            ours, theirs = (statistics.median(times[name]) for name in ("ours", "peer"))
            ratio = ours / theirs
            print(
                f"{threads:7} {ours:9.2f} ms {theirs:10.2f} ms {ratio:6.2f} {difference:9.1e}",
                flush=True,
            )
            good &= bool(difference <= AB_MAXIMUM)
            if arguments.maximum_ratio is not None:
                good &= ratio <= arguments.maximum_ratio
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

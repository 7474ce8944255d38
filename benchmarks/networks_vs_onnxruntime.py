"""libcolorize against ONNX Runtime on the three networks, at 256x256 with 1 and 2 threads.

    COLORIZE_LIBRARY=.../libcolorize.so PYTHONPATH=bindings/python/src:Tests/Reference \\
      python benchmarks/networks_vs_onnxruntime.py [NETWORK ...] [--rounds 10] [--maximum-ratio 1.5]

Needs Tests/Reference/requirements.txt. Both compute ab of one input with the same weights, in one
process; rounds are interleaved, so that a noisy machine is as noisy for both. Prints the medians,
their ratio (libcolorize over ONNX Runtime) and the largest difference of ab. Fails where a ratio is
over --maximum-ratio, or where the difference is over the bound: a speed of something else would not
count. Let nothing else run meanwhile.
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
from export_onnx import AB_MAXIMUM, NETWORKS, export, network_inputs
from published import released_network, write_checkpoint

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


def compare(name, folder, arguments):
    """Prints the rows of a network; whether they are within the bounds."""
    onnx = folder / f"{name}.onnx"
    export(onnx, name, SIZE)
    if name == "compact":
        model = colorize.Model()
    else:
        checkpoint = folder / f"{name}.pth"
        write_checkpoint(released_network(name), checkpoint)
        model = colorize.Model(checkpoint)
    inputs = network_inputs(name, SIZE)
    lightness = inputs["lightness"][0, 0] if name != "compact" else 100 * inputs["input"][0, 0] + 50
    good = True
    for threads in (1, 2):
        peer = session(onnx, threads)
        runs = {
            "ours": lambda threads=threads: model.predict(lightness, threads=threads),
            "peer": lambda peer=peer: peer.run(["ab"], inputs)[0][0],
        }
        difference = np.abs(runs["ours"]() - runs["peer"]()).max()
        times = {key: [] for key in runs}
        for number in range(arguments.rounds):
            # Each is the first of the two as often as the second.
            for key in list(runs)[:: -1 if number % 2 else 1]:
                times[key] += milliseconds(runs[key])
        ours, theirs = (statistics.median(times[key]) for key in ("ours", "peer"))
        ratio = ours / theirs
        print(
            f"{name:10} {threads:7} {ours:9.2f} ms {theirs:10.2f} ms"
            f" {ratio:6.2f} {difference:9.1e}",
            flush=True,
        )
        good &= bool(difference <= AB_MAXIMUM)
        if arguments.maximum_ratio is not None:
            good &= ratio <= arguments.maximum_ratio
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--maximum-ratio", type=float, metavar="RATIO")
    arguments = parser.parse_args()
    print(f"libcolorize {colorize.version}, ONNX Runtime {onnxruntime.__version__}; {SIZE}x{SIZE}")
    columns = ("network", "threads", "libcolorize", "ONNX Runtime", "ratio", "max |ab|")
    print("{:10} {:>7} {:>12} {:>13} {:>6} {:>9}".format(*columns))
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.networks or NETWORKS:
            good &= compare(name, Path(folder), arguments)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

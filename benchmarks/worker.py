"""One runtime with one network, in a process of its own that runs when it is told to.

    python worker.py serve PEER FOLDER NETWORK THREADS
    python worker.py once  PEER FOLDER NETWORK THREADS

The process and all its threads may use as many processors as it has threads: the last ones of
those that it is given. `serve` takes the fastest of the peer's variants and prints a line of JSON
that says what it is; for each line N on its standard input it computes once untimed, then N times,
and prints the times in milliseconds. `once` imports the runtime, opens the network, computes once
and prints how long the last two took and the process's largest resident memory.

What a line says: {"version": ..., "variant": ..., "difference": ...}; [...]; {"milliseconds": ...,
"megabytes": ..., "difference": ...}; or {"error": ...}, and then it ends. `difference` is the
largest one of ab from PyTorch's.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from peers import PEERS, SHORTER


class Subject:
    def __init__(self, peer, folder, network, threads):
        self.folder = Path(folder)
        self.network = network
        self.threads = int(threads)
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-self.threads :])
        with np.load(self.folder / f"{network}.inputs.npz") as inputs:
            self.inputs = dict(inputs)
        self.peer = (PEERS | SHORTER)[peer]()

    def build(self, variant):
        return self.peer.build(self.folder, self.network, self.threads, variant)

    def difference(self, ab):
        expected = np.load(self.folder / f"{self.network}.ab.npy")
        difference = np.abs(np.asarray(ab).reshape(expected.shape) - expected).max()
        # What is not a number must not look like a small one; nor is it JSON.
        return float(difference) if np.isfinite(difference) else 1e9

    def times(self, run, count):
        """`count` durations in milliseconds, after a run that is not timed."""
        run(self.inputs)
        result = []
        for _ in range(count):
            start = time.perf_counter()
            run(self.inputs)
            result.append(1000 * (time.perf_counter() - start))
        return result

    def serve(self, say):
        best = (float("inf"), None, None)
        for variant in self.peer.variants:
            run = self.build(variant)
            speed = min(self.times(run, 3))
            best = min(best, (speed, variant, run), key=lambda entry: entry[0])
        _, variant, run = best
        say(
            {
                "version": self.peer.version,
                "variant": variant,
                "difference": self.difference(run(self.inputs)),
            }
        )
        for line in sys.stdin:
            say(self.times(run, int(line)))

    def once(self, say):
        start = time.perf_counter()
        ab = self.build(self.peer.variants[0])(self.inputs)
        milliseconds = 1000 * (time.perf_counter() - start)
        megabytes = peak_megabytes()
        say(
            {
                "milliseconds": milliseconds,
                "megabytes": megabytes,
                "difference": self.difference(ab),
            }
        )


def peak_megabytes():
    """The largest resident memory since the program began."""
    # Not getrusage's, which begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main():
    mode, *arguments = sys.argv[1:]
    # What a runtime prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(value):
        print(json.dumps(value), file=answers, flush=True)

    try:
        getattr(Subject(*arguments), mode)(say)
    except Exception as error:
        say({"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

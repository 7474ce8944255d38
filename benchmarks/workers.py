"""Processes that run one at a time."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).parent


class WorkerError(Exception):
    """What a worker could not do."""


def command(mode, peer, folder, network, threads):
    return [sys.executable, HERE / "worker.py", mode, peer, folder, network, str(threads)]


class Worker:
    """What says a line of JSON when it is ready, and then one for each number that it is told: a
    `worker.py serve`, or what is trained. It is stopped unless it has something to do: after a run,
    a runtime's threads may wait for the next one busily, on a processor that another one needs. It
    may use as many processors as it has threads, the last ones."""

    def __init__(self, command, log, threads):
        self.log = open(log, "w+")  # noqa: SIM115
        processors = sorted(os.sched_getaffinity(0))[-threads:]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, processors),
        )  # fmt: skip
        self.description = self.answer()

    def times(self, count):
        """`count` durations in milliseconds."""
        os.kill(self.process.pid, signal.SIGCONT)
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return self.answer()

    def peak_megabytes(self):
        """Its largest resident memory until now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def answer(self):
        # An accident of one runtime is not the end of all.
        timer = threading.Timer(600, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        try:
            answer = json.loads(line)
        except ValueError:
            self.end()
            raise WorkerError(f"it ended with status {self.process.returncode}") from None
        if "error" in answer:
            self.end()
            raise WorkerError(answer["error"])
        os.kill(self.process.pid, signal.SIGSTOP)
        return answer

    def end(self):
        self.process.kill()
        self.process.communicate()
        self.log.close()


def once(peer, folder, network, threads):
    """What a `worker.py once` says."""
    result = subprocess.run(
        command("once", peer, folder, network, threads), capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip
    try:
        answer = json.loads(result.stdout)
    except ValueError:
        raise WorkerError(f"it ended with status {result.returncode}") from None
    if "error" in answer:
        raise WorkerError(answer["error"])
    return answer


def rotated(items, number):
    """The items from another one on in each round, so that none is always behind the same one."""
    items = list(items)
    start = number % len(items)
    return items[start:] + items[:start]

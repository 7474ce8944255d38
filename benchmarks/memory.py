"""How much memory a process takes that opens a network and runs it once."""

from peers import PEERS
from workers import WorkerError, once

BOUND = 1.0
# MB.
MOST = {"ddcolor-tiny-512": 450, "ddcolor-large-512": 1200}
# It hardly varies.
ROUNDS = 3


def run(results, setup):
    results.section("Memory")
    threads = setup.threads[-1]
    results.say(
        f"The largest resident memory, in MB, of a Python process that imports NumPy and the "
        f"runtime (PyTorch: and the release's package), opens a network and computes ab of "
        f"256x256 pixels (512x512 where the name says so) once, with {threads} threads."
    )
    rows = []
    for peer in setup.peers:
        row = [PEERS[peer].name]
        for network in setup.networks:
            try:
                peaks = [
                    once(peer, setup.folder, network, threads)["megabytes"] for _ in range(ROUNDS)
                ]
            except WorkerError as error:
                row.append(f"cannot run it: {error}")
                continue
            row.append(
                results.record(
                    "memory", PEERS[peer].name, "peak", "MB", peaks, network=network,
                    threads=threads,
                )
            )  # fmt: skip
        rows.append(row)
    results.table(["", *setup.networks], rows)
    peaks = results.select("memory", "peak")
    ours = peaks.get(("libcolorize", "eccv16", threads, None))
    theirs = peaks.get(("ONNX Runtime", "eccv16", threads, None))
    for network, most in MOST.items():
        peak = peaks.get(("libcolorize", network, threads, None))
        if peak:
            results.bound(f"{network}: memory, MB", peak, most)
    if ours and theirs:
        results.bound("eccv16: memory over ONNX Runtime's", ours / theirs, BOUND)

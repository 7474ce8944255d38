"""How much memory a process takes that opens a network and runs it once."""

from peers import PEERS
from workers import WorkerError, once

# Over ONNX Runtime's.
BOUNDS = {"eccv16": 1.0, "deoldify-deep-560": 0.4}
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
        f"256x256 pixels (or those of the side that the name ends with) once, with {threads} "
        f"threads."
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
    for network, most in MOST.items():
        peak = peaks.get(("libcolorize", network, threads, None))
        if peak:
            results.bound(f"{network}: memory, MB", peak, most)
    for network, bound in BOUNDS.items():
        ours, theirs = (
            peaks.get((peer, network, threads, None)) for peer in ("libcolorize", "ONNX Runtime")
        )
        if ours and theirs:
            results.bound(f"{network}: memory over ONNX Runtime's", ours / theirs, bound)

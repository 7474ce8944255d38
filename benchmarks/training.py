"""How fast compact is trained, and in how much memory, against PyTorch."""

import statistics
import sys

from workers import HERE, Worker, rotated

# Over PyTorch's: images a second, at least; memory, at most.
SPEED_BOUND, MEMORY_BOUND = 1.0, 1.0
# Of the loss of the first step, from the same weights and batch.
LOSS_BOUND = 1e-4
# Timed steps in a round.
STEPS = 3
OURS, THEIRS = "libcolorize", "PyTorch"
VARIANTS = ("contiguous", "channels_last")


def run(results, setup):
    count, side = setup.training
    threads = setup.threads[-1]
    results.section("Training")
    results.say(
        f"Steps of training of compact: {count} pictures of {side}x{side}, forward, "
        f"cross entropy with soft-encoded colors, backward, AdamW, with {threads} threads. Both "
        f"have the same weights and the same batch, which is in memory already. Of PyTorch's "
        f"tensors, {' and '.join(VARIANTS)}, those are taken that are faster; its AdamW is the "
        f"fused one. Memory is the largest resident memory of the process, for PyTorch of one that "
        f"imports nothing else but safetensors."
    )
    request = setup.folder / "training.safetensors"

    def theirs(variant):
        return [sys.executable, HERE / "training_worker.py", request, variant, str(threads)]

    def worker(name, command):
        return Worker(command, setup.folder / f"training-{name}.log", threads)

    variant = fastest({name: worker(name, theirs(name)) for name in VARIANTS})
    workers = {}
    times = {OURS: [], THEIRS: []}
    try:
        workers[OURS] = worker(OURS, [setup.probe, request, "-", str(threads)])
        workers[THEIRS] = worker(THEIRS, theirs(variant))
        for number in range(setup.rounds):
            for name in rotated(times, number):
                times[name].append(statistics.median(workers[name].times(STEPS)))
        peaks = {name: worker.peak_megabytes() for name, worker in workers.items()}
    finally:
        for one in workers.values():
            one.end()
    report(results, count, threads, workers, times, peaks, variant)


def fastest(workers):
    """The name of the fastest worker; all are ended."""
    try:
        times = {name: min(worker.times(STEPS)) for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.end()
    return min(times, key=times.get)


def report(results, count, threads, workers, times, peaks, variant):
    conditions = {"network": "compact", "threads": threads}
    speeds, losses, rows = {}, {}, []
    for name, values in times.items():
        milliseconds = results.record("training", name, "step", "ms", values, **conditions)
        results.record("training", name, "peak", "MB", [peaks[name]], **conditions)
        speeds[name] = 1000 * count / milliseconds
        losses[name] = workers[name].description["loss"]
        rows.append(
            [
                name, variant if name == THEIRS else "", milliseconds, speeds[name], peaks[name],
                f"{losses[name]:.6f}",
            ]
        )  # fmt: skip
    results.table(["", "variant", "ms a step", "images a second", "peak MB", "first loss"], rows)
    results.difference(
        "compact's loss in training", abs(losses[OURS] / losses[THEIRS] - 1), LOSS_BOUND
    )
    results.bound(
        "compact, training: images a second over PyTorch's", speeds[OURS] / speeds[THEIRS],
        SPEED_BOUND, at_least=True,
    )  # fmt: skip
    results.bound(
        "compact, training: memory over PyTorch's", peaks[OURS] / peaks[THEIRS], MEMORY_BOUND
    )

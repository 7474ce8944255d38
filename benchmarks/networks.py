"""How long each network takes in each runtime, at 256x256 or what its name ends with, with 1 and 2
threads."""

import math
import statistics

from names import DDCOLOR, DEOLDIFY, OWN, architecture
from peers import PEERS, SHORTER
from results import PEER_AB_BOUND, ab_bound
from workers import Worker, WorkerError, command, rotated

# Over the fastest of all peers; our own networks' over ONNX Runtime.
BOUNDS = {
    "lite": 0.50,
    "compact": 0.50,
    "eccv16": 0.38,
    "siggraph17": 0.42,
    "ddcolor-tiny": 0.60,
    "ddcolor-tiny-512": 0.60,
    "ddcolor-large": 0.80,
    "ddcolor-large-512": 0.80,
    "deoldify-deep": 0.45,
    "deoldify-deep-560": 0.45,
    "deoldify-wide": 0.50,
}
# In bfloat16, over OpenVINO's.
SHORTER_BOUNDS = {"ddcolor-tiny": 0.75, "ddcolor-large": 0.85}
SCALING_BOUND = 1.7
# What ONNX Runtime's eccv16 may take with 2 threads, in milliseconds, in a run that counts: by the
# instruction set that the processor has.
QUIET = {"avx512": 400, "avx2": 650}
# Timed runs in a round.
RUNS = {"lite": 10, "compact": 10, "eccv16": 3, "siggraph17": 3} | dict.fromkeys(
    (*DDCOLOR, *DEOLDIFY), 1
)


def run(results, setup):
    results.section("The networks alone")
    results.say(
        "256x256 pixels (or those of the side that the name ends with) to ab, medians of the "
        "rounds' medians. Each runtime is in a process of its "
        "own, which may use as many processors as it has threads and is stopped while others run; "
        "rounds are interleaved, each begins with another runtime, and each visit with a run that "
        "is not timed. Of several variants of a runtime's settings the fastest is taken, and "
        "named. `spread` is the distance of the quartiles over the median; `max difference` is "
        "that of ab from PyTorch's result in float64."
    )
    versions = {}
    for network in setup.networks:
        own = {}
        for threads in setup.threads:
            medians = compare(results, setup, network, threads, versions)
            own[threads] = medians.get("libcolorize")
            judge(results, setup, network, threads, medians)
        if own.get(1) and own.get(2):
            results.bound(
                f"{network}: 1 thread's time over 2 threads'", own[1] / own[2], SCALING_BOUND,
                at_least=True,
            )  # fmt: skip
    results.say("### The runtimes, with N threads")
    results.table(
        ["", "version", "settings"],
        [
            [(PEERS | SHORTER)[peer].name, version, (PEERS | SHORTER)[peer].settings]
            for peer, version in versions.items()
        ],
    )


def compare(results, setup, network, threads, versions):
    """The median of each runtime, by its name, of those whose results are right; notes versions."""
    workers = {}
    failed = {}
    peers = [*setup.peers]
    if network in DDCOLOR:
        peers += [name for name in SHORTER if name.removesuffix("-bf16") in setup.peers]
    try:
        for peer in [*peers]:
            # Without ours there is nothing to compare with.
            if peer in SHORTER and next(iter(SHORTER)) in failed:
                peers.remove(peer)
                continue
            try:
                log = setup.folder / f"{peer}-{network}-{threads}.log"
                serve = command("serve", peer, setup.folder, network, threads)
                workers[peer] = Worker(serve, log, threads)
            except WorkerError as error:
                failed[peer] = str(error)
        times = {peer: [] for peer in workers}
        for number in range(setup.rounds):
            for peer in rotated(times, number):
                if peer in failed:
                    continue
                try:
                    times[peer].append(statistics.median(workers[peer].times(RUNS[network])))
                except WorkerError as error:
                    failed[peer] = str(error)
    finally:
        for worker in workers.values():
            worker.end()
    if "libcolorize" in failed:
        raise WorkerError(f"libcolorize, {network}: {failed['libcolorize']}")

    ours = statistics.median(times["libcolorize"])
    medians = {}
    rows = []
    for peer in peers:
        name = (PEERS | SHORTER)[peer].name
        if peer in failed:
            rows.append([name, f"cannot run it: {failed[peer]}", "", "", "", ""])
            continue
        said = workers[peer].description
        versions[peer] = said["version"]
        median = results.record(
            "networks", name, "time", "ms", times[peer], network=network, threads=threads
        )
        is_right = said["difference"] <= PEER_AB_BOUND or peer in SHORTER
        if is_right:
            medians[name] = median
        rows.append(
            [
                name, said["variant"], median, f"{100 * spread(times[peer]):.1f} %",
                ours / median, f"{said['difference']:.1e}" + ("" if is_right else ": wrong"),
            ]
        )  # fmt: skip
    results.difference(
        f"{network}'s ab with {threads} threads", workers["libcolorize"].description["difference"],
        ab_bound(network),
    )  # fmt: skip
    results.say(f"### {network}, {threads} thread{'s' if threads > 1 else ''}")
    results.table(
        ["", "variant", "ms", "spread", "ours / this", "max difference"],
        rows,
    )
    return medians


def spread(values):
    if len(values) < 2:
        return 0
    first, median, third = statistics.quantiles(values, n=4, method="inclusive")
    return (third - first) / median


def judge(results, setup, network, threads, medians):
    ours = medians.get("libcolorize")
    shorter = [medians.pop(peer.name, None) for peer in SHORTER.values()]
    if all(shorter):
        results.bound(
            f"{network}, {threads} thread{'s' if threads > 1 else ''}, bfloat16: time over "
            "OpenVINO's", shorter[0] / shorter[1], SHORTER_BOUNDS[architecture(network)],
        )  # fmt: skip
    others = {name: value for name, value in medians.items() if name != "libcolorize"}
    if network in OWN:
        others = {name: value for name, value in others.items() if name == "ONNX Runtime"}
    if ours and others:
        fastest = min(others, key=others.get)
        results.bound(
            f"{network}, {threads} thread{'s' if threads > 1 else ''}: time over {fastest}'s",
            ours / others[fastest], BOUNDS[network],
        )  # fmt: skip
    quiet = QUIET.get(setup.instruction_set, math.inf)
    if (network, threads) == ("eccv16", 2) and medians.get("ONNX Runtime", 0) > quiet:
        results.noise.append(
            f"ONNX Runtime took {medians['ONNX Runtime']:.0f} ms for eccv16 with 2 threads, over "
            f"{quiet} ms: something else was running"
        )

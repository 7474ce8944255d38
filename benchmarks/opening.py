"""How long it takes from a model's file to the first picture."""

from peers import PEERS
from results import ab_bound
from workers import WorkerError, once, rotated

BOUND = 1.0


def run(results, setup):
    results.section("Opening a model, and the first picture")
    threads = setup.threads[-1]
    results.say(
        f"From the call that opens the file (libcolorize: the checkpoint of PyTorch, lite from "
        f"memory) to the end of the first run at 256x256 or what its name says, with {threads} "
        f"threads, in a new process "
        f"each time; importing the runtime is not counted. The files are in the system's cache."
    )
    for network in setup.networks:
        times = {}
        failed = {}
        bound = ab_bound(network)
        for number in range(setup.rounds):
            for peer in rotated(setup.peers, number):
                try:
                    said = once(peer, setup.folder, network, threads)
                except WorkerError as error:
                    failed[peer] = str(error)
                    continue
                times.setdefault(peer, []).append(said["milliseconds"])
                if peer == "libcolorize":
                    results.difference(f"{network}'s first ab", said["difference"], bound)
        if "libcolorize" in failed:
            raise WorkerError(f"libcolorize, {network}: {failed['libcolorize']}")
        medians = {
            peer: results.record(
                "opening", PEERS[peer].name, "time", "ms", values, network=network, threads=threads
            )
            for peer, values in times.items()
        }
        ours = medians["libcolorize"]
        results.say(f"### {network}")
        results.table(
            ["", "ms", "ours / this"],
            [
                [PEERS[peer].name, medians[peer], ours / medians[peer]]
                if peer in medians
                else [PEERS[peer].name, f"cannot run it: {failed[peer]}", ""]
                for peer in setup.peers
            ],
        )
        if network == "eccv16" and "onnxruntime" in medians:
            results.bound(
                "eccv16, open and first picture: time over ONNX Runtime's",
                ours / medians["onnxruntime"], BOUND,
            )  # fmt: skip

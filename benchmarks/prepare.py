"""Writes what the benchmarks run on: each network in every form that a runtime takes, and inputs.

    PYTHONPATH=Tests/Reference \\
      python benchmarks/prepare.py FOLDER NETWORK ... [--ncnn] [--training COUNT SIDE]

In FOLDER, for each NETWORK of names.py:

    NETWORK.pth          the state dict as torch.save writes it, with the weights of published.py;
                         not for lite, which is inside the library
    NETWORK.onnx         from the network's inputs to ab
    NETWORK.ncnn.param   the same for ncnn, in float32, with NETWORK.ncnn.bin; only with --ncnn
    NETWORK.inputs.npz   a photograph as the network takes it: arrays [1, C, SIDE, SIDE] by name
    NETWORK.ab.npy       what PyTorch computes of it in float64, [1, 2, h, w]

With --training COUNT SIDE also training.safetensors: compact, and a batch (Tests/TrainingProbe).
"""

import argparse
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from graphs import open_network
from names import DDCOLOR, DEFAULT, NETWORKS, OWN, architecture, side
from pictures import network_input, picture
from published import formula_network, in_float64, write_checkpoint
from torch_training import Task, write_request


def network_inputs(name):
    """name -> float32 array [1, C, SIDE, SIDE]: what a network takes of a photograph."""
    size = side(name)
    values = network_input(picture("coffee", size, size))[None]
    if name in OWN:
        return {"input": values.numpy()}
    inputs = {"lightness": (100 * values[:, :1] + 50).numpy()}
    if name == "siggraph17":
        inputs["hints"] = np.zeros((1, 2, size, size), np.float32)
        inputs["mask"] = np.zeros((1, 1, size, size), np.float32)
    return inputs


def write_ncnn(folder, name, network, tensors):
    """Has pnnx translate TorchScript, without its default of float16 weights."""
    network.without_slices = True
    torch.jit.trace(network, tensors).save(folder / f"{name}.pt")
    shapes = ",".join(str(list(tensor.shape)).replace(" ", "") for tensor in tensors)
    subprocess.run(
        [Path(sys.executable).with_name("pnnx"), f"{name}.pt", f"inputshape={shapes}", "fp16=0"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def prepare(folder, name, ncnn):
    checkpoint = folder / f"{name}.pth"
    if name != DEFAULT:
        write_checkpoint(formula_network(architecture(name)), checkpoint)
    network = open_network(name, checkpoint)
    inputs = network_inputs(name)
    tensors = tuple(torch.from_numpy(array) for array in inputs.values())
    np.savez(folder / f"{name}.inputs.npz", **inputs)
    with torch.no_grad(), warnings.catch_warnings():
        if name in DDCOLOR:
            # Its classes cannot be copied.
            exact = open_network(name, checkpoint).double()
            ab = exact(*(tensor.double() for tensor in tensors))
        else:
            ab = in_float64(network)(*tensors)
        np.save(folder / f"{name}.ab.npy", ab.float().numpy())
        # The exporter of TorchScript is deprecated, but needs no further packages; so is
        # TorchScript, which is what pnnx reads.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, tensors, folder / f"{name}.onnx", input_names=list(inputs),
            output_names=["ab"], dynamo=False,
        )  # fmt: skip
        if ncnn:
            write_ncnn(folder, name, network, tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("networks", nargs="+", choices=NETWORKS)
    parser.add_argument("--ncnn", action="store_true")
    parser.add_argument("--training", type=int, nargs=2, metavar=("COUNT", "SIDE"))
    arguments = parser.parse_args()
    if arguments.training:
        task = Task("compact", *arguments.training)
        request = task.request(task.module(), task.batches(1), task="speed")
        write_request(arguments.folder / "training.safetensors", *request)
    for name in arguments.networks:
        prepare(arguments.folder, name, arguments.ncnn)
    return 0


if __name__ == "__main__":
    sys.exit(main())

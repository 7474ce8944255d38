"""Small graphs of operators in PyTorch, as Tests/TrainingProbe/Graph.swift has them described.

graph = Graph("in convolution 0 outputs=5 kernel=1 stride=1 dilation=1 bias=1\\n- relu 1",
              count=2, height=5, width=7, channels=3)
request = graph.request(ends=(1, 2))
wanted = graph.answer(ends=(1, 2))         # what the probe has to give, in float64
"""

import numpy as np
import torch
import torch.nn.functional as F

from lite1 import gray_as_rgb
from make_fixtures import seeded


class Graph:
    def __init__(self, text, count, height, width, channels, frozen=()):
        self.text = text
        self.shape = (count, height, width, channels)
        self.frozen = frozen
        self.nodes = [self.node(line) for line in text.split("\n")]
        rng = seeded(text)
        self.input = rng.normal(0, 1, self.shape).astype(np.float32)
        self.tensors = {}
        outputs = [channels]
        for name, operation, inputs, options in self.nodes:
            own, channels = parameters(operation, outputs[inputs[0]], options)
            outputs.append(channels)
            for part, (shape, mean, deviation) in own.items():
                values = np.abs(rng.normal(mean, deviation, shape))
                if mean == 0:
                    values = rng.normal(0, deviation, shape)
                self.tensors[f"{name}.{part}"] = values.astype(np.float32)
        self.seeds = {}

    @staticmethod
    def node(line):
        name, operation, inputs, *options = line.split()
        pairs = (option.split("=") for option in options)
        options = {key: float(value) if "." in value else int(value) for key, value in pairs}
        return name, operation, [int(i) for i in inputs.split(",")], options

    def forward(self, tensors, dtype):
        """Every node's value, [N, C, H, W]."""
        values = [torch.from_numpy(self.input).permute(0, 3, 1, 2).to(dtype)]
        for name, operation, inputs, options in self.nodes:
            own = {
                key.removeprefix(f"{name}."): tensor
                for key, tensor in tensors.items()
                if key.startswith(f"{name}.")
            }
            values.append(self.value(operation, [values[i] for i in inputs], own, options, name))
        return values

    def value(self, operation, inputs, own, options, name):
        x = inputs[0]
        if operation == "convolution":
            return F.conv2d(
                F.pad(x, padding(options)), own["weight"], own.get("bias"),
                stride=options["stride"], dilation=options["dilation"],
            )  # fmt: skip
        if operation == "depthwise":
            return F.conv2d(
                F.pad(x, padding(options)), own["weight"], stride=options["stride"],
                groups=x.shape[1],
            )  # fmt: skip
        if operation == "transposed":
            return F.conv_transpose2d(x, own["weight"], own["bias"], stride=2, padding=1)
        if operation == "linear":
            return F.linear(x[:, :, 0, 0], own["weight"], own["bias"])[:, :, None, None]
        if operation == "norm":
            return F.batch_norm(
                x, own["running_mean"], own["running_var"], own["weight"], own["bias"],
                training=not name.startswith(self.frozen or ("no node",)),
            )  # fmt: skip
        if operation == "bilinear":
            return F.interpolate(x, size=inputs[1].shape[2:], mode="bilinear", align_corners=False)
        return {
            "relu": lambda: F.relu(x).clamp(max=options.get("ceiling", float("inf"))),
            "leaky": lambda: F.leaky_relu(x, options["slope"]),
            "tanh": lambda: torch.tanh(x),
            "gray": lambda: gray_as_rgb(x[:, :1]),
            "mean": lambda: x.mean(dim=(2, 3), keepdim=True),
            "subsample": lambda: x[:, :, ::2, ::2],
            "add": lambda: x + inputs[1],
        }[operation]()

    def seed(self, node, value):
        """The gradient of the loss by an end, [N, H, W, C]."""
        if node not in self.seeds:
            count, channels, height, width = value.shape
            rng = seeded(f"{self.text} {node}")
            shape = (count, height, width, channels)
            self.seeds[node] = rng.normal(0, 1, shape).astype(np.float32)
        return self.seeds[node]

    def answer(self, ends, dtype=torch.float64):
        """What the probe gives, as float64 arrays: only node 1 has the input alone before it."""
        tensors = {}
        for name, array in self.tensors.items():
            tensors[name] = torch.from_numpy(array).to(dtype).clone()
            if not is_statistic(name) and not name.startswith(self.frozen or ("no tensor",)):
                tensors[name].requires_grad_()
        values = self.forward(tensors, dtype)
        for node in ends:
            values[node].retain_grad()
        seeds = [nchw(self.seed(node, values[node]), dtype) for node in ends]
        torch.autograd.backward([values[node] for node in ends], seeds)
        answer = {f"node.{node}": nhwc(values[node]) for node in ends}
        if 1 in ends:
            answer["gradient.node.1"] = nhwc(values[1].grad)
        for name, tensor in tensors.items():
            if is_statistic(name):
                answer[f"statistic.{name}"] = tensor.double().numpy()
            elif tensor.requires_grad:
                answer[f"gradient.{name}"] = tensor.grad.double().numpy()
        return answer

    def request(self, ends):
        """The probe's tensors and metadata. After `answer`, which makes the seeds."""
        count, height, width, channels = self.shape
        tensors = {"input": self.input, **self.tensors}
        tensors.update({f"seed.{node}": self.seeds[node] for node in ends})
        return tensors, {
            "task": "graph", "graph": self.text, "count": count, "height": height,
            "width": width, "channels": channels, "ends": " ".join(map(str, ends)),
            "frozen": " ".join(self.frozen),
        }  # fmt: skip


def padding(options):
    """Left, right, above and below: of TensorFlow, or as much on every side."""
    both = options.get("dilation", 1) * (options["kernel"] - 1)
    if options.get("same"):
        both += 1 - options["stride"]
    return [both // 2, both - both // 2] * 2


def parameters(operation, inputs, options):
    """part -> (shape, mean, deviation), and the channels that come out."""
    outputs = 3 if operation == "gray" else options.get("outputs", inputs)
    if operation == "convolution":
        kernel = options["kernel"]
        fan_in = inputs * kernel**2
        own = {"weight": ((outputs, inputs, kernel, kernel), 0, fan_in**-0.5)}
        if options["bias"]:
            own["bias"] = ((outputs,), 0, 0.5)
    elif operation == "depthwise":
        kernel = options["kernel"]
        own = {"weight": ((inputs, 1, kernel, kernel), 0, 1 / kernel)}
    elif operation == "transposed":
        own = {
            "weight": ((inputs, outputs, 4, 4), 0, (4 * inputs) ** -0.5),
            "bias": ((outputs,), 0, 0.5),
        }
    elif operation == "linear":
        own = {"weight": ((outputs, inputs), 0, inputs**-0.5), "bias": ((outputs,), 0, 0.5)}
    elif operation == "norm":
        own = {
            "weight": ((inputs,), 1, 0.3),
            "bias": ((inputs,), 0, 0.5),
            "running_mean": ((inputs,), 0, 1),
            "running_var": ((inputs,), 1, 0.3),
        }
    else:
        own = {}
    return own, outputs


def is_statistic(name):
    return ".running_" in name


def nchw(array, dtype):
    return torch.from_numpy(array).permute(0, 3, 1, 2).to(dtype)


def nhwc(tensor):
    return tensor.detach().permute(0, 2, 3, 1).double().numpy()

"""PyTorch in training, in a process of its own that runs when it is told to.

    python training_worker.py REQUEST VARIANT THREADS

REQUEST is what Tests/TrainingProbe/Speed.swift is given, and what is said is what the probe says: a
line of JSON with the first step's loss; then, for each line N on standard input, a step that is not
timed and N that are, in milliseconds. It imports nothing but what a training script needs.
"""

import json
import sys
import time

import torch
from safetensors import safe_open

from compact import Compact

VARIANTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class Training:
    def __init__(self, path, memory_format):
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.batch = {
            name.removesuffix(".0"): tensors.pop(name)
            for name in ("input.0", "bins.0", "shares.0", "weights.0")
        }
        # The bytes lie as channels_last has them.
        inputs = self.batch["input"].permute(0, 3, 1, 2)
        self.batch["input"] = inputs.contiguous(memory_format=memory_format)
        self.batch["bins"] = self.batch["bins"].long()
        self.network = Compact()
        self.network.load_state_dict(tensors, strict=False)
        self.network = self.network.to(memory_format=memory_format).train()
        groups = {True: [], False: []}
        for parameter in self.network.parameters():
            groups[parameter.ndim > 1].append(parameter)
        self.optimiser = torch.optim.AdamW(
            [
                {"params": groups[True], "weight_decay": float(metadata["weight_decay"])},
                {"params": groups[False], "weight_decay": 0},
            ],
            lr=float(metadata["learning_rate"]),
            fused=True,
        )

    def step(self):
        self.optimiser.zero_grad()
        logits = self.network(self.batch["input"])
        logarithms = logits.permute(0, 2, 3, 1).flatten(0, 2).log_softmax(dim=1)
        near = logarithms.gather(1, self.batch["bins"])
        loss = (-(near * self.batch["shares"]).sum(dim=1) * self.batch["weights"]).mean()
        loss.backward()
        self.optimiser.step()
        return loss.item()


def main():
    path, variant, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    training = Training(path, VARIANTS[variant])
    print(json.dumps({"version": torch.__version__, "loss": training.step()}), flush=True)
    for line in sys.stdin:
        training.step()
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            training.step()
            times.append(1000 * (time.perf_counter() - start))
        print(json.dumps(times), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

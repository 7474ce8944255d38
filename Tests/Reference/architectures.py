"""The networks in PyTorch, by the name that model files have: the only list of them here.

Which networks there are is the library's to say: `check` compares.
"""

from functools import partial

from colorizers.eccv16 import ECCVGenerator
from colorizers.siggraph17 import SIGGRAPHGenerator

from compact import Compact
from ddcolor import DDColor
from deoldify import BLOCKS, DeOldify
from lite import Lite
from lite1 import Lite1

# Zhang et al.'s, as they were released.
RELEASED = {"eccv16": ECCVGenerator, "siggraph17": SIGGRAPHGenerator}


class WithoutClasses(SIGGRAPHGenerator):
    """siggraph17 as its release computes it, whose ab are of up to `scale`."""

    def __init__(self, scale):
        super().__init__()
        del self.model_class
        self.scale = scale

    def unnormalize_ab(self, ab):
        return ab * self.scale


GUIDED = {
    "siggraph17-ab": partial(WithoutClasses, 110),
    "ideepcolor": partial(WithoutClasses, 100),
}
# Our own, of which not each has a trained model here.
OWN = {"compact": Compact, "lite": Lite, "lite1": Lite1}
# Whose outputs are red, green and blue.
RGB = {f"deoldify-{kind}": partial(DeOldify, kind) for kind in BLOCKS}
# Whose outputs are a and b, of lightness alone.
AB = {f"ddcolor-{kind}": partial(DDColor, kind) for kind in ("tiny", "large")}

ALL = RELEASED | GUIDED | OWN | RGB | AB


def check(report):
    """A row: the networks that the library has, against these."""
    from safetensors.torch import save

    import libcolorize

    try:
        libcolorize.Model.from_bytes(save({}, metadata={"architecture": "?"}))
        known = ""
    except libcolorize.Error as error:
        # "its architecture is ?; compact, lite, eccv16 are known"
        known = str(error).partition("; ")[2].partition(" are known")[0]
    report.section("the networks that there are")
    report.row("networks that only one side has", len(set(known.split(", ")) ^ set(ALL)), 0)

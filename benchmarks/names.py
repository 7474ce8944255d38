"""The networks that are measured. Nothing here imports PyTorch: what measures has to be small."""

# The one inside the library.
DEFAULT = "lite"
OWN = (DEFAULT, "compact")

# At the side that their name ends with, and without one at 256.
DDCOLOR = ("ddcolor-tiny", "ddcolor-tiny-512", "ddcolor-large", "ddcolor-large-512")
# deep is artistic, wide is stable and video; 560 is a render factor of 35.
DEOLDIFY = ("deoldify-deep", "deoldify-deep-560", "deoldify-wide")
NETWORKS = (*OWN, "eccv16", "siggraph17", *DDCOLOR, *DEOLDIFY)


def _parts(network):
    """The architecture, and the side or nothing."""
    name, _, size = network.rpartition("-")
    return (name, size) if size.isdigit() else (network, "")


def architecture(network):
    return _parts(network)[0]


def side(network):
    """Of the input."""
    return int(_parts(network)[1] or 256)

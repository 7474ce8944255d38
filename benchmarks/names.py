"""The networks that are measured. Nothing here imports PyTorch: what measures has to be small."""

# The one inside the library.
DEFAULT = "lite"
OWN = (DEFAULT, "compact")

# At the side that their name ends with, and without one at 256.
DDCOLOR = ("ddcolor-tiny", "ddcolor-tiny-512", "ddcolor-large", "ddcolor-large-512")
NETWORKS = (*OWN, "eccv16", "siggraph17", *DDCOLOR)


def architecture(network):
    return network.removesuffix("-512")


def side(network):
    """Of the input."""
    return 512 if network.endswith("-512") else 256

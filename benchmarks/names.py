"""The networks of our own. Nothing here imports PyTorch: what measures has to be small."""

# The one inside the library.
DEFAULT = "lite"
OWN = (DEFAULT, "compact")

"""The version of the package, which is also in include/colorize.h."""

__version__ = "0.2.0"

"""Finds libcolorize, loads it and makes sure that it is the one that _declarations.py describes."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from . import _declarations as c

_SONAME = "libcolorize.so.0"


def _candidates() -> list[tuple[str, str]]:
    """Where to look, best first: what dlopen is given, and how to call the place in a message."""
    chosen = os.environ.get("LIBCOLORIZE_LIBRARY")
    if chosen:
        # Who names a library wants that one or an error.
        return [(chosen, f"{chosen} (LIBCOLORIZE_LIBRARY)")]
    beside = str(Path(__file__).resolve().parent / _SONAME)
    return [(beside, f"{beside} (beside the package)"), (_SONAME, f"{_SONAME} (of the system)")]


def _version_problem(library: ctypes.CDLL) -> str | None:
    """Why this package cannot use the library, or None. A minor version only ever adds."""
    major, rest = divmod(library.colorize_version(), 1_000_000)
    minor = rest // 1000
    if major == c.COLORIZE_VERSION_MAJOR and minor >= c.COLORIZE_VERSION_MINOR:
        return None
    return (
        f"it is version {major}.{minor}; this package needs "
        f"{c.COLORIZE_VERSION_MAJOR}.{c.COLORIZE_VERSION_MINOR} or a later "
        f"{c.COLORIZE_VERSION_MAJOR}.x"
    )


def load() -> ctypes.CDLL:
    """The library, declared. ImportError lists what was tried and what was wrong with it."""
    tried = []
    for name, place in _candidates():
        try:
            library = ctypes.CDLL(name)
            c.declare(library)
        except (OSError, AttributeError) as problem:
            tried.append(f"  {place}: {problem}")
            continue
        mismatch = _version_problem(library)
        if mismatch is None:
            return library
        tried.append(f"  {place}: {mismatch}")
    raise ImportError(
        "cannot load libcolorize; tried\n"
        + "\n".join(tried)
        + "\nInstall libcolorize, or let LIBCOLORIZE_LIBRARY name the file."
    )

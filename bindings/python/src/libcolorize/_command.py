"""Finds the command `libcolorize`: a wheel holds it, elsewhere it is installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_NAME = "libcolorize"


def _is_program(path: Path) -> bool:
    """Whether it is the command, not the script of that name, made by pip, which ends here."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF" and os.access(path, os.X_OK)
    except OSError:
        return False


def find() -> Path:
    """The command's file: LIBCOLORIZE_COMMAND, else beside this package, else in PATH.

    Raises FileNotFoundError, which says what to install.
    """
    chosen = os.environ.get("LIBCOLORIZE_COMMAND")
    if chosen:
        # Who names a command wants that one or an error.
        if _is_program(Path(chosen)):
            return Path(chosen)
        raise FileNotFoundError(f"LIBCOLORIZE_COMMAND names {chosen}, which is not a program")
    beside = Path(__file__).resolve().parent / "bin" / _NAME
    if _is_program(beside):
        return beside
    for folder in os.get_exec_path():
        found = shutil.which(_NAME, path=folder)
        if found and _is_program(Path(found)):
            return Path(found)
    raise FileNotFoundError(
        "the command libcolorize is not here: install a wheel of libcolorize, which holds it,"
        " or Debian's package libcolorize-tools"
    )

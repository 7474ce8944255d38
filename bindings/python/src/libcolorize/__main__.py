"""python -m libcolorize, and the script of that name: the command."""

import os
import sys

from . import _command


def main() -> None:
    """Becomes the command, with this process's arguments."""
    try:
        command = _command.find()
        os.execv(command, [command.name, *sys.argv[1:]])
    except OSError as problem:
        sys.exit(f"libcolorize: {problem}")


if __name__ == "__main__":
    main()

"""The weights of libcolorize's own model files."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _command
from .._batch import CommandError
from .._calls import invalid
from ..colorizers._state_dict import SHAPES
from ..model import file_of

State = dict[str, npt.NDArray[np.float32]]


def state_of(
    model: str | os.PathLike[str], networks: tuple[str, ...] = ("eccv16",)
) -> tuple[str, State]:
    """The network, one of some, and its float32 weights, of whatever file the library opens."""
    import subprocess

    source = os.path.abspath(file_of(model))
    with tempfile.TemporaryDirectory() as folder:
        # The command reads every container, and checks what it reads.
        path = Path(folder) / "model.safetensors"
        result = subprocess.run(
            [_command.find(), "convert", source, path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if result.returncode != 0:
            said = result.stderr.decode(errors="replace").strip()
            raise CommandError(result.returncode, said)
        content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8:start])
    architecture = header.pop("__metadata__", {}).get("architecture")
    if architecture not in networks:
        raise invalid(
            f"{source} holds {architecture}; only {' and '.join(networks)} can be written as this"
        )
    types = {"F32": "<f4", "F16": "<f2"}
    state = {}
    for name, shape in SHAPES[architecture].items():
        entry = header[name]
        first, last = entry["data_offsets"]
        values = np.frombuffer(content[start + first : start + last], types[entry["dtype"]])
        state[name] = values.astype(np.float32).reshape(shape)
    return architecture, state

"""Writes safetensors files whose bytes depend on nothing but what is written.

The safetensors package orders a file's metadata by a hash that is new in each process.
"""

import json
import os
from pathlib import Path

import numpy as np

DTYPES = {
    np.dtype(np.float64): "F64",
    np.dtype(np.int64): "I64",
    np.dtype(np.float32): "F32",
    np.dtype(np.float16): "F16",
    np.dtype(np.uint16): "U16",
    np.dtype(np.uint8): "U8",
}


def write(path, tensors, metadata=None):
    """Writes name -> NumPy array. At any time `path` holds its old content or all of the new."""
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    # Wide elements first: so each tensor is aligned to its element without gaps, which the format
    # forbids.
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    offset = 0
    for name in names:
        array = arrays[name]
        header[name] = {
            "dtype": DTYPES[array.dtype],
            "shape": list(tensors[name].shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    # The data begins at a multiple of 64 bytes: a cache line.
    text += b" " * (-(8 + len(text)) % 64)

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(len(text).to_bytes(8, "little"))
            file.write(text)
            for name in names:
                file.write(arrays[name].tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)

"""Writes a model file's weights as PyTorch saves checkpoints, without PyTorch.

    checkpoints.py MODEL.safetensors OUT.zip.pth OUT.legacy.pth

What PyTorch itself writes is in Tests/Fixtures/checkpoints and, in full size, in
Tests/Reference/check_published.py. These are for what needs a whole network in a small file: the
tests of memory.
"""

import collections
import io
import json
import pickle
import struct
import sys
import types
import zipfile
from pathlib import Path

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001


class Storage:
    """A tensor's values, which a pickle only refers to."""

    def __init__(self, key, kind, data, count):
        self.key, self.kind, self.data, self.count = str(key), kind, data, count


def torch_names():
    """What pickles name of PyTorch, under its modules' names."""
    for name in ["torch", "torch._utils"]:
        sys.modules[name] = types.ModuleType(name)
    kinds = {}
    for dtype, name in [("F32", "FloatStorage"), ("F16", "HalfStorage")]:
        kinds[dtype] = type(name, (), {"__module__": "torch"})
        setattr(sys.modules["torch"], name, kinds[dtype])

    def _rebuild_tensor_v2():
        pass

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    sys.modules["torch._utils"]._rebuild_tensor_v2 = _rebuild_tensor_v2
    return kinds, _rebuild_tensor_v2


class Tensor:
    """Pickled as PyTorch's tensors are."""

    def __init__(self, rebuild, storage, shape):
        strides, step = [], 1
        for size in reversed(shape):
            strides.insert(0, step)
            step *= size
        hooks = collections.OrderedDict()
        self.reduced = rebuild, (storage, 0, tuple(shape), tuple(strides), False, hooks)

    def __reduce__(self):
        return self.reduced


class Pickler(pickle.Pickler):
    def __init__(self, file, is_legacy):
        super().__init__(file, protocol=2)
        self.rest = (None,) if is_legacy else ()

    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", value.kind, value.key, "cpu", value.count, *self.rest)
        return None


def pickled(value, is_legacy=False):
    file = io.BytesIO()
    Pickler(file, is_legacy).dump(value)
    return file.getvalue()


def main():
    model, zip_path, legacy_path = map(Path, sys.argv[1:])
    content = model.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    kinds, rebuild = torch_names()
    storages, state = [], collections.OrderedDict()
    for name, entry in json.loads(content[8 : 8 + length]).items():
        if name == "__metadata__" or name.startswith("vector."):
            continue
        first, last = (8 + length + offset for offset in entry["data_offsets"])
        data = content[first:last]
        count = len(data) // {"F32": 4, "F16": 2}[entry["dtype"]]
        storages.append(Storage(len(storages), kinds[entry["dtype"]], data, count))
        state[name] = Tensor(rebuild, storages[-1], entry["shape"])

    with zipfile.ZipFile(zip_path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(state))
        archive.writestr("archive/byteorder", b"little")
        for storage in storages:
            archive.writestr(f"archive/data/{storage.key}", storage.data)
        archive.writestr("archive/version", b"3\n")

    system = {"protocol_version": VERSION, "little_endian": True}
    with open(legacy_path, "wb") as file:
        for value in [MAGIC, VERSION, system, state, [storage.key for storage in storages]]:
            file.write(pickled(value, is_legacy=True))
        for storage in storages:
            file.write(struct.pack("<q", storage.count) + storage.data)


if __name__ == "__main__":
    main()

"""Makes what the fuzzer begins with: Tests/Fuzz/corpus/*/seed-*.

    python make_seeds.py

Checkpoints as small as they can be, since the fuzzer changes a byte of a small file sooner. Needs
PyTorch (Tests/Reference/requirements.txt). The archives have no checksums, so that what is changed
in their pickles is read on.
"""

import io
import re
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

CORPUS = Path(__file__).parent / "corpus"


def save(name, thing, *, wide=False, **options):
    data = io.BytesIO()
    torch.save(thing, data, _use_new_zipfile_serialization=False, **options)
    (CORPUS / "legacy" / f"seed-{name}").write_bytes(data.getvalue())

    data, small = io.BytesIO(), io.BytesIO()
    torch.save(thing, data, **options)
    with zipfile.ZipFile(data) as old, zipfile.ZipFile(small, "w") as new:
        for entry in old.infolist():
            path = entry.filename.split("/", 1)[1]
            if path in ("data.pkl", "byteorder") or path.startswith("data/"):
                with new.open(zipfile.ZipInfo(f"a/{path}"), "w", force_zip64=wide) as file:
                    file.write(old.read(entry))
    archive = bytearray(small.getvalue())
    for record in re.finditer(rb"PK\x01\x02", archive):
        archive[record.start() + 16 : record.start() + 20] = bytes(4)
    (CORPUS / "zip" / f"seed-{name}").write_bytes(archive)


def far_entries():
    """An archive whose entries agree about places far behind its end."""
    far = 0x7000_0000
    names = [b"a/data.pkl", b"a/x", b"a/y"]
    size = far - 30 - len(names[0])
    head = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, 0, 0, size, size, len(names[0]), 0)
    body = head + names[0]
    directory = b"".join(
        struct.pack("<IHHHHHHIII", 0x02014B50, 20, 20, 0, 0, 0, 0, 0, count, count)
        + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, header)
        + name
        for name, count, header in zip(names, [size, 10, 10], [0, far, far + 4096], strict=True)
    )
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 3, 3, len(directory), len(body), 0)
    (CORPUS / "zip" / "seed-far-entries").write_bytes(body + directory + end)


def main():
    for container in ("safetensors", "zip", "legacy"):
        folder = CORPUS / container
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("seed-*"):
            old.unlink()
    two, four = torch.arange(2.0), torch.arange(4.0)
    for name, dtype in [
        ("float", torch.float32),
        ("half", torch.float16),
        ("brain", torch.bfloat16),
        ("double", torch.float64),
        ("long", torch.int64),
    ]:
        save(name, {"a": two.to(dtype)})
    save("ordered", OrderedDict(a=two, b=two.clone()))
    save("norm", torch.nn.BatchNorm1d(1).state_dict())
    save("module", {"module.a": two, "b": four})
    save("parameter", {"a": torch.nn.Parameter(two)})
    save("nested", {"epoch": 1, "state_dict": {"a": two}})
    save("other", {"model": {"a": two}, "x": [1, -70000, 1 << 70, 2.5, None, True, (1, b"x")]})
    save("protocol-4", {"a": two}, pickle_protocol=4)
    image = torch.arange(8.0).view(1, 2, 2, 2)
    save("channels-last", {"a": image.to(memory_format=torch.channels_last)})
    save("wide", {"a": two}, wide=True)
    save("tied", {"a": two, "b": two})
    save("parts", {"a": four[:2], "b": four[2:]})
    far_entries()
    header = (
        rb'{"__metadata__":{"a":"\u00e9\ud83c\udfa8\/","b":"\n\"\\"},'
        rb'"t":{"dtype":"F16","shape":[1,2],"data_offsets":[8,12]},'
        rb'"module.b":{"dtype":"BF16","shape":[],"data_offsets":[12,14]},'
        rb'"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}} '
    )
    data = struct.pack("<Q", len(header)) + header + bytes(14)
    (CORPUS / "safetensors" / "seed").write_bytes(data)
    header = (
        rb'{"a":{"dtype":"I8","shape":[2,2],"data_offsets":[8,12]},'
        rb'"a_scale":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}} '
    )
    data = struct.pack("<Q", len(header)) + header + struct.pack("<ff4b", 0.5, 2, 1, -2, 127, -127)
    (CORPUS / "safetensors" / "seed-eight-bits").write_bytes(data)
    # The tensors that say which depths and widths an encoder of DDColor has.
    blocks = [(0, 0, 1), (1, 0, 2), (2, 0, 1), (2, 1, 1), (3, 0, 2)]
    entries, end = [], 0
    for stage, block, width in blocks:
        name = f"encoder.arch.stages.{stage}.{block}.gamma"
        offsets = f"[{end},{end + 2 * width}]"
        entries.append(f'"{name}":{{"dtype":"F16","shape":[{width}],"data_offsets":{offsets}}}')
        end += 2 * width
    header = f"{{{','.join(entries)}}}".encode()
    header += b" " * (-len(header) % 8)
    data = struct.pack("<Q", len(header)) + header + bytes(end)
    (CORPUS / "safetensors" / "seed-ddcolor").write_bytes(data)
    state = {f"encoder.arch.stages.{stage}.{block}.gamma": torch.ones(width)
             for stage, block, width in blocks}  # fmt: skip
    save("ddcolor", {"params": state})


if __name__ == "__main__":
    main()

"""Makes Tests/Fixtures/checkpoints: small checkpoints as PyTorch writes them, and their values.

    python make_checkpoints.py

Whatever is in the folder `sound` holds the values of `expected.safetensors`, which float16 and
bfloat16 hold exactly, too; that PyTorch says the same is checked here. What is in `refused` is
nothing that a model can be read from. The files without a zip archive name storages by their
addresses, so their bytes are others each time.
"""

import io
import pickle
import shutil
import struct
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from torch.nn.utils import spectral_norm, weight_norm

from safetensors_file import write

FOLDER = Path(__file__).parents[1] / "Fixtures" / "checkpoints"


def network():
    """A convolution and a batch norm, called `conv` and `norm`."""
    generator = torch.Generator().manual_seed(7)
    modules = OrderedDict(conv=torch.nn.Conv2d(3, 4, 3), norm=torch.nn.BatchNorm2d(4))
    module = torch.nn.Sequential(modules).eval().requires_grad_(False)
    for tensor in module.state_dict().values():
        values = torch.randint(-100, 100, tensor.shape, generator=generator)
        tensor.copy_(values / 64 if tensor.is_floating_point() else 3)
    module.norm.running_var.abs_()
    return module


def save(name, thing, *, legacy=False, **options):
    path = FOLDER / f"{name}.pth"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(thing, path, _use_new_zipfile_serialization=not legacy, **options)
    return path


def converted(state, dtype):
    return {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }


def renamed(state):
    return OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())


def channels_last(state):
    return {
        name: tensor.to(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
        for name, tensor in state.items()
    }


def in_one_storage(state):
    """The same as parts of one storage, which they fill; the last come first."""
    floating = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    flat = torch.cat([tensor.flatten() for tensor in reversed(floating.values())])
    result, end = {}, len(flat)
    for name, tensor in floating.items():
        end -= tensor.numel()
        result[name] = flat[end : end + tensor.numel()].view(tensor.shape)
    return result


def zipped(source, target, *, compression=zipfile.ZIP_STORED, change=lambda name, data: data):
    """An archive made anew by another program, its entries in another order."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for entry in reversed(old.infolist()):
            name = zipfile.ZipInfo(entry.filename)
            name.compress_type = compression
            new.writestr(name, change(entry.filename, old.read(entry)))


def text(value):
    """A string as Python 2 writes it."""
    return b"U" + bytes([len(value)]) + value.encode()


def python2(state):
    """A legacy checkpoint as Python 2 wrote it: byte strings, and an OrderedDict of pairs."""
    data = io.BytesIO()
    for thing in (torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION):
        pickle.dump(thing, data, 2)
    data.write(b"\x80\x02}q\x01(" + text("protocol_version") + b"M\xe9\x03")
    data.write(text("little_endian") + b"\x88u.")
    data.write(b"\x80\x02ccollections\nOrderedDict\nq\x01](")
    for number, (name, tensor) in enumerate(state.items()):
        data.write(b"](" + text(name) + b"ctorch._utils\n_rebuild_tensor\n((" + text("storage"))
        data.write(b"ctorch\nFloatStorage\n" + text(f"{number}") + text("cpu"))
        data.write(b"J" + struct.pack("<i", tensor.numel()) + b"NtQK\x00(")
        data.write(b"".join(b"K" + bytes([size]) for size in tensor.shape) + b"t(")
        data.write(b"".join(b"K" + bytes([step]) for step in tensor.stride()) + b"ttRe")
    data.write(b"e\x85R.\x80\x02](")
    data.write(b"".join(text(f"{number}") for number in range(len(state))) + b"e.")
    for tensor in state.values():
        data.write(struct.pack("<q", tensor.numel()) + tensor.numpy().tobytes())
    return data.getvalue()


class Foreign:
    """Something that calls os.system when it is unpickled."""

    def __reduce__(self):
        import os

        return os.system, ("true",)


def make_sound(module):
    state = module.state_dict()
    single = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(3))])
    optimizer.param_groups[0]["params"][0].grad = torch.ones(3)
    optimizer.step()
    training = {"epoch": 3, "arch": "x", "best": 0.5, "state_dict": state}

    for legacy in (False, True):
        kind = "legacy" if legacy else "zip"
        for name, thing, options in [
            ("", state, {}),
            ("-fp16", converted(state, torch.float16), {}),
            ("-bf16", converted(state, torch.bfloat16), {}),
            ("-protocol-4", state, {"pickle_protocol": 4}),
            ("-module", renamed(state), {}),
            ("-state_dict", training, {}),
            ("-channels-last", channels_last(state), {}),
        ]:
            save(f"sound/{kind}{name}", thing, legacy=legacy, **options)
    save("sound/zip-f64", converted(state, torch.float64))
    save("sound/zip-protocol-5", state, pickle_protocol=5)
    save("sound/zip-model", {"model": renamed(single), "optimizer": optimizer.state_dict()})
    save("sound/zip-parameters", {n: torch.nn.Parameter(tensor) for n, tensor in single.items()})
    save("sound/zip-one-storage", in_one_storage(state))
    torch.serialization.set_crc32_options(False)
    save("sound/zip-no-crc", state)
    torch.serialization.set_crc32_options(True)
    zipped(FOLDER / "sound/zip.pth", FOLDER / "sound/zip-again.pth")
    (FOLDER / "sound/legacy-python-2.pth").write_bytes(python2(single))
    return single


def make_normalized():
    """Weights under spectral and weight norms, beside an optimiser with slices, as fastai saves;
    name -> weight, as PyTorch computes it."""
    generator = torch.Generator().manual_seed(11)
    module = torch.nn.ModuleDict(
        {
            "spectral": spectral_norm(torch.nn.Conv2d(3, 4, 3)),
            "line": spectral_norm(torch.nn.Conv1d(5, 2, 1, bias=False)),
            "weight": weight_norm(torch.nn.Conv2d(3, 2, 1)),
        }
    ).eval()
    for tensor in module.state_dict().values():
        tensor.copy_(torch.randint(-100, 100, tensor.shape, generator=generator) / 64)
    optimiser = {"param_groups": [{"lr": slice(None, 1e-3, None), "n": slice(1, 2, 3)}]}
    content = {"model": module.state_dict(), "opt": optimiser}
    for kind, options in [("legacy", {}), ("zip", {}), ("zip-protocol-4", {"pickle_protocol": 4})]:
        save(f"normalized/{kind}", content, legacy=kind == "legacy", **options)
    module = module.double()
    weights = {}
    for name, part in module.items():
        part(torch.zeros(1, part.in_channels, *(3,) * (part.weight.dim() - 2), dtype=torch.float64))
        weights[f"{name}.weight"] = part.weight.detach().float()
    return weights


def make_refused(module):
    state = module.state_dict()
    single = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    weight = single["conv.weight"]
    save("refused/tied", single | {"again": single["conv.bias"]})
    save("refused/part", single | {"conv.bias": torch.ones(9)[2:6]})
    save("refused/every-second", single | {"conv.bias": torch.ones(8)[::2]})
    save("refused/expanded", single | {"conv.bias": torch.ones(1).expand(4)})
    save("refused/mixed", converted(single, torch.float16) | {"x": weight.bfloat16()})
    save("refused/same-name", single | {"module.conv.bias": torch.ones(4)})
    save("refused/two", {"state_dict": single, "model": {"x": torch.ones(1)}})
    save("refused/slice-of-text", {"model": single, "opt": {"lr": slice("a", None)}})
    save("refused/no-tensors", {"epoch": 3})
    save("refused/list", list(single.values()))
    save("refused/module", module)
    save("refused/module-legacy", torch.nn.ReLU(), legacy=True)
    save("refused/foreign", {"x": Foreign()})
    save("refused/sparse", {"x": torch.eye(3).to_sparse()})
    save("refused/untyped", {"x": torch.ones(3).to(torch.float8_e4m3fn)})
    save("refused/protocol-1", single, pickle_protocol=1)
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(module), script)
    (FOLDER / "refused/script.pth").write_bytes(script.getvalue())
    source = FOLDER / "sound/zip.pth"
    zipped(source, FOLDER / "refused/compressed.pth", compression=zipfile.ZIP_DEFLATED)
    zipped(
        source,
        FOLDER / "refused/big-endian.pth",
        change=lambda name, data: b"big" if name.endswith("byteorder") else data,
    )


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    single = make_sound(network())
    make_refused(network())
    normalized = make_normalized()
    write(FOLDER / "normalized.safetensors", {n: w.numpy() for n, w in normalized.items()})
    write(FOLDER / "expected.safetensors", {n: tensor.numpy() for n, tensor in single.items()})
    for path in sorted((FOLDER / "sound").iterdir()):
        state = torch.load(path, weights_only=False)
        state = state.get("state_dict", state.get("model", state))
        values = {name.removeprefix("module."): tensor for name, tensor in state.items()}
        values.pop("norm.num_batches_tracked", None)
        assert values.keys() == single.keys(), path
        for name, tensor in values.items():
            assert torch.equal(tensor.float(), single[name]), (path, name)
    sizes = [path.stat().st_size for path in FOLDER.rglob("*.*")]
    print(f"{len(sizes)} files, {sum(sizes)} bytes, the largest {max(sizes)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

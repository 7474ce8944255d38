"""`libcolorize convert`, and checkpoints of PyTorch as models."""

import json
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from support import FAILURE, MODEL, names

STORAGES = {"F32": b"FloatStorage", "F16": b"HalfStorage"}
TYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "I8": np.int8}


def read(path):
    """The metadata, and name -> (type, array), of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    assert length % 8 == 0
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        values = np.frombuffer(data[8 + length :][first:last], TYPES[entry["dtype"]])
        tensors[name] = entry["dtype"], values.reshape(entry["shape"])
    return metadata, tensors


def checkpoint(path, tensors):
    """A state dict of name -> (type, array) as PyTorch writes it."""
    pickle = b"\x80\x02}("
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, (kind, array)) in enumerate(tensors.items()):
            key = str(number).encode()
            strides = [stride // array.itemsize for stride in array.strides]
            pickle += b"X" + struct.pack("<I", len(name)) + name.encode()
            pickle += b"ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\n"
            pickle += STORAGES[kind] + b"\nX" + struct.pack("<I", len(key)) + key
            pickle += b"X\3\0\0\0cpu" + integer(array.size) + b"tQK\0("
            pickle += b"".join(map(integer, array.shape)) + b"t("
            pickle += b"".join(map(integer, strides)) + b"t\x89}tR"
            archive.writestr(f"model/data/{number}", array.tobytes())
        archive.writestr("model/data.pkl", pickle + b"u.")


def integer(value):
    return b"J" + struct.pack("<i", value)


@pytest.fixture(scope="module")
def weights():
    """The embedded model without metadata and vectors."""
    _, tensors = read(MODEL)
    return {name: value for name, value in tensors.items() if not name.startswith("vector.")}


@pytest.fixture
def source(tmp_path, weights):
    path = tmp_path / "weights.pth"
    checkpoint(path, weights)
    return path


def eccv16():
    """name -> shape, of the published network."""
    shapes = {}
    inputs, blocks = 1, [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3), (512, 3), (512, 3)]
    for number, (channels, count) in enumerate(blocks, 1):
        for layer in range(count):
            shapes[f"model{number}.{2 * layer}.weight"] = (channels, inputs, 3, 3)
            shapes[f"model{number}.{2 * layer}.bias"] = (channels,)
            inputs = channels
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"model{number}.{2 * count}.{part}"] = (channels,)
    shapes["model8.0.weight"], shapes["model8.0.bias"] = (512, 256, 4, 4), (256,)
    for layer in (2, 4):
        shapes[f"model8.{layer}.weight"] = (256, 256, 3, 3)
        shapes[f"model8.{layer}.bias"] = (256,)
    shapes["model8.6.weight"], shapes["model8.6.bias"] = (313, 256, 1, 1), (313,)
    shapes["model_out.weight"] = (2, 313, 1, 1)
    return shapes


def test_a_checkpoint_becomes_a_model(colorize, tmp_path, source, weights):
    target = tmp_path / "model.safetensors"
    result = colorize("convert", "--licence", 'mine "alone"', source, target)
    assert (result.stdout, result.stderr) == ("", "")
    assert names(tmp_path) == ["model.safetensors", "weights.pth"]
    metadata, tensors = read(target)
    assert metadata == {
        "architecture": "lite",
        "temperature_of_plain_softmax": "1.0",
        "default_network_size": "256",
        "mask_convention": "zero-one",
        "licence": 'mine "alone"',
        "converted_from": "weights.pth",
    }
    vectors = {f"vector.{number}.{kind}" for number in (0, 1) for kind in ("input", "ab")}
    assert tensors.keys() == weights.keys() | vectors
    for name, (kind, values) in weights.items():
        assert tensors[name][0] == kind
        assert np.array_equal(tensors[name][1], values)
    assert not tensors["vector.0.input"][1][1:].any()
    assert tensors["vector.1.input"][1][3].sum() == 6
    assert np.abs(tensors["vector.0.ab"][1] - tensors["vector.1.ab"][1]).max() > 1
    assert tensors["vector.0.ab"][1].std() > 2
    # It says what the embedded model says, and the vectors are met.
    colorize("doctor", target)
    assert "lite" in colorize("info", target).stdout


def test_a_checkpoint_is_a_model(colorize, tmp_path, source, gray):
    from PIL import Image

    Image.fromarray(gray).save(tmp_path / "in.png")
    size = ["--network-size", "160"]
    want, _ = colorize.color(tmp_path / "in.png", tmp_path / "want.png", *size)
    have, _ = colorize.color(tmp_path / "in.png", tmp_path / "have.png", "--model", source, *size)
    assert np.array_equal(want, have)


def test_metadata_are_kept(colorize, tmp_path):
    target = tmp_path / "model.safetensors"
    colorize("convert", MODEL, target)
    before, _ = read(MODEL)
    after, _ = read(target)
    changed = {"temperature_of_plain_softmax": "1.0", "converted_from": "default.safetensors"}
    assert after == before | changed | {"mask_convention": "zero-one"}
    options = ["--plain-softmax-temperature", "0.5", "--mask-convention", "centred"]
    colorize("convert", *options, "--licence", "x", MODEL, target)
    metadata, tensors = read(target)
    assert metadata["temperature_of_plain_softmax"] == "0.5"
    assert metadata["mask_convention"] == "centred"
    assert metadata["licence"] == "x"
    assert np.unique(tensors["vector.1.input"][1][3]).tolist() == [-0.5, 0.5]
    colorize("doctor", target)


def test_large_weights_become_eight_bits(colorize, tmp_path, source, weights):
    target, again = tmp_path / "model.safetensors", tmp_path / "again.safetensors"
    said = colorize("convert", "--int8-weights", source, target).stdout
    share, largest = re.fullmatch(
        r"8-bit weights change ab of the test vectors by ([\d.]+) % of its spread \(rms\), "
        r"([\d.]+) at most\n",
        said,
    ).groups()
    assert 0 < float(share) < 50 and float(largest) > 0
    _, tensors = read(target)
    rounded = {name for name, (kind, _) in tensors.items() if kind == "I8"}
    # By numbers that NumPy gets of the same rule.
    for name, (_, values) in weights.items():
        values = values.astype(np.float32)
        assert (name in rounded) == (values.ndim >= 2 and values.size >= 4096)
        if name in rounded:
            kind, scales = tensors[f"{name}_scale"]
            assert kind == "F32"
            assert scales.shape == (values.shape[0], *[1] * (values.ndim - 1))
            largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
            assert np.allclose(scales[largest > 0], largest[largest > 0] / 127, rtol=1e-6)
            numbers = tensors[name][1].astype(np.float32)
            assert np.abs(numbers).max() == 127
            assert (np.abs(numbers * scales - values) <= scales * 0.5001).all()
        else:
            assert np.array_equal(tensors[name][1], values)
    assert len(rounded) > 10
    # The vectors are those of the rounded weights.
    colorize("doctor", target)
    # Rounded once more, they are what they are.
    assert colorize("convert", target, again).stdout == ""
    assert read(again)[1].keys() == tensors.keys()
    for name in rounded:
        assert np.array_equal(read(again)[1][name][1], tensors[name][1])


def test_both_kinds_of_rounding_are_refused(colorize, tmp_path, source):
    why = colorize.refused(
        "convert", "--fp16", "--int8-weights", source, tmp_path / "a.safetensors"
    )
    assert "--fp16 and --int8-weights round weights differently" in why


def test_large_weights_become_float16(colorize, tmp_path, weights):
    source = tmp_path / "wide.pth"
    wide = {name: ("F32", values.astype(np.float32)) for name, (_, values) in weights.items()}
    name = next(name for name, (_, values) in wide.items() if values.size > 10000)
    wide[name][1].flat[5] = 0.1  # which float16 has not
    checkpoint(source, wide)
    for options in ([], ["--fp16"]):
        colorize("convert", *options, source, tmp_path / "model.safetensors")
        _, tensors = read(tmp_path / "model.safetensors")
        for key, (_, values) in wide.items():
            half = bool(options) and values.ndim >= 2 and values.size >= 4096
            kind, have = tensors[key]
            assert kind == ("F16" if half else "F32")
            assert np.array_equal(have, values.astype(np.float16) if half else values)
        colorize("doctor", tmp_path / "model.safetensors")
    wide[name][1].flat[5] = 70000
    checkpoint(source, wide)
    said = colorize("convert", "--fp16", source, tmp_path / "no.safetensors", status=FAILURE).stderr
    assert said.startswith(
        f"libcolorize: {source}: tensor {name} has the value 70000.0 at index 5, which F16"
    )
    assert names(tmp_path) == ["model.safetensors", "wide.pth"]


def test_eccv16(colorize, tmp_path):
    """With random weights. Known by the names and shapes of its tensors."""
    random = np.random.default_rng(5)
    tensors = {
        f"module.{name}": ("F32", random.normal(0, 0.02, shape).astype(np.float32))
        for name, shape in eccv16().items()
    }
    for name, (_, values) in tensors.items():
        if name.endswith("running_var"):
            values[:] = 0.01
    tensors["module.model_out.weight"][1][:] *= 30
    checkpoint(tmp_path / "e.pth", tensors)
    target = tmp_path / "e.safetensors"
    colorize("convert", "--fp16", tmp_path / "e.pth", target)
    metadata, written = read(target)
    assert metadata["architecture"] == "eccv16"
    assert metadata["temperature_of_plain_softmax"] == "0.38"
    assert "mask_convention" not in metadata
    assert written.keys() == eccv16().keys() | {"vector.0.input", "vector.0.ab"}
    assert target.stat().st_size < 66e6
    assert written["vector.0.ab"][1].std() > 0.01
    said = colorize("convert", "--mask-convention", "centred", target, tmp_path / "x.safetensors",
                    status=FAILURE).stderr  # fmt: skip
    assert "takes no hints" in said


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("model.pth", "the extension must be .safetensors"),
        ("none/model.safetensors", "there is no folder"),
        ("folder.safetensors", "is not a regular file"),
        ("link.safetensors", "is a broken link"),
        ("same.safetensors", "would overwrite the input"),
    ],
)
def test_outputs_that_are_refused(colorize, tmp_path, output, why):
    source = tmp_path / "in.safetensors"
    source.write_bytes(MODEL.read_bytes())
    (tmp_path / "same.safetensors").hardlink_to(source)
    (tmp_path / "link.safetensors").symlink_to("nothing")
    (tmp_path / "folder.safetensors").mkdir()
    before = names(tmp_path)
    said = colorize.refused("convert", source, tmp_path / output)
    assert why in said
    assert names(tmp_path) == before and source.read_bytes() == MODEL.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "Missing expected argument '<IN>'"),
        (["in"], "Missing expected argument '<OUT>'"),
        (["--mask-convention", "1", "in", "out.safetensors"], "one of 'zero-one' and 'centred'"),
        (
            ["--plain-softmax-temperature", "0", "in", "out.safetensors"],
            "--plain-softmax-temperature is 0.0; it must be 0.01 to 100",
        ),
    ],
)
def test_arguments_that_are_wrong(colorize, arguments, why):
    assert why in colorize.refused("convert", *arguments)


def test_what_cannot_be_read(colorize, tmp_path):
    source = tmp_path / "x.pth"
    for content, why in [
        (None, "No such file or directory"),
        (b"", "0 bytes are too few"),
        (b"\x80\x02cposix\nsystem\nX\4\0\0\0trueq\0\x85R.", "refers to posix.system at byte 2"),
        (b"no checkpoint" * 9, "neither a safetensors file nor a PyTorch checkpoint"),
    ]:
        if content is not None:
            source.write_bytes(content)
        said = colorize("convert", source, tmp_path / "o.safetensors", status=FAILURE).stderr
        assert said.startswith(f"libcolorize: {source}: ") and why in said
    assert names(tmp_path) == ["x.pth"]


def test_a_full_disk(colorize, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    target = tmp_path / "o.safetensors"
    said = colorize("convert", MODEL, target, status=FAILURE, preexec_fn=limit).stderr
    assert said == f"libcolorize: {target}: cannot be written: File too large\n"
    assert names(tmp_path) == []


def test_an_interrupt_leaves_nothing(colorize, tmp_path, weights):
    checkpoint(tmp_path / "in.pth", weights)
    process = subprocess.Popen([colorize.path, "convert", "in.pth", "o.safetensors"], cwd=tmp_path)
    time.sleep(0.15)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) in (0, -signal.SIGINT)
    assert set(names(tmp_path)) <= {"in.pth", "o.safetensors"}


# ---- Files that would take more memory than they should -----------------------------------------


# What a process has taken at most is counted from before its exec: started by a large one, like
# this, it would seem as large. So a small one starts it.
LAUNCHER = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(status, usage.ru_maxrss, int(usage.ru_utime + usage.ru_stime))
"""


def peak(colorize, path):
    """How many KB `libcolorize info` takes at most, for a file that it refuses."""
    command = [sys.executable, "-I", "-S", "-c", LAUNCHER, colorize.path, "info", path]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    status, kilobytes, seconds = map(int, result.stdout.split())
    assert status == FAILURE
    assert re.fullmatch(r"libcolorize: [^\n]+\n", result.stderr), result.stderr
    assert seconds < 10
    return kilobytes


def legacy(body):
    """A checkpoint without an archive, whose state dict is the pickle `body`."""
    head = b"\x80\2\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\2M\xe9\3."
    return head + b"\x80\2}X\r\0\0\0little_endian\x88s.\x80\2" + body + b".\x80\2]."


def directory(count):
    """A zip archive of many empty entries."""
    path = b"a/%06d"
    head = struct.pack("<IHHHIIIIHH", 0x04034B50, 20, 0, 0, 0, 0, 0, 0, 8, 0)
    local = b"".join(head + path % number for number in range(count))
    records = b"".join(
        struct.pack("<IHHHHIIIIHHHHHII", 0x02014B50, 20, 20, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0,
                    number * 38) + path % number
        for number in range(count)
    )  # fmt: skip
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(records), len(local), 0)
    return local + records + end


def header(content):
    return struct.pack("<Q", len(content)) + content


CLAIM = b'{"t":{"dtype":"F32","shape":[268435456000],"data_offsets":[0,%d]}}'

GREEDY = {
    "sparse safetensors": (header(CLAIM % ((1 << 40) - 80)), 1 << 40),
    "sparse zip": (b"PK\3\4", 1 << 40),
    "sparse legacy": (legacy(b"}"), 1 << 40),
    "metadata": (
        header(b'{"__metadata__":{' + b",".join(b'"%x":""' % i for i in range(400000)) + b"}}"),
        None,
    ),
    "tensors": (
        header(
            b"{"
            + b",".join(
                b'"%x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1],"data_offsets":[0,0]}' % i
                for i in range(60000)
            )
            + b"}"
        ),
        None,
    ),
    "a long string": (header(b'{"__metadata__":{"a":"' + b"a" * 4_000_000 + b'"}}'), None),
    "marks": (legacy(b"(" * 1_000_000), None),
    "lists": (legacy(b"]" * 1_000_000), None),
    "nested lists": (legacy(b"]" * 500_000 + b"a" * 499_999), None),
    "nested tuples": (legacy(b")" + b"\x85" * 1_000_000), None),
    "memo": (legacy(b"N" + b"".join(b"r" + struct.pack("<I", i) for i in range(200_000))), None),
    "storages": (
        legacy(
            b"".join(
                b"(X\7\0\0\0storagectorch\nFloatStorage\nX@\0\0\0%064dX\0\0\0\0K\1tQ" % i
                for i in range(7500)
            )
        ),
        None,
    ),
    "entries": (directory(19000), None),
}


@pytest.fixture(scope="module")
def usual(colorize, tmp_path_factory):
    path = tmp_path_factory.mktemp("usual") / "x.pth"
    path.write_bytes(b"\0" * 100)
    return peak(colorize, path)


@pytest.mark.parametrize("kind", GREEDY)
def test_memory_stays_bounded(colorize, tmp_path, kind, usual):
    """The bound of docs/model-format.md, above what the command takes for a file of zeros."""
    content, size = GREEDY[kind]
    path = tmp_path / "greedy.pth"
    path.write_bytes(content)
    if size is not None:
        try:
            os.truncate(path, size)
        except OSError:
            pytest.skip("this file system has no files of a terabyte")
    assert peak(colorize, path) - usual < 64 << 10


def test_what_is_no_file(colorize, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        said = colorize("convert", path, tmp_path / "o.safetensors", status=FAILURE).stderr
        assert said == f"libcolorize: {path}: not a regular file\n"

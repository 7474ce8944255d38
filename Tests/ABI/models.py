"""Model files that are damaged or odd, and files that are none: a status, or a model that runs.

    python3 models.py LIBRARY MODEL [--write NAME FILE]

Prints `passed` or `FAILED` and a name for each test, like the programs beside it. Needs nothing but
Python's own library, and calls the C functions as they are. With --write it writes one of the
variants below to a file instead.
"""

import ctypes
import errno
import json
import math
import mmap
import os
import random
import signal
import struct
import sys
import tempfile
from pathlib import Path

OK, INVALID_ARGUMENT, OUT_OF_MEMORY, CANNOT_READ_FILE, INVALID_MODEL, UNSUPPORTED_MODEL = range(6)
STATUS = {"sound": OK, "invalid": INVALID_MODEL, "unsupported": UNSUPPORTED_MODEL}

# Longer than that hangs.
SECONDS = 240


# ---- Variants of a model file --------------------------------------------------------------------


class Model:
    """The header and the data of a safetensors file, to be changed and written."""

    def __init__(self, content):
        (length,) = struct.unpack_from("<Q", content)
        self.header = json.loads(content[8 : 8 + length])
        self.data = bytearray(content[8 + length :])

    @property
    def metadata(self):
        return self.header["__metadata__"]

    def tensor(self, name):
        """The entry of a tensor in the header."""
        return self.header[name]

    def fill(self, name, value, index=None):
        """Sets one value of a tensor, or all."""
        first, last = self.tensor(name)["data_offsets"]
        packed = struct.pack({"F16": "<e", "F32": "<f"}[self.tensor(name)["dtype"]], value)
        count = (last - first) // len(packed)
        if index is None:
            self.data[first:last] = packed * count
        else:
            start = first + index % count * len(packed)
            self.data[start : start + len(packed)] = packed

    def header_text(self):
        return json.dumps(self.header, ensure_ascii=False).encode()

    def content(self, header=None, length=None):
        header = self.header_text() if header is None else header
        return struct.pack("<Q", len(header) if length is None else length) + header + self.data


def replaced(model, old, new):
    """The file with a part of its header's text replaced once."""
    text = model.header_text()
    assert old in text, old
    return model.content(text.replace(old, new, 1))


def variants(original):
    """(name, content) of every file."""

    def fresh():
        return Model(original)

    names = [name for name in fresh().header if name != "__metadata__"]
    weights = [name for name in names if name.endswith(".weight") and "vector" not in name]
    weight = next(
        name
        for name in weights
        if fresh().tensor(name)["dtype"] == "F16" and len(fresh().tensor(name)["shape"]) == 4
    )
    biases = [name for name in names if name.endswith(".bias")]
    variances = [name for name in names if name.endswith(".running_var")]
    vectors = [name for name in names if name.startswith("vector.")]
    assert weights and biases and variances and vectors

    def changed(name, **properties):
        model = fresh()
        model.tensor(name).update(properties)
        return model.content()

    def with_metadata(**entries):
        model = fresh()
        model.metadata.update(entries)
        return model.content()

    # ---- Sound, though unusual
    yield "sound-original", original
    yield "sound-written-anew", fresh().content()
    yield "sound-padded-with-spaces", fresh().content(fresh().header_text() + b" " * 31)
    yield "sound-spread-over-lines", fresh().content(json.dumps(fresh().header, indent=4).encode())
    yield "sound-escaped", fresh().content(json.dumps(fresh().header).replace("/", "\\/").encode())
    yield (
        "sound-with-another-tensor",
        fresh().content(
            fresh().header_text()[:-1] + b', "x": {"dtype":"BF16","shape":[],"data_offsets":[0,2]}}'
        ),
    )
    yield "sound-licence-in-many-scripts", with_metadata(licence="ä → 漢字 \U0001f3a8 " * 40)
    yield "sound-licence-of-a-megabyte", with_metadata(licence="x" * (1 << 20))
    yield "sound-licence-with-a-zero-byte", with_metadata(licence="before\0after")
    yield "sound-without-licence", with_metadata(licence="")
    model = fresh()
    for name in vectors:
        del model.header[name]
    yield "sound-without-vectors", model.content()
    model = fresh()
    for name in weights:
        model.fill(name, 65504)
    yield "invalid-with-the-largest-fp16-weights", model.content()
    model = fresh()
    for name in biases + weights:
        model.fill(name, {"F16": -65504, "F32": 3e38}[model.tensor(name)["dtype"]])
    yield "invalid-with-weights-whose-sums-overflow", model.content()
    model = fresh()
    for name in variances:
        model.fill(name, 0)
    yield "invalid-with-zero-variances", model.content()
    model = fresh()
    model.metadata["temperature_of_plain_softmax"] = "0.375"
    yield "sound-fraction", model.content()

    # ---- Values that cannot be computed with
    for label, value in [("nan", math.nan), ("infinite", math.inf), ("minus-infinite", -math.inf)]:
        for tensor in [weight, biases[0], variances[-1]]:
            for place, index in [("first", 0), ("last", -1)]:
                model = fresh()
                model.fill(tensor, value, index)
                yield f"invalid-{label}-{tensor}-{place}", model.content()
    model = fresh()
    model.fill(variances[-1], -1, 0)
    yield "invalid-negative-variance", model.content()

    # ---- Tensors that are not what the network needs
    for number, name in enumerate([names[0], weights[len(weights) // 2], names[-1]]):
        if name in vectors:
            continue
        model = fresh()
        del model.header[name]
        yield f"invalid-missing-{number}", model.content()
    shape = fresh().tensor(weight)["shape"]
    yield "invalid-shape-reversed", changed(weight, shape=[*shape[:-2], 1, shape[-1] * shape[-2]])
    yield "invalid-shape-flat", changed(weight, shape=[shape[0]])
    yield "invalid-shape-empty", changed(weight, shape=[])
    yield "invalid-shape-zero", changed(weight, shape=[0, *shape[1:]])
    yield "invalid-shape-huge", changed(weight, shape=[2**62, 2**62, 3, 3])
    yield "invalid-shape-beyond-64-bits", changed(weight, shape=[2**64, *shape[1:]])
    yield "invalid-shape-negative", changed(weight, shape=[-1, *shape[1:]])
    yield "invalid-shape-fraction", changed(weight, shape=[1.5, *shape[1:]])
    yield "invalid-shape-nested", changed(weight, shape=[[1], *shape[1:]])
    yield "invalid-shape-of-many", changed(weight, shape=[1] * 100000)
    first, last = fresh().tensor(weight)["data_offsets"]
    yield "invalid-offsets-reversed", changed(weight, data_offsets=[last, first])
    yield "invalid-offsets-short", changed(weight, data_offsets=[first, last - 2])
    yield "invalid-offsets-long", changed(weight, data_offsets=[first, last + 2])
    yield "invalid-offsets-one", changed(weight, data_offsets=[first])
    yield "invalid-offsets-three", changed(weight, data_offsets=[first, last, last])
    size = len(fresh().data)
    yield (
        "invalid-offsets-behind-the-end",
        changed(weight, data_offsets=[size, size + last - first]),
    )
    top = 2**63 - 1
    yield "invalid-offsets-largest", changed(weight, data_offsets=[top - 1, top])
    yield "invalid-offsets-beyond-64-bits", changed(weight, data_offsets=[0, 2**64 + 10])
    yield "invalid-offsets-overflowing", changed(weight, data_offsets=[2**63, 2**64 - 1])
    yield "unsupported-i16", changed(weight, dtype="I16")
    yield "invalid-i8-without-scales", changed(weight, dtype="I8")
    outputs = [shape[0], *[1] * (len(shape) - 1)]
    for name, scale, scales_shape in [
        ("sound-i8", 0.01, outputs),
        ("invalid-i8-scale-0", 0, outputs),
        ("invalid-i8-scale-negative", -0.01, outputs),
        ("invalid-i8-scale-nan", math.nan, outputs),
        ("invalid-i8-scale-infinite", math.inf, outputs),
        ("invalid-i8-scale-overflowing", 3e38, outputs),
        ("invalid-i8-scale-flat", 0.01, outputs[:1]),
        ("invalid-i8-scale-short", 0.01, [shape[0] - 1, *outputs[1:]]),
    ]:
        model = fresh()
        first = model.tensor(weight)["data_offsets"][0]
        count = math.prod(shape)
        model.tensor(weight).update(dtype="I8", data_offsets=[first, first + count])
        model.data[first : first + count] = bytes(index % 255 for index in range(count))
        end = len(model.data)
        scales = struct.pack("<f", scale) * math.prod(scales_shape)
        model.header[f"{weight}_scale"] = {
            "dtype": "F32",
            "shape": scales_shape,
            "data_offsets": [end, end + len(scales)],
        }
        model.data += scales
        yield name, model.content()
    yield "unsupported-dtype-empty", changed(weight, dtype="")
    yield "invalid-f32-of-f16-bytes", changed(weight, dtype="F32")
    yield "invalid-dtype-number", changed(weight, dtype=16)
    yield "invalid-property", changed(weight, strides=[1])
    for key in ["dtype", "shape", "data_offsets"]:
        model = fresh()
        del model.header[weight][key]
        yield f"invalid-without-{key}", model.content()
    yield "invalid-vector-shape", changed(vectors[0], shape=[1, 2, 3, 4])

    # ---- Metadata
    model = fresh()
    del model.header["__metadata__"]
    yield "sound-without-metadata", model.content()  # known by the names of its tensors
    del model.header[weight]
    yield "invalid-without-metadata-and-a-tensor", model.content()
    yield "unsupported-without-any-tensor", fresh().content(b"{}")[:10]
    model = fresh()
    del model.metadata["architecture"]
    yield "sound-without-architecture", model.content()
    yield "unsupported-architecture", with_metadata(architecture="vgg")
    yield "invalid-architecture-of-others", with_metadata(architecture="eccv16")
    for text in ["zero-one", "centred"]:
        yield f"sound-mask-{text}", with_metadata(mask_convention=text)
    for text in ["", "0", "Centred", "centred ", "c" * 5000]:
        yield f"invalid-mask-{text[:7]}", with_metadata(mask_convention=text)
    yield "unsupported-architecture-empty", with_metadata(architecture="")
    yield "unsupported-architecture-case", with_metadata(architecture="Lite")
    yield "invalid-metadata-number", with_metadata(default_network_size=160)
    yield "invalid-metadata-list", with_metadata(name=["a"])
    for text in ["", "0", "-1", "nan", "inf", "1e30", "1,0", "0x", " 1", "one", "1" * 5000]:
        label = text[:6].strip() or ("empty" if not text else "space")
        yield (
            f"invalid-temperature-{label}",
            with_metadata(temperature_of_plain_softmax=text),
        )
    for text in ["", "0", "17", "8", "-16", "16.5", "4096", "nan", "1e9", "x"]:
        yield f"invalid-size-{text or 'empty'}", with_metadata(default_network_size=text)

    # ---- The header as text
    entry = json.dumps(fresh().tensor(weight)).encode()
    twice = b'"' + weight.encode() + b'": ' + entry
    yield "invalid-twice", replaced(fresh(), twice, twice + b", " + twice)
    yield "invalid-deep-lists", fresh().content(b'{"a":' + b"[" * 1000000 + b"]" * 1000000 + b"}")
    yield "invalid-deep-objects", fresh().content(b'{"a":' * 400000 + b"1" + b"}" * 400000)
    yield "invalid-open-quote", fresh().content(b'{"' + b"a" * 1000000)
    yield "invalid-backslashes", fresh().content(b'{"' + b"\\" * 1000001)
    yield "invalid-lone-surrogate", replaced(fresh(), b'"lite"', b'"\\ud800"')
    yield "invalid-half-escape", replaced(fresh(), b'"lite"', b'"\\u12')
    yield "invalid-not-utf-8", replaced(fresh(), b'"lite"', b'"\xff\xfe"')
    yield "invalid-control-character", replaced(fresh(), b'"lite"', b'"a\nb"')
    yield "invalid-byte-order-mark", fresh().content(b"\xef\xbb\xbf" + fresh().header_text())
    yield "invalid-trailing-comma", fresh().content(fresh().header_text()[:-1] + b",}")
    yield "invalid-something-behind", fresh().content(fresh().header_text() + b"{}")
    yield "invalid-list", fresh().content(b"[]")
    yield "invalid-number", fresh().content(b"12")
    yield "invalid-empty-object", fresh().content(b"{}")
    yield (
        "invalid-many-tensors",
        fresh().content(
            b"{"
            + b",".join(
                b'"%d":{"dtype":"F32","shape":[],"data_offsets":[0,4]}' % i for i in range(70000)
            )
            + b"}"
        ),
    )
    yield (
        "invalid-many-metadata",
        fresh().content(
            b'{"__metadata__":{' + b",".join(b'"%d":""' % i for i in range(300000)) + b"}}"
        ),
    )

    # ---- The header's length
    for length in [0, 1, 2, 8, len(original), 2**31, 2**32 + 8, 2**62, 2**63, 2**64 - 8, 2**64 - 1]:
        yield f"invalid-length-{length}", fresh().content(length=length)
    yield "invalid-header-over-the-limit", fresh().content(b" " * (5 << 20))

    # ---- Other files
    yield "invalid-with-a-byte-behind", original + b"\0"
    yield "invalid-glued-together", original + original
    yield "invalid-zip", b"PK\x03\x04" + original[4:]
    yield "invalid-text", b"This is not a model.\n" * 100


# ---- The library ---------------------------------------------------------------------------------


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("message", ctypes.c_char * 252)]


class Image(ctypes.Structure):
    _fields_ = [
        ("pixels", ctypes.c_void_p),
        ("row_bytes", ctypes.c_size_t),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("format", ctypes.c_int32),
        ("reserved", ctypes.c_uint32 * 3),
    ]


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        self.c.colorize_model_close.argtypes = [ctypes.c_void_p]

    def open_path(self, path, then=None):
        """(status, message) of opening a file and running what opens.

        then: called between the two.
        """
        return self._opened(then, "open", os.fsencode(path))

    def open_memory(self, address, size, then=None):
        return self._opened(then, "open_memory", ctypes.c_void_p(address), ctypes.c_size_t(size))

    def _opened(self, then, function, *source):
        model = ctypes.c_void_p(0xBAD)
        error = Error(status=-1, message=b"?")
        status = getattr(self.c, f"colorize_model_{function}")(
            *source, None, ctypes.byref(model), ctypes.byref(error)
        )
        message = error.message.decode()
        assert error.status == status, (error.status, status)
        assert (model.value is not None) == (status == OK), (model, status)
        assert bool(message) == (status != OK), (message, status)
        if status == OK:
            if then:
                then()
            status, message = self._run(model)
            self.c.colorize_model_close(model)
        return status, message

    def _run(self, model):
        """(status, message) of using a model, which can fail only where its sums overflow."""
        error = Error()
        lightness = (ctypes.c_float * 256)(*(float(i % 101) for i in range(256)))
        ab = (ctypes.c_float * 32)()
        status = self.c.colorize_predict(
            model, 16, 16, lightness, None, None, None, ab, ctypes.byref(error)
        )
        finite = all(math.isfinite(value) for value in ab)
        assert finite, "a result that is not a number"
        if status != OK:
            assert b"overflow" in error.message, error.message
            assert not any(ab), "a result was written in spite of the error"
        pixels = (ctypes.c_uint8 * 27)(*range(0, 270, 10))
        image = Image(ctypes.addressof(pixels), 9, 3, 3, 2)
        options = (ctypes.c_uint32 * 4)(16, 0, 0, 16)  # struct_size, preset, network_size
        status = self.c.colorize_run(
            model, ctypes.byref(image), ctypes.byref(image), options, ctypes.byref(error)
        )
        assert status == OK or b"overflow" in error.message, error.message
        return status, error.message.decode()


class Fenced:
    """Memory right behind which there is none: reading one byte too many is a crash."""

    def __init__(self, size):
        self.end = mmap.mmap(-1, (size // mmap.PAGESIZE + 2) * mmap.PAGESIZE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.end))
        self.limit = self.start + (size // mmap.PAGESIZE + 1) * mmap.PAGESIZE
        self._forbid(self.limit, mmap.PAGESIZE)

    @staticmethod
    def _forbid(address, size):
        libc = ctypes.CDLL(None)
        assert libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), 0) == 0

    def forbid(self):
        """From now on no byte of it can be touched."""
        self._forbid(self.start, self.limit - self.start)

    def put(self, content):
        """Where the content lies, with its last byte before the fence."""
        address = self.limit - len(content)
        ctypes.memmove(address, content, len(content))
        return address


# ---- Tests ---------------------------------------------------------------------------------------

tests = []


def test(name):
    def register(function):
        tests.append((name, function))
        return function

    return register


@test("every variant of a model file has the status that its name says")
def all_variants(library, original, at):
    count = 0
    fenced = Fenced(2 * len(original) + (8 << 20))
    for name, content in variants(original):
        at(name)
        status, message = library.open_memory(fenced.put(content), len(content))
        assert status == STATUS[name.split("-")[0]], (name, status, message)
        count += 1
    assert count > 120, count


@test("a file is read like memory")
def files_and_memory(library, original, at):
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, content) in enumerate(variants(original)):
            if number % 5:
                continue
            at(name)
            path = Path(folder) / "model"
            path.write_bytes(content)
            fenced = Fenced(len(content))
            from_memory = library.open_memory(fenced.put(content), len(content))
            assert library.open_path(path) == from_memory


@test("a file cut anywhere")
def cut(library, original, at):
    fenced = Fenced(len(original))
    (header,) = struct.unpack_from("<Q", original)
    places = {*range(20), header + 7, header + 8, header + 9, len(original) - 1}
    places |= {header * i // 90 for i in range(90)} | {len(original) * i // 90 for i in range(90)}
    for place in sorted(places):
        at(f"cut after {place} bytes")
        status, message = library.open_memory(fenced.put(original[:place]), place)
        assert status == INVALID_MODEL, (place, status, message)
        assert message, place


@test("one byte of the header changed, 2000 times")
def flipped(library, original, at):
    generator = random.Random(1)
    (header,) = struct.unpack_from("<Q", original)
    fenced = Fenced(len(original))
    address = fenced.put(original)
    sound = 0
    for _ in range(2000):
        place = generator.randrange(8 + header)
        byte = original[place] ^ (1 << generator.randrange(8))
        at(f"byte {place} is {byte:#x}")
        ctypes.memset(address + place, byte, 1)
        status, message = library.open_memory(address, len(original))
        assert status in (OK, INVALID_MODEL, UNSUPPORTED_MODEL), (place, byte, status, message)
        sound += status == OK
        ctypes.memset(address + place, original[place], 1)
    # Most of the header's text counts, but not the names of what is not looked at.
    assert 20 < sound < 1000, sound
    assert library.open_memory(address, len(original))[0] == OK


@test("bytes of the weights changed, 200 times: a status, or a model that runs")
def changed_data(library, original, at):
    generator = random.Random(2)
    (header,) = struct.unpack_from("<Q", original)
    fenced = Fenced(len(original))
    address = fenced.put(original)
    statuses = set()
    for _ in range(200):
        places = [generator.randrange(8 + header, len(original)) for _ in range(50)]
        at(f"bytes {places}")
        for place in places:
            ctypes.memset(address + place, generator.randrange(256), 1)
        status, message = library.open_memory(address, len(original))
        assert status in (OK, INVALID_MODEL), (status, message)
        statuses.add(status)
        for place in places:
            ctypes.memset(address + place, original[place], 1)
    assert statuses == {OK, INVALID_MODEL}, statuses


@test("bytes at any address")
def unaligned(library, original, at):
    memory = ctypes.create_string_buffer(len(original) + 64)
    for offset in range(16):
        at(f"offset {offset}")
        ctypes.memmove(ctypes.addressof(memory) + offset, original, len(original))
        assert library.open_memory(ctypes.addressof(memory) + offset, len(original))[0] == OK


@test("paths of things that are no model files")
def no_files(library, original, at):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to(folder / "loop")
        (folder / "empty").touch()
        for name, content in [("terabyte", b""), ("model", original)]:
            (folder / name).write_bytes(content)
            os.truncate(folder / name, 1 << 40)
        cases = [
            ("pipe", CANNOT_READ_FILE, "not a regular file"),
            (".", CANNOT_READ_FILE, "not a regular file"),
            ("missing", CANNOT_READ_FILE, os.strerror(errno.ENOENT)),
            ("missing/model", CANNOT_READ_FILE, os.strerror(errno.ENOENT)),
            ("empty/model", CANNOT_READ_FILE, os.strerror(errno.ENOTDIR)),
            ("loop", CANNOT_READ_FILE, os.strerror(errno.ELOOP)),
            # The message is cut before it comes to its reason.
            ("x" * 300, CANNOT_READ_FILE, "cannot read"),
            ("/dev/null", CANNOT_READ_FILE, "not a regular file"),
            ("/dev/zero", CANNOT_READ_FILE, "not a regular file"),
            ("empty", INVALID_MODEL, "0 bytes"),
            ("terabyte", INVALID_MODEL, "header"),
            ("model", INVALID_MODEL, "bytes follow"),
            ("/proc/self/status", INVALID_MODEL, "bytes"),
        ]
        for path, expected, word in cases:
            at(path)
            status, message = library.open_path(folder / path)
            assert (status, word in message) == (expected, True), (path, status, message)
        at("the empty path")
        assert library.open_path("")[0] == CANNOT_READ_FILE


@test("paths and files of any kind that are sound")
def sound_files(library, original, at):
    with tempfile.TemporaryDirectory() as name:
        folder = os.fsencode(name)
        for path in [b"not \xff UTF-8", "Gemälde".encode(), b"a space", b"%s%n", b"new\nline"]:
            at(repr(path))
            file = os.path.join(folder, path)
            with open(file, "wb") as target:
                target.write(original)
            assert library.open_path(file)[0] == OK
        at("a link")
        os.symlink(file, os.path.join(folder, b"link"))
        assert library.open_path(os.path.join(folder, b"link"))[0] == OK


@test("a file or bytes that are gone once the model is open")
def gone(library, original, at):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        file.write_bytes(original)

        def truncate_and_remove():
            os.truncate(file, 0)
            file.unlink()

        assert library.open_path(file, truncate_and_remove)[0] == OK
        assert not file.exists()
    fenced = Fenced(len(original))
    address = fenced.put(original)
    assert library.open_memory(address, len(original), fenced.forbid)[0] == OK


def passes(name, function, library_path, original):
    """Runs a test in a process of its own and says how it ended."""
    place = mmap.mmap(-1, 1024)

    def at(text):
        place[:] = text.encode(errors="replace")[:1000].ljust(1024, b"\0")

    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        try:
            function(Library(library_path), original, at)
        except BaseException as problem:
            at(f"{place[:].rstrip(bytes(1)).decode()}: {type(problem).__name__}: {problem}")
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        print(f"passed {name}")
        return True
    end = f"ended by {signal.Signals(os.WTERMSIG(status)).name} " if os.WIFSIGNALED(status) else ""
    print(f"FAILED {name}: {end}at {place[:].rstrip(bytes(1)).decode()}")
    return False


def main():
    library, model = sys.argv[1:3]
    original = Path(model).read_bytes()
    if sys.argv[3:4] == ["--write"]:
        wanted, target = sys.argv[4:]
        Path(target).write_bytes(dict(variants(original))[wanted])
        return 0
    results = [passes(name, function, library, original) for name, function in tests]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

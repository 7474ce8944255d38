"""Model files: --model, info and doctor, also with files that are no models or damaged ones."""

import json
import os
import re
import struct
import subprocess

import numpy as np
import pytest
from PIL import Image
from support import FAILURE, MODEL, names

SETS = ["avx512", "avx2", "baseline"]
BOUNDS = (2e-3, 2e-4)


@pytest.fixture
def photo(tmp_path, gray):
    Image.fromarray(gray).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def load():
    """The default model's header and its tensors' bytes."""
    data = MODEL.read_bytes()
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])


def save(path, head, body):
    text = json.dumps(head).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def values(head, body, name):
    """A tensor's values, which can be changed in place."""
    begin, end = head[name]["data_offsets"]
    kind = {"F16": "<f2", "F32": "<f4"}[head[name]["dtype"]]
    return np.frombuffer(memoryview(body)[begin:end], kind)


# ---- --model ------------------------------------------------------------------------------------


def test_a_model_file_gives_what_the_same_model_built_in_gives(colorize, tmp_path, photo):
    built_in, _ = colorize.color(photo, tmp_path / "a.png")
    from_file, _ = colorize.color(photo, tmp_path / "b.png", "--model", MODEL)
    assert np.array_equal(from_file, built_in)
    name = os.fsencode(tmp_path) + b"/mod\xe8le.safetensors"
    head, body = load()
    values(head, body, "logits.bias")[:] = 0
    text = json.dumps(head).encode()
    with open(name, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + body)
    other, _ = colorize.color(photo, tmp_path / "c.png", "--model", name)
    assert not np.array_equal(other, built_in)


def damaged_models():
    data = MODEL.read_bytes()
    length = int.from_bytes(data[:8], "little")
    head, body = load()

    def changed(**metadata):
        other = dict(head, __metadata__={**head["__metadata__"], **metadata})
        text = json.dumps(other).encode()
        return len(text).to_bytes(8, "little") + text + body

    return {
        "empty": b"",
        "no model": b"a letter, not a model file" * 100,
        "cut in the length": data[:5],
        "cut in the header": data[:500],
        "cut in the tensors": data[:-1000],
        "with a byte too many": data + b"\0",
        "with a huge header": b"\xff" * 8 + data[8:],
        "with a broken header": data[:100] + b"\xff\xff" + data[102:],
        "of another architecture": changed(architecture="vgg"),
        "with a bad network size": changed(default_network_size="100"),
        "with a bad temperature": changed(temperature_of_plain_softmax="warm"),
        "without a tensor": data[:8] + data[8 : 8 + length].replace(b"stem.0", b"stXm.0") + body,
    }


@pytest.mark.parametrize("kind", damaged_models())
def test_a_broken_model_is_one_line_before_any_work(colorize, tmp_path, photo, kind):
    model = tmp_path / "broken.safetensors"
    model.write_bytes(damaged_models()[kind])
    before = names(tmp_path)
    for arguments in (["--model", model, "-o", f"{tmp_path}/out/", photo], ["info", model]):
        said = colorize(*arguments, status=FAILURE)
        assert re.fullmatch(f"libcolorize: {re.escape(str(model))}: \\S.*\n", said.stderr)
        assert said.stdout == ""
    said = colorize("doctor", model, status=FAILURE)
    assert re.fullmatch(f"libcolorize: {re.escape(str(model))}: \\S.*\n", said.stderr)
    assert names(tmp_path) == before


def test_a_model_that_is_not_there(colorize, tmp_path, photo):
    for name, why in [("none", "No such file or directory"), (".", "not a regular file")]:
        model = tmp_path / name
        for arguments in (["--model", model, photo], ["info", model], ["doctor", model]):
            said = colorize(*arguments, status=FAILURE).stderr
            assert said == f"libcolorize: {model}: {why}\n"
    assert names(tmp_path) == ["photo.png"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html>\n<html>" + b"<p>" * 99, "an HTML page"),
        (b"\xef\xbb\xbf\n  <HTML lang=en>" + b"<p>" * 99, "an HTML page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64,
            "a Git LFS pointer",
        ),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
        (b"\x1f\x8b\x08\0" + b"\xff" * 60, "compressed with gzip"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "an HDF5 file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "a PNG picture"),
        (b"GGUF\3\0\0\0" + bytes(60), "a GGUF file"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_model_that_is_something_else(colorize, tmp_path, photo, content, what):
    """What a failed download leaves, and what is taken for a model: by its name."""
    model = tmp_path / "model.safetensors"
    model.write_bytes(content)
    for arguments in (["info", model], ["--model", model, photo]):
        said = colorize(*arguments, status=FAILURE).stderr
        assert said.startswith(f"libcolorize: {model}: it is {what}"), said
        assert said.count("\n") == 1 and "header" not in said


def test_a_header_that_is_as_long_as_gzip_begins(colorize, tmp_path, photo):
    """0x088b1f bytes: a sound model whose first bytes are those of gzip."""
    data = MODEL.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = data[8 : 8 + length]
    model = tmp_path / "model.safetensors"
    model.write_bytes(struct.pack("<Q", 0x088B1F) + header.ljust(0x088B1F) + data[8 + length :])
    assert model.read_bytes()[:3] == b"\x1f\x8b\x08"
    colorize("--model", model, "-o", tmp_path / "out.png", photo)


def test_the_network_size_depends_on_the_model(colorize, tmp_path, photo):
    head, body = load()
    head["__metadata__"]["default_network_size"] = "64"
    model = save(tmp_path / "small.safetensors", head, body)
    of_the_model, _ = colorize.color(photo, tmp_path / "a.png", "--model", model)
    asked_for, _ = colorize.color(photo, tmp_path / "b.png", "--network-size", "64")
    assert np.array_equal(of_the_model, asked_for)


# ---- info ---------------------------------------------------------------------------------------


def test_info(colorize):
    head, _ = load()
    metadata = head.pop("__metadata__")
    # What batch norm has measured is no weight, but it is a parameter of the file.
    parameters = sum(
        int(np.prod(tensor["shape"])) for name, tensor in head.items() if "vector." not in name
    )
    for arguments, shown in ((["info"], "the built-in model"), (["info", MODEL], str(MODEL))):
        lines = colorize(*arguments).stdout.splitlines()
        facts = dict(re.split("  +", line, maxsplit=1) for line in lines if "  " in line.strip())
        assert facts["model"] == shown
        assert facts["architecture"] == metadata["architecture"]
        assert facts["licence"] == metadata["licence"]
        assert int(facts["parameters"]) == parameters
        assert facts["network size"] == "160; multiples of 16, up to 2048"
        assert facts["ab bins"] == "313"
        assert facts["color hints"] == "yes; mask 1 and 0"
        assert float(facts["plain softmax T"]) == 1
        assert facts["instruction set"] in SETS
        for key in metadata.keys() - {"architecture", "licence"}:
            assert f"  {key}: {metadata[key]}" in lines


def test_info_of_a_file_that_says_little_or_strange_things(colorize, tmp_path):
    head, body = load()
    head["__metadata__"] = {
        "architecture": "lite",
        "temperature_of_plain_softmax": "0.38",
        "note": "\x1b[31mred\nnext line",
    }
    said = colorize("info", save(tmp_path / "model", head, body)).stdout
    assert "licence          the file does not say" in said
    assert "plain softmax T  0.38" in said
    assert "  note:  [31mred next line\n" in said
    assert "network size     256; multiples of 16" in said


@pytest.mark.parametrize("name", SETS)
def test_info_names_the_instruction_set_that_is_asked_for(colorize, name):
    available = [row[0] for row in table(colorize("doctor").stdout) if row[1] != "not"]
    if name in available:
        said = colorize("info", environment={"COLORIZE_ISA": name}).stdout
        assert f"instruction set  {name}\n" in said
    else:
        said = colorize("info", environment={"COLORIZE_ISA": name}, status=FAILURE).stderr
        assert name in said and said.count("\n") == 1


# ---- doctor -------------------------------------------------------------------------------------


def table(text):
    """The rows of doctor's table, as lists of words."""
    return [line.split() for line in text.splitlines() if line.split(" ")[0] in [*SETS, "bound"]][
        : len(SETS) + 1
    ]


def test_doctor(colorize):
    result = colorize("doctor")
    assert result.stderr == ""
    assert f"processors       {len(os.sched_getaffinity(0))}\n" in result.stdout
    assert "matrix products  own kernels\n" in result.stdout
    assert "OpenBLAS" not in result.stdout
    *rows, bound = table(result.stdout)
    assert [row[0] for row in rows] == SETS
    assert (float(bound[1]), float(bound[2])) == BOUNDS
    tested = [row for row in rows if row[1] != "not"]
    # On any processor the baseline is there.
    assert tested[-1][0] == "baseline"
    # The best is chosen, and only it.
    assert [row[1] for row in tested] == ["yes"] + ["no"] * (len(tested) - 1)
    for _, _, vectors, largest, mean, milliseconds in tested:
        assert vectors == "3"
        assert 0 < float(mean) < float(largest) < BOUNDS[0]
        assert float(mean) < BOUNDS[1]
        assert 0.1 < float(milliseconds) < 60000
    assert f"\n{tested[0][0]} is chosen: the best one of this processor." in result.stdout


def test_doctor_on_fewer_processors(colorize):
    one = min(os.sched_getaffinity(0))
    said = colorize("doctor", preexec_fn=lambda: os.sched_setaffinity(0, {one})).stdout
    assert "processors       1\n" in said


def test_doctor_says_that_the_instruction_set_was_asked_for(colorize):
    said = colorize("doctor", environment={"COLORIZE_ISA": "baseline"}).stdout
    assert "\nbaseline is chosen: COLORIZE_ISA asks for it." in said
    assert {row[0]: row[1] for row in table(said)}["baseline"] == "yes"
    colorize("doctor", environment={"COLORIZE_ISA": "mmx"}, status=FAILURE)


OPENBLAS = {"COLORIZE_GEMM": "openblas"}


def openblas_row(text):
    (row,) = [line.split() for line in text.splitlines() if line.startswith("openblas ")]
    return row


def test_doctor_tests_openblas_where_it_is_asked_for(colorize):
    result = colorize("doctor", environment=OPENBLAS)
    assert result.stderr == ""
    assert "matrix products  OpenBLAS 0." in result.stdout
    # The kernels of the instruction sets are tested too, but are not what a run would take.
    *rows, _ = table(result.stdout)
    assert {row[1] for row in rows} <= {"no", "not"}
    assert rows == [row for row in rows if row[0] in SETS] and len(rows) == len(SETS)
    _, chosen, vectors, largest, mean, milliseconds = openblas_row(result.stdout)
    assert (chosen, vectors) == ("yes", "3")
    assert 0 < float(mean) < float(largest) < BOUNDS[0]
    assert float(mean) < BOUNDS[1]
    assert 0.1 < float(milliseconds) < 60000
    assert "\nOpenBLAS multiplies matrices: COLORIZE_GEMM asks for it." in result.stdout


@pytest.mark.parametrize("core", ["Prescott", "Core2", "Nehalem"])
def test_doctor_warns_of_a_slow_openblas(colorize, core):
    best = table(colorize("doctor").stdout)
    has_more = any(row[0] in ("avx512", "avx2") and row[1] != "not" for row in best)
    said = colorize("doctor", environment={**OPENBLAS, "OPENBLAS_CORETYPE": core}).stdout
    assert f"kernels for {core}\n" in said
    assert (f"\nWarning: OpenBLAS uses its kernels for {core}, which" in said) == has_more
    assert ("Set OPENBLAS_CORETYPE=" in said) == has_more


def test_doctor_does_not_warn_of_a_fast_openblas(colorize):
    if all(row[1] == "not" for row in table(colorize("doctor").stdout)[:2]):
        pytest.skip("this processor has no AVX2")
    said = colorize("doctor", environment={**OPENBLAS, "OPENBLAS_CORETYPE": "Haswell"}).stdout
    assert "kernels for Haswell\n" in said
    assert "Warning" not in said


def test_doctor_finds_a_wrong_color_with_openblas(colorize, tmp_path):
    head, body = load()
    values(head, body, "vector.1.ab")[17] += 2.5e-3
    model = save(tmp_path / "other.safetensors", head, body)
    said = colorize("doctor", model, environment=OPENBLAS, status=FAILURE).stderr
    assert f"{model}: with openblas its colors are off by more than the bound" in said


@pytest.mark.parametrize("command", ["info", "doctor", "run"])
def test_gemm_of_another_name(colorize, command, tmp_path):
    picture = [tmp_path / "picture.png"] if command == "run" else []
    environment = {"COLORIZE_GEMM": "mkl"}
    said = colorize(command, *picture, environment=environment, status=FAILURE).stderr
    assert said.endswith('COLORIZE_GEMM is "mkl"; it must be one of own, openblas\n')


def test_openblas_that_cannot_be_loaded(colorize, tmp_path):
    (tmp_path / "libopenblas.so.0").write_bytes(b"no library")
    environment = {**OPENBLAS, "LD_LIBRARY_PATH": os.fspath(tmp_path)}
    said = colorize("info", environment=environment, status=FAILURE).stderr
    assert "COLORIZE_GEMM asks for OpenBLAS, which cannot be used: " in said
    assert "libopenblas.so.0" in said and said.count("\n") == 1
    # Nobody misses it who has not asked for it.
    for gemm in ({}, {"COLORIZE_GEMM": "own"}):
        environment = {**gemm, "LD_LIBRARY_PATH": os.fspath(tmp_path)}
        assert "matrix products  own kernels\n" in colorize("info", environment=environment).stdout


def test_another_library_of_openblas_name(colorize, tmp_path):
    library = tmp_path / "libopenblas.so.0"
    source = tmp_path / "empty.c"
    source.write_text("int cblas_dgemm(void) { return 0; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library], check=True)
    environment = {**OPENBLAS, "LD_LIBRARY_PATH": os.fspath(tmp_path)}
    said = colorize("info", environment=environment, status=FAILURE).stderr
    assert said.endswith("cannot be used: libopenblas.so.0 has no cblas_sgemm\n")


def test_openblas_gives_the_same_picture(colorize, photo, tmp_path, monkeypatch):
    """In float32 with sums in another order: a level at most."""
    own, _ = colorize.color(photo, tmp_path / "own.png")
    monkeypatch.setenv("COLORIZE_GEMM", "openblas")
    other, _ = colorize.color(photo, tmp_path / "other.png")
    assert np.abs(own.astype(int) - other).max() <= 1


@pytest.mark.parametrize("name", ["stem.0.weight", "dec8.0.b.0.weight", "logits.weight"])
def test_doctor_finds_one_flipped_bit_in_a_weight(colorize, tmp_path, name):
    """The highest bit of an exponent, as memory or a disk may flip it. Of a positive weight below
    1, which becomes very large; another one may come to nearly nothing, and matter to none."""
    head, body = load()
    weights = values(head, body, name)
    bits = weights.view("<u2" if weights.itemsize == 2 else "<u4")
    position = np.where(weights < 1, weights, 0).argmax()
    bits[position] ^= 1 << (8 * weights.itemsize - 2)
    model = save(tmp_path / "flipped.safetensors", head, body)
    result = colorize("doctor", model, status=FAILURE)
    if weights.itemsize == 4:
        # Of the order of 1e38: sums overflow, and there is no result to compare.
        assert "overflow" in result.stderr
        assert result.stderr.count("\n") == 1
        return
    tested = [row for row in table(result.stdout)[:-1] if row[1] != "not"]
    assert tested
    for row in tested:
        assert not float(row[3]) <= BOUNDS[0]
        complaint = f"{model}: with {row[0]} its colors are off by more than the bound"
        assert complaint in result.stderr
    assert result.stderr.count("\n") == len(tested)


def test_doctor_finds_a_small_error(colorize, tmp_path):
    """A hundredth of the ab range of one bin, which no eye would see in a picture."""
    head, body = load()
    values(head, body, "vector.1.ab")[17] += 2.5e-3
    model = save(tmp_path / "other.safetensors", head, body)
    result = colorize("doctor", model, status=FAILURE)
    assert "its colors are off by more than the bound" in result.stderr
    values(head, body, "vector.1.ab")[17] -= 1e-3
    colorize("doctor", save(model, head, body))


def test_doctor_needs_vectors(colorize, tmp_path):
    head, body = load()
    without = {name: entry for name, entry in head.items() if "vector." not in name}
    # The format allows no gap: the tensors that stay move together.
    kept = bytearray()
    for name in sorted(without.keys() - {"__metadata__"}, key=lambda n: head[n]["data_offsets"]):
        begin, end = head[name]["data_offsets"]
        without[name] = dict(head[name], data_offsets=[len(kept), len(kept) + end - begin])
        kept += body[begin:end]
    model = save(tmp_path / "without.safetensors", without, kept)
    result = colorize("doctor", model, status=FAILURE)
    assert result.stderr == f"libcolorize: {model}: has no test vectors, so nothing was checked\n"
    # It can be used all the same.
    colorize("info", model)


@pytest.mark.parametrize("command", ["info", "doctor"])
def test_too_many_arguments(colorize, command):
    assert "Unexpected argument 'b'" in colorize.refused(command, "a", "b")

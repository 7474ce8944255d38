"""profile: the steps of a network, what each computes, and its time."""

import csv
import io
import json
import struct

import pytest
from support import MODEL


def weights():
    """name -> shape of the weights in the model file."""
    data = MODEL.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    suffix = ".weight"
    return {
        name.removesuffix(suffix): entry["shape"]
        for name, entry in header.items()
        if name.endswith(suffix) and len(entry["shape"]) > 1
    }


def steps(colorize, *arguments):
    return list(csv.DictReader(io.StringIO(colorize("profile", "--csv", *arguments).stdout)))


def sides(text):
    return [int(side) for side in text.split("x")]


def test_every_layer_is_there_once_with_its_work(colorize):
    *rows, whole = steps(colorize, "--size", "64", "--rounds", "3", "--threads", "1")
    layers = weights()
    assert sorted(row["step"] for row in rows if row["step"]) == sorted(layers)
    assert [row["algorithm"] for row in rows[-1:]] == ["decode"]
    for row in rows:
        assert float(row["milliseconds"]) > 0
        if row["step"]:
            outputs, inputs, *kernel = layers[row["step"]]
            channels, height, width = sides(row["output"])
            # [channels, 1, k, k] of a depthwise convolution.
            is_depthwise = "depthwise" in row["step"]
            assert is_depthwise == (row["algorithm"] == "depthwise")
            assert (sides(row["input"])[0], channels) == (
                outputs if is_depthwise else inputs,
                outputs,
            )
            taps = kernel[0] * kernel[1] if kernel else 1
            assert int(row["direct_multiply_adds"]) == taps * inputs * outputs * height * width
    for column in ("direct_multiply_adds", "done_multiply_adds"):
        assert int(whole[column]) == sum(int(row[column]) for row in rows)
    assert sides(whole["input"]) == [4, 64, 64] and sides(whole["output"]) == [2, 16, 16]
    assert float(whole["milliseconds"]) > 0


def test_figures_agree_with_each_other(colorize):
    for row in steps(colorize, "--size", "64", "--rounds", "2", "--threads", "2"):
        seconds = float(row["milliseconds"]) / 1000
        assert row["threads"] == "2"
        assert float(row["direct_gflops"]) == pytest.approx(
            2e-9 * int(row["direct_multiply_adds"]) / seconds, rel=1e-6
        )
        share = 2e-9 * int(row["done_multiply_adds"]) / seconds / (2 * float(row["peak_gflops"]))
        assert float(row["roofline_share"]) == pytest.approx(share, rel=1e-6)
    assert float(row["peak_gflops"]) > 0.1


def test_the_table_says_the_same(colorize):
    lines = colorize("profile", "--size", "64", "--rounds", "1").stdout.splitlines()
    assert lines[0] == "model            the built-in model"
    words = [line.split() for line in lines[lines.index("") + 1 :]]
    assert words[0][:4] == ["step", "algorithm", "input", "output"]
    assert {len(line) for line in words} == {10}
    rows = steps(colorize, "--size", "64", "--rounds", "1")
    assert [line[1:4] for line in words[1:]] == [
        [row["algorithm"], row["input"], row["output"]] for row in rows
    ]
    for line, row in zip(words[1:], rows):
        assert line[0] == row["step"] or line[0] == f"({row['algorithm']})"
        assert float(line[6]) == pytest.approx(int(row["direct_multiply_adds"]) / 1e6, abs=0.051)


@pytest.mark.parametrize(
    "arguments",
    [("--size", "100"), ("--size", "4096"), ("--rounds", "0"), ("--threads", "0"), ("more",)],
)
def test_wrong_arguments(colorize, arguments):
    said = colorize.refused("profile", *arguments)
    if arguments[0] == "--size":
        assert said.startswith(f"libcolorize: --size is {arguments[1]}; it must be a multiple")

"""Every function of the friendly layer, against the fixtures of the reference and by its rules."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import threading
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from conftest import MODEL_FILE, cases, metadata, raises_named, tensors

import libcolorize
from libcolorize.colorizers import _state_dict

# Of DESIGN's table: the network's ab against PyTorch's.
AB_MAXIMUM = 2e-3
# A whole picture, as bytes against floats: half a level of rounding, and 2e-4 of 255 levels.
LEVEL_MAXIMUM = 0.5 + 255 * 2e-4


# ---- Opening and closing -------------------------------------------------------------------------


def test_info_of_the_default_model(model: libcolorize.Model):
    info = model.info
    said = metadata(MODEL_FILE)
    weights = {k: v for k, v in tensors(MODEL_FILE).items() if not k.startswith("vector.")}
    assert info.architecture == said["architecture"]
    assert info.licence == said["licence"] != ""
    assert info.instruction_set in ("avx512", "avx2", "baseline")
    assert info.parameters == sum(values.size for values in weights.values())
    assert info.default_network_size == int(said["default_network_size"])
    assert info.default_network_size % info.network_size_multiple == 0
    assert info.network_size_rounding % info.network_size_multiple == 0
    assert info.network_size_rounding % info.output_stride == 0
    assert info.network_size_rounding % info.distribution_stride == 0
    assert info.bins == 313
    assert info.takes_hints is True
    assert info.mask_convention == "zero-one"
    assert info.plain_softmax_temperature == float(said["temperature_of_plain_softmax"])
    with pytest.raises(FrozenInstanceError):
        info.bins = 1  # type: ignore[misc]


def test_repr(model: libcolorize.Model):
    info = model.info
    millions = round(info.parameters / 1e6, 1)
    assert repr(model) == (
        f"<libcolorize.Model {info.architecture}, {millions} million weights, "
        f"{info.instruction_set}>"
    )
    other = libcolorize.Model()
    other.close()
    assert repr(other) == "<libcolorize.Model, closed>"


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_a_model_file_is_the_default_model(kind, model: libcolorize.Model, photo: np.ndarray):
    with libcolorize.Model(kind(str(MODEL_FILE))) as opened:
        assert np.array_equal(opened.colorize(photo), model.colorize(photo))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_model_in_memory_is_the_default_model(kind, model: libcolorize.Model, photo: np.ndarray):
    content = bytearray(MODEL_FILE.read_bytes())
    opened = libcolorize.Model.from_bytes(kind(content))
    # The bytes are not kept.
    content[:] = bytes(len(content))
    assert np.array_equal(opened.colorize(photo), model.colorize(photo))


def test_the_plain_softmax_temperature_of_a_file(model: libcolorize.Model, lightness: np.ndarray):
    with libcolorize.Model(MODEL_FILE, plain_softmax_temperature=0.5) as opened:
        assert opened.info.plain_softmax_temperature == 0.5
        # Logits times 0.5, then over 0.5: the same as logits over 1. Both steps round in float32.
        halved = opened.predict(lightness, temperature=0.5)
        assert np.abs(halved - model.predict(lightness, temperature=1)).max() < 1e-3
    with libcolorize.Model.from_bytes(
        MODEL_FILE.read_bytes(), plain_softmax_temperature=2
    ) as opened:
        assert opened.info.plain_softmax_temperature == 2
    with raises_named("COLORIZE_INVALID_ARGUMENT", "plain_softmax_temperature"):
        libcolorize.Model(plain_softmax_temperature=1)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "plain_softmax_temperature"):
        libcolorize.Model(MODEL_FILE, plain_softmax_temperature=1000)


def test_the_published_networks(checkpoints: dict[str, Path]):
    infos = {}
    for network, path in checkpoints.items():
        with libcolorize.Model(path) as opened:
            infos[network] = opened.info
            assert opened.info.architecture == network
            lightness = np.full((24, 40), 50, np.float32)
            assert opened.predict(lightness).shape == (2, 24, 40)
            assert opened.distribution(lightness).shape == (opened.info.bins, 6, 10)
    eccv16, siggraph17 = infos["eccv16"], infos["siggraph17"]
    assert (eccv16.network_size_multiple, siggraph17.network_size_multiple) == (1, 8)
    assert eccv16.network_size_rounding == siggraph17.network_size_rounding == 8
    assert eccv16.output_stride == siggraph17.output_stride == 1
    assert eccv16.distribution_stride == siggraph17.distribution_stride == 4
    assert (eccv16.bins, siggraph17.bins) == (313, 529)
    assert (eccv16.takes_hints, siggraph17.takes_hints) == (False, True)
    assert eccv16.plain_softmax_temperature == pytest.approx(0.38)


def test_sides_are_rounded_up(checkpoints: dict[str, Path]):
    with libcolorize.Model(checkpoints["eccv16"]) as opened:
        lightness = np.full((13, 1), 50, np.float32)
        assert opened.predict(lightness).shape == (2, 16, 8)
        assert opened.distribution(lightness).shape == (313, 4, 2)


def test_the_mask_convention(checkpoints: dict[str, Path]):
    path = checkpoints["siggraph17"]
    lightness = np.full((16, 16), 50, np.float32)
    hints = np.zeros((2, 16, 16), np.float32)
    mask = np.zeros((16, 16), np.float32)
    hints[0, 4:8, 4:8], mask[4:8, 4:8] = 60, 1
    content = path.read_bytes()
    with (
        libcolorize.Model(path, mask_convention="zero-one") as zero_one,
        libcolorize.Model.from_bytes(content, mask_convention="centred") as centred,
    ):
        assert zero_one.info.mask_convention == "zero-one"
        assert centred.info.mask_convention == "centred"
        plain = zero_one.predict(lightness, hints, mask)
        assert np.abs(centred.predict(lightness, hints, mask) - plain).max() > 0.1
        # 0.5 less than the mask is 0.5 less than the mask, whoever subtracts it.
        halves = np.full((16, 16), 0.5, np.float32)
        zeros = np.zeros((16, 16), np.float32)
        nothing = np.zeros_like(hints)
        assert np.array_equal(
            centred.predict(lightness, nothing, halves), zero_one.predict(lightness, nothing, zeros)
        )
        # Any finite number is a mask.
        for other in (-0.5, -3, 2, 40):
            raw = np.where(mask, np.float32(other), np.float32(1.5))
            assert np.array_equal(
                centred.predict(lightness, hints, raw + np.float32(0.5)),
                zero_one.predict(lightness, hints, raw),
            )
            assert np.abs(zero_one.predict(lightness, hints, raw) - plain).max() > 0.1
    with raises_named("COLORIZE_INVALID_ARGUMENT", "'zero-one' or 'centred'"):
        libcolorize.Model(path, mask_convention="center")
    with raises_named("COLORIZE_INVALID_ARGUMENT", "mask_convention is for model files"):
        libcolorize.Model(mask_convention="centred")


def test_files_that_cannot_be_opened(tmp_path: Path):
    with raises_named("COLORIZE_CANNOT_READ_FILE", "nothing.safetensors") as caught:
        libcolorize.Model(tmp_path / "nothing.safetensors")
    assert caught.value.status == 3
    assert str(caught.value).endswith("(COLORIZE_CANNOT_READ_FILE)")
    with raises_named("COLORIZE_CANNOT_READ_FILE"):
        libcolorize.Model(tmp_path)
    other = tmp_path / "other"
    other.write_bytes(b"GIF89a" * 100)
    with raises_named("COLORIZE_INVALID_MODEL"):
        libcolorize.Model(other)
    with raises_named("COLORIZE_INVALID_MODEL"):
        libcolorize.Model.from_bytes(MODEL_FILE.read_bytes()[:100_000])
    with pytest.raises(libcolorize.Error):
        libcolorize.Model.from_bytes(b"")
    with raises_named("COLORIZE_INVALID_ARGUMENT", "zero byte"):
        libcolorize.Model(f"{MODEL_FILE}\0.txt")
    with pytest.raises(TypeError):
        libcolorize.Model(7)


def test_an_unknown_architecture_has_a_status_of_its_own():
    content = MODEL_FILE.read_bytes()
    own = metadata(MODEL_FILE)["architecture"]
    # A name of the same length: the header's is written before it.
    other = "z" * len(own)
    changed = content.replace(
        f'"architecture":"{own}"'.encode(), f'"architecture":"{other}"'.encode(), 1
    )
    assert changed != content
    with raises_named("COLORIZE_UNSUPPORTED_MODEL", other):
        libcolorize.Model.from_bytes(changed)


def test_the_instruction_set_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLORIZE_ISA", "baseline")
    with libcolorize.Model() as opened:
        assert opened.info.instruction_set == "baseline"
    monkeypatch.setenv("COLORIZE_ISA", "mmx")
    with raises_named("COLORIZE_INVALID_ARGUMENT", "mmx"):
        libcolorize.Model()


def test_the_matrix_products_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, lightness: np.ndarray
):
    results = {}
    for name in ("own", "openblas"):
        monkeypatch.setenv("COLORIZE_GEMM", name)
        with libcolorize.Model() as opened:
            assert opened.info.gemm == name
            assert opened.info.gemm_configuration.startswith("OpenBLAS ") == (name == "openblas")
            assert opened.info.gemm_core in opened.info.gemm_configuration
            assert (opened.info.gemm_core == "") == (name == "own")
            results[name] = opened.predict(lightness)
    # The bound of docs/exactness.md.
    assert 0 < np.abs(results["own"] - results["openblas"]).max() < 2e-3
    monkeypatch.setenv("COLORIZE_GEMM", "mkl")
    with raises_named("COLORIZE_INVALID_ARGUMENT", "one of own, openblas"):
        libcolorize.Model()


def test_a_closed_model_raises(photo: np.ndarray, lightness: np.ndarray):
    with libcolorize.Model() as closed:
        pass
    closed.close()
    uses = [
        lambda: closed.colorize(photo),
        lambda: closed.predict(lightness),
        lambda: closed.distribution(lightness),
        lambda: closed.bin_centres,
        closed.__enter__,
    ]
    for use in uses:
        with pytest.raises(ValueError, match="closed"):
            use()
    assert closed.info.bins == 313


def test_a_model_ends_with_its_last_reference():
    opened = libcolorize.Model()
    reference = weakref.ref(opened)
    del opened
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("operation", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_model_is_not_copied(operation, model: libcolorize.Model):
    # Two objects with one handle would free it twice.
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        operation(model)


def test_closing_while_another_thread_is_inside(photo: np.ndarray, model: libcolorize.Model):
    expected = model.colorize(photo)
    opened = libcolorize.Model()
    owner = weakref.ref(opened._owner)
    inside, closed = threading.Event(), threading.Event()

    def progress(fraction: float) -> None:
        inside.set()
        assert closed.wait(60)

    with ThreadPoolExecutor() as pool:
        result = pool.submit(opened.colorize, photo, progress=progress)
        assert inside.wait(60)
        opened.close()
        # The running call keeps the network's memory; new calls are refused at once.
        with pytest.raises(ValueError, match="closed"):
            opened.colorize(photo)
        assert owner() is not None
        closed.set()
        assert np.array_equal(result.result(60), expected)
    assert owner() is None


def test_closing_from_the_progress_function(photo: np.ndarray, model: libcolorize.Model):
    opened = libcolorize.Model()
    result = opened.colorize(photo, progress=lambda fraction: opened.close())
    assert np.array_equal(result, model.colorize(photo))
    assert opened._owner is None


# ---- colorize ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", cases("picture"), ids=lambda case: "x".join(map(str, case["input"].shape))
)
def test_preset_reference_is_the_released_pipeline(case, model: libcolorize.Model):
    actual = model.colorize(
        case["input"], preset="reference", network_size=int(case["network_size"][0])
    )
    expected = case["output"] / 65535 * 255
    assert actual.shape == case["output"].shape
    # The fixture's own rounding is 1 / 257 / 2 of a level.
    assert np.abs(actual - expected).max() <= LEVEL_MAXIMUM + 0.002


def test_options_change_the_picture(model: libcolorize.Model, photo: np.ndarray):
    default = model.colorize(photo)
    assert np.array_equal(model.colorize(photo, temperature=0.38), default)
    assert np.array_equal(
        model.colorize(photo, network_size=model.info.default_network_size), default
    )
    assert np.array_equal(model.colorize(photo, preset="default"), default)
    assert not np.array_equal(model.colorize(photo, temperature=1), default)
    assert not np.array_equal(model.colorize(photo, network_size=96), default)
    reference = model.colorize(photo, preset="reference")
    assert np.array_equal(model.colorize(photo, preset="reference", network_size=256), reference)
    assert not np.array_equal(reference, default)
    small = model.colorize(photo, network_size=64)
    assert np.array_equal(model.colorize(photo, render_factor=4), small)
    with model.session(photo, render_factor=4) as session:
        assert np.array_equal(session.colorize(), small)
    for options, text in [
        ({"render_factor": 0}, "render_factor is 0; it must be 1 to 128"),
        ({"render_factor": 129}, "render_factor is 129; it must be 1 to 128"),
        ({"render_factor": 4, "network_size": 64}, "say the same"),
    ]:
        with raises_named("COLORIZE_INVALID_ARGUMENT", text):
            model.colorize(photo, **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"temperature": 0}, "temperature"),
        ({"temperature": 0.001}, "temperature"),
        ({"temperature": 11}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"network_size": 0}, "network_size"),
        ({"network_size": 99}, "network_size"),
        ({"network_size": 4096}, "network_size"),
        ({"network_size": -16}, "network_size"),
        ({"network_size": 2**32 + 256}, "network_size"),
        ({"threads": 0}, "threads"),
        ({"threads": 257}, "threads"),
        ({"threads": -1}, "threads"),
        ({"preset": "best"}, "preset"),
        ({"preset": ""}, "preset"),
    ],
)
def test_options_that_are_refused(options, text: str, model: libcolorize.Model, photo: np.ndarray):
    with raises_named("COLORIZE_INVALID_ARGUMENT", text):
        model.colorize(photo, **options)


def test_options_of_another_type(model: libcolorize.Model, photo: np.ndarray):
    for options in ({"temperature": "hot"}, {"network_size": 256.0}, {"threads": "2"}):
        with pytest.raises(TypeError):
            model.colorize(photo, **options)


# ---- Threads and progress ------------------------------------------------------------------------


def test_any_number_of_threads_gives_the_same_bytes(model: libcolorize.Model, photo: np.ndarray):
    expected = model.colorize(photo, threads=1)
    for threads in (2, 3, 8, None):
        assert np.array_equal(model.colorize(photo, threads=threads), expected)


def test_threads_share_a_model(model: libcolorize.Model, photo: np.ndarray):
    images = [photo, photo[::-1], photo[:, ::-1], photo[:40]] * 4
    expected = [model.colorize(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(model.colorize, images))
    for actual, wanted in zip(results, expected):
        assert np.array_equal(actual, wanted)


def test_the_interpreter_is_free_during_a_call(model: libcolorize.Model):
    image = np.full((2000, 2000), 90, np.uint8)
    steps = []

    def count() -> None:
        while not done.is_set():
            steps.append(None)
            done.wait(1e-4)

    done = threading.Event()
    counter = threading.Thread(target=count)
    counter.start()
    before = len(steps)
    model.colorize(image)
    during = len(steps) - before
    done.set()
    counter.join()
    # With the lock held, at most the step that was under way could be counted.
    assert during > 5


def test_progress_goes_from_0_to_1(model: libcolorize.Model, photo: np.ndarray):
    seen: list[float] = []
    expected = model.colorize(photo)
    assert np.array_equal(model.colorize(photo, progress=seen.append), expected)
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[0] >= 0
    assert seen[-1] == 1
    assert seen.count(1) == 1


@pytest.mark.parametrize("answer", [True, 7, "stop", np.True_])
def test_progress_cancels(
    answer, model: libcolorize.Model, photo: np.ndarray, lightness: np.ndarray
):
    calls = []

    def progress(fraction: float) -> object:
        calls.append(fraction)
        return answer

    out = np.full_like(photo, 77)
    with raises_named("COLORIZE_CANCELLED"):
        model.colorize(photo, progress=progress, out=out)
    assert len(calls) == 1
    # The network was still running, so nothing was written.
    assert np.all(out == 77)
    for function in (model.predict, model.distribution):
        with raises_named("COLORIZE_CANCELLED"):
            function(lightness, progress=progress)
    assert model.colorize(photo).shape == photo.shape


class Surprise(BaseException):
    """Not an Exception, as KeyboardInterrupt is not."""


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyboardInterrupt, Surprise])
def test_what_progress_raises_comes_out(kind, model: libcolorize.Model, photo: np.ndarray):
    calls = []

    def progress(fraction: float) -> None:
        calls.append(fraction)
        raise kind("from progress")

    with pytest.raises(kind, match="from progress"):
        model.colorize(photo, progress=progress)
    assert len(calls) == 1


def test_progress_that_raises_at_the_end(model: libcolorize.Model, photo: np.ndarray):
    def progress(fraction: float) -> None:
        if fraction == 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.colorize(photo, progress=progress)


def test_progress_may_use_the_library(model: libcolorize.Model, photo: np.ndarray):
    inner = []

    def progress(fraction: float) -> None:
        if not inner:
            inner.append(model.colorize(photo))

    outer = model.colorize(photo, progress=progress)
    assert np.array_equal(inner[0], outer)


# ---- The network ---------------------------------------------------------------------------------


def network_arguments(case) -> tuple:
    """lightness, hints and mask of a case of the network's fixture."""
    inputs = case["input"]
    if not inputs[3].any():
        return (100 * inputs[0] + 50,)
    return 100 * inputs[0] + 50, 110 * inputs[1:3], inputs[3]


@pytest.mark.parametrize("number", range(len(cases("network"))))
def test_predict_is_pytorch_s(number: int, model: libcolorize.Model):
    case = cases("network")[number]
    arguments = network_arguments(case)
    ab = model.predict(*arguments)
    assert ab.dtype == np.float32
    assert ab.shape == case["ab"].shape
    assert np.abs(ab - case["ab"]).max() <= AB_MAXIMUM
    at_1 = model.predict(*arguments, temperature=1)
    assert np.abs(at_1 - case["ab_t1"]).max() <= AB_MAXIMUM


@pytest.mark.parametrize("number", range(len(cases("network"))))
def test_distribution_is_pytorch_s(number: int, model: libcolorize.Model):
    case = cases("network")[number]
    logits = case["logits"].astype(np.float64)
    for temperature in (None, 0.38):
        expected = np.exp((logits - logits.max(axis=0)) / (temperature or 1))
        expected /= expected.sum(axis=0)
        actual = model.distribution(*network_arguments(case), temperature=temperature)
        assert actual.dtype == np.float32
        # Logits within 1e-4 of PyTorch's, over 0.38: 3e-4 of a probability at most.
        assert np.abs(actual - expected).max() <= 3e-4
        assert np.abs(actual.sum(axis=0) - 1).max() < 1e-5


def test_ab_is_the_mean_of_the_distribution(model: libcolorize.Model, lightness: np.ndarray):
    centres = model.bin_centres
    assert centres.shape == (313, 2)
    assert centres[0].tolist() == [-90, 50]
    assert centres[312].tolist() == [100, 0]
    probabilities = model.distribution(lightness, temperature=0.38)
    mean = np.einsum("qc,qhw->chw", centres.astype(np.float64), probabilities)
    # Two ways of summing 313 floats of up to 110.
    assert np.abs(mean - model.predict(lightness)).max() < 1e-3


def test_other_types_and_strides_of_the_network_s_arguments(
    model: libcolorize.Model, lightness: np.ndarray
):
    lightness = np.rint(lightness)
    mask = np.zeros((64, 64), bool)
    mask[10:20, 30:40] = True
    hints = np.zeros((2, 64, 64), np.float32)
    hints[0, mask], hints[1, mask] = 60, -20
    expected = model.predict(lightness, hints, mask.astype(np.float32))
    others = (
        (lightness.astype(np.uint8), hints.astype(np.int64), mask),
        (np.asfortranarray(lightness, np.float64), hints[::-1].copy()[::-1], mask.tolist()),
    )
    for arguments in others:
        assert np.array_equal(model.predict(*arguments), expected)
    assert np.abs(expected - model.predict(lightness)).max() > 10
    for threads in (1, 2, 5):
        assert np.array_equal(model.predict(lightness, hints, mask, threads=threads), expected)


def test_a_network_without_bins(
    siggraph17: libcolorize.Model, states: dict, photo: np.ndarray, lightness: np.ndarray
):
    content = _state_dict.model_file("siggraph17-ab", states["siggraph17"])
    with libcolorize.Model.from_bytes(content) as model:
        assert model.info.architecture == "siggraph17-ab"
        assert (model.info.bins, model.info.distribution_stride) == (0, 0)
        assert model.bin_centres.shape == (0, 2)
        assert np.array_equal(model.predict(lightness), siggraph17.predict(lightness))
        text = "the network siggraph17-ab gives colors only, and no distribution"
        with raises_named("COLORIZE_INVALID_ARGUMENT", text):
            model.distribution(lightness)
        with model.session(photo, network_size=64) as session:
            for ask in (lambda: session.suggest([(1, 2)]), session.confidence):
                with raises_named("COLORIZE_INVALID_ARGUMENT", text):
                    ask()


def test_what_the_network_refuses(model: libcolorize.Model, lightness: np.ndarray):
    mask = np.zeros((64, 64), np.float32)
    hints = np.zeros((2, 64, 64), np.float32)
    infinite = np.where(np.arange(64) == 3, np.inf, lightness)
    refused = [
        ((lightness[None],), "lightness has shape"),
        ((lightness[:61],), "61"),
        ((lightness[:, :7],), "7"),
        ((lightness[:0],), "0"),
        ((np.zeros((2064, 16), np.float32),), "2064"),
        ((lightness, hints), "go together"),
        ((lightness, None, mask), "go together"),
        ((lightness, hints[:1], mask), "hints has shape"),
        ((lightness, hints, mask[:32]), "mask has shape"),
        ((infinite,), "lightness"),
        ((lightness, hints + 200, mask), "hints"),
        ((lightness, hints, np.where(np.arange(64) == 3, np.nan, mask)), "mask"),
        ((lightness, hints, np.where(np.arange(64) == 3, -np.inf, mask)), "mask"),
    ]
    for function in (model.predict, model.distribution):
        for arguments, text in refused:
            with raises_named("COLORIZE_INVALID_ARGUMENT", text):
                function(*arguments)
        with raises_named("COLORIZE_INVALID_ARGUMENT", "temperature"):
            function(lightness, temperature=100)
        with raises_named("COLORIZE_INVALID_ARGUMENT", "threads"):
            function(lightness, threads=1000)


# ---- Color --------------------------------------------------------------------------------------


def test_rgb_to_lab_is_scikit_image_s():
    lab = tensors(MODEL_FILE.parents[2] / "Tests" / "Fixtures" / "lab.safetensors")
    actual = libcolorize.rgb_to_lab(lab["rgb"])
    assert actual.dtype == np.float32
    # DESIGN's bound.
    assert np.abs(actual - lab["lab"]).max() <= 1e-3


def test_lab_to_rgb_is_scikit_image_s():
    lab = tensors(MODEL_FILE.parents[2] / "Tests" / "Fixtures" / "lab.safetensors")
    clipped = libcolorize.lab_to_rgb(lab["lab_in"])
    assert np.abs(clipped - lab["rgb_clipped"]).max() <= 1e-4
    unclipped = libcolorize.lab_to_rgb(lab["lab_in"], clip=False)
    assert np.abs(unclipped - lab["rgb_unclipped"]).max() <= 1e-4
    assert unclipped.min() < -0.1
    assert unclipped.max() > 1.1


def test_shapes_and_types_of_colors():
    assert libcolorize.rgb_to_lab([1.0, 1.0, 1.0]).shape == (3,)
    assert libcolorize.rgb_to_lab(np.zeros((2, 5, 3)))[1, 4] == pytest.approx([0, 0, 0], abs=1e-3)
    assert libcolorize.rgb_to_lab(np.zeros((0, 3))).shape == (0, 3)
    planes = np.random.default_rng(0).random((3, 4, 5))
    pixels = np.moveaxis(planes, 0, 2)
    assert np.array_equal(libcolorize.rgb_to_lab(pixels), libcolorize.rgb_to_lab(pixels.copy()))
    for function in (libcolorize.rgb_to_lab, libcolorize.lab_to_rgb):
        with pytest.raises(TypeError, match="uint8"):
            function(np.zeros((2, 3), np.uint8))
        for shape in ((), (2,), (3, 4)):
            with raises_named("COLORIZE_INVALID_ARGUMENT", "last dimension"):
                function(np.zeros(shape))


# ---- Errors --------------------------------------------------------------------------------------


def test_error_names_and_pickles():
    error = libcolorize.Error(2, "no more")
    assert (error.status, error.name, error.message) == (2, "COLORIZE_OUT_OF_MEMORY", "no more")
    assert str(error) == "no more (COLORIZE_OUT_OF_MEMORY)"
    again = pickle.loads(pickle.dumps(error))
    assert (again.status, again.name, str(again)) == (error.status, error.name, str(error))
    assert libcolorize.Error(99, "").name == "COLORIZE_UNKNOWN_STATUS"


def test_nothing_is_warned_of(model: libcolorize.Model, photo: np.ndarray, lightness: np.ndarray):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.colorize(photo)
        model.predict(lightness)

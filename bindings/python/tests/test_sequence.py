"""Sequences: what stays from frame to frame. The films are made here: their motion is known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from conftest import ROOT, raises_named
from PIL import Image

import libcolorize

HEIGHT, WIDTH = 192, 224
# What the network sees: small, for the time it takes.
SEEN = 160


def photograph(name: str) -> np.ndarray:
    with Image.open(ROOT / "examples" / "photos" / name) as picture:
        return np.asarray(picture.convert("L").resize((420, 300), Image.Resampling.BICUBIC))


CAMERA = photograph("camera.png")


def pan(count: int, step: int, noise: float = 4) -> Iterator[np.ndarray]:
    """Frames of a window that moves over a photograph, with noise of its own each."""
    random = np.random.default_rng(7)
    for index in range(count):
        window = CAMERA[40 : 40 + HEIGHT, step * index : step * index + WIDTH]
        noisy = window + random.normal(0, noise, window.shape)
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def ab(rgb: np.ndarray) -> np.ndarray:
    values = rgb / np.float32(255) if rgb.dtype == np.uint8 else rgb
    return libcolorize.rgb_to_lab(values.astype(np.float32))[..., 1:]


def flicker(frames: list[np.ndarray], step: int) -> float:
    """How far ab moves at a thing from one frame to the next, on average."""
    differences = []
    for before, now in zip(frames, frames[1:]):
        there = before[:, step:] if step else before
        here = now[:, :-step] if step else now
        differences.append(np.linalg.norm(ab(here) - ab(there), axis=-1).mean())
    return float(np.mean(differences))


def chroma(rgb: np.ndarray) -> float:
    return float(np.linalg.norm(ab(rgb), axis=-1).mean())


@pytest.mark.parametrize("step", [0, 2, 5])
def test_colors_stay_on_what_they_are_on(model: libcolorize.Model, step: int):
    frames = list(pan(12, step))
    alone = [model.colorize(frame, network_size=SEEN, dtype=np.float32) for frame in frames]
    with model.sequence(WIDTH, HEIGHT, network_size=SEEN) as sequence:
        steady = list(sequence.frames(frames, dtype=np.float32))
    # The bound of docs/video.md for real clips.
    assert flicker(steady[4:], step) <= 0.35 * flicker(alone[4:], step)
    assert chroma(np.stack(steady)) >= 0.95 * chroma(np.stack(alone))
    assert np.array_equal(steady[0], alone[0])


def test_nothing_of_the_shot_before_is_in_the_next(model: libcolorize.Model):
    with model.sequence(WIDTH, HEIGHT) as sequence:
        for frame in pan(5, 3):
            sequence.colorize(frame)
        assert sequence.report.begins_shot is False
        after = np.ascontiguousarray(CAMERA[::-1, ::-1][:HEIGHT, :WIDTH])
        assert np.array_equal(sequence.colorize(after), model.colorize(after))
        assert sequence.report == libcolorize.FrameReport(True, True, 0, 0)
        sequence.colorize(after)
        sequence.reset()
        assert np.array_equal(sequence.colorize(after), model.colorize(after))


def fading(count: int) -> Iterator[np.ndarray]:
    first, second = CAMERA[40 : 40 + HEIGHT, :WIDTH], CAMERA[100 : 100 + HEIGHT, 150 : 150 + WIDTH]
    for index in range(count):
        share = min(max((index - 10) / 25, 0), 1)
        yield np.rint((1 - share) * first + share * second).astype(np.uint8)


def exposed(count: int) -> Iterator[np.ndarray]:
    """Brightness that flickers, as in old films."""
    random = np.random.default_rng(3)
    window = CAMERA[40 : 40 + HEIGHT, :WIDTH] / 255
    for index in range(count):
        gain = 1 if index in (0, count - 1) else random.uniform(0.9, 1.1)
        yield np.clip(np.rint(255 * window * gain), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("film", [fading, exposed])
def test_chroma_does_not_drift(model: libcolorize.Model, film):
    frames = list(film(60))
    with model.sequence(WIDTH, HEIGHT, network_size=SEEN) as sequence:
        *_, last = sequence.frames(frames)
    alone = model.colorize(frames[-1], network_size=SEEN)
    # Beyond the dissolve, or back at the first exposure, it is what the frame has by itself.
    assert chroma(last) == pytest.approx(chroma(alone), rel=0.03)


def test_key_frames(model: libcolorize.Model):
    frames = list(pan(9, 1, noise=0))
    with model.sequence(WIDTH, HEIGHT, keyframe_interval=4) as sequence:
        ran = []
        for frame in frames:
            rgb = sequence.colorize(frame, dtype=np.float32)
            ran.append(sequence.report.ran_network)
    assert ran == [True, False, False, False] * 2 + [True]
    # What is only carried is near to what the network gives.
    assert np.abs(ab(rgb) - ab(model.colorize(frames[-1], dtype=np.float32))).mean() < 1


def test_hints_move_with_their_thing(model: libcolorize.Model):
    step, color = 5, np.array([45.0, -35.0])
    with model.sequence(WIDTH, HEIGHT) as sequence:
        for index, frame in enumerate(pan(8, step, noise=1)):
            hints = [libcolorize.Hint(150, 60, ab=color, radius=6)] if index == 0 else None
            rgb = sequence.colorize(frame, hints=hints, dtype=np.float32)
            assert sequence.report.hints == 1
            there = ab(rgb)[60, 150 - step * index]
            alone = ab(model.colorize(frame, dtype=np.float32))[60, 150 - step * index]
            assert np.linalg.norm(there - color) < 0.5 * np.linalg.norm(alone - color)


def test_types_and_out(model: libcolorize.Model):
    frame = next(pan(1, 0))
    with model.sequence(WIDTH, HEIGHT, network_fit="aspect", upsampling="bilinear") as sequence:
        assert repr(sequence) == "<libcolorize.Sequence of 224x192 pixels>"
        assert sequence.report is None
        out = np.empty((HEIGHT, WIDTH, 3), np.uint16)
        assert sequence.colorize(frame.astype(np.uint16) * 257, out=out) is out
        assert sequence.colorize(np.dstack([frame, frame])).shape == (HEIGHT, WIDTH, 4)
        assert sequence.colorize(frame, bgra=True).shape == (HEIGHT, WIDTH, 4)
    with pytest.raises(ValueError, match=r"libcolorize\.Sequence is closed"):
        sequence.colorize(frame)


def test_what_is_refused(model: libcolorize.Model):
    frame = next(pan(1, 0))
    for name, value in [("steadiness", 0), ("steadiness", 101), ("keyframe_interval", 0)]:
        with raises_named("COLORIZE_INVALID_ARGUMENT", f"{name} is {value}; it must be 1 to 100"):
            model.sequence(WIDTH, HEIGHT, **{name: value})
    with raises_named("COLORIZE_INVALID_ARGUMENT", "width is 0"):
        model.sequence(0, HEIGHT)
    with pytest.raises(TypeError, match="no option 'preset'"):
        model.sequence(WIDTH, HEIGHT, preset="reference")
    with model.sequence(WIDTH, HEIGHT) as sequence:
        with raises_named("COLORIZE_INVALID_ARGUMENT", "the frame is 100x192"):
            sequence.colorize(frame[:, :100])
        with pytest.raises(TypeError, match="hint_map"):
            sequence.colorize(frame, hint_map=None)


def test_a_cancelled_frame_is_none(model: libcolorize.Model):
    frames = list(pan(3, 4))
    with model.sequence(WIDTH, HEIGHT) as sequence, model.sequence(WIDTH, HEIGHT) as quiet:
        for frame in frames:
            with raises_named("COLORIZE_CANCELLED"):
                sequence.colorize(frame, progress=lambda fraction: fraction > 0.5)
            assert np.array_equal(sequence.colorize(frame), quiet.colorize(frame))

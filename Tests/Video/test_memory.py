"""A sequence takes as much memory after many frames as after 500; check-video takes 20,000."""

import os
import resource

import numpy as np

import libcolorize

FRAMES = int(os.environ.get("LIBCOLORIZE_FRAMES", "2000"))
# Of the heap, which is never quite the same: a frame may leave 700 bytes of 1500 frames.
TOLERANCE = 1 << 20


def resident() -> int:
    """In bytes, now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_memory_is_constant():
    random = np.random.default_rng(5)
    scene = random.integers(0, 256, (60, 400), np.uint8)
    out = np.empty((48, 64, 3), np.uint8)
    after_some = 0
    with (
        libcolorize.Model() as model,
        model.sequence(64, 48, keyframe_interval=3, network_size=32) as sequence,
    ):
        for index in range(FRAMES):
            # It pans to and fro, with a cut now and then and a hint.
            place = abs(index % 400 - 200)
            frame = scene[:48, place : place + 64] if index % 1000 else scene[12:, 300:364]
            hints = [(10, 10, "#804020", 3)] if index % 700 == 0 else None
            sequence.colorize(frame, hints=hints, threads=1, out=out)
            if index == 500:
                after_some = resident()
    assert resident() < after_some + TOLERANCE

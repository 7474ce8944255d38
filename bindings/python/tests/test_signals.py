"""Real signals, and forks, while the library works."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

import libcolorize

LARGE = np.zeros((5000, 6000), np.uint8)
"""Takes seconds."""


@pytest.fixture
def interrupted():
    """Sends SIGINT to this process after a while; when it did is in the list."""
    # A job that a shell has put into the background ignores the signal, and Python leaves it so.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.1, send)
    timer.start()
    yield sent
    timer.cancel()
    timer.join()
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("progress", [None, lambda fraction: None])
def test_control_c_stops_a_call(progress, interrupted: list[float], model: libcolorize.Model):
    """Within 100 ms; the rest is what a busy machine may take."""
    with pytest.raises(KeyboardInterrupt):
        model.colorize(LARGE, progress=progress, threads=1)
    assert time.monotonic() - interrupted[0] < 1


def test_a_handler_that_returns_does_not_stop_a_call(model: libcolorize.Model, photo: np.ndarray):
    expected = model.colorize(photo)
    seen = []
    before = signal.signal(
        signal.SIGUSR1, lambda *_: seen.append(model.colorize(photo, network_size=64))
    )
    try:
        sends = iter([os.getpid()])

        def progress(fraction: float) -> None:
            for process in sends:
                os.kill(process, signal.SIGUSR1)

        assert np.array_equal(model.colorize(photo, progress=progress), expected)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert np.array_equal(seen[0], model.colorize(photo, network_size=64))


def test_progress_is_called_in_the_caller_s_thread(model: libcolorize.Model, photo: np.ndarray):
    seen = set()
    model.colorize(photo, progress=lambda fraction: seen.add(threading.current_thread()))
    assert seen == {threading.current_thread()}


def test_a_handle_has_no_lock_for_a_fork_or_a_handler_to_meet():
    """A lock that another thread holds stays held in a forked child; a handler would wait for its
    own thread. Whether it comes to that is luck, so the cause is what is looked for."""
    lock = type(threading.Lock())
    with libcolorize.Model() as opened:
        values = [*vars(opened).values(), *vars(opened._owner).values()]
        assert not any(isinstance(value, (lock, type(threading.RLock()))) for value in values)
        process = os.fork()
        if process == 0:
            opened.close()
            os._exit(0)
        assert os.waitpid(process, 0)[1] == 0
        assert opened.bin_centres.shape[1] == 2

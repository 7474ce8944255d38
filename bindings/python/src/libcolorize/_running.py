"""Calls that can be stopped: by their progress function, and by a signal such as Ctrl-C.

Python runs signal handlers in its main thread, and only between its own instructions: not while
that thread is inside of the library, and then at the first instruction of a callback, where ctypes
prints what they raise and goes on. So the main thread lets another one make the call, and waits.
"""

from __future__ import annotations

import _thread
import os
import queue
import threading
from collections.abc import Callable

from ._calls import Error, call

Progress = Callable[[float], object]

_FORK_SECONDS = 1.0
"""How often the main thread looks whether it is a forked child's, which has no other threads."""


class Running:
    """One call of the library. `report` is the library's progress function meanwhile."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._raised: BaseException | None = None
        self._is_cancelled = False
        self._is_apart = False
        # What the call's thread says: fractions, and None at its end; and what it is answered.
        self._said: queue.SimpleQueue[float | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[int] = queue.SimpleQueue()

    @property
    def is_interruptible(self) -> bool:
        """Whether signal handlers run in this thread."""
        return threading.current_thread() is threading.main_thread()

    def report(self, _: object, fraction: float) -> int:
        if self._is_cancelled:
            return 1
        if self._progress is None:
            return 0
        if not self._is_apart:
            return self._ask(fraction)
        self._said.put(fraction)
        return self._answers.get()

    def _ask(self, fraction: float) -> int:
        """In the thread of the caller, whose function it is."""
        try:
            return 1 if self._progress is not None and self._progress(fraction) else 0
        except BaseException as exception:
            # ctypes would print it and go on.
            self._raised = exception
            return 1

    def call(self, function: Callable[..., int], *arguments: object) -> None:
        """Makes the call, and raises what it, `progress` or a signal handler raises."""
        try:
            if self.is_interruptible:
                self._call_apart(function, arguments)
            else:
                call(function, *arguments)
        except Error:
            if self._raised is None:
                raise
        if self._raised is not None:
            raise self._raised

    def _call_apart(self, function: Callable[..., int], arguments: tuple[object, ...]) -> None:
        outcome: list[BaseException | None] = []
        claim = _thread.allocate_lock()

        def make() -> None:
            if not claim.acquire(blocking=False):
                return
            problem = None
            try:
                call(function, *arguments)
            except BaseException as exception:
                problem = exception
            outcome.append(problem)
            self._said.put(None)

        process = os.getpid()
        is_started = False
        self._is_apart = True
        while not outcome:
            try:
                if os.getpid() != process:
                    raise SystemError("a forked child cannot finish its parent's call")
                if not is_started:
                    # A handler may raise between the two: then a second thread finds no work.
                    self._start(make)
                    is_started = True
                self._attend()
            except BaseException as exception:
                if os.getpid() != process:
                    raise
                # A handler's. The arrays are the library's until the call has ended.
                self._is_cancelled = True
                self._raised = self._raised or exception
                self._answers.put(1)
        if outcome[0] is not None:
            raise outcome[0]

    def _start(self, make: Callable[[], None]) -> None:
        try:
            _thread.start_new_thread(make, ())
        except RuntimeError:
            # No further thread can be had. What cannot be interrupted is better than nothing.
            self._is_apart = False
            make()

    def _attend(self) -> None:
        try:
            fraction = self._said.get(timeout=_FORK_SECONDS)
        except queue.Empty:
            return
        if fraction is not None:
            self._answers.put(self._ask(fraction))

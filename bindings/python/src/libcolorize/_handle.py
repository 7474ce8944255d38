"""What is the library's and has an end: the life of Model and Session."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

_Self = TypeVar("_Self", bound="Handle")


class _Owner:
    """A pointer that is freed with the last reference to this.

    Python's own count of references takes the place of a lock: another thread may hold a lock when
    a process forks, and the child waits for ever; a signal handler would wait for its own thread.
    """

    def __init__(
        self, pointer: ctypes.c_void_p, end: Callable[[ctypes.c_void_p | None], None]
    ) -> None:
        self.pointer = pointer
        self._end = end

    def __del__(self) -> None:
        self._end(self.pointer)


class Handle:
    """Holds a pointer until `close`, and until the last call that uses it has returned."""

    # What has not been opened is closed.
    _owner: _Owner | None = None
    _end: Callable[[ctypes.c_void_p | None], None]
    """The function of the library that frees it."""

    def _hold(self, pointer: ctypes.c_void_p) -> None:
        self._owner = _Owner(pointer, type(self)._end)

    @property
    def _closed(self) -> bool:
        return self._owner is None

    def close(self) -> None:
        """Ends it and frees its memory. Closing it again does nothing.

        From now on every use is a ValueError. Where calls are running, in other threads or around
        the progress function that this is called from, the last of them frees the memory.
        """
        self._owner = None

    @contextmanager
    def _use(self) -> Iterator[ctypes.c_void_p]:
        """The handle, which stays valid inside the block even if `close` is called meanwhile."""
        owner = self._owner
        if owner is None:
            raise self._is_closed()
        try:
            yield owner.pointer
        finally:
            # The traceback of an exception keeps this frame.
            del owner

    def _is_closed(self) -> ValueError:
        return ValueError(f"this libcolorize.{type(self).__name__} is closed")

    def __enter__(self: _Self) -> _Self:
        if self._closed:
            raise self._is_closed()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> str:
        raise TypeError(f"a libcolorize.{type(self).__name__} cannot be copied or pickled")

"""What is the library's and has an end: the life of Model and Session."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

_Self = TypeVar("_Self", bound="Handle")


class Handle:
    """Holds a pointer until `close`, and until the last call that uses it has returned."""

    # What has not been opened is closed.
    _handle: ctypes.c_void_p | None = None
    _closed = True
    _end: Callable[[ctypes.c_void_p | None], None]
    """The function of the library that frees it."""

    def _hold(self, handle: ctypes.c_void_p) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._handle = handle
        self._closed = False

    def close(self) -> None:
        """Ends it and frees its memory. Closing it again does nothing.

        From now on every use is a ValueError. Where calls are running, in other threads or around
        the progress function that this is called from, the last of them frees the memory.
        """
        if self._closed:
            return
        with self._lock:
            self._closed = True
            self._free_if_unused()

    def _free_if_unused(self) -> None:
        """The lock is held."""
        if self._closed and self._users == 0:
            self._end(self._handle)
            self._handle = None

    @contextmanager
    def _use(self) -> Iterator[ctypes.c_void_p]:
        """The handle, which stays valid inside the block even if `close` is called meanwhile."""
        with self._lock:
            handle = self._handle
            if self._closed or handle is None:
                raise self._is_closed()
            self._users += 1
        try:
            yield handle
        finally:
            with self._lock:
                self._users -= 1
                self._free_if_unused()

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

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> str:
        raise TypeError(f"a libcolorize.{type(self).__name__} cannot be copied or pickled")

"""Calls of the library: exceptions for statuses, and numbers that C can hold."""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from . import _declarations as c
from ._library import load

library = load()

_UINT32_MAX = 2**32 - 1


class Error(Exception):
    """What the library, or this layer on its behalf, refuses.

    status  the number, one of colorize.h's constants
    name    its name there, for example "COLORIZE_INVALID_ARGUMENT"
    """

    # Where its users find it, and where tracebacks say that it is.
    __module__ = "libcolorize"

    status: int
    name: str

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.name = library.colorize_status_name(status).decode()
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} ({self.name})"


def call(function: Callable[..., int], *arguments: object) -> None:
    """Calls a function whose last argument is an error, and raises what it reports."""
    error = c.colorize_error()
    status = function(*arguments, ctypes.byref(error))
    if status != c.COLORIZE_OK:
        raise Error(status, error.message.decode(errors="replace"))


def invalid(message: str) -> Error:
    return Error(c.COLORIZE_INVALID_ARGUMENT, message)


def uint32(name: str, value: int) -> int:
    """ctypes would drop the bits that do not fit."""
    number = operator.index(value)
    if not 0 <= number <= _UINT32_MAX:
        raise invalid(f"{name} is {number}; it must be 0 to {_UINT32_MAX}")
    return number


# In C a zero means the default. Here None does, and a zero is a mistake.


def chosen_uint32(name: str, value: int | None) -> int:
    if value is None:
        return 0
    number = uint32(name, value)
    if number == 0:
        raise invalid(f"{name} is 0; leave it out for the default")
    return number


def chosen_float(name: str, value: float | None) -> float:
    if value is None:
        return 0
    # A small number may be 0 for C.
    number = ctypes.c_float(value).value
    if number == 0:
        raise invalid(f"{name} is {value}; leave it out for the default")
    return number


def chosen_word(name: str, value: str | None, numbers: Mapping[str, int]) -> int:
    if value is None:
        return 0
    if value not in numbers:
        raise invalid(f"{name} is {value!r}; it must be {' or '.join(map(repr, numbers))}")
    return numbers[value]


def floats(array: npt.NDArray[np.float32]) -> ctypes._Pointer[ctypes.c_float]:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))

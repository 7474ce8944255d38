"""Keyword options that are written once, as a TypedDict: their names are checked and shown."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., Any])


def takes(options: type) -> Callable[[_Function], _Function]:
    """For a function whose last argument is `**options: Unpack[...]` of this TypedDict.

    Its signature has the keywords one by one, for help() and for editors; any other is a TypeError
    that names the nearest.
    """
    names = options.__annotations__

    def decorate(function: _Function) -> _Function:
        @functools.wraps(function)
        def checked(*arguments: Any, **keywords: Any) -> Any:
            for name in keywords:
                if name not in known:
                    raise TypeError(_unknown(function.__qualname__, name, known))
            return function(*arguments, **keywords)

        signature = inspect.signature(function)
        own = [item for item in signature.parameters.values() if item.kind is not item.VAR_KEYWORD]
        known = {item.name for item in own} | set(names)
        listed = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
            for name, kind in ((name, _text(kind)) for name, kind in names.items())
        ]
        checked.__signature__ = signature.replace(parameters=[*own, *listed])  # type: ignore[attr-defined]
        return cast(_Function, checked)

    return decorate


def _text(kind: object) -> object:
    """An annotation as it was written."""
    return getattr(kind, "__forward_arg__", kind)


def _unknown(function: str, name: str, known: set[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    if near:
        return f"{function}() has no option {name!r}; did you mean {near[0]!r}?"
    return f"{function}() has no option {name!r}; it takes {', '.join(sorted(known - {'self'}))}"

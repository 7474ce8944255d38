"""How docstrings of the Python package become Markdown: for griffe, which mkdocstrings reads with.

They are written for help(): arguments stand in two columns, examples are indented. Here the columns
become a list of definitions, and the examples blocks of code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from griffe import Extension, Object

_COLUMNS = re.compile(r"(\S.*?\s{2,})\S")


def markdown(text: str) -> str:
    """A docstring, without its indentation, as Markdown."""
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    return "\n\n".join(part for block in blocks for part in _parts(block.split("\n")))


def _parts(lines: list[str]) -> Iterator[str]:
    if all(line.startswith("    ") for line in lines):
        code = "\n".join(line[4:] for line in lines)
        yield f"```python\n{code}\n```"
        return
    while lines:
        column = _column(lines)
        if column is None:
            count = next((n for n in range(1, len(lines)) if _column(lines[n:])), len(lines))
            yield "\n".join(lines[:count])
            lines = lines[count:]
            continue
        items: list[list[str]] = []
        while lines and (not lines[0].startswith(" ") and lines[0][column - 1 : column] == " "):
            count = next(
                (n for n in range(1, len(lines)) if not lines[n].startswith(" " * column)),
                len(lines),
            )
            items.append(lines[:count])
            lines = lines[count:]
        yield "\n\n".join(_definition(item, column) for item in items)


def _column(lines: list[str]) -> int | None:
    """Where the second column begins, if the first line is one of a table of arguments.

    A name as long as the column has a single space behind it: then the next line decides.
    """
    if lines[0].startswith(" "):
        return None
    for line in lines:
        found = _COLUMNS.match(line) if not line.startswith(" ") else None
        if found:
            column = found.end(1)
            return column if lines[0][column - 1 : column] == " " else None
        if line is not lines[0] and line.startswith(" "):
            # A continuation.
            column = len(line) - len(line.lstrip())
            return column if lines[0][column - 1 : column] == " " else None
    return None


def _definition(lines: list[str], column: int) -> str:
    name = lines[0][:column].strip()
    text = [lines[0][column:], *(line[column:] for line in lines[1:])]
    if any(re.search(r"\S {2,}\S", line) for line in text):
        # A table within a table stays as it is.
        text = ["", "```text", *text, "```"]
    first, *rest = text
    return "\n".join([f"`{name}`", f":   {first}", *(f"    {line}" for line in rest)])


class Docstrings(Extension):
    """Changes every docstring that is loaded."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)

"""include/colorize.h as a page: its sections, and each declaration below what is said of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SECTION = re.compile(r"/\* -{4} (.+?) -+ \*/")
_COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
_NAMES = (
    re.compile(r"\b(colorize_\w+)\("),
    re.compile(r"typedef (?:struct|int32_t) (colorize_\w+)"),
    re.compile(r"typedef int32_t \(\*(colorize_\w+)\)"),
    re.compile(r"#define (COLORIZE_\w+)"),
)


def page(header: str) -> str:
    """The page in Markdown."""
    first, *sections = _SECTION.split(header)
    introduction = _COMMENT.search(first)
    assert introduction is not None
    text = [
        "# C",
        "colorize.h colors grayscale photographs in memory, on the CPU. This page is the header"
        " itself, section by section. [The ABI](ABI.md) says who owns what.",
        _prose(introduction[1].split("\n", 3)[3]),
    ]
    for title, content in zip(sections[::2], sections[1::2]):
        text.append(f"## {title}")
        # The end of the header, behind the last declaration.
        for comment, declaration in _declarations(content.split("#ifdef __cplusplus")[0]):
            name = _name(declaration)
            if name:
                text.append(f"### {name}")
            if comment:
                text.append(_prose(comment))
            if declaration:
                text.append(f"```c\n{declaration}\n```")
    return "\n\n".join(text) + "\n"


def _declarations(content: str) -> Iterator[tuple[str, str]]:
    """Comments, and the declarations that follow them."""
    for block in re.split(r"\n\s*\n(?=/\*|typedef|#define)", content.strip()):
        comment = _COMMENT.match(block)
        if comment is None:
            yield "", block.strip()
        else:
            yield comment[1], block[comment.end() :].strip()


def _name(declaration: str) -> str:
    code = _COMMENT.sub("", declaration)
    # What a type is called comes before what its fields are.
    for pattern in (_NAMES[2], _NAMES[1], _NAMES[0], _NAMES[3]):
        found = pattern.search(code)
        if found:
            return found[1]
    return ""


def _prose(comment: str) -> str:
    """A comment as Markdown: names as code, columns and indented code as they are."""
    lines = [re.sub(r"^ \* ?", "", line.rstrip()) for line in comment.strip("\n").split("\n")]
    lines[0] = lines[0].strip()
    result: list[str] = []
    is_code = False
    for line in lines:
        starts_code = bool(re.match(r" {2,}\S", line))
        # An empty line inside of code belongs to it.
        if line and starts_code != is_code:
            if is_code:
                result += ["```", ""]
            else:
                result += ["", "```c" if line.rstrip().endswith(";") else "```text"]
            is_code = starts_code
        if is_code:
            result.append(line)
        else:
            escaped = line.replace("*", r"\*").replace("<", "&lt;")
            result.append(re.sub(r"(?<![\w`/.\"])(colorize_\w+|COLORIZE_\w+)", r"`\1`", escaped))
    if is_code:
        result.append("```")
    return "\n".join(result).strip()

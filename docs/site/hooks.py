"""What mkdocs.yml adds to the pages in docs/: pages that are made of other files, and those files.

A link from a page to a file elsewhere in the repository leads to a copy of that file in the site.
A link to what is not there is a warning, which ends the build (mkdocs build --strict).
"""

from __future__ import annotations

import logging
import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

import c_header  # noqa: E402

_PAGES = {
    "bindings/python/README.md": "python.md",
    "examples/gimp/README.md": "gimp.md",
    "CHANGELOG.md": "changes.md",
}
"""Files outside of docs/ that are pages."""
_LINK = re.compile(r"\]\(([^)\s#:]+)(#[^)\s]*)?\)")
_log = logging.getLogger("mkdocs.hooks")


def on_config(config: Any) -> Any:
    """Pages that mkdocs.yml's navigation does not name yet come last, under More."""
    named = set(_named(config.nav))
    more = sorted(path.name for path in (ROOT / "docs").glob("*.md") if path.name not in named)
    if more:
        config.nav.append({"More": more})
    return config


def _named(nav: Any) -> Iterator[str]:
    for entry in nav if isinstance(nav, list) else nav.values():
        if isinstance(entry, str):
            yield entry
        else:
            yield from _named(entry)


def on_files(files: Files, config: Any) -> Files:
    for source, page in _PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    header = (ROOT / "include" / "colorize.h").read_text()
    files.append(File.generated(config, "c-reference.md", content=c_header.page(header)))
    files.append(File.generated(config, "command.md", content=_manuals()))
    gallery = ROOT / "build" / "gallery"
    for path in sorted(gallery.iterdir()):
        name = path.name if path.suffix == ".md" else f"gallery/{path.name}"
        files.append(File.generated(config, name, abs_src_path=str(path)))
    for file in list(files.documentation_pages()):
        for name, _ in _LINK.findall(file.content_string):
            target = _repository_path(file.src_uri, name)
            is_known = target is None or _is_page(target) or target in _PAGES
            if not is_known and (ROOT / target).is_file():
                copy = _copy(target)
                if copy not in files.src_uris:
                    files.append(File.generated(config, copy, abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    here = page.file.src_uri

    def led(link: re.Match[str]) -> str:
        name, anchor = link[1], link[2] or ""
        target = _repository_path(here, name)
        if target is None:
            return link[0]
        if target in _PAGES:
            place = _PAGES[target]
        elif _is_page(target):
            place = target[len("docs/") :]
        elif (ROOT / target).is_file():
            place, anchor = _copy(target), ""
        else:
            if not (ROOT / target).is_dir():
                _log.warning("%s leads to %s, which is not there", here, target)
            # There are no pages of folders.
            return "]"
        return f"]({posixpath.relpath(place, posixpath.dirname(here) or '.')}{anchor})"

    return _LINK.sub(led, markdown)


def _repository_path(page: str, link: str) -> str | None:
    """Where a page's link leads to, from the repository's root; None if it is the page's own."""
    source = next((path for path, name in _PAGES.items() if name == page), f"docs/{page}")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    return None if _is_page(target) and _is_page(source) else target


def _is_page(path: str) -> bool:
    """Whether a file is in docs/ for the site, not what makes it."""
    return path.startswith("docs/") and not path.startswith("docs/site/")


def _copy(target: str) -> str:
    """A copy's name. Markdown becomes text, since it would be a page otherwise."""
    has_type = Path(target).suffix in (".png", ".jpg", ".ipynb", ".py", ".sh", ".c", ".h", ".txt")
    return f"source/{target}" if has_type else f"source/{target}.txt"


def _manuals() -> str:
    """The manual pages, as man shows them."""
    text = ["# The command", "What `man libcolorize` and the manuals of its subcommands say."]
    pages = sorted((ROOT / "docs").glob("*.1"), key=lambda path: path.stem)
    for path in pages:
        shown = subprocess.run(
            ["groff", "-mandoc", "-Tutf8", "-P-cbou", "-rLL=90n", path],
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout
        text += [f"## {path.stem.replace('-', ' ')}", f"```text\n{shown.strip()}\n```"]
    return "\n\n".join(text) + "\n"

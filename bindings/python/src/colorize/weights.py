"""The files of the published networks: finds them, or downloads each once into a cache folder.

    colorize.Model(colorize.weights.find("eccv16"))

A file is looked for in this order:

1. where the caller says: a file, a folder that holds it, or the URL of a mirror;
2. where the environment variable COLORIZE_WEIGHTS says: a folder or the URL of a mirror;
3. in the cache folder, $XDG_CACHE_HOME/colorize or ~/.cache/colorize;
4. at its publisher's, or at the mirror of 1 or 2, whence it is downloaded into the cache folder.

Whatever carries a published name must have the published SHA-256, from wherever it comes; only a
file that the caller names himself is taken as it is. There is no switch to turn that off. The
weights are their authors': https://github.com/richzhang/colorization has their terms.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 18
# Without a sign of life from the server.
_TIMEOUT_SECONDS = 30


class WeightsError(OSError):
    """A file of weights is not there and cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Published:
    """A file as its authors published it."""

    name: str
    url: str
    sha256: str


_PUBLISHER = "https://colorizers.s3.us-east-2.amazonaws.com"
PUBLISHED: dict[str, Published] = {
    "eccv16": Published(
        "colorization_release_v2-9b330a0b.pth",
        f"{_PUBLISHER}/colorization_release_v2-9b330a0b.pth",
        "9b330a0bae53f4ded77b1e23defbf78beaa09c10ebc4c4999e8e4f4a160b93f9",
    ),
    "siggraph17": Published(
        "siggraph17-df00044c.pth",
        f"{_PUBLISHER}/siggraph17-df00044c.pth",
        "df00044c0a4d7c3edcecf6f75437ce346a66e7a42612d9b968e1a7e17dbc6f66",
    ),
}
"""The networks by name."""


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "colorize"


def find(
    network: str,
    source: str | os.PathLike[str] | None = None,
    *,
    cache: str | os.PathLike[str] | None = None,
    published: Mapping[str, Published] = PUBLISHED,
) -> Path:
    """The file of a network, downloaded if need be. WeightsError: it cannot be had.

    network    "eccv16" or "siggraph17"
    source     a file, a folder or the URL of a mirror; None: what COLORIZE_WEIGHTS says
    cache      the folder for downloads instead of `cache_folder()`
    published  names, addresses and SHA-256 of the files
    """
    wanted = published[network]
    chosen = os.fspath(source or os.environ.get("COLORIZE_WEIGHTS") or "")
    url = wanted.url
    if chosen.startswith(("http://", "https://")):
        url = f"{chosen.rstrip('/')}/{wanted.name}"
    elif chosen:
        # Who names a place wants that one or an error.
        return _local(Path(chosen), wanted, may_be_file=bool(source))

    folder = cache_folder() if cache is None else Path(cache)
    target = folder / wanted.name
    # A folder that cannot be written to may yet hold the file.
    if _is(target, wanted):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f"{wanted.name}.lock"):
            # Another process may have downloaded it while this one was waiting.
            if not _is(target, wanted):
                _download(wanted, url, target)
    except WeightsError:
        raise
    except OSError as problem:
        raise WeightsError(
            f"cannot keep {wanted.name} in {folder}: {problem.strerror or problem}. Let "
            f"XDG_CACHE_HOME name a folder that can be written to. {_advice(wanted, folder)}"
        ) from problem
    return target


def _local(path: Path, wanted: Published, may_be_file: bool) -> Path:
    if may_be_file and path.is_file():
        return path
    if not path.is_dir():
        raise WeightsError(f"there is no folder {path} to take {wanted.name} from")
    path = path / wanted.name
    if not path.is_file():
        raise WeightsError(f"there is no {path}. Its publisher has it at {wanted.url}")
    if not _is(path, wanted):
        raise WeightsError(f"{path} is not the published file: its SHA-256 is not {wanted.sha256}")
    return path


def _is(path: Path, wanted: Published) -> bool:
    """Whether a file is there and is the published one."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return False
    return digest.hexdigest() == wanted.sha256


def _advice(wanted: Published, folder: Path) -> str:
    return (
        f"To do it by hand, put {wanted.name} from {wanted.url} (SHA-256 {wanted.sha256}) into "
        f"{folder}, or let COLORIZE_WEIGHTS name a folder or a mirror's URL that has it."
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock ends with the process, whatever becomes of it."""
    with open(path, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# ---- Downloading ---------------------------------------------------------------------------------


def _download(wanted: Published, url: str, target: Path) -> None:
    """Makes `target`, whole and right or not at all. What came before a break is gone on with."""
    partial = target.with_name(f"{target.name}.part")
    left_over = partial.exists()
    while True:
        before = _size(partial)
        complete, problem = _receive(wanted, url, partial)
        if complete and _is(partial, wanted):
            os.replace(partial, target)
            return
        if complete:
            # A wrong beginning may be a former call's, so that is tried once without.
            partial.unlink()
            if not left_over:
                raise WeightsError(
                    f"what {url} gave is not {wanted.name}: its SHA-256 is not {wanted.sha256}. "
                    "It was removed."
                )
            left_over = False
        elif _size(partial) <= before:
            # As long as an attempt brings something, there is a next one.
            size = _size(partial)
            kept = f" The next call goes on from byte {size}." if size else ""
            raise WeightsError(
                f"cannot download {url}: {problem}.{kept} {_advice(wanted, target.parent)}"
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _receive(wanted: Published, url: str, partial: Path) -> tuple[bool, object]:
    """Appends what `partial` lacks; whether it is complete then, and if not, why."""
    size = _size(partial)
    headers = {"User-Agent": "colorize", "Accept-Encoding": "identity"}
    if size:
        headers["Range"] = f"bytes={size}-"
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as problem:
        problem.close()
        # There is nothing behind what is there, which therefore is all, or never was a part.
        return problem.code == 416 and size > 0, problem
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return False, getattr(problem, "reason", problem)
    with response:
        length = response.headers.get("Content-Length")
        # A server that does not know ranges sends everything.
        continued = response.headers.get("Content-Range", "").startswith(f"bytes {size}-")
        if response.status != 206 or not continued:
            size = 0
        total = size + int(length) if length and length.isdecimal() else None
        with _writing(partial, "ab" if size else "wb") as file, _bar(wanted, total, size) as bar:
            while True:
                try:
                    chunk = response.read(_CHUNK)
                except (OSError, http.client.HTTPException) as problem:
                    return False, problem
                if not chunk:
                    break
                file.write(chunk)
                size += len(chunk)
                bar.update(len(chunk))
            file.flush()
            os.fsync(file.fileno())
    # Without a length its SHA-256 will say.
    return total is None or size == total, f"the connection ended after {size} of {total} bytes"


@contextmanager
def _writing(path: Path, mode: str) -> Iterator:
    """An open file, which does not stay behind on a full disk."""
    try:
        with open(path, mode) as file:
            yield file
    except OSError:
        path.unlink(missing_ok=True)
        raise


class _NoBar:
    """In tqdm's place: says once what is being done."""

    def __init__(self, text: str) -> None:
        if sys.stderr is not None and sys.stderr.isatty():
            print(text, file=sys.stderr)

    def update(self, count: int) -> None:
        pass

    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _bar(wanted: Published, total: int | None, size: int):
    """Shows progress on a terminal, and nothing elsewhere."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _NoBar(f"downloading {wanted.name}")
    return tqdm(
        desc=wanted.name, total=total, initial=size, unit="B", unit_scale=True, disable=None
    )

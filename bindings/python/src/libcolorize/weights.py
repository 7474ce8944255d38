"""The files of the published networks: finds them, or downloads each once into a cache folder.

    libcolorize.Model(libcolorize.weights.find("eccv16"))

A file is looked for in this order:

1. where the caller says: a file, a folder that holds it, or the URL of a mirror;
2. where the environment variable LIBCOLORIZE_WEIGHTS says: a folder, the URL of a mirror, or a file
   that has the published name of the network asked for;
3. in the cache folder, $XDG_CACHE_HOME/libcolorize or ~/.cache/libcolorize;
4. at its publisher's, or at the mirror of 1 or 2, whence it is downloaded into the cache folder.

Whatever carries a published name must have the published SHA-256, from wherever it comes; only a
file that the caller names himself is taken as it is. There is no switch to turn that off. A server
can neither hold a call for ever nor fill the disk: `Limits` says how slow it may be, and
`Published.largest` how much it may send. The weights are their authors': models.tsv has the names,
addresses, SHA-256 and licences, for this package and for the command `libcolorize fetch`, which
keeps its downloads in the same folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import queue
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 18
_LENGTH_DIGITS = 18


class WeightsError(OSError):
    """A file of weights is not there and cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Published:
    """A file as its authors published it."""

    name: str
    url: str
    sha256: str
    largest: int = 512 << 20
    """No server needs to send more bytes than these."""


@dataclass(frozen=True)
class Limits:
    """What a call puts up with before it is an error."""

    silence: float = 30
    """Seconds without a byte from the server."""
    window: float = 60
    """In each span of so many seconds..."""
    least: int = 64 << 10
    """...the server has to send so many bytes; and so many an attempt needs to deserve another."""
    attempts: int = 20
    """How often a call asks the server for the file or the rest of it."""
    lock: float = 30 * 60
    """Seconds that another process may take to download the same file."""


def _table() -> dict[str, Published]:
    """models.tsv, which the command `libcolorize` knows too, or the one of LIBCOLORIZE_MODELS."""
    own = os.environ.get("LIBCOLORIZE_MODELS")
    path = Path(own) if own else Path(__file__).with_name("models.tsv")
    published = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            name, _, file, size, sha256, _, url = line.split("\t")
            # "~": about so many.
            largest = 2 * int(size[1:]) if size.startswith("~") else int(size)
        except ValueError:
            raise ValueError(f"{path}: line {number} is no row of a table of models") from None
        published[name] = Published(file, url, sha256, largest)
    return published


PUBLISHED: dict[str, Published] = _table()
"""The published weights by name."""
LIMITS = Limits()


def cache_folder() -> Path:
    """Where downloads are kept. WeightsError: the environment does not say."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(chosen) if chosen else Path.home() / ".cache") / "libcolorize"
    except RuntimeError:
        raise WeightsError(
            "there is no folder for downloads, since this user has no home folder: let "
            "XDG_CACHE_HOME name one, or LIBCOLORIZE_WEIGHTS a folder that holds the weights"
        ) from None


def find(
    network: str,
    source: str | os.PathLike[str] | None = None,
    *,
    cache: str | os.PathLike[str] | None = None,
    published: Mapping[str, Published] = PUBLISHED,
    limits: Limits = LIMITS,
) -> Path:
    """The file of a network, downloaded if need be. WeightsError: it cannot be had.

    network    one of `PUBLISHED`: "eccv16", "siggraph17", "ddcolor-tiny", ...
    source     a file, a folder or the URL of a mirror; None: what LIBCOLORIZE_WEIGHTS says
    cache      the folder for downloads instead of `cache_folder()`
    published  names, addresses, SHA-256 and largest sizes of the files
    limits     how long a server and another process may take
    """
    wanted = published[network]
    chosen = os.fspath(source or os.environ.get("LIBCOLORIZE_WEIGHTS") or "")
    url = wanted.url
    if chosen.startswith(("http://", "https://")):
        url = f"{chosen.rstrip('/')}/{wanted.name}"
    elif chosen:
        # Who names a place wants that one or an error.
        return _local(Path(chosen), wanted, of_environment=not source)

    folder = cache_folder() if cache is None else Path(cache)
    target = folder / wanted.name
    # A folder that cannot be written to may yet hold the file.
    if _is(target, wanted):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f"{wanted.name}.lock", wanted, limits.lock):
            # Another process may have downloaded it while this one was waiting.
            if not _is(target, wanted):
                _Download(wanted, url, target, limits).run()
    except WeightsError:
        raise
    except OSError as problem:
        raise WeightsError(
            f"cannot keep {wanted.name} in {folder}: {problem.strerror or problem}. Let "
            f"XDG_CACHE_HOME name a folder that can be written to. {_advice(wanted, folder)}"
        ) from problem
    return target


def present(network: str) -> Path | None:
    """The file that `find` would take without a download, where one of that name is there.

    Its SHA-256 is not looked at.
    """
    name = PUBLISHED[network].name
    chosen = os.environ.get("LIBCOLORIZE_WEIGHTS") or ""
    try:
        is_local = chosen and not chosen.startswith(("http://", "https://"))
        folder = Path(chosen) if is_local else cache_folder()
    except WeightsError:
        return None
    path = folder if folder.is_file() and folder.name == name else folder / name
    return path if path.is_file() else None


def _local(path: Path, wanted: Published, of_environment: bool) -> Path:
    if path.is_file():
        if not of_environment:
            return path
        if path.name != wanted.name:
            # What holds for every network asked for cannot be just any file.
            raise WeightsError(
                f"LIBCOLORIZE_WEIGHTS names the file {path}, and {wanted.name} is asked for: let "
                "it name a folder that holds the published files, or a mirror's URL"
            )
    elif path.is_dir():
        path = path / wanted.name
        if not path.is_file():
            raise WeightsError(f"there is no {path}. Its publisher has it at {wanted.url}")
    else:
        raise WeightsError(f"there is no file or folder {path} to take {wanted.name} from")
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
        f"{folder}, or let LIBCOLORIZE_WEIGHTS name a folder or a mirror's URL that has it."
    )


@contextmanager
def _locked(path: Path, wanted: Published, seconds: float) -> Iterator[None]:
    """One process at a time; the lock ends with the process, whatever becomes of it."""
    begun = time.monotonic()
    waiting = False
    with open(path, "ab", opener=_open_no_link) as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pass
            if time.monotonic() - begun >= seconds:
                raise WeightsError(
                    f"another process has been downloading {wanted.name} for the {seconds:g} "
                    f"seconds that this one has waited; it has locked {path}. End it, or try again "
                    f"later. {_advice(wanted, path.parent)}"
                )
            if not waiting and sys.stderr is not None:
                print(
                    f"libcolorize: waiting for another process that downloads {wanted.name}",
                    file=sys.stderr,
                )
            waiting = True
            time.sleep(min(0.1, seconds))
        yield


# ---- Downloading ---------------------------------------------------------------------------------


class _Download:
    """Makes `target`, whole and right or not at all. What came before a break is gone on with."""

    def __init__(self, wanted: Published, url: str, target: Path, limits: Limits) -> None:
        self.wanted = wanted
        self.url = url
        self.target = target
        self.partial = target.with_name(f"{target.name}.part")
        self.limits = limits

    def run(self) -> None:
        if self.partial.is_symlink() or _size(self.partial) > self.wanted.largest:
            self.partial.unlink()
        left_over = self.partial.exists()
        attempt = 0
        while attempt < self.limits.attempts:
            attempt += 1
            before = _size(self.partial)
            complete, problem = self._receive()
            if complete and _is(self.partial, self.wanted):
                os.replace(self.partial, self.target)
                return
            if complete:
                # A wrong beginning may be a former call's, so that is tried once without.
                self.partial.unlink()
                if not left_over:
                    raise WeightsError(
                        f"what {self.url} gave is not {self.wanted.name}: its SHA-256 is not "
                        f"{self.wanted.sha256}. It was removed."
                    )
                left_over = False
                problem = f"the SHA-256 is not {self.wanted.sha256}"
            elif _size(self.partial) - before < self.limits.least:
                break
        times = f" at attempt {attempt}" if attempt > 1 else ""
        size = _size(self.partial)
        kept = f" The next call goes on from byte {size}." if size else ""
        raise WeightsError(
            f"cannot download {self.url}: {problem}{times}.{kept} "
            f"{_advice(self.wanted, self.target.parent)}"
        )

    def _receive(self) -> tuple[bool, object]:
        """Appends what `partial` lacks; whether it is complete then, and if not, why."""
        size = _size(self.partial)
        headers = {"User-Agent": "libcolorize", "Accept-Encoding": "identity"}
        if size:
            headers["Range"] = f"bytes={size}-"
        try:
            request = urllib.request.Request(self.url, headers=headers)
        except ValueError as problem:
            return False, problem
        with _Stream(request, self.limits) as stream:
            try:
                response = stream.next()
            except urllib.error.HTTPError as problem:
                problem.close()
                # There is nothing behind what is there: that is all, or never was a part.
                return problem.code == 416 and size > 0, problem
            except _Stream.PROBLEMS as problem:
                return False, getattr(problem, "reason", problem)
            length = response.headers.get("Content-Length")
            # A server that does not know ranges sends everything.
            continued = response.headers.get("Content-Range", "").startswith(f"bytes {size}-")
            if response.status != 206 or not continued:
                size = 0
            total = None
            if length and length.isdecimal():
                # Python makes no number of thousands of digits.
                is_known = len(length) <= _LENGTH_DIGITS
                total = size + int(length) if is_known else 10**_LENGTH_DIGITS
            self._check_size(total or 0)
            with (
                _writing(self.partial, "ab" if size else "wb") as file,
                _bar(self.wanted, total, size) as bar,
            ):
                while True:
                    try:
                        chunk = stream.next()
                    except _Stream.PROBLEMS as problem:
                        return False, problem
                    if not chunk:
                        break
                    size += len(chunk)
                    self._check_size(size)
                    file.write(chunk)
                    bar.update(len(chunk))
                file.flush()
                os.fsync(file.fileno())
        # Without a length its SHA-256 will say.
        return total is None or size == total, f"the connection ended after {size} of {total} bytes"

    def _check_size(self, size: int) -> None:
        """Ends the call once it is clear that there is more than there can be."""
        if size > self.wanted.largest:
            self.partial.unlink(missing_ok=True)
            raise WeightsError(
                f"what {self.url} gives is not {self.wanted.name}: it has {size} bytes or more, "
                f"and {self.wanted.largest} are the most. It was removed."
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


class _StalledError(OSError):
    pass


class _AbandonedError(Exception):
    pass


class _Stream:
    """What a server answers, read by a thread of its own: a socket's time-out begins anew with each
    byte, and who reads one cannot be stopped meanwhile; but who waits for a thread can leave.
    """

    PROBLEMS = (OSError, http.client.HTTPException, ValueError)

    def __init__(self, request: urllib.request.Request, limits: Limits) -> None:
        self._limits = limits
        # A few, so that memory does not fill up where the disk is slower.
        self._answers: queue.Queue = queue.Queue(maxsize=4)
        self._abandoned = threading.Event()
        self._window_ends = time.monotonic() + limits.window
        self._received = 0
        threading.Thread(
            target=self._read, args=[request], name="libcolorize download", daemon=True
        ).start()

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._abandoned.set()

    def next(self):
        """The response at first, then its bytes bit by bit, none at its end; raises PROBLEMS."""
        while True:
            answer = None
            with suppress(queue.Empty):
                answer = self._answers.get(timeout=max(0, self._window_ends - time.monotonic()))
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, bytes):
                self._received += len(answer)
            # The end is never late.
            if answer != b"" and time.monotonic() >= self._window_ends:
                if self._received < self._limits.least:
                    raise _StalledError(
                        f"the server sent {self._received} bytes in {self._limits.window:g} seconds"
                    )
                self._window_ends = time.monotonic() + self._limits.window
                self._received = 0
            if answer is not None:
                return answer

    # ---- In the thread ----

    def _read(self, request: urllib.request.Request) -> None:
        try:
            with urllib.request.urlopen(request, timeout=self._limits.silence) as response:
                self._put(response)
                # read1: what is there, instead of waiting for all of it.
                while chunk := response.read1(_CHUNK):
                    self._put(chunk)
            self._put(b"")
        except _AbandonedError:
            pass
        except Exception as problem:
            with suppress(_AbandonedError):
                self._put(problem)

    def _put(self, answer: object) -> None:
        while not self._abandoned.is_set():
            try:
                return self._answers.put(answer, timeout=0.1)
            except queue.Full:
                pass
        raise _AbandonedError


def _open_no_link(path: str, flags: int) -> int:
    """A link in a folder that others write to may lead to any file of this user's."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


@contextmanager
def _writing(path: Path, mode: str) -> Iterator:
    """An open file, which does not stay behind on a full disk."""
    try:
        with open(path, mode, opener=_open_no_link) as file:
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

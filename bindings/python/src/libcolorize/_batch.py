"""Files and folders, by the installed command: there is one implementation, and it is that."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union

from . import _command
from ._calls import invalid
from ._keywords import takes
from ._options import DialOptions, HintLike, hexadecimal, hint
from .model import file_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

Name = Union[str, "os.PathLike[str]"]


class CommandError(RuntimeError):
    """The command could not do what it was asked; the text is what it said.

    status  its exit status; below 0 it is the number of the signal that ended it
    """

    __module__ = "libcolorize"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class WrittenOptions(DialOptions, total=False):
    """Of whatever writes files."""

    preset: Literal["default", "reference"] | None
    network_size: int | None
    render_factor: int | None
    network_fit: Literal["square", "aspect"] | None
    precision: Literal["float32", "bfloat16"] | None
    palette: Name | None
    threads: int | None
    max_memory: int | None
    salvage: bool
    negative: bool
    quality: int | None
    compression: int | None
    pages: Literal["all"] | int | None
    profile: Literal["srgb", "keep", "display-p3"] | None
    max_size: int | None
    ignore_border: Literal["none", "auto"] | None
    sync: bool
    provenance: bool


class FileOptions(WrittenOptions, total=False):
    """Of `colorize_file`."""

    hints: Iterable[HintLike] | None
    hint_reach: Literal["thing", "picture"] | float | None


class BatchOptions(WrittenOptions, total=False):
    """Of `batch`: places of hints are a picture's own."""

    include: str | Iterable[str] | None
    exclude: str | Iterable[str] | None
    name: str | None
    to: Literal["png", "jpeg", "tiff", "webp", "same"] | None
    colored: Literal["skip", "copy", "recolor"] | None
    log: Name | None


_FLAGS = {
    "preset": "--preset",
    "network_size": "--network-size",
    "render_factor": "--render-factor",
    "network_fit": "--fit",
    "precision": "--precision",
    "temperature": "--temperature",
    "style": "--style",
    "saturation": "--saturation",
    "upsampling": "--upsampling",
    "gamut": "--gamut",
    "variant": "--variant",
    "palette": "--palette-from",
    "palette_strength": "--palette-strength",
    "hint_reach": "--hint-reach",
    "threads": "--threads",
    "max_memory": "--max-memory",
    "quality": "--quality",
    "compression": "--compression",
    "pages": "--pages",
    "profile": "--profile",
    "max_size": "--max-size",
    "ignore_border": "--ignore-border",
    "include": "--include",
    "exclude": "--exclude",
    "name": "--name",
    "to": "--to",
    "colored": "--colored",
}

_SWITCHES = {"salvage": "--salvage", "negative": "--negative", "sync": "--sync"}
"""Those that take no value."""


@takes(FileOptions)
def colorize_file(
    source: Name, target: Name, *, model: Name = "default", **options: Unpack[FileOptions]
) -> Path:
    """Colors a file into another one, and gives the path of that.

    It is what the command `libcolorize` does: 16 bits stay 16 bits, metadata is kept, and the
    target has its name only once it is whole. One that is there already is replaced.

    source   a picture in any format that the command reads
    target   ends with a suffix of a format that the command writes: .png, .jpg, .tif, .webp, ...
    model    "default", the name of a published network, or the path of a model file
    options  those of `colorize`, but for hint_map and progress. `palette` is a file, and colors of
             hints are rgb. Also those of the command about files: max_memory (MB), salvage,
             negative, quality (JPEG, WebP), compression (PNG), pages (of a TIFF: "all" or a number
             from 1; default: what the target holds), profile, max_size, ignore_border, sync,
             provenance (True: the target says how it was made); and precision, as of `Model`

    Raises CommandError with what the command says, and FileNotFoundError where it is not installed.
    """
    path, command = Path(target), _command.find()
    written = [suffix for suffix, is_written in suffixes(command).items() if is_written]
    if path.suffix.lower() not in written:
        raise invalid(f"target is {str(path)!r}; its name must end with {' or '.join(written)}")
    _color(command, Path(source), path, _arguments(model, options))
    return path


@functools.cache
def suffixes(command: Path) -> dict[str, bool]:
    """What names of pictures end in, in small letters, as the command knows them, and whether it
    also writes such."""
    import subprocess

    said = subprocess.run(
        [command, "formats"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if said.returncode != 0:
        raise _error(said.returncode, said.stderr.encode(), command)
    rows = [re.split("  +", line) for line in said.stdout.splitlines()[1:]]
    return {suffix: row[1] == "written" for row in rows for suffix in row[2].split()}


def _arguments(model: Name, options: Any) -> list[str]:
    """What the command is told of a model and options."""
    result = []
    if model != "default":
        result += ["--model", os.path.abspath(file_of(model))]
    for name, value in options.items():
        if value is None:
            continue
        if name == "hints":
            for index, one in enumerate(value):
                result += ["--hint", _hint(one, f"hints[{index}]")]
        elif name in _SWITCHES:
            result += [_SWITCHES[name]] if value else []
        elif name == "provenance":
            result += [] if value else ["--no-provenance"]
        elif name == "palette":
            result += ["--palette-from", os.path.abspath(value)]
        elif name in ("include", "exclude"):
            for pattern in [value] if isinstance(value, str) else value:
                result.append(f"{_FLAGS[name]}={pattern}")
        elif name != "log":
            result += [_FLAGS[name], str(value)]
    return result


def _hint(given: HintLike, name: str) -> str:
    known = hint(given, name)
    color = None if known.rgb is None else hexadecimal(known.rgb)
    if color is None:
        raise invalid(f"{name} is {known}; for a file its color must be 8 bits of red, green, blue")
    return f"{known.x},{known.y},{color},{known.radius}"


def _color(command: Path, source: Path, target: Path, arguments: list[str]) -> None:
    import subprocess

    # Absolute names are no options and no subcommands.
    files = ["-o", os.path.abspath(target), os.path.abspath(source)]
    result = subprocess.run(
        [command, "--quiet", *arguments, *files],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    if result.returncode != 0:
        raise _error(result.returncode, result.stderr, source)


def _error(status: int, stderr: bytes, source: Path) -> CommandError:
    said = stderr.decode(errors="replace").strip()
    if said.startswith("libcolorize: "):
        said = said[len("libcolorize: ") :]
    if status < 0:
        said = f"{source}: the command was ended by signal {-status}. {said}".strip()
    return CommandError(status, said)


# ---- Folders -------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class BatchResult:
    """What `batch` has done with each file of a folder."""

    done: list[Path] = field(default_factory=list)
    """Outputs that were written."""
    skipped: list[Path] = field(default_factory=list)
    """Outputs that were there already, and those of pictures that have colors."""
    copied: list[Path] = field(default_factory=list)
    """Outputs that are copies of pictures that have colors."""
    failed: dict[Path, str] = field(default_factory=dict)
    """Inputs that could not be colored, and why."""
    passed_over: dict[str, int] = field(default_factory=dict)
    """How many files of each kind are no pictures by their name, or not wanted."""

    def __repr__(self) -> str:
        return (
            f"<libcolorize.BatchResult {len(self.done)} done, {len(self.skipped)} skipped, "
            f"{len(self.failed)} failed, {sum(self.passed_over.values())} passed over>"
        )


@takes(BatchOptions)
def batch(
    folder: Name,
    out: Name,
    *,
    model: Name = "default",
    jobs: int | None = None,
    existing: Literal["skip", "replace", "fail"] = "skip",
    progress: bool = True,
    **options: Unpack[BatchOptions],
) -> BatchResult:
    """Colors all pictures of a folder and of those in it, into a like tree.

        result = batch("scans", "colored", style="natural")
        for path, reason in result.failed.items():
            print(path, reason)

    A picture that fails is in the result with the reason, and the others are done. Outputs have
    their names only once they are whole, so a run that was stopped is simply started again.

    folder    pictures are told by the extensions of their names; hidden files and folders are left
              out, links to folders are not followed
    out       is made if it is not there; if it is in `folder`, it is not read
    model     "default", the name of a published network, or the path of a model file
    jobs      how many pictures at the same time. Default: the processors at hand
    existing  what becomes of an output that is there already: "skip" leaves it if it is whole and
              was made from the same picture with the same options, and makes it anew if not;
              "replace" makes it anew, "fail" is a FileExistsError before anything is made
    progress  whether a bar is shown, where tqdm is installed
    options   those of `colorize_file` but for hints. `threads` is for each picture; default: the
              processors at hand, shared by the jobs. And those of the command about folders:
              include and exclude (patterns), name ("{stem}-colorized{ext}"), to (a format), colored
              (what becomes of pictures with colors; default: "skip"), log (a file, to which a line
              of JSON about each picture is appended)

    This is one run of the command `libcolorize`; `man libcolorize-folders` has more.
    """
    root, target = Path(folder), Path(out)
    if not root.is_dir():
        raise NotADirectoryError(f"folder is {str(root)!r}, which is no folder")
    if existing not in ("skip", "replace", "fail"):
        raise invalid(f"existing is {existing!r}; it must be 'skip' or 'replace' or 'fail'")
    arguments = [*_arguments(model, options), "--quiet", f"--existing={existing}"]
    if jobs is not None:
        if not 1 <= int(jobs) <= 256:
            raise invalid(f"jobs is {jobs}; it must be 1 to 256")
        arguments.append(f"--jobs={int(jobs)}")
    command = _command.find()
    target.parent.mkdir(parents=True, exist_ok=True)
    files = ["-o", f"{os.path.abspath(target)}/", os.path.abspath(root)]

    result = BatchResult()
    log = options.get("log")
    kept = open(log, "a", encoding="utf-8") if log is not None else None  # noqa: SIM115
    try:
        for record in _records([os.fspath(command), *arguments, *files], root, progress):
            if kept is not None:
                kept.write(f"{record.text}\n")
                kept.flush()
            _note(record.fields, root, target, result)
    finally:
        if kept is not None:
            kept.close()
    return result


@dataclass(frozen=True)
class _Record:
    text: str
    fields: dict[str, Any]


def _note(fields: dict[str, Any], root: Path, target: Path, result: BatchResult) -> None:
    """Puts what a record says into the result, under the names that the caller has given."""
    if fields.get("run") == "ended":
        result.passed_over.update(fields["passed_over"])
    if "input" not in fields:
        return
    source = root / os.path.relpath(fields["input"], os.path.abspath(root))
    if fields["status"] == "failed":
        result.failed[source] = fields["reason"]
        return
    output = target / os.path.relpath(fields["output"], os.path.abspath(target))
    {"done": result.done, "skipped": result.skipped, "copied": result.copied}[
        fields["status"]
    ].append(output)


def _records(command: list[str], root: Path, progress: bool) -> Iterator[_Record]:
    """Runs the command, and gives the lines of its log as they come."""
    # They take a while to load.
    import json
    import signal
    import subprocess
    import tempfile

    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said, os.fdopen(reading, encoding="utf-8") as lines:
        try:
            process = subprocess.Popen(
                [*command, f"--log=/dev/fd/{writing}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                pass_fds=[writing],
                # A terminal's Ctrl-C comes to it once, from here.
                start_new_session=True,
            )
        finally:
            os.close(writing)
        bar = None
        has_ended = False
        try:
            for line in lines:
                record = _Record(line.rstrip("\n"), json.loads(line))
                if record.fields.get("run") == "begun":
                    bar = _bar(record.fields["pictures"], progress)
                elif bar is not None and "input" in record.fields:
                    bar.update()
                has_ended = record.fields.get("run") == "ended"
                yield record
        except BaseException:
            process.send_signal(signal.SIGINT)
            raise
        finally:
            status = process.wait()
            if bar is not None:
                bar.close()
        # Of each picture that failed there is a record; what else goes wrong goes wrong for all.
        if has_ended and status in (0, 1):
            return
        said.seek(0)
        error = _error(status, said.read(), root)
        if "is there already" in str(error):
            raise FileExistsError(str(error).splitlines()[0])
        raise error


def _bar(total: int, wanted: bool) -> Any:
    """A bar of tqdm's, if it is wanted and can be had."""
    if not wanted:
        return None
    try:
        from tqdm.auto import tqdm
    except ModuleNotFoundError:
        return None
    return tqdm(total=total, unit="picture")

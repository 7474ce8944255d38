"""Files and folders, by the installed command: there is one implementation, and it is that."""

from __future__ import annotations

import os
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

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
"""Of the pictures that the command reads and writes, in small letters."""

Name = Union[str, "os.PathLike[str]"]


class CommandError(RuntimeError):
    """The command could not do what it was asked; the text is what it said.

    status  its exit status; below 0 it is the number of the signal that ended it
    """

    __module__ = "libcolorize"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FileOptions(DialOptions, total=False):
    """Of `colorize_file`."""

    preset: Literal["default", "reference"] | None
    network_size: int | None
    render_factor: int | None
    network_fit: Literal["square", "aspect"] | None
    hints: Iterable[HintLike] | None
    hint_reach: Literal["thing", "picture"] | float | None
    palette: Name | None
    threads: int | None


class BatchOptions(DialOptions, total=False):
    """Of `batch`: places of hints are a picture's own."""

    preset: Literal["default", "reference"] | None
    network_size: int | None
    render_factor: int | None
    network_fit: Literal["square", "aspect"] | None
    palette: Name | None
    threads: int | None


_FLAGS = {
    "preset": "--preset",
    "network_size": "--network-size",
    "render_factor": "--render-factor",
    "network_fit": "--fit",
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
}


@takes(FileOptions)
def colorize_file(
    source: Name, target: Name, *, model: Name = "default", **options: Unpack[FileOptions]
) -> Path:
    """Colors a file into another one, and gives the path of that.

    It is what the command `libcolorize` does: 16 bits stay 16 bits, metadata is kept, and the
    target has its name only once it is whole. One that is there already is replaced.

    source   a picture in any format that the command reads
    target   ends with .png, .jpg, .jpeg, .tif or .tiff
    model    "default", the name of a published network, or the path of a model file
    options  those of `colorize`, but for hint_map and progress. `palette` is a file, and colors of
             hints are rgb

    Raises CommandError with what the command says, and FileNotFoundError where it is not installed.
    """
    path = Path(target)
    if path.suffix.lower() not in _SUFFIXES:
        raise invalid(f"target is {str(path)!r}; its name must end with {' or '.join(_SUFFIXES)}")
    _color(_command.find(), Path(source), path, _arguments(model, options))
    return path


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
        elif name == "palette":
            result += ["--palette-from", os.path.abspath(value)]
        else:
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
    if result.returncode == 0:
        return
    said = result.stderr.decode(errors="replace").strip()
    if said.startswith("libcolorize: "):
        said = said[len("libcolorize: ") :]
    if result.returncode < 0:
        said = f"{source}: the command was ended by signal {-result.returncode}. {said}".strip()
    raise CommandError(result.returncode, said)


# ---- Folders -------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class BatchResult:
    """What `batch` has done with each file of a folder."""

    done: list[Path] = field(default_factory=list)
    """Outputs that were written."""
    skipped: list[Path] = field(default_factory=list)
    """Outputs that were there already."""
    failed: dict[Path, str] = field(default_factory=dict)
    """Inputs that could not be colored, and why."""
    passed_over: list[Path] = field(default_factory=list)
    """Files that are no pictures by their name."""

    def __repr__(self) -> str:
        return (
            f"<libcolorize.BatchResult {len(self.done)} done, {len(self.skipped)} skipped, "
            f"{len(self.failed)} failed, {len(self.passed_over)} passed over>"
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

    folder    pictures are the files that end with .png, .jpg, .jpeg, .tif or .tiff, in any case;
              hidden files and folders are left out, links to folders are not followed
    out       is made if it is not there; if it is in `folder`, it is not read
    model     "default", the name of a published network, or the path of a model file
    jobs      how many pictures at the same time. Default: the processors at hand
    existing  what becomes of an output that is there already: "skip" leaves it, "replace" makes it
              anew, "fail" is a FileExistsError before anything is made
    progress  whether a bar is shown, where tqdm is installed
    options   those of `colorize_file` but for hints. `threads` is for each picture; default: the
              processors at hand, shared by the jobs

    Each picture is a run of the command `libcolorize`.
    """
    # They take a while to load.
    import threading
    from concurrent.futures import ThreadPoolExecutor, as_completed

    root, target = Path(folder), Path(out)
    if not root.is_dir():
        raise NotADirectoryError(f"folder is {str(root)!r}, which is no folder")
    if existing not in ("skip", "replace", "fail"):
        raise invalid(f"existing is {existing!r}; it must be 'skip' or 'replace' or 'fail'")
    processors = _processors()
    workers = processors if jobs is None else int(jobs)
    if not 1 <= workers <= 256:
        raise invalid(f"jobs is {workers}; it must be 1 to 256")
    command = _command.find()
    chosen: Any = {"threads": max(1, processors // workers), **options}
    arguments = _arguments(model, chosen)

    result = BatchResult()
    wanted = []
    for source in _files(root, target):
        output = target / source.relative_to(root)
        if source.suffix.lower() not in _SUFFIXES:
            result.passed_over.append(source)
        elif existing != "replace" and os.path.lexists(output):
            result.skipped.append(output)
        else:
            wanted.append((source, output))
    if existing == "fail" and result.skipped:
        raise FileExistsError(
            f"{result.skipped[0]} is there already, and {len(result.skipped) - 1} more"
        )
    stopped = threading.Event()

    def work(source: Path, output: Path) -> str | None:
        if stopped.is_set():
            return None
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            _color(command, source, output, arguments)
        except (CommandError, OSError) as problem:
            return str(problem)
        return None

    outcomes: dict[Path, str | None] = {}
    with ThreadPoolExecutor(workers) as pool:
        try:
            running = {pool.submit(work, *pair): pair[0] for pair in wanted}
            for finished in _bar(as_completed(running), len(running), progress):
                outcomes[running[finished]] = finished.result()
        finally:
            # Ctrl-C: those that have begun are finished, the others are not begun.
            stopped.set()
    for source, output in wanted:
        reason = outcomes[source]
        if reason is None:
            result.done.append(output)
        else:
            result.failed[source] = reason
    return result


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _files(root: Path, out: Path) -> Iterator[Path]:
    """The files of a tree in the order of their names, without what is hidden and without `out`."""
    left_out = os.path.realpath(out)

    def refuse(problem: OSError) -> None:
        raise problem

    for folder, folders, files in os.walk(root, onerror=refuse):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(folder, name)) != left_out
        )
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(folder, name)


def _bar(finished: Iterable[Any], total: int, wanted: bool) -> Iterable[Any]:
    if not wanted:
        return finished
    try:
        from tqdm.auto import tqdm
    except ModuleNotFoundError:
        return finished
    bar: Iterable[Any] = tqdm(finished, total=total, unit="picture")
    return bar

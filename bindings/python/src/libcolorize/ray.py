"""Coloring on many machines, with Ray Data.

    from libcolorize import ray

    result = ray.batch("s3://archive/scans", "s3://archive/colored", workers=64)
    for path, reason in result.failed.items():
        print(path, reason)

pip install 'libcolorize[ray]' on every machine of the cluster. `Colorizer` is what its workers run,
for pipelines of your own:

    import ray
    from libcolorize.ray import Colorizer

    scans = ray.data.read_binary_files("s3://archive/scans", include_paths=True)
    pool = ray.data.ActorPoolStrategy(size=64)
    scans.map_batches(
        Colorizer, batch_size=16, compute=pool, fn_constructor_kwargs={"out": "s3://archive/colored"}
    ).materialize()

Pictures are colored by the command `libcolorize`, so 16 bits stay 16 bits and metadata is kept. It
opens the model once for each batch of pictures.
"""

from __future__ import annotations

import glob
import os
import posixpath
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union

import numpy as np

from . import _batch, _command
from ._calls import invalid
from ._keywords import takes
from .model import file_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._batch import WrittenOptions

__all__ = ["Colorizer", "Result", "batch"]

Name = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True, repr=False)
class Result:
    """What `batch` has done. Names are paths, or URIs without their scheme, as Arrow has them."""

    done: list[str] = field(default_factory=list)
    """Outputs that were written."""
    skipped: list[str] = field(default_factory=list)
    """Outputs that were there already."""
    failed: dict[str, str] = field(default_factory=dict)
    """Inputs that could not be colored, and why."""
    passed_over: list[str] = field(default_factory=list)
    """Files that are no pictures by their name."""

    def __repr__(self) -> str:
        return (
            f"<libcolorize.ray.Result {len(self.done)} done, {len(self.skipped)} skipped, "
            f"{len(self.failed)} failed, {len(self.passed_over)} passed over>"
        )


class Colorizer:
    """A callable for `map_batches`: colors files, and writes what comes of them.

    It takes the columns `path`, a str, and `bytes`, as `read_binary_files` gives them with
    include_paths=True; without `bytes` it reads the files. It gives `path`, `output`, and `error`,
    which is empty where all went well. What one picture does wrong does not touch the others.

    out      a folder (shared by all machines), or the URI of one in an object store, s3://
    root     what is taken off the front of a path; the rest is the name in `out`. Without it, only
             the file's name is kept
    model    as for `libcolorize.batch`; a file must be on every machine
    replace  whether outputs that are there already are made anew. Without it they are left alone
             and count as done, so that a batch that was half done when its worker died is completed
    options  those of `libcolorize.batch`; `threads` is 1 by default
    """

    def __init__(
        self,
        out: str,
        root: str = "",
        model: Name = "default",
        replace: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._out = out
        self._root = root
        self._replace = replace
        self._command = _command.find()
        self._arguments = _batch._arguments(model, {"threads": 1, **(options or {})})

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        paths = [str(path) for path in batch["path"]]
        contents = batch.get("bytes")
        # Opened anew: file systems of object stores do not outlive a fork.
        files, folder = _file_system(self._out)
        outputs = [posixpath.join(folder, _relative(path, self._root)) for path in paths]
        errors = [""] * len(paths)
        with tempfile.TemporaryDirectory(prefix="libcolorize-") as name:
            place = Path(name)
            (place / "colored").mkdir()
            wanted = {}
            for index, (path, output) in enumerate(zip(paths, outputs)):
                if not self._replace and _is_there(files, output):
                    continue
                try:
                    content = _read(path) if contents is None else contents[index]
                    # A name of its own, with the suffix that says what comes out.
                    own = f"{index:06d}{posixpath.splitext(path)[1]}"
                    (place / own).write_bytes(content)
                except OSError as problem:
                    errors[index] = str(problem)
                else:
                    wanted[own] = index
            said = self._color(place, list(wanted))
            for own, index in wanted.items():
                colored = place / "colored" / own
                try:
                    if not colored.exists():
                        raise OSError(_reason(said, own))
                    _write(files, outputs[index], colored.read_bytes())
                except OSError as problem:
                    errors[index] = str(problem)
        return {
            "path": np.array(paths, object),
            "output": np.array(outputs, object),
            "error": np.array(errors, object),
        }

    def _color(self, place: Path, names: Sequence[str]) -> str:
        """What the command says of those that it cannot color."""
        import subprocess

        if not names:
            return ""
        files = ["-o", "colored/", *names]
        command: list[Any] = [self._command, "--quiet", *self._arguments, *files]
        result = subprocess.run(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        said = result.stderr.decode(errors="replace")
        if result.returncode < 0:
            said += f"the command was ended by signal {-result.returncode}"
        return said


def _reason(said: str, name: str) -> str:
    """What the command says of a file, or else all that it says."""
    for line in said.splitlines():
        _, found, reason = line.partition(f"{name}: ")
        if found:
            return reason
    return said.strip() or "the command has not written it"


@takes(_batch.WrittenOptions)
def batch(
    source: Name | Sequence[str],
    out: Name,
    *,
    model: Name = "default",
    workers: int = 1,
    batch_size: int = 16,
    existing: Literal["skip", "replace", "fail"] = "skip",
    progress: bool = True,
    **options: Unpack[WrittenOptions],
) -> Result:
    """Colors the pictures of a folder, or of a list of paths, on the machines of a Ray cluster.

    It uses the cluster that ray.init has connected to, or else begins one on this machine. A worker
    that dies is replaced, and its batch done again but for the outputs that are there; these have
    their names only once they are whole. So a run that was stopped is simply started again.

    source      a folder, with all in it, or a list of paths, that all machines share; or URIs of
                an object store, s3://, which Arrow opens. Pictures are told by their names as for
                `libcolorize.batch`; the tree below what all paths have in common is kept
    out         a folder, or the URI of one
    model       "default", the name of a published network, or a file that is on every machine
    workers     how many, each of which colors one batch at a time on one processor
    batch_size  pictures in a batch. The model is opened once for each
    existing    what becomes of an output that is there already: "skip" leaves it, "replace" makes
                it anew, "fail" is a FileExistsError before anything is made
    progress    whether Ray's bars are shown
    options     those of `libcolorize.batch`
    """
    try:
        import ray.data
        from ray.data import ActorPoolStrategy, DataContext
    except ModuleNotFoundError:
        raise ImportError(
            "libcolorize.ray needs Ray Data: pip install 'libcolorize[ray]'"
        ) from None
    for name, value in (("workers", workers), ("batch_size", batch_size)):
        if value < 1:
            raise invalid(f"{name} is {value}; it must be 1 or more")
    if existing not in ("skip", "replace", "fail"):
        raise invalid(f"existing is {existing!r}; it must be 'skip' or 'replace' or 'fail'")

    scheme, root, paths = _listed(source)
    files, folder = _file_system(os.fspath(out))
    present = {info.path for info in _found(files, folder)}
    result = Result()
    # Outputs have their inputs' names, so these must be ones that are written.
    known = {
        suffix for suffix, is_written in _batch.suffixes(_command.find()).items() if is_written
    }
    wanted = {}
    for path in paths:
        output = posixpath.join(folder, _relative(path, root))
        if posixpath.splitext(path)[1].lower() not in known:
            result.passed_over.append(path)
        elif existing != "replace" and output in present:
            result.skipped.append(output)
        else:
            wanted[scheme + path] = path
    if existing == "fail" and result.skipped:
        raise FileExistsError(
            f"{result.skipped[0]} is there already, and {len(result.skipped) - 1} more"
        )
    if not wanted:
        return result
    context = DataContext.get_current()
    showed, context.enable_progress_bars = context.enable_progress_bars, progress
    try:
        # A block is what a task is given: with one for each batch, no worker waits for another.
        blocks = -(-len(wanted) // batch_size)
        outcomes = ray.data.from_items(
            [{"path": path} for path in wanted], override_num_blocks=blocks
        ).map_batches(
            Colorizer,
            batch_size=batch_size,
            num_cpus=1,
            compute=ActorPoolStrategy(size=min(workers, blocks)),
            fn_constructor_kwargs={
                "out": os.fspath(out) if "://" in os.fspath(out) else os.path.abspath(out),
                "root": scheme + root,
                "model": model if model == "default" else os.path.abspath(file_of(model)),
                "replace": existing == "replace",
                "options": dict(options),
            },
        )
        for row in outcomes.iter_rows():
            if row["error"]:
                result.failed[wanted[row["path"]]] = row["error"]
            else:
                result.done.append(row["output"])
                _remove_leftovers(files, row["output"])
    finally:
        context.enable_progress_bars = showed
    result.done.sort()
    return result


# ---- Files, wherever they are --------------------------------------------------------------------


def _file_system(name: str) -> tuple[Any, str]:
    """Arrow's file system of a path or URI, and the path in it."""
    from pyarrow import fs

    if "://" in name:
        found: tuple[Any, str] = fs.FileSystem.from_uri(name)
        return found
    return fs.LocalFileSystem(), os.path.abspath(name)


def _found(files: Any, folder: str) -> Iterator[Any]:
    from pyarrow import fs

    selector = fs.FileSelector(folder, allow_not_found=True, recursive=True)
    return (info for info in files.get_file_info(selector) if info.is_file)


def _listed(source: Name | Sequence[str]) -> tuple[str, str, list[str]]:
    """What URIs begin with, what all paths begin with, and the paths without the former, sorted."""
    if isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        files, root = _file_system(name)
        from pyarrow import fs

        if files.get_file_info(root).type != fs.FileType.Directory:
            raise NotADirectoryError(f"source is {name!r}, which is no folder")
        names = [info.path for info in _found(files, root)]
        hidden = [path for path in names if "/." in path[len(root) :]]
        return _scheme(name), root.rstrip("/"), sorted(set(names) - set(hidden))
    given = [os.fspath(path) for path in source]
    schemes = {_scheme(path) for path in given} or {""}
    if len(schemes) > 1:
        raise invalid(f"source is of {' and '.join(sorted(schemes))}; it must be one file system")
    paths = sorted({_file_system(path)[1] for path in given})
    root = posixpath.commonpath([posixpath.dirname(path) for path in paths]) if paths else ""
    return schemes.pop(), root, paths


def _scheme(name: str) -> str:
    return name.split("://")[0] + "://" if "://" in name and not name.startswith("file:") else ""


def _relative(path: str, root: str) -> str:
    if root and path.startswith(root.rstrip("/") + "/"):
        return path[len(root.rstrip("/")) + 1 :]
    return posixpath.basename(path)


def _is_there(files: Any, path: str) -> bool:
    return bool(files.get_file_info(path).is_file)


def _read(path: str) -> bytes:
    files, place = _file_system(path)
    with files.open_input_stream(place, compression=None) as stream:
        content: bytes = stream.read()
    return content


def _remove_leftovers(files: Any, path: str) -> None:
    """What a worker that died while it wrote a file has left beside it: older than the file."""
    from pyarrow import fs

    if not isinstance(files, fs.LocalFileSystem):
        return
    file = Path(path)
    for leftover in file.parent.glob(f".{glob.escape(file.name)}.*.tmp"):
        if leftover.stat().st_mtime_ns <= file.stat().st_mtime_ns:
            leftover.unlink(missing_ok=True)


def _write(files: Any, path: str, content: bytes) -> None:
    """The file, which has its name only once it is whole."""
    from pyarrow import fs

    if not isinstance(files, fs.LocalFileSystem):
        # Object stores do so of themselves.
        with files.open_output_stream(path, compression=None) as stream:
            stream.write(content)
        return
    from .demo import written

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with written(Path(path)) as file:
        file.write(content)

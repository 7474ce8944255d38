"""Training, by the installed command: what it writes is read here while it runs."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Union

import numpy as np
import numpy.typing as npt

from . import _command
from ._batch import CommandError
from ._calls import invalid
from ._keywords import takes

if TYPE_CHECKING:
    import subprocess

    from typing_extensions import Unpack

Name = Union[str, "os.PathLike[str]"]
Row = dict[str, float]

_SECONDS = 0.5
"""From one look at the metrics to the next."""


class TrainOptions(TypedDict, total=False):
    """Of `train`: the options of the command, whose manual explains them."""

    model: Literal["lite", "lite1", "compact", "eccv16", "siggraph17"] | None
    init: Name | None
    freeze: Sequence[str] | None
    slow: Sequence[str] | None
    slow_factor: float | None
    size: int | None
    batch: int | None
    scale: tuple[float, float] | None
    flip: bool
    hints: float | None
    film: float | None
    recolor: float | None
    loss: Literal["class", "regression", "both"] | None
    lambda_: float | None
    prior: Name | None
    regression: Literal["l1", "huber"] | None
    regression_weight: float | None
    features: Name | None
    feature_weight: float | None
    steps: int | None
    optimiser: Literal["adam", "adamw"] | None
    learning_rate: float | None
    warmup: int | None
    schedule: Literal["cosine", "step", "constant"] | None
    step_every: int | None
    step_factor: float | None
    weight_decay: float | None
    average: float | None
    clip: float | None
    hold_back: int | None
    validation: Name | None
    checkpoint_every: int | str | None
    metrics_every: int | None
    samples: Name | None
    samples_every: int | None
    seed: int | None
    threads: int | None
    licence: str | None


_FILES = ("features", "prior", "samples", "validation")


@dataclass(frozen=True, repr=False)
class Training:
    """The folder of a training, finished or not. It shows itself in a notebook, as a plot."""

    folder: Path

    def __repr__(self) -> str:
        metrics = self.metrics
        if not len(metrics.get("step", ())):
            return f"<libcolorize.Training in {str(self.folder)!r}>"
        return (
            f"<libcolorize.Training in {str(self.folder)!r}, step {metrics['step'][-1]:.0f}, "
            f"loss {metrics['loss'][-1]:.4g}>"
        )

    @property
    def model(self) -> Path:
        """The model file, for `Model`; it is written with each checkpoint."""
        return self.folder / "model.safetensors"

    @property
    def metrics(self) -> dict[str, npt.NDArray[np.float64]]:
        """The columns of metrics.csv, among them step, loss and learning_rate, [rows]."""
        return _columns(self.folder / "metrics.csv")

    @property
    def validation(self) -> dict[str, npt.NDArray[np.float64]]:
        """The columns of validation.csv, [rows]; empty if nothing is validated with."""
        return _columns(self.folder / "validation.csv")

    @property
    def samples(self) -> list[Path]:
        """The sheets of pictures (gray, colored, and as they are), the oldest first."""
        return sorted((self.folder / "samples").glob("*.png"))

    def plot(self) -> Any:
        """A figure of Matplotlib's: the loss and the learning rate over the steps."""
        try:
            from matplotlib.figure import Figure
        except ModuleNotFoundError:
            raise ImportError("a plot needs Matplotlib: pip install matplotlib") from None
        metrics = self.metrics
        figure = Figure(figsize=(7, 3.5), layout="constrained")
        axes = figure.subplots()
        axes.plot(metrics.get("step", []), metrics.get("loss", []), label="loss", color="C0")
        axes.set_xlabel("step")
        axes.set_ylabel("loss")
        rate = axes.twinx()
        rate.plot(metrics.get("step", []), metrics.get("learning_rate", []), color="0.7")
        rate.set_ylabel("learning rate", color="0.5")
        return figure

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.plot().savefig(file, format="png")
        return file.getvalue()


@takes(TrainOptions)
def train(
    data: Name | Sequence[Name] | None,
    out: Name,
    *,
    resume: bool = False,
    progress: bool | Callable[[Row], object] = True,
    **options: Unpack[TrainOptions],
) -> Training:
    """Trains a network on color photographs, or an existing model on some more.

        run = train("pictures", "run", init="default", steps=300, learning_rate=2e-4, warmup=20)
        Model(run.model).colorize(gray)

    It is what the command `libcolorize train` does; its manual, and docs/training.md, explain the
    options.

    data      folders, with those in them, and tar archives: their PNG and JPEG files. With
              `resume` it may be None: those of the run
    out       the folder of the run. One that holds a run already is an error without `resume`
    resume    whether to continue from the last checkpoint, with the options of the run
    progress  what is shown: True is a plot of the loss in a notebook where Matplotlib is installed,
              and a bar elsewhere where tqdm is. A function is called with each new row of the
              metrics, a dict of floats; if it returns something true, the training stops as below
    options   `init` is a model file or "default", the built-in model. `lambda_` is the command's
              --lambda; `flip=False` its --no-flip; `checkpoint_every` steps, or minutes as in "10m"

    Ctrl-C, or an interrupted notebook, completes the current step, writes a checkpoint and raises
    KeyboardInterrupt; what `progress` raises does the same. A second Ctrl-C ends the training at
    once. If Python itself is killed, the training goes on.

    Raises CommandError with what the command says, and FileNotFoundError where it is not installed.
    """
    import subprocess
    import tempfile

    run = Training(Path(out))
    command: list[Any] = [_command.find(), "train", "--quiet", f"--out={os.path.abspath(out)}"]
    if data is not None:
        paths = [data] if isinstance(data, (str, os.PathLike)) else list(data)
        command += ["--data", *map(os.path.abspath, paths)]
    if resume:
        command.append("--resume")
    command += _arguments(options)
    show = _asked(progress) if callable(progress) else _shown(run, options.get("steps"), progress)
    before = len(run.metrics.get("step", ())) if resume else 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            # Of a Ctrl-C in a terminal it would hear twice, and the second ends it at once.
            start_new_session=True,
        )
        is_stopped = _follow(process, run, before, show)
        said.seek(0)
        text = said.read().decode(errors="replace").strip()
    if process.returncode != 0 and not is_stopped:
        if text.startswith("libcolorize: "):
            text = text[len("libcolorize: ") :]
        raise CommandError(process.returncode, text.replace("\nsee libcolorize train --help", ""))
    return run


def _arguments(options: Any) -> list[str]:
    """What the command is told of options."""
    result = []
    for name, value in options.items():
        flag = "--" + name.rstrip("_").replace("_", "-")
        if value is None:
            continue
        if name == "flip":
            result += [] if value else ["--no-flip"]
        elif name in ("freeze", "slow", "scale"):
            if isinstance(value, str):
                raise invalid(f"{name} is {value!r}; it must be a sequence")
            result += [flag, *map(str, value)] if len(value) else []
        elif name in _FILES or (name == "init" and value != "default"):
            result.append(f"{flag}={os.path.abspath(value)}")
        else:
            result.append(f"{flag}={value}")
    return result


def _follow(process: subprocess.Popen[bytes], run: Training, seen: int, show: _Show) -> bool:
    """Waits for the end, shows rows behind the first `seen`, and says whether that stopped it."""
    import signal
    import subprocess

    try:
        while process.returncode is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_SECONDS)
            # After the end, too: the last row comes just before it.
            metrics = run.metrics
            count = len(metrics.get("step", ()))
            rows = [
                {name: float(values[index]) for name, values in metrics.items()}
                for index in range(seen, count)
            ]
            seen = max(seen, count)
            if rows and show(rows) and process.returncode is None:
                process.send_signal(signal.SIGINT)
                process.wait()
                return True
        return False
    except BaseException:
        try:
            # Does nothing where it has ended.
            process.send_signal(signal.SIGINT)
            process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        raise


def _columns(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    # A line that is being written has no end yet.
    head, *lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")] or [""]
    rows = [[_number(cell) for cell in line.strip().split(",")] for line in lines]
    names = head.strip().split(",")
    values = np.array(rows, np.float64).reshape(len(rows), len(names))
    return {name: values[:, index] for index, name in enumerate(names) if name}


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


# ---- What is shown -------------------------------------------------------------------------------

_Show = Callable[[list[Row]], object]
"""Is given new rows; something true stops the training."""


def _asked(progress: Callable[[Row], object]) -> _Show:
    return lambda rows: any([bool(progress(row)) for row in rows])


def _shown(run: Training, steps: int | None, wanted: bool) -> _Show:
    show = None
    if wanted:
        show = _plot(run) if _is_notebook() else _bar(steps)
    return show or (lambda rows: None)


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _plot(run: Training) -> _Show | None:
    """A plot that grows, in the output of a notebook's cell."""
    if find_spec("matplotlib") is None:
        return None
    display: Any = sys.modules["IPython"].display
    handle: Any = None

    def show(rows: list[Row]) -> None:
        nonlocal handle
        picture = display.Image(data=run._repr_png_())
        if handle is None:
            handle = display.display(picture, display_id=True)
        else:
            handle.update(picture)

    return show


def _bar(steps: int | None) -> _Show | None:
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return None
    bar: Any = tqdm(total=steps, unit="step")

    def show(rows: list[Row]) -> None:
        bar.update(int(rows[-1]["step"]) - bar.n)
        bar.set_postfix(loss=f"{rows[-1]['loss']:.4g}")
        if bar.n == steps:
            bar.close()

    return show

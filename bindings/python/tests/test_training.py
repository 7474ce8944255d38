"""libcolorize.train, against what the command writes by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import libcolorize
from libcolorize import Model, _command, _training
from libcolorize._training import TrainOptions

SHORT = {"init": "default", "size": 32, "batch": 4, "metrics_every": 2, "progress": False}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Waves in a palette from dark green to light pink."""
    folder = tmp_path_factory.mktemp("training") / "pictures"
    folder.mkdir()
    for number in range(6):
        a, b, phase = np.random.default_rng(number).uniform(2, 9, 3)
        y, x = np.mgrid[0:64, 0:80] / 80
        lightness = (np.sin(a * x + b * y + phase) + 1)[..., None] / 2
        colors = (1 - lightness) * [10, 60, 30] + lightness * [250, 190, 200]
        Image.fromarray(colors.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def test_it_is_the_command_s_training(pictures: Path, photo: np.ndarray, tmp_path: Path):
    rows: list[dict[str, float]] = []
    run = libcolorize.train(
        [pictures], tmp_path / "run", steps=4, flip=False, lambda_=0.8, scale=(0.7, 1),
        freeze=["stem", "stage"], **{**SHORT, "progress": rows.append},
    )  # fmt: skip
    subprocess.run(
        [
            _command.find(), "train", "--data", pictures, "--out", tmp_path / "other", "--quiet",
            "--init", "default", "--size", "32", "--batch", "4", "--metrics-every", "2",
            "--steps", "4", "--no-flip", "--lambda", "0.8", "--scale", "0.7", "1",
            "--freeze", "stem", "stage",
        ],
        check=True,
    )  # fmt: skip
    other = tmp_path / "other"
    assert run.model.read_bytes() == (other / "model.safetensors").read_bytes()
    assert [row["step"] for row in rows] == [2, 4]
    assert run.metrics["loss"].tolist() == [row["loss"] for row in rows]
    assert run.validation == {} and [path.name for path in run.samples] == [
        "000000.png", "000004.png",
    ]  # fmt: skip
    assert repr(run) == (
        f"<libcolorize.Training in '{tmp_path / 'run'}', step 4, loss {rows[-1]['loss']:.4g}>"
    )
    assert run._repr_png_().startswith(b"\x89PNG")
    (loss,) = run.plot().axes[0].lines
    assert loss.get_ydata().tolist() == run.metrics["loss"].tolist()
    with Model(run.model) as model, Model() as before:
        assert not np.array_equal(model.colorize(photo), before.colorize(photo))


def test_it_stops_and_goes_on(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is stopped and continued gives what runs through."""
    steps = 100
    monkeypatch.setattr(_training, "_SECONDS", 0.02)

    def stopping(row: dict[str, float]) -> bool:
        return True

    def failing(row: dict[str, float]) -> None:
        raise LookupError("enough")

    through = libcolorize.train(pictures, tmp_path / "through", steps=steps, **SHORT)
    out = tmp_path / "run"
    run = libcolorize.train(pictures, out, steps=steps, **{**SHORT, "progress": stopping})
    first = run.metrics["step"][-1]
    assert first < steps and (out / "checkpoint.safetensors").exists()
    with pytest.raises(LookupError, match="enough"):
        libcolorize.train(None, out, resume=True, progress=failing)
    assert first < run.metrics["step"][-1] < steps
    seen: list[float] = []
    libcolorize.train(None, out, resume=True, progress=lambda row: seen.append(row["step"]))
    assert seen[-1] == steps and len(set(seen)) == len(seen)
    assert run.model.read_bytes() == through.model.read_bytes()
    assert run.metrics["loss"].tolist() == through.metrics["loss"].tolist()


def test_ctrl_c_leaves_a_checkpoint(pictures: Path, tmp_path: Path):
    program = (
        "import os, signal, sys, libcolorize\n"
        "stop = lambda row: os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        f"    libcolorize.train({str(pictures)!r}, 'run', steps=100000, init='default', size=32,"
        " batch=4, metrics_every=1, progress=stop)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(libcolorize.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (result.returncode, result.stdout) == (0, "interrupted\n"), result.stderr
    assert (tmp_path / "run/checkpoint.safetensors").exists()


def test_a_bar_is_shown(pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture):
    options = {**SHORT, "progress": True, "steps": 2}
    libcolorize.train(str(pictures), tmp_path / "run", **options)
    assert "2/2" in capfd.readouterr().err
    libcolorize.train(str(pictures), tmp_path / "quiet", **{**options, "progress": False})
    assert capfd.readouterr().err == ""


def test_what_is_wrong_is_said(pictures: Path, tmp_path: Path):
    with pytest.raises(libcolorize.CommandError, match=r"^--lambda is 3\.0; it must be 0\.0 to 1"):
        libcolorize.train(pictures, tmp_path / "run", lambda_=3)
    with pytest.raises(libcolorize.CommandError, match=r"nowhere: No such file or directory$"):
        libcolorize.train(tmp_path / "nowhere", tmp_path / "run")
    with pytest.raises(libcolorize.Error, match="freeze is 'stem'; it must be a sequence"):
        libcolorize.train(pictures, tmp_path / "run", freeze="stem")
    with pytest.raises(TypeError, match=r"no option 'step'; did you mean 'steps'\?"):
        libcolorize.train(pictures, tmp_path / "run", step=3)
    assert not (tmp_path / "run").exists()
    run = libcolorize.Training(tmp_path)
    assert run.metrics == {} and repr(run) == f"<libcolorize.Training in {str(tmp_path)!r}>"


def test_the_options_are_the_command_s():
    shown = subprocess.run(
        [_command.find(), "train", "--help-hidden"], capture_output=True, text=True, check=True
    ).stdout
    flags = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", shown))
    given = {
        "--no-flip" if name == "flip" else "--" + name.rstrip("_").replace("_", "-")
        for name in TrainOptions.__annotations__
    }
    others = {"--data", "--out", "--resume", "--quiet", "--version", "--help", "--help-hidden"}
    assert given == flags - others

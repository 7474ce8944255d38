"""python -m libcolorize.demo, with weights at random."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import libcolorize
from libcolorize import demo, weights


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.fixture
def picture(photo: np.ndarray, tmp_path: Path) -> Path:
    Image.fromarray(photo).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def run(picture: Path, checkpoints: dict[str, Path], *more: str) -> str | None:
    options = [f"--{name}={file}" for name, file in checkpoints.items()]
    return demo.main(["-i", str(picture), "-o", str(picture.parent / "out"), *options, *more])


def test_it_colors_with_both_networks(
    picture: Path, photo: np.ndarray, checkpoints: dict[str, Path], capsys
):
    assert run(picture, checkpoints) is None
    names = ["out_eccv16.png", "out_siggraph17.png", "out_panel.png"]
    assert capsys.readouterr() == ("".join(f"{picture.parent / name}\n" for name in names), "")
    assert sorted(path.name for path in picture.parent.iterdir()) == sorted([*names, "picture.png"])
    results = []
    for network, file in checkpoints.items():
        result = np.asarray(Image.open(picture.parent / f"out_{network}.png"))
        with libcolorize.Model(file) as model:
            assert np.array_equal(result, model.colorize(photo, preset="reference"))
        results.append(result)
    assert not np.array_equal(*results)
    with Image.open(picture.parent / "out_panel.png") as panel:
        assert panel.size == (1200, 800)
        # Not an empty figure: four pictures of many colors.
        assert len(panel.convert("RGB").getcolors(1_000_000)) > 1000


def test_the_gray_input(photo: np.ndarray):
    gray = demo.gray(photo)
    assert np.ptp(gray, axis=2).max() <= 1
    original, of_gray = (libcolorize.rgb_to_lab(x / np.float32(255)) for x in (photo, gray))
    # A level is 0.4 of L, or a little more in the dark.
    assert np.abs(original[..., 0] - of_gray[..., 0]).max() < 0.3


def test_a_large_picture_is_made_smaller_for_the_panel():
    assert demo.for_panel(np.zeros((1200, 700, 3), np.uint8)).shape == (1200, 700, 3)
    assert demo.for_panel(np.zeros((2000, 2500, 3), np.uint8)).shape == (667, 834, 3)


def test_on_a_display_it_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from matplotlib.figure import Figure

    pyplot = types.ModuleType("matplotlib.pyplot")
    figures, shown = [], []

    def figure(**options) -> Figure:
        figures.append(Figure(**options))
        figures[0].canvas.required_interactive_framework = "qt"
        return figures[0]

    pyplot.figure, pyplot.show = figure, lambda: shown.append(True)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    monkeypatch.setattr("matplotlib.pyplot", pyplot, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    titles = ["Original", "Input", "Output (ECCV 16)", "Output (SIGGRAPH 17)"]
    pictures = {title: np.full((4, 4, 3), number, np.uint8) for number, title in enumerate(titles)}
    assert demo.show(pictures, tmp_path / "panel.png")
    assert shown == [True]
    assert [axes.get_title() for axes in figures[0].axes] == titles
    assert [int(axes.images[0].get_array()[0, 0, 0]) for axes in figures[0].axes] == [0, 1, 2, 3]
    assert not (tmp_path / "panel.png").exists()


def test_a_gpu_is_not_used(picture: Path, checkpoints: dict[str, Path], capsys):
    assert run(picture, checkpoints, "--use_gpu") is None
    assert "--use_gpu is ignored" in capsys.readouterr().err


def test_what_goes_wrong_is_said(picture: Path, checkpoints: dict[str, Path], tmp_path: Path):
    nothing = tmp_path / "nothing"
    assert f"'{nothing}'" in run(nothing, checkpoints)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    assert "cannot identify image file" in run(text, checkpoints)
    swapped = dict(zip(checkpoints, reversed(checkpoints.values())))
    assert "holds siggraph17; this is eccv16" in run(picture, swapped)
    assert "(COLORIZE_CANNOT_READ_FILE)" in run(picture, {**checkpoints, "eccv16": nothing})
    assert not list(tmp_path.glob("out*"))


def test_a_picture_of_too_many_pixels(
    picture: Path, checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    # Pillow's error is one of its own kind; its limit is twice this.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    problem = run(picture, checkpoints)
    assert problem.startswith(
        f"libcolorize.demo: {picture}: Image size (2867 pixels) exceeds limit"
    )
    assert "\n" not in problem


def test_weights_that_cannot_be_had_are_missed_before_work_begins(
    picture: Path, checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(tmp_path))
    problem = run(picture, {"eccv16": checkpoints["eccv16"]})
    assert f"there is no {tmp_path / 'siggraph17-df00044c.pth'}" in problem
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("given", [(), ("eccv16",)])
def test_the_built_in_model_takes_the_place_of_weights_that_cannot_be_had(
    given: tuple[str, ...],
    picture: Path,
    photo: np.ndarray,
    model: libcolorize.Model,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys,
):
    monkeypatch.delenv("LIBCOLORIZE_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for network, entry in weights.PUBLISHED.items():
        # Port 1 of this machine: nobody listens there.
        elsewhere = dataclasses.replace(entry, url=f"http://127.0.0.1:1/{entry.name}")
        monkeypatch.setitem(weights.PUBLISHED, network, elsewhere)
    assert run(picture, {network: checkpoints[network] for network in given}) is None
    names = [*(f"out_{network}.png" for network in given), "out_default.png", "out_panel.png"]
    out, err = capsys.readouterr()
    assert out == "".join(f"{tmp_path / name}\n" for name in names)
    lost = [network for network in demo.TITLES if network not in given]
    for line, network in zip(err.splitlines(), lost):
        assert line.startswith(
            f"libcolorize.demo: {network} is not here, and the built-in model takes its place: "
        )
    assert len(err.splitlines()) == len(lost)
    result = np.asarray(Image.open(tmp_path / "out_default.png"))
    assert np.array_equal(result, model.colorize(photo))


def test_packages_that_are_missing(picture: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    problem = run(picture, {})
    assert problem == "libcolorize.demo needs pillow and matplotlib: pip install pillow matplotlib"


def test_a_file_is_whole_or_as_it_was(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), demo.written(path) as file:
        file.write(b"half of the ne")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    # Another name of the old file keeps the old content: the new one is another file.
    other = tmp_path / "other"
    os.link(path, other)
    with demo.written(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert other.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [path, other]


def test_a_temporary_name_cannot_be_foreseen(tmp_path: Path):
    seen = set()
    for _ in range(2):
        with demo.written(tmp_path / "file"):
            seen |= {path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")}
    assert len(seen) == 2


def test_help_needs_nothing(tmp_path: Path):
    for name in ("PIL", "matplotlib", "torch", "tqdm"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    program = "import libcolorize.demo as demo; demo.main(['--help'])"
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{program}"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.stdout.startswith("usage: python -m libcolorize.demo ")

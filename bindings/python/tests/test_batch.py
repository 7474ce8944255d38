"""Files and folders: what the command makes of them, from Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import raises_named
from PIL import Image

import libcolorize
from libcolorize import CommandError, Hint, Model, _batch, _command


@pytest.fixture
def scans(photo: np.ndarray, tmp_path: Path) -> Path:
    """A tree of pictures and other things."""
    root = tmp_path / "scans"
    (root / "Öl" / "写真").mkdir(parents=True)
    for number, name in enumerate(["a.png", "-b.JPG", "Öl/info", "Öl/写真/c.tif", "Öl/a.png"]):
        kind = {".JPG": "jpeg", ".tif": "tiff"}.get(Path(name).suffix, "png")
        Image.fromarray(photo[number:, :, 1]).save(root / name, kind)
    (root / "Öl" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    (root / "notes.txt").write_text("no picture")
    (root / ".hidden.png").write_bytes(b"")
    (root / ".thumbnails").mkdir()
    (root / ".thumbnails" / "d.png").write_bytes(b"")
    (root / "loop").symlink_to(root)
    return root


NAMES = ["-b.JPG", "a.png", "Öl/a.png", "Öl/写真/c.tif"]


def outputs(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_is_what_the_command_makes(photo: np.ndarray, model: Model, tmp_path: Path):
    source, target = tmp_path / "-in.png", tmp_path / "info.png"
    Image.fromarray(photo).save(source)
    options = {"style": "vivid", "variant": 2, "network_size": 96, "network_fit": "aspect"}
    assert libcolorize.colorize_file(source, str(target), **options) == target
    assert np.array_equal(np.asarray(Image.open(target)), model.colorize(photo, **options))
    options = {"temperature": 0.5, "saturation": 1.2, "upsampling": "bilinear", "gamut": "clip"}
    libcolorize.colorize_file(source, target, threads=1, preset="default", **options)
    assert np.array_equal(np.asarray(Image.open(target)), model.colorize(photo, **options))
    libcolorize.colorize_file(source, target, palette=source, palette_strength=0.5)
    expected = model.colorize(photo, palette=photo, palette_strength=0.5)
    assert np.array_equal(np.asarray(Image.open(target)), expected)
    hints = [Hint(10, 20, "#b22222", radius=6), (30.5, 40, "steelblue")]
    libcolorize.colorize_file(source, target, hints=hints)
    assert np.array_equal(np.asarray(Image.open(target)), model.colorize(photo, hints=hints))
    libcolorize.colorize_file(source, target, hints=hints, hint_reach=9)
    expected = model.colorize(photo, hints=hints, hint_reach=9)
    assert np.array_equal(np.asarray(Image.open(target)), expected)


def test_every_option_of_a_file_reaches_the_command():
    """Each of the TypedDict has its flag, and no other has. Hints are a picture's own."""
    from libcolorize import _batch

    folders = {"include", "exclude", "name", "to", "colored"}
    files = {*_batch._FLAGS, *_batch._SWITCHES, "provenance"}
    assert set(_batch.FileOptions.__annotations__) == {*files, "hints"} - folders
    assert set(_batch.BatchOptions.__annotations__) == {*files, "log"} - {"hint_reach"}


def test_a_file_with_another_model(
    photo: np.ndarray, eccv16: Model, checkpoints: dict[str, Path], tmp_path: Path
):
    source, target = tmp_path / "in.png", tmp_path / "out.tif"
    Image.fromarray(photo).save(source)
    libcolorize.colorize_file(source, target, model=checkpoints["eccv16"], network_size=64)
    expected = eccv16.colorize(photo, network_size=64)
    assert np.array_equal(np.asarray(Image.open(target)), expected)


def test_what_a_file_is_refused_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(b"no picture")
    with pytest.raises(CommandError, match=r"in\.png: ") as caught:
        libcolorize.colorize_file(source, target)
    assert caught.value.status == 1 and not str(caught.value).startswith("libcolorize:")
    with pytest.raises(CommandError, match="nowhere"):
        libcolorize.colorize_file(tmp_path / "nowhere.png", target)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "out.gif'; its name must end with .png or"):
        libcolorize.colorize_file(source, tmp_path / "out.gif")
    for hint in (Hint(1, 1, ab=(3, 4)), Hint(1, 1, (0.1, 0.2, 0.3))):
        with raises_named("COLORIZE_INVALID_ARGUMENT", "hints[0] is Hint(1, 1, "):
            libcolorize.colorize_file(source, target, hints=[hint])
    with pytest.raises(TypeError, match=r"colorize_file\(\) has no option 'progress'"):
        libcolorize.colorize_file(source, target, progress=print)
    monkeypatch.delenv("LIBCOLORIZE_COMMAND")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="libcolorize-tools"):
        libcolorize.colorize_file(source, target)
    with pytest.raises(FileNotFoundError, match="libcolorize-tools"):
        libcolorize.batch(tmp_path, tmp_path / "out")


def test_suffixes_are_the_command_s(tmp_path: Path, photo: np.ndarray):
    """Whatever it reads and writes, without a list of its own here."""
    known = _batch.suffixes(_command.find())
    assert known[".webp"] and known[".tif"] and known[".jfif"] and known[".png"]
    assert not known[".heic"] and not known[".jp2"]
    Image.fromarray(photo).save(tmp_path / "in.bmp")
    for suffix in (suffix for suffix, is_written in known.items() if is_written):
        target = libcolorize.colorize_file(tmp_path / "in.bmp", tmp_path / f"out{suffix}")
        assert np.asarray(Image.open(target)).shape[:2] == photo.shape[:2]


def test_pages_of_a_tiff(tmp_path: Path, photo: np.ndarray):
    pages = [Image.fromarray(photo), Image.fromarray(photo[::-1])]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    for options, count in (({}, 2), ({"pages": "all"}, 2), ({"pages": 2}, 1)):
        target = libcolorize.colorize_file(tmp_path / "in.tif", tmp_path / "out.tif", **options)
        assert Image.open(target).n_frames == count


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_folder_becomes_a_like_tree(
    jobs: int, scans: Path, photo: np.ndarray, model: Model, tmp_path: Path, capfd
):
    out = tmp_path / "colored"
    result = libcolorize.batch(scans, out, jobs=jobs, style="natural", progress=False)
    assert [str(path.relative_to(out)) for path in result.done] == NAMES
    assert outputs(out) == NAMES
    assert list(result.failed) == [scans / "Öl" / "broken.png"]
    assert result.failed[scans / "Öl" / "broken.png"].startswith("libpng: ")
    others = {".txt": 1, "no extension": 1, "hidden": 2, "links to folders": 1}
    assert result.passed_over == others
    assert repr(result) == ("<libcolorize.BatchResult 4 done, 0 skipped, 1 failed, 5 passed over>")
    for name, first in (("a.png", 0), ("Öl/写真/c.tif", 3), ("Öl/a.png", 4)):
        expected = model.colorize(photo[first:, :, 1], style="natural")
        assert np.array_equal(np.asarray(Image.open(out / name)), expected)
    assert capfd.readouterr() == ("", "")


def test_what_is_there_already(scans: Path, tmp_path: Path):
    out = tmp_path / "colored"
    (out / "Öl").mkdir(parents=True)
    before = (scans / "a.png").read_bytes()
    (out / "Öl" / "a.png").write_bytes(before)
    with pytest.raises(FileExistsError, match=r"Öl/a\.png is there already"):
        libcolorize.batch(scans, out, existing="fail", progress=False)
    assert outputs(out) == ["Öl/a.png"]
    result = libcolorize.batch(scans, out, progress=False)
    assert (len(result.done), result.skipped) == (3, [out / "Öl" / "a.png"])
    assert (out / "Öl" / "a.png").read_bytes() == before
    again = libcolorize.batch(scans, out, progress=False)
    assert (again.done, len(again.skipped), len(again.failed)) == ([], 4, 1)
    replaced = libcolorize.batch(scans, out, existing="replace", progress=False)
    assert (len(replaced.done), replaced.skipped) == (4, [])
    assert (out / "Öl" / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_output_may_be_in_the_folder(scans: Path):
    for _ in range(2):
        libcolorize.batch(scans, scans / "colored", existing="replace", progress=False)
        assert outputs(scans / "colored") == NAMES


def test_what_a_folder_is_refused_for(scans: Path, tmp_path: Path):
    out = tmp_path / "out"
    with pytest.raises(NotADirectoryError, match=r"folder is .*a\.png"):
        libcolorize.batch(scans / "a.png", out)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "existing is 'keep'; it must be 'skip' or"):
        libcolorize.batch(scans, out, existing="keep")
    for jobs in (0, 257):
        with raises_named("COLORIZE_INVALID_ARGUMENT", f"jobs is {jobs}; it must be 1 to 256"):
            libcolorize.batch(scans, out, jobs=jobs)
    with pytest.raises(TypeError, match=r"batch\(\) has no option 'hints'"):
        libcolorize.batch(scans, out, hints=[])
    assert not out.exists()
    with pytest.raises(CommandError, match="--temperature is 99") as caught:
        libcolorize.batch(scans, out, temperature=99, progress=False)
    assert caught.value.status == 64 and not out.exists()


def test_the_options_of_folders(scans: Path, photo: np.ndarray, tmp_path: Path):
    (scans / "Öl" / "broken.png").unlink()
    Image.fromarray(photo).save(scans / "color.png")
    out, log = tmp_path / "a" / "colored", tmp_path / "log.jsonl"
    options: dict = {"name": "{stem}_c{ext}", "to": "jpeg", "quality": 50, "log": log}
    result = libcolorize.batch(scans, out, exclude="*b.*", progress=False, **options)
    assert outputs(out) == ["a_c.jpg", "Öl/a_c.jpg", "Öl/写真/c_c.jpg"]
    assert result.skipped == [out / "color_c.jpg"] and result.passed_over["excluded"] == 1
    records = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert records[0]["run"] == "begun" and records[0]["pictures"] == 4
    assert [one["status"] for one in records[1:-1]].count("done") == 3
    assert records[-1]["run"] == "ended" and records[-1]["done"] == 3
    assert all("--quality 50" in one["options"] for one in records[1:-1])
    again = libcolorize.batch(
        scans, out, include=["a.*", "color.*"], colored="copy", provenance=False, progress=False
    )
    assert (again.done, again.copied) == ([out / "a.png", out / "Öl/a.png"], [out / "color.png"])
    assert b"libcolorize" not in (out / "a.png").read_bytes()
    assert (out / "color.png").read_bytes() == (scans / "color.png").read_bytes()


def test_a_bar_where_tqdm_is(scans: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    libcolorize.batch(scans, tmp_path / "out")
    assert "5/5" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert len(libcolorize.batch(scans, tmp_path / "other").done) == 4
    assert capsys.readouterr().err == ""


def test_a_stopped_run_is_gone_on_with(scans: Path, photo: np.ndarray, tmp_path: Path):
    """Ctrl-C, as a terminal sends it to a process and its children."""
    for number in range(200):
        Image.fromarray(np.roll(photo[..., 1], number, 0)).save(scans / f"{number}.png")
    out = tmp_path / "out"
    program = "import libcolorize, sys; libcolorize.batch(*sys.argv[1:], progress=False)"
    process = subprocess.Popen(
        [sys.executable, "-c", program, scans, out],
        env={**os.environ, "PYTHONPATH": str(Path(libcolorize.__file__).parents[1])},
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    deadline = time.monotonic() + 120
    while len(list(out.glob("*.png"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    before = outputs(out)
    assert 3 <= len(before) < 204
    for name in before:
        Image.open(out / name).load()
    result = libcolorize.batch(scans, out, progress=False)
    assert len(result.skipped) == len(before) and len(result.done) == 204 - len(before)
    assert len(outputs(out)) == 204

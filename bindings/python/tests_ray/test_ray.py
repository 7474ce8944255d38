"""libcolorize.ray on a cluster of this machine, against libcolorize.batch."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import ray as cluster
from PIL import Image

import libcolorize
from libcolorize import ray


@pytest.fixture(scope="module", autouse=True)
def two_processors() -> Iterator[None]:
    cluster.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    yield
    cluster.shutdown()


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A tree of pictures of 8 and 16 bits, with one that is broken and two that are none."""
    folder = tmp_path / "scans"
    for number in range(12):
        path = folder / f"box {number % 3}" / f"{number}.{('png', 'jpg', 'tif')[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.random.default_rng(number).integers(0, 256, (40, 50)).astype(np.uint8)
        deep = number == 3
        Image.fromarray(picture * np.uint16(257) if deep else picture).save(path)
    (folder / "box 0" / "broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_it_gives_what_batch_gives(scans: Path, tmp_path: Path):
    whole = libcolorize.batch(scans, tmp_path / "expected", style="vivid", progress=False)
    out = tmp_path / "out"
    result = ray.batch(scans, out, workers=2, batch_size=4, progress=False, style="vivid")
    assert tree(out) == tree(tmp_path / "expected") and len(tree(out)) == 12
    assert result.done == sorted(str(out / name) for name in tree(out))
    ((broken, reason),) = result.failed.items()
    assert broken == str(scans / "box 0" / "broken.png")
    assert reason and whole.failed == {Path(broken): reason}
    assert result.passed_over == [str(scans / "notes.txt")]
    assert Image.open(out / "box 0" / "3.png").mode == "RGB"
    assert repr(result) == "<libcolorize.ray.Result 12 done, 0 skipped, 1 failed, 1 passed over>"
    # Once more, and once more for one that is missing.
    again = ray.batch(scans, out, workers=2, progress=False, style="vivid")
    assert not again.done and sorted(again.skipped) == result.done and len(again.failed) == 1
    (out / "box 0" / "3.png").unlink()
    paths = [str(path) for path in scans.rglob("*") if path.suffix in (".png", ".jpg", ".tif")]
    assert ray.batch(paths, out, progress=False, style="vivid").done == [str(out / "box 0/3.png")]
    assert tree(out) == tree(tmp_path / "expected")
    replaced = ray.batch(paths, out, progress=False, existing="replace")
    assert replaced.done == result.done and tree(out) != tree(tmp_path / "expected")
    with pytest.raises(FileExistsError, match="is there already, and 11 more"):
        ray.batch(scans, out, existing="fail")


def test_a_pipeline_of_one_s_own(scans: Path, tmp_path: Path):
    """What the module's docstring shows."""
    files = cluster.data.read_binary_files(str(scans / "box 1"), include_paths=True)
    rows = files.map_batches(
        ray.Colorizer,
        batch_size=2,
        compute=cluster.data.ActorPoolStrategy(size=1),
        fn_constructor_kwargs={"out": str(tmp_path / "out")},
    ).take_all()
    assert {row["error"] for row in rows} == {""}
    libcolorize.batch(scans / "box 1", tmp_path / "expected", progress=False)
    assert tree(tmp_path / "out") == tree(tmp_path / "expected")


def test_mistakes_are_named(scans: Path, tmp_path: Path):
    with pytest.raises(NotADirectoryError, match="nowhere'"):
        ray.batch(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(libcolorize.Error, match="workers is 0; it must be 1 or more"):
        ray.batch(scans, tmp_path / "out", workers=0)
    with pytest.raises(libcolorize.Error, match="existing is 'keep'"):
        ray.batch(scans, tmp_path / "out", existing="keep")
    with pytest.raises(TypeError, match=r"no option 'styl'; did you mean 'style'\?"):
        ray.batch(scans, tmp_path / "out", styl="vivid")
    missing = ray.batch([str(scans / "box 0/99.png")], tmp_path / "out", progress=False)
    (reason,) = missing.failed.values()
    assert "No such file or directory" in reason
    assert ray.batch([], tmp_path / "out").done == []


def workers() -> list[int]:
    """The processes of this test's cluster that color pictures."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes()
            status = (folder / "stat").read_text()
            if command.startswith(b"ray::") and b"Colorizer" in command:
                raylet = int(status.rpartition(")")[2].split()[1])
                parent = (Path("/proc") / str(raylet) / "stat").read_text()
                if int(parent.rpartition(")")[2].split()[1]) == os.getpid():
                    found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return found


def test_a_killed_worker_loses_nothing_and_nothing_is_done_twice(tmp_path: Path):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    for number in range(60):
        picture = np.random.default_rng(number).integers(0, 256, (400, 500)).astype(np.uint8)
        Image.fromarray(picture).save(scans / f"{number:02d}.png")
    first: dict[str, tuple[int, int]] = {}
    killed: list[int] = []
    done = threading.Event()

    def watch() -> None:
        """Notes outputs as they first appear, and kills a worker when there are some."""
        while not done.wait(0.02):
            for path in out.glob("*.png"):
                status = path.stat()
                first.setdefault(path.name, (status.st_ino, status.st_mtime_ns))
            if len(first) >= 8 and not killed:
                for pid in workers()[:1]:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = ray.batch(scans, out, workers=2, batch_size=5, progress=False)
    finally:
        done.set()
        watcher.join()
    assert killed, "no worker was found"
    assert not result.failed and len(result.done) == len(set(result.done)) == 60
    # What was there when the worker died is what is there now: the same file, not one like it.
    for name, (inode, changed) in first.items():
        status = (out / name).stat()
        assert (status.st_ino, status.st_mtime_ns) == (inode, changed), name
    libcolorize.batch(scans, tmp_path / "expected", progress=False)
    assert tree(out) == tree(tmp_path / "expected")
    # The dead worker's folder is no part of the result.
    assert sorted(os.listdir(out)) == [f"{number:02d}.png" for number in range(60)]


def test_the_page_s_example_runs(scans: Path, tmp_path: Path):
    text = (Path(__file__).parents[3] / "docs" / "many-machines.md").read_text()
    (example,) = re.findall(r"```python\n(from libcolorize import ray\n.*?)```", text, re.DOTALL)
    # The same with folders, and as many workers as there are here.
    local = example.replace("s3://archive", str(tmp_path)).replace("64", "2")
    names: dict[str, object] = {}
    exec(local, names)
    assert repr(names["result"]).startswith("<libcolorize.ray.Result 12 done")

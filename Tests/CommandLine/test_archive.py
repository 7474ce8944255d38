"""An archive as they are: nested, in four scripts, with what is broken, colored or no picture at
all. The command is killed again and again, and in the end every output is what one undisturbed run
gives.

LIBCOLORIZE_ARCHIVE is the number of pictures (default: 40). From 1000 on the command is killed ten
times, else twice.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import FAILURE, jpeg

PICTURES = int(os.environ.get("LIBCOLORIZE_ARCHIVE", "40"))
KILLS = 10 if PICTURES >= 1000 else 2
FOLDERS = ["", "1890", "Öl & Söhne", "写真/昭和", "архив/дом/сад", "صور"]
SUFFIXES = [".jpg", ".png", ".tif", ".JPG", ".jpeg"]


def picture(number, size=(72, 96)):
    """A picture that no other number has."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    waves = np.hypot(x - 7 * (number % 11), y - 5 * (number % 7)) * (2 + number % 5)
    return np.uint8((waves + 30 * (x // 16) + number) % 256)


def make(root, count):
    """An archive. Returns how many of its files have colors, are broken and are no pictures."""
    made = {"colored": 0, "broken": 0, "other": 0}
    for number in range(count):
        # Names repeat: from folder to folder, and with other suffixes.
        folder = root / FOLDERS[number % len(FOLDERS)]
        folder.mkdir(parents=True, exist_ok=True)
        suffix = SUFFIXES[number // 2 % len(SUFFIXES)]
        path = folder / f"scan {number // 4}{suffix}"
        gray = picture(number)
        if number % 20 == 3:
            gray = np.stack([gray, gray // 3, 255 - gray], axis=2)
            made["colored"] += 1
        kind = {".png": "PNG", ".tif": "TIFF"}.get(suffix, "JPEG")
        assert not path.exists()
        Image.fromarray(gray).save(path, kind)
        if number % 50 == 7:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            made["broken"] += 1
        if number % 33 == 5:
            (folder / f"notes {number}.txt").write_text("in the attic")
            made["other"] += 1
        if number % 25 == 9:
            path.with_suffix(".xmp").write_text(f"sidecar {number}")
            made["other"] += 1
    return made


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory, colorize):
    """An archive, what is in it, and what one run makes of it."""
    folder = tmp_path_factory.mktemp("archive")
    made = make(folder / "scans", PICTURES)
    result = run(colorize, folder / "scans", folder / "whole")
    assert result.returncode == FAILURE, result.stderr
    summary = messages(result.stderr)[made["broken"]]
    done = PICTURES - made["colored"] - made["broken"]
    # What is colored and broken is broken.
    both = sum(number % 20 == 3 and number % 50 == 7 for number in range(PICTURES))
    assert (
        f"{done + both} colored, {made['colored'] - both} skipped, {made['other']} passed over, "
        in (summary)
    )
    assert f"{made['broken']} failed in " in summary
    yield folder / "scans", content(folder / "whole"), result.stderr
    shutil.rmtree(folder)


def messages(said):
    """All but how far a run is, which a slow one says once a minute."""
    return [line for line in said.splitlines() if not re.match(r"libcolorize: \d+ of \d+", line)]


def run(colorize, scans, out, *options):
    return subprocess.run(
        [colorize.path, *options, "-o", out, scans], capture_output=True, text=True
    )


def count(folder):
    return sum(len(names) for _, _, names in os.walk(folder))


def begun(command, out, wanted, **options):
    """A run that has come to `wanted` outputs, or to its end: a machine may be busy, so moments are
    told by what is there."""
    process = subprocess.Popen(command, text=True, **options)
    while process.poll() is None and count(out) < wanted:
        time.sleep(0.001)
    return process


def test_killed_at_any_moment_and_started_again(colorize, archive, tmp_path):
    scans, whole, _ = archive
    out, log = tmp_path / "out", tmp_path / "log.jsonl"
    moments = random.Random(23)
    command = [colorize.path, "--log", log, "-o", out, scans]
    killed = 0
    while killed < KILLS:
        wanted = int(len(whole) * (killed + moments.random()) / (KILLS + 1))
        process = begun(command, out, wanted, stderr=subprocess.DEVNULL)
        time.sleep(moments.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        # Whatever has a picture's name is whole.
        names = content(out) if out.exists() else {}
        for name, data in names.items():
            assert ".libcolorize-" in name or data == whole[name]
        # It may have been too fast; then there is work again.
        for name in list(names)[::2] if process.returncode != -signal.SIGKILL else ():
            (out / name).unlink()
    result = run(colorize, scans, out, "--log", log)
    assert result.returncode == FAILURE
    assert content(out) == whole
    # Each input has a record that it was done, or was there when it came to it.
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert records[-1]["run"] == "ended"
    records = [record for record in records if "input" in record]
    status = {record["input"]: record["status"] for record in records}
    assert len(status) == PICTURES
    outputs = {os.path.relpath(record["output"], out) for record in records}
    assert {name for name in whole if not name.endswith(".xmp")} == {
        name for name in outputs if (out / name).exists()
    }
    assert {"skipped", "failed"} <= set(status.values()) <= {"done", "skipped", "failed"}


@pytest.mark.parametrize("jobs", ["1", "5"])
def test_the_bytes_and_the_messages_do_not_depend_on_the_jobs(colorize, archive, tmp_path, jobs):
    scans, whole, said = archive
    result = run(colorize, scans, tmp_path / "out", "--jobs", jobs)
    assert content(tmp_path / "out") == whole

    def timeless(text):
        return [line.split(" in ")[0] for line in messages(text)]

    assert timeless(result.stderr) == timeless(said)


def test_interrupted(colorize, archive, tmp_path):
    """Ctrl-C: what is begun is dropped, nothing is left of it, and the end says what was done."""
    scans, whole, _ = archive
    for attempt in range(20):
        out = tmp_path / f"out{attempt}"
        process = begun([colorize.path, "-o", out, scans], out, 3, stderr=subprocess.PIPE)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=600)[1]
        if process.returncode == -signal.SIGINT:
            break
    else:
        pytest.fail("each run was at its end before the signal came")
    assert " colored" in said
    for name, data in content(out).items():
        assert data == whole[name]


# ---- Where outputs cannot be written ------------------------------------------------------------


def in_namespace(script, *arguments):
    """Runs a shell script that may mount, in a namespace of its own."""
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    inside = ["unshare", *own, "--mount"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        pytest.skip("a mount namespace of one's own needs root's rights")
    return subprocess.run(
        [*inside, "sh", "-euc", script, "sh", *map(str, arguments)], capture_output=True, text=True
    )


def test_a_full_disk(colorize, archive, tmp_path):
    """What fits is whole, the rest is reported, and with more room it goes on."""
    scans, whole, _ = archive
    out, kept = tmp_path / "out", tmp_path / "kept"
    out.mkdir()
    kept.mkdir()
    size = sum(map(len, whole.values())) // 2
    script = (
        'mount -t tmpfs -o size="$4" tmpfs "$2"; "$1" -o "$2" "$3" && exit 9 || test $? = 1; '
        'cp -a "$2"/. "$5"; mount -o remount,size=1g "$2"; "$1" -o "$2" "$3" || test $? = 1; '
        'cp -a "$2" "$5.all"'
    )
    result = in_namespace(script, colorize.path, out, scans, size, kept)
    assert result.returncode == 0, result.stderr
    assert "cannot be written: No space left on device" in result.stderr
    some = content(kept)
    assert 0 < len(some) < len(whole)
    assert some.items() <= whole.items()
    assert content(tmp_path / "kept.all") == whole


def test_a_folder_that_cannot_be_written(colorize, archive, tmp_path):
    scans, whole, _ = archive
    out = tmp_path / "out"
    out.mkdir()
    script = 'mount -t tmpfs -o ro tmpfs "$2"; "$1" -o "$2" "$3" || test $? = 1; ls -A "$2"'
    result = in_namespace(script, colorize.path, out, scans)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert result.stderr.count("cannot be written: Read-only file system") >= len(whole) / 2
    assert "0 colored" in result.stderr


def test_a_folder_that_vanishes(colorize, archive, tmp_path):
    """Inputs that go while others are colored are reported. Outputs that go are made again with
    their folder."""
    scans, whole, _ = archive
    for attempt in range(20):
        copy, out = tmp_path / f"scans{attempt}", tmp_path / f"out{attempt}"
        shutil.copytree(scans, copy)
        process = begun([colorize.path, "-o", out, copy], out, 3, stderr=subprocess.PIPE)
        shutil.rmtree(copy)
        shutil.rmtree(out, ignore_errors=True)
        said = process.communicate(timeout=600)[1]
        assert process.returncode == FAILURE and " colored" in said
        for name, data in content(out).items() if out.exists() else ():
            assert data == whole[name]
        if "No such file or directory" in said:
            return
    pytest.fail("each run was at its end before its folders were gone")


# ---- Memory -------------------------------------------------------------------------------------


def peak(command):
    """The largest resident memory of a command, in MB. The mark only rises; the last is seen."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    largest = 0
    while process.poll() is None:
        state = Path(f"/proc/{process.pid}/status").read_text()
        mark = re.search(r"VmHWM:\s+(\d+) kB", state)
        largest = max(largest, int(mark.group(1)) if mark else 0)
        time.sleep(0.002)
    assert process.returncode == 0
    return largest / 1024


def test_memory_does_not_grow_with_the_number(colorize, tmp_path):
    """Ten times as many pictures take at most 30 MB more: what malloc keeps, and some hundred bytes
    a name."""
    few, many = tmp_path / "few", tmp_path / "many"
    few.mkdir()
    many.mkdir()
    data = jpeg(picture(1, (480, 640)))
    count = max(PICTURES * 5 // 2, 100)
    for number in range(count):
        (many / f"{number}.jpg").write_bytes(data)
    for number in range(count // 10):
        (few / f"{number}.jpg").write_bytes(data)
    small = peak([colorize.path, "--jobs", "2", "-o", tmp_path / "a", few])
    large = peak([colorize.path, "--jobs", "2", "-o", tmp_path / "b", many])
    print(f"{count // 10} pictures: {small:.0f} MB; {count}: {large:.0f} MB")
    assert large < small + 30

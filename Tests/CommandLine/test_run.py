"""Options, batches, progress, and what happens when it is stopped or the disk is full."""

import fcntl
import os
import pty
import re
import resource
import signal
import struct
import subprocess
import termios
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import FAILURE, GRAY, chunk, header, jpeg, names, pixels, png


@pytest.fixture
def photo(tmp_path):
    """A picture in which the network sees something: sky, ground and a house."""
    y, x = np.mgrid[0:160, 0:200]
    gray = np.where(y < 70, 215 - y // 2, 70 + (x * 7 + y * 13) % 23)
    gray[50:110, 60:140] = 150 + (x[50:110, 60:140] // 10 % 2) * 20
    gray[70:90, 75:95] = 20
    path = tmp_path / "photo.png"
    Image.fromarray(gray.astype(np.uint8)).save(path)
    return path


# ---- Options ------------------------------------------------------------------------------------


def test_options_change_the_picture(colorize, tmp_path, photo):
    out = tmp_path / "out.png"
    default, _ = colorize.color(photo, out)
    chroma = np.ptp(default.astype(int), axis=2).mean()
    for options in [
        ["--temperature", "1"],
        ["--saturation", "0.5"],
        ["--network-size", "64"],
        ["--preset", "reference"],
    ]:
        other, _ = colorize.color(photo, out, *options)
        assert np.abs(other.astype(int) - default).max() > 3, options
        if "--saturation" in options:
            assert np.ptp(other.astype(int), axis=2).mean() < chroma
    spelled_out, _ = colorize.color(
        photo, out, "--temperature", "0.38", "--network-size", "160", "--preset", "default"
    )
    assert np.array_equal(spelled_out, default)
    reference, _ = colorize.color(photo, out, "--preset", "reference", "--network-size", "256")
    same, _ = colorize.color(photo, out, "--preset", "reference")
    assert np.array_equal(reference, same)
    size, _ = colorize.color(photo, out, "--network-size", "64")
    factor, _ = colorize.color(photo, out, "--render-factor", "4")
    assert np.array_equal(size, factor)
    said = colorize.refused("--render-factor=4", "--network-size=64", photo)
    assert "--network-size and --render-factor say the same" in said


def test_any_number_of_threads_gives_the_same_file(colorize, tmp_path, photo):
    files = set()
    for threads in (1, 2, 3, 7, 256):
        colorize("--threads", str(threads), "-o", tmp_path / "out.png", photo)
        files.add((tmp_path / "out.png").read_bytes())
    assert len(files) == 1


@pytest.mark.parametrize(
    ("option", "values", "bound"),
    [
        ("--temperature", ["0", "0.009", "10.1", "-1", "nan", "inf"], "it must be 0.01 to 10"),
        ("--threads", ["0", "257", "-3"], "it must be 1 to 256"),
        ("--render-factor", ["0", "129", "-3"], "it must be 1 to 128"),
        (
            "--network-size",
            ["0", "15", "24", "2064", "-16"],
            "it must be a multiple of 16, 16 to 2048",
        ),
    ],
)
def test_values_out_of_bounds_are_named_with_the_bound(colorize, photo, option, values, bound):
    for value in values:
        said = colorize.refused(f"{option}={value}", photo)
        assert re.search(rf"{option} is {re.escape(value)}[0-9.]*; {re.escape(bound)}", said), said
    assert names(photo.parent) == ["photo.png"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--temperature", "warm"],
        ["--threads", "two"],
        ["--network-size", "1e3"],
        ["--network-size", "99999999999999999999"],
        ["--preset", "best"],
        ["--color"],
    ],
)
def test_values_that_are_none(colorize, photo, arguments):
    said = colorize.refused(*arguments, photo)
    assert arguments[0] in said
    assert names(photo.parent) == ["photo.png"]


def test_bounds_themselves_are_allowed(colorize, tmp_path, photo):
    for options in [
        ["--temperature", "0.01"],
        ["--temperature", "10"],
        ["--network-size", "16"],
        ["--threads", "256"],
    ]:
        colorize(*options, "-o", tmp_path / "out.png", photo)


def test_a_large_network_size(colorize, tmp_path, photo):
    colorize("--network-size", "2048", "-o", tmp_path / "out.png", photo)
    assert pixels(tmp_path / "out.png").shape == (160, 200, 3)


@pytest.mark.parametrize("value", ["sse", "", "AVX2"])
def test_an_unknown_instruction_set(colorize, photo, value):
    said = colorize(photo, environment={"COLORIZE_ISA": value}, status=FAILURE).stderr
    assert f'COLORIZE_ISA is "{value}"; it must be one of avx512, avx2, baseline' in said
    assert said.count("\n") == 1
    assert names(photo.parent) == ["photo.png"]


# ---- Several files ------------------------------------------------------------------------------


def test_a_bad_file_among_many_is_reported_and_the_rest_is_done(colorize, tmp_path, gray):
    for name in "aceg":
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(gray))
    (tmp_path / "b.jpg").write_bytes(jpeg(gray)[:300])
    (tmp_path / "f.png").write_bytes(b"no picture")
    sources = [f"{name}.jpg" for name in "abcde"] + ["f.png", "g.jpg"]
    said = colorize("-o", "out", *sources, status=FAILURE, cwd=tmp_path).stderr.splitlines()
    assert names(tmp_path / "out") == ["a.jpg", "c.jpg", "e.jpg", "g.jpg"]
    assert [line.split(": ")[1] for line in said] == ["b.jpg", "d.jpg", "f.png"]
    assert said[1] == "libcolorize: d.jpg: cannot be opened: No such file or directory"


def test_the_order_of_files_does_not_matter(colorize, tmp_path, gray, photo):
    """Nothing of one picture gets into the next."""
    other = tmp_path / "other.png"
    Image.fromarray(gray).save(other)
    colorize("-o", tmp_path / "one", photo, other)
    colorize("-o", tmp_path / "two", other, photo)
    for name in ("photo.png", "other.png"):
        files = [(tmp_path / folder / name).read_bytes() for folder in ("one", "two")]
        assert files[0] == files[1]


def test_a_reader_of_messages_that_has_gone_does_not_stop_the_work(colorize, tmp_path, gray):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    Image.fromarray(gray).save(tmp_path / "good.png")
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [colorize.path, "-o", "out", "bad.png", "good.png"], cwd=tmp_path, stderr=writer
    )
    os.close(writer)
    assert result.returncode == FAILURE
    assert names(tmp_path / "out") == ["good.png"]


# ---- Places that cannot be written --------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.png", "out.jpg"])
def test_a_folder_without_permission(colorize, public_folder, gray, name):
    folder = public_folder / f"read-only-{name}"
    folder.mkdir()
    Image.fromarray(gray).save(folder / "a.png")
    folder.chmod(0o555)
    # Root may write everywhere.
    user = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
    said = colorize("-o", folder / name, folder / "a.png", status=FAILURE, **user).stderr
    folder.chmod(0o755)
    assert said == f"libcolorize: {folder / name}: cannot be written: Permission denied\n"
    assert names(folder) == ["a.png"]


def test_an_input_without_permission(colorize, public_folder, gray):
    folder = public_folder / "unreadable"
    folder.mkdir()
    folder.chmod(0o777)
    Image.fromarray(gray).save(folder / "a.png")
    (folder / "a.png").chmod(0)
    user = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
    said = colorize(folder / "a.png", status=FAILURE, **user).stderr
    assert said == f"libcolorize: {folder}/a.png: cannot be opened: Permission denied\n"


@pytest.fixture
def noise(tmp_path):
    """A picture whose output has more than 100 KB."""
    path = tmp_path / "noise.png"
    random = np.random.default_rng(3)
    Image.fromarray(random.integers(0, 256, (300, 400), dtype=np.uint8)).save(path)
    return path


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
@pytest.mark.parametrize("size", [0, 1, 5000, 80000])
def test_a_file_that_may_not_grow(colorize, tmp_path, noise, kind, size):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    out = tmp_path / f"out.{kind}"
    said = colorize("-o", out, noise, status=FAILURE, preexec_fn=limit).stderr
    assert said == f"libcolorize: {out}: cannot be written: File too large\n"
    assert names(tmp_path) == ["noise.png"]


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_a_full_disk(colorize, tmp_path, noise, gray, kind):
    """Also where only the last bytes, which the C library still holds, do not fit."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root's rights")
    try:
        small = tmp_path / "small.png"
        Image.fromarray(gray[:24, :24]).save(small)
        said = colorize("-o", disk / f"out.{kind}", noise, status=FAILURE).stderr
        assert (
            said == f"libcolorize: {disk}/out.{kind}: cannot be written: No space left on device\n"
        )
        assert names(disk) == []
        (disk / "filler").write_bytes(b"x" * 61440)
        colorize("--no-provenance", "-o", disk / f"fits.{kind}", small)
        assert (disk / f"fits.{kind}").stat().st_size < 4096
        (disk / f"fits.{kind}").unlink()
        (disk / "filler").write_bytes(b"x" * 65536)
        said = colorize("-o", disk / f"out.{kind}", small, status=FAILURE).stderr
        assert (
            said == f"libcolorize: {disk}/out.{kind}: cannot be written: No space left on device\n"
        )
        assert names(disk) == ["filler"]
    finally:
        subprocess.run(["umount", disk], check=True)


# ---- Stopping -----------------------------------------------------------------------------------


# Seconds. It takes 20 ms on a machine that has nothing else to do.
PROMPTLY = 4


@pytest.fixture(scope="module")
def huge(tmp_path_factory):
    """60 megapixels: some seconds of reading, coloring and writing."""
    width, height = 10000, 6000
    row = b"\0" + (np.arange(width) // 40 % 256).astype(np.uint8).tobytes()
    data = b"\x89PNG\r\n\x1a\n" + header(width, height, 8, GRAY)
    data += chunk(b"IDAT", zlib.compress(row * height, 1)) + chunk(b"IEND", b"")
    path = tmp_path_factory.mktemp("huge") / "huge.png"
    path.write_bytes(data)
    return path


def start(colorize, *arguments, ignored=()):
    """Starts the command with the dispositions of signals that a terminal's shell gives it; what
    runs in the background may ignore some."""

    def set_dispositions():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    return subprocess.Popen(
        [colorize.path, *map(str, arguments)],
        stderr=subprocess.PIPE,
        preexec_fn=set_dispositions,
    )


def wait_for_temporary(folder):
    until = time.monotonic() + 60
    while not [name for name in names(folder) if name.startswith(".libcolorize-")]:
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_stopped_while_writing(colorize, tmp_path, huge, number, kind):
    process = start(colorize, "-o", tmp_path / f"out.{kind}", huge)
    wait_for_temporary(tmp_path)
    begin = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    # By the signal, which a shell shows as 128 + number, and before the rest was written.
    assert process.returncode == -number
    assert time.monotonic() - begin < PROMPTLY
    assert said == b""
    assert names(tmp_path) == []


@pytest.mark.parametrize("delay", [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8])
def test_stopped_at_any_time(colorize, tmp_path, huge, delay):
    """While the model opens, the picture is read, the network runs or rows are colored."""
    process = start(colorize, "--network-size", "512", "-o", tmp_path / "out.png", huge)
    time.sleep(delay)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert time.monotonic() - begin < PROMPTLY
    assert names(tmp_path) == []


def is_stopped_at_once(colorize, arguments, status=0):
    """Whether an interrupt ends a run long before its own end. The best of some tries counts, for
    other programs take time away."""

    def seconds(stop_after=None):
        begin = time.monotonic()
        process = start(colorize, *arguments)
        if stop_after is not None:
            time.sleep(stop_after)
            process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == (status if stop_after is None else -signal.SIGINT)
        return time.monotonic() - begin

    whole = min(seconds() for _ in range(2))
    return min(seconds(stop_after=whole / 3) for _ in range(3)) < whole * 0.7


def test_stopped_while_the_network_runs(colorize, tmp_path, photo):
    """At once, not when the network has come to its end."""
    options = ["--network-size", "1536", "--threads", "1"]
    assert is_stopped_at_once(colorize, [*options, "-o", tmp_path / "out.png", photo])


def test_stopped_while_a_picture_is_read(colorize, tmp_path):
    """A picture that is refused once it has been read, so that nothing else takes time."""
    side = 7000
    Image.new("RGBA", (side, side), (9, 9, 9, 9)).save(tmp_path / "in.png", compress_level=1)
    arguments = ["-o", tmp_path / "out.jpg", tmp_path / "in.png"]
    assert is_stopped_at_once(colorize, arguments, FAILURE)


def test_the_files_before_are_whole_when_it_is_stopped(colorize, tmp_path, huge, photo):
    expected, _ = colorize.color(photo, tmp_path / "expected.png")
    process = start(colorize, "-o", tmp_path / "out", photo, huge)
    until = time.monotonic() + 60
    while not (tmp_path / "out" / "photo.png").exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert names(tmp_path / "out") == ["photo.png"]
    assert np.array_equal(pixels(tmp_path / "out/photo.png"), expected)


def test_stopped_while_it_waits_for_an_input(colorize, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    process = start(colorize, "-o", tmp_path / "out.png", tmp_path / "pipe.png")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode == -signal.SIGINT
    assert names(tmp_path) == ["pipe.png"]


def test_nohup_is_respected(colorize, tmp_path):
    y, x = np.mgrid[0:2000, 0:2000]
    Image.fromarray(((x ^ y) % 256).astype(np.uint8)).save(tmp_path / "in.png")
    (tmp_path / "out").mkdir()
    arguments = ["-o", tmp_path / "out", tmp_path / "in.png"]
    process = start(colorize, *arguments, ignored=[signal.SIGHUP])
    wait_for_temporary(tmp_path / "out")
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=60) == (None, b"")
    assert process.returncode == 0
    assert pixels(tmp_path / "out/in.png").shape == (2000, 2000, 3)


# ---- Progress -----------------------------------------------------------------------------------


def on_terminal(colorize, *arguments, columns=80, terminal="xterm", **options):
    """What the command writes to a terminal of this width."""
    controller, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [colorize.path, *map(str, arguments)],
        stderr=follower,
        env=dict(os.environ, TERM=terminal),
        **options,
    )
    os.close(follower)
    said = b""
    while True:
        try:
            part = os.read(controller, 65536)
        except OSError:  # how a terminal says that its last user has gone
            break
        if not part:
            break
        said += part
    os.close(controller)
    process.wait()
    return said.decode(), process.returncode


def test_progress_on_a_terminal(colorize, tmp_path, photo, gray):
    Image.fromarray(gray).save(tmp_path / "second.png")
    said, status = on_terminal(
        colorize, "-o", "out", "photo.png", "second.png", "third.png", cwd=tmp_path
    )
    assert status == FAILURE
    lines = [line.removesuffix("\x1b[K") for line in re.split(r"\r\x1b\[K|\r\n", said)]
    bars = [line for line in lines if "[" in line]
    for number, name in [(1, "photo.png"), (2, "second.png")]:
        own = [line for line in bars if line.startswith(f"{number}/3 {name} [")]
        figures = [int(line.split()[-2]) for line in own]
        assert figures == sorted(figures)
        assert figures[0] == 0 and figures[-1] == 100 and len(figures) > 2
        assert own[-1].count("#") == 20
    # What was made and what was not, each on a line of its own.
    assert "photo.png -> out/photo.png" in lines
    assert "second.png -> out/second.png" in lines
    assert "libcolorize: third.png: cannot be opened: No such file or directory" in lines
    assert said.endswith("\r\n")


@pytest.mark.parametrize("columns", [12, 20, 39, 40, 60])
def test_a_progress_line_fits_into_the_terminal(colorize, tmp_path, gray, columns):
    name = "a-name-that-is-longer-than-a-narrow-terminal.png"
    Image.fromarray(gray).save(tmp_path / name)
    said, status = on_terminal(colorize, name, columns=columns, cwd=tmp_path)
    assert status == 0
    lines = [line for line in re.split(r"\r\x1b\[K|\r\n", said) if line.endswith(" %")]
    assert lines[-1].endswith(" 100 %")
    assert all(len(line) < columns for line in lines)
    assert ("[####################]" in lines[-1]) == (columns >= 40)


@pytest.mark.parametrize("quiet", [True, False])
def test_no_progress_where_it_is_not_wanted(colorize, tmp_path, photo, quiet):
    arguments = ["--quiet", photo] if quiet else [photo]
    said, status = on_terminal(colorize, *arguments, terminal="xterm" if quiet else "dumb")
    assert (said, status) == ("", 0)
    result = colorize("-o", tmp_path / "other.png", photo)
    assert (result.stdout, result.stderr) == ("", "")


# ---- Time and memory ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "channels", "bytes_a_pixel"),
    [("png", 1, 1 + 3), ("png", 3, 3), ("png", 4, 4), ("tif", 1, 2 + 6), ("tif", 3, 6)],
)
def test_memory_stays_within_the_pictures(colorize, tmp_path, kind, channels, bytes_a_pixel):
    """Input and output, which are one where both have color, the model and the network."""
    side = 5000
    source = tmp_path / f"in.{kind}"
    if kind == "png":
        picture = np.zeros((side, side, channels), np.uint8).squeeze()
        Image.fromarray(picture).save(source, compress_level=1)
    else:
        picture = np.zeros((side, side, channels), np.uint16).squeeze()
        tifffile.imwrite(source, picture, compression="deflate", rowsperstrip=side)
    process = start(colorize, "-o", tmp_path / f"out.{kind}", source)
    largest = 0
    # The highest mark so far, which stays; a process that has ended has none.
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        mark = re.search(r"VmHWM:\s+(\d+) kB", status)
        largest = max(largest, int(mark.group(1)) if mark else 0)
        time.sleep(0.005)
    process.communicate()
    assert process.returncode == 0
    megabytes = largest / 1024
    pictures = side * side * bytes_a_pixel / 2**20
    assert pictures < megabytes < pictures + 60


def test_a_picture_of_one_very_long_row(colorize, tmp_path):
    source = tmp_path / "row.png"
    source.write_bytes(png(np.arange(1048576)[None] % 256, 8, GRAY))
    colorize("-o", tmp_path / "out.png", source)
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (1048576, 1)

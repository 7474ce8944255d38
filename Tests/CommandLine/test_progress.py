"""What is said while many pictures are colored: one line on a terminal, elsewhere one a minute."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest
from support import jpeg

COUNT = 24
# So large a network takes seconds on any machine: of what is done at once nothing is said.
SLOWLY = ["--network-size", "1024"]
CLEAR = "\r\x1b[K"
LONG = "a photograph with a very long name that no terminal has room for, number"
FIGURES = r"(\d+) of 24(?:, (\d+\.\d) a second, (\d+\.\d s|\d+:\d\d(?::\d\d)?) left)?"


@pytest.fixture
def scans(tmp_path, gray):
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"{LONG} {number:02}.jpg").write_bytes(jpeg(gray.repeat(8, 0).repeat(8, 1)))
    return folder


def on_terminal(command, columns, meanwhile=None):
    """Runs a command whose messages go to a terminal. Returns what it showed, and the status."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=theirs, env=dict(os.environ, TERM="xterm")
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            data = b""
        if not data:
            break
        said += data
        if meanwhile:
            meanwhile(process, said)
    os.close(ours)
    return said.decode(), process.wait(timeout=60)


def lines(said):
    """What stood in the line that is written over, one after the other."""
    return [text for text in re.split(re.escape(CLEAR) + r"|\r?\n", said) if " of 24" in text]


def test_done_of_all_a_second_and_time_left(colorize, scans, tmp_path):
    command = [colorize.path, *SLOWLY, "--jobs", "2", "-o", tmp_path / "out", scans]
    said, status = on_terminal(command, 120)
    assert status == 0
    found = [re.fullmatch(FIGURES + r"(?:  (.*))?", text) for text in lines(said)]
    assert found and all(found), lines(said)
    assert [int(match[1]) for match in found] == sorted(int(match[1]) for match in found)
    assert all(len(match[0]) < 120 for match in found)
    # The end of a name tells more than its beginning.
    assert all(re.fullmatch(r"\.\.\..*number \d\d\.jpg", match[4]) for match in found)
    if any(match[2] for match in found):
        match = next(match for match in found if match[2])
        assert float(match[2]) > 0
    # At the end nothing is left of it but the summary.
    assert said.split(CLEAR)[-1].startswith(f"libcolorize: {COUNT} colored in ")


@pytest.mark.parametrize("columns", [20, 44])
def test_a_narrow_terminal_keeps_the_count(colorize, scans, tmp_path, columns):
    said, _ = on_terminal([colorize.path, *SLOWLY, "-o", tmp_path / "out", scans], columns)
    shown = lines(said)
    assert shown and all(re.match(r"\d+ of 24", text) for text in shown)
    assert all(len(text) < columns for text in shown)


def test_quiet_and_dumb_terminals_have_none(colorize, scans, tmp_path):
    assert on_terminal([colorize.path, "--quiet", "-o", tmp_path / "a", scans], 80)[0] == ""
    command = ["env", "TERM=dumb", colorize.path, "-o", tmp_path / "b", scans]
    assert CLEAR not in on_terminal(command, 80)[0]


@pytest.fixture
def hasty(tmp_path):
    """A clock that makes a minute of what is a quarter of a second."""
    source, library = tmp_path / "hasty.c", tmp_path / "hasty.so"
    source.write_text("""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <time.h>
        int clock_gettime(clockid_t clock, struct timespec *time) {
          static int (*real)(clockid_t, struct timespec *);
          if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
          int status = real(clock, time);
          if (clock == CLOCK_MONOTONIC) {
            long long all = (time->tv_sec % 100000 * 1000000000LL + time->tv_nsec) * 240;
            time->tv_sec = all / 1000000000;
            time->tv_nsec = all % 1000000000;
          }
          return status;
        }""")
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def test_elsewhere_it_is_a_line_a_minute(colorize, scans, tmp_path, hasty):
    begin = time.monotonic()
    result = colorize(*SLOWLY, "-o", tmp_path / "out", scans, environment=hasty)
    minutes = (time.monotonic() - begin) * 4
    *counts, summary = result.stderr.splitlines()
    assert f"{COUNT} colored in " in summary
    for line in counts:
        assert re.fullmatch("libcolorize: " + FIGURES, line)
    assert 1 <= len(counts) <= minutes
    assert CLEAR not in result.stderr
    # By a true clock it takes less than a minute, in which nothing is said.
    said = colorize("-o", tmp_path / "other", scans).stderr
    assert len(said.splitlines()) == 1


def test_control_c(colorize, scans, tmp_path):
    """The line is gone, the summary is there, and a shell sees 130."""
    sent = []

    def meanwhile(process, said):
        if not sent and b" of 24" in said:
            (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(child), signal.SIGINT)
            sent.append(child)

    command = ["sh", "-c", '"$@"; status=$?; exit $status', "sh"]
    command += [colorize.path, *SLOWLY, "-o", tmp_path / "out", scans]
    said, status = on_terminal(command, 100, meanwhile)
    assert sent and status == 128 + signal.SIGINT
    assert re.search(r"\x1b\[Klibcolorize: \d+ colored in ", said)
    done = int(re.search(r"(\d+) colored", said)[1])
    assert done < COUNT and len(list((tmp_path / "out").iterdir())) == done

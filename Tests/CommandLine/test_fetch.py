"""`models`, `fetch` and `--model NAME`, with a server and a table of our own."""

import contextlib
import fcntl
import os
import pty
import signal
import subprocess
import threading
import time

import pytest
from PIL import Image
from support import FAILURE, MODEL, ROOT, names

from file_server import (
    CONTENT,
    NAME,
    SHA256,
    cut,
    endless,
    send,
    serving,
    status,
    whole,
    without_ranges,
)

TABLE = ROOT / "bindings/python/src/libcolorize/models.tsv"


@pytest.fixture
def server():
    with serving() as result:
        yield result


class Fetcher:
    """The command with a cache of its own and a table that knows the server's file as "toy"."""

    def __init__(self, colorize, server, folder):
        self.colorize = colorize
        self.cache = folder / "cache/libcolorize"
        self.table = folder / "table.tsv"
        self.url = server.url
        self.environment = {
            "XDG_CACHE_HOME": str(folder / "cache"),
            "LIBCOLORIZE_MODELS": str(self.table),
            "LIBCOLORIZE_WEIGHTS": "",
            "no_proxy": "*",
        }
        self.know()

    def know(self, size="1500000", sha256=SHA256, url=None):
        row = ["toy", "lite", NAME, size, sha256, "a licence", url or self.url]
        self.table.write_text("# a table\n" + "\t".join(row) + "\n")

    def __call__(self, *arguments, status=0, **environment):
        return self.colorize(*arguments, status=status, environment=self.environment | environment)

    def fetched(self, **environment):
        """Fetches the file and checks that it is there."""
        result = self("fetch", "toy", **environment)
        assert result.stdout == f"{self.cache / NAME}\n"
        assert (self.cache / NAME).read_bytes() == CONTENT
        assert self.files() == [NAME]
        return result.stderr

    def refused(self, *arguments, **environment):
        result = self(*(arguments or ("fetch", "toy")), status=FAILURE, **environment)
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        return result.stderr.removeprefix("libcolorize: ").removesuffix("\n")

    def files(self):
        return [name for name in names(self.cache) if not name.endswith(".lock")]


@pytest.fixture
def fetch(colorize, server, tmp_path):
    return Fetcher(colorize, server, tmp_path)


# ---- Downloads ----------------------------------------------------------------------------------


def test_a_download_is_kept_and_used_again(fetch, server):
    assert fetch.fetched() == ""
    assert fetch.fetched() == ""
    assert server.ranges == [None]


def test_what_a_cut_connection_leaves_is_gone_on_with(fetch, server):
    server.answers = [cut(400_000), whole]
    fetch.fetched()
    assert server.ranges == [None, "bytes=400000-"]


def test_what_a_former_call_has_left_is_gone_on_with(fetch, server):
    server.answers = [cut(1000), whole]
    said = fetch.refused()
    assert said.startswith(f"cannot download {fetch.url}: ")
    assert "The next call goes on from byte 1000. To do it by hand, put " in said
    assert SHA256 in said and "LIBCOLORIZE_WEIGHTS" in said
    assert fetch.files() == [f"{NAME}.part"]
    fetch.fetched()
    assert server.ranges == [None, "bytes=1000-"]


@pytest.mark.parametrize("left", [b"other", CONTENT[:-1] + b"x"])
def test_a_wrong_beginning_is_thrown_away(fetch, server, left):
    fetch.cache.mkdir(parents=True)
    (fetch.cache / f"{NAME}.part").write_bytes(left)
    fetch.fetched()
    assert server.ranges == [f"bytes={len(left)}-", None]


def test_a_whole_part_only_needs_its_name(fetch, server):
    fetch.cache.mkdir(parents=True)
    (fetch.cache / f"{NAME}.part").write_bytes(CONTENT)
    fetch.fetched()


def test_a_server_without_ranges(fetch, server):
    server.answers = [cut(400_000), without_ranges]
    fetch.fetched()
    assert server.ranges == [None, "bytes=400000-", None]


def test_a_part_that_is_too_large(fetch, server):
    fetch.cache.mkdir(parents=True)
    (fetch.cache / f"{NAME}.part").write_bytes(CONTENT + b"x")
    fetch.fetched()
    assert server.ranges == [None]


def test_another_file_is_not_kept(fetch, server):
    fetch.know(sha256="0" * 64)
    said = fetch.refused()
    assert said == (
        f"what {fetch.url} gave is not {NAME}: its SHA-256 is not {'0' * 64}. It was removed"
    )
    assert fetch.files() == []
    assert server.ranges == [None]


@pytest.mark.parametrize("says_so", [True, False])
def test_a_file_that_is_too_large(fetch, server, says_so):
    server.answers = [endless(1 << 40 if says_so else None)]
    fetch.know(size="~1000000")
    said = fetch.refused()
    assert said.endswith("it has more than 2000000 bytes. It was removed")
    assert fetch.files() == []


def test_a_file_that_is_not_there(fetch, server):
    server.answers = [status(404)]
    assert "404" in fetch.refused()
    assert fetch.files() == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/file", "Failed to connect"),
        ("http://nowhere.invalid/file", "Could not resolve host: nowhere.invalid"),
        (f"file://{MODEL}", "Protocol "),
    ],
)
def test_offline_and_other_addresses(fetch, url, why):
    fetch.know(url=url)
    said = fetch.refused()
    assert said.startswith(f"cannot download {url}: {why}")
    assert f"put {NAME} from {url} (SHA-256 {SHA256}) into {fetch.cache}" in said


def test_a_redirection_leads_to_no_file(fetch, server):
    server.answers = [lambda request: send(request, 302, b"", Location=f"file://{MODEL}")]
    assert "rotocol" in fetch.refused()
    assert fetch.files() == []


@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_mirror(fetch, server, suffix):
    fetch.know(url="http://127.0.0.1:1/file")
    fetch.fetched(LIBCOLORIZE_WEIGHTS=f"{fetch.url.removesuffix('/' + NAME)}/a/mirror{suffix}")
    assert server.paths == [f"/a/mirror/{NAME}"]


def test_a_place_that_the_environment_names(fetch, server, tmp_path):
    said = fetch.refused(LIBCOLORIZE_WEIGHTS=str(tmp_path))
    assert said.startswith(f"{tmp_path}, which LIBCOLORIZE_WEIGHTS names, does not hold {NAME}")
    (tmp_path / NAME).write_bytes(CONTENT)
    for place in (tmp_path, tmp_path / NAME):
        result = fetch("fetch", "toy", LIBCOLORIZE_WEIGHTS=str(place))
        assert result.stdout == f"{tmp_path / NAME}\n"
    (tmp_path / NAME).write_bytes(CONTENT[1:])
    said = fetch.refused(LIBCOLORIZE_WEIGHTS=str(tmp_path))
    assert said == f"{tmp_path / NAME}: its SHA-256 is not {SHA256}"
    assert server.ranges == []


def test_another_process_is_waited_for(fetch, server):
    fetch.cache.mkdir(parents=True)
    with open(fetch.cache / f"{NAME}.lock", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = subprocess.Popen(
            [fetch.colorize.path, "fetch", "toy"],
            env=os.environ | fetch.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        waiting = f"libcolorize: waiting for another process that downloads {NAME}\n"
        assert process.stderr.readline() == waiting
        assert server.ranges == []
    assert process.communicate(timeout=60) == (f"{fetch.cache / NAME}\n", "")


@pytest.mark.parametrize("suffix", [".part", ".lock"])
def test_links_are_not_written_through(fetch, tmp_path, suffix):
    fetch.cache.mkdir(parents=True)
    other = tmp_path / "other"
    other.write_bytes(b"of this user")
    (fetch.cache / f"{NAME}{suffix}").symlink_to(other)
    fetch.refused()
    assert other.read_bytes() == b"of this user"


def test_a_folder_that_cannot_be_made(fetch, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert fetch.refused() == f"{tmp_path / 'cache'}: cannot be made: Not a directory"


def test_a_full_disk(fetch, server):
    # A limit on the size of files is a full disk to who writes; the command ignores its signal.
    result = subprocess.run(
        ["sh", "-c", 'ulimit -f 600; exec "$0" fetch toy', fetch.colorize.path],
        env=os.environ | fetch.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == FAILURE
    assert f"{NAME}.part: cannot be written: File too large" in result.stderr
    assert fetch.files() == []


def test_an_interrupted_download_is_gone_on_with(fetch, server):
    sent, done = threading.Event(), threading.Event()

    def slow(request):
        request.send_response(200)
        request.send_header("Content-Length", str(len(CONTENT)))
        request.end_headers()
        request.wfile.write(CONTENT[:100_000])
        request.wfile.flush()
        sent.set()
        done.wait(60)

    server.answers = [slow, whole]
    process = subprocess.Popen(
        [fetch.colorize.path, "fetch", "toy"],
        env=os.environ | fetch.environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert sent.wait(60)
    part = fetch.cache / f"{NAME}.part"
    deadline = time.monotonic() + 60
    while not part.exists() or part.stat().st_size < 100_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    done.set()
    fetch.fetched()
    assert server.ranges == [None, "bytes=100000-"]


def test_progress_is_shown_on_a_terminal_only(fetch, server):
    leader, follower = pty.openpty()
    subprocess.run(
        [fetch.colorize.path, "fetch", "toy"],
        env=os.environ | fetch.environment | {"TERM": "xterm"},
        stdout=subprocess.DEVNULL,
        stderr=follower,
        check=True,
        timeout=60,
    )
    os.close(follower)
    shown = b""
    with contextlib.suppress(OSError):
        while more := os.read(leader, 4096):
            shown += more
    os.close(leader)
    assert NAME.encode() in shown and b"%" in shown


# ---- Names --------------------------------------------------------------------------------------


def test_the_table(colorize, fetch):
    listed = [line.split() for line in colorize("models").stdout.splitlines()]
    rows = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    assert listed[0] == ["name", "network", "MB", "licence", "here"]
    assert [line[0] for line in listed[1:]] == [row[0] for row in rows]
    assert [line[1] for line in listed[1:]] == [row[1] for row in rows]
    for row in rows:
        text = colorize("models", row[0]).stdout
        for cell in (*row[:3], *row[4:]):
            assert cell in text
        assert row[6].startswith("https://") and row[6].endswith(f"/{row[2]}")
    # An address, a file and a hash belong to one model.
    for column in (0, 2, 4, 6):
        assert len({row[column] for row in rows}) == len(rows)


def test_the_table_s_networks_are_known(colorize, fetch):
    source = (ROOT / "Sources/ColorizeCore/Networks/Network+Recognition.swift").read_text()
    for line in TABLE.read_text().splitlines():
        if not line.startswith("#"):
            assert f'KnownNetwork("{line.split()[1]}")' in source


def test_here_or_not(fetch):
    assert fetch("models").stdout.split()[-1] == "no"
    assert f"file      {fetch.cache / NAME}\nhere      no\n" in fetch("models", "toy").stdout
    fetch.fetched()
    assert fetch("models").stdout.split()[-1] == "yes"


@pytest.mark.parametrize("command", ["models", "fetch"])
def test_an_unknown_name(fetch, command):
    assert fetch.refused(command, "tony") == "there is no model tony: the names are toy"


@pytest.mark.parametrize(
    "row", ["toy", "a\tb\t../c\t1\t" + "0" * 64 + "\td\te", "a\tb\tc\t-1\t" + "0" * 64 + "\td\te"]
)
def test_a_damaged_table(fetch, row):
    fetch.table.write_text(f"# a table\n{row}\n")
    assert fetch.refused("models") == f"{fetch.table}: line 2 is no row of a table of models"


def test_a_name_stands_for_the_file(fetch, server, gray, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(gray).save(photo)
    said = fetch.refused("--model", "toy", "-o", tmp_path / "a.png", photo)
    assert said == "toy: is not on this machine yet: 'libcolorize fetch toy' downloads it"
    said = fetch.refused("--model", "tony", "-o", tmp_path / "a.png", photo)
    assert said.startswith("tony: there is no such file, and no model of that name")
    fetch.cache.mkdir(parents=True)
    (fetch.cache / NAME).symlink_to(MODEL)
    fetch("--model", "toy", "-o", tmp_path / "a.png", photo)
    assert "architecture     lite\n" in fetch("info", "toy").stdout
    # Nothing is ever downloaded by the way.
    assert server.ranges == []


def test_a_file_goes_before_a_name(fetch, tmp_path, gray):
    photo = tmp_path / "photo.png"
    Image.fromarray(gray).save(photo)
    (tmp_path / "toy").symlink_to(MODEL)
    result = fetch.colorize(
        "--model", "toy", "-o", "a.png", photo, cwd=tmp_path, environment=fetch.environment
    )
    assert result.stderr == ""


def test_without_libcurl(fetch, tmp_path):
    """A folder of empty files in front of the system's libraries."""
    (tmp_path / "none").mkdir()
    for name in ("libcurl.so.4", "libcurl-gnutls.so.4"):
        (tmp_path / "none" / name).touch()
    said = fetch.refused(LD_LIBRARY_PATH=str(tmp_path / "none"))
    assert said.startswith("downloads need libcurl (Debian: apt-get install libcurl4)")
    for name in ("libcrypto.so.3", "libcrypto.so.1.1"):
        (tmp_path / "none" / name).touch()
    said = fetch.refused(LD_LIBRARY_PATH=str(tmp_path / "none"))
    assert "libssl3" in said

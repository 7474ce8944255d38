"""Where weights come from, and what becomes of a download that goes wrong: on a server of ours."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from file_server import (
    CONTENT,
    NAME,
    SHA256,
    Handler,
    Server,
    cut,
    endless,
    send,
    serving,
    status,
    whole,
    without_ranges,
)
from libcolorize import weights
from libcolorize.colorizers import _state_dict
from libcolorize.weights import LIMITS, Limits, Published, WeightsError


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("LIBCOLORIZE_WEIGHTS", raising=False)
    with serving() as result:
        yield result


@pytest.fixture
def find(server: Server, tmp_path: Path) -> Callable[..., Path]:
    """weights.find for a toy that the server publishes, with a cache of its own."""

    def find(
        source: object = None,
        cache: Path = tmp_path / "cache",
        largest: int = 10_000_000,
        limits: Limits = LIMITS,
    ) -> Path:
        published = {"toy": Published(NAME, server.url, SHA256, largest)}
        return weights.find("toy", source, cache=cache, published=published, limits=limits)

    return find


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


# ---- Where it looks ------------------------------------------------------------------------------


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_a_download_is_kept_and_used_again(
    with_tqdm: bool, find, server: Server, tmp_path: Path, capfd, monkeypatch: pytest.MonkeyPatch
):
    if not with_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    path = find()
    assert path == tmp_path / "cache" / NAME
    assert path.read_bytes() == CONTENT
    assert files(path.parent) == [NAME]
    assert find() == path
    assert server.ranges == [None]
    # Standard error is no terminal here.
    assert capfd.readouterr() == ("", "")


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert weights.cache_folder() == Path("/somewhere/libcolorize")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/someone")
    assert weights.cache_folder() == Path("/home/someone/.cache/libcolorize")


def test_a_user_without_a_home(server: Server, monkeypatch: pytest.MonkeyPatch):
    def nobody(_: object) -> None:
        raise KeyError

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    with pytest.raises(WeightsError, match=r"no home.*XDG_CACHE_HOME.*LIBCOLORIZE_WEIGHTS"):
        weights.find("toy", published={"toy": Published(NAME, server.url, SHA256)})
    assert server.ranges == []


def test_a_file_of_the_caller_is_taken_as_it_is(find, server: Server, tmp_path: Path):
    own = tmp_path / "own.pth"
    own.write_bytes(b"other weights")
    assert find(own) == own
    assert find(str(own)) == own
    assert server.ranges == []


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_folder(by: str, find, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    source = folder if by == "argument" else None
    if by == "environment":
        monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(folder))
    with pytest.raises(WeightsError, match=f"there is no {folder / NAME}"):
        find(source)
    (folder / NAME).write_bytes(CONTENT)
    assert find(source) == folder / NAME
    (folder / NAME).write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(WeightsError, match=f"its SHA-256 is not {SHA256}"):
        find(source)
    assert (folder / NAME).exists()
    assert server.ranges == []


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_mirror(by: str, find, server: Server, monkeypatch: pytest.MonkeyPatch):
    paths = []

    def answer(request: Handler) -> None:
        paths.append(request.path)
        whole(request)

    server.answers = [answer]
    mirror = f"http://127.0.0.1:{server.server_port}/a/mirror/"
    if by == "environment":
        monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", mirror)
    assert find(mirror if by == "argument" else None).read_bytes() == CONTENT
    assert paths == [f"/a/mirror/{NAME}"]


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_place_that_is_not_there(by: str, find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    nothing = tmp_path / "nothing"
    if by == "environment":
        monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(nothing))
    with pytest.raises(WeightsError, match=f"there is no file or folder {nothing}"):
        find(nothing if by == "argument" else None)


def test_a_file_of_the_environment(
    find, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(path))
    assert find() == path
    path.write_bytes(CONTENT[1:])
    with pytest.raises(WeightsError, match=f"its SHA-256 is not {SHA256}"):
        find()
    # One file cannot be both networks'.
    other = tmp_path / "other.pth"
    other.write_bytes(CONTENT)
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(other))
    with pytest.raises(
        WeightsError, match=f"LIBCOLORIZE_WEIGHTS names the file {other}, and {NAME}"
    ):
        find()
    assert server.ranges == []


def test_the_published_files_are_the_release_s():
    # float32 weights and, at most, what a file of PyTorch's has around them.
    for network in ("eccv16", "siggraph17"):
        shapes = _state_dict.SHAPES[network]
        entry = weights.PUBLISHED[network]
        assert entry.url == f"https://colorizers.s3.us-east-2.amazonaws.com/{entry.name}"
        # The release's own check: eight digits of the SHA-256 are in the name.
        assert entry.name.endswith(f"-{entry.sha256[:8]}.pth")
        size = 4 * sum(map(math.prod, shapes.values()))
        assert size + 10_000 < entry.largest < 5 * size


def test_the_table():
    assert {"eccv16", "siggraph17", "ddcolor-tiny"} <= set(weights.PUBLISHED)
    for entry in weights.PUBLISHED.values():
        assert entry.url.startswith("https://") and entry.url.endswith(f"/{entry.name}")
        assert len(bytes.fromhex(entry.sha256)) == 32
        assert 100_000_000 < entry.largest < 2_000_000_000
    # An address, a file and a hash belong to one model.
    for field in ("name", "url", "sha256"):
        values = {getattr(entry, field) for entry in weights.PUBLISHED.values()}
        assert len(values) == len(weights.PUBLISHED)


def test_another_table(tmp_path: Path):
    """LIBCOLORIZE_MODELS names it; the command reads the same one."""
    path = tmp_path / "models.tsv"
    program = "from libcolorize import weights; print(weights.PUBLISHED)"

    def said(row: str) -> str:
        path.write_text(f"# a table\n{row}\n")
        result = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "LIBCOLORIZE_MODELS": str(path)},
            capture_output=True,
            text=True,
        )
        return result.stdout + result.stderr

    row = f"toy\tlite\t{NAME}\t~9\t{SHA256}\tfree\thttp://127.0.0.1/{NAME}"
    expected = {"toy": Published(NAME, f"http://127.0.0.1/{NAME}", SHA256, 18)}
    assert said(row) == f"{expected}\n"
    assert f"{path}: line 2 is no row of a table of models" in said("toy")


# ---- Downloads that go wrong ---------------------------------------------------------------------


def test_a_cut_connection_is_gone_on_with(find, server: Server):
    server.answers = [cut(400_000), whole]
    assert find().read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=400000-"]


def test_the_next_call_goes_on_where_the_last_ended(find, server: Server, tmp_path: Path):
    server.answers = [cut(400_000), status(503)]
    with pytest.raises(WeightsError, match=r"503.* The next call goes on from byte 400000\."):
        find()
    assert files(tmp_path / "cache") == [f"{NAME}.part"]
    server.answers = [whole]
    assert find().read_bytes() == CONTENT
    assert server.ranges[2:] == ["bytes=400000-"]
    assert files(tmp_path / "cache") == [NAME]


def test_a_server_without_ranges(find, server: Server):
    server.answers = [cut(400_000), without_ranges]
    assert find().read_bytes() == CONTENT
    assert len(server.ranges) == 2


def test_a_server_that_gives_another_part(find, server: Server):
    def from_the_beginning(request: Handler) -> None:
        send(request, 206, CONTENT, Content_Range=f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}")

    server.answers = [cut(400_000), from_the_beginning]
    assert find().read_bytes() == CONTENT
    assert len(server.ranges) == 2


def test_a_server_that_never_gives_all(find, server: Server):
    server.answers = [cut(400_000)]
    with pytest.raises(WeightsError, match="the connection ended after 400000 of 1500000 bytes"):
        find()
    assert len(server.ranges) == 2


def test_a_complete_part_is_only_renamed(find, server: Server, tmp_path: Path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{NAME}.part").write_bytes(CONTENT)
    assert find().read_bytes() == CONTENT
    assert server.ranges == ["bytes=1500000-"]


@pytest.mark.parametrize("size", [400_000, len(CONTENT), 2_000_000])
def test_a_part_of_something_else(size: int, find, server: Server, tmp_path: Path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{NAME}.part").write_bytes(bytes(size))
    assert find().read_bytes() == CONTENT
    assert server.ranges == [f"bytes={size}-", None]


def test_a_wrong_file_is_not_kept(find, server: Server, tmp_path: Path):
    server.answers = [lambda request: send(request, 200, b"please log in")]
    with pytest.raises(WeightsError, match=f"its SHA-256 is not {SHA256}"):
        find()
    assert files(tmp_path / "cache") == []
    assert len(server.ranges) == 1


def test_a_wrong_file_in_the_cache_is_replaced(find, server: Server, tmp_path: Path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / NAME).write_bytes(CONTENT[:1000])
    assert find().read_bytes() == CONTENT


def test_not_found(find, server: Server, tmp_path: Path):
    server.answers = [status(404)]
    with pytest.raises(WeightsError, match="404") as caught:
        find()
    assert server.url in str(caught.value)
    assert files(tmp_path / "cache") == []


def test_a_redirect_is_followed(find, server: Server):
    server.answers = [
        cut(400_000),
        lambda request: send(request, 302, b"", Location=f"{server.url}?elsewhere"),
        whole,
    ]
    assert find().read_bytes() == CONTENT
    # The part that is lacking is asked for there, too.
    assert server.ranges == [None, "bytes=400000-", "bytes=400000-"]


def test_without_a_network_it_says_what_to_do(find, server: Server, tmp_path: Path):
    server.shutdown()
    server.server_close()
    with pytest.raises(WeightsError, match="Connection refused") as caught:
        find()
    for text in (NAME, server.url, SHA256, str(tmp_path / "cache"), "LIBCOLORIZE_WEIGHTS"):
        assert text in str(caught.value)


@pytest.mark.parametrize("url", ["http://", "http://[", "http://a b/"])
def test_an_address_that_is_none(url: str, find):
    with pytest.raises(WeightsError, match="cannot download"):
        find(url)


# ---- Servers that would never end ----------------------------------------------------------------


def drip(request: Handler, pieces: Iterator[bytes]) -> None:
    """Sends a piece every 20 ms, as long as somebody listens."""
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            request.wfile.write(piece)
            request.wfile.flush()
            time.sleep(0.02)


def slow_headers(request: Handler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    drip(request, (f"X-{n}: x\r\n".encode() for n in range(90)))


def slow_content(request: Handler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1500000\r\n\r\n")
    drip(request, (CONTENT[n : n + 1] for n in range(90)))


def slow_chunks(request: Handler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    drip(request, (b"0" for _ in range(90)))


@pytest.mark.parametrize("answer", [slow_headers, slow_content, slow_chunks])
def test_a_server_that_drips(answer, find, server: Server):
    server.answers = [answer]
    begun = time.monotonic()
    # It never is silent; but it would take a day.
    with pytest.raises(WeightsError, match=r"the server sent \d+ bytes in 0.3 seconds\."):
        find(limits=Limits(silence=10, window=0.3))
    assert time.monotonic() - begun < 1.5
    assert len(server.ranges) == 1


def test_a_server_that_is_silent(find, server: Server):
    done = threading.Event()
    server.answers = [lambda request: done.wait(10)]
    with pytest.raises(WeightsError, match="timed out"):
        find(limits=Limits(silence=0.2))
    done.set()


def test_a_slow_server_is_waited_for_if_it_is_fast_enough(find, server: Server):
    def slowly(request: Handler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1500000\r\n\r\n")
        drip(request, (CONTENT[n : n + 1000] for n in range(0, 60_000, 1000)))
        request.wfile.write(CONTENT[60_000:])

    server.answers = [slowly]
    # At least two spans, in each of which come some twenty pieces, on a machine with time.
    assert find(limits=Limits(window=0.5, least=1000)).read_bytes() == CONTENT


def test_an_attempt_that_brings_little_is_the_last(find, server: Server):
    server.answers = [cut(400_000), part(1000), whole]
    with pytest.raises(
        WeightsError, match=r"at attempt 2\. The next call goes on from byte 401000"
    ):
        find()
    assert server.ranges == [None, "bytes=400000-"]


def part(count: int) -> Callable[[Handler], None]:
    """That many bytes of what is asked for, and then the connection ends."""

    def answer(request: Handler) -> None:
        first = int((request.headers["Range"] or "bytes=0-")[len("bytes=") : -1])
        place = f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}"
        body = CONTENT[first : first + count]
        send(request, 206, body, len(CONTENT) - first, Content_Range=place)

    return answer


def test_attempts_come_to_an_end(find, server: Server):
    server.answers = [part(70_000)]
    with pytest.raises(
        WeightsError, match=r"at attempt 5\. The next call goes on from byte 350000"
    ):
        find(limits=Limits(attempts=5))
    assert len(server.ranges) == 5
    # 17 more bring the rest.
    assert find().read_bytes() == CONTENT
    assert len(server.ranges) == 22


def test_more_than_there_can_be_is_not_received(find, server: Server, tmp_path: Path):
    announced = lambda request: send(request, 200, b"", 2_000_001)  # noqa: E731
    for answer in (announced, endless()):
        server.answers = [answer]
        with pytest.raises(
            WeightsError, match=r"it has 2\d{6} bytes or more, and 2000000 are"
        ) as e:
            find(largest=2_000_000)
        assert "It was removed" in str(e.value)
        assert files(tmp_path / "cache") == []
    assert len(server.ranges) == 2
    server.answers = [whole]
    assert find(largest=len(CONTENT)).read_bytes() == CONTENT


def test_a_length_of_thousands_of_digits(find, server: Server):
    def answer(request: Handler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")

    server.answers = [answer]
    with pytest.raises(WeightsError, match="are the most"):
        find()


@pytest.mark.parametrize("suffix", [".lock", ".part"])
def test_links_are_not_written_through(suffix: str, find, server: Server, tmp_path: Path):
    (tmp_path / "cache").mkdir()
    other = tmp_path / "other"
    other.write_bytes(b"of this user")
    (tmp_path / "cache" / f"{NAME}{suffix}").symlink_to(other)
    with contextlib.suppress(WeightsError):
        assert find().read_bytes() == CONTENT
    assert other.read_bytes() == b"of this user"


def test_a_part_that_is_too_large_is_not_gone_on_with(find, server: Server, tmp_path: Path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{NAME}.part").write_bytes(bytes(2_000_001))
    assert find(largest=2_000_000).read_bytes() == CONTENT
    assert server.ranges == [None]


def test_no_thread_is_left_behind(find, server: Server):
    server.answers = [endless()]
    with pytest.raises(WeightsError):
        find(largest=2_000_000)
    deadline = time.monotonic() + 10
    while any(thread.name == "libcolorize download" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_lock_is_not_waited_for_for_ever(find, server: Server, tmp_path: Path, capfd):
    (tmp_path / "cache").mkdir()
    with open(tmp_path / "cache" / f"{NAME}.lock", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(WeightsError, match="another process has been downloading") as caught:
            find(limits=Limits(lock=0.3))
    assert f"it has locked {tmp_path / 'cache' / NAME}.lock" in str(caught.value)
    waiting = f"libcolorize: waiting for another process that downloads {NAME}\n"
    assert capfd.readouterr().err == waiting
    assert server.ranges == []
    assert find().read_bytes() == CONTENT
    assert capfd.readouterr().err == ""


# ---- The folder ----------------------------------------------------------------------------------


def test_a_full_disk(server: Server, tmp_path: Path):
    # A limit on the size of files is a full disk to who writes, and needs no disk.
    program = f"""
import resource, sys
from libcolorize.weights import Published, WeightsError, find
resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))
try:
    find("toy", cache=sys.argv[1], published={{"toy": Published({NAME!r}, {server.url!r}, "")}})
except WeightsError as problem:
    print(problem, problem.__cause__.errno)
"""
    output = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert output.stdout.startswith(f"cannot keep {NAME} in {tmp_path}: "), output.stderr
    assert output.stdout.endswith(f" {errno.EFBIG}\n")
    # Nothing that would keep the disk full.
    assert files(tmp_path) == []


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that this process cannot write to, even if it is root's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "cache"
        folder.mkdir()
        (folder / NAME).write_bytes(CONTENT)
        os.chmod(name, 0o755)
        os.chmod(folder, 0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        yield folder
        os.seteuid(user)
        os.chmod(folder, 0o755)


def test_a_cache_that_is_read_only(find, server: Server, read_only_folder: Path):
    assert find(cache=read_only_folder) == read_only_folder / NAME
    assert server.ranges == []


def test_a_cache_that_cannot_be_written_to(find, server: Server, read_only_folder: Path):
    missing = read_only_folder / "another"
    with pytest.raises(WeightsError, match=f"cannot keep {NAME} in {missing}: Permission denied"):
        find(cache=missing)
    with pytest.raises(WeightsError, match="Not a directory"):
        find(cache=read_only_folder / NAME / "below")
    assert server.ranges == []


def test_two_processes_download_once(server: Server, tmp_path: Path):
    both = threading.Barrier(2, timeout=60)

    def slowly(request: Handler) -> None:
        # Not before the other process is running, too.
        both.wait()
        whole(request)

    server.answers = [slowly, whole]
    program = f"""
import sys
from libcolorize.weights import Published, find
print("ready", flush=True)
print(find("toy", cache=sys.argv[1], published={{"toy": Published({NAME!r}, {server.url!r},
{SHA256!r})}}))
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    both.wait()
    for process in processes:
        assert process.communicate(timeout=60)[0] == f"{tmp_path / NAME}\n"
    assert server.ranges == [None]
    assert files(tmp_path) == [NAME]


# ---- Progress ------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_a_terminal_sees_what_is_going_on(with_tqdm: bool, server: Server, tmp_path: Path):
    if with_tqdm:
        pytest.importorskip("tqdm")
    hidden = "" if with_tqdm else "import sys; sys.modules['tqdm'] = None\n"
    program = f"""{hidden}
import sys
from libcolorize.weights import Published, find
find("toy", cache=sys.argv[1], published={{"toy": Published({NAME!r}, {server.url!r}, {SHA256!r})}})
"""
    leader, follower = os.openpty()
    # tqdm shows nothing where there are no columns.
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    result = subprocess.run(
        [sys.executable, "-c", program, tmp_path], stderr=follower, stdout=follower, timeout=60
    )
    os.close(follower)
    seen = os.read(leader, 100_000).decode()
    os.close(leader)
    assert result.returncode == 0, seen
    if with_tqdm:
        assert f"{NAME}: 100%" in seen
    else:
        assert seen == f"downloading {NAME}\r\n"

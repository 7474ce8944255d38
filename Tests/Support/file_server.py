"""A server of one file, for the tests of downloads: of the command, and of the Python package.

@pytest.fixture
def server():
    with serving() as result:
        yield result

server.answers = [cut(400_000), whole]  # the first request, and all after it
assert server.ranges == [None, "bytes=400000-"]
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

NAME = "toy-00000000.pth"
CONTENT = np.random.default_rng(0).bytes(1_500_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()

Handler = BaseHTTPRequestHandler


class Server(ThreadingHTTPServer):
    """Answers the nth request with the nth of `answers`, and any after them with the last."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.answers: list[Callable[[Handler], None]] = [whole]
        self.ranges: list[str | None] = []
        """The Range of each request, None where it had none."""
        self.paths: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/{NAME}"


class _Requests(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        number = len(self.server.ranges)
        self.server.ranges.append(self.headers["Range"])
        self.server.paths.append(self.path)
        self.server.answers[min(number, len(self.server.answers) - 1)](self)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


# ---- Answers -------------------------------------------------------------------------------------


def send(request: Handler, status: int, body: bytes, length: int | None = None, **more: str):
    request.send_response(status)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in more.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    # A client that stops listening is some tests' subject.
    with contextlib.suppress(ConnectionError):
        request.wfile.write(body)


def whole(request: Handler) -> None:
    """The file, or the part of it that is asked for."""
    asked = request.headers["Range"]
    if asked is None:
        return send(request, 200, CONTENT)
    first = int(asked[len("bytes=") : -1])
    if first >= len(CONTENT):
        return send(request, 416, b"", Content_Range=f"bytes */{len(CONTENT)}")
    place = f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}"
    return send(request, 206, CONTENT[first:], Content_Range=place)


def cut(count: int) -> Callable[[Handler], None]:
    """The file, but the connection ends after that many bytes."""
    return lambda request: send(request, 200, CONTENT[:count], len(CONTENT))


def without_ranges(request: Handler) -> None:
    send(request, 200, CONTENT)


def status(code: int) -> Callable[[Handler], None]:
    return lambda request: send(request, code, b"<html>")


def endless(length: int | None = None) -> Callable[[Handler], None]:
    """More than anybody wants; `length` is what it says of itself."""

    def answer(request: Handler) -> None:
        request.send_response(200)
        if length is not None:
            request.send_header("Content-Length", str(length))
        request.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                request.wfile.write(bytes(100_000))

    return answer

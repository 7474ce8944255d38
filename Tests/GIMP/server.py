"""A GIMP that stays, and takes commands through Script-Fu's server: a start costs seconds."""

import contextlib
import socket
import struct
import subprocess
import time

from gimp import end


def wait_for(what, seconds=60):
    """The first result of what() that counts as true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = what()
        if result:
            return result
        time.sleep(0.1)
    raise TimeoutError(what)


class Server:
    """Use as a context: GIMP runs inside, without windows, in `host`'s folder."""

    def __init__(self, host):
        self.host = host
        self.stack = contextlib.ExitStack()
        self.log = host.folder / "gimp.log"

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *exception):
        self.stack.close()

    def spawn(self, command, **options):
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, start_new_session=True, **options
        )
        self.stack.callback(end, process)
        return process

    def start(self):
        self.run(["gimp-console-2.10", "--no-interface"], self.host.environment())

    def run(self, command, environment):
        """Starts GIMP, and waits for its server."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        own_log = self.host.folder / "server.log"
        server = f'(plug-in-script-fu-server 1 "127.0.0.1" {self.port} "{own_log}")'
        log = self.stack.enter_context(self.log.open("w"))
        self.gimp = self.spawn(
            [*command, "--no-data", "--no-fonts", "--batch", server],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        self.socket = self.stack.enter_context(wait_for(self.connect))

    def connect(self):
        assert self.gimp.poll() is None, "GIMP has ended"
        try:
            return socket.create_connection(("127.0.0.1", self.port))
        except ConnectionRefusedError:
            return None

    def evaluate(self, script, timeout=120):
        """What Scheme gives, as text. An error is one here, too."""
        content = script.encode()
        self.socket.settimeout(timeout)
        self.socket.sendall(b"G" + struct.pack(">H", len(content)) + content)
        magic, failed, size = struct.unpack(">cBH", self.receive(4))
        assert magic == b"G"
        text = self.receive(size).decode()
        if failed:
            raise RuntimeError(text)
        return text

    def receive(self, size):
        content = b""
        while len(content) < size:
            part = self.socket.recv(size - len(content))
            assert part, "GIMP has closed the connection"
            content += part
        return content

    def batch(self, script):
        """Runs Scheme; what GIMP printed of it. Fails if GIMP complains."""
        printed, complaints = self.try_batch(script)
        assert not complaints, complaints
        return printed

    def try_batch(self, script):
        """The same, but gives back the complaints, too."""
        before = self.log.stat().st_size
        error = []
        try:
            self.evaluate(script)
        except RuntimeError as problem:
            error.append(f"ended with {problem}")
        printed = self.log.read_bytes()[before:].decode()
        return printed, self.host.complaints(printed) + error

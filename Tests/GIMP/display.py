"""GIMP with windows on a display of its own: commands by Script-Fu's server, keys by xdotool."""

import contextlib
import os
import re
import socket
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import ImageGrab

SHORTCUT = "ctrl+alt+k"
MENURC = '(gtk_accel_path "<Actions>/plug-in/plug-in-colorize-photo" "<Primary><Alt>k")\n'


def wait_for(what, seconds=60):
    """The first result of what() that counts as true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = what()
        if result:
            return result
        time.sleep(0.1)
    raise TimeoutError(what)


class Display:
    """Use as a context: Xvfb and GIMP run inside, with `host`'s folder."""

    def __init__(self, host):
        self.host = host
        self.stack = contextlib.ExitStack()

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
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)

        def end():
            process.kill()
            process.wait()

        self.stack.callback(end)
        return process

    def start(self):
        reading, writing = os.pipe()
        self.spawn(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
            pass_fds=[writing], stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as pipe:
            self.name = f":{int(pipe.readline())}"
        self.environment = self.host.environment(DISPLAY=self.name)
        (self.host.profile / "menurc").write_text(MENURC)
        (self.host.profile / "sessionrc").write_text("(hide-docks yes)\n")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        server = f'(plug-in-script-fu-server RUN-NONINTERACTIVE "127.0.0.1" {self.port} "")'
        log = self.stack.enter_context((self.host.folder / "gimp.log").open("w"))
        self.gimp = self.spawn(
            ["gimp-2.10", "--new-instance", "--no-splash", "--no-data", "--no-fonts",
             "--console-messages", "--batch", server],
            env=self.environment, stdout=log, stderr=log,
        )  # fmt: skip
        self.socket = self.stack.enter_context(wait_for(self.connect))

    def connect(self):
        assert self.gimp.poll() is None, "GIMP has ended"
        try:
            return socket.create_connection(("127.0.0.1", self.port))
        except ConnectionRefusedError:
            return None

    def evaluate(self, script, timeout=60):
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

    def xdotool(self, *arguments):
        return subprocess.run(
            ["xdotool", *arguments], env=self.environment, capture_output=True, text=True
        ).stdout.split()

    def window(self, title):
        """The visible window whose title has these words, when it is there."""
        found = lambda: self.xdotool("search", "--onlyvisible", "--name", title)  # noqa: E731
        return wait_for(found)[-1]

    def press(self, title, *keys):
        """Presses keys in a window."""
        window = self.window(title)
        self.xdotool("windowfocus", "--sync", window, "key", "--delay", "50", *keys)

    def screenshot(self):
        """What is to be seen, as uint8 [H, W, 3]."""
        return np.asarray(ImageGrab.grab(xdisplay=self.name).convert("RGB"))

    def frame(self, title):
        """x, y, width and height of a window on the screen."""
        text = self.xdotool("getwindowgeometry", "--shell", self.window(title))
        values = dict(line.split("=") for line in text)
        return [int(values[key]) for key in ["X", "Y", "WIDTH", "HEIGHT"]]

    def click(self, x, y):
        self.xdotool("mousemove", str(x), str(y), "click", "1")

    def children(self):
        """The processes of the plug-in."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                _, name, rest = re.split(r"[()]", path.read_text(), maxsplit=2)
                if name == "colorize-photo" and int(rest.split()[1]) == self.gimp.pid:
                    found.append(int(path.parent.name))
        return found

"""GIMP with windows, on a display of its own, and keys that xdotool presses."""

import contextlib
import os
import re
import subprocess
from pathlib import Path

import numpy as np
from PIL import ImageGrab
from server import Server, wait_for

SHORTCUT = "ctrl+alt+k"
MENURC = '(gtk_accel_path "<Actions>/plug-in/plug-in-colorize-photo" "<Primary><Alt>k")\n'


class Display(Server):
    """Use as a context: Xvfb and GIMP run inside."""

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
        self.run(
            ["gimp-2.10", "--new-instance", "--no-splash", "--console-messages"], self.environment
        )

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
                # The kernel cuts a name to 15 bytes.
                if name == "libcolorize-pho" and int(rest.split()[1]) == self.gimp.pid:
                    found.append(int(path.parent.name))
        return found

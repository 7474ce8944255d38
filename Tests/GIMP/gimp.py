"""GIMP, started for tests: a folder of its own, few plug-ins, a time limit, no silent errors.

GIMP 2.10 ends with status 0 after an error in a batch command. So each command has a last line of
its own that says it was reached, and what GIMP prints is searched for complaints.
"""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import png

# What GIMP and its plug-ins print of this machine and of GIMP itself.
HARMLESS = [
    "Failed to parse tag cache: No such file or directory",
    "batch command executed successfully",
    # When it saves the mask of an RGB image.
    "libpng warning: profile 'ICC profile': 'RGB ': RGB color space not permitted on grayscale PNG",
]
SYSTEM_PLUG_INS = ["script-fu", "file-png", "file-jpeg", "file-tiff"]


def write_png(path, pixels):
    """Writes uint8 or uint16 [H, W, channels] with 1 to 4 channels."""
    height, width, channels = pixels.shape
    writer = png.Writer(
        width=width, height=height, greyscale=channels < 3, alpha=channels % 2 == 0,
        bitdepth=8 * pixels.itemsize,
    )  # fmt: skip
    with open(path, "wb") as file:
        writer.write(file, pixels.reshape(height, -1))


def read_png(path):
    """Reads a PNG as uint8 or uint16 [H, W, channels]."""
    width, height, rows, info = png.Reader(filename=str(path)).read()
    dtype = np.uint16 if info["bitdepth"] == 16 else np.uint8
    return np.array([np.asarray(row, dtype) for row in rows]).reshape(height, width, -1)


def end(process):
    """Ends a process that leads a session of its own, and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Gimp:
    """A folder with GIMP's configuration and the plug-in, and GIMP running there."""

    def __init__(self, folder, plug_in):
        """`plug_in` is the program to be tested, or what stands for it."""
        self.folder = Path(folder)
        self.profile = self.folder / "profile"
        plug_ins = self.folder / "plug-ins"
        # What GIMP would miss, and say so.
        for name in ["brushes", "dynamics", "gradients", "palettes", "patterns", "tool-presets"]:
            (self.profile / name).mkdir(parents=True)
        (plug_ins / "libcolorize-photo").mkdir(parents=True)
        (plug_ins / "libcolorize-photo/libcolorize-photo").symlink_to(Path(plug_in).resolve())
        installed = subprocess.run(
            ["pkg-config", "--variable=gimplibdir", "gimp-2.0"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        for name in SYSTEM_PLUG_INS:
            (plug_ins / name).symlink_to(Path(installed) / "plug-ins" / name)
        (self.profile / "gimprc").write_text(f'(plug-in-path "{plug_ins}")\n')

    def environment(self, **more):
        return dict(os.environ, GIMP2_DIRECTORY=str(self.profile), LC_ALL="C.UTF-8", **more)

    def batch(self, script, timeout=120, **environment):
        """Runs Scheme without a display; what GIMP printed of it. Fails if GIMP complains."""
        printed, complaints = self.try_batch(script, timeout, **environment)
        assert not complaints, complaints
        return printed

    def try_batch(self, script, timeout=120, **environment):
        """The same, but gives back the complaints, too."""
        file = self.folder / "batch.scm"
        reached = self.folder / "reached"
        reached.unlink(missing_ok=True)
        last = f'(close-output-port (open-output-file "{reached}"))'
        file.write_text(f"(begin {script} {last})")
        process = subprocess.Popen(
            ["gimp-console-2.10", "--no-interface", "--no-data", "--no-fonts",
             "--batch", f'(load "{file}")', "--batch", "(gimp-quit 1)"],
            env=self.environment(**environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            printed, _ = process.communicate(timeout=timeout)
        finally:
            end(process)
        complaints = self.complaints(printed)
        if process.returncode != 0 or not reached.exists():
            complaints.append(f"ended with {process.returncode}, before the script's end")
        return printed, complaints

    def complaints(self, printed):
        """What GIMP prints, but for what is harmless."""
        lines = [line for line in printed.splitlines() if line.strip()]
        return [line for line in lines if line not in HARMLESS]

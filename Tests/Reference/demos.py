"""The release's demo, and what takes its place here, as processes with the same weights.

Nothing here imports PyTorch: who measures a process's memory must be smaller than it.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("demo_release.py")
# The release's names for the files.
FILES = {
    "eccv16": "colorization_release_v2-9b330a0b.pth",
    "siggraph17": "siggraph17-df00044c.pth",
}

# The release looks into its cache, which has the files.
RELEASED = """
import os, torch
from torch.utils import model_zoo
model_zoo.load_url = lambda url, **_: torch.load(os.path.join({folder!r}, os.path.basename(url)))
"""
# Published are other weights; they are looked for and compared with their SHA-256 as ever.
OURS = """
from libcolorize import weights
for network, sha256 in {sha256!r}.items():
    entry = weights.PUBLISHED[network]
    weights.PUBLISHED[network] = weights.Published(entry.name, entry.url, sha256)
"""
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None\n"
RUN = """
import runpy, sys
sys.argv = {arguments!r}
{run}
"""


def write_checkpoints(folder):
    """Both networks with published.py's weights, as the legacy files that the released ones are."""
    program = (
        "import published, sys\n"
        "for network, path in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    model = published.released_network(network)\n"
        "    published.write_checkpoint(model, path, container='legacy')\n"
    )
    pairs = [text for name, file in FILES.items() for text in (name, str(Path(folder) / file))]
    subprocess.run([sys.executable, "-c", program, *pairs], check=True, env=environment(folder))


def environment(folder):
    """For a process that runs on the weights of a folder, without a display."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    own = str(Path(__file__).parent)
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), own]))
    return {**kept, "LIBCOLORIZE_WEIGHTS": str(folder), "PYTHONPATH": path}


def hashes(folder):
    """network -> SHA-256 of its file."""
    return {
        network: hashlib.sha256((Path(folder) / file).read_bytes()).hexdigest()
        for network, file in FILES.items()
    }


def released_demo(folder, *arguments, edit=str):
    """The command line of the demo, or of an edit of its text, under the released package."""
    return python(RELEASED.format(folder=str(folder)), run_edited(edit), arguments)


def edited_demo(folder, edit, *arguments, torch=True):
    """An edit of the demo's text under colorize; `torch`: whether it can be imported."""
    before = ("" if torch else WITHOUT_TORCH) + OURS.format(sha256=hashes(folder))
    return python(before, run_edited(edit), arguments)


def own_demo(folder, *arguments):
    """python -m libcolorize.demo"""
    run = "runpy.run_module('libcolorize.demo', run_name='__main__')"
    return python(OURS.format(sha256=hashes(folder)), run, arguments)


def run_edited(edit):
    return f"exec(compile({edit(SCRIPT.read_text())!r}, 'demo', 'exec'), {{}})"


def python(before, run, arguments):
    argv = ["demo", *map(str, arguments)]
    return [sys.executable, "-c", before + RUN.format(arguments=argv, run=run)]

"""examples/training against an installed copy: a palette is learnt from a few pictures."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[2] / "examples/training/fine-tune.sh"


def picture(number):
    """uint8 [64, 80, 3]: waves of gray, in a palette that goes from dark green to light pink."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[0:64, 0:80] / 80
    a, b, phase = random.uniform(2, 9, 3)
    lightness = (np.sin(a * x + b * y + phase) + 1)[..., None] / 2
    return ((1 - lightness) * [10, 60, 30] + lightness * [250, 190, 200]).astype(np.uint8)


@pytest.fixture
def fine_tune(tmp_path):
    """The script, with the installed command; more options make it short."""
    for folder, numbers in (("pictures", range(12)), ("others", range(12, 16))):
        (tmp_path / folder).mkdir()
        for number in numbers:
            Image.fromarray(picture(number)).save(tmp_path / folder / f"{number}.png")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/libcolorize").symlink_to(Path(os.environ["LIBCOLORIZE_COMMAND"]).resolve())

    def run(*options):
        return subprocess.run(
            [SCRIPT, "pictures", "others", "run", *options],
            cwd=tmp_path,
            env=dict(os.environ, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}"),
            capture_output=True,
            text=True,
        )

    return run


def test_a_palette_is_learnt(fine_tune, tmp_path):
    """At least half of what the built-in model is wrong by is gone."""
    result = fine_tune("--size", "64", "--steps", "100", "--quiet")
    assert result.returncode == 0, result.stderr
    rows = re.findall(r"^network at 128 +(.*)$", result.stdout, flags=re.M)
    before, after = (float(row.split()[3]) for row in rows)
    assert after < before / 2
    assert (tmp_path / "run/samples/000100.png").exists()


def test_it_goes_on(fine_tune, tmp_path):
    short = ["--size", "32", "--steps", "20", "--quiet"]
    assert fine_tune(*short).returncode == 0
    assert fine_tune(*short, "--resume").returncode == 0
    assert (tmp_path / "run/metrics.csv").read_text().count("\n") == 2

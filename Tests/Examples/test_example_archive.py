"""examples/archive against an installed copy."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).resolve().parents[2] / "examples/archive/color-archive.sh"


@pytest.fixture
def run(tmp_path):
    for number, name in enumerate(["1890/Öl.png", "1890/b.jpg", "1901/c.tif"]):
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        gray = np.add.outer(np.arange(40), np.arange(60) * (number + 1)) % 256
        Image.fromarray(gray.astype(np.uint8)).save(path)
    (tmp_path / "scans/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/libcolorize").symlink_to(Path(os.environ["LIBCOLORIZE_COMMAND"]).resolve())

    def run(*options):
        return subprocess.run(
            [SCRIPT, "scans", "colored", *options],
            cwd=tmp_path,
            env=dict(os.environ, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}"),
            capture_output=True,
            text=True,
            check=True,
        )

    return run


def test_an_archive(run, tmp_path):
    first = run()
    assert first.stdout.splitlines()[:2] == ["4 pictures", "1 failed: colored/failed.jsonl"]
    assert "colored/1890/b.jpg: made again: the same file, byte for byte" in first.stdout
    assert "3 colored" in first.stderr
    (failed,) = map(json.loads, (tmp_path / "colored/failed.jsonl").read_text().splitlines())
    assert failed["input"] == "scans/broken.png"
    second = run()
    assert second.stdout == first.stdout and "0 colored, 3 skipped" in second.stderr
    statuses = [json.loads(line) for line in (tmp_path / "colored/log.jsonl").open()]
    assert [one.get("status") for one in statuses].count("skipped") == 3

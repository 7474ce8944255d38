"""The READMEs' examples of the published networks, with weights at random in their place."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from libcolorize import weights


@pytest.mark.parametrize("file", ["README.md", "bindings/python/README.md"])
def test_the_example_of_the_published_networks_runs(
    file: str,
    photo: np.ndarray,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / file).read_text(), re.DOTALL)
    (example,) = [block for block in blocks if "import *" in block]
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    for network, path in checkpoints.items():
        entry = weights.PUBLISHED[network]
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        other = weights.Published(entry.name, entry.url, sha256)
        monkeypatch.setitem(weights.PUBLISHED, network, other)
        (tmp_path / entry.name).symlink_to(path)
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    hints, mask = np.zeros((1, 2, 256, 256)), np.zeros((1, 1, 256, 256))
    names = {"hints": hints, "mask": mask}
    exec(example, names)
    assert names["picture"].shape == (61, 47, 3)
    assert np.ptp(names["picture"], axis=2).max() > 0.01
    assert names.get("guided", np.zeros((1, 2, 256, 256))).shape == (1, 2, 256, 256)


def test_the_readme_has_the_published_hashes():
    text = (ROOT / "bindings/python/README.md").read_text()
    for entry in weights.PUBLISHED.values():
        assert f"| `{entry.name}` | `{entry.sha256}` |" in text


def test_the_first_examples_run(photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = (ROOT / "bindings/python/README.md").read_text()
    calls, model, *_ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    picture = Image.fromarray(photo).resize((150, 150))
    picture.save(tmp_path / "scan.tif")
    (tmp_path / "scans").mkdir()
    picture.save(tmp_path / "scans" / "a.png")
    monkeypatch.chdir(tmp_path)
    gray = np.asarray(picture.convert("L"))
    names = {
        "array": photo, "picture": picture, "gray": gray, "hints": None, "mask": None,
        "lightness": np.full((160, 160), 50),
    }  # fmt: skip
    exec(calls, names)
    assert names["vivid"].shape == photo.shape and names["brown"].size == picture.size
    assert names["result"].done == [Path("colored/a.png")]
    for name in ("colored.jpg", "colored.tif", "compared.png"):
        Image.open(name).load()
    exec(model, names)
    assert names["rgb"].shape == (150, 150, 3) and names["ab"].shape[0] == 2
    assert names["suggestions"][0]

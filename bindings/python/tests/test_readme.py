"""The examples of READMEs, docs/switching.md and docstrings; the published weights are random."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

import libcolorize
from libcolorize import weights


@pytest.fixture
def published(
    photo: np.ndarray,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder with photo.jpg, in which the published networks are found."""
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    for network, path in checkpoints.items():
        entry = weights.PUBLISHED[network]
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        other = weights.Published(entry.name, entry.url, sha256)
        monkeypatch.setitem(weights.PUBLISHED, network, other)
        (tmp_path / entry.name).symlink_to(path)
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("file", ["README.md", "bindings/python/README.md", "docs/switching.md"])
def test_the_example_of_the_published_networks_runs(file: str, published: None):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / file).read_text(), re.DOTALL)
    (example,) = [block for block in blocks if "import *" in block]
    hints, mask = np.zeros((1, 2, 256, 256)), np.zeros((1, 1, 256, 256))
    names = {"hints": hints, "mask": mask}
    exec(example, names)
    assert names["picture"].shape == (61, 47, 3)
    assert np.ptp(names["picture"], axis=2).max() > 0.01
    assert names.get("guided", np.zeros((1, 2, 256, 256))).shape == (1, 2, 256, 256)


def test_the_readme_has_the_published_hashes():
    text = (ROOT / "bindings/python/README.md").read_text()
    for name, entry in weights.PUBLISHED.items():
        assert f"| `{name}` | `{entry.name}` | `{entry.sha256}` |" in text


def test_the_first_examples_run(photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = (ROOT / "bindings/python/README.md").read_text()
    calls, model, *_ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    picture = Image.fromarray(photo).resize((150, 150))
    picture.save(tmp_path / "scan.tif")
    (tmp_path / "scans").mkdir()
    # In folders, pictures that have colors are passed over.
    picture.convert("L").save(tmp_path / "scans" / "a.png")
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


def test_the_example_of_training_runs(
    photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = (ROOT / "bindings/python/README.md").read_text()
    (example,) = re.findall(r"```python\n(run = .*?)```", text, re.DOTALL)
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    (tmp_path / "photographs").mkdir()
    Image.fromarray(photo).save(tmp_path / "photographs" / "a.png")
    monkeypatch.chdir(tmp_path)
    # What it does, in less time.
    short = example.replace("steps=300", "steps=2, metrics_every=1, size=32, batch=2")
    assert short != example
    names = {"libcolorize": libcolorize}
    exec(short, names)
    assert names["run"].metrics["step"].tolist() == [1, 2]
    assert names["mine"].size == photo.shape[1::-1]


def docstrings() -> Iterator[tuple[str, str]]:
    """Names and docstrings of what users see, each once."""
    modules = [importlib.import_module(f"libcolorize.{name}") for name in ("method", "weights")]
    for module in (libcolorize, importlib.import_module("libcolorize.colorizers"), *modules):
        yield module.__name__, inspect.getdoc(module) or ""
        for name, value in vars(module).items():
            of = getattr(value, "__module__", None) or ""
            if name.startswith("_") or not of.startswith("libcolorize"):
                continue
            yield f"{module.__name__}.{name}", inspect.getdoc(value) or ""
            for key, member in vars(value).items() if inspect.isclass(value) else ():
                if not key.startswith("_"):
                    yield f"{module.__name__}.{name}.{key}", inspect.getdoc(member) or ""


def test_the_docstrings_examples_run(photo: np.ndarray, published: None):
    picture = Image.fromarray(photo).resize((150, 150))
    Path("scans").mkdir()
    picture.convert("L").save("scans/a.png")
    Path("pictures").mkdir()
    picture.save("pictures/a.png")
    centres = np.mgrid[-100:101:20, -100:101:20].reshape(2, -1).T
    probabilities = np.full((len(centres), 4), 1 / len(centres))
    ran = []
    for name, text in docstrings():
        # An empty line inside of an example stays in it.
        for example in re.findall(r"(?<=\n\n)(?: {4}.*\n(?:\n(?= {4}))?)+", text + "\n"):
            names = {
                **vars(libcolorize),
                "libcolorize": libcolorize,
                "ab": np.full((2, 4), 10.0),
                "array": photo,
                "centres": centres,
                "gray": np.asarray(picture.convert("L")),
                "frames": np.zeros((2, 480, 640), np.uint8),
                "logits": np.log(probabilities),
                "model": libcolorize.Model(),
                "picture": picture,
                "probabilities": probabilities,
                "weights": np.ones(len(centres)),
            }
            # Training takes its time; test_training.py has it.
            if name == "libcolorize.train":
                example = example.replace("steps=300", "steps=1, size=32, batch=2")
            exec(textwrap.dedent(example), names)
            ran.append(name)
    # Those that were there when this was written.
    assert {"libcolorize", "libcolorize.batch", "libcolorize.colorize", "libcolorize.Hint"} < set(
        ran
    )
    assert {"libcolorize.colorizers", "libcolorize.method", "libcolorize.weights"} < set(ran)

"""examples/python/colorize.ipynb, run as Jupyter runs it."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

import libcolorize

NOTEBOOK = Path(__file__).parents[3] / "examples" / "python" / "colorize.ipynb"


class Client(nbclient.NotebookClient):
    """Counts how often outputs are drawn anew."""

    updates = 0

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.updates += msg["msg_type"] == "update_display_data"
        return super().process_message(msg, cell, cell_index)


def pictures(cell: Any) -> list[np.ndarray]:
    found = [output["data"]["image/png"] for output in cell.outputs if "data" in output]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in found]


def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(libcolorize.__file__).parents[1]))
    # Debuggers have nothing to say here.
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    client = Client(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    client.execute()

    def cell(end: str) -> Any:
        return next(cell for cell in cells if cell.source.endswith(end))

    (before_and_after,) = pictures(cell("session = model.session(gray)\nsession"))
    before, after = np.split(before_and_after.astype(int), 2, axis=1)
    assert np.ptp(before, axis=2).max() <= 1 < np.ptp(after, axis=2).max()
    (compared,) = pictures(cell('models=["default"], style="vivid")'))
    assert compared.shape[1] > 700
    suggestions = cell("session.suggest([(190, 220)], colors=3)[0]").outputs[0]
    assert "libcolorize.Suggestion #" in suggestions["data"]["text/plain"]
    # The plot of the training grew, and its last state is what the run shows of itself.
    (live,) = pictures(cell("    metrics_every=4,\n)"))
    (shown,) = pictures(cells[-2])
    assert client.updates >= 1
    assert np.array_equal(live, shown)
    # What was taught: shadows are teal, highlights are orange.
    (result,) = pictures(cells[-1])
    untaught, taught = np.split(result.astype(int), 2, axis=1)

    def warmth(picture: np.ndarray) -> float:
        light = picture.sum(axis=2)
        red_over_blue = picture[:, :, 0] - picture[:, :, 2]
        return red_over_blue[light > 450].mean() - red_over_blue[light < 150].mean()

    assert warmth(taught) > warmth(untaught) + 20

"""A user's script, for the type checkers: test_typing.py runs it and has it checked."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from typing_extensions import assert_type

import libcolorize


def main(path: str) -> None:
    picture = libcolorize.colorize(path)
    assert_type(picture, Image.Image)
    assert_type(libcolorize.colorize(Path(path), style="vivid"), Image.Image)
    assert_type(libcolorize.colorize(Path(path).read_bytes()), Image.Image)
    assert_type(libcolorize.colorize(io.BytesIO(Path(path).read_bytes())), Image.Image)
    with open(path, "rb") as file:
        assert_type(libcolorize.colorize(file), Image.Image)
    assert_type(libcolorize.colorize(picture), Image.Image)
    levels: npt.NDArray[np.uint8] = np.asarray(picture)
    assert_type(libcolorize.colorize(levels, model="default"), npt.NDArray[np.uint8])
    floats: npt.NDArray[np.float32] = levels.astype(np.float32) / np.float32(255)
    assert_type(libcolorize.colorize(floats), npt.NDArray[np.float32])
    tensor = torch.from_numpy(levels.copy()).permute(2, 0, 1)
    assert_type(libcolorize.colorize(tensor), torch.Tensor)
    assert_type(libcolorize.colorize([levels, levels]), list[npt.NDArray[np.uint8]])
    assert_type(libcolorize.colorize([tensor]), list[torch.Tensor])

    hints: list[libcolorize.HintLike] = [libcolorize.Hint(9, 9, ab=(40, 20)), (3, 4, "red", 2)]
    with libcolorize.Model() as model:
        colored = model.colorize(levels, hints=hints, temperature=0.5, variant=1)
        assert_type(model.info.architecture, str)
        assert_type(libcolorize.Model.available(), "dict[str, Path | None]")
        with model.session(levels, network_fit="aspect") as session:
            assert_type(session.confidence(threads=1), npt.NDArray[np.float32])
            assert_type(session.suggest([(3, 4)])[0][0].rgb, tuple[float, float, float])
            again = session.colorize(style="natural", out=colored)
    assert_type(libcolorize.rgb_to_lab(floats), npt.NDArray[np.float32])
    target = Path(path).with_name("typed-out.png")
    assert_type(libcolorize.colorize_file(path, target, threads=1), Path)
    result = libcolorize.batch(Path(path).parent, target.with_name("typed"), existing="replace")
    assert_type(result.failed, dict[Path, str])
    run = libcolorize.train(
        Path(path).parent, target.with_name("run"), init="default", steps=1, size=32, batch=1
    )
    assert_type(run.metrics, "dict[str, npt.NDArray[np.float64]]")
    assert_type(run.model, Path)
    print(again.shape, len(result.done))


def mistakes(levels: npt.NDArray[np.uint8]) -> None:
    """Each line is one for the checkers, which are told so; an unused remark is an error, too."""
    libcolorize.colorize(levels, style="loud")  # type: ignore[call-overload]  # pyright: ignore
    libcolorize.colorize(levels, styl="vivid")  # type: ignore[call-overload]  # pyright: ignore
    libcolorize.colorize(7)  # type: ignore[call-overload]  # pyright: ignore
    with libcolorize.Model() as model:
        model.colorize(levels, gamut=3)  # type: ignore[arg-type]  # pyright: ignore
        model.session(levels, style="vivid")  # type: ignore[call-arg]  # pyright: ignore
        model.predict(levels, variant=2)  # type: ignore[call-arg]  # pyright: ignore
    libcolorize.batch("a", "b", existing="keep")  # type: ignore[arg-type]  # pyright: ignore
    libcolorize.train("a", "b", step=3)  # type: ignore[call-arg]  # pyright: ignore
    libcolorize.colorize_file("a", "b", hint_map=None)  # type: ignore[call-arg]  # pyright: ignore


if __name__ == "__main__":
    main(sys.argv[1])

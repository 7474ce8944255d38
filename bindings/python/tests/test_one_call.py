"""libcolorize.colorize: any kind of picture in, and what comes out, against Model.colorize."""

from __future__ import annotations

import asyncio
import inspect
import io
import multiprocessing
import os
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import raises_named
from PIL import Image, ImageCms, ImageColor

import libcolorize
from libcolorize import Hint, Model, _css, weights

HAS_TORCH = find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")


# For the names of kinds.
TINY = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)


def png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png")
    return file.getvalue()


@pytest.fixture(scope="module")
def gray(photo: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(photo[:, :, 1])


def with_alpha(array: np.ndarray) -> np.ndarray:
    alpha = np.linspace(0, 255, array.shape[1]).astype(np.uint8)
    return np.dstack([array, np.broadcast_to(alpha, array.shape[:2])])


# ---- A script for each kind of picture -----------------------------------------------------------


def files(photo: np.ndarray, gray: np.ndarray, folder: Path) -> dict[str, tuple[Any, np.ndarray]]:
    path = folder / "picture.png"
    path.write_bytes(png(photo))
    return {
        "str": (str(path), photo),
        "Path": (path, photo),
        "bytes": (png(photo), photo),
        "bytearray": (bytearray(png(gray)), gray),
        "memoryview": (memoryview(png(gray)), gray),
        "BytesIO": (io.BytesIO(png(gray)), gray),
        "file": (path, photo),
        "bytes of 16 bits": (png(257 * gray.astype(np.uint16)), 257 * gray.astype(np.uint16)),
    }


def of_pillow(photo: np.ndarray, gray: np.ndarray) -> dict[str, tuple[Any, np.ndarray]]:
    """Each with the array that it is of, made without what is tested."""
    sixteen = np.random.default_rng(3).integers(0, 65536, gray.shape, np.uint16)
    floats = (sixteen / 65535).astype(np.float32)
    rgba = with_alpha(photo)
    palette = Image.fromarray(photo).quantize(64)
    clear = palette.copy()
    clear.info["transparency"] = 3
    two = Image.fromarray(gray).convert("1")
    cmyk = Image.fromarray(photo).convert("CMYK")
    return {
        "L": (Image.fromarray(gray), gray),
        "LA": (Image.fromarray(with_alpha(gray)), with_alpha(gray)),
        "RGB": (Image.fromarray(photo), photo),
        "RGBA": (Image.fromarray(rgba), rgba),
        "P": (palette, np.asarray(palette.convert("RGB"))),
        "P, transparent": (clear, np.asarray(clear.convert("RGBA"))),
        "1": (two, np.where(np.asarray(two), 255, 0).astype(np.uint8)),
        "I;16": (Image.fromarray(sixteen), sixteen),
        "CMYK": (cmyk, np.asarray(cmyk.convert("RGB"))),
        "F": (Image.fromarray(floats), floats),
    }


def arrays(photo: np.ndarray, gray: np.ndarray) -> dict[str, tuple[Any, np.ndarray]]:
    sixteen = 257 * photo.astype(np.uint16)
    return {
        "uint8": (gray, gray),
        "uint16": (sixteen, sixteen),
        "float32": (photo / np.float32(255), photo / np.float32(255)),
        "float64": (photo / 255, photo / 255),
        "float16": ((gray / 255).astype(np.float16), (gray / 255).astype(np.float16)),
        "int64": (photo.astype(np.int64), photo),
        "int8 of 0 to 127": ((gray // 2).astype(np.int8), gray // 2),
        "strided": (photo[::-2, ::3], photo[::-2, ::3]),
        "with alpha": (with_alpha(photo), with_alpha(photo)),
    }


@pytest.mark.parametrize(
    "kind",
    ["str", "Path", "bytes", "bytearray", "memoryview", "BytesIO", "file", "bytes of 16 bits"],
)
def test_files_give_pictures_of_pillow(
    kind: str, photo: np.ndarray, gray: np.ndarray, model: Model, tmp_path: Path
):
    picture, array = files(photo, gray, tmp_path)[kind]
    if kind == "file":
        with picture.open("rb") as file:
            result = libcolorize.colorize(file)
    else:
        result = libcolorize.colorize(picture)
    assert isinstance(result, Image.Image) and result.mode == "RGB"
    assert np.array_equal(np.asarray(result), model.colorize(array, dtype=np.uint8))


@pytest.mark.parametrize("mode", of_pillow(*TINY))
def test_pictures_of_pillow_give_such(mode: str, photo: np.ndarray, gray: np.ndarray, model: Model):
    picture, array = of_pillow(photo, gray)[mode]
    before = picture.copy()
    result = libcolorize.colorize(picture)
    has_alpha = mode in ("LA", "RGBA", "P, transparent")
    assert isinstance(result, Image.Image) and result.mode == ("RGBA" if has_alpha else "RGB")
    assert np.array_equal(np.asarray(result), model.colorize(array, dtype=np.uint8))
    assert np.ptp(np.asarray(result)[:, :, :3], axis=2).max() > 0
    assert picture == before


@pytest.mark.parametrize("kind", arrays(*TINY))
def test_arrays_give_arrays_of_their_type(
    kind: str, photo: np.ndarray, gray: np.ndarray, model: Model
):
    picture, array = arrays(photo, gray)[kind]
    result = libcolorize.colorize(picture)
    assert type(result) is np.ndarray and result.dtype == picture.dtype
    assert np.array_equal(result, model.colorize(array).astype(picture.dtype))


def test_two_levels_as_bool(gray: np.ndarray, model: Model):
    result = libcolorize.colorize(gray > 99)
    assert result.dtype == np.uint8
    assert np.array_equal(result, model.colorize(np.where(gray > 99, np.uint8(255), np.uint8(0))))


@needs_torch
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "bfloat16", "float32", "float64"])
def test_tensors_give_tensors_of_their_type(
    dtype: str, photo: np.ndarray, gray: np.ndarray, model: Model
):
    import torch

    kind = getattr(torch, dtype)
    divisor = 255 if kind.is_floating_point else 1

    def tensor(array: np.ndarray) -> torch.Tensor:
        moved = np.ascontiguousarray(np.moveaxis(array, 2, 0)) if array.ndim == 3 else array
        return (torch.from_numpy(moved) / divisor).to(kind)

    def expected(given: torch.Tensor) -> torch.Tensor:
        array = (given.float() if divisor == 255 else given.to(torch.uint8)).detach().numpy()
        if kind == torch.float64:
            array = given.numpy()
        colored = model.colorize(np.moveaxis(array, 0, 2) if array.ndim == 3 else array)
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(colored, 2, 0))).to(kind)

    for array in (gray, gray[:, :, None], photo, with_alpha(gray), with_alpha(photo)):
        given = tensor(array)
        result = libcolorize.colorize(given)
        assert result.dtype == kind and result.device == given.device
        assert result.shape == (4 if array.ndim == 3 and array.shape[2] in (2, 4) else 3, 61, 47)
        assert torch.equal(result, expected(given))
    batch = torch.stack([tensor(photo), tensor(photo[::-1])])
    result = libcolorize.colorize(batch)
    assert result.shape == (2, 3, 61, 47) and result.dtype == kind
    assert all(torch.equal(one, expected(given)) for one, given in zip(result, batch))


@needs_torch
def test_tensors_with_a_gradient_and_views(photo: np.ndarray, gray: np.ndarray, model: Model):
    import torch

    leaf = torch.from_numpy(gray / np.float32(255)).requires_grad_()
    result = libcolorize.colorize(leaf * 1)
    assert not result.requires_grad
    wanted = np.moveaxis(model.colorize(gray / np.float32(255)), 2, 0)
    assert np.array_equal(result.numpy(), wanted)
    view = torch.from_numpy(photo.copy()).permute(2, 0, 1)
    assert np.array_equal(
        libcolorize.colorize(view).numpy(), np.moveaxis(model.colorize(photo), 2, 0)
    )
    for shape in ((61, 47, 3), (5, 3, 3), (1, 1, 1, 9, 9), (9,), (0, 3, 9, 9)):
        with pytest.raises(ValueError, match="picture is a tensor of shape"):
            libcolorize.colorize(torch.zeros(shape))


def test_lists_give_lists(photo: np.ndarray, gray: np.ndarray, model: Model):
    given = [photo, Image.fromarray(gray), png(photo[:9])]
    for pictures in (given, tuple(given)):
        first, second, third = libcolorize.colorize(pictures)
        assert type(first) is np.ndarray and np.array_equal(first, model.colorize(photo))
        assert np.array_equal(np.asarray(second), model.colorize(gray))
        assert np.array_equal(np.asarray(third), model.colorize(photo[:9]))
    assert libcolorize.colorize([]) == []


# ---- What files say of themselves ----------------------------------------------------------------


def test_files_are_turned_as_their_exif_says(photo: np.ndarray, model: Model):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a barn"
    turned = Image.fromarray(np.rot90(photo))
    turned.save(file, "png", exif=exif)
    result = libcolorize.colorize(file.getvalue())
    assert np.array_equal(np.asarray(result), model.colorize(photo))
    again = io.BytesIO()
    result.save(again, "png", exif=result.info["exif"])
    kept = Image.open(again).getexif()
    assert 0x0112 not in kept and kept[0x010E] == "a barn"


def test_profiles_of_rgb_go_along_and_those_of_gray_do_not(photo: np.ndarray, gray: np.ndarray):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for array, given, kept in (
        (photo, profile, profile),
        (gray, profile[:16] + b"GRAY" + profile[20:], None),
    ):
        picture = Image.fromarray(array)
        picture.info["icc_profile"] = given
        assert libcolorize.colorize(picture).info.get("icc_profile") == kept


# ---- Models --------------------------------------------------------------------------------------


def test_models_are_opened_by_name_path_or_given(
    photo: np.ndarray,
    model: Model,
    siggraph17: Model,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    expected = siggraph17.colorize(photo, network_size=64)
    assert not np.array_equal(expected, model.colorize(photo, network_size=64))
    published(monkeypatch, checkpoints, tmp_path)
    path = checkpoints["siggraph17"]
    for given in ("siggraph17", path, str(path), siggraph17):
        result = libcolorize.colorize(photo, model=given, network_size=64)
        assert np.array_equal(result, expected)
    with Model("siggraph17") as opened, Model("default") as built_in:
        assert opened.info.architecture == "siggraph17"
        assert built_in.info == model.info
    nowhere = {"default": None, **dict.fromkeys(weights.PUBLISHED)}
    here = {name: tmp_path / weights.PUBLISHED[name].name for name in ("eccv16", "siggraph17")}
    assert Model.available() == {**nowhere, **here}


def published(monkeypatch: pytest.MonkeyPatch, checkpoints: dict[str, Path], folder: Path) -> None:
    """Takes the checkpoints for the published files."""
    import hashlib

    for network, path in checkpoints.items():
        entry = weights.PUBLISHED[network]
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(
            weights.PUBLISHED, network, weights.Published(entry.name, entry.url, sha256)
        )
        (folder / entry.name).symlink_to(path)
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(folder))


def test_a_file_of_a_network_s_name(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The checkpoints are called so; one is put where the other is expected."""
    (tmp_path / "siggraph17").symlink_to(checkpoints["eccv16"])
    monkeypatch.chdir(tmp_path)
    for opened in (Model.from_file("siggraph17"), Model(Path("siggraph17")), Model("./siggraph17")):
        with opened:
            assert opened.info.architecture == "eccv16"


def test_models_that_need_a_download_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LIBCOLORIZE_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    nowhere = {"default": None, **dict.fromkeys(weights.PUBLISHED)}
    assert Model.available() == nowhere
    assert {"eccv16", "siggraph17", "ddcolor-tiny", "deoldify-stable"} <= set(nowhere)
    file = tmp_path / "libcolorize" / weights.PUBLISHED["eccv16"].name
    file.parent.mkdir()
    file.touch()
    assert Model.available()["eccv16"] == file
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", "https://example.org")
    assert Model.available()["eccv16"] == file
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(tmp_path))
    assert Model.available()["eccv16"] is None
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(file))
    assert Model.available() == {**nowhere, "eccv16": file}


def test_a_model_stays_open_until_its_file_changes(
    photo: np.ndarray, checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    opened = []
    original = Model.from_file.__func__

    def from_file(path: str) -> Model:
        opened.append(path)
        return original(Model, path)

    monkeypatch.setattr(Model, "from_file", from_file)
    path = tmp_path / "model"
    path.symlink_to(checkpoints["eccv16"])
    results = [libcolorize.colorize(photo, model=path, network_size=64) for _ in range(2)]
    assert opened == [str(path)]
    path.unlink()
    path.symlink_to(checkpoints["siggraph17"])
    results.append(libcolorize.colorize(photo, model=path, network_size=64))
    assert opened == [str(path)] * 2
    assert np.array_equal(*results[:2]) and not np.array_equal(*results[1:])


# ---- Colors of hints -----------------------------------------------------------------------------


def test_the_names_of_css():
    """All of Pillow's, and of Matplotlib's, which made their tables by themselves."""
    from matplotlib.colors import CSS4_COLORS

    assert ImageColor.colormap == _css.COLORS
    assert {name: color.lower() for name, color in CSS4_COLORS.items()} == _css.COLORS


def test_colors_in_all_their_forms():
    known = Hint(3, 4, "#aabbcc", radius=2)
    for color in ("#abc", "#AaBbCc", (170, 187, 204), [170, 187, 204], np.uint8([170, 187, 204])):
        assert Hint(3, 4, color, radius=2) == known
    assert Hint(3, 4, "CornflowerBlue") == Hint(3, 4, "#6495ed") == Hint(3, 4, (100, 149, 237))
    assert Hint(3, 4, (0, 0, 0)).rgb == (0, 0, 0)
    # As before: there are no other integers among floats.
    assert Hint(3, 4, (1, 0, 1)).rgb == (1, 0, 1)
    assert Hint(3, 4, (1.0, 0, 0.5)).rgb == (1, 0, 0.5)


def test_hints_as_tuples(photo: np.ndarray, model: Model):
    known = [Hint(10, 20, "#b22222", radius=6), Hint(30, 40, "#4682b4")]
    for hints in (
        [(10, 20, "firebrick", 6), (30, 40, "steelblue")],
        ((10, 20, (178, 34, 34), 6), [30, 40, "steelblue"]),
        iter(known),
    ):
        result = libcolorize.colorize(photo, hints=hints)
        assert np.array_equal(result, model.colorize(photo, hints=known))
    assert not np.array_equal(result, model.colorize(photo))


# ---- Palettes ------------------------------------------------------------------------------------


def test_any_picture_is_a_palette(photo: np.ndarray, model: Model, tmp_path: Path):
    other = np.ascontiguousarray(photo[::-1, :, ::-1])
    expected = model.colorize(photo, palette=other)
    assert not np.array_equal(expected, model.colorize(photo))
    path = tmp_path / "palette.png"
    path.write_bytes(png(other))
    for palette in (other, Image.fromarray(other), path, str(path), png(other)):
        assert np.array_equal(libcolorize.colorize(photo, palette=palette), expected)


# ---- What is refused, and how --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "kind", "text"),
    [
        (None, TypeError, "picture is a NoneType; it must be a path"),
        (7, TypeError, "picture is a int; it must be a path"),
        ([[1, 2], [3, 4]], TypeError, r"picture\[0\] is a list; a list is one of pictures"),
        ([0.5], TypeError, r"picture\[0\] is a float"),
        ([None], TypeError, r"picture\[0\] is a NoneType; it must be"),
        ("/nowhere/photo.png", FileNotFoundError, "/nowhere/photo.png"),
        (b"no picture", OSError, "cannot identify image file"),
        (np.full((3, 3), 256), ValueError, "picture is of int64 and has 256 to 256"),
        (np.full((3, 3), -1), ValueError, "has -1 to -1"),
        (np.zeros((3, 3), complex), TypeError, "image is of complex128"),
        (np.zeros((3, 3, 9), np.uint8), libcolorize.Error, "image has shape"),
        (np.full((3, 3), 255.0), libcolorize.Error, "divide by 255"),
    ],
)  # fmt: skip
def test_pictures_that_are_none(picture: Any, kind: type[Exception], text: str):
    with pytest.raises(kind, match=text):
        libcolorize.colorize(picture)


def test_options_and_models_that_are_none(photo: np.ndarray, model: Model):
    with pytest.raises(TypeError, match=r"colorize\(\) has no option 'styl'; did you mean 'style'"):
        libcolorize.colorize(photo, styl="vivid")
    with pytest.raises(TypeError, match=r"no option 'xyzzy'; it takes bgra, dtype, gamut"):
        model.colorize(photo, xyzzy=3)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "style is 'loud'; it must be 'natural' or"):
        libcolorize.colorize(photo, style="loud")
    with pytest.raises(TypeError, match=r"hints\[1\] is \(1, 2\); it must be a libcolorize.Hint"):
        libcolorize.colorize(photo, hints=[(1, 2, "red"), (1, 2)])
    with pytest.raises(TypeError, match="model is a int; it must be a name"):
        libcolorize.colorize(photo, model=3)
    with pytest.raises(TypeError, match=r"model is a float; .* 'default', 'eccv16'"):
        Model(3.5)
    with raises_named("COLORIZE_CANNOT_READ_FILE", "no model and no file 'sigraph17': the models"):
        libcolorize.colorize(photo, model="sigraph17")
    with raises_named("COLORIZE_CANNOT_READ_FILE", "/nowhere"):
        libcolorize.colorize(photo, model="/nowhere")
    with pytest.raises(TypeError, match=r"image is a str; .* libcolorize.colorize reads files"):
        model.colorize("photo.png")


def test_options_are_listed_one_by_one():
    for function in (libcolorize.colorize, Model.colorize, libcolorize.batch):
        parameters = inspect.signature(function).parameters
        assert {"style", "temperature", "network_size"} <= set(parameters)
        assert all(item.kind is not item.VAR_KEYWORD for item in parameters.values())
    assert "Literal['natural', 'vivid'] | None" in str(inspect.signature(Model.colorize)).replace(
        '"', "'"
    )


# ---- What is seen of objects ---------------------------------------------------------------------


def test_objects_say_what_they_are(photo: np.ndarray, model: Model):
    assert repr(Hint(3, 4.5, "#b03020", radius=6)) == "Hint(3, 4.5, '#b03020', radius=6)"
    assert repr(Hint(3, 4, ab=(45, 30))) == "Hint(3, 4, ab=(45.0, 30.0))"
    assert repr(Hint(3, 4, (0.1, 0.2, 0.3))) == "Hint(3, 4, (0.1, 0.2, 0.3))"
    for hint in (Hint(3, 4.5, "#b03020", radius=6), Hint(3, 4, (0.1, 0.2, 0.3))):
        assert eval(repr(hint)) == hint
    assert repr(model.info) == (
        f"<libcolorize.ModelInfo {model.info.architecture}, {model.info.parameters / 1e6:.1f} "
        f"million weights, network size {model.info.default_network_size}, hints>"
    )
    with model.session(photo) as session:
        ((first, *_),) = session.suggest([(10, 20)])
        red, green, blue = (round(255 * value) for value in first.rgb)
        assert repr(first) == (
            f"<libcolorize.Suggestion #{red:02x}{green:02x}{blue:02x}, "
            f"{100 * first.probability:.0f} %>"
        )


@pytest.mark.parametrize("size", [(61, 47), (600, 500), (1, 1), (2, 1500), (1500, 1)])
def test_a_session_shows_itself_before_and_after(
    size: tuple[int, int], photo: np.ndarray, model: Model
):
    picture = np.asarray(Image.fromarray(photo).resize(size[::-1]))
    with model.session(picture) as session:
        shown = Image.open(io.BytesIO(session._repr_png_()))
        shown.load()
    step = max(1, max(size) // 512)
    rows, columns = (side // min(step, side) for side in size)
    assert (shown.format, shown.mode, shown.size) == ("PNG", "RGB", (2 * columns, rows))
    before, after = np.split(np.asarray(shown), 2, axis=1)
    assert np.ptp(before, axis=2).max() <= 1
    if step == 1:
        assert np.array_equal(after, model.colorize(picture))
    # The same lightness on both sides.
    lab = [libcolorize.rgb_to_lab(half / np.float32(255))[:, :, 0] for half in (before, after)]
    assert np.abs(lab[0] - lab[1]).max() < 1


def test_models_are_compared_in_a_figure(
    photo: np.ndarray, gray: np.ndarray, model: Model, checkpoints: dict[str, Path]
):
    eccv16 = str(checkpoints["eccv16"])
    figure = libcolorize.compare(photo, ["default", eccv16, model], network_size=64)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["Input", "default", "eccv16", model.info.architecture]
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert np.array_equal(shown[0], photo)
    expected = model.colorize(photo, network_size=64)
    assert np.array_equal(shown[1], expected) and np.array_equal(shown[3], expected)
    assert not np.array_equal(shown[2], expected)
    assert Image.open(io.BytesIO(figure._repr_png_())).size[0] > 1000
    sixteen = 257 * gray.astype(np.uint16)
    for picture in (gray, sixteen, gray / 255, Image.fromarray(gray), io.BytesIO(png(gray))):
        shown = libcolorize.compare(picture, "default").axes[0].images[0].get_array()
        assert np.abs(shown / np.max(shown) - gray[:, :, None] / np.max(gray)).max() < 0.01
    with pytest.raises(TypeError, match="compare takes a single picture"):
        libcolorize.compare([photo])
    with pytest.raises(ValueError, match="models is empty"):
        libcolorize.compare(photo, [])


# ---- Many at once --------------------------------------------------------------------------------


def colored(picture: np.ndarray) -> bytes:
    return libcolorize.colorize(picture).tobytes()


def test_threads_and_tasks_give_the_same_bytes(photo: np.ndarray):
    expected = colored(photo)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(colored, [photo] * 24)) == {expected}

    async def tasks() -> list[bytes]:
        return await asyncio.gather(*(asyncio.to_thread(colored, photo) for _ in range(8)))

    assert set(asyncio.run(tasks())) == {expected}


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes_give_the_same_bytes(method: str, photo: np.ndarray):
    # The parent has the model open, which a forked child inherits.
    expected = colored(photo)
    context = multiprocessing.get_context(method)
    with warnings.catch_warnings():
        # Python 3.12 warns of forking beside threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            assert set(pool.map(colored, [photo] * 4, timeout=120)) == {expected}


@pytest.mark.skipif(find_spec("joblib") is None, reason="joblib is not installed")
def test_joblib_gives_the_same_bytes(photo: np.ndarray):
    import joblib

    results = joblib.Parallel(2)(joblib.delayed(colored)(photo) for _ in range(4))
    assert set(results) == {colored(photo)}


# ---- Importing -----------------------------------------------------------------------------------


def test_importing_needs_only_numpy(tmp_path: Path):
    """And none of Python's own modules that takes long."""
    for name in ("PIL", "matplotlib", "torch", "tqdm", "typing_extensions"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    program = (
        "import sys, numpy\n"
        "before = set(sys.modules)\n"
        "import libcolorize\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(libcolorize.__file__).parents[1])])
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    slow = {"asyncio", "concurrent.futures", "http.client", "multiprocessing", "urllib.request"}
    assert not slow & set(result.stdout.split())

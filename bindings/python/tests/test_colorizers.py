"""libcolorize.colorizers: the release's interface, here without PyTorch.

What it computes is compared with the release itself in Tests/Reference/check_colorizers.py.
"""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import PIL
import pytest
from conftest import MODEL_FILE, cases, metadata, tensors
from PIL import Image

import libcolorize
from libcolorize import colorizers
from libcolorize.colorizers import Array, _state_dict

# The release's float RGB.
RGB_MAXIMUM = 2e-4


class FakeNetwork:
    """Remembers what it was given, and gives back two planes of L."""

    def __init__(self, mask_convention: str = "zero-one") -> None:
        self.info = types.SimpleNamespace(mask_convention=mask_convention)
        self.given: list[tuple] = []

    def predict(self, lightness, hints=None, mask=None) -> np.ndarray:
        self.given.append((lightness, hints, mask))
        return np.stack([lightness, -lightness])


def with_network(model: colorizers.BaseColor, mask_convention: str = "zero-one"):
    model.network = FakeNetwork(mask_convention)
    return model


# ---- The module ----------------------------------------------------------------------------------


def test_the_star_import_brings_what_the_release_s_does():
    names: dict[str, object] = {}
    exec("from libcolorize.colorizers import *", names)
    # dir() of the release, its IPython.embed apart.
    release = (
        "BaseColor ECCVGenerator F Image PIL SIGGRAPHGenerator base_color color easy eccv16 "
        "load_img nn np pipeline plt postprocess_tens preprocess_img resize_img siggraph17 torch "
        "util"
    )
    assert set(release.split()) <= set(names)
    assert names["easy"].pipeline is names["pipeline"]
    # A function here, though there is a module of that name.
    assert names["eccv16"](pretrained=False).eval()


def run(program: str, folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    """Runs Python with the modules of a folder in front of all others."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{program}"]
        + [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


PIPELINE = """
import numpy as np
from libcolorize.colorizers import *
lightness, small = preprocess_img(np.zeros((9, 7, 3), np.uint8), HW=(16, 16))
postprocess_tens(lightness, torch.cat((0 * lightness, 0 * lightness), dim=1))
with torch.no_grad():
    eccv16(pretrained=False).eval().cuda()
assert not hasattr(torch, "__wrapped__")
"""


def test_nothing_large_is_imported(tmp_path: Path):
    for name in ("torch", "skimage", "matplotlib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    result = run(PIPELINE, tmp_path)
    assert result.returncode == 0, result.stderr


def test_stand_ins_are_the_modules_when_they_are_used(tmp_path: Path):
    (tmp_path / "torch.py").write_text("answer = 42\nclass Tensor: pass")
    result = run(PIPELINE + "print(torch.answer, hasattr(torch, 'question'))", tmp_path)
    assert result.stdout == "42 False\n", result.stderr


def test_stand_ins_say_what_is_not_installed(tmp_path: Path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(name='torch')")
    for use, name in (("torch.zeros(3)", "torch.zeros"), ("nn.Conv2d", "torch.nn.Conv2d")):
        result = run(PIPELINE + use, tmp_path)
        assert f"ImportError: {name} is asked for, and torch is not installed" in result.stderr


VERSION = "from libcolorize.colorizers import *\nprint(torch.__version__, PIL.__version__)"


def test_stand_ins_have_versions(tmp_path: Path):
    (tmp_path / "torch.py").write_text("__version__ = '1.2.3'")
    result = run(VERSION, tmp_path)
    assert result.stdout == f"1.2.3 {PIL.__version__}\n", result.stderr
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(name='torch')")
    result = run(VERSION, tmp_path)
    assert "ImportError: torch.__version__ is asked for, and torch is not" in result.stderr


def test_a_stand_in_s_modules_are_imported(tmp_path: Path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "inner.py").write_text("answer = 42")
    (tmp_path / "package" / "broken.py").write_text("import nowhere")
    program = """
from libcolorize.colorizers import *
from libcolorize.colorizers._stand_ins import StandIn
print(PIL.Image.new("L", (3, 2)).size)
package = StandIn("package")
print(package.inner.answer, hasattr(package, "other"), hasattr(package, "__other__"))
package.broken
"""
    result = run(program, tmp_path)
    assert result.stdout == "(3, 2)\n42 False False\n", result.stderr
    message = "ImportError: package.broken is asked for, and nowhere is not installed"
    assert message in result.stderr


NO_GRAD = """
import sys, types
from libcolorize.colorizers import *

@torch.no_grad()
def factorial(n):
    return n * factorial(n - 1) if n else 1

@torch.no_grad
def answer():
    return 42

print(factorial(5), factorial.__name__, answer())
assert "torch" not in sys.modules
"""


def test_no_grad_is_a_decorator(tmp_path: Path):
    result = run(NO_GRAD, tmp_path)
    assert result.stdout == "120 factorial 42\n", result.stderr
    # PyTorch's own, once somebody has imported it.
    torch = """
import contextlib
entered = 0
@contextlib.contextmanager
def no_grad():
    global entered
    entered += 1
    yield
"""
    (tmp_path / "torch.py").write_text(torch)
    result = run(NO_GRAD + "import torch; print(factorial(5), torch.entered)", tmp_path)
    assert result.stdout == "120 factorial 42\n120 6\n", result.stderr


def test_without_pillow_it_says_what_to_install(tmp_path: Path):
    (tmp_path / "PIL.py").write_text("raise ModuleNotFoundError(name='PIL')")
    result = run(PIPELINE, tmp_path)
    assert "ImportError: reading and resizing pictures needs Pillow" in result.stderr


# ---- Array ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cpu", "cuda", "to", "detach", "contiguous"])
def test_what_changes_nothing(name: str):
    array = np.ones((1, 1, 2, 3), np.float32).view(Array)
    assert getattr(array, name)() is array
    assert array.to("cuda", non_blocking=True) is array


def test_an_array_is_a_tensor_to_scripts():
    array = np.ones((1, 1, 2, 3), np.float32).view(Array)
    assert array.dim() == 4
    assert array.data is array
    assert type(array.numpy()) is np.ndarray
    assert np.shares_memory(array.numpy(), array)
    joined = colorizers.torch.cat((0 * array, array), dim=1)
    assert isinstance(joined, Array)
    assert joined.tolist() == np.concatenate((0 * array, array), axis=1).tolist()


def test_an_array_s_size_is_pytorch_s_and_numpy_s():
    array = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3).view(Array)
    assert array.size() == (1, 1, 2, 3)
    assert array.size(2) == array.size(dim=-2) == 2
    assert array.size == 6
    assert np.average(array) == np.median(array) == 2.5
    with pytest.raises(IndexError):
        array.size(4)


def test_an_array_s_dimensions():
    array = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3).view(Array)
    for result, shape in (
        (array.squeeze(), (2, 3)),
        (array.squeeze(0), (1, 2, 3)),
        (array.squeeze(dim=(0, 2)), (1, 2, 3)),
        (array.squeeze(-1), (1, 1, 2, 3)),
        (np.squeeze(array, axis=1), (1, 2, 3)),
        (np.squeeze(array), (2, 3)),
        (array[0, 0].unsqueeze(0), (1, 2, 3)),
        (array[0, 0].unsqueeze(-1), (2, 3, 1)),
        (array.permute(0, 2, 3, 1), (1, 2, 3, 1)),
        (array.permute((0, 2, 3, 1)), (1, 2, 3, 1)),
    ):
        assert isinstance(result, Array)
        assert result.shape == shape
        assert np.shares_memory(result, array)
    assert array.permute(3, 0, 1, 2)[2, 0, 0, 1] == 5
    with pytest.raises(ValueError):
        np.squeeze(array, axis=2)


def test_clone_and_float():
    array = np.ones((1, 1, 2, 3), np.float32).view(Array)
    assert not np.shares_memory(array.clone(), array)
    assert isinstance(array.clone(), Array)
    assert np.shares_memory(array.float(), array)
    mask = (array > 0.5).float()
    assert isinstance(mask, Array)
    assert mask.dtype == np.float32


class Tensor:
    """As much of PyTorch's as is used."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def detach(self):
        return Tensor(self.values)

    cpu = float = detach

    def numpy(self) -> np.ndarray:
        return self.values


@pytest.fixture
def fake_torch(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    torch = types.ModuleType("torch")
    torch.Tensor = Tensor
    torch.from_numpy = Tensor
    monkeypatch.setitem(sys.modules, "torch", torch)
    return torch


def test_pytorch_s_functions_get_tensors(fake_torch: types.ModuleType):
    array = np.ones(3, np.float32).view(Array)

    def function(*arguments, **keywords):
        return arguments, keywords

    arguments, keywords = Array.__torch_function__(
        function, (), ([array, 1], "x"), {"out": (array,)}
    )
    assert isinstance(arguments[0][0], Tensor)
    assert isinstance(keywords["out"][0], Tensor)
    assert (arguments[0][1], arguments[1]) == (1, "x")


def test_tensors_come_back_where_tensors_came(fake_torch: types.ModuleType):
    values = np.ones((1, 1, 8, 8), np.float32)
    model = with_network(colorizers.eccv16(pretrained=False))
    result = model(Tensor(values))
    assert isinstance(result, Tensor)
    assert isinstance(model(values), Array)
    assert np.array_equal(result.values, model(values))
    picture = colorizers.postprocess_tens(Tensor(values), result)
    assert type(picture) is np.ndarray


# ---- Pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", cases("picture"), ids=lambda case: "x".join(map(str, case["input"].shape))
)
def test_before_and_behind_a_network_all_is_the_release_s(case, model: libcolorize.Model):
    size = int(case["network_size"][0])
    lightness, small = colorizers.preprocess_img(case["input"], HW=(size, size))
    assert isinstance(lightness, Array)
    assert lightness.dtype == small.dtype == np.float32
    assert lightness.shape == (1, 1, *case["input"].shape[:2])
    ab = model.predict(small[0, 0])[None]
    actual = colorizers.postprocess_tens(lightness, ab)
    assert actual.dtype == np.float32
    # The fixture is rounded to 1 / 65535.
    assert np.abs(actual - case["output"] / 65535).max() <= RGB_MAXIMUM + 1e-5


@pytest.mark.parametrize(
    "case",
    [case for case in cases("bilinear") if len(case["input"]) == 2],
    ids=lambda case: f"{case['input'].shape[1:]} to {case['output'].shape[1:]}",
)
def test_ab_is_stretched_as_by_pytorch(case, monkeypatch: pytest.MonkeyPatch):
    # Several bands, the last of them shorter.
    monkeypatch.setattr(colorizers.util, "_BAND_PIXELS", 100)
    lightness = np.full((1, 1, *case["output"].shape[1:]), 60, np.float32)
    expected = libcolorize.lab_to_rgb(np.moveaxis(np.vstack([lightness[0], case["output"]]), 0, 2))
    actual = colorizers.postprocess_tens(lightness, case["input"][None])
    assert np.abs(actual - expected).max() <= RGB_MAXIMUM


def test_a_picture_is_as_precise_as_its_parts(photo: np.ndarray):
    lightness, _ = colorizers.preprocess_img(photo)
    ab = np.full((1, 2, 4, 4), 20, np.float32)
    single = colorizers.postprocess_tens(lightness, ab)
    assert single.dtype == np.float32
    for pair in ((lightness.astype(float), ab), (lightness, ab.astype(float))):
        double = colorizers.postprocess_tens(*pair)
        assert double.dtype == np.float64
        assert np.array_equal(double, single)


def test_the_first_of_many_is_taken(photo: np.ndarray):
    lightness, _ = colorizers.preprocess_img(photo)
    ab = np.full((2, 2, 4, 4), 20, np.float32)
    ab[1] = -20
    one = colorizers.postprocess_tens(lightness, ab[:1])
    assert np.array_equal(colorizers.postprocess_tens(np.repeat(lightness, 2, 0), ab), one)


def test_gray_and_alpha(photo: np.ndarray):
    gray = photo[:, :, 1]
    of_gray = colorizers.preprocess_img(gray)
    of_three = colorizers.preprocess_img(np.dstack([gray] * 3))
    of_four = colorizers.preprocess_img(np.dstack([gray] * 3 + [photo[:, :, 0]]))
    for other in (of_three, of_four):
        assert all(np.array_equal(a, b) for a, b in zip(of_gray, other))


def test_pictures_that_are_refused():
    for shape in ((4,), (4, 4, 2), (1, 4, 4, 3), (0, 4, 3)):
        with pytest.raises(ValueError, match="the picture has shape"):
            colorizers.preprocess_img(np.zeros(shape, np.uint8))
    with pytest.raises(TypeError, match="float64"):
        colorizers.preprocess_img(np.zeros((4, 4, 3)))


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_load_img(mode: str, photo: np.ndarray, tmp_path: Path):
    rgb = Image.fromarray(photo)
    path = tmp_path / ("picture.tiff" if mode == "CMYK" else "picture.png")
    if mode == "I;16":
        expected = np.tile(photo[:, :, :1], 3)
        Image.fromarray(photo[:, :, 0].astype(np.uint16) * 257).save(path)
    else:
        rgb.convert(mode).save(path)
        converted = rgb.convert(mode).convert("L" if mode in ("LA", "1") else "RGB")
        expected = np.asarray(rgb.convert("RGBA") if mode == "RGBA" else converted)
        if expected.ndim == 2:
            expected = np.tile(expected[:, :, None], 3)
    actual = colorizers.load_img(path)
    assert actual.dtype == np.uint8
    assert np.array_equal(actual, expected)


def test_load_img_of_floats(tmp_path: Path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "floats.tiff")
    with pytest.raises(ValueError, match="of unknown range"):
        colorizers.load_img(tmp_path / "floats.tiff")


def test_resize_img(photo: np.ndarray):
    expected = np.asarray(Image.fromarray(photo).resize((30, 20), Image.Resampling.BICUBIC))
    assert np.array_equal(colorizers.resize_img(photo, HW=(20, 30)), expected)
    nearest = np.asarray(Image.fromarray(photo).resize((30, 20), Image.Resampling.NEAREST))
    assert np.array_equal(colorizers.resize_img(photo, HW=(20, 30), resample=0), nearest)
    small = colorizers.preprocess_img(photo, HW=(20, 30), resample=0)[1]
    assert np.array_equal(small, colorizers.preprocess_img(nearest)[0])


@pytest.mark.parametrize("eccv", [True, False])
def test_pipeline(eccv: bool, photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    called = []
    for name, model in (
        ("eccv16", colorizers.ECCVGenerator()),
        ("siggraph17", colorizers.SIGGRAPHGenerator()),
    ):
        make = lambda name=name, model=model: called.append(name) or with_network(model)  # noqa: E731
        monkeypatch.setattr(colorizers.easy, name, make)
    picture = colorizers.easy.pipeline(path, eccv=eccv)
    assert called == ["eccv16" if eccv else "siggraph17"]
    lightness, small = colorizers.preprocess_img(photo, HW=(256, 256))
    ab = np.concatenate([small, -small], axis=1)
    assert np.array_equal(picture, colorizers.postprocess_tens(lightness, ab))


# ---- Networks ------------------------------------------------------------------------------------


def test_the_normalisations():
    base = colorizers.BaseColor()
    assert (base.l_cent, base.l_norm, base.ab_norm) == (50, 100, 110)
    assert base.normalize_l(75) == 0.25
    assert base.unnormalize_l(0.25) == 75
    assert base.normalize_ab(-55) == -0.5
    assert base.unnormalize_ab(-0.5) == -55


def test_devices_and_modes():
    model = colorizers.siggraph17(pretrained=False)
    assert isinstance(model, colorizers.SIGGRAPHGenerator)
    assert isinstance(model, colorizers.BaseColor)
    for same in (model.eval(), model.cpu(), model.cuda(0), model.to("cuda"), model.train(False)):
        assert same is model
    with pytest.raises(NotImplementedError, match="train"):
        model.train()


@pytest.mark.parametrize("make", [colorizers.eccv16, colorizers.siggraph17])
def test_a_network_without_weights_says_so(make):
    with pytest.raises(RuntimeError, match="has no weights"):
        make(pretrained=False)(np.zeros((1, 1, 8, 8), np.float32))


def test_each_of_many_is_run():
    model = with_network(colorizers.ECCVGenerator())
    lightness = np.random.default_rng(0).uniform(0, 100, (3, 1, 8, 16)).astype(np.float32)
    result = model(lightness)
    assert np.array_equal(result, np.concatenate([lightness, -lightness], axis=1))
    assert [hints for _, hints, _ in model.network.given] == [None] * 3


@pytest.mark.parametrize("shape", [(8, 8), (1, 2, 8, 8), (0, 1, 8, 8)])
def test_shapes_that_are_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match="L has shape"):
        with_network(colorizers.ECCVGenerator())(np.zeros(shape, np.float32))


def test_hints_and_masks():
    model = with_network(colorizers.SIGGRAPHGenerator())
    lightness = np.full((1, 1, 8, 8), 30, np.float32)
    hints = np.full((1, 2, 8, 8), 7, np.float32)
    mask = np.full((1, 1, 8, 8), 0.25, np.float32)
    model(lightness)
    model(lightness, hints, mask)
    model(lightness, hints)
    model(lightness, mask_B=mask)
    plain, both, only_hints, only_mask = model.network.given
    assert plain[1:] == (None, None)
    assert np.array_equal(both[1], hints[0])
    assert np.array_equal(both[2], mask[0, 0])
    assert np.array_equal(only_hints[1], hints[0])
    assert not only_hints[2].any()
    assert not only_mask[1].any()
    assert np.array_equal(only_mask[2], mask[0, 0])
    with pytest.raises(ValueError, match=r"ab has shape \(1, 1, 8, 8\)"):
        model(lightness, mask, mask)
    with pytest.raises(ValueError, match=r"mask has shape \(1, 2, 8, 8\)"):
        model(lightness, hints, hints)


def test_what_the_release_s_networks_can_be_made_with(fake_torch: types.ModuleType):
    fake_torch.nn = types.SimpleNamespace(BatchNorm2d=type("BatchNorm2d", (), {}))
    colorizers.ECCVGenerator(norm_layer=fake_torch.nn.BatchNorm2d)
    colorizers.SIGGRAPHGenerator(fake_torch.nn.BatchNorm2d, 529)
    colorizers.SIGGRAPHGenerator(classes=529)
    for make in (colorizers.ECCVGenerator, colorizers.SIGGRAPHGenerator):
        with pytest.raises(ValueError, match=r"norm_layer is .*int.* has torch\.nn\.BatchNorm2d"):
            make(norm_layer=int)
    with pytest.raises(ValueError, match="classes is 313; siggraph17 has 529"):
        colorizers.SIGGRAPHGenerator(classes=313)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("state_dict", r"torch\.load .*libcolorize\.weights\.find\('eccv16'\)"),
        ("parameters", r"its weights lie in libcolorize"),
        ("half", "computes in float32.* leave the call out"),
        ("modules", r"is no torch\.nn\.Module"),
    ],
)
def test_what_networks_do_not_have(name: str, advice: str):
    model = colorizers.eccv16(pretrained=False)
    with pytest.raises(
        AttributeError, match=f"ECCVGenerator of libcolorize has no {name}: .*{advice}"
    ):
        getattr(model, name)()
    assert not hasattr(model, name)
    with pytest.raises(AttributeError, match="'ECCVGenerator' object has no attribute 'modell'"):
        model.modell  # noqa: B018
    assert model.training is False


def test_the_mask_of_a_centred_network_is_its_own():
    model = with_network(colorizers.SIGGRAPHGenerator(), "centred")
    lightness = np.zeros((1, 1, 8, 8), np.float32)
    model(lightness, np.zeros((1, 2, 8, 8)), np.full((1, 1, 8, 8), -0.5))
    model(lightness)
    model(lightness, np.zeros((1, 2, 8, 8)), np.full((1, 1, 8, 8), -7.5))
    # The library subtracts a half again.
    given = [np.unique(mask).tolist() for _, _, mask in model.network.given]
    assert given == [[0], [0.5], [-7]]


def test_masks_are_any_numbers(states: dict[str, dict[str, np.ndarray]]):
    model = colorizers.SIGGRAPHGenerator()
    model.load_state_dict(states["siggraph17"])
    lightness = np.full((1, 1, 16, 16), 50, np.float32)
    results = [
        model(lightness, mask_B=np.full((1, 1, 16, 16), value)) for value in (-2, -0.5, 0, 1, 3)
    ]
    for one, other in zip(results, results[1:]):
        assert np.abs(one - other).max() > 0.01
    with pytest.raises(libcolorize.Error, match="mask"):
        model(lightness, mask_B=np.full((1, 1, 16, 16), np.nan))


def test_weights_of_another_network_are_refused(tmp_path: Path):
    with pytest.raises(
        ValueError, match=f"holds {metadata(MODEL_FILE)['architecture']}; this is eccv16"
    ):
        colorizers.eccv16(weights=MODEL_FILE)
    with pytest.raises(libcolorize.weights.WeightsError, match="there is no"):
        colorizers.siggraph17(weights=tmp_path / "nothing.pth")


# ---- load_state_dict -----------------------------------------------------------------------------


def test_what_is_wrong_with_a_state_dict_is_listed():
    state = {name: np.zeros(shape) for name, shape in _state_dict.SHAPES["eccv16"].items()}
    del state["model1.0.bias"], state["model8.6.weight"]
    state["model1.4.weight"] = np.zeros((3, 64))
    state["other"] = np.zeros(1)
    state["model1.4.num_batches_tracked"] = np.zeros(())
    with pytest.raises(RuntimeError) as caught:
        colorizers.ECCVGenerator().load_state_dict(state)
    assert str(caught.value).split("\n\t") == [
        "Error(s) in loading state_dict for ECCVGenerator:",
        'Unexpected key(s) in state_dict: "other".',
        'Missing key(s) in state_dict: "model1.0.bias", "model8.6.weight".',
        "size mismatch for model1.4.weight: copying a param with shape [3, 64] from checkpoint, "
        "the shape in current model is [64].",
    ]
    with pytest.raises(RuntimeError, match="Missing") as caught:
        colorizers.ECCVGenerator().load_state_dict(state, strict=False)
    assert "Unexpected" not in str(caught.value)


def test_the_weights_of_a_state_dict_are_the_file_s(tmp_path: Path):
    rng = np.random.default_rng(0)
    shapes = _state_dict.SHAPES["siggraph17"]
    state = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    path = tmp_path / "model.safetensors"
    path.write_bytes(_state_dict.model_file("siggraph17", state))
    written = tensors(path)
    assert list(written) == list(shapes)
    assert all(np.array_equal(written[name], state[name]) for name in shapes)


def test_a_state_dict_makes_a_network(states: dict[str, dict[str, np.ndarray]]):
    lightness = np.random.default_rng(0).uniform(0, 100, (2, 1, 16, 24)).astype(np.float32)
    for name, make in (("eccv16", colorizers.eccv16), ("siggraph17", colorizers.siggraph17)):
        model = make(pretrained=False)
        assert model.load_state_dict(states[name]) == ([], [])
        ab = model(lightness)
        assert isinstance(ab, Array)
        assert ab.shape == (2, 2, 16, 24)
        # It looks at its input, each of the two at its own.
        assert ab.std() > 0.1
        assert np.array_equal(model(lightness[1:])[0], ab[1])
        assert np.abs(ab[0] - ab[1]).max() > 0.1


def test_eccv16_takes_any_size(states: dict[str, dict[str, np.ndarray]]):
    model = colorizers.ECCVGenerator()
    model.load_state_dict(states["eccv16"])
    assert model(np.full((1, 1, 13, 1), 50, np.float32)).shape == (1, 2, 16, 8)


def test_siggraph17_sees_hints(states: dict[str, dict[str, np.ndarray]]):
    model = colorizers.SIGGRAPHGenerator()
    model.load_state_dict(states["siggraph17"])
    lightness = np.full((1, 1, 16, 16), 50, np.float32)
    hints = np.zeros((1, 2, 16, 16), np.float32)
    mask = np.zeros((1, 1, 16, 16), np.float32)
    plain = model(lightness)
    # All zero is what the release makes of no hints.
    assert np.array_equal(model(lightness, hints, mask), plain)
    mask[0, 0, 4:8, 4:8] = 1
    only_mask = model(lightness, hints, mask)
    assert np.abs(only_mask - plain).max() > 0.01
    hints[0, 0, 4:8, 4:8] = 80
    assert np.abs(model(lightness, hints, mask) - only_mask).max() > 0.01

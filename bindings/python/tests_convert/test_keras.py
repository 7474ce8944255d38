"""Keras's files, against Keras itself: with PyTorch for a backend, on the CPU."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import libcolorize
from libcolorize import convert, weights

BOUND = 2e-3
"""In units of ab, of values to 110: both compute with floats, in different orders."""


def network(end: str = "ab", **changes: Any) -> keras.Model:
    """eccv16 as a port to Keras has it: other names, activations in convolutions."""
    x = image = keras.Input((None, None, 1), name="L")
    if changes.get("normalized", True):
        x = layers.Rescaling(1 / 100, -0.5, name="center")(x)
    blocks = [(64, 2, 2, 1), (128, 2, 2, 1), (256, 3, 2, 1), (512, 3, 1, 1)]
    blocks += [(512, 3, 1, 2), (512, 3, 1, 2), (512, 3, 1, 1)]
    for number, (width, count, stride, dilation) in enumerate(blocks, 1):
        width = changes.get(f"width{number}", width)
        for index in range(count):
            step = stride if index == count - 1 else 1
            padding = "same"
            if step > 1 and not changes.get("same"):
                x, padding = layers.ZeroPadding2D(1)(x), "valid"
            x = layers.Conv2D(
                width, 3, step, padding, dilation_rate=dilation,
                activation="relu" if number % 2 else None, name=f"conv{number}_{index + 1}",
            )(x)  # fmt: skip
            if number % 2 == 0:
                x = layers.Activation("relu")(x)
        epsilon = 1e-3 if number < 4 else 1e-5
        x = layers.BatchNormalization(epsilon=epsilon, name=f"bn{number}")(x)
    x = layers.Conv2DTranspose(256, 4, 2, "same", name="up")(x)
    x = layers.ReLU()(x)
    for index in (1, 2):
        x = layers.Conv2D(256, 3, padding="same", activation="relu", name=f"conv8_{index}")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Conv2D(313, 1, name="bins")(x)
    if changes.get("softmax", True):
        x = layers.Softmax(name="probabilities")(x)
    if end == "ab":
        x = layers.Conv2D(2, 1, use_bias=False, name="ab")(x)
        if changes.get("enlarged", True):
            x = layers.UpSampling2D(4, interpolation="bilinear")(x)
            x = layers.Rescaling(110.0)(x)
    return keras.Model(image, x, name="port")


def fill(model: keras.Model) -> keras.Model:
    """Weights such that what goes in makes a difference, as in the fixture `states`."""
    rng = np.random.default_rng(5)
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            noise = rng.standard_normal(weight.shape).astype(np.float32)
            if weight.name == "kernel":
                fan = np.prod(weight.shape[:2]) * weight.shape[2]
                if layer.name == "up":
                    fan = 4 * weight.shape[3]
                gain = {"conv1_1": 4, "bins": 4, "ab": 1}.get(layer.name, 1)
                noise *= gain * np.sqrt(2 / fan)
            elif weight.name in ("gamma", "moving_variance"):
                noise = (0.68 if weight.name != "gamma" else 1) * np.exp(0.2 * noise)
            else:
                noise = 0.2 * noise + (0.56 if weight.name == "moving_mean" else 0)
            values.append(noise)
        layer.set_weights(values)
    return model


def ask(model: keras.Model, planes: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.asarray(model.predict(planes[None, :, :, None], verbose=0))[0], 2, 0)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_port_with_ab_gives_keras_s_numbers(suffix: str, lightness: np.ndarray, tmp_path: Path):
    model = fill(network())
    path = tmp_path / f"port.{suffix}"
    model.save(path)
    expected = ask(model, lightness)
    assert expected.std() > 1 and np.abs(expected).max() < 110
    with convert.open(path) as opened:
        assert opened.info.architecture == "eccv16"
        found = opened.predict(lightness)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < BOUND
    target = convert.to_safetensors(path, tmp_path / "port.safetensors")
    with libcolorize.Model(target) as opened:
        assert np.array_equal(opened.predict(lightness), found)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("softmax", [True, False])
def test_a_port_with_classes(suffix: str, softmax: bool, lightness: np.ndarray, tmp_path: Path):
    model = fill(network("class", softmax=softmax, normalized=False))
    path = tmp_path / f"port.{suffix}"
    model.save(path)
    expected = ask(model, (lightness - 50) / 100)
    if not softmax:
        expected = np.exp(expected - expected.max(axis=0))
        expected /= expected.sum(axis=0)
    with convert.open(path) as opened:
        # The temperature at which the file's softmax stands.
        plain = opened.info.plain_softmax_temperature
        found = opened.distribution(lightness, temperature=plain)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 1e-4
        # Decoded with the library's bins.
        with libcolorize.Model() as built_in:
            assert np.abs(opened.bin_centres - built_in.bin_centres).max() < 1e-4


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("end", ["ab", "class"])
def test_what_is_written_loads_in_keras_and_gives_our_numbers(
    suffix: str,
    end: str,
    eccv16: libcolorize.Model,
    state: dict,
    checkpoint: Path,
    lightness: np.ndarray,
    tmp_path: Path,
):
    path = convert.export_keras(checkpoint, tmp_path / f"eccv16.{suffix}", end)
    loaded = keras.models.load_model(path, compile=False)
    # Sides that are no multiples of 8, too.
    for planes in (lightness, lightness[:40, :56]):
        found = ask(loaded, planes)
        if end == "ab":
            expected = eccv16.predict(planes)
            assert np.abs(found - expected).max() < BOUND
        else:
            plain = eccv16.info.plain_softmax_temperature
            expected = eccv16.distribution(planes, temperature=plain)
            assert np.abs(found - expected).max() < 1e-4
    again = convert.read(path)
    for name, values in again.items():
        if end == "ab" or name != "model_out.weight":
            assert np.array_equal(values, state[name]), name
    # Twice the same bytes.
    other = convert.export_keras(checkpoint, tmp_path / f"other.{suffix}", end)
    if suffix == "h5":
        assert path.read_bytes() == other.read_bytes()
    # And Keras can write it itself.
    loaded.save(tmp_path / f"again.{suffix}")
    assert np.array_equal(
        convert.read(tmp_path / f"again.{suffix}")["model7.6.running_var"],
        state["model7.6.running_var"],
    )


def test_the_graph_is_netron_s(checkpoint: Path, tmp_path: Path):
    """What Netron's parser of Keras goes by: every layer has a class, a name and its one source,
    and every weight that a layer names is there.
    """
    path = convert.export_keras(checkpoint, tmp_path / "eccv16.h5")
    with h5py.File(path) as file:
        config = json.loads(file.attrs["model_config"])
        names = [name.decode() for name in file["model_weights"].attrs["layer_names"]]
        chain = config["config"]["layers"]
        assert [layer["config"]["name"] for layer in chain] == names
        assert len(set(names)) == len(names)
        for layer, before in zip(chain[1:], names):
            (node,) = layer["inbound_nodes"]
            assert node["args"][0]["config"]["keras_history"] == [before, 0, 0]
        for name in names:
            for weight in file["model_weights"][name].attrs["weight_names"]:
                assert file["model_weights"][name][weight.decode()].dtype == np.float32
        assert config["config"]["input_layers"] == [[names[0], 0, 0]]
        assert config["config"]["output_layers"] == [[names[-1], 0, 0]]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"width2": 96}, r"conv2_1 is a convolution with weights \[96, 64, 3, 3\].*model2.0"),
        ({"same": True}, r"conv1_2 is a convolution with .*'same' with a stride; eccv16 has"),
    ],
)
def test_another_architecture_is_refused(changes: dict, text: str, tmp_path: Path):
    path = tmp_path / "port.h5"
    network(**changes).save(path)
    with pytest.raises(convert.ConvertError, match=text):
        convert.read(path)


def test_files_that_are_something_else(tmp_path: Path):
    path = tmp_path / "a.h5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(convert.ConvertError, match=r"a\.h5 is no file of Keras's"):
        convert.read(path)
    with pytest.raises(FileNotFoundError):
        convert.read(tmp_path / "nowhere.h5")
    with h5py.File(path, "w"):
        pass
    with pytest.raises(convert.ConvertError, match=r"a\.h5 has weights alone"):
        convert.read(path)
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(convert.ConvertError, match=r"has no config\.json"):
        convert.read(tmp_path / "a.keras")
    x = image = keras.Input((None, None, 1))
    x = layers.Add()(
        [layers.Conv2D(64, 3, padding="same")(x), layers.Conv2D(64, 3, padding="same")(x)]
    )
    keras.Model(image, x).save(path)
    with pytest.raises(convert.ConvertError, match="makes a branch; eccv16 is a chain"):
        convert.read(path)
    with pytest.raises(libcolorize.Error, match=r"a\.pb'; its name must end with"):
        convert.read(tmp_path / "a.pb")
    with pytest.raises(libcolorize.Error, match=r"holds siggraph17; only eccv16 can"):
        convert.export_keras(_siggraph17(tmp_path), tmp_path / "b.h5")
    with pytest.raises(libcolorize.Error, match="end is 'rgb'"):
        convert.export_keras("eccv16", tmp_path / "b.h5", "rgb")


def test_the_readme_s_example_runs(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = (Path(__file__).parents[1] / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (example,) = [block for block in blocks if "import convert" in block]
    entry = weights.PUBLISHED["eccv16"]
    sha256 = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    other = weights.Published(entry.name, entry.url, sha256)
    monkeypatch.setitem(weights.PUBLISHED, "eccv16", other)
    monkeypatch.setenv("LIBCOLORIZE_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / entry.name).symlink_to(checkpoint)
    convert.export_keras(checkpoint, "colorizer.h5")
    exec(example, {})
    for name in ("colorizer.safetensors", "eccv16.keras", "eccv16.onnx"):
        assert Path(name).stat().st_size > 100 << 20


def _siggraph17(folder: Path) -> Path:
    from libcolorize.colorizers import _state_dict

    path = folder / "siggraph17.safetensors"
    shapes = _state_dict.SHAPES["siggraph17"]
    state = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    path.write_bytes(_state_dict.model_file("siggraph17", state))
    return path

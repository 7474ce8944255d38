"""`libcolorize train`: a run, its files, and that it can be stopped at any moment and go on."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import resource
import shutil
import signal
import struct
import subprocess
import tarfile
import time

import numpy as np
import pytest
from PIL import Image
from support import FAILURE, MODEL, USAGE, names, pixels, prior_table, processor_seconds

# A run that takes a second or two: what is tested is the same for a long one.
SMALL = ["--size", "32", "--batch", "2", "--steps", "30", "--warmup", "5", "--metrics-every", "4"]
SMALL += ["--samples-every", "0"]
# A step of nearly no length.
STILL = ["--learning-rate", "1e-9", "--warmup", "0", "--average", "0", "--steps", "1"]
TYPES = {"F32": np.float32, "F16": np.float16}
TIMES = {"seconds", "images_per_second"}


def safetensors(path):
    """The metadata, and name -> array, of a safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    found = {}
    for name, entry in header.items():
        first, last = (8 + length + offset for offset in entry["data_offsets"])
        values = np.frombuffer(data[first:last], TYPES[entry["dtype"]])
        found[name] = values.reshape(entry["shape"])
    return metadata, found


def tensors(path):
    """The same, of a file that has float32 only."""
    metadata, found = safetensors(path)
    assert all(values.dtype == np.float32 for values in found.values())
    return metadata, found


def rows(run, name="metrics.csv"):
    """The metrics of a run, as dictionaries of strings."""
    with (run / name).open(newline="") as file:
        return list(csv.DictReader(file))


def without_times(run):
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows(run)]


def assert_same_run(run, other):
    """Metrics but for the times, state and model are the same, bit for bit."""
    assert without_times(run) == without_times(other)
    for name in ("model.safetensors", "checkpoint.safetensors"):
        (said, values), (other_said, other_values) = tensors(run / name), tensors(other / name)
        for ignored in ("seconds", "option.checkpoint-every", "metrics"):
            said.pop(ignored, None), other_said.pop(ignored, None)
        assert said == other_said
        assert values.keys() == other_values.keys()
        for key in values:
            assert values[key].tobytes() == other_values[key].tobytes(), key


def photograph(number):
    """uint8 [72, 96, 3]: colored gradients and edges, others for each number."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[0:72, 0:96] / 96
    waves = random.uniform(2, 9, (3, 2))
    rgb = [np.sin(a * x + b * y + random.uniform(0, 6)) for a, b in waves]
    return ((np.stack(rgb, axis=2) + 1) * 127).astype(np.uint8)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(12):
        suffix = "png" if number % 2 else "jpg"
        Image.fromarray(photograph(number)).save(folder / f"{number:02}.{suffix}", quality=95)
    return folder


@pytest.fixture(scope="module")
def whole(colorize, photographs, tmp_path_factory):
    """A run that nothing has stopped."""
    run = tmp_path_factory.mktemp("whole") / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--checkpoint-every", "1000")
    return run


def start(colorize, *arguments):
    return subprocess.Popen(
        [colorize.path, "train", *map(os.fspath, arguments)],
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.005)


# ---- What a run leaves --------------------------------------------------------------------------


def test_the_files_of_a_run(colorize, whole):
    expected = {"checkpoint.safetensors", "metrics.csv", "model.safetensors"}
    if shutil.which("gnuplot"):
        expected.add("metrics.png")
    assert set(names(whole)) == expected
    assert [int(row["step"]) for row in rows(whole)] == [4, 8, 12, 16, 20, 24, 28, 30]
    for row in rows(whole):
        assert int(row["images"]) == 2 * int(row["step"])
        assert float(row["images_per_second"]) > 0 and float(row["seconds"]) > 0
        assert float(row["loss"]) > 0 and float(row["gradient_norm"]) > 0
    # The warm-up is over after step 5; the cosine ends at 0.
    rates = [float(row["learning_rate"]) for row in rows(whole)]
    assert rates[0] == pytest.approx(2e-3 * 4 / 5, rel=0.3)
    assert rates[1:] == sorted(rates[1:], reverse=True) and rates[-1] < 2e-5


def test_the_model_is_one(colorize, whole, tmp_path, gray):
    said = colorize("info", whole / "model.safetensors").stdout
    assert "lite" in said and "steps 30" in said
    Image.fromarray(gray).save(tmp_path / "in.png")
    made, _ = colorize.color(
        tmp_path / "in.png", tmp_path / "out.png", "--model", whole / "model.safetensors"
    )
    assert made.shape == (48, 64, 3)


def test_the_licence_and_the_recipe_are_in_the_model(colorize, photographs, tmp_path):
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "2",
             "--licence", "CC0-1.0", "--seed", "7")  # fmt: skip
    metadata, _ = tensors(run / "model.safetensors")
    assert metadata["licence"] == "CC0-1.0"
    assert metadata["architecture"] == "lite"
    assert "seed 7" in metadata["recipe"] and "batch 2" in metadata["recipe"]
    assert "CC0-1.0" in colorize("info", run / "model.safetensors").stdout


def test_the_loss_falls(colorize, photographs, tmp_path):
    """On a dozen pictures without augmentation, a network learns at once: 100 steps take the loss
    from that of an even distribution, log 313 = 5.7, to well below."""
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "100", "--no-flip",
             "--scale", "1", "1", "--lambda", "1")  # fmt: skip
    losses = [float(row["loss"]) for row in rows(run)]
    assert np.mean(losses[-3:]) < 0.8 * losses[0]


def test_the_number_of_threads_does_not_matter(colorize, photographs, whole, tmp_path):
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--threads", "3")
    assert_same_run(run, whole)


def test_the_seed_does(colorize, photographs, whole, tmp_path):
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--seed", "2")
    assert rows(run)[0]["loss"] != rows(whole)[0]["loss"]


def test_sheets(colorize, photographs, tmp_path):
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "9",
             "--samples-every", "4")  # fmt: skip
    assert names(run / "samples") == [f"00000{step}.png" for step in (0, 4, 8, 9)]
    sheet = pixels(run / "samples/000009.png").astype(int)
    side = sheet.shape[1] // 3
    assert sheet.shape == (8 * side, 3 * side, 3)
    gray, colored, truth = np.split(sheet, 3, axis=1)
    assert np.abs(gray - gray.mean(axis=2, keepdims=True)).max() <= 1
    assert np.abs(truth - truth.mean(axis=2, keepdims=True)).mean() > 10
    # The gray of the truth's luminance, but for rounding.
    light = np.where(truth > 10, ((truth / 255 + 0.055) / 1.055) ** 2.4, truth / 255 / 12.92)
    y = light @ [0.212671, 0.715160, 0.072169]
    expected = 255 * np.where(y > 0.0031308, 1.055 * y ** (1 / 2.4) - 0.055, 12.92 * y)
    assert np.abs(gray[..., 0] - expected).max() < 0.6
    # And the colors are the model's.
    Image.fromarray(truth[:side].astype(np.uint8)).save(tmp_path / "in.png")
    made, _ = colorize.color(tmp_path / "in.png", tmp_path / "out.png",
        "--model", run / "model.safetensors", "--network-size", "32")  # fmt: skip
    assert np.array_equal(made, colored[:side])


def test_pictures_for_the_sheets(colorize, photographs, tmp_path, rgb):
    (tmp_path / "samples").mkdir()
    Image.fromarray(rgb).save(tmp_path / "samples/one.png")
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "2",
             "--samples-every", "2", "--samples", tmp_path / "samples")  # fmt: skip
    sheet = pixels(run / "samples/000002.png")
    assert sheet.shape[1] == 3 * sheet.shape[0]
    # The picture's middle, brought to the size of the sheet as Pillow does it.
    side = sheet.shape[0]
    expected = Image.fromarray(rgb[:, 8:56]).resize((side, side), Image.BICUBIC)
    assert np.array_equal(sheet[:, 2 * side :], np.asarray(expected))


def test_what_is_held_back_is_on_the_sheets(colorize, photographs, tmp_path):
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "2",
             "--samples-every", "2", "--hold-back", "4")  # fmt: skip
    sheet = pixels(run / "samples/000002.png")
    side = sheet.shape[1] // 3
    assert sheet.shape[0] == 3 * side
    # Of 12 pictures the numbers 3, 7 and 11: PNG files, from which nothing is lost.
    for row, number in enumerate([3, 7, 11]):
        middle = Image.fromarray(photograph(number)[:, 12:84])
        expected = np.asarray(middle.resize((side, side), Image.BICUBIC))
        assert np.array_equal(sheet[row * side : (row + 1) * side, 2 * side :], expected)


def test_validation(colorize, photographs, tmp_path):
    """The last row is what `libcolorize evaluate` says; a stopped run has all rows once."""
    run, held_back = tmp_path / "run", tmp_path / "held back"
    held_back.mkdir()
    for number in (3, 7, 11):
        shutil.copy(photographs / f"{number:02}.png", held_back)
    options = [*SMALL, "--steps", "10", "--samples-every", "4"]
    data = ["--data", photographs, "--hold-back", "4"]
    colorize("train", *data, "--out", run, *options)
    table = tmp_path / "table.csv"
    colorize("evaluate", "--model", run / "model.safetensors", "--network-size", "32",
             "--csv", table, held_back)  # fmt: skip
    validated = rows(run, "validation.csv")
    assert [row["step"] for row in validated] == ["0", "4", "8", "10"]
    with table.open(newline="") as file:
        expected = {row["name"]: row for row in csv.DictReader(file)}["network at 32"]
    for name in ("auc", "rebalanced_auc", "psnr", "ciede2000", "chroma", "colorfulness"):
        assert validated[-1][name] == expected[name]
    # The same pictures in a folder are no part of the data, and the run is another one.
    other = tmp_path / "other"
    data = ["--data", photographs, "--validation", held_back]
    process = start(colorize, *data, "--out", other, *options, "--checkpoint-every", "1")
    wait_for((other / "checkpoint.safetensors").exists, process)
    process.kill()
    process.communicate()
    colorize("train", "--out", other, "--resume")
    assert [row["step"] for row in rows(other, "validation.csv")] == ["0", "4", "8", "10"]
    assert rows(other, "validation.csv")[-1] != validated[-1]


def test_progress_on_a_terminal(colorize, photographs, tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [colorize.path, "train", "--data", photographs, "--out", tmp_path / "run", *SMALL],
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    said = b""
    # At its end a terminal gives an error.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65536):
            said += part
    os.close(ours)
    assert process.wait(60) == 0
    shown = re.findall(
        rb"\x1b\[Kstep (\d+)/30  loss (\d\.\d{4})  [\d.]+ images/s  \d+ (?:s|min) left", said
    )
    assert [int(step) for step, _ in shown] == list(range(1, 31))
    # The loss is that of the last row of the table, so that who looks there finds it.
    said_there = {int(row["step"]): float(row["loss"]) for row in rows(tmp_path / "run")}
    for step, loss in shown:
        row = max((one for one in said_there if one <= int(step)), default=None)
        if row is not None:
            assert float(loss) == pytest.approx(said_there[row], abs=6e-5)
    assert b"trained 30 steps in" in said


def test_the_plot_is_no_must(colorize, photographs, tmp_path):
    run = tmp_path / "run"
    (tmp_path / "bin").mkdir()
    said = colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "3",
                    environment={"PATH": str(tmp_path / "bin")}).stderr  # fmt: skip
    assert said.count("gnuplot is not installed") == 1
    assert names(run) == ["checkpoint.safetensors", "metrics.csv", "model.safetensors"]


@pytest.mark.skipif(shutil.which("gnuplot") is None, reason="gnuplot is not installed")
def test_the_plot(whole):
    plot = pixels(whole / "metrics.png")
    assert plot.shape[:2] == (900, 1200)
    # Lines, not only axes: many pixels that are no gray.
    assert (np.ptp(plot[..., :3].astype(int), axis=2) > 60).sum() > 500


@pytest.mark.skipif(shutil.which("gnuplot") is None, reason="gnuplot is not installed")
def test_the_plot_of_validation(colorize, photographs, tmp_path):
    """A third panel, with the lines of PSNR and CIEDE2000."""
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "6",
             "--samples-every", "2", "--hold-back", "4")  # fmt: skip
    plot = pixels(run / "metrics.png")
    assert plot.shape[:2] == (1350, 1200)
    third = plot[900:, :, :3].astype(int)
    assert (np.ptp(third, axis=2) > 60).sum() > 300


def test_what_it_begins_with_is_looked_at(colorize, photographs, tmp_path):
    """Before the first step: the sheet of step 0 shows the colors of the model that is given."""
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *STILL, "--init", "default",
             "--size", "32", "--batch", "2", "--samples-every", "1",
             "--hold-back", "4")  # fmt: skip
    sheet = pixels(run / "samples/000000.png")
    side = sheet.shape[1] // 3
    Image.fromarray(sheet[:side, 2 * side :]).save(tmp_path / "in.png")
    made, _ = colorize.color(tmp_path / "in.png", tmp_path / "out.png", "--network-size", "32")
    difference = np.abs(made.astype(int) - sheet[:side, side : 2 * side])
    assert difference.max() <= 2  # the file's weights are rounded, the run's are not
    assert rows(run, "validation.csv")[0]["step"] == "0"


def test_a_model_made_from_another_keeps_licence_and_history(colorize, photographs, tmp_path):
    """Through a run that is resumed, and through a second generation."""
    options = ["--size", "32", "--batch", "2", "--samples-every", "0", "--checkpoint-every", "1"]
    licence = safetensors(MODEL)[0]["licence"]
    first, second = tmp_path / "first", tmp_path / "second"
    data = ["train", "--data", photographs]
    colorize(*data, "--out", first, "--init", "default", "--steps", "2", *options,
             "--schedule", "constant")  # fmt: skip
    colorize("train", "--out", first, "--resume", "--steps", "3")
    said, _ = tensors(first / "model.safetensors")
    assert said["licence"] == licence
    assert said["history"].startswith("began as the built-in model; licence: For research")
    assert "source: lite-film.safetensors" in said["history"]
    colorize(*data, "--out", second, "--init", first / "model.safetensors", "--steps", "1",
             *options, "--licence", "mine")  # fmt: skip
    again, _ = tensors(second / "model.safetensors")
    assert again["licence"] == "mine"
    assert again["history"].startswith(f"began as model.safetensors; licence: {licence}")
    assert again["history"].endswith(f"; which {said['history']}")
    # From nothing, it has none.
    third = tmp_path / "third"
    colorize(*data, "--out", third, "--steps", "1", *options)
    assert not {"licence", "history"} & tensors(third / "model.safetensors")[0].keys()


# ---- Crafted files ------------------------------------------------------------------------------


def with_metadata(path, **changed):
    """Writes a safetensors file again with other metadata."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] |= {key.replace("__", "."): value for key, value in changed.items()}
    text = json.dumps(header, ensure_ascii=False).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


FIGURES = " 1.0" * 6
CRAFTED = [
    {"seconds": "nan"},
    {"seconds": "inf"},
    {"seconds": "-1"},
    {"seconds": "1e300"},
    {"step": "-1"},
    {"step": "9223372036854775807"},
    {"step": "100000001"},
    {"metrics": "9.2e18 1.0" + FIGURES},
    {"metrics": "nan 1.0" + FIGURES},
    {"metrics": "-5 1.0" + FIGURES},
    {"metrics": "3 nan" + FIGURES},
    {"metrics": "3 1e300" + FIGURES},
    {"metrics": "3 1.0 nan" + " 1.0" * 5},
    {"metrics": "3 1.0 inf" + " 1.0" * 5},
    {"option__steps": "9223372036854775807"},
    {"option__batch": "9223372036854775807"},
    {"option__seed": "-1"},
    {"option__scale": "nan nan"},
    {"option__learning-rate": "nan"},
    {"option__metrics-every": "0"},
    {"option__checkpoint-every": "0"},
    {"option__model": "e" + "\u0301\u0316" * 100000},
    {"option__loss": "e" + "\u0301\u0316" * 100000},
    {"format": "colorize training checkpoint 1" + "\u0301\u0316" * 100000},
    {"pictures": "12 pictures" + "\u0301\u0316" * 100000},
]


@pytest.mark.parametrize("changed", CRAFTED, ids=lambda changed: str(changed)[:40])
def test_a_crafted_checkpoint(colorize, whole, tmp_path, changed):
    """Whatever it says, it is one sentence, and soon."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "checkpoint-previous.safetensors").unlink(missing_ok=True)
    with_metadata(run / "checkpoint.safetensors", **changed)
    before = processor_seconds()
    result = subprocess.run([colorize.path, "train", "--out", run, "--resume"], capture_output=True,
                            timeout=100)  # fmt: skip
    assert result.returncode in (FAILURE, USAGE), result.stderr[:200]
    # Where an option is wrong a second line says where help is.
    lines = result.stderr.splitlines()
    assert lines[0].startswith(b"libcolorize: ")
    assert len(lines) == (1 if result.returncode == FAILURE else 2)
    # Comparing characters would take 2 * 10^10 steps.
    assert processor_seconds() - before < 10


def test_a_tar_of_accents(colorize, tmp_path):
    """An attribute's name, and a member's, of a million bytes that belong to one character."""
    accents = "e" + "\u0301\u0316" * 16000
    data = io.BytesIO()
    content = io.BytesIO()
    Image.fromarray(photograph(1)).save(content, "PNG")
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(40):
            member = tarfile.TarInfo(f"{number}.png")
            member.size = len(content.getvalue())
            member.pax_headers = {accents: "x", "path": f"{accents}{number}"[-60000:]}
            archive.addfile(member, io.BytesIO(content.getvalue()))
    (tmp_path / "a.tar").write_bytes(data.getvalue())
    before = processor_seconds()
    colorize(
        "train", "--data", tmp_path / "a.tar", "--out", tmp_path / "run", *SMALL, "--steps", "1"
    )
    # Some tenths of a second; by characters it were minutes.
    assert processor_seconds() - before < 10


def test_a_prior_of_accents(colorize, photographs, tmp_path):
    table = tmp_path / "prior.tsv"
    table.write_text("a" + "\u0301\u0316" * 200000 + "\tb\tprior\n")
    before = processor_seconds()
    said = colorize("train", "--data", photographs, "--out", tmp_path / "run", *SMALL, "--prior",
                    table, status=FAILURE).stderr  # fmt: skip
    assert "is missing" in said and processor_seconds() - before < 10


# ---- Stopping and going on ----------------------------------------------------------------------


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_goes_on(colorize, photographs, whole, tmp_path, stop):
    """Stopped again and again at moments that are not chosen, until it is done."""
    run = tmp_path / "run"
    random = np.random.default_rng(stop)
    arguments = ["--data", photographs, "--out", run, *SMALL, "--checkpoint-every", "3"]
    stops = 0
    while True:
        process = start(colorize, *arguments)
        try:
            process.wait(random.uniform(0.3, 0.7) if stops < 8 else 60)
        except subprocess.TimeoutExpired:
            process.send_signal(stop)
        said = process.communicate()[1]
        if process.returncode == 0:
            break
        assert process.returncode == -stop, said
        stops += 1
        if stop != signal.SIGKILL and "stopped after step" in said:
            assert f"libcolorize train --out {run} --resume" in said
        if (run / "checkpoint.safetensors").exists():
            arguments = ["--out", run, "--resume"]
    assert stops > 0
    assert_same_run(run, whole)
    assert not [name for name in os.listdir(run) if name.endswith(".tmp")]


def test_a_damaged_checkpoint_is_passed_over(colorize, photographs, whole, tmp_path):
    run = tmp_path / "run"
    process = start(
        colorize, "--data", photographs, "--out", run, *SMALL, "--checkpoint-every", "5"
    )
    wait_for((run / "checkpoint-previous.safetensors").exists, process)
    process.kill()
    process.communicate()
    last = run / "checkpoint.safetensors"
    if last.exists():
        os.truncate(last, last.stat().st_size - 1000)
    else:
        last.write_bytes(b"")
    said = colorize("train", "--out", run, "--resume").stderr
    assert "using the one before it" in said
    assert_same_run(run, whole)


def test_what_a_killed_process_left_is_taken_away(colorize, whole, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "samples").mkdir()
    for folder in (run, run / "samples"):
        (folder / ".libcolorize-123-0.tmp").write_text("")
    (run / ".mine.tmp").write_text("")
    colorize("train", "--out", run, "--resume")
    assert names(run) == sorted([*names(whole), ".mine.tmp", "samples"])
    assert names(run / "samples") == []


def test_two_damaged_checkpoints(colorize, whole, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    for name in ("checkpoint.safetensors", "checkpoint-previous.safetensors"):
        shutil.copy(MODEL, run / name)
    said = colorize("train", "--out", run, "--resume", status=FAILURE).stderr
    assert said.count("not a checkpoint") == 2 and said.count("\n") == 1


def test_a_run_that_is_done(colorize, whole):
    before = (whole / "checkpoint.safetensors").stat().st_mtime_ns
    assert "all of its 30 steps" in colorize("train", "--out", whole, "--resume").stderr
    assert (whole / "checkpoint.safetensors").stat().st_mtime_ns == before


def test_options_that_differ(colorize, photographs, whole, tmp_path):
    def said(*options):
        return colorize.refused("train", "--out", whole, "--resume", *options)

    assert "--batch is 4, and the run was started with 2" in said("--batch", "4")
    assert "--seed is 5, and the run was started with 1" in said("--seed", "5")
    assert "--steps is 60, and the run was started with 30" in said("--steps", "60")
    assert "--init is default, and the run was started with none" in said("--init", "default")
    assert f"--data is {tmp_path}, and the run was" in said("--data", tmp_path)
    # What was given before may be given again, and what does not change a step may change.
    colorize("train", "--out", whole, "--resume", "--batch", "2", "--data", photographs,
             "--checkpoint-every", "7m", "--threads", "1", "--licence", "x")  # fmt: skip


def test_more_steps(colorize, photographs, tmp_path):
    """Where the schedule does not depend on the number of steps a run may be made longer."""
    constant = ["--schedule", "constant", "--metrics-every", "5"]
    short, long = tmp_path / "short", tmp_path / "long"
    colorize("train", "--data", photographs, "--out", short, *SMALL, *constant, "--steps", "10")
    colorize("train", "--out", short, "--resume", "--steps", "20")
    colorize("train", "--data", photographs, "--out", long, *SMALL, *constant, "--steps", "20")
    assert_same_run(short, long)
    said = colorize.refused("train", "--out", short, "--resume", "--steps", "5")
    assert "--steps is 5, and the run has done 20" in said


def test_other_pictures_than_before(colorize, photographs, tmp_path):
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(photographs, data)
    colorize(
        "train", "--data", data, "--out", run, *SMALL, "--steps", "4", "--schedule", "constant"
    )
    (data / "03.png").unlink()
    said = colorize("train", "--out", run, "--resume", "--steps", "8", status=FAILURE).stderr
    assert "11 pictures" in said and "12" in said


def test_a_folder_that_holds_a_run(colorize, photographs, whole):
    before = (whole / "checkpoint.safetensors").read_bytes()
    said = colorize.refused("train", "--data", photographs, "--out", whole, *SMALL)
    assert "holds a run" in said and "--resume" in said
    assert (whole / "checkpoint.safetensors").read_bytes() == before


def test_nothing_to_resume(colorize, photographs, tmp_path):
    said = colorize.refused("train", "--out", tmp_path, "--resume")
    assert "holds no checkpoint" in said
    said = colorize("train", "--out", tmp_path / "no", "--resume", status=FAILURE).stderr
    assert "No such file or directory" in said


def test_two_at_a_time(colorize, photographs, tmp_path):
    run = tmp_path / "run"
    long = ["--data", photographs, "--out", run, *SMALL, "--steps", "100000"]
    process = start(colorize, *long)
    try:
        wait_for((run / "metrics.csv").exists, process)
        said = colorize("train", *long, status=FAILURE).stderr
        assert "another process is training there" in said
    finally:
        process.kill()
        process.communicate()


# ---- Fine-tuning --------------------------------------------------------------------------------


def test_from_the_built_in_model(colorize, photographs, tmp_path):
    models = []
    for initial in ("default", MODEL):
        run = tmp_path / f"run{len(models)}"
        colorize("train", "--data", photographs, "--out", run, *SMALL, *STILL, "--init", initial)
        models.append(tensors(run / "model.safetensors")[1])
    _, embedded = safetensors(MODEL)
    assert len(models[0]) > 100
    for name, values in models[0].items():
        assert values.tobytes() == models[1][name].tobytes()
        if "running_" not in name:
            # Adam moves a weight by the learning rate; weight decay by less.
            assert np.abs(values - embedded[name]).max() < 2e-9, name


def test_logits_that_stand_at_another_temperature(colorize, whole, photographs, tmp_path):
    """The loss takes the plain softmax; the model that is written says that it stands at 1."""
    first, run = tmp_path / "first.safetensors", tmp_path / "run"
    colorize("convert", "--plain-softmax-temperature", "0.5", whole / "model.safetensors", first)
    colorize("train", "--data", photographs, "--out", run, *SMALL, *STILL, "--init", first)
    metadata, values = tensors(run / "model.safetensors")
    assert metadata["temperature_of_plain_softmax"] == "1.0"
    _, before = tensors(first)
    for name, array in values.items():
        if "running_" not in name:
            factor = 0.5 if name.startswith("logits.") else 1
            assert np.abs(array - factor * before[name]).max() < 2e-9, name


def test_a_mask_of_another_convention(colorize, photographs, tmp_path):
    centred = tmp_path / "centred.safetensors"
    colorize("convert", "--mask-convention", "centred", MODEL, centred)
    said = refused(colorize, tmp_path, "--data", photographs, *SMALL, "--init", centred)
    assert "its mask_convention is centred; training takes zero-one" in said


def test_what_is_frozen_stays(colorize, photographs, whole, tmp_path):
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "3",
             "--init", whole / "model.safetensors", "--freeze", "stem", "stage")  # fmt: skip
    _, before = tensors(whole / "model.safetensors")
    _, after = tensors(run / "model.safetensors")
    for name in before:
        same = before[name].tobytes() == after[name].tobytes()
        assert same == name.startswith(("stem", "stage")), name


def test_what_is_slow_moves_less(colorize, photographs, whole, tmp_path):
    """At a factor of 0 not at all, but for running statistics: those of a layer follow from the
    pictures."""
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "3", "--average", "0",
             "--init", whole / "model.safetensors", "--slow", "stem", "stage", "--slow-factor",
             "0")  # fmt: skip
    _, before = tensors(whole / "model.safetensors")
    _, after = tensors(run / "model.safetensors")
    for name in before:
        same = before[name].tobytes() == after[name].tobytes()
        assert same == (name.startswith(("stem", "stage")) and ".running_" not in name), name
    metadata, _ = tensors(run / "checkpoint.safetensors")
    assert metadata["option.slow"] == "stem\nstage" and float(metadata["option.slow-factor"]) == 0


def test_the_network_is_that_of_the_model_it_begins_with(colorize, photographs, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    train = ["train", "--data", photographs, *SMALL, *STILL]
    colorize(*train, "--out", first, "--model", "compact")
    colorize(*train, "--out", second, "--init", first / "model.safetensors")
    assert tensors(second / "model.safetensors")[0]["architecture"] == "compact"
    assert tensors(second / "checkpoint.safetensors")[0]["option.model"] == "compact"


def test_a_model_of_another_network(colorize, photographs, tmp_path):
    said = colorize("train", "--data", photographs, "--out", tmp_path / "run", "--init", MODEL,
                    "--model", "siggraph17", status=FAILURE).stderr  # fmt: skip
    assert "lite" in said and "siggraph17" in said and said.count("\n") == 1


@pytest.mark.parametrize("model", ["eccv16", "siggraph17"])
def test_the_published_networks(colorize, photographs, tmp_path, model):
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, "--model", model, "--size", "16",
             "--batch", "1", "--steps", "2", "--metrics-every", "1")  # fmt: skip
    assert len(rows(run)) == 2
    assert model in colorize("info", run / "model.safetensors").stdout


# ---- Extra targets and the prior ----------------------------------------------------------------


def write_features(path, **arrays):
    header, data = {}, b""
    for name, array in arrays.items():
        end = len(data) + array.nbytes
        header[name] = {"dtype": "F16", "shape": array.shape, "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def test_features(colorize, photographs, tmp_path):
    random = np.random.default_rng(1)
    features = {
        "map": random.normal(size=(12, 3, 3, 5)).astype(np.float16),
        "pooled": random.normal(size=(12, 7)).astype(np.float16),
    }
    run, file = tmp_path / "run", tmp_path / "features.safetensors"
    write_features(file, **features)
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "8",
             "--features", file, "--feature-weight", "0.5")  # fmt: skip
    for row in rows(run):
        parts = {name: float(row[name]) for name in ("classification", "map", "pooled")}
        assert all(parts.values())
        # The row's numbers have seven digits.
        total = parts["classification"] + 0.5 * (parts["map"] + parts["pooled"])
        assert float(row["loss"]) == pytest.approx(total, rel=1e-6)
    _, state = tensors(run / "checkpoint.safetensors")
    assert state["value.extra.map.weight"].shape[0] == 5
    assert state["value.extra.pooled.weight"].shape[0] == 7
    _, model = tensors(run / "model.safetensors")
    assert model.keys() == {
        name for name in safetensors(MODEL)[1] if not name.startswith("vector.")
    }
    (tmp_path / "other").mkdir()
    write_features(file, pooled=features["pooled"][:11])
    data = ["--data", photographs, "--features", file]
    said = refused(colorize, tmp_path / "other", *data, *SMALL)
    assert "features of 11 pictures, the set has 12" in said


def test_a_prior_of_ones_own(colorize, photographs, whole, tmp_path):
    """The same for all bins: all count alike, as with a lambda of 1."""
    table = tmp_path / "prior.csv"
    table.write_text(prior_table(2.5).replace("\t", ","))
    for name, options in [("own", ["--prior", table]), ("alike", ["--lambda", "1"])]:
        run = tmp_path / name
        colorize("train", "--data", photographs, "--out", run, *SMALL, "--steps", "4", *options)
    own, alike = (float(rows(tmp_path / name)[0]["loss"]) for name in ("own", "alike"))
    # 1 / 313 is rounded to float32 in the one.
    assert own == pytest.approx(alike, rel=1e-5)
    assert abs(own - float(rows(whole)[0]["loss"])) > 1e-3
    for content, why in [
        ("-90\t50\t1\n", "the bin (-90.0, 60.0) is missing"),
        (prior_table(0), "the priors sum up to 0.0"),
    ]:
        table.write_text(content)
        assert why in refused(colorize, tmp_path, "--data", photographs, *SMALL, "--prior", table)


# ---- What goes wrong ----------------------------------------------------------------------------


def refused(colorize, tmp_path, *arguments, status=FAILURE, **options):
    said = colorize("train", "--out", tmp_path / "run", *arguments, status=status, **options).stderr
    assert re.fullmatch(r"libcolorize: [^\n]+\n", said), said
    return said


def test_no_data(colorize, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "there is no PNG or JPEG" in refused(colorize, tmp_path, "--data", tmp_path / "empty")
    assert names(tmp_path) == ["empty", "run"] and names(tmp_path / "run") == []


def test_only_gray_pictures(colorize, tmp_path, gray):
    (tmp_path / "data").mkdir()
    Image.fromarray(gray).save(tmp_path / "data/gray.png")
    Image.fromarray(np.stack([gray] * 3, axis=2)).save(tmp_path / "data/rgb.png")
    assert "only gray pictures" in refused(colorize, tmp_path, "--data", tmp_path / "data", *SMALL)


def test_only_broken_pictures(colorize, photographs, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/broken.png").write_bytes((photographs / "01.png").read_bytes()[:200])
    assert "broken.png" in refused(colorize, tmp_path, "--data", tmp_path / "data", *SMALL)


def test_gray_and_broken_pictures_are_passed_over(colorize, photographs, tmp_path, gray):
    data = tmp_path / "data"
    shutil.copytree(photographs, data)
    Image.fromarray(gray).save(data / "gray.png")
    (data / "broken.png").write_bytes((photographs / "01.png").read_bytes()[:200])
    said = colorize("train", "--data", data, "--out", tmp_path / "run", *SMALL).stderr
    assert "left out 1 gray and 1 broken pictures" in said


def test_one_picture(colorize, photographs, tmp_path):
    run = tmp_path / "run"
    colorize("train", "--data", photographs / "01.png", "--out", run, *SMALL, "--steps", "4")
    assert len(rows(run)) == 1


def test_a_full_disk(colorize, photographs, tmp_path):
    """No file may be as large as a checkpoint: the one that is there stays as it is."""
    run = tmp_path / "run"
    colorize("train", "--data", photographs, "--out", run, *SMALL, "--schedule", "constant")
    kept = (run / "checkpoint.safetensors").read_bytes()
    limit = len(kept) - 1000
    more = ["--out", run, "--resume", "--steps", "40"]

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    said = colorize("train", *more, status=FAILURE, preexec_fn=limited).stderr
    assert said == f"libcolorize: {run}/checkpoint.safetensors: cannot be written: File too large\n"
    assert (run / "checkpoint.safetensors").read_bytes() == kept
    assert not [name for name in os.listdir(run) if name.endswith(".tmp")]
    colorize("train", *more)
    assert [int(row["step"]) for row in rows(run)][-4:] == [30, 32, 36, 40]


def test_metrics_that_cannot_be_written(colorize, photographs, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/metrics.csv").symlink_to("/dev/full")
    said = refused(colorize, tmp_path, "--data", photographs, *SMALL)
    assert "metrics.csv: cannot be written" in said
    (tmp_path / "run/metrics.csv").unlink()
    (tmp_path / "run/metrics.csv").write_text("date,amount\n")
    said = refused(colorize, tmp_path, "--data", photographs, *SMALL)
    assert "with other columns" in said
    assert (tmp_path / "run/metrics.csv").read_text() == "date,amount\n"


def test_a_folder_that_cannot_be_made(colorize, photographs, tmp_path):
    (tmp_path / "run").write_text("")
    said = refused(colorize, tmp_path, "--data", photographs, *SMALL)
    assert "Not a directory" in said


def test_a_read_only_folder(colorize, photographs, public_folder):
    """As another user: root may write anywhere."""
    if os.getuid() != 0:
        pytest.skip("only root can be another user")
    run = public_folder / "read-only"
    run.mkdir()
    run.chmod(0o555)
    data = public_folder / "data"
    shutil.copytree(photographs, data)
    data.chmod(0o755)
    for file in data.iterdir():
        file.chmod(0o644)

    def nobody():
        os.setgid(65534)
        os.setuid(65534)

    said = colorize("train", "--data", data, "--out", run, *SMALL, status=FAILURE, cwd="/",
                    preexec_fn=nobody).stderr  # fmt: skip
    assert said == f"libcolorize: {run}/metrics.csv: cannot be written: Permission denied\n"


def test_a_loss_that_is_not_finite(colorize, photographs, tmp_path):
    """Weight decay multiplies the last layer by 1 - 10 * 10 in each step; no batch norm follows it.

    The last checkpoint is sound.
    """
    run = tmp_path / "run"
    said = colorize("train", "--data", photographs, "--out", run, *SMALL, "--optimiser", "adamw",
                    "--learning-rate", "10", "--warmup", "0", "--steps", "60", "--average", "0",
                    "--weight-decay", "10", "--schedule", "constant", "--checkpoint-every", "1",
                    "--freeze", "stem", "stage", "hint", "lateral", "glob", "up", "dec", "head",
                    status=FAILURE).stderr  # fmt: skip
    step, last = map(
        int, re.search(r"step (\d+): the .* is not finite; .* step (\d+)\n", said).groups()
    )
    assert last == step - 1
    metadata, values = tensors(run / "checkpoint.safetensors")
    assert int(metadata["step"]) == last
    assert all(np.isfinite(array).all() for array in values.values())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--batch", "0"], "--batch is 0; it must be 1 to 1024"),
        (["--steps", "0"], "--steps is 0; it must be 1 to 100000000"),
        (["--size", "40"], "--size is 40; it must be a multiple of 16"),
        (["--loss", "both"], "--loss is both, and the network lite gives a distribution only"),
        (["--size", "8"], "--size is 8; it must be 16 to 1024"),
        (["--learning-rate", "0"], "--learning-rate is 0.0; it must be 1e-09 to 10.0"),
        (["--average", "1"], "--average is 1.0; it must be 0.0 to 0.999999"),
        (["--lambda", "1.5"], "--lambda is 1.5; it must be 0.0 to 1.0"),
        (["--hints", "2"], "--hints is 2.0; it must be 0.0 to 1.0"),
        (["--film", "2"], "--film is 2.0; it must be 0.0 to 1.0"),
        (["--recolor", "2"], "--recolor is 2.0; it must be 0.0 to 1.0"),
        (["--scale", "1", "0.5"], "--scale is 1.0 0.5; it must be two numbers"),
        (["--scale", "0.5"], "--scale is 0.5; it must be two numbers"),
        (["--model", "vgg"], "--model is vgg; it must be compact, lite, lite1, eccv16, siggraph17"),
        (["--optimiser", "sgd"], "--optimiser is sgd; it must be adam, adamw"),
        (["--schedule", "x"], "--schedule is x; it must be constant, cosine, step"),
        (["--checkpoint-every", "0"], "--checkpoint-every is 0; it must be"),
        (["--hold-back", "1"], "--hold-back is 1; it must be 0, or 2 to 100000"),
        (["--threads", "0"], "--threads is 0; it must be 1 to 256"),
        (["--data", "none"], "none: No such file or directory"),
        (["--prior", "none.tsv"], "none.tsv: No such file or directory"),
    ],
)
def test_arguments_that_are_wrong(colorize, photographs, tmp_path, options, why):
    run = tmp_path / "run"
    said = colorize.refused("train", "--data", photographs, "--out", run, *options)
    assert why in said
    assert names(tmp_path) == []


def test_data_is_missing(colorize, tmp_path):
    said = colorize.refused("train", "--out", tmp_path / "run")
    assert "--data is missing" in said
    assert names(tmp_path) == []

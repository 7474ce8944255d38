"""evaluate: its table, its CSV, what it writes, and what it says of bad files and arguments.

The figures themselves are compared with scikit-image's by Tests/Reference/check_evaluation.py; here
numpy computes those that need no Lab.
"""

import csv
import math
import shutil
import subprocess

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import FAILURE, jpeg, names, pixels

COLUMNS = [
    "name",
    "auc",
    "rebalanced_auc",
    "psnr",
    "ciede2000",
    "chroma",
    "colorfulness",
    "pictures",
]


@pytest.fixture
def folder(tmp_path, rgb):
    """Three photographs, and files that are none."""
    folder = tmp_path / "photographs"
    (folder / "inside").mkdir(parents=True)
    Image.fromarray(rgb).save(folder / "b.png")
    (folder / "a.jpg").write_bytes(jpeg(rgb[:30, ::-1].copy()))
    Image.fromarray(np.dstack([rgb, rgb[..., 0]])).save(folder / "c.PNG")
    Image.fromarray(rgb).save(folder / "inside/d.png")
    Image.fromarray(rgb).save(folder / ".hidden.png")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def evaluate(colorize, tmp_path, *arguments, status=0):
    """name -> a row of the CSV with numbers, and all that was printed."""
    table = tmp_path / "table.csv"
    table.unlink(missing_ok=True)
    arguments = ["--network-size", "32", *arguments]
    result = colorize("evaluate", "--csv", table, *arguments, status=status)
    with table.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = {row.pop("name"): row for row in reader}
    assert reader.fieldnames == COLUMNS
    numbers = {
        name: {key: float(value) if value else None for key, value in row.items()}
        for name, row in rows.items()
    }
    return numbers, result


def colorfulness(image):
    """Hasler and Suesstrunk 2003, of uint8 [H, W, 3]."""
    red, green, blue = image.reshape(-1, 3).astype(float).T
    opponents = np.array([red - green, (red + green) / 2 - blue])
    return np.hypot(*opponents.std(axis=1)) + 0.3 * np.hypot(*opponents.mean(axis=1))


def psnr(image, other):
    return -10 * np.log10(np.mean((image / 255 - other / 255) ** 2))


def photographs(folder):
    return [pixels(folder / name)[..., :3] for name in ("a.jpg", "b.png", "c.PNG")]


# ---- Figures ------------------------------------------------------------------------------------


def test_rows_and_their_figures(colorize, tmp_path, folder):
    rows, result = evaluate(colorize, tmp_path, "--network-size", "48", folder)
    assert list(rows) == ["ground truth", "gray", "network at 32", "network at 48"]
    assert result.stderr == ""
    truth, gray = rows["ground truth"], rows["gray"]
    assert all(row["pictures"] == 3 for row in rows.values())
    assert truth["auc"] == pytest.approx(100) and truth["rebalanced_auc"] == pytest.approx(100)
    assert truth["psnr"] == math.inf and truth["ciede2000"] == 0
    expected = np.mean([colorfulness(image) for image in photographs(folder)])
    assert truth["colorfulness"] == pytest.approx(expected, rel=1e-9)
    assert gray["chroma"] == 0 and gray["colorfulness"] < 0.01
    assert gray["rebalanced_auc"] < gray["auc"] < 100
    one, other = rows["network at 32"], rows["network at 48"]
    assert all(one[figure] != other[figure] for figure in COLUMNS[1:-1])
    assert one["chroma"] > 1 and 5 < one["psnr"] < 40


def test_the_table_says_what_the_csv_says(colorize, tmp_path, folder):
    rows, result = evaluate(colorize, tmp_path, "--temperature", "0.5", folder)
    lines = result.stdout.splitlines()
    assert lines[0] == f"pictures     {folder}"
    assert lines[1] == "model        the built-in model"
    assert "temperature  0.5" in lines and "saturation   1.0" in lines
    table = lines[lines.index("") + 1 :]
    assert table[0].split() == [
        "AuC",
        "rebalanced",
        "PSNR",
        "CIEDE2000",
        "chroma",
        "colorfulness",
        "pictures",
    ]
    for line, (name, row) in zip(table[1:], rows.items(), strict=True):
        assert line.startswith(name + " ")
        cells = line.removeprefix(name).split()
        assert cells == [f"{row[key]:.3f}" for key in COLUMNS[1:-1]] + ["3"]


def test_other_results_are_compared_as_they_are(colorize, tmp_path, folder):
    others = tmp_path / 'other "results", all'
    others.mkdir()
    made = [255 - image for image in photographs(folder)]
    for name, image in zip("abc", made, strict=True):
        Image.fromarray(image).save(others / f"{name}.png")
    same = tmp_path / "same"
    shutil.copytree(folder, same)
    rows, result = evaluate(colorize, tmp_path, "--results", others, "--results", same, folder)
    assert result.stderr == ""
    assert rows[str(same)] == rows["ground truth"]
    row = rows[str(others)]
    pairs = list(zip(photographs(folder), made, strict=True))
    assert row["psnr"] == pytest.approx(np.mean([psnr(*pair) for pair in pairs]), rel=1e-9)
    expected = np.mean([colorfulness(image) for image in made])
    assert row["colorfulness"] == pytest.approx(expected, rel=1e-9)


def test_the_dials_do_what_they_say(colorize, tmp_path, folder):
    def network(*arguments):
        return evaluate(colorize, tmp_path, *arguments, folder)[0]["network at 32"]

    plain = network()
    assert network("--temperature", "1")["chroma"] != plain["chroma"]
    half = network("--saturation", "0.5")
    assert half["chroma"] == pytest.approx(plain["chroma"] / 2, rel=1e-6)
    assert network("--saturation", "1", "--threads", "3") == plain
    # Without colors it is gray, but for 0 having a sign.
    rows, _ = evaluate(colorize, tmp_path, "--saturation", "0", folder)
    assert rows["network at 32"] == rows["gray"]


def test_hints_help_and_their_pixels_do_not_count(colorize, tmp_path, folder):
    rows, result = evaluate(colorize, tmp_path, "--hints", "8", folder)
    plain, said = evaluate(colorize, tmp_path, folder)
    assert "hints        8 patches of 6x6 pixels in each picture" in result.stdout
    assert "All figures exclude these patches." in result.stdout
    assert "patches" not in said.stdout
    assert rows["gray"] != plain["gray"]
    assert rows["network at 32"]["ciede2000"] < plain["network at 32"]["ciede2000"]
    again, _ = evaluate(colorize, tmp_path, "--hints", "8", folder)
    assert again == rows


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_photographs_of_more_bits_are_rounded_to_8(colorize, tmp_path, folder, rgb, kind):
    want, _ = evaluate(colorize, tmp_path, folder)
    for path, samples in zip(sorted(folder.glob("[abc].*")), photographs(folder), strict=True):
        path.unlink()
        random = np.random.default_rng(5).integers(-128, 129, samples.shape)
        deep = np.clip(samples.astype(int) * 257 + random, 0, 65535).astype(np.uint16)
        if kind == "float32":
            deep = (deep / 65535).astype(np.float32)
        tifffile.imwrite(path.with_suffix(".tif"), deep, photometric="rgb")
    have, result = evaluate(colorize, tmp_path, folder)
    assert result.stderr == ""
    assert have == want


def test_limit_takes_the_first_names(colorize, tmp_path, folder):
    rows, _ = evaluate(colorize, tmp_path, "--limit", "1", folder)
    assert rows["gray"]["pictures"] == 1
    assert rows["ground truth"]["colorfulness"] == pytest.approx(
        colorfulness(pixels(folder / "a.jpg")), rel=1e-9
    )


def test_written_pictures_are_those_that_are_compared(colorize, tmp_path, folder):
    written = tmp_path / "written"
    rows, _ = evaluate(colorize, tmp_path, "--write", written, folder)
    assert names(written) == ["a.png", "b.png", "c.png"]
    assert pixels(written / "c.png").shape == (48, 64, 3)
    # The protocols' colors: bilinear, and clipped.
    protocol = ["--network-size", "32", "--upsampling", "bilinear", "--gamut", "clip"]
    made, _ = colorize.color(folder / "b.png", tmp_path / "b.png", *protocol)
    assert np.array_equal(pixels(written / "b.png"), made)
    back, _ = evaluate(colorize, tmp_path, "--results", written, folder)
    # But for their 8 bits: half a level is 0.2 % of the range.
    for figure in ("psnr", "ciede2000", "colorfulness"):
        assert back[str(written)][figure] == pytest.approx(rows["network at 32"][figure], rel=0.01)
    evaluate(colorize, tmp_path, "--write", written, "--saturation", "0", folder)
    assert np.ptp(pixels(written / "b.png").astype(int), axis=2).max() <= 1


# ---- Faults -------------------------------------------------------------------------------------


def test_bad_pictures_are_reported_and_left_out(colorize, tmp_path, folder):
    good, _ = evaluate(colorize, tmp_path, folder)
    (folder / "aa.jpg").write_bytes((folder / "a.jpg").read_bytes()[:500])
    (folder / "bb.png").write_text("no picture at all")
    rows, result = evaluate(colorize, tmp_path, folder, status=FAILURE)
    assert rows == good
    said = result.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in said] == [
        str(folder / "aa.jpg"),
        str(folder / "bb.png"),
    ]


def test_bad_results_are_left_out_of_their_row_only(colorize, tmp_path, folder, rgb):
    good, _ = evaluate(colorize, tmp_path, folder)
    others = tmp_path / "others"
    others.mkdir()
    Image.fromarray(rgb[:, :40]).save(others / "b.png")
    Image.fromarray(rgb).save(others / "c.png")
    rows, result = evaluate(colorize, tmp_path, "--results", others, folder, status=FAILURE)
    row = rows.pop(str(others))
    assert rows == good
    assert row["pictures"] == 1 and row["psnr"] == math.inf
    assert result.stderr.splitlines() == [
        f"libcolorize: {others}/a.jpg: there is no such picture",
        f"libcolorize: {others}/b.png: has 40x48 pixels; the photograph has 64x48",
    ]
    (others / "c.png").unlink()
    rows, result = evaluate(colorize, tmp_path, "--results", others, folder, status=FAILURE)
    assert rows[str(others)] == dict.fromkeys(COLUMNS[1:-1], None) | {"pictures": 0}
    assert result.stdout.splitlines()[-1].split()[-7:] == ["-"] * 6 + ["0"]


def test_without_any_good_picture_there_is_no_table(colorize, tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    table = tmp_path / "table.csv"
    result = colorize("evaluate", "--csv", table, tmp_path, status=FAILURE)
    assert result.stdout == "" and f"{tmp_path}/a.png" in result.stderr
    assert not table.exists()


def test_pictures_smaller_than_their_hints_are_reported(colorize, tmp_path, folder, rgb):
    Image.fromarray(rgb[:6, :5]).save(folder / "tiny.png")
    _, result = evaluate(colorize, tmp_path, "--hints", "1", folder, status=FAILURE)
    assert "tiny.png: the hints leave no pixel of it to compare" in result.stderr
    evaluate(colorize, tmp_path, folder)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--temperature", "0"], "--temperature is 0.0; it must be 0.01 to 10"),
        (["--saturation", "nan"], "--saturation is nan; it must be 0 to 10"),
        (["--saturation", "11"], "--saturation is 11.0; it must be 0 to 10"),
        (["--hints", "1001"], "--hints is 1001; it must be 0 to 1000"),
        (["--threads", "0"], "--threads is 0; it must be 1 to 256"),
        (["--limit", "0"], "--limit is 0; it must be 1 or more"),
        (["--network-size", "100"], "--network-size is 100; it must be a multiple of 16"),
        (["--network-size", "32", "--network-size", "48", "--write", "x"], "one --network-size"),
        (["--csv", "table.txt"], "table.txt cannot be written: the extension must be .csv"),
        (["--csv", "nowhere/table.csv"], "there is no folder nowhere"),
        (["--results", "nowhere"], "nowhere cannot be read: No such file or directory"),
        (["--results", "inside"], "inside has no PNG, JPEG or TIFF file"),
        (["--write", "."], "--write: the folder . is one of those that are read"),
        (["--write", "b.png"], "b.png is a file; --write takes a folder"),
    ],
)
def test_wrong_arguments(colorize, folder, arguments, said):
    (folder / "inside/d.png").unlink()
    before = names(folder)
    assert said in colorize.refused("evaluate", *arguments, ".", cwd=folder)
    assert names(folder) == before


def test_folders_without_pictures_are_errors(colorize, tmp_path, folder):
    (tmp_path / "empty").mkdir()
    for path, said in [
        (tmp_path / "empty", "has no PNG, JPEG or TIFF file"),
        (tmp_path / "nowhere", "cannot be read: No such file or directory"),
        (folder / "b.png", "cannot be read: Not a directory"),
    ]:
        assert f"{path} {said}" in colorize.refused("evaluate", path)


def test_two_pictures_are_not_written_to_one_file(colorize, tmp_path, folder):
    shutil.copy(folder / "b.png", folder / "a.png")
    written = tmp_path / "written"
    said = colorize.refused("evaluate", "--write", written, folder)
    assert f"{folder}/a.jpg and {folder}/a.png would both be written to {written}/a.png" in said
    assert not written.exists()


def test_a_table_that_cannot_be_written_leaves_the_old_one(colorize, tmp_path, folder):
    table = tmp_path / "table.csv"
    table.write_text("old")
    arguments = ["evaluate", "--network-size", "32", "--csv", table, folder]
    limit = ["sh", "-c", 'ulimit -f 0; exec "$0" "$@"', colorize.path, *map(str, arguments)]
    result = subprocess.run(limit, capture_output=True, text=True)
    assert result.returncode == FAILURE and "table.csv: cannot be written" in result.stderr
    assert table.read_text() == "old" and names(tmp_path) == ["photographs", "table.csv"]

"""gamut: which bins occur, the prior that it writes, and what it says of bad files."""

import tarfile

import numpy as np
import pytest
from PIL import Image
from support import FAILURE, names, prior_table

# sRGB colors near the centres of bins, found with scikit-image, and these bins.
COLORS = {(178, 75, 41): (40, 40), (48, 129, 60): (-40, 30), (89, 117, 187): (10, -40)}


@pytest.fixture
def folder(tmp_path):
    """Each color once in a large picture, and the first one in a small one; a gray one."""
    folder = tmp_path / "photographs"
    (folder / "inside").mkdir(parents=True)
    large = np.repeat(np.array(list(COLORS), np.uint8), 40, axis=0)[None].repeat(90, axis=0)
    Image.fromarray(large).save(folder / "large.png")
    small = np.full((10, 12, 3), next(iter(COLORS)), np.uint8)
    Image.fromarray(small).save(folder / "inside/small.png")
    Image.fromarray(np.full((20, 20), 99, np.uint8)).save(folder / "gray.png")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def expected_prior(bins, shares):
    """The shares of some bins, smoothed over `bins` [313, 2]."""
    prior = np.zeros(len(bins))
    for bin, share in zip(COLORS.values(), shares, strict=True):
        prior += share * np.exp(-np.square(bins - bin).sum(axis=1) / 50)
    return prior / prior.sum()


@pytest.mark.parametrize(("extension", "separator"), [("csv", ","), ("tsv", "\t")])
def test_pictures_count_alike_whatever_their_size(colorize, tmp_path, folder, extension, separator):
    table = tmp_path / f"prior.{extension}"
    result = colorize("gamut", "--csv", table, folder)
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "photographs  2, and 1 gray ones that were left out"
    assert lines[1] == "bins         3 of 313 occur"
    assert lines[2] == "most common  10 bins have 100.0% of the pixels"
    shares = [(1 + 1 / 3) / 2, 1 / 6, 1 / 6]
    rows = [line.split() for line in lines[5:]]
    assert sorted(rows) == sorted(
        [str(a), str(b), f"{100 * share:.2f}%"]
        for (a, b), share in zip(COLORS.values(), shares, strict=True)
    )
    assert rows[0][:2] == ["40", "40"]
    header, *cells = [line.split(separator) for line in table.read_text().splitlines()]
    assert header == ["a", "b", "prior"]
    a, b, prior = np.array(cells, float).T
    assert (len(prior), a[0], b[0], a[-1], b[-1]) == (313, -90, 50, 100, 0)
    # float64 on both sides.
    wanted = expected_prior(np.stack([a, b], axis=1), shares)
    assert np.allclose(prior, wanted, rtol=1e-9, atol=0)
    # The same for any number of threads.
    again = tmp_path / f"again.{extension}"
    colorize("gamut", "--csv", again, "--threads", "3", folder)
    assert again.read_bytes() == table.read_bytes()


def test_tars_are_read_as_folders_are(colorize, tmp_path, folder):
    tar = tmp_path / "photographs.tar"
    with tarfile.open(tar, "w") as file:
        file.add(folder, arcname=".")
    assert colorize("gamut", tar).stdout == colorize("gamut", folder).stdout
    both = colorize("gamut", tar, folder).stdout
    assert both.startswith("photographs  4, and 2 gray ones")


def test_the_prior_is_taken_by_evaluate(colorize, tmp_path, folder, rgb):
    table = tmp_path / "prior.tsv"
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(rgb).save(pictures / "one.png")
    colorize("gamut", "--csv", table, pictures, folder)
    arguments = ["evaluate", "--network-size", "32", pictures]
    plain = colorize(*arguments).stdout.splitlines()
    other = colorize(*arguments, "--prior", table).stdout.splitlines()
    for line, changed in zip(plain[-2:], other[-2:], strict=True):
        cells, changed = line.split(), changed.split()
        # Of all figures only the rebalanced AuC is another.
        assert [a == b for a, b in zip(cells[-7:], changed[-7:], strict=True)] == [
            index != 1 for index in range(7)
        ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\tb\tprior\n-90\t50\t1\n", "the bin (-90.0, 60.0) is missing"),
        ("a\tb\tprior\n0\t0\tx\n", "row 2 does not end in three numbers, a, b and the prior"),
        ("0\t0\t-1\n", "the prior of row 1 is -1.0"),
        ("0\t5\t1\n", "row 1 is of the bin (0.0, 5.0), which the network has not"),
        ("0\t0\t1\n0\t0\t1\n", "the bin (0.0, 0.0) occurs twice"),
        (prior_table(0), "the priors sum up to 0.0"),
        (
            prior_table(1).replace("100\t0\t1", "100\t0\t0"),
            "the bin (100, 0) has the prior 0.0; it must be above 0",
        ),
        (None, "No such file or directory"),
    ],
)
def test_bad_priors(colorize, tmp_path, folder, text, said):
    table = tmp_path / "prior.tsv"
    if text is not None:
        table.write_text(text)
    result = colorize("evaluate", "--prior", table, folder, status=FAILURE)
    assert f"{table}: " in result.stderr and said in result.stderr and result.stdout == ""


def test_bad_pictures_are_reported_and_left_out(colorize, folder):
    good = colorize("gamut", folder).stdout
    (folder / "broken.png").write_bytes((folder / "large.png").read_bytes()[:60])
    result = colorize("gamut", folder, status=FAILURE)
    assert result.stdout == good
    assert result.stderr.startswith("libcolorize: broken.png: ")


def test_a_damaged_tar_is_reported(colorize, tmp_path, folder):
    tar = tmp_path / "photographs.tar"
    with tarfile.open(tar, "w") as file:
        file.add(folder / "large.png", arcname="large.png")
        file.add(folder / "gray.png", arcname="second.png")
    content = tar.read_bytes()
    tar.write_bytes(content[: content.index(b"second.png") + 300])
    result = colorize("gamut", tar, status=FAILURE)
    assert str(tar) in result.stderr
    assert result.stdout.startswith("photographs  1,")


def test_without_colors_there_is_no_table(colorize, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    table = tmp_path / "prior.csv"
    result = colorize("gamut", "--csv", table, pictures, status=FAILURE)
    assert "there is no PNG or JPEG picture in" in result.stderr
    Image.fromarray(np.full((20, 20), 99, np.uint8)).save(pictures / "gray.png")
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = colorize("gamut", "--csv", table, pictures, status=FAILURE)
    assert "of 2 pictures 1 are gray, and 1 cannot be read" in result.stderr
    assert result.stdout == "" and names(tmp_path) == ["pictures"]


def test_wrong_arguments(colorize, folder):
    for arguments, said in [
        (
            ["--csv", "prior.txt"],
            "prior.txt cannot be written: the extension must be .csv or .tsv",
        ),
        (["--csv", "nowhere/prior.csv"], "there is no folder nowhere"),
        (["--threads", "257"], "--threads is 257; it must be 1 to 256"),
    ]:
        assert said in colorize.refused("gamut", *arguments, ".", cwd=folder)
    missing = colorize("gamut", folder / "nowhere", status=FAILURE).stderr
    assert str(folder / "nowhere") in missing

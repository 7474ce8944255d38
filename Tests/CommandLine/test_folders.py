"""Folders: a tree in, a like tree out; what is there is left; what is no picture is passed over."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import FAILURE, ROOT, jpeg, names, pixels


def files(folder):
    """Every file below a folder, by its path."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def content(folder):
    return {name: (folder / name).read_bytes() for name in files(folder)}


TREE = ["a.png", "Öl/info.jpg", "Öl/写真/a.TIF", "архив/-b.jpeg", "مجلد/a.png"]


@pytest.fixture
def scans(tmp_path, gray):
    """A tree with names in four scripts, and what lies about in folders."""
    root = tmp_path / "scans"
    for number, name in enumerate(TREE):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        kind = {".tif": "TIFF", ".png": "PNG"}.get((root / name).suffix.lower(), "JPEG")
        Image.fromarray(gray[number:]).save(root / name, kind)
    for name in (".hidden.png", ".thumbnails/a.png", "Thumbs.db", "notes.txt", "Öl/noext"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"no picture")
    (root / "loop").symlink_to(root)
    (root / "nowhere.png").symlink_to("gone.png")
    return root


def lines(result):
    return [line.removeprefix("libcolorize: ") for line in result.stderr.splitlines()]


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_tree_becomes_a_like_tree(colorize, scans, tmp_path, jobs):
    out = tmp_path / "out"
    said = lines(colorize("--jobs", str(jobs), "-o", out, scans, status=FAILURE))
    assert files(out) == sorted(TREE)
    for name in TREE:
        colorize("-o", tmp_path / f"one{(out / name).suffix}", scans / name)
        assert (out / name).read_bytes() == (tmp_path / f"one{(out / name).suffix}").read_bytes()
    assert said[0] == f"{scans}/nowhere.png: cannot be opened: No such file or directory"
    assert said[1].startswith("5 colored, 6 passed over, 1 failed in ")
    assert [line.strip() for line in said[2:]] == [
        "2 passed over: hidden",
        "1 passed over: .txt",
        "1 passed over: links to folders",
        "1 passed over: no extension",
        "1 passed over: of the system",
        "1 failed: cannot be opened: No such file or directory",
    ]
    assert lines(colorize("--quiet", "-o", out, scans, status=FAILURE)) == said[:1]


def test_the_bytes_do_not_depend_on_the_jobs(colorize, scans, tmp_path):
    (scans / "nowhere.png").unlink()
    for jobs in ("1", "2", "7"):
        colorize("--jobs", jobs, "-o", tmp_path / jobs, scans)
    assert content(tmp_path / "1") == content(tmp_path / "2") == content(tmp_path / "7")


def test_the_second_time_there_is_nothing_to_do(colorize, scans, tmp_path):
    (scans / "nowhere.png").unlink()
    out = tmp_path / "out"
    colorize("-o", out, scans)
    before = {name: (out / name).stat().st_mtime_ns for name in TREE}
    said = lines(colorize("-o", out, scans))
    assert said[0].startswith("0 colored, 5 skipped, 6 passed over in ")
    assert "5 skipped: is there and whole" in said[1]
    assert before == {name: (out / name).stat().st_mtime_ns for name in TREE}
    # An output is made anew where it is not whole, or was made with other options or from another
    # picture.
    whole = content(out)
    (out / "a.png").write_bytes(whole["a.png"][:-20])
    (out / "Öl/写真/a.TIF").write_bytes(whole["Öl/写真/a.TIF"][:-20])
    said = lines(colorize("-o", out, scans))
    assert said[0].startswith("2 colored, 3 skipped") and content(out) == whole
    assert lines(colorize("--style", "vivid", "-o", out, scans))[0].startswith("5 colored")
    assert content(out) != whole
    colorize("-o", out, scans)
    shutil.copy(scans / "مجلد/a.png", scans / "a.png")
    assert lines(colorize("-o", out, scans))[0].startswith("1 colored, 4 skipped")
    assert (out / "a.png").read_bytes() == whole["مجلد/a.png"]


def test_what_does_not_say_what_it_was_made_from_is_left(colorize, scans, tmp_path):
    (scans / "nowhere.png").unlink()
    out = tmp_path / "out"
    out.mkdir()
    shutil.copy(scans / "a.png", out / "a.png")
    said = lines(colorize("-o", out, scans))
    assert "1 skipped: is there and whole; it does not say what it was made from" in said[1]
    assert (out / "a.png").read_bytes() == (scans / "a.png").read_bytes()
    # Without provenance nothing is asked but whether it is whole.
    (out / "a.png").write_bytes(b"")
    said = lines(colorize("--no-provenance", "-o", out, scans))
    assert said[0].startswith("1 colored, 4 skipped")
    assert b"libcolorize" not in (out / "a.png").read_bytes()


def test_existing(colorize, scans, tmp_path):
    (scans / "nowhere.png").unlink()
    out = tmp_path / "out"
    out.mkdir()
    shutil.copy(scans / "a.png", out / "a.png")
    assert f"{out}/a.png is there already" in colorize.refused(
        "--existing", "fail", "-o", out, scans
    )
    assert files(out) == ["a.png"]
    assert lines(colorize("--existing", "replace", "-o", out, scans))[0].startswith("5 colored")
    assert pixels(out / "a.png").ndim == 3
    # Single files are replaced unless they are not to be.
    before = (out / "a.png").read_bytes()
    said = lines(colorize("--existing", "skip", "-o", out / "a.png", scans / "a.png"))
    assert said == [f"{scans}/a.png: skipped: is there and whole"]
    colorize("--style", "vivid", "-o", out / "a.png", scans / "a.png")
    assert (out / "a.png").read_bytes() != before


def test_several_folders_and_files(colorize, scans, tmp_path):
    (scans / "nowhere.png").unlink()
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(scans / "a.png", other / "a.png")
    shutil.copy(scans / "a.png", tmp_path / "single.png")
    out = tmp_path / "out"
    colorize("-o", out, f"{scans}/", other, tmp_path / "single.png")
    assert files(out) == sorted([f"scans/{name}" for name in TREE] + ["other/a.png", "single.png"])


def test_the_output_may_be_in_the_folder(colorize, scans):
    (scans / "nowhere.png").unlink()
    for _ in range(2):
        colorize("--existing", "replace", "-o", scans / "colored", scans)
        assert files(scans / "colored") == sorted(TREE)


def test_patterns(colorize, scans, tmp_path):
    (scans / "nowhere.png").unlink()

    def made(*options):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        colorize(*options, "-o", tmp_path / "out", scans)
        return files(tmp_path / "out")

    assert made("--include", "*.TIF", "--include", "*.png") == [
        "a.png",
        "Öl/写真/a.TIF",
        "مجلد/a.png",
    ]
    assert made("--include", "*.tif") == ["Öl/写真/a.TIF"]
    assert made("--exclude", "Öl") == ["a.png", "архив/-b.jpeg", "مجلد/a.png"]
    assert made("--exclude", "*/a.*") == ["a.png", "Öl/info.jpg", "архив/-b.jpeg"]


def test_a_dry_run_does_nothing(colorize, scans, tmp_path):
    out = tmp_path / "out"
    said = colorize("--dry-run", "-o", out, scans).stdout.splitlines()
    assert f"{scans}/a.png -> {out}/a.png" in said
    assert "passed over: 2 hidden" in said
    assert len([line for line in said if " -> " in line]) == 6 and not out.exists()


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_a_list_of_names(colorize, scans, tmp_path, end):
    names = ["scans/a.png", "./scans/Öl", "scans/notes.txt", f"{scans}/مجلد/a.png"]
    out = tmp_path / "out"
    colorize(
        "-o", out, "--from-file", "-", cwd=tmp_path, input=end.join(names).encode() + end.encode()
    )
    expected = ["scans/a.png", "scans/Öl/info.jpg", "scans/Öl/写真/a.TIF"]
    assert files(out) == sorted([*expected, f"{str(scans)[1:]}/مجلد/a.png"])
    (tmp_path / "list").write_text("../a.png")
    assert "has .. in it" in colorize.refused("-o", out, "--from-file", tmp_path / "list")


def test_names_and_formats(colorize, scans, tmp_path):
    (scans / "nowhere.png").unlink()
    out = tmp_path / "out"
    colorize("--to", "jpeg", "--name", "{stem} (color){ext}", "-o", out, scans)
    assert files(out) == sorted(
        [
            "a (color).jpg",
            "Öl/info (color).jpg",
            "Öl/写真/a (color).jpg",
            "архив/-b (color).jpeg",
            "مجلد/a (color).jpg",
        ]
    )
    for name in files(out):
        with Image.open(out / name) as image:
            assert image.format == "JPEG"
    colorize("--to", "tiff", scans / "a.png")
    assert (scans / "a-colorized.tif").exists()
    for template in ("{ext}", "{stem}", "a/{stem}{ext}", ".{stem}{ext}"):
        colorize.refused("--name", template, "-o", out, scans)
    assert "--to is tiff" in colorize.refused("--to", "tiff", "-o", "x.png", scans / "a.png")


@pytest.mark.parametrize("order", [1, -1])
def test_names_that_meet_keep_their_suffixes(colorize, tmp_path, gray, order):
    scans = tmp_path / "scans"
    scans.mkdir()
    Image.fromarray(gray).save(scans / "a.tif")
    Image.fromarray(gray).save(scans / "a.png")
    (scans / "b.jpg").write_bytes(jpeg(gray))
    inputs = [scans / "a.tif", scans / "a.png", scans / "b.jpg"][::order]
    for out, given in (("files", inputs), ("folder", [scans])):
        colorize("--to", "jpeg", "-o", tmp_path / out, *given)
        assert names(tmp_path / out) == ["a.png.jpg", "a.tif.jpg", "b.jpg"]


def test_sidecars_go_along(colorize, scans, tmp_path):
    (scans / "nowhere.png").unlink()
    (scans / "a.xmp").write_text("of a")
    (scans / "Öl/info.jpg.xmp").write_text("of info")
    (scans / "other.xmp").write_text("of nothing")
    out = tmp_path / "out"
    colorize("--name", "{stem}_c{ext}", "-o", out, scans)
    sidecars = {name for name in files(out) if name.endswith(".xmp")}
    assert sidecars == {"a_c.xmp", "Öl/info_c.jpg.xmp"}
    assert (out / "a_c.xmp").read_text() == "of a"
    # What somebody has written there since then stays.
    (out / "a_c.xmp").write_text("edited")
    (out / "Öl/info_c.jpg.xmp").unlink()
    colorize("--name", "{stem}_c{ext}", "-o", out, scans)
    assert (out / "a_c.xmp").read_text() == "edited" and (out / "Öl/info_c.jpg.xmp").exists()


def test_the_log(colorize, scans, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log.jsonl"
    (scans / "broken.png").write_bytes((scans / "a.png").read_bytes()[:60])
    strange = os.fsencode(scans) + b'/\xff\x01".jpg'
    shutil.copy(scans / "Öl/info.jpg", strange)
    # A line that a killed run has left is taken away.
    log.write_text('{"a": 1}\n{"inp')
    colorize("--style", "vivid", "--log", log, "-o", out, scans, status=FAILURE)
    first, begun, *records, ended = map(json.loads, log.read_text().splitlines())
    assert first == {"a": 1} and len(records) == len(TREE) + 3
    assert (begun["run"], begun["pictures"]) == ("begun", len(records))
    assert (ended["run"], ended["done"], ended["failed"]) == ("ended", len(TREE) + 1, 2)
    assert ended["passed_over"]["hidden"] == 2
    by_input = {record["input"]: record for record in records}
    assert os.fsdecode(strange) in by_input
    for record in records:
        assert record["options"] == "--style vivid" and record["version"]
        assert len(record["model_sha256"]) == 64 and record["milliseconds"] >= 0
        if record["status"] == "failed":
            assert "output_sha256" not in record and record["reason"]
            continue
        assert record["status"] == "done"
        for side in ("input", "output"):
            with open(os.fsencode(record[side]), "rb") as file:
                data = file.read()
            assert record[f"{side}_sha256"] == hashlib.sha256(data).hexdigest()
    colorize("--style", "vivid", "--log", log, "-o", out, scans, status=FAILURE)
    records = list(map(json.loads, log.read_text().splitlines()))[len(TREE) + 6 :]
    assert sorted(record["status"] for record in records[1:-1]) == ["failed"] * 2 + ["skipped"] * 6
    # To where nothing fits, nothing is done without a record.
    said = colorize("--log", "/dev/full", "-o", tmp_path / "other", scans, status=FAILURE)
    assert "/dev/full: cannot be written: No space left on device" in said.stderr


def test_a_folder_that_cannot_be_read(colorize, public_folder, gray):
    """The rest is done."""
    scans = public_folder / "scans"
    (scans / "locked").mkdir(parents=True, mode=0o755)
    Image.fromarray(gray).save(scans / "a.png")
    (scans / "locked").chmod(0)
    out = public_folder / "out"
    out.mkdir()
    # Nothing is locked for root.
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    out.chmod(0o777)
    said = colorize("-o", out, scans, status=FAILURE, **nobody).stderr
    assert "locked: cannot be read: Permission denied" in said
    assert files(out) == ["a.png"]


# ---- Pictures with colors -----------------------------------------------------------------------


def photograph():
    """README's picture: photographs with colors."""
    with Image.open(ROOT / "docs/images/readme.jpg") as image:
        return image.convert("RGB")


def gray_photograph():
    with Image.open(ROOT / "examples/photos/camera.png") as image:
        return np.asarray(image.convert("L"))


def toned(gray, dark, light):
    """Between two colors, by lightness."""
    share = (gray / 255)[..., None]
    return np.uint8(np.round(np.array(dark) * (1 - share) + np.array(light) * share))


def noisy(rgb):
    noise = np.random.default_rng(1).normal(0, 8, rgb.shape)
    return np.uint8(np.clip(rgb + noise, 0, 255))


def stained(rgb):
    """As paper that has aged in places: the same hue, stronger."""
    rgb = rgb.astype(float)
    rgb[100:220, 150:400] *= [1, 0.93, 0.75]
    return np.uint8(rgb)


def tinted(rgb):
    """As by hand, with a brush: a face and a dress."""
    rgb = rgb.astype(float)
    rgb[120:180, 200:260] *= [1, 0.8, 0.75]
    rgb[300:400, 180:300] *= [0.7, 0.85, 1]
    return np.uint8(rgb)


SEPIA = ((40, 22, 10), (250, 235, 205))
CYANOTYPE = ((10, 30, 90), (235, 245, 250))
PAPER = ((30, 28, 26), (240, 228, 196))
STRONG = ((60, 20, 0), (255, 200, 120))


TONES = {"sepia": SEPIA, "cyanotype": CYANOTYPE, "paper": PAPER, "strong": STRONG}
CHANGES = {"plain": np.array, "noisy": noisy, "stained": stained}


@pytest.mark.parametrize(
    ("tone", "change"),
    # Brown stains on blue are colors.
    [(t, c) for t in TONES for c in CHANGES if (t, c) != ("cyanotype", "stained")],
)
def test_a_toned_scan_is_black_and_white(colorize, tmp_path, tone, change):
    scans = tmp_path / "scans"
    scans.mkdir()
    scan = CHANGES[change](toned(gray_photograph(), *TONES[tone]))
    (scans / "a.jpg").write_bytes(jpeg(scan))
    assert lines(colorize("-o", tmp_path / "out", scans))[0].startswith("1 colored")


@pytest.mark.parametrize("base", [None, SEPIA], ids=["gray", "sepia"])
def test_one_tinted_by_hand_has_colors(colorize, tmp_path, base):
    scans = tmp_path / "scans"
    scans.mkdir()
    gray = gray_photograph()
    rgb = np.stack([gray] * 3, axis=2) if base is None else toned(gray, *base)
    (scans / "a.jpg").write_bytes(jpeg(tinted(rgb)))
    said = lines(colorize("-o", tmp_path / "out", scans))
    assert said[0].startswith("0 colored, 1 skipped") and "has colors already" in said[1]


def test_pictures_with_colors(colorize, tmp_path, gray):
    scans = tmp_path / "scans"
    scans.mkdir()
    photograph().save(scans / "a.jpg", quality=90)
    photograph().save(scans / "a.png")
    Image.fromarray(gray).convert("RGB").save(scans / "gray.png")
    Image.fromarray(gray).save(scans / "gray.jpg")
    deep = np.asarray(photograph()).astype(np.uint16) * 257
    tifffile.imwrite(scans / "deep.tif", deep)
    out = tmp_path / "out"
    assert lines(colorize("-o", out, scans))[0].startswith("2 colored, 3 skipped")
    assert files(out) == ["gray.jpg", "gray.png"]
    assert lines(colorize("--colored", "copy", "-o", out, scans))[0].startswith(
        "0 colored, 3 copied"
    )
    for name in ("a.jpg", "a.png", "deep.tif"):
        assert (out / name).read_bytes() == (scans / name).read_bytes()
    again = ("--colored", "recolor", "--existing", "replace")
    assert lines(colorize(*again, "-o", out, scans))[0].startswith("5 colored")
    # A single file is what its user has named.
    colorize("-o", tmp_path / "b.jpg", scans / "a.jpg")
    said = colorize("--colored", "skip", "-o", tmp_path / "c.jpg", scans / "a.jpg").stderr
    assert "skipped: has colors already" in said and not (tmp_path / "c.jpg").exists()


def test_negatives(colorize, tmp_path, gray, rgb):
    for name, picture in (("a.png", gray), ("b.tif", rgb.astype(np.uint16) * 257)):
        write = tifffile.imwrite if name.endswith("tif") else None
        for path, samples in ((tmp_path / name, picture), (tmp_path / f"n{name}", ~picture)):
            if write:
                write(path, samples)
            else:
                Image.fromarray(samples).save(path)
        want, _ = colorize.color(tmp_path / name, tmp_path / f"want{name}")
        have, _ = colorize.color(tmp_path / f"n{name}", tmp_path / f"have{name}", "--negative")
        assert np.array_equal(have, want)


def test_quality(colorize, tmp_path, gray):
    Image.fromarray(gray).save(tmp_path / "a.png")
    sizes = []
    for quality in ("1", "50", "95", "100"):
        colorize("--quality", quality, "-o", tmp_path / "a.jpg", tmp_path / "a.png")
        sizes.append((tmp_path / "a.jpg").stat().st_size)
    assert sizes == sorted(set(sizes))
    colorize.refused("--quality", "101", tmp_path / "a.png")


def test_a_file_in_the_place_of_a_folder(colorize, scans, tmp_path, gray):
    """Each picture that would lie in it fails; the file stays, and the others are done."""
    (scans / "deep" / "down").mkdir(parents=True)
    (scans / "deep" / "down" / "z.jpg").write_bytes(jpeg(gray))
    out = tmp_path / "out"
    out.mkdir()
    (out / "deep").write_text("mine")
    said = colorize("-o", out, scans, status=FAILURE).stderr
    assert f"{out / 'deep' / 'down' / 'z.jpg'}: cannot be written: Not a directory\n" in said
    assert (out / "deep").read_text() == "mine"

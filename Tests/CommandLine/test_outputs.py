"""Where the outputs go, and what is refused before any work."""

import hashlib
import os
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import FAILURE, jpeg, names, pixels


@pytest.fixture
def folder(tmp_path, gray, rgb):
    """a.png, b.jpg and sub/a.png; made the working directory by `within`."""
    (tmp_path / "sub").mkdir()
    Image.fromarray(gray).save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(jpeg(rgb))
    Image.fromarray(rgb).save(tmp_path / "sub/a.png")
    return tmp_path


def state(folder):
    """Every file below a folder with its content, and the folders and links."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content = path.readlink() if path.is_symlink() else None
        if content is None and path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(folder))] = content
    return found


# ---- Names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("photo.png", "photo-colorized.png"),
        ("photo.jpg", "photo-colorized.jpg"),
        ("photo.JPEG", "photo-colorized.JPEG"),
        ("two.dots.PNG", "two.dots-colorized.PNG"),
        ("Länge 1936.jpg", "Länge 1936-colorized.jpg"),
        ("-dash.jpg", "-dash-colorized.jpg"),
        ("photo.tif", "photo-colorized.tif"),
        ("photo.TIFF", "photo-colorized.TIFF"),
    ],
)
def test_beside_the_input(colorize, tmp_path, gray, name, expected):
    below = tmp_path / "a.b"  # a dot that begins no extension
    below.mkdir()
    (below / name).write_bytes(jpeg(gray))
    colorize("--", name, cwd=below)
    assert names(below) == sorted([name, expected])
    with Image.open(below / expected) as image:
        kinds = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF"}
        assert image.format == kinds.get(Path(name).suffix.lower(), "JPEG")
    (below / expected).unlink()
    colorize(below / name, cwd="/")
    assert names(below) == sorted([name, expected])


def test_a_file(colorize, folder):
    colorize("-o", "c.jpeg", "a.png", cwd=folder)
    colorize("--output", "sub/d.PNG", "b.jpg", cwd=folder)
    for name, kind in [("c.jpeg", "JPEG"), ("sub/d.PNG", "PNG")]:
        with Image.open(folder / name) as image:
            assert image.format == kind


@pytest.mark.parametrize("output", ["out", "out/", "./out//"])
def test_a_folder_for_several_inputs_is_made(colorize, folder, output):
    colorize("-o", output, "a.png", "b.jpg", cwd=folder)
    assert names(folder / "out") == ["a.png", "b.jpg"]
    # And used once it is there.
    colorize("-o", output, "b.jpg", "a.png", cwd=folder)
    assert names(folder / "out") == ["a.png", "b.jpg"]


def test_a_folder_for_one_input(colorize, folder):
    (folder / "there.png").mkdir()
    colorize("-o", "there.png", "a.png", cwd=folder)
    assert names(folder / "there.png") == ["a.png"]
    colorize("-o", "made/", "sub/a.png", cwd=folder)
    assert names(folder / "made") == ["a.png"]


def test_names_that_are_not_utf_8(colorize, tmp_path, gray):
    name = os.fsencode(tmp_path) + b"/Fran\xe7ois.jpg"
    other = os.fsencode(tmp_path) + b"/Fran\xe8ois.jpg"
    for one in (name, other):
        with open(one, "wb") as file:
            file.write(jpeg(gray))
    out = os.fsencode(tmp_path) + b"/\xe9"
    colorize(name)
    colorize("-o", out + b"/", other)
    assert os.path.exists(os.fsencode(tmp_path) + b"/Fran\xe7ois-colorized.jpg")
    assert os.listdir(out) == [b"Fran\xe8ois.jpg"]


def test_a_name_with_control_characters_does_not_reach_the_terminal(colorize, tmp_path):
    source = tmp_path / "a\x1b[2Jb\n.png"
    source.write_bytes(b"no picture")
    said = colorize(source, status=1).stderr
    assert (
        said == f"libcolorize: {tmp_path}/a?[2Jb?.png: is not a picture in a format that is read\n"
    )


# ---- What is there already ----------------------------------------------------------------------


def test_an_output_that_is_there_is_replaced_in_one_piece(colorize, folder):
    colorize("-o", "c.png", "a.png", cwd=folder)
    expected = (folder / "c.png").read_bytes()
    (folder / "c.png").write_bytes(b"something else")
    (folder / "c.png").chmod(0o600)
    os.link(folder / "c.png", folder / "other-name.png")
    colorize("-o", "c.png", "a.png", cwd=folder)
    assert (folder / "c.png").read_bytes() == expected
    # A new file took the name; whoever has the old one open or linked still has it.
    assert (folder / "other-name.png").read_bytes() == b"something else"


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_the_permissions_are_the_inputs_under_the_umask(colorize, folder, mask):
    (folder / "a.png").chmod(0o666)
    colorize("-o", "c.png", "a.png", cwd=folder, umask=mask)
    assert stat.S_IMODE((folder / "c.png").stat().st_mode) == 0o666 & ~mask


def test_a_link_stays_and_its_file_is_replaced(colorize, folder):
    (folder / "target.png").write_bytes(b"old")
    (folder / "sub/link.png").symlink_to("../target.png")
    colorize("-o", "sub/link.png", "a.png", cwd=folder)
    assert (folder / "sub/link.png").is_symlink()
    assert pixels(folder / "target.png").shape[2] == 3
    assert names(folder / "sub") == ["a.png", "link.png"]


def test_inputs_are_left_as_they_are(colorize, folder):
    before = state(folder)
    colorize("-o", "out", "a.png", "b.jpg", cwd=folder)
    colorize("sub/a.png", cwd=folder)
    after = state(folder)
    assert before.items() <= after.items()
    assert sorted(after.keys() - before.keys()) == [
        "out",
        "out/a.png",
        "out/b.jpg",
        "sub/a-colorized.png",
    ]


# ---- Refused before any work --------------------------------------------------------------------


def refused(colorize, folder, *arguments):
    """Asserts that nothing is done, and returns the one line that says why."""
    before = state(folder)
    said = colorize.refused(*arguments, cwd=folder)
    assert state(folder) == before
    return said


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "c.gif", "a.png"],
        ["-o", "c", "a.png"],
        ["-o", "c.", "a.png"],
        ["-o", ".png", "a.png"],
        ["letter.txt"],
        ["-o", "out/", "letter"],
        ["-o", "out", "letter.txt", "letter"],
    ],
)
def test_unknown_extensions(colorize, folder, arguments):
    (folder / "letter.txt").write_text("Dear reader,")
    (folder / "letter").write_text("Dear reader,")
    said = refused(colorize, folder, *arguments)
    assert "the extension must be .png, .jpg, .tif or .webp" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "out", "a.png", "sub/a.png"],
        ["-o", "sub", "b.jpg", "b.jpg"],
        ["a.png", "a.png"],
        ["a.png", "./sub/../a.png"],
        ["-o", "sub", "link.jpg", "b.jpg"],
        ["a.png", "to-sub/a.png", "sub/a.png"],
    ],
)
def test_two_inputs_for_one_output(colorize, folder, arguments):
    (folder / "link.jpg").symlink_to("b.jpg")
    (folder / "to-sub").symlink_to("sub")
    # Through a link the two outputs are one file.
    (folder / "sub/link.jpg").symlink_to("b.jpg")
    (folder / "sub/b.jpg").write_bytes(b"old")
    assert "would both be written to" in refused(colorize, folder, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "a.png", "a.png"],
        ["-o", "sub/../a.png", "a.png"],
        ["-o", ".", "a.png"],
        ["-o", "./", "b.jpg", "a.png"],
        ["-o", "link.png", "a.png"],
        ["-o", "a.png", "link.png"],
        ["-o", "hard.png", "a.png"],
        ["-o", "to-sub", "sub/a.png"],
        ["-o", "sub", "a.png", "sub/other.png", "sub/a.png"],
        ["d.png", "d-colorized.png"],
        ["-o", "sub/a.png", "to-sub/a.png"],
    ],
)
def test_an_output_that_is_an_input(colorize, folder, arguments):
    (folder / "link.png").symlink_to("a.png")
    os.link(folder / "a.png", folder / "hard.png")
    (folder / "to-sub").symlink_to("sub")
    for name in ("d.png", "d-colorized.png", "sub/other.png"):
        (folder / name).write_bytes((folder / "a.png").read_bytes())
    assert "would overwrite the input" in refused(colorize, folder, *arguments)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-o", "b.jpg", "a.png", "sub/a.png"], "b.jpg is a file; 2 pictures need a folder"),
        (["-o", "c.png", "a.png", "b.jpg"], "c.png would be one file for 2 pictures"),
        (["-o", "none/c.png", "a.png"], "there is no folder none"),
        (["-o", "b.jpg/c.png", "a.png"], "there is no folder b.jpg"),
        (["-o", "pipe.png", "a.png"], "pipe.png is not a regular file"),
        (["-o", "nowhere.png", "a.png"], "nowhere.png is a broken link"),
        (["sub"], "sub is a folder: name one for the outputs by -o"),
        (["-o", "sub", "sub/"], "sub is the folder of the inputs; name another one"),
        (["-o", "b.jpg", "sub"], "b.jpg is a file; the pictures need a folder"),
    ],
)
def test_outputs_that_cannot_be(colorize, folder, arguments, why):
    os.mkfifo(folder / "pipe.png")
    (folder / "nowhere.png").symlink_to("not-there.png")
    assert why in refused(colorize, folder, *arguments)


def test_a_folder_that_cannot_be_made(colorize, folder):
    said = colorize("-o", "none/out/", "a.png", cwd=folder, status=1).stderr
    assert said == "libcolorize: none/out/: cannot be made: No such file or directory\n"


@pytest.mark.parametrize("arguments", [["-o", "", "a.png"], [""], []])
def test_missing_names(colorize, folder, arguments):
    refused(colorize, folder, *arguments)


# ---- What a pattern catches besides -------------------------------------------------------------


def test_foreign_files_of_a_folder_are_passed_over(colorize, folder):
    """`-o out/ scans/*` with what lies about in folders: said, and no failure."""
    scans = folder / "scans"
    scans.mkdir()
    for name in ("a.png", "b.jpg"):
        (scans / name).write_bytes((folder / name).read_bytes())
    (scans / "notes.txt").write_text("in the attic")
    (scans / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    inputs = sorted(scans.iterdir())
    said = colorize("-o", "out/", *inputs, cwd=folder).stderr.splitlines()
    assert names(folder / "out") == ["a.png", "b.jpg"]
    assert [line.partition(": passed over: ")[0] for line in said] == [
        f"libcolorize: {scans / name}" for name in ("Thumbs.db", "notes.txt")
    ]
    assert "the extension must be" in said[1]
    # Nobody wants to know.
    assert colorize("--quiet", "-o", "out/", *inputs, cwd=folder).stderr == ""


def test_a_picture_that_is_none_is_a_failure_all_the_same(colorize, folder):
    """Its name says that it is one."""
    (folder / "notes.txt").write_text("in the attic")
    (folder / "broken.png").write_text("no picture")
    said = colorize("-o", "out", "a.png", "notes.txt", "broken.png", status=FAILURE, cwd=folder)
    assert names(folder / "out") == ["a.png"]
    assert "notes.txt: passed over: " in said.stderr
    assert "broken.png: is not a picture in a format that is read" in said.stderr


def test_a_missing_file_of_no_pictures_name_is_no_foreign_one(colorize, folder):
    said = refused(colorize, folder, "-o", "out", "a.png", "nothere")
    assert said == "libcolorize: nothere: no such file"


def test_the_same_pattern_a_second_time(colorize, folder):
    """`*.png` now catches what the first time has made: no input is written over, and what is new
    is colored."""
    Image.open(folder / "a.png").save(folder / "c.png")
    colorize("a.png", "c.png", cwd=folder)
    before = state(folder)
    Image.open(folder / "a.png").save(folder / "d.png")
    inputs = [name for name in names(folder) if name.endswith(".png")]
    assert len(inputs) == 5
    said = colorize(*inputs, cwd=folder).stderr
    after = state(folder)
    assert after.keys() - before.keys() == {"d.png", "d-colorized.png"}
    assert before.items() <= after.items()
    assert said.count("passed over: the output ") == said.count("passed over: it is what ") == 2
    # A third time there is nothing to do, and that is said.
    refused(colorize, folder, *[name for name in names(folder) if name.endswith(".png")])


# ---- Inputs that are no regular files -----------------------------------------------------------


def test_a_pipe_as_input(colorize, folder):
    os.mkfifo(folder / "pipe.png")
    expected, _ = colorize.color(folder / "a.png", folder / "want.png")
    writer = subprocess.Popen(["cp", folder / "a.png", folder / "pipe.png"])
    have, _ = colorize.color(folder / "pipe.png", folder / "have.png")
    assert writer.wait() == 0
    assert np.array_equal(have, expected)

"""What the process is given and what it leaves: arguments, names, streams, permissions, files."""

import fcntl
import os
import pty
import re
import resource
import signal
import stat
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import FAILURE, GRAY, MODEL, names, pixels, png, prior_table

TEMPORARY = ".libcolorize-0123456789abcdef.tmp"


@pytest.fixture
def photo(tmp_path, gray):
    path = tmp_path / "photo.png"
    path.write_bytes(png(gray, 8, GRAY))
    return path


def run(colorize, *arguments, **options):
    """The command with arguments that are bytes, and what it says as bytes."""
    return subprocess.run(
        [os.fsencode(colorize.path), *map(os.fsencode, arguments)],
        capture_output=True,
        timeout=60,
        **options,
    )


# ---- Arguments ----------------------------------------------------------------------------------


def test_arguments_without_proc(colorize, tmp_path, photo):
    """In a sandbox that has none."""
    script = 'umount -l /proc && test ! -e /proc/self && exec "$@"'
    inside = ["unshare", "-m", "sh", "-c", script, "sh"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        pytest.skip("a mount namespace of one's own needs root's rights")
    said = subprocess.run([*inside, colorize.path, "--version"], capture_output=True, check=True)
    assert said.stdout == run(colorize, "--version").stdout
    subprocess.run([*inside, colorize.path, "-o", tmp_path / "out.png", photo], check=True)
    assert pixels(tmp_path / "out.png").shape == (48, 64, 3)


def test_arguments_beside_a_library_that_sets_variables(colorize, tmp_path):
    """Which moves `environ` away from the arguments."""
    source, library = tmp_path / "set.c", tmp_path / "set.so"
    source.write_text(
        "#include <stdlib.h>\n__attribute__((constructor)) static void set(void)\n"
        '{ setenv("LIBCOLORIZE_ONE", "a", 1); setenv("LIBCOLORIZE_TWO", "b", 1); }\n'
    )
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library], check=True)
    said = colorize("--version", environment={"LD_PRELOAD": str(library)}).stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", said)


@pytest.mark.parametrize("form", ["--output={}", "-o {}", "--output {}"])
@pytest.mark.parametrize("name", [b"o\xff.png", b"\xcc\x81.png", b"\xf4\x8f\xbc\x81.png", b"=.png"])
def test_names_are_bytes_in_every_form_of_an_option(colorize, tmp_path, photo, form, name):
    """Also one that begins with an accent, which would be one character with what is before it."""
    words = [part.replace(b"{}", name) for part in form.encode().split(b" ")]
    result = run(colorize, *words, photo, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert sorted(os.listdir(os.fsencode(tmp_path))) == sorted([name, b"photo.png"])


def test_a_prior_whose_name_is_not_utf_8(colorize, tmp_path, photo):
    said = run(colorize, "evaluate", "--prior", b"no-\xff.tsv", tmp_path, cwd=tmp_path).stderr
    assert b"no-\xef\xbf\xbd.tsv: No such file or directory" in said
    (tmp_path / os.fsdecode(b"no-\xff.tsv")).write_text(prior_table(1))
    (tmp_path / "in").mkdir()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(
        tmp_path / "in/a.png"
    )
    result = run(colorize, "evaluate", "--network-size", "32", "--prior", b"no-\xff.tsv", "in",
                 cwd=tmp_path)  # fmt: skip
    assert result.returncode == 0, result.stderr


def test_a_licence_of_other_letters(colorize, tmp_path):
    colorize("convert", "--licence", "für Länge, 自由", MODEL, tmp_path / "out.safetensors")
    assert "für Länge, 自由" in colorize("info", tmp_path / "out.safetensors").stdout


# ---- What reaches a terminal --------------------------------------------------------------------

CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--\x1b]0;title\x07"],
        ["--temperature", "\x1b[2J"],
        ["--style", "\x9b2J"],
        ["--hint", "\x1b[2J,1,#000000", "a.png"],
        ["a\x9b2J.png"],
        ["a\u202egnp.png"],
        ["suggest", "photo.png", "\x1b[2J"],
        ["info", "\x1b[2J"],
        ["train", "--out", "x", "--data", "\x1b[2J"],
        ["train", "--out", "x", "--data", ".", "--model", "\x1b[2J\x9b"],
    ],
    ids=repr,
)
def test_what_is_quoted_moves_no_cursor(colorize, tmp_path, photo, arguments):
    result = run(colorize, *arguments, cwd=tmp_path)
    assert result.returncode != 0
    said = (result.stdout + result.stderr).decode()
    assert said and not CONTROLS.search(said), repr(said)


def test_a_progress_line_moves_no_cursor(colorize, tmp_path, gray):
    name = "a\x9b2J\x1b[3J.png"
    (tmp_path / name).write_bytes(png(gray, 8, GRAY))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [colorize.path, name], stderr=theirs, cwd=tmp_path, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 65536):
            said += part
    except OSError:  # a terminal's end
        pass
    os.close(ours)
    assert process.wait(60) == 0
    text = said.decode().replace("\r\x1b[K", "").replace("\r\n", "")
    assert "a?2J?[3J.png" in text and not CONTROLS.search(text)


# ---- Standard streams ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["info"],
        ["--version"],
        ["--help"],
        ["suggest", "photo.png", "9,9"],
        ["-o", "-", "photo.png"],
    ],
    ids=str,
)
def test_output_that_cannot_be_written(colorize, tmp_path, photo, arguments):
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [colorize.path, *arguments], stdout=full, stderr=subprocess.PIPE, cwd=tmp_path
        )
    assert result.returncode == FAILURE
    assert b"No space left on device" in result.stderr


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_standard_input_and_output(colorize, tmp_path, gray, kind):
    source = tmp_path / f"source.{kind}"
    Image.fromarray(gray).save(source)
    want, _ = colorize.color(source, tmp_path / "want.png")
    for arguments in (["-"], ["-o", "-", "-"], ["-o", "-", source]):
        with source.open("rb") as file:
            result = run(colorize, *arguments, stdin=file, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        (tmp_path / "have.png").write_bytes(result.stdout)
        assert np.array_equal(pixels(tmp_path / "have.png"), want)
    # Through pipes, and into a file.
    piped = run(colorize, "-o", "piped.tif", "-", input=source.read_bytes(), cwd=tmp_path)
    assert piped.returncode == 0, piped.stderr
    assert np.array_equal(pixels(tmp_path / "piped.tif"), want)
    assert names(tmp_path) == sorted([source.name, "want.png", "have.png", "piped.tif"])


def test_standard_streams_that_make_no_sense(colorize, tmp_path, photo):
    said = colorize.refused("-o", "out/", "-", cwd=tmp_path)
    assert "standard input has no name that it could keep in a folder" in said
    said = colorize.refused("-o", "-", photo, photo, cwd=tmp_path)
    assert "would both be written to -" in said
    assert names(tmp_path) == ["photo.png"]


# ---- Which file a message is about --------------------------------------------------------------


def test_a_message_about_writing_names_the_output(colorize, tmp_path, photo):
    (tmp_path / "out").mkdir()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    said = colorize("-o", "out/a.png", photo, status=FAILURE, cwd=tmp_path, preexec_fn=limit).stderr
    assert said == "libcolorize: out/a.png: cannot be written: File too large\n"


@pytest.mark.parametrize(
    ("word", "meant"), [("sugest", "suggest"), ("inof", "info"), ("trian", "train"), ("qwerty", "")]
)
def test_a_command_that_was_misspelled(colorize, tmp_path, word, meant):
    said = colorize.refused(word, "photo.png", "1,2", cwd=tmp_path)
    asked = f"; did you mean the command '{meant}'?" if meant else ""
    assert said == f"libcolorize: {word}: no such file{asked}"


@pytest.mark.parametrize("option", ["--palette-from", "--hints", "--model"])
def test_a_file_that_an_option_reads_is_never_written_over(colorize, tmp_path, photo, option):
    other, link = tmp_path / "other.png", tmp_path / "link.png"
    other.write_bytes(MODEL.read_bytes() if option == "--model" else photo.read_bytes())
    link.symlink_to("other.png")
    before = other.read_bytes()
    for output in ("other.png", "link.png"):
        said = colorize.refused(option, "other.png", "-o", output, photo, cwd=tmp_path)
        assert "would overwrite the input other.png" in said
    assert other.read_bytes() == before


def test_a_table_does_not_replace_the_prior(colorize, tmp_path, photo):
    (tmp_path / "p.csv").write_text(prior_table(1).replace("\t", ","))
    said = colorize.refused(
        "evaluate", "--prior", "p.csv", "--csv", "p.csv", tmp_path, cwd=tmp_path
    )
    assert "would overwrite the input p.csv" in said


# ---- Permissions --------------------------------------------------------------------------------


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("old", [0o600, 0o640, 0o664, 0o444])
@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_a_replaced_file_keeps_its_permissions(colorize, tmp_path, photo, old, kind):
    target = tmp_path / f"out.{kind}"
    target.write_bytes(b"old")
    target.chmod(old)
    colorize("-o", target, photo, umask=0o022)
    assert mode(target) == old
    assert pixels(target).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("own", "mask", "expected"),
    [
        (0o600, 0o022, 0o600),
        (0o640, 0o022, 0o640),
        (0o666, 0o022, 0o644),
        (0o777, 0o000, 0o666),
        (0o400, 0o022, 0o600),
        (0o644, 0o077, 0o600),
    ],
)
def test_a_new_file_has_the_inputs_permissions(colorize, tmp_path, photo, own, mask, expected):
    """Under the umask; its owner can read and write it in any case, and nobody runs a picture."""
    photo.chmod(own)
    colorize("-o", tmp_path / "out.png", photo, umask=mask)
    assert mode(tmp_path / "out.png") == expected


def test_a_replaced_files_owner_stays(colorize, tmp_path, photo):
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    target = tmp_path / "out.png"
    target.write_bytes(b"old")
    os.chown(target, 65534, 65533)
    target.chmod(0o640)
    colorize("-o", target, photo)
    status = target.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (65534, 65533, 0o640)


def test_an_owner_that_cannot_be_kept_lets_nobody_else_read(colorize, public_folder, gray):
    """The group that could read it is not the new file's, so that its bits go to nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    folder = public_folder / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    target = folder / "out.png"
    target.write_bytes(b"old")
    target.chmod(0o660)
    (folder / "in.png").write_bytes(png(gray, 8, GRAY))
    colorize("-o", target, folder / "in.png", user=65534, group=65534, extra_groups=[])
    assert target.stat().st_uid == 65534 and mode(target) == 0o600


def test_tables_and_models_keep_permissions(colorize, tmp_path):
    model = tmp_path / "m.safetensors"
    model.write_bytes(b"old")
    model.chmod(0o600)
    colorize("convert", MODEL, model)
    assert mode(model) == 0o600 and model.stat().st_size > 1000


# ---- Leftovers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["out/a.png", "out/", "photo-colorized.png"])
def test_what_a_killed_process_left_is_taken_away(colorize, tmp_path, photo, output):
    (tmp_path / "out").mkdir()
    for folder in (tmp_path, tmp_path / "out"):
        for name in (TEMPORARY, ".libcolorize-123-0.tmp"):
            (folder / name).write_bytes(b"half a picture")
        (folder / ".mine.tmp").write_bytes(b"")
    folder = tmp_path / "out" if output.startswith("out") else tmp_path
    arguments = [] if output == "photo-colorized.png" else ["-o", output]
    colorize(*arguments, "photo.png", cwd=tmp_path)
    assert TEMPORARY not in names(folder) and ".libcolorize-123-0.tmp" not in names(folder)
    assert ".mine.tmp" in names(folder)


def test_what_a_living_process_writes_stays(colorize, tmp_path, photo):
    with (tmp_path / TEMPORARY).open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        colorize(photo)
        assert TEMPORARY in names(tmp_path)
    colorize(photo)
    assert names(tmp_path) == ["photo-colorized.png", "photo.png"]


def test_links_and_folders_of_such_names_stay(colorize, tmp_path, photo):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".libcolorize-1.tmp").symlink_to("precious")
    (tmp_path / ".libcolorize-2.tmp").mkdir()
    os.mkfifo(tmp_path / ".libcolorize-3.tmp")
    colorize(photo)
    assert len(names(tmp_path)) == 6


def test_a_killed_process_leaves_nothing_for_long(colorize, tmp_path):
    """Killed while it writes; the next one takes away what it has left."""
    source = tmp_path / "in.png"
    source.write_bytes(png(np.zeros((3000, 3000), np.uint8), 8, GRAY))
    process = subprocess.Popen(
        [colorize.path, "--compression=9", "-o", "out.png", source], cwd=tmp_path
    )
    end = time.monotonic() + 60
    while not any(name.startswith(".libcolorize-") for name in names(tmp_path)):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = [name for name in names(tmp_path) if name.startswith(".libcolorize-")]
    assert len(left) == 1
    (tmp_path / "small.png").write_bytes(png(np.zeros((9, 9), np.uint8), 8, GRAY))
    colorize("-o", tmp_path / "out.png", tmp_path / "small.png")
    assert names(tmp_path) == ["in.png", "out.png", "small.png"]


def test_sync(colorize, tmp_path, photo):
    """--sync waits for the disk: file first, then its name, then the folder."""
    log = tmp_path / "log"
    program = ["strace", "-f", "-o", log, "-e", "trace=fsync,rename,renameat,renameat2"]
    for option in ([], ["--sync"]):
        subprocess.run(
            [*program, colorize.path, *option, "-o", tmp_path / "o.png", photo], check=True
        )
        calls = re.findall(r"(fsync|rename)", log.read_text())
        assert calls == (["fsync", "rename", "fsync"] if option else ["rename"])


def test_the_name_of_a_folder_in_which_nothing_is_left(colorize, tmp_path, photo):
    """Every way of failing leaves the folder as it was."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "bad.png").write_bytes(b"no picture")
    colorize("-o", out / "a.png", tmp_path / "bad.png", status=FAILURE)
    assert names(Path(out)) == []

"""--help, the manual pages and the sources say the same, and wrong arguments say where help is."""

import re
import shutil
import subprocess

import pytest
from PIL import Image
from support import MODEL, ROOT, USAGE

COMMANDS = [
    "run",
    "reproduce",
    "suggest",
    "models",
    "fetch",
    "formats",
    "info",
    "doctor",
    "profile",
    "convert",
    "evaluate",
    "gamut",
    "train",
    "video",
]
# `run` is what the command does without a name.
PAGES = {
    name: ROOT / ("docs/libcolorize.1" if name == "run" else f"docs/libcolorize-{name}.1")
    for name in COMMANDS
}
# What concerns many pictures has a page of its own.
FOLDERS = ROOT / "docs/libcolorize-folders.1"
# What a screen of help may have at most, and the manual of daily use on two pages.
SCREEN, TWO_PAGES = 51, 130
COLUMNS = {"COLUMNS": "80"}


def options(text):
    """The long and short options that a help text lists."""
    lines = [line for line in text.splitlines() if re.match(r"  -", line)]
    return {
        option for line in lines for option in re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", line)
    }


def described(page):
    """The options that a manual page describes, each in an item of its own."""
    found = set()
    for line in page.read_text().splitlines():
        if line.startswith(".It Fl"):
            for names in re.findall(r"Fl ((?:-?[a-z][a-z0-9-]*(?: , (?!Fl))?)+)", line):
                found |= {"-" + name for name in names.split(" , ")}
    return found


def rendered(page):
    """A page as a terminal of 80 columns shows it, without bold and underlined letters."""
    if shutil.which("groff") is None:
        pytest.fail("groff is not installed")
    result = subprocess.run(
        ["groff", "-mdoc", "-ww", "-Tutf8", "-P-c", page],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return re.sub(".\b", "", result.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_its_page_and_none_else(colorize, name):
    everything = options(colorize(name, "--help-hidden").stdout)
    usual = options(colorize(name, "--help").stdout)
    assert {"-h", "--help"} <= usual <= everything
    # Where a screen of help leaves options out, the page and the help itself say how to see them.
    hidden = {"--help-hidden"} if usual < everything else set()
    assert ("--help-hidden" in colorize(name, "--help").stdout) == bool(hidden)
    # Every command prints the version; the main page says so.
    shared = set() if name == "run" else {"--version"}
    rest = described(FOLDERS) if name == "run" else set()
    assert not rest & described(PAGES[name])
    assert described(PAGES[name]) | rest == (everything | hidden) - shared


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completions_have_every_option(colorize, shell):
    """Also those that --help leaves out. fish's have one name of an option that has two."""
    script = colorize("--generate-completion-script", shell).stdout
    offered = set(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", script))
    for name in COMMANDS:
        assert described(PAGES[name]) - {"--help-hidden"} <= offered


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_screen(colorize, name):
    lines = colorize(name, "--help", environment=COLUMNS).stdout.splitlines()
    assert len(lines) <= SCREEN
    assert max(map(len, lines)) <= 80


def test_the_manual_of_daily_use_has_two_pages():
    assert len(rendered(PAGES["run"]).splitlines()) <= TWO_PAGES


@pytest.mark.parametrize("name", COMMANDS)
def test_the_synopses_agree(colorize, name):
    shown = rendered(PAGES[name])
    synopsis = shown[shown.index("SYNOPSIS") : shown.index("DESCRIPTION")].split()[1:]
    usage = colorize(name, "--help").stdout.split("USAGE:")[1].split("\n\n")[0]
    assert synopsis == usage.split()


def test_every_command_is_in_both(colorize):
    listed = colorize("help").stdout.split("SUBCOMMANDS:")[1]
    in_the_help = re.findall(r"^  ([a-z]+) ", listed, flags=re.M)
    assert in_the_help == COMMANDS
    page = PAGES["run"].read_text()
    assert re.findall(r"^\.It Cm ([a-z]+)$", page, flags=re.M) == [*COMMANDS, "help"]
    assert set(re.findall(r"^\.Xr libcolorize-([a-z]+) 1", page, flags=re.M)) == {*COMMANDS} - {
        "run"
    } | {"folders"}
    assert sorted(ROOT.glob("docs/*.1")) == sorted([*PAGES.values(), FOLDERS])
    named = re.search(r"Commands: ([a-z,\s]+)\.", colorize("--help").stdout).group(1)
    assert re.split(r",\s+", named) == COMMANDS[1:]


def test_help_without_a_command_is_about_coloring(colorize):
    expected = colorize("run", "--help").stdout
    assert "--temperature" in expected
    for arguments in (["--help"], ["-h"]):
        result = colorize(*arguments)
        assert (result.stdout, result.stderr) == (expected, "")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "Missing expected argument '<PICTURE> ...'"),
        (["--color", "a.png"], "Unknown option '--color'"),
        (["--styl", "vivid", "a.png"], "Unknown option '--styl'. Did you mean '--style'?"),
        (["-x", "a.png"], "Unknown option '-x'"),
        (["--threads", "0", "a.png"], "--threads is 0; it must be 1 to 256"),
        (["--threads", "many", "a.png"], "The value 'many' is invalid for '--threads'"),
        (["--temperature"], "Missing value for '--temperature <T>'"),
        (
            ["--style", "loud", "a.png"],
            "The value 'loud' is invalid for '--style <NAME>'. Please provide one of 'default',"
            " 'natural' or 'vivid'",
        ),
        (
            ["--hint", "1,2", "a.png"],
            "The value '1,2' is invalid for '--hint <X,Y,#RRGGBB[,RADIUS]>': it must be X,Y,#RRGGBB"
            " or X,Y,#RRGGBB,RADIUS",
        ),
        (
            ["--quiet=3", "a.png"],
            "The option '--quiet' does not take any value, but '3' was specified",
        ),
        (["--network-size", "7", "PHOTO"], "--network-size is 7; it must be a multiple of 16, 16"),
        (["-o", "PHOTO", "PHOTO"], "the output PHOTO would overwrite the input PHOTO"),
        (["suggest", "PHOTO", "five"], "The value 'five' is invalid for '<X,Y>': it must be X,Y"),
        (["suggest", "PHOTO"], "Missing expected argument '<X,Y> ...'"),
        (["suggest", "--count", "0", "PHOTO", "1,1"], "--count is 0; it must be 1 to 32"),
        (["info", "a", "b"], "Unexpected argument 'b'"),
        (["reproduce", "a.png"], "Missing expected argument '--from <ORIGINAL>'"),
        (["--jobs", "0", "a.png"], "--jobs is 0; it must be 1 to 256"),
        (["--existing", "keep", "a.png"], "The value 'keep' is invalid for '--existing <NAME>'"),
        (["--to", "gif", "a.png"], "The value 'gif' is invalid for '--to'"),
        (["doctor", "--quiet"], "Unknown option '--quiet'"),
        (["profile", "--rounds", "0"], "--rounds is 0; it must be 1 to 10000"),
        (["profile", "--size", "7"], "--size is 7; it must be"),
        (["convert", "MODEL", "b"], "b cannot be written: the extension must be .safetensors"),
        (["evaluate", "--limit", "0", "."], "--limit is 0; it must be 1 or more"),
        (["gamut", "--csv", "a.txt", "."], "a.txt cannot be written"),
        (["train", "--out", "run"], "--data is missing"),
        (["train", "--out", "run", "--data", ".", "--batch", "0"], "--batch is 0; it must be 1 to"),
        (["train", "--out", "run", "--data", "nowhere"], "nowhere: No such file or directory"),
    ],
)
def test_a_wrong_argument_takes_two_lines(colorize, gray, tmp_path, arguments, why):
    """One says what is wrong, the other one where help is."""
    photo = tmp_path / "photo.png"
    if "PHOTO" in arguments:
        Image.fromarray(gray).save(photo)
    files = {"PHOTO": str(photo), "MODEL": str(MODEL)}
    given = [files.get(argument, argument) for argument in arguments]
    result = colorize(*given, status=USAGE, cwd=tmp_path)
    assert result.stdout == ""
    said, where = result.stderr.splitlines()
    assert said.startswith("libcolorize: ") and not said.endswith(".")
    for name, path in files.items():
        said = said.replace(path, name)
    assert why in said
    command = f"{arguments[0]} " if arguments and arguments[0] in COMMANDS else ""
    assert where == f"see libcolorize {command}--help"
    # What it names is there.
    assert "USAGE:" in colorize(*where.split()[2:]).stdout


def test_figures_are_those_of_the_sources(colorize):
    source = (ROOT / "Sources/CImageFiles/include/image_files.h").read_text()
    text = re.sub(r"\s+", " ", colorize("--help-hidden").stdout)
    page = re.sub(r"\s+", " ", PAGES["run"].read_text() + FOLDERS.read_text())
    files = re.sub(r"\s+", " ", (ROOT / "docs/image-files.md").read_text())
    for name, phrase in [
        ("IMAGE_FILE_JPEG_QUALITY", "quality {}"),
        ("IMAGE_FILE_MAXIMUM_SIDE", "{} pixels a side"),
        ("IMAGE_FILE_MAXIMUM_MEGABYTES", "{} MB when decoded"),
    ]:
        value = re.search(rf"{name} = (\d+)", source).group(1)
        for where in (text, page, files):
            assert phrase.format(value) in where, phrase
    for bound in ("0.01 to 10", "1 to 256", "2048", "0.38", "8192"):
        assert bound in text.replace("0.01 (vivid, patchy) to 10", "0.01 to 10") and bound in page


def test_the_networks_are_those_that_can_be_trained(colorize, tmp_path):
    given = ["--data", tmp_path, "--out", tmp_path / "run", "--model", "vgg"]
    known = colorize.refused("train", *given).split("it must be ")[1].split(", ")
    text = re.search(r"--model <NAME> +([^(]*)", colorize("train", "--help").stdout).group(1)
    page = PAGES["train"].read_text()
    item = page[page.index(".It Fl -model") : page.index(".It Fl -init")]
    assert sorted(re.findall(r"[a-z0-9]+", text)) == sorted(known)
    assert sorted(re.findall(r"^\.Cm ([a-z0-9]+)", item, flags=re.M)) == sorted(known)


def test_the_version_is_that_of_the_header(colorize):
    header = (ROOT / "include/colorize.h").read_text()
    parts = [
        re.search(rf"COLORIZE_VERSION_{part} (\d+)", header).group(1)
        for part in ("MAJOR", "MINOR", "PATCH")
    ]
    for arguments in (["--version"], ["info", "--version"], ["doctor", "--version"]):
        assert colorize(*arguments).stdout == ".".join(parts) + "\n"


def test_the_page_of_folders_is_sound_mdoc():
    assert rendered(FOLDERS).startswith("LIBCOLORIZE-FOLDERS(1)")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_pages_are_sound_mdoc(name):
    title = "LIBCOLORIZE" if name == "run" else f"LIBCOLORIZE-{name.upper()}"
    assert rendered(PAGES[name]).startswith(f"{title}(1)")

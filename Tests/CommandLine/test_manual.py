"""--help, the manual page and the sources say the same."""

import re
import shutil
import subprocess

import pytest
from support import ROOT, USAGE

PAGE = ROOT / "docs/libcolorize.1"
COMMANDS = ["run", "suggest", "info", "doctor", "profile", "convert", "evaluate", "gamut", "train"]


def options(text):
    """The long and short options that a help text lists."""
    lines = [line for line in text.splitlines() if re.match(r"  -", line)]
    return {option for line in lines for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line)}


def described():
    """The options that the manual page describes, each in an item of its own."""
    found = set()
    for line in PAGE.read_text().splitlines():
        if line.startswith(".It Fl"):
            found |= {"-" + name for name in re.findall(r"Fl (-?[a-z][a-z-]*)", line)}
    return found


def test_every_option_is_in_the_manual_and_none_else(colorize):
    helped = set().union(*(options(colorize(name, "--help").stdout) for name in COMMANDS))
    assert {"--model", "-o", "--output", "--quiet", "--version", "-h", "--help"} <= helped
    assert described() == helped


def test_the_synopses_agree(colorize):
    page = PAGE.read_text()
    synopsis = page[page.index(".Sh SYNOPSIS") : page.index(".Sh DESCRIPTION")].splitlines()[1:]
    in_the_page = []
    for line in synopsis:
        macro, _, rest = line.removeprefix(".").partition(" ")
        words = re.sub(r"(Ar|Cm) ", "", re.sub(r"Fl ", "-", rest)).replace(" ...", "...")
        words = words.replace(" Oc Ns", "]")
        shown = {"Nm": "libcolorize", "Op": f"[{words}]", "Oo": f"[{words}"}
        in_the_page.append(shown.get(macro, words))
    usage = colorize("--help").stdout.split("USAGE:")[1].split("ARGUMENTS:")[0]
    assert " ".join(in_the_page) == " ".join(usage.split())


def test_every_subcommand_is_in_both(colorize):
    listed = colorize("help").stdout.split("SUBCOMMANDS:")[1]
    in_the_help = re.findall(r"^  ([a-z]+) ", listed, flags=re.M)
    assert in_the_help == COMMANDS
    in_the_page = re.findall(r"^\.It Cm ([a-z]+)", PAGE.read_text(), flags=re.M)
    assert in_the_page == [*COMMANDS, "help"]


def test_help_without_a_subcommand_is_about_colouring(colorize):
    expected = colorize("run", "--help").stdout
    assert "--temperature" in expected
    for arguments in (["--help"], ["-h"]):
        result = colorize(*arguments)
        assert (result.stdout, result.stderr) == (expected, "")
    said = colorize(status=USAGE).stderr
    assert "Missing expected argument" in said and "[--model FILE]" in said


def test_figures_are_those_of_the_sources(colorize):
    source = (ROOT / "Sources/CImageFiles/include/image_files.h").read_text()
    text = re.sub(r"\s+", " ", colorize("--help").stdout)
    page = re.sub(r"\s+", " ", PAGE.read_text())
    for name, phrase in [
        ("IMAGE_FILE_JPEG_QUALITY", "quality {}"),
        ("IMAGE_FILE_MAXIMUM_SIDE", "up to {} pixels a side"),
        ("IMAGE_FILE_MAXIMUM_MEGABYTES", "{} MB when decoded"),
    ]:
        value = re.search(rf"{name} = (\d+)", source).group(1)
        assert phrase.format(value) in text, phrase
        assert phrase.format(value) in page, phrase
    for bound in ("0.01 to 10", "1 to 256", "2048", "0.38"):
        assert bound in text and bound in page


def test_the_version_is_that_of_the_header(colorize):
    header = (ROOT / "include/colorize.h").read_text()
    parts = [
        re.search(rf"COLORIZE_VERSION_{part} (\d+)", header).group(1)
        for part in ("MAJOR", "MINOR", "PATCH")
    ]
    for arguments in (["--version"], ["info", "--version"], ["doctor", "--version"]):
        assert colorize(*arguments).stdout == ".".join(parts) + "\n"


def test_the_page_is_sound_mdoc():
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    result = subprocess.run(
        ["groff", "-mdoc", "-ww", "-Tutf8", PAGE], capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    assert "colour black-and-white photographs" in result.stdout

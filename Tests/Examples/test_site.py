"""docs/site: what of the documentation's site can be wrong without a link being broken."""

import importlib.util
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def module(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs/site" / f"{name}.py")
    result = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(result)
    return result


def test_the_reference_of_c_has_all_of_the_header():
    header = (ROOT / "include/colorize.h").read_text()
    page = module("c_header").page(header)
    headings = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert len(headings) == len(set(headings))
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    functions = re.findall(r"\b(colorize_\w+)\([^*]", code)
    types = re.findall(r"^typedef (?:struct|int32_t) \(?\*?(colorize_\w+)", code, re.MULTILINE)
    assert len(functions) > 15 and len(types) > 15
    assert set(functions + types) <= set(headings)
    # Nothing that is said is lost but the frame of the file.
    said = re.findall(r"\w+", " ".join(re.findall(r"/\*(.*?)\*/", header, re.DOTALL)))
    assert set(said) <= set(re.findall(r"\w+", page)) | {
        "Copyright", "c", "the", "authors", "Licence", "BSD", "2", "Clause", "2026", "libcolorize",
    }  # fmt: skip
    # Blocks of code are closed.
    assert page.count("```") == 2 * len(re.findall(r"^```(?:c|text)$", page, re.MULTILINE))


def test_commands_in_the_pages_have_options_that_there_are():
    """Those that are shown but not run: what takes long, or needs files that are not here."""
    known = {}

    def options(name):
        if name not in known:
            words = [os.environ["LIBCOLORIZE_COMMAND"], *([name] if name else []), "--help-hidden"]
            text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            known[name] = set(re.findall(r"--[a-z][a-z0-9]*(?:-[a-z0-9]+)*", text))
        return known[name]

    said = subprocess.run(
        [os.environ["LIBCOLORIZE_COMMAND"], "--help"], capture_output=True, text=True, check=True
    ).stdout
    subcommands = re.search(r"^Commands: ([\w,\s]+)\.", said, re.MULTILINE)[1].split(",")
    subcommands = {name.strip() for name in subcommands}
    assert {"train", "convert"} <= subcommands
    pages = [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "training/README.md"]
    pages += [ROOT / "bindings/python/README.md", ROOT / "CHANGELOG.md"]
    checked = 0
    for page in pages:
        text = page.read_text().replace("\\\n", " ")
        commands = re.findall(r"(?:^ {4}|^)libcolorize (.*)$", text, re.MULTILINE)
        commands += re.findall(r"`libcolorize ([^`]+)`", text)
        for command in commands:
            # Comments, and what follows in a pipe, are not the command's.
            words = re.split(r" #|[|;&>]", command)[0].split()
            name = words[0] if words and words[0] in subcommands else ""
            given = {re.sub(r"=.*", "", word) for word in words if word.startswith("--")}
            given = {word.rstrip(".,:)") for word in given}
            assert given <= options(name) | {"--generate-completion-script"}, (page.name, command)
            checked += bool(given)
    assert checked > 20

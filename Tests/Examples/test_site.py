"""docs/site: what of the documentation's site can be wrong without a link being broken."""

import importlib.util
import re
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

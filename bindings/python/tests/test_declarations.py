"""_declarations.py says what include/colorize.h says."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import pytest
from conftest import HEADER

from libcolorize import _declarations as c

STRUCTS = (
    c.colorize_error,
    c.colorize_image,
    c.colorize_model_options,
    c.colorize_model_description,
    c.colorize_hint,
    c.colorize_hint_map,
    c.colorize_options,
    c.colorize_suggestion,
    c.colorize_sequence_options,
    c.colorize_frame_report,
)

# How the header writes a parameter's type, and what it is for ctypes.
TYPES = {
    "void": None,
    "uint32_t": ctypes.c_uint32,
    "int32_t": ctypes.c_int32,
    "float": ctypes.c_float,
    "size_t": ctypes.c_size_t,
    "colorize_status": ctypes.c_int32,
    "const char *": ctypes.c_char_p,
    "const void *": ctypes.c_void_p,
    "float *": ctypes.POINTER(ctypes.c_float),
    "const float *": ctypes.POINTER(ctypes.c_float),
    "colorize_model *": ctypes.c_void_p,
    "const colorize_model *": ctypes.c_void_p,
    "colorize_model **": ctypes.POINTER(ctypes.c_void_p),
    "const colorize_session *": ctypes.c_void_p,
    "colorize_session *": ctypes.c_void_p,
    "colorize_session **": ctypes.POINTER(ctypes.c_void_p),
    "colorize_sequence *": ctypes.c_void_p,
    "colorize_sequence **": ctypes.POINTER(ctypes.c_void_p),
    "const colorize_sequence_options *": ctypes.POINTER(c.colorize_sequence_options),
    "colorize_frame_report *": ctypes.POINTER(c.colorize_frame_report),
    "colorize_suggestion *": ctypes.POINTER(c.colorize_suggestion),
    "colorize_error *": ctypes.POINTER(c.colorize_error),
    "const colorize_image *": ctypes.POINTER(c.colorize_image),
    "const colorize_model_options *": ctypes.POINTER(c.colorize_model_options),
    "colorize_model_description *": ctypes.POINTER(c.colorize_model_description),
    "colorize_options *": ctypes.POINTER(c.colorize_options),
    "const colorize_options *": ctypes.POINTER(c.colorize_options),
}


def code() -> str:
    """The header without its comments."""
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)


def functions() -> dict[str, tuple[str, list[str]]]:
    """The header's functions: the type of the result and of each parameter."""
    result = {}
    pattern = r"^([a-z][\w ]*?[ *]+)(colorize_\w+)\(([^()]*)\);"
    for kind, name, parameters in re.findall(pattern, code(), flags=re.MULTILINE):
        types = [re.match(r"(.*?)\w+$", p.strip(), re.DOTALL) for p in parameters.split(",")]
        texts = [" ".join(match.group(1).split()) for match in types if match is not None]
        result[name] = (kind.strip(), [] if parameters == "void" else texts)
    return result


def values_in_c(expressions: list[str], folder: Path) -> list[int]:
    """What the C compiler makes of integer expressions in a program that includes the header."""
    program = folder / "values.c"
    lines = "".join(f'  printf("%lld\\n", (long long)({text}));\n' for text in expressions)
    program.write_text(
        f"#include <stdio.h>\n#include <colorize.h>\nint main(void) {{\n{lines}  return 0;\n}}\n"
    )
    binary = folder / "values"
    subprocess.run(["cc", f"-I{HEADER.parent}", program, "-o", binary], check=True)
    output = subprocess.run([binary], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in output.split()]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_struct_is_laid_out_as_in_the_header(struct: type[ctypes.Structure], tmp_path: Path):
    name = struct.__name__
    fields = [field for field, _ in struct._fields_]
    expressions = [f"sizeof({name})"]
    for field in fields:
        expressions += [f"offsetof({name}, {field})", f"sizeof((({name} *)0)->{field})"]
    expected = [ctypes.sizeof(struct)]
    for field in fields:
        descriptor = getattr(struct, field)
        expected += [descriptor.offset, descriptor.size]
    assert values_in_c(expressions, tmp_path) == expected


def test_every_struct_and_field_of_the_header_is_declared():
    in_header = {}
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", code(), re.DOTALL):
        in_header[name] = re.findall(r"(\w+)(?:\[\d+\])?;", body)
    assert in_header == {
        struct.__name__: [field for field, _ in struct._fields_] for struct in STRUCTS
    }


def test_every_constant_has_the_value_of_the_header(tmp_path: Path):
    names = re.findall(r"^\s*(?:#define )?(COLORIZE_[A-Z0-9_]+)(?: =| \d)", code(), re.MULTILINE)
    declared = {name: value for name, value in vars(c).items() if name.startswith("COLORIZE_")}
    assert dict(zip(names, values_in_c(names, tmp_path))) == declared


def test_every_function_has_the_types_of_the_header():
    in_header = {
        name: (TYPES[result], tuple(TYPES[text] for text in parameters))
        for name, (result, parameters) in functions().items()
    }
    assert in_header == c.FUNCTIONS

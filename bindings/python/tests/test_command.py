"""python -m libcolorize: which command it becomes, and what is said when there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import libcolorize

PACKAGE = Path(libcolorize.__file__).parent


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory):
    """Makes a program that prints its name and arguments, and ends with status 7."""

    def build(path: Path, label: str) -> Path:
        source = tmp_path_factory.mktemp("program") / "program.c"
        source.write_text(
            "#include <stdio.h>\n"
            "int main(int count, char **words) {\n"
            f'  printf("{label}");\n'
            '  for (int i = 0; i < count; i++) printf(" %s", words[i]);\n'
            "  return 7;\n}\n"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", source, "-o", path], check=True)
        return path

    return build


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that may have a command beside it."""
    return Path(shutil.copytree(PACKAGE, tmp_path / "site/libcolorize"))


def run(package: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if name != "LIBCOLORIZE_COMMAND"}
    return subprocess.run(
        [sys.executable, "-m", "libcolorize", *arguments],
        env={**kept, "PYTHONPATH": str(package.parent), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_one_beside_the_package_comes_first(package: Path, tmp_path: Path, program):
    program(package / "bin/libcolorize", "beside")
    program(tmp_path / "path/libcolorize", "path")
    result = run(package, "a b", "--c", PATH=f"{tmp_path}/path:{os.environ['PATH']}")
    assert (result.stdout, result.returncode) == ("beside libcolorize a b --c", 7)


def test_then_one_in_path_that_is_a_program(package: Path, tmp_path: Path, program):
    script = tmp_path / "scripts/libcolorize"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\necho a script, as pip makes them\n")
    script.chmod(0o755)
    program(tmp_path / "path/libcolorize", "path")
    result = run(package, PATH=f"{script.parent}:{tmp_path}/path:{os.environ['PATH']}")
    assert (result.stdout, result.returncode) == ("path libcolorize", 7)


def test_one_that_is_named_is_taken_or_is_an_error(package: Path, tmp_path: Path, program):
    program(package / "bin/libcolorize", "beside")
    named = program(tmp_path / "named", "named")
    assert run(package, LIBCOLORIZE_COMMAND=str(named)).stdout == "named named"
    result = run(package, LIBCOLORIZE_COMMAND="/nowhere")
    assert result.returncode == 1
    assert "LIBCOLORIZE_COMMAND" in result.stderr and "/nowhere" in result.stderr


def test_none_is_an_error_that_says_what_to_install(package: Path, tmp_path: Path):
    result = run(package, PATH=str(tmp_path))
    assert (result.returncode, result.stdout) == (1, "")
    assert "libcolorize-tools" in result.stderr and "wheel" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_package_has_the_library_s_version():
    assert libcolorize.__version__ == libcolorize.version

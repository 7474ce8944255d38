"""Which library is loaded, and what is said when none can be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from libcolorize import _declarations as c

PACKAGE = Path(c.__file__).parent


def run(program: str, package: Path = PACKAGE, **environment: str) -> subprocess.CompletedProcess:
    """Runs Python with `package` importable and nothing of the library in the environment."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LIBCOLORIZE_LIBRARY", "LD_LIBRARY_PATH")
    }
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**kept, "PYTHONPATH": str(package.parent), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def library_file() -> Path:
    """The file of the library that these tests run."""
    with open("/proc/self/maps") as maps:
        files = {line.split()[-1] for line in maps if "libcolorize.so" in line}
    assert len(files) == 1, "exactly one libcolorize is loaded"
    return Path(files.pop())


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory):
    """Makes a library with every function of the header that does nothing but state a version."""

    def build(version: int) -> Path:
        folder = tmp_path_factory.mktemp("stub")
        others = "".join(
            f"void {name}(void) {{}}\n" for name in c.FUNCTIONS if name != "colorize_version"
        )
        source = folder / "stub.c"
        source.write_text(f"unsigned colorize_version(void) {{ return {version}u; }}\n{others}")
        result = folder / "libcolorize.so.0"
        subprocess.run(["cc", "-shared", "-fPIC", "-w", source, "-o", result], check=True)
        return result

    return build


def test_the_environment_names_the_library(library_file: Path, tmp_path: Path):
    renamed = tmp_path / "another name.so"
    shutil.copy(library_file, renamed)
    result = run("import libcolorize; print(libcolorize.version)", LIBCOLORIZE_LIBRARY=str(renamed))
    assert result.stdout == "0.2.0\n", result.stderr


def test_beside_the_package_comes_before_the_system(library_file: Path, stub, tmp_path: Path):
    package = tmp_path / "libcolorize"
    shutil.copytree(PACKAGE, package)
    shutil.copy(library_file, package / "libcolorize.so.0")
    # The system's could not be used: the version is wrong.
    folder = str(stub(7_000_000).parent)
    result = run("import libcolorize; print(libcolorize.version)", package, LD_LIBRARY_PATH=folder)
    assert result.stdout == "0.2.0\n", result.stderr


def test_the_system_has_the_library(library_file: Path, tmp_path: Path):
    shutil.copy(library_file, tmp_path / "libcolorize.so.0")
    program = "import libcolorize; print(libcolorize.version)"
    result = run(program, LD_LIBRARY_PATH=str(tmp_path))
    assert result.stdout == "0.2.0\n", result.stderr


def test_what_was_tried_is_listed(stub, tmp_path: Path):
    package = tmp_path / "libcolorize"
    shutil.copytree(PACKAGE, package)
    shutil.copy(stub(7_000_000), package / "libcolorize.so.0")
    folder = str(stub(8_000_000).parent)
    result = run("import libcolorize", package, LD_LIBRARY_PATH=folder)
    assert "ImportError: cannot load libcolorize; tried\n" in result.stderr
    beside = f"  {package / 'libcolorize.so.0'} (beside the package): it is version 7.0;"
    assert beside in result.stderr
    assert "  libcolorize.so.0 (of the system): it is version 8.0;" in result.stderr
    assert "LIBCOLORIZE_LIBRARY" in result.stderr


def test_a_library_that_is_named_but_missing_is_an_error():
    result = run("import libcolorize", LIBCOLORIZE_LIBRARY="/nowhere/libcolorize.so")
    assert "ImportError: cannot load libcolorize; tried" in result.stderr
    assert "/nowhere/libcolorize.so (LIBCOLORIZE_LIBRARY): " in result.stderr
    # Nothing else is tried.
    assert "of the system" not in result.stderr


def test_a_library_without_the_functions_is_an_error():
    result = run("import libcolorize", LIBCOLORIZE_LIBRARY="libc.so.6")
    assert "libc.so.6 (LIBCOLORIZE_LIBRARY): " in result.stderr
    assert "undefined symbol: colorize_version" in result.stderr


@pytest.mark.parametrize(
    ("version", "text"), [(1_001_000, "it is version 1.1"), (9, "it is version 0.0")]
)
def test_a_library_of_another_version_is_an_error(stub, version: int, text: str):
    result = run("import libcolorize", LIBCOLORIZE_LIBRARY=str(stub(version)))
    assert f"{text}; this package needs 0.2 or a later 0.x" in result.stderr


def test_a_later_minor_version_will_do(stub):
    result = run(
        "import libcolorize; print(libcolorize.version)", LIBCOLORIZE_LIBRARY=str(stub(2_005))
    )
    assert result.stdout == "0.2.5\n", result.stderr

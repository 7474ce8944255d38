"""The CMake files, as C projects use them: with an installed copy (PREFIX), with one that has been
moved, and with the sources as a subproject. CMake gives programs the folder of the library, so
nothing else says where it is."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import libcolorize

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPH = ROOT / "examples/photos/camera.png"
PREFIX = Path(os.environ["PREFIX"])

SUBPROJECT = """
cmake_minimum_required(VERSION 3.18)
project(host LANGUAGES C)
add_subdirectory({root} libcolorize)
add_subdirectory({root}/examples/c examples)
"""

VERSION_PROGRAM = """
#include <colorize.h>
#if COLORIZE_VERSION < 2000 || COLORIZE_VERSION >= 1000000
#error COLORIZE_VERSION
#endif
int main(void) { return colorize_version() == COLORIZE_VERSION ? 0 : 1; }
"""


def cmake(*arguments):
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PREFIX", "LIBCOLORIZE_LIBRARY", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH")
    }
    return subprocess.run(
        ["cmake", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


def build(source, folder, *options):
    for step in (["-S", source, "-B", folder, *options], ["--build", folder]):
        result = cmake(*step)
        assert result.returncode == 0, result.stdout + result.stderr


def check_program(program, tmp_path):
    """The program finds the library by itself, and gives what Python gives."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    subprocess.run([program, PHOTOGRAPH, tmp_path / "out.png"], env=environment, check=True)
    with libcolorize.Model() as model:
        expected = model.colorize(np.asarray(Image.open(PHOTOGRAPH)))
    assert (np.asarray(Image.open(tmp_path / "out.png").convert("RGB")) == expected).all()


def test_an_installed_copy(tmp_path):
    build(ROOT / "examples/c", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={PREFIX}")
    check_program(tmp_path / "build/colorize_png", tmp_path)
    assert (tmp_path / "build/colorize_album").exists()


def test_a_copy_that_has_been_moved(tmp_path):
    moved = tmp_path / "somewhere else"
    shutil.copytree(PREFIX, moved, symlinks=True)
    build(ROOT / "examples/c", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={moved}")
    check_program(tmp_path / "build/colorize_png", tmp_path)
    linked = subprocess.check_output(["ldd", tmp_path / "build/colorize_png"], text=True)
    assert str(moved) in linked


def test_a_subproject(tmp_path):
    host = tmp_path / "host"
    host.mkdir()
    (host / "CMakeLists.txt").write_text(SUBPROJECT.format(root=ROOT))
    build(host, tmp_path / "build", f"-DLIBCOLORIZE_SWIFT_BUILD={ROOT / '.build'}")
    check_program(tmp_path / "build/examples/colorize_png", tmp_path)


@pytest.mark.parametrize(
    ("version", "fits"), [("0.1", True), ("0.2.0", True), ("0.99", False), ("1.0", False)]
)
def test_versions_that_are_asked_for(tmp_path, version, fits):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\n"
        "project(host LANGUAGES C)\n"
        f"find_package(libcolorize {version} CONFIG REQUIRED)\n"
    )
    result = cmake("-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={PREFIX}")
    assert (result.returncode == 0) == fits, result.stderr
    if not fits:
        assert "version" in result.stderr


def test_the_version_as_one_number(tmp_path):
    (tmp_path / "version.c").write_text(VERSION_PROGRAM)
    program = tmp_path / "version"
    library = PREFIX / "lib"
    options = [f"-I{PREFIX}/include", f"-L{library}", f"-Wl,-rpath,{library}"]
    subprocess.run(
        ["cc", tmp_path / "version.c", *options, "-lcolorize", "-o", program], check=True
    )
    subprocess.run([program], check=True)

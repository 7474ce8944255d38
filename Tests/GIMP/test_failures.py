"""What goes wrong around the filter is a message in GIMP, and the layer stays as it was."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from gimp import Gimp, read_png, write_png

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ["COLORIZE_LIBRARY"])


def attempt(host, tmp_path, arguments, **environment):
    """Tries to colour a layer with these arguments, behind the layer; what GIMP printed."""
    pixels = np.arange(48 * 40, dtype=np.uint32).reshape(40, 48, 1).astype(np.uint8)
    write_png(tmp_path / "in.png", pixels)
    printed, complaints = host.try_batch(
        f"""
        (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{tmp_path}/in.png" "in.png")))
               (layer (car (gimp-image-get-active-layer image))))
          (catch (gimp-message "it was refused")
            (plug-in-colorize-photo RUN-NONINTERACTIVE image layer {arguments})
            (gimp-message "it was done"))
          (file-png-save2 RUN-NONINTERACTIVE
            image layer "{tmp_path}/out.png" "out.png" 0 6 0 0 0 0 0 0 1)
          (gimp-image-delete image))""",
        **environment,
    )
    assert not [line for line in complaints if line.startswith("ended")], printed
    assert "it was refused" in printed and "it was done" not in printed
    assert (read_png(tmp_path / "out.png") == pixels).all()
    return printed


@pytest.mark.parametrize(
    "arguments, words",
    [
        ('"/missing.safetensors" 0 0', "/missing.safetensors"),
        ('"" -1 0', "temperature"),
        ('"" 11 0', "temperature"),
        ('"" 0 100', "100"),
        ('"" 0 -16', "network_size"),
    ],
)
def test_wrong_arguments(host, tmp_path, arguments, words):
    assert words in attempt(host, tmp_path, arguments)


def test_a_broken_model(host, tmp_path):
    for number, content in enumerate([b"", b"PK\3\4 and no more", b"\xff" * 5000]):
        (tmp_path / "broken.pth").write_bytes(content)
        folder = tmp_path / str(number)
        folder.mkdir()
        assert "the model broken.pth: " in attempt(host, folder, f'"{tmp_path}/broken.pth" 0 0')


@pytest.fixture(scope="module")
def without_library(tmp_path_factory):
    """GIMP with a plug-in that was built for a library that has gone since."""
    folder = tmp_path_factory.mktemp("without")
    pc = (LIBRARY.parent / "pkgconfig/colorize.pc").read_text()
    lines = [
        f"libdir={folder}/lib" if line.startswith("libdir=") else line for line in pc.splitlines()
    ]
    (folder / "colorize.pc").write_text("\n".join(lines) + "\n")
    subprocess.run(
        ["make", "-C", ROOT / "examples/gimp", f"BUILD={folder}/build"],
        env=dict(os.environ, PKG_CONFIG_PATH=str(folder)), check=True, capture_output=True,
    )  # fmt: skip
    return Gimp(folder / "gimp", folder / "build/colorize-photo")


def test_a_missing_library(without_library, tmp_path):
    """The plug-in is there all the same; and as soon as the library is, it works."""
    printed = attempt(without_library, tmp_path, '"" 0 0')
    assert "libcolorize is not installed" in printed
    assert "libcolorize.so.0" in printed


def test_an_older_library(without_library, tmp_path):
    (tmp_path / "old.c").write_text("unsigned colorize_version(void) { return 1; }\n")
    subprocess.run(
        ["cc", "-shared", "-fPIC", tmp_path / "old.c", "-o", tmp_path / "libcolorize.so.0"],
        check=True,
    )
    printed = attempt(without_library, tmp_path, '"" 0 0', LD_LIBRARY_PATH=str(tmp_path))
    assert "older than this plug-in" in printed


def test_a_library_where_the_plug_in_was_built_for_it(without_library, tmp_path):
    folder = without_library.folder.parent / "lib"
    folder.mkdir()
    shutil.copy(LIBRARY, folder / LIBRARY.name)
    write_png(tmp_path / "in.png", np.full((40, 48, 1), 99, np.uint8))
    without_library.batch(f"""
        (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{tmp_path}/in.png" "in.png")))
               (layer (car (gimp-image-get-active-layer image))))
          (plug-in-colorize-photo RUN-NONINTERACTIVE image layer "" 0 0)
          (gimp-image-delete image))""")


def test_make_installs_and_takes_back(tmp_path, plug_in):
    def make(target):
        subprocess.run(
            ["make", "-C", ROOT / "examples/gimp", target, f"BUILD={plug_in.parent}",
             "GIMP_PLUGINS=/plug-ins", f"DESTDIR={tmp_path}/a b"],
            check=True, capture_output=True,
        )  # fmt: skip

    make("install")
    installed = tmp_path / "a b/plug-ins/colorize-photo/colorize-photo"
    assert installed.read_bytes() == plug_in.read_bytes() and os.access(installed, os.X_OK)
    make("uninstall")
    assert list((tmp_path / "a b/plug-ins").iterdir()) == []

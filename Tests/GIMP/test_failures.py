"""What goes wrong around the filter is a message in GIMP, and the layer stays as it was."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from gimp import Gimp, read_png, write_png

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ["LIBCOLORIZE_LIBRARY"])


def attempt(host, folder, cases, **environment):
    """Tries to color a layer with each of these arguments, behind the layer; what GIMP printed."""
    pixels = np.arange(48 * 40, dtype=np.uint32).reshape(40, 48, 1).astype(np.uint8)
    write_png(folder / "in.png", pixels)
    script = ""
    for number, arguments in enumerate(cases):
        script += f"""
          (gimp-message "case")
          (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{folder}/in.png" "in.png")))
                 (layer (car (gimp-image-get-active-layer image))))
            (catch (gimp-message "it was refused")
              (plug-in-colorize-photo RUN-NONINTERACTIVE image layer {arguments})
              (gimp-message "it was done"))
            (file-png-save2 RUN-NONINTERACTIVE
              image layer "{folder}/{number}.png" "out.png" 0 6 0 0 0 0 0 0 1)
            (gimp-image-delete image))"""
    printed, complaints = host.try_batch(script, **environment)
    assert not [line for line in complaints if line.startswith("ended")], printed
    _, *parts = printed.split("case\n")
    assert len(parts) == len(cases)
    for number, part in enumerate(parts):
        assert "it was refused" in part and "it was done" not in part
        assert (read_png(folder / f"{number}.png") == pixels).all()
    return parts


def test_wrong_arguments(host, tmp_path):
    cases = {
        '"/missing.safetensors" 0 0 0 0 0 -1 0': "the model missing.safetensors: ",
        '"" 3 0 0 0 0 -1 0': "style",
        '"" 0 -1 0 0 0 -1 0': "temperature",
        '"" 0 11 0 0 0 -1 0': "temperature",
        '"" 0 0 -0.5 0 0 -1 0': "saturation",
        '"" 0 0 0 -1 0 -1 0': "upsampling",
        '"" 0 0 0 0 5 -1 0': "variant",
        '"" 0 0 0 0 0 -1 100': "100",
        '"" 0 0 0 0 0 -1 -16': "network_size",
    }
    for printed, words in zip(attempt(host, tmp_path, cases), cases.values(), strict=True):
        assert words in printed


def test_a_broken_model(host, tmp_path):
    cases = []
    for number, content in enumerate([b"", b"PK\3\4 and no more", b"\xff" * 5000]):
        (tmp_path / f"broken-{number}.pth").write_bytes(content)
        cases.append(f'"{tmp_path}/broken-{number}.pth" 0 0 0 0 0 -1 0')
    for number, printed in enumerate(attempt(host, tmp_path, cases)):
        assert f"the model broken-{number}.pth: " in printed


@pytest.fixture(scope="module")
def without_library(tmp_path_factory):
    """GIMP with a plug-in that was built for a library that has gone since."""
    folder = tmp_path_factory.mktemp("without")
    pc = (LIBRARY.parent / "pkgconfig/libcolorize.pc").read_text()
    lines = [
        f"libdir={folder}/lib" if line.startswith("libdir=") else line for line in pc.splitlines()
    ]
    (folder / "libcolorize.pc").write_text("\n".join(lines) + "\n")
    subprocess.run(
        ["make", "-C", ROOT / "examples/gimp", f"BUILD={folder}/build"],
        env=dict(os.environ, PKG_CONFIG_PATH=str(folder)), check=True, capture_output=True,
    )  # fmt: skip
    return Gimp(folder / "gimp", folder / "build/libcolorize-photo")


def test_a_missing_library(without_library, tmp_path):
    """The plug-in is there all the same; and as soon as the library is, it works."""
    [printed] = attempt(without_library, tmp_path, ['"" 0 0 0 0 0 -1 0'])
    assert "libcolorize is not installed" in printed
    assert "libcolorize.so.0" in printed


def test_an_older_library(without_library, tmp_path):
    (tmp_path / "old.c").write_text("unsigned colorize_version(void) { return 1; }\n")
    subprocess.run(
        ["cc", "-shared", "-fPIC", tmp_path / "old.c", "-o", tmp_path / "libcolorize.so.0"],
        check=True,
    )
    [printed] = attempt(
        without_library, tmp_path, ['"" 0 0 0 0 0 -1 0'], LD_LIBRARY_PATH=str(tmp_path)
    )
    assert "older than this plug-in" in printed


def test_a_library_where_the_plug_in_was_built_for_it(without_library, tmp_path):
    folder = without_library.folder.parent / "lib"
    folder.mkdir()
    shutil.copy(LIBRARY, folder / LIBRARY.name)
    write_png(tmp_path / "in.png", np.full((40, 48, 1), 99, np.uint8))
    without_library.batch(f"""
        (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{tmp_path}/in.png" "in.png")))
               (layer (car (gimp-image-get-active-layer image))))
          (plug-in-colorize-photo RUN-NONINTERACTIVE image layer "" 0 0 0 0 0 -1 0)
          (gimp-image-delete image))""")


def test_make_installs_and_takes_back(tmp_path, plug_in):
    def make(target):
        subprocess.run(
            ["make", "-C", ROOT / "examples/gimp", target, f"BUILD={plug_in.parent}",
             "GIMP_PLUGINS=/plug-ins", f"DESTDIR={tmp_path}/a b"],
            check=True, capture_output=True,
        )  # fmt: skip

    make("install")
    installed = tmp_path / "a b/plug-ins/libcolorize-photo/libcolorize-photo"
    assert installed.read_bytes() == plug_in.read_bytes() and os.access(installed, os.X_OK)
    make("uninstall")
    assert list((tmp_path / "a b/plug-ins").iterdir()) == []

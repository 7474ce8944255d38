"""valgrind over the plug-in, as GIMP starts it: no error, and no lost memory."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from gimp import Gimp, write_png

from pictures import photograph

# Never given back, as exiv2 means it: once for each namespace that gimp_metadata_new tells it of.
SUPPRESSIONS = """{
  exiv2 keeps the prefixes of namespaces
  Memcheck:Leak
  match-leak-kinds: definite
  fun:malloc
  fun:_ZN5Exiv213XmpProperties10registerNs*
}
"""


@pytest.fixture(scope="module")
def under_valgrind(tmp_path_factory, plug_in):
    """GIMP whose plug-in is run by valgrind, which knows no AVX-512.

    gegl_init would load all of GEGL's operations, of which the plug-in needs none, and whose
    constructors are not clean: not from here.
    """
    folder = tmp_path_factory.mktemp("valgrind")
    (folder / "no-operations").mkdir()
    (folder / "suppressions").write_text(SUPPRESSIONS)
    wrapper = folder / "wrapper"
    wrapper.write_text(
        f"""#!/bin/sh
        COLORIZE_ISA=avx2 GEGL_PATH={folder}/no-operations exec valgrind --quiet --xml=yes \\
          --xml-file={folder}/report-%p.xml --num-callers=60 --leak-check=full \\
          --suppressions={folder}/suppressions \\
          --show-leak-kinds=definite,indirect {plug_in} "$@"
        """
    )
    wrapper.chmod(0o755)
    return Gimp(folder / "gimp", wrapper)


def test_valgrind_finds_nothing(under_valgrind, tmp_path):
    strokes = np.zeros((97, 131, 4), np.uint8)
    strokes[10:20, 5:40] = [200, 30, 40, 255]
    write_png(tmp_path / "strokes.png", strokes)
    write_png(tmp_path / "rgba.png", photograph("RGBA", dtype=np.uint16))
    write_png(tmp_path / "gray.png", photograph("L"))
    (tmp_path / "broken.pth").write_bytes(b"nonsense")
    settings = under_valgrind.profile / "libcolorize-photo.ini"
    settings.write_text("[libcolorize-photo]\nnetwork-size=64\nhints=none\n")
    printed, complaints = under_valgrind.try_batch(
        f"""
        (let* ((image (car (gimp-file-load 1 "{tmp_path}/rgba.png" "rgba.png")))
               (layer (car (gimp-image-get-active-layer image)))
               (hints (car (gimp-file-load-layer 1 image "{tmp_path}/strokes.png"))))
          (gimp-image-insert-layer image hints 0 0)
          (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 50 90)
          (plug-in-colorize-photo 1 image layer "" 2 0 0 0 0 hints 64)
          (gimp-image-delete image))
        (let* ((image (car (gimp-file-load 1 "{tmp_path}/gray.png" "gray.png")))
               (layer (car (gimp-image-get-active-layer image))))
          (catch #t (plug-in-colorize-photo 1 image layer "{tmp_path}/broken.pth" 0 0 0 0 0 -1 0))
          (plug-in-colorize-photo 2 image layer "" 0 0 0 0 0 -1 0)
          (gimp-image-delete image))""",
        timeout=900,
    )
    assert not [line for line in complaints if line.startswith("ended")], printed
    assert "broken.pth" in printed
    reports = list(under_valgrind.folder.parent.glob("report-*.xml"))
    # GIMP's question, and three runs.
    assert len(reports) == 4
    for report in reports:
        root = ElementTree.parse(report).getroot()
        assert root.findall("status")[-1].findtext("state") == "FINISHED"
        errors = [ElementTree.tostring(error, "unicode") for error in root.findall("error")]
        assert not errors, "\n".join(errors)

"""The filter without a dialog: pixels are those of the C API for the same bytes."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from gimp import read_png, write_png
from PIL.ImageCms import ImageCmsProfile, createProfile
from profiles import WIDE, gray_profile, rgb_profile

from pictures import MODES, as_rgb, expected, photograph

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
(define (open name)
  (car (gimp-file-load RUN-NONINTERACTIVE name name)))
(define (save image layer name)
  (file-png-save2 RUN-NONINTERACTIVE image layer name name 0 6 0 0 0 0 0 0 1))
(define (color image layer)
  (plug-in-colorize-photo RUN-NONINTERACTIVE image layer "" 0 0 0 0 0 -1 0))
"""


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_layer_is_colored(console, tmp_path, dtype):
    """Gray, gray with alpha, RGB, RGBA; alpha is identical."""
    script = OPEN
    for mode in MODES:
        write_png(tmp_path / f"in-{mode}.png", photograph(mode, dtype=dtype))
        script += f"""
          (let* ((image (open "{tmp_path}/in-{mode}.png"))
                 (layer (car (gimp-image-get-active-layer image))))
            (color image layer)
            (save image layer "{tmp_path}/out-{mode}.png")
            (gimp-image-delete image))"""
    console.batch(script)
    for mode in MODES:
        pixels = photograph(mode, dtype=dtype)
        actual = read_png(tmp_path / f"out-{mode}.png")
        assert actual.dtype == dtype and actual.shape == as_rgb(pixels).shape
        assert (actual == expected(pixels)).all()
        if mode.endswith("A"):
            assert (actual[..., 3] == pixels[..., -1]).all()


# Precisions that are taken as floats, and how many steps of 65535 their pixels may be off. A half
# float has eleven bits: 32 of these steps lie between those below 1.
PRECISIONS = {
    "PRECISION-U32-GAMMA": 1,
    "PRECISION-FLOAT-GAMMA": 1,
    "PRECISION-FLOAT-LINEAR": 1,
    "PRECISION-DOUBLE-LINEAR": 1,
    "PRECISION-U32-LINEAR": 1,
    "PRECISION-HALF-GAMMA": 32,
}


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_other_precisions(host, tmp_path, mode):
    pixels = photograph(mode, dtype=np.uint16)
    write_png(tmp_path / "in.png", pixels)
    script = OPEN
    for precision in PRECISIONS:
        script += f"""
          (let* ((image (open "{tmp_path}/in.png"))
                 (layer (car (gimp-image-get-active-layer image))))
            (gimp-image-convert-precision image {precision})
            (color image layer)
            (gimp-image-convert-precision image PRECISION-U16-GAMMA)
            (save image layer "{tmp_path}/{precision}.png")
            (gimp-image-delete image))"""
    host.batch(script)
    halves = (pixels / 65535).astype(np.float16).astype(np.float32)
    for precision, tolerance in PRECISIONS.items():
        actual = read_png(tmp_path / f"{precision}.png")
        colored = expected(halves) * 65535 if "HALF" in precision else expected(pixels)
        difference = np.abs(actual.astype(float) - colored)
        assert difference[..., :3].max() <= tolerance, precision
        assert (actual != as_rgb(pixels)).any()


def test_a_layer_lies_anywhere_and_only_the_selection_is_colored(host, tmp_path):
    """The layer hangs over two edges of the image; half of what is inside is selected."""
    pixels = photograph("LA")
    write_png(tmp_path / "in.png", pixels)
    host.batch(f"""{OPEN}
      (let* ((image (car (gimp-image-new 140 90 GRAY)))
             (name "{tmp_path}/in.png")
             (layer (car (gimp-file-load-layer RUN-NONINTERACTIVE image name))))
        (gimp-image-insert-layer image layer 0 0)
        (gimp-layer-set-offsets layer -30 20)
        (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 50 90)
        (color image layer)
        (save image layer "{tmp_path}/out.png")
        (gimp-image-delete image))""")
    actual = read_png(tmp_path / "out.png")
    wanted = as_rgb(pixels).copy()
    wanted[:70, 30:80] = expected(pixels)[:70, 30:80]
    assert (wanted != as_rgb(pixels)).any()
    assert (actual == wanted).all()


def test_other_layers_stay_as_they_are(host, tmp_path):
    pixels = photograph("RGBA")
    write_png(tmp_path / "in.png", pixels)
    host.batch(f"""{OPEN}
      (let* ((image (open "{tmp_path}/in.png"))
             (layer (car (gimp-image-get-active-layer image)))
             (above (car (gimp-layer-copy layer FALSE)))
             (mask (car (gimp-layer-create-mask layer ADD-MASK-COPY))))
        (gimp-image-insert-layer image above 0 0)
        (gimp-layer-add-mask layer mask)
        (save image mask "{tmp_path}/before.png")
        (color image layer)
        (save image layer "{tmp_path}/layer.png")
        (save image above "{tmp_path}/above.png")
        (save image mask "{tmp_path}/mask.png")
        (gimp-image-delete image))""")
    assert (read_png(tmp_path / "layer.png") == expected(pixels)).all()
    assert (read_png(tmp_path / "above.png") == pixels).all()
    mask = read_png(tmp_path / "mask.png")
    assert mask.shape[-1] == 1
    assert (mask == read_png(tmp_path / "before.png")).all()


def test_a_layer_in_a_group_and_one_pixel(host, tmp_path):
    pixels = photograph("RGB")
    write_png(tmp_path / "in.png", pixels)
    host.batch(f"""{OPEN}
      (let* ((image (open "{tmp_path}/in.png"))
             (layer (car (gimp-image-get-active-layer image)))
             (group (car (gimp-layer-group-new image)))
             (dot (car (gimp-layer-new image 1 1 RGBA-IMAGE "dot" 100 LAYER-MODE-NORMAL))))
        (gimp-image-insert-layer image group 0 0)
        (gimp-image-reorder-item image layer group 0)
        (gimp-image-insert-layer image dot 0 0)
        (color image layer)
        (color image dot)
        (save image layer "{tmp_path}/out.png")
        (save image dot "{tmp_path}/dot.png")
        (gimp-image-delete image))""")
    assert (read_png(tmp_path / "out.png") == expected(pixels)).all()
    assert read_png(tmp_path / "dot.png").shape == (1, 1, 4)


@pytest.fixture
def other_model(tmp_path):
    """The built-in model with another default size, which shows that the file was used."""
    content = (ROOT / "Sources/ColorizeDefaultModel/default.safetensors").read_bytes()
    other = content.replace(b'"default_network_size":"160"', b'"default_network_size":"128"', 1)
    assert other != content
    (tmp_path / "other.safetensors").write_bytes(other)
    return tmp_path / "other.safetensors"


def test_arguments_arrive(host, tmp_path, other_model):
    pixels = photograph("L")
    write_png(tmp_path / "in.png", pixels)
    cases = {
        f'"{other_model}" 0 0 0 0 0 -1 0': {"network_size": 128},
        '"" 1 0 0 0 0 -1 0': {"style": 1},
        '"" 2 0 0 0 0 -1 0': {"style": 2},
        '"" 0 0.1 0 0 0 -1 0': {"temperature": 0.1},
        '"" 1 0 1.7 0 0 -1 0': {"style": 1, "saturation": 1.7},
        '"" 0 0 0 1 0 -1 0': {"upsampling": 1},
        '"" 0 0 0 0 3 -1 0': {"variant": 3},
        '"" 0 2.5 0.5 2 1 -1 192': {
            "temperature": 2.5,
            "saturation": 0.5,
            "variant": 1,
            "network_size": 192,
        },
    }
    script = OPEN
    for number, arguments in enumerate(cases):
        script += f"""
          (let* ((image (open "{tmp_path}/in.png"))
                 (layer (car (gimp-image-get-active-layer image))))
            (plug-in-colorize-photo RUN-NONINTERACTIVE image layer {arguments})
            (save image layer "{tmp_path}/{number}.png")
            (gimp-image-delete image))"""
    host.batch(script)
    plain = expected(pixels)
    for number, options in enumerate(cases.values()):
        actual = read_png(tmp_path / f"{number}.png")
        assert (actual == expected(pixels, **options)).all()
        assert (actual != plain).any()


def test_a_name_stands_for_a_file(console, tmp_path, other_model):
    """The command knows the names; it is asked where it is in PATH."""
    command = Path(os.environ["LIBCOLORIZE_COMMAND"])
    table = tmp_path / "table.tsv"
    table.write_text(f"toy\tlite\tother.safetensors\t1\t{'0' * 64}\tnone\thttp://127.0.0.1:1/x\n")
    pixels = photograph("L")
    write_png(tmp_path / "in.png", pixels)
    script = f"""{OPEN}
      (let* ((image (open "{tmp_path}/in.png"))
             (layer (car (gimp-image-get-active-layer image))))
        (plug-in-colorize-photo RUN-NONINTERACTIVE image layer "toy" 0 0 0 0 0 -1 0)
        (save image layer "{tmp_path}/out.png")
        (gimp-image-delete image))"""
    console.batch(
        script,
        PATH=f"{command.parent}:{os.environ['PATH']}",
        LIBCOLORIZE_MODELS=str(table),
        LIBCOLORIZE_WEIGHTS=str(tmp_path),
    )
    assert (read_png(tmp_path / "out.png") == expected(pixels, network_size=128)).all()


def test_hints_are_taken_from_a_layer(host, tmp_path):
    """The layers lie at different places, and one stroke leaves the photograph."""
    pixels = photograph("RGB")
    strokes = np.zeros((60, 80, 4), np.uint8)
    strokes[10:20, 5:40] = [200, 30, 40, 255]
    strokes[40:58, 60:80] = [30, 60, 220, 128]
    strokes[30:35, 0:30] = [0, 255, 0, 127]  # too transparent
    write_png(tmp_path / "in.png", pixels)
    write_png(tmp_path / "strokes.png", strokes)
    host.batch(f"""{OPEN}
      (let* ((image (open "{tmp_path}/in.png"))
             (layer (car (gimp-image-get-active-layer image)))
             (name "{tmp_path}/strokes.png")
             (hints (car (gimp-file-load-layer RUN-NONINTERACTIVE image name))))
        (gimp-image-insert-layer image hints 0 0)
        (gimp-layer-set-offsets layer 10 20)
        (gimp-layer-set-offsets hints 70 17)
        (plug-in-colorize-photo RUN-NONINTERACTIVE image layer "" 0 0 0 0 0 hints 0)
        (save image layer "{tmp_path}/out.png")
        (save image hints "{tmp_path}/hints.png")
        (gimp-image-delete image))""")
    ab = np.zeros((97, 131, 2), np.float32)
    mask = np.zeros((97, 131), np.uint8)
    for y, x in np.argwhere(strokes[..., 3] >= 128):
        if 0 <= y - 3 < 97 and 0 <= x + 60 < 131:
            ab[y - 3, x + 60] = lab(strokes[y, x, :3])[1:]
            mask[y - 3, x + 60] = 1
    assert 0 < mask.sum() < (strokes[..., 3] >= 128).sum()
    actual = read_png(tmp_path / "out.png")
    wanted = expected(pixels, (ab, mask))
    assert (wanted != expected(pixels)).any()
    # The library's Lab is not the one of this test to the last bit.
    assert np.abs(actual.astype(int) - wanted).max() <= 1
    assert (read_png(tmp_path / "hints.png") == strokes).all()


def lab(rgb):
    """CIE Lab of one sRGB color of 8 bits, D65, as the textbooks have it."""
    linear = np.where(rgb / 255 > 0.04045, ((rgb / 255 + 0.055) / 1.055) ** 2.4, rgb / 255 / 12.92)
    matrix = [[0.412453, 0.35758, 0.180423], [0.212671, 0.71516, 0.072169]]
    matrix += [[0.019334, 0.119193, 0.950227]]
    xyz = np.array(matrix) @ linear / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


RGBA = "RGBA-IMAGE"
NORMAL = "LAYER-MODE-NORMAL"
# What cannot be done: how the drawable comes about, and words of the message.
REFUSED = {
    "a mask": (
        """(gimp-layer-add-alpha layer)
           (set! target (car (gimp-layer-create-mask layer ADD-MASK-WHITE)))
           (gimp-layer-add-mask layer target)""",
        "layer's mask",
    ),
    "a channel": (
        """(set! target (car (gimp-channel-new image 9 9 "c" 50 '(0 0 0))))
           (gimp-image-insert-channel image target 0 0)""",
        "a channel",
    ),
    "the selection": ("(set! target (car (gimp-image-get-selection image)))", "a channel"),
    "a group": (
        """(set! target (car (gimp-layer-group-new image)))
           (gimp-image-insert-layer image target 0 0)""",
        "group of layers",
    ),
    "a palette": (
        """(gimp-image-convert-indexed image CONVERT-DITHER-NONE CONVERT-PALETTE-WEB 0 FALSE FALSE
             "")""",
        "Image > Mode > RGB",
    ),
    "locked pixels": ("(gimp-item-set-lock-content layer TRUE)", "locked"),
    "a locked group": (
        """(let ((group (car (gimp-layer-group-new image))))
             (gimp-image-insert-layer image group 0 0)
             (gimp-image-reorder-item image layer group 0)
             (gimp-item-set-lock-content group TRUE))""",
        "locked",
    ),
    "itself as hints": ("(set! hints layer)", "another layer than the photograph"),
    "hints in a group": (
        """(set! hints (car (gimp-layer-group-new image)))
           (gimp-image-insert-layer image hints 0 0)""",
        "must be a layer",
    ),
    "hints of another image": (
        f"""(let ((other (car (gimp-image-new 9 9 RGB))))
             (set! hints (car (gimp-layer-new other 9 9 {RGBA} "hints" 100 {NORMAL})))
             (gimp-image-insert-layer other hints 0 0))""",
        "another image",
    ),
    "opaque hints": (
        f"""(set! hints (car (gimp-layer-new image 9 9 GRAY-IMAGE "hints" 100 {NORMAL})))
           (gimp-image-insert-layer image hints 0 0)""",
        "must be transparent",
    ),
    "gray hints": (
        f"""(set! hints (car (gimp-layer-new image 9 9 GRAYA-IMAGE "hints" 100 {NORMAL})))
           (gimp-image-insert-layer image hints 0 0)""",
        "gray image has no colors",
    ),
}


@pytest.fixture(scope="session")
def refusals(host, tmp_path_factory):
    """What GIMP printed for each of REFUSED, given in one go, and the folder of its pictures."""
    folder = tmp_path_factory.mktemp("refused")
    write_png(folder / "in.png", photograph("L"))
    script = OPEN
    for case, (prepare, _) in REFUSED.items():
        script += f"""
          (gimp-message "case: {case};")
          (let* ((image (open "{folder}/in.png"))
                 (layer (car (gimp-image-get-active-layer image)))
                 (target layer)
                 (hints -1))
            {prepare}
            (catch (gimp-message "it was refused")
              (plug-in-colorize-photo RUN-NONINTERACTIVE image target "" 0 0 0 0 0 hints 0)
              (gimp-message "it was done"))
            (save image layer "{folder}/{case}.png")
            (gimp-image-delete image))"""
    printed, complaints = host.try_batch(script)
    assert not [line for line in complaints if line.startswith("ended")], printed
    _, *parts = printed.split("case: ")
    return dict(part.split(";", 1) for part in parts), folder


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_colored_gets_a_message(refusals, case):
    """And nothing is done: the layer is the same, and has no more colors than before."""
    printed, folder = refusals
    assert REFUSED[case][1] in printed[case]
    assert "it was refused" in printed[case]
    assert "it was done" not in printed[case]
    actual = read_png(folder / f"{case}.png")
    if case != "a palette":
        assert (actual[..., :1] == photograph("L")).all()
        assert actual.shape[-1] < 3


# What GIMP prints when it converts between profiles.
TALK = ("gimp_color_transform_new: using ", "void gimp_gegl_convert_color_profile(")


def with_profile(host, tmp_path, pixels, profile, script):
    """Runs a script with `image` and `layer`, which have a profile; saves out.png."""
    write_png(tmp_path / "in.png", pixels)
    (tmp_path / "profile.icc").write_bytes(profile)
    (tmp_path / "srgb.icc").write_bytes(ImageCmsProfile(createProfile("sRGB")).tobytes())
    printed, complaints = host.try_batch(f"""{OPEN}
      (let* ((image (open "{tmp_path}/in.png"))
             (layer (car (gimp-image-get-active-layer image)))
             (own "file://{tmp_path}/profile.icc")
             (srgb "file://{tmp_path}/srgb.icc"))
        (gimp-image-set-color-profile-from-file image own)
        {script}
        (save image layer "{tmp_path}/out.png")
        (gimp-image-delete image))""")
    assert not [line for line in complaints if not line.startswith(TALK)], printed
    return read_png(tmp_path / "out.png").astype(int)


def test_a_gray_image_with_a_profile_of_its_own(host, tmp_path):
    """Looks as light as before: as light as GIMP's own conversion to RGB, which sRGB's are."""
    pixels = photograph("LA")
    profile = gray_profile(1.8)
    converted = with_profile(host, tmp_path, pixels, profile, "(gimp-image-convert-rgb image)")
    assert np.abs(converted - as_rgb(pixels)).max() > 5
    actual = with_profile(host, tmp_path, pixels, profile, "(color image layer)")
    wanted = expected(converted[..., [0, 3]].astype(np.uint8))
    # GIMP's conversion is rounded to 8 bits, ours is not.
    assert np.abs(actual - wanted).max() <= 3
    assert (actual[..., 3] == pixels[..., 1]).all()


def test_an_rgb_image_with_a_profile_of_its_own(host, tmp_path):
    """The same as when GIMP converts it to sRGB before, and back behind it."""
    pixels = photograph("RGBA", dtype=np.uint16)
    profile = rgb_profile(2.2, WIDE)
    actual = with_profile(host, tmp_path, pixels, profile, "(color image layer)")
    # 1: relative colorimetric, TRUE: with black point compensation
    to = "(gimp-image-convert-color-profile-from-file image {} 1 TRUE)"
    there_and_back = to.format("srgb") + "(color image layer)" + to.format("own")
    wanted = with_profile(host, tmp_path, pixels, profile, there_and_back)
    assert np.abs(actual - wanted).max() <= 257
    plain = expected(pixels).astype(int)
    assert np.abs(actual - plain)[..., :3].max() > 2570


def test_srgb_by_name_changes_nothing(host, tmp_path):
    """As photographs from a camera have it: colors are rounded to bytes, and nothing else."""
    pixels = photograph("RGB")
    profile = ImageCmsProfile(createProfile("sRGB")).tobytes()
    actual = with_profile(host, tmp_path, pixels, profile, "(color image layer)")
    exact = 255 * expected(pixels.astype(np.float32) / np.float32(255)).astype(float)
    assert np.abs(actual - exact).max() <= 0.5 + 1e-3


# ---- Provenance ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_an_export_says_that_its_colors_are_invented(console, tmp_path, kind):
    """And keeps what else the image says, as GIMP does."""
    write_png(tmp_path / "in.png", photograph("L"))
    tags = ["-XMP-dc:Title=A street", "-XMP-iptcExt:DigitalSourceType=original"]
    subprocess.run(
        ["exiftool", "-q", "-overwrite_original", *tags, tmp_path / "in.png"], check=True
    )
    console.batch(
        OPEN
        + f"""
        (define (export image name)
          (let ((layer (car (gimp-image-get-active-layer image))))
            (gimp-file-save RUN-NONINTERACTIVE image layer name name)))
        (let ((image (open "{tmp_path}/in.png")))
          (color image (car (gimp-image-get-active-layer image)))
          (export image "{tmp_path}/out.{kind}")
          (gimp-image-delete image))"""
    )
    said = json.loads(
        subprocess.run(
            ["exiftool", "-json", "-n", tmp_path / f"out.{kind}"], capture_output=True, check=True
        ).stdout
    )[0]
    assert said["DigitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert said["AISystemUsed"] == "libcolorize, network lite"
    assert said["AISystemVersionUsed"] == "0.2.0"
    assert said["Title"] == "A street"

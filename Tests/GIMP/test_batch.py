"""The filter without a dialog: pixels are those of the C API for the same bytes."""

from pathlib import Path

import pytest
from gimp import read_png, write_png

from pictures import MODES, as_rgb, expected, photograph

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
(define (open name)
  (car (gimp-file-load RUN-NONINTERACTIVE name name)))
(define (save image layer name)
  (file-png-save2 RUN-NONINTERACTIVE image layer name name 0 6 0 0 0 0 0 0 1))
(define (color image layer)
  (plug-in-colorize-photo RUN-NONINTERACTIVE image layer "" 0 0))
"""


@pytest.mark.parametrize("mode", MODES)
def test_a_layer_is_coloured(host, tmp_path, mode):
    pixels = photograph(mode)
    write_png(tmp_path / "in.png", pixels)
    host.batch(f"""{OPEN}
      (let* ((image (open "{tmp_path}/in.png"))
             (layer (car (gimp-image-get-active-layer image))))
        (color image layer)
        (save image layer "{tmp_path}/out.png")
        (gimp-image-delete image))""")
    actual = read_png(tmp_path / "out.png")
    assert actual.shape == as_rgb(pixels).shape
    assert (actual == expected(pixels)).all()


def test_a_layer_lies_anywhere_and_only_the_selection_is_coloured(host, tmp_path):
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
    content = (ROOT / "Sources/ColorizeDefaultModel/compact.safetensors").read_bytes()
    other = content.replace(b'"default_network_size":"160"', b'"default_network_size":"128"', 1)
    assert other != content
    (tmp_path / "other.safetensors").write_bytes(other)
    return tmp_path / "other.safetensors"


def test_arguments_arrive(host, tmp_path, other_model):
    pixels = photograph("L")
    write_png(tmp_path / "in.png", pixels)
    cases = {
        f'"{other_model}" 0 0': {"network_size": 128},
        '"" 0.1 0': {"temperature": 0.1},
        '"" 2.5 192': {"temperature": 2.5, "network_size": 192},
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
                 (target layer))
            {prepare}
            (catch (gimp-message "it was refused")
              (color image target)
              (gimp-message "it was done"))
            (save image layer "{folder}/{case}.png")
            (gimp-image-delete image))"""
    printed, complaints = host.try_batch(script)
    assert not [line for line in complaints if line.startswith("ended")], printed
    _, *parts = printed.split("case: ")
    return dict(part.split(";", 1) for part in parts), folder


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_coloured_gets_a_message(refusals, case):
    """And nothing is done: the layer is the same, and has no more colours than before."""
    printed, folder = refusals
    assert REFUSED[case][1] in printed[case]
    assert "it was refused" in printed[case]
    assert "it was done" not in printed[case]
    actual = read_png(folder / f"{case}.png")
    if case != "a palette":
        assert (actual[..., :1] == photograph("L")).all()
        assert actual.shape[-1] < 3

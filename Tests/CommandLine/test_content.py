"""What pictures show: borders that are not to change the colors, sizes, drawings."""

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import ROOT, lightness, pixels


@pytest.fixture(scope="module")
def photograph():
    """uint8 [256, 384]: a part of a real one, whose own margins are no border."""
    with Image.open(ROOT / "examples/photos/camera.png") as image:
        return np.asarray(image.convert("L"))[100:356, 64:448]


def bordered(gray, tone, noise, sides=(40, 40, 60, 60)):
    """With a border at the top, the bottom, the left and the right."""
    top, bottom, left, right = sides
    height, width = gray.shape
    picture = np.full((height + top + bottom, width + left + right), float(tone))
    picture += np.random.default_rng(3).normal(0, noise, picture.shape)
    picture[top : top + height, left : left + width] = gray
    return np.uint8(np.clip(np.round(picture), 0, 255))


def color(colorize, folder, picture, *options, kind="png"):
    source, target = folder / f"in.{kind}", folder / f"out.{kind}"
    if picture.dtype == np.uint16:
        tifffile.imwrite(source, picture)
    else:
        Image.fromarray(picture).save(source)
    said = colorize(*options, "-o", target, source).stderr
    return pixels(target), said


def chroma_of(rgb):
    return np.ptp(rgb[..., :3].astype(int), axis=2)


@pytest.mark.parametrize(
    ("tone", "noise"),
    [(0, 0), (14, 4), (255, 0), (228, 5)],
    ids=["black", "film", "white", "paper"],
)
def test_a_border_does_not_change_the_colors_inside(colorize, tmp_path, photograph, tone, noise):
    alone, _ = color(colorize, tmp_path, photograph)
    picture = bordered(photograph, tone, noise)
    inside = np.s_[40:296, 60:444]
    with_it, _ = color(colorize, tmp_path, picture)
    # That is why: it moves them.
    assert np.abs(with_it[inside].astype(int) - alone).mean() > 1
    have, _ = color(colorize, tmp_path, picture, "--ignore-border", "auto")
    assert np.array_equal(have[inside], alone)
    outside = np.ones(picture.shape, bool)
    outside[inside] = False
    assert chroma_of(have)[outside].max() <= 1
    assert np.abs(have[outside][:, 1].astype(int) - picture[outside]).max() <= 1


@pytest.mark.parametrize("sides", [(40, 40, 0, 0), (0, 0, 60, 60), (40, 0, 60, 0), (8, 40, 60, 3)])
def test_borders_at_some_sides(colorize, tmp_path, photograph, sides):
    alone, _ = color(colorize, tmp_path, photograph)
    picture = bordered(photograph, 6, 1, sides)
    have, _ = color(colorize, tmp_path, picture, "--ignore-border", "auto")
    top, _, left, _ = sides
    assert np.array_equal(have[top : top + 256, left : left + 384], alone)


@pytest.mark.parametrize("kind", ["rgb", "deep", "rgb-deep"])
def test_borders_of_other_pictures(colorize, tmp_path, photograph, kind):
    def as_kind(gray):
        deep = gray.astype(np.uint16) * 257 if "deep" in kind else gray
        return np.stack([deep] * 3, axis=2) if "rgb" in kind else deep

    file = "tif" if "deep" in kind else "png"
    alone, _ = color(colorize, tmp_path, as_kind(photograph), kind=file)
    picture = as_kind(bordered(photograph, 14, 3))
    have, _ = color(colorize, tmp_path, picture, "--ignore-border", "auto", kind=file)
    assert np.array_equal(have[40:296, 60:444], alone)


def test_what_is_no_border(colorize, tmp_path, photograph):
    """A sky, a picture that is even, and one without any."""
    sky = np.vstack([np.full((90, 384), 235, np.uint8), photograph])
    even = np.full((100, 100), 255, np.uint8)
    for picture in (photograph, sky, even, np.zeros((3, 3), np.uint8)):
        want, _ = color(colorize, tmp_path, picture)
        have, _ = color(colorize, tmp_path, picture, "--ignore-border", "auto")
        assert np.array_equal(have, want)
    said = colorize.refused("--ignore-border", "auto", "--hint", "1,1,#ffffff", tmp_path / "in.png")
    assert "do not go together" in said


# ---- Size ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["L", "RGB", "RGBA", "I;16"])
def test_pictures_are_made_smaller(colorize, tmp_path, photograph, kind):
    """To three fifths, as Pillow does it that enlarges by three and takes means of five by five."""
    gray = photograph[:240, :380]

    def smaller(image):
        return image.resize((3 * 380, 3 * 240), Image.Resampling.NEAREST).reduce(5)

    if kind == "I;16":
        picture = gray.astype(np.uint16) * 257
        small = np.asarray(smaller(Image.fromarray(gray.astype(np.float32))))
        small = np.uint16(np.round(small * 257))
    else:
        image = Image.fromarray(gray).convert(kind)
        if kind == "RGBA":
            image.putalpha(Image.fromarray(np.roll(gray, 40, axis=1) // 2 + 100))
        picture = np.asarray(image)
        small = np.asarray(smaller(image))
    file = "tif" if kind == "I;16" else "png"
    want, _ = color(colorize, tmp_path, small, kind=file)
    have, _ = color(colorize, tmp_path, picture, "--max-size", "228", kind=file)
    assert have.shape == want.shape and have.dtype == want.dtype
    # A level is up to 0.6 of L. Pillow rounds colors that were multiplied by alpha to 8 bits.
    difference = np.abs(lightness(have) - lightness(want))
    assert difference.max() <= (3 if kind == "RGBA" else 0.7)
    assert difference.mean() < (0.5 if kind == "RGBA" else 0.1)
    if kind == "RGBA":
        assert np.abs(have[..., 3].astype(int) - want[..., 3]).max() <= 1
    # What is small enough stays as it is.
    same, _ = color(colorize, tmp_path, small, "--max-size", "228", kind=file)
    assert np.array_equal(same, want)


def test_what_is_made_smaller_says_its_size(colorize, tmp_path, photograph):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0xA002: 384, 0xA003: 256})
    Image.fromarray(photograph).save(tmp_path / "in.jpg", exif=exif)
    colorize("--max-size", "96", "-o", tmp_path / "out.jpg", tmp_path / "in.jpg")
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.size == (64, 96)
        inside = image.getexif().get_ifd(0x8769)
        assert (inside[0xA002], inside[0xA003]) == (64, 96)


# ---- Drawings -----------------------------------------------------------------------------------


def test_drawings_are_said_to_be_some(colorize, tmp_path, photograph):
    rng = np.random.default_rng(1)
    halftone = np.where(rng.random(photograph.shape) * 255 < photograph, 255, 0).astype(np.uint8)
    _, said = color(colorize, tmp_path, halftone)
    assert "has black and white alone, as a drawing or a halftone" in said
    drawing = np.full((200, 200), 255, np.uint8)
    drawing[::20] = drawing[:, ::20] = 0
    _, said = color(colorize, tmp_path, drawing[:, :190])
    assert "has black and white alone" in said
    for picture in (photograph, np.zeros((50, 50), np.uint8), np.full((50, 50), 255, np.uint8)):
        _, said = color(colorize, tmp_path, picture)
        assert said == ""

"""Hints, dials, palettes and suggestions: the command does with them what the library does."""

import ctypes

import numpy as np
import pytest
from PIL import Image
from support import FAILURE, USAGE, names, pixels, tiff_of
from test_convert import checkpoint, eccv16

from libcolorize import _declarations as c
from libcolorize import _library


@pytest.fixture
def photo(tmp_path):
    """A picture in which the network sees something: sky, ground and a house."""
    y, x = np.mgrid[0:120, 0:200]
    gray = np.where(y < 60, 215 - y // 2, 70 + (x * 7 + y * 13) % 23)
    gray[40:90, 60:140] = 150 + (x[40:90, 60:140] // 10 % 2) * 20
    gray[60:75, 75:95] = 20
    path = tmp_path / "photo.png"
    Image.fromarray(gray.astype(np.uint8)).save(path)
    return path


@pytest.fixture
def warm(tmp_path):
    """A picture in yellow and red."""
    y, x = np.mgrid[0:70, 0:90]
    path = tmp_path / "warm.png"
    Image.fromarray(np.stack([240 - y, 90 + x, 30 + y // 2], axis=2).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def strokes(tmp_path):
    """Hints for `photo`: a green line and a red one, whose edges are soft."""
    picture = np.zeros((120, 200, 4), np.uint8)
    picture[100:106, 20:180] = [40, 140, 50, 255]
    picture[10:14, 30:60] = [200, 60, 40, 128]
    picture[14:16, 30:60] = [0, 0, 255, 127]
    path = tmp_path / "strokes.png"
    Image.fromarray(picture).save(path)
    return path


# ---- The library --------------------------------------------------------------------------------


class Library:
    """The same through the C ABI, with the built-in model."""

    def __init__(self):
        self.functions = _library.load()
        self.model = c.colorize_model_p()
        self.error = c.colorize_error()
        self.call("colorize_model_open_default", ctypes.byref(self.model))

    def call(self, name, *arguments):
        status = getattr(self.functions, name)(*arguments, ctypes.byref(self.error))
        assert status == c.COLORIZE_OK, self.error.message

    @staticmethod
    def image(samples):
        formats = {2: c.COLORIZE_GRAY8, 3: c.COLORIZE_RGB8}
        return c.colorize_image(
            pixels=samples.ctypes.data,
            row_bytes=samples.strides[0],
            width=samples.shape[1],
            height=samples.shape[0],
            format=formats[samples.ndim],
        )

    @staticmethod
    def options(hints=(), **fields):
        options = c.colorize_options(struct_size=ctypes.sizeof(c.colorize_options), **fields)
        if hints:
            options.hints = (c.colorize_hint * len(hints))(*hints)
            options.hint_count = len(hints)
        return options

    def color(self, gray, options):
        colored = np.zeros((*gray.shape, 3), np.uint8)
        self.call(
            "colorize_run",
            self.model,
            ctypes.byref(self.image(gray)),
            ctypes.byref(self.image(colored)),
            ctypes.byref(options),
        )
        return colored

    def lab(self, rgb):
        """CIE Lab of uint8 [..., 3]."""
        values = np.ascontiguousarray(rgb / np.float32(255), np.float32)
        lab = np.empty_like(values)
        pointer = ctypes.POINTER(ctypes.c_float)
        self.call(
            "colorize_rgb_to_lab",
            values.ctypes.data_as(pointer),
            lab.ctypes.data_as(pointer),
            values.size // 3,
        )
        return lab

    def suggest(self, gray, places, count, options):
        """[place][color] = (probability, a, b, rgb)"""
        session = c.colorize_session_p()
        image = self.image(gray)
        self.call(
            "colorize_session_open",
            self.model,
            ctypes.byref(image),
            ctypes.byref(options),
            ctypes.byref(session),
        )
        points = (ctypes.c_float * (2 * len(places)))(*np.ravel(places))
        found = (c.colorize_suggestion * (len(places) * count))()
        self.call(
            "colorize_session_suggest",
            session,
            points,
            len(places),
            count,
            ctypes.byref(options),
            found,
        )
        self.functions.colorize_session_close(session)
        every = [(one.probability, one.a, one.b, list(one.rgb)) for one in found]
        return [every[i : i + count] for i in range(0, len(every), count)]


@pytest.fixture(scope="session")
def library():
    return Library()


def hint(x, y, rgb, radius=0):
    return c.colorize_hint(
        x=x,
        y=y,
        radius=radius,
        space=c.COLORIZE_COLOR_RGB,
        color=(ctypes.c_float * 3)(*(value / 255 for value in rgb)),
    )


def assert_same(have, want):
    """But for rounding: a hint's color is a float32 for the library, a float64 for the command."""
    difference = np.abs(have.astype(int) - want)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.002


# ---- Options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (["--style", "vivid"], {"style": c.COLORIZE_STYLE_VIVID}),
        (["--style", "natural"], {"style": c.COLORIZE_STYLE_NATURAL}),
        (
            ["--style", "vivid", "--temperature", "0.7"],
            {"style": c.COLORIZE_STYLE_VIVID, "temperature": 0.7},
        ),
        (["--saturation", "0.4"], {"saturation": 0.4}),
        (["--saturation", "10"], {"saturation": 10}),
        (["--variant", "1"], {"variant": 1}),
        (["--variant", "4"], {"variant": 4}),
        (["--gamut", "clip", "--saturation", "3"], {"gamut_mapping": 1, "saturation": 3}),
        (["--gamut", "keep-hue", "--preset", "reference"], {"gamut_mapping": 2, "preset": 1}),
        (
            ["--fit", "aspect", "--network-size", "128"],
            {"network_fit": c.COLORIZE_FIT_ASPECT, "network_size": 128},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_dials(colorize, library, tmp_path, photo, arguments, fields):
    have, said = colorize.color(photo, tmp_path / "out.png", *arguments)
    assert said == ""
    gray = pixels(photo)
    assert np.array_equal(have, library.color(gray, library.options(**fields)))
    # And it does something.
    assert np.abs(have.astype(int) - library.color(gray, library.options())).max() > 3


@pytest.mark.parametrize("name", ["bilinear", "guided"])
def test_upsampling(colorize, library, tmp_path, photo, name):
    have, _ = colorize.color(photo, tmp_path / "out.png", "--upsampling", name)
    value = {"bilinear": c.COLORIZE_UPSAMPLING_BILINEAR, "guided": c.COLORIZE_UPSAMPLING_GUIDED}
    gray = pixels(photo)
    assert np.array_equal(have, library.color(gray, library.options(upsampling=value[name])))
    other = library.color(gray, library.options(upsampling=3 - value[name]))
    assert np.abs(have.astype(int) - other).max() > 3


def test_what_is_said_by_default(colorize, tmp_path, photo):
    have, _ = colorize.color(photo, tmp_path / "have.png")
    want, _ = colorize.color(
        photo, tmp_path / "want.png", "--style", "default", "--saturation", "1", "--variant", "0",
        "--gamut", "keep-hue", "--upsampling", "guided", "--fit", "square",
    )  # fmt: skip
    assert np.array_equal(have, want)


@pytest.mark.parametrize("strength", [None, 0.3])
def test_a_palette(colorize, library, tmp_path, photo, warm, strength):
    arguments = ["--palette-from", warm]
    arguments += [] if strength is None else ["--palette-strength", str(strength)]
    have, _ = colorize.color(photo, tmp_path / "out.png", *arguments)
    palette = pixels(warm)
    options = library.options(
        palette=ctypes.pointer(library.image(palette)), palette_strength=strength or 0
    )
    assert np.array_equal(have, library.color(pixels(photo), options))
    if strength is None:
        # Warm colors have more red than blue.
        assert (have[..., 0].astype(int) - have[..., 2]).mean() > 30


# ---- Hints --------------------------------------------------------------------------------------


def test_hints(colorize, library, tmp_path, photo):
    have, _ = colorize.color(
        photo, tmp_path / "out.png",
        "--hint", "100,60,#c83c28,12", "--hint", "30.5,110,#288C32", "--hint", "0,0,#808080,0",
    )  # fmt: skip
    hints = [
        hint(100, 60, (200, 60, 40), 12),
        hint(30.5, 110, (40, 140, 50)),
        hint(0, 0, [128] * 3),
    ]
    gray = pixels(photo)
    assert_same(have, library.color(gray, library.options(hints)))
    red = have[55:66, 95:106].astype(int)
    assert (red[..., 0] - red[..., 1]).mean() > 25


@pytest.mark.parametrize(("reach", "number"), [("thing", 0), ("30.5", 30.5), ("picture", np.inf)])
def test_reaches_of_hints(colorize, library, tmp_path, photo, reach, number):
    place = ["--hint", "100,60,#a028c8,12", "--hint-reach", reach]
    have, _ = colorize.color(photo, tmp_path / "out.png", *place)
    hints = [hint(100, 60, (160, 40, 200), 12)]
    assert_same(have, library.color(pixels(photo), library.options(hints, hint_reach=number)))


def test_strokes(colorize, library, tmp_path, photo, strokes):
    have, _ = colorize.color(photo, tmp_path / "out.png", "--hints", strokes)
    drawn = pixels(strokes)
    ab = np.ascontiguousarray(library.lab(drawn[..., :3])[..., 1:])
    mask = np.ascontiguousarray((drawn[..., 3] >= 128).astype(np.uint8))
    assert mask.sum() == 6 * 160 + 4 * 30
    hint_map = c.colorize_hint_map(
        struct_size=ctypes.sizeof(c.colorize_hint_map),
        ab=ab.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
        ab_row_bytes=ab.strides[0],
        mask=mask.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)),
        mask_row_bytes=mask.strides[0],
    )
    options = library.options(hint_map=ctypes.pointer(hint_map))
    assert np.array_equal(have, library.color(pixels(photo), options))
    green = have[100:106, 40:160].astype(int)
    assert (green[..., 1] - green[..., 0]).mean() > 15


def test_hints_are_places_in_the_picture_as_it_is_seen(colorize, tmp_path, photo):
    """Here after a quarter of a turn."""
    gray = pixels(photo)
    plain = tmp_path / "plain.tif"
    plain.write_bytes(tiff_of(gray, 8, 1))
    turned = tmp_path / "turned.tif"
    turned.write_bytes(tiff_of(np.rot90(gray), 8, 1, _274=(3, [6])))
    place = ["--hint", "150,20,#c83c28,10"]
    want, _ = colorize.color(plain, tmp_path / "want.tif", *place)
    have, _ = colorize.color(turned, tmp_path / "have.tif", *place)
    assert np.array_equal(have, want)


def test_a_hint_outside_of_one_picture_of_several(colorize, tmp_path, photo):
    small = tmp_path / "small.png"
    Image.fromarray(pixels(photo)[:50, :50]).save(small)
    out = tmp_path / "out"
    said = colorize(
        "--hint", "5,5,#ff0000", "--hint", "200,20,#808080", "-o", out, small, photo, status=FAILURE
    ).stderr  # fmt: skip
    assert said == (
        f"libcolorize: {small}: --hint number 2: x is 200; in this picture it must be 0 to 50\n"
    )
    assert names(out) == ["photo.png"]


def test_reaches_that_are_none(colorize, photo):
    for value in ["0", "-1", "nan", "1048577", "wall", ""]:
        said = colorize.refused(f"--hint-reach={value}", photo)
        assert "it must be thing, picture, or a number of pixels up to 1048576" in said


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("5,5", "'--hint <X,Y,#RRGGBB[,RADIUS]>': it must be X,Y,#RRGGBB or X,Y,#RRGGBB,RADIUS"),
        ("5,5,#12345", "it must be X,Y,#RRGGBB"),
        ("5,5,#1234567", "it must be X,Y,#RRGGBB"),
        ("5,5,#12345g", "it must be X,Y,#RRGGBB"),
        ("5,5,#+12345", "it must be X,Y,#RRGGBB"),
        ("5,5,123456", "it must be X,Y,#RRGGBB"),
        ("5,5,#123456,1,2", "it must be X,Y,#RRGGBB"),
        ("", "it must be X,Y,#RRGGBB"),
        ("-1,5,#123456", "x is -1; it must be 0 to 1048576"),
        ("5,nan,#123456", "y is nan; it must be 0 to 1048576"),
        ("5,inf,#123456", "y is inf; it must be 0 to 1048576"),
        ("5,,#123456", "y is ; it must be 0 to 1048576"),
        ("5,5,#123456,", "the radius is ; it must be 0 to 1048576"),
        ("5,5,#123456,-2", "the radius is -2; it must be 0 to 1048576"),
        ("5,5,#123456,1048577", "the radius is 1048577; it must be 0 to 1048576"),
        ("5,1e30,#123456", "y is 1e30; it must be 0 to 1048576"),
    ],
)
def test_values_that_are_no_hints(colorize, photo, value, why):
    said = colorize.refused(f"--hint={value}", photo)
    assert why in said
    assert names(photo.parent) == ["photo.png"]


@pytest.mark.parametrize(
    ("option", "values", "bound"),
    [
        ("--saturation", ["0", "0.009", "10.1", "nan"], "it must be 0.01 to 10"),
        ("--variant", ["-1", "5"], "it must be 0 to 4"),
        ("--palette-strength", ["0", "1.1", "nan"], "it must be 0.01 to 1"),
    ],
)
def test_values_out_of_bounds_are_named_with_the_bound(colorize, photo, option, values, bound):
    for value in values:
        said = colorize.refused(f"{option}={value}", photo)
        assert f"{option} is {value}" in said and bound in said
    assert names(photo.parent) == ["photo.png"]


def test_a_strength_without_a_palette(colorize, photo):
    said = colorize.refused("--palette-strength", "0.5", photo)
    assert "--palette-strength is for --palette-from, which is not given" in said


def test_pictures_that_are_no_hints_and_no_palettes(colorize, tmp_path, photo, strokes, warm):
    gray = tmp_path / "gray.png"
    Image.fromarray(pixels(photo)).save(gray)
    clear = tmp_path / "clear.png"
    Image.fromarray(pixels(strokes) * np.array([1, 1, 1, 0], np.uint8)).save(clear)
    letter = tmp_path / "letter.png"
    letter.write_bytes(b"a letter")
    before = names(tmp_path)
    for option, file, why in [
        ("--hints", gray, "has no transparency: all of it would be hints"),
        ("--hints", clear, "has no opaque pixel: there are no hints in it"),
        ("--hints", letter, "is not a picture in a format that is read"),
        ("--hints", tmp_path / "none.png", "cannot be opened: No such file or directory"),
        ("--palette-from", gray, "is gray: it has no colors to use"),
        ("--palette-from", letter, "is not a picture in a format that is read"),
        ("--palette-from", tmp_path / "none.png", "cannot be opened: No such file or directory"),
    ]:
        said = colorize(option, file, "-o", "made/", photo, status=FAILURE, cwd=tmp_path).stderr
        assert said == f"libcolorize: {file}: {why}\n"
    assert names(tmp_path) == before
    said = colorize("--hints", strokes, "-o", tmp_path / "out.png", warm, status=FAILURE).stderr
    assert said == (
        f"libcolorize: {warm}: has 90 x 70 pixels; {strokes}, the hints, has 200 x 120\n"
    )


def test_networks_that_take_none(colorize, tmp_path, photo, strokes):
    model = tmp_path / "eccv16.pth"
    checkpoint(model, {name: ("F16", np.zeros(shape, "<f2")) for name, shape in eccv16().items()})
    for option in ["--hint=5,5,#808080", f"--hints={strokes}"]:
        said = colorize.refused("--model", model, option, photo)
        name = option.split("=")[0]
        assert said == f"libcolorize: {name}: the network eccv16 takes none"


# ---- Suggestions --------------------------------------------------------------------------------


def table(text):
    """[place] = (name, [(color, a, b, share)])"""
    head, *lines = text.splitlines()
    assert head.split() == ["place", "color", "a", "b", "share"]
    found = []
    for line in lines:
        *name, color, a, b, share = line.split()
        assert line.startswith(" ") == (name == [])
        if name:
            found.append((name[0], []))
        found[-1][1].append((color, float(a), float(b), float(share.removesuffix("%"))))
    return found


@pytest.mark.parametrize(
    ("arguments", "fields", "count"),
    [
        ([], {}, 5),
        (["--count", "2", "--temperature", "0.38"], {"temperature": 0.38}, 2),
        (["--network-size", "128", "--fit", "aspect"], {"network_size": 128, "network_fit": 2}, 5),
        (
            ["--hint", "100,60,#c83c28,12", "--count", "32"],
            {"hints": [hint(100, 60, (200, 60, 40), 12)]},
            32,
        ),
    ],
)
def test_suggestions(colorize, library, photo, arguments, fields, count):
    places = [(100, 60), (20, 20.5), (200, 120)]
    result = colorize("suggest", *arguments, photo, "100,60", "20,20.5", "200,120")
    assert result.stderr == ""
    have = table(result.stdout)
    want = library.suggest(pixels(photo), places, count, library.options(**fields))
    assert [name for name, _ in have] == ["100,60", "20,20.5", "200,120"]
    for (_, colors), suggestions in zip(have, want, strict=True):
        known = [one for one in suggestions if one[0] > 0]
        assert len(colors) == len(known) >= 1
        for (color, a, b, share), (probability, want_a, want_b, rgb) in zip(
            colors, known, strict=True
        ):
            assert share == pytest.approx(100 * probability, abs=0.051)
            assert (a, b) == pytest.approx((want_a, want_b), abs=0.051)
            levels = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
            assert levels == pytest.approx([255 * value for value in rgb], abs=0.501)


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["201,5"], FAILURE, "201,5: x is 201; in this picture it must be 0 to 200"),
        (["5,5", "3,120.5"], FAILURE, "3,120.5: y is 120.5; in this picture it must be 0 to 120"),
        (["5"], USAGE, "The value '5' is invalid for '<X,Y>': it must be X,Y"),
        (["5,5,5"], USAGE, "The value '5,5,5' is invalid for '<X,Y>': it must be X,Y"),
        (["5,five"], USAGE, "y is five; it must be 0 to 1048576"),
        ([], USAGE, "Missing expected argument"),
        (["--count=0", "5,5"], USAGE, "--count is 0; it must be 1 to 32"),
        (["--count=33", "5,5"], USAGE, "--count is 33; it must be 1 to 32"),
        (["--temperature=0", "5,5"], USAGE, "--temperature is 0.0; it must be 0.01 to 10"),
        (["--network-size=24", "5,5"], USAGE, "--network-size is 24; it must be a multiple of 16"),
    ],
)
def test_places_that_are_none(colorize, photo, arguments, status, why):
    result = colorize("suggest", photo, *arguments, status=status)
    assert why in result.stderr and result.stdout == ""

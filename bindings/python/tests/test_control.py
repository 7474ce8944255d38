"""What steers a picture: dials, hints, a sparse coloring, variants and a palette."""

from __future__ import annotations

import time
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from conftest import raises_named

import libcolorize
from libcolorize import Hint

# A network of random weights need not see much.
SMALL = 64


@pytest.fixture(scope="module")
def gray() -> np.ndarray:
    """uint8 [96, 128]: soft, of middle lightness, where every hue has some chroma."""
    y, x = np.mgrid[0:96, 0:128]
    return (130 + 30 * np.sin(x / 19) * np.cos(y / 13)).astype(np.uint8)


def ab_of(picture: np.ndarray) -> np.ndarray:
    """[H, W, 2] of uint8 [H, W, 3]."""
    return libcolorize.rgb_to_lab(picture / 255)[:, :, 1:]


def chroma_of(picture: np.ndarray) -> float:
    return float(np.linalg.norm(ab_of(picture), axis=2).mean())


# ---- Dials ---------------------------------------------------------------------------------------


def test_saturation(model: libcolorize.Model, gray: np.ndarray):
    default = model.colorize(gray)
    assert np.array_equal(model.colorize(gray, saturation=1), default)
    factors = [0.01, 0.5, 1, 1.5]
    chromas = [chroma_of(model.colorize(gray, saturation=factor)) for factor in factors]
    assert chromas == sorted(chromas)
    assert chromas[0] < 1
    # Half of it is half of it, but for 8 bits.
    assert chromas[1] == pytest.approx(chromas[2] / 2, abs=0.5)


def test_styles_are_a_temperature_and_a_saturation(model: libcolorize.Model, gray: np.ndarray):
    natural = model.colorize(gray, style="natural")
    vivid = model.colorize(gray, style="vivid")
    assert np.array_equal(natural, model.colorize(gray, temperature=0.6, saturation=0.9))
    assert np.array_equal(vivid, model.colorize(gray, temperature=0.25, saturation=1.3))
    assert chroma_of(natural) < chroma_of(model.colorize(gray)) < chroma_of(vivid)
    # What is given goes before what the style says.
    both = model.colorize(gray, style="vivid", temperature=0.38, saturation=1)
    assert np.array_equal(both, model.colorize(gray))


def test_the_network_s_fit(model: libcolorize.Model, gray: np.ndarray):
    square = model.colorize(gray)
    assert np.array_equal(model.colorize(gray, network_fit="square"), square)
    aspect = model.colorize(gray, network_fit="aspect")
    assert not np.array_equal(aspect, square)
    # A square picture has the proportions of the square.
    part = gray[:, :96]
    assert np.array_equal(model.colorize(part, network_fit="aspect"), model.colorize(part))


def test_upsampling(model: libcolorize.Model, gray: np.ndarray):
    bilinear = model.colorize(gray, preset="reference")
    assert np.array_equal(model.colorize(gray, preset="reference", upsampling="bilinear"), bilinear)
    guided = model.colorize(gray, upsampling="guided")
    assert np.array_equal(guided, model.colorize(gray))
    assert not np.array_equal(guided, model.colorize(gray, upsampling="bilinear"))
    assert not np.array_equal(
        model.colorize(gray, preset="reference", upsampling="guided"), bilinear
    )


def test_the_gamut(model: libcolorize.Model, photo: np.ndarray):
    strong = {"saturation": 4, "dtype": np.float32}
    kept = model.colorize(photo, gamut="keep-hue", **strong)
    clipped = model.colorize(photo, gamut="clip", **strong)
    assert np.array_equal(model.colorize(photo, **strong), kept)
    wanted = libcolorize.rgb_to_lab(photo / 255)[:, :, 0]
    lightness = [libcolorize.rgb_to_lab(picture)[:, :, 0] for picture in (kept, clipped)]
    assert np.abs(lightness[0] - wanted).max() < 0.05
    assert np.abs(lightness[1] - wanted).max() > 2
    reference = model.colorize(photo, preset="reference", **strong)
    assert np.array_equal(
        model.colorize(photo, preset="reference", gamut="clip", **strong), reference
    )


def test_variants(model: libcolorize.Model, photo: np.ndarray):
    pictures = [model.colorize(photo, variant=variant) for variant in range(5)]
    assert np.array_equal(pictures[0], model.colorize(photo))
    means = [ab_of(picture).mean(axis=(0, 1)) for picture in pictures]
    for one in range(5):
        for other in range(one):
            assert np.linalg.norm(means[one] - means[other]) > 2
    # Forwards and backwards.
    for first in (1, 3):
        there, back = means[first] - means[0], means[first + 1] - means[0]
        assert there @ back < 0


def test_variants_and_temperature_of_a_regression(siggraph17: libcolorize.Model, gray: np.ndarray):
    plain = siggraph17.colorize(gray, network_size=SMALL)
    assert np.array_equal(siggraph17.colorize(gray, network_size=SMALL, temperature=2), plain)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "variant is 1"):
        siggraph17.colorize(gray, network_size=SMALL, variant=1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"saturation": 0}, "saturation is 0; leave it out"),
        ({"saturation": 1e-60}, "saturation is 1e-60; leave it out"),
        ({"saturation": 0.001}, "saturation is 0.001"),
        ({"saturation": 11}, "saturation is 11"),
        ({"saturation": -1}, "saturation is -1"),
        ({"saturation": float("nan")}, "saturation is nan"),
        ({"temperature": 1e-60}, "temperature is 1e-60"),
        ({"style": "bright"}, "style is 'bright'; it must be 'natural' or 'vivid'"),
        ({"style": ""}, "style is ''"),
        ({"network_fit": "long"}, "network_fit is 'long'; it must be 'square' or 'aspect'"),
        ({"upsampling": "cubic"}, "upsampling is 'cubic'; it must be 'bilinear' or 'guided'"),
        ({"gamut": "wide"}, "gamut is 'wide'; it must be 'clip' or 'keep-hue'"),
        ({"variant": 5}, "variant is 5"),
        ({"variant": -1}, "variant is -1"),
        ({"variant": 2**32}, "variant is 4294967296"),
        ({"palette_strength": 0}, "palette_strength is 0"),
        ({"palette_strength": 1.5}, "palette_strength is 1.5"),
        ({"palette_strength": -1}, "palette_strength is -1"),
    ],
)
def test_dials_that_are_refused(options, text: str, model: libcolorize.Model, gray: np.ndarray):
    with raises_named("COLORIZE_INVALID_ARGUMENT", text):
        model.colorize(gray, **options)


def test_dials_of_another_type(model: libcolorize.Model, gray: np.ndarray):
    for options in ({"saturation": "much"}, {"variant": 1.0}, {"variant": None}):
        with pytest.raises(TypeError):
            model.colorize(gray, **options)


# ---- Hints ---------------------------------------------------------------------------------------


def test_what_a_hint_is():
    hint = Hint(3, 4, "#ff8000", radius=2)
    assert hint.rgb == (1, 128 / 255, 0)
    assert hint.ab is None
    assert hint == Hint(x=3, y=4, rgb=(1, 128 / 255, 0), radius=2)
    assert hash(hint) == hash(Hint(3, 4, np.array([1, 128 / 255, 0]), radius=2))
    assert Hint(3, 4, ab=np.float32([1, 2])).ab == (1, 2)
    with pytest.raises(FrozenInstanceError):
        hint.x = 5  # type: ignore[misc]
    for colors in ({}, {"rgb": "#000000", "ab": (0, 0)}):
        with raises_named("COLORIZE_INVALID_ARGUMENT", "either rgb or ab"):
            Hint(3, 4, **colors)
    for text in ("ff8000", "#ff800", "#ff80000", "#ff80 0", "#ff800g", "#ff", "rouge", ""):
        with raises_named("COLORIZE_INVALID_ARGUMENT", "'#rrggbb'"):
            Hint(3, 4, text)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "a hint's rgb has 4 numbers"):
        Hint(3, 4, (0, 0, 0, 0))
    with raises_named("COLORIZE_INVALID_ARGUMENT", "a hint's ab has 3 numbers"):
        Hint(3, 4, ab=(0, 0, 0))
    with raises_named("COLORIZE_INVALID_ARGUMENT", "a hint's ab is '#000000'"):
        Hint(3, 4, ab="#000000")
    with pytest.raises((TypeError, ValueError)):
        Hint(3, 4, ("a", "b", "c"))


@pytest.mark.parametrize("name", ["model", "siggraph17"])
def test_a_hint_colors_its_neighbourhood(
    name: str, gray: np.ndarray, request: pytest.FixtureRequest
):
    model = request.getfixturevalue(name)
    size = None if name == "model" else SMALL
    pictures = []
    for color in ("#9a5a50", "#4f6fa0", "#4a7a4a"):
        hint = Hint(40, 30, color, radius=8)
        pictures.append(ab_of(model.colorize(gray, network_size=size, hints=[hint])))
        wanted = libcolorize.rgb_to_lab(np.array(hint.rgb))[1:]
        assert np.linalg.norm(pictures[-1][30, 40] - wanted) < 5
    # The three differ there, and less so far away from there, though the picture is even.
    for one, other in zip(pictures, pictures[1:]):
        difference = np.linalg.norm(one - other, axis=2)
        assert difference[26:34, 36:44].mean() > 30
        assert difference[26:34, 36:44].mean() > 1.5 * difference[60:, 90:].mean()


def test_hints_reach_the_network(siggraph17: libcolorize.Model, gray: np.ndarray):
    """With the preset reference it is the network's own answer to the hints."""
    picture = gray[:SMALL, :SMALL]
    hints = [Hint(20, 12, ab=(40, 20), radius=2), Hint(50.5, 40.5, ab=(-30, 30))]
    ab, mask = np.zeros((2, SMALL, SMALL)), np.zeros((SMALL, SMALL))
    ab[:, 10:14, 18:22] = np.reshape([40, 20], (2, 1, 1))
    ab[:, 40, 50] = -30, 30
    mask[10:14, 18:22] = mask[40, 50] = 1
    lightness = libcolorize.rgb_to_lab(np.dstack([picture] * 3) / 255)[:, :, 0]

    def expected(*hints: np.ndarray) -> np.ndarray:
        # A little saturation, so that nothing is clipped.
        return 0.1 * np.moveaxis(siggraph17.predict(lightness, *hints), 0, 2)

    actual = siggraph17.colorize(
        picture,
        preset="reference",
        network_size=SMALL,
        hints=hints,
        saturation=0.1,
        dtype=np.float32,
    )
    error = np.abs(libcolorize.rgb_to_lab(actual)[:, :, 1:] - expected(ab, mask))
    assert error.max() < 5e-3
    assert np.abs(expected(ab, mask) - expected()).max() > 0.5


def test_a_hint_reaches_as_far_as_it_may(model: libcolorize.Model, gray: np.ndarray):
    plain = model.colorize(gray, network_size=64, upsampling="bilinear")
    options = {
        "hints": [Hint(40, 30, ab=(60, -60), radius=4)],
        "network_size": 64,
        "upsampling": "bilinear",
    }
    thing = model.colorize(gray, **options)
    assert np.array_equal(model.colorize(gray, hint_reach="thing", **options), thing)
    everywhere = model.colorize(gray, hint_reach="picture", **options)
    assert np.array_equal(model.colorize(gray, hint_reach=np.inf, **options), everywhere)
    near = model.colorize(gray, hint_reach=16, **options)
    rows, columns = np.indices(gray.shape[:2])
    # Colors are enlarged from cells, four pixels of the network wide.
    away = np.hypot(columns - 40, rows - 30) > 16 + 6 + 4 * max(gray.shape) / 16
    assert away.sum() > 500
    assert np.array_equal(near[away], plain[away])
    assert not np.array_equal(thing, everywhere)
    assert not np.array_equal(thing, near)
    for wrong, why in [
        ("wall", "hint_reach is 'wall'; it must be 'thing', 'picture' or a number"),
        (-3, "hint_reach is -3.0; it must be 0 or more"),
        (0, "hint_reach is 0; leave it out for the default"),
    ]:
        with raises_named("COLORIZE_INVALID_ARGUMENT", why):
            model.colorize(gray, hint_reach=wrong, **options)


def test_hints_in_one_place_are_averaged(siggraph17: libcolorize.Model, gray: np.ndarray):
    options = {"network_size": SMALL}
    both = [Hint(40, 30, ab=(40, 0), radius=4), Hint(40, 30, ab=(0, 20), radius=4)]
    one = [Hint(40, 30, ab=(20, 10), radius=4)]
    assert np.array_equal(
        siggraph17.colorize(gray, hints=both, **options),
        siggraph17.colorize(gray, hints=one, **options),
    )


def test_many_wide_hints_cost_no_more(model: libcolorize.Model, gray: np.ndarray):
    """Painted one by one, these would be a billion pixels of the network."""
    hint = Hint(64, 48, ab=(20, 10), radius=1000)
    one = model.colorize(gray, hints=[hint])
    start = time.process_time()
    many = model.colorize(gray, hints=[hint] * 50_000)
    assert time.process_time() - start < 10
    assert np.array_equal(many, one)


def test_forms_of_hints(model: libcolorize.Model, gray: np.ndarray):
    plain = model.colorize(gray)
    assert np.array_equal(model.colorize(gray, hints=[]), plain)
    hints = [Hint(40, 30, "#9a5a50", radius=8), Hint(90, 60, ab=(0, -30))]
    expected = model.colorize(gray, hints=hints)
    assert not np.array_equal(expected, plain)
    assert np.array_equal(model.colorize(gray, hints=tuple(hints)), expected)
    assert np.array_equal(model.colorize(gray, hints=iter(hints)), expected)
    assert np.array_equal(model.colorize(gray, hints=hints[::-1]), expected)
    lab = libcolorize.rgb_to_lab(np.array(hints[0].rgb))
    as_ab = [Hint(40, 30, ab=lab[1:], radius=8), hints[1]]
    difference = model.colorize(gray, hints=as_ab).astype(int) - expected
    assert np.abs(difference).max() <= 1
    for hint in ((40, 30), "#9a5a50", None):
        with pytest.raises(TypeError, match=r"hints\[1\] is .*; it must be a libcolorize.Hint"):
            model.colorize(gray, hints=[hints[0], hint])
    with pytest.raises(TypeError):
        model.colorize(gray, hints=hints[0])


def test_hints_at_the_borders(model: libcolorize.Model, gray: np.ndarray):
    for x, y in ((0, 0), (128, 96), (0, 96), (128, 0)):
        assert np.isfinite(model.colorize(gray, hints=[Hint(x, y, ab=(30, 30), radius=1e6)])).all()
    # The most colorful ones of sRGB are colors of sRGB.
    corners = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#00ffff", "#ff00ff", "#000000"]
    model.colorize(gray, hints=[Hint(9, 9, color) for color in corners])


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (Hint(-1, 3, "#ffffff"), "hints[1].x is -1.0; it must be 0 to 128"),
        (Hint(128.5, 3, "#ffffff"), "hints[1].x is 128.5; it must be 0 to 128"),
        (Hint(3, 97, "#ffffff"), "hints[1].y is 97.0; it must be 0 to 96"),
        (Hint(float("nan"), 3, "#ffffff"), "hints[1].x is nan"),
        (Hint(3, float("inf"), "#ffffff"), "hints[1].y is inf"),
        (Hint(3, 3, "#ffffff", radius=-1), "hints[1].radius is -1.0"),
        (Hint(3, 3, "#ffffff", radius=2e6), "hints[1].radius is 2000000.0"),
        (Hint(3, 3, (255.0, 0, 0)), "hints[1].color[0] is 255.0; it must be 0 to 1"),
        (Hint(3, 3, (0, 0, float("nan"))), "hints[1].color[2] is nan"),
        (Hint(3, 3, ab=(100, -100)), "hints[1].color is a 100.0, b -100.0, which is outside sRGB"),
        (Hint(3, 3, ab=(0, float("inf"))), "hints[1].color is a 0.0, b inf"),
    ],
    ids=str,
)
def test_hints_that_are_refused(hint: Hint, text: str, model: libcolorize.Model, gray: np.ndarray):
    out = np.full((*gray.shape, 3), 77, np.uint8)
    with raises_named("COLORIZE_INVALID_ARGUMENT", text):
        model.colorize(gray, hints=[Hint(1, 1, "#808080"), hint], out=out)
    assert np.all(out == 77)


def test_a_network_without_hints(eccv16: libcolorize.Model, gray: np.ndarray):
    assert not eccv16.info.takes_hints
    picture, options = gray[:32, :32], {"network_size": 32}
    mask = np.eye(32)
    for hints in (
        {"hints": [Hint(3, 3, "#808080")]},
        {"hint_map": (np.zeros((32, 32, 2)), mask)},
    ):
        with raises_named("COLORIZE_INVALID_ARGUMENT", "eccv16 takes none"):
            eccv16.colorize(picture, **options, **hints)
    # No hints are none.
    assert np.array_equal(
        eccv16.colorize(picture, hints=[], **options), eccv16.colorize(picture, **options)
    )


# ---- A sparse coloring --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model", "siggraph17"])
def test_a_hint_map_equals_the_same_hints(
    name: str, gray: np.ndarray, request: pytest.FixtureRequest
):
    model = request.getfixturevalue(name)
    picture = gray[:SMALL, :SMALL]
    options = {"network_size": SMALL}
    hints = [Hint(20, 12, ab=(40, 20), radius=2), Hint(50.5, 40.5, ab=(-30, 30))]
    # Where the mask is 0, ab are not looked at.
    ab = np.full((SMALL, SMALL, 2), np.nan, np.float32)
    mask = np.zeros((SMALL, SMALL), bool)
    mask[10:14, 18:22] = mask[40, 50] = True
    ab[10:14, 18:22], ab[40, 50] = (40, 20), (-30, 30)
    expected = model.colorize(picture, hints=hints, **options)
    assert not np.array_equal(expected, model.colorize(picture, **options))
    wide = np.full((SMALL, 2 * SMALL, 4), np.nan, np.float32)
    wide[:, ::2, 1:3] = ab
    for colors in (ab, ab.astype(np.float64), wide[:, ::2, 1:3], np.asfortranarray(ab)):
        for places in (mask, 255 * mask.astype(np.uint8), mask.tolist(), -0.5 * mask, mask.T.T):
            actual = model.colorize(picture, hint_map=(colors, places), **options)
            assert np.array_equal(actual, expected)
    # Half of them as hints, half as a map.
    mask[40, 50] = False
    actual = model.colorize(picture, hints=hints[1:], hint_map=(ab, mask), **options)
    assert np.array_equal(actual, expected)


def test_hint_maps_that_are_refused(model: libcolorize.Model, gray: np.ndarray):
    ab, mask = np.zeros((96, 128, 2), np.float32), np.zeros((96, 128), bool)
    mask[5, 7] = True
    refused = [
        ((ab[:, :127], mask), "hint_map's ab has shape (96, 127, 2)"),
        ((ab[:, :, :1], mask), "it must be (96, 128, 2)"),
        ((ab, mask[:95]), "hint_map's mask has shape (95, 128)"),
        ((ab, mask[:, :, None]), "it must be (96, 128)"),
        ((ab, np.array(True)), "hint_map's mask has shape ()"),
        ((ab + 120, mask), "hint_map->ab at (7, 5) is (120.0, 120.0)"),
        ((ab + np.float32(np.nan), mask), "hint_map->ab at (7, 5)"),
    ]
    for hint_map, text in refused:
        with raises_named("COLORIZE_INVALID_ARGUMENT", text):
            model.colorize(gray, hint_map=hint_map)
    for hint_map in (ab, (ab,), (ab, mask, mask)):
        with pytest.raises((TypeError, ValueError)):
            model.colorize(gray, hint_map=hint_map)


# ---- Palette -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def palette() -> np.ndarray:
    """uint8 [40, 50, 3], from orange to green."""
    share = np.linspace(0, 1, 2000).reshape(40, 50, 1)
    return np.rint((1 - share) * [230, 130, 40] + share * [60, 150, 60]).astype(np.uint8)


@pytest.mark.parametrize("name", ["model", "siggraph17", "eccv16"])
def test_a_palette_gives_its_colors(
    name: str, gray: np.ndarray, palette: np.ndarray, request: pytest.FixtureRequest
):
    model = request.getfixturevalue(name)
    picture, options = gray[:64, :64], {"network_size": SMALL}
    wanted = ab_of(palette)

    def away(picture: np.ndarray) -> float:
        ab = ab_of(picture)
        means = np.linalg.norm(ab.mean(axis=(0, 1)) - wanted.mean(axis=(0, 1)))
        return float(means + np.abs(ab.std(axis=(0, 1)) - wanted.std(axis=(0, 1))).sum())

    strengths = [None, 0.01, 0.5, 1]
    pictures = [
        model.colorize(picture, palette=palette, palette_strength=strength, **options)
        for strength in strengths
    ]
    plain = model.colorize(picture, **options)
    distances = [away(plain)] + [away(picture) for picture in pictures[1:]]
    assert np.array_equal(pictures[0], pictures[3])
    assert distances[0] > 20
    assert distances[3] < distances[2] < distances[1] <= distances[0] + 1
    assert distances[3] < distances[0] / 3


def test_forms_of_palettes(model: libcolorize.Model, gray: np.ndarray, palette: np.ndarray):
    expected = model.colorize(gray, palette=palette)
    assert not np.array_equal(expected, model.colorize(gray))
    alpha = np.dstack([palette, np.zeros((40, 50), np.uint8)])
    frozen = palette.copy()
    frozen.flags.writeable = False
    others = [
        alpha,
        alpha[:, :, :3],
        np.asfortranarray(palette),
        frozen,
        palette.astype(np.uint16) * 257,
        palette.astype(">u2") * 257,
        palette / 255,
    ]
    for other in others:
        assert np.array_equal(model.colorize(gray, palette=other), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_transparent_pixels_of_a_palette_do_not_count(
    model: libcolorize.Model, gray: np.ndarray, palette: np.ndarray, dtype: type
):
    """A cut-out over blue that cannot be seen has the colors of the cut-out."""
    expected = model.colorize(gray, palette=palette)
    blue = np.tile(np.array([0, 0, 255, 0], np.uint8), (40, 70, 1))
    cut_out = np.hstack([np.dstack([palette, np.full((40, 50), 255, np.uint8)]), blue])
    if dtype is np.float32:
        cut_out = (cut_out / 255).astype(np.float32)
    elif dtype is np.uint16:
        cut_out = cut_out.astype(np.uint16) * 257
    found = model.colorize(gray, palette=cut_out)
    # As many pixels at the same places of a line, but for where a float's last bit puts one.
    assert np.abs(ab_of(found) - ab_of(expected)).max() < 1
    assert np.abs(ab_of(found) - ab_of(expected)).mean() < 0.02
    solid = cut_out.copy()
    solid[:, :, 3] = solid.max()
    assert np.abs(ab_of(model.colorize(gray, palette=solid)) - ab_of(expected)).mean() > 10


def test_half_transparent_pixels_of_a_palette_count_half(
    model: libcolorize.Model, gray: np.ndarray
):
    """Larger than what is looked at, so that cells are means: red, with some blue of alpha 64."""
    picture = np.zeros((300, 400, 4), np.uint8)
    picture[:] = [200, 60, 50, 255]
    picture[:, 1::2] = [60, 60, 200, 64]
    share = 64 / (255 + 64)
    mean = (1 - share) * np.array([200, 60, 50]) + share * np.array([60, 60, 200])
    found = model.colorize(gray, palette=picture)
    wanted = ab_of(np.rint(mean).astype(np.uint8)[None, None])[0, 0]
    assert np.linalg.norm(ab_of(found).mean(axis=(0, 1)) - wanted) < 4


def test_palettes_that_are_refused(model: libcolorize.Model, gray: np.ndarray):
    for shape in ((4, 4), (4, 4, 1), (4, 4, 2), (3,)):
        with raises_named("COLORIZE_INVALID_ARGUMENT", "palette has shape"):
            model.colorize(gray, palette=np.zeros(shape, np.uint8))
    with raises_named("COLORIZE_INVALID_ARGUMENT", "palette has shape (0, 4, 3)"):
        model.colorize(gray, palette=np.zeros((0, 4, 3), np.uint8))
    with pytest.raises(TypeError, match="palette is of int64"):
        model.colorize(gray, palette=np.zeros((4, 4, 3), np.int64))


# ---- The gamut -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lightness", [1, 20, 50.5, 80, 99])
def test_the_gamut_s_chroma_is_the_largest(lightness: float):
    hues = np.arange(-180, 180, 5)
    chroma = libcolorize.gamut_chroma(lightness, hues)
    assert chroma.dtype == np.float32
    assert chroma.shape == hues.shape
    assert np.all((chroma > 0) & (chroma <= 134))
    radians = np.deg2rad(hues)

    def outside(chroma: np.ndarray) -> np.ndarray:
        lab = np.column_stack(
            [np.full(len(hues), lightness), chroma * np.cos(radians), chroma * np.sin(radians)]
        )
        rgb = libcolorize.lab_to_rgb(lab, clip=False)
        return np.maximum(-rgb, rgb - 1).max(axis=1)

    # At it a channel is 0 or 1; beyond it, outside.
    assert np.abs(outside(chroma)).max() < 2e-3
    assert np.all(outside(chroma * 1.01 + 0.5) > 1e-4)


def test_shapes_of_the_gamut():
    hues = np.array([[0, 90, 180], [270, 360, -90]])
    chroma = libcolorize.gamut_chroma(50, hues)
    assert chroma.shape == (2, 3)
    assert chroma[0, 0] == pytest.approx(chroma[1, 1])
    assert chroma[1, 0] == pytest.approx(chroma[1, 2])
    assert np.array_equal(libcolorize.gamut_chroma(50, np.asfortranarray(hues)), chroma)
    assert libcolorize.gamut_chroma(50, 90).shape == ()
    assert libcolorize.gamut_chroma(50, 90) == chroma[0, 1]
    assert libcolorize.gamut_chroma(50, []).shape == (0,)
    given = np.array([0, 90], np.float32)
    libcolorize.gamut_chroma(50, given)
    assert given.tolist() == [0, 90]
    assert np.all(libcolorize.gamut_chroma(0, hues) < 1)
    for lightness in (-1, 101, float("nan")):
        with raises_named("COLORIZE_INVALID_ARGUMENT", "lightness"):
            libcolorize.gamut_chroma(lightness, hues)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "hues[1] is inf"):
        libcolorize.gamut_chroma(50, [0, np.inf])

"""Sessions: the same picture as Model.colorize, suggestions, confidence, and how they end."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import raises_named

import libcolorize
from libcolorize import Hint


@pytest.fixture(scope="module")
def session(model: libcolorize.Model, photo: np.ndarray) -> Iterator[libcolorize.Session]:
    with model.session(photo) as opened:
        yield opened


def hints() -> list[Hint]:
    return [Hint(10, 20, "#9a5a50", radius=4), Hint(30, 50, ab=(0, -30))]


def hint_map() -> tuple[np.ndarray, np.ndarray]:
    """As large as the photo."""
    mask = np.zeros((61, 47), bool)
    mask[30:34, 20:24] = True
    return np.full((61, 47, 2), 20, np.float32), mask


# ---- The picture ---------------------------------------------------------------------------------


CONTROLS = {
    "nothing": {},
    "temperature": {"temperature": 1},
    "style": {"style": "vivid"},
    "saturation": {"saturation": 0.5},
    "variant": {"variant": 2},
    "gamut": {"gamut": "clip", "saturation": 3},
    "hints": {"hints": hints()},
    "hint_map": {"hint_map": hint_map()},
    "hint_reach": {"hints": hints(), "hint_reach": 12},
    "palette": {"palette": np.tile(np.uint8([[200, 90, 40], [60, 60, 190]]), (4, 4, 1))},
    "palette_strength": {
        "palette": np.full((3, 3, 3), [200, 90, 40], np.uint8),
        "palette_strength": 0.4,
    },
    "threads": {"threads": 3},
    "uint16": {"dtype": np.uint16},
    "float32": {"dtype": np.float32},
    "bgra": {"bgra": True},
}


@pytest.mark.parametrize("name", CONTROLS)
def test_gives_what_the_model_gives(
    name: str, session: libcolorize.Session, model: libcolorize.Model, photo: np.ndarray
):
    options = CONTROLS[name]
    # An image of three channels is not BGRA, and only its lightness matters.
    expected = model.colorize(photo, **{k: v for k, v in options.items() if k != "bgra"})
    if name == "bgra":
        expected = np.dstack([expected[:, :, ::-1], np.full((61, 47), 255, np.uint8)])
    result = session.colorize(**options)
    assert result.dtype == expected.dtype
    assert np.array_equal(result, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"preset": "reference"},
        {"network_size": 96},
        {"network_fit": "aspect"},
        {"preset": "reference", "network_size": 64, "network_fit": "aspect", "threads": 1},
    ],
    ids=str,
)
def test_what_holds_for_the_whole_session(options, model: libcolorize.Model, photo: np.ndarray):
    with model.session(photo, **options) as opened:
        first = opened.colorize(hints=hints())
        assert np.array_equal(first, model.colorize(photo, hints=hints(), **options))
        assert np.array_equal(opened.colorize(), model.colorize(photo, **options))
        assert np.array_equal(opened.colorize(hints=hints()), first)


def test_of_every_network(
    siggraph17: libcolorize.Model, eccv16: libcolorize.Model, photo: np.ndarray
):
    for model in (siggraph17, eccv16):
        with model.session(photo, network_size=64) as opened:
            assert np.array_equal(opened.colorize(), model.colorize(photo, network_size=64))
            assert len(opened.suggest([[3, 3]])[0]) > 0
            if model.info.takes_hints:
                assert np.array_equal(
                    opened.colorize(hints=hints()),
                    model.colorize(photo, hints=hints(), network_size=64),
                )
            else:
                for function in (opened.colorize, opened.confidence):
                    with raises_named("COLORIZE_INVALID_ARGUMENT", "takes none"):
                        function(hints=hints())
    with (
        siggraph17.session(photo, network_size=64) as opened,
        raises_named("COLORIZE_INVALID_ARGUMENT", "variant is 2"),
    ):
        opened.colorize(variant=2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, ">u2"])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_every_type_and_shape(channels: int, dtype, model: libcolorize.Model, photo: np.ndarray):
    image = np.dstack([photo, photo[:, :, 1]])[:, :, : max(channels, 1)].astype(dtype)
    image = image / 255 if np.dtype(dtype).kind == "f" else image
    image = image[:, :, 0] if channels == 0 else image
    # Strided, which is copied first, and changed afterwards: the session has a copy.
    given = np.repeat(image, 2, axis=1)[:, ::2]
    with model.session(given) as opened:
        given[...] = 0
        result = opened.colorize()
        expected = model.colorize(image)
        assert result.dtype == expected.dtype
        assert np.array_equal(result, expected)


def test_the_picture_is_copied(model: libcolorize.Model, photo: np.ndarray):
    image = photo.copy()
    with model.session(image) as opened:
        image[...] = 0
        assert np.array_equal(opened.colorize(), model.colorize(photo))
        # Its memory may take the result.
        assert opened.colorize(out=image) is image
        assert np.array_equal(image, model.colorize(photo))
        assert np.array_equal(opened.colorize(), image)


def test_bgra(model: libcolorize.Model, photo: np.ndarray):
    swapped = np.dstack([photo[:, :, ::-1], photo[:, :, 0]])
    with model.session(swapped, bgra=True) as opened:
        expected = model.colorize(swapped, bgra=True)
        assert np.array_equal(opened.colorize(bgra=True), expected)
        assert np.array_equal(opened.colorize(), expected[:, :, [2, 1, 0, 3]])
    with raises_named("COLORIZE_INVALID_ARGUMENT", "image has shape (61, 47, 3)"):
        model.session(photo, bgra=True)


def test_out(session: libcolorize.Session, photo: np.ndarray):
    expected = session.colorize()
    out = np.zeros((61, 47, 4), np.uint8)
    assert session.colorize(out=out) is out
    assert np.array_equal(out[:, :, :3], expected)
    assert np.all(out[:, :, 3] == 255)
    with raises_named("COLORIZE_INVALID_ARGUMENT", "image has 61 rows and 47 columns"):
        session.colorize(out=np.zeros((47, 61, 3), np.uint8))
    with raises_named("COLORIZE_INVALID_ARGUMENT", "dtype is uint16"):
        session.colorize(out=out, dtype=np.uint16)
    with pytest.raises(TypeError, match="out is of float64"):
        session.colorize(out=np.zeros((61, 47, 3)))


def test_what_is_refused(session: libcolorize.Session, model: libcolorize.Model, photo: np.ndarray):
    for options, text in (
        ({"network_size": 99}, "network_size"),
        ({"network_size": 0}, "network_size"),
        ({"network_fit": "long"}, "network_fit"),
        ({"preset": "best"}, "preset"),
        ({"threads": 1000}, "threads"),
    ):
        with raises_named("COLORIZE_INVALID_ARGUMENT", text):
            model.session(photo, **options)
    with pytest.raises(TypeError, match="image is of int64"):
        model.session(photo.astype(np.int64))
    outside = [Hint(48, 3, "#808080")]
    wrong = (hint_map()[0][:60], hint_map()[1])
    functions = [session.colorize, session.confidence, lambda **o: session.suggest([[1, 1]], **o)]
    for function in functions:
        with raises_named("COLORIZE_INVALID_ARGUMENT", "hints[0].x is 48.0; it must be 0 to 47"):
            function(hints=outside)
        with raises_named("COLORIZE_INVALID_ARGUMENT", "hint_map's ab has shape (60, 47, 2)"):
            function(hint_map=wrong)
        with raises_named("COLORIZE_INVALID_ARGUMENT", "temperature"):
            function(temperature=100)
        with raises_named("COLORIZE_INVALID_ARGUMENT", "threads"):
            function(threads=1000)


# ---- Suggestions and confidence ------------------------------------------------------------------


POINTS = [[0, 0], [47, 61], [23.5, 30.5], [10.2, 55], [46.99, 0.5]]


def test_suggestions(session: libcolorize.Session, photo: np.ndarray):
    found = session.suggest(POINTS)
    assert len(found) == len(POINTS)
    wanted = libcolorize.rgb_to_lab(photo / 255)[:, :, 0]
    for (x, y), suggestions in zip(POINTS, found):
        assert 1 <= len(suggestions) <= 5
        probabilities = [suggestion.probability for suggestion in suggestions]
        assert probabilities == sorted(probabilities, reverse=True)
        assert probabilities[-1] > 0
        assert sum(probabilities) <= 1 + 1e-5
        lightness = wanted[min(int(y), 60), min(int(x), 46)]
        for suggestion in suggestions:
            assert all(0 <= value <= 1 for value in suggestion.rgb)
            # In the gamut: nothing was clipped on the way to RGB.
            lab = libcolorize.rgb_to_lab(np.array(suggestion.rgb))
            assert lab[0] == pytest.approx(lightness, abs=0.02)
            assert lab[1:] == pytest.approx(suggestion.ab, abs=0.05)
            assert np.linalg.norm(suggestion.ab) <= 0.1 + libcolorize.gamut_chroma(
                lab[0], np.rad2deg(np.arctan2(suggestion.ab[1], suggestion.ab[0]))
            )
    with pytest.raises(AttributeError):
        found[0][0].probability = 1.0  # type: ignore[misc]


def test_how_many_suggestions(session: libcolorize.Session):
    for colors in (1, 2, 32):
        for suggestions in session.suggest(POINTS, colors):
            assert 1 <= len(suggestions) <= colors
    one, two = session.suggest(POINTS[2:3], 1)[0], session.suggest(POINTS[2:3], colors=2)[0]
    # What is not its own group is the nearest one's: of all of it there is one.
    assert one[0].probability == pytest.approx(1, abs=1e-4)
    assert sum(entry.probability for entry in two) == pytest.approx(1, abs=1e-4)


def test_suggestions_are_the_distribution_s(model: libcolorize.Model, lightness: np.ndarray):
    """The bin that is most probable at a place belongs to the color that is suggested there."""
    gray = np.rint(255 * libcolorize.lab_to_rgb(np.stack([lightness, *[0 * lightness] * 2], -1)))
    gray = gray[:, :, 0].astype(np.uint8)
    seen = libcolorize.rgb_to_lab(np.dstack([gray] * 3) / 255)[:, :, 0]
    probabilities = model.distribution(seen)
    stride = model.info.distribution_stride
    with model.session(gray, network_size=64) as opened:
        for x, y in ((2, 2), (30, 18), (61, 50)):
            here = probabilities[:, y // stride, x // stride].astype(np.float64)
            centres = model.bin_centres.astype(np.float64)
            near = np.linalg.norm(centres - centres[here.argmax()], axis=1) <= 20
            expected = (here[near] @ centres[near]) / here[near].sum()
            (suggestion,) = opened.suggest([[x + 0.5, y + 0.5]], 1)[0]
            brought = np.array(suggestion.ab)
            # Its hue is kept; its chroma is no larger.
            assert np.linalg.norm(brought) <= np.linalg.norm(expected) + 0.05
            along = brought @ expected / np.linalg.norm(expected)
            assert along == pytest.approx(np.linalg.norm(brought), abs=0.05)


def test_hints_and_temperature_change_suggestions(session: libcolorize.Session):
    plain = session.suggest(POINTS[2:3])
    assert session.suggest(POINTS[2:3], temperature=1) == plain
    assert session.suggest(POINTS[2:3], threads=1) == plain
    assert session.suggest(np.array(POINTS[2:3]), hints=[]) == plain
    assert session.suggest(POINTS[2:3], temperature=0.2) != plain
    hint = Hint(23.5, 30.5, ab=(-20, 20), radius=8)
    hinted = session.suggest(POINTS[2:3], hints=[hint])
    assert hinted != plain
    # A suggestion is a hint.
    for suggestion in plain[0]:
        for color in ({"rgb": suggestion.rgb}, {"ab": suggestion.ab}):
            session.suggest(POINTS[:1], hints=[Hint(3, 4, **color)])


def test_points_that_are_refused(session: libcolorize.Session):
    for points, text in (
        ([], "points has shape (0,)"),
        ([1, 2], "points has shape (2,)"),
        ([[1, 2, 3]], "points has shape (1, 3)"),
        (np.zeros((0, 2)), "count is 0; it must be 1 to 65536"),
        (np.zeros((65537, 2)), "count is 65537"),
        ([[1, 1], [48, 3]], "points[1].x is 48.0; it must be 0 to 47"),
        ([[1, -1]], "points[0].y is -1.0; it must be 0 to 61"),
        ([[float("nan"), 1]], "points[0].x is nan"),
    ):
        with raises_named("COLORIZE_INVALID_ARGUMENT", text):
            session.suggest(points)
    for colors in (0, 33, -1, 2**32 + 1):
        with raises_named("COLORIZE_INVALID_ARGUMENT", f"colors is {colors}; it must be 1 to 32"):
            session.suggest(POINTS, colors)
    with pytest.raises(TypeError):
        session.suggest(POINTS, 2.5)


def test_confidence(session: libcolorize.Session, model: libcolorize.Model):
    confidence = session.confidence()
    assert confidence.dtype == np.float32
    assert confidence.shape == (61, 47)
    assert confidence.min() >= 0
    assert confidence.max() <= 1
    assert np.ptp(confidence) > 0.02
    assert np.array_equal(session.confidence(temperature=1, threads=1, hints=[]), confidence)
    # Colder distributions are surer.
    colder, warmer = session.confidence(temperature=0.3), session.confidence(temperature=3)
    assert np.all(colder > confidence)
    assert np.all(warmer < confidence)
    assert not np.array_equal(session.confidence(hint_map=hint_map()), confidence)


def test_confidence_is_the_distribution_s(model: libcolorize.Model, photo: np.ndarray):
    """Of a picture of one gray, seen at its own size: at the centres of the network's cells."""
    gray = np.full((64, 64), 120, np.uint8)
    lightness = libcolorize.rgb_to_lab(np.dstack([gray] * 3) / 255)[:, :, 0]
    probabilities = model.distribution(lightness).astype(np.float64)
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-30))).sum(axis=0)
    expected = 1 - entropy / np.log(len(probabilities))
    with model.session(gray, network_size=64) as opened:
        actual = opened.confidence()
    stride = model.info.distribution_stride
    # Four pixels meet at a cell's centre, and bilinear between cells is exact for their mean where
    # cells differ little; the corners are the cells themselves.
    assert actual[0, 0] == pytest.approx(expected[0, 0], abs=1e-5)
    assert actual[-1, -1] == pytest.approx(expected[-1, -1], abs=1e-5)
    blocks = actual.reshape(64 // stride, stride, 64 // stride, stride).mean(axis=(1, 3))
    assert np.abs(blocks - expected).max() < 0.02


# ---- Progress and cancel -------------------------------------------------------------------------


def calls(session: libcolorize.Session) -> list:
    return [session.colorize, session.confidence, lambda **o: session.suggest(POINTS, **o)]


def test_progress_goes_from_0_to_1(
    session: libcolorize.Session, model: libcolorize.Model, photo: np.ndarray
):
    for call in [lambda **o: model.session(photo, **o), *calls(session)]:
        seen: list[float] = []
        call(progress=seen.append)
        assert seen == sorted(seen)
        assert seen[0] >= 0
        assert seen[-1] == 1
        assert seen.count(1) == 1


@pytest.mark.parametrize("when", [0, 1])
def test_progress_cancels(
    when: int, session: libcolorize.Session, model: libcolorize.Model, photo: np.ndarray
):
    def progress(fraction: float) -> bool:
        return fraction >= when

    for call in [lambda **o: model.session(photo, **o), *calls(session)]:
        with raises_named("COLORIZE_CANCELLED"):
            call(progress=progress)
    out = np.full_like(photo, 77)
    with raises_named("COLORIZE_CANCELLED"):
        session.colorize(progress=lambda fraction: True, out=out)
    assert np.all(out == 77)
    # It goes on as if nothing had been.
    assert np.array_equal(session.colorize(), model.colorize(photo))


def test_what_progress_raises_comes_out(
    session: libcolorize.Session, model: libcolorize.Model, photo: np.ndarray
):
    for when in (0, 1):

        def progress(fraction: float, when: int = when) -> None:
            if fraction >= when:
                raise ZeroDivisionError("from progress")

        for call in [lambda **o: model.session(photo, **o), *calls(session)]:
            with pytest.raises(ZeroDivisionError, match="from progress"):
                call(progress=progress)


# ---- Life ----------------------------------------------------------------------------------------


def test_a_closed_session_raises(model: libcolorize.Model, photo: np.ndarray):
    with model.session(photo) as closed:
        assert repr(closed) == "<libcolorize.Session with 47x61 pixels>"
    closed.close()
    assert repr(closed) == "<libcolorize.Session with 47x61 pixels, closed>"
    for use in [*calls(closed), closed.__enter__]:
        with pytest.raises(ValueError, match=r"this libcolorize\.Session is closed"):
            use()


def test_the_model_may_be_closed_first(model: libcolorize.Model, photo: np.ndarray):
    opened = libcolorize.Model()
    session = opened.session(photo)
    opened.close()
    with pytest.raises(ValueError, match=r"this libcolorize\.Model is closed"):
        opened.session(photo)
    del opened
    gc.collect()
    assert np.array_equal(session.colorize(hints=hints()), model.colorize(photo, hints=hints()))
    assert session.suggest(POINTS)[0]
    session.close()


def test_a_session_ends_with_its_last_reference(model: libcolorize.Model, photo: np.ndarray):
    opened = model.session(photo)
    reference = weakref.ref(opened)
    del opened
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("operation", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_session_is_not_copied(operation, session: libcolorize.Session):
    with pytest.raises(TypeError, match=r"a libcolorize\.Session cannot be copied or pickled"):
        operation(session)


@pytest.mark.parametrize("name", ["colorize", "confidence", "suggest"])
def test_closing_while_another_thread_is_inside(
    name: str, photo: np.ndarray, model: libcolorize.Model, session: libcolorize.Session
):
    arguments = [POINTS] if name == "suggest" else []
    expected = getattr(session, name)(*arguments)
    opened = model.session(photo)
    owner = weakref.ref(opened._owner)
    inside, closed = threading.Event(), threading.Event()

    def progress(fraction: float) -> None:
        inside.set()
        assert closed.wait(60)

    with ThreadPoolExecutor() as pool:
        result = pool.submit(getattr(opened, name), *arguments, progress=progress)
        assert inside.wait(60)
        opened.close()
        # The running call keeps the session's memory; new calls are refused at once.
        with pytest.raises(ValueError, match="closed"):
            opened.colorize()
        assert owner() is not None
        closed.set()
        assert np.array_equal(result.result(60), expected)
    assert owner() is None


def test_closing_the_model_while_a_session_opens(photo: np.ndarray, model: libcolorize.Model):
    opened = libcolorize.Model()
    session = opened.session(photo, progress=lambda fraction: opened.close())
    assert opened._owner is None
    assert np.array_equal(session.colorize(), model.colorize(photo))


def test_closing_from_the_progress_function(photo: np.ndarray, model: libcolorize.Model):
    opened = model.session(photo)
    result = opened.colorize(progress=lambda fraction: opened.close())
    assert np.array_equal(result, model.colorize(photo))
    assert opened._owner is None


def test_threads_share_a_session(session: libcolorize.Session):
    places = [[Hint(x, 30, "#9a5a50", radius=3)] for x in range(3, 43, 5)]
    expected = [session.colorize(hints=hints) for hints in places]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda hints: session.colorize(hints=hints), places))
    for actual, wanted in zip(results, expected):
        assert np.array_equal(actual, wanted)
    for one, other in zip(results, results[1:]):
        assert not np.array_equal(one, other)

"""libcolorize.method against the paper's formulas, written down slowly, and against the library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import raises_named

import libcolorize
from libcolorize import method


@pytest.fixture(scope="module")
def centres(model: libcolorize.Model) -> np.ndarray:
    return model.bin_centres


@pytest.fixture(scope="module")
def ab(photo: np.ndarray) -> np.ndarray:
    """[2, 6, 7], and more of it than the bins reach."""
    lab = libcolorize.rgb_to_lab(photo[::9, ::7][:6, :7] / np.float32(255))
    return 1.5 * np.moveaxis(lab[:, :, 1:], 2, 0)


def slow_encoding(color, centres, neighbors: int, sigma: float) -> list[float]:
    distances = sorted((math.dist(color, centre), q) for q, centre in enumerate(centres))
    near = {q: math.exp(-(distance**2) / (2 * sigma**2)) for distance, q in distances[:neighbors]}
    return [near.get(q, 0) / sum(near.values()) for q in range(len(centres))]


@pytest.mark.parametrize(("neighbors", "sigma"), [(5, 5), (1, 5), (10, 20)])
def test_soft_encode(ab: np.ndarray, centres: np.ndarray, neighbors: int, sigma: float):
    found = method.soft_encode(ab, centres, neighbors, sigma)
    assert found.shape == (313, 6, 7) and found.dtype == np.float64
    for y, x in np.ndindex(6, 7):
        expected = slow_encoding(ab[:, y, x], centres, neighbors, sigma)
        # The rounding of doubles.
        assert np.abs(found[:, y, x] - expected).max() < 1e-12


def test_soft_encode_far_away_and_of_many(centres: np.ndarray):
    far = method.soft_encode([1e4, -1e4], centres)
    assert far.sum() == pytest.approx(1) and np.count_nonzero(far) <= 5
    many = np.random.default_rng(1).normal(0, 30, (2, 20000))
    found = method.soft_encode(many, centres)
    assert np.array_equal(found[:, 17000], method.soft_encode(many[:, 17000], centres))


def test_decode(centres: np.ndarray):
    rng = np.random.default_rng(2)
    z = rng.dirichlet(np.full(313, 0.1), 6).T
    z[7, 3] = 0
    for temperature in (0.38, 1, 0.1):
        found = method.decode(z, centres, temperature)
        for pixel in range(6):
            powers = [math.exp(math.log(p) / temperature) if p else 0.0 for p in z[:, pixel]]
            expected = [
                sum(p * centre[i] for p, centre in zip(powers, centres.tolist())) / sum(powers)
                for i in (0, 1)
            ]
            assert np.abs(found[:, pixel] - expected).max() < 1e-9
    # Towards 0 it is the most probable bin.
    assert np.allclose(method.decode(z, centres, 1e-4).T, centres[z.argmax(axis=0)])


def test_decode_is_what_the_library_predicts(model: libcolorize.Model, lightness: np.ndarray):
    info = model.info
    probabilities = model.distribution(lightness)
    assert info.distribution_stride == info.output_stride
    found = method.decode(probabilities, model.bin_centres, 0.38)
    # The library's floats, to the power of 1 / 0.38.
    assert np.abs(found - model.predict(lightness)).max() < 0.05


def test_prior_and_weights(ab: np.ndarray, centres: np.ndarray):
    found = method.prior(ab, centres)
    counts = [0.0] * 313
    for color in ab.reshape(2, -1).T:
        counts[min(range(313), key=lambda q: math.dist(color, centres[q]))] += 1 / 42
    expected = [
        sum(
            counts[p] * math.exp(-(math.dist(centres[p], centre) ** 2) / (2 * 5**2))
            for p in range(313)
        )
        for centre in centres
    ]
    assert np.abs(found - np.array(expected) / sum(expected)).max() < 1e-12
    # Of all bins, for lambda 0.
    filled = (found + 1e-6) / (found + 1e-6).sum()
    for share in (0.5, 1, 0):
        weights = method.rebalancing_weights(filled, share)
        assert (filled * weights).sum() == pytest.approx(1)
        ratio = weights * ((1 - share) * filled + share / 313)
        assert ratio == pytest.approx(np.full(313, ratio[0]))
    assert np.allclose(method.rebalancing_weights(found, 1), 1)


def test_rebalanced_cross_entropy(ab: np.ndarray, centres: np.ndarray):
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 9, (313, 6, 7))
    target = method.soft_encode(ab, centres)
    weights = method.rebalancing_weights(method.prior(ab, centres))
    for known in (weights, None):
        expected = 0.0
        for y, x in np.ndindex(6, 7):
            z = target[:, y, x]
            exponentials = [math.exp(value) for value in logits[:, y, x]]
            entropy = -sum(z[q] * math.log(exponentials[q] / sum(exponentials)) for q in range(313))
            expected += entropy * (1 if known is None else known[int(z.argmax())])
        assert method.rebalanced_cross_entropy(logits, target, known) == pytest.approx(expected)
    assert method.rebalanced_cross_entropy(logits + 1e4, target) == pytest.approx(
        method.rebalanced_cross_entropy(logits, target)
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda c: method.soft_encode(np.zeros((3, 2)), c), "ab has shape (3, 2); it must be [2,"),
        (lambda c: method.soft_encode([np.nan, 0], c), "ab has numbers that are not finite"),
        (lambda c: method.soft_encode([0, 0], c, 0), "neighbors is 0; it must be 1 to 313"),
        (lambda c: method.soft_encode([0, 0], c, sigma=0), "sigma is 0; it must be above 0"),
        (lambda c: method.soft_encode([0, 0], c[0]), "centres has shape (2,); it must be [Q, 2]"),
        (lambda c: method.decode(np.zeros(313), c), "each pixel must have a sum above 0"),
        (lambda c: method.decode(np.ones(313), c, 0), "temperature is 0; it must be above 0"),
        (lambda c: method.prior(np.zeros((2, 0)), c), "ab has no colors"),
        (lambda c: method.rebalancing_weights(np.ones(3)), "with a sum of 1"),
        (lambda c: method.rebalancing_weights([1.0, 0.0], 0), "prior has zeros"),
        (lambda c: method.rebalancing_weights([1.0], 2), "share is 2; it must be 0 to 1"),
        (lambda c: method.rebalanced_cross_entropy([1, 2], [1]), "logits are (2,) and target is"),
        (lambda c: method.rebalanced_cross_entropy([1], [1], [1, 2]), "weights has shape (2,)"),
    ],
)
def test_what_is_refused(call, text: str, centres: np.ndarray):
    with raises_named("COLORIZE_INVALID_ARGUMENT", text):
        call(centres)

"""The method of Zhang, Isola and Efros, "Colorful Image Colorization" (ECCV 2016), in NumPy.

    from libcolorize import method

    target = method.soft_encode(ab, centres)                     # section 2.2
    loss = method.rebalanced_cross_entropy(logits, target, weights)  # formula 2
    colors = method.decode(probabilities, centres)               # formula 5

Planes come first, as in `Model.predict` and `Model.distribution`: ab is [2, ...], what belongs to
bins is [Q, ...]. `centres`, [Q, 2], are a model's `bin_centres`. Everything is computed in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ._calls import invalid

Array = npt.NDArray[np.float64]

_CHUNK = 1 << 14
"""Colors whose distances to all bins are in memory at the same time."""


def soft_encode(
    ab: npt.ArrayLike, centres: npt.ArrayLike, neighbors: int = 5, sigma: float = 5
) -> Array:
    """Z of formula 2: colors as distributions over their nearest bins, [Q, ...].

    The nearest bins are weighted with a Gaussian of their distance, and sum to 1.

    ab         [2, ...], a and b of CIE Lab
    neighbors  how many bins share a color, 1 to Q
    sigma      of the Gaussian, in units of CIE Lab
    """
    points, colors = _centres(centres), _planes(ab, 2, "ab")
    if not 1 <= neighbors <= len(points):
        raise invalid(f"neighbors is {neighbors}; it must be 1 to {len(points)}")
    _positive(sigma, "sigma")
    flat = colors.reshape(2, -1).T
    result = np.zeros((len(flat), len(points)))
    for first in range(0, len(flat), _CHUNK):
        part = flat[first : first + _CHUNK]
        squares = ((part[:, None] - points) ** 2).sum(axis=2)
        near = np.argpartition(squares, neighbors - 1, axis=1)[:, :neighbors]
        distances = np.take_along_axis(squares, near, 1)
        # The nearest counts as 1, so that a color far away from all bins does not vanish.
        shares = np.exp((distances.min(axis=1, keepdims=True) - distances) / (2 * sigma**2))
        shares /= shares.sum(axis=1, keepdims=True)
        np.put_along_axis(result[first : first + _CHUNK], near, shares, 1)
    return np.ascontiguousarray(result.T).reshape(len(points), *colors.shape[1:])


def decode(
    probabilities: npt.ArrayLike, centres: npt.ArrayLike, temperature: float = 0.38
) -> Array:
    """H of formula 5, the annealed mean: ab of CIE Lab, [2, ...], of distributions [Q, ...].

    temperature  1 is the mean; towards 0 it becomes the most probable bin
    """
    points = _centres(centres)
    values = _planes(probabilities, len(points), "probabilities")
    _positive(temperature, "temperature")
    if np.any(values < 0) or not np.all(values.sum(axis=0) > 0):
        raise invalid("probabilities must be 0 or more, and each pixel must have a sum above 0")
    with np.errstate(divide="ignore"):
        powers = np.log(values) / temperature
    powers -= powers.max(axis=0)
    weights = np.exp(powers)
    weights /= weights.sum(axis=0)
    mean: Array = np.tensordot(points.T, weights, 1)
    return mean


def prior(ab: npt.ArrayLike, centres: npt.ArrayLike, sigma: float = 5) -> Array:
    """The smoothed prior of section 2.2, [Q], of the colors of pictures; it sums to 1.

    Each color counts for its nearest bin; then bins are smoothed with a Gaussian.

    ab     [2, ...], a and b of CIE Lab, of many photographs
    sigma  of the Gaussian, in units of CIE Lab
    """
    points = _centres(centres)
    counts = soft_encode(ab, points, 1).reshape(len(points), -1).sum(axis=1)
    _positive(sigma, "sigma")
    if not counts.sum() > 0:
        raise invalid("ab has no colors")
    squares = ((points[:, None] - points) ** 2).sum(axis=2)
    smooth: Array = np.exp(-squares / (2 * sigma**2)) @ counts
    return smooth / smooth.sum()


def rebalancing_weights(prior: npt.ArrayLike, share: float = 0.5) -> Array:
    """w of formula 4, [Q]: what a bin counts, the more the rarer it is; its mean by the prior is 1.

    prior  [Q], sums to 1
    share  lambda, 0 to 1: how much of a uniform distribution is mixed in
    """
    values = np.asarray(prior, np.float64)
    if values.ndim != 1 or not np.all(values >= 0) or not np.isclose(values.sum(), 1):
        raise invalid("prior must be [Q], not negative, with a sum of 1")
    if not 0 <= share <= 1:
        raise invalid(f"share is {share}; it must be 0 to 1")
    mixed = (1 - share) * values + share / len(values)
    if not np.all(mixed > 0):
        raise invalid("prior has zeros; with share 0 all bins must be above 0")
    weights: Array = 1 / mixed
    return weights / (values * weights).sum()


def rebalanced_cross_entropy(
    logits: npt.ArrayLike, target: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> float:
    """L of formula 2, the class-rebalanced cross entropy, summed over the pixels.

    logits   [Q, ...], before the softmax
    target   [Q, ...], what `soft_encode` gives
    weights  [Q], what `rebalancing_weights` gives: a pixel counts as its most probable bin does
             (formula 3). Default: 1
    """
    values = np.asarray(logits, np.float64)
    wanted = np.asarray(target, np.float64)
    if values.ndim == 0 or values.shape != wanted.shape:
        raise invalid(f"logits are {values.shape} and target is {wanted.shape}; both are [Q, ...]")
    shifted = values - values.max(axis=0)
    logarithms = shifted - np.log(np.exp(shifted).sum(axis=0))
    losses = -(wanted * logarithms).sum(axis=0)
    if weights is not None:
        known = np.asarray(weights, np.float64)
        if known.shape != values.shape[:1]:
            raise invalid(f"weights has shape {known.shape}; it must be {values.shape[:1]}")
        losses = losses * known[wanted.argmax(axis=0)]
    return float(losses.sum())


def _centres(centres: npt.ArrayLike) -> Array:
    points: Array = np.asarray(centres, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise invalid(f"centres has shape {points.shape}; it must be [Q, 2]")
    return points


def _planes(values: npt.ArrayLike, count: int, name: str) -> Array:
    planes: Array = np.asarray(values, np.float64)
    if planes.shape[:1] != (count,):
        raise invalid(f"{name} has shape {planes.shape}; it must be [{count}, ...]")
    if not np.all(np.isfinite(planes)):
        raise invalid(f"{name} has numbers that are not finite")
    return planes


def _positive(value: Any, name: str) -> None:
    if not (value > 0 and np.isfinite(value)):
        raise invalid(f"{name} is {value}; it must be above 0")

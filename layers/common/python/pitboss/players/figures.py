"""How good a score is: figures of what it says of players it did not learn from."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.floating[Any]]

_SURE = 0.95
_WIDE = NormalDist().inv_cdf(0.5 + _SURE / 2)


class Interval(NamedTuple):
    """A figure, and where it is to be found 95 times in 100."""

    value: float
    low: float
    high: float


class Group(NamedTuple):
    """Players who have something in common, and what is said of them."""

    name: str
    players: int
    expected: float
    """Mean probability."""
    observed: Interval
    """The share that is of high risk."""
    flagged: float
    """The share at or above the threshold."""
    false_positives: Interval | None
    """The share that is flagged of those who are not of high risk; None where there are none."""
    found: Interval | None
    """The share that is flagged of those who are."""


def auroc(answers: Floats, truth: Floats) -> Interval:
    """The chance that one of high risk is told from one who is not, ties counting half.

    The interval is that of DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or
    more correlated receiver operating characteristic curves", Biometrics 44, 1988.
    """
    areas, covariance = _area([answers], truth)
    return _interval(float(areas[0]), math.sqrt(covariance[0, 0]), 0.0, 1.0)


def auroc_gain(answers: Floats, other: Floats, truth: Floats) -> Interval:
    """By how much the area of one score is above that of another, of the same players (DeLong)."""
    areas, covariance = _area([answers, other], truth)
    contrast = np.array([1.0, -1.0])
    variance = max(float(contrast @ covariance @ contrast), 0.0)
    return _interval(float(areas[0] - areas[1]), math.sqrt(variance), -1.0, 1.0)


def groups(names: Sequence[str], answers: Floats, truth: Floats, threshold: float) -> list[Group]:
    """Players by the name of their group, in the order of the names."""
    of = np.array(names)
    return [
        _group(name, answers[of == name], truth[of == name], threshold)
        for name in sorted(set(names))
    ]


def tenths(answers: Floats) -> list[str]:
    """Which tenth of the players each one is in, by what is said of them, the lowest first."""
    order = np.argsort(np.argsort(answers, kind="stable"), kind="stable")
    return [f"{10 * int(rank) // len(answers) + 1:>2}" for rank in order]


def wilson(found: int, of: int) -> Interval:
    """A share of a few, and its interval (Wilson, JASA 22, 1927)."""
    share, z2 = found / of, _WIDE**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _WIDE / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))


def _group(name: str, answers: Floats, truth: Floats, threshold: float) -> Group:
    said = answers >= threshold
    positives = int(truth.sum())
    negatives = len(truth) - positives
    return Group(
        name,
        len(truth),
        float(answers.mean()),
        wilson(positives, len(truth)),
        float(said.mean()),
        wilson(int(said[truth == 0].sum()), negatives) if negatives else None,
        wilson(int(said[truth == 1].sum()), positives) if positives else None,
    )


def _area(scores: Sequence[Floats], truth: Floats) -> tuple[Floats, Floats]:
    """Areas, and their covariance, by DeLong's placements."""
    positives, negatives = truth == 1, truth == 0
    above, below = [], []
    for answers in scores:
        high, low = answers[positives], answers[negatives]
        above.append(_share_below(low, high))
        below.append(1 - _share_below(high, low))
    areas = np.array([one.mean() for one in above])
    covariance = np.atleast_2d(np.cov(above)) / len(above[0]) + np.atleast_2d(np.cov(below)) / len(
        below[0]
    )
    return areas, covariance


def _share_below(some: Floats, values: Floats) -> Floats:
    """Of each value, the share of some that is below it; what is level with it counts half."""
    ordered = np.sort(some)
    left, right = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray((left + right) / 2 / len(some))


def _interval(value: float, deviation: float, least: float, most: float) -> Interval:
    half = _WIDE * deviation
    return Interval(float(value), max(value - half, least), min(value + half, most))

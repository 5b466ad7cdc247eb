"""How long players stay, by segment: curves with intervals, and whether segments differ.

A player has gone once they were away for `ABSENCE_DAYS`; their stay ends with the last day before
that. Nobody's end is known later than so many days before the newest known day: there everybody who
has not gone is censored, whenever they were last seen, so that who comes seldom is not censored
sooner. Players are followed from a landmark, and put into a segment by what they did before it:
whoever stays has more time to rise, so that a segment of the whole stay would say that rising makes
players stay (Anderson, Cain and Gelber, J. Clin. Oncol. 1, 1983).

numpy and scipy are in `layers/trees` only.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

ABSENCE_DAYS = 30
"""Without play for so many days, a player has gone."""

LANDMARK_DAYS = 30
"""After the first day seen: what decides the segment, and from when on players are followed."""

_WIDE = NormalDist().inv_cdf(0.975)


class Stay(NamedTuple):
    """How long somebody stayed, from where they are followed."""

    days: int
    ended: bool
    """False: they had not gone as far as it is known."""


class Step(NamedTuple):
    """Where a curve falls."""

    at: int
    at_risk: int
    ended: int
    survival: float
    """The share that stays longer than `at`."""
    deviation: float
    """Standard error of it."""
    low: float
    high: float
    """Its 95 % interval."""


class Difference(NamedTuple):
    """Whether segments differ."""

    chi_squared: float
    degrees: int
    p: float
    expected: dict[str, float]
    """Ends by segment, if all were alike."""


def stays(
    days_of: Mapping[str, Mapping[str, int]],
    known_to: str,
    segment: Callable[[str, int], str],
) -> dict[str, list[Stay]]:
    """Players' stays by segment, of those who were there at their landmark.

    Args:
        days_of: of each player, the gaming days (ISO dates) with play and what was staked (cents).
        known_to: the newest gaming day that is known. Who came after it is not.
        segment: of a player's first day, and what they staked before their landmark.
    """
    found: dict[str, list[Stay]] = {}
    newest = date.fromisoformat(known_to)
    for staked in days_of.values():
        days = sorted(date.fromisoformat(day) for day in staked)
        start = days[0] + timedelta(LANDMARK_DAYS)
        gone = _last_before_absence(days, newest)
        end = newest - timedelta(ABSENCE_DAYS) if gone is None else gone
        if end < start:
            continue  # gone before, or not known for long enough
        early = sum(cents for day, cents in staked.items() if date.fromisoformat(day) < start)
        stay = Stay((end - start).days, gone is not None)
        found.setdefault(segment(days[0].isoformat(), early), []).append(stay)
    return found


def _last_before_absence(days: Sequence[date], known_to: date) -> date | None:
    """The last day before somebody was away for long; None where they never were."""
    later = pairwise([*days, known_to + timedelta(1)])
    return next((day for day, next_day in later if (next_day - day).days > ABSENCE_DAYS), None)


def curve(seen: Sequence[Stay]) -> list[Step]:
    """The share that stays, a step for each time at which somebody's stay ended.

    Kaplan and Meier, JASA 53, 1958; its variance by Greenwood, 1926; the interval on the scale of
    log(-log), where it is within 0 and 1 (Kalbfleisch and Prentice, 1980).
    """
    found: list[Step] = []
    survival, greenwood = 1.0, 0.0
    for at in sorted({one.days for one in seen if one.ended}):
        at_risk = sum(one.days >= at for one in seen)
        ended = sum(one.ended and one.days == at for one in seen)
        survival *= 1 - ended / at_risk
        if ended < at_risk:
            greenwood += ended / (at_risk * (at_risk - ended))
            deviation = survival * greenwood**0.5
            wide = _WIDE * greenwood**0.5 / abs(np.log(survival))
            low, high = (float(survival ** np.exp(sign * wide)) for sign in (1, -1))
        else:  # nobody is left, and nothing is known of how sure that is
            deviation = low = high = 0.0
        found.append(Step(at, at_risk, ended, survival, deviation, low, high))
    return found


def median(steps: Sequence[Step]) -> int | None:
    """After how many days half have gone; None where it has not come to that."""
    return next((step.at for step in steps if step.survival <= 0.5), None)


def difference(groups: Mapping[str, Sequence[Stay]]) -> Difference | None:
    """The log-rank test of two segments or more (Mantel, 1966; Peto and Peto, 1972).

    None where there are fewer, or where nothing that ended could tell them apart.
    """
    names = sorted(name for name, seen in groups.items() if seen)
    if len(names) < 2:
        return None
    observed, expected = np.zeros(len(names)), np.zeros(len(names))
    covariance = np.zeros((len(names), len(names)))
    for at in sorted({one.days for name in names for one in groups[name] if one.ended}):
        at_risk = np.array([sum(one.days >= at for one in groups[name]) for name in names], float)
        ended = np.array(
            [sum(one.ended and one.days == at for one in groups[name]) for name in names], float
        )
        everybody, gone = at_risk.sum(), ended.sum()
        observed += ended
        expected += at_risk * gone / everybody
        if everybody > 1:
            share = at_risk / everybody
            spread = gone * (everybody - gone) / (everybody - 1)
            covariance += spread * (np.diag(share) - np.outer(share, share))
    apart, kept = (observed - expected)[:-1], covariance[:-1, :-1]
    degrees = int(np.linalg.matrix_rank(kept))
    if not degrees:
        return None
    value = float(apart @ np.linalg.pinv(kept) @ apart)
    named = dict(zip(names, map(float, expected), strict=True))
    return Difference(value, degrees, float(chi2.sf(value, degrees)), named)

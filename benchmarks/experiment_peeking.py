"""False positives of experiments that are looked at all the time, and what avoiding them costs.

The same simulated players go to this project's engine (`pitboss.experiments.analysis`) and to
Welch's t-test, and both are looked at after every batch of players, once each variant has as many
as the engine waits for: who looks so stops at the first difference that is found. The t-test that
is looked at once, at the end, is what a statistician would plan: as honest, and blind until then.

Two kinds of players: whether they came back (3 in 10 do), and what they are worth in the window:
most do not play, and a few play for hundreds of times as much as the median (lognormal, sigma 1.5).
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pitboss.experiments.analysis import Contrast, mixture, radius

RUNS = 2_000
POWER_RUNS = 300
PLAYERS = 3_000
BATCH = 50
"""Players between two looks."""

PLAYERS_A_DAY = 100
MINIMUM = 200
"""Of each variant, before anyone looks."""

ALPHA = 0.05
SEED = 8

type Values = NDArray[np.float64]
type Treated = NDArray[np.bool_]


class Kind(NamedTuple):
    """How players' metric is drawn, and what the treatment does to it where it does anything."""

    name: str
    effect: str
    draw: Callable[[np.random.Generator, Treated, float], Values]


def _came_back(chance: np.random.Generator, treated: Treated, effect: float) -> Values:
    odds = np.where(treated, 0.30 + 0.06 * effect, 0.30)
    return (chance.random(len(treated)) < odds).astype(float)


def _worth(chance: np.random.Generator, treated: Treated, effect: float) -> Values:
    plays = chance.random(len(treated)) < 0.6
    cents = chance.lognormal(math.log(2_000), 1.5, len(treated))
    return plays * cents * np.where(treated, 1.0 + 0.5 * effect, 1.0)


KINDS = (
    Kind("came back", "30 % to 36 %", _came_back),
    Kind("theoretical win", "+50 %", _worth),
)


class Looks(NamedTuple):
    """What was found in a run, by the number of players at the first look that found it."""

    ours: int | None
    peeked: int | None
    once: int | None
    ours_half: float
    once_half: float
    """Half widths of the two intervals at the end."""


def run(runs: int = RUNS, power_runs: int = POWER_RUNS) -> dict[str, Any]:
    """Runs without an effect and with one, of each kind of players."""
    chance = np.random.default_rng(SEED)
    rows, goals = [], []
    for kind in KINDS:
        none = [look(kind, chance, 0.0) for _ in range(runs)]
        some = [look(kind, chance, 1.0) for _ in range(power_runs)]
        ratio = np.median([one.ours_half / one.once_half for one in none])
        false = sum(one.ours is not None for one in none) / runs
        goals.append(false <= ALPHA)
        rows += [
            _row(kind, "always valid, every look", none, some, "ours", f"{ratio:.2f}"),
            _row(kind, "t-test, every look", none, some, "peeked", "1.00"),
            _row(kind, "t-test, once at the end", none, some, "once", "1.00"),
        ]
    return {
        "figure": "experiments looked at continuously: false positives, power, days to find",
        "runs_without_an_effect": runs,
        "runs_with_one": power_runs,
        "players_of_a_run": PLAYERS,
        "players_a_day": PLAYERS_A_DAY,
        "looks_of_a_run": (PLAYERS - 2 * MINIMUM) // BATCH,
        "alpha": ALPHA,
        "goal": f"at most {ALPHA:.1%} false positives: {'met' if all(goals) else 'missed'}",
        "methods": rows,
    }


def _row(
    kind: Kind, method: str, none: list[Looks], some: list[Looks], field: str, width: str
) -> dict[str, Any]:
    false = sum(getattr(one, field) is not None for one in none) / len(none)
    found = [getattr(one, field) for one in some]
    last = PLAYERS + 1
    median = np.median([last if one is None else one for one in found])
    return {
        "metric": kind.name,
        "method": method,
        "false_positives_percent": round(100 * false, 2),
        "true_effect": kind.effect,
        "power_percent": round(100 * sum(one is not None for one in found) / len(found), 1),
        "median_days_to_find": None if median == last else round(median / PLAYERS_A_DAY, 1),
        "width_at_the_end": width,
    }


def look(kind: Kind, chance: np.random.Generator, effect: float) -> Looks:
    """A run: players come, and both methods are looked at after every batch."""
    treated = chance.random(PLAYERS) < 0.5
    values = kind.draw(chance, treated, effect)
    half, found = _welch(values, treated)
    contrast, rho = Contrast(), mixture(ALPHA, PLAYERS)
    ours = None
    arms, outcomes = treated.tolist(), values.tolist()
    for end in range(BATCH, PLAYERS + 1, BATCH):
        for place in range(end - BATCH, end):
            contrast.add(outcomes[place], 0.5, is_treated=arms[place])
        if ours is None and min(contrast.control.count, contrast.treatment.count) >= MINIMUM:
            width = radius(contrast.difference, rho, ALPHA)
            ours = end if abs(contrast.difference.mean) > width else None
    peeked = next(iter(found), None)
    once = PLAYERS if PLAYERS in found else None
    return Looks(ours, peeked, once, radius(contrast.difference, rho, ALPHA), half)


def _welch(values: Values, treated: Treated) -> tuple[float, list[int]]:
    """Half of the t-test's interval at the end, and the looks, by players, at which it finds."""
    ends = np.arange(BATCH, PLAYERS + 1, BATCH)
    means, errors, counts = [], [], []
    for arm in (treated, ~treated):
        count = np.cumsum(arm)[ends - 1].astype(float)
        total = np.cumsum(values * arm)[ends - 1]
        squares = np.cumsum(values * values * arm)[ends - 1]
        mean = total / np.maximum(count, 1)
        variance = (squares - count * mean * mean) / np.maximum(count - 1, 1)
        means.append(mean)
        errors.append(variance / np.maximum(count, 1))
        counts.append(count)
    # With 200 of each and more, the t-distribution's quantile is the normal's to the third digit.
    half = 1.96 * np.sqrt(errors[0] + errors[1])
    is_looked_at = np.minimum(*counts) >= MINIMUM
    found = ends[is_looked_at & (np.abs(means[0] - means[1]) > half)]
    return float(half[-1]), found.tolist()

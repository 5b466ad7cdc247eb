"""Whether the intervals of off-policy estimates hold what they promise: 200 logs, a known value.

As a night does it: a champion decides on `workbench.response_floor` and leaves a share to chance; a
challenger, learned from more decisions, differs from it in part of the contexts and is judged by
the champion's log. Rewards are bounded at a quantile of those that were learned from, as a training
set's are. Its true value, and how much more it earns, are averages over a great many moments of
which it decides each. An interval of 95 % should cover either in 95 % of the logs.

The reward model of DR is the challenger itself, learned once and from none of the 200 logs, as on a
model's card; `learning.cross_fitted` is for logs that have no other part to learn from.

One log is of a house that leaves to chance what it may at most, and holds out many decisions. The
other is the harsh one: the exploration that a house has by default, and few decisions. No goal is
set there: it shows where intervals stop being trustworthy. Effective are decisions by Kish;
decisive are those that the gate counts (`promotion.decisive_rows`).
"""

import math
import sys
from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from statistics import fmean, pstdev
from typing import Any, NamedTuple

from pitboss.offers.estimators import (
    ESTIMATORS,
    Estimate,
    difference,
    doubly_robust,
    estimate,
    overlap,
    row,
)
from pitboss.offers.learning import Recipe, Scorer, train
from pitboss.offers.logs import Features, LoggedDecision
from pitboss.offers.outcomes import CAP_QUANTILE
from pitboss.offers.policy import CERTAIN, chosen, probabilities
from pitboss.offers.promotion import decisive_rows
from workbench.console import step
from workbench.response_floor import ACTIONS as CATALOGUE
from workbench.response_floor import Moment, ResponseFloor

LOGS = 200
ACTIONS = tuple(one for one in CATALOGUE if one.code in {"none", "free-play-20", "meal", "show"})
"""What gate and budgets leave of a catalogue."""
MOMENTS_FOR_TRUTH = 300_000
LEARNED_FROM = (2_000, 8_000)
"""Decisions that champion and challenger are learned from, of the same log left to chance."""
GOAL = (0.92, 0.98)
_OF_TRUTH, _OF_LEARNING = 1_000_001, 1_000_002
"""Seeds that no log has: those are counted from 0."""


class Case(NamedTuple):
    """A kind of log."""

    name: str
    exploration_basis_points: int
    decisions: int
    has_goal: bool


CASES = (Case("explored", 3_000, 10_000, True), Case("harsh", 1_000, 2_000, False))

type Scores = Callable[[Features], Sequence[float]]


class Rivals(NamedTuple):
    """Two policies, each by the scores it gives to `ACTIONS`, and what is true of them."""

    champion: Scores
    challenger: Scores
    most: int
    """Rewards above are counted as this much."""
    value: float
    """Of the challenger, in cents a decision."""
    gain: float
    """What it earns more than the champion, in cents a decision."""
    differ: float
    """Share of moments in which they choose differently."""


class Judged(NamedTuple):
    """What a log said."""

    values: dict[str, Estimate]
    gain: Estimate
    effective: float
    decisive: float


def run(logs: int = LOGS, moments: int = MOMENTS_FOR_TRUTH) -> dict[str, Any]:
    """Coverage, bias and width of every estimator's intervals."""
    with step("learning two policies"):
        rivals = _rivals(moments)
    rows = []
    for case in CASES:
        with step(f"judging {logs} logs of {case.decisions:,} decisions"):
            found = [_judged(rivals, case, seed) for seed in range(logs)]
        about = {
            "log": case.name,
            "decisions": case.decisions,
            "exploration": f"{case.exploration_basis_points / 100:g} %",
            "effective": round(fmean(one.effective for one in found)),
            "decisive": round(fmean(one.decisive for one in found)),
        }
        judged = {n: ([one.values[n] for one in found], rivals.value) for n in ESTIMATORS}
        judged["dr, gain"] = [one.gain for one in found], rivals.gain
        for name, (estimates, truth) in judged.items():
            row_found = about | _row(name, estimates, truth)
            rows.append(row_found if case.has_goal else row_found | {"is_met": "no goal"})
    return {
        "figure": f"95 % intervals of off-policy estimators over {logs} simulated logs",
        "goal": f"cover the true value in {GOAL[0]:.0%} to {GOAL[1]:.0%} of the explored logs",
        "true_value_cents": round(rivals.value, 1),
        "true_gain_cents": round(rivals.gain, 1),
        "policies_differ_in": f"{rivals.differ:.1%} of moments",
        "rows": rows,
    }


def _row(name: str, estimates: Sequence[Estimate], truth: float) -> dict[str, Any]:
    covered = fmean(one.low <= truth <= one.high for one in estimates)
    values = [one.value for one in estimates]
    return {
        "estimator": name,
        "covered": f"{covered:.1%}",
        "is_met": GOAL[0] <= covered <= GOAL[1],
        "above_the_truth": f"{fmean(one.low > truth for one in estimates):.1%}",
        "bias_cents": round(fmean(values) - truth, 1),
        "bias_by_its_standard_error": round(
            (fmean(values) - truth) / (pstdev(values) / math.sqrt(len(values))), 1
        ),
        "standard_error_by_the_spread_there_is": round(
            fmean(one.standard_error for one in estimates) / pstdev(values), 2
        ),
        "half_width_cents": round(fmean(one.high - one.value for one in estimates), 1),
    }


# --- one log --------------------------------------------------------------------------------------


def _judged(rivals: Rivals, case: Case, seed: int) -> Judged:
    """What a fresh log of the champion says of the challenger."""
    challenger, champion = [], []
    explored = case.exploration_basis_points
    for one in _log(rivals.champion, seed, case.decisions, explored, rivals.most):
        expects = rivals.challenger(one.features)
        challenger.append(row(one, _greedy(expects), expects))
        champion.append(row(one, _greedy(rivals.champion(one.features)), expects))
    return Judged(
        {name: estimate(estimator(challenger)) for name, estimator in ESTIMATORS.items()},
        difference(doubly_robust, challenger, champion),
        overlap(challenger).effective_rows,
        decisive_rows(challenger, champion),
    )


def _log(
    scores: Scores, seed: int, decisions: int, exploration: int, most: int = sys.maxsize
) -> list[LoggedDecision]:
    """Decisions of a policy that leaves so many of 10,000 to chance."""
    floor, chance = ResponseFloor(seed, players=0), Random(f"chance {seed}")
    logged = []
    for _ in range(decisions):
        moment = floor.moment()
        seen = _seen(moment)
        odds = _odds(tuple(scores(seen)), exploration)
        action = ACTIONS[chosen(odds, chance.randrange(CERTAIN))]
        logged.append(
            LoggedDecision(
                day="2026-01-01",
                features=seen,
                actions=ACTIONS,
                chosen=action.code,
                propensities=odds,
                reward=min(floor.reward(moment, action), most),
            )
        )
    return logged


@cache
def _odds(scores: tuple[float, ...], exploration: int) -> tuple[int, ...]:
    return tuple(probabilities(scores, exploration))


def _greedy(scores: Sequence[float]) -> list[float]:
    return [parts / CERTAIN for parts in _odds(tuple(scores), 0)]


def _seen(moment: Moment) -> Features:
    """What the policies see of a moment: in bands, as in service."""
    return (
        ("worth", 1 << moment.player.worth.bit_length()),
        ("game", moment.player.game),
        ("accepted", moment.player.accepted),
        ("hour", str(moment.hour // 4)),
        ("minutes", 1 << min(moment.minutes, 255).bit_length()),
    )


# --- the two policies -----------------------------------------------------------------------------


def _rivals(moments: int) -> Rivals:
    """Two learned policies, and what they earn in moments that no log has."""
    rewards = sorted(one.reward for one in _left_to_chance(max(LEARNED_FROM)))
    most = rewards[math.ceil(CAP_QUANTILE * len(rewards)) - 1]
    champion, challenger = (
        _scores(Scorer(train(_left_to_chance(n, most), Recipe(pairs=False)))) for n in LEARNED_FROM
    )
    floor = ResponseFloor(_OF_TRUTH, players=0)
    value = gain = differ = 0
    for _ in range(moments):
        moment = floor.moment()
        seen = _seen(moment)
        new, old = (ACTIONS[_best(one(seen))] for one in (challenger, champion))
        value += (worth := min(floor.reward(moment, new), most))
        if new != old:
            gain += worth - min(floor.reward(moment, old), most)
            differ += 1
    return Rivals(champion, challenger, most, value / moments, gain / moments, differ / moments)


def _left_to_chance(decisions: int, most: int = sys.maxsize) -> list[LoggedDecision]:
    return _log(_nothing_known, _OF_LEARNING, decisions, 10_000, most)


def _nothing_known(_: Features) -> list[float]:
    return [0.0] * len(ACTIONS)


def _scores(scorer: Scorer) -> Scores:
    return cache(lambda seen: tuple(scorer.score(seen, ACTIONS)))


def _best(scores: Sequence[float]) -> int:
    return _greedy(scores).index(1.0)

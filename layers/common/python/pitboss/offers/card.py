"""The card of a model: what it would have earned on days it has not seen, and whether it serves."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

from msgspec import Struct

from pitboss.offers import policy as policies
from pitboss.offers import promotion
from pitboss.offers.estimators import (
    ESTIMATORS,
    Estimate,
    Row,
    doubly_robust,
    estimate,
    overlap,
    row,
)
from pitboss.offers.learning import Recipe, Scorer, train, version
from pitboss.offers.logs import MILLION, NONE, Action, LoggedDecision
from pitboss.offers.outcomes import TrainingSummary
from pitboss.offers.training import recipe_of

CURVE = (0.125, 0.25, 0.5)
"""Shares of the training rows that models are learned from, besides all of them."""

EXPLAINED_ROWS = 100
"""Held-out decisions whose features' weights are averaged."""

PROPENSITY_BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9)

CHALLENGER, CHAMPION, RANDOM = "challenger", "champion", "random"

type Odds = Callable[[LoggedDecision], Sequence[float]]
"""Probabilities of a decision's actions."""


class Interval(Struct, frozen=True):
    """An estimate with its 95 % interval; null where it is no finite number."""

    value: float | None
    standard_error: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, found: Estimate) -> "Interval":
        """An estimate as JSON can say it, to the hundredth of a cent."""
        return cls(*map(_finite, (found.value, found.standard_error, found.low, found.high)))


class PolicyValue(Struct, frozen=True):
    """What a policy would have earned a decision, in cents, and how far the log says so."""

    ips: Interval
    snips: Interval
    dr: Interval
    effective_rows: float
    largest_weight: float
    unsupported: float


class CurvePoint(Struct, frozen=True):
    """What a model is worth that learned from a share of the rows; doubly robust."""

    share: float
    rows: int
    value: Interval


class Decile(Struct, frozen=True):
    """Held-out decisions of which about the same was expected, of the action that was chosen."""

    rows: int
    predicted: float | None
    observed: float | None


class Bin(Struct, frozen=True):
    """Held-out decisions whose chosen action had odds in [low, high)."""

    low: float
    high: float
    rows: int


class Weight(Struct, frozen=True):
    """What a feature moves the expectation by, on average, in cents."""

    feature: str
    cents: float


class GateSaid(Struct, frozen=True):
    """What the gate decided."""

    promote: bool
    why: str
    difference: Interval
    """Challenger less champion on the same decisions, doubly robust."""


class Card(Struct, frozen=True, kw_only=True):
    """How a version was made and what it is worth. Money is in cents a decision."""

    version: str
    sha256: str
    run: str
    recipe: Recipe
    data: TrainingSummary
    champion: str
    """What it was compared with."""
    policies: dict[str, PolicyValue]
    """challenger, champion, random, none and `always-<code>` for each single offer."""
    learning_curve: list[CurvePoint]
    calibration: list[Decile]
    propensities: list[Bin]
    weights: list[Weight]
    gate: GateSaid


class Served(NamedTuple):
    """The champion: its version, and what it is if it is a model."""

    version: str
    scorer: Scorer | None


def judge(
    run: str,
    model: bytes,
    served: Served,
    learned: Sequence[LoggedDecision],
    held_out: Sequence[LoggedDecision],
    summary: TrainingSummary,
    hyperparameters: Mapping[str, str],
) -> Card:
    """Evaluate a model off-policy, and decide whether it may serve.

    Args:
        run: the night.
        model: its bytes.
        served: the champion.
        learned: the rows it was trained on.
        held_out: the rows it is judged on, of later days.
        summary: of what both are made.
        hyperparameters: the recipe, as it was given.

    Raises:
        pitboss.offers.learning.BrokenModel: the bytes are no model.
    """
    recipe = recipe_of(hyperparameters)
    challenger = Scorer(model)
    expected = [challenger.score(one.features, one.actions) for one in held_out]
    rows = {
        name: _rows(held_out, odds, expected)
        for name, odds in _policies(challenger, served, learned, held_out).items()
    }
    # The others are on the card; where little is left to chance the log says too little of them for
    # anything to be surely better.
    compared = {name: rows[name] for name in (CHALLENGER, CHAMPION)}
    said = promotion.decide(CHALLENGER, CHAMPION, compared, unit="cents a decision")
    digest = version(model)
    return Card(
        version=f"{run}-{digest[:8]}",
        sha256=digest,
        run=run,
        recipe=recipe,
        data=summary,
        champion=served.version,
        policies={name: _value(found) for name, found in rows.items()},
        learning_curve=list(_curve(learned, held_out, recipe, rows[CHALLENGER])),
        calibration=_calibration(held_out, expected),
        propensities=_propensities(held_out),
        weights=_weights(challenger, held_out),
        gate=GateSaid(
            said.verdict == "promote", said.reason, Interval.of(said.differences[CHAMPION])
        ),
    )


def greedy(scores: Sequence[float]) -> list[float]:
    """The odds of always taking the best, the first of several; what is no number is the worst."""
    best = policies.probabilities(scores, 0)
    return [share / MILLION for share in best]


def _policies(
    challenger: Scorer,
    served: Served,
    learned: Sequence[LoggedDecision],
    held_out: Sequence[LoggedDecision],
) -> dict[str, Odds]:
    def by_rules(one: LoggedDecision) -> list[float]:
        context = {name: str(value) for name, value in one.features}
        actions = [policies.Action(a.code, a.kind, a.cost) for a in one.actions]
        return greedy(policies.RulePolicy().scores(context, actions))

    def by(scorer: Scorer) -> Odds:
        return lambda one: greedy(scorer.score(one.features, one.actions))

    codes = sorted({action.code for one in held_out for action in one.actions} - {NONE})
    return {
        CHALLENGER: by(challenger),
        CHAMPION: by_rules if served.scorer is None else by(served.scorer),
        RANDOM: lambda one: [1 / len(one.actions)] * len(one.actions),
        NONE: _always(NONE),
        **{f"always-{code}": _always(code) for code in codes},
    }


def _always(code: str) -> Odds:
    """Taking one action wherever it is among them, and else making no offer."""

    def odds(one: LoggedDecision) -> list[float]:
        codes = [action.code for action in one.actions]
        taken = code if code in codes else NONE
        return [float(found == taken) for found in codes]

    return odds


def _rows(
    held_out: Sequence[LoggedDecision], odds: Odds, expected: Sequence[Sequence[float]]
) -> list[Row]:
    return [
        row(one, odds(one), predictions)
        for one, predictions in zip(held_out, expected, strict=True)
    ]


def _value(rows: Sequence[Row]) -> PolicyValue:
    seen = overlap(rows)
    values = {name: Interval.of(estimate(of(rows))) for name, of in ESTIMATORS.items()}
    return PolicyValue(
        **values,
        effective_rows=round(seen.effective_rows, 1),
        largest_weight=round(seen.largest_weight, 3),
        unsupported=round(seen.unsupported, 4),
    )


def _curve(
    learned: Sequence[LoggedDecision],
    held_out: Sequence[LoggedDecision],
    recipe: Recipe,
    whole: Sequence[Row],
) -> Iterator[CurvePoint]:
    order = list(learned)
    Random(recipe.seed).shuffle(order)
    for share in CURVE:
        some = order[: math.ceil(share * len(order))]
        scorer = Scorer(train(some, recipe))
        expected = [scorer.score(one.features, one.actions) for one in held_out]
        rows = [
            row(one, greedy(scores), scores) for one, scores in zip(held_out, expected, strict=True)
        ]
        yield CurvePoint(share, len(some), Interval.of(estimate(doubly_robust(rows))))
    yield CurvePoint(1.0, len(order), Interval.of(estimate(doubly_robust(whole))))


def _calibration(
    held_out: Sequence[LoggedDecision], expected: Sequence[Sequence[float]]
) -> list[Decile]:
    pairs = sorted(
        (predictions[one.place], one.reward)
        for one, predictions in zip(held_out, expected, strict=True)
    )
    deciles = []
    for tenth in range(10):
        some = pairs[tenth * len(pairs) // 10 : (tenth + 1) * len(pairs) // 10]
        if some:
            deciles.append(
                Decile(
                    len(some),
                    _finite(math.fsum(predicted for predicted, _ in some) / len(some)),
                    _finite(math.fsum(observed for _, observed in some) / len(some)),
                )
            )
    return deciles


def _propensities(held_out: Sequence[LoggedDecision]) -> list[Bin]:
    bounds = (0.0, *PROPENSITY_BOUNDS, 1.0)
    return [
        Bin(
            low,
            high,
            sum(low <= one.propensity < high or high == one.propensity == 1 for one in held_out),
        )
        for low, high in pairwise(bounds)
    ]


def _weights(scorer: Scorer, held_out: Sequence[LoggedDecision]) -> list[Weight]:
    """How much each feature moves what is expected of the offer that the model likes best."""
    sums: dict[str, float] = {}
    explained = 0
    for one in held_out[:: max(1, len(held_out) // EXPLAINED_ROWS)]:
        offers = [action for action in one.actions if action.code != NONE]
        best = _best(scorer, one, offers)
        if best is None:
            continue
        explained += 1
        for name, moved in scorer.contributions(one.features, best):
            sums[name] = sums.get(name, 0.0) + abs(moved)
    return sorted(
        (Weight(name, round(total / explained, 2)) for name, total in sums.items()),
        key=lambda weight: (-weight.cents, weight.feature),
    )


def _best(scorer: Scorer, one: LoggedDecision, offers: Sequence[Action]) -> Action | None:
    if not offers:
        return None
    scores = scorer.score(one.features, offers)
    return offers[max(range(len(offers)), key=scores.__getitem__)]


def _finite(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None

"""Off-policy estimates: right on logs whose truth is known, and wide where the log says little."""

import math
from random import Random
from statistics import fmean

import pytest

from pitboss.offers.estimators import (
    ESTIMATORS,
    Estimate,
    Row,
    difference,
    doubly_robust,
    estimate,
    ips,
    overlap,
    row,
    snips,
)
from pitboss.offers.logs import Action, InvalidLog, LoggedDecision

pytestmark = pytest.mark.unit

NONE, MEAL = Action("none", "none", 0), Action("meal", "meal", 1_800)


def logged(
    chosen: str, reward: int, propensities: tuple[int, ...] = (750_000, 250_000)
) -> LoggedDecision:
    return LoggedDecision(
        day="2026-01-01",
        features=(),
        actions=(NONE, MEAL),
        chosen=chosen,
        propensities=propensities,
        reward=reward,
    )


# --- one decision ---------------------------------------------------------------------------------


def test_a_row_weighs_as_the_policy_would_have_chosen_it_more_often() -> None:
    assert row(logged("meal", 40), [0.5, 0.5]) == Row(weight=2.0, reward=40)
    assert row(logged("none", 40), [0.0, 1.0]).weight == 0
    found = row(logged("meal", 40), [0.5, 0.5], [10.0, 30.0])
    assert (found.predicted, found.expected) == (30.0, 20.0)


def test_what_the_policy_does_and_hardly_anybody_did_is_unsupported() -> None:
    rare = logged("none", 0, (996_000, 4_000))

    assert row(rare, [0.25, 0.75]).unsupported == 0.75
    assert row(logged("none", 0), [0.25, 0.75]).unsupported == 0


@pytest.mark.parametrize(
    ("chosen", "propensities"),
    [
        ("show", (750_000, 250_000)),
        ("meal", (750_000, 250_001)),
        ("meal", (1_000_000, 0)),
        ("meal", (1_000_000,)),
        ("none", (1_250_000, -250_000)),
    ],
)
def test_a_decision_that_cannot_have_been_is_refused(
    chosen: str, propensities: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidLog):
        logged(chosen, 0, propensities)


# --- by hand --------------------------------------------------------------------------------------

BY_HAND = [Row(2.0, 10.0, 6.0, 5.0), Row(0.5, 4.0, 6.0, 5.0), Row(0.5, 0.0, 1.0, 2.0)]


def test_estimates_are_those_made_by_hand() -> None:
    assert ips(BY_HAND) == [20.0, 2.0, 0.0]
    assert doubly_robust(BY_HAND) == [13.0, 4.0, 1.5]
    # The mean of weighted rewards by that of weights; and the delta method's variance of a ratio.
    assert estimate(snips(BY_HAND)).value == pytest.approx(22 / 3)
    terms = [2.0 * (10 - 22 / 3), 0.5 * (4 - 22 / 3), 0.5 * (0 - 22 / 3)]
    error = math.sqrt(sum(t * t for t in terms) / 2 / 3)
    assert estimate(snips(BY_HAND)).standard_error == pytest.approx(error)
    found = estimate([1.0, 3.0])
    assert (found.value, found.standard_error) == (2.0, 1.0)
    assert found.low == pytest.approx(2 - 1.959964)
    assert found.high == pytest.approx(2 + 1.959964)


def test_what_says_nothing_is_not_a_number() -> None:
    for contributions in ([], [1.0], [1.0, math.nan], [1.0, math.inf], snips([Row(0, 1)] * 3)):
        assert math.isnan(estimate(contributions).value)


def test_overlap_counts_decisions_in_effect() -> None:
    assert overlap([Row(1.0, 0)] * 50).effective_rows == pytest.approx(50)
    uneven = overlap([Row(49.0, 0), *[Row(0.0, 0)] * 49])
    assert (uneven.effective_rows, uneven.largest_weight) == (1.0, 49.0)
    assert overlap([]).effective_rows == 0
    assert overlap([]).unsupported == 1


def test_policies_that_decide_alike_differ_by_exactly_nothing() -> None:
    rows = [row(logged("meal", reward), [0.2, 0.8], [1.0, 2.0]) for reward in range(50)]

    for estimator in ESTIMATORS.values():
        assert difference(estimator, rows, rows) == Estimate(0.0, 0.0)


# --- against a truth ------------------------------------------------------------------------------

VALUE = 0.8 * (5 + 30) + 0.2 * 5
"""Of the policy that makes an offer to 80 %: a mean of 5 without and 35 with it."""


def log(chance: Random, decisions: int, lies: float = 1.0) -> list[Row]:
    """Decisions whose propensities are `lies` times what they were, and a model that errs."""
    rows = []
    for _ in range(decisions):
        worth = chance.random() * 10
        is_meal = chance.random() < 0.3
        reward = round(chance.gauss(worth + 6 * worth * is_meal, 10))
        parts = round(300_000 * lies)
        one = logged("meal" if is_meal else "none", reward, (1_000_000 - parts, parts))
        rows.append(row(one, [0.2, 0.8], [worth - 1, 5 * worth]))
    return rows


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_intervals_cover_the_truth_as_often_as_they_say(name: str) -> None:
    chance = Random(5)
    found = [estimate(ESTIMATORS[name](log(chance, 250))) for _ in range(200)]

    assert 0.92 <= fmean(one.low <= VALUE <= one.high for one in found) <= 0.98
    assert fmean(one.value for one in found) == pytest.approx(VALUE, abs=0.6)


def test_wrong_propensities_are_found_out_by_the_same_check() -> None:
    chance = Random(5)
    for estimator in (ips, doubly_robust):
        found = [estimate(estimator(log(chance, 250, lies=0.6))) for _ in range(50)]
        assert fmean(one.low <= VALUE <= one.high for one in found) < 0.8


def test_a_reward_model_narrows_the_interval_even_where_it_errs() -> None:
    rows = log(Random(5), 2_000)

    assert estimate(doubly_robust(rows)).standard_error < estimate(ips(rows)).standard_error

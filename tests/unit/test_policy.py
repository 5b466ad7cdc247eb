"""Policies: the odds of each action, what is drawn, and who is held out."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.offers.policy import (
    CERTAIN,
    MAX_REASONS,
    NOTHING,
    Action,
    RulePolicy,
    chosen,
    draw,
    is_held_out,
    probabilities,
    reasons,
)

MEAL = Action("meal", "meal", 1_500)
PLAY = Action("play-5", "free_play", 500)

scores = st.lists(
    st.one_of(st.floats(), st.integers(-(10**9), 10**9).map(float)), min_size=1, max_size=201
)
shares = st.integers(100, 3_000)


@given(scores, shares)
def test_odds_add_up_to_one_and_none_is_below_the_floor(
    values: list[float], exploration: int
) -> None:
    odds = probabilities(values, exploration)

    assert sum(odds) == CERTAIN
    floor = exploration * 100 // len(values)
    assert min(odds) >= floor
    assert floor > 0
    best = odds.index(max(odds))
    assert sum(odds) - odds[best] <= exploration * 100
    known = [value for value in values if not math.isnan(value)]
    assert not known or values[best] == max(known)


def test_a_score_that_is_no_number_is_the_worst() -> None:
    assert probabilities([math.nan, -math.inf], 1_000) == [50_000, 950_000]


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=50), st.data())
def test_what_is_drawn_falls_on_an_action_as_often_as_its_odds(
    weights: list[int], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, sum(weights) - 1))

    index = chosen(weights, place)

    assert sum(weights[:index]) <= place < sum(weights[: index + 1])


def test_nothing_is_drawn_beyond_the_odds() -> None:
    with pytest.raises(ValueError, match="add up"):
        chosen([1, 2], 3)


def test_draws_are_alike_often_and_the_same_again() -> None:
    drawn = [draw(f"1767902340000-{n:016x}") for n in range(100_000)]

    assert min(drawn) >= 0
    assert max(drawn) < CERTAIN
    assert draw("1767902340000-0000000000000000") == drawn[0]
    # Chi squared of a hundred classes of 1,000 each: above 149 once in a thousand.
    tally = Counter(one // 10_000 for one in drawn)
    assert sum((tally[n] - 1_000) ** 2 / 1_000 for n in range(100)) < 149


@pytest.mark.parametrize("basis_points", [100, 500, 5_000])
def test_the_share_that_is_held_out_is_what_was_asked_for(basis_points: int) -> None:
    held = sum(is_held_out("north", f"p-{n}", basis_points) for n in range(100_000))

    expected = basis_points * 10
    assert abs(held - expected) < 4 * math.sqrt(expected)


def test_who_is_held_out_stays_so_and_is_so_at_a_larger_share() -> None:
    players = [f"p-{n}" for n in range(20_000)]
    small, large = (
        {player for player in players if is_held_out("north", player, share)}
        for share in (500, 1_000)
    )

    assert small < large
    assert small == {player for player in players if is_held_out("north", player, 500)}
    elsewhere = {player for player in players if is_held_out("south", player, 500)}
    assert len(small & elsewhere) < len(small) / 5  # each property has its own


def test_the_rules_prefer_the_dearest_and_what_was_accepted_and_not_what_was_declined() -> None:
    rules = RulePolicy()
    actions = [NOTHING, PLAY, MEAL]

    assert rules.scores({}, actions) == [0, 500, 1_500]
    assert rules.scores({"accepted_free_play": "3+"}, actions) == [0, 2_000, 1_500]
    assert rules.scores({"declined_meal": "2"}, actions) == [0, 500, 300]


def test_reasons_are_few_and_in_words() -> None:
    context = {"accepted_meal": "2", "worth": "50-99", "tier": "gold"}

    assert reasons(RulePolicy(), context, MEAL) == (
        "meal accepted twice",
        "is worth $50-99 a day",
    )
    assert reasons(RulePolicy(), {"worth": "unknown"}, MEAL) == ()


def test_of_many_reasons_the_weightiest_are_told_once_each() -> None:
    class Talkative(RulePolicy):
        def contributions(self, context: object, action: Action) -> list[tuple[str, float]]:
            return [
                *(("worth", 1.0), ("tier", 3.0), ("tier", 2.5), ("game", -1.0), ("pace", 9.0)),
                *(("segment", 2.0), ("visits", 0.5)),
            ]

    context = {
        "worth": "50-99",
        "tier": "gold",
        "game": "poker",
        "segment": "high",
        "visits": "4-7",
    }

    found = reasons(Talkative(), context, MEAL)

    assert found == ("has tier gold", "is of the high segment", "is worth $50-99 a day")
    assert len(found) == MAX_REASONS

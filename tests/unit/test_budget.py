"""Budgets of players."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.offers.budget import PlayerBudget, PlayerDay, player_cap

FIRST = date(2026, 1, 1)
MEAL = 1_500


def day(number: int) -> str:
    return (FIRST + timedelta(number)).isoformat()


def test_what_is_reserved_is_of_the_rolling_window() -> None:
    record = PlayerBudget()
    for number in (0, 1, 29):
        record = record.with_offer(day(number), "meal", MEAL, number, 365)

    assert record.reserved(day(29), 30) == 3 * MEAL
    assert record.reserved(day(30), 30) == 2 * MEAL
    assert record.reserved(day(31), 30) == MEAL
    assert record.reserved(day(29), 1) == MEAL
    assert record.version == 3
    assert record.last_made_at == 29


def test_what_is_given_back_was_made_all_the_same() -> None:
    record = PlayerBudget().with_offer(day(0), "meal", MEAL, 7, 365).without(day(0), MEAL)

    assert record.day(day(0)) == PlayerDay(0, {"meal": 1})
    assert record.day(day(0)).count == 1
    assert (record.version, record.last_made_at) == (2, 7)


def test_days_before_the_window_are_let_go_of_and_nothing_is_given_back_to_them() -> None:
    record = PlayerBudget().with_offer(day(0), "meal", MEAL, 0, 30)
    assert day(0) in record.with_offer(day(29), "meal", MEAL, 0, 30).days

    record = record.with_offer(day(30), "meal", MEAL, 0, 30)

    assert record.days.keys() == {day(30)}
    assert record.without(day(0), MEAL) == PlayerBudget(3, record.days, 0)


def test_a_late_offer_of_an_earlier_day_keeps_the_later_ones() -> None:
    record = PlayerBudget().with_offer(day(5), "meal", MEAL, 0, 365)

    assert record.with_offer(day(4), "show", 1, 1, 365).days.keys() == {day(4), day(5)}


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc"), st.integers(1, 9_000))),
    st.data(),
)
def test_a_record_is_the_sum_of_what_was_not_given_back(
    made: list[tuple[int, str, int]], draw: st.DataObject
) -> None:
    record = PlayerBudget()
    for number, code, cost in made:
        record = record.with_offer(day(number), code, cost, number, 365)
    back = draw.draw(st.sets(st.sampled_from(range(len(made)))) if made else st.just(set()))
    for place in back:
        record = record.without(day(made[place][0]), made[place][2])

    kept = [one for place, one in enumerate(made) if place not in back]
    assert sum(of.reserved_cents for of in record.days.values()) == sum(cost for *_, cost in kept)
    assert sum(of.count for of in record.days.values()) == len(made)
    assert record.version == len(made) + len(back)
    today = day(40)
    assert record.reserved(today, 10) == sum(cost for n, _, cost in kept if n > 30)


@pytest.mark.parametrize(
    ("theoretical_win", "share", "cents"),
    [
        (0, 3_000, 0),
        (-5, 3_000, 0),
        (33_333, 3_000, 0),
        (33_334, 3_000, 1),  # 3.3334 c, of which 30 % are 1.00002 c
        (1_000_000_000, 3_000, 30_000),
        (1_000_000_000, 10_000, 100_000),
        (1_000_000_000, 0, 0),
    ],
)
def test_a_cap_is_rounded_down(theoretical_win: int, share: int, cents: int) -> None:
    assert player_cap(theoretical_win, share) == cents

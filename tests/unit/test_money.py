from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitboss.money import (
    THEORETICAL_UNITS_PER_DOLLAR,
    dollars,
    theoretical_dollars,
    theoretical_win,
)

units = st.integers(-(10**18), 10**18)


@pytest.mark.parametrize(
    ("coin_in_cents", "hold_basis_points", "shown"),
    [
        (68_500, 326, "22.331"),
        (250, 800, "0.20"),
        (0, 800, "0.00"),
        (1, 1, "0.000001"),
        (1, 10_000, "0.01"),
        (100, 0, "0.00"),
        (10**12, 10_000, "10000000000.00"),
    ],
)
def test_theoretical_win_is_coin_in_times_hold(
    coin_in_cents: int, hold_basis_points: int, shown: str
) -> None:
    assert theoretical_dollars(theoretical_win(coin_in_cents, hold_basis_points)) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (100_000, "0.10"),
        (120_000, "0.12"),
        (123_000, "0.123"),
        (1_000_000, "1.00"),
        (-22_331_000, "-22.331"),
    ],
)
def test_theoretical_dollars_show_two_decimals_and_as_many_more_as_say_something(
    amount: int, shown: str
) -> None:
    assert theoretical_dollars(amount) == shown


@pytest.mark.parametrize(
    ("cents", "shown"),
    [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-100, "-1.00"), (68_500, "685.00")],
)
def test_cents_as_dollars(cents: int, shown: str) -> None:
    assert dollars(cents) == shown


@given(units)
def test_theoretical_dollars_lose_nothing(amount: int) -> None:
    text = theoretical_dollars(amount)
    assert Decimal(text) * THEORETICAL_UNITS_PER_DOLLAR == amount
    _, _, decimals = text.partition(".")
    assert 2 <= len(decimals) <= 6
    assert len(decimals) == 2 or not decimals.endswith("0")


@given(units)
def test_dollars_lose_nothing(cents: int) -> None:
    assert Decimal(dollars(cents)) * 100 == cents


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.integers(0, 10_000))
def test_theoretical_win_of_a_sum_is_the_sum_of_theoretical_wins(
    one: int, other: int, hold: int
) -> None:
    assert theoretical_win(one + other, hold) == theoretical_win(one, hold) + theoretical_win(
        other, hold
    )

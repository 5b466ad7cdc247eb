"""What maintenance costs, and the thresholds that cost least."""

import random
from math import isclose

import pytest
from msgspec.structs import replace

from pitboss.events.shuffler import Part
from pitboss.shufflers.costs import (
    EVERY_OTHER,
    HOURS_A_MONTH,
    SHIPPED,
    CostTable,
    InvalidCosts,
    Life,
    best_thresholds,
    shipped,
    value_of,
)

pytestmark = pytest.mark.unit

COSTS = shipped().of(EVERY_OTHER)


def life(*said: float, failed: bool = True, mended: bool = False) -> Life:
    """Asked each ten hours from the tenth on; over ten hours after the last."""
    hours = [10.0 * (n + 1) for n in range(len(said))]
    return Life(hours, said, hours[-1] + 10.0, failed, mended)


def test_costs_have_what_is_lost_while_the_device_is_out_of_service() -> None:
    rollers = COSTS.parts[Part.ROLLERS]
    assert COSTS.planned(Part.ROLLERS) == rollers.planned_cents + 4_500  # half an hour of $90
    odd = replace(COSTS, down_cents_an_hour=1)
    assert odd.planned(Part.ROLLERS) == rollers.planned_cents + 1  # half a cent, up


def test_every_part_has_costs_and_its_failure_is_dearer() -> None:
    for part in Part:
        assert COSTS.failed(part) > COSTS.planned(part)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"*"', '"P1"', "every property not named"),
        ("planned_cents = 9_000", "planned_cents = -1", "planned_cents"),
        ("planned_cents = 9_000", "planned_cents = 90_000", "a failure of rollers costs no more"),
        ("parts.motor]", "parts.engine]", "engine"),
        ("down_cents_an_hour", "down_cent_an_hour", "down_cent_an_hour"),
        ("= 9_000", "= ", "no TOML"),
    ],
)
def test_a_table_that_is_wrong_says_where(old: str, new: str, fault: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    with pytest.raises(InvalidCosts, match=fault):
        CostTable.parse(text.replace(old, new))


def test_a_part_without_costs_is_named() -> None:
    text = SHIPPED.read_text(encoding="utf-8").partition('["*".parts.controller]')[0]
    with pytest.raises(InvalidCosts, match="no costs for controller"):
        CostTable.parse(text)


# --- thresholds -----------------------------------------------------------------------------------


def test_a_threshold_is_worth_what_its_lives_cost_over_how_long_they_last() -> None:
    lives = [life(0.1, 0.5), life(0.1, 0.1), life(0.6, 0.9, failed=False)]
    found = value_of(lives, 0.5, planned=100, failed=1_000)
    # Mended after 20 and 10 hours; one failed after 30.
    assert isclose(found.cents_an_hour, (100 + 1_000 + 100) / 60)
    assert isclose(found.alerts_an_hour, 2 / 60)
    assert (found.prevented, found.failures, found.early) == (1, 1, 1)


def test_never_is_run_to_failure() -> None:
    lives = [life(0.1, 0.5), life(0.9, 0.9, failed=False)]
    found = value_of(lives, None, planned=100, failed=1_000)
    assert isclose(found.cents_an_hour, 1_000 / 60)
    assert found.alerts_an_hour == 0


def test_what_was_mended_anyway_is_paid_anyway() -> None:
    found = value_of([life(0.1, failed=False, mended=True)], None, planned=100, failed=1_000)
    assert isclose(found.cents_an_hour, 100 / 20)


def test_what_fails_before_the_work_is_there_has_failed() -> None:
    lives = [life(0.1, 0.9)]
    assert value_of(lives, 0.9, 100, 1_000, lead=9).prevented == 1
    assert value_of(lives, 0.9, 100, 1_000, lead=10).failures == 1


def test_a_model_that_knows_is_followed_and_one_that_guesses_is_not() -> None:
    knows = {Part.ROLLERS: [life(0.0, 0.0, 0.0, 0.9) for _ in range(20)]}
    costs = replace(COSTS, alerts_a_device_month=1_000.0)
    found = best_thresholds(knows, costs, lead=0)[Part.ROLLERS]
    assert found.probability == 0.9
    assert found.prevented == 20
    chance = random.Random(1)
    guesses = [life(*(chance.random() for _ in range(chance.choice((1, 40))))) for _ in range(200)]
    part = Part.ROLLERS
    cheap = best_thresholds({part: guesses}, costs, lead=0)[part]
    never = value_of(guesses, None, costs.planned(part), costs.failed(part))
    assert cheap.cents_an_hour <= never.cents_an_hour


def test_the_threshold_is_the_cheapest_of_all() -> None:
    chance = random.Random(2)
    lives = []
    for _ in range(100):
        length = chance.randint(3, 30)
        said = [max(0.0, 1 - (length - n) / 15 + chance.gauss(0, 0.1)) for n in range(length)]
        lives.append(life(*said))
    part = Part.ELEVATOR
    costs = replace(COSTS, alerts_a_device_month=1_000.0)
    found = best_thresholds({part: lives}, costs, lead=0)[part]
    for step in range(1, 100):
        other = value_of(lives, step / 100, costs.planned(part), costs.failed(part))
        # Of quantiles of what was said, not of all numbers: within a percent.
        assert found.cents_an_hour <= other.cents_an_hour * 1.01


def test_the_budget_of_alerts_is_kept_by_all_parts_together_at_the_least_cost() -> None:
    lives = {
        Part.ROLLERS: [life(0.0, 0.9) for _ in range(50)],
        Part.MOTOR: [life(0.0, 0.9) for _ in range(50)],
    }
    each = 1 / 20 * HOURS_A_MONTH  # alerts of one part in a month, where it is always advised
    free = replace(COSTS, alerts_a_device_month=1_000.0)
    assert all(one.prevented for one in best_thresholds(lives, free, lead=0).values())
    tight = replace(COSTS, alerts_a_device_month=1.01 * each)
    found = best_thresholds(lives, tight, lead=0)
    assert sum(one.alerts_an_hour for one in found.values()) * HOURS_A_MONTH <= 1.01 * each
    assert found[Part.MOTOR].prevented == 50  # its failure is the dearer one
    assert found[Part.ROLLERS].probability is None

"""The model of shufflers: the same by its seed, worn by play, and as plausible as it says."""

from dataclasses import replace
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pitboss.events.shuffler import Part
from pitboss.shufflers.hours import NEEDED, history_of
from workbench.shuffling import ShufflerDevice, ShufflerPlan, run
from workbench.shuffling import parameters as p
from workbench.shuffling.parameters import KINDS, PARTS
from workbench.shuffling.plan import HOUR_MS
from workbench.shuffling.policies import Seen, at_intervals, to_failure

YEAR = ShufflerPlan(count=4, days=365, seed=5)


@cache
def year(index: int) -> ShufflerDevice:
    return played(YEAR, index)


def played(plan: ShufflerPlan, index: int) -> ShufflerDevice:
    device = ShufflerDevice(plan, index)
    for _ in range(plan.days):
        device.advance(device.due())
    return device


def hours(device: ShufflerDevice) -> dict[str, list[int]]:
    days = range(device.plan.days)
    again = ShufflerDevice(device.plan, device.index)
    columns: dict[str, list[int]] = {}
    for _ in days:
        for name, column in again.advance(again.due()).sums.items():
            columns.setdefault(name, []).extend(column.tolist())
    return columns


# --- chance ---------------------------------------------------------------------------------------


def test_a_device_does_not_depend_on_how_many_there_are_nor_on_how_long_it_runs() -> None:
    few = ShufflerPlan(count=3, days=20, seed=9)
    many = replace(few, count=50, days=40)
    short, long = hours(ShufflerDevice(few, 2)), hours(ShufflerDevice(many, 2))
    assert all(long[name][: 20 * 24] == column for name, column in short.items())


def test_seeds_and_devices_differ() -> None:
    plan = ShufflerPlan(count=2, days=5, seed=1)
    first = hours(ShufflerDevice(plan, 0))
    assert first == hours(ShufflerDevice(plan, 0))
    assert first != hours(ShufflerDevice(plan, 1))
    assert first != hours(ShufflerDevice(replace(plan, seed=2), 0))


def test_what_is_ordered_changes_neither_the_table_nor_the_parts_to_come() -> None:
    plan = ShufflerPlan(count=1, days=30, seed=4)
    left, mended = ShufflerDevice(plan, 0), ShufflerDevice(plan, 0)
    for day in range(plan.days):
        before = left.advance().sums
        after = mended.advance([Part.CAMERA] if day == 3 else []).sums
        # The camera's age moves nothing of the mains; the shoe was only some minutes behind.
        assert before["report_supply_mv"].tolist() == after["report_supply_mv"].tolist()
        assert day == 3 or abs(int((before["cycles"] - after["cycles"]).sum())) <= 1
    assert mended.wear[4] < left.wear[4]
    assert mended.wear[:4].tolist() == pytest.approx(left.wear[:4].tolist(), rel=0.02)


# --- wear and failures ----------------------------------------------------------------------------


def test_wear_only_grows_until_something_is_put_in() -> None:
    device = ShufflerDevice(YEAR, 1)
    before = device.wear.copy()
    for _ in range(200):
        known = len(device.work)
        day = device.advance()
        for row in day.wear:
            fell = [PARTS[place] for place in np.flatnonzero(row < before)]
            new = {one.part for one in device.work[known:]}
            assert set(fell) <= new
            before = row
    assert device.failures


def test_a_failure_takes_the_device_out_of_service_until_it_is_mended() -> None:
    device = next(year(index) for index in range(4) if year(index).failures)
    columns = hours(device)
    for one in device.failures:
        first = -(-one.at // HOUR_MS) - YEAR.first_hour
        last = one.cleared_at // HOUR_MS - YEAR.first_hour
        down = range(first, min(last, YEAR.hours))
        assert not any(columns["cycles"][hour] or columns["operating_ms"][hour] for hour in down)
    assert all(a.cleared_at <= b.at for a, b in pairwise(device.failures))
    told = [one for one in device.failures if one.cleared_at < YEAR.end]
    planned = sum(one.down_ms for one in device.work if not one.is_repair)
    assert sum(columns["down_ms"]) == planned + sum(one.cleared_at - one.at for one in told)
    assert sum(columns["failures"]) == len(device.failures)


def test_worn_parts_fail_and_new_ones_do_not() -> None:
    by_wear = [f for i in range(4) for f in year(i).failures if f.cause == "wear"]
    assert len(by_wear) > 10
    assert all(0.6 < one.wear < 1.2 for one in by_wear)
    assert all(one.part is not Part.CONTROLLER for one in by_wear)


def test_a_year_is_plausible() -> None:
    tallies = [year(index).tally() for index in range(4)]
    operating = sum(one.operating_hours for one in tallies)
    failures = sum(one.failures for one in tallies)
    assert 700 < operating / failures < 2_500
    assert 0.08 < sum(one.random_failures for one in tallies) / failures < 0.4
    assert 0.99 < operating / (operating + sum(one.down_hours for one in tallies)) < 0.998
    assert 1 < 1_000 * sum(one.jams for one in tallies) / sum(one.cycles for one in tallies) < 15


def test_sensors_show_wear_and_not_the_wear_itself() -> None:
    device = ShufflerDevice(YEAR, 1)
    rows, slips = [], []
    for _ in range(250):
        day = device.advance()
        rows += day.wear[:, 0].tolist()
        slips += (day.sums["report_roller_slip_bp"] / day.sums["reports"]).tolist()
    worn = np.corrcoef(np.square(rows), slips)[0, 1]
    assert 0.8 < worn < 0.9999
    motor = hours(device)["cycle_motor_ma"]
    assert max(motor) > 0


# --- tables ---------------------------------------------------------------------------------------


def test_blackjack_is_dealt_at_its_usual_pace() -> None:
    rounds = {players: KINDS[0].rounds_an_hour(players) for players in (1, 5, 7)}
    assert rounds == pytest.approx({1: 209, 5: 70, 7: 52}, abs=0.5)


def test_a_table_is_open_by_its_hours_and_measured_while_rounds_are_dealt() -> None:
    device = year(0)
    columns = hours(device)
    assert not any(
        columns["cycles"][hour] for hour in range(YEAR.hours) if not columns["operating_ms"][hour]
    )
    share = sum(columns["operating_ms"]) / (YEAR.hours * HOUR_MS)
    assert 0.3 < share < 1
    rate = sum(columns["rounds"]) / (sum(columns["dealing_ms"]) / HOUR_MS)
    assert 35 < rate < 220


def test_a_plan_begins_with_the_gaming_day_of_its_start() -> None:
    plan = ShufflerPlan(days=3, start=1_772_913_600_000)  # in the night before the clocks change
    assert plan.rule.zone == ZoneInfo("America/Los_Angeles")
    assert plan.day_of(plan.first_ms) == "2026-03-07"
    assert plan.day_of(plan.first_ms - 1) == "2026-03-06"
    assert plan.local[:, 0].tolist().count(2) == 2  # one night has no 02:00


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"gaming_day": "Mars@06:00"}, "is no gaming day"),
        ({"report_seconds": 7}, "divide an hour"),
        ({"report_seconds": 5}, "divide an hour"),
        ({"days": 40_000}, "after the year 2099"),
    ],
)
def test_a_plan_that_makes_no_sense_is_none(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(ShufflerPlan(), **wrong)  # type: ignore[arg-type]


# --- policies -------------------------------------------------------------------------------------


def test_policies_are_asked_daily_and_see_no_later_hour() -> None:
    plan = ShufflerPlan(count=2, days=12, seed=2)
    asked: list[tuple[str, int, float]] = []

    def policy(seen: Seen) -> list[Part]:
        history = seen.history()
        asked.append((seen.asset_id, len(history.times), history.times[-1]))
        assert all(one.at <= history.times[-1] for one in history.failures)
        return []

    outcomes = list(run(plan, policy))
    assert [one.asset_id for one in outcomes] == ["S1", "S2"]
    days = [(day * 24, day * 24.0) for day in range(1, 12)]
    assert asked == [(asset, *day) for asset in ("S1", "S2") for day in days]
    assert len(outcomes[0].history.times) == 12 * 24


def test_planned_work_prevents_failures_and_takes_its_time() -> None:
    plan = ShufflerPlan(count=3, days=200, seed=6)
    most = {part: 400.0 for part in PARTS if p.WEARING[part].life_hours}
    left = [one.tally for one in run(plan, to_failure)]
    kept = [one.tally for one in run(plan, at_intervals(most))]
    assert sum(one.planned for one in left) == 0
    assert sum(one.planned for one in kept) > 10
    # What fails without a warning fails all the same; what wears mostly does not.
    worn = [sum(one.failures - one.random_failures for one in each) for each in (left, kept)]
    assert worn[1] < worn[0] / 2
    assert all(one.planned_down_hours > 0.3 * one.planned for one in kept)


def test_the_plans_own_intervals_are_the_policy_of_the_same() -> None:
    intervals = {Part.ROLLERS: 300.0}
    plan = ShufflerPlan(count=1, days=60, seed=3, replace_after=intervals)
    (outcome,) = run(plan, at_intervals(intervals))
    assert played(plan, 0).tally() == outcome.tally
    assert outcome.tally.planned > 0


def test_a_device_ends_with_its_plan() -> None:
    device = played(ShufflerPlan(days=1), 0)
    with pytest.raises(ValueError, match="no day after its 1"):
        device.advance()


# --- histories ------------------------------------------------------------------------------------


def test_a_history_has_means_of_what_was_shown_and_counts_of_what_happened() -> None:
    zeros = {name: [0, 0, 0] for name in NEEDED}
    sums = zeros | {
        "reports": [2, 2, 0],
        "report_motor_ma": [300, 500, 0],
        "cycles": [0, 4, 0],
        "cycle_ms": [0, 100_000, 0],
        "jams": [0, 3, 0],
        "jams_recovered": [0, 2, 0],
        "operating_ms": [0, HOUR_MS // 2, 0],
    }
    found = history_of(
        "S1",
        [10, 11, 13],
        sums,
        [(12 * HOUR_MS, "motor")],
        [(13 * HOUR_MS, "motor")],
        {"decks": 6.0},
    )
    assert found.unit == "S1"
    assert list(found.times) == [1, 2, 4]
    assert list(found.readings["motor_ma"])[:2] == [150, 250]
    assert np.isnan(found.readings["motor_ma"][2])
    assert np.isnan(found.readings["cycle_ms"][0])
    assert found.readings["cycle_ms"][1] == 25_000
    assert list(found.counts["jams_unrecovered"]) == [0, 1, 0]
    assert list(found.counts["operating_hours"]) == [0, 0.5, 0]
    assert [(one.at, one.part) for one in found.failures] == [(2, "motor")]
    assert [(one.at, one.part) for one in found.maintenance] == [(3, "motor")]
    assert found.facts == {"decks": 6.0}

"""Figures of shufflers from sums: by hand, and whatever order events come in."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pitboss.events.shuffler import SCHEMAS
from pitboss.shufflers.metrics import (
    cycle_trend,
    decisions_an_hour,
    figures,
    poisson_interval,
)
from pitboss.shufflers.state import changes_of
from pitboss.shufflers.sums import HOUR_MS, FaultSums, Sums, TableSums, add_event, merge
from pitboss.stores.shuffler_models import (
    FaultDayRow,
    ShufflerDayRow,
    ShufflerHourRow,
    TableDayRow,
)
from tests.shuffler_events import MOMENT, published, received, shuffle, telemetry


def day_of(property_id: str, moment: int) -> date:
    return datetime.fromtimestamp(moment / 1000, UTC).date()


MONDAY = day_of("north", MOMENT)


def summed(*events: dict[str, object]) -> Sums:
    sums = Sums()
    for event in events:
        add_event(sums, received(event).event.data)
    return sums


def test_a_day_by_hand() -> None:
    day = summed(
        shuffle(1, cycle_ms=90_000),
        shuffle(2, cycle_ms=93_000, retries=2),
        telemetry(3, operating_ms=2 * HOUR_MS, energy_j=9_000),
        telemetry(4, operating_ms=HOUR_MS, energy_j=1_000),
        published(5, "jam.cleared", part="rollers", duration_ms=4_000, recovered=True),
        published(6, "jam.cleared", part="rollers", duration_ms=90_000, recovered=False),
        published(7, "card.misread"),
        published(8, "cards.miscounted", expected=416, counted=415),
        published(9, "fault.raised", code="E7", part="gripper", is_failure=True),
        published(10, "fault.raised", code="W1", part="motor"),
        published(11, "fault.cleared", code="E7", part="gripper", is_failure=True, down_ms=HOUR_MS),
        # The repair's time is in its fault's; the cleaning's is nobody else's.
        published(
            12,
            "maintenance.performed",
            part="gripper",
            action="replaced",
            down_ms=HOUR_MS,
            is_repair=True,
        ),
        published(
            13, "maintenance.performed", part="rollers", action="cleaned", down_ms=HOUR_MS // 2
        ),
        published(14, "link.restored", duration_ms=5_000, lost=3),
        published(15, "shuffle.dreamt"),
    )

    told = figures(day)

    assert (told.cycles, told.seconds_per_cycle) == (2, 91.5)
    assert (told.jams, told.jams_per_1000_shuffles) == (2, 1000.0)
    assert (told.jams_recovered, told.recovered_per_1000_shuffles) == (1, 500.0)
    assert (told.misreads, told.misreads_per_1000_shuffles, told.miscounts) == (1, 500.0, 1)
    assert (told.faults, told.failures, told.maintenances) == (2, 1, 2)
    assert (told.operating_hours, told.down_hours) == (3.0, 1.5)
    assert told.availability == 0.666667
    assert told.hours_between_failures == 3.0
    assert (told.energy_j, told.energy_j_per_shuffle, told.lost_events) == (10_000, 5_000.0, 3)
    assert (day.events, day.unrecognised, day.card_retries) == (15, 1, 2)


def test_a_day_of_nothing_has_no_ratios() -> None:
    told = figures(Sums())

    assert (told.cycles, told.failures, told.operating_hours) == (0, 0, 0.0)
    assert told.seconds_per_cycle is None
    assert told.jams_per_1000_shuffles is None
    assert told.availability is None
    assert told.hours_between_failures is None
    assert told.hours_between_failures_low is None
    assert told.energy_j_per_shuffle is None


def test_a_day_without_a_failure_has_a_least_time_between_failures() -> None:
    told = figures(Sums(operating_ms=100 * HOUR_MS))

    assert told.hours_between_failures is None
    assert told.hours_between_failures_low == pytest.approx(100 / 3.688879, abs=0.001)
    assert told.hours_between_failures_high is None


@pytest.mark.parametrize("failures", [0, 1, 2, 7, 30, 1_000, 200_000])
def test_the_interval_is_that_of_chi_square(failures: int) -> None:
    chi2 = pytest.importorskip("scipy.stats").chi2
    low, high = poisson_interval(failures)

    expected = chi2.ppf(0.025, 2 * failures) / 2 if failures else 0.0
    assert low == pytest.approx(expected, rel=1e-8)
    assert high == pytest.approx(chi2.ppf(0.975, 2 * failures + 2) / 2, rel=1e-8)


def test_the_trend_is_the_line_through_every_cycle() -> None:
    pace = random.Random(6)
    days = []
    points = []
    for number in (0, 1, 4, 9):
        lengths = [90_000 + 120 * number + pace.randrange(500) for _ in range(5 + number)]
        points += [(number, length) for length in lengths]
        days.append(
            (MONDAY + timedelta(days=number), Sums(cycles=len(lengths), cycle_ms=sum(lengths)))
        )

    mean_t = sum(t for t, _ in points) / len(points)
    mean_x = sum(x for _, x in points) / len(points)
    slope = sum((t - mean_t) * (x - mean_x) for t, x in points) / sum(
        (t - mean_t) ** 2 for t, _ in points
    )
    assert cycle_trend(days) == pytest.approx(slope, abs=0.001)
    assert cycle_trend(reversed(days)) == cycle_trend(days)


@pytest.mark.parametrize(
    "days",
    [[], [(MONDAY, Sums(cycles=3, cycle_ms=9))], [(MONDAY, Sums()), (date(2026, 9, 22), Sums())]],
    ids=["no day", "one day", "days without a cycle"],
)
def test_one_day_has_no_trend(days: list[tuple[date, Sums]]) -> None:
    assert cycle_trend(days) is None


@pytest.mark.parametrize(
    ("rounds", "dealing_ms", "pace"),
    [
        (40, 1_800_000, 80),
        (131, 5_400_000, 87),
        (3, 7_200_000, 2),  # 1.5: halves go up
        (29, 7_200_000, 15),
        (0, 1_800_000, None),
        (40, 0, None),
    ],
)
def test_decisions_an_hour(rounds: int, dealing_ms: int, pace: int | None) -> None:
    assert decisions_an_hour(TableSums(1, rounds, dealing_ms)) == pace


def test_every_event_type_is_counted_and_no_sum_is_forgotten() -> None:
    told: dict[str, dict[str, Any]] = {
        "shuffle.completed": {"table_id": "BJ-1", "cycle_ms": 1, "cards": 1, "decks": 1},
        "telemetry.reported": {"uptime_ms": 1, "operating_ms": 1},
        "jam.cleared": {"part": "rollers", "duration_ms": 1, "recovered": True},
        "cards.miscounted": {"expected": 2, "counted": 1},
        "fault.raised": {"code": "E", "part": "motor", "is_failure": True},
        "fault.cleared": {"code": "E", "part": "motor", "down_ms": 1},
        "maintenance.performed": {"part": "motor", "action": "cleaned", "down_ms": 1},
        "door.closed": {"duration_ms": 1},
        "firmware.changed": {"version": "2"},
        "link.restored": {"duration_ms": 1, "lost": 1},
    }
    ones = {
        "shuffle.completed": "rounds dealing_ms motor_ma motor_peak_ma retries temperature_dc",
        "telemetry.reported": "motor_ma temperature_dc vibration_um_s roller_slip_bp "
        "gripper_offset_um elevator_offset_um supply_mv energy_j",
    }
    sums = Sums()
    for event_type, _ in [*SCHEMAS, ("shuffle.dreamt", 1)]:
        data = told.get(event_type, {}) | dict.fromkeys(ones.get(event_type, "").split(), 1)
        add_event(sums, received(published(1, event_type, **data)).event.data)

    assert sums.events == len(SCHEMAS) + 1
    assert [name for name in Sums.__struct_fields__ if not getattr(sums, name)] == []


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (ShufflerHourRow, Sums),
        (ShufflerDayRow, Sums),
        (FaultDayRow, FaultSums),
        (TableDayRow, TableSums),
    ],
)
def test_the_columns_of_a_table_are_its_sums_in_their_order(model: type, kind: type) -> None:
    columns = [column.name for column in model.__table__.columns if not column.primary_key]  # type: ignore[attr-defined]

    assert columns == list(kind.__struct_fields__)  # type: ignore[attr-defined]


def test_a_state_is_the_newest_of_each_kind_whatever_comes_first() -> None:
    hour = 3_600_000
    told = [
        received(published(1, "device.connected", firmware="1.0"), MOMENT + 100),
        received(telemetry(2, at=MOMENT + 1, motor_ma=900)),
        received(shuffle(3, at=MOMENT + hour, table_id="BJ-2")),
        received(published(4, "firmware.changed", at=MOMENT + hour, version="1.1")),
        received(telemetry(5, at=MOMENT + hour, motor_ma=950)),
        # The last will was written when the device connected.
        received(published(0, "device.disconnected"), MOMENT + 2 * hour),
        received(published(6, "fault.raised", at=MOMENT + 5, code="E7", part="motor")),
        received(published(7, "fault.cleared", at=MOMENT + 9, code="E7", part="motor")),
        received(
            published(8, "fault.raised", at=MOMENT + 7, code="E8", part="motor", is_failure=True)
        ),
    ]
    expected = changes_of(told, day_of)

    state = expected.devices["north", "7"]  # type: ignore[index]
    assert state.status is not None
    assert (state.status.is_online, state.status.received_at) == (False, MOMENT + 2 * hour)
    assert state.heard_at == MOMENT + 2 * hour
    assert state.occurred_at == MOMENT + hour
    assert state.firmware is not None
    assert state.firmware.firmware == "1.1"
    assert state.table is not None
    assert state.table.table_id == "BJ-2"
    assert state.readings is not None
    assert state.readings.readings.motor_ma == 950
    assert [key.code for key, fault in expected.faults.items() if fault.is_open] == ["E8"]

    shuffled = random.Random(1)
    for _ in range(20):
        shuffled.shuffle(told)
        assert changes_of(told, day_of) == expected


def test_sums_of_parts_are_sums_of_the_whole() -> None:
    events = [shuffle(1), telemetry(2), published(3, "card.misread")]
    whole, parts = summed(*events), summed(*events[:1])

    merge(parts, summed(*events[1:]))

    assert parts == whole

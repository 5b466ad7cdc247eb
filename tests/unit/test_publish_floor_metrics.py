"""A minute of a floor: its metrics, the minute that is kept, alerts of what is silent."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from pitboss.floor.plan import FloorPlan, Limits
from pitboss.floor.rows import (
    Alert,
    Fault,
    FloorMinute,
    FloorStatus,
    MachineCondition,
    MachineSums,
    OfferCounts,
    Severity,
    StreamRate,
)
from pitboss.offers.budget import Budgets, Counter, PlayerBudget
from pitboss.offers.catalogue import Catalogue
from pitboss.stores.figures import CloudWatchFigures
from pitboss.stores.floor import StoredFloor
from publish_floor_metrics import handler as entry
from publish_floor_metrics.service import (
    GIVEN_UP_MS,
    MAX_ALERTS,
    NAMESPACE,
    RUNBOOK,
    WATCHED,
    Published,
    PublishFloorMetrics,
)
from tests import sample_events
from tests.fakes.offers import CATALOGUE

DAY = "2020-06-15"
END = 1_592_277_300_000
"""When the minute of these tests ended: 20:15 in Los Angeles."""
MINUTE = END // 60_000 - 1


def sums(asset_id: str = "1", **changed: Any) -> MachineSums:
    """A machine that is played without a card: 20.00 in this gaming day, 3.00 in this minute."""
    row = MachineSums(
        asset_id,
        END - 5_000,
        DAY,
        games=4,
        coin_in_cents=2_000,
        coin_out_cents=1_500,
        theoretical_win=6_000_000,
        unrated_coin_in_cents=0,
        handpaid_cents=0,
        gaps=0,
        meter_difference_cents=0,
        hold_basis_points=300,
        last_play=END - 5_000,
        minute=MINUTE,
        coin_in_by_minute=[300, 200, 0, 0, 0],
    )
    return replace(row, **changed)


def carded(asset_id: str, **changed: Any) -> MachineSums:
    return sums(asset_id, player_id=f"p-{asset_id}", seated_since=END, is_carded=True, **changed)


def condition(asset_id: str = "1", **changed: Any) -> MachineCondition:
    return replace(MachineCondition(asset_id, END - 5_000, END - 5_000), **changed)


class Floors:
    """The floor of one property, in memory."""

    def __init__(self, floor: StoredFloor, limits: Limits | None = None) -> None:
        self.floor = floor
        self.limits = limits
        self.status: FloorStatus | None = None
        self.kept: dict[tuple[str, int], FloorMinute] = {}

    def properties(self) -> list[str]:
        return ["north"]

    def live(self, property_id: str) -> StoredFloor:
        return self.floor

    def plan(self, property_id: str) -> FloorPlan | None:
        return None if self.limits is None else FloorPlan([], self.limits, 1)

    def keep_status(self, property_id: str, status: FloorStatus) -> bool:
        self.status = status
        return True

    def keep_minute(self, property_id: str, minute: FloorMinute) -> bool:
        key = minute.gaming_day, minute.minute
        return self.kept.setdefault(key, minute) is minute

    def raise_alerts(self, property_id: str, alerts: Iterable[Alert]) -> list[Alert]:
        known = {alert.alert_id for alert in self.floor.alerts}
        new = [alert for alert in alerts if alert.alert_id not in known]
        self.floor = replace(self.floor, alerts=[*self.floor.alerts, *new])
        return new

    def clear_alert(self, property_id: str, alert_id: str, at: int) -> Alert | None:
        found = {alert.alert_id: alert for alert in self.floor.alerts}
        found[alert_id] = replace(found[alert_id], cleared_at=at)
        self.floor = replace(self.floor, alerts=list(found.values()))
        return found[alert_id]


class Offers:
    """A budget of 250.00 a day, of which 200.00 is reserved."""

    def catalogue(self, property_id: str) -> Catalogue | None:
        house = replace(CATALOGUE.house, daily_budget_cents=25_000)
        return replace(CATALOGUE, house=house)

    def budgets(self, property_id: str, player_id: str, day: str, codes: object) -> Budgets:
        return Budgets(PlayerBudget(), Counter(20_000, 4) if day == DAY else Counter(), {})


class Quarantine:
    def count_of_day(self, property_id: str, day: str) -> int:
        return {"2020-06-16": 3}.get(day, 0)


class Figures:
    def __init__(self) -> None:
        self.put_ = list[tuple[str, int, dict[str, float], frozenset[str]]]()

    def put(
        self, property_id: str, at: int, values: Mapping[str, float], watched: Iterable[str]
    ) -> None:
        self.put_.append((property_id, at, dict(values), frozenset(watched)))


def publisher(floors: Floors, figures: Figures) -> PublishFloorMetrics:
    return PublishFloorMetrics(
        floors, Offers(), Quarantine(), figures, lambda _, at: DAY, lambda at: "2020-06-16"
    )


def published(
    *rows: MachineSums | MachineCondition, now: int = END, **parts: Any
) -> tuple[dict[str, float], Floors, Published]:
    """What was put of a floor of these rows, the floor after, and what was done."""
    floor = StoredFloor(
        sums=[row for row in rows if isinstance(row, MachineSums)],
        conditions=[row for row in rows if isinstance(row, MachineCondition)],
        **parts,
    )
    floors, figures = Floors(floor), Figures()
    done = publisher(floors, figures)("north", now)
    ((property_id, at, values, watched),) = figures.put_
    assert (property_id, at, watched) == ("north", END - 60_000, WATCHED)
    return values, floors, done


def test_a_floor_comes_to_these_figures() -> None:
    values, floors, done = published(
        sums("1"),
        carded("2"),
        carded("3", coin_out_cents=2_000, is_employee=True),
        condition("3"),
        rates=[
            StreamRate("shard-0", END - 300, END - 1_100, MINUTE, [9_000, 60, 0, 0, 0]),
            StreamRate("shard-1", END - 100, END - 300, MINUTE + 1, [5, 6_000, 0, 0, 0]),
        ],
        offers=OfferCounts(DAY, decided=7, delivered=4, accepted=2),
    )

    assert values == {
        "CardedPlayers": 1,
        "UncardedMachines": 1,
        "CoinInOfMinuteCents": 900,
        "TheoreticalWinCents": 1_800,
        "HoldBasisPoints": 1_666.7,
        "TheoreticalHoldBasisPoints": 3_000.0,
        "HandPaysWaiting": 0,
        "HandPayWaitMinutes": 0,
        "MachinesSilent": 0,
        "OffersDecided": 7,
        "OffersDelivered": 4,
        "OffersAccepted": 2,
        "BudgetUsedPercent": 80.0,
        "EventsPerSecond": 250.0,
        "LagMilliseconds": 800,
        "QuarantinedObjects": 3,
    }
    assert floors.status == FloorStatus(END, DAY, 3, 25_000, 20_000)
    assert done == Published(minutes=1)


def test_a_floor_without_play_has_no_hold() -> None:
    values, _, _ = published(condition("1"))

    assert not {"HoldBasisPoints", "TheoreticalHoldBasisPoints", "LagMilliseconds"} & values.keys()
    assert values["CoinInOfMinuteCents"] == 0


def test_what_is_of_another_day_does_not_count() -> None:
    values, floors, _ = published(
        sums("1", gaming_day="2020-06-14"), offers=OfferCounts("2020-06-14", decided=9)
    )

    assert (values["TheoreticalWinCents"], values["OffersDecided"]) == (0, 0)
    (row,) = floors.kept[DAY, MINUTE].rows
    assert (row.games, row.coin_in_cents, row.theoretical_win) == (0, 0, 0)


@pytest.mark.parametrize(
    ("at", "of_minute"), [(MINUTE - 6, 0), (MINUTE, 300), (MINUTE + 1, 200), (MINUTE + 9, 0)]
)
def test_coin_in_is_of_the_minute_that_ended(at: int, of_minute: int) -> None:
    values, floors, _ = published(sums("1", minute=at))

    assert values["CoinInOfMinuteCents"] == of_minute
    assert floors.kept[DAY, MINUTE].rows[0].coin_in_of_minute_cents == of_minute


def test_the_minute_has_each_machine_as_it_ended() -> None:
    _, floors, _ = published(
        sums("1"), carded("2"), condition("2", faults=[(Fault.DOOR, END - 1, "slot")])
    )

    kept = floors.kept[DAY, MINUTE]
    assert (kept.minute, kept.gaming_day) == (MINUTE, DAY)
    assert [(row.asset_id, row.state) for row in kept.rows] == [("1", "U"), ("2", "S")]
    assert kept.rows[0].coin_in_cents == 2_000


@pytest.mark.parametrize("now", [END, END + 1, END + 59_999])
def test_the_same_minute_again_changes_nothing(now: int) -> None:
    floors, figures = Floors(StoredFloor(sums=[sums("1"), sums("2", changed_at=1)])), Figures()
    publish = publisher(floors, figures)
    floors.floor = replace(
        floors.floor, conditions=[condition("2", heard_at=END - 200_000, changed_at=1)]
    )

    first = publish("north", now)
    before = floors.floor, floors.status, dict(floors.kept)
    again = publish("north", now)

    assert first == Published(minutes=1, raised=1)
    assert again == Published()
    assert (floors.floor, floors.status, floors.kept) == before
    assert figures.put_[0] == figures.put_[1]


def test_a_hand_pay_waits_since_the_machine_said_so_or_locked_up() -> None:
    pending = (Fault.HANDPAY, END - 16 * 60_000, "hand-pay pending")
    values, _, _ = published(
        sums("1", locked_since=END - 15 * 60_000),
        condition("1", faults=[pending]),
        sums("2", locked_since=END - 60_000),
        condition("3", faults=[(Fault.DOOR, 1, "slot")]),
    )

    assert (values["HandPaysWaiting"], values["HandPayWaitMinutes"]) == (2, 16)


def test_a_machines_clock_that_is_ahead_makes_no_wait() -> None:
    values, _, _ = published(sums("1", locked_since=END + 60_000))

    assert (values["HandPaysWaiting"], values["HandPayWaitMinutes"]) == (1, 0)


SILENT = END - 121_000


def silent(asset_id: str, heard_at: int = SILENT) -> MachineCondition:
    return condition(asset_id, heard_at=heard_at, changed_at=heard_at)


def test_a_machine_that_falls_silent_has_one_alert_until_it_is_heard() -> None:
    values, floors, done = published(silent("7"))

    assert (values["MachinesSilent"], done.raised) == (1, 1)
    (alert,) = floors.floor.alerts
    assert (alert.kind, alert.asset_id, alert.severity) == ("no_comms", "7", Severity.WARNING)
    assert (alert.raised_at, alert.runbook) == (END, RUNBOOK)

    publish = publisher(floors, Figures())
    assert publish("north", END + 60_000) == Published(minutes=1)
    floors.floor = replace(floors.floor, conditions=[condition("7", heard_at=END + 65_000)])
    assert publish("north", END + 120_000) == Published(minutes=1, cleared=1)
    assert floors.floor.alerts[0].cleared_at == END + 65_000
    assert publish("north", END + 180_000) == Published(minutes=1)

    later = END + 65_000 + 200_000
    assert publish("north", later).raised == 1, "the next silence is another alert"


def test_what_is_gone_for_a_day_raises_nothing() -> None:
    _, _, done = published(silent("7", END - GIVEN_UP_MS), silent("8", END - GIVEN_UP_MS + 1))

    assert done.raised == 1


def test_a_floor_that_falls_silent_raises_a_few_at_a_time() -> None:
    rows = [silent(str(n), SILENT - n) for n in range(MAX_ALERTS + 10)]

    _, floors, done = published(*rows)

    assert done.raised == MAX_ALERTS
    assert floors.floor.alerts[0].asset_id == str(MAX_ALERTS + 9), "the longest silent first"
    assert publisher(floors, Figures())("north", END).raised == 10


def test_the_plans_limits_count() -> None:
    floors, figures = Floors(StoredFloor(conditions=[silent("7")])), Figures()
    floors.limits = Limits(no_comms_seconds=300)

    publisher(floors, figures)("north", END)

    assert figures.put_[0][2]["MachinesSilent"] == 0


class CloudWatch:
    def __init__(self) -> None:
        self.calls = list[dict[str, Any]]()

    def put_metric_data(self, **call: Any) -> None:
        self.calls.append(call)


def test_figures_are_one_call_and_what_alarms_watch_is_put_without_the_property_too() -> None:
    figures, cloudwatch = CloudWatchFigures(NAMESPACE, "us-east-1"), CloudWatch()
    figures.__dict__["_client"] = cloudwatch

    figures.put("north", END, {"CardedPlayers": 4, "MachinesSilent": 2}, WATCHED)

    of_north = [{"Name": "Property", "Value": "north"}]
    (call,) = cloudwatch.calls
    assert call["Namespace"] == "Pitboss/Floor"
    assert [(one["MetricName"], one["Dimensions"], one["Value"]) for one in call["MetricData"]] == [
        ("CardedPlayers", of_north, 4),
        ("MachinesSilent", of_north, 2),
        ("MachinesSilent", [], 2),
    ]
    assert {one["Timestamp"] for one in call["MetricData"]} == {END / 1000}


def test_a_property_that_fails_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Floors):
        def properties(self) -> list[str]:
            return ["south", "north"]

        def live(self, property_id: str) -> StoredFloor:
            if property_id == "south":
                raise ConnectionError("the table does not answer")
            return self.floor

    floors, figures = Broken(StoredFloor(sums=[sums()])), Figures()
    monkeypatch.setattr(entry, "_wiring", lambda: publisher(floors, figures))

    with pytest.raises(ConnectionError):
        entry.handler({}, None)

    assert [one[0] for one in figures.put_] == ["north"]


def test_every_sample_event_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    floors = Floors(StoredFloor(sums=[sums()]))
    monkeypatch.setattr(entry, "_wiring", lambda: publisher(floors, Figures()))

    for event in sample_events.load("publish_floor_metrics").values():
        assert entry.handler(event, None) == {"properties": 1}
    assert len(floors.kept) == 1

"""The use case of `plan_retraining`: days to export, days to learn from, and one run a night."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from pitboss.gaming_day import GamingDays
from pitboss.lake.decided import DecisionSummary, decision_summary_key
from pitboss.lake.layout import table_key
from plan_retraining import handler as door
from plan_retraining.service import Plan, PropertyDays, plan
from tests import offer_nights, sample_events
from tests.floor_by_day import MemoryLake

pytestmark = pytest.mark.unit

DAYS = GamingDays.parse("*=America/Los_Angeles@06:00")
LAST = date(2026, 3, 7)
WEEK = [(LAST - timedelta(back)).isoformat() for back in range(6, -1, -1)]
NOON_AFTER = int(
    datetime(2026, 3, 8, 12, tzinfo=ZoneInfo("America/Los_Angeles")).timestamp() * 1_000
)
"""Noon of the day after the last one."""


class Runs:
    def __init__(self) -> None:
        self.begun: dict[str, str] = {}

    def claim(self, run: str, execution: str) -> bool:
        return self.begun.setdefault(run, execution) == execution


def played(*days: str, property_id: str = "north") -> MemoryLake:
    lake = MemoryLake()
    for day in days:
        lake.put(table_key("games", property_id, day), b"")
    return lake


def exported(lake: MemoryLake, day: str, open_offers: int) -> None:
    summary = DecisionSummary("north", day, 10, 5, open_offers, {})
    lake.put(decision_summary_key("north", day), msgspec.json.encode(summary))


def planned(
    lake: MemoryLake, now: int = NOON_AFTER, training_days: int = 30, runs: Runs | None = None
) -> Plan:
    return plan("r", "e", lake, runs or Runs(), DAYS, training_days, now)


def test_every_day_with_play_is_exported_until_its_offers_are_settled() -> None:
    lake = played(*WEEK)
    assert [day for _, day in planned(lake).exports] == WEEK
    for day in WEEK:
        exported(lake, day, open_offers=0)
    exported(lake, WEEK[2], open_offers=1)
    assert planned(lake).exports == [("north", WEEK[2])]


def test_a_day_in_progress_waits_and_so_does_one_that_has_just_ended() -> None:
    lake = played(*WEEK, "2026-03-08")
    end = DAYS.rule_of("north").bounds_of(LAST)[1]
    assert planned(lake).properties == [PropertyDays("north", WEEK, end)]
    just_ended = planned(lake, now=end + 29 * 60_000)
    assert just_ended.properties[0].days == WEEK[:-1]
    assert planned(lake, now=end + 30 * 60_000).properties[0].days == WEEK


def test_days_that_are_not_learned_from_any_more_are_left_alone() -> None:
    found = planned(played(*WEEK), training_days=3)
    assert found.properties[0].days == [day for day in WEEK if day >= "2026-03-05"]
    assert [day for _, day in found.exports] == found.properties[0].days
    assert planned(played("2019-01-01")).properties == []


def test_each_property_has_its_own_days() -> None:
    lake = played(*WEEK)
    lake.bodies |= played(WEEK[0], property_id="south").bodies
    assert [(one.property_id, len(one.days)) for one in planned(lake).properties] == [
        ("north", 7),
        ("south", 1),
    ]


def test_a_run_is_of_the_execution_that_began_it() -> None:
    runs = Runs()
    runs.begun["r"] = "another"
    assert planned(played(*WEEK), runs=runs) == Plan("r", False, [], [])


@pytest.mark.parametrize("case", sample_events.load("plan_retraining"))
def test_the_handler_says_what_the_machine_goes_through(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = sample_events.load("plan_retraining")[case]
    # The patch inside of the clock that `models` installs, and undone before it.
    with offer_nights.models() as models, monkeypatch.context() as patch:
        settings: Any = type("S", (), {"gaming_days": DAYS, "training_days": 366})
        settings.training_place = "lambda"
        stub = type("W", (), {"settings": settings, "lake": played(*WEEK), "models": models})
        patch.setattr(door, "_wiring", lambda: stub)
        patch.setattr("time.time_ns", lambda: NOON_AFTER * 1_000_000)

        answer = door.handler(event, None)

        assert answer["is_ours"]
        assert answer["exports"][0] == {"property_id": "north", "gaming_day": WEEK[0]}
        assert answer["properties"][0]["days"] == WEEK
        if case == "nightly":
            assert (answer["run"], answer["train_in"]) == ("2020-06-17", "lambda")
            assert answer["hyperparameters"] == {}
        else:
            assert (answer["run"], answer["train_in"]) == ("by-hand", "sagemaker")
            assert answer["hyperparameters"] == {"seed": "2"}
        other = door.handler({**event, "execution": "another"}, None)
        assert (other["is_ours"], other["exports"]) == (False, [])

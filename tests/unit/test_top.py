"""The floor in a terminal: what a document comes to, and that it is shown."""

import json
from typing import Any

import httpx
import msgspec
from msgspec.structs import replace
from rich.console import Console

from pitboss.floor.documents import FloorDocument
from pitboss.floor.plan import FloorPlan, Limits
from pitboss.floor.rows import (
    Alert,
    Fault,
    FloorStatus,
    MachineCondition,
    OfferCounts,
    Severity,
    StreamRate,
)
from tests.unit.test_publish_floor_metrics import DAY, END, MINUTE, carded, condition, sums
from workbench.top import look, look_at, picture

ALERT = Alert("1-a", "tilt", Severity.CRITICAL, END - 120_000, "REEL_2_TILT", "2", runbook=None)
FLOOR = FloorDocument(
    at=END,
    property_id="north",
    gaming_day=DAY,
    plan_version=1,
    sums=[sums("1"), carded("2", coin_in_by_minute=[5_000, 0, 0, 0, 0], locked_since=END)],
    conditions=[
        condition("2", faults=[(Fault.HANDPAY, END - 60_000, "")]),
        MachineCondition("3", 1, 1),
    ],
    rates=[StreamRate("shard-0", END - 100, END - 400, MINUTE + 1, [1, 1_500, 9, 9, 9])],
    offers=OfferCounts(DAY, decided=3, delivered=2, accepted=1),
    status=FloorStatus(END, DAY, 4, 25_000, 20_000),
    alerts=[ALERT, replace(ALERT, alert_id="1-b", cleared_at=END)],
)


def test_a_document_comes_to_this() -> None:
    found = look(FLOOR, Limits())

    assert found.tiles == {
        "machines": 3,
        "carded": 1,
        "uncarded": 1,
        "coin_in_cents_a_minute": 1_100,
        "theoretical_win_cents": 1_200,
        "hold_percent": 25.0,
        "hand_pays_waiting": 1,
        "offers_decided": 3,
        "offers_delivered": 2,
        "offers_accepted": 1,
        "budget_left_cents": 5_000,
        "quarantined": 4,
        "events_a_second": 25.0,
        "lag_seconds": 0.3,
    }
    assert {name: count for name, count in found.states.items() if count} == {
        "offline": 1,
        "service": 1,
        "uncarded": 1,
    }
    assert [one["asset_id"] for one in found.busiest] == ["2", "1"]
    assert [one["kind"] for one in found.alerts] == ["tilt"]


def shown(document: FloorDocument, now: float) -> str:
    console = Console(width=140)
    with console.capture() as capture:
        console.print(picture(look(document, Limits()), "north", now))
    return capture.get()


def test_it_is_shown_and_what_is_old_is_not_shown_as_now() -> None:
    text = shown(FLOOR, END / 1000 + 2)

    for word in ("Floor of north", "3/2/1", "$50.00", "REEL_2_TILT", "critical", "25.0"):
        assert word in text
    assert "not now any more" not in text
    assert "not now any more" in shown(FLOOR, END / 1000 + 31)


def test_an_empty_floor_is_shown_too() -> None:
    empty = FloorDocument(at=END, property_id="north", gaming_day=DAY, plan_version=0)

    assert "Busiest machines" in shown(empty, END / 1000)


class Client:
    """Answers with the floor and a plan."""

    def __init__(self, plan: bytes | None) -> None:
        self._plan = plan

    def get(self, path: str) -> httpx.Response:
        if path == "/v1/floor/live":
            return httpx.Response(200, content=msgspec.json.encode(FLOOR))
        assert path == "/v1/floor/plan"
        return (
            httpx.Response(404) if self._plan is None else httpx.Response(200, content=self._plan)
        )


def test_the_plans_limits_count_and_it_is_one_json_document() -> None:
    plan = msgspec.json.encode(FloorPlan([], Limits(idle_seconds=5, hot_cents_per_minute=100)))
    client: Any = Client(plan)

    assert look_at(client).states["hot"] == 1
    assert look_at(Client(None)) == look(FLOOR, Limits())  # type: ignore[arg-type]
    assert json.loads(json.dumps(look_at(client)._asdict()))["at"] == END

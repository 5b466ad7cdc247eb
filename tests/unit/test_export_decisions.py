"""The use case of `export_decisions`: decisions as rows, with what became of their offers."""

import json
from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from export_decisions import handler as door
from export_decisions.service import export_day, row
from pitboss.lake.decided import DECISIONS, decision_summary_key
from pitboss.lake.layout import table_key
from pitboss.offers.issued import Status, Step
from pitboss.stores.parquet import ParquetLake
from tests import offer_nights, sample_events
from tests.floor_by_day import MemoryLake

pytestmark = pytest.mark.unit

DAY = offer_nights.days()[-1].day
COLUMNS = [column.name for column in DECISIONS.columns]


def rows(lake: MemoryLake, day: str = DAY) -> list[dict[str, Any]]:
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    with ParquetLake(lake, "north", 300) as tables:
        found = tables.rows(f"SELECT {names} FROM {tables.table(DECISIONS, [day])}")
        return [dict(zip(COLUMNS, one, strict=True)) for one in found]


class StubWiring:
    def __init__(self) -> None:
        self.lake = MemoryLake()
        self.offers = offer_nights.StoredWeek(offer_nights.days())


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> StubWiring:
    made = StubWiring()
    monkeypatch.setattr(door, "_wiring", lambda: made)
    return made


def test_every_decision_is_a_row_with_its_odds_and_its_outcome(wiring: StubWiring) -> None:
    answer = door.handler({"property_id": "north", "gaming_day": DAY}, None)

    pairs = {decided.decision_id: (decided, offer) for decided, offer in offer_nights.days()[-1][1]}
    found = rows(wiring.lake)
    assert answer == {"decisions": len(pairs), "open_offers": 0}
    assert [one["decision_id"] for one in found] == sorted(pairs)
    statuses: Counter[str | None] = Counter()
    for one in found:
        decided, offer = pairs[one["decision_id"]]
        assert json.loads(one["context"]) == decided.context
        odds = [[a.code, a.kind, a.cost_cents, a.millionths] for a in decided.actions]
        assert json.loads(one["actions"]) == odds
        assert sum(action.millionths for action in decided.actions) == 1_000_000
        assert (one["chosen"], one["propensity"]) == (decided.chosen, decided.propensity)
        assert json.loads(one["no_offer"]) == list(decided.no_offer)
        statuses[one["status"]] += 1
        if offer is not None and offer.status is Status.REDEEMED:
            assert one["cost_redeemed_cents"] == one["cost_reserved_cents"] == offer.cost_cents
            assert one["delivered_at"] < one["accepted_at"] < one["redeemed_at"]
    assert statuses.keys() == {None, "declined", "redeemed"}


def test_the_same_decisions_are_the_same_bytes_in_any_order(wiring: StubWiring) -> None:
    door.handler({"property_id": "north", "gaming_day": DAY}, None)
    before = dict(wiring.lake.bodies)
    wiring.offers.days[DAY].decided.reverse()
    try:
        door.handler({"property_id": "north", "gaming_day": DAY}, None)
    finally:
        wiring.offers.days[DAY].decided.reverse()

    assert wiring.lake.bodies == before
    assert before.keys() == {
        table_key("decisions", "north", DAY),
        decision_summary_key("north", DAY),
    }


def test_an_offer_that_is_open_is_counted_and_one_given_back_reserves_nothing() -> None:
    decided, offer = next(pair for pair in offer_nights.days()[0].decided if pair[1] is not None)
    assert offer is not None
    delivered = replace(offer, status=Status.DELIVERED, steps=offer.steps[:2])
    given_back = replace(
        delivered, status=Status.EXPIRED, steps=(*offer.steps[:2], Step(Status.EXPIRED, 9, "x"))
    )

    def cells(state: Any) -> dict[str, Any]:
        return dict(zip(COLUMNS, row(decided, state), strict=True))

    assert cells(delivered)["cost_reserved_cents"] == offer.cost_cents
    assert cells(given_back)["cost_reserved_cents"] == 0
    assert cells(delivered)["cost_redeemed_cents"] == 0
    assert cells(None)["status"] is None

    class One:
        def decisions(self, property_id: str, gaming_day: str) -> Any:
            return iter([(decided, delivered)])

    lake = MemoryLake()
    with ParquetLake(lake, "north", 300) as tables:
        summary = export_day(One(), tables, lake, "north", DAY)
    assert (summary.offers, summary.open_offers) == (1, 1)
    assert summary.statuses == {"delivered": 1}


@pytest.mark.parametrize("case", sample_events.load("export_decisions"))
def test_a_day_without_decisions_is_an_empty_table(case: str, wiring: StubWiring) -> None:
    event = sample_events.load("export_decisions")[case]

    assert door.handler(event, None) == {"decisions": 0, "open_offers": 0}
    assert rows(wiring.lake, event["gaming_day"]) == []
    summary = json.loads(wiring.lake.bodies[decision_summary_key(*event.values())])
    assert (summary["decisions"], summary["statuses"]) == (0, {})

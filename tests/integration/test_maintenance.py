"""Recommended maintenance in a real PostgreSQL: one open of a part, entries, answers, messages."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, text

from migrate_database import roles
from pitboss.access import Action, Kind, Principal
from pitboss.cursors import Cursors
from pitboss.events.shuffler import Part
from pitboss.shufflers.costs import shipped
from pitboss.shufflers.maintenance import (
    HOUR_MS,
    Change,
    Device,
    Prospect,
    Recommendation,
    Status,
    Urgency,
    acknowledge,
    advise,
    close,
    revise,
)
from pitboss.shufflers.outlook import history_of_hours
from pitboss.stores.database import Database, DatabaseFault
from pitboss.stores.histories import SqlHistories
from pitboss.stores.maintenance import Known, Outcome, Request, SqlMaintenance, position_of
from pitboss.stores.shuffler_models import (
    ShufflerEventRow,
    ShufflerHourRow,
    ShufflerRow,
    TableDayRow,
)
from pitboss.stores.shufflers import PostgresShufflers
from serve_maintenance import handler as http
from tests.sample_events import asked, sent
from workbench.shuffling import ShufflerDevice, ShufflerPlan
from workbench.shuffling.stored import store

pytestmark = pytest.mark.integration

NOW = 1_790_000_000_000
KEY = {"property_id": "P1", "asset_id": "7"}
COSTS = shipped().of("P1")


@pytest.fixture
def maintainer(databases_of: Callable[..., Database]) -> Iterator[Database]:
    """The database as the functions of maintenance log in to it."""
    database = databases_of(roles.MAINTAINER)
    yield database
    database.close()


@pytest.fixture
def maintenance(maintainer: Database) -> SqlMaintenance:
    return SqlMaintenance(maintainer)


def advised(
    probabilities: Mapping[Part, float], device: Device, new_id: str, now: int = NOW
) -> Callable[[Mapping[Part, Known]], Iterator[Change]]:
    """What `recommend_maintenance` decides of these probabilities."""

    def decide(known: Mapping[Part, Known]) -> Iterator[Change]:
        for part, probability in probabilities.items():
            there = known.get(part, Known(None, None))
            advice = advise(Prospect(part, probability, 336.0, ("so",)), COSTS, 0.2, now)
            change = revise(
                device,
                part,
                advice,
                there.current,
                there.closed,
                COSTS,
                model_version="m-1",
                new_id=f"{new_id}-{part}",
                now=now,
            )
            if change is not None:
                yield change

    return decide


def opened(
    maintenance: SqlMaintenance, asset_id: str, probability: float = 0.3, property_id: str = "P1"
) -> Recommendation:
    device = Device(property_id, asset_id)
    made = maintenance.revise(
        device, advised({Part.ROLLERS: probability}, device, f"r-{property_id}-{asset_id}")
    )
    assert len(made) == 1
    return made[0].recommendation


def test_what_is_opened_is_read_again_and_what_is_the_same_is_not_repeated(
    maintenance: SqlMaintenance,
) -> None:
    one = opened(maintenance, "7")
    found = maintenance.recommendation("P1", one.recommendation_id)
    assert found is not None
    assert found[0] == one
    assert [entry.status for entry in found[1]] == [Status.OPEN]
    device = Device("P1", "7")
    assert maintenance.revise(device, advised({Part.ROLLERS: 0.3}, device, "r-2")) == []
    newer = maintenance.revise(device, advised({Part.ROLLERS: 0.4}, device, "r-2"))
    assert [change.recommendation.recommendation_id for change in newer] == [one.recommendation_id]
    assert [entry.status for entry in found[1]] == [Status.OPEN]


def test_of_two_that_open_at_once_one_does(maintenance: SqlMaintenance) -> None:
    one = opened(maintenance, "7")
    device = Device("P1", "7")

    def unaware(known: Mapping[Part, Known]) -> Iterator[Change]:
        yield from advised({Part.ROLLERS: 0.9}, device, "r-late")({})

    assert maintenance.revise(device, unaware) == []
    assert [r.recommendation_id for r in maintenance.page("P1", limit=9)] == [one.recommendation_id]


def test_a_rise_of_urgency_is_told_once_and_again_until_it_is_sent(
    maintenance: SqlMaintenance,
) -> None:
    one = opened(maintenance, "7")
    device = Device("P1", "7")
    for probability in (0.99, 0.3, 0.99):
        maintenance.revise(device, advised({Part.ROLLERS: probability}, device, "r-2"))
    unsent = maintenance.unsent(10)
    assert [urgency for _, urgency in unsent] == [Urgency.NOW, Urgency.THIS_WEEK]
    maintenance.sent(one.recommendation_id, Urgency.NOW, NOW)
    assert [urgency for _, urgency in maintenance.unsent(10)] == [Urgency.THIS_WEEK]


def test_an_answer_counts_once_by_its_key(maintenance: SqlMaintenance) -> None:
    one, other = opened(maintenance, "7"), opened(maintenance, "8")
    request = Request("tech-1", "k-1", "digest")

    def taken(of: Recommendation, by: Request = request) -> Outcome | None:
        answered = maintenance.answer(
            "P1", of.recommendation_id, by, lambda it: acknowledge(it, by.by, "on it", NOW + 1)
        )
        return answered and answered.outcome

    assert taken(one) is Outcome.DONE
    assert taken(one) is Outcome.REPEATED
    assert taken(one, request._replace(digest="another")) is Outcome.REUSED
    assert taken(other, request._replace(digest="another")) is Outcome.REUSED
    found = maintenance.recommendation("P1", one.recommendation_id)
    assert found is not None
    assert [entry.by for entry in found[1]] == ["recommend_maintenance", "tech-1"]
    assert found[0].status is Status.ACKNOWLEDGED
    still = maintenance.recommendation("P1", other.recommendation_id)
    assert still is not None
    assert still[0].status is Status.OPEN
    foreign = maintenance.answer(
        "P2", one.recommendation_id, request, lambda it: acknowledge(it, "tech-1", "", NOW)
    )
    assert foreign is None


def test_after_the_work_another_may_be_opened_and_what_was_closed_is_known(
    maintenance: SqlMaintenance,
) -> None:
    one = opened(maintenance, "7")
    maintenance.answer(
        "P1",
        one.recommendation_id,
        Request("tech-1", "k-1", "d"),
        lambda it: close(it, Status.DISMISSED, "tech-1", "looked at", NOW),
    )
    device = Device("P1", "7")
    seen: list[Mapping[Part, Known]] = []

    def look(known: Mapping[Part, Known]) -> Iterator[Change]:
        seen.append(known)
        return iter(())

    maintenance.revise(device, look)
    assert seen[0][Part.ROLLERS].current is None
    closed = seen[0][Part.ROLLERS].closed
    assert closed is not None
    assert closed.closed_by == "tech-1"
    assert maintenance.revise(device, advised({Part.ROLLERS: 0.3}, device, "r-2")) == []
    assert len(maintenance.revise(device, advised({Part.ROLLERS: 0.99}, device, "r-2"))) == 1


def test_pages_show_what_is_open_first_and_each_once(maintenance: SqlMaintenance) -> None:
    for asset, probability in (("1", 0.15), ("2", 0.3), ("3", 0.99), ("4", 0.5), ("5", 0.5)):
        opened(maintenance, asset, probability)
    opened(maintenance, "9", 0.9, "P2")
    for asset, at in (("4", NOW + 1), ("5", NOW + 2)):
        maintenance.answer(
            "P1",
            f"r-P1-{asset}-rollers",
            Request("tech-1", asset, asset),
            lambda it, at=at: close(it, Status.DONE, "tech-1", "", at),  # type: ignore[misc]
        )
    found: list[Recommendation] = []
    while True:
        after = position_of(found[-1]) if found else None
        page = maintenance.page("P1", limit=2, after=after)
        if not page:
            break
        found += page
    assert [one.asset_id for one in found] == ["3", "2", "1", "5", "4"]
    done = maintenance.page("P1", limit=9, status=Status.DONE)
    assert [one.asset_id for one in done] == ["5", "4"]
    mine = maintenance.page("P1", limit=9, assets=["2", "5"])
    assert [one.asset_id for one in mine] == ["2", "5"]


# --- over HTTP ------------------------------------------------------------------------------------

CALLER = Principal(
    "technicians",
    Kind.SERVICE,
    "P1",
    None,
    frozenset({Action.READ_MAINTENANCE, Action.ANSWER_MAINTENANCE}),
)
ONE = "/v1/maintenance/{recommendation_id}"


@pytest.fixture
def call(
    maintenance: SqlMaintenance, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]:
    """The deployed handler over this database."""
    wiring = SimpleNamespace(maintenance=maintenance, cursors=Cursors(b"k" * 32))
    monkeypatch.setattr(http, "_wiring", lambda: wiring)

    def answered(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = http.handler(event, None)
        return answer["statusCode"], json.loads(answer["body"])

    return answered


def said(verb: str, of: str, body: bytes = b"", key: str | None = "k-1") -> dict[str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    return sent("POST", f"{ONE}/{verb}", CALLER, body, headers=headers, recommendation_id=of)


def test_a_list_goes_on_by_its_cursor_alone(
    maintenance: SqlMaintenance, call: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]
) -> None:
    for asset in ("1", "2", "3"):
        opened(maintenance, asset)
    opened(maintenance, "9", property_id="P2")
    found, query = [], {"limit": "2"}
    while True:
        status, page = call(asked("/v1/maintenance", CALLER, query=query))
        assert status == 200
        found += [one["asset_id"] for one in page["recommendations"]]
        if page["next"] is None:
            break
        query = {"limit": "2", "cursor": page["next"]}
    assert sorted(found) == ["1", "2", "3"]
    other = {"status": "open", "limit": "2", "cursor": query["cursor"]}
    assert call(asked("/v1/maintenance", CALLER, query=other))[0] == 400
    assert call(asked("/v1/maintenance", CALLER, query={"status": "closed"}))[0] == 400
    limited = replace(CALLER, assets=frozenset({"2"}))
    mine = call(asked("/v1/maintenance", limited))[1]["recommendations"]
    assert [one["asset_id"] for one in mine] == ["2"]


def test_an_answer_is_taken_once_and_what_is_another_s_is_not_there(
    maintenance: SqlMaintenance, call: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]
) -> None:
    one, foreign = opened(maintenance, "7"), opened(maintenance, "7", property_id="P2")
    mine = one.recommendation_id
    assert call(said("acknowledge", mine, key=None))[0] == 400
    first = call(said("acknowledge", mine))
    assert first[0] == 200
    assert first[1]["status"] == "acknowledged"
    assert call(said("acknowledge", mine)) == first
    assert call(said("done", mine))[0] == 422
    assert call(said("acknowledge", mine, key="k-2"))[0] == 409
    assert call(said("dismiss", mine, key="k-3"))[0] == 400
    assert call(said("dismiss", mine, b'{"note":"cleaned"}', "k-4"))[1]["status"] == "dismissed"
    status, refused = call(said("done", mine, key="k-5"))
    assert (status, refused["recommendation_status"]) == (409, "dismissed")
    document = call(asked(ONE, CALLER, recommendation_id=mine))[1]
    assert [(e["by"], e["status"], e["note"]) for e in document["entries"]] == [
        ("recommend_maintenance", "open", ""),
        ("technicians", "acknowledged", ""),
        ("technicians", "dismissed", "cleaned"),
    ]
    theirs = foreign.recommendation_id
    assert call(asked(ONE, CALLER, recommendation_id=theirs))[0] == 404
    assert call(said("done", theirs, key="k-6"))[0] == 404
    still = maintenance.recommendation("P2", theirs)
    assert still is not None
    assert still[0].status is Status.OPEN
    limited = replace(CALLER, assets=frozenset({"8"}))
    assert call(asked(ONE, limited, recommendation_id=mine))[0] == 404


def test_hours_and_what_happened_are_read_as_devices_told_them(
    database: Database, maintenance: SqlMaintenance, maintainer: Database
) -> None:
    raised = {"code": "r", "part": "rollers", "is_failure": True}
    mended = {"part": "rollers", "action": "replaced", "down_ms": 0, "is_repair": True}
    told = ((1, "fault.raised", raised), (2, "maintenance.performed", mended))
    with database.begin() as it:
        it.execute(insert(ShufflerRow).values(**KEY, heard_at=NOW, occurred_at=NOW))
        for hour in (NOW // HOUR_MS - 1, NOW // HOUR_MS):
            it.execute(insert(ShufflerHourRow).values(**KEY, hour=hour, cycles=hour % 7))
        for sequence, event_type, data in told:
            at = NOW + sequence
            envelope = {
                **{"event_id": f"e-{sequence}", "event_type": event_type, "schema_version": 1},
                **KEY,
                **{"occurred_at": at, "sequence": sequence, "data": data},
            }
            row = {"sequence": sequence, "occurred_at": at, "event_type": event_type}
            raw = json.dumps(envelope).encode()
            it.execute(insert(ShufflerEventRow).values(**KEY, **row, envelope=raw))
    one = opened(maintenance, "7")
    request = Request("tech-1", "k", "d")
    maintenance.answer(
        "P1",
        one.recommendation_id,
        request,
        lambda it: close(it, Status.DONE, "tech-1", "", NOW + 9),
    )
    histories = SqlHistories(maintainer)
    assert histories.devices() == [Device("P1", "7")]
    found = histories.hours(Device("P1", "7"), NOW - 3 * HOUR_MS)
    assert found is not None
    assert found.hours == [NOW // HOUR_MS - 1, NOW // HOUR_MS]
    assert found.sums["cycles"] == [hour % 7 for hour in found.hours]
    assert found.failures == [(NOW + 1, "rollers")]
    assert found.maintenance == [(NOW + 2, "rollers"), (NOW + 9, "rollers")]
    assert histories.hours(Device("P1", "7"), NOW + HOUR_MS) is None


def test_measured_paces_are_read_by_property_table_and_day(
    database: Database, maintainer: Database
) -> None:
    at_tables = (
        ("P1", "BJ-3", date(2026, 1, 1), 131, 5_400_000),
        ("P1", "BJ-4", date(2026, 1, 2), 9, 0),  # nothing was dealt
        ("P2", "BJ-3", date(2026, 1, 2), 70, 3_600_000),
    )
    names = ("property_id", "table_id", "gaming_day", "rounds", "dealing_ms")
    with database.begin() as it:
        for one in at_tables:
            it.execute(insert(TableDayRow).values(**dict(zip(names, one, strict=True))))

    assert SqlHistories(maintainer).paces() == {
        "P1": {("BJ-3", "2026-01-01"): 87},
        "P2": {("BJ-3", "2026-01-02"): 70},
    }


def test_a_simulated_floor_is_stored_once_and_read_as_it_was(
    database: Database, maintainer: Database
) -> None:
    plan = ShufflerPlan(count=2, days=60, seed=5, property_id="P1")
    stored = list(store(plan, PostgresShufflers(database)))
    assert sum(one.failures for one in stored) > 0
    assert [one.events for one in store(plan, PostgresShufflers(database))] == [0, 0]
    for index in range(plan.count):
        device = ShufflerDevice(plan, index)
        for _ in range(plan.days):
            device.advance()
        hours = SqlHistories(maintainer).hours(Device("P1", device.asset_id), 0)
        assert hours is not None
        found, known = history_of_hours(hours), device.history()
        np.testing.assert_array_equal(found.times, np.asarray(known.times) + plan.first_hour)
        for name, values in known.readings.items():
            np.testing.assert_array_equal(found.readings[name], values)
        for name, values in known.counts.items():
            np.testing.assert_array_equal(found.counts[name], values)
        told = [(one.at - plan.first_hour, one.part) for one in found.failures]
        assert [part for _, part in told] == [one.part for one in known.failures]
        assert [at for at, _ in told] == pytest.approx([one.at for one in known.failures])
        assert len(found.maintenance) == len(known.maintenance)
        days = PostgresShufflers(database).days("P1", device.asset_id, date.min, date.max).days
        assert len(days) == plan.days
        assert sum(sums.cycles for _, sums in days) == device.tally().cycles


def test_no_role_may_change_what_was_written_down(
    maintenance: SqlMaintenance, maintainer: Database
) -> None:
    opened(maintenance, "7")
    for statement in (
        "UPDATE recommendation_entries SET note = ''",
        "DELETE FROM recommendation_entries",
        "DELETE FROM recommendations",
    ):
        with pytest.raises(DatabaseFault, match="permission denied"), maintainer.begin() as it:
            it.execute(text(statement))

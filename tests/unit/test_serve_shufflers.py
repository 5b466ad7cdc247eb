"""Serving shufflers: documents of what was kept, and no more than the caller may see."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pitboss.access import Action, Kind, Principal
from pitboss.cursors import Cursors
from pitboss.errors import TransientError
from pitboss.shufflers.state import changes_of
from serve_shufflers import handler as http
from serve_shufflers.handler import MAX_DAYS, MAX_PACE_DAYS
from serve_shufflers.service import Days, ServeShufflers
from tests import sample_events
from tests.fakes.shufflers import MemoryShufflers
from tests.shuffler_events import MOMENT, published, received, shuffle, telemetry

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = MOMENT + 60_000
TODAY = date(2026, 9, 21)
READER = Principal("reader", Kind.SERVICE, "north", None, frozenset({Action.READ_SHUFFLERS}))


def day_of(property_id: str, moment: int) -> date:
    return datetime.fromtimestamp(moment / 1000, UTC).date()


def kept(*events: dict[str, Any]) -> MemoryShufflers:
    shufflers = MemoryShufflers(day_of)
    shufflers.write([received(one) for one in events], lambda new: changes_of(new, day_of))
    return shufflers


def served(*events: dict[str, Any]) -> ServeShufflers:
    return ServeShufflers(kept(*events), day_of, lambda: NOW)


FLOOR = (
    published(1, "device.connected", firmware="4.2"),
    shuffle(2, at=MOMENT - DAY, cycle_ms=90_000),
    shuffle(3, cycle_ms=96_000),
    telemetry(4, at=MOMENT + 1_000, motor_ma=1_250, operating_ms=2 * HOUR),
    published(5, "fault.raised", code="E7", part="gripper", is_failure=True),
    published(6, "fault.raised", code="W1", part="motor"),
    published(7, "fault.raised", at=MOMENT - DAY, code="E7", part="gripper", is_failure=True),
    published(
        8,
        "fault.cleared",
        at=MOMENT - DAY + HOUR,
        code="E7",
        part="gripper",
        is_failure=True,
        down_ms=HOUR,
    ),
    shuffle(1, asset_id="8", table_id="BJ-1", rounds=11, dealing_ms=600_000),
    shuffle(1, asset_id="9", at=MOMENT - 40 * DAY) | {"property_id": "south"},
)
"""Shufflers 7 and 8 of the property north, at one table, and 9 of south."""


# --- documents ------------------------------------------------------------------------------------


def test_a_shuffler() -> None:
    document = served(*FLOOR).one("north", "7")

    assert document is not None
    state = document.state
    assert (state.is_online, state.status_at, state.firmware) == (True, MOMENT + 500, "4.2")
    assert (state.heard_at, state.age_seconds) == (MOMENT + 1_500, 58)
    assert state.table_id == "BJ-1"
    assert state.failure is not None
    assert (state.failure.code, state.failure.raised_at) == ("E7", MOMENT)
    assert [fault.code for fault in state.open_faults] == ["E7", "W1"]
    assert document.readings is not None
    assert (document.readings.reported_at, document.readings.motor_ma) == (MOMENT + 1_000, 1_250)
    assert (document.gaming_day, document.today.cycles) == ("2026-09-21", 1)
    assert document.today.seconds_per_cycle == 96.0
    recent = document.recent
    assert (recent.first_day, recent.last_day) == ("2026-08-23", "2026-09-21")
    assert (recent.figures.cycles, recent.figures.failures) == (2, 2)
    assert recent.figures.availability == 0.666667
    assert recent.cycle_trend_ms_per_day == 6_000.0
    assert [(kind.code, kind.raised, kind.down_ms) for kind in recent.faults] == [
        ("E7", 2, HOUR),
        ("W1", 1, 0),
    ]
    # Both shufflers of the table measured: 51 rounds in 40 minutes.
    assert document.table is not None
    assert (document.table.rounds, document.table.decisions_per_hour) == (51, 77)


def test_a_shuffler_that_only_connected() -> None:
    document = served(published(1, "device.disconnected")).one("north", "7")

    assert document is not None
    assert document.state.is_online is False
    assert (document.readings, document.table, document.state.failure) == (None, None, None)
    assert document.recent.cycle_trend_ms_per_day is None


def test_history_has_the_days_and_their_total() -> None:
    document = served(*FLOOR).history("north", "7", Days(date(2026, 9, 1), TODAY))

    assert document is not None
    assert [day.gaming_day for day in document.days] == ["2026-09-20", "2026-09-21"]
    assert [day.figures.cycles for day in document.days] == [1, 1]
    assert [[kind.code for kind in day.faults] for day in document.days] == [["E7"], ["E7", "W1"]]
    assert document.total.figures.cycles == 2


def test_what_was_measured_at_tables() -> None:
    document = served(*FLOOR).paces("north", Days(date(2026, 9, 20), TODAY))

    assert [(one.gaming_day, one.decisions_per_hour) for one in document.tables] == [
        ("2026-09-20", 80),
        ("2026-09-21", 77),
    ]


# --- requests -------------------------------------------------------------------------------------


class StubWiring:
    """What the function is wired to, without AWS and database."""

    def __init__(self, serve: ServeShufflers) -> None:
        self.serve = serve
        self.cursors = Cursors(b"a key that is known to the tests only")


def ask(
    route: str,
    *,
    asset_id: str | None = None,
    caller: Principal = READER,
    headers: dict[str, list[str]] | None = None,
    **query: str,
) -> dict[str, Any]:
    """A request as API Gateway passes it on."""
    return http.handler(
        {
            "resource": route,
            "pathParameters": None if asset_id is None else {"asset_id": asset_id},
            "multiValueQueryStringParameters": {
                name.rstrip("_"): [value] for name, value in query.items()
            }
            or None,
            "multiValueHeaders": headers,
            "requestContext": {"requestId": "c-1", "authorizer": caller.to_context()},
        },
        None,
    )


LIST, ONE = "/v1/shufflers", "/v1/shufflers/{asset_id}"
HISTORY, PACES = f"{ONE}/history", "/v1/tables/paces"


@pytest.fixture(autouse=True)
def wiring(monkeypatch: pytest.MonkeyPatch) -> StubWiring:
    wired = StubWiring(served(*FLOOR))
    monkeypatch.setattr(http, "_wiring", lambda: wired)
    return wired


def test_the_list_goes_on_by_its_cursor() -> None:
    first = json.loads(ask(LIST, limit="1")["body"])
    second = json.loads(ask(LIST, limit="1", cursor=first["next"])["body"])

    assert [one["asset_id"] for one in first["shufflers"] + second["shufflers"]] == ["7", "8"]
    assert second["next"] is None


def test_a_cursor_is_for_its_caller_alone() -> None:
    cursor = json.loads(ask(LIST, limit="1")["body"])["next"]
    other = Principal("other", Kind.SERVICE, "north", None, frozenset({Action.READ_SHUFFLERS}))

    assert ask(LIST, cursor=cursor, caller=other)["statusCode"] == 400
    assert ask(LIST, cursor=f"{cursor[:-1]}A")["statusCode"] == 400


@pytest.mark.parametrize(
    ("route", "asset_id", "caller"),
    [
        (ONE, "9", READER),  # the other property's
        (HISTORY, "9", READER),
        (ONE, "never", READER),
        (HISTORY, "never", READER),
        (ONE, "no id", READER),
        ("/v1/elsewhere", None, READER),
        (LIST, None, Principal("r", Kind.SERVICE, "north", None, frozenset({Action.READ_OFFERS}))),
        *(
            (
                route,
                asset,
                Principal(
                    "g",
                    Kind.GATEWAY,
                    "north",
                    frozenset({"8"}),
                    frozenset({Action.READ_SHUFFLERS}),
                ),
            )
            for route, asset in ((LIST, None), (PACES, None), (ONE, "7"), (HISTORY, "7"))
        ),
    ],
)
def test_what_is_not_the_callers_is_not_found(
    route: str, asset_id: str | None, caller: Principal
) -> None:
    answer = ask(route, asset_id=asset_id, caller=caller)

    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["detail"] == "there is nothing here by that id"


def test_whose_assets_are_limited_reads_those() -> None:
    gateway = Principal(
        "g", Kind.GATEWAY, "north", frozenset({"8"}), frozenset({Action.READ_SHUFFLERS})
    )

    assert ask(ONE, asset_id="8", caller=gateway)["statusCode"] == 200


@pytest.mark.parametrize(
    ("route", "query", "detail"),
    [
        (LIST, {"limit": "0"}, "limit is '0'"),
        (LIST, {"day": "2026-09-21"}, "no query parameter 'day'"),
        (HISTORY, {"from_": "yesterday"}, "from is 'yesterday'"),
        (HISTORY, {"from_": "2026-09-21", "to": "2026-09-20"}, "are 0 days"),
        (HISTORY, {"from_": "2020-01-01"}, f"not from 1 to {MAX_DAYS}"),
        (PACES, {"from_": "2026-08-01"}, f"not from 1 to {MAX_PACE_DAYS}"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    route: str, query: dict[str, str], detail: str
) -> None:
    asset_id = "7" if "{" in route else None
    answer = ask(route, asset_id=asset_id, caller=READER, headers=None, **query)

    assert answer["statusCode"] == 400
    assert detail in json.loads(answer["body"])["detail"]


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ({}, "2026-08-23", "2026-09-21"),
        ({"to": "2026-09-10"}, "2026-08-12", "2026-09-10"),
        ({"from_": "2026-09-20"}, "2026-09-20", "2026-09-21"),
        ({"to": "0001-01-02"}, "0001-01-01", "0001-01-02"),
    ],
)
def test_the_days_that_are_meant(query: dict[str, str], first: str, last: str) -> None:
    total = json.loads(ask(HISTORY, asset_id="7", caller=READER, headers=None, **query)["body"])[
        "total"
    ]

    assert (total["first_day"], total["last_day"]) == (first, last)


def test_who_has_the_answer_is_not_sent_it_again() -> None:
    answer = ask(PACES)
    again = ask(PACES, headers={"If-None-Match": [answer["headers"]["ETag"]]})

    assert (answer["statusCode"], again["statusCode"], again["body"]) == (200, 304, "")


def test_a_database_that_is_away_is_to_be_asked_again(
    wiring: StubWiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(TransientError):
        """It sleeps."""

    def away(*_: object) -> None:
        raise Away("db: it sleeps")

    monkeypatch.setattr(wiring.serve, "one", away)
    answer = ask(ONE, asset_id="7")

    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")
    assert "sleeps" not in answer["body"]


def test_requests_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    ask(ONE, asset_id="7")
    assert json.loads(capsys.readouterr().out)["RequestsServed"] == [1.0]
    ask(ONE, asset_id="9")
    assert json.loads(capsys.readouterr().out)["RequestsNotFound"] == [1.0]


def test_sample_events_are_answered() -> None:
    answers = {
        case: http.handler(event, None)["statusCode"]
        for case, event in sample_events.load("serve_shufflers").items()
    }

    assert answers == {"shufflers": 200, "shuffler": 404, "history": 404, "paces": 200}

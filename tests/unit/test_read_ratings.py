"""Reading ratings: documents of what was rated, and no more than the caller may see."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from pitboss.access import Action, Kind, Principal
from pitboss.events.batch import BatchHeader, SlotBatch
from pitboss.events.envelope import read_envelope
from pitboss.events.slot import RATED_TYPES
from pitboss.gaming_day import GamingDays
from pitboss.rating.fold import House
from pitboss.stores.ratings import Asset
from rate_players.service import RatePlayers
from read_ratings import handler as http
from read_ratings import service
from tests import sample_events
from tests.sample_events import GAME_ON_ANOTHER, HOST_APP, MONDAY_EVENING, PLAY, asked, envelope
from workbench.memory import MemoryRatings

DAY_MS = 86_400_000
TODAY = "2020-06-15"


def rated(*batches: Iterable[dict[str, Any]], property_id: str = "north") -> MemoryRatings:
    """A store that holds the ratings of these batches, each one machine's."""
    ratings = MemoryRatings()
    day_of = GamingDays.parse("*=America/Los_Angeles@06:00").day_of
    rate = RatePlayers(
        ratings, lambda of: House(day_of(of)), lambda attempt: None, lambda: 1_592_300_000_000
    )
    for batch in batches:
        read = [read_envelope(json.dumps(event).encode()) for event in batch]
        header = BatchHeader(property_id, read[0][0].asset_id, 0, "", "pitboss")
        rated_events = [event for _, event in read if type(event.data) in RATED_TYPES]
        rate([SlotBatch(header, rated_events, len(read) - len(rated_events))])
    return ratings


def game(name: str, moment: int, *, wager: int, win: int = 0, **fields: Any) -> list[Any]:
    """A game as two events, eight seconds apart."""
    start = envelope(f"{name}a-1", "game.started", data={"wager_cents": wager}, **fields)
    end = envelope(f"{name}b-9", "game.ended", data={"win_cents": win}, **fields)
    return [start | {"occurred_at": moment}, end | {"occurred_at": moment + 8_000}]


# --- documents ------------------------------------------------------------------------------------


def test_a_machine() -> None:
    document = service.machine(rated(PLAY), Asset("north", "1940732"))

    assert document is not None
    assert (document.property_id, document.asset_id) == ("north", "1940732")
    assert document.hold_basis_points == 326
    (day,) = document.days
    assert day.gaming_day == TODAY
    assert day.play == service.Play(
        games=2,
        incomplete_games=0,
        coin_in_cents=1_000,
        coin_out_cents=120,
        actual_win_cents=880,
        theoretical_win="0.326",
        unrated_coin_in_cents=0,
        first_play=MONDAY_EVENING + 3_000,
        last_play=MONDAY_EVENING + 17_000,
    )


def test_a_machine_shows_its_newest_day_first() -> None:
    ratings = rated(
        PLAY,
        game("t", MONDAY_EVENING + DAY_MS, wager=200),
        game("w", MONDAY_EVENING + 2 * DAY_MS, wager=300),
    )

    document = service.machine(ratings, Asset("north", "1940732"))

    assert document is not None
    assert [(day.gaming_day, day.play.coin_in_cents) for day in document.days] == [
        ("2020-06-17", 300),
        ("2020-06-16", 200),
        (TODAY, 1_000),
    ]


def test_a_machine_shows_only_so_many_days() -> None:
    days = service.MAX_DAYS + 5
    ratings = rated(*[game(f"g{n}", MONDAY_EVENING + n * DAY_MS, wager=1) for n in range(days)])

    document = service.machine(ratings, Asset("north", "1940732"))

    assert document is not None
    assert len(document.days) == service.MAX_DAYS + 1, "the closed ones and today"


def test_play_before_the_first_paytable_is_told_as_unrated() -> None:
    document = service.machine(rated(GAME_ON_ANOTHER), Asset("north", "5093619"))

    assert document is not None
    assert document.hold_basis_points is None
    play = document.days[0].play
    assert (play.coin_in_cents, play.unrated_coin_in_cents) == (25, 25)
    assert play.theoretical_win == "0.00"


def test_a_machine_that_lost_events_shows_what_its_meter_says() -> None:
    lost = [
        PLAY[0],
        envelope("m-2", "game.started", data={"wager_cents": 500, "coin_in_meter_credits": 1_000}),
        envelope("m-3", "game.ended", data={}),
        envelope("m-4", "game.started", data={"wager_cents": 500, "coin_in_meter_credits": 2_100}),
    ]

    document = service.machine(rated(lost), Asset("north", "1940732"))

    assert document is not None
    assert document.meter_difference_cents == 600, "1,100 by the meter, 500 by the events"


def test_a_player_over_sessions_machines_and_days() -> None:
    later = game("t", MONDAY_EVENING + DAY_MS, wager=200, win=50, player_id="p-81")
    elsewhere = game("x", MONDAY_EVENING, wager=70, asset_id="5093619", player_id="p-81")
    of_another = game("y", MONDAY_EVENING, wager=9_999, asset_id="61312", player_id="p-82")
    ratings = rated(PLAY, later, elsewhere, of_another)

    document = service.player(ratings, "north", "p-81")

    assert document is not None
    assert not document.truncated
    assert document.session_count == 3
    assert document.total.games == 4
    assert document.total.coin_in_cents == 1_270
    assert document.total.actual_win_cents == 1_270 - 170
    assert [(d.gaming_day, d.play.coin_in_cents) for d in document.days] == [
        ("2020-06-16", 200),
        (TODAY, 1_070),
    ]
    assert [(s.gaming_day, s.asset_id) for s in document.sessions] == [
        ("2020-06-16", "1940732"),
        (TODAY, "1940732"),
        (TODAY, "5093619"),
    ]
    assert (document.total.first_play, document.total.last_play) == (
        MONDAY_EVENING,
        MONDAY_EVENING + DAY_MS,
    )


@pytest.mark.parametrize("more", [0, 1])
def test_a_player_with_more_sessions_than_are_shown_is_told_so(
    more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_SESSIONS", 3)
    games = [
        game(f"g{n}", MONDAY_EVENING + n * DAY_MS, wager=100, player_id="p-81")
        for n in range(3 + more)
    ]

    document = service.player(rated(*games), "north", "p-81")

    assert document is not None
    assert document.truncated is bool(more)
    assert len(document.sessions) == len(document.days) == 3
    assert document.total.coin_in_cents == 300, "of what is shown"
    assert document.days[0].gaming_day == f"2020-06-{15 + 2 + more}", "the newest"


def test_the_floor_in_order_of_asset_numbers_and_totals_of_the_newest_day() -> None:
    ratings = rated(
        game("a", MONDAY_EVENING - DAY_MS, wager=7, asset_id="9"),
        game("b", MONDAY_EVENING, wager=200, asset_id="100"),
        game("c", MONDAY_EVENING, wager=300, asset_id="20"),
    )

    document = service.floor(ratings, "north")

    assert [m.asset_id for m in document.machines] == ["9", "20", "100"]
    assert document.gaming_day == TODAY
    assert document.total.coin_in_cents == 500, "the machine idle since yesterday adds nothing"
    assert document.machines[0].gaming_day == "2020-06-14"


def test_a_floor_without_machines() -> None:
    document = service.floor(MemoryRatings(), "north")

    assert (document.gaming_day, document.machines) == (None, [])
    assert (document.total.games, document.total.theoretical_win) == (0, "0.00")
    assert document.total.first_play is None


def test_what_there_is_not() -> None:
    ratings = rated(PLAY)

    assert service.machine(ratings, Asset("north", "777")) is None
    assert service.player(ratings, "north", "p-82") is None


# --- over HTTP ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def ratings(monkeypatch: pytest.MonkeyPatch) -> MemoryRatings:
    stored = rated(PLAY, GAME_ON_ANOTHER)
    monkeypatch.setattr(http, "_ratings", lambda: stored)
    return stored


def call(event: dict[str, Any]) -> tuple[int, Any]:
    answer = http.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


SAMPLES: dict[str, dict[str, Any]] = {
    "machine": {"asset_id": "1940732", "hold_basis_points": 326},
    "player": {"player_id": "p-81", "session_count": 1},
    "floor": {"gaming_day": TODAY},
}


@pytest.mark.parametrize("case", sample_events.load("read_ratings"))
def test_every_sample_event_is_answered(case: str) -> None:
    status, body = call(sample_events.load("read_ratings")[case])

    assert status == 200
    assert body["property_id"] == "north"
    assert {name: body[name] for name in SAMPLES[case]} == SAMPLES[case]


def principal(property_id: str = "north", *assets: str, scopes: Iterable[str] = ()) -> Principal:
    return Principal(
        "app-2",
        Kind.SERVICE,
        property_id,
        frozenset(assets) or None,
        frozenset(scopes or {Action.READ_RATINGS}),
    )


MACHINE, PLAYER, FLOOR = "/v1/machines/{asset_id}", "/v1/players/{player_id}", "/v1/floor"


@pytest.mark.parametrize(
    "event",
    [
        asked(MACHINE, asset_id="777"),
        asked(MACHINE, asset_id="0000"),
        asked(MACHINE, asset_id="north/floor/1"),
        asked(MACHINE, asset_id="a" * 65),
        asked(MACHINE, asset_id="1940732\n"),
        asked(PLAYER, player_id="p-82"),
        asked(PLAYER, player_id="p 81"),
        asked(PLAYER, player_id=""),
        asked(MACHINE, principal("south"), asset_id="1940732"),
        asked(PLAYER, principal("south"), player_id="p-81"),
        asked(MACHINE, principal("north", "5093619"), asset_id="1940732"),
        asked(MACHINE, principal("north", "1940732"), asset_id="0000"),
        asked(PLAYER, principal("north", "1940732"), player_id="p-81"),
        asked(FLOOR, principal("north", "1940732", "5093619")),
        asked(FLOOR, principal(scopes={Action.SEND_SLOT_EVENTS})),
        asked(MACHINE, principal(scopes={Action.SEND_SLOT_EVENTS}), asset_id="1940732"),
        asked("/v1/unknown"),
    ],
)
def test_what_is_not_there_and_what_is_anothers_look_the_same(event: dict[str, Any]) -> None:
    answer = http.handler(event, None)

    body = json.loads(answer["body"])
    assert answer["statusCode"] == body["status"] == 404
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert body["correlation_id"] == event["requestContext"]["requestId"]
    assert body["detail"] == "there is nothing here by that id"


def test_a_principal_reads_its_own_machine() -> None:
    own = principal("north", "1940732")

    assert call(asked(MACHINE, own, asset_id="1940732"))[0] == 200


def test_the_floor_of_another_property_is_its_own() -> None:
    status, body = call(asked(FLOOR, principal("south")))

    assert (status, body["machines"]) == (200, [])


@pytest.mark.parametrize(
    ("event", "served"),
    [(asked(FLOOR), 1), (asked(PLAYER, player_id="p-82"), 0)],
    ids=["served", "not found"],
)
def test_requests_are_counted(
    event: dict[str, Any], served: int, capsys: pytest.CaptureFixture[str]
) -> None:
    http.handler(event, None)

    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert line["service"] == "read_ratings"
    assert (line["RequestsServed"], line["RequestsNotFound"]) == ([served], [1 - served])


def test_answers_are_not_kept_by_caches() -> None:
    assert http.handler(asked(FLOOR, HOST_APP), None)["headers"]["Cache-Control"] == "no-store"

"""Reading ratings: documents of what was rated, and no more than the caller may see."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pitboss.access import Action, Group, Kind, Principal
from pitboss.cursors import Cursors
from pitboss.events.batch import BatchHeader, SlotBatch
from pitboss.events.envelope import read_envelope
from pitboss.events.slot import RATED_TYPES, SlotEvent
from pitboss.gaming_day import GamingDays
from pitboss.rating import house_rules
from pitboss.rating.fold import House
from pitboss.rating.house_rules import shipped
from pitboss.rating.tables import TableDay
from pitboss.stores.ratings import Asset
from rate_players.service import RatePlayers
from read_ratings import handler as http
from read_ratings import service
from read_ratings.settings import Settings
from tests import sample_events
from tests.fakes.people import MemoryAudit, person
from tests.sample_events import GAME_ON_ANOTHER, HOST_APP, MONDAY_EVENING, PLAY, asked, envelope
from workbench.memory import MemoryRatings

DAY_MS = 86_400_000
TODAY = "2020-06-15"
RULES = shipped().of("north")
DAY_OF = GamingDays.parse("*=America/Los_Angeles@06:00").day_of


class StubWiring:
    """What the function is wired to, on a Monday evening, without AWS."""

    def __init__(self, ratings: MemoryRatings) -> None:
        self.ratings = ratings
        self.cursors = Cursors(b"a key that is known to the tests only")
        self.audit = MemoryAudit()
        self.today = MONDAY_EVENING

    def house(self, property_id: str) -> House:
        return House(DAY_OF(property_id), shipped().of(property_id).idle_ms)

    def now(self) -> int:
        return self.today


def rated(*batches: Iterable[dict[str, Any]], property_id: str = "north") -> MemoryRatings:
    """A store that holds the ratings of these batches, each one machine's."""
    ratings = MemoryRatings()
    rate = RatePlayers(
        ratings, lambda of: House(DAY_OF(of)), lambda attempt: None, lambda: 1_592_300_000_000
    )
    for batch in batches:
        read = [read_envelope(json.dumps(event).encode()) for event in batch]
        header = BatchHeader(property_id, read[0][0].asset_id, 0, "", "pitboss")
        rated_events: list[SlotEvent] = [
            event for _, event in read if type(event.data) in RATED_TYPES
        ]
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
        handpaid_cents=0,
        gaps=0,
        meter_difference_cents=0,
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
        envelope("m-5", "game.ended", data={}),
    ]

    document = service.machine(rated(lost), Asset("north", "1940732"))

    assert document is not None
    assert document.meter_difference_cents == 600, "1,100 by the meter, 500 by the events"
    assert (document.days[0].play.gaps, document.days[0].play.meter_difference_cents) == (1, 600)


def test_a_player_over_sessions_machines_and_days() -> None:
    later = game("t", MONDAY_EVENING + DAY_MS, wager=200, win=50, player_id="p-81")
    elsewhere = game("x", MONDAY_EVENING, wager=70, asset_id="5093619", player_id="p-81")
    of_another = game("y", MONDAY_EVENING, wager=9_999, asset_id="61312", player_id="p-82")
    ratings = rated(PLAY, later, elsewhere, of_another)

    document = service.player(ratings, "north", "p-81", RULES, "2020-06-16")

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
def test_a_player_with_more_sessions_than_are_looked_at_is_told_so(
    more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a day that is not known in full nothing is told."""
    monkeypatch.setattr(service, "MAX_SESSION_DAYS", 3)
    games = [
        game(f"g{n}", MONDAY_EVENING + n * DAY_MS, wager=100, player_id="p-81")
        for n in range(3 + more)
    ]
    games.append(game("h", MONDAY_EVENING - 1_000_000, wager=1, asset_id="9", player_id="p-82"))

    document = service.player(rated(*games), "north", "p-81", RULES, "2020-06-20")

    assert document is not None
    assert document.truncated is bool(more)
    assert len(document.sessions) == len(document.days) == 3
    assert document.total.coin_in_cents == 300, "of what is shown"
    assert document.rating.days_played == 3
    assert document.days[0].gaming_day == f"2020-06-{15 + 2 + more}", "the newest"


def test_a_day_that_is_cut_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SESSION_DAYS", 3)
    games = [
        game(f"g{n}", MONDAY_EVENING + (n // 2) * DAY_MS + n * 1_000_000, wager=1, player_id="p-81")
        for n in range(4)
    ]

    document = service.player(rated(*games), "north", "p-81", RULES, "2020-06-20")

    assert document is not None
    assert [day.gaming_day for day in document.days] == ["2020-06-16"]
    assert document.truncated


def test_a_player_lists_the_newest_sessions_and_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SESSIONS", 2)
    games = [
        game(f"g{n}", MONDAY_EVENING + n * DAY_MS, wager=100, player_id="p-81") for n in range(3)
    ]

    document = service.player(rated(*games), "north", "p-81", RULES, "2020-06-20")

    assert document is not None
    assert not document.truncated
    assert [s.gaming_day[-2:] for s in document.sessions] == ["17", "16"]
    assert (document.session_count, document.total.coin_in_cents, len(document.days)) == (3, 300, 3)


def test_a_player_s_rating() -> None:
    paytables = [
        [PLAY[0] | {"asset_id": asset, "event_id": f"pt-{asset}"}] for asset in ("5093619", "61312")
    ]
    here = game("a", MONDAY_EVENING, wager=100_000, player_id="p-81")
    here += game("b", MONDAY_EVENING + 600_000, wager=100_000, player_id="p-81")
    there = game("c", MONDAY_EVENING + 900_000, wager=50_000, asset_id="5093619", player_id="p-81")
    later = game("d", MONDAY_EVENING + 9 * DAY_MS, wager=9, asset_id="61312", player_id="p-81")
    ratings = rated(PLAY[:1], *paytables, here, there, later)

    document = service.player(ratings, "north", "p-81", RULES, "2020-06-25")

    assert document is not None
    rating = document.rating
    assert (rating.gaming_day, rating.rules, rating.days_played) == ("2020-06-25", "2026-01-01", 2)
    assert rating.adt == service.Adt(
        "2019-06-27", "2020-06-25", 2, "40.751467", "40.751467", 0, 0
    ), "2,500.09 at 3.26 %, two days"
    assert rating.worth_segment == "low"
    assert rating.pace == service.Pace("625.0225", "6.00", 10, 10)
    assert rating.tier == service.TierStanding(
        tier="Member",
        since="2020-06-15",
        held_until=None,
        period_first_day="2020-01-01",
        period_last_day="2020-12-31",
        points=500,
        next_tier="Silver",
        points_needed=4_500,
        history=[
            service.TierChange("2020-06-15", "first_play", None, "Member", 0, "2026-01-01"),
        ],
    )
    assert [(trip.first_day, trip.open) for trip in rating.trips] == [
        ("2020-06-24", True),
        ("2020-06-15", False),
    ]
    assert rating.trips[1] == service.Trip(
        "2020-06-15", "2020-06-15", 1, False, 3, 250_000, 250_000, "81.50", 10
    )
    assert (rating.trip_count, rating.overlap_count, rating.overlaps) == (2, 0, [])


def at_tables(day: str, units: int = 7_500_000_001, *, others: int = 0) -> TableDay:
    return TableDay(day, 2, 60, units, -4_000, others)


def test_a_player_s_rating_is_of_play_at_tables_too() -> None:
    ratings = rated(PLAY[:1], game("a", MONDAY_EVENING, wager=100_000, player_id="p-81"))
    ratings.replace_table_day("north", TODAY, {"p-81": at_tables(TODAY), "p-7": at_tables(TODAY)})
    ratings.replace_table_day("north", "2020-06-16", {"p-81": at_tables("2020-06-16", others=1)})
    ratings.replace_table_day("south", "2020-06-17", {"p-81": at_tables("2020-06-17")})

    document = service.player(ratings, "north", "p-81", RULES, "2020-06-20")

    assert document is not None
    assert document.tables == [
        service.TablePlay("2020-06-16", 2, 60, -4_000, "12.500000002", 1),
        service.TablePlay(TODAY, 2, 60, -4_000, "12.500000002", 0),
    ]
    assert (document.rating.days_played, document.rating.adt.mean) == (2, "28.80")
    (trip,) = document.rating.trips
    assert (trip.theoretical_win, trip.actual_win_cents) == ("57.600000003", 100_000 - 8_000)
    assert [day.gaming_day for day in document.days] == [TODAY], "at machines"
    assert document.total.theoretical_win == "32.60"


def test_who_played_at_tables_alone_is_a_player() -> None:
    ratings = MemoryRatings()
    ratings.replace_table_day("north", TODAY, {"p-81": at_tables(TODAY)})

    document = service.player(ratings, "north", "p-81", RULES, TODAY)

    assert document is not None
    assert (document.session_count, document.days, document.truncated) == (0, [], False)
    assert document.rating.adt.mean == "12.50"
    ratings.replace_table_day("north", TODAY, {})
    assert service.player(ratings, "north", "p-81", RULES, TODAY) is None


def test_of_more_days_at_tables_than_are_read_the_oldest_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "MAX_TABLE_DAYS", 2)
    ratings = rated(game("a", MONDAY_EVENING, wager=100, player_id="p-81"))
    for number in (15, 16, 17):
        day = f"2020-06-{number}"
        ratings.replace_table_day("north", day, {"p-81": at_tables(day)})

    document = service.player(ratings, "north", "p-81", RULES, "2020-06-20")

    assert document is not None
    assert document.truncated
    assert [day.gaming_day for day in document.tables] == ["2020-06-17", "2020-06-16"]
    assert document.days == [], "of that day something may be missing"


def test_a_card_in_two_machines_is_an_overlap() -> None:
    here = game("a", MONDAY_EVENING, wager=100, player_id="p-81")
    here += game("b", MONDAY_EVENING + 600_000, wager=100, player_id="p-81")
    there = game("c", MONDAY_EVENING + 300_000, wager=50, asset_id="5093619", player_id="p-81")
    there += game("d", MONDAY_EVENING + 700_000, wager=50, asset_id="5093619", player_id="p-81")

    document = service.player(rated(here, there), "north", "p-81", RULES, TODAY)

    assert document is not None
    assert document.rating.overlaps == [
        service.Overlap(
            gaming_day=TODAY,
            asset_id="1940732",
            started_at=MONDAY_EVENING,
            other_asset_id="5093619",
            other_started_at=MONDAY_EVENING + 300_000,
            since=MONDAY_EVENING + 300_000,
            until=MONDAY_EVENING + 600_000,
        )
    ]
    assert document.rating.overlap_count == 1


def test_a_player_whose_play_is_not_rated_has_no_worth_and_no_pace() -> None:
    document = service.player(
        rated(game("a", MONDAY_EVENING, wager=100, player_id="p-81")), "north", "p-81", RULES, TODAY
    )

    assert document is not None
    rating = document.rating
    assert (rating.adt.mean, rating.adt.trimmed_mean, rating.worth_segment) == (None, None, None)
    assert (rating.adt.unrated_days, rating.adt.unrated_coin_in_cents) == (1, 100)
    assert rating.pace == service.Pace("1.00", None, 0, 0)


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
    assert service.player(ratings, "north", "p-82", RULES, TODAY) is None


# --- over HTTP ------------------------------------------------------------------------------------

MACHINE, PLAYER, FLOOR = "/v1/machines/{asset_id}", "/v1/players/{player_id}", "/v1/floor"
SESSIONS, LEDGER = f"{PLAYER}/sessions", f"{PLAYER}/ledger"
MACHINE_LEDGER = f"{MACHINE}/ledger"


@pytest.fixture(autouse=True)
def wiring(monkeypatch: pytest.MonkeyPatch) -> StubWiring:
    made = StubWiring(rated(PLAY, GAME_ON_ANOTHER))
    monkeypatch.setattr(http, "_wiring", lambda: made)
    return made


def call(event: dict[str, Any]) -> tuple[int, Any]:
    answer = http.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


SAMPLES: dict[str, dict[str, Any]] = {
    "machine": {"asset_id": "1940732", "hold_basis_points": 326},
    "player": {"player_id": "p-81", "session_count": 1},
    "sessions": {"player_id": "p-81", "next": None},
    "player_ledger": {"player_id": "p-81", "gaming_day": TODAY, "truncated": False},
    "machine_ledger": {"asset_id": "1940732", "gaming_day": TODAY, "next": None},
    "floor": {"gaming_day": TODAY},
}


@pytest.mark.parametrize("case", sample_events.load("read_ratings"))
def test_every_sample_event_is_answered(case: str) -> None:
    status, body = call(sample_events.load("read_ratings")[case])

    assert status == 200
    assert body["property_id"] == "north"
    assert {name: body[name] for name in SAMPLES[case]} == SAMPLES[case]


def test_a_ledger_over_http() -> None:
    _, body = call(asked(LEDGER, player_id="p-81"))

    assert [line["kind"] for line in body["lines"]] == ["session", "game", "game", "session"]
    assert body["lines"][1] == {
        **{"kind": "game", "number": 2, "asset_id": "1940732", "player_id": "p-81"},
        **{"session_started_at": MONDAY_EVENING + 2_000, "rule": "named", "game_number": 0},
        **{"started_at": MONDAY_EVENING + 3_000, "ended_at": MONDAY_EVENING + 9_000},
        **{"coin_in_cents": 500, "coin_out_cents": 120, "handpaid_cents": 0},
        **{"hold_basis_points": 326, "theoretical_win": "0.163", "unvalued_credits": 0},
    }
    assert body["total"]["agrees"] is True
    assert body["total"]["stored"]["theoretical_win"] == "0.326"


def principal(
    property_id: str = "north",
    *assets: str,
    scopes: Iterable[str] = (),
    principal_id: str = "app-2",
) -> Principal:
    return Principal(
        principal_id,
        Kind.SERVICE,
        property_id,
        frozenset(assets) or None,
        frozenset(scopes or {Action.READ_RATINGS}),
    )


@pytest.mark.parametrize(
    "event",
    [
        asked(MACHINE, asset_id="777"),
        asked(MACHINE, asset_id="0000"),
        asked(MACHINE, asset_id="north/floor/1"),
        asked(MACHINE, asset_id="a" * 65),
        asked(MACHINE, asset_id="1940732\n"),
        asked(MACHINE_LEDGER, asset_id="777"),
        asked(MACHINE_LEDGER, asset_id="1940732", query={"day": "2020-06-14"}),
        asked(PLAYER, player_id="p-82"),
        asked(PLAYER, player_id="p 81"),
        asked(PLAYER, player_id=""),
        asked(SESSIONS, player_id="p-82"),
        asked(LEDGER, player_id="p-82"),
        asked(LEDGER, player_id="p-81", query={"day": "2020-06-14"}),
        asked(MACHINE, principal("south"), asset_id="1940732"),
        asked(MACHINE_LEDGER, principal("south"), asset_id="1940732"),
        asked(PLAYER, principal("south"), player_id="p-81"),
        asked(SESSIONS, principal("south"), player_id="p-81"),
        asked(LEDGER, principal("south"), player_id="p-81"),
        asked(LEDGER, principal("south"), player_id="p-81", query={"day": TODAY}),
        asked(MACHINE, principal("north", "5093619"), asset_id="1940732"),
        asked(MACHINE, principal("north", "1940732"), asset_id="0000"),
        asked(MACHINE_LEDGER, principal("north", "5093619"), asset_id="1940732"),
        asked(PLAYER, principal("north", "1940732"), player_id="p-81"),
        asked(SESSIONS, principal("north", "1940732"), player_id="p-81"),
        asked(LEDGER, principal("north", "1940732"), player_id="p-81"),
        asked(FLOOR, principal("north", "1940732", "5093619")),
        asked(FLOOR, principal(scopes={Action.SEND_SLOT_EVENTS})),
        asked(MACHINE, principal(scopes={Action.SEND_SLOT_EVENTS}), asset_id="1940732"),
        asked(LEDGER, principal(scopes={Action.SEND_SLOT_EVENTS}), player_id="p-81"),
        asked(LEDGER, principal("north", "1940732"), player_id="p-81", query={"x": "1"}),
        asked("/v1/unknown"),
    ],
)
def test_what_is_not_there_and_what_is_anothers_look_the_same(event: dict[str, Any]) -> None:
    answer = http.handler(event, None)

    body = json.loads(answer["body"])
    assert answer["statusCode"] == body["status"] == 404
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert body["correlation_id"] == event["requestContext"]["requestId"]
    assert body["detail"] == "there is nothing here by that id"


@pytest.mark.parametrize("route", [MACHINE, MACHINE_LEDGER])
def test_a_principal_reads_its_own_machine(route: str) -> None:
    own = principal("north", "1940732")

    assert call(asked(route, own, asset_id="1940732"))[0] == 200


def test_the_floor_of_another_property_is_its_own() -> None:
    status, body = call(asked(FLOOR, principal("south")))

    assert (status, body["machines"]) == (200, [])


def test_a_day_is_the_property_s_own(wiring: StubWiring) -> None:
    """05:59 on Tuesday in Los Angeles is Monday's."""
    wiring.today = MONDAY_EVENING + (9 * 60 + 44) * 60_000
    assert call(asked(PLAYER, player_id="p-81"))[1]["rating"]["gaming_day"] == TODAY
    wiring.today += 60_000
    assert call(asked(PLAYER, player_id="p-81"))[1]["rating"]["gaming_day"] == "2020-06-16"


# --- what cannot be asked -------------------------------------------------------------------------

LIMIT, DAY = {"limit": "5"}, {"day": TODAY}


@pytest.mark.parametrize(
    ("event", "detail"),
    [
        (asked(FLOOR, query=LIMIT), "no query parameter 'limit' is known here"),
        (asked(MACHINE, asset_id="1940732", query=DAY), "no query parameter 'day' is known here"),
        (asked(PLAYER, player_id="p-81", query={"x": ""}), "no query parameter 'x' is known here"),
        (
            asked(SESSIONS, player_id="p-81", query=DAY),
            "no query parameter 'day' is known here: there are limit, cursor",
        ),
        (
            asked(LEDGER, player_id="p-81", query={"Day": TODAY}),
            "no query parameter 'Day' is known here: there are day, limit, cursor",
        ),
        (
            asked(LEDGER, player_id="p-81", query={"day": [TODAY, TODAY]}),
            "the query parameter day is given 2 times",
        ),
        *(
            (
                asked(SESSIONS, player_id="p-81", query={"limit": text}),
                f"limit is {text!r}, not a number from 1 to 500",
            )
            for text in ("0", "501", "-1", "1.0", "", "٣", "1e2", " 1", "9" * 50)
        ),
        (
            asked(LEDGER, player_id="p-81", query={"limit": "2001"}),
            "limit is '2001', not a number from 1 to 2000",
        ),
        (
            asked(MACHINE_LEDGER, asset_id="1940732", query={"limit": "x"}),
            "limit is 'x', not a number from 1 to 2000",
        ),
        *(
            (
                asked(MACHINE_LEDGER, asset_id="1940732", query={"day": text}),
                f"day is {text!r}, not a date such as 2026-01-31",
            )
            for text in (
                "",
                "2020-02-30",
                "20200615",
                "2020-W25-1",
                "today",
                "2020-06-15/",
                "٢٠٢٠-06-15",
            )
        ),
        (
            asked(LEDGER, player_id="p-81", query={"day": "x" * 500}),
            f"day is {'x' * 60!r}, not a date such as 2026-01-31",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(
    event: dict[str, Any], detail: str
) -> None:
    answer = http.handler(event, None)

    body = json.loads(answer["body"])
    assert answer["statusCode"] == body["status"] == 400
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert body["detail"] == detail
    assert body["correlation_id"] == event["requestContext"]["requestId"]


# --- cursors --------------------------------------------------------------------------------------


@pytest.fixture
def regular(wiring: StubWiring) -> StubWiring:
    """Player p-81 has seven sessions, in three days and at two machines."""
    wiring.ratings = rated(
        PLAY,
        *[
            game(
                f"g{n}", MONDAY_EVENING + n * DAY_MS // 2, wager=n, player_id="p-81", asset_id=asset
            )
            for n, asset in enumerate(["5093619", "9"] * 3, 1)
        ],
    )
    return wiring


def sessions_of(**query: str) -> dict[str, Any]:
    status, body = call(asked(SESSIONS, player_id="p-81", query=query))
    assert status == 200
    return dict(body)


@pytest.mark.parametrize("limit", ["1", "2", "3", "6", "7", "8"])
def test_a_cursor_leads_through_all_sessions_each_once(regular: StubWiring, limit: str) -> None:
    whole = sessions_of(limit="500")
    assert (len(whole["sessions"]), whole["next"]) == (7, None)

    page = sessions_of(limit=limit)
    found = page["sessions"]
    while page["next"] is not None:
        assert len(page["sessions"]) == int(limit)
        page = sessions_of(limit=limit, cursor=page["next"])
        found += page["sessions"]

    assert found == whole["sessions"]


def test_the_page_after_the_last_session_is_empty(regular: StubWiring) -> None:
    before = sessions_of(limit="6")["next"]
    regular.ratings._sessions = {
        key: session
        for key, session in regular.ratings._sessions.items()
        if session.key.day > TODAY
    }

    assert sessions_of(cursor=before)["sessions"] == []


@pytest.mark.parametrize(
    ("route", "ids"), [(LEDGER, {"player_id": "p-81"}), (MACHINE_LEDGER, {"asset_id": "1940732"})]
)
def test_a_cursor_leads_through_a_ledger(route: str, ids: dict[str, Any]) -> None:
    _, whole = call(asked(route, **ids))
    lines: list[Any] = []
    query = {"limit": "3"}
    while True:
        _, page = call(asked(route, **ids, query=query))
        assert page["total"] == whole["total"]
        lines += page["lines"]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]

    assert lines == whole["lines"]
    assert len(lines) == 4


def test_a_ledger_that_was_begun_goes_on_in_its_day(wiring: StubWiring) -> None:
    """The newest day may be another by then."""
    _, first = call(asked(LEDGER, player_id="p-81", query={"limit": "2"}))
    tomorrow = game("t", MONDAY_EVENING + DAY_MS, wager=200, player_id="p-81")
    wiring.ratings = rated(PLAY, tomorrow)
    assert call(asked(LEDGER, player_id="p-81"))[1]["gaming_day"] == "2020-06-16"

    _, second = call(asked(LEDGER, player_id="p-81", query={"limit": "2", "cursor": first["next"]}))

    assert (second["gaming_day"], second["lines"][0]["number"]) == (TODAY, 3)


def forgeries() -> list[Any]:
    """Attacks 13 and 14: who asks what with a cursor that was not given to them for it."""
    return [
        pytest.param(principal(), SESSIONS, "p-81", {}, id="another principal of the property"),
        pytest.param(
            principal("south", principal_id="host-app"), SESSIONS, "p-81", {}, id="another property"
        ),
        pytest.param(HOST_APP, SESSIONS, "p-82", {}, id="another player"),
        pytest.param(HOST_APP, LEDGER, "p-81", {}, id="another list"),
        pytest.param(HOST_APP, LEDGER, "p-81", DAY, id="another list's day"),
    ]


@pytest.mark.parametrize(("caller", "route", "player_id", "query"), forgeries())
def test_a_cursor_that_was_given_for_something_else_is_refused(
    regular: StubWiring,
    caller: Principal,
    route: str,
    player_id: str,
    query: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    cursor = sessions_of(limit="2")["next"]
    capsys.readouterr()

    status, body = call(
        asked(route, caller, player_id=player_id, query={"cursor": cursor, **query})
    )

    assert status == 400
    assert "sessions" not in body
    assert body["detail"].startswith("the cursor is none that this list gave to this caller")
    (told,) = [record for record in caplog.records if record.getMessage() == "cursor refused"]
    assert vars(told)["caller"] == caller.principal_id
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["CursorsRefused"] for line in counted if "CursorsRefused" in line] == [[1]]


@pytest.mark.parametrize("day", [{}, {"day": "2020-06-16"}])
def test_a_ledger_s_cursor_is_of_the_day_that_was_asked_for(
    regular: StubWiring, day: dict[str, str]
) -> None:
    _, begun = call(asked(LEDGER, player_id="p-81", query={"limit": "1", **DAY}))
    cursor = {"cursor": begun["next"], "limit": "1"}

    assert call(asked(LEDGER, player_id="p-81", query={**cursor, **DAY}))[0] == 200
    assert call(asked(LEDGER, player_id="p-81", query={**cursor, **day}))[0] == 400


def test_every_edited_cursor_is_refused(regular: StubWiring) -> None:
    cursor = sessions_of(limit="2")["next"]
    for at in range(len(cursor)):
        other = "A" if cursor[at] != "A" else "B"
        edited = cursor[:at] + other + cursor[at + 1 :]
        assert call(asked(SESSIONS, player_id="p-81", query={"cursor": edited}))[0] == 400
    for wrong in ("", cursor[:-1], f"{cursor}=", "eyJwayI6Im5vcnRoIn0", "x" * 5_000):
        assert call(asked(SESSIONS, player_id="p-81", query={"cursor": wrong}))[0] == 400


def test_a_cursor_never_reaches_what_the_caller_may_not_read(regular: StubWiring) -> None:
    cursor = sessions_of(limit="2")["next"]
    limited = Principal(
        HOST_APP.principal_id, Kind.SERVICE, "north", frozenset({"9"}), HOST_APP.scopes
    )

    assert call(asked(SESSIONS, limited, player_id="p-81", query={"cursor": cursor}))[0] == 404


def test_the_key_of_cursors_is_only_asked_for_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_for: list[tuple[str, str]] = []

    def secret(*which: str) -> str:
        asked_for.append((which[0], which[1]))
        return "s" * 64

    monkeypatch.setattr(http, "secret_text", secret)
    settings = Settings("t", "a", "us-east-1", GamingDays.parse("*=UTC@06:00"), "the-secret")
    real = http._Wiring(settings)
    monkeypatch.setattr(real, "ratings", rated(PLAY))
    monkeypatch.setattr(http, "_wiring", lambda: real)

    call(asked(SESSIONS, player_id="p-81"))
    assert asked_for == []
    for _ in range(2):
        assert call(asked(LEDGER, player_id="p-81", query={"limit": "1"}))[1]["next"]
    assert asked_for == [("the-secret", "us-east-1")]


# --- house rules that are none --------------------------------------------------------------------


@pytest.fixture
def broken_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    broken = tmp_path / "house_rules.toml"
    broken.write_text('[["*"]]\nsession_idle_minutes = 0\n', encoding="utf-8")
    monkeypatch.setattr(house_rules, "SHIPPED", broken)
    shipped.cache_clear()
    yield
    shipped.cache_clear()


@pytest.mark.usefixtures("broken_rules")
@pytest.mark.parametrize(
    "event",
    [
        asked(MACHINE_LEDGER, asset_id="1940732"),
        asked(PLAYER, player_id="p-81"),
        asked(LEDGER, player_id="p-81"),
    ],
)
def test_broken_house_rules_are_a_problem_that_says_what_to_do(
    event: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    answer = http.handler(event, None)

    body = json.loads(answer["body"])
    assert answer["statusCode"] == body["status"] == 500
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert body["correlation_id"] == event["requestContext"]["requestId"]
    assert "mend house_rules.toml" in body["detail"]
    (told,) = caplog.records
    assert (told.levelname, told.__dict__["id"]) == ("ERROR", body["correlation_id"])
    assert told.__dict__["fault"].startswith("*: Expected `int` >= 1")


@pytest.mark.usefixtures("broken_rules")
def test_what_asks_for_no_house_rules_is_answered_without() -> None:
    assert call(asked(MACHINE, asset_id="1940732"))[0] == 200
    assert call(asked(FLOOR))[0] == 200


# --- what is kept ---------------------------------------------------------------------------------

EVERY_ROUTE = [
    asked(MACHINE, asset_id="1940732"),
    asked(MACHINE_LEDGER, asset_id="1940732"),
    asked(PLAYER, player_id="p-81"),
    asked(SESSIONS, player_id="p-81"),
    asked(LEDGER, player_id="p-81", query={"limit": "1"}),
    asked(FLOOR),
]


def with_tag(event: dict[str, Any], *lines: str, name: str = "If-None-Match") -> dict[str, Any]:
    return {**event, "multiValueHeaders": {**event["multiValueHeaders"], name: list(lines)}}


def test_every_route_is_looked_at() -> None:
    assert {event["resource"] for event in EVERY_ROUTE} == http.ROUTES.keys()


@pytest.mark.parametrize("event", EVERY_ROUTE, ids=lambda event: event["resource"])
def test_who_has_the_answer_is_told_that_it_is_still_so(
    event: dict[str, Any], wiring: StubWiring
) -> None:
    first = http.handler(event, None)
    tag = first["headers"]["ETag"]
    assert first["headers"]["Cache-Control"] == "private, no-cache"
    assert first["headers"]["Vary"] == "Authorization"

    again = http.handler(with_tag(event, tag), None)
    wiring.ratings = rated(PLAY, game("z", MONDAY_EVENING + 60_000, wager=1, player_id="p-81"))
    changed = http.handler(with_tag(event, tag), None)

    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"] == {
        name: value for name, value in first["headers"].items() if name != "Content-Type"
    }
    assert changed["statusCode"] == 200
    assert changed["headers"]["ETag"] != tag


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["{tag}"], 304),
        (["W/{tag}"], 304),
        (['"x", {tag} ,"y"'], 304),
        (['"x"', "{tag}"], 304),
        (["*"], 304),
        (['"x"'], 200),
        (["{bare}"], 200),
        ([""], 200),
    ],
)
def test_tags_are_compared_as_http_says(lines: list[str], status: int) -> None:
    tag = http.handler(asked(FLOOR), None)["headers"]["ETag"]
    sent = [line.replace("{tag}", tag).replace("{bare}", tag.strip('"')) for line in lines]

    for name in ("If-None-Match", "if-none-match"):
        assert http.handler(with_tag(asked(FLOOR), *sent, name=name), None)["statusCode"] == status


def test_what_is_not_there_is_not_kept() -> None:
    answer = http.handler(with_tag(asked(PLAYER, player_id="p-82"), "*"), None)

    assert answer["statusCode"] == 404
    assert "ETag" not in answer["headers"]


# --- counting -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "metric"),
    [
        (asked(FLOOR), "RequestsServed"),
        (asked(PLAYER, player_id="p-82"), "RequestsNotFound"),
        (asked(FLOOR, query={"x": "1"}), "QueriesRefused"),
        (asked(SESSIONS, player_id="p-81", query={"cursor": "x"}), "CursorsRefused"),
    ],
)
def test_requests_are_counted(
    event: dict[str, Any], metric: str, capsys: pytest.CaptureFixture[str]
) -> None:
    http.handler(event, None)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in lines if "RequestsServed" in line]
    assert line["service"] == "read_ratings"
    counted = ("RequestsServed", "RequestsNotFound", "QueriesRefused", "CursorsRefused")
    assert {name: line[name] for name in counted} == {
        name: [int(name == metric)] for name in counted
    }


# People.

HOST = person(Group.HOST, property_id="north")
SLOT_OPS = person(Group.SLOT_OPS, property_id="north")


@pytest.mark.parametrize("route", [PLAYER, SESSIONS, LEDGER])
def test_what_a_person_is_shown_of_a_player_is_kept_first(wiring: StubWiring, route: str) -> None:
    status, _ = call(asked(route, HOST, player_id="p-81"))

    (look,) = wiring.audit.kept
    assert (status, look.action, look.player_ids) == (200, f"GET {route}", ["p-81"])
    assert (look.username, look.groups, look.at) == ("rosa", ["host"], wiring.today)
    event = asked(route, HOST, player_id="p-81")
    assert look.correlation_id == event["requestContext"]["requestId"]


def test_whose_play_a_machines_ledger_shows_is_kept_too(wiring: StubWiring) -> None:
    status, body = call(asked(MACHINE_LEDGER, HOST, asset_id="1940732"))

    (look,) = wiring.audit.kept
    assert (status, look.player_ids) == (200, ["p-81"])
    assert {line["player_id"] for line in body["lines"]} == {"p-81"}


def test_who_may_see_no_players_reads_a_machines_ledger_without_them(wiring: StubWiring) -> None:
    status, body = call(asked(MACHINE_LEDGER, SLOT_OPS, asset_id="1940732"))
    _, whole = call(asked(MACHINE_LEDGER, asset_id="1940732"))

    assert status == 200
    assert "p-81" not in json.dumps(body)
    assert "p-81" in json.dumps(whole)
    assert (body["total"], len(body["lines"])) == (whole["total"], len(whole["lines"]))
    assert wiring.audit.kept == [], "nobody was shown"


@pytest.mark.parametrize("route", [MACHINE, FLOOR])
def test_machines_and_the_floor_name_no_player_and_are_read_by_all(
    wiring: StubWiring, route: str
) -> None:
    for group in Group:
        who = person(group, property_id="north")
        status, body = call(asked(route, who, asset_id="1940732"))
        assert status == 200
        assert "p-81" not in json.dumps(body)
    assert wiring.audit.kept == []


def test_who_may_see_no_players_is_shown_none(wiring: StubWiring) -> None:
    for route in (PLAYER, SESSIONS, LEDGER):
        assert call(asked(route, SLOT_OPS, player_id="p-81"))[0] == 404


def test_what_is_not_there_was_not_seen(wiring: StubWiring) -> None:
    assert call(asked(PLAYER, HOST, player_id="p-99"))[0] == 404
    assert call(asked(PLAYER, person(Group.HOST, property_id="south"), player_id="p-81"))[0] == 404
    assert wiring.audit.kept == []


def test_no_answer_without_its_look(wiring: StubWiring) -> None:
    wiring.audit.fault = TimeoutError()

    with pytest.raises(TimeoutError):
        call(asked(PLAYER, HOST, player_id="p-81"))
    assert call(asked(PLAYER, player_id="p-81"))[0] == 200, "a service is in no audit log"

"""`pitboss machines show`, `players show`, `floor`, `ledger`: what the API answers, for people."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from pitboss.rating.tables import TableDay
from read_ratings import handler as http
from read_ratings import service
from tests.sample_events import (
    GAME_ON_ANOTHER,
    HOST_APP,
    MONDAY_EVENING,
    PLAY,
    asked,
    envelope,
)
from tests.unit.test_read_ratings import DAY_MS, StubWiring, game, rated
from workbench import main, measure, show
from workbench.client import PitbossClient
from workbench.console import err, out
from workbench.memory import MemoryRatings

ROUTES = {"machines": "asset_id", "players": "player_id"}


def odd(name: str, second: int, event_type: str, **fields: Any) -> dict[str, Any]:
    """An event of player p-81, so many seconds into the evening."""
    event = envelope(f"{name}-1", event_type, **({"player_id": "p-81"} | fields))
    return event | {"occurred_at": MONDAY_EVENING + second * 1_000}


ODD = [
    PLAY[0],
    odd("c", 2, "card.inserted"),
    *game("a", MONDAY_EVENING + 10_000, wager=500, win=120),
    odd("s", 50, "game.started", data={"wager_cents": 500, "coin_in_meter_credits": 10_000}),
    odd("d", 58, "game.ended", data={"win_cents": 0}),
    odd("t", 70, "game.started", data={"wager_cents": 500, "coin_in_meter_credits": 11_100}),
    odd("h", 75, "handpay.reported", data={"amount_cents": 125_000, "level": 1}),
    odd("f", 80, "game.ended", data={"win_cents": 0}),
    odd("p", 90, "handpay.pending", data={}),
    odd("i", 92, "handpay.reported", data={"amount_cents": 4_000, "level": 1}),
    odd("g", 94, "paytable.reported", data={"base_basis_points": 9_200, "game_number": 3}),
    odd("n", 95, "game.selected", data={"game_number": 3}),
    odd("v", 96, "game.started", data={"wager_cents": 700}),
    *game("u", MONDAY_EVENING + 2_000_000, wager=100),
    *game("w", MONDAY_EVENING + 2_700_000, wager=100),
]
"""A session with a game from before the card was heard of, a gap, two hand-pays, another game of
the machine that never ended, and an abandoned card; then uncarded play."""

LATE = game("l", MONDAY_EVENING + 20_000, wager=500, win=40, player_id="p-81")
"""A game of that session which comes when it is long settled."""


class Unsigned:
    def headers(self, body: bytes = b"") -> dict[str, str]:
        return {}


class Api:
    """The reading function behind a transport: the API without a stack."""

    def __init__(self) -> None:
        self.wiring = StubWiring(rated(PLAY, GAME_ON_ANOTHER))
        self.properties: list[str] = []
        self.paths: list[str] = []
        self.status = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        self.paths.append(path)
        if self.status:
            return httpx.Response(self.status)
        kind, *rest = request.url.path.removeprefix("/local/v1/").split("/", 1)
        if kind == "floor":
            event = asked("/v1/floor")
        else:
            name = ROUTES[kind]
            identity, slash, more = rest[0].removesuffix("/ledger"), "", ""
            if identity != rest[0]:
                slash, more = "/", "ledger"
            ids: dict[str, Any] = {name: identity}
            event = asked(
                f"/v1/{kind}/{{{name}}}{slash}{more}",
                HOST_APP,
                query=dict(request.url.params),
                **ids,
            )
        answer = http.handler(event, None)
        return httpx.Response(answer["statusCode"], content=answer["body"])


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    stub = Api()

    @contextmanager
    def reader(property_id: str) -> Iterator[PitbossClient]:
        stub.properties.append(property_id)
        transport = httpx.MockTransport(stub.answer)
        with PitbossClient("http://api.test/local", Unsigned(), transport=transport) as client:
            yield client

    monkeypatch.setattr(measure, "reader", reader)
    monkeypatch.setattr(http, "_wiring", lambda: stub.wiring)
    monkeypatch.setattr(http.count, "flush", lambda: None)  # its lines are standard output
    for console in (out, err):
        monkeypatch.setattr(console, "_width", 200)
    return stub


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.app, [*arguments, "--property", "north"])


def shown(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return [
        "-" if set(line.strip()) == {"─"} else " ".join(line.replace("│", " ").split())
        for line in result.stdout.splitlines()
    ]


def test_a_machine(api: Api) -> None:
    lines = shown("machines", "show", "0001940732")

    assert "Machine 1940732 of property north (dollars)" in lines
    assert "2020-06-15 2 10.00 1.20 8.80 0.326" in lines
    assert "hold 3.26 %" in lines
    assert (api.properties, api.paths) == (["north"], ["/local/v1/machines/0001940732"])


def test_a_machine_that_reported_no_paytable(api: Api) -> None:
    lines = shown("machines", "show", "5093619")

    assert "hold not known: the machine has not reported its paytable" in lines
    assert "coin-in 0.25 dollars is unrated: no hold was known" in lines


def test_a_machine_with_gaps(api: Api) -> None:
    api.wiring.ratings = rated(ODD)

    lines = shown("machines", "show", "1940732")

    assert "2020-06-15: 1 gap, coin-in by the meter less by events +6.00 dollars" in lines


def test_a_player(api: Api) -> None:
    lines = shown("players", "show", "p-81")

    assert lines[:7] == [
        "Player p-81 at property north, gaming day 2020-06-15",
        "worth segment low (house rules since 2026-01-01)",
        "ADT 0.32 plain, 0.32 trimmed, of 1 day from 2019-06-17 to 2020-06-15",
        "tier Member since 2020-06-15",
        "points 2 from 2020-01-01 to 2020-12-31; 4,998 more for Silver",
        "pace average bet 5.00, 450.00 games an hour, 0 minutes (0 by the clock)",
        "days played 1 on 1 trip",
    ]
    assert "2020-06-15 to today 1 2 0 10.00 8.80 0.326" in lines
    assert "total 2 10.00 1.20 8.80 0.326" in lines
    (session,) = [line for line in lines if "since 2020-06-16" in line]
    assert session.startswith("2020-06-15 1940732 since 2020-06-16 03:15:")
    assert "1 session" in lines
    assert not any("newest" in line or "older" in line for line in lines)


def test_a_player_whose_play_is_not_rated(api: Api) -> None:
    api.wiring.ratings = rated(game("a", MONDAY_EVENING, wager=100, player_id="p-81"))

    lines = shown("players", "show", "p-81")

    assert "worth segment not known: no day is rated (house rules since 2026-01-01)" in lines
    assert "ADT none: no rated day from 2019-06-17 to 2020-06-15" in lines
    assert "not rated 1 day, coin-in 1.00" in lines
    assert "coin-in 1.00 dollars is unrated: no hold was known" in lines


def test_a_player_at_tables(api: Api) -> None:
    at_tables = TableDay("2020-06-14", 2, 60, 7_500_000_000, -4_000, 1)
    api.wiring.ratings.replace_table_day("north", "2020-06-14", {"p-9": at_tables})

    lines = shown("players", "show", "p-9")

    assert "At tables (dollars)" in lines
    assert "2020-06-14 2 60 -40.00 12.50 1" in lines
    assert "0 sessions" in lines


def test_a_player_at_two_machines_at_once(api: Api) -> None:
    here = game("a", MONDAY_EVENING, wager=100, player_id="p-81")
    here += game("b", MONDAY_EVENING + 600_000, wager=100, player_id="p-81")
    there = game("c", MONDAY_EVENING + 300_000, wager=50, asset_id="9", player_id="p-81")
    api.wiring.ratings = rated(here, there)

    assert (
        "at two machines at once on 2020-06-15: 1940732 and 9, 2020-06-16 03:20:00 to 03:20:00 UTC"
    ) in shown("players", "show", "p-81")


def test_a_player_with_more_play_than_is_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.wiring.ratings = rated(
        *[game(f"g{n}", MONDAY_EVENING + n * DAY_MS, wager=100, player_id="p-81") for n in range(3)]
    )
    monkeypatch.setattr(service, "MAX_SESSIONS", 2)
    lines = shown("players", "show", "p-81")
    assert "3 sessions" in lines
    assert "The newest 2 are shown." in lines

    monkeypatch.setattr(service, "MAX_SESSION_DAYS", 2)
    lines = shown("players", "show", "p-81")
    assert "There is older play, which is neither shown nor added." in lines


def test_the_floor(api: Api) -> None:
    api.wiring.ratings = rated(PLAY, game("y", MONDAY_EVENING - DAY_MS, wager=7, asset_id="9"))

    lines = shown("floor")

    assert "Floor of property north, gaming day 2020-06-15 (dollars)" in lines
    assert "9 (2020-06-14) 1 0.07 0.00 0.07 0.00" in lines
    assert "total 2 10.00 1.20 8.80 0.326" in lines
    assert "2 machines" in lines
    assert "not in the total: 1 last heard of on an earlier gaming day" in lines


def test_a_floor_that_was_never_heard_of(api: Api) -> None:
    api.wiring.ratings = MemoryRatings()

    assert shown("floor") == ["No machine of property north was heard of yet."]


# --- the ledger -----------------------------------------------------------------------------------


def test_a_player_s_ledger(api: Api) -> None:
    api.wiring.ratings = rated(ODD, LATE)

    assert shown("ledger", "p-81") == [
        "Ledger of player p-81 at property north, gaming day 2020-06-15 (dollars, times in UTC)",
        "",
        "Session at machine 1940732 since 2020-06-16 03:15:02, card in; until 03:31:36, idle",
        "no. at lasts what hold % coin-in coin-out theoretical rule",
        RULE,
        "1 03:15:02 session begins card in",
        "2 03:15:10 8 s game 3.26 5.00 1.20 0.163 card",
        "3 03:15:20 8 s game 3.26 5.00 0.40 0.163 named",
        "4 03:15:50 8 s game 3.26 5.00 0.00 0.163 named",
        "5 03:16:10 gap: meter +6.00 since 03:15:50 meter",
        "6 03:16:10 10 s game, 1250.00 by hand 3.26 5.00 1250.00 0.163 named",
        "7 03:16:32 40.00 by hand 40.00 paid after its game",
        "8 03:16:36 game 3, end missing 8.00 7.00 0.00 0.56 named",
        "9 03:31:36 session ends idle 15 min",
        "",
        "subtotal 4 games, 1 incomplete 27.00 1291.60 1.212",
        "games incomplete coin-in coin-out by hand theoretical gaps",
        RULE,
        *SUMS,
        "",
        "Corrections, by when they were made",
        "2020-06-16 09:33:20, the session at machine 1940732 since 03:15:02: "
        "games +1, coin-in +5.00, coin-out +0.40, theoretical win +0.163",
        "because of game.started of 2020-06-16 03:15:20",
        "because of game.ended of 2020-06-16 03:15:28",
        "",
        "games incomplete coin-in coin-out by hand theoretical gaps",
        RULE,
        *SUMS,
        "9 lines, which add up to what is stored",
    ]


RULE = "-"
SUMS = [
    "first posted 3 1 22.00 1291.20 1290.00 1.049 1",
    "+ corrected 1 0 5.00 0.40 0.00 0.163 0",
    "= stored 4 1 27.00 1291.60 1290.00 1.212 1",
    "lines add up to 4 1 27.00 1291.60 1290.00 1.212 1",
]


def test_a_machine_s_ledger(api: Api) -> None:
    api.wiring.ratings = rated(ODD)

    lines = shown("ledger", "0001940732", "--machine", "--day", "2020-06-15")

    assert lines[0].startswith("Ledger of machine 0001940732 at property north, gaming day 2020-06")
    assert "2 03:15:10 8 s p-81 game 3.26 5.00 1.20 0.163 card" in lines
    assert "9 03:48:20 8 s game 3 8.00 1.00 0.00 0.08 uncarded" in lines
    assert "p-81 03:15:02 3 1 22.00 1291.20 1.049" in lines
    assert "uncarded 2 0 2.00 0.00 0.16" in lines
    assert "stored 5 1 24.00 1291.20 1290.00 1.209 1" in lines
    assert lines[-1] == "10 lines, which add up to what is stored"


def test_play_that_waited_for_its_paytable(api: Api) -> None:
    api.wiring.ratings = rated(
        [
            *game("a", MONDAY_EVENING, wager=300, player_id="p-81"),
            odd("p", 60, "paytable.reported", data={"base_basis_points": 9_000}),
        ]
    )

    lines = shown("ledger", "p-81")

    assert "2 03:15:00 8 s game none yet 3.00 0.00 0.00 named" in lines
    assert "3 03:16:00 coin-in 3.00 of before rated 10.00 0.00 0.00 0.30 first paytable" in lines
    assert any("no end known" in line for line in lines)


def test_a_session_that_was_corrected_away(api: Api) -> None:
    api.wiring.ratings = rated(
        [
            PLAY[0],
            odd("c", 2, "card.inserted"),
            *game("a", MONDAY_EVENING + 60_000, wager=500),
            *game("b", MONDAY_EVENING + 2_000_000, wager=500),
        ],
        [odd("r", 30, "card.removed")],
    )

    lines = shown("ledger", "p-81", "--day", "2020-06-15")

    assert "Session at machine 1940732 since 2020-06-16 03:15:02: corrected away" in lines
    assert "first posted 1 0 5.00 0.00 0.00 0.163 0" in lines
    assert "+ corrected -1 0 -5.00 0.00 0.00 -0.163 0" in lines


def test_uncarded_play_that_was_corrected(api: Api) -> None:
    api.wiring.ratings = rated(
        [PLAY[0], *game("a", MONDAY_EVENING, wager=9), *game("b", MONDAY_EVENING + 10**6, wager=9)],
        [odd("c", -1, "card.inserted")],
    )

    (line,) = [line for line in shown("ledger", "1940732", "--machine") if "uncarded play" in line]

    assert line.endswith(
        "uncarded play at machine 1940732: games -1, coin-in -0.09, theoretical win -0.002934"
    )


def test_a_long_ledger_is_read_page_by_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.wiring.ratings = rated(ODD)
    whole = json.loads(run("ledger", "p-81", "--json").stdout)
    api.paths.clear()
    monkeypatch.setattr(http, "MAX_LINES", 3)
    monkeypatch.setattr(show, "LINES_A_PAGE", 3)

    paged = json.loads(run("ledger", "p-81", "--json").stdout)

    assert paged == whole
    assert len(paged["lines"]) == 8
    assert len(api.paths) == 3


def test_a_day_that_changes_while_it_is_read_is_read_anew(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "LINES_A_PAGE", 3)
    stores = [rated(ODD), rated(ODD, LATE)]
    answer = api.answer

    def changing(request: httpx.Request) -> httpx.Response:
        api.wiring.ratings = stores[min(len(api.paths), 1)]
        return answer(request)

    monkeypatch.setattr(api, "answer", changing)

    document = json.loads(run("ledger", "p-81", "--json").stdout)

    assert [line["number"] for line in document["lines"]] == list(range(1, 10))
    assert document["total"]["lines"]["games"] == 4, "and one that never ended"


def test_what_does_not_add_up_is_said(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("read_ratings.ledgers.MAX_PAGES", 1)
    api.wiring.ratings = rated(ODD)

    lines = shown("ledger", "1940732", "--machine")

    assert lines[-1] == "There is more play than one ledger is read for."
    monkeypatch.undo()


def test_a_day_that_is_none_is_one_sentence(api: Api) -> None:
    result = run("ledger", "p-81", "--day", "Monday")

    assert result.exit_code == 2
    assert result.stderr == "'Monday' is no gaming day such as 2026-01-31.\n"
    assert api.paths == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["machines", "show", "1940732"], {"asset_id": "1940732", "hold_basis_points": 326}),
        (["players", "show", "p-81"], {"player_id": "p-81", "truncated": False}),
        (["ledger", "p-81"], {"player_id": "p-81", "next": None, "truncated": False}),
        (["ledger", "1940732", "--machine"], {"asset_id": "1940732", "player_id": None}),
        (["floor"], {"property_id": "north", "gaming_day": "2020-06-15"}),
    ],
    ids=["machine", "player", "player's ledger", "machine's ledger", "floor"],
)
def test_programs_get_the_document_as_it_is(
    api: Api, arguments: list[str], expected: dict[str, Any]
) -> None:
    result = run(*arguments, "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {name: document[name] for name in expected} == expected


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "json"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["machines", "show", "777"],
            "No machine 777 of property north was heard of: `pitboss floor` lists those that were.",
        ),
        (
            ["players", "show", "p-82"],
            "No play of player p-82 is known at property north.",
        ),
        (
            ["ledger", "p-81", "--day", "2020-06-14"],
            "No play of player p-81 is known at property north on 2020-06-14.",
        ),
        (
            ["ledger", "777", "--machine"],
            "No play of machine 777 is known at property north.",
        ),
    ],
)
def test_what_there_is_not_is_one_sentence(
    api: Api, arguments: list[str], sentence: str, more: list[str]
) -> None:
    result = run(*arguments, *more)

    assert result.exit_code == 1
    assert (result.stdout, result.stderr) == ("", f"{sentence}\n")


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["players", "show", ""], "'' is no id of a player"),
        (["players", "show", "../floor?x=1"], "'../floor?x=1' is no id of a player"),
        (["players", "show", "[red]x"], "'[red]x' is no id of a player"),
        (["players", "show", "x" * 65], "is no id of a player"),
        (["machines", "show", "a/b"], "'a/b' is no id of a machine"),
        (["machines", "show", ""], "'' is no id of a machine"),
        (["ledger", ""], "'' is no id of a player"),
        (["ledger", "a/b", "--machine"], "'a/b' is no id of a machine"),
    ],
)
def test_what_can_be_no_id_is_not_asked_for(api: Api, arguments: list[str], wrong: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert wrong in result.stderr
    assert "1 to 64 letters, digits, '_', '.', ':' and '-'" in result.stderr
    assert api.paths == []


def test_a_machine_of_nothing_but_padding_is_none(api: Api) -> None:
    result = run("machines", "show", "000")

    assert (result.exit_code, api.paths) == (2, [])
    assert "padding zeros do not count" in result.stderr


@pytest.mark.parametrize(("player", "part"), [("a:b", "a%3Ab"), ("..", "%2E%2E"), (".", "%2E")])
def test_an_id_stays_one_part_of_the_path(api: Api, player: str, part: str) -> None:
    run("players", "show", player)

    assert api.paths == [f"/local/v1/players/{part}"]


def test_the_ledger_and_the_player_count_the_same_games(api: Api) -> None:
    api.wiring.ratings = rated(ODD)
    player, ledger = shown("players", "show", "p-81"), shown("ledger", "p-81")

    (headings, *_) = [line for line in player if "by hand" in line]
    assert headings.replace("┃", " ").split()[-4:] == ["incomplete", "by", "hand", "gaps"]
    assert "total 3 22.00 1291.20 -1269.20 1.049 1 1290.00 1" in player
    assert "incomplete, start or end missing: 1 game more" in player
    assert "subtotal 3 games, 1 incomplete 22.00 1291.20 1.049" in ledger
    assert "lines add up to 3 1 22.00 1291.20 1290.00 1.049 1" in ledger


def test_any_other_answer_is_one_sentence(api: Api) -> None:
    api.status = 403

    result = run("floor")

    assert result.exit_code == 1
    assert "GET /v1/floor answered 403" in result.stderr
    assert "`pitboss services list`" in result.stderr

"""`pitboss machines show`, `players show` and `floor`: what the API answers, for people."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from read_ratings import handler as http
from read_ratings import service
from tests.sample_events import GAME_ON_ANOTHER, HOST_APP, MONDAY_EVENING, PLAY, asked
from tests.unit.test_read_ratings import DAY_MS, game, rated
from workbench import main, measure
from workbench.client import PitbossClient
from workbench.console import err, out
from workbench.memory import MemoryRatings

ROUTES = {"machines": "asset_id", "players": "player_id"}


class Unsigned:
    def headers(self, body: bytes = b"") -> dict[str, str]:
        return {}


class Api:
    """The reading function behind a transport: the API without a stack."""

    def __init__(self) -> None:
        self.ratings = rated(PLAY, GAME_ON_ANOTHER)
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
            event = asked(f"/v1/{kind}/{{{name}}}", HOST_APP, **{name: rest[0]})
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
    monkeypatch.setattr(http, "_ratings", lambda: stub.ratings)
    monkeypatch.setattr(http.count, "flush", lambda: None)  # its lines are standard output
    for console in (out, err):
        monkeypatch.setattr(console, "_width", 200)
    return stub


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.app, [*arguments, "--property", "north"])


def shown(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return [" ".join(line.replace("│", " ").split()) for line in result.stdout.splitlines()]


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


def test_a_player(api: Api) -> None:
    lines = shown("players", "show", "p-81")

    assert "Player p-81 at property north (dollars)" in lines
    assert "total 2 10.00 1.20 8.80 0.326" in lines
    (session,) = [line for line in lines if "since" in line]
    assert session.startswith("2020-06-15 1940732 since 2020-06-16 03:15:")
    assert "1 session" in lines
    assert not any("Only the newest" in line for line in lines)


def test_a_player_with_more_play_than_is_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_SESSIONS", 2)
    api.ratings = rated(
        *[game(f"g{n}", MONDAY_EVENING + n * DAY_MS, wager=100, player_id="p-81") for n in range(3)]
    )

    assert "Only the newest 2 are shown and added; there are more." in shown(
        "players", "show", "p-81"
    )


def test_the_floor(api: Api) -> None:
    api.ratings = rated(PLAY, game("y", MONDAY_EVENING - DAY_MS, wager=7, asset_id="9"))

    lines = shown("floor")

    assert "Floor of property north, gaming day 2020-06-15 (dollars)" in lines
    assert "9 (2020-06-14) 1 0.07 0.00 0.07 0.00" in lines
    assert "total 2 10.00 1.20 8.80 0.326" in lines
    assert "2 machines" in lines
    assert "not in the total: 1 last heard of on an earlier gaming day" in lines


def test_a_floor_that_was_never_heard_of(api: Api) -> None:
    api.ratings = MemoryRatings()

    assert shown("floor") == ["No machine of property north was heard of yet."]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["machines", "show", "1940732"], {"asset_id": "1940732", "hold_basis_points": 326}),
        (["players", "show", "p-81"], {"player_id": "p-81", "truncated": False}),
        (["floor"], {"property_id": "north", "gaming_day": "2020-06-15"}),
    ],
    ids=["machine", "player", "floor"],
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
            ["players", "show", "[red]x/y?z"],
            "No play of player [red]x/y?z is known at property north.",
        ),
    ],
)
def test_what_there_is_not_is_one_sentence(
    api: Api, arguments: list[str], sentence: str, more: list[str]
) -> None:
    result = run(*arguments, *more)

    assert result.exit_code == 1
    assert (result.stdout, result.stderr) == ("", f"{sentence}\n")


def test_an_id_stays_one_part_of_the_path(api: Api) -> None:
    run("players", "show", "../floor?x=1")

    assert api.paths == ["/local/v1/players/..%2Ffloor%3Fx%3D1"]


def test_any_other_answer_is_one_sentence(api: Api) -> None:
    api.status = 403

    result = run("floor")

    assert result.exit_code == 1
    assert "GET /v1/floor answered 403" in result.stderr

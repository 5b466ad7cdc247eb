"""Boards and entitlements for games' servers, on DynamoDB in memory."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pitboss.access import Action, Kind, Principal
from pitboss.games.leaderboards import Best, Board, Period
from pitboss.gaming_day import GamingDay
from serve_leaderboards import handler as http
from serve_leaderboards.service import BOARD, CONSUME, ENTITLEMENTS
from tests.fakes.network import make_scores_table, tables
from tests.sample_events import RACE_BADGE, RACE_SHOP, SCORES, asked, load, sent
from tests.unit.test_keep_scores import BOARDS, keep

NOW = 1_592_277_300_000
WINS = Board("wins", "level_finished", Best.SUM, name="Wins")
TODAY = Board("today", "level_finished", Best.SUM, period=Period.DAY)


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    boards = {("north", "space-race"): {"wins": WINS, "today": TODAY}}
    wiring = SimpleNamespace(
        leaderboards=BOARDS,
        applications=SimpleNamespace(find=lambda *place: boards.get(place)),
        days_of=lambda _: GamingDay.parse("UTC@06:00"),
        now=lambda: NOW,
    )
    monkeypatch.setattr(http, "_wiring", lambda: wiring)
    with tables(NOW) as network:
        make_scores_table(network)
        keep(*SCORES)
        yield


def call(event: Any) -> tuple[int, Any]:
    answer = http.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_board_is_shown_with_where_a_player_is() -> None:
    status, body = call(load("serve_leaderboards")["board"])

    assert (status, body["name"], body["period"]) == (200, "Wins", "all-time")
    first, second = body["players"]
    assert (first["rank"], first["player_id"], first["value"]) == (1, "player-7", 3)
    assert (second["rank"], second["player_id"], second["value"]) == (2, "player-8", 2)
    assert body["player"] == {
        "rank": 1,
        "is_exact": True,
        "value": 3,
        "at": first["at"],
        "ahead": [],
        "behind": [second],
    }


def board(caller: Principal = RACE_SHOP, /, board_id: str = "wins", **query: str) -> Any:
    return asked(BOARD, caller, query=query, application_id="space-race", board_id=board_id)


def test_a_player_without_a_score_has_no_place() -> None:
    _, body = call(board(player_id="nobody"))
    assert body["player"] is None


def test_a_board_that_begins_anew_is_shown_as_of_now_unless_asked() -> None:
    assert call(board(board_id="today"))[1]["period"] == "2020-06-15"
    assert call(board(board_id="today", period="2020-06-01"))[1]["period"] == "2020-06-01"


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"period": "today"}, {"player_id": "no player"}]
)
def test_a_wrong_query_is_refused(query: dict[str, str]) -> None:
    assert call(board(RACE_SHOP, **query))[0] == 400


def principal(property_id: str = "north", *scopes: Action, assets: Any = None) -> Principal:
    return Principal("server", Kind.GATEWAY, property_id, assets, frozenset(scopes))


@pytest.mark.parametrize(
    "event",
    [
        board(principal("north", Action.READ_ENTITLEMENTS)),
        board(principal("south", Action.READ_LEADERBOARDS)),
        board(principal("north", Action.READ_LEADERBOARDS, assets=frozenset({"chase"}))),
        board(board_id="else"),
        asked(ENTITLEMENTS, principal("north", Action.READ_LEADERBOARDS), player_id="player-7"),
        asked(ENTITLEMENTS, RACE_SHOP, player_id="no player"),
        sent(
            "POST",
            CONSUME,
            principal("south", Action.CONSUME_ENTITLEMENTS),
            headers={"Idempotency-Key": "k"},
            player_id="player-7",
            entitlement_id=RACE_BADGE,
        ),
    ],
    ids=["scope", "property", "application", "board", "no-scope", "id", "anothers"],
)
def test_what_is_not_the_callers_to_know_is_not_there(event: Any) -> None:
    assert call(event)[0] == 404
    (badge,) = BOARDS.entitlements("north", "player-7")
    assert badge.consumed_at is None


def test_what_a_player_was_given_is_used_once() -> None:
    status, body = call(load("serve_leaderboards")["entitlements"])
    (badge,) = body["entitlements"]
    assert (status, badge["gives"], badge["entitlement_id"]) == (200, "badge", RACE_BADGE)
    assert badge["consumed_at"] is None

    use = load("serve_leaderboards")["consume"]
    status, used = call(use)
    assert (status, used) == (200, badge | {"consumed_at": NOW})
    assert call(use) == (200, used)
    again = use | {"multiValueHeaders": {"Idempotency-Key": ["use-2"]}}
    status, refused = call(again)
    assert (status, refused["consumed_at"]) == (409, NOW)
    assert call(use | {"multiValueHeaders": {}})[0] == 400
    assert call(use | {"body": "{}"})[0] == 403

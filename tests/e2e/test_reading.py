"""Reading through the front door: profiles, sessions page by page, ledgers that add up."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.e2e.house import PATIENCE_SECONDS, House, array
from workbench import endpoint, gateways, measure

SECONDS_A_DAY = 86_400


def play(house: House) -> None:
    """Player p-1 on three days at two machines, and a game a quarter of an hour late."""
    events = []
    for day in range(3):
        for asset_id in ("7", "8"):
            second = day * SECONDS_A_DAY + 1_000
            events += [
                house.envelope(asset_id, "paytable.reported", 0, data={"base_basis_points": 9_200}),
                house.envelope(asset_id, "card.inserted", second, player_id="p-1"),
                *carded_game(house, asset_id, second + 10),
                *carded_game(house, asset_id, second + 1_200),
            ]
    assert house.post(array(events)).json()["accepted"] == len(set(events))


def carded_game(house: House, asset_id: str, second: int) -> list[bytes]:
    return [
        house.envelope(
            asset_id, "game.started", second, player_id="p-1", data={"wager_cents": 100}
        ),
        house.envelope(asset_id, "game.ended", second + 5, player_id="p-1", data={"win_cents": 40}),
    ]


def read(house: House, path: str) -> dict[str, Any]:
    answer = house.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def wait_for_games(house: House, games: int) -> None:
    def total() -> int:
        answer = house.get("/v1/players/p-1")
        return int(answer.json()["total"]["games"]) if answer.status_code == 200 else 0

    assert measure.wait_until(lambda: total() == games, PATIENCE_SECONDS)


def test_a_rating_is_explained_to_the_cent(
    house: House, pitboss: Callable[..., bytes], settled: Callable[[], None]
) -> None:
    play(house)
    wait_for_games(house, 12)
    house.post(array(carded_game(house, "7", 2 * SECONDS_A_DAY + 1_100)))
    wait_for_games(house, 13)
    settled()

    player = read(house, "/v1/players/p-1")
    assert player["rating"]["days_played"] == 3
    assert player["rating"]["overlap_count"] == 6, "every session at one machine, at both"
    assert player["rating"]["tier"]["tier"] == "Member"
    newest = player["days"][0]

    ledger = read(house, "/v1/players/p-1/ledger")
    assert ledger["gaming_day"] == newest["gaming_day"]
    assert ledger["total"]["agrees"] is True
    assert ledger["total"]["stored"] == {
        name: value for name, value in newest["play"].items() if not name.endswith("_play")
    }
    assert ledger["total"]["corrected"]["games"] == 1
    (correction,) = ledger["corrections"]
    assert correction["because"][0]["event_type"] == "game.started"
    assert [line["rule"] for line in ledger["lines"] if line["kind"] == "game"] == ["named"] * 5
    for day in player["days"]:
        for path in ("/v1/players/p-1/ledger", "/v1/machines/7/ledger"):
            assert read(house, f"{path}?day={day['gaming_day']}")["total"]["agrees"] is True

    printed = json.loads(pitboss("ledger", "p-1", "--property", house.property_id, "--json"))
    assert printed == {**ledger, "next": None}
    for arguments in (
        ("ledger", "p-1"),
        ("ledger", "7", "--machine"),
        ("players", "show", "p-1"),
        ("machines", "show", "7"),
    ):
        assert pitboss(*arguments, "--property", house.property_id)


def test_lists_go_on_by_cursors_that_only_their_reader_has(
    open_house: Callable[[], House],
) -> None:
    house, other = open_house(), open_house()
    for one in (house, other):
        play(one)
        wait_for_games(one, 12)
    whole = read(house, "/v1/players/p-1/sessions")["sessions"]

    page = read(house, "/v1/players/p-1/sessions?limit=2")
    first, found = page["next"], page["sessions"]
    while page["next"] is not None:
        page = read(house, f"/v1/players/p-1/sessions?limit=2&cursor={page['next']}")
        found += page["sessions"]

    assert len(whole) == 12, "each of six was idle too long"
    assert found == whole
    attacks = {
        "another property": other.get(f"/v1/players/p-1/sessions?cursor={first}"),
        "another list": house.get(f"/v1/players/p-1/ledger?cursor={first}"),
        "edited": house.get(f"/v1/players/p-1/sessions?cursor={first[:-2]}AA"),
        "made up": house.get("/v1/players/p-1/sessions?cursor=eyJwayI6ICJhIn0"),
    }
    for attack, answer in attacks.items():
        assert answer.status_code == 400, attack
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "sessions" not in answer.json()
    assert other.get("/v1/players/p-2/ledger").status_code == 404
    assert house.get("/v1/players/p-1?verbose=1").status_code == 400


def test_an_answer_that_is_kept_is_asked_about(house: House) -> None:
    house.post(array(house.game("7", 10)))
    assert measure.wait_until(lambda: measure.games_rated(house.service) == 1, PATIENCE_SECONDS)
    signer = House._signer(gateways.workbench_service(house.property_id).principal_id)
    address = endpoint.api_url()

    def asked(path: str, tag: str) -> httpx.Response:
        headers = {"If-None-Match": tag, **signer.headers()}
        return httpx.get(f"{address}{path}", headers=headers, timeout=30)

    for path in ("/v1/machines/7", "/v1/machines/7/ledger?limit=1", "/v1/floor"):
        tag = house.get(path).headers["ETag"]
        kept = asked(path, tag)
        assert (kept.status_code, kept.content) == (304, b"")
        assert kept.headers["ETag"] == tag
        assert kept.headers["Cache-Control"] == "private, no-cache"
    house.post(array(house.game("7", 100)))
    assert measure.wait_until(lambda: asked("/v1/floor", tag).status_code == 200, PATIENCE_SECONDS)

"""A hold that was wrong for a day is put right on the running stack."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import CliRunner

from tests.e2e.house import House, array
from workbench import main

DAY = "2026-01-15"
"""The gaming day of what a house sends."""


def run(*arguments: str) -> Any:
    done = CliRunner().invoke(main.app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_wrong_hold_is_put_right_by_entries_beside_what_was_posted(
    house: House, settled: Callable[[], None]
) -> None:
    events = [
        house.envelope("7", "paytable.reported", 0, data={"base_basis_points": 9_500}),
        house.envelope("7", "card.inserted", 1, player_id="anna"),
        house.envelope("7", "game.started", 10, data={"wager_cents": 20_000}),
        house.envelope("7", "game.ended", 15, data={"win_cents": 40}),
    ]
    assert house.post(array(events)).status_code == 200
    settled()
    mend = ["rerate", "--day", DAY, "--property", house.property_id, "--machine", "7"]
    mend += ["--hold-basis-points", "900"]
    before = house.items()

    planned = run(*mend)

    assert house.items() == before
    assert [one["player_id"] for one in planned["players"]] == ["anna"]
    applied = run(*mend, "--apply", "--reason", "the par sheet was misread")
    assert applied == planned | {"applied": True}
    player = house.get("/v1/players/anna").json()
    assert player["total"]["theoretical_win"] == "18.00"
    assert player["rating"]["adt"]["mean"] == planned["players"][0]["after"]["adt_mean"]
    ledger = house.get(f"/v1/players/anna/ledger?day={DAY}").json()
    assert ledger["total"]["agrees"]
    assert ledger["total"]["posted_first"]["theoretical_win"] == "10.00"
    (entry,) = ledger["corrections"]
    assert entry["difference"]["theoretical_win"] == "8.00"
    assert {cause["event_type"] for cause in entry["because"]} == {"paytable.reported"}
    machine = house.get("/v1/machines/7").json()
    by_day = {day["gaming_day"]: day["play"]["theoretical_win"] for day in machine["days"]}
    assert by_day == {DAY: "18.00"}
    after = house.items()
    again = run(*mend, "--apply", "--reason", "once more")
    assert (again["reports"], again["applied"], house.items()) == (0, False, after)

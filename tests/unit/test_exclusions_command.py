"""`pitboss exclusions` and `pitboss patrons`: files taken whole or not at all, and one player."""

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from keep_exclusions import handler as http
from pitboss.access import Principal, body_hash
from pitboss.offers.catalogue import House
from pitboss.offers.gate import Entry, ListName, Lists, Standing, refusals
from tests import sample_events
from workbench import endpoint, exclusions, gateways
from workbench.console import WorkbenchError
from workbench.main import app
from workbench.proof.network import Lose
from workbench.proof.offers import NOON, NORTH, STANDINGS, OffersFloor
from workbench.simulation import FloorPlan, open_floor
from workbench.simulation.standings import write_standings

BANNED = ListName.BANNED


class Identity:
    """STS: who runs the command."""

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:iam::1:user/compliance"}


class Api:
    """The API, as far as these commands use it: the deployed handler behind it."""

    def __init__(self, caller: Principal) -> None:
        self.caller = caller

    def send(
        self, method: str, path: str, body: bytes = b"", headers: object = None
    ) -> httpx.Response:
        parts = path.split("/")
        ids: dict[str, Any] = {
            "player_id": parts[3],
            **({"list": parts[5]} if len(parts) > 5 else {}),
        }
        event = sample_events.asked(
            http.ENTRY if "list" in ids else http.PLAYER, self.caller, **ids
        )
        event["httpMethod"] = method
        event |= {"body": b64encode(body).decode(), "isBase64Encoded": True}
        event["requestContext"]["authorizer"] = self.caller.to_context(body_hash(body))
        answer = http.handler(event, None)
        return httpx.Response(answer["statusCode"], content=answer["body"])


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch) -> Iterator[OffersFloor]:
    """A property's tables, where the commands find them."""
    floor = OffersFloor()
    client = floor.standings._client
    known = {"dynamodb": client, "sts": Identity()}
    monkeypatch.setattr(endpoint, "stack_outputs", lambda: {"StandingsTableName": STANDINGS})
    monkeypatch.setattr(endpoint, "client", lambda service, **config: known[service])

    @contextmanager
    def api(property_id: str) -> Iterator[Api]:
        yield Api(gateways.workbench_host(property_id))

    class Wiring:
        standings = floor.standings

        def now(self) -> int:
            return floor.clock.now_ms

    monkeypatch.setattr(exclusions, "_client", api)
    monkeypatch.setattr(http, "_wiring", Wiring)
    monkeypatch.setattr(http.count, "flush", lambda: None)  # it would be among what is printed
    with floor.installed():
        yield floor


def run(*arguments: str, code: int = 0) -> Result:
    """Run a command at the property of the tests."""
    result = CliRunner().invoke(app, [*arguments, "--property", NORTH])
    assert result.exit_code == code, result.output
    return result


def told(*arguments: str) -> Any:
    """A command's JSON."""
    return json.loads(run(*arguments, "--json").stdout)


def file(path: Path, *players: str) -> str:
    """A list file of these lines."""
    path.write_text("\n".join(["player_id,since,until", *players]) + "\n")
    return str(path)


def test_a_list_is_imported_and_shown(floor: OffersFloor, tmp_path: Path) -> None:
    listed = file(tmp_path / "banned.csv", "p-1,,", "p-2,2026-01-01,")

    first = told("exclusions", "import", listed, "--list", "banned", "--as-of", "now")

    expected = {"players": 2, "added": 2, "removed": 0, "kept": 0}
    assert first == {"list": "banned", "as_of": NOON, **expected}
    again = run("exclusions", "import", listed, "--list", "banned", "--as-of", "now")
    assert "2 players as of 2026-01-08 20:00:00 UTC; 0 added or changed" in again.stdout
    floor.clock.advance(120_000)
    status = {one["list"]: one for one in told("exclusions", "status")}
    assert status["banned"] == {
        "list": "banned",
        "complete_to": NOON,
        "age_minutes": 2,
        "players": 2,
    }
    assert status["opted_out"]["complete_to"] is None
    assert "never imported: no offers" in run("exclusions", "status").stdout
    (change,) = floor.standings.changes(NORTH, "p-1", 5)
    assert (change.by, change.after) == ("arn:aws:iam::1:user/compliance", Entry(0, None, NOON))


def test_a_file_that_is_wrong_anywhere_changes_nothing(floor: OffersFloor, tmp_path: Path) -> None:
    listed = file(tmp_path / "banned.csv", "p-1,,", "p 2,,", "p-3,soon,")

    failed = run("exclusions", "import", listed, "--list", "banned", "--as-of", "now", code=1)

    for sentence in ("line 3: player_id", "line 4: 'soon'", "2 lines are wrong, nothing was"):
        assert sentence in failed.stderr
    assert floor.standings.members(NORTH, BANNED) == {}
    assert floor.standings.lists(NORTH) == Lists()


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--list", "black", "--as-of", "now"], 2, "'black' is no list: there are self_excluded"),
        (["--list", "banned", "--as-of", "yesterday"], 2, "--as-of 'yesterday' is no moment"),
        (["--list", "banned", "--as-of", "2026-01-10"], 1, "in the future"),
    ],
)
def test_what_makes_no_sense_is_said_so(
    floor: OffersFloor, tmp_path: Path, more: list[str], code: int, says: str
) -> None:
    listed = file(tmp_path / "banned.csv", "p-1,,")

    assert says in run("exclusions", "import", listed, *more, code=code).stderr


def test_a_list_that_shrinks_much_has_to_be_meant(floor: OffersFloor, tmp_path: Path) -> None:
    whole = file(tmp_path / "all.csv", *(f"p-{number},," for number in range(30)))
    half = file(tmp_path / "half.csv", *(f"p-{number},," for number in range(15)))
    to_banned = ("--list", "banned", "--as-of", "now")
    run("exclusions", "import", whole, *to_banned)
    floor.clock.advance(1)

    refused = run("exclusions", "import", half, *to_banned, code=1)
    assert "run the same with --removes 15" in refused.stderr
    wrong = run("exclusions", "import", half, *to_banned, "--removes", "14", code=1)
    assert "15 of 30" in wrong.stderr
    assert len(floor.standings.members(NORTH, BANNED)) == 30

    assert told("exclusions", "import", half, *to_banned, "--removes", "15")["removed"] == 15


def test_an_import_that_was_cut_says_so(floor: OffersFloor, tmp_path: Path) -> None:
    listed = file(tmp_path / "banned.csv", "p-1,,")
    floor.network.fault = lambda call: (
        Lose(effect=False) if call.operation == "TransactWriteItems" else None
    )
    to_banned = ("--list", "banned", "--as-of", "now")

    failed = CliRunner().invoke(app, ["exclusions", "import", listed, *to_banned])
    assert failed.exit_code == 1
    floor.network.fault = None
    run("exclusions", "import", listed, *to_banned)


def test_patrons_are_imported_without_their_birthdays(floor: OffersFloor, tmp_path: Path) -> None:
    path = tmp_path / "patrons.csv"
    path.write_text("player_id,born_on,jurisdiction\np-1,2000-01-01,US-NV\n")

    needs = run("patrons", "import", str(path), code=1)
    assert "born_on asks for the age" in needs.stderr
    assert told("patrons", "import", str(path), "--of-age", "21") == {"players": 1, "changed": 1}

    standing = floor.standings.standing(NORTH, "p-1")
    assert standing == Standing(1, {}, 1_609_502_400_000, "US-NV")  # 2021-01-01, noon UTC
    assert b"2000" not in b"".join(floor.standings_table.snapshot())


def test_one_player_is_added_shown_and_lifted(floor: OffersFloor) -> None:
    added = run("exclusions", "add", "p-1", "self-excluded", "--until", "2026-06-30", "--note", "x")
    assert "p-1 is on self_excluded." in added.stdout
    assert "2026-07-01 12:00:00" in added.stdout  # all of that day, wherever it is
    shown = told("exclusions", "show", "p-1")
    assert [change["by"] for change in shown["changes"]] == ["workbench-host-north"]

    kept = run("exclusions", "lift", "p-1", "self_excluded", code=1)
    assert "nobody can end that earlier" in kept.stderr
    run("exclusions", "add", "p-1", "opted_out")
    lifted = told("exclusions", "lift", "p-1", "opted_out", "--note", "asked for them")
    assert [one["list"] for one in lifted["exclusions"]] == ["self_excluded"]
    assert lifted["changes"][0]["note"] == "asked for them"


def test_nobody_is_told_of_who_is_not_known(floor: OffersFloor) -> None:
    assert "Nothing is known of player p-9" in run("exclusions", "show", "p-9", code=1).stderr
    assert run("exclusions", "show", "p/9", code=2).stderr


def test_a_file_that_is_not_there(floor: OffersFloor) -> None:
    failed = run("patrons", "import", "/nowhere.csv", code=1)
    assert "cannot be read" in failed.stderr


def test_a_service_of_the_house_may_keep_exclusions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    added: list[Principal] = []
    monkeypatch.setattr(gateways, "add", lambda principal, key_file: added.append(principal))
    monkeypatch.setattr(gateways, "_added", lambda *arguments: None)
    key = ("--key-file", str(tmp_path / "key.pem"))

    run("services", "add", "compliance", "--scope", "exclusions:write", *key)
    run("services", "add", "reader", *key)
    wrong = run("services", "add", "other", "--scope", "everything", code=2)

    assert [principal.scopes for principal in added] == [{"exclusions:write"}, {"ratings:read"}]
    assert "'everything' is no scope: there are" in wrong.stderr


# --- the simulated floor's files ------------------------------------------------------------------


def test_a_simulated_floors_players_may_mostly_be_made_offers(
    floor: OffersFloor, tmp_path: Path
) -> None:
    plan = FloorPlan(5, 400, 1, seed=3, start=NOON - 60_000, property_id=NORTH)
    players = open_floor(plan).player_ids

    counts = write_standings(plan, players, tmp_path)

    folder = tmp_path / "standings"
    run("patrons", "import", str(folder / "patrons.csv"))
    for name in ListName:
        run("exclusions", "import", str(folder / f"{name}.csv"), "--list", name, "--as-of", "now")
        assert len(floor.standings.members(NORTH, name)) == counts[name]
    house = House(daily_budget_cents=1, jurisdictions=("US-NV",))
    found = [
        refusals(floor.standings.facts(NORTH, player_id, None), house, NOON, at_machine=False)
        for player_id in players
    ]
    may = sum(not why for why in found)
    assert len(players) * 80 // 100 < may < len(players) * 95 // 100
    assert {str(reason) for why in found for reason in why} == {
        *map(str, ListName),
        *("under_age", "jurisdiction"),
    }
    again = tmp_path / "again"
    write_standings(plan, players, again)
    for path in folder.iterdir():
        assert path.read_bytes() == (again / "standings" / path.name).read_bytes()


def test_a_stack_without_standings_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "stack_outputs", dict)

    with pytest.raises(WorkbenchError, match="pitboss up"), exclusions._table_of_standings():
        raise AssertionError("not reached")

"""`pitboss rerate`: what it is told, what it says, and that a dry run changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pitboss.events.batch import BatchHeader, SlotBatch
from pitboss.events.slot import CardInserted, GameEnded, GameStarted, PaytableReported, SlotEvent
from pitboss.gaming_day import GamingDays
from pitboss.rating.fold import House, Tally
from pitboss.rating.house_rules import SHIPPED, HouseRules, shipped
from pitboss.stores.ratings import Asset
from rate_players.service import RatePlayers
from workbench import endpoint, main, rerate
from workbench.console import WorkbenchError
from workbench.memory import MemoryRatings
from workbench.rerate import Plan, Work

START = 1_768_500_000_000
"""2026-01-15, 18:00 UTC."""
DAY = "2026-01-15"
NOW = START + 7 * 86_400_000
DAYS = GamingDays.parse("*=UTC@06:00")
MEND = ["--day", DAY, "--machine", "7", "--hold-basis-points", "900"]


def event(second: int, data: Any, player: str | None = None) -> SlotEvent:
    return SlotEvent(f"{second}", START + second * 1_000, second, player, data)


class Stack:
    """A floor of one machine and one player, rated as it is deployed."""

    def __init__(self) -> None:
        self.ratings = MemoryRatings()
        self.reasons: list[str] = []
        rules = shipped().of("P1")
        house = House(DAYS.day_of("P1"), rules.idle_ms)
        self._rate = RatePlayers(self.ratings, lambda _: house, lambda _: None, lambda: NOW)
        self.take(
            "7",
            [
                event(0, PaytableReported(9_500)),
                event(10, CardInserted(), "anna"),
                event(20, GameStarted(20_000)),
                event(25, GameEnded(win_cents=0)),
            ],
        )

    def take(self, asset_id: str, events: list[SlotEvent]) -> None:
        header = BatchHeader(*Asset("P1", asset_id), START, "gateway-1", "pitboss")
        self._rate([SlotBatch(header, events, 0)])

    def send(self, plan: Plan, reason: str) -> None:
        self.reasons.append(reason)
        for turn in (0, 1):
            for one in plan.machines:
                self.take(one.asset_id, one.in_turn()[turn])

    @property
    def theoretical(self) -> int:
        (session,) = self.ratings.player_sessions("P1", "anna", 10)
        return session.tally.theoretical_win


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack()

    def of_stack(property_id: str, former: Path | None) -> Work:
        rules = shipped().of(property_id)
        before = rules if former is None else rerate._rules(former).of(property_id)
        work = Work(property_id, made.ratings, DAYS, (before, rules), NOW)  # type: ignore[arg-type]
        work.must_keep_time_outs()
        return work

    target = endpoint.Target("http://127.0.0.1:9", "us-east-1")
    monkeypatch.setattr(endpoint, "target", lambda: target)
    monkeypatch.setattr(Work, "of_stack", of_stack)
    monkeypatch.setattr(Work, "send", lambda _, plan, reason: made.send(plan, reason))
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.app, ["rerate", *arguments])


def test_a_dry_run_says_who_would_change_and_changes_nothing(stack: Stack) -> None:
    done = run(*MEND, "--json")

    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert stack.theoretical == 20_000 * 500
    assert (said["applied"], said["reports"], stack.reasons) == (False, 2, [])
    (machine,) = said["machines"]
    assert machine["days"] == [
        {
            "gaming_day": DAY,
            "theoretical_win_before": "10.00",
            "theoretical_win_after": "18.00",
            "coin_in_cents_before": 20_000,
            "coin_in_cents_after": 20_000,
        }
    ]
    (player,) = said["players"]
    assert player["player_id"] == "anna"
    assert player["theoretical_win_difference"] == "8.00"
    assert (player["before"]["adt_mean"], player["after"]["adt_mean"]) == ("10.00", "18.00")


def test_applied_it_is_stored_and_a_second_time_there_is_nothing_to_do(stack: Stack) -> None:
    done = run(*MEND, "--apply", "--reason", "the par sheet was misread")

    assert done.exit_code == 0, done.output
    assert "Applied, and read back as planned" in done.stderr
    assert stack.theoretical == 20_000 * 900
    assert stack.reasons == ["the par sheet was misread"]
    (entry,) = stack.ratings.player_corrections("P1", "anna", 10)
    assert entry.difference == Tally(theoretical_win=20_000 * 400)
    again = run(*MEND, "--apply", "--reason", "once more")
    assert "What was rated is right already." in again.stdout
    assert stack.reasons == ["the par sheet was misread"]


def test_people_see_from_what_to_what(stack: Stack) -> None:
    done = run(*MEND)

    assert "10.00 > 18.00" in done.stdout
    assert "it takes: 2; machines that change: 1; players: 1, and 0 that stay" in done.stdout
    assert "--apply and a --reason" in done.stderr


def test_what_is_stored_otherwise_than_planned_is_told(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Work, "send", lambda *_: None)

    done = run(*MEND, "--apply", "--reason", "a report that is lost")

    assert done.exit_code == 1
    assert "Machine 7 is not rated as planned" in done.stderr


def test_corrections_of_a_file(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "holds.csv"
    file.write_text("asset_id,hold_basis_points\n7,900\n")

    done = run("--day", DAY, "--corrections", str(file), "--json")

    said = json.loads(done.stdout)
    assert said["machines"][0]["days"][0]["theoretical_win_after"] == "18.00"


def test_a_machine_never_heard_of_is_told(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "holds.csv"
    file.write_text("asset_id,hold_basis_points\n7,900\n8,700\n")

    done = run("--day", DAY, "--corrections", str(file), "--apply", "--reason", "a typo")

    assert done.exit_code == 1
    assert "Nothing is known of machine 8 at property P1" in done.stderr
    assert stack.reasons == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("asset,hold\n7,900\n", "its first line must name columns"),
        ("asset_id,hold_basis_points\n", "has no corrections"),
        ("asset_id,hold_basis_points\n7,9%\n", "line 2: hold_basis_points is a whole number"),
        ("asset_id,hold_basis_points\n7,10001\n", "line 2: hold_basis_points is a whole number"),
        ("asset_id,hold_basis_points\n7,\n", "line 2: neither a hold nor a denomination"),
        ("asset_id,hold_basis_points\n7,1\n7,2\n", "line 3: the same paytable as a line before"),
        ("asset_id,accounting_denomination_cents\n7,0\n", "line 2: a denomination of 0 cents"),
        ("asset_id,hold_basis_points\n7/8,1\n", "line 2: '7/8' is no id of a machine"),
    ],
)
def test_a_file_that_is_wrong_is_told_by_the_line(
    stack: Stack, tmp_path: Path, text: str, wrong: str
) -> None:
    file = tmp_path / "holds.csv"
    file.write_text(text)

    done = run("--day", DAY, "--corrections", str(file))

    assert done.exit_code == 1
    assert wrong in done.stderr


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["--day", DAY], "Say what was wrong"),
        (["--day", DAY, "--machine", "7"], "Say what is true"),
        (["--day", DAY, "--hold-basis-points", "900"], "Name the machines"),
        ([*MEND, "--apply"], "--apply needs a --reason"),
        ([*MEND, "--corrections", "x.csv"], "--corrections FILE says it all"),
        ([*MEND, "--property", "a/b"], "is no id of a property"),
        ([*MEND[2:], "--day", "yesterday"], "is no gaming day"),
        ([*MEND, "--reason", "x" * 201], "200 characters at most"),
        (["--day", DAY, "--former-rules", "x", "--apply", "--reason", "y"], "nothing to apply"),
    ],
)
def test_a_command_that_makes_no_sense_is_told(
    stack: Stack, arguments: list[str], wrong: str
) -> None:
    done = run(*arguments)

    assert done.exit_code == 2
    assert wrong in done.stderr


@pytest.fixture
def former(tmp_path: Path) -> Callable[[str, str], str]:
    """The shipped rules with one thing different, as a file."""

    def make(old: str, new: str) -> str:
        text = SHIPPED.read_text()
        assert old in text
        file = tmp_path / "former.toml"
        file.write_text(text.replace(old, new))
        return str(file)

    return make


def test_other_rules_are_held_against_those_of_before(
    stack: Stack, former: Callable[[str, str], str]
) -> None:
    points = shipped().of("P1").sets[0].coin_in_cents_a_point
    file = former(f"coin_in_cents_a_point = {points}", f"coin_in_cents_a_point = {points * 2}")

    said = json.loads(run("--day", DAY, "--former-rules", file, "--json").stdout)

    (player,) = said["players"]
    assert player["theoretical_win_difference"] == "0.00"
    assert player["after"]["points"] == 2 * player["before"]["points"] > 0
    assert said["reports"] == 0


def test_a_time_out_of_the_past_stays(stack: Stack, former: Callable[[str, str], str]) -> None:
    minutes = shipped().of("P1").sets[0].session_idle_minutes
    file = former(f"session_idle_minutes = {minutes}", f"session_idle_minutes = {minutes + 5}")

    done = run("--day", DAY, "--former-rules", file)

    assert done.exit_code == 1
    assert "session_idle_minutes of gaming day" in done.stderr


def test_rules_that_are_none_are_told(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "former.toml"
    file.write_text("[[")
    assert "no TOML" in run("--day", DAY, "--former-rules", str(file)).stderr
    with pytest.raises(WorkbenchError, match="cannot be read"):
        rerate._rules(tmp_path / "gone.toml")
    assert HouseRules.parse(SHIPPED.read_text()).of("P1").sets == shipped().of("P1").sets

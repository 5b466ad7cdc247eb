"""`pitboss rerate`: gaming days rated again by a corrected hold, denomination or rule.

Without --apply nothing is sent: the command says who would change by how much.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from workbench import endpoint, gateways
from workbench.archive import days_of
from workbench.console import UsageError, WorkbenchError, err, out, print_json, say, step

if TYPE_CHECKING:
    from pitboss.gaming_day import GamingDays
    from pitboss.rating.fold import Tally
    from pitboss.rating.house_rules import HouseRules, PropertyRules
    from pitboss.rating.players import Profile
    from pitboss.stores.ratings import DynamoRatings
    from workbench.replay import FeedEvent
    from workbench.rerating import Correction, Rerating

SHOWN = 20
"""Rows of a table, unless all are asked for as JSON."""

COLUMNS = ("asset_id", "game_number", "hold_basis_points", "accounting_denomination_cents")
MAX_REASON = 200
_CLOCKS_APART_MS = 60_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rerate")(rerate)


def rerate(
    days: Annotated[
        str,
        typer.Option("--day", metavar="DAY[..DAY]", help="The gaming days that were rated wrong."),
    ],
    machines: Annotated[
        list[str] | None, typer.Option("--machine", help="A machine that reported wrong; repeat.")
    ] = None,
    hold_basis_points: Annotated[
        int | None,
        typer.Option(min=0, max=10_000, help="Its true hold, in hundredths of a percent."),
    ] = None,
    denomination_cents: Annotated[
        int | None, typer.Option(min=1, help="What its credits are truly worth, in cents.")
    ] = None,
    game_number: Annotated[
        int, typer.Option("--game", min=0, max=9_999, help="Of its games; 0 is its own paytable.")
    ] = 0,
    corrections: Annotated[
        Path | None,
        typer.Option(help=f"A file of many, with the columns {', '.join(COLUMNS)}."),
    ] = None,
    former_rules: Annotated[
        Path | None,
        typer.Option(help="The house rules of before: say what those of this checkout change."),
    ] = None,
    property_id: Annotated[
        str, typer.Option("--property", help="The property.")
    ] = gateways.DEFAULT_PROPERTY,
    reason: Annotated[
        str, typer.Option(help="Why; it is archived with what is sent. --apply needs one.")
    ] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Send the corrections; without it nothing is changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rate gaming days again by a corrected hold, denomination or rule; a dry run without --apply.

    What machines should have reported is sent through the front door as late reports. What was
    posted stays and is corrected by new ledger entries; totals, ADT and tiers follow. Every player
    and machine that changes is listed, from what to what.
    """
    gateways.must_be_id(property_id, "property")
    wanted = _wanted(machines, hold_basis_points, denomination_cents, game_number, corrections)
    if not wanted and former_rules is None:
        raise UsageError(
            "Say what was wrong: --machine with --hold-basis-points or --denomination-cents, "
            "--corrections FILE, or --former-rules FILE."
        )
    if apply and (not wanted or not reason.strip()):
        raise UsageError(
            "--apply needs a --reason: it is archived with the corrections."
            if wanted
            else "There is nothing to apply: the rules of a release are in force once it is "
            "deployed, and ratings are read by them."
        )
    if len(reason) > MAX_REASON:
        raise UsageError(f"--reason takes {MAX_REASON} characters at most.")
    named = days_of(days)
    with endpoint.as_environment():
        work = Work.of_stack(property_id, former_rules)
        whole_floor = former_rules is not None
        plan = work.plan(wanted, named, whole_floor=whole_floor)
        is_applied = apply and plan.reports > 0
        if is_applied:
            work.send(plan, reason)
            _must_be(plan, work.machines(wanted, named, whole_floor=whole_floor))
    if as_json:
        print_json(plan.as_json() | {"applied": is_applied})
        return
    _show(plan)
    if is_applied:
        say("Applied, and read back as planned. `pitboss refine` brings the lake up to date.")
    elif plan.reports:
        say("Nothing was changed. The same with --apply and a --reason does it.")


def _wanted(
    machines: Sequence[str] | None,
    hold: int | None,
    denomination: int | None,
    game_number: int,
    file: Path | None,
) -> "list[Correction]":
    from workbench.rerating import Correction

    if file is not None:
        if machines or hold is not None or denomination is not None or game_number:
            raise UsageError("--corrections FILE says it all: leave --machine and its values out.")
        return _read(file)
    if not machines:
        if hold is not None or denomination is not None:
            raise UsageError("Name the machines that reported wrong: --machine ID, repeated.")
        return []
    if hold is None and denomination is None:
        raise UsageError("Say what is true: --hold-basis-points or --denomination-cents.")
    for machine in machines:
        gateways.must_be_id(machine, "machine")
    return [Correction(one, game_number, hold, denomination) for one in dict.fromkeys(machines)]


def _read(file: Path) -> "list[Correction]":
    """The corrections of a comma-separated file. The game number and one of the values may be
    absent or empty.

    Raises:
        WorkbenchError: there is no such file, or a line of it is wrong; it says which.
    """
    from workbench.rerating import Correction

    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            names = rows.fieldnames or []
            if "asset_id" not in names or set(names) - set(COLUMNS):
                raise WorkbenchError(f"{file}: its first line must name columns {COLUMNS}.")
            found: dict[tuple[str, int], Correction] = {}
            for number, row in enumerate(rows, 2):
                try:
                    game, hold, denomination = (
                        _number(row, name, most)
                        for name, most in zip(COLUMNS[1:], (9_999, 10_000, 10**8), strict=True)
                    )
                    gateways.must_be_id(row["asset_id"] or "", "machine")
                    if hold is None and denomination is None:
                        raise ValueError("neither a hold nor a denomination")
                    if denomination == 0:
                        raise ValueError("a denomination of 0 cents")
                    key = (row["asset_id"], game or 0)
                    if key in found:
                        raise ValueError("the same paytable as a line before")
                except (ValueError, UsageError) as fault:
                    raise WorkbenchError(f"{file}, line {number}: {fault}.") from None
                found[key] = Correction(row["asset_id"], game or 0, hold, denomination)
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise WorkbenchError(f"{file} cannot be read: {fault}.") from None
    if not found:
        raise WorkbenchError(f"{file} has no corrections.")
    return list(found.values())


def _number(row: Mapping[str, str | None], name: str, most: int) -> int | None:
    text = (row.get(name) or "").strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,9}", text) or int(text) > most:
        raise ValueError(f"{name} is a whole number from 0 to {most:,}, not {text!r}")
    return int(text)


class PlayerChange(NamedTuple):
    """A player before and after."""

    player_id: str
    difference: "Tally"
    """Of all their play, at all machines."""
    before: "Profile"
    after: "Profile"

    def as_json(self) -> dict[str, Any]:
        """For programs; money as in `GET /v1/players/{player_id}`."""
        return {
            "player_id": self.player_id,
            "theoretical_win_difference": _theoretical(self.difference.theoretical_win),
            "coin_in_cents_difference": self.difference.coin_in_cents,
            "coin_out_cents_difference": self.difference.coin_out_cents,
            "before": _standing(self.before),
            "after": _standing(self.after),
        }


class Plan(NamedTuple):
    """What is to be sent, and who changes."""

    machines: "list[Rerating]"
    players: list[PlayerChange]
    """Those that change most first."""
    unchanged_players: int
    """Players that were looked at and stay as they are."""

    @property
    def reports(self) -> int:
        """How many reports it takes."""
        return sum(len(one.events) for one in self.machines)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "machines": [
                {
                    "asset_id": one.asset_id,
                    "reports": [
                        {
                            "event_id": event.event_id,
                            "occurred_at": event.occurred_at,
                            "game_number": report.game_number,
                            "hold_basis_points": report.hold_basis_points,
                            "accounting_denomination_cents": report.accounting_denomination_cents,
                        }
                        for event, report in one.reports()
                    ],
                    "days": [
                        {
                            "gaming_day": day,
                            "theoretical_win_before": _theoretical(before.theoretical_win),
                            "theoretical_win_after": _theoretical(after.theoretical_win),
                            "coin_in_cents_before": before.coin_in_cents,
                            "coin_in_cents_after": after.coin_in_cents,
                        }
                        for day, before, after in one.days()
                    ],
                    "open_ended": one.open_ended,
                }
                for one in self.machines
            ],
            "players": [one.as_json() for one in self.players],
            "unchanged_players": self.unchanged_players,
            "reports": self.reports,
        }


class Work:
    """The stack that is rerated: its ratings, its rules, and a moment that is now."""

    def __init__(
        self,
        property_id: str,
        ratings: "DynamoRatings",
        gaming_days: "GamingDays",
        rules: tuple["PropertyRules", "PropertyRules"],
        now: int,
    ) -> None:
        """`rules` are those of before and those of now."""
        from pitboss.rating.fold import House

        self.property_id = property_id
        self.ratings = ratings
        self.gaming_day = gaming_days.rule_of(property_id)
        self.former, self.rules = rules
        self.now = now
        self.house = House(gaming_days.day_of(property_id), self.rules.idle_ms)
        self.today = self.house.day_of(now)

    @classmethod
    def of_stack(cls, property_id: str, former_rules: Path | None) -> "Work":
        """That of the running stack.

        Raises:
            WorkbenchError: there is no stack, or the former rules are none that can be compared.
        """
        from pitboss.gaming_day import GamingDays
        from pitboss.rating.house_rules import shipped
        from pitboss.stores.ratings import DynamoRatings
        from workbench.stack import settings_of
        from workbench.unchanged import now_ms

        settings = settings_of("rate_players")
        rules = shipped().of(property_id)
        former = rules if former_rules is None else _rules(former_rules).of(property_id)
        work = cls(
            property_id,
            DynamoRatings(
                settings["RATINGS_TABLE"], endpoint.target().region or endpoint.DEFAULT_REGION
            ),
            GamingDays.parse(settings["GAMING_DAYS"]),
            (former, rules),
            now_ms(),
        )
        work.must_keep_time_outs()
        return work

    def must_keep_time_outs(self) -> None:
        """Refuse another idle time-out for days of the past: sessions are stored by it.

        Raises:
            WorkbenchError: it names the first such day.
        """
        days = sorted({one.since for rules in (self.former, self.rules) for one in rules.sets})
        for day in days:
            if day <= self.today and self.former.idle_ms(day) != self.rules.idle_ms(day):
                raise WorkbenchError(
                    f"session_idle_minutes of gaming day {day} differ: sessions of the past are "
                    "stored by them and stay; give the new time-out an effective_from after today."
                )

    def plan(
        self, wanted: "Iterable[Correction]", days: Sequence[str], *, whole_floor: bool = False
    ) -> Plan:
        """What the corrections of these gaming days take, and who changes.

        Args:
            wanted: the corrections.
            days: one after the other.
            whole_floor: look at players of every machine, and not only of those to be corrected.

        Raises:
            WorkbenchError: a machine cannot be rated anew.
        """
        found = self.machines(wanted, days, whole_floor=whole_floor)
        players, looked_at = self._players(found, set(days))
        machines = sorted(found.values(), key=lambda one: (len(one.asset_id), one.asset_id))
        return Plan(machines, players, looked_at - len(players))

    def machines(
        self, wanted: "Iterable[Correction]", days: Sequence[str], *, whole_floor: bool = False
    ) -> "dict[str, Rerating]":
        """What they take and change at each machine; the arguments are those of `plan`.

        Raises:
            WorkbenchError: a machine cannot be rated anew.
        """
        from pitboss.stores.ratings import Asset
        from workbench.rerating import TooFarBackError, UnderCorrectionError, rerate

        named = [date.fromisoformat(day) for day in days]
        bounds = [*map(self.gaming_day.start_of, named), self.gaming_day.bounds_of(named[-1])[1]]
        by_asset: dict[str, list[Correction]] = {}
        if whole_floor:
            machines = self.ratings.floor(self.property_id)
            by_asset = {one.asset_id: [] for one in machines}
        for one in wanted:
            by_asset.setdefault(one.asset_id, []).append(one)
        found: dict[str, Rerating] = {}
        unknown = []
        for asset_id in track(
            sorted(by_asset), "reading machines", console=err, disable=not err.is_terminal
        ):
            asset = Asset(self.property_id, asset_id)
            try:
                made = rerate(self.ratings, asset, by_asset[asset_id], bounds, self.house, self.now)
            except TooFarBackError:
                raise WorkbenchError(
                    f"Machine {asset_id} was played so much since {days[0]} that late events "
                    "reach back no further (docs/rerating.md): choose later days."
                ) from None
            except UnderCorrectionError:
                raise WorkbenchError(
                    f"Machine {asset_id} is being corrected: run this again in a moment."
                ) from None
            if made is None:
                unknown.append(asset_id)
            else:
                found[asset_id] = made
        if unknown:
            raise WorkbenchError(
                f"Nothing is known of machine {', '.join(unknown)} at property "
                f"{self.property_id}: see `pitboss floor`, and which --property."
            )
        return found

    def _players(
        self, found: "dict[str, Rerating]", days: set[str]
    ) -> tuple[list[PlayerChange], int]:
        """The players that change, those that change most first, and how many were looked at."""
        from pitboss.rating.fold import Tally
        from pitboss.rating.players import MAX_SESSION_DAYS, MAX_TABLE_DAYS, profile
        from workbench.rerating import rated_anew

        played = {
            key.player_id
            for one in found.values()
            for key in one.before
            if key.player_id is not None and (key in one.changes or key.day in days)
        }
        differences: dict[str | None, Tally] = {}
        for one in found.values():
            for key, change in one.changes.items():
                differences.setdefault(key.player_id, Tally()).add(change)
        players = []
        for player_id in track(
            sorted(played), "reading players", console=err, disable=not err.is_terminal
        ):
            sessions = self.ratings.player_sessions(self.property_id, player_id, MAX_SESSION_DAYS)
            tables = self.ratings.table_days(self.property_id, player_id, MAX_TABLE_DAYS)
            difference = differences.get(player_id, Tally())
            before = profile(sessions, self.former, self.today, tables)
            after = profile(rated_anew(sessions, found), self.rules, self.today, tables)
            if difference or _standing(before) != _standing(after):
                players.append(PlayerChange(player_id, difference, before, after))
        players.sort(key=lambda one: (-abs(one.difference.theoretical_win), one.player_id))
        return players, len(played)

    def send(self, plan: Plan, reason: str) -> None:
        """Post a plan's reports, wait until they are rated, and see that what was planned is there.

        Raises:
            WorkbenchError: a report was not taken, or something else is stored now.
        """
        from workbench.event_files import FileFormat
        from workbench.replay import feed_event
        from workbench.rerating import envelope

        for events in zip(*(one.in_turn() for one in plan.machines), strict=True):
            self._post(
                [
                    feed_event(
                        envelope(event, self.property_id, one.asset_id, reason), FileFormat.PITBOSS
                    )
                    for one, of_machine in zip(plan.machines, events, strict=True)
                    for event in of_machine
                ]
            )

    def _post(self, events: "list[FeedEvent]") -> None:
        from workbench import unchanged
        from workbench.event_files import FileFormat
        from workbench.replay import cut, front_door, replay

        if not events:
            return
        since = unchanged.now_ms() - _CLOCKS_APART_MS
        read = unchanged.events_read(since)
        with front_door(None, self.property_id) as client:
            report = replay(client, cut(events), FileFormat.PITBOSS)
        if not report.all_in:
            raise WorkbenchError(
                f"{report.received - report.accepted - report.duplicate} of {report.received} "
                f"reports were not taken ({', '.join(report.reasons)}): see `pitboss quarantine "
                "list`, then run this again; nothing counts twice."
            )
        with step(f"waiting until {len(events):,} reports are rated"):
            unchanged.wait_until_read(read + report.accepted, since)


def _rules(file: Path) -> "HouseRules":
    from pitboss.rating.house_rules import HouseRules, InvalidHouseRules

    try:
        return HouseRules.parse(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise WorkbenchError(f"{file} cannot be read: {fault}.") from None
    except InvalidHouseRules as fault:
        raise WorkbenchError(f"{file}: {fault}.") from None


def _must_be(planned: Plan, found: "dict[str, Rerating]") -> None:
    """Hold what is stored against what was planned.

    Raises:
        WorkbenchError: they differ.
    """
    for one in planned.machines:
        now = found[one.asset_id]
        if now.events or any(now.before.get(key) != tally for key, tally in one.after.items()):
            raise WorkbenchError(
                f"Machine {one.asset_id} is not rated as planned: were events of these days sent "
                "meanwhile? Run this again without --apply to see what is left."
            )


def _theoretical(units: int) -> str:
    from pitboss.money import theoretical_dollars

    return theoretical_dollars(units)


def _standing(profile: "Profile") -> dict[str, Any]:
    """What a player is worth, and holds."""
    adt, standing = profile.adt, profile.standing
    return {
        "theoretical_win": _theoretical(profile.total.theoretical_win),
        "adt_mean": None if adt.mean is None else _theoretical(adt.mean),
        "adt_trimmed_mean": None if adt.trimmed_mean is None else _theoretical(adt.trimmed_mean),
        "worth_segment": profile.worth_segment,
        "tier": None if standing is None else standing.tier,
        "points": None if standing is None else standing.points,
    }


def _show(plan: Plan) -> None:
    changed = [one for one in plan.machines if one.events or one.days()]
    if changed:
        table = Table(title="Machines: theoretical win in dollars")
        for name in ("machine", "gaming day"):
            table.add_column(name)
        for name in ("before", "after", "difference", "reports"):
            table.add_column(name, justify="right")
        for machine in changed[:SHOWN]:
            named = [escape(machine.asset_id), str(len(machine.events))]
            for day, before, after in machine.days():
                old, new = before.theoretical_win, after.theoretical_win
                money = [_theoretical(units) for units in (old, new, new - old)]
                table.add_row(named[0], day, *money, named[1])
                named = ["", ""]
            if named[0]:
                table.add_row(named[0], "none", "", "", "", named[1])
        out.print(table)
        _more(len(changed), "machines")
    if plan.players:
        table = Table(title="Players: dollars before and after")
        table.add_column("player")
        for name in ("theoretical win", "ADT", "worth", "tier", "points"):
            table.add_column(name, justify="right")
        for player in plan.players[:SHOWN]:
            was, will_be = _standing(player.before), _standing(player.after)
            names = ("theoretical_win", "adt_mean", "worth_segment", "tier", "points")
            cells = [_from_to(was[name], will_be[name]) for name in names]
            table.add_row(escape(player.player_id), *cells)
        out.print(table)
        _more(len(plan.players), "players")
    out.print(
        f"reports it takes: {plan.reports:,}; machines that change: {len(changed):,}; players: "
        f"{len(plan.players):,}, and {plan.unchanged_players:,} that stay as they are"
    )
    if not plan.reports and not plan.players:
        out.print("What was rated is right already.")
    for machine in plan.machines:
        if machine.open_ended:
            err.print(
                f"machine {escape(machine.asset_id)}: the corrected paytable stays in force until "
                "it reports the next one: mend the machine, too"
            )


def _from_to(before: object, after: object) -> str:
    old, new = ("-" if one is None else str(one) for one in (before, after))
    return old if old == new else f"{old} > {new}"


def _more(count: int, what: str) -> None:
    if count > SHOWN:
        out.print(f"and {count - SHOWN:,} more {what}: --json has all")

"""`pitboss rate`: the rating code over files, offline."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import UsageError, err, moment, out, print_json
from workbench.event_files import FileFormat, raw_events

if TYPE_CHECKING:
    from pitboss.gaming_day import GamingDay
    from pitboss.rating.fold import Tally
    from pitboss.stores.ratings import Asset

    type _Days = dict[str, Tally]
    """Play by gaming day."""
    type _Session = tuple[int, str, str, str]
    """A session's start, asset, player and property."""

EVENTS_A_BATCH = 5_000
DEFAULT_GAMING_DAY = "America/Los_Angeles@06:00"

_REFUSALS_SHOWN = 20
_SESSIONS_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rate")(rate)


def rate(
    files: Annotated[
        list[Path], typer.Argument(help="Files of events, or of rated table sessions.")
    ],
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="How the files are written.")
    ] = FileFormat.PITBOSS,
    gaming_day: Annotated[
        str | None,
        typer.Option(
            help="The property's gaming day, Area/City@HH:MM.", show_default=DEFAULT_GAMING_DAY
        ),
    ] = None,
    paces: Annotated[
        Path | None,
        typer.Option(
            help="What shufflers measured at tables, of `pitboss shufflers paces --json`: "
            "for slips without a pace."
        ),
    ] = None,
    paces_of: Annotated[
        str | None,
        typer.Option(
            "--paces-from-stack",
            metavar="PROPERTY",
            help="The same, of a property's tables, read from the stack for the sessions' days.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Rate files of events offline, with the code that is deployed: for audits.

    --json has what a simulated shift's ledger.json has, under the same names: sums by machine and
    player, by gaming day and by session, and every gap. What cannot be accepted is counted, and
    named on standard error with the reason. Rated table sessions (table-sessions) are
    comma-separated files; they need no gaming day but for --paces. The exit status is 1 where
    anything was not accepted.
    """
    from rich.progress import track

    if file_format is FileFormat.TABLE_SESSIONS:
        if paces is not None and paces_of is not None:
            raise UsageError("Paces are of a file or of the stack: leave one of the two out.")
        if gaming_day is not None and paces is None and paces_of is None:
            raise UsageError(
                "Rated table sessions have no gaming day but for --paces: leave --gaming-day out."
            )
        starts_at = _gaming_day(gaming_day or DEFAULT_GAMING_DAY).starts_at
        _rate_table_sessions(files, paces or paces_of, starts_at, as_json)
        return
    if paces is not None or paces_of is not None:
        raise UsageError(
            "Paces are for rated table sessions: leave --paces and --paces-from-stack out."
        )
    audit = Audit(file_format, DEFAULT_GAMING_DAY if gaming_day is None else gaming_day)
    for path in files:
        events = list(raw_events(path))
        starts = range(0, len(events), EVENTS_A_BATCH)
        if len(starts) > 1 and err.is_terminal:
            starts = track(starts, f"rating {path.name}", console=err)  # type: ignore[assignment]
        for start in starts:
            audit.take(events[start : start + EVENTS_A_BATCH])
    for refusal, count in audit.refusals.items():
        err.print(f"[yellow]quarantined {count}[/yellow]: {escape(refusal)}")
    result = audit.result()
    if as_json:
        print_json(result)
    else:
        _show(result)
    _end(result, file_format)


def _gaming_day(text: str) -> "GamingDay":
    from pitboss.gaming_day import GamingDay

    try:
        return GamingDay.parse(text)
    except ValueError as fault:
        raise UsageError(f"{fault}: give --gaming-day one.") from None


def _rate_table_sessions(
    files: Sequence[Path], paces: Path | str | None, starts_at: time, as_json: bool
) -> None:
    """By the paces of a file, of a property of the stack, or of neither."""
    from workbench.table_sessions import MeasuredPaces, TableAudit, days_of

    if isinstance(paces, Path):
        measured = MeasuredPaces.read(paces, starts_at)
    elif paces is not None:
        from workbench.shufflers_show import paces_of_days

        measured = MeasuredPaces.of_tables(
            paces_of_days(paces, days_of(files, starts_at)), starts_at
        )
    else:
        measured = None
    audit = TableAudit(measured)
    for path in files:
        audit.take(path)
    for refusal in audit.refusals[:_REFUSALS_SHOWN]:
        err.print(f"[yellow]quarantined[/yellow]: {escape(refusal)}")
    if more := audit.refusals[_REFUSALS_SHOWN:]:
        err.print(f"[yellow]quarantined[/yellow]: {len(more):,} more")
    result = audit.result()
    if as_json:
        print_json(result)
    else:
        _show_table_sessions(result)
    _end(result, FileFormat.TABLE_SESSIONS)


def _end(result: dict[str, Any], file_format: FileFormat) -> None:
    """Exit with 1 where anything was set aside; say why that may be where all of it was."""
    if not result["quarantined"]:
        return
    if not result["accepted"]:
        others = " or ".join(f"--format {one}" for one in FileFormat if one is not file_format)
        err.print(f"Nothing was accepted as {file_format}: is it {others}?")
    raise typer.Exit(1)


class Audit:
    """Events in, ratings out; the shape of `result` is a contract."""

    def __init__(self, file_format: FileFormat, gaming_day: str) -> None:
        from pitboss.rating.fold import House
        from pitboss.rating.house_rules import shipped
        from rate_players.service import RatePlayers
        from workbench.memory import MemoryRatings

        rule = _gaming_day(gaming_day)
        self._format = file_format.reader
        self._ratings = MemoryRatings()
        self._house: Callable[[str], House] = lambda property_id: House(
            lambda epoch_ms: rule.date_of(epoch_ms).isoformat(),
            shipped().of(property_id).idle_ms,
        )
        self._rate = RatePlayers(
            self._ratings,
            self._house,
            pause=lambda _attempt: None,
            now=lambda: 0,
        )
        self._known: dict[tuple[str | None, str, int, str], Any] = {}
        self._counts = dict.fromkeys(("received", "accepted", "duplicate", "quarantined"), 0)
        self.refusals: dict[str, int] = {}
        """What is wrong with events that were not accepted, and how often."""

    def take(self, events: Iterable[bytes]) -> None:
        """Rate more events."""
        from pitboss.events.batch import BatchHeader, SlotBatch
        from pitboss.events.envelope import InvalidEvent
        from pitboss.events.slot import RATED_TYPES, SlotEvent
        from pitboss.rating.history import page_of

        by_asset: dict[tuple[str, str], list[SlotEvent]] = {}
        for raw in events:
            self._counts["received"] += 1
            try:
                property_id, asset_id, metered = self._format.read(raw)
                event = SlotEvent(
                    metered.event_id,
                    metered.occurred_at,
                    metered.sequence,
                    metered.player_id,
                    metered.data,
                )
                identity = (property_id, asset_id, page_of(event.occurred_at), event.event_id)
                known = self._known.setdefault(identity, event)
                if known is not event:
                    if known != event:
                        raise InvalidEvent("id_reuse", "the id is known with another content")
                    self._counts["duplicate"] += 1
                    continue
            except InvalidEvent as fault:
                self._quarantine(str(fault))
                continue
            self._counts["accepted"] += 1
            by_asset.setdefault((property_id or "", asset_id), []).append(event)
        outcome = self._rate(
            SlotBatch(
                BatchHeader(property_id, asset_id, 0, "", self._format.name),
                [event for event in played if type(event.data) in RATED_TYPES],
            )
            for (property_id, asset_id), played in by_asset.items()
        )
        for unrated in outcome.unrated:
            self._counts["accepted"] -= len(unrated.events)
            self._quarantine(f"{unrated.reason}: {unrated.detail}", len(unrated.events))

    def _quarantine(self, refusal: str, events: int = 1) -> None:
        self._counts["quarantined"] += events
        self.refusals[refusal] = self.refusals.get(refusal, 0) + events

    def result(self) -> dict[str, Any]:
        """What a simulated shift's `ledger.json` has (docs/simulator.md), with more sums a row.

        Machines are those heard of. Theoretical win is dollars as a decimal string, exact.
        """
        machines: dict[Asset, _Days] = {}
        for asset in self._ratings.assets:
            rating = self._ratings.machine(asset)
            assert rating is not None
            days = [rating.today, *self._ratings.closed_days(asset, 100_000)]
            machines[asset] = {day.day: day.tally for day in days}
        sessions: dict[_Session, _Days] = {}
        for property_id, session in self._ratings.sessions:
            key = session.key
            place = (key.started_at, session.asset_id, str(key.player_id), property_id)
            if session.tally:
                sessions.setdefault(place, {})[key.day] = session.tally
        sessions = dict(sorted(sessions.items()))
        played = {
            day
            for days in (*machines.values(), *sessions.values())
            for day, play in days.items()
            if play
        }
        return {
            **self._counts,
            **self._table(machines, sessions, None),
            "days": [
                {"day": day, **self._table(machines, sessions, day)} for day in sorted(played)
            ],
            "sessions": [
                {"player_id": player_id, "asset_id": asset_id, "started_at": started_at}
                | _amounts(_sum(days, None))
                for (started_at, asset_id, player_id, _), days in sessions.items()
            ],
            "gap_records": sorted(
                (
                    gap
                    for asset, days in machines.items()
                    if _sum(days, None).gaps
                    for gap in self._gaps(asset)
                ),
                key=lambda gap: (gap["at"], gap["asset_id"]),
            ),
        }

    def _table(
        self, machines: "dict[Asset, _Days]", sessions: "dict[_Session, _Days]", day: str | None
    ) -> dict[str, Any]:
        """Machines, players and totals of one gaming day, or of all."""
        from pitboss.rating.fold import Tally

        total = Tally()
        rows = []
        for asset, days in machines.items():
            play = _sum(days, day)
            total.add(play)
            rating = self._ratings.machine(asset)
            assert rating is not None
            row = {"asset_id": asset.asset_id, "hold_basis_points": rating.hold_basis_points}
            rows.append(row | _amounts(play))
        players: dict[str, tuple[int, Tally]] = {}
        for (_started, _asset, player_id, _property), days in sessions.items():
            if play := _sum(days, day):
                count, sums = players.get(player_id, (0, Tally()))
                sums.add(play)
                players[player_id] = (count + 1, sums)
        return {
            "machines": rows,
            "players": [
                {"player_id": player_id, "sessions": count} | _amounts(sums)
                for player_id, (count, sums) in sorted(players.items())
            ],
            "totals": _amounts(total),
        }

    def _gaps(self, asset: "Asset") -> Iterator[dict[str, Any]]:
        """A machine's gaps."""
        from pitboss.rating.fold import GapNote
        from pitboss.rating.ledger import Walk

        walk = Walk(self._house(asset.property_id))
        for page in self._ratings.pages(asset, 0, sys.maxsize, sys.maxsize):
            for line in walk.lines(page):
                if isinstance(line.note, GapNote):
                    yield {
                        "asset_id": asset.asset_id,
                        "since": line.note.gap.since,
                        "at": line.note.at,
                        "amount_cents": line.note.gap.amount_cents,
                    }


def _sum(days: "_Days", day: str | None) -> "Tally":
    """The play of one gaming day, or of all."""
    from pitboss.rating.fold import Tally

    total = Tally()
    for of, play in days.items():
        if day in (None, of):
            total.add(play)
    return total


def _amounts(play: "Tally") -> dict[str, Any]:
    from pitboss.money import theoretical_dollars

    return {
        "games": play.games,
        "incomplete_games": play.incomplete_games,
        "coin_in_cents": play.coin_in_cents,
        "coin_out_cents": play.coin_out_cents,
        "handpaid_cents": play.handpaid_cents,
        "actual_win_cents": play.actual_win_cents,
        "theoretical_win": theoretical_dollars(play.theoretical_win),
        "unrated_coin_in_cents": play.unrated_coin_in_cents,
        "gaps": play.gaps,
        "meter_difference_cents": play.meter_difference_cents,
    }


def play_table(title: str, name: str, rows: Iterable[dict[str, Any]]) -> Table:
    """A table of play for people: one row a machine or player, whose id is in column `name`.

    What is seldom has a column where there is any: incomplete games, hand-pays, gaps.
    """
    from pitboss.money import dollars

    rows = list(rows)
    seldom = [
        (heading, key, shown)
        for heading, key, shown in (
            ("incomplete", "incomplete_games", "{:,}".format),
            ("by hand", "handpaid_cents", dollars),
            ("gaps", "gaps", "{:,}".format),
        )
        if any(row[key] for row in rows)
    ]
    table = Table(title=title, title_justify="left")
    table.add_column(name.removesuffix("_id"))
    for heading in ("games", "coin-in", "coin-out", "actual win", "theoretical win"):
        table.add_column(heading, justify="right")
    for heading, _key, _shown in seldom:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            escape(str(row[name])),
            f"{row['games']:,}",
            dollars(row["coin_in_cents"]),
            dollars(row["coin_out_cents"]),
            dollars(row["coin_in_cents"] - row["coin_out_cents"]),
            str(row["theoretical_win"]),
            *(shown(row[key]) for _heading, key, shown in seldom),
        )
    return table


def _show(result: dict[str, Any]) -> None:
    from pitboss.money import dollars

    out.print(play_table("Machines (dollars)", "asset_id", result["machines"]))
    if result["players"]:
        out.print(play_table("Players (dollars)", "player_id", result["players"]))
    if len(result["days"]) > 1:
        days = ({"gaming day": day["day"]} | day["totals"] for day in result["days"])
        out.print(play_table("Gaming days (dollars)", "gaming day", days))
    if sessions := result["sessions"]:
        rows = ({"session": _session(one)} | one for one in sessions[:_SESSIONS_SHOWN])
        out.print(play_table("Sessions (dollars, times in UTC)", "session", rows))
        if more := sessions[_SESSIONS_SHOWN:]:
            out.print(f"and {len(more):,} sessions more: --json has them all")
    totals = result["totals"]
    if totals["incomplete_games"]:
        out.print(
            f"incomplete games {totals['incomplete_games']:,}: their start or their end is missing"
        )
    if totals["gaps"]:
        difference = dollars(totals["meter_difference_cents"])
        out.print(
            f"gaps {totals['gaps']:,}: coin-in by the meters less by events {difference} dollars"
        )
    if totals["unrated_coin_in_cents"]:
        unrated = dollars(totals["unrated_coin_in_cents"])
        out.print(f"coin-in {unrated} dollars is unrated: no hold was known")
    _show_sums(result)


def _session(one: dict[str, Any]) -> str:
    return f"{one['player_id']} at {one['asset_id']} since {moment(one['started_at'])}"


def _show_table_sessions(result: dict[str, Any]) -> None:
    for title, name in (("Players", "player_id"), ("Tables", "table_name"), ("Games", "game")):
        out.print(_session_table(f"{title} (dollars)", name, result[title.lower()]))
    for one in result.get("measured_paces", ()):
        constant = one["decisions_per_hour_assumed"]
        beside = f"{constant} assumed ({one['theoretical_win_assumed']} dollars)"
        out.print(
            f"{escape(one['table_name'])} on {one['gaming_day']}: {one['sessions']:,} sessions at "
            f"{one['decisions_per_hour']} decisions an hour as measured "
            f"({one['theoretical_win']} dollars), not at "
            f"{'any that is known' if constant is None else beside}"
        )
    for flag, count in result["sessions_flagged"].items():
        if count:
            out.print(f"flagged {flag}: {count:,} of {result['totals']['sessions']:,} sessions")
    _show_sums(result)


def _session_table(title: str, name: str, rows: Iterable[dict[str, Any]]) -> Table:
    from pitboss.money import dollars

    table = Table(title=title, title_justify="left")
    table.add_column(name.partition("_")[0])
    for heading in ("sessions", "minutes", "actual win", "theoretical win"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            escape(row[name] or "not known"),
            f"{row['sessions']:,}",
            f"{row['minutes']:,}",
            dollars(row["actual_win_cents"]),
            row["theoretical_win"],
        )
    return table


def _show_sums(result: dict[str, Any]) -> None:
    out.print(
        f"received {result['received']:,} = accepted {result['accepted']:,} "
        f"+ duplicate {result['duplicate']:,} + quarantined {result['quarantined']:,}"
    )
    out.print(f"theoretical win {result['totals']['theoretical_win']} dollars")

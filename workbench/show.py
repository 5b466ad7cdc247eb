"""`pitboss machines show`, `players show`, `floor` and `ledger`: stored ratings, read back.

Everything comes through the API of the running stack, as any service would read it.
"""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from workbench.console import UsageError, WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id
from workbench.rate import play_table

Property = Annotated[str, typer.Option("--property", help="The property that is asked about.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the document as the API answers it.")]

machines = typer.Typer(no_args_is_help=True, help="What is stored of a machine's play.")
players = typer.Typer(no_args_is_help=True, help="What is stored of a player's play.")

LINES_A_PAGE = 2_000
"""Lines of a ledger that are asked for at once: as many as there may be."""

_READINGS = 3
"""Times a ledger is read anew because its day changed meanwhile."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(machines, name="machines")
    app.add_typer(players, name="players")
    app.command("floor")(floor)
    app.command("ledger")(ledger)


@machines.command("show")
def show_machine(
    asset_id: Annotated[str, typer.Argument(metavar="ID", help="The machine's asset number.")],
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Show a machine's rating, the newest gaming day first."""
    document = _read(property_id, _path("machine", asset_id))
    if document is None:
        raise WorkbenchError(
            f"No machine {asset_id} of property {property_id} was heard of: "
            "`pitboss floor` lists those that were."
        )
    if as_json:
        print_json(document)
        return
    title = f"Machine {document['asset_id']} of property {property_id} (dollars)"
    out.print(_by_day(title, document["days"]))
    out.print(_hold(document["hold_basis_points"]))
    _print_gaps(document["days"])
    _print_left_out(day["play"] for day in document["days"])


@players.command("show")
def show_player(
    player_id: Annotated[str, typer.Argument(metavar="ID", help="The player's pseudonym.")],
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Show a player's profile, and the rating by gaming day and by session, the newest first."""
    document = _read(property_id, _path("player", player_id))
    if document is None:
        raise WorkbenchError(f"No play of player {player_id} is known at property {property_id}.")
    if as_json:
        print_json(document)
        return
    rating = document["rating"]
    day = rating["gaming_day"]
    out.print(f"Player {escape(player_id)} at property {escape(property_id)}, gaming day {day}")
    out.print(_profile(rating))
    if rating["trips"]:
        out.print(_trips(rating))
    for overlap in rating["overlaps"]:
        out.print(
            f"[yellow]at two machines at once[/yellow] on {overlap['gaming_day']}: "
            f"{overlap['asset_id']} and {overlap['other_asset_id']}, "
            f"{moment(overlap['since'])} to {_clock(overlap['until'])} UTC"
        )
    if document["tables"]:
        out.print(_at_tables(document["tables"]))
    total = {"gaming day": "total"} | document["total"]
    out.print(_by_day("Gaming days (dollars)", document["days"], total))
    sessions = (
        {"session": f"{session['gaming_day']}  {_session_start(session)}"} | session["play"]
        for session in document["sessions"]
    )
    out.print(play_table("Sessions (dollars)", "session", sessions))
    shown, count = len(document["sessions"]), document["session_count"]
    out.print(_count(count, "session"))
    if count > shown:
        out.print(f"The newest {shown:,} are shown.")
    if document["truncated"]:
        out.print("[yellow]There is older play, which is neither shown nor added.[/yellow]")
    _print_gaps(document["days"])
    _print_left_out([document["total"]])


def _profile(rating: dict[str, Any]) -> Table:
    adt, tier, pace = rating["adt"], rating["tier"], rating["pace"]
    window = f"{adt['first_day']} to {adt['last_day']}"
    table = _grid()
    segment = rating["worth_segment"] or "not known: no day is rated"
    table.add_row("worth segment", f"{segment} (house rules since {rating['rules']})")
    if adt["mean"] is None:
        table.add_row("ADT", f"none: no rated day from {window}")
    else:
        table.add_row(
            "ADT",
            f"{_short(adt['mean'])} plain, {_short(adt['trimmed_mean'])} trimmed, of "
            f"{_count(adt['days'], 'day')} from {window}",
        )
    if adt["unrated_days"] or adt["unrated_coin_in_cents"]:
        table.add_row(
            "not rated",
            f"{_count(adt['unrated_days'], 'day')}, coin-in "
            f"{_dollars(adt['unrated_coin_in_cents'])}",
        )
    if tier is not None:
        held = f", held until {tier['held_until']}" if tier["held_until"] else ""
        table.add_row("tier", f"{tier['tier']} since {tier['since']}{held}")
        following = ""
        if tier["next_tier"]:
            following = f"; {tier['points_needed']:,} more for {tier['next_tier']}"
        table.add_row(
            "points",
            f"{tier['points']:,} from {tier['period_first_day']} to "
            f"{tier['period_last_day']}{following}",
        )
    table.add_row(
        "pace",
        f"average bet {_short(pace['average_bet'] or '0.00')}, "
        f"{pace['games_per_hour'] or 'no'} games an hour, {pace['minutes']:,} minutes "
        f"({pace['wall_clock_minutes']:,} by the clock)",
    )
    table.add_row(
        "days played", f"{rating['days_played']:,} on {_count(rating['trip_count'], 'trip')}"
    )
    return table


def _trips(rating: dict[str, Any]) -> Table:
    count, shown = rating["trip_count"], len(rating["trips"])
    title = "Trips (dollars)" if count == shown else f"Newest {shown} of {count} trips (dollars)"
    headings = ("days", "games", "minutes", "coin-in", "actual win", "theoretical win")
    table = _table(title, "trip", *headings)
    for trip in rating["trips"]:
        until = "today" if trip["open"] else trip["last_day"]
        table.add_row(
            trip["first_day"] if trip["first_day"] == until else f"{trip['first_day']} to {until}",
            f"{trip['days_played']:,}",
            f"{trip['games']:,}",
            f"{trip['minutes']:,}",
            _dollars(trip["coin_in_cents"]),
            _dollars(trip["actual_win_cents"]),
            trip["theoretical_win"],
        )
    return table


def _at_tables(days: list[dict[str, Any]]) -> Table:
    headings = ("sessions", "minutes", "actual win", "theoretical win", "in other currencies")
    table = _table("At tables (dollars)", "gaming day", *headings)
    for day in days:
        table.add_row(
            day["gaming_day"],
            f"{day['sessions']:,}",
            f"{day['minutes']:,}",
            _dollars(day["actual_win_cents"]),
            day["theoretical_win"],
            f"{day['other_currency_sessions']:,}",
        )
    return table


def floor(property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False) -> None:
    """Show every machine of a property with its newest gaming day."""
    document = _read(property_id, "/v1/floor")
    if document is None:
        raise WorkbenchError(f"There is no floor of property {property_id}.")
    if as_json:
        print_json(document)
        return
    if not document["machines"]:
        out.print(f"No machine of property {escape(property_id)} was heard of yet.")
        return
    newest = document["gaming_day"]
    rows = (
        {
            "machine": machine["asset_id"]
            if machine["gaming_day"] == newest
            else f"{machine['asset_id']} ({machine['gaming_day']})"
        }
        | machine["play"]
        for machine in document["machines"]
    )
    title = f"Floor of property {property_id}, gaming day {newest} (dollars)"
    out.print(
        play_table(escape(title), "machine", [*rows, {"machine": "total"} | document["total"]])
    )
    idle = sum(machine["gaming_day"] != newest for machine in document["machines"])
    out.print(_count(len(document["machines"]), "machine"))
    if idle:
        out.print(f"not in the total: {idle:,} last heard of on an earlier gaming day")
    _print_left_out([document["total"]])


def ledger(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The player's pseudonym.")],
    is_machine: Annotated[
        bool, typer.Option("--machine", help="ID is a machine's asset number.")
    ] = False,
    day: Annotated[
        str | None, typer.Option("--day", help="The gaming day; the newest with play unless told.")
    ] = None,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Explain a rating line by line: which games, which hold, which rule, which correction."""
    if day is not None:
        try:
            date.fromisoformat(day)
        except ValueError:
            raise UsageError(f"{day!r} is no gaming day such as 2026-01-31.") from None
    kind = "machine" if is_machine else "player"
    document = _read_ledger(property_id, f"{_path(kind, identity)}/ledger", day)
    if document is None:
        when = f" on {day}" if day else ""
        raise WorkbenchError(
            f"No play of {kind} {identity} is known at property {property_id}{when}."
        )
    if as_json:
        print_json(document)
        return
    out.print(
        f"Ledger of {kind} {escape(identity)} at property {escape(property_id)}, gaming day "
        f"{document['gaming_day']} (dollars, times in UTC)"
    )
    if is_machine:
        out.print(_lines(document["lines"], None, with_player=True))
        out.print(_subtotals(document["sessions"]))
    else:
        _print_sessions(document)
    _print_corrections(document["corrections"])
    _print_total(document)


def _path(kind: str, identity: str) -> str:
    """Where a machine's or player's documents are.

    Raises:
        UsageError: it can be no id.
    """
    if kind == "machine" and identity and not identity.strip("0"):
        raise UsageError(f"{identity!r} is no id of a machine: padding zeros do not count.")
    must_be_id(identity.lstrip("0") if kind == "machine" else identity, kind)
    # A part of nothing but dots means another folder to whoever reads the path on the way.
    part = quote(identity, safe="") if identity.strip(".") else "%2E" * len(identity)
    return f"/v1/{kind}s/{part}"


def _read_ledger(property_id: str, path: str, day: str | None) -> dict[str, Any] | None:
    """A whole ledger, all its pages as one document."""
    from workbench import measure

    given = {} if day is None else {"day": day}
    with measure.reader(property_id) as client:
        for _ in range(_READINGS):
            query: dict[str, Any] = {**given, "limit": LINES_A_PAGE}
            whole = measure.read(client, f"{path}?{urlencode(query)}")
            while whole is not None and whole["next"] is not None:
                query["cursor"] = whole["next"]
                page = measure.read(client, f"{path}?{urlencode(query)}")
                if page is None or page["total"] != whole["total"]:
                    break
                whole["lines"] += page["lines"]
                whole["next"] = page["next"]
            if whole is None or whole["next"] is None:
                return whole
    raise WorkbenchError(
        "The gaming day changes while it is read: try again, or name an earlier --day."
    )


def _print_sessions(document: dict[str, Any]) -> None:
    lines = {
        key: list(some)
        for key, some in groupby(
            document["lines"], lambda line: (line["asset_id"], line["session_started_at"])
        )
    }
    for session in document["sessions"]:
        out.print()
        out.print(_headline(session))
        some = lines.get((session["asset_id"], session["started_at"]), [])
        if some:
            out.print(_lines(some, session["lines"], with_player=False))
        if any(session["corrected"][name] for name in _COUNTED):
            out.print(_sums(session))


def _headline(session: dict[str, Any]) -> str:
    began = f"Session at machine {session['asset_id']} since {moment(session['started_at'])}"
    began += f", {session['began_by']}" if session["began_by"] else ""
    if not session["line_count"]:
        return f"{began}: corrected away"
    if session["ended_by"]:
        return f"{began}; until {_clock(session['ended_at'])}, {session['ended_by']}"
    return f"{began}; no end known"


_COUNTED = ("games", "incomplete_games", "coin_in_cents", "coin_out_cents", "gaps")


def _lines(
    lines: list[dict[str, Any]], subtotal: dict[str, Any] | None, *, with_player: bool
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("no.", justify="right", no_wrap=True)
    table.add_column("at", no_wrap=True)
    table.add_column("lasts", justify="right", no_wrap=True)
    if with_player:
        table.add_column("player", overflow="fold")
    table.add_column("what")
    for heading in ("hold %", "coin-in", "coin-out", "theoretical"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("rule")
    for line in lines:
        table.add_row(
            f"{line['number']:,}",
            *_when(line),
            *([escape(line["player_id"] or "")] if with_player else []),
            *_WHAT[line["kind"]](line),
            _rule(line),
        )
    if subtotal is not None:
        table.add_section()
        games = _count(subtotal["games"], "game")
        if subtotal["incomplete_games"]:
            games += f", {subtotal['incomplete_games']:,} incomplete"
        table.add_row("", "subtotal", "", games, "", *_money(subtotal))
    return table


def _when(line: dict[str, Any]) -> tuple[str, str]:
    """When it was, and how long a game took, in seconds."""
    if line["kind"] != "game":
        return _clock(line["at"]), ""
    started, ended = line["started_at"], line["ended_at"]
    if started is None or ended is None:
        return _clock(started or ended), ""
    return _clock(started), f"{(ended - started) // 1000:,} s"


def _rule(line: dict[str, Any]) -> str:
    if line.get("idle_minutes"):
        return f"{line['rule']} {line['idle_minutes']} min"
    return str(line["rule"])


def _money(sums: dict[str, Any]) -> tuple[str, str, str]:
    return (
        _dollars(sums["coin_in_cents"]),
        _dollars(sums["coin_out_cents"]),
        str(sums["theoretical_win"]),
    )


def _percent(basis_points: int | None) -> str:
    return "none yet" if basis_points is None else f"{basis_points / 100:.2f}"


def _session_cells(line: dict[str, Any]) -> tuple[str, ...]:
    return ("session ends" if line["ended"] else "session begins", "", "", "", "")


def _game_cells(line: dict[str, Any]) -> tuple[str, ...]:
    what = f"game {line['game_number']}" if line["game_number"] else "game"
    if line["started_at"] is None:
        what += ", start missing"
    if line["ended_at"] is None:
        what += ", end missing"
    if line["handpaid_cents"]:
        what += f", {_dollars(line['handpaid_cents'])} by hand"
    if line["unvalued_credits"]:
        what += f", {_count(line['unvalued_credits'], 'credit')} of no known value"
    return (what, _percent(line["hold_basis_points"]), *_money(line))


def _handpay_cells(line: dict[str, Any]) -> tuple[str, ...]:
    what = f"{_dollars(line['amount_cents'])} by hand"
    return (what, "", "", _dollars(line["coin_out_cents"]), "")


def _rated_cells(line: dict[str, Any]) -> tuple[str, ...]:
    what = f"coin-in {_dollars(line['coin_in_cents'])} of before rated"
    valued = [_dollars(line[name]) for name in ("valued_coin_in_cents", "coin_out_cents")]
    return (what, _percent(line["hold_basis_points"]), *valued, line["theoretical_win"])


def _gap_cells(line: dict[str, Any]) -> tuple[str, ...]:
    since = f" since {_clock(line['since'])}" if line["since"] else ""
    return (f"gap: meter {_signed(line['amount_cents'])}{since}", "", "", "", "")


_WHAT = {
    "session": _session_cells,
    "game": _game_cells,
    "handpay": _handpay_cells,
    "rated": _rated_cells,
    "gap": _gap_cells,
}


def _subtotals(sessions: list[dict[str, Any]]) -> Table:
    headings = ("since", "games", "incomplete", "coin-in", "coin-out", "theoretical")
    table = _table("By session", "player", *headings)
    for session in sessions:
        sums = session["lines"]
        table.add_row(
            escape(session["player_id"] or "uncarded"),
            _clock(session["started_at"]) if session["started_at"] else "",
            f"{sums['games']:,}",
            f"{sums['incomplete_games']:,}",
            *_money(sums),
        )
    return table


def _sums(one: dict[str, Any]) -> Table:
    """What was first posted, corrected and is stored, and what the lines add up to."""
    headings = ("games", "incomplete", "coin-in", "coin-out", "by hand", "theoretical", "gaps")
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, key in (
        ("first posted", "posted_first"),
        ("+ corrected", "corrected"),
        ("= stored" if one["corrected"] else "stored", "stored"),
        ("lines add up to", "lines"),
    ):
        sums = one[key]
        if sums is not None:
            table.add_row(
                name,
                f"{sums['games']:,}",
                f"{sums['incomplete_games']:,}",
                *_money(sums)[:2],
                _dollars(sums["handpaid_cents"]),
                sums["theoretical_win"],
                f"{sums['gaps']:,}",
            )
    return table


def _print_corrections(corrections: list[dict[str, Any]]) -> None:
    if corrections:
        out.print()
        out.print("Corrections, by when they were made")
    for entry in corrections:
        whose = f"the session at machine {entry['asset_id']}"
        if entry["session_started_at"] is None:
            whose = f"uncarded play at machine {entry['asset_id']}"
        else:
            whose += f" since {_clock(entry['session_started_at'])}"
        out.print(f"{moment(entry['made_at'])}, {whose}: {_difference(entry['difference'])}")
        causes = [
            f"{one['event_type']} of {moment(one['occurred_at'])}" for one in entry["because"]
        ]
        more = entry["late_events"] - len(causes)
        if more > 0:
            causes.append(f"{more:,} more")
        for cause in causes or ["the correction before, which it goes on with"]:
            out.print(f"    because of {cause}")


def _difference(sums: dict[str, Any]) -> str:
    parts = [
        f"{name} {sums[key]:+,}"
        for name, key in (("games", "games"), ("incomplete games", "incomplete_games"))
        if sums[key]
    ]
    for name, key in (("coin-in", "coin_in_cents"), ("coin-out", "coin_out_cents")):
        if sums[key]:
            parts.append(f"{name} {_signed(sums[key])}")
    worth = str(sums["theoretical_win"])
    if worth != "0.00":
        parts.append(f"theoretical win {worth if worth.startswith('-') else f'+{worth}'}")
    if sums["gaps"]:
        parts.append(f"gaps {sums['gaps']:+,}")
    return ", ".join(parts) or "nothing of these"


def _print_total(document: dict[str, Any]) -> None:
    total = document["total"]
    out.print()
    out.print(_sums(total))
    if document["truncated"]:
        out.print("[yellow]There is more play than one ledger is read for.[/yellow]")
    elif total["agrees"]:
        out.print(f"{_count(total['line_count'], 'line')}, which add up to what is stored")
    else:
        out.print("[red]The lines do not add up to what is stored.[/red]")


def _read(property_id: str, path: str) -> dict[str, Any] | None:
    from workbench import measure

    with measure.reader(property_id) as client:
        return measure.read(client, path)


def _by_day(title: str, days: Iterable[dict[str, Any]], *more: dict[str, Any]) -> Table:
    rows = [{"gaming day": day["gaming_day"]} | day["play"] for day in days]
    return play_table(escape(title), "gaming day", [*rows, *more])


def _table(title: str, name: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(name)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _grid() -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _print_gaps(days: Iterable[dict[str, Any]]) -> None:
    """Say where the machines' own meters and the events differ."""
    for day in days:
        if gaps := day["play"]["gaps"]:
            difference = _signed(day["play"]["meter_difference_cents"])
            out.print(
                f"{day['gaming_day']}: {_count(gaps, 'gap')}, coin-in by the meter less by events "
                f"{difference} dollars"
            )


def _session_start(session: dict[str, Any]) -> str:
    return f"{session['asset_id']} since {moment(session['started_at'])} UTC"


def _clock(epoch_ms: int) -> str:
    return moment(epoch_ms).partition(" ")[2]


def _short(dollars: str) -> str:
    """Dollars to the cent, cut and not rounded."""
    whole, _, fraction = dollars.partition(".")
    return f"{int(whole):,}.{fraction[:2]}"


def _signed(cents: int) -> str:
    return _dollars(cents) if cents < 0 else f"+{_dollars(cents)}"


def _hold(basis_points: int | None) -> str:
    if basis_points is None:
        return "hold not known: the machine has not reported its paytable"
    return f"hold {basis_points / 100:.2f} %"


def _print_left_out(plays: Iterable[dict[str, Any]]) -> None:
    """Say what is beside the games, and what theoretical win has not: play without a known hold."""
    incomplete = unrated = 0
    for play in plays:
        incomplete += play["incomplete_games"]
        unrated += play["unrated_coin_in_cents"]
    if incomplete:
        out.print(f"incomplete, start or end missing: {_count(incomplete, 'game')} more")
    if unrated:
        out.print(f"coin-in {_dollars(unrated)} dollars is unrated: no hold was known")


def _dollars(cents: int) -> str:
    from pitboss.money import dollars

    return dollars(cents)


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"

"""`pitboss machines show`, `pitboss players show` and `pitboss floor`: stored ratings, read back.

Everything comes through the API of the running stack, as any service would read it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape
from rich.table import Table

from workbench.console import WorkbenchError, out, print_json
from workbench.gateways import DEFAULT_PROPERTY
from workbench.rate import play_table

Property = Annotated[str, typer.Option("--property", help="The property that is asked about.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the document as the API answers it.")]

machines = typer.Typer(no_args_is_help=True, help="What is stored of a machine's play.")
players = typer.Typer(no_args_is_help=True, help="What is stored of a player's play.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(machines, name="machines")
    app.add_typer(players, name="players")
    app.command("floor")(floor)


@machines.command("show")
def show_machine(
    asset_id: Annotated[str, typer.Argument(metavar="ID", help="The machine's asset number.")],
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Show a machine's rating, the newest gaming day first."""
    document = _read(property_id, f"/v1/machines/{quote(asset_id, safe='')}")
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
    if difference := document["meter_difference_cents"]:
        out.print(f"coin-in meter less events, newest day: {_dollars(difference)} dollars")
    _print_left_out(day["play"] for day in document["days"])


@players.command("show")
def show_player(
    player_id: Annotated[str, typer.Argument(metavar="ID", help="The player's pseudonym.")],
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Show a player's rating by gaming day and by session, the newest first."""
    document = _read(property_id, f"/v1/players/{quote(player_id, safe='')}")
    if document is None:
        raise WorkbenchError(f"No play of player {player_id} is known at property {property_id}.")
    if as_json:
        print_json(document)
        return
    title = f"Player {document['player_id']} at property {property_id} (dollars)"
    total = {"gaming day": "total"} | document["total"]
    out.print(_by_day(title, document["days"], total))
    sessions = (
        {"session": f"{session['gaming_day']}  {_session_start(session)}"} | session["play"]
        for session in document["sessions"]
    )
    out.print(play_table("Sessions (dollars)", "session", sessions))
    out.print(_count(document["session_count"], "session"))
    if document["truncated"]:
        shown = len(document["sessions"])
        out.print(
            f"[yellow]Only the newest {shown:,} are shown and added; there are more.[/yellow]"
        )
    _print_left_out([document["total"]])


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


def _read(property_id: str, path: str) -> dict[str, Any] | None:
    from workbench import measure

    with measure.reader(property_id) as client:
        return measure.read(client, path)


def _by_day(title: str, days: Iterable[dict[str, Any]], *more: dict[str, Any]) -> Table:
    rows = [{"gaming day": day["gaming_day"]} | day["play"] for day in days]
    return play_table(escape(title), "gaming day", [*rows, *more])


def _session_start(session: dict[str, Any]) -> str:
    started = datetime.fromtimestamp(session["started_at"] / 1000, UTC)
    return f"{session['asset_id']} since {started:%Y-%m-%d %H:%M:%S} UTC"


def _hold(basis_points: int | None) -> str:
    if basis_points is None:
        return "hold not known: the machine has not reported its paytable"
    return f"hold {basis_points / 100:.2f} %"


def _print_left_out(plays: Iterable[dict[str, Any]]) -> None:
    """Say what a total hides: games that never ended, and play that no hold was known for."""
    incomplete = unrated = 0
    for play in plays:
        incomplete += play["incomplete_games"]
        unrated += play["unrated_coin_in_cents"]
    if incomplete:
        out.print(f"{_count(incomplete, 'game')} without an end")
    if unrated:
        out.print(f"coin-in {_dollars(unrated)} dollars is unrated: no hold was known")


def _dollars(cents: int) -> str:
    from pitboss.money import dollars

    return dollars(cents)


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"

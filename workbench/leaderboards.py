"""`pitboss leaderboards` and `pitboss entitlements`: boards, their rules, and what they gave."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from workbench import apps, endpoint
from workbench.apps import App, AsJson, Property
from workbench.console import WorkbenchError, moment, out, print_json
from workbench.gateways import DEFAULT_PROPERTY, must_be_id

if TYPE_CHECKING:
    from pitboss.games.leaderboards import Board
    from pitboss.stores.leaderboards import DynamoLeaderboards

leaderboards = typer.Typer(no_args_is_help=True, help="Leaderboards of games, and their rules.")
entitlements = typer.Typer(no_args_is_help=True, help="What players were given for milestones.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(leaderboards, name="leaderboards")
    app.add_typer(entitlements, name="entitlements")


@leaderboards.command("apply")
def apply(
    file: apps.File, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False
) -> None:
    """Register boards of an application, or what is changed of them, within a minute."""
    from msgspec.structs import replace

    from pitboss.games.leaderboards import BoardFile, InvalidBoard, with_boards

    said = apps.read_file(Path(file), BoardFile)
    found = apps.known(property_id, said.application)
    try:
        changed = replace(found, boards=with_boards(found.boards, said.boards))
    except InvalidBoard as fault:
        raise WorkbenchError(f"{file} is not taken: {fault}.") from None
    if changed != found:
        changed = apps.keep(changed)
    _show_rules(list(changed.boards.values()), said.application, as_json)


@leaderboards.command("list")
def show_all(
    application_id: App, property_id: Property = DEFAULT_PROPERTY, as_json: AsJson = False
) -> None:
    """List the boards of an application."""
    found = apps.known(property_id, application_id)
    _show_rules(list(found.boards.values()), application_id, as_json)


@leaderboards.command("show")
def show(
    application_id: App,
    board_id: Annotated[str, typer.Argument(metavar="BOARD", help="The board's id.")],
    period: Annotated[
        str | None, typer.Option(help="A gaming day or ISO week. Default: as it is now.")
    ] = None,
    player_id: Annotated[
        str | None, typer.Option("--player", help="Also where this player is.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Players to show.")] = 10,
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """Show the first players of a board."""
    import msgspec

    from pitboss.gaming_day import GamingDays
    from pitboss.queries import RefusedQueryError
    from serve_leaderboards.service import Asked, leaderboard
    from workbench.stack import settings_of

    board = apps.known(property_id, application_id).boards.get(board_id)
    if board is None:
        raise WorkbenchError(
            f"{application_id} has no board {board_id!r}: `pitboss leaderboards list "
            f"{application_id}` names those there are."
        )
    days = GamingDays.parse(settings_of("serve_leaderboards")["GAMING_DAYS"])
    try:
        document = leaderboard(
            _store(),
            property_id,
            application_id,
            board,
            Asked(limit, period, player_id),
            days.rule_of(property_id),
            time.time_ns() // 1_000_000,
        )
    except RefusedQueryError as fault:
        raise WorkbenchError(f"{fault}.") from None
    if as_json:
        print_json(msgspec.to_builtins(document))
        return
    out.print(escape(f"{board_id} of {application_id}, {document.period}"))
    table = Table()
    for heading in ("rank", "player", "value", "at"):
        table.add_column(heading, justify="left" if heading == "player" else "right")
    for one in document.players:
        value = _number(one.value, board.decimals)
        table.add_row(f"{one.rank:,}", escape(one.player_id), value, moment(one.at))
    out.print(table)
    if player_id is not None and document.player is None:
        out.print(escape(f"{player_id} has no score"))
    elif document.player is not None:
        about = "" if document.player.is_exact else "about "
        out.print(escape(f"{player_id} is at rank {about}{document.player.rank:,}"))


@entitlements.command("list")
def list_entitlements(
    player_id: Annotated[str, typer.Argument(metavar="PLAYER", help="The player's pseudonym.")],
    property_id: Property = DEFAULT_PROPERTY,
    as_json: AsJson = False,
) -> None:
    """List what a player was given, the newest first."""
    import msgspec

    must_be_id(property_id, "property")
    must_be_id(player_id, "player")
    found = _store().entitlements(property_id, player_id)
    if as_json:
        print_json([msgspec.to_builtins(one) for one in found])
        return
    table = Table("gives", "application", "board", "period", "milestone", "given", "used")
    for one in found:
        row = one.gives, one.application_id, one.board, one.period, one.milestone
        used = "" if one.consumed_at is None else moment(one.consumed_at)
        table.add_row(*map(escape, row), moment(one.granted_at), used)
    out.print(table)


def _store() -> "DynamoLeaderboards":
    from pitboss.stores.leaderboards import DynamoLeaderboards
    from pitboss.stores.marked import MarkedItems

    table = endpoint.stack_outputs().get("ScoresTableName")
    if table is None:
        raise WorkbenchError("The stack has no leaderboards yet: deploy it anew: `pitboss up`.")
    return DynamoLeaderboards(MarkedItems(table, "", client=endpoint.client("dynamodb")))


def _show_rules(boards: "list[Board]", application_id: str, as_json: bool) -> None:
    import msgspec

    if as_json:
        documents: list[Any] = [msgspec.to_builtins(one) for one in boards]
        print_json(documents)
        return
    table = Table("board", "event type", "field", "best", "period", "status", "milestones")
    for one in boards:
        given = ", ".join(
            f"{each.gives} at {_number(each.at, one.decimals)}" for each in one.milestones
        )
        row = one.board, one.event_type, one.field or "", one.best, one.period, one.status, given
        table.add_row(*(escape(str(cell)) for cell in row))
    table.title = escape(f"Boards of {application_id}")
    out.print(table)


def _number(value: int, decimals: int) -> str:
    """A value as people write it."""
    return f"{value / 10**decimals:,.{decimals}f}"

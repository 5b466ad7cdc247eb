"""`pitboss players risk`: scores of players and the reasons for them, by a model that was saved.

For people who look after players. Nothing is kept of it and nothing follows from it by itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.table import Table

from workbench import endpoint
from workbench.console import UsageError, WorkbenchError, out, print_json, step
from workbench.gateways import DEFAULT_PROPERTY, must_be_id
from workbench.paths import home

if TYPE_CHECKING:
    from pitboss.players.features import Behaviour
    from pitboss.players.model import PlayerModel, Reason

Property = Annotated[str, typer.Option("--property", help="Whose players they are.")]
FirstDay = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help="The first gaming day of play.")
]
LastDay = Annotated[
    str | None, typer.Option("--to", metavar="DAY", help="The last gaming day of play.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


class Scored(NamedTuple):
    """A player's score."""

    player_id: str
    games: int
    probability: float
    reasons: list["Reason"]


def risk(
    model: Annotated[
        Path,
        typer.Option(metavar="FILE", help="What `pitboss players evaluate --save FILE` wrote."),
    ],
    property_id: Property = DEFAULT_PROPERTY,
    first_day: FirstDay = None,
    last_day: LastDay = None,
    gaming1: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Players of the data set gaming1, not the lake's."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Players to print: the highest scores.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Score players by how they play, and say why: the highest scores first.

    From the lake's rated games of carded play, or from a data set. A score is no diagnosis, and
    one of a model of other players elsewhere is at best an order in which to look: docs/players.md.
    """
    known = _model(model)
    if gaming1 is not None:
        from workbench import players_gaming1

        behaviours = {one.player_id: one.behaviour for one in players_gaming1.read(gaming1)}
    else:
        with step(f"reading games of {property_id}"):
            behaviours = behaviours_of(
                rows_of(statement(property_id, first_day, last_day), property_id)
            )
    found = scored(known, behaviours)
    if as_json:
        print_json([_document(one) for one in found[:top]])
        return
    table = Table(title=f"{min(top, len(found)):,} of {len(found):,} players with enough games")
    for column in ("player", "games", "score", "because the player"):
        table.add_column(column, justify="right" if column in {"games", "score"} else "left")
    for one in found[:top]:
        reasons = "; ".join(reason.words for reason in one.reasons)
        table.add_row(one.player_id, f"{one.games:,}", f"{one.probability:.3f}", reasons)
    out.print(table)


def scored(model: "PlayerModel", behaviours: "Mapping[str, Behaviour]") -> list[Scored]:
    """The scores of players with enough games, the highest first."""
    from pitboss.players.families import RISK

    found = [
        Scored(player_id, int(one.games), *model.explain(one))
        for player_id, one in behaviours.items()
        if one.games is not None and one.games >= RISK.least_games
    ]
    return sorted(found, key=lambda one: (-one.probability, one.player_id))


def behaviours_of(rows: Iterable[tuple[Any, ...]]) -> "dict[str, Behaviour]":
    """How players played.

    Args:
        rows: player, start and end in epoch milliseconds, coin-in and coin-out in cents of games.
    """
    from pitboss.players.features import Game, behaviour_of

    games: dict[str, list[Game]] = defaultdict(list)
    for player_id, started_at, ended_at, coin_in, coin_out in rows:
        games[player_id].append(Game(started_at, ended_at, coin_in, coin_out > 0))
    return {player_id: behaviour_of(some) for player_id, some in sorted(games.items())}


def statement(property_id: str, first_day: str | None, last_day: str | None) -> str:
    """What is read of the lake: complete games of carded play."""
    return (
        "SELECT player_id, started_at, ended_at, coin_in_cents, coin_out_cents FROM games "
        f"WHERE {where(property_id, first_day, last_day)} "
        "AND kind = 'game' AND complete AND player_id IS NOT NULL"
    )


def where(property_id: str, first_day: str | None, last_day: str | None) -> str:
    """Whose games are read, and of which days.

    Raises:
        UsageError: it is the id of no property, or a day is none.
    """
    for day in (first_day, last_day):
        if day is not None:
            _checked(day)
    must_be_id(property_id, "property")
    days = [
        f" AND gaming_day {sign} '{day}'"
        for sign, day in ((">=", first_day), ("<=", last_day))
        if day is not None
    ]
    return f"property_id = '{property_id}'{''.join(days)}"


def _checked(day: str) -> None:
    try:
        date.fromisoformat(day)
    except ValueError:
        raise UsageError(f"{day} is no gaming day: say one as 2026-11-02.") from None


def rows_of(asked: str, property_id: str) -> list[tuple[Any, ...]]:
    """What a statement of a property's games says.

    Raises:
        WorkbenchError: the lake has none in these days.
    """
    from workbench import local_lake
    from workbench.catalogue import tables

    parsed = local_lake.parse(asked)
    bucket, s3 = endpoint.stack_outputs()["LakeBucketName"], endpoint.client("s3")
    (games,) = (table for table in tables() if table.name == "games")
    folder = home() / "lake" / bucket
    fetched = local_lake.fetch(s3, bucket, games, local_lake.needs(parsed), folder)
    if not fetched.paths:
        raise WorkbenchError(
            f"The lake has no games of {property_id} in these days: `pitboss refine` makes them of "
            "what was received."
        )
    return list(local_lake.run(parsed, {games.name: fetched.paths}).rows)


def _model(file: Path) -> "PlayerModel":
    from pitboss.players.families import RISK
    from pitboss.players.model import BrokenPlayerModel, decode

    try:
        return decode(file.read_bytes(), RISK)
    except OSError as fault:
        raise UsageError(
            f"{file} cannot be read ({fault.strerror}): `pitboss players evaluate --save FILE` "
            "writes one."
        ) from None
    except BrokenPlayerModel as fault:
        raise UsageError(f"{file} cannot be used: {fault}.") from None


def _document(one: Scored) -> dict[str, Any]:
    return {
        "player_id": one.player_id,
        "games": one.games,
        "score": round(one.probability, 4),
        "reasons": [reason.words for reason in one.reasons],
    }

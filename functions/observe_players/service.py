"""The use case: a property's players, as they played before some moments."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from pitboss.lake.rated import GAMES
from pitboss.lake.tables import Table
from pitboss.offers.gate import Entry
from pitboss.players.families import FAMILIES
from pitboss.players.features import (
    DAY_MS,
    PAUSE_MS,
    SESSION_GAP_MS,
    After,
    Behaviour,
    Visits,
)
from pitboss.players.observed import HORIZON_MS, Moment, Observation, Use, moments, observations


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def table(self, table: Table, days: Iterable[str]) -> str: ...
    def rows(self, select: str) -> Iterator[tuple[Any, ...]]: ...


def observe(
    tables: Tables, days: Sequence[str], known_to: int, listed: Mapping[str, Entry]
) -> dict[str, list[Observation]]:
    """Players at each moment, by the name of the family of models that sees them so.

    Args:
        tables: the property's.
        days: its gaming days whose play is known.
        known_to: the end of the newest, epoch milliseconds.
        listed: the property's list of self-exclusions.
    """
    found: dict[str, list[Observation]] = {name: [] for name in FAMILIES}
    for moment in moments(days, known_to):
        players = behaviours(tables.rows(statement(tables, days, moment)))
        back = _back(tables, days, moment)
        for family, one in observations(moment, players, listed, back):
            found[family.name].append(one)
    return found


def _back(tables: Tables, days: Sequence[str], moment: Moment) -> set[str]:
    """Who played within a moment's horizon, as far as it is known."""
    if moment.use is Use.NOW:
        return set()
    found = tables.rows(f"""
        SELECT DISTINCT player_id FROM {tables.table(GAMES, sorted(days))}
        WHERE kind = 'game' AND player_id IS NOT NULL
            AND started_at >= {moment.at} AND started_at < {moment.at + HORIZON_MS}
    """)
    return {player_id for (player_id,) in found}


def behaviours(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, Behaviour]]:
    """How players played, by the rows of `statement`."""
    for player_id, games, sessions, mean, highest, visited, away_ms, first_ms, *after in rows:
        yield (
            player_id,
            Behaviour(
                sessions=sessions,
                games=games,
                mean_stake_cents=mean,
                highest_stake_cents=highest,
                after_loss=After(*after[:6]),
                after_win=After(*after[6:]),
                visits=Visits(visited, away_ms / DAY_MS, first_ms / DAY_MS),
            ),
        )


def statement(tables: Tables, days: Sequence[str], moment: Moment) -> str:
    """How each player played in a moment's window.

    The same as `pitboss.players.features.behaviour_of` says of the games, where the lake's engine
    has them all, which fit in no memory.
    """
    return f"""
        WITH game AS (
            SELECT player_id, started_at, ended_at, coin_in_cents AS stake,
                coin_out_cents > 0 AS won,
                lead(started_at) OVER later AS next_at, lead(coin_in_cents) OVER later AS next_stake
            FROM {tables.table(GAMES, sorted(days))}
            WHERE kind = 'game' AND complete AND player_id IS NOT NULL
                AND started_at >= {moment.since} AND ended_at < {moment.at}
            WINDOW later AS (PARTITION BY player_id ORDER BY started_at, ended_at, asset_id)
        ),
        followed AS (
            SELECT *, coalesce(next_at - ended_at <= {SESSION_GAP_MS}, false) AS goes_on,
                greatest(next_at - ended_at, 0) AS wait, next_stake - stake AS change
            FROM game
        )
        SELECT player_id, count(*),
            1 + count(*) FILTER (NOT goes_on AND next_at IS NOT NULL),
            avg(stake), max(stake),
            count(DISTINCT ({moment.at} - started_at) // {DAY_MS}),
            {moment.at} - max(ended_at), {moment.at} - min(started_at),
            {_after("NOT won")}, {_after("won")}
        FROM followed GROUP BY player_id ORDER BY player_id
    """


def _after(ended: str) -> str:
    """The fields of `pitboss.players.features.After`, of games that ended so."""
    quick = f"FILTER ({ended} AND goes_on AND wait <= {PAUSE_MS})"
    changed = f"FILTER ({ended} AND goes_on AND change <> 0)"
    return (
        f"count(*) FILTER ({ended}), count(*) FILTER ({ended} AND NOT goes_on), "
        f"count(*) {quick}, avg(wait) {quick}, count(*) {changed}, avg(change) {changed}"
    )

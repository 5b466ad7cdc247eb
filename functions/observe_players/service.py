"""The use case: a property's players, as they played before some moments."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from pitboss.lake.rated import GAMES
from pitboss.lake.tables import Table
from pitboss.offers.gate import Entry
from pitboss.players.features import PAUSE_MS, SESSION_GAP_MS, After, Behaviour, Values, values
from pitboss.players.observed import LEAST_GAMES, Moment, Observation, moments, observations


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def table(self, table: Table, days: Iterable[str]) -> str: ...
    def rows(self, select: str) -> Iterator[tuple[Any, ...]]: ...


def observe(
    tables: Tables, days: Sequence[str], known_to: int, listed: dict[str, Entry]
) -> Iterator[Observation]:
    """Players with enough games, at each moment.

    Args:
        tables: the property's.
        days: its gaming days whose play is known.
        known_to: the end of the newest, epoch milliseconds.
        listed: the property's list of self-exclusions.
    """
    for moment in moments(days, known_to):
        yield from observations(moment, _played(tables, days, moment), listed)


def _played(tables: Tables, days: Sequence[str], moment: Moment) -> Iterator[tuple[str, Values]]:
    for player_id, behaviour in behaviours(tables.rows(statement(tables, days, moment))):
        yield player_id, values(behaviour)


def behaviours(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, Behaviour]]:
    """How players played, by the rows of `statement`."""
    for player_id, games, sessions, mean, highest, *after in rows:
        yield (
            player_id,
            Behaviour(
                sessions=sessions,
                games=games,
                mean_stake_cents=mean,
                highest_stake_cents=highest,
                after_loss=After(*after[:6]),
                after_win=After(*after[6:]),
            ),
        )


def statement(
    tables: Tables, days: Sequence[str], moment: Moment, least_games: int = LEAST_GAMES
) -> str:
    """How each player with enough games played in a moment's window.

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
            avg(stake), max(stake), {_after("NOT won")}, {_after("won")}
        FROM followed GROUP BY player_id HAVING count(*) >= {least_games} ORDER BY player_id
    """


def _after(ended: str) -> str:
    """The fields of `pitboss.players.features.After`, of games that ended so."""
    quick = f"FILTER ({ended} AND goes_on AND wait <= {PAUSE_MS})"
    changed = f"FILTER ({ended} AND goes_on AND change <> 0)"
    return (
        f"count(*) FILTER ({ended}), count(*) FILTER ({ended} AND NOT goes_on), "
        f"count(*) {quick}, avg(wait) {quick}, count(*) {changed}, avg(change) {changed}"
    )

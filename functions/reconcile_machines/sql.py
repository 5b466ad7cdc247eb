"""The SQL that reconciling is: from tables of the lake to what each machine shows and played."""

from collections.abc import Callable

from pitboss.lake.tables import EVENT_TABLES, METER_PREFIX, Table
from pitboss.rating.reconciliation import OFFLINE_MS

type Source = Callable[[Table], str]
"""A table's rows, as they stand after FROM."""

_SHOWN = {
    "coin_in": ("coin_in_credits", "TOTAL_COIN_IN_CREDITS"),
    "coin_out": ("coin_out_credits", "TOTAL_COIN_OUT_CREDITS"),
    "jackpot": ("jackpot_credits", "TOTAL_JACKPOT_CREDITS"),
    "games": ("games_played", "GAMES_PLAYED"),
}
"""Meters by their names: beside an event, and in a report (SAS 6.02, table C-7)."""

_ORDER = "occurred_at, sequence, event_id"


def _meters(table: Table) -> str:
    """The meters that the events of a table show: what they report is newer than what is beside."""
    own = {column.name for column in table.columns}
    parts = []
    for name, (beside, reported) in _SHOWN.items():
        found = [METER_PREFIX + beside]
        if "meters" in own:
            found.insert(0, f"meters['{reported}']")
        if name == "coin_in" and "coin_in_meter_credits" in own:
            found.insert(0, "coin_in_meter_credits")
        parts.append(f"coalesce({', '.join(found)}) AS {name}")
    return ", ".join(parts)


def _seen(source: Source) -> str:
    """What every event shows."""
    parts = []
    for table in EVENT_TABLES:
        own = {column.name for column in table.columns}
        denomination = "accounting_denomination_cents"
        denomination = denomination if denomination in own else "NULL"
        parts.append(
            f"SELECT asset_id, {_ORDER}, {_meters(table)}, "
            f"CAST({denomination} AS BIGINT) AS denomination_cents, "
            "event_type = 'meters.reset' AS is_reset, "
            f"event_type = 'events.overflowed' AS is_overflow FROM {source(table)}"
        )
    return " UNION ALL ".join(parts)


def sights(source: Source) -> str:
    """By machine, in order: what its events show that is not what the one before showed."""
    changes = " OR ".join(
        f"({name} IS NOT NULL AND {name} IS DISTINCT FROM lag({name} IGNORE NULLS) OVER by_machine)"
        for name in _SHOWN
    )
    return f"""
        SELECT asset_id, occurred_at, coin_in, coin_out, jackpot, games, denomination_cents,
            is_reset, is_overflow, CASE WHEN is_unheard THEN heard END
        FROM (
            SELECT *, lag(occurred_at) OVER by_machine AS heard,
                occurred_at - heard > {OFFLINE_MS} AS is_unheard, {changes} AS is_news
            FROM ({_seen(source)})
            WINDOW by_machine AS (PARTITION BY asset_id ORDER BY {_ORDER})
        )
        WHERE heard IS NULL OR is_unheard OR is_news OR denomination_cents IS NOT NULL
            OR is_reset OR is_overflow
        ORDER BY asset_id, {_ORDER}
    """


def last_sights(source: Source) -> str:
    """Of every machine when it was last heard of, and each meter as it was last seen."""
    names = (*_SHOWN, "denomination_cents")
    last = ", ".join(
        f"arg_max({name}, ({_ORDER})) FILTER ({name} IS NOT NULL) AS {name}" for name in names
    )
    return f"SELECT asset_id, max(occurred_at), {last} FROM ({_seen(source)}) GROUP BY asset_id"


_GAME = "asset_id, started_at, ended_at, coin_in_cents, coin_out_cents, kind = 'game'"


def games(source: str) -> str:
    """By machine: what its games of the gaming day come to."""
    return f"SELECT {_GAME} FROM {source} ORDER BY asset_id, coalesce(started_at, ended_at)"


def last_games(source: str) -> str:
    """The last game of every machine."""
    return f"""
        SELECT {_GAME} FROM {source} WHERE kind = 'game'
        QUALIFY row_number() OVER (
            PARTITION BY asset_id
            ORDER BY coalesce(started_at, ended_at) DESC, ended_at DESC NULLS FIRST
        ) = 1
    """


def starts(events: str, games: str) -> str:
    """Starts of games in the archive and in the ledger, by machine; and whether the last one in the
    archive has no end there.
    """
    return f"""
        SELECT asset_id, coalesce(archived, 0), coalesce(rated, 0), coalesce(is_open, false)
        FROM (
            SELECT asset_id, count(*) FILTER (event_type = 'game.started') AS archived,
                max(occurred_at) FILTER (event_type = 'game.started')
                    > coalesce(max(occurred_at) FILTER (event_type = 'game.ended'), 0) AS is_open
            FROM {events} GROUP BY asset_id
        )
        FULL JOIN (SELECT asset_id, count(started_at) AS rated FROM {games} GROUP BY asset_id)
        USING (asset_id)
        ORDER BY asset_id
    """

"""The SQL that refining is: from lines of JSON to rows of the tables of `pitboss.lake.tables`."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pitboss.events.envelope import SCHEMAS, event_type_of
from pitboss.lake import tables
from pitboss.lake.tables import GAME_FAMILY, METER_PREFIX, SLOT_FAMILY, Column, Family, Table
from pitboss.rating.history import PAGE_MS

MAX_DETAIL = 500
"""Characters of what is said of a row of the table `quarantine`."""

ROWS_A_GROUP = 122_880
"""Of a Parquet file's row groups: fixed, so that no number of threads changes the bytes."""

_LINE: Mapping[str, str] = {
    "received_at": "BIGINT",
    "sender": "VARCHAR",
    "record": "VARCHAR",
    "index": "BIGINT",
}
"""What is read of every line, beside its `event`; the rest of it is skipped."""

_ARRIVAL = """
    received_at::HUGEINT * 9223372036854775808
    + coalesce(try_cast(right(record, 15) AS BIGINT), 0) * 8192 + "index"
"""
"""Copies of an event stand in this order: when they arrived, and within a millisecond by the last
digits of the record's number and the place in it. One number, for it is computed for every line."""


def text(value: str) -> str:
    """A text as SQL has it."""
    return "'" + value.replace("'", "''") + "'"


class Events(NamedTuple):
    """What the statements of a family's events have of their own."""

    family: Family
    event: Mapping[str, str]
    """What is read of an event: DuckDB types by field."""
    columns: Mapping[str, str]
    """The columns of `staged` that are made of it, as SQL."""
    optional: frozenset[str]
    """Those that may be null."""
    identity: Mapping[str, str]
    """What an event is known by, as SQL of columns of `staged`, each under a name."""
    whose: str
    """The column that says whose it is."""
    order: str
    """Of the rows of a table of events. No two have the same."""
    typed: Callable[[Table, str], str]
    """The rows of a source that belong to a table, with its columns, and all of the source's."""


def stage(events: Events, paths: Iterable[Path]) -> str:
    """Every line as a row of `staged`."""
    files = ", ".join(text(str(path)) for path in paths)
    fields = ", ".join(f"{name} {kind}" for name, kind in events.event.items())
    line = {**_LINE, "event": f"STRUCT({fields})"}
    columns = ", ".join(f'"{name}": {text(kind)}' for name, kind in line.items())
    made = ", ".join(f"{value} AS {name}" for name, value in events.columns.items())
    return f"""
        CREATE OR REPLACE TABLE staged AS
        SELECT received_at, sender, record, "index", {made}
        FROM read_json([{files}], format = 'newline_delimited', columns = {{{columns}}})
    """


def incomplete(events: Events) -> str:
    """How many rows are of lines that lack something every event has."""
    required = [*_LINE, *(name for name in events.columns if name not in events.optional)]
    return (
        f"SELECT count(*) FROM staged WHERE {' OR '.join(f'"{name}" IS NULL' for name in required)}"
    )


def keep_first(events: Events) -> str:
    """One row for each event: which of its copies was first, and whether all are written alike.

    Copies that are written alike say the same. Those that are not are compared by `conflicting`.
    """
    known_by = events.identity.values()
    said = ", ".join(name for name in events.columns if name not in known_by)
    return f"""
        CREATE TABLE kept AS
        SELECT arg_min(rowid, {_ARRIVAL}) AS first, min(content) = max(content) AS is_one
        FROM (SELECT *, rowid, hash({said}) AS content FROM staged)
        GROUP BY {", ".join(known_by)}
    """


def _transformed(column: str, fields: Iterable[Column]) -> str:
    """JSON as a struct of typed fields: null where a field is missing or of another type."""
    structure = json.dumps({field.name: field.kind for field in fields})
    return f"json_transform({column}, {text(structure)})"


_METERS = [Column(c.name.removeprefix(METER_PREFIX), c.kind) for c in tables.METER_COLUMNS]


def _own_columns(table: Table) -> dict[str, tuple[Column, str]]:
    """The columns of a table's event types, and the SQL of each, of the struct `said`."""
    own: dict[str, tuple[Column, str]] = {}
    cases: dict[str, list[str]] = {}
    for event in table.events:
        for column, default in tables.fields(event):
            value = f'said."{column.name}"'
            if default is not None:
                stands = text(default) if isinstance(default, str) else str(default)
                value = f"coalesce({value}, {stands})"
            cases.setdefault(column.name, []).append(
                f"WHEN event_type = {text(event_type_of(event))} THEN {value}"
            )
            own[column.name] = (column, f"CASE {' '.join(cases[column.name])} END")
    return own


def _is_of(table: Table) -> str:
    """The condition that an event belongs to a table."""
    if table is tables.UNRECOGNISED:
        known = ", ".join(f"({text(name)}, {version})" for name, version in SCHEMAS)
        return f"(event_type, schema_version) NOT IN ({known})"
    names = ", ".join(map(text, table.event_types))
    (version,) = {v for (name, v) in SCHEMAS if name in table.event_types}
    return f"event_type IN ({names}) AND schema_version = {version}"


def _typed(table: Table, source: str) -> str:
    """The rows of `source` that belong to a table, with its columns, and all of `source`'s own."""
    own = {} if table is tables.UNRECOGNISED else _own_columns(table)
    shown = ["make_timestamp(occurred_at * 1000) AS occurred"]
    shown += [f'{value} AS "{name}"' for name, (_, value) in own.items()]
    shown += [f'shown."{c.name}" AS "{METER_PREFIX}{c.name}"' for c in _METERS]
    taken = set(own) & {"data", "meters"}
    if table is tables.UNRECOGNISED:
        shown.append("CAST(data AS VARCHAR) AS data")
        taken.add("data")
    rest = f"* EXCLUDE ({', '.join(sorted({'said', 'shown'} | taken))})"
    said = _transformed("data", [c for c, _ in own.values()]) if own else "NULL"
    return f"""
        SELECT {rest}, {", ".join(shown)}
        FROM (
            SELECT *, {said} AS said, {_transformed("meters", _METERS)} AS shown
            FROM ({source}) WHERE {_is_of(table)}
        )
    """


def rows(events: Events, table: Table) -> str:
    """The unique events of a table, in their order."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    source = "SELECT * FROM staged WHERE rowid IN (SELECT first FROM kept)"
    return f"SELECT {names} FROM ({events.typed(table, source)}) ORDER BY {events.order}"


def contested(events: Events) -> str:
    """All copies of events whose copies are not all written alike, as the table `contested`."""
    known_by = ", ".join(f"{value} AS {name}" for name, value in events.identity.items())
    same = " AND ".join(f"staged.{value} = one.{name}" for name, value in events.identity.items())
    return f"""
        CREATE TABLE contested AS
        WITH one AS (
            SELECT rowid AS first, {known_by}
            FROM staged WHERE rowid IN (SELECT first FROM kept WHERE NOT is_one)
        )
        SELECT staged.*, staged.rowid AS copy, one.first
        FROM one JOIN staged ON {same}
    """


def _content(table: Table) -> str:
    """What an event says, to compare: all columns but how it arrived."""
    arrival = {"received_at", "sender", "record", "index"}
    parts = []
    for column in table.columns:
        if column.name not in arrival:
            name = f'"{column.name}"'
            is_map = column.kind == tables.METERS
            parts.append(f"list_sort(map_entries({name}))" if is_map else name)
    return f"to_json([{', '.join(f'to_json({part})' for part in parts)}])"


def conflicting(events: Events, stage: str, reason: str) -> str:
    """Copies that say something else than the first one, as rows of the table `quarantine`, with
    their event types, as the table `conflicting`.
    """
    said = " UNION ALL ".join(
        f"SELECT copy, first, event_type, {events.whose} AS whose, event_id, sender, received_at, "
        f'record, "index", {_content(table)} AS content '
        f"FROM ({events.typed(table, 'SELECT * FROM contested')})"
        for table in events.family.events
    )
    return f"""
        CREATE TABLE conflicting AS
        WITH said AS ({said})
        SELECT later.event_type, {text(reason)} AS reason, {text(stage)} AS stage, later.sender,
            left(format(
                'event {{}} of {{}} in record {{}}, {{}}, is another than the first, '
                || 'in record {{}}, {{}}',
                later.event_id, later.whose, later.record, later."index",
                first.record, first."index"
            ), {MAX_DETAIL}) AS detail,
            later.received_at, later."index"
        FROM said AS later JOIN said AS first ON later.first = first.copy
        WHERE later.content IS DISTINCT FROM first.content
    """


BY_TYPE = """
    SELECT event_type, archived, is_first, conflicts FROM (
        SELECT event_type, count(*) AS archived,
            count(*) FILTER (rowid IN (SELECT first FROM kept)) AS is_first
        FROM staged GROUP BY event_type
    )
    LEFT JOIN (
        SELECT event_type, count(*) AS conflicts FROM conflicting GROUP BY event_type
    ) USING (event_type)
    ORDER BY event_type
"""
"""Of each event type how many lines there are, how many unique events, and how many conflicts."""


NEWEST = "SELECT max(received_at) FROM staged WHERE rowid IN (SELECT first FROM kept)"
"""When the newest of the unique events was received."""


def write(select: str, path: Path) -> str:
    """The rows of a statement as one Parquet file."""
    return (
        f"COPY ({select}) TO {text(str(path))} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_A_GROUP})"
    )


def part(path: Path, first: int, count: int) -> str:
    """Some of the rows of a file, in its order."""
    return f"SELECT * FROM read_parquet({text(str(path))}) LIMIT {count} OFFSET {first}"


def quarantined(path: Path) -> str:
    """The rows of a table of what was set aside: those in a file of JSON lines, and those of
    `conflicting`.
    """
    columns = ", ".join(f'"{c.name}": {text(c.kind)}' for c in tables.QUARANTINE.columns)
    names = ", ".join(f'"{c.name}"' for c in tables.QUARANTINE.columns)
    return f"""
        SELECT {names}
        FROM read_json({text(str(path))}, format = 'newline_delimited', columns = {{{columns}}})
        UNION ALL SELECT {names} FROM conflicting
        ORDER BY received_at, stage, sender, reason, "index", detail
    """


def _of_game(table: Table, source: str) -> str:
    """The same of games' events, which are one table."""
    return f"SELECT *, make_timestamp(occurred_at * 1000) AS occurred FROM ({source})"


SLOT_EVENTS = Events(
    SLOT_FAMILY,
    event={
        **{"event_id": "VARCHAR", "event_type": "VARCHAR", "schema_version": "BIGINT"},
        **{"asset_id": "VARCHAR", "occurred_at": "BIGINT", "sequence": "BIGINT"},
        **{"player_id": "VARCHAR", "data": "JSON", "meters": "JSON"},
    },
    columns={
        **{"event_id": "event.event_id", "event_type": "event.event_type"},
        "schema_version": "coalesce(event.schema_version, 1)",
        "asset_id": "ltrim(event.asset_id, '0')",
        **{"occurred_at": "event.occurred_at", "sequence": "event.sequence"},
        **{"player_id": "event.player_id", "data": "event.data", "meters": "event.meters"},
    },
    optional=frozenset({"player_id", "data", "meters"}),
    identity={"asset_id": "asset_id", "page": f"occurred_at // {PAGE_MS}", "event_id": "event_id"},
    whose="asset_id",
    order="asset_id, occurred_at, sequence, event_id",
    typed=_typed,
)

GAME_EVENTS = Events(
    GAME_FAMILY,
    event={
        **{"event_id": "VARCHAR", "event_type": "VARCHAR", "event_version": "VARCHAR"},
        **{"application_id": "VARCHAR", "occurred_at": "BIGINT", "is_trusted": "BOOLEAN"},
        **{"app_version": "VARCHAR", "player_id": "VARCHAR", "level_id": "VARCHAR"},
        **{"position_x": "DOUBLE", "position_y": "DOUBLE", "data": "JSON"},
    },
    columns={
        **{"event_id": "event.event_id", "application_id": "event.application_id"},
        **{"event_type": "event.event_type", "event_version": "event.event_version"},
        **{"occurred_at": "event.occurred_at", "is_trusted": "event.is_trusted"},
        "app_version": "coalesce(event.app_version, '')",
        **{"player_id": "event.player_id", "level_id": "event.level_id"},
        **{"x": "event.position_x", "y": "event.position_y"},
        "data": "coalesce(CAST(event.data AS VARCHAR), '{}')",
        # `GameEvent.told_by`: a client's ids are its own.
        "told_by": "CASE WHEN event.is_trusted THEN '' ELSE coalesce(event.player_id, '') END",
    },
    optional=frozenset({"player_id", "level_id", "x", "y"}),
    identity={"application_id": "application_id", "told_by": "told_by", "event_id": "event_id"},
    whose="application_id",
    order="application_id, occurred_at, event_id, told_by",
    typed=_of_game,
)

EVENTS = {events.family.name: events for events in (SLOT_EVENTS, GAME_EVENTS)}
"""By family."""

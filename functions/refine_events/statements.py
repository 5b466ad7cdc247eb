"""The SQL that refining is: from lines of JSON to rows of the tables of `pitboss.lake.tables`."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pitboss.events.envelope import SCHEMAS, event_type_of
from pitboss.lake import tables
from pitboss.lake.tables import METER_PREFIX, Column, Table
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
    "event": "STRUCT(event_id VARCHAR, event_type VARCHAR, schema_version BIGINT, "
    "asset_id VARCHAR, occurred_at BIGINT, sequence BIGINT, player_id VARCHAR, data JSON, "
    "meters JSON)",
}
"""What is read of a line; the rest of it is skipped."""

_ARRIVAL = """
    received_at::HUGEINT * 9223372036854775808
    + coalesce(try_cast(right(record, 15) AS BIGINT), 0) * 8192 + "index"
"""
"""Copies of an event stand in this order: when they arrived, and within a millisecond by the last
digits of the record's number and the place in it. One number, for it is computed for every line."""


def text(value: str) -> str:
    """A text as SQL has it."""
    return "'" + value.replace("'", "''") + "'"


def stage(paths: Iterable[Path]) -> str:
    """Every line as a row of `staged`; `data` and `meters` as JSON."""
    files = ", ".join(text(str(path)) for path in paths)
    columns = ", ".join(f'"{name}": {text(kind)}' for name, kind in _LINE.items())
    return f"""
        CREATE OR REPLACE TABLE staged AS
        SELECT received_at, sender, record, "index",
            event.event_id, event.event_type,
            coalesce(event.schema_version, 1) AS schema_version,
            ltrim(event.asset_id, '0') AS asset_id,
            event.occurred_at, event.sequence, event.player_id, event.data, event.meters
        FROM read_json([{files}], format = 'newline_delimited', columns = {{{columns}}})
    """


INCOMPLETE = f"""
    SELECT count(*) FROM staged WHERE {
    " OR ".join(
        f'"{name}" IS NULL'
        for name in (
            *("received_at", "sender", "record", "index", "event_id", "event_type"),
            *("asset_id", "occurred_at", "sequence"),
        )
    )
}"""
"""Rows of lines that lack something every event has."""

KEEP_FIRST = f"""
    CREATE TABLE kept AS
    SELECT arg_min(rowid, {_ARRIVAL}) AS first, min(content) = max(content) AS is_one
    FROM (
        SELECT *, rowid, hash(
            event_type, schema_version, occurred_at, sequence, player_id, data, meters
        ) AS content
        FROM staged
    )
    GROUP BY asset_id, occurred_at // {PAGE_MS}, event_id
"""
"""One row for each event: which of its copies was first, and whether all are written alike.

Copies that are written alike say the same. Those that are not are compared by `conflicting`.
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


ORDER = "asset_id, occurred_at, sequence, event_id"
"""Of the rows of a table of events. No two have the same."""


def rows(table: Table) -> str:
    """The unique events of a table, in their order."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    source = "SELECT * FROM staged WHERE rowid IN (SELECT first FROM kept)"
    return f"SELECT {names} FROM ({_typed(table, source)}) ORDER BY {ORDER}"


CONTESTED = f"""
    CREATE TABLE contested AS
    WITH one AS (
        SELECT rowid AS first, asset_id, occurred_at // {PAGE_MS} AS page, event_id
        FROM staged WHERE rowid IN (SELECT first FROM kept WHERE NOT is_one)
    )
    SELECT staged.*, staged.rowid AS copy, one.first
    FROM one JOIN staged
        ON staged.asset_id = one.asset_id AND staged.event_id = one.event_id
        AND staged.occurred_at // {PAGE_MS} = one.page
"""
"""All copies of events whose copies are not all written alike."""


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


def conflicting(stage: str, reason: str) -> str:
    """Copies that say something else than the first one, as rows of the table `quarantine`, with
    their event types, as the table `conflicting`.
    """
    said = " UNION ALL ".join(
        "SELECT copy, first, event_type, asset_id, event_id, sender, received_at, record, "
        f'"index", {_content(table)} AS content '
        f"FROM ({_typed(table, 'SELECT * FROM contested')})"
        for table in tables.EVENT_TABLES
    )
    return f"""
        CREATE TABLE conflicting AS
        WITH said AS ({said})
        SELECT later.event_type, {text(reason)} AS reason, {text(stage)} AS stage, later.sender,
            left(format(
                'event {{}} of {{}} in record {{}}, {{}}, is another than the first, '
                || 'in record {{}}, {{}}',
                later.event_id, later.asset_id, later.record, later."index",
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
    """The rows of the table `quarantine`: those in a file of JSON lines, and `conflicting`."""
    columns = ", ".join(f'"{c.name}": {text(c.kind)}' for c in tables.QUARANTINE.columns)
    names = ", ".join(f'"{c.name}"' for c in tables.QUARANTINE.columns)
    return f"""
        SELECT {names}
        FROM read_json({text(str(path))}, format = 'newline_delimited', columns = {{{columns}}})
        UNION ALL SELECT {names} FROM conflicting
        ORDER BY received_at, stage, sender, reason, "index", detail
    """

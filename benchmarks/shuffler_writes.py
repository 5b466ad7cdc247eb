"""Bulk writes of shufflers' events: rows a second on the embedded PostgreSQL, its disk waited for.

What `track_shufflers` does with a batch (`PostgresShufflers.write`: each event once, a state, sums
by hour and day) against what else would put the same rows into the same table: COPY, which knows
neither what is there already nor how to say what was not; and ways to insert each once. Each in
turn, on an empty table, in transactions of `BATCH` rows; medians.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import batched
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from migrate_database import service
from migrate_database.schema import locked
from pitboss.events.shuffler import read_event
from pitboss.shufflers.state import Changes, Received, changes_of
from pitboss.stores.database import Database
from pitboss.stores.shufflers import PostgresShufflers
from workbench import database

ROWS = 20_000
BATCH = 1_000
RUNS = 3
DEVICES = 100
GOAL_ROWS_PER_SECOND = 5_000

_MOMENT = 1_790_000_000_000
_COLUMNS = "property_id, asset_id, sequence, occurred_at, event_type, envelope"
_TYPES = ("text", "text", "int8", "int8", "text", "bytea")
_ONCE = "ON CONFLICT DO NOTHING RETURNING property_id, asset_id, sequence, occurred_at"


def run() -> dict[str, Any]:
    """Rows a second by each way, and what a batch costs against COPY and row by row."""
    told = list(_events())
    seconds: dict[str, list[float]] = {}
    with _database() as stored:
        shufflers = PostgresShufflers(stored)
        ways: dict[str, Callable[[Sequence[Received]], object]] = {
            "write": lambda batch: shufflers.write(batch, _fold),
            "unnest": lambda batch: _within(stored, _unnest, batch),
            "copy": lambda batch: _within(stored, _copy, batch),
            "copy_and_insert": lambda batch: _within(stored, _copy_and_insert, batch),
            "executemany": lambda batch: _within(stored, _executemany, batch),
            "row_by_row": lambda batch: _within(stored, _row_by_row, batch),
        }
        for _ in range(RUNS):
            for name, way in ways.items():
                _empty(stored)
                seconds.setdefault(name, []).append(_timed(told, way))
                if name == "write":  # and what is sent again
                    seconds.setdefault("write_again", []).append(_timed(told, way))
    rates = {name: round(ROWS / statistics.median(spent)) for name, spent in seconds.items()}
    return {
        "figure": "shufflers' events written into PostgreSQL, rows a second",
        "rows": ROWS,
        "rows_a_transaction": BATCH,
        "rows_per_second": rates["write"],
        "goal_rows_per_second": GOAL_ROWS_PER_SECOND,
        "of_copy": round(rates["write"] / rates["copy"], 3),
        "of_row_by_row": round(rates["write"] / rates["row_by_row"], 2),
        "again_rows_per_second": rates["write_again"],
        "insert_alone": {
            f"{name}_rows_per_second": rates[name]
            for name in ("unnest", "copy", "copy_and_insert", "executemany", "row_by_row")
        },
    }


def _events() -> Iterator[Received]:
    """What a hundred devices tell: mostly telemetry, every tenth a shuffle."""
    for number in range(ROWS):
        asset_id, sequence = str(100 + number % DEVICES), number // DEVICES
        at = _MOMENT + sequence * 60_000
        if number % 10:
            event_type, data = (
                "telemetry.reported",
                {
                    "uptime_ms": sequence * 60_000,
                    "operating_ms": 60_000,
                    "motor_ma": 1_200 + number % 50,
                    "temperature_dc": 351,
                    "vibration_um_s": 2_100,
                    "roller_slip_bp": 12,
                    "gripper_offset_um": 5,
                    "elevator_offset_um": -3,
                    "recognition_bp": 9_980,
                    "supply_mv": 24_010,
                    "energy_j": 3_000,
                },
            )
        else:
            event_type, data = (
                "shuffle.completed",
                {
                    "table_id": f"BJ-{asset_id}",
                    "cycle_ms": 95_000 + number % 900,
                    "cards": 416,
                    "decks": 8,
                    "rounds": 40,
                    "dealing_ms": 1_800_000,
                },
            )
        envelope = {
            "event_id": f"{asset_id}-{sequence}",
            "event_type": event_type,
            "property_id": "north",
            "asset_id": asset_id,
            "occurred_at": at,
            "sequence": sequence,
            "data": data,
        }
        yield Received(read_event(json.dumps(envelope).encode()), at + 500)


def _fold(new: Any) -> Changes:  # noqa: ANN401 - as `Fold` says
    return changes_of(new, _day_of)


def _day_of(property_id: str, moment: int) -> date:
    return datetime.fromtimestamp(moment / 1000, UTC).date()


@contextmanager
def _database() -> Iterator[Database]:
    """A server of its own, migrated, with the settings that it comes with."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "postgres"
        server = database.ensure_running(where)
        stored = Database(server.address(database.NAME))
        try:
            with locked(stored, {role: role for role in _roles()}) as schema:
                service.run("migrate", None, schema, _MOMENT, 1)
            yield stored
        finally:
            stored.close()
            database.stop(where)


def _roles() -> list[str]:
    from migrate_database.roles import ROLES

    return list(ROLES)


def _empty(stored: Database) -> None:
    tables = "shuffler_events, shufflers, shuffler_faults, shuffler_hours, shuffler_days"
    with stored.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables}, fault_days, table_days"))


def _timed(told: Sequence[Received], way: Callable[[Sequence[Received]], object]) -> float:
    began = time.perf_counter()
    for batch in batched(told, BATCH, strict=False):
        way(batch)
    return time.perf_counter() - began


# --- other ways -----------------------------------------------------------------------------------


def _within(
    stored: Database, way: Callable[[Any, list[tuple[Any, ...]]], None], batch: Sequence[Received]
) -> None:
    rows = [(*one.key, one.event.event_type, one.event.raw) for one in batch]
    with stored.begin() as connection:
        way(_cursor(connection), rows)


def _cursor(connection: Connection) -> Any:  # noqa: ANN401 - the driver's
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver.cursor()


def _copy(cursor: Any, rows: list[tuple[Any, ...]], into: str = "shuffler_events") -> None:  # noqa: ANN401
    with cursor.copy(f"COPY {into} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row(row)


def _copy_and_insert(cursor: Any, rows: list[tuple[Any, ...]]) -> None:  # noqa: ANN401
    cursor.execute(
        "CREATE TEMP TABLE IF NOT EXISTS arrived (LIKE shuffler_events) ON COMMIT DELETE ROWS"
    )
    _copy(cursor, rows, "arrived")
    cursor.execute(
        f"INSERT INTO shuffler_events ({_COLUMNS}) SELECT {_COLUMNS} FROM arrived {_ONCE}"
    )
    cursor.fetchall()


def _unnest(cursor: Any, rows: list[tuple[Any, ...]]) -> None:  # noqa: ANN401
    arrays = ", ".join(f"%b::{name}[]" for name in _TYPES)
    cursor.execute(
        f"INSERT INTO shuffler_events ({_COLUMNS}) SELECT * FROM unnest({arrays}) {_ONCE}",
        [list(column) for column in zip(*rows, strict=True)],
    )
    cursor.fetchall()


def _executemany(cursor: Any, rows: list[tuple[Any, ...]]) -> None:  # noqa: ANN401
    cursor.executemany(_one_row(), rows, returning=True)


def _row_by_row(cursor: Any, rows: list[tuple[Any, ...]]) -> None:  # noqa: ANN401
    for row in rows:
        cursor.execute(_one_row(), row)


def _one_row() -> str:
    return f"INSERT INTO shuffler_events ({_COLUMNS}) VALUES (%b, %b, %b, %b, %b, %b) {_ONCE}"

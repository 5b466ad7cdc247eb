"""Shufflers in PostgreSQL: events once, and in the same transaction what they come to.

Every transaction takes its locks table by table in one order, and rows by key, so that no two wait
for each other in a circle. Rows come as one array a column: one statement and one round trip,
however many there are (`python -m benchmarks shuffler_writes` has what else was tried).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import batched
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, bindparam, case, func, inspect, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert

from pitboss.events.envelope import InvalidEvent
from pitboss.events.shuffler import Part, TelemetryReported, read_event
from pitboss.shufflers.state import (
    Changes,
    Device,
    DeviceState,
    FaultKey,
    FaultState,
    FirmwareSeen,
    OpenFault,
    ReadingsSeen,
    Received,
    StatusSeen,
    TableSeen,
    readings_of,
)
from pitboss.shufflers.sums import FaultSums, Sums, TableSums
from pitboss.stores.database import Database
from pitboss.stores.shuffler_models import (
    Base,
    FaultDayRow,
    ShufflerDayRow,
    ShufflerEventRow,
    ShufflerFaultRow,
    ShufflerHourRow,
    ShufflerRow,
    TableDayRow,
)

MAX_ROWS = 10_000
"""Of one statement."""

type Fold = Callable[[Iterable[Received]], Changes]
type _Key = tuple[str, str, int, int]


class Written(NamedTuple):
    """What came of a batch: each event is one of these."""

    new: list[Received]
    duplicate: list[Received]
    """Known already, as they are."""
    reused: list[Received]
    """Known already with another content, which stands."""


class KnownDevice(NamedTuple):
    """A device, and what is wrong with it."""

    asset_id: str
    state: DeviceState
    open_faults: list[OpenFault]


class FaultDay(NamedTuple):
    """Faults of one code and part in a device's gaming day."""

    day: date
    code: str
    part: str
    sums: FaultSums


class DeviceDays(NamedTuple):
    """A device's gaming days, ascending; those without an event are not there."""

    days: list[tuple[date, Sums]]
    faults: list[FaultDay]


class TableDay(NamedTuple):
    """A table's gaming day."""

    table_id: str
    day: date
    sums: TableSums


class PostgresShufflers:
    """Shufflers of a stack's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, received: Sequence[Received], fold: Fold) -> Written:
        """Keep events and what the new ones come to, in one transaction: all of it or nothing.

        Args:
            received: in the order in which they came; the first of a key stands.
            fold: what new events change.

        Raises:
            TransientError: nothing is known to have been written. The same may be sent again,
                whether it was or not.
        """
        first: dict[_Key, Received] = {}
        for one in received:
            first.setdefault(one.key, one)
        with self._database.begin() as connection:
            inserted = _insert_events(connection, [first[key] for key in sorted(first)])
            new: dict[_Key, Received] = {}
            again: list[Received] = []
            for one in received:
                if one.key in inserted and one.key not in new:
                    new[one.key] = one
                else:
                    again.append(one)
            known = {key: one.event.raw for key, one in new.items()}
            known |= _envelopes(connection, {one.key for one in again} - known.keys())
            if new:
                _apply(connection, fold(new.values()))
        duplicate: list[Received] = []
        reused: list[Received] = []
        for one in again:
            (duplicate if _is_same(one, known.get(one.key)) else reused).append(one)
        return Written(list(new.values()), duplicate, reused)

    def devices(self, property_id: str, limit: int, after: str | None = None) -> list[KnownDevice]:
        """A property's devices by asset id, at most `limit` of those after one."""
        wanted = select(ShufflerRow).where(ShufflerRow.property_id == property_id)
        if after is not None:
            wanted = wanted.where(ShufflerRow.asset_id > after)
        with self._database.connection() as connection:
            rows = connection.execute(wanted.order_by(ShufflerRow.asset_id).limit(limit)).all()
            faults = _open_faults(connection, property_id, [row.asset_id for row in rows])
        return [
            KnownDevice(row.asset_id, _state(row), faults.get(row.asset_id, [])) for row in rows
        ]

    def device(self, property_id: str, asset_id: str) -> KnownDevice | None:
        """A device; None where it was never heard of."""
        wanted = select(ShufflerRow).where(
            ShufflerRow.property_id == property_id, ShufflerRow.asset_id == asset_id
        )
        with self._database.connection() as connection:
            row = connection.execute(wanted).one_or_none()
            if row is None:
                return None
            faults = _open_faults(connection, property_id, [asset_id])
        return KnownDevice(asset_id, _state(row), faults.get(asset_id, []))

    def days(self, property_id: str, asset_id: str, first: date, last: date) -> DeviceDays:
        """A device's gaming days from the first to the last, both included."""
        with self._database.connection() as connection:
            days = connection.execute(
                select(ShufflerDayRow)
                .where(
                    ShufflerDayRow.property_id == property_id,
                    ShufflerDayRow.asset_id == asset_id,
                    ShufflerDayRow.gaming_day.between(first, last),
                )
                .order_by(ShufflerDayRow.gaming_day)
            ).all()
            faults = connection.execute(
                select(FaultDayRow)
                .where(
                    FaultDayRow.property_id == property_id,
                    FaultDayRow.asset_id == asset_id,
                    FaultDayRow.gaming_day.between(first, last),
                )
                .order_by(FaultDayRow.gaming_day, FaultDayRow.code, FaultDayRow.part)
            ).all()
        return DeviceDays(
            [(row.gaming_day, _sums(row, Sums)) for row in days],
            [FaultDay(row.gaming_day, row.code, row.part, _sums(row, FaultSums)) for row in faults],
        )

    def table_days(
        self, property_id: str, first: date, last: date, table_id: str | None = None
    ) -> list[TableDay]:
        """Tables' gaming days from the first to the last, both included, by table and day."""
        wanted = select(TableDayRow).where(
            TableDayRow.property_id == property_id, TableDayRow.gaming_day.between(first, last)
        )
        if table_id is not None:
            wanted = wanted.where(TableDayRow.table_id == table_id)
        with self._database.connection() as connection:
            rows = connection.execute(
                wanted.order_by(TableDayRow.table_id, TableDayRow.gaming_day)
            ).all()
        return [TableDay(row.table_id, row.gaming_day, _sums(row, TableSums)) for row in rows]


# --- writing --------------------------------------------------------------------------------------


def _insert_events(connection: Connection, ordered: Sequence[Received]) -> set[_Key]:
    """Insert events by key; the keys of those that were not known."""
    inserted: set[_Key] = set()
    for part in batched(ordered, MAX_ROWS, strict=False):
        rows = [
            (
                event.property_id,
                event.asset_id,
                event.sequence,
                event.occurred_at,
                event.event_type,
                event.raw,
            )
            for event in (one.event for one in part)
        ]
        for row in connection.execute(_event_insert(), _arrays(ShufflerEventRow, rows)):
            inserted.add((row[0], row[1], row[2], row[3]))
    return inserted


def _envelopes(connection: Connection, keys: Collection[_Key]) -> dict[_Key, bytes]:
    """Events as they are kept, by key."""
    table = ShufflerEventRow.__table__
    found: dict[_Key, bytes] = {}
    for part in batched(sorted(keys), MAX_ROWS, strict=False):
        asked = select(*(_unnested(column) for column in _event_keys())).subquery("asked")
        rows = connection.execute(
            select(*_event_keys(), table.c.envelope).join(
                asked,
                tuple_(*_event_keys()) == tuple_(*(asked.c[c.name] for c in _event_keys())),
            ),
            {
                column.name: list(values)
                for column, values in zip(_event_keys(), zip(*part, strict=True), strict=True)
            },
        )
        for row in rows:
            found[row[0], row[1], row[2], row[3]] = row[4]
    return found


def _is_same(one: Received, known: bytes | None) -> bool:
    """Whether an event is the one that is kept under its key, however it is written."""
    event = one.event
    if known is None or known == event.raw:
        return known is not None
    try:
        kept = read_event(known)
    except InvalidEvent:  # of a release with other schemas
        return False
    return (kept.event_id, kept.data) == (event.event_id, event.data)


def _apply(connection: Connection, changes: Changes) -> None:
    """Put changes into their tables, in the one order that every transaction keeps."""
    _see_devices(connection, changes.devices)
    _see_faults(connection, changes.faults)
    _add(connection, ShufflerHourRow, changes.hours)
    _add(connection, ShufflerDayRow, changes.days)
    _add(connection, FaultDayRow, changes.fault_days)
    _add(connection, TableDayRow, changes.table_days)


def _add(
    connection: Connection,
    model: type[Base],
    sums: Mapping[Any, Sums] | Mapping[Any, FaultSums] | Mapping[Any, TableSums],
) -> None:
    """Add sums to those of their keys."""
    rows = [(*key, *msgspec.structs.astuple(sums[key])) for key in sorted(sums)]
    if rows:
        connection.execute(_adding(model), _arrays(model, rows))


def _see_devices(connection: Connection, devices: Mapping[Device, DeviceState]) -> None:
    rows = []
    for device in sorted(devices):
        state = devices[device]
        shown = state.readings
        rows.append(
            (
                *device,
                state.heard_at,
                state.occurred_at,
                *(state.status or (None,) * 4),
                *(state.firmware or (None,) * 3),
                *(state.table or (None,) * 3),
                *((None,) * 3 if shown is None else (*shown[:2], readings_of(shown.readings))),
            )
        )
    connection.execute(_device_upsert(), _arrays(ShufflerRow, rows))


def _see_faults(connection: Connection, faults: Mapping[FaultKey, FaultState]) -> None:
    nothing = (None, None)
    rows = [
        (*key, *(faults[key].raised or nothing), *(faults[key].cleared or nothing))
        for key in sorted(faults)
    ]
    if rows:
        connection.execute(_fault_upsert(), _arrays(ShufflerFaultRow, rows))


# --- statements, each made once -------------------------------------------------------------------


def _arrays(model: type[Base], rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows as parameters of `_insert`: a list a column."""
    names = [column.name for column in model.__table__.columns]
    return dict(zip(names, (list(values) for values in zip(*rows, strict=True)), strict=True))


def _unnested(column: Any) -> Any:  # noqa: ANN401 - a column of whatever type
    return func.unnest(bindparam(column.name, type_=ARRAY(column.type))).label(column.name)


def _insert(model: type[Base]) -> Insert:
    """An insert of rows that come as an array a column, in their order."""
    columns = list(model.__table__.columns)
    rows = select(*(_unnested(column) for column in columns))
    return insert(model).from_select([column.name for column in columns], rows)


def _event_keys() -> list[Any]:
    return list(inspect(ShufflerEventRow).primary_key)


@cache
def _event_insert() -> Any:  # noqa: ANN401 - an insert that returns rows
    return _insert(ShufflerEventRow).on_conflict_do_nothing().returning(*_event_keys())


@cache
def _adding(model: type[Base]) -> Insert:
    table, statement = model.__table__, _insert(model)
    keys = [column.name for column in inspect(model).primary_key]
    return statement.on_conflict_do_update(
        index_elements=keys,
        set_={
            column.name: column + statement.excluded[column.name]
            for column in table.columns
            if column.name not in keys
        },
    )


def _newest(statement: Insert, model: type[Base], keys: list[str], *values: str) -> dict[str, Any]:
    """Columns that are taken together where their keys are greater, or there were none."""
    table, new = model.__table__, statement.excluded
    known = tuple_(*(func.coalesce(table.c[key], -1) for key in keys))
    is_newer = tuple_(*(new[key] for key in keys)) > known
    return {name: case((is_newer, new[name]), else_=table.c[name]) for name in (*keys, *values)}


@cache
def _device_upsert() -> Insert:
    statement, table = _insert(ShufflerRow), ShufflerRow.__table__
    new = statement.excluded
    status = ["status_at", "status_occurred_at", "status_sequence"]
    groups = (
        _newest(statement, ShufflerRow, status, "is_online"),
        _newest(statement, ShufflerRow, ["firmware_at", "firmware_sequence"], "firmware"),
        _newest(statement, ShufflerRow, ["shuffled_at", "shuffled_sequence"], "table_id"),
        _newest(statement, ShufflerRow, ["reported_at", "reported_sequence"], "readings"),
    )
    taken: dict[str, Any] = {
        name: func.greatest(table.c[name], new[name]) for name in ("heard_at", "occurred_at")
    }
    for group in groups:
        taken |= group
    return statement.on_conflict_do_update(index_elements=["property_id", "asset_id"], set_=taken)


@cache
def _fault_upsert() -> Insert:
    statement = _insert(ShufflerFaultRow)
    return statement.on_conflict_do_update(
        index_elements=list(FaultKey._fields),
        set_=_newest(statement, ShufflerFaultRow, ["raised_at", "raised_sequence"])
        | _newest(statement, ShufflerFaultRow, ["cleared_at", "cleared_sequence"]),
    )


# --- reading --------------------------------------------------------------------------------------


def _open_faults(
    connection: Connection, property_id: str, assets: Collection[str]
) -> dict[str, list[OpenFault]]:
    """Open faults by asset, failures first, the oldest first."""
    table = ShufflerFaultRow
    rows = connection.execute(
        select(table)
        .where(
            table.property_id == property_id,
            table.asset_id.in_(assets),
            text(
                "(raised_at, raised_sequence) > "
                "(coalesce(cleared_at, -1), coalesce(cleared_sequence, -1))"
            ),
        )
        .order_by(table.is_failure.desc(), table.raised_at, table.code, table.part)
    )
    found: dict[str, list[OpenFault]] = {}
    for row in rows:
        fault = OpenFault(row.code, Part(row.part), row.is_failure, row.raised_at)
        found.setdefault(row.asset_id, []).append(fault)
    return found


def _state(row: Row[Any]) -> DeviceState:
    state = DeviceState(row.heard_at, row.occurred_at)
    if row.status_at is not None:
        state.status = StatusSeen(
            row.status_at, row.status_occurred_at, row.status_sequence, row.is_online
        )
    if row.firmware_at is not None:
        state.firmware = FirmwareSeen(row.firmware_at, row.firmware_sequence, row.firmware)
    if row.shuffled_at is not None:
        state.table = TableSeen(row.shuffled_at, row.shuffled_sequence, row.table_id)
    if row.reported_at is not None:
        shown = TelemetryReported(**row.readings)
        state.readings = ReadingsSeen(row.reported_at, row.reported_sequence, shown)
    return state


def _sums[Kind: (Sums, FaultSums, TableSums)](row: Row[Any], kind: type[Kind]) -> Kind:
    return kind(**{name: getattr(row, name) for name in kind.__struct_fields__})

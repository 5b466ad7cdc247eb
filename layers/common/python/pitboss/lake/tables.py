"""The refined tables: which events each holds, and its columns with their types.

Those of slot events are made from the schema classes of `pitboss.events.slot`, so that there is one
definition: a table's own columns are the fields of its event types, by name, a field that several
types share once. A row has null where its event type has no such field.

Events of games are one table, whatever their types: what an event says beside its envelope is one
column, so that a field nobody knew of is there to be asked for on the day it is first sent.

A schema changes by addition only: `docs/lake-tables.json` has the columns as they were last agreed
on, and `pitboss schemas` takes none of them away.
"""

from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeAliasType, get_args, get_origin

import msgspec
from msgspec import Struct

from pitboss.events import slot
from pitboss.events.envelope import SCHEMAS, event_type_of
from pitboss.lake.layout import GAME, SLOT

PARTITION = ("property_id", "gaming_day")
"""What partitions are made by, both text: in the path, not in the files."""

METER_PREFIX = "meter_"
"""Of the columns of `slot.Meters`, the meters shown beside an event."""

TEXT, INTEGER, MOMENT, METERS = "VARCHAR", "BIGINT", "TIMESTAMP", "MAP(VARCHAR, BIGINT)"
REAL, FLAG = "DOUBLE", "BOOLEAN"
"""The types there are, as DuckDB calls them."""


class Column(NamedTuple):
    """A column: its name and its DuckDB type."""

    name: str
    kind: str


class Field(NamedTuple):
    """A field of an event type's data: its column, and what stands where a sender leaves it out."""

    column: Column
    default: int | str | None


class Table(NamedTuple):
    """One refined table."""

    name: str
    events: tuple[type[Struct], ...]
    """The schema classes of the events it holds; none of `quarantine`, none of games' tables."""
    columns: tuple[Column, ...]
    """All columns of its files, in their order; without those of the partition."""

    @property
    def event_types(self) -> tuple[str, ...]:
        """The event types it holds; none of `unrecognised_events`, which has all others."""
        return tuple(event_type_of(one) for one in self.events if one is not slot.Unrecognised)


COMMON: tuple[Column, ...] = (
    Column("event_id", TEXT),
    Column("event_type", TEXT),
    Column("schema_version", INTEGER),
    Column("asset_id", TEXT),
    Column("occurred_at", INTEGER),  # the device's clock, epoch milliseconds
    Column("occurred", MOMENT),  # the same, UTC
    Column("received_at", INTEGER),  # the server's clock, epoch milliseconds
    Column("sequence", INTEGER),
    Column("player_id", TEXT),
    Column("sender", TEXT),
    Column("record", TEXT),  # sequence number of the stream record it came in
    Column("index", INTEGER),  # its place in that record
)
"""What every table of events starts with."""


def fields(event: type[Struct]) -> tuple[Field, ...]:
    """The fields of an event type's data, as columns."""
    return tuple(
        Field(
            Column(field.name, _kind(field.type)),
            None if field.default is msgspec.NODEFAULT else field.default,
        )
        for field in msgspec.structs.fields(event)
    )


def _kind(field_type: Any) -> str:  # noqa: ANN401 - annotations of a schema class
    if isinstance(field_type, TypeAliasType):
        return _kind(field_type.__value__)
    origin = get_origin(field_type)
    if origin is Annotated:
        return _kind(get_args(field_type)[0])
    if origin is UnionType:
        (only,) = [one for one in get_args(field_type) if one is not NoneType]
        return _kind(only)
    if origin is dict:
        return f"MAP({', '.join(map(_kind, get_args(field_type)))})"
    return {int: INTEGER, str: TEXT}[field_type]


METER_COLUMNS = tuple(
    Column(METER_PREFIX + field.column.name, field.column.kind) for field in fields(slot.Meters)
)
"""The meters beside an event, in credits; see `slot.Meters`."""


def _table(name: str, *events: type[Struct]) -> Table:
    own: dict[str, Column] = {}
    for event in events:
        for column, _ in fields(event):
            if own.setdefault(column.name, column) != column:
                raise TypeError(f"{name}: two events have a {column.name} of different types")
    return Table(name, events, (*COMMON, *own.values(), *METER_COLUMNS))


UNRECOGNISED = Table(
    "unrecognised_events",
    (slot.Unrecognised,),
    (*COMMON, Column("data", TEXT), *METER_COLUMNS),  # data as JSON
)
"""Events of a type or version that no schema is known for."""

EVENT_TABLES: tuple[Table, ...] = (
    _table("game_events", slot.GameStarted, slot.GameEnded, slot.GameSelected),
    _table("paytable_events", slot.PaytableReported),
    _table("card_events", slot.CardInserted, slot.CardRemoved),
    _table(
        "cash_events",
        *(slot.BillAccepted, slot.HandpayPending, slot.HandpayReported, slot.HandpayReset),
    ),
    _table("meter_events", slot.MetersReported, slot.MetersReset, slot.EventsOverflowed),
    _table(
        "machine_events",
        *(slot.DoorOpened, slot.DoorClosed, slot.TiltRaised),
        *(slot.ExceptionRaised, slot.PollAnswered),
    ),
    UNRECOGNISED,
)
"""One table for each family of events, every event type in one of them."""

QUARANTINE = Table(
    "quarantine",
    (),
    (
        Column("reason", TEXT),
        Column("detail", TEXT),
        Column("stage", TEXT),  # who set it aside
        Column("sender", TEXT),
        Column("received_at", INTEGER),
        Column("index", INTEGER),  # its place in the request, batch or raw object
    ),
)
"""What was set aside: entries that arrived on the gaming day, and what refining itself found."""

APPLICATION_EVENTS = Table(
    "application_events",
    (),
    (
        Column("event_id", TEXT),
        Column("application_id", TEXT),
        Column("event_type", TEXT),
        Column("event_version", TEXT),
        Column("occurred_at", INTEGER),  # the sender's clock, epoch milliseconds
        Column("occurred", MOMENT),  # the same, UTC
        Column("received_at", INTEGER),  # the server's clock, epoch milliseconds
        Column("app_version", TEXT),
        Column("player_id", TEXT),
        Column("level_id", TEXT),
        Column("x", REAL),  # in the level's own units
        Column("y", REAL),
        Column("data", TEXT),  # a JSON object
        Column("is_trusted", FLAG),
        Column("sender", TEXT),
        Column("record", TEXT),
        Column("index", INTEGER),
    ),
)
"""Events of games, of all types."""

APPLICATION_QUARANTINE = Table("application_quarantine", (), QUARANTINE.columns)
"""What refining set aside of games' events. What the front door did is in `quarantine`."""


class Family(NamedTuple):
    """Events that are archived and refined together: a stream's."""

    name: str
    """As `pitboss.lake.layout` has it."""
    events: tuple[Table, ...]
    """The tables of its events."""
    quarantine: Table
    """The table of what was set aside."""


SLOT_FAMILY = Family(SLOT, EVENT_TABLES, QUARANTINE)
GAME_FAMILY = Family(GAME, (APPLICATION_EVENTS,), APPLICATION_QUARANTINE)

FAMILIES = {family.name: family for family in (SLOT_FAMILY, GAME_FAMILY)}

TABLES: tuple[Table, ...] = tuple(
    table for family in FAMILIES.values() for table in (*family.events, family.quarantine)
)


def table_of(event_type: str, schema_version: int) -> Table:
    """The table that an event goes to.

    >>> table_of("game.ended", 1).name, table_of("game.ended", 2).name
    ('game_events', 'unrecognised_events')
    """
    known = SCHEMAS.get((event_type, schema_version))
    return next((table for table in EVENT_TABLES if known in table.events), UNRECOGNISED)

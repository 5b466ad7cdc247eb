"""The tables of the shufflers' database: SQLAlchemy models, known to adapters and migrations alone.

Figures are integers in the units of the events' fields. Ids have neither NUL nor newline by the
events' schemas; whatever else a device can write is in `envelope`, which takes any bytes.
"""

import datetime
from typing import Annotated, Any

from sqlalchemy import BigInteger, Date, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

type Id = Annotated[str, mapped_column(Text)]
type Moment = Annotated[int, mapped_column(BigInteger)]
"""Epoch ms."""
type Total = Annotated[int, mapped_column(BigInteger, server_default=text("0"))]
type Day = Annotated[datetime.date, mapped_column(Date)]
"""A gaming day of the property."""


class Base(DeclarativeBase):
    """All tables of the database."""


class ShufflerEventRow(Base):
    """One event, once, as it came. A partition a month of `occurred_at`.

    A device's `sequence` may start again when it is given a new controller; then the time differs.
    """

    __tablename__ = "shuffler_events"
    __table_args__ = (
        # What models learn from, and a device's history is told by.
        Index(
            "shuffler_events_happenings",
            "property_id",
            "asset_id",
            "occurred_at",
            postgresql_where=text(
                "event_type IN ('fault.raised', 'fault.cleared', 'maintenance.performed')"
            ),
        ),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )

    property_id: Mapped[Id] = mapped_column(primary_key=True)
    asset_id: Mapped[Id] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    occurred_at: Mapped[Moment] = mapped_column(primary_key=True, autoincrement=False)
    event_type: Mapped[str] = mapped_column(Text)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    """Bytes, not `jsonb`: that refuses some of what is JSON (a NUL, half a surrogate pair)."""


class _Summed:
    """Columns of `pitboss.shufflers.sums.Sums`, by its names."""

    events: Mapped[Total]
    unrecognised: Mapped[Total]
    cycles: Mapped[Total]
    cycle_ms: Mapped[Total]
    cards: Mapped[Total]
    card_retries: Mapped[Total]
    cycle_motor_ma: Mapped[Total]
    cycle_motor_peak_ma: Mapped[Total]
    cycle_temperature_dc: Mapped[Total]
    cycle_recognition_bp: Mapped[Total]
    rounds: Mapped[Total]
    dealing_ms: Mapped[Total]
    reports: Mapped[Total]
    operating_ms: Mapped[Total]
    energy_j: Mapped[Total]
    report_motor_ma: Mapped[Total]
    report_temperature_dc: Mapped[Total]
    report_vibration_um_s: Mapped[Total]
    report_roller_slip_bp: Mapped[Total]
    report_gripper_offset_um: Mapped[Total]
    report_elevator_offset_um: Mapped[Total]
    report_recognition_bp: Mapped[Total]
    report_supply_mv: Mapped[Total]
    jams: Mapped[Total]
    jams_recovered: Mapped[Total]
    jam_ms: Mapped[Total]
    misreads: Mapped[Total]
    miscounts: Mapped[Total]
    faults: Mapped[Total]
    failures: Mapped[Total]
    down_ms: Mapped[Total]
    maintenances: Mapped[Total]
    door_openings: Mapped[Total]
    door_open_ms: Mapped[Total]
    connections: Mapped[Total]
    link_losses: Mapped[Total]
    link_down_ms: Mapped[Total]
    lost_events: Mapped[Total]
    firmware_changes: Mapped[Total]


class ShufflerHourRow(_Summed, Base):
    """A device's sums of one hour since 1970: what features are made of."""

    __tablename__ = "shuffler_hours"

    property_id: Mapped[Id] = mapped_column(primary_key=True)
    asset_id: Mapped[Id] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """`occurred_at` // 3,600,000."""


class ShufflerDayRow(_Summed, Base):
    """A device's sums of one gaming day."""

    __tablename__ = "shuffler_days"

    property_id: Mapped[Id] = mapped_column(primary_key=True)
    asset_id: Mapped[Id] = mapped_column(primary_key=True)
    gaming_day: Mapped[Day] = mapped_column(primary_key=True)


class FaultDayRow(Base):
    """A device's faults of one gaming day, by code and part."""

    __tablename__ = "fault_days"

    property_id: Mapped[Id] = mapped_column(primary_key=True)
    asset_id: Mapped[Id] = mapped_column(primary_key=True)
    gaming_day: Mapped[Day] = mapped_column(primary_key=True)
    code: Mapped[Id] = mapped_column(primary_key=True)
    part: Mapped[Id] = mapped_column(primary_key=True)
    raised: Mapped[Total]
    failures: Mapped[Total]
    down_ms: Mapped[Total]


class TableDayRow(Base):
    """What a table's shufflers measured of its gaming day."""

    __tablename__ = "table_days"

    property_id: Mapped[Id] = mapped_column(primary_key=True)
    table_id: Mapped[Id] = mapped_column(primary_key=True)
    gaming_day: Mapped[Day] = mapped_column(primary_key=True)
    shuffles: Mapped[Total]
    rounds: Mapped[Total]
    dealing_ms: Mapped[Total]


class ShufflerRow(Base):
    """What is known of a device now. Each group of columns is its newest, by the keys before it."""

    __tablename__ = "shufflers"

    property_id: Mapped[Id] = mapped_column(primary_key=True)
    asset_id: Mapped[Id] = mapped_column(primary_key=True)

    heard_at: Mapped[Moment]
    """The greatest time at which the broker received an event, epoch ms."""
    occurred_at: Mapped[Moment]
    """Of its newest event, epoch ms by its own clock."""

    status_at: Mapped[Moment | None] = mapped_column(BigInteger)
    """When the broker received what says whether it is online."""
    status_occurred_at: Mapped[Moment | None] = mapped_column(BigInteger)
    status_sequence: Mapped[int | None] = mapped_column(BigInteger)
    is_online: Mapped[bool | None]

    firmware_at: Mapped[Moment | None] = mapped_column(BigInteger)
    firmware_sequence: Mapped[int | None] = mapped_column(BigInteger)
    firmware: Mapped[str | None] = mapped_column(Text)

    shuffled_at: Mapped[Moment | None] = mapped_column(BigInteger)
    shuffled_sequence: Mapped[int | None] = mapped_column(BigInteger)
    table_id: Mapped[str | None] = mapped_column(Text)

    reported_at: Mapped[Moment | None] = mapped_column(BigInteger)
    reported_sequence: Mapped[int | None] = mapped_column(BigInteger)
    readings: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The newest `telemetry.reported`, by its fields."""


class ShufflerFaultRow(Base):
    """Whether a fault is open: raised later than it was cleared. A row for each that ever was."""

    __tablename__ = "shuffler_faults"

    property_id: Mapped[Id] = mapped_column(primary_key=True)
    asset_id: Mapped[Id] = mapped_column(primary_key=True)
    code: Mapped[Id] = mapped_column(primary_key=True)
    part: Mapped[Id] = mapped_column(primary_key=True)
    is_failure: Mapped[bool] = mapped_column(primary_key=True)
    raised_at: Mapped[Moment | None] = mapped_column(BigInteger)
    raised_sequence: Mapped[int | None] = mapped_column(BigInteger)
    cleared_at: Mapped[Moment | None] = mapped_column(BigInteger)
    cleared_sequence: Mapped[int | None] = mapped_column(BigInteger)

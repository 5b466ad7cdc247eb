"""What is known of a device now, and what a batch of events changes.

Each part of a state is the newest of its kind by a key that no two events share. So it never goes
back in time, and whatever order events come in, it ends the same.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple

import msgspec
from msgspec import Struct

from pitboss.events.shuffler import (
    DeviceConnected,
    DeviceDisconnected,
    FaultCleared,
    FaultRaised,
    FirmwareChanged,
    Part,
    ShuffleCompleted,
    ShufflerEvent,
    TelemetryReported,
)
from pitboss.shufflers.sums import (
    HOUR_MS,
    FaultSums,
    Sums,
    TableSums,
    add_event,
    add_fault,
    add_shuffle,
)


class Device(NamedTuple):
    """Which shuffler."""

    property_id: str
    asset_id: str


class Received(NamedTuple):
    """An event, and when the broker received it (epoch ms)."""

    event: ShufflerEvent
    received_at: int
    sender: str = ""
    """The client that published it."""

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What tells an event from every other: property, asset, sequence and its own time."""
        event = self.event
        return event.property_id, event.asset_id, event.sequence, event.occurred_at


class StatusSeen(NamedTuple):
    """Whether a device is online, as of when the broker was told.

    A last will is as old as its connection: its own time says nothing of when the device went.
    """

    received_at: int
    occurred_at: int
    sequence: int
    is_online: bool


class FirmwareSeen(NamedTuple):
    """What a device runs."""

    occurred_at: int
    sequence: int
    firmware: str


class TableSeen(NamedTuple):
    """Where a device shuffles."""

    occurred_at: int
    sequence: int
    table_id: str


class ReadingsSeen(NamedTuple):
    """What a device's sensors show."""

    occurred_at: int
    sequence: int
    readings: TelemetryReported


class DeviceState(Struct):
    """What is known of a device; None where it has not said."""

    heard_at: int = 0
    """When the broker last received something new of it, epoch ms."""
    occurred_at: int = 0
    """Of its newest event, by its own clock."""
    status: StatusSeen | None = None
    firmware: FirmwareSeen | None = None
    table: TableSeen | None = None
    readings: ReadingsSeen | None = None


class FaultKey(NamedTuple):
    """A fault that can be open: what is raised under it is cleared under it."""

    property_id: str
    asset_id: str
    code: str
    part: str
    is_failure: bool


class FaultState(Struct):
    """When a fault was last raised and last cleared: the device's time, and the sequence."""

    raised: tuple[int, int] | None = None
    cleared: tuple[int, int] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was raised and not cleared since."""
        return self.raised is not None and (self.cleared is None or self.raised > self.cleared)


class OpenFault(Struct, frozen=True):
    """Something that is wrong with a device now."""

    code: str
    part: Part
    is_failure: bool
    raised_at: int


class Changes(Struct):
    """What new events come to, by the keys of the tables that take it."""

    hours: dict[tuple[str, str, int], Sums] = {}
    """By property, asset and hour since 1970."""
    days: dict[tuple[str, str, date], Sums] = {}
    """By property, asset and gaming day."""
    fault_days: dict[tuple[str, str, date, str, str], FaultSums] = {}
    """By property, asset, gaming day, code and part."""
    table_days: dict[tuple[str, str, date], TableSums] = {}
    """By property, table and gaming day."""
    devices: dict[Device, DeviceState] = {}
    faults: dict[FaultKey, FaultState] = {}


type DayOf = Callable[[str, int], date]
"""The gaming day, at a property, of a moment in epoch ms."""


def changes_of(new: Iterable[Received], day_of: DayOf) -> Changes:
    """What events change that were not known before."""
    changes = Changes()
    for received in new:
        event = received.event
        property_id, asset_id, data = event.property_id, event.asset_id, event.data
        day = day_of(property_id, event.occurred_at)
        hour = event.occurred_at // HOUR_MS
        add_event(changes.hours.setdefault((property_id, asset_id, hour), Sums()), data)
        add_event(changes.days.setdefault((property_id, asset_id, day), Sums()), data)
        device = Device(property_id, asset_id)
        see(changes.devices.setdefault(device, DeviceState()), received)
        if isinstance(data, ShuffleCompleted):
            table = (property_id, data.table_id, day)
            add_shuffle(changes.table_days.setdefault(table, TableSums()), data)
        elif isinstance(data, FaultRaised | FaultCleared):
            kind = (property_id, asset_id, day, data.code, str(data.part))
            add_fault(changes.fault_days.setdefault(kind, FaultSums()), data)
            key = FaultKey(property_id, asset_id, data.code, str(data.part), data.is_failure)
            state = changes.faults.setdefault(key, FaultState())
            at = (event.occurred_at, event.sequence)
            if isinstance(data, FaultRaised):
                state.raised = max(state.raised or at, at)
            else:
                state.cleared = max(state.cleared or at, at)
    return changes


def see(state: DeviceState, received: Received) -> None:
    """Bring a device's state up to an event, in place."""
    event, received_at = received.event, received.received_at
    at, sequence, data = event.occurred_at, event.sequence, event.data
    state.heard_at = max(state.heard_at, received_at)
    state.occurred_at = max(state.occurred_at, at)
    match data:
        case DeviceConnected() | DeviceDisconnected():
            is_online = isinstance(data, DeviceConnected)
            status = StatusSeen(received_at, at, sequence, is_online)
            state.status = max(state.status or status, status)
        case TelemetryReported():
            readings = ReadingsSeen(at, sequence, data)
            if state.readings is None or readings[:2] > state.readings[:2]:
                state.readings = readings
        case ShuffleCompleted():
            table = TableSeen(at, sequence, data.table_id)
            state.table = max(state.table or table, table)
        case _:
            pass
    named = _firmware(data)
    if named:
        firmware = FirmwareSeen(at, sequence, named)
        state.firmware = max(state.firmware or firmware, firmware)


def _firmware(data: object) -> str:
    match data:
        case DeviceConnected(firmware=firmware):
            return firmware
        case FirmwareChanged(version=version):
            return version
        case _:
            return ""


def readings_of(data: TelemetryReported) -> dict[str, int]:
    """What sensors show, by the names of the event's fields."""
    return msgspec.structs.asdict(data)

"""What one event adds to the sums of a device's hour and gaming day, and of a table's.

Sums alone: whatever order events come in, and however they are split, they come to the same.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from pitboss.events.shuffler import (
    CardMisread,
    CardsMiscounted,
    DeviceConnected,
    DoorClosed,
    DoorOpened,
    FaultCleared,
    FaultRaised,
    FirmwareChanged,
    JamCleared,
    LinkRestored,
    MaintenancePerformed,
    ShuffleCompleted,
    TelemetryReported,
    Unrecognised,
)

HOUR_MS = 3_600_000


class Sums(Struct):
    """A device's hour, or gaming day. Times are the device's (`occurred_at`)."""

    events: int = 0
    unrecognised: int = 0
    """Events of a type or version that the release which read them did not know."""

    cycles: int = 0
    """Shuffles completed. Each of the following is the sum over them."""
    cycle_ms: int = 0
    cards: int = 0
    card_retries: int = 0
    cycle_motor_ma: int = 0
    cycle_motor_peak_ma: int = 0
    cycle_temperature_dc: int = 0
    cycle_recognition_bp: int = 0
    rounds: int = 0
    dealing_ms: int = 0

    reports: int = 0
    """Reports of telemetry. Each of the following is the sum over them."""
    operating_ms: int = 0
    energy_j: int = 0
    report_motor_ma: int = 0
    report_temperature_dc: int = 0
    report_vibration_um_s: int = 0
    report_roller_slip_bp: int = 0
    report_gripper_offset_um: int = 0
    report_elevator_offset_um: int = 0
    report_recognition_bp: int = 0
    report_supply_mv: int = 0

    jams: int = 0
    jams_recovered: int = 0
    """Of the jams, those that the device cleared by itself."""
    jam_ms: int = 0
    misreads: int = 0
    miscounts: int = 0

    faults: int = 0
    """Raised, failures among them."""
    failures: int = 0
    down_ms: int = 0
    """Out of service for faults that were cleared in it, and for maintenance that was no repair: a
    repair's time is in its fault's."""
    maintenances: int = 0

    door_openings: int = 0
    door_open_ms: int = 0
    connections: int = 0
    link_losses: int = 0
    link_down_ms: int = 0
    lost_events: int = 0
    """That devices say they could not keep."""
    firmware_changes: int = 0


class TableSums(Struct):
    """A table's gaming day: what was dealt between shuffles, by the day of the shuffle after."""

    shuffles: int = 0
    rounds: int = 0
    dealing_ms: int = 0


class FaultSums(Struct):
    """Faults of one code and part in a device's gaming day."""

    raised: int = 0
    failures: int = 0
    """Of those raised, the ones that took the device out of service."""
    down_ms: int = 0


def add_event(sums: Sums, data: object) -> None:
    """Add what an event says to the sums of its hour or gaming day, in place."""
    sums.events += 1
    add = _ADD.get(type(data))
    if add is not None:
        add(sums, data)


def add_shuffle(sums: TableSums, shuffle: ShuffleCompleted) -> None:
    """Add what was played before a shuffle to the sums of its table's day, in place."""
    sums.shuffles += 1
    sums.rounds += shuffle.rounds
    sums.dealing_ms += shuffle.dealing_ms


def add_fault(sums: FaultSums, fault: FaultRaised | FaultCleared) -> None:
    """Add a fault that was raised or cleared to the sums of its kind, in place."""
    if isinstance(fault, FaultRaised):
        sums.raised += 1
        sums.failures += fault.is_failure
    else:
        sums.down_ms += fault.down_ms


def merge[Added: Sums | TableSums | FaultSums](into: Added, other: Added) -> None:
    """Add one kind of sums to another of it, in place."""
    for name in into.__struct_fields__:
        setattr(into, name, getattr(into, name) + getattr(other, name))


def _shuffle(sums: Sums, data: ShuffleCompleted) -> None:
    sums.cycles += 1
    sums.cycle_ms += data.cycle_ms
    sums.cards += data.cards
    sums.card_retries += data.retries
    sums.cycle_motor_ma += data.motor_ma
    sums.cycle_motor_peak_ma += data.motor_peak_ma
    sums.cycle_temperature_dc += data.temperature_dc
    sums.cycle_recognition_bp += data.recognition_bp
    sums.rounds += data.rounds
    sums.dealing_ms += data.dealing_ms


def _telemetry(sums: Sums, data: TelemetryReported) -> None:
    sums.reports += 1
    sums.operating_ms += data.operating_ms
    sums.energy_j += data.energy_j
    sums.report_motor_ma += data.motor_ma
    sums.report_temperature_dc += data.temperature_dc
    sums.report_vibration_um_s += data.vibration_um_s
    sums.report_roller_slip_bp += data.roller_slip_bp
    sums.report_gripper_offset_um += data.gripper_offset_um
    sums.report_elevator_offset_um += data.elevator_offset_um
    sums.report_recognition_bp += data.recognition_bp
    sums.report_supply_mv += data.supply_mv


def _jam(sums: Sums, data: JamCleared) -> None:
    sums.jams += 1
    sums.jams_recovered += data.recovered
    sums.jam_ms += data.duration_ms


def _misread(sums: Sums, data: CardMisread) -> None:
    sums.misreads += 1


def _miscount(sums: Sums, data: CardsMiscounted) -> None:
    sums.miscounts += 1


def _raised(sums: Sums, data: FaultRaised) -> None:
    sums.faults += 1
    sums.failures += data.is_failure


def _cleared(sums: Sums, data: FaultCleared) -> None:
    sums.down_ms += data.down_ms


def _maintenance(sums: Sums, data: MaintenancePerformed) -> None:
    sums.maintenances += 1
    if not data.is_repair:
        sums.down_ms += data.down_ms


def _opened(sums: Sums, data: DoorOpened) -> None:
    sums.door_openings += 1


def _closed(sums: Sums, data: DoorClosed) -> None:
    sums.door_open_ms += data.duration_ms


def _restored(sums: Sums, data: LinkRestored) -> None:
    sums.link_losses += 1
    sums.link_down_ms += data.duration_ms
    sums.lost_events += data.lost


def _connected(sums: Sums, data: DeviceConnected) -> None:
    sums.connections += 1


def _changed(sums: Sums, data: FirmwareChanged) -> None:
    sums.firmware_changes += 1


def _unrecognised(sums: Sums, data: Unrecognised) -> None:
    sums.unrecognised += 1


_ADD: dict[type, Callable[[Sums, Any], None]] = {
    ShuffleCompleted: _shuffle,
    TelemetryReported: _telemetry,
    JamCleared: _jam,
    CardMisread: _misread,
    CardsMiscounted: _miscount,
    FaultRaised: _raised,
    FaultCleared: _cleared,
    MaintenancePerformed: _maintenance,
    DoorOpened: _opened,
    DoorClosed: _closed,
    LinkRestored: _restored,
    DeviceConnected: _connected,
    FirmwareChanged: _changed,
    Unrecognised: _unrecognised,
}

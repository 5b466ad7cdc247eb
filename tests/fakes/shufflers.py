"""Shufflers in memory: all that was ever kept is folded anew for every reading."""

from collections.abc import Sequence
from datetime import date

from pitboss.events.shuffler import Part
from pitboss.shufflers.state import (
    Changes,
    DayOf,
    Device,
    FaultKey,
    FaultState,
    OpenFault,
    Received,
    changes_of,
)
from pitboss.stores.shufflers import DeviceDays, FaultDay, Fold, KnownDevice, TableDay, Written


class MemoryShufflers:
    """As `pitboss.stores.shufflers.PostgresShufflers`."""

    def __init__(self, day_of: DayOf) -> None:
        self._day_of = day_of
        self.kept: dict[tuple[str, str, int, int], Received] = {}

    @property
    def changes(self) -> Changes:
        """What everything that is kept comes to."""
        return changes_of(self.kept.values(), self._day_of)

    def write(self, received: Sequence[Received], fold: Fold) -> Written:
        written = Written([], [], [])
        for one in received:
            known = self.kept.get(one.key)
            if known is None:
                self.kept[one.key] = one
                written.new.append(one)
            elif (known.event.event_id, known.event.data) == (one.event.event_id, one.event.data):
                written.duplicate.append(one)
            else:
                written.reused.append(one)
        fold(written.new)
        return written

    def devices(self, property_id: str, limit: int, after: str | None = None) -> list[KnownDevice]:
        changes = self.changes
        devices = sorted(device for device in changes.devices if device.property_id == property_id)
        return [
            _known(changes, device)
            for device in devices
            if after is None or device.asset_id > after
        ][:limit]

    def device(self, property_id: str, asset_id: str) -> KnownDevice | None:
        changes, device = self.changes, Device(property_id, asset_id)
        return _known(changes, device) if device in changes.devices else None

    def days(self, property_id: str, asset_id: str, first: date, last: date) -> DeviceDays:
        changes, device = self.changes, (property_id, asset_id)
        return DeviceDays(
            [
                (key[2], sums)
                for key, sums in sorted(changes.days.items(), key=lambda day: day[0])
                if key[:2] == device and first <= key[2] <= last
            ],
            [
                FaultDay(*key[2:], sums)
                for key, sums in sorted(changes.fault_days.items(), key=lambda day: day[0])
                if key[:2] == device and first <= key[2] <= last
            ],
        )

    def table_days(
        self, property_id: str, first: date, last: date, table_id: str | None = None
    ) -> list[TableDay]:
        return [
            TableDay(*key[1:], sums)
            for key, sums in sorted(self.changes.table_days.items(), key=lambda day: day[0])
            if key[0] == property_id
            and first <= key[2] <= last
            and (table_id is None or key[1] == table_id)
        ]


def _known(changes: Changes, device: Device) -> KnownDevice:
    found: list[tuple[FaultKey, FaultState]] = [
        (key, state) for key, state in changes.faults.items() if key[:2] == device and state.is_open
    ]
    faults = [
        OpenFault(key.code, Part(key.part), key.is_failure, state.raised[0])
        for key, state in found
        if state.raised is not None
    ]
    faults.sort(key=lambda one: (not one.is_failure, one.raised_at, one.code, one.part))
    return KnownDevice(device.asset_id, changes.devices[device], faults)

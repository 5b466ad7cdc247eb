"""The use case: every device's hours, and every table's measured paces, handed on."""

from collections.abc import Mapping
from typing import Protocol

from pitboss.shufflers.exports import DeviceHours, hours_name, pack
from pitboss.shufflers.maintenance import DAY_MS, Device


class Histories(Protocol):
    """What is known of devices; see `pitboss.stores.histories.SqlHistories`."""

    def devices(self) -> list[Device]: ...
    def hours(self, device: Device, since: int) -> DeviceHours | None: ...


class Runs(Protocol):
    """What runs work on; see `pitboss.stores.models.S3Models`."""

    def put_of_run(self, run: str, name: str, body: bytes) -> None: ...


class Measured(Protocol):
    """What was measured at tables; see `pitboss.stores.histories.SqlHistories`."""

    def paces(self) -> Mapping[str, Mapping[tuple[str, str], int]]: ...


class Paces(Protocol):
    """Where that is handed on; see `pitboss.stores.paces.S3Paces`."""

    def put(self, property_id: str, paces: Mapping[tuple[str, str], int]) -> None: ...


def export_paces(measured: Measured, paces: Paces) -> int:
    """Hand on what was measured at every property's tables, ever.

    Returns:
        Of how many tables' gaming days.
    """
    exported = 0
    for property_id, of_tables in measured.paces().items():
        paces.put(property_id, of_tables)
        exported += len(of_tables)
    return exported


def export(histories: Histories, runs: Runs, run: str, days: int, now: int) -> int:
    """Hand on the hours of all devices that said anything.

    Args:
        histories: what is known of devices.
        runs: where it is handed on.
        run: which run works on it.
        days: how far back.
        now: epoch ms.

    Returns:
        How many devices.
    """
    exported = 0
    for device in histories.devices():
        hours = histories.hours(device, now - days * DAY_MS)
        if hours is not None:
            runs.put_of_run(run, hours_name(device.property_id, device.asset_id), pack(hours))
            exported += 1
    return exported

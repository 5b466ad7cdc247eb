"""The use case: every device's hours, handed on."""

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

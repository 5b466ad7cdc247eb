"""What the rules look at of a shuffler, where no model serves: how long, and how far off."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pitboss.events.shuffler import Part
from pitboss.shufflers.exports import DeviceHours
from pitboss.shufflers.maintenance import DAY_MS, HOUR_MS, PartState

LATELY_HOURS = 72
"""What sensors show on average of; less is noise."""


class Limit(NamedTuple):
    """What a sensor of telemetry shows at most, or (`is_least`) at least, in its own unit."""

    name: str
    value: int
    scale: float
    """Of the unit that is said."""
    unit: str
    is_least: bool = False


LIMITS: Mapping[Part, tuple[str, Limit]] = {
    Part.ROLLERS: ("roller_slip_bp", Limit("roller slip", 250, 100, "%")),
    Part.GRIPPER: ("gripper_offset_um", Limit("gripper offset", 230, 1, "um")),
    Part.ELEVATOR: ("elevator_offset_um", Limit("elevator offset", 290, 1, "um")),
    Part.CAMERA: ("recognition_bp", Limit("card recognition", 9_650, 100, "%", is_least=True)),
}
"""Of the means of hours; examples, for the devices of the simulator. Wear of a motor shows in no
one sensor."""


def part_states(device: DeviceHours) -> Iterator[PartState]:
    """Every part of a device: since when it is in service, and what is beyond its limit."""
    now = (device.hours[-1] + 1) * HOUR_MS
    first = device.hours[0] * HOUR_MS
    mended = {part: at for at, part in device.maintenance}
    for part in Part:
        days = (now - mended.get(str(part), first)) / DAY_MS
        yield PartState(part, days, tuple(_beyond(device, part)))


def _beyond(device: DeviceHours, part: Part) -> Iterator[str]:
    if part not in LIMITS:
        return
    reading, limit = LIMITS[part]
    since = device.hours[-1] - LATELY_HOURS
    places = [place for place, hour in enumerate(device.hours) if hour > since]
    reports = sum(device.sums["reports"][place] for place in places)
    if not reports:
        return
    shown = sum(device.sums[f"report_{reading}"][place] for place in places) / reports
    is_beyond = shown < limit.value if limit.is_least else abs(shown) > limit.value
    if is_beyond:
        yield (
            f"{limit.name} at {shown / limit.scale:,.1f} {limit.unit}, "
            f"{limit.value / limit.scale:,.1f} {limit.unit} is the limit"
        )

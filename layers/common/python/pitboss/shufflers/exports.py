"""What the branch of the shufflers hands on from function to function, in the lake's bucket.

The database's functions have no numpy and the models' functions no database: together they are
larger than a function may be. So hours are written by the one and read by the other, an object a
device, and what the models say goes back the same way.
"""

import msgspec
import zstandard
from msgspec import Struct

from pitboss.events.shuffler import Part
from pitboss.shufflers.maintenance import Prospect

HOURS = "hours/"
"""Of a run: the devices' hours."""

ASSESSMENT = "assessment.msgpack.zst"
"""Of a run: what is to be expected of each device."""

_MAX_BYTES = 1 << 30


class DeviceHours(Struct, frozen=True):
    """A device's hours, and what happened to it. Moments are epoch ms, hours since 1970."""

    property_id: str
    asset_id: str
    hours: list[int]
    """In which it said anything, ascending; at least one."""
    sums: dict[str, list[int]]
    """Fields of `pitboss.shufflers.sums.Sums`, each as long as `hours`."""
    failures: list[tuple[int, str]]
    """When, and which part."""
    maintenance: list[tuple[int, str]]


class DeviceProspects(Struct, frozen=True):
    """What is to be expected of a device."""

    property_id: str
    asset_id: str
    prospects: list[Prospect]
    mended_at: dict[Part, int]
    """When a part was mended last; parts that never were are left out."""


class Assessment(Struct, frozen=True):
    """What is to be expected of all devices, and by whom."""

    model_version: str
    thresholds: dict[Part, float | None]
    devices: list[DeviceProspects]


def hours_name(property_id: str, asset_id: str) -> str:
    """What a device's hours are called among a run's objects."""
    return f"{HOURS}{property_id}/{asset_id}.msgpack.zst"


def pack(exported: DeviceHours | Assessment) -> bytes:
    """As they are kept."""
    return zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(exported))


def unpack[Kept: (DeviceHours, Assessment)](packed: bytes, kind: type[Kept]) -> Kept:
    """What was kept.

    Raises:
        ValueError: it is something else.
    """
    try:
        plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MAX_BYTES)
        return msgspec.msgpack.decode(plain, type=kind)
    except (zstandard.ZstdError, msgspec.MsgspecError) as fault:
        raise ValueError(f"this is no {kind.__name__}: {fault}") from fault

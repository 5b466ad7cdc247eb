"""The manifest of a refined partition: of what it is made, and what became of everything received.

It is written last, and says nothing that depends on when or where it was made: the same sources
give the same bytes.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
from msgspec import Struct

QUARANTINE_SPREAD_DAYS = 3
"""A quarantine object is filed under the UTC date on which its first entry arrived. Its others are
no further off than the stream remembers, two days, and a gaming day is a date's neighbour."""


class Partition(NamedTuple):
    """One property's gaming day (ISO date)."""

    property_id: str
    gaming_day: str


class Source(Struct, frozen=True, order=True):
    """An object a partition is made of."""

    key: str
    size: int
    """Bytes."""
    etag: str = ""
    """As S3 gives it; empty for quarantine, whose keys are made of the content."""


class Counts(Struct, frozen=True):
    """What became of archived events: archived = unique + duplicate + conflicting."""

    archived: int
    unique: int
    duplicate: int
    """Copies that say the same as the first."""
    conflicting: int
    """Copies that say something else: they are rows of the table `quarantine`."""


class TableFile(Struct, frozen=True):
    """One file of a table."""

    key: str
    rows: int
    size: int
    """Bytes."""
    sha256: str


class Manifest(Struct, frozen=True):
    """What `refined/manifests/...` holds."""

    property_id: str
    gaming_day: str
    events: Counts
    unreadable: int
    """Lines of raw objects that are no events; each is a row of the table `quarantine`."""
    quarantined: Mapping[str, int]
    """Rows of the table `quarantine`, by `<stage>/<reason>`."""
    event_types: Mapping[str, Counts]
    files: Mapping[str, list[TableFile]]
    """By table. A table without rows has no file."""
    raw: list[Source]
    quarantine: list[Source]
    version: int = 1
    newest_received_at: int | msgspec.UnsetType | None = msgspec.UNSET
    """When the newest of its events was received, epoch milliseconds. Those of games say it."""

    def to_json(self) -> bytes:
        """As it is written."""
        return msgspec.json.format(msgspec.json.encode(self, order="deterministic")) + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> "Manifest":
        """Read back.

        Raises:
            msgspec.MsgspecError: it is none.
        """
        return msgspec.json.decode(content, type=cls)


class QuarantineObject(NamedTuple):
    """What the key of an object in quarantine says: `pitboss.stores.quarantine` makes it."""

    stage: str
    property_id: str
    filed: date

    @property
    def gaming_days(self) -> list[str]:
        """The gaming days that its entries may have arrived on."""
        spread = range(-QUARANTINE_SPREAD_DAYS, QUARANTINE_SPREAD_DAYS + 1)
        return [(self.filed + timedelta(days)).isoformat() for days in spread]


def read_quarantine_key(key: str) -> QuarantineObject | None:
    """What a key says; None where it is no object of entries.

    >>> read_quarantine_key("quarantine/rate_players/north/gw-1/2020-06-15/c0ffee.ndjson").filed
    datetime.date(2020, 6, 15)
    """
    try:
        _, stage, property_id, _, filed, _ = key.split("/")
        return QuarantineObject(stage, property_id, date.fromisoformat(filed))
    except ValueError:
        return None

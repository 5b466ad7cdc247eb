"""What loads of refined partitions took, against what there is now: their audit, their freshness.

A partition's manifest names every raw object that it was made of, and every file that was made. So
a load can be repeated (the same objects give the same bytes), resumed (what is not named is made
anew from all there is) and audited: whatever is not as it is named is told.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from pitboss.lake import layout
from pitboss.lake.manifest import Manifest, Source

DAYS_LOOKED_AT = 8
"""Gaming days before today that freshness is found from: an event that is later still than that is
refined as any other, and does not count there."""


class FileState(StrEnum):
    """How a file is against what a manifest says of it."""

    AS_NAMED = "as named"
    NEW = "new"
    """It is not named: a raw object waits for a load; a table's file is of one that broke off."""
    CHANGED = "changed"
    GONE = "gone"


class Listed(Protocol):
    """An object, and when it was written; see `pitboss.stores.refinery.Listed`."""

    @property
    def source(self) -> Source: ...
    @property
    def written(self) -> datetime: ...


class Lake(Protocol):
    """The lake's bucket."""

    def listed(self, prefix: str, after: str = "") -> Iterator[Listed]: ...
    def get(self, key: str) -> bytes: ...


class Freshness(Struct, frozen=True):
    """How far a property's events of games are: epoch milliseconds, None where there are none."""

    property_id: str
    as_of: int
    newest_raw_at: int | None
    """When the newest raw object was written."""
    newest_refined_at: int | None
    """When the newest event of the refined table was received."""
    waiting: int
    """Raw objects that no load has taken yet."""
    waiting_since: int | None
    """When the oldest of these was written: all before is refined."""


def compare[Print](named: Mapping[str, Print], there: Mapping[str, Print]) -> dict[str, FileState]:
    """The state of each file, by its key, in their order.

    Args:
        named: what a manifest says of each, such as its size.
        there: the same of those there are.

    >>> compare({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 9, "d": 4}) == {
    ...     "a": "as named", "b": "changed", "c": "gone", "d": "new"
    ... }
    True
    """

    def state(key: str) -> FileState:
        if key not in there:
            return FileState.GONE
        if key not in named:
            return FileState.NEW
        return FileState.AS_NAMED if named[key] == there[key] else FileState.CHANGED

    return {key: state(key) for key in sorted(named.keys() | there.keys())}


def raw_states(manifest: Manifest | None, there: Iterable[Source]) -> dict[str, FileState]:
    """The states of a partition's raw objects; without a manifest all are new."""
    named = manifest.raw if manifest else []
    return compare(
        {one.key: (one.size, one.etag) for one in named},
        {one.key: (one.size, one.etag) for one in there},
    )


def freshness(property_id: str, lake: Lake, now: int) -> Freshness:
    """How fresh raw and refined events of a property's games are.

    Args:
        property_id: whose.
        lake: where they are.
        now: epoch milliseconds.
    """
    today = datetime.fromtimestamp(now / 1_000, UTC).date()
    first = (today - timedelta(DAYS_LOOKED_AT)).isoformat()
    manifests = {}
    prefix = f"{layout.GAME_MANIFESTS}property_id={property_id}/"
    before = layout.manifest_key(property_id, first, layout.GAME).removesuffix(".json")
    for found in lake.listed(prefix, after=before):
        named = layout.read_manifest_key(found.source.key)
        if named is not None:
            manifests[named[1]] = Manifest.from_json(lake.get(found.source.key))
    taken = {day: set(manifest.raw) for day, manifest in manifests.items()}
    written, waiting = [], []
    prefix = layout.raw_prefix(property_id, "", layout.GAME).removesuffix("day=/")
    for found in lake.listed(prefix, after=layout.raw_prefix(property_id, first, layout.GAME)):
        raw = layout.read_raw_key(found.source.key)
        if raw is None:
            continue
        at = int(found.written.timestamp() * 1_000)
        written.append(at)
        if found.source not in taken.get(raw.day, ()):
            waiting.append(at)
    newest = [
        manifest.newest_received_at
        for manifest in manifests.values()
        if isinstance(manifest.newest_received_at, int)
    ]
    return Freshness(
        property_id,
        now,
        max(written, default=None),
        max(newest, default=None),
        len(waiting),
        min(waiting, default=None),
    )

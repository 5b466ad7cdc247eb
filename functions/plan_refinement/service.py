"""Which partitions are not made of what there is, or were not reconciled since they were made.

Only slot events are reconciled.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol

from pitboss.events.quarantined import QuarantineEntry
from pitboss.gaming_day import GamingDays
from pitboss.lake import layout
from pitboss.lake.manifest import Manifest, Partition, Source, read_quarantine_key
from pitboss.lake.rated import SUMMARIES, summary_key
from pitboss.stores.refinery import Listed

MAX_PARTITIONS = 500
"""Of one run: a state machine remembers 25,000 events, and a partition makes 27 without retries."""

LONGEST_RUN = timedelta(hours=1)
"""A manifest this much younger than a source was made when the source was there: it need not be
read. A younger source may have come after its run had looked."""

SETTLED_MS = 30 * 60_000
"""After its end a gaming day is at rest: what was on its way is archived and rated."""


class Lake(Protocol):
    """The lake's bucket."""

    def listed(self, prefix: str) -> Iterator[Listed]: ...
    def get(self, key: str) -> bytes: ...


class Quarantine(Protocol):
    """What was set aside."""

    def objects(self, prefix: str) -> Iterator[tuple[str, int, datetime]]: ...
    def read(self, key: str) -> list[QuarantineEntry]: ...


class Wanted(NamedTuple):
    """What was asked for of a family of events; None is any."""

    property_id: str | None = None
    gaming_day: str | None = None
    all: bool = False
    """Also partitions that are as they should be."""
    ended: bool = False
    """Only gaming days that have ended."""
    family: str = layout.SLOT
    first_day: str = ""
    """Days before it are left alone: what was made of them is gone, or about to be. One that is
    asked for by name is made anew all the same."""

    def includes(self, partition: Partition) -> bool:
        """Whether this partition was asked for."""
        if self.gaming_day is None:
            is_wanted = partition.gaming_day >= self.first_day
        else:
            is_wanted = partition.gaming_day == self.gaming_day
        return is_wanted and self.property_id in (None, partition.property_id)


class Plan(NamedTuple):
    """What to refine."""

    partitions: list[Partition]
    """The newest days first."""
    left: int
    """How many more there are, for another run."""
    current: int
    """How many of those asked for are as they should be."""


class _Found(NamedTuple):
    raw: list[Source]
    quarantine: list[Source]
    youngest: list[datetime]


def has_ended(partition: Partition, days: GamingDays, now: int) -> bool:
    """Whether a gaming day is over and at rest; `now` is epoch milliseconds."""
    rule, day = days.rule_of(partition.property_id), date.fromisoformat(partition.gaming_day)
    return rule.bounds_of(day)[1] + SETTLED_MS <= now


def plan(
    wanted: Wanted,
    lake: Lake,
    quarantine: Quarantine,
    days: GamingDays,
    now: int,
    limit: int = MAX_PARTITIONS,
) -> Plan:
    """The partitions to refine.

    Args:
        wanted: what was asked for.
        lake: where raw objects and manifests are.
        quarantine: what was set aside.
        days: the properties' gaming days.
        now: epoch milliseconds.
        limit: how many at most.
    """
    is_slot = wanted.family == layout.SLOT
    prefix = layout.MANIFESTS_OF[wanted.family]
    manifests = {one.source.key: one.written for one in lake.listed(prefix)}
    summaries = {one.source.key: one.written for one in lake.listed(SUMMARIES)} if is_slot else {}
    found: dict[Partition, _Found] = {}

    def add(partition: Partition, written: datetime) -> _Found:
        sources = found.setdefault(partition, _Found([], [], []))
        sources.youngest[:] = [max([written, *sources.youngest])]
        return sources

    for raw in _raw(wanted, lake):
        named = layout.read_raw_key(raw.source.key)
        if named is not None and wanted.includes(
            partition := Partition(named.property_id, named.day)
        ):
            add(partition, raw.written).raw.append(raw.source)
    for key, size, written in quarantine.objects("") if is_slot else ():
        aside = read_quarantine_key(key)
        if aside is None or wanted.property_id not in (None, aside.property_id):
            continue
        possible = [Partition(aside.property_id, day) for day in aside.gaming_days]
        if all(_is_older(written, p, manifests) for p in possible) and not wanted.all:
            continue
        day_of = days.day_of(aside.property_id)
        arrived = {day_of(one.received_at) for one in quarantine.read(key)}
        for partition in (Partition(aside.property_id, day) for day in arrived):
            if wanted.includes(partition):
                add(partition, written).quarantine.append(Source(key, size))
    ended = {partition for partition in found if has_ended(partition, days, now)}
    if wanted.ended:
        found = {partition: found[partition] for partition in found if partition in ended}
    stale = [
        partition
        for partition, sources in found.items()
        if wanted.all
        or not _is_current(partition, sources, manifests, lake, wanted.family)
        or (is_slot and partition in ended and not _is_reconciled(partition, manifests, summaries))
    ]
    stale.sort(key=lambda partition: partition.property_id)
    stale.sort(key=lambda partition: partition.gaming_day, reverse=True)
    return Plan(stale[:limit], len(stale[limit:]), len(found) - len(stale))


def _raw(wanted: Wanted, lake: Lake) -> Iterator[Listed]:
    if wanted.property_id is None:
        return lake.listed(f"{layout.RAW}{wanted.family}/")
    if wanted.gaming_day is None:
        return lake.listed(f"{layout.RAW}{wanted.family}/property={wanted.property_id}/")
    return lake.listed(layout.raw_prefix(wanted.property_id, wanted.gaming_day, wanted.family))


def _is_older(
    written: datetime,
    partition: Partition,
    manifests: dict[str, datetime],
    family: str = layout.SLOT,
) -> bool:
    """Whether a source was there long before the partition's manifest."""
    manifest = manifests.get(layout.manifest_key(*partition, family))
    return manifest is not None and written < manifest - LONGEST_RUN


def _is_current(
    partition: Partition,
    sources: _Found,
    manifests: dict[str, datetime],
    lake: Lake,
    family: str,
) -> bool:
    if all(_is_older(written, partition, manifests, family) for written in sources.youngest):
        return True
    key = layout.manifest_key(*partition, family)
    if key not in manifests:
        return False
    manifest = Manifest.from_json(lake.get(key))
    # What lies in quarantine for long was not read again: it is in the manifest, or was not there.
    return sorted(manifest.raw) == sorted(sources.raw) and set(sources.quarantine) <= set(
        manifest.quarantine
    )


def _is_reconciled(
    partition: Partition, manifests: dict[str, datetime], summaries: dict[str, datetime]
) -> bool:
    """Whether the run that refined it last also came to its end."""
    summary = summaries.get(summary_key(*partition))
    return summary is not None and summary >= manifests[layout.manifest_key(*partition)]

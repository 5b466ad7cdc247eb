"""Refining one partition: sources in, tables and their manifest out.

Each family of events has partitions, and manifests, of its own.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import msgspec

from pitboss.errors import TerminalError
from pitboss.events.quarantined import QuarantineEntry
from pitboss.lake import layout
from pitboss.lake.manifest import Manifest, Partition, Source, TableFile, read_quarantine_key
from pitboss.lake.tables import Family
from pitboss.stores.refinery import Listed
from refine_events import engine, statements
from refine_events.engine import QuarantineRow, RawFile, Refined

DOWNLOADS_AT_ONCE = 8

DISK_A_RAW_BYTE = 5
"""The raw objects themselves, the staged lines, which take two to three times as much, and the
tables."""


class Lake(Protocol):
    """The lake's bucket."""

    def listed(self, prefix: str) -> Iterator[Listed]: ...
    def get(self, key: str) -> bytes: ...
    def find(self, key: str) -> tuple[bytes, str] | None: ...
    def upload(self, path: Path, key: str) -> None: ...
    def delete(self, key: str) -> None: ...
    def replace(self, key: str, body: bytes, etag: str | None) -> None: ...


class Quarantine(Protocol):
    """What was set aside."""

    def stages(self) -> list[str]: ...
    def objects(self, prefix: str) -> Iterator[tuple[str, int, object]]: ...
    def read(self, key: str) -> list[QuarantineEntry]: ...


class RawObjectsGone(TerminalError):
    """Raw objects that a refined partition was made of are there no more."""

    def __init__(self, partition: Partition, count: int, first: str) -> None:
        super().__init__(
            f"{count} raw objects that {partition.property_id} {partition.gaming_day} was refined "
            f"from are gone, {first} for one: refining it anew would lose their events. Where that "
            "is meant, delete its manifest first."
        )


class PartitionTooLarge(TerminalError):
    """The disk would not hold what refining takes."""

    def __init__(self, partition: Partition, needed: int, room: int) -> None:
        super().__init__(
            f"{partition.property_id} {partition.gaming_day} takes {needed // 10**6:,} MB of disk "
            f"to refine and there are {room // 10**6:,}: give the function more"
        )


def refine_partition(
    partition: Partition,
    lake: Lake,
    quarantine: Quarantine,
    day_of: Callable[[int], str],
    folder: Path,
    file_bytes: int,
    room: int,
    family: str = layout.SLOT,
) -> Manifest:
    """Make a partition anew from all of its sources and swap it in.

    Each file is written in one piece. What a former run wrote and this one did not is deleted after
    that, and the manifest comes last: until then the old one names what there was, and a run that
    was broken off is found by it and made good by the next.

    Args:
        partition: which one.
        lake: where its sources are and its tables go.
        quarantine: what was set aside.
        day_of: the property's gaming day of a moment, epoch milliseconds.
        folder: an empty one.
        file_bytes: a table's file is cut where it is larger.
        room: how many bytes the folder can take.
        family: of which events it is; only those of slots have entries in quarantine.

    Raises:
        PartitionTooLarge: there is not as much room as it takes.
        RawObjectsGone: it was refined from objects that are there no more.
        RefinedMeanwhile: another run of this partition was first; refine again.
        UnreadableArchive: a raw object cannot be read.
    """
    events = statements.EVENTS[family]
    manifest_key = layout.manifest_key(*partition, family)
    before = lake.find(manifest_key)
    sources = [one.source for one in lake.listed(layout.raw_prefix(*partition, family))]
    if before is not None:
        _must_be_there(partition, Manifest.from_json(before[0]), sources)
    needed = DISK_A_RAW_BYTE * sum(source.size for source in sources)
    if needed > room:
        raise PartitionTooLarge(partition, needed, room)
    aside, entries = (
        _set_aside(partition, quarantine, day_of) if family == layout.SLOT else ([], [])
    )
    refined = engine.refine(
        _downloaded(lake, sources, folder), entries, folder, events, file_bytes=file_bytes
    )
    files = _files(partition, refined)
    for table, written in files.items():
        for part, file in zip(refined.tables[table], written, strict=True):
            lake.upload(part.path, file.key)
    _delete_others(
        partition, events.family, lake, {file.key for part in files.values() for file in part}
    )
    manifest = Manifest(
        *partition,
        events=engine.total(refined.event_types),
        unreadable=refined.unreadable,
        quarantined=refined.quarantined,
        event_types=refined.event_types,
        files=files,
        raw=sorted(sources),
        quarantine=sorted(aside),
        newest_received_at=(msgspec.UNSET if family == layout.SLOT else refined.newest_received_at),
    )
    lake.replace(manifest_key, manifest.to_json(), before[1] if before else None)
    return manifest


def _must_be_there(partition: Partition, before: Manifest, sources: list[Source]) -> None:
    gone = sorted({one.key for one in before.raw} - {one.key for one in sources})
    if gone:
        raise RawObjectsGone(partition, len(gone), gone[0])


def _set_aside(
    partition: Partition, quarantine: Quarantine, day_of: Callable[[int], str]
) -> tuple[list[Source], list[QuarantineRow]]:
    """The objects in quarantine with entries that arrived on the gaming day, and those entries."""
    sources, rows = [], []
    for stage in quarantine.stages():
        for key, size, _ in quarantine.objects(f"{stage}/{partition.property_id}/"):
            named = read_quarantine_key(key)
            if named is None or partition.gaming_day not in named.gaming_days:
                continue
            entries = [
                entry
                for entry in quarantine.read(key)
                if day_of(entry.received_at) == partition.gaming_day
            ]
            if entries:
                sources.append(Source(key, size))
            rows += [
                QuarantineRow(
                    entry.reason,
                    entry.detail,
                    entry.stage,
                    entry.sender,
                    entry.received_at,
                    entry.index,
                )
                for entry in entries
            ]
    return sources, rows


def _downloaded(lake: Lake, sources: list[Source], folder: Path) -> list[RawFile]:
    """The raw objects on disk."""

    def download(numbered: tuple[int, Source]) -> RawFile:
        number, source = numbered
        path = folder / f"{number}.ndjson.zst"
        path.write_bytes(lake.get(source.key))
        return RawFile(source.key, path)

    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        return list(pool.map(download, enumerate(sources)))


def _files(partition: Partition, refined: Refined) -> dict[str, list[TableFile]]:
    """Where each file goes: beside the key of the table's one file, where there are several."""
    return {
        table: [
            TableFile(
                layout.table_key(table, *partition).removesuffix(f"{table}.parquet")
                + part.path.name,
                part.rows,
                part.path.stat().st_size,
                part.sha256,
            )
            for part in parts
        ]
        for table, parts in refined.tables.items()
    }


def _delete_others(partition: Partition, family: Family, lake: Lake, written: set[str]) -> None:
    """Take away what a former run wrote and this one did not."""
    for table in (*family.events, family.quarantine):
        folder = layout.table_key(table.name, *partition).rpartition("/")[0]
        for found in list(lake.listed(f"{folder}/")):
            if found.source.key not in written:
                lake.delete(found.source.key)

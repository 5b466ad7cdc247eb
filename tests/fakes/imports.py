"""Imported files in memory: the drop folder, the files that were taken in, and the partitions."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from pitboss.events.quarantined import QuarantineEntry
from pitboss.imports.sources import SourceName
from pitboss.rating.tables import TableDay
from pitboss.stores.imports import Drop, KeptFile

type _Place = tuple[SourceName, str]


class MemoryImports:
    """Every port of `import_files` but the quarantine."""

    def __init__(self) -> None:
        self.dropped: dict[str, bytes] = {}
        self.files: dict[_Place, dict[str, tuple[KeptFile, bytes]]] = {}
        self.partitions: dict[tuple[str, str, str], bytes] = {}
        self.table_days: dict[tuple[str, str], dict[str, TableDay]] = {}
        """By property and gaming day."""
        self.paces: dict[tuple[str, str], int] = {}
        """What was measured at tables, by table and gaming day; of every property."""
        self.disputed = 0
        """How many more times another writer is at the same day at tables."""
        self.written: list[str] = []
        """The gaming days written, in order."""
        self.on_write: Callable[[], None] = lambda: None
        """What happens elsewhere before a partition is written."""

    def of(self, property_id: str) -> Mapping[tuple[str, str], int]:
        return self.paces

    def fetch(self, drop: Drop, path: Path) -> None:
        path.write_bytes(self.dropped[drop.key])

    def mapping(self, drop: Drop) -> str | None:
        found = [self.dropped[key] for key in drop.mapping_keys if key in self.dropped]
        return found[0].decode() if found else None

    def kept(self, source: SourceName, property_id: str) -> list[KeptFile]:
        files = [file for file, _ in self.files.get((source, property_id), {}).values()]
        return sorted(files, key=lambda file: (file.received_at, file.sha256))

    def keep(self, source: SourceName, property_id: str, file: KeptFile, path: Path) -> None:
        place = self.files.setdefault((source, property_id), {})
        place[file.sha256] = (file, path.read_bytes())

    def read(self, source: SourceName, property_id: str, file: KeptFile, path: Path) -> None:
        with path.open("wb") as out:
            shutil.copyfileobj(BytesIO(self.files[source, property_id][file.sha256][1]), out)

    def put_partition(self, table: str, property_id: str, day: str, path: Path | None) -> None:
        self.on_write()
        self.written.append(day)
        if path is None:
            self.partitions.pop((table, property_id, day), None)
        else:
            self.partitions[table, property_id, day] = path.read_bytes()

    def replace_table_day(
        self, property_id: str, day: str, players: Mapping[str, TableDay]
    ) -> bool:
        if self.disputed:
            self.disputed -= 1
            return False
        self.table_days[property_id, day] = dict(players)
        return True


class MemoryQuarantine:
    """A quarantine in memory."""

    def __init__(self) -> None:
        self.entries: list[QuarantineEntry] = []

    def put(self, entries: Sequence[QuarantineEntry]) -> str:
        self.entries += entries
        return "key"

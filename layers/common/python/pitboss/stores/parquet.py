"""Tables of the lake as Parquet files, read and written by DuckDB on this machine's disk."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Protocol, Self

import duckdb

from pitboss.lake.layout import REFINED, table_key
from pitboss.lake.tables import Table

ROWS_A_GROUP = 122_880
"""Of a Parquet file's row groups: fixed, so that the same rows are the same bytes."""

_ROWS_AT_ONCE = 10_000


class Objects(Protocol):
    """Keeps objects; see `pitboss.stores.lake.S3Lake`."""

    def put(self, key: str, body: bytes) -> None: ...
    def get(self, key: str) -> bytes: ...
    def objects(self, prefix: str) -> Iterator[tuple[str, int, datetime]]: ...


class ParquetLake:
    """The tables of one property; a context, because it works on files of its own."""

    def __init__(self, objects: Objects, property_id: str, memory_megabytes: int) -> None:
        """DuckDB takes so much memory at most, and the disk beyond."""
        self._objects = objects
        self._property_id = property_id
        self._folder = TemporaryDirectory(prefix="pitboss-")
        self._here = Path(self._folder.name)
        # One thread: what it writes does not depend on how many there are.
        self._duckdb = duckdb.connect(
            config={
                "threads": 1,
                "memory_limit": f"{memory_megabytes}MB",
                "temp_directory": str(self._here / "spilled"),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        )
        self._numbers = count()
        self._files: dict[str, list[Path]] = {}
        """Those fetched already, by the folder they lie in."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._duckdb.close()
        self._folder.cleanup()

    def days(self, table: Table) -> list[str]:
        """The gaming days that a table has a partition of, the earliest first."""
        prefix = f"{REFINED}{table.name}/property_id={self._property_id}/gaming_day="
        found = (key.removeprefix(prefix) for key, _, _ in self._objects.objects(prefix))
        return sorted({rest.partition("/")[0] for rest in found})

    def table(self, table: Table, days: Iterable[str]) -> str:
        """A table's rows of these gaming days as SQL has them after FROM; days that there are not
        have none.
        """
        paths = [path for day in days for path in self._parts(table, day)]
        if not paths:
            nothing = ", ".join(f'CAST(NULL AS {c.kind}) AS "{c.name}"' for c in table.columns)
            return f"(SELECT {nothing} WHERE false)"
        files = ", ".join(f"'{path}'" for path in paths)
        return f"read_parquet([{files}], union_by_name = true)"

    def _parts(self, table: Table, day: str) -> list[Path]:
        """The files of a partition: one, or several where it is large."""
        folder = table_key(table.name, self._property_id, day).removesuffix(f"{table.name}.parquet")
        if folder not in self._files:
            paths = []
            for key, _, _ in self._objects.objects(folder):
                paths.append(self._here / f"{next(self._numbers)}.parquet")
                paths[-1].write_bytes(self._objects.get(key))
            self._files[folder] = paths
        return self._files[folder]

    def rows(self, select: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, whose order is its own."""
        cursor = self._duckdb.cursor()
        cursor.execute(select)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield from rows

    def write(self, table: Table, day: str, rows: Iterable[Sequence[object]]) -> int:
        """Replace a table's partition by rows, in their order; its size in bytes.

        The same rows are the same bytes.
        """
        source, target = self._here / "rows.csv", self._here / "rows.parquet"
        with source.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        columns = ", ".join(f"'{c.name}': '{c.kind}'" for c in table.columns)
        self._duckdb.execute(
            f"COPY (SELECT * FROM read_csv('{source}', columns = {{{columns}}}, header = false, "
            "auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
            "new_line = '\\r\\n', max_line_size = 1000000)) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_A_GROUP})"
        )
        body = target.read_bytes()
        key = table_key(table.name, self._property_id, day)
        self._objects.put(key, body)
        self._files.pop(key.rpartition("/")[0] + "/", None)
        return len(body)

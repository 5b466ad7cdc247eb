"""From raw objects on disk to Parquet files on disk, by DuckDB, within bounded memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import file_digest
from math import ceil
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import duckdb
import msgspec
import zstandard
from msgspec import Meta, Struct

from pitboss.errors import TerminalError
from pitboss.lake.layout import GAME, SLOT
from pitboss.lake.manifest import Counts
from refine_events import statements
from refine_events.statements import Events

STAGE = "refine_events"

MEMORY_MEGABYTES = 900
"""DuckDB's; what it cannot hold it puts on disk. The process takes about a third more."""

THREADS = 2
"""No output depends on it."""


class UnreadableArchive(TerminalError):
    """A raw object that cannot be read at all, or lines that look right and cannot be read."""

    def __init__(self, what: str, fault: object) -> None:
        super().__init__(f"{what} cannot be read: {fault}")


class RawFile(NamedTuple):
    """A raw object on disk."""

    key: str
    path: Path


class QuarantineRow(Struct, frozen=True):
    """A row of a table of what was set aside."""

    reason: str
    detail: str
    stage: str
    sender: str | None
    received_at: int | None
    index: int


class Part(NamedTuple):
    """A file of a table."""

    path: Path
    rows: int
    sha256: str


class Refined(NamedTuple):
    """A partition on disk, and what became of every line."""

    tables: dict[str, list[Part]]
    """The files of each table that has rows."""
    event_types: dict[str, Counts]
    unreadable: int
    quarantined: dict[str, int]
    """Rows of the table of what was set aside, by `<stage>/<reason>`."""
    newest_received_at: int | None
    """Of the unique events, epoch milliseconds; None where there are none."""


type _Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class _Event(Struct, gc=False):
    event_id: str
    event_type: str
    asset_id: str
    occurred_at: _Integer
    sequence: _Integer
    schema_version: _Integer = 1
    player_id: str | None = None


class _GameEvent(Struct, gc=False):
    event_id: str
    event_type: str
    event_version: str
    application_id: str
    occurred_at: _Integer
    is_trusted: bool
    app_version: str = ""
    player_id: str | None = None
    level_id: str | None = None
    position_x: float | None = None
    position_y: float | None = None


class _Line[Event](Struct, gc=False):
    """What has to be in a line, or nothing can be made of it."""

    received_at: _Integer
    sender: str
    record: str
    index: _Integer
    event: Event


_LINES: Mapping[str, msgspec.json.Decoder[Any]] = {
    SLOT: msgspec.json.Decoder(_Line[_Event]),
    GAME: msgspec.json.Decoder(_Line[_GameEvent]),
}
"""By family."""


def refine(
    raw: Sequence[RawFile],
    set_aside: Sequence[QuarantineRow],
    folder: Path,
    events: Events = statements.SLOT_EVENTS,
    *,
    file_bytes: int,
    memory_megabytes: int = MEMORY_MEGABYTES,
    threads: int = THREADS,
) -> Refined:
    """Each event once, by tables.

    Args:
        raw: the raw objects of one partition; in any order.
        set_aside: what the quarantine has of it.
        folder: an empty one, for the database, what does not fit into memory, and the result.
        events: which they are.
        file_bytes: a table that is larger is cut into several files of about this size.
        memory_megabytes: what the database may take.
        threads: how many it runs.

    Raises:
        UnreadableArchive: a raw object is no zstd, or DuckDB cannot read what looks right.
    """
    result = folder / "refined"
    result.mkdir()
    with _database(folder, memory_megabytes, threads) as database:
        unreadable = _stage(database, events, raw, folder)
        database.execute(statements.keep_first(events))
        database.execute(statements.contested(events))
        database.execute(statements.conflicting(events, STAGE, reason="id_reuse"))
        counts = {
            event_type: Counts(archived, unique, archived - unique - (others or 0), others or 0)
            for event_type, archived, unique, others in _rows(database, statements.BY_TYPE)
        }
        ((newest,),) = _rows(database, statements.NEWEST)
        # From here on order is what is wanted.
        database.execute("SET preserve_insertion_order = true")
        written: dict[str, list[Part]] = {}
        for table in events.family.events:
            path = result / f"{table.name}.parquet"
            select = statements.rows(events, table)
            written[table.name] = _written(database, select, path, file_bytes)
        lines = folder / "quarantined.ndjson"
        lines.write_bytes(msgspec.json.Encoder().encode_lines([*set_aside, *unreadable]))
        quarantined = {
            f"{stage}/{reason}": count
            for stage, reason, count in _rows(
                database,
                "SELECT stage, reason, count(*) "
                f"FROM ({statements.quarantined(lines)}) GROUP BY ALL ORDER BY ALL",
            )
        }
        name = events.family.quarantine.name
        path = result / f"{name}.parquet"
        written[name] = _written(database, statements.quarantined(lines), path, file_bytes)
    found = {name: parts for name, parts in written.items() if parts}
    return Refined(found, counts, len(unreadable), quarantined, newest)


@contextmanager
def _database(
    folder: Path, memory_megabytes: int, threads: int
) -> Iterator[duckdb.DuckDBPyConnection]:
    # On disk: its pages are compressed there, seven times, while temporary ones would not be.
    connection = duckdb.connect(
        folder / "staged.duckdb",
        config={
            "threads": threads,
            "memory_limit": f"{memory_megabytes}MB",
            "temp_directory": str(folder / "spilled"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        connection.execute("SET enable_progress_bar = false")  # it would be drawn into the logs
        yield connection
    finally:
        connection.close()


def _stage(
    database: duckdb.DuckDBPyConnection, events: Events, raw: Sequence[RawFile], folder: Path
) -> list[QuarantineRow]:
    """Every line as a row of `staged`; the lines that are none."""
    paths = [file.path for file in raw]
    if not paths:
        empty = folder / "nothing.ndjson"
        empty.touch()
        paths = [empty]
    if _staged(database, events, paths) is None:
        return []
    # Once in years, so that it may take its time: see for each line whether it can be read.
    unreadable: list[QuarantineRow] = []
    decode = _LINES[events.family.name].decode
    sifted = []
    for number, file in enumerate(raw):
        path = folder / f"sifted-{number}.ndjson"
        with path.open("wb") as kept:
            for index, line in enumerate(_lines(file)):
                try:
                    decode(line)
                    kept.write(line + b"\n")
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
                    unreadable.append(
                        QuarantineRow(
                            reason="unreadable_line",
                            detail=f"{file.key}, line {index + 1}: {fault}"[
                                : statements.MAX_DETAIL
                            ],
                            stage=STAGE,
                            sender=None,
                            received_at=None,
                            index=index,
                        )
                    )
        sifted.append(path)
    still = _staged(database, events, sifted)
    if still is not None:
        raise UnreadableArchive("what was archived", still)
    for path in sifted:
        path.unlink()
    return unreadable


def _staged(
    database: duckdb.DuckDBPyConnection, events: Events, paths: Sequence[Path]
) -> object | None:
    """Read these files; what is wrong with them, if anything."""
    try:
        database.execute(statements.stage(events, paths))
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as fault:
        return fault
    ((incomplete,),) = _rows(database, statements.incomplete(events))
    return f"{incomplete} lines lack what every event has" if incomplete else None


def _rows(database: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    return database.execute(statement).fetchall()


def _lines(file: RawFile) -> Iterator[bytes]:
    """The lines of a raw object."""
    rest = b""
    try:
        with file.path.open("rb") as compressed:
            reader = zstandard.ZstdDecompressor().stream_reader(compressed, read_across_frames=True)
            while piece := reader.read(1 << 20):
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
    except zstandard.ZstdError as fault:
        raise UnreadableArchive(file.key, fault) from fault
    if rest:
        yield rest


def _written(
    database: duckdb.DuckDBPyConnection, select: str, path: Path, file_bytes: int
) -> list[Part]:
    """The rows of a statement as files, if there are any."""
    ((rows,),) = _rows(database, statements.write(select, path))
    if not rows:
        path.unlink(missing_ok=True)
        return []
    size = path.stat().st_size
    if size <= file_bytes:
        return [_part(path, rows)]
    each = ceil(rows / ceil(size / file_bytes))
    parts = []
    for number, first in enumerate(range(0, rows, each), 1):
        part = path.with_stem(f"{path.stem}-{number:03}")
        database.execute(statements.write(statements.part(path, first, each), part))
        parts.append(_part(part, min(each, rows - first)))
    path.unlink()
    return parts


def _part(path: Path, rows: int) -> Part:
    with path.open("rb") as file:
        return Part(path, rows, file_digest(file, "sha256").hexdigest())


def total(counts: Mapping[str, Counts]) -> Counts:
    """Of all event types."""
    return Counts(
        sum(one.archived for one in counts.values()),
        sum(one.unique for one in counts.values()),
        sum(one.duplicate for one in counts.values()),
        sum(one.conflicting for one in counts.values()),
    )

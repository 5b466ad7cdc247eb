"""The use case: keep a batch of stream records as few objects, each once."""

from binascii import a2b_base64
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import msgspec
import zstandard
from msgspec import Struct

from pitboss.errors import BrokenReleaseError
from pitboss.events.delivered import KNOWN_GAME, KNOWN_POSTED, KNOWN_SLOT
from pitboss.lake.layout import GAME, SLOT, RawObject, RecordRange, unreadable_key
from pitboss.lake.raw import Lines, read_line, write_game_lines, write_lines

COMPRESSION_LEVEL = 9
"""Of zstd. Measured (`python -m benchmarks lake_raw`): a tenth of the JSON received; 6 takes two
thirds of the CPU for a tenth more bytes, 12 twice the CPU for a twenty-fifth less."""

MAX_OPEN = 8
"""Objects that are compressed at a time, 10.5 MB each at that level. A batch of more days than this
starts another frame of an object that it comes back to."""


class Lake(Protocol):
    """Keeps objects; see `pitboss.stores.lake.S3Lake`."""

    def put(self, key: str, body: bytes) -> None: ...


class DeliveredRecord(NamedTuple):
    """A record of the stream as it was delivered."""

    sequence_number: str
    data: str
    """In base64."""
    arrived_at: int
    """Epoch milliseconds."""


class UnreadableLine(Struct, frozen=True):
    """A record that could not be read, in an object under `raw/unreadable/`."""

    record: str
    """Its sequence number."""
    arrived_at: int
    """Epoch milliseconds."""
    detail: str
    data: str
    """The record in base64, as it was delivered."""


class Outcome(Struct):
    """What was kept."""

    records: int = 0
    unreadable: int = 0
    """Records that are kept as they are."""
    events: int = 0
    bytes_received: int = 0
    """Of the events as they were posted."""
    bytes_stored: int = 0
    objects: int = 0


class ArchiveEvents:
    """Writes batches of records into the lake."""

    def __init__(
        self,
        lake: Lake,
        day_of_property: Callable[[str], Callable[[int], str]],
        max_open: int = MAX_OPEN,
        game_stream: str = "",
    ) -> None:
        """
        Args:
            lake: where objects go.
            day_of_property: the gaming day (ISO date) of a moment in epoch ms, at a property.
            max_open: how many objects are compressed at a time.
            game_stream: the stream whose records are of games; those of any other are of slots.
        """
        self._lake = lake
        self._game_stream = game_stream
        self._day_of_property = day_of_property
        self._max_open = max_open

    def __call__(self, stream: str, shard: str, records: Sequence[DeliveredRecord]) -> Outcome:
        """Keep a batch of one shard's records.

        Raises:
            BrokenReleaseError: a record that is known to be good cannot be read.
        """
        batch = RecordRange(stream, shard, records[0].sequence_number, records[-1].sequence_number)
        outcome = Outcome(records=len(records))
        objects = _Objects(self._max_open)
        for record in records:
            try:
                lines, keys = self._read(record, batch)
            except MemoryError:
                raise
            except Exception as fault:  # noqa: BLE001 - whatever poison or a bug raises
                _check_reading(fault, is_game=stream == self._game_stream)
                outcome.unreadable += 1
                objects.add(*_unreadable(record, batch, fault))
                continue
            outcome.events += len(lines.lines)
            outcome.bytes_received += lines.received_bytes
            for key, (_, line) in zip(keys, lines.lines, strict=True):
                objects.add(key, line)
        for key, body in objects.close():
            self._lake.put(key, body)
            outcome.objects += 1
            outcome.bytes_stored += len(body)
        return outcome

    def _read(self, record: DeliveredRecord, batch: RecordRange) -> tuple[Lines, list[str]]:
        """A record's lines, and the key of the object that each belongs to."""
        data = a2b_base64(record.data, strict_mode=True)
        is_game = batch.stream == self._game_stream
        family, write = (GAME, write_game_lines) if is_game else (SLOT, write_lines)
        lines = write(data, record.sequence_number)
        property_id = lines.header.property_id
        day_of = self._day_of_property(property_id)
        days = [day_of(occurred_at) for occurred_at, _ in lines.lines]
        key_of = {
            day: RawObject(family, property_id, day, batch).key for day in dict.fromkeys(days)
        }
        return lines, [key_of[day] for day in days]


class _Objects:
    """Objects in the making: what is held is compressed."""

    def __init__(self, max_open: int) -> None:
        self._max_open = max_open
        self._frames: dict[str, list[bytes]] = {}
        self._open: OrderedDict[str, zstandard.ZstdCompressionObj] = OrderedDict()

    def add(self, key: str, line: bytes) -> None:
        """Add a line to the object of this key."""
        frame = self._open.get(key)
        if frame is None:
            if len(self._open) >= self._max_open:
                self._end(next(iter(self._open)))
            frame = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compressobj()
            self._open[key] = frame
            self._frames.setdefault(key, [])
        else:
            self._open.move_to_end(key)
        compressed = frame.compress(line)
        if compressed:
            self._frames[key].append(compressed)

    def close(self) -> list[tuple[str, bytes]]:
        """Every object: its key and its bytes."""
        while self._open:
            self._end(next(iter(self._open)))
        return [(key, b"".join(frames)) for key, frames in self._frames.items()]

    def _end(self, key: str) -> None:
        self._frames[key].append(self._open.pop(key).flush())


def _unreadable(record: DeliveredRecord, batch: RecordRange, fault: Exception) -> tuple[str, bytes]:
    """Where a record is kept that cannot be read, and its line."""
    date = datetime.fromtimestamp(record.arrived_at / 1000, UTC).date().isoformat()
    detail = f"{type(fault).__name__}: {fault}"[:500]
    line = UnreadableLine(record.sequence_number, record.arrived_at, detail, record.data)
    return unreadable_key(date, batch), msgspec.json.encode(line) + b"\n"


def _check_reading(fault: Exception, *, is_game: bool) -> None:
    """Before a record is blamed for a fault, read one of its kind that is known to be good."""
    write, known = (write_game_lines, KNOWN_GAME) if is_game else (write_lines, KNOWN_SLOT)
    try:
        ((_, line),) = write(known.pack(), "0").lines
        posted = read_line(line).posted
    except Exception:  # noqa: BLE001 - as above
        posted = b""
    if posted != KNOWN_POSTED:
        raise BrokenReleaseError("a known record cannot be read") from fault

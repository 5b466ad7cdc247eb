"""The record of the stream: one asset's events of one posted batch, as received and normalised.

Layout, version 2 (all integers big-endian)::

    2 bytes  "PB"
    1 byte   version, 2
    4 bytes  length of the first part
    ...      first part, zstd: msgpack [bytes, ...], each event as received
    ...      second part, zstd: msgpack [header, [event, ...], count, [event, ...]]

In both parts the events that rating looks at come first, each kind of them in the order in which
they were received. Four in five events are others: rating skips them unread and takes their count.

Both parts are compressed with a dictionary of their own, trained on simulated floors: records are
small (a gateway that posts every second sends two or three events of a machine), and it is what
events have in common, not what they repeat within a record, that makes them small.

A consumer of normalised events skips the first part unread; the archive keeps it as it is. Both
parts are one batch, so that what was received can always be held against what was made of it.

A record of the game stream is laid out the same way: its asset is an application, its events are
all in the first list.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import zstandard
from msgspec import Struct

from pitboss.events.slot import RATED_TYPES, MeteredEvent, SlotEvent
from pitboss.games.events import GameEvent

MAGIC = b"PB"
VERSION = 2
MAX_UNPACKED_BYTES = 16 * 1024 * 1024
"""More than any batch the front door lets in can unpack to."""

DICTIONARIES = Path(__file__).parent / "dictionaries"
"""Made by `scripts/train-dictionaries`; part of the record's version."""

_PREFIX = struct.Struct(">2sBI")
_COMPRESSION_LEVEL = 3


class BatchHeader(Struct, array_like=True, frozen=True, gc=False):
    """What all events of a record share. `received_at` is epoch milliseconds at the front door."""

    property_id: str
    asset_id: str
    received_at: int
    sender: str
    format: str
    request: bytes = b""
    """The request that it came by, as `pitboss.traces` packs it; empty where there was none."""


class UnreadableRecord(ValueError):
    """A stream record that is none of ours, of a version not known, or damaged."""


class SlotBatch(NamedTuple):
    """What rating reads of a record."""

    header: BatchHeader
    events: list[SlotEvent]
    """The events that rating looks at."""
    others: int = 0
    """How many other events the record has."""


_encoder = msgspec.msgpack.Encoder()
_slot_decoder = msgspec.msgpack.Decoder(tuple[BatchHeader, list[SlotEvent], int, msgspec.Raw])
_received_decoder = msgspec.msgpack.Decoder(list[bytes])
_metered_decoder = msgspec.msgpack.Decoder(
    tuple[BatchHeader, list[MeteredEvent], int, list[MeteredEvent]]
)
_game_decoder = msgspec.msgpack.Decoder(tuple[BatchHeader, list[GameEvent], int, msgspec.Raw])


class _Part:
    """One part's compression, with its dictionary."""

    def __init__(self, name: str) -> None:
        content = (DICTIONARIES / f"{name}.v{VERSION}").read_bytes()
        dictionary = zstandard.ZstdCompressionDict(content)
        dictionary.precompute_compress(level=_COMPRESSION_LEVEL)
        self.compress = zstandard.ZstdCompressor(dict_data=dictionary).compress
        self._decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)

    def decompress(self, part: bytes | memoryview) -> bytes:
        try:
            # A frame that says its size is unpacked whole, whatever the limit given to it.
            if zstandard.frame_content_size(part) > MAX_UNPACKED_BYTES:
                raise UnreadableRecord(f"a part of the record unpacks to over {MAX_UNPACKED_BYTES}")
            return self._decompressor.decompress(part, max_output_size=MAX_UNPACKED_BYTES)
        except zstandard.ZstdError as fault:
            raise UnreadableRecord(f"a part of the record is no zstd: {fault}") from None


_received = _Part("received")
_normalised = _Part("normalised")


def lay_out(
    header: BatchHeader, raw: Sequence[bytes], events: Sequence[MeteredEvent]
) -> tuple[bytes, bytes]:
    """The two parts of a record, not compressed yet."""
    order = sorted(range(len(events)), key=lambda i: type(events[i].data) not in RATED_TYPES)
    arranged = [events[i] for i in order]
    rated = sum(type(event.data) in RATED_TYPES for event in events)
    second = header, arranged[:rated], len(events) - rated, arranged[rated:]
    return _encoder.encode([raw[i] for i in order]), _encoder.encode(second)


def pack(header: BatchHeader, raw: Sequence[bytes], events: Sequence[MeteredEvent]) -> bytes:
    """One stream record of an asset's events and the bytes they were received as."""
    return _record(*lay_out(header, raw, events))


def pack_games(header: BatchHeader, raw: Sequence[bytes], events: Sequence[GameEvent]) -> bytes:
    """One stream record of an application's events and the bytes they were received as."""
    return _record(_encoder.encode(list(raw)), _encoder.encode((header, events, 0, ())))


def _record(first: bytes, second: bytes) -> bytes:
    received, normalised = _received.compress(first), _normalised.compress(second)
    return _PREFIX.pack(MAGIC, VERSION, len(received)) + received + normalised


def unpack(record: bytes) -> SlotBatch:
    """What rating reads of a record: not the first part, no meters, no other event.

    Raises:
        UnreadableRecord: the record cannot be read.
    """
    header, events, others, _ = _second_part(record, _slot_decoder)
    return SlotBatch(header, events, others)


def unpack_metered(record: bytes) -> tuple[BatchHeader, list[MeteredEvent]]:
    """All of a record's normalised events, with the meters beside them."""
    header, rated, _, others = _second_part(record, _metered_decoder)
    return header, rated + others


def unpack_games(record: bytes) -> tuple[BatchHeader, list[GameEvent]]:
    """The events of a record of the game stream.

    Raises:
        UnreadableRecord: the record cannot be read, or is of slots.
    """
    header, events, _, _ = _second_part(record, _game_decoder)
    return header, events


def unpack_received(record: bytes) -> list[bytes]:
    """A record's events as they were received, in the order of the events made of them."""
    end = _first_part_end(record)
    try:
        return _received_decoder.decode(_received.decompress(record[_PREFIX.size : end]))
    except msgspec.MsgspecError as fault:
        raise UnreadableRecord(f"what was received cannot be read: {fault}") from None


def _first_part_end(record: bytes) -> int:
    if len(record) < _PREFIX.size:
        raise UnreadableRecord(f"a record of {len(record)} bytes is too short")
    magic, version, length = _PREFIX.unpack_from(record)
    if magic != MAGIC:
        raise UnreadableRecord(f"a record starts with {MAGIC!r}, not {magic!r}")
    if version != VERSION:
        raise UnreadableRecord(f"version {version} of the record is not known, {VERSION} is")
    return _PREFIX.size + int(length)


def _second_part[T](record: bytes, decoder: msgspec.msgpack.Decoder[T]) -> T:
    part = _normalised.decompress(memoryview(record)[_first_part_end(record) :])
    try:
        return decoder.decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise UnreadableRecord(f"the record's events cannot be read: {fault}") from None

"""The lines of raw objects: each is one event, as an envelope and as it was received.

A line is JSON that every reader reads alike (`received` where what was posted is not `event` to the
byte)::

    {"received_at": 1592204401955, "sender": "gw-1", "format": "acres-sas",
     "record": "4959...", "index": 3, "event": {...}, "received": {...}}

`event` is a posted envelope byte for byte, its padding zeros and unknown fields with it, or else
the normalised event: an envelope that `pitboss.events.envelope.read_envelope` reads, in which a
field that has its default is left out. (A packet of a type not known is no envelope: it has its own
name for `event_type`, and `schema_version` 0.)

`received` is what was posted as it came, or as one JSON string where it is not for every reader to
take: it has line breaks, nests deep, or holds what only a lenient reader takes for JSON. What is no
text at all is in `received_base64` instead. The front door does not look into what it does not
need, so any of that can be posted; one such event must not make a whole object unreadable.

In a line of a game's event `event` is always the normalised one (`event_id, event_type,
event_version, property_id, application_id, occurred_at`, and what it has of `app_version,
player_id, level_id, position_x, position_y, is_trusted, data`), and `received` what was posted,
whatever the envelope: one reader for all of them.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from pitboss.events.batch import (
    BatchHeader,
    UnreadableRecord,
    unpack_games,
    unpack_metered,
    unpack_received,
)
from pitboss.events.envelope import SCHEMA_VERSION, event_type_of, object_form
from pitboss.events.slot import MeteredEvent, Meters, SlotData, Unrecognised
from pitboss.games.events import GameEvent

ENVELOPES = "pitboss"
"""The format whose events are posted as envelopes."""

MAX_BRACKETS = 100
"""In what is written as JSON; it nests no deeper. DuckDB reads 128 levels."""


class RawLine(Struct, frozen=True):
    """A line, read back."""

    received_at: int
    """Epoch milliseconds at the front door."""
    sender: str
    format: str
    record: str
    """The sequence number of its stream record."""
    index: int
    """Its place in that record."""
    event: msgspec.Raw
    received: msgspec.Raw = msgspec.Raw(b"")
    received_base64: str = ""

    @property
    def posted(self) -> bytes:
        """The event's bytes as they were received."""
        if self.received_base64:
            return b64decode(self.received_base64)
        received = bytes(self.received)
        if received.startswith(b'"'):
            return str(msgspec.json.decode(received)).encode()
        return received or bytes(self.event)


class Lines(NamedTuple):
    """A stream record as lines."""

    header: BatchHeader
    lines: list[tuple[int, bytes]]
    """Of each event when it occurred, epoch ms by its device's clock, and its line."""
    received_bytes: int
    """Of all events as they were received."""


class _Event(Struct, frozen=True, gc=False, omit_defaults=True):
    """A normalised event as an envelope."""

    event_id: str
    event_type: str
    property_id: str
    asset_id: str
    occurred_at: int
    sequence: int
    data: Any
    schema_version: int = SCHEMA_VERSION
    player_id: str | None = None
    meters: Any = None


class _GameEvent(Struct, frozen=True, gc=False, omit_defaults=True):
    """A normalised event of a game."""

    event_id: str
    event_type: str
    event_version: str
    property_id: str
    application_id: str
    occurred_at: int
    is_trusted: bool
    app_version: str = ""
    player_id: str | None = None
    level_id: str | None = None
    position_x: float | None = None
    position_y: float | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


def _form(packed: type[Struct]) -> type[Struct]:
    form = object_form(packed)
    return msgspec.defstruct(
        packed.__name__, [], bases=(form,), frozen=True, gc=False, omit_defaults=True
    )


_FORMS: Mapping[type[Struct], tuple[str, type[Struct]]] = {
    packed: (event_type_of(packed), _form(packed))
    for packed in get_args(SlotData.__value__)
    if packed is not Unrecognised
}
_METERS = _form(Meters)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_line_decoder = msgspec.json.Decoder(RawLine)


def write_lines(record: bytes, sequence_number: str) -> Lines:
    """Every event of a stream record as a line, each with its line feed.

    Raises:
        UnreadableRecord: the record cannot be read, or its two parts are not of the same events.
    """
    header, events = unpack_metered(record)
    received = _received_of(record, len(events))
    start = _start(header, sequence_number)
    has_envelopes = header.format == ENVELOPES
    lines = []
    for index, (event, raw) in enumerate(zip(events, received, strict=True)):
        is_json = _is_json(raw)
        if has_envelopes and is_json and not _has_repeated_names(raw):
            end = raw
        else:
            end = b"%b,%b" % (envelope_of(header, event), _received(raw, is_json=is_json))
        lines.append((event.occurred_at, b'%b%d,"event":%b}\n' % (start, index, end)))
    return Lines(header, lines, sum(map(len, received)))


def write_game_lines(record: bytes, sequence_number: str) -> Lines:
    """The same of a record of the game stream.

    Raises:
        UnreadableRecord: the record cannot be read, or its two parts are not of the same events.
    """
    header, events = unpack_games(record)
    received = _received_of(record, len(events))
    start = _start(header, sequence_number)
    lines = []
    for index, (event, raw) in enumerate(zip(events, received, strict=True)):
        end = b"%b,%b" % (_game_envelope(header, event), _received(raw, is_json=_is_json(raw)))
        lines.append((event.occurred_at, b'%b%d,"event":%b}\n' % (start, index, end)))
    return Lines(header, lines, sum(map(len, received)))


def _received_of(record: bytes, events: int) -> list[bytes]:
    received = unpack_received(record)
    if len(received) != events:
        raise UnreadableRecord(f"{len(received)} events were received and {events} made")
    return received


def _start(header: BatchHeader, sequence_number: str) -> bytes:
    """What all lines of a record begin with."""
    return b'{"received_at":%d,"sender":%b,"format":%b,"record":%b,"index":' % (
        header.received_at,
        _encode(header.sender),
        _encode(header.format),
        _encode(sequence_number),
    )


def _game_envelope(header: BatchHeader, event: GameEvent) -> bytes:
    return _encode(
        _GameEvent(
            event.event_id,
            event.event_type,
            event.event_version,
            header.property_id,
            header.asset_id,
            event.occurred_at,
            event.is_trusted,
            event.app_version,
            event.player_id,
            event.level_id,
            event.x,
            event.y,
            msgspec.Raw(event.data),
        )
    )


def read_line(line: bytes) -> RawLine:
    """What a line says.

    Raises:
        msgspec.DecodeError: it is no line of a raw object.
    """
    return _line_decoder.decode(line)


def envelope_of(header: BatchHeader, event: MeteredEvent) -> bytes:
    """A normalised event as an envelope in JSON, without what has its default."""
    data = event.data
    form: Any
    if type(data) is Unrecognised:
        event_type, version, form = data.event_type, data.schema_version, {}
    else:
        event_type, form_of = _FORMS[type(data)]
        version, form = SCHEMA_VERSION, form_of(*astuple(data))
    return _encode(
        _Event(
            event.event_id,
            event_type,
            header.property_id,
            header.asset_id,
            event.occurred_at,
            event.sequence,
            form,
            version,
            event.player_id,
            None if event.meters is None else _METERS(*astuple(event.meters)),
        )
    )


def _received(raw: bytes, *, is_json: bool) -> bytes:
    """The field that keeps what was posted."""
    if is_json:
        return b'"received":%b' % raw
    try:
        return b'"received":%b' % _encode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return b'"received_base64":"%b"' % b64encode(raw)


def _is_json(raw: bytes) -> bool:
    """Whether this is one line of JSON, an object, that a strict reader takes."""
    if raw[:1] != b"{" or raw[-1:] != b"}" or b"\n" in raw or b"\r" in raw:
        return False
    if raw.count(b"{") + raw.count(b"[") > MAX_BRACKETS:
        return False
    try:
        _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _has_repeated_names(raw: bytes) -> bool:
    """Whether an object has a name twice: readers differ in which of them they take."""
    value = _decode(raw)
    try:
        if _encode(value) == raw:  # nothing was lost, so that nothing was there twice
            return False
    except OverflowError:  # an integer of more than 64 bits
        pass
    try:
        json.loads(raw, object_pairs_hook=_unrepeated)
    except _RepeatedNameError:
        return True
    return False


class _RepeatedNameError(Exception):
    pass


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedNameError
    return found

"""A game's event as the stream carries it, and the two envelopes that studios post it in.

Both are decoded strictly (an integer is no `"12"`, no `1.0`, no `true`). Fields that an envelope
does not know are what the event says: they are kept to the byte, as the JSON object `data`.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from pitboss.events.envelope import EpochMs, EventId, Identifier, InvalidEvent

LANES = 16
"""Partition keys of an application; a client's events are all in one of them, in order.

A key is on one shard, which takes 1 MiB/s: about 10,000 game events a second. Sixteen let one
application fill sixteen shards. More would cut a server's post of 500 events into records of fewer
than 30 events each, and a record is paid for as 25 KB however small it is.
"""

MAX_LEVEL_CHARACTERS = 64
"""Of the id of a level."""

MAX_DEPTH = 32
"""Levels that `data` nests; a reader of the lake takes 128, an envelope's own among them."""

_FIRST_NO_SECONDS = 4_102_444_800
"""Seconds from 1970 to 2100. What is less is in seconds, all else in milliseconds: as milliseconds
it would be of the first seven weeks of 1970."""

_VERSION = r"^[A-Za-z0-9_.:+-]+$(?!\n)"

type _Version = (
    Annotated[int, Meta(ge=0, lt=2**31)]
    | Annotated[str, Meta(min_length=1, max_length=32, pattern=_VERSION)]
)
type _Place = Annotated[float, Meta(ge=-1e9, le=1e9)]
type _Level = Annotated[str, Meta(min_length=1, max_length=MAX_LEVEL_CHARACTERS)]


class GameEvent(Struct, array_like=True, frozen=True, gc=False):
    """One event of a game. Whose it is, property and application, is in the record's header."""

    event_id: str
    occurred_at: int
    """Epoch milliseconds by the sender's clock."""
    event_type: str
    event_version: str
    app_version: str
    player_id: str | None
    """The client; None where the sender names none."""
    level_id: str | None
    x: float | None
    """Where in the level, in its own units."""
    y: float | None
    data: bytes
    """The other fields: a JSON object. (As `msgspec.Raw` it would be taken for msgpack.)"""
    is_trusted: bool
    """Whether a server said it; a client can say anything."""

    @property
    def told_by(self) -> str:
        """Whose its id is: empty of a server's, whose ids are the application's; of a client's the
        client, who chooses ids as they like. By an id of somebody else's a client takes nothing
        from them.
        """
        return "" if self.is_trusted else self.player_id or ""


class ReadGameEvent(NamedTuple):
    """An event and the application that it says it is of."""

    application_id: str
    event: GameEvent


class StudioEnvelope(Struct, frozen=True, gc=False):
    """One event as `POST /v1/game-events` takes it. Other fields are what the event says."""

    event_version: _Version
    event_id: EventId
    event_timestamp: EpochMs
    """Epoch milliseconds."""
    event_type: Identifier
    app_name: Identifier
    """The application's id."""
    client_id: Identifier
    app_version: Annotated[str, Meta(max_length=64)] = ""
    level_id: _Level | None = None
    position_x: _Place | None = None
    position_y: _Place | None = None


class AnalyticsEnvelope(Struct, frozen=True, gc=False):
    """One event of the AWS game analytics guidance: the application is in the route.

    Source: https://docs.aws.amazon.com/solutions/latest/game-analytics-pipeline/ (event schema)
    """

    event_id: EventId
    event_type: Identifier
    event_timestamp: EpochMs
    """Epoch seconds there; milliseconds are known from them by their size."""
    event_version: _Version = ""
    event_name: Annotated[str, Meta(max_length=256)] | None = None
    app_version: Annotated[str, Meta(max_length=64)] = ""
    event_data: dict[str, msgspec.Raw] = {}


_decode_studio = msgspec.json.Decoder(StudioEnvelope).decode
_decode_analytics = msgspec.json.Decoder(AnalyticsEnvelope).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_BLANKS = bytes.maketrans(b"\r\n", b"  ")
_STUDIO_FIELDS = StudioEnvelope.__struct_fields__


def read_studio(raw: bytes | msgspec.Raw, *, is_trusted: bool) -> ReadGameEvent:
    """An event in the studios' envelope.

    Raises:
        InvalidEvent: with the reason `malformed_json`, `invalid_envelope` or `invalid_data`.
    """
    try:
        envelope = _decode_studio(raw)
        fields = _decode_fields(raw)
    except msgspec.ValidationError as fault:
        raise InvalidEvent("invalid_envelope", str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidEvent("malformed_json", str(fault)) from None
    for name in _STUDIO_FIELDS:
        fields.pop(name, None)
    event = GameEvent(
        envelope.event_id,
        envelope.event_timestamp,
        envelope.event_type,
        str(envelope.event_version),
        envelope.app_version,
        envelope.client_id,
        envelope.level_id,
        envelope.position_x,
        envelope.position_y,
        object_of(fields),
        is_trusted,
    )
    return ReadGameEvent(envelope.app_name, event)


def read_analytics(
    raw: bytes | msgspec.Raw, player_id: str | None, *, is_trusted: bool
) -> GameEvent:
    """An event in the envelope of the AWS game analytics guidance.

    Args:
        raw: the event.
        player_id: whose it is: the envelope has no field for it.
        is_trusted: whether a server says it.

    Raises:
        InvalidEvent: as of `read_studio`.
    """
    try:
        envelope = _decode_analytics(raw)
    except msgspec.ValidationError as fault:
        raise InvalidEvent("invalid_envelope", str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidEvent("malformed_json", str(fault)) from None
    fields = dict(envelope.event_data)
    if envelope.event_name is not None:
        fields.setdefault("event_name", msgspec.Raw(_encode(envelope.event_name)))
    return GameEvent(
        envelope.event_id,
        milliseconds(envelope.event_timestamp),
        envelope.event_type,
        str(envelope.event_version),
        envelope.app_version,
        player_id,
        None,
        None,
        None,
        object_of(fields),
        is_trusted,
    )


def milliseconds(moment: int) -> int:
    """A moment in epoch milliseconds that may be in seconds.

    >>> milliseconds(1_592_277_300), milliseconds(1_592_277_300_123)
    (1592277300000, 1592277300123)
    """
    return moment * 1_000 if moment < _FIRST_NO_SECONDS else moment


def object_of(fields: Mapping[str, msgspec.Raw]) -> bytes:
    """These fields as one JSON object that every reader takes.

    Raises:
        InvalidEvent: `malformed_json` or `invalid_data`.
    """
    if not fields:
        return b"{}"
    try:
        data = _encode(fields)
        content = _decode(data)  # raw fields are cut out unread: one may be no text at all
    except msgspec.ValidationError as fault:  # a number that is too large
        raise InvalidEvent("invalid_data", str(fault)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidEvent("malformed_json", str(fault)) from None
    brackets = data.count(b"{") + data.count(b"[")
    if brackets > MAX_DEPTH and _depth(content) > MAX_DEPTH:
        raise InvalidEvent("invalid_data", f"it nests deeper than {MAX_DEPTH} levels")
    # A line of the lake is one event; in JSON a line break is never more than a blank.
    return data.translate(_BLANKS)


def _depth(content: Any) -> int:  # noqa: ANN401 - what JSON can say
    level = [content]
    depth = 0
    while level:
        level = [
            inner
            for one in level
            for inner in (
                one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
            )
        ]
        depth += 1
    return depth


def derived_id(application_id: str, content: bytes, position: int) -> str:
    """The id of an event that has none: of what it says and where it stands in its post, so that
    the same post sent again has the same ids.

    >>> derived_id("chase", b"{}", 0) == derived_id("chase", b"{}", 1)
    False
    """
    said = b"%b\0%d\0%b" % (application_id.encode(), position, content)
    return sha256(said).hexdigest()[:32]


def lane_of(whose: str) -> int:
    """The lane of a client's events, all of them; those of nobody are spread by their ids."""
    return int.from_bytes(sha256(whose.encode()).digest()[:2]) % LANES


def partition_key(property_id: str, application_id: str, event: GameEvent) -> str:
    """What keeps a client's events in order."""
    return f"{property_id}/{application_id}/{lane_of(event.player_id or event.event_id)}"


def lane_of_key(key: str) -> int:
    """The lane that a partition key names; of a key that is none of ours the first.

    >>> lane_of_key("P1/space-race/7")
    7
    """
    lane = key.rpartition("/")[2]
    return int(lane) % LANES if lane.isdecimal() else 0

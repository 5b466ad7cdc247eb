"""The envelope that gateways and other producers post: one JSON object an event.

The envelope is decoded strictly (an integer is no `"12"`, no `1.0`, no `true`), its `data` by the
schema of its type and version. Types and versions that are not known are kept as `Unrecognised`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import astuple

from pitboss.events import slot

SCHEMA_VERSION = 1
"""The version of every event type so far."""

# Not even a newline may follow: the ids become keys.
_IDENTIFIER = r"^[A-Za-z0-9_.:-]+$(?!\n)"
_EVENT_TYPE = r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$(?!\n)"

type EventId = Annotated[str, Meta(min_length=1, max_length=64)]
type Identifier = Annotated[str, Meta(min_length=1, max_length=64, pattern=_IDENTIFIER)]
type EventType = Annotated[str, Meta(max_length=64, pattern=_EVENT_TYPE)]
type EpochMs = Annotated[int, Meta(ge=0, lt=4_102_444_800_000)]
"""Milliseconds from 1970 to 2100: every one of them has a gaming day."""


class Envelope(Struct, frozen=True, gc=False):
    """One event as it is posted. Unknown fields are allowed and stay in the bytes as received."""

    event_id: EventId
    event_type: EventType
    property_id: Identifier
    asset_id: Identifier
    occurred_at: EpochMs
    sequence: Annotated[int, Meta(ge=0, lt=2**53)]
    schema_version: Annotated[int, Meta(ge=1, le=10_000)] = SCHEMA_VERSION
    player_id: Identifier | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")
    meters: msgspec.Raw = msgspec.Raw(b"null")


class InvalidEvent(ValueError):
    """An event that cannot be accepted: a reason code and what exactly is wrong."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


def is_identifier(text: str) -> bool:
    """Whether a text can be the id of a property, an asset or a player."""
    return len(text) <= 64 and re.search(_IDENTIFIER, text) is not None


def object_form(packed: type[Struct]) -> type[Struct]:
    """The JSON object form of a packed (array-like) schema class: the same fields, by name."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(packed):
        if field.required:
            fields.append((field.name, field.type))
        else:
            fields.append((field.name, field.type, field.default))
    return msgspec.defstruct(packed.__name__, fields, frozen=True, gc=False)


def event_type_of(packed: type[Struct]) -> str:
    """The `event_type` a schema class stands for."""
    return str(packed.__struct_config__.tag)


SCHEMAS: Mapping[tuple[str, int], type[Struct]] = {
    (event_type_of(packed), SCHEMA_VERSION): packed
    for packed in get_args(slot.SlotData.__value__)
    if packed is not slot.Unrecognised
}
"""Every event type and version that can be posted, with its schema."""

_ENVELOPE = msgspec.json.Decoder(Envelope)
_DATA = {key: msgspec.json.Decoder(object_form(packed)) for key, packed in SCHEMAS.items()}
_METERS = msgspec.json.Decoder(object_form(slot.Meters) | None)
_NO_METERS = msgspec.Raw(b"null")


def read_envelope(raw: bytes | msgspec.Raw) -> tuple[Envelope, slot.MeteredEvent]:
    """One posted event: its envelope, and the event as the stream carries it.

    Raises:
        InvalidEvent: with the reason `malformed_json`, `invalid_envelope`, `invalid_data` or
            `missing_player`.
    """
    try:
        envelope = _ENVELOPE.decode(raw)
    except msgspec.ValidationError as fault:
        raise InvalidEvent("invalid_envelope", str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidEvent("malformed_json", str(fault)) from None
    key = (envelope.event_type, envelope.schema_version)
    decoder = _DATA.get(key)
    meters = None
    data: Any
    try:
        if decoder is None:
            data = slot.Unrecognised(envelope.event_type, envelope.schema_version)
        else:
            data = SCHEMAS[key](*astuple(decoder.decode(envelope.data)))
        if envelope.meters != _NO_METERS:
            shown = _METERS.decode(envelope.meters)
            meters = None if shown is None else slot.Meters(*astuple(shown))
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise InvalidEvent("invalid_data", f"{envelope.event_type}: {fault}") from None
    if type(data) in slot.PLAYER_REQUIRED and envelope.player_id is None:
        raise InvalidEvent("missing_player", f"{envelope.event_type} without a player_id")
    return envelope, slot.MeteredEvent(
        envelope.event_id,
        envelope.occurred_at,
        envelope.sequence,
        envelope.player_id,
        data,
        meters,
    )

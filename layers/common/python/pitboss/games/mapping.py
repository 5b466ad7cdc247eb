"""Payloads of games that know no envelope: which of their fields is what.

A small game posts what it has, `{"PlayerID": 7, "Time Played": 61, "Wins": 3}`. A mapping, one of
an application, names the field for each of ours; every field that it does not name is what the
event says, under its own name or a new one.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from pitboss.events.envelope import EpochMs, Identifier, InvalidEvent
from pitboss.games.events import GameEvent, derived_id, milliseconds, object_of

type Field = Annotated[str, Meta(min_length=1, max_length=128)]
"""The name of a field of the payload, at its top level."""


class Mapping(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How payloads of an application are read."""

    event_type: Identifier
    """Of all its payloads."""
    event_version: Annotated[str, Meta(min_length=1, max_length=32)] = "1"
    player_id: Field | None = None
    event_id: Field | None = None
    """Without it the id is derived of the payload's content and of its place in the post: the same
    post sent again is a duplicate. A game that can mean the same payload twice needs an id, or a
    field that counts on."""
    occurred_at: Field | None = None
    """Epoch seconds or milliseconds; without it an event occurs when it is received."""
    app_version: Field | None = None
    level_id: Field | None = None
    x: Field | None = None
    y: Field | None = None
    rename: dict[Field, Field] = {}
    """Names of other fields, by those that they have in the payload."""

    @property
    def fields(self) -> dict[str, str]:
        """The payload's fields that are no data, by ours."""
        ours = ("player_id", "event_id", "occurred_at", "app_version", "level_id", "x", "y")
        named = ((name, getattr(self, name)) for name in ours)
        return {name: field for name, field in named if field is not None}


class FaultyMapping(ValueError):
    """A mapping that gives two things one name."""


def check_mapping(mapping: Mapping) -> None:
    """Whether every field of a payload has one place.

    Raises:
        FaultyMapping: one has two.
    """
    taken: dict[str, str] = {}
    for ours, field in mapping.fields.items():
        if field in taken:
            raise FaultyMapping(f"{field!r} is {taken[field]} and {ours}: it can be one of them")
        taken[field] = ours
    for field in mapping.rename:
        if field in taken:
            raise FaultyMapping(f"{field!r} is {taken[field]} and renamed: it can be one of them")
    names = list(mapping.rename.values())
    if repeated := [name for name in names if names.count(name) > 1]:
        raise FaultyMapping(f"two fields are renamed to {repeated[0]!r}")


class _Envelope(Struct, frozen=True, gc=False):
    """What a mapping found, held to the same rules as an envelope's fields."""

    event_id: Annotated[str, Meta(min_length=1, max_length=64)]
    occurred_at: EpochMs
    player_id: Identifier | None = None
    app_version: Annotated[str, Meta(max_length=64)] = ""
    level_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    x: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    y: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None


_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode = msgspec.json.Decoder().decode
_TEXTS = frozenset({"player_id", "event_id", "app_version", "level_id"})


def read_payload(
    raw: bytes | msgspec.Raw,
    mapping: Mapping,
    application_id: str,
    position: int,
    received_at: int,
    player_id: str | None,
    *,
    is_trusted: bool,
) -> GameEvent:
    """A payload as an event.

    Args:
        raw: the payload, a JSON object.
        mapping: the application's.
        application_id: whose it is.
        position: its place in the post, from 0.
        received_at: epoch milliseconds.
        player_id: whose it is where the payload does not say.
        is_trusted: whether a server says it.

    Raises:
        InvalidEvent: with the reason `malformed_json`, `invalid_envelope` or `invalid_data`.
    """
    content = bytes(raw)
    try:
        fields = _decode_fields(content)
        found: dict[str, Any] = {
            ours: _value(ours, _decode(fields.pop(field)))
            for ours, field in mapping.fields.items()
            if field in fields
        }
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidEvent("malformed_json", str(fault)) from None
    is_dated = "occurred_at" in found
    found.setdefault("event_id", derived_id(application_id, content, position))
    found.setdefault("occurred_at", received_at)
    try:
        envelope = msgspec.convert(found, _Envelope)
    except msgspec.ValidationError as fault:
        raise InvalidEvent("invalid_envelope", _named(str(fault), mapping)) from None
    data = {mapping.rename.get(name, name): value for name, value in fields.items()}
    if len(data) != len(fields):
        raise InvalidEvent("invalid_data", "a field has the name that another is renamed to")
    return GameEvent(
        envelope.event_id,
        milliseconds(envelope.occurred_at) if is_dated else received_at,
        mapping.event_type,
        mapping.event_version,
        envelope.app_version,
        envelope.player_id or player_id,
        envelope.level_id,
        envelope.x,
        envelope.y,
        object_of(data),
        is_trusted,
    )


def _value(ours: str, value: Any) -> Any:  # noqa: ANN401 - what JSON can say
    """A value of the payload; numbers are names as well where a name is asked for."""
    return str(value) if ours in _TEXTS and type(value) is int else value


def _named(fault: str, mapping: Mapping) -> str:
    """A fault with the payload's own name for the field."""
    for ours, field in mapping.fields.items():
        fault = fault.replace(f"$.{ours}`", f"$.{field}`")
    return fault

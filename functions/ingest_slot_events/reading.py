"""Reading a posted body: within limits, whatever it is."""

from collections.abc import Callable
from typing import NamedTuple

from pitboss.events.envelope import InvalidEvent, read_envelope
from pitboss.events.slot import MeteredEvent
from pitboss.posts import JSON_ARRAY, LINES, counted, cut_array, cut_lines, of_type
from pitboss.sas.gateway import read_packet

ENVELOPES = JSON_ARRAY
"""A JSON array of envelopes."""

GATEWAY_PACKETS = LINES
"""One gateway packet a line."""


class ReadEvent(NamedTuple):
    """A valid event and where it says it comes from; a packet does not name a property."""

    property_id: str | None
    asset_id: str
    event: MeteredEvent


class Format(NamedTuple):
    """A way to write events: how a body is cut, and how one event is read."""

    name: str
    cut: Callable[[bytes], list[bytes]]
    read: Callable[[bytes], ReadEvent]


def format_of(content_type: str) -> Format:
    """The format a content type stands for.

    Raises:
        RefusedRequest: 415.
    """
    return of_type(content_type, _FORMATS)


def cut(body: bytes, events: Format) -> list[bytes]:
    """The bytes of each event.

    Raises:
        RefusedRequest: 400 where there is no list of events, 413 past `MAX_EVENTS`.
    """
    return counted(events.cut(body))


def _read_envelope(raw: bytes) -> ReadEvent:
    envelope, event = read_envelope(raw)
    asset_id = envelope.asset_id.lstrip("0")
    if not asset_id:
        raise InvalidEvent("missing_asset", "the asset_id is nothing but zeros")
    return ReadEvent(envelope.property_id, asset_id, event)


def _read_packet(raw: bytes) -> ReadEvent:
    asset_id, event = read_packet(raw)
    return ReadEvent(None, asset_id, event)


_FORMATS = {
    ENVELOPES: Format("pitboss", cut_array, _read_envelope),
    GATEWAY_PACKETS: Format("acres-sas", cut_lines, _read_packet),
}

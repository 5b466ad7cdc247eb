"""Reading a posted body: within limits, whatever it is."""

import zlib
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from pitboss.events.envelope import InvalidEvent, read_envelope
from pitboss.events.slot import MeteredEvent
from pitboss.sas.gateway import read_packet

MAX_BYTES = 1_048_576
"""Bytes of a body, unpacked: 1 MiB."""

MAX_EVENTS = 500

ENVELOPES = "application/json"
"""A JSON array of envelopes."""

GATEWAY_PACKETS = "application/x-ndjson"
"""One gateway packet a line."""


class RefusedRequest(ValueError):
    """A request that is refused as a whole: a status, and what the sender can do about it."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        self.status = status
        super().__init__(detail)


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


def unpacked(body: bytes, content_encoding: str) -> bytes:
    """The body without its compression; a bomb is not unpacked past the limit.

    Raises:
        RefusedRequest: 413 past `MAX_BYTES`, 415 for an encoding other than gzip, 400 for none.
    """
    if content_encoding in ("", "identity"):
        plain = body
    elif content_encoding == "gzip":
        decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            plain = decompressor.decompress(body, MAX_BYTES + 1)
        except zlib.error as fault:
            raise RefusedRequest(HTTPStatus.BAD_REQUEST, f"the body is no gzip: {fault}") from None
        if len(plain) <= MAX_BYTES and (not decompressor.eof or decompressor.unused_data):
            raise RefusedRequest(HTTPStatus.BAD_REQUEST, "the body is not one whole gzip member")
    else:
        raise RefusedRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content encoding {content_encoding[:40]!r} is not known, gzip is",
        )
    if len(plain) > MAX_BYTES:
        raise RefusedRequest(
            HTTPStatus.CONTENT_TOO_LARGE,
            f"a body is at most {MAX_BYTES} bytes unpacked; send smaller batches",
        )
    return plain


def format_of(content_type: str) -> Format:
    """The format a content type stands for.

    Raises:
        RefusedRequest: 415.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    found = _FORMATS.get(media_type)
    if found is None:
        raise RefusedRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type {media_type[:60]!r} is not one of {', '.join(_FORMATS)}",
        )
    return found


def cut(body: bytes, events: Format) -> list[bytes]:
    """The bytes of each event.

    Raises:
        RefusedRequest: 400 where there is no list of events, 413 past `MAX_EVENTS`.
    """
    pieces = events.cut(body)
    if not pieces:
        raise RefusedRequest(HTTPStatus.BAD_REQUEST, "the body holds no event")
    if len(pieces) > MAX_EVENTS:
        raise RefusedRequest(
            HTTPStatus.CONTENT_TOO_LARGE,
            f"a body holds at most {MAX_EVENTS} events, not {len(pieces)}; send smaller batches",
        )
    return pieces


_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def _cut_array(body: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in _array_decoder.decode(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise RefusedRequest(
            HTTPStatus.BAD_REQUEST, f"the body is no JSON array of events: {fault}"
        ) from None


def _cut_lines(body: bytes) -> list[bytes]:
    return [line for line in (line.strip() for line in body.split(b"\n")) if line]


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
    ENVELOPES: Format("pitboss", _cut_array, _read_envelope),
    GATEWAY_PACKETS: Format("acres-sas", _cut_lines, _read_packet),
}

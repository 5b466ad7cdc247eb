"""The record of the shuffler stream: one MQTT message, as the rule of AWS IoT Core passes it on.

The rule selects (`SELECT encode(*, 'base64') AS payload, topic() AS topic, ...`) what `Delivered`
has, and puts it into the stream: by its Kinesis action, or through `ingest_shuffler_events` where
the endpoint has none. What was published is looked at by who reads the stream, so that both ways
end alike; a payload that is no JSON comes through, and is kept.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import NamedTuple

import msgspec
from msgspec import Struct

from pitboss.events.envelope import InvalidEvent
from pitboss.events.shuffler import MAX_MESSAGE_BYTES, Message, ShufflerEvent, read_event
from pitboss.shufflers.topics import Topic, read_topic, thing_name

NO_PROPERTY = "unknown"
"""Whose quarantine takes what is published on no shuffler's topic."""

MAX_AHEAD_MS = 86_400_000
"""How far a device's clock may be ahead: a day, as of slot machines."""


class Delivered(Struct, frozen=True):
    """One record, in JSON."""

    payload: str
    """The message as it was published, in base64."""
    topic: str
    received_at: int
    """Epoch ms at AWS IoT Core."""
    principal: str | None = None
    """The id of the certificate that the connection was made with, 64 hexadecimal digits."""
    client_id: str | None = None


class Refused(NamedTuple):
    """Bytes that are set aside, and why; `position` is its place in the message."""

    raw: bytes
    position: int
    fault: InvalidEvent


class ReadMessage(NamedTuple):
    """What came of a record."""

    topic: Topic | None
    sender: str
    """The client id; empty where there is none."""
    received_at: int
    events: list[ShufflerEvent]
    refused: list[Refused]

    @property
    def property_id(self) -> str:
        """Whose message it is."""
        return NO_PROPERTY if self.topic is None else self.topic.property_id


_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
_DELIVERED = msgspec.json.Decoder(Delivered)
_MESSAGE = msgspec.json.Decoder(Message)


def read_message(record: bytes, arrived_at: int) -> ReadMessage:
    """The events of a stream record; what of it is not to be believed is refused, not raised.

    A message is refused whole with the reason `unreadable_record`, `unknown_topic`,
    `no_certificate`, `foreign_client`, `message_too_large` or `malformed_message`; an event of it
    for the reasons of `pitboss.events.shuffler.read_event`, or as `foreign_asset` or
    `clock_ahead`.

    Args:
        record: the stream record's data.
        arrived_at: epoch ms at which the stream took it.
    """
    try:
        delivered = _DELIVERED.decode(record)
        payload = a2b_base64(delivered.payload, strict_mode=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, Base64Error, ValueError) as fault:
        refused = Refused(record, 0, InvalidEvent("unreadable_record", str(fault)))
        return ReadMessage(None, "", arrived_at, [], [refused])
    topic = read_topic(delivered.topic)
    sender, received_at = delivered.client_id or "", delivered.received_at
    try:
        source = _source(delivered, topic, payload)
        pieces = _pieces(payload)
    except InvalidEvent as refusal:
        return ReadMessage(topic, sender, received_at, [], [Refused(payload, 0, refusal)])
    events, refused_events = [], []
    for index, raw in enumerate(pieces):
        try:
            event = read_event(raw)
            if (event.property_id, event.asset_id) != (source.property_id, source.asset_id):
                of = f"of {event.property_id} {event.asset_id} on {source}"
                raise InvalidEvent("foreign_asset", of)
            if event.occurred_at > received_at + MAX_AHEAD_MS:
                raise InvalidEvent("clock_ahead", f"it occurs at {event.occurred_at}")
        except InvalidEvent as refusal:
            refused_events.append(Refused(bytes(raw), index, refusal))
        else:
            events.append(event)
    return ReadMessage(topic, sender, received_at, events, refused_events)


def _source(delivered: Delivered, topic: Topic | None, payload: bytes) -> Topic:
    """The topic of a message that may be believed."""
    if topic is None:
        raise InvalidEvent("unknown_topic", delivered.topic[:200])
    if not _CERTIFICATE_ID.fullmatch(delivered.principal or ""):
        # AWS IoT names another principal where somebody signs with an access key.
        raise InvalidEvent("no_certificate", f"it is of {delivered.principal!r}"[:200])
    if delivered.client_id != thing_name(topic.property_id, topic.asset_id):
        raise InvalidEvent("foreign_client", f"client {delivered.client_id!r} on {topic}"[:200])
    if len(payload) > MAX_MESSAGE_BYTES:
        raise InvalidEvent("message_too_large", f"{len(payload)} bytes")
    return topic


def _pieces(payload: bytes) -> list[msgspec.Raw]:
    try:
        return _MESSAGE.decode(payload).events
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidEvent("malformed_message", str(fault)) from None

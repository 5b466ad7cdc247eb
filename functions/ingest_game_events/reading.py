"""Reading a posted body of a game, in whichever envelope: the studios', that of the AWS game
analytics guidance, or none at all, by the application's mapping.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from msgspec import Struct

from pitboss.games.events import ReadGameEvent, read_analytics, read_studio
from pitboss.games.mapping import Mapping, read_payload
from pitboss.posts import (
    JSON_ARRAY,
    LINES,
    RefusedRequest,
    counted,
    cut_array,
    cut_lines,
    of_type,
)

STUDIO = "studio"
ANALYTICS = "aws-game-analytics"
MAPPED = "mapped"


class Body(NamedTuple):
    """A body, cut: how it is written, the bytes of each event, and how one is read."""

    format: str
    pieces: list[bytes]
    read: Callable[[bytes, int], ReadGameEvent]
    """Of an event's bytes and its place in the body, from 0."""


class Sent(NamedTuple):
    """What is known of a post before it is read."""

    received_at: int
    """Epoch milliseconds."""
    is_trusted: bool
    """Whether a server sent it."""
    client_id: str | None
    """Whom the sender speaks for, where that is one player."""


class _Analytics(Struct, frozen=True, gc=False):
    events: list[msgspec.Raw]


_CUTS = {JSON_ARRAY: cut_array, LINES: cut_lines}
_decode_analytics = msgspec.json.Decoder(_Analytics).decode


def read_studio_post(body: bytes, content_type: str, sent: Sent) -> Body:
    """A body of `POST /v1/game-events`.

    Raises:
        RefusedRequest: it is no list of events, or too long a one.
    """
    pieces = counted(of_type(content_type, _CUTS)(body))
    return Body(STUDIO, pieces, lambda raw, _: read_studio(raw, is_trusted=sent.is_trusted))


def read_application_post(
    body: bytes, content_type: str, application_id: str, mapping: Mapping | None, sent: Sent
) -> Body:
    """A body of `POST /applications/{application_id}/events`: an object with a list `events`, or
    else payloads (one, an array of them or a line for each), where the application has a mapping.

    Raises:
        RefusedRequest: it is neither.
    """
    cut_payloads = of_type(content_type, _CUTS)
    try:
        events = [bytes(raw) for raw in _decode_analytics(body).events]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        if mapping is None:
            raise RefusedRequest(
                HTTPStatus.BAD_REQUEST,
                f"the body is no object with a list `events` ({fault}), and {application_id[:64]} "
                "has no mapping for other payloads",
            ) from None
    else:

        def read_event(raw: bytes, _: int) -> ReadGameEvent:
            event = read_analytics(raw, sent.client_id, is_trusted=sent.is_trusted)
            return ReadGameEvent(application_id, event)

        return Body(ANALYTICS, counted(events), read_event)

    def read_mapped(raw: bytes, position: int) -> ReadGameEvent:
        event = read_payload(
            raw,
            mapping,
            application_id,
            position,
            sent.received_at,
            sent.client_id,
            is_trusted=sent.is_trusted,
        )
        return ReadGameEvent(application_id, event)

    is_array = body.lstrip()[:1] == b"["
    pieces = cut_payloads(body) if is_array or cut_payloads is cut_lines else [body.strip()]
    return Body(MAPPED, counted(pieces), read_mapped)

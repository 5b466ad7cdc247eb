"""Posted bodies of events, whatever they are of: limits, and the answer that says what became of
each event.

received = accepted + duplicate + quarantined + failed, in every answer.
"""

import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType

from pitboss.access import Decision
from pitboss.events.batch import BatchHeader
from pitboss.stores.stream import MAX_RECORD_BYTES, StreamRecord

MAX_BYTES = 1_048_576
"""Bytes of a body, unpacked: 1 MiB."""

MAX_EVENTS = 500

JSON_ARRAY = "application/json"
LINES = "application/x-ndjson"

MAX_AHEAD_MS = 86_400_000
"""How far a device's clock may be ahead: a day. A later event would hold a machine's newest day in
the future; it waits in quarantine until someone has set the clock."""

OUT_OF_TIME_MS = 600_000
"""An event whose device time is further from the server's came late or from a wrong clock: ten
minutes. It is accepted, and counted."""

FOREIGN = frozenset({Decision.FOREIGN_PROPERTY, Decision.FOREIGN_ASSET, Decision.FOREIGN_PLAYER})
"""Why something is set aside that is not its sender's to send."""


class RefusedRequest(ValueError):
    """A request that is refused as a whole: a status, and what the sender can do about it."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        self.status = status
        super().__init__(detail)


class Status(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    FAILED = "failed"


class EventResult(Struct, frozen=True):
    """The answer for one event, by its position in the body."""

    index: int
    status: Status
    event_id: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class Answer(Struct, frozen=True):
    """received = accepted + duplicate + quarantined + failed."""

    received: int
    accepted: int
    duplicate: int
    quarantined: int
    failed: int
    events: list[EventResult]
    unrecognised: int
    """Accepted events of a type or version not known: kept and counted, not read."""
    out_of_time: int
    """Accepted events whose device time is more than ten minutes from the server's."""
    foreign: int
    """Quarantined events of another property, or of an asset or a player that is not the
    sender's."""


def answer_of(results: Sequence[EventResult], unrecognised: int, out_of_time: int) -> Answer:
    """The answer to a post, of what became of each of its events."""
    counts = dict.fromkeys(Status, 0)
    for result in results:
        counts[result.status] += 1
    return Answer(
        len(results),
        counts[Status.ACCEPTED],
        counts[Status.DUPLICATE],
        counts[Status.QUARANTINED],
        counts[Status.FAILED],
        list(results),
        unrecognised,
        out_of_time,
        sum(result.reason in FOREIGN for result in results),
    )


# --- bodies ---------------------------------------------------------------------------------------


def body_of(event: Mapping[str, Any]) -> bytes:
    """A request's body as it was sent.

    Args:
        event: API Gateway's.

    Raises:
        RefusedRequest: 400.
    """
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode()
    try:
        return b64decode(body, validate=True)
    except Base64Error:
        raise RefusedRequest(HTTPStatus.BAD_REQUEST, "the body cannot be read") from None


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


def of_type[Form](content_type: str, known: Mapping[str, Form]) -> Form:
    """What a content type stands for.

    Raises:
        RefusedRequest: 415.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    found = known.get(media_type)
    if found is None:
        raise RefusedRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type {media_type[:60]!r} is not one of {', '.join(known)}",
        )
    return found


def counted(pieces: list[bytes]) -> list[bytes]:
    """The bytes of each event, where there are some, and not too many.

    Raises:
        RefusedRequest: 400 where there is none, 413 past `MAX_EVENTS`.
    """
    if not pieces:
        raise RefusedRequest(HTTPStatus.BAD_REQUEST, "the body holds no event")
    if len(pieces) > MAX_EVENTS:
        raise RefusedRequest(
            HTTPStatus.CONTENT_TOO_LARGE,
            f"a body holds at most {MAX_EVENTS} events, not {len(pieces)}; send smaller batches",
        )
    return pieces


_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def cut_array(body: bytes) -> list[bytes]:
    """The bytes of each element of a JSON array.

    Raises:
        RefusedRequest: 400.
    """
    try:
        return [bytes(raw) for raw in _array_decoder.decode(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise RefusedRequest(
            HTTPStatus.BAD_REQUEST, f"the body is no JSON array of events: {fault}"
        ) from None


def cut_lines(body: bytes) -> list[bytes]:
    """The lines of a body that are not blank."""
    return [line for line in (line.strip() for line in body.split(b"\n")) if line]


# --- records --------------------------------------------------------------------------------------


class Packed[Event](NamedTuple):
    """A record and the events in it, by their positions in the body."""

    record: StreamRecord
    numbered: list[tuple[int, Event]]

    @property
    def fits(self) -> bool:
        """Whether the stream takes it."""
        return len(self.record.partition_key) + len(self.record.data) <= MAX_RECORD_BYTES


def records[Event](
    partition_key: str,
    header: BatchHeader,
    numbered: list[tuple[int, Event]],
    pieces: Sequence[bytes],
    pack: Callable[[BatchHeader, Sequence[bytes], Sequence[Event]], bytes],
) -> Iterator[Packed[Event]]:
    """Events of one partition key as one record; as several only where what does not compress is
    too large for one. One event alone has to fit.
    """
    packed = Packed(
        StreamRecord(
            partition_key,
            pack(
                header, [pieces[index] for index, _ in numbered], [event for _, event in numbered]
            ),
        ),
        numbered,
    )
    if packed.fits or len(numbered) == 1:
        yield packed
    else:
        middle = len(numbered) // 2
        yield from records(partition_key, header, numbered[:middle], pieces, pack)
        yield from records(partition_key, header, numbered[middle:], pieces, pack)

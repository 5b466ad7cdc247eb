"""Posted bodies of events, whatever they are of: limits, how they are taken in, and the answer that
says what became of each event.

received = accepted + duplicate + quarantined + failed, in every answer.
"""

import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType

from pitboss.access import Decision, Principal
from pitboss.events.batch import BatchHeader
from pitboss.events.envelope import InvalidEvent
from pitboss.events.quarantined import QuarantineEntry
from pitboss.events.record import MAX_RECORD_BYTES, StreamRecord

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


class Packed[E](NamedTuple):
    """A record and the events in it, by their positions in the body."""

    record: StreamRecord
    numbered: list[tuple[int, E]]

    @property
    def fits(self) -> bool:
        """Whether the stream takes it."""
        return len(self.record.partition_key) + len(self.record.data) <= MAX_RECORD_BYTES


def records[E](
    partition_key: str,
    header: BatchHeader,
    numbered: list[tuple[int, E]],
    pieces: Sequence[bytes],
    pack: Callable[[BatchHeader, Sequence[bytes], Sequence[E]], bytes],
) -> Iterator[Packed[E]]:
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


# --- taking in ------------------------------------------------------------------------------------


class Stream(Protocol):
    """Takes records; answers the indexes of those it could not write."""

    def put(self, records: Sequence[StreamRecord]) -> set[int]: ...


class Quarantine(Protocol):
    """Keeps what was set aside."""

    def put(self, entries: Sequence[QuarantineEntry]) -> str: ...


class Event(Protocol):
    """What events of every family have."""

    @property
    def event_id(self) -> str: ...
    @property
    def occurred_at(self) -> int: ...


class Read[E: Event](NamedTuple):
    """An event that its sender may send."""

    event: E
    asset_id: str
    partition_key: str
    identity: Hashable
    """The same for two events of a post only if they say that they are one."""
    is_recognised: bool
    """Whether its type and version are known."""


class Post(NamedTuple):
    """A posted batch of events."""

    stage: str
    """The function that takes it in."""
    pieces: Sequence[bytes]
    """The bytes of each event."""
    format: str
    """How they are written."""
    sender: Principal
    received_at: int
    """Epoch milliseconds."""
    request: bytes = b""
    """What names the request, for traces; see `pitboss.traces`."""


def take_in[E: Event](
    post: Post,
    read: Callable[[bytes, int], Read[E]],
    pack: Callable[[BatchHeader, Sequence[bytes], Sequence[E]], bytes],
    stream: Stream,
    quarantine: Quarantine,
) -> Answer:
    """Validate, pack by partition key, write to the stream, set aside the rest.

    Args:
        post: the events.
        read: reads one, from its bytes and its place in the post; raises `InvalidEvent`.
        pack: makes a record of some.
        stream: where accepted events go.
        quarantine: where the others go, before the answer says so.
    """
    results: list[EventResult | None] = [None] * len(post.pieces)
    entries: list[QuarantineEntry] = []
    known: dict[Hashable, E] = {}
    unknown: set[int] = set()
    groups: dict[tuple[str, str], list[tuple[int, E]]] = {}
    for index, raw in enumerate(post.pieces):
        try:
            event, asset_id, key, identity, is_recognised = read(raw, index)
            if not is_recognised:
                unknown.add(index)
            if event.occurred_at > post.received_at + MAX_AHEAD_MS:
                raise InvalidEvent("clock_ahead", f"it occurs at {event.occurred_at}")
            first = known.setdefault(identity, event)
            if first is event:
                groups.setdefault((asset_id, key), []).append((index, event))
            elif first == event:
                results[index] = EventResult(index, Status.DUPLICATE, event.event_id)
            else:
                raise InvalidEvent("id_reuse", "an event before has this id and another content")
        except InvalidEvent as fault:
            results[index] = EventResult(
                index, Status.QUARANTINED, reason=fault.reason, detail=fault.detail[:200]
            )
            entries.append(_set_aside(post, index, raw, fault))
    packed: list[Packed[E]] = []
    for (asset_id, key), numbered in groups.items():
        header = BatchHeader(
            post.sender.property_id,
            asset_id,
            post.received_at,
            post.sender.principal_id,
            post.format,
            post.request,
        )
        packed += records(key, header, numbered, post.pieces, pack)
    if entries:
        quarantine.put(entries)
    failed = stream.put([record.record for record in packed])
    unrecognised = out_of_time = 0
    for position, record in enumerate(packed):
        status = Status.FAILED if position in failed else Status.ACCEPTED
        for index, event in record.numbered:
            results[index] = EventResult(index, status, event.event_id)
            if status is Status.ACCEPTED:
                unrecognised += index in unknown
                out_of_time += abs(post.received_at - event.occurred_at) > OUT_OF_TIME_MS
    return answer_of([one for one in results if one is not None], unrecognised, out_of_time)


def _set_aside(post: Post, index: int, raw: bytes, fault: InvalidEvent) -> QuarantineEntry:
    return QuarantineEntry.of(
        raw,
        reason=fault.reason,
        detail=fault.detail,
        stage=post.stage,
        property_id=post.sender.property_id,
        sender=post.sender.principal_id,
        received_at=post.received_at,
        index=index,
        posted_as=post.format,
    )

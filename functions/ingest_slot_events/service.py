"""The use case: take a posted batch of slot events in, and say what became of each."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import UNSET, Struct, UnsetType

from ingest_slot_events.reading import Format, ReadEvent
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.batch import BatchHeader, pack
from pitboss.events.envelope import InvalidEvent
from pitboss.events.slot import MeteredEvent, Unrecognised
from pitboss.rating.history import page_of
from pitboss.stores.quarantine import QuarantineEntry
from pitboss.stores.stream import MAX_RECORD_BYTES, StreamRecord

STAGE = "ingest_slot_events"

MAX_AHEAD_MS = 86_400_000
"""How far a device's clock may be ahead: a day. A later event would hold a machine's newest day in
the future; it waits in quarantine until someone has set the clock."""


OUT_OF_TIME_MS = 600_000
"""An event whose device time is further from the server's came late or from a wrong clock: ten
minutes. It is accepted, and counted."""


class Stream(Protocol):
    """Takes records; answers the indexes of those it could not write."""

    def put(self, records: Sequence[StreamRecord]) -> set[int]: ...


class Quarantine(Protocol):
    """Keeps what was set aside."""

    def put(self, entries: Sequence[QuarantineEntry]) -> str: ...


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
    """Quarantined events of another property or of an asset that is not the sender's."""


FOREIGN = frozenset({Decision.FOREIGN_PROPERTY, Decision.FOREIGN_ASSET})


def ingest(
    pieces: Sequence[bytes],
    events: Format,
    sender: Principal,
    received_at: int,
    stream: Stream,
    quarantine: Quarantine,
    request: bytes = b"",
) -> Answer:
    """Validate, pack by asset, write to the stream, set aside the rest.

    Args:
        pieces: the bytes of each event.
        events: how they are written.
        sender: who signed the request.
        received_at: epoch milliseconds.
        stream: where accepted events go.
        quarantine: where the others go, before the answer says so.
        request: what names the request, for traces; see `pitboss.traces`.
    """
    results: list[EventResult | None] = [None] * len(pieces)
    entries: list[QuarantineEntry] = []
    known: dict[tuple[str, int, str], MeteredEvent] = {}
    by_asset: dict[str, list[tuple[int, MeteredEvent]]] = {}
    for index, raw in enumerate(pieces):
        try:
            _, asset_id, event = _sent_by(sender, events.read(raw))
            if event.occurred_at > received_at + MAX_AHEAD_MS:
                raise InvalidEvent("clock_ahead", f"it occurs at {event.occurred_at}")
            identity = (asset_id, page_of(event.occurred_at), event.event_id)
            first = known.setdefault(identity, event)
            if first is event:
                by_asset.setdefault(asset_id, []).append((index, event))
            elif first == event:
                results[index] = EventResult(index, Status.DUPLICATE, event.event_id)
            else:
                raise InvalidEvent("id_reuse", "an event before has this id and another content")
        except InvalidEvent as fault:
            results[index] = EventResult(
                index, Status.QUARANTINED, reason=fault.reason, detail=fault.detail[:200]
            )
            entries.append(
                QuarantineEntry.of(
                    raw,
                    reason=fault.reason,
                    detail=fault.detail,
                    stage=STAGE,
                    property_id=sender.property_id,
                    sender=sender.principal_id,
                    received_at=received_at,
                    index=index,
                    posted_as=events.name,
                )
            )
    packed: list[_Packed] = []
    for asset_id, numbered in by_asset.items():
        header = BatchHeader(
            sender.property_id, asset_id, received_at, sender.principal_id, events.name, request
        )
        packed += _records(header, numbered, pieces)
    if entries:
        quarantine.put(entries)
    failed = stream.put([record.record for record in packed])
    unrecognised = out_of_time = 0
    for position, record in enumerate(packed):
        status = Status.FAILED if position in failed else Status.ACCEPTED
        for index, event in record.numbered:
            results[index] = EventResult(index, status, event.event_id)
            if status is Status.ACCEPTED:
                unrecognised += type(event.data) is Unrecognised
                out_of_time += abs(received_at - event.occurred_at) > OUT_OF_TIME_MS
    return _answer([result for result in results if result is not None], unrecognised, out_of_time)


class _Packed(NamedTuple):
    """A record and the events in it, by their positions in the body."""

    record: StreamRecord
    numbered: list[tuple[int, MeteredEvent]]

    @property
    def fits(self) -> bool:
        """Whether the stream takes it."""
        return len(self.record.partition_key) + len(self.record.data) <= MAX_RECORD_BYTES


def _records(
    header: BatchHeader, numbered: list[tuple[int, MeteredEvent]], pieces: Sequence[bytes]
) -> Iterator[_Packed]:
    """One asset's events as one record; as several only where what does not compress is too large
    for one. One event alone always fits: printable text of a body's 1 MiB packs to less.
    """
    packed = _Packed(
        StreamRecord(
            f"{header.property_id}/{header.asset_id}",
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
        yield from _records(header, numbered[:middle], pieces)
        yield from _records(header, numbered[middle:], pieces)


def _sent_by(sender: Principal, read: ReadEvent) -> ReadEvent:
    """The event, if the sender may send it."""
    property_id = read.property_id or sender.property_id
    decision = authorize(sender, Action.SEND_SLOT_EVENTS, Resource(property_id, read.asset_id))
    if decision is not Decision.ALLOWED:
        raise InvalidEvent(decision, f"{sender.principal_id} may not send for {read.asset_id}")
    return read


def _answer(results: list[EventResult], unrecognised: int, out_of_time: int) -> Answer:
    counts = dict.fromkeys(Status, 0)
    for result in results:
        counts[result.status] += 1
    return Answer(
        len(results),
        counts[Status.ACCEPTED],
        counts[Status.DUPLICATE],
        counts[Status.QUARANTINED],
        counts[Status.FAILED],
        results,
        unrecognised,
        out_of_time,
        sum(result.reason in FOREIGN for result in results),
    )

"""The use case: take a posted batch of slot events in, and say what became of each."""

from collections.abc import Sequence
from typing import Protocol

from ingest_slot_events.reading import Format, ReadEvent
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.batch import BatchHeader, pack
from pitboss.events.envelope import InvalidEvent
from pitboss.events.slot import MeteredEvent, Unrecognised
from pitboss.posts import (
    FOREIGN,
    MAX_AHEAD_MS,
    OUT_OF_TIME_MS,
    Answer,
    EventResult,
    Packed,
    Status,
    answer_of,
    records,
)
from pitboss.rating.history import page_of
from pitboss.stores.quarantine import QuarantineEntry
from pitboss.stores.stream import StreamRecord

__all__ = [
    "FOREIGN",
    "MAX_AHEAD_MS",
    "OUT_OF_TIME_MS",
    "STAGE",
    "Answer",
    "EventResult",
    "Quarantine",
    "Status",
    "Stream",
    "ingest",
]

STAGE = "ingest_slot_events"


class Stream(Protocol):
    """Takes records; answers the indexes of those it could not write."""

    def put(self, records: Sequence[StreamRecord]) -> set[int]: ...


class Quarantine(Protocol):
    """Keeps what was set aside."""

    def put(self, entries: Sequence[QuarantineEntry]) -> str: ...


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
    packed: list[Packed[MeteredEvent]] = []
    for asset_id, numbered in by_asset.items():
        header = BatchHeader(
            sender.property_id, asset_id, received_at, sender.principal_id, events.name, request
        )
        packed += records(f"{sender.property_id}/{asset_id}", header, numbered, pieces, pack)
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
    return answer_of([one for one in results if one is not None], unrecognised, out_of_time)


def _sent_by(sender: Principal, read: ReadEvent) -> ReadEvent:
    """The event, if the sender may send it."""
    property_id = read.property_id or sender.property_id
    decision = authorize(sender, Action.SEND_SLOT_EVENTS, Resource(property_id, read.asset_id))
    if decision is not Decision.ALLOWED:
        raise InvalidEvent(decision, f"{sender.principal_id} may not send for {read.asset_id}")
    return read

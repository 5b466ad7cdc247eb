"""The use case: take a posted batch of a game's events in, and say what became of each."""

from collections.abc import Sequence
from typing import Protocol

from ingest_game_events.reading import Post
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.batch import BatchHeader, pack_games
from pitboss.events.envelope import InvalidEvent
from pitboss.games.events import GameEvent, ReadGameEvent, partition_key
from pitboss.posts import (
    MAX_AHEAD_MS,
    OUT_OF_TIME_MS,
    Answer,
    EventResult,
    Packed,
    Status,
    answer_of,
    records,
)
from pitboss.stores.quarantine import QuarantineEntry
from pitboss.stores.stream import StreamRecord

STAGE = "ingest_game_events"

MAX_EVENT_BYTES = 262_144
"""Of one event as it is posted: 256 KiB. A record, which takes 1 MiB, holds it twice."""


class Rules(Protocol):
    """What an application's registration says; see `ingest_game_events.rules.Rules`."""

    def check(self, event: GameEvent) -> bool: ...


class Applications(Protocol):
    """Knows applications; see `pitboss.stores.applications.KeptApplications`."""

    def find(self, property_id: str, application_id: str) -> Rules | None: ...


class Stream(Protocol):
    """Takes records; answers the indexes of those it could not write."""

    def put(self, records: Sequence[StreamRecord]) -> set[int]: ...


class Quarantine(Protocol):
    """Keeps what was set aside."""

    def put(self, entries: Sequence[QuarantineEntry]) -> str: ...


def ingest(
    post: Post,
    sender: Principal,
    received_at: int,
    applications: Applications,
    stream: Stream,
    quarantine: Quarantine,
    request: bytes = b"",
) -> Answer:
    """Validate, pack by lane, write to the stream, set aside the rest.

    Args:
        post: the events.
        sender: who posted them.
        received_at: epoch milliseconds.
        applications: what is registered.
        stream: where accepted events go.
        quarantine: where the others go, before the answer says so.
        request: what names the request, for traces; see `pitboss.traces`.
    """
    results: list[EventResult | None] = [None] * len(post.pieces)
    entries: list[QuarantineEntry] = []
    known: dict[tuple[str, str], GameEvent] = {}
    unknown: set[int] = set()
    lanes: dict[tuple[str, str], list[tuple[int, GameEvent]]] = {}
    for index, raw in enumerate(post.pieces):
        try:
            if len(raw) > MAX_EVENT_BYTES:
                raise InvalidEvent("event_too_large", f"it has more than {MAX_EVENT_BYTES} bytes")
            application_id, event = read = post.read(raw, index)
            if not _is_recognised(sender, read, applications):
                unknown.add(index)
            if event.occurred_at > received_at + MAX_AHEAD_MS:
                raise InvalidEvent("clock_ahead", f"it occurs at {event.occurred_at}")
            first = known.setdefault((application_id, event.event_id), event)
            if first is event:
                lane = application_id, partition_key(sender.property_id, application_id, event)
                lanes.setdefault(lane, []).append((index, event))
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
                    posted_as=post.format,
                )
            )
    packed: list[Packed[GameEvent]] = []
    for (application_id, key), numbered in lanes.items():
        header = BatchHeader(
            sender.property_id,
            application_id,
            received_at,
            sender.principal_id,
            post.format,
            request,
        )
        packed += records(key, header, numbered, post.pieces, pack_games)
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
                out_of_time += abs(received_at - event.occurred_at) > OUT_OF_TIME_MS
    return answer_of([one for one in results if one is not None], unrecognised, out_of_time)


def _is_recognised(sender: Principal, read: ReadGameEvent, applications: Applications) -> bool:
    """Whether an event that the sender may send is of a type and version that is registered.

    Raises:
        InvalidEvent: the sender may not send it, or it is not as its application says.
    """
    application_id, event = read
    resource = Resource(sender.property_id, application_id, event.player_id)
    decision = authorize(sender, Action.SEND_GAME_EVENTS, resource)
    if decision is Decision.FOREIGN_PLAYER:
        raise InvalidEvent(decision, f"the token speaks for {sender.client_id} alone")
    if decision is not Decision.ALLOWED:
        raise InvalidEvent(decision, f"{sender.principal_id} may not send for {application_id}")
    rules = applications.find(sender.property_id, application_id)
    if rules is None:
        raise InvalidEvent("unknown_application", f"{application_id} is not registered")
    return rules.check(event)

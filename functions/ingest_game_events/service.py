"""The use case: take a posted batch of a game's events in, and say what became of each."""

from typing import Protocol

from ingest_game_events.reading import Body
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.batch import pack_games
from pitboss.events.envelope import InvalidEvent
from pitboss.games.events import GameEvent, ReadGameEvent, partition_key
from pitboss.posts import Answer, Post, Quarantine, Read, Stream, take_in

STAGE = "ingest_game_events"

MAX_EVENT_BYTES = 262_144
"""Of one event as it is posted: 256 KiB. A record, which takes 1 MiB, holds it twice."""


class Rules(Protocol):
    """What an application's registration says; see `ingest_game_events.rules.Rules`."""

    def check(self, event: GameEvent) -> bool: ...


class Applications(Protocol):
    """Knows applications; see `pitboss.stores.applications.KeptApplications`."""

    def find(self, property_id: str, application_id: str) -> Rules | None: ...


def ingest(
    body: Body,
    sender: Principal,
    received_at: int,
    applications: Applications,
    stream: Stream,
    quarantine: Quarantine,
    request: bytes = b"",
) -> Answer:
    """Validate, pack by lane, write to the stream, set aside the rest.

    Args:
        body: the events.
        sender: who posted them.
        received_at: epoch milliseconds.
        applications: what is registered.
        stream: where accepted events go.
        quarantine: where the others go, before the answer says so.
        request: what names the request, for traces; see `pitboss.traces`.
    """

    def read(raw: bytes, index: int) -> Read[GameEvent]:
        if len(raw) > MAX_EVENT_BYTES:
            raise InvalidEvent("event_too_large", f"it has more than {MAX_EVENT_BYTES} bytes")
        application_id, event = found = body.read(raw, index)
        return Read(
            event,
            application_id,
            partition_key(sender.property_id, application_id, event),
            (application_id, event.event_id),
            _is_recognised(sender, found, applications),
        )

    post = Post(STAGE, body.pieces, body.format, sender, received_at, request)
    return take_in(post, read, pack_games, stream, quarantine)


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

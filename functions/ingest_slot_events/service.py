"""The use case: take a posted batch of slot events in, and say what became of each."""

from collections.abc import Sequence

from ingest_slot_events.reading import Format
from pitboss.access import Action, Decision, Principal, Resource, authorize
from pitboss.events.batch import pack
from pitboss.events.envelope import InvalidEvent
from pitboss.events.slot import MeteredEvent, Unrecognised
from pitboss.posts import Answer, Post, Quarantine, Read, Stream, take_in
from pitboss.rating.history import page_of

STAGE = "ingest_slot_events"


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

    def read(raw: bytes, _: int) -> Read[MeteredEvent]:
        property_id, asset_id, event = events.read(raw)
        resource = Resource(property_id or sender.property_id, asset_id)
        decision = authorize(sender, Action.SEND_SLOT_EVENTS, resource)
        if decision is not Decision.ALLOWED:
            raise InvalidEvent(decision, f"{sender.principal_id} may not send for {asset_id}")
        return Read(
            event,
            asset_id,
            f"{sender.property_id}/{asset_id}",
            (asset_id, page_of(event.occurred_at), event.event_id),
            type(event.data) is not Unrecognised,
        )

    post = Post(STAGE, pieces, events.name, sender, received_at, request)
    return take_in(post, read, pack, stream, quarantine)

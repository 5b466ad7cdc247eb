"""The use case: what technicians are shown of recommended maintenance, and what they say of it."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Annotated, NamedTuple, Protocol

import msgspec
from msgspec import Meta, Struct

from pitboss.errors import TerminalError
from pitboss.events.shuffler import Part
from pitboss.shufflers.maintenance import (
    Change,
    Entry,
    Recommendation,
    Status,
    Urgency,
    acknowledge,
    close,
)
from pitboss.stores.maintenance import Answered, Outcome, Position, Request, position_of

STAGE = "serve_maintenance"

MAX_NOTE_CHARACTERS = 500


class Verb(StrEnum):
    """What a technician says of a recommendation."""

    ACKNOWLEDGE = "acknowledge"
    DONE = "done"
    DISMISS = "dismiss"

    @property
    def status(self) -> Status:
        """What the recommendation comes to by it."""
        return _COMES_TO[self]


_COMES_TO = {
    Verb.ACKNOWLEDGE: Status.ACKNOWLEDGED,
    Verb.DONE: Status.DONE,
    Verb.DISMISS: Status.DISMISSED,
}


class Maintenance(Protocol):
    """Where recommendations are; see `pitboss.stores.maintenance.SqlMaintenance`."""

    def page(
        self,
        property_id: str,
        *,
        limit: int,
        after: Position | None = None,
        status: Status | None = None,
        assets: Iterable[str] | None = None,
    ) -> list[Recommendation]: ...
    def recommendation(
        self, property_id: str, recommendation_id: str
    ) -> tuple[Recommendation, list[Entry]] | None: ...
    def answer(
        self,
        property_id: str,
        recommendation_id: str,
        request: Request,
        decide: Callable[[Recommendation], Change],
    ) -> Answered | None: ...


class UnknownRecommendation(TerminalError):
    """There is none that the caller may know of."""

    def __init__(self) -> None:
        super().__init__("there is nothing here by that id")


class ReusedKey(TerminalError):
    """An `Idempotency-Key` that was used for something else."""

    def __init__(self) -> None:
        super().__init__("the Idempotency-Key was used for another request: take a new one")


class WrongNote(TerminalError):
    """The body is none, or says not why."""


# --- documents ------------------------------------------------------------------------------------


class EntryDocument(Struct, frozen=True):
    """A change of a recommendation: when (epoch milliseconds), by whom, and to what."""

    at: int
    by: str
    status: Status
    urgency: Urgency
    note: str


class RecommendationDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work at a part of a shuffler that is, or was, recommended. Moments are epoch milliseconds."""

    recommendation_id: str
    property_id: str
    asset_id: str
    part: Part
    status: Status
    urgency: Urgency
    probability: float | None
    """Of a failure within the horizon; null where the rules say that it is time."""
    horizon_hours: float
    cost_of_waiting_cents: int | None
    """Expected, of waiting the horizon instead of doing the work now; negative where that saves."""
    due_at: int
    reasons: tuple[str, ...]
    """In words, what says most first."""
    model_version: str
    opened_at: int
    updated_at: int
    closed_at: int | None = None
    closed_by: str | None = None
    entries: list[EntryDocument] | None = None
    """Every change, the first first; only where one recommendation is asked for."""


class MaintenanceDocument(Struct, frozen=True):
    """Recommendations: what is open first, the most urgent and the earliest due first."""

    property_id: str
    recommendations: list[RecommendationDocument]
    next: str | None
    """Cursor of the next page; null at the end."""


class AnsweredRecommendation(Struct, frozen=True):
    """The answer to a recommendation: what it came to by it, when and by whom."""

    recommendation_id: str
    status: Status
    at: int
    by: str


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    """What a technician writes."""

    note: Annotated[str, Meta(max_length=MAX_NOTE_CHARACTERS)] = ""


class Taken(NamedTuple):
    """An answer that was taken."""

    document: AnsweredRecommendation
    is_repeated: bool


def read_note(body: bytes, verb: Verb) -> str:
    """The note of a request; who dismisses says why.

    Raises:
        WrongNote: it is none.
    """
    try:
        note = msgspec.json.decode(body, type=Note).note.strip() if body else ""
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise WrongNote(f"the body is no note: {fault}") from None
    if "\0" in note:
        raise WrongNote("the note has a NUL character")
    if verb is Verb.DISMISS and not note:
        raise WrongNote('who dismisses a recommendation says why: {"note": "..."}')
    return note


def recommendations(
    maintenance: Maintenance,
    property_id: str,
    *,
    limit: int,
    after: Position | None,
    status: Status | None,
    assets: Iterable[str] | None,
    seal: Callable[[Position], str],
) -> MaintenanceDocument:
    """A page of a property's recommendations."""
    found = maintenance.page(
        property_id, limit=limit + 1, after=after, status=status, assets=assets
    )
    shown = found[:limit]
    cursor = seal(position_of(shown[-1])) if len(found) > limit else None
    return MaintenanceDocument(property_id, [_document(one) for one in shown], cursor)


def recommendation(
    maintenance: Maintenance,
    property_id: str,
    recommendation_id: str,
    reaches: Callable[[str], bool],
) -> RecommendationDocument:
    """One, with its entries.

    Raises:
        UnknownRecommendation
    """
    found = maintenance.recommendation(property_id, recommendation_id)
    if found is None or not reaches(found[0].asset_id):
        raise UnknownRecommendation
    one, entries = found
    document = _document(one)
    said = [EntryDocument(e.at, e.by, e.status, e.urgency, e.note) for e in entries]
    return msgspec.structs.replace(document, entries=said)


def answer(
    maintenance: Maintenance,
    property_id: str,
    recommendation_id: str,
    verb: Verb,
    request: Request,
    note: str,
    reaches: Callable[[str], bool],
    now: int,
) -> Taken:
    """Take what a technician says, once.

    Raises:
        UnknownRecommendation: there is none that the caller may know of.
        RefusedChange: it is closed, or acknowledged already.
        ReusedKey: the key was another request's.
    """

    def decide(current: Recommendation) -> Change:
        if not reaches(current.asset_id):
            raise UnknownRecommendation
        if verb is Verb.ACKNOWLEDGE:
            return acknowledge(current, request.by, note, now)
        return close(current, verb.status, request.by, note, now)

    answered = maintenance.answer(property_id, recommendation_id, request, decide)
    if answered is None:
        raise UnknownRecommendation
    if answered.outcome is Outcome.REUSED or answered.entry is None:
        raise ReusedKey
    entry = answered.entry
    document = AnsweredRecommendation(recommendation_id, entry.status, entry.at, entry.by)
    return Taken(document, answered.outcome is Outcome.REPEATED)


def _document(one: Recommendation) -> RecommendationDocument:
    named = msgspec.structs.asdict(one)
    del named["told"]
    return RecommendationDocument(**named)

"""The review queue: suspicions that people look at, for compliance alone."""

from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from pitboss.anomalies.reviews import Review, ReviewStatus
from pitboss.errors import TerminalError
from serve_floor.service import MAX_NOTE_CHARACTERS, NotFound

MAX_REVIEWS = 500
"""Reviews of one answer, those of the newest sessions."""

EVERY = "all"
"""In place of a status: whatever it is."""


class Reviews(Protocol):
    """Where reviews are; see `pitboss.stores.reviews.DynamoReviews`."""

    def review(self, property_id: str, review_id: str) -> Review | None: ...
    def reviews(
        self, property_id: str, status: ReviewStatus | None, newest: int
    ) -> list[Review]: ...
    def decide(
        self,
        property_id: str,
        review_id: str,
        verdict: ReviewStatus,
        by: str,
        at: int,
        note: str,
    ) -> Review | None: ...


class ReviewsDocument(Struct, frozen=True):
    """Reviews, those of the newest sessions first. `truncated` says that there are older ones."""

    property_id: str
    reviews: list[Review]
    truncated: bool


class ReviewDecision(Struct, frozen=True, forbid_unknown_fields=True):
    """What is decided of a review, and why."""

    verdict: Literal["confirmed", "cleared"]
    note: Annotated[str, Meta(min_length=1, max_length=MAX_NOTE_CHARACTERS)]


class WrongDecision(TerminalError):
    """The body is no decision."""


class DecidedAlready(TerminalError):
    """Somebody decided otherwise; that stays."""

    def __init__(self, review: Review) -> None:
        self.review = review
        super().__init__(f"the review was decided by {review.decided_by} already: {review.status}")


def listed(reviews: Reviews, property_id: str, status: ReviewStatus | None) -> ReviewsDocument:
    """Reviews of a status, or of any."""
    found = reviews.reviews(property_id, status, MAX_REVIEWS + 1)
    return ReviewsDocument(property_id, found[:MAX_REVIEWS], len(found) > MAX_REVIEWS)


def read_decision(body: bytes) -> tuple[ReviewStatus, str]:
    """The verdict and the note of a request.

    Raises:
        WrongDecision: it is none.
    """
    asked = 'say {"verdict": "confirmed" or "cleared", "note": "why"}'
    try:
        decision = msgspec.json.decode(body, type=ReviewDecision)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise WrongDecision(f"{asked}: {fault}") from None
    note = decision.note.strip()
    if not note:
        raise WrongDecision(f"{asked}: the note is blank")
    return ReviewStatus(decision.verdict), note


def found(reviews: Reviews, property_id: str, review_id: str) -> Review:
    """A review.

    Raises:
        NotFound: there is none.
    """
    review = reviews.review(property_id, review_id)
    if review is None:
        raise NotFound
    return review


def decide(
    reviews: Reviews,
    property_id: str,
    review_id: str,
    decision: tuple[ReviewStatus, str],
    by: str,
    now: int,
) -> tuple[Review, bool]:
    """Decide a review. The same verdict again changes nothing, whoever says it.

    Returns:
        The review, and whether it was decided just now.

    Raises:
        NotFound: there is none.
        DecidedAlready: the verdict was another.
    """
    verdict, note = decision
    review = reviews.decide(property_id, review_id, verdict, by, now, note)
    if review is None:
        raise NotFound
    if review.status is not verdict:
        raise DecidedAlready(review)
    return review, (review.decided_by, review.decided_at, review.note) == (by, now, note)

"""The review queue: suspicions that a person looks at, and what they decide."""

from enum import StrEnum

from msgspec import Struct

from pitboss.anomalies.questions import Question
from pitboss.anomalies.watch import Suspicion

SILENT_MS = 90 * 86_400_000
"""What was cleared is not told of the same player, or machine, for so long: 90 days."""


class ReviewStatus(StrEnum):
    """What was decided of a review."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    """It is what it was suspected to be."""
    CLEARED = "cleared"
    """There is another reason, or none."""


class Review(Struct, frozen=True):
    """A suspicion, and what was decided of it. Shown to compliance alone: `reviews:read`."""

    review_id: str
    question: Question
    asset_id: str
    player_id: str | None
    """None of play without a card."""
    began_at: int
    """Start of the session, epoch milliseconds."""
    at: int
    """Start of the game that made it suspect."""
    games: int
    """Of the session, up to then."""
    odds_against: int
    """So many to one: honest play comes to it in at most one of so many sessions."""
    reason: str
    """For people."""
    status: ReviewStatus = ReviewStatus.OPEN
    decided_by: str | None = None
    decided_at: int | None = None
    note: str | None = None


_REASONS = {
    Question.PACE: "games follow each other faster than a person plays",
    Question.RHYTHM: "games follow each other more evenly than a person plays",
    Question.WINS: "the machine pays more than its paytable says",
    Question.HITS: "it pays in more games than it does in other sessions",
    Question.METERS: "the coin-in meter moves by less than the wagers",
    Question.PLACES: "one card is at two places",
}


def review_of(suspicion: Suspicion) -> Review:
    """The review of a suspicion, which nobody has decided yet.

    Its id says session, machine and question, so that a session is told of a question once,
    whatever comes again.
    """
    return Review(
        f"{suspicion.began_at:013d}-{suspicion.asset_id}-{suspicion.question}",
        suspicion.question,
        suspicion.asset_id,
        suspicion.player_id,
        suspicion.began_at,
        suspicion.at,
        suspicion.games,
        suspicion.odds_against,
        _REASONS[suspicion.question],
    )


def subject_of(review: Review) -> str:
    """Whom a review is about: the player; the machine where it is about that, or there is none."""
    if review.question is Question.METERS or review.player_id is None:
        return f"machine/{review.asset_id}"
    return f"player/{review.player_id}"

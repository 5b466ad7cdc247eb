"""The review queue: suspicions that a person looks at, and what they decide."""

from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b

from msgspec import Struct

from pitboss.anomalies.cards import Asked, Way
from pitboss.anomalies.questions import Question
from pitboss.anomalies.watch import Suspicion

SILENT_MS = 90 * 86_400_000
"""What was cleared is not told of the same player, or machine, for so long: 90 days."""


_LONGEST_NAME = 40
"""Characters of a machine's or a player's in a review's id."""


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
    """Start of the session, epoch milliseconds; of a card at two places, midnight (UTC) of the
    gaming day's date."""
    at: int
    """Start of the game that made it suspect."""
    games: int
    """Of the session, up to then; of a card at two places, minutes in which it changed machines."""
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
}


def review_of(suspicion: Suspicion) -> Review:
    """The review of a suspicion, which nobody has decided yet.

    Its id says session, machine and question, so that a session is told of a question once,
    whatever comes again.
    """
    return Review(
        _id(suspicion.began_at, suspicion.asset_id, suspicion.question),
        suspicion.question,
        suspicion.asset_id,
        suspicion.player_id,
        suspicion.began_at,
        suspicion.at,
        suspicion.games,
        suspicion.odds_against,
        _REASONS[suspicion.question],
    )


def review_of_card(player_id: str, day: str, asked: Asked, proof: Way) -> Review:
    """The review of a card that is at two places, which nobody has decided yet.

    Its id says gaming day, player and question, so that a card's day is told of once, whichever of
    its machines tells it first.

    Args:
        player_id: whose card it is.
        day: the gaming day, an ISO date.
        asked: what its minutes say.
        proof: the way that nobody walks.
    """
    began_at = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000
    return Review(
        _id(began_at, player_id, Question.PLACES),
        Question.PLACES,
        proof.asset_id,
        player_id,
        began_at,
        proof.at,
        asked.minutes_until,
        asked.odds_against,
        f"one card is at two places: {proof.seconds:.1f} s after a game at "
        f"{proof.from_asset_id}, {proof.metres:.0f} m away",
    )


def _id(began_at: int, whose: str, question: Question) -> str:
    """At most 64 characters, as all ids; it has the hash of a name that is too long for that."""
    if len(whose) > _LONGEST_NAME:
        whose = blake2b(whose.encode(), digest_size=_LONGEST_NAME // 2).hexdigest()
    return f"{began_at:013d}-{whose}-{question}"


def subject_of(review: Review) -> str:
    """Whom a review is about: the player; the machine where it is about that, or there is none."""
    if review.question is Question.METERS or review.player_id is None:
        return f"machine/{review.asset_id}"
    return f"player/{review.player_id}"

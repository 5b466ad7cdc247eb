"""What is asked of play, and what is true of honest play.

Each answer is a value of 0 or more whose mean is bounded for honest play, as
`pitboss.anomalies.betting` needs it. A bound that is too low accuses the honest, one that is too
high only takes longer to find the others: so they are rounded up.
"""

from collections.abc import Mapping
from enum import StrEnum


class Question(StrEnum):
    """What play may be suspected of."""

    PACE = "pace"
    """Games follow each other faster than a person plays."""
    RHYTHM = "rhythm"
    """They follow each other more evenly than a person plays."""
    WINS = "wins"
    """The machine pays more than its paytable says."""
    HITS = "hits"
    """It pays anything in more games than it does in other sessions."""
    METERS = "meters"
    """The coin-in meter moves by something else than the wager."""
    PLACES = "places"
    """One card is where nobody can have got to since it was somewhere else."""


QUICK_MS = 2_000
"""From one game's start to the next. Slot games on line must take 2.5 s at least (UK Gambling
Commission, Remote gambling and software technical standards, RTS 14A, since October 2021); on a
floor a player may stop the reels with the button."""

EVEN_PARTS = 50
"""Two intervals are as good as the same where they differ by less than one part in so many."""

MOST_MULTIPLE = 20.0
"""A win counts as so many times its wager at most, so that no jackpot is an accusation. The mean of
what is cut off so is no higher."""

WALK_METRES_A_SECOND = 3.0
"""Faster than people walk across a floor."""

HONEST_SHARES: Mapping[Question, float] = {
    Question.PACE: 0.05,
    Question.RHYTHM: 0.10,
    Question.METERS: 0.005,
    Question.PLACES: 0.02,
}
"""At most this share of an honest session's answers is a yes."""

FALSE_ALARMS = 1e-4
"""Of all honest sessions, at most this share is ever accused, of anything."""

RATE = FALSE_ALARMS / len(Question)
"""Of each question."""


def is_quick(interval_ms: int) -> bool:
    """Whether a game followed the one before sooner than a person can play."""
    return interval_ms < QUICK_MS


def is_even(interval_ms: int, before_ms: int) -> bool:
    """Whether an interval is as good as the one before it."""
    return abs(interval_ms - before_ms) * EVEN_PARTS < before_ms


def multiple(win_cents: int, wager_cents: int) -> float:
    """A game's win in wagers, cut off at `MOST_MULTIPLE`."""
    return min(win_cents / wager_cents, MOST_MULTIPLE)


def is_too_far(metres: float, seconds: float) -> bool:
    """Whether nobody walks so far in that time."""
    return metres > WALK_METRES_A_SECOND * max(seconds, 0.0)

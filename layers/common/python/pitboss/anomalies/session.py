"""A player's session at a machine, asked game by game."""

from typing import NamedTuple

from msgspec import Struct

from pitboss.anomalies.betting import Evidence, is_against
from pitboss.anomalies.questions import (
    HONEST_SHARES,
    RATE,
    Question,
    is_even,
    is_quick,
    multiple,
)


class Played(NamedTuple):
    """A completed game."""

    started_at: int
    """Epoch milliseconds, by the machine's clock."""
    wager_cents: int
    win_cents: int
    base_basis_points: int | None
    """What the paytable in force pays back; None where it is not known."""
    metered_cents: int | None
    """What the coin-in meter moved by since the game before; None where that is not known."""
    hit_share: float | None = None
    """Share of games of this paytable that win anything, from far more games than these and
    rounded up; None where that is not known."""


class SessionPlay(Struct, array_like=True, frozen=True, gc=False):
    """What is remembered of a session between two games."""

    last_start: int | None = None
    """Epoch milliseconds."""
    last_interval: int | None = None
    """Milliseconds."""
    evidence: dict[Question, Evidence] = {}
    """By what was asked so far."""

    @property
    def accused_of(self) -> list[Question]:
        """What the evidence is against, at `RATE` each."""
        return [one for one, found in self.evidence.items() if is_against(found, RATE)]


def after_game(play: SessionPlay, game: Played) -> SessionPlay:
    """A session after a game, in the order in which its machine played them.

    A game that started no later than the one before is known already.
    """
    if play.last_start is not None and game.started_at <= play.last_start:
        return play
    interval = None if play.last_start is None else game.started_at - play.last_start
    evidence = dict(play.evidence)
    if interval is not None:
        _ask(evidence, Question.PACE, is_quick(interval))
        if play.last_interval is not None:
            _ask(evidence, Question.RHYTHM, is_even(interval, play.last_interval))
    if game.base_basis_points and game.wager_cents:
        found = evidence.get(Question.WINS, Evidence())
        evidence[Question.WINS] = found.after(
            multiple(game.win_cents, game.wager_cents), game.base_basis_points / 10_000
        )
    if game.hit_share:
        found = evidence.get(Question.HITS, Evidence())
        evidence[Question.HITS] = found.after(float(game.win_cents > 0), game.hit_share)
    if game.metered_cents is not None:
        _ask(evidence, Question.METERS, game.metered_cents != game.wager_cents)
    return SessionPlay(game.started_at, interval, evidence)


def _ask(evidence: dict[Question, Evidence], question: Question, is_so: bool) -> None:
    found = evidence.get(question, Evidence())
    evidence[question] = found.after(float(is_so), HONEST_SHARES[question])

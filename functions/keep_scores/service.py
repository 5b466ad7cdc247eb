"""The use case: keep the scores of a few messages, each once."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

from msgspec import Struct

from pitboss.errors import TransientError
from pitboss.games.leaderboards import Best, Score, Scores, bring_in
from pitboss.stores.leaderboards import (
    MAX_EVENTS,
    ChangedEntry,
    Kept,
    Place,
    is_taken,
)

MAX_TRIES = 10
"""Times in a row that none of a batch's entries is written."""


class Boards(Protocol):
    """Where entries are; see `pitboss.stores.leaderboards.DynamoScores`."""

    def entries(self, places: Iterable[Place]) -> Mapping[Place, Kept]: ...
    def known(self, events: Mapping[Place, Iterable[str]]) -> Mapping[Place, frozenset[str]]: ...
    def keep(self, changes: Sequence[ChangedEntry], now: int) -> Collection[Place]: ...


class ContendedScoresError(TransientError):
    """Entries that could not be written, however often it was tried. The messages come again."""

    def __init__(self, left: int) -> None:
        super().__init__(f"scores of {left} players are not kept: others write them, or too many")


class Outcome(Struct):
    """What became of a batch."""

    scores: int = 0
    too_late: int = 0
    """Scores of periods that were over too long ago."""
    kept: int = 0
    """Entries that were replaced."""
    contended: int = 0
    """Entries that had to be read again."""
    granted: int = 0


class _Open(NamedTuple):
    """What is still to be brought into an entry."""

    message: Scores
    """Of the messages that it came with, the one with the most milestones: the newest rules, for
    milestones are only added."""
    scores: dict[str, Score]
    """By event."""


def keep_scores(
    messages: Iterable[Scores],
    boards: Boards,
    now: Callable[[], int],
    pause: Callable[[int], object],
) -> Outcome:
    """Bring the scores of some messages into entries.

    Args:
        messages: what they say.
        boards: where entries are.
        now: epoch milliseconds.
        pause: waits before the n-th try of what others wrote first.

    Raises:
        ContendedScoresError: some are not kept yet.
    """
    outcome = Outcome()
    work = _work(messages, now(), outcome)
    tries = 0
    while work:
        kept = boards.entries(work)
        sums = {place: list(one.scores) for place, one in work.items() if _is_sum(one)}
        known = boards.known(sums) if sums else {}
        changes: list[ChangedEntry] = []
        for place, one in list(work.items()):
            new = [score for name, score in one.scores.items() if name not in known.get(place, ())]
            entry, version = kept[place]
            most = MAX_EVENTS if _is_sum(one) else None
            brought = bring_in(one.message.rule, entry, islice(new, most))
            if brought is None:
                del work[place]
                continue
            until = new[0].until
            changes.append(ChangedEntry(place, version, brought, one.message, until))
        left = boards.keep(changes, now()) if changes else set()
        for change in changes:
            if change.place in left:
                outcome.contended += 1
                continue
            outcome.kept += 1
            outcome.granted += len(change.brought.granted)
            one = work.pop(change.place)
            rest = _rest(one, change.brought.events, known.get(change.place, frozenset()))
            if rest:
                work[change.place] = _Open(one.message, rest)
        tries = tries + 1 if changes and len(left) == len(changes) else 0
        if tries >= MAX_TRIES:
            raise ContendedScoresError(len(work))
        if left:
            pause(tries + 1)
    return outcome


def _work(messages: Iterable[Scores], now: int, outcome: Outcome) -> dict[Place, _Open]:
    work: dict[Place, _Open] = {}
    for message in messages:
        for score in message.scores:
            outcome.scores += 1
            if not is_taken(score.until, now):
                outcome.too_late += 1
                continue
            place = Place(
                message.property_id,
                message.application_id,
                message.rule.board,
                score.period,
                score.player_id,
            )
            one = work.get(place)
            if one is None:
                one = work[place] = _Open(message, {})
            elif len(message.rule.milestones) > len(one.message.rule.milestones):
                one = work[place] = _Open(message, one.scores)
            one.scores.setdefault(score.event_id, score)
    return work


def _rest(one: _Open, written: Collection[str], known: Collection[str]) -> dict[str, Score]:
    """What of a sum is still to be marked; of any other board all is brought in at once."""
    if not _is_sum(one):
        return {}
    done = {*written, *known}
    return {name: score for name, score in one.scores.items() if name not in done}


def _is_sum(one: _Open) -> bool:
    return one.message.rule.best is Best.SUM

"""The use case: find the scores in games' events, and publish them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import batched
from typing import Protocol

from msgspec import Struct, field

from pitboss.access import Status as Access
from pitboss.events.batch import BatchHeader
from pitboss.games.applications import Application
from pitboss.games.events import GameEvent
from pitboss.games.leaderboards import (
    Board,
    Rule,
    Score,
    Scores,
    Status,
    Unscored,
    encode,
    score_of,
    term,
)
from pitboss.gaming_day import GamingDay
from pitboss.stores.topic import Message

SCORES_A_MESSAGE = 100
"""At most 45 KB, so one message in five calls for a second PublishBatch; nearly always 10 KB."""

CALL_BYTES = 200_000
"""Bytes of messages that are published at a time: SNS takes 256 KB in a call."""

type Boards = Mapping[str, Sequence[Board]]
"""Open boards, by the type of event that they are made of."""


class Applications(Protocol):
    """Knows applications' boards; see `pitboss.stores.applications.KeptApplications`."""

    def find(self, property_id: str, application_id: str) -> Boards | None: ...


class Topic(Protocol):
    """Takes messages; see `pitboss.stores.topic.SnsTopic`."""

    def publish(self, messages: Sequence[Message]) -> None: ...


class Outcome(Struct):
    """What became of a batch."""

    events: int = 0
    scores: int = 0
    unscored: Counter[Unscored] = field(default_factory=Counter)
    """Events of a board's type that are no score, by why: once for each board."""
    messages: int = 0


def boards_of(application: Application) -> Boards:
    """The boards that take scores of an application, by event type."""
    found: dict[str, list[Board]] = {}
    if application.status is Access.ACTIVE:
        for board in application.boards.values():
            if board.status is Status.OPEN:
                found.setdefault(board.event_type, []).append(board)
    return found


def publish_scores(
    records: Iterable[tuple[BatchHeader, list[GameEvent]]],
    applications: Applications,
    topic: Topic,
    days_of: Callable[[str], GamingDay],
) -> Outcome:
    """Publish the scores of a batch of stream records.

    Args:
        records: what they say.
        applications: what is registered.
        topic: where messages go.
        days_of: a property's gaming days.

    Raises:
        UnpublishedError: some messages were not taken; all come again with the batch.
    """
    outcome = Outcome()
    found: dict[tuple[str, str, str], tuple[Rule, list[Score]]] = {}
    for header, events in records:
        outcome.events += len(events)
        boards = applications.find(header.property_id, header.asset_id)
        if not boards:
            continue
        days = days_of(header.property_id)
        for event in events:
            for board in boards.get(event.event_type, ()):
                score = score_of(board, event, partial(term, board.period, days))
                if isinstance(score, Unscored):
                    outcome.unscored[score] += 1
                    continue
                place = header.property_id, header.asset_id, board.board
                rule = Rule(board.board, board.best, board.milestones)
                found.setdefault(place, (rule, []))[1].append(score)
                outcome.scores += 1
    messages = [
        Message(encode(Scores(property_id, application_id, rule, list(some))).decode())
        for (property_id, application_id, _), (rule, scores) in found.items()
        for some in batched(scores, SCORES_A_MESSAGE, strict=False)
    ]
    for call in _calls(messages):
        topic.publish(call)
    outcome.messages = len(messages)
    return outcome


def _calls(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Messages, in lists that SNS takes at a time."""
    call: list[Message] = []
    size = 0
    for message in messages:
        its_size = len(message.body.encode())
        if call and size + its_size > CALL_BYTES:
            yield call
            call, size = [], 0
        call.append(message)
        size += its_size
    if call:
        yield call

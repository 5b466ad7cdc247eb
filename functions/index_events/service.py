"""The use case: keep a batch's events where they are found."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from pitboss.events.batch import BatchHeader
from pitboss.games.applications import Application
from pitboss.games.events import GameEvent
from pitboss.games.recent import KEPT_MS, Block, Place, RecentEvent, blocks_of, by_cell, places_of
from pitboss.games.recent import unique as each_once
from pitboss.stores.recent_events import Newest

MAX_KNOWN_PLACES = 200_000
"""Places that are known to be listed; then it begins anew, and some are listed once more."""

type Record = tuple[BatchHeader, list[GameEvent]]
"""A record of the game stream."""

type _Whose = tuple[str, str]
"""Property and application."""


class Applications(Protocol):
    """Knows applications; see `pitboss.stores.applications.KeptApplications`."""

    def find(self, property_id: str, application_id: str) -> Application | None: ...


class RecentEvents(Protocol):
    """Where events are kept; see `pitboss.stores.recent_events.DynamoRecentEvents`."""

    def keep(
        self,
        blocks: Mapping[_Whose, Iterable[Block]],
        places: Mapping[_Whose, Iterable[Place]],
        pause: Callable[[int], object],
    ) -> None: ...
    def tell_newest(self, property_id: str, newest: Newest) -> None: ...


class Outcome(Struct):
    """What became of a batch: received = indexed + known + left_out + too_old."""

    received: int = 0
    indexed: int = 0
    known: int = 0
    """That the same batch has twice."""
    left_out: int = 0
    """Of a type that the application leaves out."""
    too_old: int = 0
    """That occurred longer ago than is kept."""
    blocks: int = 0
    places: int = 0


class IndexEvents:
    """Keeps events; what it has listed it knows between calls."""

    def __init__(
        self,
        recent: RecentEvents,
        applications: Applications,
        now: Callable[[], int],
        pause: Callable[[int], object],
    ) -> None:
        """
        Args:
            recent: where they are kept.
            applications: which types each leaves out.
            now: epoch milliseconds.
            pause: waits before the n-th try.
        """
        self._recent = recent
        self._applications = applications
        self._now = now
        self._pause = pause
        self._listed: set[tuple[_Whose, Place]] = set()

    def __call__(self, records: Iterable[Record]) -> Outcome:
        """Keep a batch.

        Raises:
            UnwrittenItems: it has to come again.
            Exception: whatever the stores raise. What is written by then is the same when the
                batch comes again.
        """
        outcome = Outcome()
        events: dict[_Whose, list[RecentEvent]] = {}
        newest: dict[_Whose, int] = {}
        for header, found in records:
            whose = header.property_id, header.asset_id
            outcome.received += len(found)
            kept = self._kept(whose, found, outcome)
            events.setdefault(whose, []).extend(RecentEvent(header.received_at, e) for e in kept)
            newest[whose] = max(header.received_at, newest.get(whose, 0))
        blocks: dict[_Whose, list[Block]] = {}
        places: dict[_Whose, set[Place]] = {}
        for whose, some in events.items():
            once = each_once(some)
            outcome.known += len(some) - len(once)
            outcome.indexed += len(once)
            for cell, of_cell in by_cell(once).items():
                blocks.setdefault(whose, []).extend(blocks_of(cell, of_cell))
                places.setdefault(whose, set()).update(
                    place
                    for place in places_of(cell, of_cell)
                    if (whose, place) not in self._listed
                )
        self._recent.keep(blocks, places, self._pause)
        self._know(places)
        outcome.blocks = sum(map(len, blocks.values()))
        outcome.places = sum(map(len, places.values()))
        for (property_id, application_id), received_at in newest.items():
            told = Newest(application_id, received_at, self._now())
            self._recent.tell_newest(property_id, told)
        return outcome

    def _kept(
        self, whose: _Whose, found: Iterable[GameEvent], outcome: Outcome
    ) -> Iterable[GameEvent]:
        application = self._applications.find(*whose)
        left_out = frozenset(() if application is None else application.left_out)
        oldest = self._now() - KEPT_MS
        for event in found:
            if event.event_type in left_out:
                outcome.left_out += 1
            elif event.occurred_at < oldest:
                outcome.too_old += 1
            else:
                yield event

    def _know(self, places: Mapping[_Whose, Iterable[Place]]) -> None:
        if len(self._listed) > MAX_KNOWN_PLACES:
            self._listed.clear()
        self._listed.update((whose, place) for whose, some in places.items() for place in some)

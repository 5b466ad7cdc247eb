"""The use case: bring events into what is kept of their lanes."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from pitboss.events.batch import BatchHeader
from pitboss.games.events import GameEvent
from pitboss.metrics.definition import Metric
from pitboss.metrics.lanes import (
    Head,
    Lane,
    PaneKey,
    Received,
    Wanted,
    bring_in,
    is_ahead,
    is_late,
    parts,
    wanted_for,
)
from pitboss.metrics.players import Player
from pitboss.stores.dynamodb import Spread
from pitboss.stores.metrics import ContendedLaneError, LaneKey

MAX_CONFLICTS = 8
"""Times in a row that a lane may be lost to another writer before it is given back."""

MAX_PLAYERS = 4_000
"""Players of a lane that are kept in memory."""

MAX_LANES = 256
"""Lanes that are kept in memory: those of 16 applications."""

MAX_KEPT = 24
"""Slices of a lane, and panes, that are kept in memory: the newest."""


class Metrics(Protocol):
    """Where lanes are kept; see `pitboss.stores.metrics.DynamoMetrics`."""

    def measure(self, property_id: str, application_id: str) -> None: ...
    def head(self, lane: LaneKey) -> Head: ...
    def lane(self, lane: LaneKey, wanted: Wanted) -> Lane: ...
    def commit(self, lane: LaneKey, head: Head, changed: Lane, now: int) -> None: ...


class Record(NamedTuple):
    """A stream record."""

    lane: int
    header: BatchHeader
    events: list[GameEvent]


class Outcome(Struct):
    """What became of a batch."""

    events: int = 0
    late: int = 0
    """Too late to count."""
    ahead: int = 0
    """Too far in the future to count."""
    known: int = 0
    """Measured before."""
    measured: int = 0
    unmeasured: int = 0
    """Times that an event met what a metric asks, but has no measurement."""
    full: int = 0
    """Times that a pane had no room for detail."""
    crowded: int = 0
    """That a lane had no room for, to know them again."""
    reports: int = 0
    """Crash reports that were counted."""
    ungrouped: int = 0
    """Of these, those that there was no room to tell apart."""
    written: int = 0
    """Transactions."""
    contended: int = 0
    """Lanes that had to be read again."""

    def add(self, other: "Outcome") -> None:
        """Count another one's with these."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class _Kept(Struct):
    """A lane as it was written or read last."""

    head: Head
    lane: Lane


class MeasureEvents:
    """Measures events; what it wrote or read last it keeps between calls."""

    def __init__(
        self,
        metrics: Metrics,
        definitions: Callable[[str], Sequence[Metric]],
        day_of: Callable[[str], Callable[[int], int]],
        now: Callable[[], int],
        pause: Callable[[int], object],
        spread: Spread = map,
    ) -> None:
        """
        Args:
            metrics: where lanes are kept.
            definitions: a property's metrics.
            day_of: for a property, the gaming day (ordinal) of an epoch minute.
            now: epoch seconds.
            pause: waits before the n-th try after a conflict.
            spread: `map`, or one that brings in several lanes at a time.
        """
        self._metrics = metrics
        self._definitions = definitions
        self._day_of = day_of
        self._now = now
        self._pause = pause
        self._spread = spread
        self._kept: dict[LaneKey, _Kept] = {}
        self._applications: set[tuple[str, str]] = set()

    def __call__(self, records: Iterable[Record]) -> Outcome:
        """Bring in a batch of stream records.

        Raises:
            ContendedLaneError: other writers kept winning; come again.
            Exception: whatever the store raises. What is written by then is known when the batch
                comes again.
        """
        outcome = Outcome()
        work: dict[LaneKey, list[Received]] = {}
        for record in records:
            header = record.header
            lane = LaneKey(header.property_id, header.asset_id, record.lane)
            outcome.events += len(record.events)
            for event in record.events:
                one = Received(event, header.received_at)
                if is_late(one):
                    outcome.late += 1
                elif is_ahead(one):
                    outcome.ahead += 1
                else:
                    work.setdefault(lane, []).append(one)
        for lane in work:
            application = lane.property_id, lane.application_id
            if application not in self._applications:
                self._metrics.measure(*application)
                self._applications.add(application)
        if len(self._kept.keys() | work.keys()) > MAX_LANES:
            self._kept = {lane: kept for lane, kept in self._kept.items() if lane in work}
        metrics = {lane: self._about(lane) for lane in work}
        for done in self._spread(
            lambda lane: self._bring_in(lane, metrics[lane], work[lane]), work
        ):
            outcome.add(done)
        return outcome

    def _about(self, lane: LaneKey) -> list[Metric]:
        known = self._definitions(lane.property_id)
        return [one for one in known if one.is_about(lane.application_id)]

    def _bring_in(
        self, lane: LaneKey, metrics: Sequence[Metric], events: Sequence[Received]
    ) -> Outcome:
        outcome = Outcome()
        try:
            for part in parts(metrics, events):
                self._bring_in_part(lane, metrics, part, outcome)
        except BaseException:
            self._kept.pop(lane, None)  # what was written is not known
            raise
        self._forget(lane)
        return outcome

    def _bring_in_part(
        self, key: LaneKey, metrics: Sequence[Metric], events: list[Received], outcome: Outcome
    ) -> None:
        conflicts = 0
        while True:
            kept = self._read(key, wanted_for(metrics, events))
            day_of = self._day_of(key.property_id)
            brought = bring_in(kept.head, kept.lane, metrics, events, day_of)
            try:
                if brought.is_anything:
                    self._metrics.commit(key, brought.head, brought.lane, self._now())
            except ContendedLaneError:
                del self._kept[key]
                conflicts += 1
                outcome.contended += 1
                if conflicts > MAX_CONFLICTS:
                    raise
                self._pause(conflicts)
                continue
            kept.head = brought.head
            kept.lane.slices |= brought.lane.slices
            kept.lane.panes |= brought.lane.panes
            kept.lane.players |= brought.lane.players
            if brought.lane.tally is not None:
                kept.lane.tally = brought.lane.tally
            outcome.known += brought.known
            outcome.measured += brought.measured
            outcome.unmeasured += brought.unmeasured
            outcome.full += brought.full
            outcome.crowded += brought.crowded
            outcome.reports += brought.reports
            outcome.ungrouped += brought.ungrouped
            outcome.written += brought.is_anything
            return

    def _read(self, key: LaneKey, wanted: Wanted) -> _Kept:
        """The lane with all that is wanted of it, the head read before everything else."""
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Kept(self._metrics.head(key), Lane())
        lane = kept.lane
        missing = Wanted(
            wanted.slices - lane.slices.keys(),
            wanted.panes - lane.panes.keys(),
            wanted.players - lane.players.keys(),
            wanted.reports if lane.tally is None else 0,
        )
        if missing.items:
            found = self._metrics.lane(key, missing)
            lane.slices |= found.slices
            lane.panes |= found.panes
            lane.players |= found.players
            if found.tally is not None:
                lane.tally = found.tally
        return kept

    def _forget(self, key: LaneKey) -> None:
        lane = self._kept[key].lane
        slices = sorted(lane.slices)[-MAX_KEPT:]
        panes: list[PaneKey] = sorted(lane.panes, key=lambda pane: pane[0] + pane[1])[-MAX_KEPT:]
        players: list[str] = list(lane.players)[-MAX_PLAYERS:]
        known: dict[str, Player | None] = {name: lane.players[name] for name in players}
        lane.slices = {begins: lane.slices[begins] for begins in slices}
        lane.panes = {pane: lane.panes[pane] for pane in panes}
        lane.players = known

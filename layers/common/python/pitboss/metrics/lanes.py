"""One lane's events, brought into its panes and players.

Clients of an application are in lanes (`pitboss.games.events.LANES`), and a lane is written as one:
its head has a version, and whatever else is kept of it is written in one transaction with the head,
where that is still the one that was read. An event that a metric measures is known by its id and
the ten seconds it occurred in, so that it counts once however often it comes; so is a report of a
crash (`pitboss.metrics.crashes`), whether or not a metric measures it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

from msgspec import Struct, field

from pitboss.games.crashes import REPORT_TYPES
from pitboss.games.events import GameEvent
from pitboss.metrics.crashes import Counted, Example, Tally, example_of
from pitboss.metrics.definition import Fields, Metric, is_met
from pitboss.metrics.partial import Partial, partial_of, together
from pitboss.metrics.players import AHEAD_DAYS, KEPT_DAYS, LATE_DAYS, Player
from pitboss.metrics.players import bring_in as bring_in_player

SLICE_SECONDS = 10
"""Events are known by these."""

LATE_MS = LATE_DAYS * 86_400_000
"""What occurred so long before it was received counts no more: nobody could say whether it did."""

AHEAD_MS = AHEAD_DAYS * 86_400_000
"""What occurred so long after it was received does not count; see `AHEAD_DAYS`."""

MAX_ITEMS = 90
"""That one transaction may change; DynamoDB takes 100."""

MAX_VALUES = 50
"""Values of a metric's dimensions in one lane's pane; what is of others is `OTHER`'s."""

OTHER = "(other)"
NONE = "(none)"
MAX_VALUE_CHARACTERS = 60

MAX_WEIGHT = 300_000
"""Bytes of a lane's pane, of the 400 kB that an item may have. What comes after that is counted and
summed, but neither told apart nor ranked (`Partial.is_full`)."""

_ID_BYTES = 8
"""Of what an event is known by: two of the 10,000 in a lane's slice are taken for one with a
probability of 3 in a million million."""

MAX_SLICE_EVENTS = 45_000
"""That a lane's slice knows, 360 kB of ids of the 400 kB that an item may have. What a lane has
beyond them in ten seconds, at 4,500 events/s, no metric counts."""

type PaneKey = tuple[int, int]
"""Its length, and when it begins, in seconds."""
type Values = tuple[str, ...]
"""Of a metric's dimensions, in their order."""
type Pane = dict[str, dict[Values, Partial]]
"""By `Metric.measure_id` and dimensions."""


class Received(Struct, frozen=True):
    """An event and when it was received, epoch milliseconds."""

    event: GameEvent
    received_at: int


class Head(Struct, frozen=True):
    """What a lane's days come to, and how often it was written."""

    version: int = 0
    days: Mapping[int, Mapping[str, int]] = {}
    newest: int = 0
    """When its newest event was received, epoch milliseconds."""


class Wanted(Struct):
    """What of a lane is looked at."""

    slices: set[int] = field(default_factory=set)
    """By when they begin, seconds."""
    panes: set[PaneKey] = field(default_factory=set)
    players: set[str] = field(default_factory=set)
    reports: int = 0
    """Crash reports: with some the tally is looked at, and each may leave an example."""

    @property
    def items(self) -> int:
        """How many there are at most."""
        several = len(self.slices) + len(self.panes) + len(self.players)
        return several + self.reports + (self.reports > 0)


class Lane(Struct):
    """What is kept of a lane, as far as it was looked at."""

    slices: dict[int, frozenset[bytes]] = field(default_factory=dict)
    panes: dict[PaneKey, Pane] = field(default_factory=dict)
    players: dict[str, Player | None] = field(default_factory=dict)
    tally: Tally | None = None
    """Of crash reports; None where it was not looked at."""
    examples: dict[str, Example] = field(default_factory=dict)
    """Of groups of crash reports; these are written and not read."""


class Brought(Struct):
    """What events make of a lane: what it comes to where it is not what it was, and counts."""

    head: Head
    lane: Lane = field(default_factory=Lane)
    known: int = 0
    """Events that were measured before."""
    measured: int = 0
    """Events that some metric counts."""
    unmeasured: int = 0
    """Times that an event met what a metric asks, but has no measurement."""
    full: int = 0
    """Times that a pane had no room for detail."""
    crowded: int = 0
    """Events that a slice had no room for: no metric counts them."""
    reports: int = 0
    """Crash reports that were counted."""
    ungrouped: int = 0
    """Of these, those that there was no room to tell apart."""

    @property
    def is_anything(self) -> bool:
        """Whether there is anything to be written."""
        return bool(self.lane.slices or self.lane.panes or self.lane.players)


def is_late(one: Received) -> bool:
    """Whether it is too late to count."""
    return one.received_at - one.event.occurred_at > LATE_MS


def is_ahead(one: Received) -> bool:
    """Whether it says that it occurred in a future that no clock is wrong by."""
    return one.event.occurred_at - one.received_at > AHEAD_MS


def wanted_for(metrics: Iterable[Metric], events: Iterable[Received]) -> Wanted:
    """What of a lane these events may change."""
    lengths = {one.pane_seconds for one in metrics if not one.is_of_players}
    wanted = Wanted()
    for one in events:
        _want(wanted, lengths, one.event)
    return wanted


def _want(wanted: Wanted, lengths: Iterable[int], event: GameEvent) -> None:
    at = event.occurred_at // 1000
    is_report = event.event_type in REPORT_TYPES
    wanted.reports += is_report
    if lengths or is_report:
        wanted.slices.add(at - at % SLICE_SECONDS)
    wanted.panes.update((length, at - at % length) for length in lengths)
    if event.player_id is not None:
        wanted.players.add(event.player_id)


def parts(metrics: Iterable[Metric], events: Sequence[Received]) -> Iterator[list[Received]]:
    """The events in parts, each of which one transaction can take; by the time they occurred, so
    that those of one pane are together.
    """
    lengths = {one.pane_seconds for one in metrics if not one.is_of_players}
    wanted, part = Wanted(), list[Received]()
    for one in sorted(events, key=lambda each: each.event.occurred_at):
        # One event wants a slice, a player, a tally, an example and a pane of each length.
        if wanted.items + 4 + len(lengths) > MAX_ITEMS:
            yield part
            wanted, part = Wanted(), []
        _want(wanted, lengths, one.event)
        part.append(one)
    if part:
        yield part


def bring_in(
    head: Head,
    lane: Lane,
    metrics: Sequence[Metric],
    events: Sequence[Received],
    day_of: Callable[[int], int],
) -> Brought:
    """A lane after events.

    Args:
        head: of the lane.
        lane: what `wanted_for` asks for.
        metrics: that are about the application.
        events: none of which `is_late` or `is_ahead`.
        day_of: the gaming day, as an ordinal, of an epoch minute.
    """
    brought = Brought(head)
    days: dict[int, dict[str, int]] = {}
    new: dict[PaneKey, dict[tuple[str, Values], list[Partial]]] = {}
    slices: dict[int, set[bytes]] = {}
    measuring = [one for one in metrics if not one.is_of_players]
    counted = Counted(dict(lane.tally or {}))
    for one in events:
        event = one.event
        if event.player_id is not None:
            _bring_in_player(brought, lane, days, event, day_of)
        _measure(brought, lane, slices, new, one, measuring, counted)
    brought.ungrouped = counted.ungrouped
    if brought.reports:
        brought.lane.tally = counted.tally
    brought.lane.slices |= {
        part: frozenset(ids)
        for part, ids in slices.items()
        if len(ids) > len(lane.slices.get(part, ()))
    }
    for key, found in new.items():
        brought.lane.panes[key] = _with(brought, lane.panes.get(key, {}), found)
    if brought.is_anything:
        newest = max(head.newest, *(one.received_at for one in events))
        brought.head = Head(head.version + 1, _added(head.days, days), newest)
    return brought


def _bring_in_player(
    brought: Brought,
    lane: Lane,
    days: dict[int, dict[str, int]],
    event: GameEvent,
    day_of: Callable[[int], int],
) -> None:
    name = event.player_id
    assert name is not None, "asked for by the caller"
    minute = event.occurred_at // 60_000
    known = brought.lane.players.get(name) or lane.players.get(name)
    after = bring_in_player(known, minute, day_of(minute), day_of)
    if after is None:
        return
    brought.lane.players[name] = after.player
    for (day, what), by in after.days.items():
        of_day = days.setdefault(day, {})
        of_day[what] = of_day.get(what, 0) + by


def _measure(
    brought: Brought,
    lane: Lane,
    slices: dict[int, set[bytes]],
    new: dict[PaneKey, dict[tuple[str, Values], list[Partial]]],
    one: Received,
    metrics: Iterable[Metric],
    counted: Counted,
) -> None:
    event = one.event
    at = event.occurred_at // 1000
    fields = Fields(event)
    found: list[tuple[Metric, Partial]] = []
    for metric in metrics:
        if not is_met(metric.where, fields):
            continue
        partial = partial_of(metric, None if metric.of is None else fields(metric.of))
        if partial is None:
            brought.unmeasured += 1
        else:
            found.append((metric, partial))
    crash = fields.crash
    if not found and crash is None:
        return
    part = at - at % SLICE_SECONDS
    if part not in slices:
        slices[part] = set(lane.slices.get(part, ()))
    known = slices[part]
    event_id = _known_by(event)
    if event_id in known:
        brought.known += 1
        return
    if len(known) >= MAX_SLICE_EVENTS:
        brought.crowded += 1
        return
    known.add(event_id)
    brought.measured += bool(found)
    if crash is not None:
        brought.reports += 1
        counted.add(crash, event.app_version, min(event.occurred_at, one.received_at))
        if counted.is_new:
            brought.lane.examples[crash.group] = example_of(event, crash)
    for metric, partial in found:
        values = tuple(_said(fields(path)) for path in metric.dimensions)
        pane = metric.pane_seconds, at - at % metric.pane_seconds
        new.setdefault(pane, {}).setdefault((metric.measure_id, values), []).append(partial)


def _known_by(event: GameEvent) -> bytes:
    """What an event is known again by: its id, and of a client's event the client's."""
    said, whose = event.event_id.encode(), event.told_by.encode()
    return blake2b(said, digest_size=_ID_BYTES, key=whose).digest()


def _said(value: object) -> str:
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:MAX_VALUE_CHARACTERS]


def _with(
    brought: Brought, before: Pane, found: Mapping[tuple[str, Values], list[Partial]]
) -> Pane:
    """A pane and what came to it."""
    after: Pane = {measure: dict(by_values) for measure, by_values in before.items()}
    weight = sum(one.weight + 61 * len(at) for by in after.values() for at, one in by.items())
    for (measure, values), partials in found.items():
        by_values = after.setdefault(measure, {})
        place = values
        if values not in by_values and values and len(by_values) >= MAX_VALUES:
            place = (OTHER,) * len(values)
        known = by_values.get(place, Partial())
        one = together([known, *partials])
        if weight + one.weight - known.weight > MAX_WEIGHT:
            brought.full += 1
            plain = together(partials).without_detail()
            one = together([known, plain])
        weight += one.weight - known.weight
        by_values[place] = one
    return after


def _added(
    before: Mapping[int, Mapping[str, int]], more: Mapping[int, Mapping[str, int]]
) -> dict[int, dict[str, int]]:
    days = {day: dict(fields) for day, fields in before.items()}
    for day, fields in more.items():
        of_day = days.setdefault(day, {})
        for name, by in fields.items():
            of_day[name] = of_day.get(name, 0) + by
    oldest = max(days, default=0) - KEPT_DAYS
    return {day: fields for day, fields in days.items() if day >= oldest}

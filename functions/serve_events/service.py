"""The use case: a page of the events that are looked for, and how far each application has come."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol, Self

import msgspec
from msgspec import Struct

from pitboss import queries
from pitboss.events.envelope import is_identifier
from pitboss.games.events import LANES, MAX_LEVEL_CHARACTERS, lane_of
from pitboss.games.recent import (
    EVERY,
    HOUR_MINUTES,
    KEPT_MS,
    MINUTE_MS,
    Cell,
    Position,
    RecentEvent,
    Sought,
    cells_in_all,
    hour_text,
    newest,
    of_level,
    of_player,
    of_type,
)
from pitboss.lake import loads
from pitboss.posts import MAX_AHEAD_MS
from pitboss.stores.recent_events import Newest

ROUTE = "/v1/game-events"
FRESHNESS_ROUTE = "/v1/game-events/freshness"
DEFAULT_EVENTS, MAX_EVENTS = 100, 500
PARAMETERS = (*("application", "player", "type", "level", "since", "until", "limit", "before"),)

MAX_PAGE_BYTES = 3_000_000
"""Of what a page's events say; Lambda answers with 6 MB at most."""

SEARCH_MS = 5_000
"""How long a search looks before it answers with what it has, and where to go on."""

CELLS_AT_A_TIME = 16
"""Cells that are read together: a whole minute of an application, or some of one lane."""

_MOMENT = re.compile(r"[0-9]{1,13}", re.ASCII)
_SHOWN = 40


class RecentEvents(Protocol):
    """Where events are; see `pitboss.stores.recent_events.DynamoRecentEvents`."""

    def listed(
        self, property_id: str, application_id: str, list_name: str, first: str, last: str
    ) -> Iterator[str]: ...
    def cells(
        self, property_id: str, application_id: str, cells: Iterable[Cell]
    ) -> Iterable[list[RecentEvent]]: ...
    def newest(self, property_id: str) -> list[Newest]: ...


class EventDocument(Struct, frozen=True):
    """An event of a game. `occurred_at` is by the sender's clock, `received_at` by the door's, both
    epoch milliseconds; `data` is what it says beside the envelope, to the byte.
    """

    event_id: str
    occurred_at: int
    received_at: int
    event_type: str
    event_version: str
    app_version: str
    player_id: str | None
    level_id: str | None
    x: float | None
    y: float | None
    is_trusted: bool
    data: msgspec.Raw


class EventsDocument(Struct, frozen=True):
    """`GET /v1/game-events`: the newest first. `searched_since` (epoch ms) is how far back was
    looked; `next` is what `before` is to be for what follows, absent where there is no more. A page
    may have fewer events than were asked for, and `next`.
    """

    property_id: str
    application_id: str
    events: list[EventDocument]
    searched_since: int
    next: str | None


class ApplicationFreshness(Struct, frozen=True):
    """How far an application has come: when the door received the newest event that is indexed, and
    when it was; both epoch milliseconds.
    """

    application_id: str
    newest_received_at: int
    indexed_at: int


class FreshnessDocument(Struct, frozen=True):
    """`GET /v1/game-events/freshness`: the applications that had events in the last 7 days, and of
    all of them together how far the lake is, raw and refined. `at` is now, epoch milliseconds.
    """

    property_id: str
    at: int
    applications: list[ApplicationFreshness]
    lake: loads.Freshness


class Asked(NamedTuple):
    """What a query asks for."""

    application_id: str
    sought: Sought
    limit: int
    before: Position | None

    @classmethod
    def of(cls, given: Mapping[str, list[str]] | None, now: int) -> Self:
        """What a query asks for; times that nothing is kept of are left out of it.

        Raises:
            RefusedQueryError: it has what is not known, or is wrong.
        """
        query = queries.parameters(given, PARAMETERS)
        application_id = query.get("application", "")
        if not is_identifier(application_id):
            raise queries.RefusedQueryError("application names one, as it is registered")
        since, until = _moment(query, "since", 0), _moment(query, "until", now + MAX_AHEAD_MS + 1)
        if since > until:
            raise queries.RefusedQueryError("since is after until")
        before = query.get("before")
        try:
            position = None if before is None else Position.of(before)
        except ValueError:
            raise queries.RefusedQueryError("before is not what `next` was") from None
        for name in ("player", "type"):
            if name in query and not is_identifier(query[name]):
                raise queries.RefusedQueryError(
                    f"{name} is {query[name][:_SHOWN]!r}, no identifier"
                )
        if not 1 <= len(query.get("level", "-")) <= MAX_LEVEL_CHARACTERS:
            raise queries.RefusedQueryError(f"level has 1 to {MAX_LEVEL_CHARACTERS} characters")
        sought = Sought(
            query.get("player"),
            query.get("type"),
            query.get("level"),
            max(since, now - KEPT_MS),
            until,
        )
        limit = queries.limit(query, DEFAULT_EVENTS, MAX_EVENTS)
        return cls(application_id, sought, limit, position)


class _Span(NamedTuple):
    """Minutes, both included."""

    first: int
    last: int


class _TimeIsOver(Exception):
    """A search has looked for as long as it may, and for all that is newer than this minute."""

    def __init__(self, minute: int) -> None:
        self.minute = minute
        super().__init__(minute)


class _Watch:
    """Ends a search that looks for long, once it has come further than where it began: that is
    where the next page begins.
    """

    def __init__(self, asked: "Asked", now: Callable[[], int]) -> None:
        self._now = now
        self._ends_at = now() + SEARCH_MS
        self._until = _until(asked)

    def may_end(self, minute: int) -> bool:
        """Whether it has looked for long enough, and for all from the beginning of a minute on."""
        return minute * MINUTE_MS + 1 < self._until and self._now() >= self._ends_at

    def look(self, minute: int) -> None:
        """Go on to what is as old as this minute.

        Raises:
            _TimeIsOver: not any more.
        """
        if self.may_end(minute + 1):
            raise _TimeIsOver(minute)


class Found(NamedTuple):
    """A page, and whether it ended before its time."""

    document: EventsDocument
    is_cut: bool


def search(recent: RecentEvents, property_id: str, asked: Asked, now: Callable[[], int]) -> Found:
    """A page of what is looked for, the newest first.

    Args:
        recent: where events are.
        property_id: whose.
        asked: what is looked for.
        now: epoch milliseconds.
    """
    watch = _Watch(asked, now)
    sought, before = asked.sought, asked.before
    found: list[RecentEvent] = []

    def cut(page: list[RecentEvent], minute: int) -> Found:
        reached = max(minute * MINUTE_MS, sought.since)
        place = str(Position(reached, "", 0, ""))
        return Found(_document(property_id, asked, page, reached, place), True)

    rounds = _rounds(_cells(recent, property_id, asked, watch))
    while True:
        try:
            cells = next(rounds, None)
        except _TimeIsOver as over:
            return cut(found, over.minute + 1)
        if cells is None:
            return Found(_document(property_id, asked, found, sought.since, None), False)
        read = recent.cells(property_id, asked.application_id, cells)
        most = asked.limit + 1
        some = [one for events in read for one in newest(events, sought, before, most)]
        some.sort(key=lambda one: one.place, reverse=True)  # rounds are in the order of time
        found += some
        page = _page(found, asked.limit)
        if len(page) < len(found):
            last = page[-1].place
            return Found(_document(property_id, asked, page, last.occurred_at, str(last)), False)
        if watch.may_end(cells[-1].minute):
            return cut(page, cells[-1].minute)


def freshness(
    recent: RecentEvents, lake: loads.Lake, property_id: str, now: int
) -> FreshnessDocument:
    """How far each application has come, and the lake.

    Args:
        recent: where the events of the last 7 days are.
        lake: where all are.
        property_id: whose.
        now: epoch milliseconds.
    """
    return FreshnessDocument(
        property_id,
        now,
        [ApplicationFreshness(*one) for one in recent.newest(property_id)],
        loads.freshness(property_id, lake, now),
    )


def _cells(recent: RecentEvents, property_id: str, asked: Asked, watch: _Watch) -> Iterator[Cell]:
    """The cells that may have what is looked for, the newest first.

    Raises:
        _TimeIsOver: all cells that are newer were told.
    """
    sought, application_id = asked.sought, asked.application_id
    names = [
        *([] if sought.event_type is None else [of_type(sought.event_type)]),
        *([] if sought.level_id is None else [of_level(sought.level_id)]),
    ]
    lane = None if sought.player_id is None else lane_of(sought.player_id)
    for first, last in _spans(recent, property_id, asked):
        watch.look(last)
        lists = [
            _watched(
                recent.listed(
                    property_id,
                    application_id,
                    name,
                    str(Cell(first, 0)),
                    str(Cell(last, LANES)),
                ),
                watch,
            )
            for name in names or [EVERY]
        ]
        for cell in cells_in_all(lists):
            if lane is None or cell.lane == lane:
                yield cell


def _watched(names: Iterable[str], watch: _Watch) -> Iterator[str]:
    """What a list names, as long as there is time."""
    for name in names:
        watch.look(Cell.parse(name).minute)
        yield name


def _until(asked: Asked) -> int:
    """The first moment, epoch milliseconds, that is too new."""
    until = asked.sought.until
    return until if asked.before is None else min(until, asked.before.occurred_at + 1)


def _spans(recent: RecentEvents, property_id: str, asked: Asked) -> Iterator[_Span]:
    """The minutes to look in, the newest first: of a player the hours that they have events in."""
    sought = asked.sought
    until = _until(asked)
    if until <= sought.since:
        return
    whole = _Span(sought.since // MINUTE_MS, (until - 1) // MINUTE_MS)
    if sought.player_id is None:
        yield whole
        return
    hours = recent.listed(
        property_id,
        asked.application_id,
        of_player(sought.player_id),
        hour_text(whole.first // HOUR_MINUTES),
        hour_text(whole.last // HOUR_MINUTES),
    )
    for hour in map(int, hours):
        first = hour * HOUR_MINUTES
        yield _Span(max(first, whole.first), min(first + HOUR_MINUTES - 1, whole.last))


def _rounds(cells: Iterable[Cell]) -> Iterator[list[Cell]]:
    """Cells in groups of whole minutes.

    Raises:
        _TimeIsOver: after all that are newer.
    """
    group: list[Cell] = []
    over: _TimeIsOver | None = None
    try:
        for cell in cells:
            if len(group) >= CELLS_AT_A_TIME and cell.minute != group[-1].minute:
                yield group
                group = []
            group.append(cell)
    except _TimeIsOver as is_over:
        over = is_over
        group = [cell for cell in group if cell.minute > over.minute]
    if group:
        yield group
    if over is not None:
        raise over


def _page(found: list[RecentEvent], limit: int) -> list[RecentEvent]:
    """As many as an answer holds, and at least one."""
    size = 0
    for count, one in enumerate(found):
        size += len(one.event.data)
        if count == limit or (count and size > MAX_PAGE_BYTES):
            return found[:count]
    return found


def _document(
    property_id: str, asked: Asked, page: list[RecentEvent], since: int, following: str | None
) -> EventsDocument:
    events = [_event(one) for one in page]
    return EventsDocument(property_id, asked.application_id, events, since, following)


def _event(one: RecentEvent) -> EventDocument:
    event = one.event
    return EventDocument(
        event.event_id,
        event.occurred_at,
        one.received_at,
        event.event_type,
        event.event_version,
        event.app_version,
        event.player_id,
        event.level_id,
        event.x,
        event.y,
        event.is_trusted,
        msgspec.Raw(event.data),
    )


def _moment(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not _MOMENT.fullmatch(text):
        raise queries.RefusedQueryError(f"{name} is {text[:_SHOWN]!r}, not a time in epoch ms")
    return int(text)

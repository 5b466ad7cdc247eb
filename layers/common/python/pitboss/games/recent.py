"""Games' events of the last days, as they are kept to be searched: cells, blocks and places.

A **cell** is a minute of an application's lane: what occurred in it, of the clients in that lane.
Its events are kept packed, a **block** for each batch that brought some; so an event costs a share
of a write, and no player and no type has a key of its own that could be hot. What is sent twice is
in the same cell twice, and one event as soon as the cell is read, in whatever order it came
(`unique`).

**Places** say where to look: a list for each type, level and player names the cells that have some,
once each; those of a player are hours, for their lane is known. A search reads lists, then cells.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from heapq import nlargest
from typing import NamedTuple, Self

import msgspec
from msgspec import Struct

from pitboss.games.events import GameEvent, lane_of

MINUTE_MS = 60_000
HOUR_MINUTES = 60
KEPT_MS = 7 * 86_400_000
"""How long an event is kept, from when it occurred."""

MAX_BLOCK_BYTES = 131_072
"""Of a block's events before they are packed. One event may be larger (256 KiB), and is a block of
its own; an item of DynamoDB holds 400 KB."""

EVERY = "every"
"""The list of all cells that have events."""

_EVENT_BYTES = 200
"""More than an event has beside `data`, mostly."""

_DIGEST_CHARACTERS = 24


class RecentEvent(Struct, array_like=True, frozen=True, gc=False):
    """An event, and when the door received it (epoch milliseconds)."""

    received_at: int
    event: GameEvent

    @property
    def place(self) -> "Position":
        """Where it stands in its application."""
        event = self.event
        return Position(
            event.occurred_at, event.player_id or "", int(event.is_trusted), event.event_id
        )


class Position(NamedTuple):
    """What an event is named by in its application, in the order of time.

    The client, and whether a server says it, are a part of it: by naming an event of somebody else
    a client takes nothing from them.
    """

    occurred_at: int
    player_id: str
    is_trusted: int
    """1 of what a server says, 0 of what a client says."""
    event_id: str

    def __str__(self) -> str:
        return f"{self.occurred_at:015d}/{self.player_id}/{self.is_trusted}/{self.event_id}"

    @classmethod
    def of(cls, text: str) -> Self:
        """The position that was written so.

        Raises:
            ValueError: it is none.
        """
        at, player_id, is_trusted, event_id = text.split("/", 3)
        if len(at) != 15 or not (at.isascii() and at.isdecimal()):
            raise ValueError(f"{at[:40]!r} is no moment")
        if is_trusted not in ("0", "1"):
            raise ValueError(f"{is_trusted[:40]!r} is neither 0 nor 1")
        return cls(int(at), player_id, int(is_trusted), event_id)


class Cell(NamedTuple):
    """A minute of a lane."""

    minute: int
    """Since 1970."""
    lane: int

    def __str__(self) -> str:
        return f"{self.minute:010d}/{self.lane:02d}"

    @classmethod
    def of(cls, event: GameEvent) -> Self:
        """Where an event is."""
        return cls(event.occurred_at // MINUTE_MS, lane_of(event.player_id or event.event_id))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cell that was written so."""
        minute, _, lane = text.partition("/")
        return cls(int(minute), int(lane))


class Block(NamedTuple):
    """Events of a cell, packed. The same events are the same block."""

    cell: Cell
    digest: str
    body: bytes
    """To be compressed."""


class Place(NamedTuple):
    """That a list names a cell, or an hour of a player."""

    list_name: str
    at: str
    minute: int
    """The last that it is about."""


class Sought(Struct, frozen=True):
    """What events are looked for."""

    player_id: str | None = None
    event_type: str | None = None
    level_id: str | None = None
    since: int = 0
    """Epoch milliseconds, the first."""
    until: int = 2**53
    """The first that is not looked for."""

    def fits(self, event: GameEvent) -> bool:
        """Whether an event is one of them."""
        return (
            self.since <= event.occurred_at < self.until
            and self.player_id in (None, event.player_id)
            and self.event_type in (None, event.event_type)
            and self.level_id in (None, event.level_id)
        )


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[RecentEvent]).decode


def of_type(event_type: str) -> str:
    """The list of the cells that have events of a type."""
    return f"type/{event_type}"


def of_level(level_id: str) -> str:
    """The list of the cells that have events of a level."""
    return f"level/{level_id}"


def of_player(player_id: str) -> str:
    """The list of the hours that have events of a player."""
    return f"player/{player_id}"


def hour_text(hour: int) -> str:
    """An hour since 1970 in the list of a player."""
    return f"{hour:010d}"


def by_cell(events: Iterable[RecentEvent]) -> dict[Cell, list[RecentEvent]]:
    """Events by where they are kept."""
    found: dict[Cell, list[RecentEvent]] = {}
    for one in events:
        found.setdefault(Cell.of(one.event), []).append(one)
    return found


def blocks_of(cell: Cell, events: Iterable[RecentEvent]) -> Iterator[Block]:
    """A cell's events, each once, packed, in as few blocks as they fit in."""
    some: list[RecentEvent] = []
    size = 0
    for one in sorted(events, key=_place):
        more = _EVENT_BYTES + len(one.event.data)
        if some and size + more > MAX_BLOCK_BYTES:
            yield _packed(cell, some)
            some, size = [], 0
        some.append(one)
        size += more
    if some:
        yield _packed(cell, some)


def unpacked(body: bytes) -> list[RecentEvent]:
    """A block's events.

    Raises:
        MsgspecError: it is no block that this release knows.
    """
    return _decode(body)


def places_of(cell: Cell, events: Iterable[RecentEvent]) -> set[Place]:
    """What has to be listed so that these events of a cell are found."""
    at = str(cell)
    hour = cell.minute // HOUR_MINUTES
    last = hour * HOUR_MINUTES + HOUR_MINUTES - 1
    found = {Place(EVERY, at, cell.minute)}
    for one in events:
        event = one.event
        found.add(Place(of_type(event.event_type), at, cell.minute))
        if event.level_id is not None:
            found.add(Place(of_level(event.level_id), at, cell.minute))
        if event.player_id is not None:
            found.add(Place(of_player(event.player_id), hour_text(hour), last))
    return found


def unique(events: Iterable[RecentEvent]) -> list[RecentEvent]:
    """Each event once, in no order: as it was received first.

    Of those of one place that were received at the same time the one whose bytes come first, so
    that the order in which they came says nothing.
    """
    found: dict[Position, RecentEvent] = {}
    for one in events:
        known = found.setdefault(one.place, one)
        if known is not one and _is_before(one, known):
            found[one.place] = one
    return list(found.values())


def newest(
    events: Iterable[RecentEvent], sought: Sought, before: Position | None, most: int
) -> list[RecentEvent]:
    """Of a cell's events those that are looked for, the newest first.

    Args:
        events: all of the cell's: which of two is the event is decided before what it is.
        sought: what is looked for.
        before: they come before it in time; None for no bound.
        most: as many at most.
    """
    fitting = (
        one
        for one in unique(events)
        if sought.fits(one.event) and (before is None or one.place < before)
    )
    return nlargest(most, fitting, key=_place)


def cells_in_all(lists: Sequence[Iterator[str]]) -> Iterator[Cell]:
    """The cells that each of several lists names, the newest first, as the lists are."""
    heads = [next(one, None) for one in lists]
    while all(head is not None for head in heads):
        last = min(head for head in heads if head is not None)
        if all(head == last for head in heads):
            yield Cell.parse(last)
            heads = [next(one, None) for one in lists]
        else:
            heads = [
                head if head == last else next(one, None)
                for head, one in zip(heads, lists, strict=True)
            ]


def _packed(cell: Cell, events: Sequence[RecentEvent]) -> Block:
    plain = _encode(events)
    return Block(cell, sha256(plain).hexdigest()[:_DIGEST_CHARACTERS], plain)


def _place(one: RecentEvent) -> Position:
    return one.place


def _is_before(one: RecentEvent, other: RecentEvent) -> bool:
    if one.received_at != other.received_at:
        return one.received_at < other.received_at
    return _encode(one) < _encode(other)

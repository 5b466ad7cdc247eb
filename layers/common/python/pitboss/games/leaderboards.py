"""Leaderboards: which events are scores, which score of a player counts, what a milestone gives.

A board is of one application and one period. A score is what one event says, and is known by that
event's id. Values are integers, in units of the board's last decimal: 61.25 seconds on a board with
three decimals are 61250. What is kept of a player is a function of the set of their scores, in
whatever order and however often they come: of the largest, smallest or newest by being that, of a
sum by a mark for each score in it.

Milestones are of boards whose value moves one way only, so that one that is reached stays so.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from pitboss.errors import TerminalError
from pitboss.events.envelope import Identifier
from pitboss.games.events import GameEvent
from pitboss.gaming_day import GamingDay

MAX_VALUE = 10**12
"""Of one score, either way."""

MAX_BOARDS = 100
"""Boards of an application."""

MAX_MILESTONES = 10
"""Of a board: what a player was given is kept with their value, in an item below 1 KB."""

SHARDS = 16
"""Parts of a board by player, so that no key of its index takes all its writes."""

ALL_TIME = "all-time"
"""The period of a board that never begins anew."""

_MIDDLE = 10**24
"""More than any sum: 10^12 scores of `MAX_VALUE`."""
_NUMBER = frozenset(b"-0123456789")

type Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]


class Best(StrEnum):
    """Which of a player's scores counts."""

    MAX = "max"
    MIN = "min"
    """The smallest is the best."""
    SUM = "sum"
    """All of them; none is below 0."""
    LATEST = "latest"
    """The newest by its event's time; the largest is the best."""


class Period(StrEnum):
    """When a board begins anew, by the property's gaming day."""

    ALL_TIME = ALL_TIME
    DAY = "day"
    WEEK = "week"
    """Of gaming days, from Monday's on (ISO 8601)."""


class Status(StrEnum):
    """Whether a board takes scores."""

    OPEN = "open"
    CLOSED = "closed"


class Milestone(Struct, frozen=True, forbid_unknown_fields=True):
    """What reaching a value gives, once a player and period."""

    milestone: Name
    at: Annotated[int, Meta(ge=-(10**18), le=10**18)]
    """In units of the board's last decimal."""
    gives: Identifier
    """What the game knows it by."""


class Board(Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of a leaderboard."""

    board: Name
    event_type: Identifier
    best: Best
    field: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """Of the event's data; without it an event counts 1."""
    period: Period = Period.ALL_TIME
    decimals: Annotated[int, Meta(ge=0, le=6)] = 0
    name: Annotated[str, Meta(max_length=100)] = ""
    status: Status = Status.OPEN
    milestones: Annotated[tuple[Milestone, ...], Meta(max_length=MAX_MILESTONES)] = ()


class BoardFile(Struct, frozen=True, forbid_unknown_fields=True):
    """Boards of an application as they are registered, from a file."""

    application: Identifier
    boards: Annotated[tuple[Board, ...], Meta(min_length=1, max_length=MAX_BOARDS)]


class InvalidBoard(TerminalError, ValueError):
    """Rules that cannot be kept, or not in place of those that are."""


def with_boards(known: Mapping[str, Board], said: Iterable[Board]) -> dict[str, Board]:
    """Boards by their ids, after these were registered.

    What scores are made of stays as it is, for what is kept was made of it; so does a milestone,
    for players were given it. Names, whether a board is open, and further milestones may change.

    Raises:
        InvalidBoard: a rule is broken; it says which.
    """
    boards = dict(known)
    for board in said:
        _check(board)
        before = boards.get(board.board, board)
        for field in ("event_type", "field", "best", "period", "decimals"):
            if getattr(before, field) != getattr(board, field):
                raise InvalidBoard(
                    f"{field} of board {board.board} stays {getattr(before, field)!s}: "
                    "register another board"
                )
        given = {one.milestone: one for one in board.milestones}
        for one in before.milestones:
            if given.get(one.milestone) != one:
                raise InvalidBoard(
                    f"milestone {one.milestone} of board {board.board} was registered and stays"
                )
        boards[board.board] = board
    if len(boards) > MAX_BOARDS:
        raise InvalidBoard(f"{len(boards)} boards are more than {MAX_BOARDS}")
    return boards


def _check(board: Board) -> None:
    if board.field is None and board.best is not Best.SUM:
        raise InvalidBoard(f"board {board.board} names no field: only a sum counts events")
    if board.milestones and board.best is Best.LATEST:
        raise InvalidBoard(f"board {board.board} is of the latest score: it has no milestones")
    if len({one.milestone for one in board.milestones}) < len(board.milestones):
        raise InvalidBoard(f"board {board.board} has two milestones of one name")


# Scores.


class Score(Struct, frozen=True, array_like=True, gc=False):
    """One score, as a message carries it."""

    player_id: str
    period: str
    """The key of the period; see `Places`."""
    until: int | None
    """Epoch milliseconds at which the period is over; None of all time."""
    value: int
    at: int
    """Epoch milliseconds of the event, by the sender's clock."""
    event_id: str


class Rule(Struct, frozen=True):
    """What of a board is needed to keep its scores."""

    board: str
    best: Best
    milestones: tuple[Milestone, ...] = ()


class Scores(Struct, frozen=True):
    """A message: scores of one board."""

    property_id: str
    application_id: str
    rule: Rule
    scores: list[Score]


class Unscored(StrEnum):
    """Why an event of a board's type is no score."""

    UNTRUSTED = "untrusted"
    """A client said it."""
    NO_PLAYER = "no_player"
    NO_VALUE = "no_value"
    """The field is not there, is no number, is too large, or is below 0 on a board of sums."""


class Term(NamedTuple):
    """A period: its key, and the moment (epoch ms) at which it is over."""

    key: str
    until: int | None


def term(period: Period, days: GamingDay, at: int) -> Term:
    """The period that a moment (epoch ms) is in.

    >>> days = GamingDay.parse("Europe/Vienna@06:00")
    >>> term(Period.WEEK, days, 1_592_277_300_000).key
    '2020-W25'
    """
    if period is Period.ALL_TIME:
        return Term(ALL_TIME, None)
    day = days.date_of(at)
    if period is Period.DAY:
        return Term(day.isoformat(), days.start_of(day + timedelta(1)))
    year, week, weekday = day.isocalendar()
    return Term(f"{year}-W{week:02d}", days.start_of(day + timedelta(8 - weekday)))


def is_period(period: Period, key: str) -> bool:
    """Whether this is the key of a period of that kind."""
    try:
        if period is Period.ALL_TIME:
            return key == ALL_TIME
        if period is Period.DAY:
            return date.fromisoformat(key).isoformat() == key
        year, _, week = key.partition("-W")
        year_, week_, _ = date.fromisocalendar(int(year), int(week), 1).isocalendar()
    except ValueError:
        return False
    return key == f"{year_}-W{week_:02d}"


def score_of(board: Board, event: GameEvent, term_of: Callable[[int], Term]) -> Score | Unscored:
    """What an event of a board's type is on that board.

    Args:
        board: the board.
        event: the event.
        term_of: the board's period of a moment (epoch ms).
    """
    if not event.is_trusted:
        return Unscored.UNTRUSTED
    if event.player_id is None:
        return Unscored.NO_PLAYER
    value = 1 if board.field is None else value_of(event.data, board.field, board.decimals)
    if value is None or (board.best is Best.SUM and value < 0):
        return Unscored.NO_VALUE
    period, until = term_of(event.occurred_at)
    return Score(event.player_id, period, until, value, event.occurred_at, event.event_id)


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def value_of(data: bytes, field: str, decimals: int) -> int | None:
    """A number of an event's data, in units of the last decimal; None where there is none.

    >>> value_of(b'{"seconds":61.25}', "seconds", 3)
    61250
    """
    raw = bytes(_fields.decode(data).get(field, b""))
    if raw[:1] not in _SIGNED:
        return None
    try:
        value = Decimal(raw.decode())
        # A number's exponent may be anything: first see that the number is small.
        if not -MAX_VALUE <= value <= MAX_VALUE:
            return None
        scaled = int(value.scaleb(decimals).to_integral_value(ROUND_HALF_EVEN))
    except ArithmeticError:
        return None
    return scaled if -MAX_VALUE <= scaled <= MAX_VALUE else None


_SIGNED = frozenset(bytes([one]) for one in _NUMBER)


# What is kept of a player.


class Entry(Struct, frozen=True):
    """A player on a board, in a period."""

    value: int
    at: int
    """Epoch milliseconds of the event that it was reached by: of a sum, of its newest."""
    granted: tuple[str, ...] = ()
    """Milestones that were given."""


class Brought(NamedTuple):
    """What scores make of an entry."""

    entry: Entry
    events: tuple[str, ...]
    """Events that are part of a sum now, to be marked with it."""
    granted: tuple[Milestone, ...]
    """Milestones that are given with it."""


def bring_in(
    rule: Rule, entry: Entry | None, scores: Iterable[Score], known: frozenset[str] = frozenset()
) -> Brought | None:
    """An entry after further scores of its player; None where they change nothing.

    Args:
        rule: of the board.
        entry: what is kept, if anything.
        scores: they may be there twice, and known.
        known: of a sum, the events that are in it.
    """
    new = {score.event_id: score for score in scores if score.event_id not in known}
    if not new:
        return None
    value, at = _folded(rule.best, entry, new.values())
    granted = () if entry is None else entry.granted
    reached = tuple(
        one
        for one in rule.milestones
        if one.milestone not in granted
        and (value <= one.at if rule.best is Best.MIN else value >= one.at)
    )
    after = Entry(value, at, (*granted, *(one.milestone for one in reached)))
    if rule.best is Best.SUM:
        return Brought(after, tuple(new), reached)
    return None if after == entry else Brought(after, (), reached)


def _folded(best: Best, entry: Entry | None, scores: Iterable[Score]) -> tuple[int, int]:
    """A value and its time, of what was kept and of these."""
    every = [(score.value, score.at) for score in scores]
    if entry is not None:
        every.append((entry.value, entry.at))
    match best:
        case Best.SUM:
            return sum(value for value, _ in every), max(at for _, at in every)
        case Best.MAX:
            return max(every, key=lambda one: (one[0], -one[1]))
        case Best.MIN:
            return min(every)
        case Best.LATEST:
            return max(every, key=lambda one: (one[1], one[0]))


# The order of a board.


def place_of(best: Best, entry: Entry, player_id: str) -> str:
    """Where a player is on a board, as text in the board's order: the best first, of equal ones
    who was there earlier.
    """
    order = _MIDDLE + (entry.value if best is Best.MIN else -entry.value)
    return f"{order:025d}/{entry.at:013d}/{player_id}"


class Placed(NamedTuple):
    """What a place says."""

    player_id: str
    value: int
    at: int


def placed(best: Best, place: str) -> Placed:
    """Who is at a place.

    >>> placed(Best.MAX, place_of(Best.MAX, Entry(7, 1_592_277_300_000), "p-81"))
    Placed(player_id='p-81', value=7, at=1592277300000)
    """
    order, at, player_id = place.split("/", 2)
    value = int(order) - _MIDDLE
    return Placed(player_id, value if best is Best.MIN else -value, int(at))


def shard_of(player_id: str) -> int:
    """The part of a board that a player is in."""
    return sha256(player_id.encode()).digest()[0] % SHARDS


# What a milestone gives.


class Entitlement(Struct, frozen=True):
    """Something that a player was given, once, and may use once."""

    entitlement_id: str
    player_id: str
    gives: str
    """What the game knows it by."""
    application_id: str
    board: str
    period: str
    milestone: str
    granted_at: int
    """Epoch milliseconds."""
    consumed_at: int | None = None
    """Epoch milliseconds; None while it was not used."""
    consumed_key: str | None = None
    """What the request that used it called itself."""

    def consumed(self, key: str, at: int) -> "Entitlement":
        """As it is after a request used it.

        Args:
            key: what the request calls itself.
            at: epoch milliseconds.
        """
        return replace(self, consumed_at=at, consumed_key=key)


def entitlement_of(
    scores: Scores, player_id: str, period: str, milestone: Milestone, at: int
) -> Entitlement:
    """What a player is given for a milestone. Its id follows from what it is for.

    Args:
        scores: the message: whose board it is.
        player_id: who is given it.
        period: the key of the board's period.
        milestone: what was reached.
        at: epoch milliseconds.
    """
    of = (scores.application_id, scores.rule.board, period, milestone.milestone, player_id)
    return Entitlement(
        sha256("/".join(of).encode()).hexdigest()[:32],
        player_id,
        milestone.gives,
        scores.application_id,
        scores.rule.board,
        period,
        milestone.milestone,
        at,
    )


decode = msgspec.json.Decoder(Scores).decode
encode = msgspec.json.Encoder().encode

"""What is kept of each player of an application, and what a day's players come to.

Days are the property's gaming days, as ordinals (`date.toordinal`). A player's row is the set of
days and of minutes that they were active in; what a day comes to is the sum of what each row says
of it. An event that is new to its player's row changes both by what it makes of the row
(`bring_in`): so every number is that of a recount, in whatever order events come and however often.

    * active: players with an event on the day (DAU);
    * month: players with an event in the 30 days that end with the day (MAU);
    * new: players whose first day it is;
    * kept_1, kept_7, kept_30: those new players of the day who have an event on the day so many
      days later;
    * sessions, session_minutes: sessions that begin on the day, and the minutes that they last. A
      session is a run of active minutes without a break of `IDLE_MINUTES` or more; the minutes of
      its first and last event count.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from pitboss.metrics.definition import (
    IDLE_MINUTES,
    MONTH_DAYS,
    RETENTION_DAYS,
    Aggregate,
    Kind,
    Metric,
)

LATE_DAYS = 7
"""Days that an event may be late by, and still count."""

AHEAD_DAYS = 1
"""Days that a sender's clock may be ahead by. What is farther in the future counts never: the days
that are kept end with the newest, so one event of the year 2099 would be the end of all of them."""

_REMEMBERED_DAYS = LATE_DAYS + AHEAD_DAYS
_DAY_MINUTES = 1_440

KEPT_DAYS = 120
"""Days that are kept of an application."""

DAY_FIELDS = (
    "active",
    "month",
    "new",
    *(f"kept_{days}" for days in RETENTION_DAYS),
    "sessions",
    "session_minutes",
)

type Place = tuple[int, str]
"""A day and a field of `DAY_FIELDS`."""

type Days = Mapping[int, Mapping[str, int]]
"""By day and field."""


class Player(Struct, array_like=True, frozen=True):
    """A player, as far back as what is late may reach."""

    first_day: int
    """The first that they were ever active on."""
    days: tuple[int, ...]
    """That they were active on, in order: the newest, and those that may still matter to it."""
    sessions: tuple[tuple[int, int], ...]
    """First and last active minute (epoch minutes) of each session, in order."""


class Brought(NamedTuple):
    """What an event makes of a player."""

    player: Player
    days: dict[Place, int]
    """By how much it changes what days come to."""


def bring_in(
    player: Player | None, minute: int, day: int, day_of: Callable[[int], int]
) -> Brought | None:
    """A player after an event; None where it says nothing new, or is too late to say.

    Args:
        player: as they are kept; None of one who is new.
        minute: of the event, epoch minutes.
        day: of that minute.
        day_of: the day of a minute.
    """
    if player is None:
        after = Player(day, (day,), ((minute, minute),))
    else:
        if player.sessions[-1][1] - minute > _REMEMBERED_DAYS * _DAY_MINUTES:
            return None
        sessions = _joined(player.sessions, minute)
        days = tuple(sorted({*player.days, day}))
        after = Player(min(player.first_day, day), days, sessions)
    if after == player:
        return None
    said = said_of(after, day_of)
    said.subtract(said_of(player, day_of))
    return Brought(_remembered(after), {place: by for place, by in said.items() if by})


def _remembered(player: Player) -> Player:
    """A player without what no event that still counts can change."""
    oldest_day = player.days[-1] - 2 * MONTH_DAYS - _REMEMBERED_DAYS
    oldest = player.sessions[-1][1] - (_REMEMBERED_DAYS + 2) * _DAY_MINUTES
    return Player(
        player.first_day,
        tuple(day for day in player.days if day >= oldest_day),
        tuple(one for one in player.sessions if one[1] >= oldest),
    )


def _joined(sessions: tuple[tuple[int, int], ...], minute: int) -> tuple[tuple[int, int], ...]:
    begins = ends = minute
    others = []
    for begin, end in sessions:
        if begin - IDLE_MINUTES < minute < end + IDLE_MINUTES:
            begins, ends = min(begins, begin), max(ends, end)
        else:
            others.append((begin, end))
    return tuple(sorted([*others, (begins, ends)]))


def said_of(player: Player | None, day_of: Callable[[int], int]) -> Counter[Place]:
    """What a player's row says of days.

    Args:
        player: None of one who is not known.
        day_of: the day of a minute (epoch minutes).
    """
    said: Counter[Place] = Counter()
    if player is None:
        return said
    first, days = player.first_day, player.days
    said[first, "new"] = 1
    for later in RETENTION_DAYS:
        if first + later in days:
            said[first, f"kept_{later}"] = 1
    for day, following in zip(days, (*days[1:], None), strict=True):
        said[day, "active"] = 1
        until = day + MONTH_DAYS if following is None else min(day + MONTH_DAYS, following)
        for covered in range(day, until):
            said[covered, "month"] = 1
    for begin, end in player.sessions:
        day = day_of(begin)
        said[day, "sessions"] += 1
        said[day, "session_minutes"] += end - begin + 1
    return said


def value_on(metric: Metric, days: Days, day: int) -> float | None:
    """A metric of players on a day; None where nobody is there to be averaged or kept."""
    of_day = days.get(day, {})
    if metric.window.kind is Kind.SESSION:
        sessions = of_day.get("sessions", 0)
        if metric.aggregate is Aggregate.COUNT:
            return sessions
        return of_day.get("session_minutes", 0) / sessions if sessions else None
    if metric.aggregate is Aggregate.RETENTION:
        # Told of on the day that decides it: of those who were new `after_days` before.
        cohort = days.get(day - (metric.after_days or 0), {})
        new = cohort.get("new", 0)
        return cohort.get(f"kept_{metric.after_days}", 0) * 100 / new if new else None
    return of_day.get("month" if metric.window.kind is Kind.SLIDING else "active", 0)


def summed(lanes: Iterable[Days]) -> dict[int, dict[str, int]]:
    """What all lanes' days come to together."""
    found: dict[int, dict[str, int]] = {}
    for days in lanes:
        for day, fields in days.items():
            of_day = found.setdefault(day, {})
            for name, count in fields.items():
                of_day[name] = of_day.get(name, 0) + count
    return found

"""What a player did after they were exposed, as numbers to compare."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from pitboss.experiments.definition import Metric

_TO_CENTS = 10_000
"""Theoretical win is kept in ten-thousandths of a cent."""


class DayOfSession(NamedTuple):
    """A session's play of one gaming day, as it is rated."""

    day: str
    asset_id: str
    started_at: int
    """Epoch milliseconds: with the machine, which session it is."""
    first_play: int | None
    """Epoch milliseconds."""
    games: int
    coin_in_cents: int
    theoretical_win: int
    """In ten-thousandths of a cent."""


def last_day(exposed_on: str, window_days: int) -> str:
    """The last gaming day of a window that begins with that of the exposure.

    >>> last_day("2026-02-27", 3)
    '2026-03-01'
    """
    return (date.fromisoformat(exposed_on) + timedelta(days=window_days - 1)).isoformat()


def outcome(
    play: Iterable[DayOfSession], exposed_at: int, exposed_on: str, last: str
) -> dict[Metric, float]:
    """A player's metrics of a window.

    What they played before they were exposed does not count: neither the sessions of that gaming
    day that had begun nor, of one that goes on, what follows in it, which cannot be told apart.

    Args:
        play: their sessions by gaming day; others may be among them.
        exposed_at: epoch milliseconds.
        exposed_on: the gaming day of it.
        last: the window's last gaming day.
    """
    counted = [
        one
        for one in play
        if exposed_on <= one.day <= last
        and one.first_play is not None
        and one.first_play >= exposed_at
    ]
    days = {one.day for one in counted}
    return {
        Metric.THEORETICAL_WIN_CENTS: sum(one.theoretical_win for one in counted) / _TO_CENTS,
        Metric.COIN_IN_CENTS: float(sum(one.coin_in_cents for one in counted)),
        Metric.GAMES: float(sum(one.games for one in counted)),
        Metric.SESSIONS: float(len({(one.asset_id, one.started_at) for one in counted})),
        Metric.DAYS_PLAYED: float(len(days)),
        Metric.RETURNED: float(bool(days - {exposed_on})),
    }

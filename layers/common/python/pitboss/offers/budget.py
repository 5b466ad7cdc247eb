"""Budgets: what a player, an offer and a property may cost.

What an offer costs is reserved when it is made and given back when nothing comes of it. A player's
budget is one record with a version, which a decision replaces only where it is still the one that
was read; an offer's and a property's are counters that only move while they stay within their cap.
So N decisions at once never reserve a cent too much, whatever order they come in.

Money is in cents, theoretical win in ten-thousandths of a cent.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

_BASIS_POINTS = 10_000
_CENT = 10_000
"""Ten-thousandths of a cent in a cent."""


class PlayerDay(Struct, frozen=True, array_like=True):
    """What a player was made offers of in a gaming day."""

    reserved_cents: int = 0
    """Reserved and not given back."""
    made: dict[str, int] = {}
    """Offers made, by code, given back or not: caps count what a player was bothered with."""

    @property
    def count(self) -> int:
        """Offers made."""
        return sum(self.made.values())


class PlayerBudget(Struct, frozen=True):
    """A player's record of offers made, by gaming day (ISO date)."""

    version: int = 0
    days: dict[str, PlayerDay] = {}
    last_made_at: int | None = None
    """Epoch milliseconds of the last decision that made an offer."""

    def day(self, day: str) -> PlayerDay:
        """One gaming day."""
        return self.days.get(day, PlayerDay())

    def reserved(self, today: str, window_days: int) -> int:
        """Cents reserved in the rolling window that ends today."""
        first = _first(today, window_days)
        return sum(of.reserved_cents for day, of in self.days.items() if day >= first)

    def with_offer(
        self, today: str, code: str, cost_cents: int, now: int, keep_days: int
    ) -> "PlayerBudget":
        """The record with one more offer; days before the longest window are let go of."""
        of_day = self.day(today)
        made = of_day.made | {code: of_day.made.get(code, 0) + 1}
        first = _first(today, keep_days)
        days = {day: of for day, of in self.days.items() if day >= first}
        days[today] = PlayerDay(of_day.reserved_cents + cost_cents, made)
        return PlayerBudget(self.version + 1, days, now)

    def without(self, day: str, cost_cents: int) -> "PlayerBudget":
        """The record with an offer's cost given back; that it was made stays."""
        if day not in self.days:  # let go of: it is in no window any more
            return replace(self, version=self.version + 1)
        of_day = self.days[day]
        days = self.days | {day: replace(of_day, reserved_cents=of_day.reserved_cents - cost_cents)}
        return replace(self, version=self.version + 1, days=days)


class Counter(Struct, frozen=True):
    """What an offer, or all of a property, came to in a gaming day."""

    reserved_cents: int = 0
    made: int = 0


class Budgets(Struct, frozen=True):
    """All budgets that a decision looks at."""

    player: PlayerBudget = PlayerBudget()
    of_property: Counter = Counter()
    of_offers: Mapping[str, Counter] = {}
    """By code; an offer that was not made today is not there."""


def player_cap(theoretical_win: int, share_basis_points: int) -> int:
    """What a player may cost: a share of theoretical win, rounded down to cents.

    Args:
        theoretical_win: of the rolling window, in ten-thousandths of a cent.
        share_basis_points: the share.

    >>> player_cap(22_331_000, 3_000)
    669
    """
    return max(theoretical_win, 0) * share_basis_points // (_BASIS_POINTS * _CENT)


def _first(today: str, days: int) -> str:
    return (date.fromisoformat(today) - timedelta(days=days - 1)).isoformat()

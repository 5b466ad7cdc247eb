"""The gaming day: the day a casino closes its books by, which is not the calendar's.

It starts at an hour of the property's own wall clock (06:00 is usual) and lasts until the next
such moment: 23 or 25 hours where the clocks change. A moment belongs to the gaming day named by
the date on which it started.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True)
class GamingDay:
    """One property's rule: the wall-clock time its gaming day starts at, and its time zone."""

    zone: ZoneInfo
    starts_at: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """The rule written as `Area/City@HH:MM`.

        Raises:
            ValueError: the time zone is unknown or the time is none.

        >>> GamingDay.parse("America/Los_Angeles@06:00").date_of(1_592_204_401_955)
        datetime.date(2020, 6, 14)
        """
        zone, _, starts_at = text.partition("@")
        try:
            start = time.fromisoformat(starts_at or "06:00")
            if start != time(start.hour, start.minute):  # it has seconds, or an offset
                raise ValueError(f"{starts_at!r} is no minute of the wall clock")
            return cls(ZoneInfo(zone), start)
        except (ZoneInfoNotFoundError, ValueError, OSError) as fault:  # OSError: a folder of zones
            raise ValueError(f"{text!r} is no gaming day such as Europe/Vienna@06:00") from fault

    def date_of(self, epoch_ms: int) -> date:
        """The gaming day of a moment."""
        # The offset changes on whole minutes only, so that a minute has one answer.
        return _date_of(self, epoch_ms // 60_000)

    def start_of(self, day: date) -> int:
        """The moment, in epoch milliseconds, at which a gaming day starts.

        A start the clocks skip is read with the offset before the change; of one that comes twice
        the first counts.
        """
        local = datetime.combine(day, self.starts_at, tzinfo=self.zone)
        return int(local.astimezone(UTC).timestamp()) * 1000

    def bounds_of(self, day: date) -> tuple[int, int]:
        """First moment of a gaming day and of the next, in epoch milliseconds."""
        return self.start_of(day), self.start_of(day + timedelta(days=1))


@lru_cache(maxsize=4096)
def _date_of(rule: GamingDay, epoch_minute: int) -> date:
    moment = epoch_minute * 60_000
    local = datetime.fromtimestamp(epoch_minute * 60, tz=rule.zone)
    # Wall-clock arithmetic is wrong in the hour the clocks repeat, and where they go back over
    # midnight the date on them is yesterday's again; the day's true bounds decide.
    for days in (1, 0, -1):
        day = local.date() + timedelta(days)
        if rule.start_of(day) <= moment:
            return day
    return local.date() - timedelta(days=2)


_CACHED_MINUTES = 4096


@dataclass(frozen=True)
class GamingDays:
    """The gaming-day rules of all properties; the one named `*` is every other property's."""

    rules: tuple[tuple[str, GamingDay], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Rules written as `property=Area/City@HH:MM`, separated by commas.

        Raises:
            ValueError: a rule cannot be read, or there is none for `*`.

        >>> GamingDays.parse("*=UTC@06:00,P1=America/Los_Angeles@03:00").day_of("P1")(0)
        '1969-12-31'
        """
        rules = {}
        for part in text.split(","):
            property_id, _, rule = part.strip().partition("=")
            rules[property_id] = GamingDay.parse(rule)
        if "*" not in rules:
            raise ValueError(f"{text!r} has no rule for '*', every property not named")
        return cls(tuple(rules.items()))

    def rule_of(self, property_id: str) -> GamingDay:
        """The property's rule."""
        return dict(self.rules).get(property_id, dict(self.rules)["*"])

    def day_of(self, property_id: str) -> Callable[[int], str]:
        """The property's gaming day (ISO date) of a moment in epoch milliseconds."""
        return _day_of(self.rule_of(property_id))

    def ordinal_of(self, property_id: str) -> Callable[[int], int]:
        """The property's gaming day of an epoch minute, as an ordinal (`date.toordinal`)."""
        rule = self.rule_of(property_id)
        return lambda minute: rule.date_of(minute * 60_000).toordinal()


@lru_cache(maxsize=256)
def _day_of(rule: GamingDay) -> Callable[[int], str]:
    by_minute: dict[int, str] = {}

    def day_of(epoch_ms: int) -> str:
        minute = epoch_ms // 60_000
        day = by_minute.get(minute)
        if day is None:
            if len(by_minute) >= _CACHED_MINUTES:
                by_minute.clear()
            day = by_minute[minute] = rule.date_of(epoch_ms).isoformat()
        return day

    return day_of

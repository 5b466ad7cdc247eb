"""How many rows a second has, by the hour of the week, as floors and games have it."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

HOURS = 7 * 24


class Hour(NamedTuple):
    """Rows a second in one hour of the week: a normal distribution's middle and deviation."""

    mu: float
    sigma: float


class WeekOfRates:
    """The generator's periodic rate: 168 hours, the first of Sunday first."""

    def __init__(self, hours: list[Hour], *, smooth: bool = False) -> None:
        """
        Args:
            hours: all of the week.
            smooth: go from an hour's figures to the next one's in a straight line.
        """
        self._hours = hours
        self._is_smooth = smooth

    def rows(self, at: datetime, chance: Random) -> int:
        """How many rows the second at this moment has."""
        place = at.isoweekday() % 7 * 24 + at.hour
        mu, sigma = self._hours[place]
        if self._is_smooth:
            after = self._hours[(place + 1) % HOURS]
            share = (at.minute * 60 + at.second) / 3_600
            mu, sigma = mu + (after.mu - mu) * share, sigma + (after.sigma - sigma) * share
        return max(0, round(chance.gauss(mu, sigma)))


def read_week(path: Path, *, smooth: bool = False) -> WeekOfRates:
    """A week's rates from a CSV file: day (0 Sunday to 6, or *), hour (0 to 23, or *), mu, sigma.

    A later line overrides an earlier one; an hour without a line has no rows.

    Raises:
        ValueError: a line that says none of that.
    """
    hours = [Hour(0, 0)] * HOURS
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                days, clock = _which(row["day"], 7), _which(row["hour"], 24)
                hour = Hour(float(row["mu"]), float(row["sigma"]))
                if not (0 <= hour.mu < 1e9 and 0 <= hour.sigma < 1e9):
                    raise ValueError
            except (KeyError, TypeError, ValueError):
                said = ",".join(str(value) for value in row.values())
                raise ValueError(
                    f"{said!r} is no line of day (0-6 or *), hour (0-23 or *), mu, sigma"
                ) from None
            for day in days:
                for at in clock:
                    hours[day * 24 + at] = hour
    return WeekOfRates(hours, smooth=smooth)


def _which(text: str, count: int) -> range:
    if text.strip() == "*":
        return range(count)
    number = int(text)
    if not 0 <= number < count:
        raise ValueError(text)
    return range(number, number + 1)


def seconds(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every second from the start to before the end, in the start's zone, DST-safe."""
    at, last = start.astimezone(UTC), end.astimezone(UTC)
    while at < last:
        yield at.astimezone(start.tzinfo)
        at += timedelta(seconds=1)

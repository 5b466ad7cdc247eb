"""What is simulated: how many devices, from when, for how long."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pitboss.events.shuffler import Part
from pitboss.gaming_day import GamingDay, GamingDays
from workbench.shuffling import parameters as p

HOUR_MS = 3_600_000
DAY_HOURS = 24

DEFAULT_START = 1_767_276_000_000
"""2026-01-01T14:00:00Z."""

_FIRMWARES = 2**32

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Firmware:
    """A release, and by how many of a sensor's own shifts it moves each, in `SENSORS` order."""

    day: int
    version: str
    shifts: Floats


@dataclass(frozen=True, eq=False)
class ShufflerPlan:
    """Shufflers of one property. Two plans that differ in `count` have the same first devices.

    Raises:
        ValueError: the gaming day is none, or a number makes no sense.
    """

    count: int = 20
    days: int = 30
    seed: int = 1
    start: int = DEFAULT_START
    """Epoch ms; the days begin with the gaming day that it is in."""
    property_id: str = "P1"
    gaming_day: str = "America/Los_Angeles@06:00"
    report_seconds: int = 300
    """Between two reports of telemetry; a divisor of an hour."""
    replace_after: Mapping[Part, float] = field(default_factory=dict)
    """By part, hours of operation after which it is replaced; the others run to failure."""

    def __post_init__(self) -> None:
        GamingDay.parse(self.gaming_day)
        if self.report_seconds < 10 or 3_600 % self.report_seconds:
            raise ValueError("between two reports are 10 seconds or more that divide an hour")
        if self.end >= 4_102_444_800_000:
            raise ValueError("it ends after the year 2099")

    @cached_property
    def rule(self) -> GamingDay:
        """The property's gaming day."""
        return GamingDay.parse(self.gaming_day)

    @cached_property
    def day_of(self) -> Callable[[int], str]:
        """The gaming day (ISO date) of a moment in epoch ms."""
        return GamingDays((("*", self.rule),)).day_of(self.property_id)

    @cached_property
    def first_hour(self) -> int:
        """The first hour, since 1970."""
        return self.rule.start_of(self.rule.date_of(self.start)) // HOUR_MS

    @property
    def first_ms(self) -> int:
        """Its first moment."""
        return self.first_hour * HOUR_MS

    @property
    def hours(self) -> int:
        """That are simulated: 24 a day, also where the clocks change."""
        return self.days * DAY_HOURS

    @property
    def end(self) -> int:
        """The first moment that is not simulated any more."""
        return self.first_ms + self.hours * HOUR_MS

    @property
    def reports_an_hour(self) -> int:
        """Of telemetry, by each device."""
        return 3_600 // self.report_seconds

    @cached_property
    def local(self) -> Integers:
        """Hour of the wall clock, weekday (Monday is 0) and day of the year, of each hour."""
        zone = self.rule.zone
        first = datetime.fromtimestamp(self.first_hour * 3_600, UTC)
        moments = ((first + timedelta(hours=n)).astimezone(zone) for n in range(self.hours))
        rows = [(at.hour, at.weekday(), at.timetuple().tm_yday) for at in moments]
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    @cached_property
    def firmwares(self) -> tuple[Firmware, ...]:
        """What the maker releases, the one of the first day first."""
        chance = np.random.default_rng((self.seed, _FIRMWARES))
        found = [Firmware(0, "4.0.0", np.zeros(len(p.SENSORS)))]
        while True:
            day = found[-1].day + int(chance.integers(*p.FIRMWARE_DAYS))
            if day >= self.days:
                return tuple(found)
            shifts = found[-1].shifts + chance.standard_normal(len(p.SENSORS))
            found.append(Firmware(day, f"4.{len(found)}.0", shifts))

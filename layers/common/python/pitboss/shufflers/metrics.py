"""Figures of shufflers and tables, from sums: every ratio is made here, once, of whole numbers.

| figure | formula |
|---|---|
| seconds per cycle | cycle_ms / 1,000 / cycles |
| its trend | slope of the least-squares line through the cycles, ms a cycle and gaming day |
| jams, misreads ... per 1,000 shuffles | 1,000 x count / cycles |
| availability | operating_ms / (operating_ms + down_ms) |
| mean time between failures | operating_ms / failures |
| energy per shuffle | energy_j / cycles |
| decisions an hour | 3,600,000 x rounds / dealing_ms |
"""

import math
from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from pitboss.shufflers.sums import HOUR_MS, Sums, TableSums

CONFIDENCE = 0.95
"""Of the interval of a mean time between failures, two-sided."""


class Figures(Struct, frozen=True, kw_only=True):
    """A device's figures over one gaming day or several; null where there is nothing to divide by.

    `operating_hours` and `down_hours` are what the device reports. Energy is a proxy of wear: a
    worn drive takes more for the same shuffle.
    """

    cycles: int
    seconds_per_cycle: float | None
    jams: int
    jams_recovered: int
    jams_per_1000_shuffles: float | None
    recovered_per_1000_shuffles: float | None
    misreads: int
    misreads_per_1000_shuffles: float | None
    miscounts: int
    faults: int
    failures: int
    operating_hours: float
    down_hours: float
    availability: float | None
    hours_between_failures: float | None
    hours_between_failures_low: float | None
    hours_between_failures_high: float | None
    energy_j: int
    energy_j_per_shuffle: float | None
    maintenances: int
    lost_events: int


def figures(sums: Sums) -> Figures:
    """What sums come to."""
    hours = sums.operating_ms / HOUR_MS
    fewest, most = poisson_interval(sums.failures)
    return Figures(
        cycles=sums.cycles,
        seconds_per_cycle=_ratio(sums.cycle_ms, 1000 * sums.cycles),
        jams=sums.jams,
        jams_recovered=sums.jams_recovered,
        jams_per_1000_shuffles=_ratio(1000 * sums.jams, sums.cycles),
        recovered_per_1000_shuffles=_ratio(1000 * sums.jams_recovered, sums.cycles),
        misreads=sums.misreads,
        misreads_per_1000_shuffles=_ratio(1000 * sums.misreads, sums.cycles),
        miscounts=sums.miscounts,
        faults=sums.faults,
        failures=sums.failures,
        operating_hours=round(hours, 3),
        down_hours=round(sums.down_ms / HOUR_MS, 3),
        availability=_ratio(sums.operating_ms, sums.operating_ms + sums.down_ms, 6),
        hours_between_failures=_ratio(sums.operating_ms, HOUR_MS * sums.failures),
        hours_between_failures_low=round(hours / most, 3) if hours else None,
        hours_between_failures_high=round(hours / fewest, 3) if hours and fewest else None,
        energy_j=sums.energy_j,
        energy_j_per_shuffle=_ratio(sums.energy_j, sums.cycles),
        maintenances=sums.maintenances,
        lost_events=sums.lost_events,
    )


def cycle_trend(days: Iterable[tuple[date, Sums]]) -> float | None:
    """How much longer a cycle takes from one gaming day to the next, in ms; None of one day alone.

    The least-squares line through every cycle, at the number of its day: with n cycles of x ms at
    t, (n Σtx - Σt Σx) / (n Σt² - (Σt)²), whose sums follow from those of days, exactly.
    """
    n = st = sx = stt = stx = 0
    first: int | None = None
    for day, sums in days:
        first = day.toordinal() if first is None else first
        t = day.toordinal() - first
        n += sums.cycles
        st += t * sums.cycles
        sx += sums.cycle_ms
        stt += t * t * sums.cycles
        stx += t * sums.cycle_ms
    return _ratio(n * stx - st * sx, n * stt - st * st)


def decisions_an_hour(sums: TableSums) -> int | None:
    """A table's measured pace: rounds an hour of dealing, to the nearest whole one, halves up.

    Each round is one decision of every seated player, so it is the pace of each of them. None
    where nothing was dealt, or not for long enough to come to one.

    >>> decisions_an_hour(TableSums(shuffles=9, rounds=131, dealing_ms=5_400_000))
    87
    """
    if not sums.dealing_ms:
        return None
    pace = (2 * HOUR_MS * sums.rounds + sums.dealing_ms) // (2 * sums.dealing_ms)
    return pace or None


def poisson_interval(count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact (Garwood) interval of a Poisson mean of which `count` was seen.

    The mean at which as many or more are seen in half of what confidence leaves, and that at which
    as many or fewer are. F. Garwood, "Fiducial Limits for the Poisson Distribution", Biometrika 28
    (1936); the same as half the quantiles of chi-square with 2n and 2n + 2 degrees of freedom.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else _mean_where(count - 1, 1 - tail)
    return low, _mean_where(count, tail)


def _mean_where(most: int, probability: float) -> float:
    """The mean at which no more than `most` are seen with this probability."""
    low, high = 0.0, 2.0 * most + 20.0
    for _ in range(60):  # halves: to the last digits of a float
        middle = (low + high) / 2
        if _no_more_than(most, middle) > probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _no_more_than(most: int, mean: float) -> float:
    if mean <= 0:
        return 1.0
    log = math.log(mean)
    seldom = max(0, int(mean - 12 * math.sqrt(mean)) - 12)  # fewer than this add nothing
    terms = (k * log - mean - math.lgamma(k + 1) for k in range(seldom, most + 1))
    return math.fsum(math.exp(term) for term in terms)


def _ratio(numerator: int, denominator: int, digits: int = 3) -> float | None:
    return round(numerator / denominator, digits) if denominator else None

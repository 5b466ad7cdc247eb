"""What a pane comes to, and how panes are put together.

Partials are added in any order and grouping to the same result (`together`): counts and sums
are exact, sets of members are unions, and ranks are counts of numbers by their magnitude.

Ranks are those of DDSketch: a number falls into the bin `ceil(log(number) / log(gamma))`, and each
number of a bin is taken for the one whose relative distance to both ends is the same. So a
percentile is off by at most `ERROR` of itself, however partials are put together.

Source: Masson, Rim, Lee: DDSketch: A fast and fully-mergeable quantile sketch with relative-error
guarantees. PVLDB 12(12), 2019. https://www.vldb.org/pvldb/vol12/p2195-masson.pdf
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import blake2b
from itertools import accumulate
from math import ceil, log
from typing import Any

from msgspec import Struct

from pitboss.metrics.definition import Aggregate, Metric, number_of

ERROR = 0.01
"""How far a percentile may be from the true one, as a share of it."""

MEMBER_BYTES = 8
"""Of what members of a set are told apart by. Two of a million are the same with a probability of
less than 1 in 30 million."""

_GAMMA = (1 + ERROR) / (1 - ERROR)
_LOG_GAMMA = log(_GAMMA)
_ZERO = Decimal(0)


class Partial(Struct, array_like=True, frozen=True):
    """What a pane of a metric comes to, for one value of each dimension."""

    events: int = 0
    """Those that count."""
    total: Decimal = _ZERO
    above: Mapping[int, int] = {}
    """Positive numbers by their bin."""
    below: Mapping[int, int] = {}
    """Negative ones by that of their magnitude."""
    members: frozenset[bytes] = frozenset()
    is_full: bool = False
    """Whether there was more detail than is kept: a set is at least so large then, and ranks are of
    fewer numbers."""

    @property
    def weight(self) -> int:
        """Bytes that it takes at most, but for its dimensions."""
        return 48 + 12 * (len(self.above) + len(self.below)) + 10 * len(self.members)

    def without_detail(self) -> "Partial":
        """What of it always has room: how many events, and their sum."""
        return Partial(self.events, self.total, is_full=True)


def partial_of(metric: Metric, value: Any) -> Partial | None:  # noqa: ANN401 - what JSON can say
    """What one event comes to; None where it has no measurement, so that it does not count.

    Args:
        metric: what is measured.
        value: of the metric's field; of a count it is not looked at.
    """
    if metric.aggregate is Aggregate.COUNT:
        return Partial(1)
    if metric.aggregate is Aggregate.DISTINCT:
        if value is None or isinstance(value, dict | list):
            return None
        return Partial(1, members=frozenset([member(value)]))
    number = number_of(value)
    if number is None:
        return None
    if metric.aggregate is not Aggregate.PERCENTILE:
        return Partial(1, number)
    if not number:
        return Partial(1)
    place = {ceil(log(abs(number)) / _LOG_GAMMA): 1}
    return Partial(1, _ZERO, place) if number > 0 else Partial(1, _ZERO, {}, place)


def member(value: str | float | bool) -> bytes:
    """What a member of a set is told apart by."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # in JSON 1.0 is 1
    said = f"{type(value).__name__}:{value}".encode()
    return blake2b(said, digest_size=MEMBER_BYTES).digest()


def together(partials: Iterable[Partial]) -> Partial:
    """All of them as one."""
    events, total, is_full = 0, _ZERO, False
    above: Counter[int] = Counter()
    below: Counter[int] = Counter()
    members: set[bytes] = set()
    for one in partials:
        events += one.events
        total += one.total
        above.update(one.above)
        below.update(one.below)
        members |= one.members
        is_full |= one.is_full
    return Partial(events, total, above, below, frozenset(members), is_full)


def value_of(metric: Metric, partial: Partial) -> float | None:
    """The value of a window; None where there is none: nothing has no mean and no percentile."""
    aggregate = metric.aggregate
    found: float | None
    if aggregate is Aggregate.COUNT:
        found = partial.events
    elif aggregate is Aggregate.DISTINCT:
        found = len(partial.members)
    elif aggregate is Aggregate.SUM:
        found = float(partial.total)
    elif not partial.events:
        found = None
    elif aggregate is Aggregate.MEAN:
        found = float(partial.total / partial.events)
    else:
        assert metric.percentile is not None, "parse() has seen to it"
        found = _at(partial, metric.percentile)
    if metric.per_second and found is not None:
        return found / metric.window.seconds
    return found


def _at(partial: Partial, percentile: float) -> float:
    """The number that so many percent of the others are not above (lower nearest rank)."""
    numbers = sum(partial.above.values()) + sum(partial.below.values())
    zeros = 0 if partial.is_full else partial.events - numbers
    bins = [(-_middle(place), partial.below[place]) for place in sorted(partial.below)[::-1]]
    bins += [(0.0, zeros)] if zeros else []
    bins += [(_middle(place), partial.above[place]) for place in sorted(partial.above)]
    rank = percentile / 100 * (numbers + zeros - 1)
    reached = accumulate(count for _, count in bins)
    over = (value for (value, _), upto in zip(bins, reached, strict=True) if upto > rank)
    return next(over, 0.0)


def _middle(place: int) -> float:
    return 2 * _GAMMA**place / (_GAMMA + 1)

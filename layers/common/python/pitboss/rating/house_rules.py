"""The house rules: what a property has decided about its players, each set from a gaming day on.

`house_rules.toml` is the table. A set of rules is in force from its day until the next set's, so
that a rating of an earlier day is made by the rules of that day, now and ever after. Days before
the first set are under the first: late events can be that old, and play is never left unrated for
the lack of a rule.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import msgspec
from msgspec import Meta, Struct

from pitboss.errors import TerminalError
from pitboss.rating.fold import SHORTEST_IDLE_MINUTES

EVERY_OTHER = "*"
"""The name of the rules of every property that has none of its own."""

SHIPPED = Path(__file__).with_name("house_rules.toml")

_MINUTE_MS = 60_000

type Name = Annotated[str, Meta(min_length=1, max_length=40)]
type Month = Annotated[int, Meta(ge=1, le=12)]
type WorthBy = Literal["mean", "trimmed_mean"]
type Demotion = Literal["earned", "one_step"]


class WorthSegment(Struct, frozen=True, forbid_unknown_fields=True):
    """Players of an average daily theoretical win from `adt_cents` up to the next segment's."""

    name: Name
    adt_cents: Annotated[int, Meta(ge=0)]


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """A tier of the loyalty programme, reached with so many points in an evaluation period."""

    name: Name
    points: Annotated[int, Meta(ge=0)]


class RuleSet(Struct, frozen=True, forbid_unknown_fields=True):
    """All rules of a property, in force from a gaming day on."""

    effective_from: date
    session_idle_minutes: Annotated[int, Meta(ge=SHORTEST_IDLE_MINUTES, le=1_440)]
    """A session without play for longer has ended."""
    coin_in_cents_a_point: Annotated[int, Meta(ge=1)]
    adt_window_days: Annotated[int, Meta(ge=1, le=3_660)]
    """Gaming days of the calendar, the last of them today, that ADT looks back on."""
    worth_by: WorthBy
    """The mean of the days' theoretical win that decides the worth segment."""
    trip_gap_days: Annotated[int, Meta(ge=0, le=366)]
    """Days without play, one after the other, that a trip may hold."""
    period_starts: Annotated[tuple[Month, ...], Meta(min_length=1)]
    """Months on whose first gaming day an evaluation period begins."""
    demotion: Demotion
    """What a player falls to where a period earned less than the tier held."""
    worth_segments: Annotated[tuple[WorthSegment, ...], Meta(min_length=1)]
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]

    @property
    def since(self) -> str:
        """The gaming day the set is in force from: how a set is named."""
        return self.effective_from.isoformat()

    def rank(self, tier: str) -> int:
        """The place of a tier, 0 the lowest.

        Raises:
            KeyError: no tier of this set has the name.

        """
        for rank, known in enumerate(self.tiers):
            if known.name == tier:
                return rank
        raise KeyError(tier)

    def tier_for(self, points: int) -> Tier:
        """The highest tier that so many points of an evaluation period are enough for."""
        return next(tier for tier in reversed(self.tiers) if tier.points <= points)

    def segment_for(self, adt: int) -> str:
        """The worth segment of an ADT in ten-thousandths of a cent."""
        return next(s.name for s in reversed(self.worth_segments) if s.adt_cents * 10_000 <= adt)

    def faults(self) -> Iterator[str]:
        """What is wrong with the set that no single field shows."""
        if not _ascending(self.period_starts):
            yield "period_starts are not in ascending order"
        for what, names, thresholds in (
            (
                "worth_segments",
                [segment.name for segment in self.worth_segments],
                [segment.adt_cents for segment in self.worth_segments],
            ),
            ("tiers", [tier.name for tier in self.tiers], [tier.points for tier in self.tiers]),
        ):
            if thresholds[0] != 0:
                yield f"{what} begin at {thresholds[0]}, not at 0"
            if not _ascending(thresholds):
                yield f"{what} are not in ascending order"
            if len(set(names)) < len(names):
                yield f"{what} have a name twice"


class Period(NamedTuple):
    """An evaluation period: its first and last gaming day."""

    first: str
    last: str


class PropertyRules:
    """One property's sets of rules, the earliest first."""

    __slots__ = ("_idle_ms", "_later", "sets")

    def __init__(self, sets: Sequence[RuleSet]) -> None:
        self.sets = tuple(sets)
        self._later = [rules.since for rules in self.sets[1:]]
        self._idle_ms = [rules.session_idle_minutes * _MINUTE_MS for rules in self.sets]

    def on(self, day: str) -> RuleSet:
        """The rules in force on a gaming day (ISO date); before all of them, the earliest."""
        return self.sets[bisect_right(self._later, day)]

    def idle_ms(self, day: str) -> int:
        """Milliseconds without play after which a session has ended, by the rule of the day."""
        return self._idle_ms[bisect_right(self._later, day)]

    def changes(self, first: str, last: str) -> list[str]:
        """The gaming days, after the first and up to the last, on which other rules begin."""
        return self._later[bisect_right(self._later, first) : bisect_right(self._later, last)]

    def period(self, day: str) -> Period:
        """The evaluation period a gaming day is in.

        A period ends where the rules of its first day say; a change of `period_starts` is heeded
        from the next period on. Periods are the property's: they do not depend on a player.
        """
        if not self._later or day < self._later[0]:
            return _period(self.sets[0], date.fromisoformat(day))
        period = _period(self.sets[0], self.sets[1].effective_from - timedelta(days=1))
        while period.last < day:
            period = self.period_after(period)
        return period

    def period_after(self, period: Period) -> Period:
        """The evaluation period that follows."""
        first = date.fromisoformat(period.last) + timedelta(days=1)
        return Period(first.isoformat(), _period(self.on(first.isoformat()), first).last)


class InvalidHouseRules(TerminalError, ValueError):
    """A table of house rules that cannot be used; `faults` has a sentence for each reason."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


class HouseRules:
    """The rules of all properties; those named `*` are every other property's."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Mapping[str, PropertyRules]) -> None:
        self._rules = dict(rules)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Rules written as TOML: for each property its sets, `[[property]]`, in ascending order.

        Raises:
            InvalidHouseRules: naming what is wrong, of every property, and where.

        """
        import tomllib  # here: a function that asks for no rules shall not pay for it

        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as fault:
            raise InvalidHouseRules([f"no TOML: {fault}"]) from None
        rules = {}
        faults = []
        for property_id, written in table.items():
            try:
                sets = msgspec.convert(written, list[RuleSet])
            except msgspec.ValidationError as fault:
                faults.append(f"{property_id}: {fault}")
                continue
            faults += [f"{property_id}: {fault}" for fault in _faults(sets)]
            rules[property_id] = PropertyRules(sets)
        if EVERY_OTHER not in table:
            faults.append(f"no rules for '{EVERY_OTHER}', every property not named")
        if faults:
            raise InvalidHouseRules(faults)
        return cls(rules)

    def of(self, property_id: str) -> PropertyRules:
        """The rules of a property: its own, or those of every other."""
        return self._rules.get(property_id) or self._rules[EVERY_OTHER]


@lru_cache(maxsize=1)
def shipped() -> HouseRules:
    """The house rules that this build has."""
    return HouseRules.parse(SHIPPED.read_text(encoding="utf-8"))


def _faults(sets: Sequence[RuleSet]) -> Iterator[str]:
    if not sets:
        yield "no set of rules"
    for rules in sets:
        yield from (f"{rules.since}: {fault}" for fault in rules.faults())
    for before, after in pairwise(sets):
        if before.effective_from >= after.effective_from:
            yield f"{after.since} does not come after {before.since}"
        kept = iter([tier.name for tier in after.tiers])
        lost = [tier.name for tier in before.tiers if tier.name not in kept]
        if lost:
            yield f"{after.since}: tier {lost[0]} is gone or moved, and players may hold it"


def _ascending(values: Sequence[int]) -> bool:
    return all(before < after for before, after in pairwise(values))


def _period(rules: RuleSet, day: date) -> Period:
    """The period a day is in where these rules always held."""
    months = sorted({12 * day.year + month - 1 for month in rules.period_starts})
    at = 12 * day.year + day.month - 1
    starts = [months[-1] - 12, *months, months[0] + 12]
    index = bisect_right(starts, at)
    return Period(
        _first_of(starts[index - 1]).isoformat(),
        (_first_of(starts[index]) - timedelta(days=1)).isoformat(),
    )


def _first_of(month: int) -> date:
    """The first day of a month counted from year 0."""
    return date(month // 12, month % 12 + 1, 1)

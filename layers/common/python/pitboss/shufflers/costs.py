"""What maintenance costs, and from which probability of a failure on it is worth its money.

A part is mended before it fails (planned) or after. Mending it early costs the life that was left
in it, late the failure. The policy here is a control limit: work is advised once the probability of
a failure within the horizon reaches a threshold. Such a policy is the best there is where risk only
grows with age and wear (Makis and Jardine, "Optimal replacement in the proportional hazards model",
INFOR 30, 1992), and its cost in the long run is that of a renewal process: what a life costs on
average over how long it lasts (Barlow and Proschan, "Mathematical Theory of Reliability", 1965,
chapter 4). The threshold is the one of the least such cost on lives that the model has not seen.

`maintenance_costs.toml` is the policy. Money is whole cents; rates are cents an hour, and floats,
for no money is booked by them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import msgspec
from msgspec import Meta, Struct

from pitboss.errors import TerminalError
from pitboss.events.shuffler import Part

EVERY_OTHER = "*"
"""The name of the costs of every property that has none of its own."""

SHIPPED = Path(__file__).with_name("maintenance_costs.toml")

HOURS_A_MONTH = 730
"""A twelfth of a year of 365 days."""

CANDIDATES = 200
"""Thresholds that are tried for a part, at most."""

type Cents = Annotated[int, Meta(ge=0, le=1_000_000_000)]
type Minutes = Annotated[int, Meta(ge=0, le=525_600)]


class PartCosts(Struct, frozen=True, forbid_unknown_fields=True):
    """What work at one part costs, and for how long the device is out of service for it."""

    planned_cents: Cents
    planned_down_minutes: Minutes
    failure_cents: Cents
    failed_down_minutes: Minutes
    interval_days: Annotated[int, Meta(ge=1, le=3_660)]
    """After so long the rules have the part looked at, where no model says when."""


class Costs(Struct, frozen=True, forbid_unknown_fields=True):
    """A property's policy."""

    down_cents_an_hour: Cents
    alerts_a_device_month: Annotated[float, Meta(gt=0, le=1_000)]
    hours_to_work: Annotated[int, Meta(ge=0, le=8_760)]
    dismissed_days: Annotated[int, Meta(ge=0, le=3_660)]
    parts: dict[Part, PartCosts]

    def planned(self, part: Part) -> int:
        """Cents of mending a part before it fails, with what is lost meanwhile."""
        costs = self.parts[part]
        return costs.planned_cents + self._lost(costs.planned_down_minutes)

    def failed(self, part: Part) -> int:
        """Cents of a failure of a part, with what is lost until it is mended."""
        costs = self.parts[part]
        return costs.failure_cents + self._lost(costs.failed_down_minutes)

    def _lost(self, minutes: int) -> int:
        """To the nearest cent, half a cent up."""
        return (2 * minutes * self.down_cents_an_hour + 60) // 120


class InvalidCosts(TerminalError, ValueError):
    """A table of costs that cannot be used; `faults` has a sentence for each reason."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


class CostTable:
    """The costs of all properties; those named `*` are every other property's."""

    __slots__ = ("_costs",)

    def __init__(self, costs: Mapping[str, Costs]) -> None:
        self._costs = dict(costs)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Costs written as TOML.

        Raises:
            InvalidCosts: naming what is wrong, of every property.
        """
        import tomllib  # here: who asks for no costs shall not pay for it

        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as fault:
            raise InvalidCosts([f"no TOML: {fault}"]) from None
        costs, faults = {}, []
        for property_id, written in table.items():
            try:
                found = msgspec.convert(written, Costs)
            except msgspec.ValidationError as fault:
                faults.append(f"{property_id}: {fault}")
                continue
            faults += [f"{property_id}: {fault}" for fault in _faults(found)]
            costs[property_id] = found
        if EVERY_OTHER not in table:
            faults.append(f"no costs for '{EVERY_OTHER}', every property not named")
        if faults:
            raise InvalidCosts(faults)
        return cls(costs)

    def of(self, property_id: str) -> Costs:
        """The costs of a property: its own, or those of every other."""
        return self._costs.get(property_id) or self._costs[EVERY_OTHER]


@lru_cache(maxsize=1)
def shipped() -> CostTable:
    """The costs that this build has."""
    return CostTable.parse(SHIPPED.read_text(encoding="utf-8"))


def _faults(costs: Costs) -> Iterable[str]:
    missing = [part for part in Part if part not in costs.parts]
    if missing:
        yield f"no costs for {', '.join(missing)}"
    for part in costs.parts:
        if costs.failed(part) <= costs.planned(part):
            yield f"a failure of {part} costs no more than planned work: it needs no prediction"


# --- thresholds -----------------------------------------------------------------------------------


class Life(NamedTuple):
    """A part from when it was as new until it failed, was mended, or was seen last."""

    hours: Sequence[float]
    """Since the life began, ascending: when the model was asked."""
    probabilities: Sequence[float]
    """What it said, as long as `hours`."""
    end: float
    """Hours that it lasted."""
    failed: bool
    mended: bool = False
    """Whether it ended by planned work, which was paid for."""


class Threshold(Struct, frozen=True):
    """From which probability on work is advised, and what that came to on known lives."""

    probability: float | None
    """None: never; mending this part early does not pay."""
    cents_an_hour: float
    """Of this part of one device, in the long run."""
    alerts_an_hour: float
    prevented: int
    """Lives that would have failed, and were mended in time."""
    failures: int
    """Lives that failed all the same."""
    early: int
    """Lives mended that did not fail while they were seen."""


def value_of(
    lives: Sequence[Life], threshold: float | None, planned: int, failed: int, lead: float = 0.0
) -> Threshold:
    """What advising work at a threshold would have come to.

    Args:
        lives: of one part, at least an hour of them.
        threshold: None for never.
        planned: cents of planned work.
        failed: cents of a failure.
        lead: hours from the advice to the work. A part that fails meanwhile has failed.
    """
    return _value(_prepared(lives), threshold, planned, failed, lead)


def best_thresholds(
    lives: Mapping[Part, Sequence[Life]], costs: Costs, lead: float | None = None
) -> dict[Part, Threshold]:
    """The thresholds of the least cost, of all parts together within the budget of alerts.

    Where each part's own best is too many alerts, an alert is given a price that all parts share,
    and the price is raised until they fit: at the least cost of all thresholds that do (Everett,
    "Generalized Lagrange multiplier method", Operations Research 11, 1963).

    Args:
        lives: by part, with what the model said of them without having seen them.
        costs: of the property.
        lead: hours from the advice to the work; None for the policy's.
    """
    wait = costs.hours_to_work if lead is None else lead
    tried = {
        part: _tried(found, costs.planned(part), costs.failed(part), wait)
        for part, found in lives.items()
        if sum(life.end for life in found) > 0
    }
    budget = costs.alerts_a_device_month / HOURS_A_MONTH

    def chosen(price: float) -> dict[Part, Threshold]:
        return {
            part: min(found, key=lambda one: one.cents_an_hour + price * one.alerts_an_hour)
            for part, found in tried.items()
        }

    def fits(found: Mapping[Part, Threshold]) -> bool:
        return sum(one.alerts_an_hour for one in found.values()) <= budget

    best = chosen(0.0)
    if fits(best):
        return best
    low, high = 0.0, 1.0
    while not fits(chosen(high)):
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if fits(chosen(middle)) else (middle, high)
    return chosen(high)


class _Prepared(NamedTuple):
    life: Life
    highest: list[float]
    """What the model had said at most by each hour."""


def _prepared(lives: Iterable[Life]) -> list[_Prepared]:
    return [_Prepared(life, list(accumulate(life.probabilities, max))) for life in lives]


def _tried(lives: Sequence[Life], planned: int, failed: int, lead: float) -> list[Threshold]:
    prepared = _prepared(lives)
    said = sorted({p for one in prepared for p in one.highest if p > 0})
    step = max(len(said) // CANDIDATES, 1)
    candidates: list[float | None] = [None, *said[::-step]]
    return [_value(prepared, candidate, planned, failed, lead) for candidate in candidates]


def _value(
    prepared: Sequence[_Prepared], threshold: float | None, planned: int, failed: int, lead: float
) -> Threshold:
    hours = 0.0
    prevented = failures = early = mended = alerts = 0
    for life, highest in prepared:
        at = len(highest) if threshold is None else bisect_left(highest, threshold)
        is_advised = at < len(highest)
        alerts += is_advised
        worked = life.hours[at] + lead if is_advised else float("inf")
        if worked < life.end:
            hours += worked
            prevented += life.failed
            early += not life.failed
            continue
        hours += life.end
        failures += life.failed
        mended += life.mended
    cents = planned * (prevented + early + mended) + failed * failures
    return Threshold(threshold, cents / hours, alerts / hours, prevented, failures, early)

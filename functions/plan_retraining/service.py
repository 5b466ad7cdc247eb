"""The use case: which days of decisions to export, and that a night is run once."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol

import msgspec

from pitboss.gaming_day import GamingDays
from pitboss.lake.decided import SUMMARIES, DecisionSummary, decision_summary_key
from pitboss.lake.layout import REFINED
from pitboss.lake.rated import GAMES

SETTLED_MS = 30 * 60_000
"""After its end a gaming day is at rest, as for refining."""


class Lake(Protocol):
    """The lake's bucket; see `pitboss.stores.lake.S3Lake`."""

    def get(self, key: str) -> bytes: ...
    def objects(self, prefix: str) -> Iterator[tuple[str, int, datetime]]: ...


class Runs(Protocol):
    """Where nights are begun; see `pitboss.stores.models.S3Models`."""

    def claim(self, run: str, execution: str) -> bool: ...


class PropertyDays(NamedTuple):
    """A property's gaming days that are learned from, and what is known of them to when."""

    property_id: str
    days: list[str]
    known_to: int
    """End of the newest, epoch milliseconds: reward windows that close later are open."""


class Plan(NamedTuple):
    """What a night does."""

    run: str
    is_ours: bool
    """Whether no other execution began this run."""
    exports: list[tuple[str, str]]
    """Property and gaming day, the earliest first."""
    properties: list[PropertyDays]


def plan(
    run: str,
    execution: str,
    lake: Lake,
    runs: Runs,
    gaming_days: GamingDays,
    training_days: int,
    now: int,
) -> Plan:
    """Plan a night.

    A day with play is exported until nothing can become of its offers any more, and as long as it
    is one that is learned from.

    Args:
        run: what names the night; it is begun once.
        execution: who begins it.
        lake: where games and exported decisions are.
        runs: where nights are begun.
        gaming_days: the properties' gaming days.
        training_days: how many days back is learned from.
        now: epoch milliseconds.
    """
    if not runs.claim(run, execution):
        return Plan(run, False, [], [])
    exported = {key for key, _, _ in lake.objects(SUMMARIES)}
    exports: list[tuple[str, str]] = []
    properties: list[PropertyDays] = []
    for property_id, days in sorted(_played(lake).items()):
        rule = gaming_days.rule_of(property_id)
        first = (rule.date_of(now) - timedelta(training_days)).isoformat()
        over = [
            day
            for day in sorted(days)
            if day >= first and rule.bounds_of(date.fromisoformat(day))[1] + SETTLED_MS <= now
        ]
        if not over:
            continue
        for day in over:
            key = decision_summary_key(property_id, day)
            if key not in exported or _summary(lake, key).open_offers:
                exports.append((property_id, day))
        end = rule.bounds_of(date.fromisoformat(over[-1]))[1]
        properties.append(PropertyDays(property_id, over, end))
    return Plan(run, True, exports, properties)


def _played(lake: Lake) -> dict[str, set[str]]:
    """Days that have games, by property."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for key, _, _ in lake.objects(f"{REFINED}{GAMES.name}/"):
        _, _, of_property, of_day, _ = key.split("/")
        found[of_property.partition("=")[2]].add(of_day.partition("=")[2])
    return found


def _summary(lake: Lake, key: str) -> DecisionSummary:
    return msgspec.json.decode(lake.get(key), type=DecisionSummary)

"""Where on a level something happened: events in hexagons, and how two versions differ.

Counts are integers and add up: events of the type on the level = those within the bounds + outside
of them + without a position. A difference is of rates, because versions are not played as much as
each other, and is an exact fraction.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from pitboss.lake.tables import APPLICATION_EVENTS, Table
from workbench.named_queries import filled
from workbench.report.hexbin import SQRT_3, Axial, centre, hexagon_at
from workbench.report.text import shown as as_shown

FEWEST_ACROSS, MOST_ACROSS = 12, 36
"""Hexagons from one side of the map to the other, unless told: the more events, the more."""

LEAST_SPREAD = 1e-9
"""Of the largest coordinate: events nearer to each other than this are in one place, for doubles
have no room for hexagons between them."""

FEWEST_EVENTS = 5
"""A hexagon with fewer events of two versions together is too little to tell them apart by."""


class Tables(Protocol):
    """The tables of a property; see `pitboss.stores.parquet.ParquetLake`."""

    def days(self, table: Table) -> list[str]: ...
    def table(self, table: Table, days: Iterable[str]) -> str: ...
    def rows(self, select: str) -> Iterator[tuple[Any, ...]]: ...


class Per(StrEnum):
    """What a version's events are divided by before they are compared."""

    PLAYER = "player"
    EVENT = "event"


class Bounds(NamedTuple):
    """The part of a level that is shown, in the level's units: its upper left corner and its lower
    right one. Where `y0` is more than `y1`, y goes up.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """In the level's units."""
        return abs(self.x1 - self.x0)

    @property
    def height(self) -> float:
        """In the level's units."""
        return abs(self.y1 - self.y0)

    def has(self, x: float, y: float) -> bool:
        """Whether a place is within them, their edges included."""
        return min(self.x0, self.x1) <= x <= max(self.x0, self.x1) and min(
            self.y0, self.y1
        ) <= y <= max(self.y0, self.y1)

    def shown(self, x: float, y: float) -> tuple[float, float]:
        """How far from the left and from the top a place is, in the level's units."""
        right = 1 if self.x1 >= self.x0 else -1
        down = 1 if self.y1 >= self.y0 else -1
        return (x - self.x0) * right, (y - self.y0) * down


class Asked(NamedTuple):
    """Which events are shown."""

    application_id: str
    event_type: str
    level_id: str
    days: Sequence[str]
    """Gaming days, the earliest first."""
    versions: tuple[str, str] | None = None
    """Of the application, to see what changed from the first to the second."""
    per: Per = Per.PLAYER


class Bin(NamedTuple):
    """A hexagon with events."""

    at: Axial
    counts: tuple[int, ...]
    """Events; of two versions each one's."""


@dataclass(frozen=True)
class HeatMap:
    """Events of a type on a level, in hexagons."""

    asked: Asked
    bounds: Bounds
    is_whole: bool
    """Nobody said which part of the level to show: all that has events is."""
    radius: float
    """Of the hexagons, from the centre to a corner, in the level's units."""
    bins: Sequence[Bin]
    """Those with events, from top to bottom of the level's own coordinates."""
    outside: int
    unplaced: int
    """Events without a position."""
    out_of: tuple[int, ...]
    """Of two versions, what each one's events are divided by; see `Per`."""

    @property
    def counts(self) -> tuple[int, ...]:
        """Events within the bounds; of two versions each one's."""
        width = 2 if self.asked.versions else 1
        return tuple(sum(one.counts[n] for one in self.bins) for n in range(width))

    def difference(self, one: Bin) -> Fraction | None:
        """The second version's rate less the first one's; None where they are too few events."""
        if sum(one.counts) < FEWEST_EVENTS:
            return None
        (before, after), (fewer, more) = one.counts, self.out_of
        return Fraction(after, more) - Fraction(before, fewer)


class NothingToShow(LookupError):
    """There are no events to make a map of."""


_OF = "FROM {table} WHERE application_id = :application AND level_id = :level"


def read_heat_map(
    lake: Tables, asked: Asked, bounds: Bounds | None = None, across: int | None = None
) -> HeatMap:
    """Count events in hexagons.

    Args:
        lake: the property's tables.
        asked: which events.
        bounds: the part of the level to show; None for all that has events.
        across: hexagons from side to side; None for as many as the events fill.

    Raises:
        NothingToShow: there are none, with what there is instead.
    """
    values = {
        "application": asked.application_id,
        "level": asked.level_id,
        "type": asked.event_type,
    }
    of = _OF.format(table=lake.table(APPLICATION_EVENTS, asked.days))
    of_type = filled(f"{of} AND event_type = :type", values)
    version = "app_version" if asked.versions else "''"
    placed: list[tuple[float, float, str, int]] = []
    unplaced = 0
    for x, y, name, events in lake.rows(
        f"SELECT x, y, {version} AS version, count(*) {of_type} "
        "GROUP BY x, y, version ORDER BY x, y, version"
    ):
        if asked.versions and name not in asked.versions:
            continue
        if x is None or y is None:
            unplaced += events
        else:
            placed.append((x, y, name, events))
    if not placed:
        raise NothingToShow(_nothing(lake, asked, unplaced))
    shown = bounds or _around(placed)
    if across is None:
        filled_by = math.isqrt(sum(events for *_, events in placed)) // 2
        across = min(max(filled_by, FEWEST_ACROSS), MOST_ACROSS)
    radius = _radius(shown, across)
    names = asked.versions or ("",)
    cells: dict[Axial, Counter[str]] = defaultdict(Counter)
    outside = 0
    for x, y, name, events in placed:
        if shown.has(x, y):
            cells[hexagon_at(x, y, radius)][name] += events
        else:
            outside += events
    found = [Bin(at, tuple(cells[at][name] for name in names)) for at in sorted(cells)]
    if not found:
        raise NothingToShow(
            f"All {outside:,} are outside of the bounds: x is from {min(p[0] for p in placed):g} "
            f"to {max(p[0] for p in placed):g}, y from {min(p[1] for p in placed):g} to "
            f"{max(p[1] for p in placed):g}"
        )
    out_of: tuple[int, ...] = ()
    if asked.versions:
        out_of = _divisors(lake, asked, filled(of, values), found)
    return HeatMap(asked, shown, bounds is None, radius, found, outside, unplaced, out_of)


def _radius(shown: Bounds, across: int) -> float:
    """Of so many hexagons from side to side; 1 where all is in one place."""
    spread = max(shown.width, shown.height * 0.6)
    if spread <= LEAST_SPREAD * max(1.0, *map(abs, shown)):
        return 1.0
    return spread / (SQRT_3 * across)


def _around(placed: Sequence[tuple[float, float, str, int]]) -> Bounds:
    xs, ys = [one[0] for one in placed], [one[1] for one in placed]
    return Bounds(min(xs), min(ys), max(xs), max(ys))


def _divisors(lake: Tables, asked: Asked, of: str, found: Sequence[Bin]) -> tuple[int, ...]:
    """What the events of each version are divided by."""
    assert asked.versions is not None
    if asked.per is Per.EVENT:
        by_version = dict(
            zip(asked.versions, (sum(b.counts[n] for b in found) for n in (0, 1)), strict=True)
        )
    else:
        by_version = dict(
            lake.rows(f"SELECT app_version, count(DISTINCT player_id) {of} GROUP BY app_version")
        )
    for name in asked.versions:
        if not by_version.get(name):
            known = ", ".join(map(as_shown, sorted(filter(None, by_version))))
            raise NothingToShow(
                f"version {name} has no {asked.per} on this level to divide by (there are {known})"
                + (": compare --per event" if asked.per is Per.PLAYER else "")
            )
    return tuple(by_version[name] for name in asked.versions)


def _nothing(lake: Tables, asked: Asked, unplaced: int) -> str:
    """Why there is nothing, and what there is."""
    if unplaced:
        return f"none of the {unplaced:,} has a position"
    table = lake.table(APPLICATION_EVENTS, asked.days)
    for what, given, condition in (
        ("application_id", asked.application_id, ""),
        ("level_id", asked.level_id, " AND application_id = :application"),
        (
            "event_type",
            asked.event_type,
            " AND application_id = :application AND level_id = :level",
        ),
        (
            "app_version",
            " and ".join(asked.versions or ()),
            " AND application_id = :application AND level_id = :level AND event_type = :type",
        ),
    ):
        known = {"application": asked.application_id, "level": asked.level_id}
        where = filled(f"x IS NOT NULL{condition}", {**known, "type": asked.event_type})
        names = [name for (name,) in lake.rows(
            f"SELECT DISTINCT {what} FROM {table} WHERE {where} AND {what} IS NOT NULL ORDER BY 1"
        )]  # fmt: skip
        wanted = asked.versions if what == "app_version" else (given,)
        if not set(wanted or ()) <= set(names):
            some = ", ".join(map(as_shown, names[:8]))
            there = f"there are {some}" if names else "there is none with positions"
            return f"no {what} {given}: {there}"
    return "no event has a position"


# --- as JSON --------------------------------------------------------------------------------------


def as_json(found: HeatMap) -> dict[str, Any]:
    """A heat map's hexagons as JSON has them: counts are exact, differences are rounded."""
    asked = found.asked
    return {
        "application_id": asked.application_id,
        "event_type": asked.event_type,
        "level_id": asked.level_id,
        "first_day": asked.days[0],
        "last_day": asked.days[-1],
        "versions": list(asked.versions or ()),
        "per": asked.per.value if asked.versions else None,
        "out_of": list(found.out_of),
        "bounds": list(found.bounds),
        "radius": found.radius,
        "events": list(found.counts),
        "outside": found.outside,
        "unplaced": found.unplaced,
        "bins": [_bin_json(found, one) for one in found.bins],
    }


def _bin_json(found: HeatMap, one: Bin) -> Mapping[str, Any]:
    x, y = centre(one.at, found.radius)
    told: dict[str, Any] = {"q": one.at.q, "r": one.at.r, "x": x, "y": y, "events": one.counts[0]}
    if found.asked.versions:
        difference = found.difference(one)
        told["events"] = list(one.counts)
        told["difference"] = None if difference is None else float(difference)
    return told

"""A studio's day as the lake has it: a small game of two levels in two versions.

A player walks a haunted house and is caught by what haunts it; version 1.1 moved the gargoyle away
from the stairs and crashes more often.
"""

import json
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from pitboss.gaming_day import GamingDay
from pitboss.lake.tables import APPLICATION_EVENTS
from pitboss.stores.parquet import ParquetLake
from tests.floor_by_day import MemoryLake

RULE = GamingDay.parse("America/Los_Angeles@06:00")
DAY = date(2026, 11, 13)
PROPERTY, APPLICATION = "studio", "chase"

HOUSE = (0.0, 0.0, 100.0, 60.0)
"""Of the level `house`, in its units: upper left corner, lower right one."""

_HAUNTS = {
    "1.0": (("gargoyle", "stairs", 52, 30, 4.0), ("ghost", "hall", 30, 15, 6.0)),
    "1.1": (("gargoyle", "cellar", 80, 48, 4.0), ("ghost", "hall", 30, 15, 6.0)),
}
_EVERYWHERE = (("ghost", "library", 15, 46, 5.0), ("knight", "gallery", 78, 12, 5.0))
_HOURS = (1, 1, 1, 2, 2, 3, 4, 4, 5, 6, 8, 9, 10, 9, 8, 7, 5, 3, 2, 1, 1, 1, 1, 1)


class Row(NamedTuple):
    """A row of the table, in its order."""

    event_id: str
    event_type: str
    occurred_at: int
    application_id: str = APPLICATION
    event_version: str = "1"
    app_version: str = "1.0"
    player_id: str | None = "p1"
    level_id: str | None = None
    x: float | None = None
    y: float | None = None
    data: str = "{}"
    is_trusted: bool = False

    def values(self, place: int) -> list[object]:
        """As the table's columns have it."""
        found = self._asdict() | {
            "occurred": datetime.fromtimestamp(self.occurred_at / 1000, UTC).replace(tzinfo=None),
            "received_at": self.occurred_at + 250,
            "sender": "race-server",
            "record": "1",
            "index": place,
        }
        return [found[column.name] for column in APPLICATION_EVENTS.columns]


def lake_of(
    rows: Iterable[Row], day: date = DAY, lake: MemoryLake | None = None, to: str = PROPERTY
) -> MemoryLake:
    """A lake with these events of a gaming day."""
    lake = lake or MemoryLake()
    with ParquetLake(lake, to, 500) as written:
        written.write(
            APPLICATION_EVENTS,
            day.isoformat(),
            ([_text(one) for one in row.values(n)] for n, row in enumerate(rows)),
        )
    return lake


def _text(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def played(players: int, seed: int = 7, day: date = DAY) -> Iterator[Row]:
    """A day of so many players."""
    chance = random.Random(seed)
    start, _ = RULE.bounds_of(day)
    for number in range(players):
        version = "1.1" if chance.random() < 0.45 else "1.0"
        player = f"player-{number:04d}"
        for sitting in range(chance.choice((1, 1, 1, 2))):
            (hour,) = chance.choices(range(24), _HOURS)
            at = start + 3_600_000 * hour + chance.randrange(3_600_000)
            yield from _session(chance, f"{player}-{sitting}", player, version, at)


def _session(chance: random.Random, name: str, player: str, version: str, at: int) -> Iterator[Row]:
    def event(kind: str, number: int, **others: Any) -> Row:
        return Row(
            f"{name}-{number}", kind, at + number * 20_000, app_version=version, player_id=player,
            **others,
        )  # fmt: skip

    yield event("session_started", 0)
    number = 0
    for number in range(1, chance.randrange(4, 16)):
        if chance.random() < 0.3:
            x, y = chance.uniform(2, 98), chance.uniform(2, 58)
            yield event("item_found", number, level_id="house", x=round(x, 2), y=round(y, 2))
        elif chance.random() < 0.12:
            x, y = chance.gauss(20, 9), chance.gauss(20, 9)
            yield event("caught", number, level_id="garden", x=round(x, 2), y=round(y, 2))
        else:
            enemy, place, x, y, wide = chance.choice((*_HAUNTS[version], *_EVERYWHERE))
            at_x = min(max(chance.gauss(x, wide), 0), 100)
            at_y = min(max(chance.gauss(y, wide), 0), 60)
            said = {"CaughtBy": enemy, "CaughtAt": place}
            yield event(
                "caught", number, level_id="house", x=round(at_x, 2), y=round(at_y, 2),
                data=json.dumps(said),
            )  # fmt: skip
    scored = {"Wins": chance.randrange(4), "Losses": min(int(chance.expovariate(0.25)), 30)}
    yield event("round_played", number + 1, data=json.dumps(scored), is_trusted=True)
    if chance.random() < (0.09 if version == "1.1" else 0.03):
        yield event("client_crashed", number + 2, data='{"stack": "at Door.Open"}')

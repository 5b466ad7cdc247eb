"""Where the machines of a simulated floor stand: zones of banks, and a pit of tables.

Machines stand back to back in banks of eight, with aisles between; zones lie beside each other in
rows, so that the floor is about as wide as a screen.
"""

from collections.abc import Iterator, Sequence
from math import ceil, sqrt
from typing import NamedTuple

from pitboss.floor.plan import FloorPlan, Limits, Place

BANK = 8
"""Machines of a bank: two rows, back to back."""

ZONES = (
    ("Entrance", 10),
    ("Main floor", 45),
    ("Garden", 20),
    ("Sports bar", 15),
    ("High limit", 10),
)
"""Zones and the hundredths of the machines that stand there, in the order of `assets`."""

SILENCE = Limits(no_comms_seconds=1_800, offline_seconds=3_600)
"""Simulated machines say nothing while nobody plays; real ones are polled all the time."""

PIT = "Pit"
_BANK_WIDTH, _BANK_HEIGHT = BANK // 2 + 2, 2 + 2
"""With the aisles beside and below it."""
_TABLE_WIDTH, _TABLE_HEIGHT = 5, 4
_GAP = 4
"""Between zones, for their names and edges too."""
_SHAPE = 1.6
"""How much wider than high a floor is."""


class _Zone(NamedTuple):
    """Places of a zone by themselves, and what they take up."""

    places: list[Place]
    width: float
    height: float


def laid_out(assets: Sequence[str], shufflers: Sequence[tuple[str, str]] = ()) -> FloorPlan:
    """A floor plan of these machines.

    Args:
        assets: asset numbers, in the order in which they are put up.
        shufflers: of the pit, each with the table that it is at.
    """
    zones = [_zone(name, some) for name, some in _shares(assets) if some]
    if shufflers:
        zones.append(_pit(shufflers))
    area = sum((zone.width + _GAP) * (zone.height + _GAP) for zone in zones)
    width = max(sqrt(area * _SHAPE), 1.0)
    places: list[Place] = []
    x = y = row_height = 0.0
    for zone in zones:
        if x and x + zone.width > width * 1.1:
            x, y, row_height = 0.0, y + row_height + _GAP, 0.0
        places += [_moved(place, x, y) for place in zone.places]
        x += zone.width + _GAP
        row_height = max(row_height, zone.height)
    return FloorPlan(places, SILENCE)


def _shares(assets: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    start = share = 0
    for name, hundredths in ZONES:
        share += hundredths
        end = len(assets) if share == 100 else ceil(len(assets) * share / 100 / BANK) * BANK
        yield name, assets[start:end]
        start = max(start, end)


def _zone(name: str, assets: Sequence[str]) -> _Zone:
    banks = ceil(len(assets) / BANK)
    columns = ceil(sqrt(banks))
    places = []
    for index, asset_id in enumerate(assets):
        bank, seat = divmod(index, BANK)
        row, column = divmod(bank, columns)
        back, place = divmod(seat, BANK // 2)
        places.append(
            Place(
                asset_id,
                float(column * _BANK_WIDTH + place),
                float(row * _BANK_HEIGHT + back),
                name,
                f"{name[0]}{bank + 1:02d}",
            )
        )
    rows = ceil(banks / columns)
    return _Zone(places, columns * _BANK_WIDTH - 2, rows * _BANK_HEIGHT - 2)


def _pit(shufflers: Sequence[tuple[str, str]]) -> _Zone:
    tables = list(dict.fromkeys(table for _, table in shufflers))
    columns = ceil(sqrt(len(tables) * 2))
    where = {table: divmod(index, columns) for index, table in enumerate(tables)}
    places = [
        Place(
            table,
            float(column * _TABLE_WIDTH + 1),
            float(row * _TABLE_HEIGHT),
            PIT,
            kind="table",
            label=f"Table {table}",
        )
        for table, (row, column) in where.items()
    ]
    seen: dict[str, int] = {}
    for device_id, table in shufflers:
        row, column = where[table]
        beside = seen[table] = seen.get(table, -1) + 1
        places.append(
            Place(
                device_id,
                float(column * _TABLE_WIDTH + 2.5),
                float(row * _TABLE_HEIGHT + beside),
                PIT,
                kind="shuffler",
                table_id=table,
            )
        )
    rows = ceil(len(tables) / columns)
    return _Zone(places, columns * _TABLE_WIDTH, rows * _TABLE_HEIGHT)


def _moved(place: Place, x: float, y: float) -> Place:
    return Place(
        place.asset_id,
        place.x + x,
        place.y + y,
        place.zone,
        place.bank,
        place.kind,
        place.label,
        place.table_id,
    )

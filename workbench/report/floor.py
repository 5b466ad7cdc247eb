"""Where machines stand: positions from a file, the picture behind them, hexagons over them."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from workbench.console import UsageError
from workbench.report.hexbin import SQRT_3, Axial, centre, corners, hexagon_at

MACHINES_A_HEXAGON = 2
"""About so many share one, where the floor is evenly filled."""


class Point(NamedTuple):
    """Where: x to the right, y down, in any unit, or in the picture's pixels."""

    x: float
    y: float


class Place(NamedTuple):
    """A machine's place, as far as it is known."""

    asset_id: str
    at: Point | None = None
    bank: str = ""


class Picture(NamedTuple):
    """A floor plan."""

    media_type: str
    width: int
    height: int
    content: bytes


class Box(NamedTuple):
    """A rectangle of the floor."""

    x: float
    y: float
    width: float
    height: float


class Hexagon(NamedTuple):
    """A hexagon that has machines, its centre, and who stands in it."""

    x: float
    y: float
    assets: tuple[str, ...]


def read_positions(text: str, name: str) -> dict[str, Place]:
    """Places by asset number, from comma-separated values with the columns `asset_id` and `x`, `y`
    or `bank`, in any order.

    Raises:
        UsageError: the file is none, and where.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        columns = set(reader.fieldnames or ())
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as fault:
        raise UsageError(f"{name} after line {reader.line_num} cannot be read: {fault}.") from None
    if "asset_id" not in columns or not ({"x", "y"} <= columns or "bank" in columns):
        raise UsageError(
            f"{name} has no positions: its first line must name the columns asset_id,x,y "
            "or asset_id,bank (or all four)."
        )
    places: dict[str, Place] = {}
    for line, row in rows:
        asset_id = (row["asset_id"] or "").strip().lstrip("0")
        x, y = ((row.get(axis) or "").strip() for axis in "xy")
        try:
            at = Point(float(x), float(y)) if x or y else None
            if not asset_id or not all(map(math.isfinite, at or ())):
                raise ValueError
        except ValueError:
            raise UsageError(
                f"{name} line {line} is no position: it needs an asset_id, and numbers "
                "for x and y or neither."
            ) from None
        if asset_id in places:
            raise UsageError(f"{name} line {line} has machine {asset_id} again.")
        places[asset_id] = Place(asset_id, at, (row.get("bank") or "").strip())
    return places


def read_picture(content: bytes, name: str) -> Picture:
    """A PNG or JPEG.

    Raises:
        UsageError: it is neither.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) > 24:
        width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
        if width and height:
            return Picture("image/png", width, height, content)
    if content.startswith(b"\xff\xd8") and (size := _jpeg_size(content)):
        return Picture("image/jpeg", *size, content)
    raise UsageError(f"{name} is no floor plan that can be shown: save it as PNG or JPEG.")


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height, from the start of frame (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(content[at + n : at + n + 2]) for n in (5, 7))
            return (width, height) if width and height else None
        at += 2 + length
    return None


def box_of(places: Iterable[Place]) -> Box:
    """The rectangle that machines stand in; those must have positions."""
    return _around([place.at for place in places if place.at is not None])


def _around(points: Sequence[tuple[float, float]]) -> Box:
    left, top = (min(values) for values in zip(*points, strict=True))
    right, bottom = (max(values) for values in zip(*points, strict=True))
    return Box(left, top, right - left, bottom - top)


def radius_of(box: Box, machines: int) -> float:
    """A hexagon's radius with which they hold about `MACHINES_A_HEXAGON` each."""
    long, short = max(box.width, box.height), min(box.width, box.height)
    if long == 0:
        return 1.0
    # A row of machines has no area: count it as a strip a tenth as wide as it is long.
    area = long * max(short, long / 10)
    hexagons = max(machines / MACHINES_A_HEXAGON, 4)
    return math.sqrt(area / hexagons / (1.5 * SQRT_3))


def hexagons(places: Iterable[Place], radius: float) -> list[Hexagon]:
    """Hexagons over the places that have positions, from top to bottom, left to right."""
    cells: dict[Axial, list[str]] = {}
    for asset_id, at, _ in places:
        if at is not None:
            cells.setdefault(hexagon_at(*at, radius), []).append(asset_id)
    return [
        Hexagon(*centre(cell, radius), tuple(sorted(assets, key=natural)))
        for cell, assets in sorted(cells.items())
    ]


def extent_of(found: Iterable[Hexagon], radius: float) -> Box:
    """The rectangle around hexagons."""
    points = [point for hexagon in found for point in corners(hexagon.x, hexagon.y, radius)]
    return _around(points)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts numbers in texts as numbers.

    >>> sorted(["A10", "A9", "7"], key=natural)
    ['7', 'A9', 'A10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return tuple((0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts)


def banks(assets: Iterable[str], places: Mapping[str, Place]) -> list[tuple[str, Sequence[str]]]:
    """Machines by bank, both in order; those without one are the last."""
    found: dict[str, list[str]] = {}
    for asset_id in sorted(assets, key=natural):
        place = places.get(asset_id)
        found.setdefault(place.bank if place else "", []).append(asset_id)
    return sorted(found.items(), key=lambda one: (one[0] == "", natural(one[0])))

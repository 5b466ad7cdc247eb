"""Hexagons over a plane, a corner up, and which of them a point is in.

Hexagons are told by axial coordinates, as in "Hexagonal Grids" (Amit Patel, Red Blob Games,
https://www.redblobgames.com/grids/hexagons/): of hexagons with a corner up and the radius R (from
the centre to a corner), the one at column q and row r has its centre at

    x = R * sqrt(3) * (q + r / 2)        y = R * 3 / 2 * r

so (0, 0) is around the origin whatever points there are, and the same radius is the same hexagons.

A hexagon has the points that its centre is nearest to. One on an edge, just as near to two or three
centres, is of the smallest row among them, and in that row of the smallest column: every point is
in one hexagon, and counts add up. Distances are equal when their squares are to one part in 10^12:
doubles tell no more.
"""

import math
from typing import NamedTuple

SQRT_3 = math.sqrt(3)
_NEARER = 1 - 1e-12


class Axial(NamedTuple):
    """A hexagon's place. They sort row by row, and in a row by column."""

    r: int
    q: int


def hexagon_at(x: float, y: float, radius: float) -> Axial:
    """The hexagon that a point is in; coordinates are finite, the radius is positive.

    >>> hexagon_at(0.1, -0.2, 1), hexagon_at(-1.7, 3.1, 1)
    (Axial(r=0, q=0), Axial(r=2, q=-2))
    """
    guess = math.floor(y / (1.5 * radius) + 0.5)
    best, nearest = math.inf, Axial(guess, 0)
    for row in (guess - 1, guess, guess + 1):
        # The nearest in this row; half-way between two the left one.
        column = math.ceil(x / (SQRT_3 * radius) - row / 2 - 0.5)
        dx, dy = x - SQRT_3 * radius * (column + row / 2), y - 1.5 * radius * row
        distance = dx * dx + dy * dy
        if distance < best * _NEARER:
            best, nearest = distance, Axial(row, column)
    return nearest


def centre(hexagon: Axial, radius: float) -> tuple[float, float]:
    """Its centre.

    >>> centre(Axial(2, -1), 10)
    (0.0, 30.0)
    """
    return SQRT_3 * radius * (hexagon.q + hexagon.r / 2), 1.5 * radius * hexagon.r


def corners(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """The corners of the hexagon around a centre, the upper one first."""
    half = radius * SQRT_3 / 2
    return [
        *((x, y - radius), (x + half, y - radius / 2), (x + half, y + radius / 2)),
        *((x, y + radius), (x - half, y + radius / 2), (x - half, y - radius / 2)),
    ]

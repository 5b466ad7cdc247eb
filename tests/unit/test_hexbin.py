"""Hexagons over a plane: every point is in one, the one whose centre is nearest."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.report.hexbin import SQRT_3, Axial, centre, corners, hexagon_at

pytestmark = pytest.mark.unit

places = st.floats(-1e4, 1e4)
radii = st.floats(0.01, 1e3)
small = st.integers(-500, 500)


def away(x: float, y: float, one: Axial, radius: float) -> float:
    return math.dist((x, y), centre(one, radius))


@given(places, places, radii)
def test_a_point_is_in_the_hexagon_whose_centre_is_nearest(x: float, y: float, r: float) -> None:
    found = hexagon_at(x, y, r)

    around = [
        Axial(found.r + rows, found.q + columns) for rows in (-1, 0, 1) for columns in (-1, 0, 1)
    ]
    nearest = min(away(x, y, one, r) for one in around)
    assert away(x, y, found, r) <= nearest + 1e-9 * (r + abs(x) + abs(y))
    assert away(x, y, found, r) <= r * (1 + 1e-9) + 1e-9 * (abs(x) + abs(y))


@given(small, small, radii)
def test_a_centre_is_in_its_own_hexagon(r: int, q: int, radius: float) -> None:
    assert hexagon_at(*centre(Axial(r, q), radius), radius) == Axial(r, q)


def test_a_point_on_an_edge_is_of_the_upper_row_and_then_of_the_left_column() -> None:
    # With this radius the columns are two apart, and rows the square root of three.
    radius = 2 / SQRT_3
    assert hexagon_at(1.0, 0.0, radius) == Axial(0, 0)  # as near to column 1
    assert hexagon_at(-1.0, 0.0, radius) == Axial(0, -1)  # as near to column 0
    # The lowest corner, as near to two hexagons of the row below; and the upper one, as near to two
    # of the row above.
    assert hexagon_at(0.0, 1.0, 1.0) == Axial(0, 0)
    assert hexagon_at(0.0, -1.0, 1.0) == Axial(-1, 0)


def test_corners_are_as_far_from_the_centre_as_from_the_two_others_around_them() -> None:
    x, y = centre(Axial(3, -2), 7.0)
    for corner in corners(x, y, 7.0):
        near = sorted(
            away(*corner, Axial(3 + rows, -2 + columns), 7.0)
            for rows in (-1, 0, 1)
            for columns in (-1, 0, 1)
        )
        assert near[:3] == pytest.approx([7.0] * 3)
        assert near[3] > 7.5

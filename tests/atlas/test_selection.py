"""The lasso against hand cases and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.atlas.selection import box, enclosed, inside
from core.errors import InputError

SQUARE = [(0, 0), (2, 0), (2, 2), (0, 2)]


def test_square():
    points = [(1, 1), (3, 1), (-1, 1), (1, 3), (1, -1), (0.001, 1.999)]
    assert inside(np.array(points), SQUARE).tolist() == [True, False, False, False, False, True]


def test_left_and_lower_edges_belong_to_it_right_and_upper_do_not():
    points = np.array([(0, 1), (2, 1), (1, 0), (1, 2), (0, 0), (2, 2)])
    assert inside(points, SQUARE).tolist() == [True, False, True, False, True, False]


def test_concave_polygon():
    arrow = [(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)]
    assert inside(np.array([(2, 2), (1, 1), (3, 1), (2, 0.5)]), arrow).tolist() == [False, True, True, True]


def test_a_lasso_round_twice_has_a_hole():
    outer, inner = [(0, 0), (9, 0), (9, 9), (0, 9)], [(3, 3), (6, 3), (6, 6), (3, 6)]
    twice = [*outer, (0, 0), (3, 3), *inner[1:], (3, 3)]
    assert inside(np.array([(1, 1), (4.5, 4.4), (8, 8)]), twice).tolist() == [True, False, True]


@pytest.mark.parametrize("polygon", [[], [(0, 0)], [(0, 0), (5, 5)]])
def test_less_than_a_triangle_encloses_nothing(polygon):
    assert not inside(np.array([(0, 0), (2, 2)]), polygon).any()


@pytest.mark.parametrize("polygon", [[(0, 0), (1, float("nan")), (1, 1)], [(0, 0, 0), (1, 1)], ["ab", "cd", "ef"]])
def test_nonsense_is_refused(polygon):
    with pytest.raises(InputError, match="selection must be"):
        inside(np.zeros((2, 2)), polygon)


def test_no_points():
    assert inside(np.empty((0, 2)), SQUARE).shape == (0,)


def test_hidden_colours_are_not_selected():
    points = np.array([(1, 1), (1.5, 1), (5, 5)])
    assert enclosed(points, SQUARE).tolist() == [0, 1]
    assert enclosed(points, SQUARE, np.array([0, 3, 0]), (3,)).tolist() == [0]
    assert enclosed(points, SQUARE, np.array([0, 3, 0]), ()).tolist() == [0, 1]


whole = st.integers(-8, 8)
corners = st.lists(st.tuples(whole, whole), min_size=3, max_size=12)


@given(corners, st.lists(st.tuples(whole, whole), min_size=1, max_size=30))
def test_start_direction_and_place_do_not_matter(polygon, points):
    points = np.array(points, float) + 0.25  # off the corners
    expected = inside(points, polygon)
    assert inside(points, polygon[::-1]).tolist() == expected.tolist()
    assert inside(points, polygon[2:] + polygon[:2]).tolist() == expected.tolist()
    assert inside(points + 100, np.array(polygon) + 100).tolist() == expected.tolist()


@given(st.tuples(whole, whole, whole, whole), st.lists(st.tuples(whole, whole), min_size=1, max_size=30))
def test_a_box_is_its_four_comparisons(sides, points):
    x1, y1, x2, y2 = sides
    assume(x1 != x2 and y1 != y2)
    points = np.array(points, float)
    (left, right), (low, high) = sorted((x1, x2)), sorted((y1, y2))
    expected = (points[:, 0] >= left) & (points[:, 0] < right) & (points[:, 1] >= low) & (points[:, 1] < high)
    assert inside(points, box(x1, y1, x2, y2)).tolist() == expected.tolist()


@given(corners, st.lists(st.tuples(whole, whole), min_size=1, max_size=30))
def test_it_agrees_with_triangles_for_convex_polygons(polygon, points):
    from scipy.spatial import ConvexHull, Delaunay, QhullError
    try:
        hull = np.array(polygon, float)[ConvexHull(np.array(polygon, float)).vertices]
        triangles = Delaunay(hull)
    except QhullError:
        assume(False)
    points = np.array(points, float) + np.array([0.25, 0.123])
    inside_hull = triangles.find_simplex(points, tol=1e-12) >= 0
    edge = np.roll(hull, -1, axis=0) - hull
    cross = edge[None, :, 0] * (points[:, None, 1] - hull[None, :, 1]) - edge[None, :, 1] * (
        points[:, None, 0] - hull[None, :, 0])
    clear = np.abs(cross).min(axis=1) > 1e-9  # not on an edge
    assert inside(points, hull)[clear].tolist() == inside_hull[clear].tolist()

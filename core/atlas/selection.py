"""What a lasso or a box encloses, for all points of a map at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.errors import InputError


def inside(coords: np.ndarray, polygon: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    """Say which points lie inside a polygon, by the even-odd rule.

    A lasso that crosses itself encloses what an odd number of its turns goes round. Lower and left edges count as
    inside, upper and right ones as outside, so polygons that share an edge share no point.

    Parameters
    ----------
    coords : ndarray of float, shape (n, 2)
    polygon : array-like of float, shape (m, 2)
        Corners in order; the last is joined to the first.

    Returns
    -------
    ndarray of bool, shape (n,)
        All False for fewer than three corners.

    Raises
    ------
    InputError
        If the polygon is not a list of pairs of finite numbers.
    """
    points = np.asarray(coords, np.float64).reshape(-1, 2)
    try:
        corners = np.asarray(polygon, np.float64).reshape(-1, 2) if len(polygon) else np.empty((0, 2))
    except (TypeError, ValueError) as error:
        raise InputError("A selection must be a list of points, each with two numbers.") from error
    if not np.isfinite(corners).all():
        raise InputError("A selection must be made of finite numbers.")
    result = np.zeros(len(points), bool)
    if len(corners) < 3:
        return result
    near = np.flatnonzero(((points >= corners.min(axis=0)) & (points <= corners.max(axis=0))).all(axis=1))
    x, y = points[near, 0], points[near, 1]
    odd = np.zeros(len(near), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue  # a ray to the right never crosses a level edge
        crosses = (y1 <= y) != (y2 <= y)
        # exact at the ends of the edge: the same edge walked the other way gives the same x
        if y1 > y2:
            x1, y1, x2, y2 = x2, y2, x1, y1
        odd ^= crosses & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    result[near] = odd
    return result


def box(x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    """The polygon of a box given by two opposite corners, float64, shape (4, 2)."""
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float64)


def enclosed(coords: np.ndarray, polygon: Sequence[Sequence[float]] | np.ndarray, codes: np.ndarray | None = None,
             hidden: Sequence[int] = ()) -> np.ndarray:
    """Positions of the points inside a polygon, those whose colour code was hidden left out.

    Parameters
    ----------
    coords : ndarray of float, shape (n, 2)
        Of all items, drawn or not.
    polygon : array-like of float, shape (m, 2)
    codes : ndarray of int, shape (n,), optional
        Colour code of each item.
    hidden : sequence of int
        Codes that were hidden when the polygon was drawn.

    Returns
    -------
    ndarray of int64
        Ascending.
    """
    mask = inside(coords, polygon)
    if codes is not None and len(hidden):
        mask &= ~np.isin(codes, np.asarray(hidden))
    return np.flatnonzero(mask)

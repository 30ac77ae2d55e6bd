"""Points of a map on their way to the browser, and the selection on its way back. Nothing here draws or asks Streamlit.

The browser works in the unit square: the map's longer side is 1, its middle at 0.5, so a link to a selection stays short
and float32 is fine enough at any zoom.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from core.atlas.colours import NO_VALUE, Colouring

MAX_DRAWN = 50_000
HUB, PLACED_LATER = 1, 2
USUAL_SIZE = 32
"""What a point of the usual size has in `MapPoints.sizes`; twice that is twice as wide."""
_GRID = 100_000  # steps along the map's side; fine enough for a lasso drawn at the closest zoom


@dataclass(frozen=True)
class Selection:
    """What was drawn round points: corners in the unit square, and the colour codes that were hidden then."""

    polygon: tuple[tuple[float, float], ...]
    hidden: tuple[int, ...] = ()

    def as_link(self) -> str:
        """The corners as ``x.y_x.y_...`` in whole steps, hidden codes after a ``~``."""
        corners = "_".join(f"{_whole(x)}.{_whole(y)}" for x, y in self.polygon)
        return corners + ("~" + ".".join(map(str, self.hidden)) if self.hidden else "")

    @classmethod
    def from_link(cls, text: str) -> Selection | None:
        """Read `as_link`; None where the text is not one."""
        corners, _, hidden = text.partition("~")
        try:
            polygon = [tuple(int(number) / _GRID for number in corner.split(".")) for corner in corners.split("_")]
            return _checked(polygon, [int(code) for code in hidden.split(".") if code])
        except ValueError:
            return None


def _whole(value: float) -> int:
    return int(round(min(max(value, -1.0), 2.0) * _GRID))


def _checked(polygon: Any, hidden: Any) -> Selection | None:
    """A selection of finite numbers, rounded as a link rounds it, so that a link shows the very same; else None."""
    corners = []
    if not isinstance(polygon, list | tuple) or not 3 <= len(polygon) <= 200:
        return None
    for corner in polygon:
        if not isinstance(corner, list | tuple) or len(corner) != 2:
            return None
        if not all(isinstance(v, int | float) and np.isfinite(v) for v in corner):
            return None
        corners.append((_whole(corner[0]) / _GRID, _whole(corner[1]) / _GRID))
    codes = tuple(sorted({int(c) for c in hidden or () if isinstance(c, int | float) and 0 <= c < 32}))
    return Selection(tuple(corners), codes)


def selection_of(raw: Any) -> Selection | None:
    """The browser's message, if it has the right form."""
    return _checked(raw.get("polygon"), raw.get("hidden")) if isinstance(raw, Mapping) else None


@dataclass(frozen=True)
class UnitSquare:
    """The way from a map's coordinates to the unit square and back."""

    middle: tuple[float, float]
    side: float

    @classmethod
    def around(cls, coords: np.ndarray) -> UnitSquare:
        """The square around all of a map's points, float (n, 2)."""
        if len(coords) == 0:
            return cls((0.0, 0.0), 1.0)
        low, high = coords.min(axis=0).astype(float), coords.max(axis=0).astype(float)
        middle = (low + high) / 2
        return cls((float(middle[0]), float(middle[1])), float(max((high - low).max(), 1e-9)))

    def inward(self, coords: np.ndarray) -> np.ndarray:
        """float32 (n, 2) in 0..1."""
        return ((np.asarray(coords, np.float64) - self.middle) / self.side + 0.5).astype(np.float32)

    def outward(self, corners: Any) -> np.ndarray:
        """float64 (m, 2) in the map's coordinates."""
        return (np.asarray(corners, np.float64).reshape(-1, 2) - 0.5) * self.side + self.middle


@dataclass(frozen=True, eq=False)
class MapPoints:
    """What the component draws.

    Attributes
    ----------
    ids : ndarray of str, shape (n,)
        Of the points that are drawn.
    xy : ndarray of float32, shape (n, 2)
        In the unit square.
    colouring : Colouring
        Of all items; `drawn` says which of them the points are.
    flags : ndarray of uint8, shape (n,)
        HUB and PLACED_LATER.
    thumb : str
        Address of thumbnails, without the id.
    map_id : str
        Another map keeps neither zoom nor selection.
    drawn : ndarray of int, optional
        Positions of the points among all items; None: all are drawn.
    names : tuple of (x, y, text)
        Written on the map, the most important first.
    ranks : int
        The first so many points are hits and show their rank.
    sizes : ndarray of uint8, shape (n,), optional
        How wide each point is, see `USUAL_SIZE`; None: all alike.
    counts : ndarray of int32, shape (n,), optional
        How often each is found; said where the pointer rests.
    pictured : int, optional
        Only the first so many points can be shown as pictures.
    focus : int
        The map starts with only so many first points in view; 0: all.
    link_ink : float
        How strongly links are drawn that the pointer does not rest on, 0..1.
    """

    ids: np.ndarray
    xy: np.ndarray
    colouring: Colouring
    flags: np.ndarray
    thumb: str
    map_id: str
    status: str
    drawn: np.ndarray | None = None
    ranks: int = 0
    star: tuple[float, float] | None = None
    edges: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int32))
    hubs_label: str = "hubs, ringed"
    names: tuple[tuple[float, float, str], ...] = ()
    selection: Selection | None = None
    mode: str = "lasso"
    pictures: bool = False
    sizes: np.ndarray | None = None
    counts: np.ndarray | None = None
    pictured: int | None = None
    focus: int = 0
    link_ink: float = 0.07

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.ids.tolist())

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._known


def sample(n: int, seed: int = 0, most: int = MAX_DRAWN) -> np.ndarray | None:
    """Positions of at most `most` of n points, ascending and the same for a seed; None if all can be drawn."""
    return None if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def sizes_by_count(counts: np.ndarray, most: float, *, largest: float = 2.5, smallest: float = 0.4) -> np.ndarray:
    """Widths of points whose area shows a count, for `MapPoints.sizes`.

    Parameters
    ----------
    counts : ndarray of int, shape (n,)
    most : float
        The count that is drawn `largest` times as wide as usual; what is above it is drawn no wider.
    smallest : float
        Width of a count of 0, so that it can still be seen.

    Returns
    -------
    ndarray of uint8, shape (n,)
    """
    share = np.clip(np.asarray(counts, np.float64) / max(most, 1.0), 0.0, 1.0)
    return np.round(USUAL_SIZE * (smallest**2 + (largest**2 - smallest**2) * share) ** 0.5).astype(np.uint8)


def pack(points: MapPoints) -> bytes:
    """All of it as one block of bytes; ``decode`` in parts.js reads it.

    uint32 length of a JSON head, the head, float32 pairs, int32 pairs of edges, int32 counts, uint8 codes, uint8 flags, uint8
    sizes, ids as lines. Counts and sizes are there only if the head says so.
    """
    n = len(points.ids)
    codes = points.colouring.codes if points.drawn is None else points.colouring.codes[points.drawn]
    body = b"".join((
        points.xy.astype("<f4").tobytes(), points.edges.astype("<i4").tobytes(),
        b"" if points.counts is None else points.counts.astype("<i4").tobytes(), codes.astype(np.uint8).tobytes(),
        points.flags.astype(np.uint8).tobytes(), b"" if points.sizes is None else points.sizes.astype(np.uint8).tobytes(),
        "\n".join(points.ids.tolist()).encode()))
    shown, total = points.colouring, len(points.colouring.codes)
    head = {
        "n": n, "edges": len(points.edges), "total": total, "sampled": n < total, "map": points.map_id,
        "thumb": points.thumb, "status": points.status, "ranks": points.ranks, "star": points.star,
        "by": shown.by, "kind": shown.kind, "labels": shown.labels, "counts": shown.counts, "colours": shown.colours,
        "coloursDark": shown.colours_dark, "minimum": shown.minimum, "maximum": shown.maximum, "above": shown.above, "noValue": NO_VALUE,
        "hubs": int((points.flags & HUB > 0).sum()), "hubsLabel": points.hubs_label, "mode": points.mode,
        "pictures": points.pictures, "pictured": points.pictured, "sized": points.sizes is not None,
        "counted": points.counts is not None,
        "linkInk": points.link_ink, "focus": points.focus, "names": points.names,
        "selection": points.selection and {"polygon": points.selection.polygon, "hidden": points.selection.hidden},
    }
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    digest.update(body)
    text = json.dumps(head | {"stamp": digest.hexdigest()[:16]}, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 4) % 8)  # numbers start on a boundary
    return struct.pack("<I", len(text)) + text + body

"""Vectors in memory: snapshots of a set that share one growing buffer per process.

A view is what a search reads. It never changes; a newer one is made by reading only the rows that came since.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from core.errors import Damaged, NotFound
from core.store.base import read_meta
from core.store.segments import (
    AGAIN,
    ROWS_AT_A_TIME,
    STORED,
    Segment,
    check_ids,
    end_of,
    missing_segment,
    read_segment,
    segments_of,
)
from core.store.vectors import VectorsPart, find_set
from core.types import VectorSet

VIEWS_KEPT = 6
"""Vector sets whose rows this process keeps in memory; the one not used for longest goes first."""

_HIDDEN = """
    SELECT position FROM vectors INDEXED BY vectors_dead WHERE set_id = ? AND dead = 1
    UNION ALL
    SELECT position FROM items INDEXED BY items_trashed CROSS JOIN vectors INDEXED BY vectors_live
    ON vectors.set_id = ? AND vectors.item_id = items.item_id AND vectors.dead = 0 WHERE items.trashed_at IS NOT NULL"""
# The indexes are named because SQLite's planner would otherwise read every row of both tables.


@dataclass(frozen=True, eq=False)
class VectorView:
    """All rows of a vector set at one generation.

    Attributes
    ----------
    set : VectorSet
    generation : int
        Of the collection, when the snapshot was made.
    item_ids : ndarray of str, shape (n,)
        By position. An item whose vector was replaced stands at its old position too, which is not alive.
    matrix : ndarray of float16, shape (n, d), C-contiguous
        All rows, dead ones included. Not to be written to.
    alive : ndarray of bool, shape (n,)
        False for rows that were replaced and for items in the trash.
    epoch : int
        Positions keep their meaning while it stays the same; a new epoch means an index over positions is void.
    changed : int
        Generation at which rows of this set last came, went or were hidden: a graph or index of this generation or a
        later one (and of this epoch) is up to date.
    """

    set: VectorSet
    generation: int
    item_ids: np.ndarray
    matrix: np.ndarray
    alive: np.ndarray
    epoch: int = 0
    changed: int = 0
    _rows: _Rows = field(repr=False, default=None)  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.item_ids)

    @property
    def uid(self) -> str:
        """The id of its collection, as `Collection.uid`, without asking the database."""
        return self._rows.identity[0]

    @cached_property
    def live(self) -> np.ndarray:
        """int64 positions of the rows that are alive, ascending."""
        return np.flatnonzero(self.alive).astype(np.int64)

    @cached_property
    def mean(self) -> np.ndarray:
        """float32 (d,): mean of the live rows; zeros where there is none."""
        n_live = int(np.count_nonzero(self.alive))
        return (self._rows.total(self) / max(1, n_live)).astype(np.float32)

    def position(self, item_id: str) -> int | None:
        """Position of an item's live row, or None."""
        position = self._rows.where.get(item_id)
        if position is not None and position >= len(self.item_ids):
            # The dictionary is shared with newer views, where the item's vector was replaced.
            earlier = np.flatnonzero(self.item_ids == item_id)
            position = int(earlier[-1]) if len(earlier) else None
        return position if position is not None and self.alive[position] else None

    def positions(self, ids: Sequence[str]) -> np.ndarray:
        """int64 positions of the items' live rows, in the order of `ids`.

        Raises
        ------
        NotFound
            If an item has no live row in this set.
        """
        found = [self.position(item_id) for item_id in ids]
        if None in found:
            missing = [item_id for item_id, position in zip(ids, found) if position is None]
            raise NotFound(
                f"{len(missing)} of {len(found)} items have no vector in {self.set.set_id}, the first is {missing[0]}; "
                "index the collection's source again, or take them out of the trash."
            )
        return np.asarray(found, dtype=np.int64)

    def find(self, ids: Iterable[str]) -> np.ndarray:
        """int64 positions of those items of `ids` that have a live row, in that order; the others are left out."""
        found = (self.position(item_id) for item_id in ids)
        return np.asarray([position for position in found if position is not None], dtype=np.int64)

    def rows(self, positions: np.ndarray | Sequence[int]) -> np.ndarray:
        """float32 (m, d) rows at `positions`, of length 1."""
        rows = self.matrix[np.asarray(positions, dtype=np.int64)].astype(np.float32)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.maximum(norms, np.finfo(np.float32).tiny)


class _Rows:
    """The growing buffer behind the views of one set and epoch. Views see a prefix; appending does not move it."""

    def __init__(self, identity: tuple[str, int], dim: int) -> None:
        self.identity = identity
        self.n = 0
        self.buffer = np.empty((0, dim), dtype=STORED)
        self.ids = np.empty(0, dtype="<U1")
        self.where: dict[str, int] = {}
        self._sum = np.zeros(dim, dtype=np.float64)
        self._summed = np.zeros(0, dtype=bool)
        self._lock = threading.Lock()

    def append(
        self, set_id: str, path_of: Callable[[int], Path], segments: Sequence[Segment], ids: Sequence[str]
    ) -> None:
        """Read the rows from `n` on out of their segments; `ids` are theirs. On failure nothing is appended."""
        first, end = self.n, self.n + len(ids)
        self._reserve(end, ids)
        for segment in segments:
            if segment.start + segment.n_rows <= first:
                continue
            if segment.start >= first:
                check_ids(set_id, segment, ids[segment.start - first : segment.start - first + segment.n_rows])
                read_segment(path_of(segment.seq), segment, self.buffer[segment.start : segment.start + segment.n_rows])
                continue
            # Known rows and new ones were merged into one file.
            whole = np.empty((segment.n_rows, self.buffer.shape[1]), dtype=STORED)
            read_segment(path_of(segment.seq), segment, whole)
            self.buffer[first : segment.start + segment.n_rows] = whole[first - segment.start :]
        self.ids[first:end] = ids
        self.where.update(zip(ids, range(first, end)))
        self.n = end

    def _reserve(self, n: int, ids: Sequence[str]) -> None:
        width = max((len(item_id) for item_id in ids), default=1)
        if n > len(self.buffer):
            buffer = np.empty((n if self.n == 0 else n + n // 2, self.buffer.shape[1]), dtype=STORED)
            buffer[: self.n] = self.buffer[: self.n]
            self.buffer = buffer
        if n > len(self.ids) or width > self.ids.dtype.itemsize // 4:
            grown = np.empty(len(self.buffer), dtype=f"<U{max(width, self.ids.dtype.itemsize // 4)}")
            grown[: self.n] = self.ids[: self.n]
            self.ids = grown

    def total(self, view: VectorView) -> np.ndarray:
        """Sum of the view's live rows, float64, from the last sum and what changed since.

        Sums of float16 numbers are exact in float64, so the way there leaves no trace in the result.
        """
        with self._lock:
            n = max(len(view.alive), len(self._summed))
            before, now = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
            before[: len(self._summed)] = self._summed
            now[: len(view.alive)] = view.alive
            for positions, sign in ((np.flatnonzero(now & ~before), 1.0), (np.flatnonzero(before & ~now), -1.0)):
                for start in range(0, len(positions), ROWS_AT_A_TIME):
                    piece = self.buffer[positions[start : start + ROWS_AT_A_TIME]]
                    self._sum += sign * piece.astype(np.float64).sum(axis=0)
            self._summed = now
            return self._sum.copy()


class _Slot:
    """What this process keeps of one vector set."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.rows: _Rows | None = None
        self.view: VectorView | None = None


_slots: OrderedDict[tuple[Path, str], _Slot] = OrderedDict()
_slots_lock = threading.Lock()


def _slot(path: Path, set_id: str) -> _Slot:
    with _slots_lock:
        slot = _slots.setdefault((path, set_id), _Slot())
        _slots.move_to_end((path, set_id))
        while len(_slots) > VIEWS_KEPT:
            _slots.popitem(last=False)
        return slot


def forget(path: Path | None = None) -> None:
    """Let go of the vectors of the collection in `path` (None: of all of them)."""
    with _slots_lock:
        for key in [key for key in _slots if path is None or key[0] == path]:
            del _slots[key]


class ViewPart(VectorsPart):
    """Snapshots of vector sets."""

    def view(self, set_id: str | None = None) -> VectorView:
        """The rows of a vector set (None: the active one) at the present generation.

        Where nothing changed, the same object comes back; where rows were only added, only they are read.

        Raises
        ------
        NotFound
            There is no such set.
        Damaged
            A segment is missing or does not hold what the database says.
        """
        if set_id is None:
            set_id = self.set(None).set_id
        slot = _slot(self.path.absolute(), set_id)
        with slot.lock:
            lost: FileNotFoundError | None = None
            for _ in range(5):
                try:
                    slot.view = self._refreshed(slot, set_id)
                    return slot.view
                except FileNotFoundError as error:
                    lost = error  # merged into another segment since the database was read; look again
            raise missing_segment(Path(lost.filename)) from lost

    def _refreshed(self, slot: _Slot, set_id: str) -> VectorView:
        with self._db.read() as connection:
            generation = int(read_meta(connection, "generation", 0))
            uid = str(read_meta(connection, "uid", ""))
            vector_set = find_set(connection, set_id)
            epoch, changed = connection.execute(
                "SELECT epoch, changed FROM sets WHERE set_id = ?", (set_id,)
            ).fetchone()
            rows, old = slot.rows, slot.view
            same_rows = rows is not None and rows.identity == (uid, epoch)
            if same_rows and old is not None and (old.generation, old.set) == (generation, vector_set):
                return old
            if same_rows and old is not None and old.changed == changed:
                return VectorView(vector_set, generation, old.item_ids, old.matrix, old.alive, epoch, changed, rows)
            if not same_rows:
                rows = _Rows((uid, epoch), vector_set.dim)
            segments = segments_of(connection, set_id)
            end = end_of(connection, set_id)
            ids = _new_ids(connection, set_id, rows.n, end)
            hidden = [row[0] for row in connection.execute(_HIDDEN, (set_id, set_id))]
        if ids:
            rows.append(set_id, lambda seq: self.segment_path(set_id, seq), segments, ids)
        slot.rows = rows
        alive = np.ones(rows.n, dtype=bool)
        alive[np.asarray(hidden, dtype=np.int64)] = False
        alive.flags.writeable = False
        return VectorView(
            vector_set, generation, rows.ids[: rows.n], rows.buffer[: rows.n], alive, epoch, changed, rows
        )


def _new_ids(connection: object, set_id: str, start: int, end: int) -> list[str]:
    """The item ids of the rows from `start` on, which must be one for every row that the segments have."""
    found = connection.execute(
        "SELECT position, item_id FROM vectors WHERE set_id = ? AND position >= ? ORDER BY position", (set_id, start)
    ).fetchall()
    if len(found) != max(0, end - start) or (found and (found[0][0] != start or found[-1][0] != end - 1)):
        raise Damaged(
            f"The list of vectors of {set_id} is damaged: the segments have {end - start} rows from row {start} on and "
            f"the database names items for {len(found)}; {AGAIN}."
        )
    return [item_id for _, item_id in found]

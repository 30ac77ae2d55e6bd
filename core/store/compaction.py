"""Making few segments of many, and dropping rows that nobody needs or that were damaged.

The new file is whole and named in the database before an old one is removed, so a crash at any moment leaves either
the old list or the new one, and files to sweep.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from core.errors import Damaged
from core.store.segments import (
    STORED,
    Segment,
    all_segments,
    check_ids,
    ids_digest,
    load_segment,
    name_segment,
    segments_of,
    write_segment,
)
from core.store.vectors import VectorsPart, find_set

SMALL_ROWS = 16384
"""A segment of fewer rows is merged with its neighbours by `compact`."""
DEAD_SHARE = 0.2
"""With more dead rows than this share, `compact` drops them and starts a new epoch."""


class CompactionPart(VectorsPart):
    """Merging and dropping rows of vector sets."""

    def compact(self, set_id: str) -> None:
        """Merge the small segments at the end of a set into one, and drop dead rows where there are many.

        Positions stay as they are unless dead rows are dropped, which starts a new epoch. Nobody has to wait:
        readers go on with the files they know, and look again when one is gone.

        Raises
        ------
        NotFound
            There is no such set.
        Damaged
            A segment that would have to be read is damaged; nothing was changed.
        """
        with self._files_lock():
            with self._db.read() as connection:
                dim = find_set(connection, set_id).dim
                segments = segments_of(connection, set_id)
                named = _named(connection, set_id)
            dead = [position for position, (_, is_dead) in named.items() if is_dead]
            n = sum(segment.n_rows for segment in segments)
            if n and len(dead) > DEAD_SHARE * n:
                keep = np.ones(n, dtype=bool)
                keep[np.asarray(dead, dtype=np.int64)] = False
                for segment in segments:
                    check_ids(set_id, segment, _ids_of(segment, named))
                self._rewrite(set_id, dim, segments, [(s, keep[s.start : s.start + s.n_rows]) for s in segments])
                return
            tail: list[Segment] = []
            for segment in reversed(segments):
                if segment.n_rows >= SMALL_ROWS:
                    break
                tail.insert(0, segment)
            if len(tail) > 1:
                for segment in tail:
                    check_ids(set_id, segment, _ids_of(segment, named))
                self._merge(set_id, dim, tail, [item_id for segment in tail for item_id in _ids_of(segment, named)])

    def _merge(self, set_id: str, dim: int, segments: Sequence[Segment], ids: Sequence[str]) -> None:
        """One file of several that follow each other; the positions of their rows stay."""
        first = segments[0].start
        rows = np.concatenate([self._load(set_id, segment, dim) for segment in segments])
        seq = self._next_seq(set_id)
        written = write_segment(self.segment_path(set_id, seq), [rows], len(rows), dim)
        with self._write() as connection:
            connection.executemany(
                "DELETE FROM segments WHERE set_id = ? AND seq = ?", [(set_id, s.seq) for s in segments]
            )
            name_segment(connection, set_id, Segment(seq, first, len(rows), *written, ids_digest(ids)))
        self._remove_segments(set_id, segments)

    def _rewrite(
        self, set_id: str, dim: int, old: Sequence[Segment], kept: Sequence[tuple[Segment, np.ndarray]]
    ) -> None:
        """Write a set anew from those rows of the segments in `kept` whose mask is True: a new epoch."""
        kept = [(segment, mask) for segment, mask in kept if mask.any()]
        rows = np.empty((sum(int(mask.sum()) for _, mask in kept), dim), dtype=STORED)
        at = 0
        for segment, mask in kept:
            rows[at : at + int(mask.sum())] = self._load(set_id, segment, dim)[mask]
            at += int(mask.sum())
        positions = np.concatenate([s.start + np.flatnonzero(mask) for s, mask in kept]) if kept else np.empty(0, int)
        seq = self._next_seq(set_id)
        path = self.segment_path(set_id, seq)
        written = write_segment(path, [rows], len(rows), dim) if len(rows) else None
        with self._write() as connection:
            named = _named(connection, set_id)
            connection.execute("DELETE FROM vectors WHERE set_id = ?", (set_id,))
            connection.execute("DELETE FROM segments WHERE set_id = ?", (set_id,))
            connection.executemany(
                "INSERT INTO vectors (set_id, position, item_id, dead) VALUES (?, ?, ?, ?)",
                [(set_id, new, *named[position]) for new, position in enumerate(positions.tolist())],
            )
            if written is not None:
                ids = (named[position][0] for position in positions.tolist())
                name_segment(connection, set_id, Segment(seq, 0, len(rows), *written, ids_digest(ids)))
            connection.execute("UPDATE sets SET epoch = epoch + 1 WHERE set_id = ?", (set_id,))
            self._raise_generation(connection, (set_id,))
        self._remove_segments(set_id, old)

    def _drop_unsure(self, set_id: str) -> int:
        """Keep the rows whose file is sound and whose item is known, forget the rest; the number of live rows lost."""
        with self._files_lock():
            with self._db.read() as connection:
                dim = find_set(connection, set_id).dim
                segments = all_segments(connection, set_id)
                named = _named(connection, set_id)
                unknown = {r[0] for r in connection.execute(_UNKNOWN, (set_id,))}
            kept: list[tuple[Segment, np.ndarray]] = []
            end = 0
            for segment in segments:
                if segment.start < end or not self._sound(set_id, segment, dim, named):
                    continue
                here = range(segment.start, segment.start + segment.n_rows)
                kept.append((segment, np.array([p not in unknown for p in here], dtype=bool)))
                end = segment.start + segment.n_rows
            n_kept = sum(int(mask.sum()) for _, mask in kept)
            if n_kept == len(named) and sum(s.n_rows for s in segments) == n_kept and end == n_kept:
                return 0
            sure = {segment.start + int(i) for segment, mask in kept for i in np.flatnonzero(mask)}
            self._rewrite(set_id, dim, segments, kept)
            return sum(not dead for position, (_, dead) in named.items() if position not in sure)

    def _sound(self, set_id: str, segment: Segment, dim: int, named: dict[int, tuple[str, int]]) -> bool:
        try:
            self._load(set_id, segment, dim)
            check_ids(set_id, segment, _ids_of(segment, named))
        except (Damaged, OSError):
            return False
        return True

    def _load(self, set_id: str, segment: Segment, dim: int) -> np.ndarray:
        return load_segment(self.segment_path(set_id, segment.seq), segment, dim)

    def _remove_segments(self, set_id: str, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self.segment_path(set_id, segment.seq).unlink(missing_ok=True)


_UNKNOWN = (
    "SELECT position FROM vectors WHERE set_id = ? AND dead = 0"
    " AND NOT EXISTS (SELECT 1 FROM items WHERE items.item_id = vectors.item_id)"
)


def _named(connection: sqlite3.Connection, set_id: str) -> dict[int, tuple[str, int]]:
    """Position -> (item id, dead) of every row of a set."""
    rows = connection.execute("SELECT position, item_id, dead FROM vectors WHERE set_id = ?", (set_id,))
    return {position: (item_id, dead) for position, item_id, dead in rows}


def _ids_of(segment: Segment, named: dict[int, tuple[str, int]]) -> list[str]:
    """Ids at the positions of a segment; an empty one where none is named."""
    return [named.get(position, ("", 0))[0] for position in range(segment.start, segment.start + segment.n_rows)]

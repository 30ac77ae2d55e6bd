"""Vector sets of a collection: which there are, which is active, and appending rows to them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

import numpy as np

from core.errors import InputError, NotFound
from core.store.base import CollectionBase, execute_in, read_meta, select_in, write_meta
from core.store.names import check_id
from core.store.segments import Segment, end_of, ids_digest, name_segment
from core.types import VectorSet

DAYS_KEPT = 30
SET_FIELDS = "set_id, encoder, weights, preprocessing, space, dim, engine, precision, has_text, active"


def unit_rows(vectors: np.ndarray, dim: int, ids: Sequence[str]) -> np.ndarray:
    """Check vectors at the door.

    Parameters
    ----------
    vectors : array-like, shape (m, dim)
    dim : int
    ids : sequence of str, length m

    Returns
    -------
    ndarray of float32, shape (m, dim)
        With rows of length 1.

    Raises
    ------
    InputError
        Wrong shape, a row that is not finite or has no direction, an id that stands there twice.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise InputError(
            f"The vectors have shape {rows.shape} and the vector set has {dim} dimensions; give (n, {dim})."
        )
    if len(rows) != len(ids):
        raise InputError(f"There are {len(rows)} vectors for {len(ids)} items; give one each.")
    if len(set(ids)) != len(ids):
        twice = next(i for n, i in enumerate(ids) if i in set(ids[:n]))
        raise InputError(f"Item {twice} has two vectors in one commit; give one.")
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    bad = np.flatnonzero(~(np.isfinite(norms) & (norms > 1e-12)))
    if len(bad):
        raise InputError(
            f"The vectors of {len(bad)} of {len(rows)} items have no direction (zero or not a number); "
            f"the first is that of item {ids[bad[0]]}."
        )
    return (rows / norms[:, None]).astype(np.float32)


class VectorsPart(CollectionBase):
    """Vector sets of a collection."""

    # ------------------------------------------------------------ sets

    def add_set(self, vector_set: VectorSet) -> None:
        """Make a vector set known. Adding it again changes nothing; the first set of joint space becomes active.

        One that was removed is back with all its vectors.

        Raises
        ------
        InputError
            A set of the same id has another dimension or space.
        """
        check_id(vector_set.set_id, "vector set")
        with self._write() as connection:
            row = connection.execute("SELECT dim, space FROM sets WHERE set_id = ?", (vector_set.set_id,)).fetchone()
            if row is not None:
                _set_removed(connection, {k: v for k, v in _removed(connection).items() if k != vector_set.set_id})
                if row != (vector_set.dim, vector_set.space):
                    raise InputError(
                        f"Vector set {vector_set.set_id} is there with {row[0]} dimensions in the {row[1]} space and "
                        f"was added with {vector_set.dim} in the {vector_set.space} space; give it another id."
                    )
                return
            active = connection.execute("SELECT count(*) FROM sets WHERE active").fetchone()[0]
            n = connection.execute("SELECT coalesce(max(n), 0) + 1 FROM sets").fetchone()[0]
            connection.execute(
                f"INSERT INTO sets (n, {SET_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    n,
                    vector_set.set_id,
                    vector_set.encoder,
                    vector_set.weights,
                    vector_set.preprocessing,
                    vector_set.space,
                    int(vector_set.dim),
                    vector_set.engine,
                    vector_set.precision,
                    int(vector_set.has_text),
                    int(not active and vector_set.space == "joint"),
                ),
            )

    def sets(self) -> tuple[VectorSet, ...]:
        """Every vector set, oldest first."""
        with self._db.read() as connection:
            rows = connection.execute(f"SELECT {SET_FIELDS} FROM sets ORDER BY n").fetchall()
            removed = _removed(connection)
        return tuple(_vector_set(row) for row in rows if row[0] not in removed)

    def set(self, set_id: str | None = None) -> VectorSet:
        """The vector set of that id; None is the active one.

        Raises
        ------
        NotFound
        """
        with self._db.read() as connection:
            return find_set(connection, set_id)

    def activate(self, set_id: str) -> None:
        """Make this vector set the one that recipes call ``active``."""
        with self._write() as connection:
            find_set(connection, set_id)
            connection.execute("UPDATE sets SET active = (set_id = ?)", (set_id,))
            write_meta(connection, "sets.wanted", None)
            self._raise_generation(connection, ())

    def want(self, set_id: str) -> None:
        """Note that this set is to become active as soon as it is complete, should whoever fills it be interrupted."""
        with self._write() as connection:
            write_meta(connection, "sets.wanted", find_set(connection, set_id).set_id)

    @property
    def wanted(self) -> str | None:
        """The set noted by `want`, until any set is activated."""
        return self._meta("sets.wanted")  # type: ignore[return-value]

    def remove_set(self, set_id: str) -> None:
        """Hide a vector set; `restore_set` brings it back until it is purged. Its files stay as long.

        Raises
        ------
        NotFound
        InputError
            It is the active one.
        """
        with self._write() as connection:
            if find_set(connection, set_id).active:
                raise InputError(f"The vectors {set_id} are the ones searches use; switch to others before removing them.")
            _set_removed(connection, {**_removed(connection), set_id: time.time()})

    def restore_set(self, set_id: str) -> None:
        """Take back `remove_set`.

        Raises
        ------
        NotFound
            It was purged meanwhile.
        """
        with self._write() as connection:
            _set_removed(connection, {k: v for k, v in _removed(connection).items() if k != set_id})
            find_set(connection, set_id)

    def purge_sets(self, older_than_days: float = DAYS_KEPT) -> list[str]:
        """Delete for good the vector sets that were removed so long ago, with their files; their ids."""
        before = time.time() - older_than_days * 86400
        with self._files_lock():
            with self._write() as connection:
                removed = _removed(connection)
                gone = [set_id for set_id, at in removed.items() if at <= before]
                if not gone:
                    return []
                files = [self.segment_path(*row) for row in select_in(connection, _SEGMENTS_OF, gone)]
                files += [self.artifacts_folder / row[0] for row in select_in(connection, _ARTIFACTS_OF, gone)]
                for table in ("vectors", "segments", "artifacts", "sets"):
                    execute_in(connection, f"DELETE FROM {table} WHERE set_id IN ({{}})", gone)
                _set_removed(connection, {k: v for k, v in removed.items() if k not in gone})
            for file in files:  # after the transaction: before it they still belong to the set
                file.unlink(missing_ok=True)
        return gone

    def vectorless(self, set_id: str) -> list[str]:
        """Ids of live items that have no vector in the set, in the order they were added."""
        with self._db.read() as connection:
            find_set(connection, set_id)
            rows = connection.execute(
                "SELECT item_id FROM items WHERE trashed_at IS NULL AND NOT EXISTS (SELECT 1 FROM vectors"
                " WHERE vectors.set_id = ? AND vectors.item_id = items.item_id AND dead = 0) ORDER BY n",
                (set_id,),
            ).fetchall()
        return [row[0] for row in rows]

    def lacking(self, set_id: str, other_id: str) -> int:
        """How many live items have a vector in the other set and none in this one."""
        with self._db.read() as connection:
            return connection.execute(_LACKING, (other_id, set_id)).fetchone()[0]

    # ------------------------------------------------------------ segments

    def _append_rows(
        self, connection: sqlite3.Connection, set_id: str, seq: int, written: tuple[int, str], ids: Sequence[str]
    ) -> None:
        """Name a written segment in the database: item -> (segment, row), older rows of the same items dead."""
        start = end_of(connection, set_id)
        name_segment(connection, set_id, Segment(seq, start, len(ids), *written, ids_digest(ids)))
        connection.executemany(
            "UPDATE vectors SET dead = 1 WHERE set_id = ? AND item_id = ? AND dead = 0", [(set_id, i) for i in ids]
        )
        connection.executemany(
            "INSERT INTO vectors (set_id, position, item_id) VALUES (?, ?, ?)",
            [(set_id, start + row, item_id) for row, item_id in enumerate(ids)],
        )

    def _next_seq(self, set_id: str) -> int:
        """A segment number that was never used; call it with the files' lock held.

        No number comes twice, even when its file is gone: a reader in another process may still hold the old list.
        """
        with self._db.read() as connection:
            seq = connection.execute("SELECT last_seq FROM sets WHERE set_id = ?", (set_id,)).fetchone()[0] + 1
        while self.segment_path(set_id, seq).exists():  # left by a crash
            seq += 1
        return seq


_LACKING = (
    "SELECT count(*) FROM vectors AS there WHERE set_id = ? AND dead = 0 AND NOT EXISTS (SELECT 1 FROM vectors AS here"
    " WHERE here.set_id = ? AND here.item_id = there.item_id AND here.dead = 0)"
    " AND EXISTS (SELECT 1 FROM items WHERE items.item_id = there.item_id AND trashed_at IS NULL)"
)
_SEGMENTS_OF = "SELECT set_id, seq FROM segments WHERE set_id IN ({})"
_ARTIFACTS_OF = "SELECT file FROM artifacts WHERE set_id IN ({})"


def _removed(connection: sqlite3.Connection) -> dict[str, float]:
    """Set id -> when it was removed."""
    return dict(read_meta(connection, "sets.removed", {}))  # type: ignore[call-overload]


def _set_removed(connection: sqlite3.Connection, removed: dict[str, float]) -> None:
    write_meta(connection, "sets.removed", removed)


def _vector_set(row: tuple) -> VectorSet:
    return VectorSet(*row[:8], has_text=bool(row[8]), active=bool(row[9]))


def find_set(connection: sqlite3.Connection, set_id: str | None) -> VectorSet:
    """The vector set of that id (None: the active one), or NotFound with the ids there are."""
    if set_id is None:
        row = connection.execute(f"SELECT {SET_FIELDS} FROM sets ORDER BY active DESC, n LIMIT 1").fetchone()
        if row is None:
            raise NotFound("The collection has no vectors yet; index its images first.")
    else:
        row, removed = None, _removed(connection)
        if set_id not in removed:
            row = connection.execute(f"SELECT {SET_FIELDS} FROM sets WHERE set_id = ?", (set_id,)).fetchone()
        if row is None:
            known = [r[0] for r in connection.execute("SELECT set_id FROM sets ORDER BY n")]
            there = ", ".join(other for other in known if other not in removed) or "none"
            raise NotFound(f"There is no vector set {set_id}; this collection has: {there}.")
    return _vector_set(row)

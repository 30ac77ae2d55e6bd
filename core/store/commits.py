"""Committing items and vectors so that a crash between any two steps loses nothing that was committed.

Order: thumbnails and segments are written under their names and synced; then one transaction names them in SQLite and
raises the generation. Before it, they are garbage that `sweep` removes; after it, they are the collection.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from core.errors import InputError
from core.store.base import CollectionBase, execute_in, select_in
from core.store.files import write_lightly
from core.store.items import ItemsPart, add_captions, index_text, merge_meta, refresh_status
from core.store.names import check_item_id
from core.store.segments import write_segment
from core.store.values import as_json, clean, widen
from core.store.vectors import VectorsPart, find_set, unit_rows
from core.types import NewItem, Skipped


class CommitPart(ItemsPart, VectorsPart):
    """The door by which images and vectors come in."""

    def commit(
        self,
        items: Sequence[NewItem] = (),
        vectors: Mapping[str, tuple[Sequence[str], np.ndarray]] | None = None,
        skipped: Sequence[Skipped] = (),
    ) -> int:
        """Add items, vectors and skipped files, all or nothing.

        An item that is there already gets the new source path, captions and metadata added, and leaves the trash. A
        path whose bytes changed now belongs to the new item; the old one goes to the trash if it has no other source,
        and its tags are copied. A vector for an item that has one replaces it.

        Parameters
        ----------
        items : sequence of NewItem
        vectors : mapping of set id to (item ids, float32 array of shape (m, dim))
        skipped : sequence of Skipped

        Returns
        -------
        int
            The generation that holds them.

        Raises
        ------
        InputError
            A malformed id or metadata value; vectors of the wrong shape, without direction, or for unknown items.
        NotFound
            A vector set that was not added.
        """
        items = list(items)
        for item in items:
            check_item_id(item.item_id)
        metas = [clean(item.meta) for item in items]
        rows = self._checked_vectors(items, vectors or {})
        with self._files_lock():
            self._check_owners(items, rows)
            thumbs = self._write_thumbs(items)
            written = {}
            for set_id, (ids, matrix) in rows.items():
                seq = self._next_seq(set_id)
                path = self.segment_path(set_id, seq)
                written[set_id] = (seq, write_segment(path, [matrix], len(ids), matrix.shape[1]))
            with self._write() as connection:
                revived = _put_items(connection, self, items, metas, thumbs)
                for set_id, (seq, file) in written.items():
                    self._append_rows(connection, set_id, seq, file, rows[set_id][0])
                put_skipped(connection, skipped)
                return self._raise_generation(connection, None if revived else tuple(rows))

    def _checked_vectors(
        self, items: Sequence[NewItem], vectors: Mapping[str, tuple[Sequence[str], np.ndarray]]
    ) -> dict[str, tuple[list[str], np.ndarray]]:
        rows = {}
        for set_id, (ids, matrix) in vectors.items():
            with self._db.read() as connection:
                dim = find_set(connection, set_id).dim
            ids = [str(item_id) for item_id in ids]
            matrix = unit_rows(matrix, dim, ids)
            if ids:
                rows[set_id] = (ids, matrix)
        return rows

    def _check_owners(self, items: Sequence[NewItem], rows: Mapping[str, tuple[list[str], np.ndarray]]) -> None:
        coming = {item.item_id for item in items}
        for set_id, (ids, _) in rows.items():
            strangers = [item_id for item_id in ids if item_id not in coming]
            there = self.has(strangers) if strangers else set()
            unknown = [i for i in strangers if i not in there]
            if unknown:
                raise InputError(
                    f"{len(unknown)} of {len(ids)} vectors for {set_id} belong to items that are not in the "
                    f"collection, the first is {unknown[0]}; commit the items first or together with them."
                )

    def _write_thumbs(self, items: Sequence[NewItem]) -> dict[str, tuple[int, int]]:
        """Write the thumbnails that are not there yet; (bytes, CRC) of each written one by item id."""
        with self._db.read() as connection:
            known = dict(
                select_in(
                    connection,
                    "SELECT item_id, thumb_bytes FROM items WHERE item_id IN ({})",
                    [item.item_id for item in items if item.thumbnail],
                )
            )
        written = {}
        for item in items:
            if not item.thumbnail or item.item_id in written:
                continue
            path = self._thumb_file(item.item_id)
            if known.get(item.item_id) and os.path.isfile(path):
                continue
            write_lightly(path, item.thumbnail)
            written[item.item_id] = (len(item.thumbnail), zlib.crc32(item.thumbnail))
        return written

    def skipped(self) -> tuple[Skipped, ...]:
        """Files that could not be used, with their reasons, newest first."""
        with self._db.read() as connection:
            rows = connection.execute("SELECT file, reason, at FROM skipped ORDER BY at DESC, file").fetchall()
        return tuple(Skipped(*row) for row in rows)

    def clear_skipped(self, files: Iterable[str] | None = None) -> None:
        """Forget skipped files (None: all of them)."""
        with self._write() as connection:
            if files is None:
                connection.execute("DELETE FROM skipped")
            else:
                execute_in(connection, "DELETE FROM skipped WHERE file IN ({})", files)


def put_skipped(connection: sqlite3.Connection, skipped: Iterable[Skipped]) -> None:
    """Note skipped files; the latest reason of a file wins."""
    connection.executemany(
        "INSERT INTO skipped (file, reason, at) VALUES (?, ?, ?)"
        " ON CONFLICT (file) DO UPDATE SET reason = excluded.reason, at = excluded.at",
        [(s.file, s.reason, s.at or time.time()) for s in skipped],
    )


def _put_items(
    connection: sqlite3.Connection,
    collection: CollectionBase,
    items: Sequence[NewItem],
    metas: Sequence[dict],
    thumbs: Mapping[str, tuple[int, int]],
) -> bool:
    """Insert or merge items; True if an item went to the trash or came out of it, which every vector set notices."""
    if not items:
        return False
    ids = [item.item_id for item in items]
    known = dict(select_in(connection, "SELECT item_id, status FROM items WHERE item_id IN ({})", ids))
    now = time.time()
    new: dict[str, tuple] = {}
    again: list[tuple[NewItem, dict]] = []
    for item, meta in zip(items, metas):
        if item.item_id in known or item.item_id in new:
            again.append((item, meta))
            continue
        new[item.item_id] = (
            *(item.item_id, item.sha256, item.file, item.width, item.height, item.n_bytes, now, item.date),
            *(item.supersedes, *thumbs.get(item.item_id, (0, 0)), as_json(meta)),
        )
    connection.executemany(
        "INSERT INTO items (item_id, sha256, file, width, height, n_bytes, added_at, date, supersedes, thumb_bytes,"
        " thumb_crc, meta) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        list(new.values()),
    )
    merge_meta(connection, [(item.item_id, meta) for item, meta in again if meta])
    add_captions(connection, [(item.item_id, item.captions) for item in items])
    index_text(connection, new)
    widen(connection, metas)
    connection.executemany(
        "UPDATE items SET thumb_bytes = ?, thumb_crc = ? WHERE item_id = ?",
        [(*thumbs[i], i) for i in known if i in thumbs],
    )
    superseded = _put_sources(connection, collection, items, now)
    back = [item_id for item_id, status in known.items() if status == "trashed"]
    execute_in(connection, "UPDATE items SET trashed_at = NULL, trash_batch = NULL WHERE item_id IN ({})", back)
    refresh_status(connection, known)
    execute_in(connection, "DELETE FROM skipped WHERE file IN ({})", [item.file for item in items])
    return bool(back or superseded)


def _put_sources(
    connection: sqlite3.Connection, collection: CollectionBase, items: Sequence[NewItem], now: float
) -> list[str]:
    """Note where the items' bytes are; the items that thereby lost their last source, now in the trash."""
    rows = {}
    for item in items:
        if item.path:
            path = collection._kept_path(item.path)
            rows[path] = (path, item.item_id, item.root, item.n_bytes, item.mtime_ns)
    before = dict(select_in(connection, "SELECT path, item_id FROM sources WHERE path IN ({})", rows))
    connection.executemany(
        "INSERT INTO sources (path, item_id, root, n_bytes, mtime_ns) VALUES (?, ?, ?, ?, ?) ON CONFLICT (path) DO"
        " UPDATE SET item_id = excluded.item_id, root = excluded.root, n_bytes = excluded.n_bytes,"
        " mtime_ns = excluded.mtime_ns, missing = 0",
        list(rows.values()),
    )
    replaced = {old: rows[path][1] for path, old in before.items() if old != rows[path][1]}
    lost = [
        old
        for old in replaced
        if connection.execute("SELECT 1 FROM sources WHERE item_id = ?", (old,)).fetchone() is None
    ]
    batch = f"superseded-{now:.6f}"
    for old in lost:
        connection.execute(
            "UPDATE items SET status = 'trashed', trashed_at = ?, trash_batch = ?"
            " WHERE item_id = ? AND trashed_at IS NULL",
            (now, batch, old),
        )
        connection.execute(
            "UPDATE items SET supersedes = coalesce(supersedes, ?) WHERE item_id = ?", (old, replaced[old])
        )
        connection.execute(
            "INSERT OR IGNORE INTO tags (batch, item_id, tag, who, at) SELECT batch, ?, tag, who, at FROM tags"
            " WHERE item_id = ? AND undone_at IS NULL",
            (replaced[old], old),
        )
    return lost

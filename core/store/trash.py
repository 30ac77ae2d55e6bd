"""The trash for items: hidden at once, back on request, gone for good after thirty days."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from core.store.base import CollectionBase, execute_in, select_in
from core.store.items import read_items, refresh_status
from core.types import Item

DAYS_KEPT = 30


class TrashPart(CollectionBase):
    """Throwing items away and getting them back."""

    def trash_items(self, ids: Iterable[str]) -> str:
        """Move items to the trash: no search and no list shows them. The batch names them for `restore_batch`."""
        ids, batch = list(ids), secrets.token_hex(8)
        with self._write() as connection:
            n = execute_in(
                connection,
                "UPDATE items SET trashed_at = ?, trash_batch = ?, status = 'trashed'"
                " WHERE trashed_at IS NULL AND item_id IN ({})",
                ids,
                (time.time(), batch),
            )
            if n:
                self._raise_generation(connection)
        return batch

    def restore_items(self, ids: Iterable[str]) -> int:
        """Take items out of the trash; how many came back."""
        ids = list(ids)
        with self._write() as connection:
            return self._restore(connection, ids)

    def restore_batch(self, batch: str) -> int:
        """Take back one `trash_items`; how many came back."""
        with self._write() as connection:
            ids = [r[0] for r in connection.execute("SELECT item_id FROM items WHERE trash_batch = ?", (batch,))]
            return self._restore(connection, ids)

    def _restore(self, connection: sqlite3.Connection, ids: Sequence[str]) -> int:
        n = execute_in(
            connection,
            "UPDATE items SET trashed_at = NULL, trash_batch = NULL WHERE trashed_at IS NOT NULL AND item_id IN ({})",
            ids,
        )
        refresh_status(connection, ids)
        if n:
            self._raise_generation(connection)
        return n

    def trashed_items(self) -> list[Item]:
        """Items in the trash, the latest first."""
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT item_id FROM items WHERE trashed_at IS NOT NULL ORDER BY trashed_at DESC, n"
            ).fetchall()
            found = read_items(connection, [row[0] for row in rows])
        return [found[row[0]] for row in rows]

    def purge(self, older_than_days: float = DAYS_KEPT) -> int:
        """Remove for good what has been in the trash for longer, with its thumbnails and kept originals.

        Returns
        -------
        int
            How many items.
        """
        with self._files_lock():
            with self._write() as connection:
                ids = [
                    row[0]
                    for row in connection.execute(
                        "SELECT item_id FROM items WHERE trashed_at IS NOT NULL AND trashed_at <= ?",
                        (time.time() - older_than_days * 86400,),
                    )
                ]
                if not ids:
                    return 0
                files = [self.thumb_file(item_id) for item_id in ids]
                files += self._forget_sources(connection, ids)
                execute_in(
                    connection, "DELETE FROM text_fts WHERE rowid IN (SELECT n FROM items WHERE item_id IN ({}))", ids
                )
                execute_in(connection, "UPDATE vectors SET dead = 1 WHERE dead = 0 AND item_id IN ({})", ids)
                for table in ("captions", "tags", "n_k", "folds", "items"):
                    execute_in(connection, f"DELETE FROM {table} WHERE item_id IN ({{}})", ids)
                self._raise_generation(connection)
            for file in files:  # after the transaction: before it they still belong to somebody
                file.unlink(missing_ok=True)
        return len(ids)

    def _forget_sources(self, connection: sqlite3.Connection, ids: Sequence[str]) -> list[Path]:
        """Delete the sources of items; the originals of our own that nobody else needs."""
        paths = [r[0] for r in select_in(connection, "SELECT path FROM sources WHERE item_id IN ({})", ids)]
        execute_in(connection, "DELETE FROM sources WHERE item_id IN ({})", ids)
        ours = [path for path in paths if path.startswith("originals/")]
        execute_in(connection, "DELETE FROM originals WHERE name IN ({})", [path.split("/", 1)[1] for path in ours])
        return [self.path / path for path in ours]

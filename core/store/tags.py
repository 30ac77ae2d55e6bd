"""Tags: one row per (item, tag, who, when), never deleted, undone by batch."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

from core.errors import InputError, NotFound
from core.store.base import CollectionBase, execute_in, select_in


class TagsPart(CollectionBase):
    """Tags of items."""

    def tag(self, ids: Iterable[str], tag: str, who: str = "") -> str:
        """Tag items; those that have the tag already are left as they are.

        Returns
        -------
        str
            The batch, for `undo_tags`.

        Raises
        ------
        InputError
            The tag is empty or longer than 80 characters.
        NotFound
            One of the items is not in the collection.
        """
        ids, tag, batch = list(dict.fromkeys(ids)), _check(tag), _new_batch()
        with self._write() as connection:
            known = {r[0] for r in select_in(connection, "SELECT item_id FROM items WHERE item_id IN ({})", ids)}
            unknown = [item_id for item_id in ids if item_id not in known]
            if unknown:
                raise NotFound(f"{len(unknown)} of {len(ids)} items (first {unknown[0]}) are not in this collection.")
            now = time.time()
            connection.executemany(
                "INSERT OR IGNORE INTO tags (batch, item_id, tag, who, at) VALUES (?, ?, ?, ?, ?)",
                [(batch, item_id, tag, who, now) for item_id in ids],
            )
        return batch

    def untag(self, ids: Iterable[str], tag: str, who: str = "") -> str:
        """Take a tag from items; the batch brings it back with `undo_tags`."""
        tag, batch = _check(tag), _new_batch()
        with self._write() as connection:
            execute_in(
                connection,
                "UPDATE tags SET undone_at = ?, undone_by = ?, undone_batch = ?"
                " WHERE tag = ? AND undone_at IS NULL AND item_id IN ({})",
                ids,
                (time.time(), who, batch, tag),
            )
        return batch

    def undo_tags(self, batch: str) -> int:
        """Undo one `tag` or `untag`; how many tags that changed."""
        with self._write() as connection:
            removed = connection.execute(
                "UPDATE tags SET undone_at = ? WHERE batch = ? AND undone_at IS NULL", (time.time(), batch)
            ).rowcount
            # OR IGNORE: the item may have been given the same tag again meanwhile.
            back = connection.execute(
                "UPDATE OR IGNORE tags SET undone_at = NULL, undone_by = NULL, undone_batch = NULL"
                " WHERE undone_batch = ?",
                (batch,),
            ).rowcount
        return removed + back

    def tags(self) -> list[tuple[str, int]]:
        """Every tag with the number of live items that have it, most frequent first."""
        return self.select(
            "SELECT tag, count(*) AS n FROM tags JOIN items USING (item_id)"
            " WHERE undone_at IS NULL AND trashed_at IS NULL GROUP BY tag ORDER BY n DESC, tag"
        )


def _check(tag: str) -> str:
    kept = " ".join(str(tag).split())
    if not kept or len(kept) > 80:
        raise InputError(f"A tag has 1 to 80 characters; this one has {len(kept)}.")
    return kept


def _new_batch() -> str:
    return secrets.token_hex(8)

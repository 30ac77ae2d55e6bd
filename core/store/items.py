"""Items: reading them, their captions, metadata and sources."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.errors import NotFound
from core.store.base import CollectionBase, execute_in, select_in
from core.store.values import as_json, clean, set_columns, widen
from core.types import Column, Item, Scalar

_FIELDS = "item_id, file, width, height, n_bytes, added_at, date, status, meta"


class ItemsPart(CollectionBase):
    """Items of a collection."""

    def ids(self, where_sql: str | None = None, params: Sequence[object] = (), *, trashed: bool = False) -> list[str]:
        """Ids of live items in the order they were added.

        Parameters
        ----------
        where_sql : str or None
            A condition over the table ``items`` (for instance what `core.query.where` compiles), with its `params`.
        trashed : bool
            The items in the trash instead.
        """
        live = "IS NOT NULL" if trashed else "IS NULL"
        condition = f" AND ({where_sql})" if where_sql else ""
        sql = f"SELECT items.item_id FROM items WHERE items.trashed_at {live}{condition} ORDER BY items.n"
        return [row[0] for row in self.select(sql, params)]

    def __len__(self) -> int:
        """Live items."""
        return self.select("SELECT count(*) FROM items WHERE trashed_at IS NULL")[0][0]

    def __bool__(self) -> bool:
        return True  # an empty collection is a collection

    def has(self, item_ids: Iterable[str]) -> set[str]:
        """Those of `item_ids` that are in the collection, trash included."""
        with self._db.read() as connection:
            return {
                row[0] for row in select_in(connection, "SELECT item_id FROM items WHERE item_id IN ({})", item_ids)
            }

    def item(self, item_id: str) -> Item:
        """One item, also from the trash.

        Raises
        ------
        NotFound
        """
        return self.items([item_id])[0]

    def items(self, ids: Sequence[str]) -> list[Item]:
        """Items in the order of `ids`, also from the trash.

        Raises
        ------
        NotFound
            If one is not in the collection.
        """
        ids = list(ids)
        with self._db.read() as connection:
            found = read_items(connection, ids)
        missing = [item_id for item_id in ids if item_id not in found]
        if missing:
            what = (
                f"Item {missing[0]} is"
                if len(ids) == 1
                else f"{len(missing)} of {len(ids)} items (first {missing[0]}) are"
            )
            raise NotFound(f"{what} not in this collection; it may have been removed for good.")
        return [found[item_id] for item_id in ids]

    # ------------------------------------------------------------ captions and metadata

    def captions_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Captions by item id; every id of `ids` has an entry, empty where it has no caption."""
        with self._db.read() as connection:
            return _captions(connection, ids)

    def set_captions(self, item_id: str, captions: Sequence[str]) -> None:
        """Replace an item's captions.

        Raises
        ------
        NotFound
        """
        with self._write() as connection:
            if connection.execute("SELECT 1 FROM items WHERE item_id = ?", (item_id,)).fetchone() is None:
                raise NotFound(f"Item {item_id} is not in this collection; it may have been removed for good.")
            connection.execute("DELETE FROM captions WHERE item_id = ?", (item_id,))
            add_captions(connection, [(item_id, captions)])
            index_text(connection, [item_id])

    def update_metadata(self, rows: Iterable[tuple[str, Sequence[str], Mapping[str, Scalar]]]) -> int:
        """Add captions (those not there yet) and metadata (new values win) to items that are there.

        Parameters
        ----------
        rows : iterable of (item_id, captions, metadata)

        Returns
        -------
        int
            How many different items got something; rows of unknown items are passed over.
        """
        rows = [(item_id, tuple(captions), clean(meta)) for item_id, captions, meta in rows]
        with self._write() as connection:
            known = {
                row[0]
                for row in select_in(
                    connection, "SELECT item_id FROM items WHERE item_id IN ({})", [r[0] for r in rows]
                )
            }
            rows = [row for row in rows if row[0] in known]
            merge_meta(connection, [(item_id, meta) for item_id, _, meta in rows if meta])
            add_captions(connection, [(item_id, captions) for item_id, captions, _ in rows])
            index_text(connection, dict.fromkeys(item_id for item_id, captions, _ in rows if captions))
            widen(connection, [meta for _, _, meta in rows])
        return len({row[0] for row in rows})

    def columns(self) -> tuple[Column, ...]:
        """Metadata columns in the order they came."""
        return tuple(Column(*row) for row in self.select("SELECT name, kind FROM columns ORDER BY rowid"))

    def set_columns(self, columns: Iterable[Column]) -> None:
        """Say what kind columns have, for somebody who saw the whole table; otherwise the values decide."""
        with self._write() as connection:
            set_columns(connection, columns)

    def set_n_k(self, ids: Sequence[str], counts: Sequence[int]) -> None:
        """Replace all k-occurrences by these."""
        with self._write() as connection:
            connection.execute("DELETE FROM n_k")
            connection.executemany(
                "INSERT INTO n_k (item_id, n_k) VALUES (?, ?)",
                [(str(i), int(c)) for i, c in zip(ids, counts, strict=True)],
            )

    def set_folds(self, groups: Mapping[str, str]) -> None:
        """Replace the near-duplicate groups: item id -> group id. Decisions made on items stay."""
        with self._write() as connection:
            connection.execute("DELETE FROM folds WHERE decision = ''")
            connection.executemany(
                "INSERT INTO folds (item_id, group_id) VALUES (?, ?)"
                " ON CONFLICT (item_id) DO UPDATE SET group_id = excluded.group_id",
                list(groups.items()),
            )

    def decide_fold(self, ids: Iterable[str], decision: str) -> None:
        """Note what a person decided about items of near-duplicate groups (``keep``, ``remove`` or empty)."""
        with self._write() as connection:
            execute_in(connection, "UPDATE folds SET decision = ? WHERE item_id IN ({})", ids, (decision,))

    # ------------------------------------------------------------ sources

    def known_sources(self) -> dict[str, tuple[str, int, int]]:
        """Absolute source path -> (item id, bytes, mtime in ns), for finding out what is new.

        Paths noted as missing are left out, so that a file that is back is looked at again; items in the trash are in.
        """
        rows = self.select("SELECT path, item_id, n_bytes, mtime_ns FROM sources WHERE NOT missing")
        return {os.path.join(self.path, path): (item_id, n_bytes, mtime) for path, item_id, n_bytes, mtime in rows}

    def sources_of(self, item_id: str) -> list[Path]:
        """Every path an item's bytes were seen at, present ones first."""
        rows = self.select("SELECT path FROM sources WHERE item_id = ? ORDER BY missing, path", (item_id,))
        return [self._real_path(row[0]) for row in rows]

    def add_source(self, item_id: str, path: str | Path, root: str = "", n_bytes: int = 0, mtime_ns: int = 0) -> None:
        """Note one more path at which an item's bytes are (a copy, or where it was moved to)."""
        with self._write() as connection:
            connection.execute(
                "INSERT INTO sources (path, item_id, root, n_bytes, mtime_ns) VALUES (?, ?, ?, ?, ?) ON CONFLICT (path)"
                " DO UPDATE SET item_id = excluded.item_id, root = excluded.root, n_bytes = excluded.n_bytes,"
                " mtime_ns = excluded.mtime_ns, missing = 0",
                (self._kept_path(path), item_id, root, n_bytes, mtime_ns),
            )
            refresh_status(connection, [item_id])

    def mark_missing(self, paths: Iterable[str | Path]) -> int:
        """Note that files are gone; the number of items that thereby have no file left (they stay, as ``missing``).

        An item that was shown under the name of such a file and has another one gets that one's name: it was moved.
        """
        kept = [self._kept_path(path) for path in paths]
        with self._write() as connection:
            owners = {r[0] for r in select_in(connection, "SELECT item_id FROM sources WHERE path IN ({})", kept)}
            before = _count_missing(connection, owners)
            execute_in(connection, "UPDATE sources SET missing = 1 WHERE path IN ({})", kept)
            refresh_status(connection, owners)
            index_text(connection, _rename_moved(connection, owners))
            return _count_missing(connection, owners) - before


def _rename_moved(connection: sqlite3.Connection, ids: Iterable[str]) -> list[str]:
    """Show items by the name of a file that is there, where theirs is gone; their ids. Kept originals have no such names."""
    gone: dict[str, set[str]] = {}
    there: dict[str, set[str]] = {}
    for item_id, path, root, missing in select_in(
        connection, "SELECT item_id, path, root, missing FROM sources WHERE item_id IN ({})", ids
    ):
        folder = os.path.join(root, "")
        if root and os.path.isabs(path) and path.startswith(folder):
            shown = path.removeprefix(folder).replace(os.sep, "/")
            (gone if missing else there).setdefault(item_id, set()).add(shown)
    moved = [
        (min(there[item_id]), item_id)
        for item_id, file in select_in(connection, "SELECT item_id, file FROM items WHERE item_id IN ({})", there)
        if file in gone.get(item_id, ()) and file not in there[item_id]
    ]
    connection.executemany("UPDATE items SET file = ? WHERE item_id = ?", moved)
    return [item_id for _, item_id in moved]


def _count_missing(connection: sqlite3.Connection, ids: Iterable[str]) -> int:
    return len(select_in(connection, "SELECT 1 FROM items WHERE status = 'missing' AND item_id IN ({})", ids))


def read_items(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Item]:
    """Items by id, with captions, live tags and N_k; unknown ids are left out."""
    rows = select_in(connection, f"SELECT {_FIELDS} FROM items WHERE item_id IN ({{}})", ids)
    captions = _captions(connection, ids)
    tags: dict[str, list[str]] = {}
    for item_id, tag in select_in(
        connection, "SELECT item_id, tag FROM tags WHERE undone_at IS NULL AND item_id IN ({})", ids
    ):
        tags.setdefault(item_id, []).append(tag)
    n_k = dict(select_in(connection, "SELECT item_id, n_k FROM n_k WHERE item_id IN ({})", ids))
    return {
        row[0]: Item(
            item_id=row[0],
            file=row[1],
            captions=captions[row[0]],
            meta=json.loads(row[8]),
            tags=tuple(sorted(tags.get(row[0], ()))),
            width=row[2],
            height=row[3],
            n_bytes=row[4],
            added_at=row[5],
            date=row[6],
            status=row[7],
            n_k=n_k.get(row[0]),
        )
        for row in rows
    }


def _captions(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    ids = list(ids)
    found: dict[str, list[str]] = {}
    for item_id, text in select_in(
        connection, "SELECT item_id, text FROM captions WHERE item_id IN ({}) ORDER BY item_id, position", ids
    ):
        found.setdefault(item_id, []).append(text)
    return {item_id: tuple(found.get(item_id, ())) for item_id in ids}


def add_captions(connection: sqlite3.Connection, rows: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Append to each item those captions it does not have yet; empty ones are dropped."""
    wanted = [(item_id, captions) for item_id, captions in rows if captions]
    have = {i: list(c) for i, c in _captions(connection, [item_id for item_id, _ in wanted]).items()}
    new = []
    for item_id, captions in wanted:
        for text in (str(caption).strip() for caption in captions):
            if text and text not in have[item_id]:
                new.append((item_id, len(have[item_id]), text))
                have[item_id].append(text)
    connection.executemany("INSERT INTO captions (item_id, position, text) VALUES (?, ?, ?)", new)


def index_text(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Bring the full-text index up to date for these items."""
    ids = list(ids)
    captions = _captions(connection, ids)
    rows = select_in(connection, "SELECT n, item_id, file FROM items WHERE item_id IN ({})", ids)
    connection.executemany(
        "INSERT OR REPLACE INTO text_fts (rowid, item_id, file, caption) VALUES (?, ?, ?, ?)",
        [(n, item_id, file, "\n".join(captions[item_id])) for n, item_id, file in rows],
    )


def merge_meta(connection: sqlite3.Connection, rows: Sequence[tuple[str, Mapping[str, Scalar]]]) -> None:
    """Add metadata to items that are there; a new value replaces an old one."""
    old = dict(select_in(connection, "SELECT item_id, meta FROM items WHERE item_id IN ({})", [row[0] for row in rows]))
    merged = {item_id: json.loads(text) for item_id, text in old.items()}
    for item_id, meta in rows:
        if item_id in merged:
            merged[item_id].update(meta)
    connection.executemany(
        "UPDATE items SET meta = ? WHERE item_id = ?", [(as_json(meta), item_id) for item_id, meta in merged.items()]
    )


def refresh_status(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Set ``status`` from the facts: in the trash, all sources missing, or fine."""
    execute_in(
        connection,
        "UPDATE items SET status = CASE WHEN trashed_at IS NOT NULL THEN 'trashed'"
        " WHEN EXISTS (SELECT 1 FROM sources s WHERE s.item_id = items.item_id)"
        " AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.item_id = items.item_id AND NOT s.missing)"
        " THEN 'missing' ELSE 'ok' END WHERE item_id IN ({})",
        ids,
    )

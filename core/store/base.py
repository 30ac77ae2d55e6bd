"""What every part of a collection stands on: its folder, its databases, its lock and its counters."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from core.store import schema
from core.store.db import Database
from core.store.files import locked
from core.store.names import hashed_name

CHUNK = 1000
"""Ids per ``IN (...)``: far under SQLite's limit on parameters."""


class CollectionBase:
    """Folder, databases, lock and counters of one collection. Holds no connection and no file open.

    Parameters
    ----------
    path : Path
        The collection's folder. Nothing is read until it is asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.key = self.path.name
        self._db = Database(self.path / "collection.db", schema.COLLECTION, label="The collection's database")
        self._judgments_db = Database(self.path / "judgments.db", schema.JUDGMENTS, label="The judgments' database")
        self._log_db = Database(
            self.path / "log.db", schema.LOG, label="The log of searches", synchronous="NORMAL", create=True
        )

    def __repr__(self) -> str:
        return f"Collection({str(self.path)!r})"

    # ------------------------------------------------------------ folders

    @property
    def originals_folder(self) -> Path:
        """Where images and zips that people uploaded are kept."""
        return self.path / "originals"

    @property
    def thumbs_folder(self) -> Path:
        """Thumbnails, JPEG, in 256 folders by hash of the item id."""
        return self.path / "thumbs"

    @property
    def vectors_folder(self) -> Path:
        """Segments: ``<set_id>/<seq>.npy``."""
        return self.path / "vectors"

    @property
    def artifacts_folder(self) -> Path:
        """Derived arrays and index files."""
        return self.path / "artifacts"

    @property
    def uploads_folder(self) -> Path:
        """Images that were used as queries, named by their hash."""
        return self.path / "queries"

    def segment_path(self, set_id: str, seq: int) -> Path:
        """Where a segment's file is."""
        return self.vectors_folder / set_id / f"{seq:08d}.npy"

    def thumb_file(self, item_id: str) -> Path:
        """Where an item's thumbnail is or would be."""
        return Path(self._thumb_file(item_id))

    def _thumb_file(self, item_id: str) -> str:
        name = hashed_name(item_id)
        return os.path.join(self.path, "thumbs", name[:2], f"{name}.jpg")

    def _kept_path(self, path: str | Path) -> str:
        """A source path as it is kept: relative to the folder for originals of our own, so that a home can move."""
        kept, ours = os.fspath(path), os.path.join(self.path, "")
        return kept[len(ours) :].replace(os.sep, "/") if kept.startswith(ours) else kept

    def _real_path(self, kept: str) -> Path:
        return self.path / kept  # an absolute path stays what it is

    # ------------------------------------------------------------ transactions

    def _files_lock(self) -> AbstractContextManager[None]:
        """The lock of whoever adds or removes files, so that a sweep never meets a file on its way in."""
        return locked(self.path / "write.lock")

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction on ``collection.db`` that raises `revision`."""
        with self._db.write() as connection:
            yield connection
            _count_up(connection, "revision")

    @staticmethod
    def _raise_generation(connection: sqlite3.Connection, set_ids: Iterable[str] | None = None) -> int:
        """One more generation; the vector sets in `set_ids` (None: all) are noted as changed by it."""
        generation = _count_up(connection, "generation")
        if set_ids is None:
            connection.execute("UPDATE sets SET changed = ?", (generation,))
        else:
            connection.executemany("UPDATE sets SET changed = ? WHERE set_id = ?", [(generation, s) for s in set_ids])
        return generation

    def select(self, sql: str, params: Sequence[object] = ()) -> list[tuple]:
        """Rows of a read-only query over the tables of `core.store.schema`.

        The SQL function ``casefold(x)`` is there for comparing text without case in every alphabet.
        """
        with self._db.read() as connection:
            return connection.execute(sql, tuple(params)).fetchall()

    # ------------------------------------------------------------ counters and settings

    @property
    def generation(self) -> int:
        """Raised whenever what a search can find changes: items, vectors, trash, the active vector set."""
        return int(self._meta("generation", 0))

    @property
    def revision(self) -> int:
        """Raised by every write, tags, captions and metadata included: the key for caching what a page shows."""
        return int(self._meta("revision", 0))

    def _meta(self, key: str, default: object = None) -> object:
        with self._db.read() as connection:
            return read_meta(connection, key, default)

    def setting(self, key: str, default: object = None) -> object:
        """A setting of the collection, or `default` where it was never set."""
        return self._meta(f"setting.{key}", default)

    def set_setting(self, key: str, value: object) -> None:
        """Keep a setting: anything JSON can say."""
        with self._write() as connection:
            write_meta(connection, f"setting.{key}", value)


def read_meta(connection: sqlite3.Connection, key: str, default: object = None) -> object:
    """A value of the table ``meta``."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return default if row is None else json.loads(row[0])


def write_meta(connection: sqlite3.Connection, key: str, value: object) -> None:
    """Set a value of the table ``meta``."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, json.dumps(value, ensure_ascii=False)),
    )


def _count_up(connection: sqlite3.Connection, counter: str) -> int:
    value = int(read_meta(connection, counter, 0)) + 1
    write_meta(connection, counter, value)
    return value


def chunks(ids: Sequence[str], size: int = CHUNK) -> Iterator[tuple[list[str], str]]:
    """`ids` in pieces, each with its ``?, ?, ...`` for an ``IN``."""
    for start in range(0, len(ids), size):
        piece = list(ids[start : start + size])
        yield piece, ",".join("?" * len(piece))


def select_in(
    connection: sqlite3.Connection, sql: str, ids: Iterable[str], before: Sequence[object] = ()
) -> list[tuple]:
    """Rows of `sql`, whose ``{}`` stands for a piece of `ids`, over all pieces."""
    rows: list[tuple] = []
    for piece, marks in chunks(list(dict.fromkeys(ids))):
        rows += connection.execute(sql.format(marks), (*before, *piece)).fetchall()
    return rows


def execute_in(connection: sqlite3.Connection, sql: str, ids: Iterable[str], before: Sequence[object] = ()) -> int:
    """Run `sql`, whose ``{}`` stands for a piece of `ids`, over all pieces; the number of rows it changed."""
    changed = 0
    for piece, marks in chunks(list(dict.fromkeys(ids))):
        changed += connection.execute(sql.format(marks), (*before, *piece)).rowcount
    return changed

"""Judgments: a database of their own, written through to the disk at once, append-only."""

from __future__ import annotations

import time
from collections.abc import Sequence

from core.errors import InputError, NotFound
from core.store.db import Database
from core.types import Judgment

GRADES = (0, 1, 2, 3, None)
_FIELDS = "query_id, item_id, grade, judge, at, note, origin"


class Judgments:
    """The judgments of one collection. Every press is kept; an undone one is only marked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, judgment: Judgment) -> int:
        """Keep a judgment; its row id, for `undo`. When this returns, it survives a power cut.

        Raises
        ------
        InputError
            The grade is not 0, 1, 2, 3 or None, or an id is empty.
        """
        return self.add_many([judgment])[0]

    def add_many(self, judgments: Sequence[Judgment]) -> list[int]:
        """Keep several judgments in one transaction; their row ids."""
        for judgment in judgments:
            if isinstance(judgment.grade, bool) or judgment.grade not in GRADES:
                raise InputError(f'A grade is 0, 1, 2, 3 or None for "can\'t tell"; this one is {judgment.grade!r}.')
            if not judgment.query_id or not judgment.item_id:
                raise InputError("A judgment needs a query id and an item id; one of them is empty.")
        rows = []
        with self._db.write() as connection:
            for j in judgments:
                cursor = connection.execute(
                    f"INSERT INTO judgments ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (j.query_id, j.item_id, j.grade, j.judge, j.at or time.time(), j.note, j.origin),
                )
                rows.append(int(cursor.lastrowid))
        return rows

    def undo(self, row_id: int) -> None:
        """Mark a judgment as undone.

        Raises
        ------
        NotFound
        """
        with self._db.write() as connection:
            cursor = connection.execute(
                "UPDATE judgments SET undone_at = coalesce(undone_at, ?) WHERE id = ?", (time.time(), row_id)
            )
            if not cursor.rowcount:
                raise NotFound(f"There is no judgment number {row_id} to undo.")

    def all(self, query_id: str | None = None) -> list[Judgment]:
        """Judgments in the order they were made (of one query, or of all), undone ones left out."""
        return [judgment for _, judgment in self.rows(query_id)]

    def rows(self, query_id: str | None = None) -> list[tuple[int, Judgment]]:
        """The same with their row ids."""
        condition, params = ("", ()) if query_id is None else (" AND query_id = ?", (query_id,))
        with self._db.read() as connection:
            found = connection.execute(
                f"SELECT id, {_FIELDS} FROM judgments WHERE undone_at IS NULL{condition} ORDER BY id", params
            ).fetchall()
        return [(row[0], Judgment(*row[1:])) for row in found]

    def __len__(self) -> int:
        with self._db.read() as connection:
            return connection.execute("SELECT count(*) FROM judgments WHERE undone_at IS NULL").fetchone()[0]

    def __bool__(self) -> bool:
        return True

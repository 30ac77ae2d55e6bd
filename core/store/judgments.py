"""Judgments: a database of their own, written through to the disk at once, append-only."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from core.errors import InputError, NotFound
from core.store.db import Database
from core.types import Judgment

GRADES = (0, 1, 2, 3, None)
_FIELDS = "query_id, item_id, grade, judge, at, note, origin, ms, copied_from"


class Judgments:
    """The judgments of one collection. Every press is kept; an undone one is only marked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, judgment: Judgment, copies: Sequence[str] = (), copy_origin: str = "copy") -> int:
        """Keep a judgment; its row id, for `undo`. When this returns, it survives a power cut.

        Parameters
        ----------
        copies : sequence of item ids
            Near-duplicates that get the same grade, in the same transaction; undoing the judgment undoes them.
        copy_origin : str
            Their origin, by which they can be told apart.

        Raises
        ------
        InputError
            The grade is not 0, 1, 2, 3 or None, or an id is empty.
        """
        _check([judgment])
        at = judgment.at or time.time()
        with self._db.write() as connection:
            row = _insert(connection, judgment, at, judgment.origin, judgment.copied_from)
            for item_id in dict.fromkeys(copies):
                if item_id != judgment.item_id:
                    copy = Judgment(judgment.query_id, item_id, judgment.grade, judgment.judge)
                    _insert(connection, copy, at, copy_origin, row)
        return row

    def add_many(self, judgments: Sequence[Judgment]) -> list[int]:
        """Keep several judgments in one transaction; their row ids."""
        _check(judgments)
        with self._db.write() as connection:
            return [_insert(connection, j, j.at or time.time(), j.origin, j.copied_from) for j in judgments]

    def rename_query(self, query_id: str, to: str) -> int:
        """Give every judgment of a query to the same query's other id; how many count now."""
        with self._db.write() as connection:
            n = connection.execute("SELECT count(*) FROM judgments WHERE query_id = ? AND undone_at IS NULL", (query_id,)).fetchone()[0]
            connection.execute("UPDATE judgments SET query_id = ? WHERE query_id = ?", (to, query_id))
        return int(n)

    def undo(self, row_id: int) -> None:
        """Mark a judgment as undone, and its copies.

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
            connection.execute(
                "UPDATE judgments SET undone_at = coalesce(undone_at, ?) WHERE copied_from = ?", (time.time(), row_id)
            )

    def undo_last(self, query_id: str, item_id: str, judge: str, origin: str) -> bool:
        """Mark the last judgment of one origin that a judge gave on an item as undone, and its copies; False: there is none."""
        with self._db.write() as connection:
            row = connection.execute(
                "SELECT max(id) FROM judgments WHERE undone_at IS NULL AND query_id = ? AND item_id = ? AND judge = ? AND origin = ?",
                (query_id, item_id, judge, origin),
            ).fetchone()
            if row[0] is None:
                return False
            connection.execute("UPDATE judgments SET undone_at = ? WHERE (id = ? OR copied_from = ?) AND undone_at IS NULL",
                               (time.time(), row[0], row[0]))  # fmt: skip
        return True

    def all(self, query_id: str | None = None, judge: str | None = None) -> list[Judgment]:
        """Judgments in the order they were made (of one query, or of all; of one judge, or of all), undone ones left out."""
        return [judgment for _, judgment in self.rows(query_id, judge)]

    def rows(self, query_id: str | None = None, judge: str | None = None) -> list[tuple[int, Judgment]]:
        """The same with their row ids."""
        asked = [("query_id", query_id), ("judge", judge)]
        conditions = "".join(f" AND {column} = ?" for column, value in asked if value is not None)
        params = [value for _, value in asked if value is not None]
        with self._db.read() as connection:
            found = connection.execute(
                f"SELECT id, {_FIELDS} FROM judgments WHERE undone_at IS NULL{conditions} ORDER BY id", params
            ).fetchall()
        return [(row[0], Judgment(*row[1:])) for row in found]

    def pairs(self, origins: Sequence[str], judge: str | None = None) -> set[tuple[str, str]]:
        """Pairs of query and item on which something of these origins was said, by one judge or by anybody."""
        condition, params = ("", ()) if judge is None else (" AND judge = ?", (judge,))
        marks = ",".join("?" * len(origins))
        with self._db.read() as connection:
            return set(connection.execute(
                f"SELECT DISTINCT query_id, item_id FROM judgments WHERE undone_at IS NULL AND origin IN ({marks}){condition}",
                (*origins, *params),
            ))  # fmt: skip

    def times(self, judge: str, origin: str) -> list[int]:
        """How long each judgment took that was measured, in milliseconds, in the order they were made."""
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT ms FROM judgments WHERE undone_at IS NULL AND judge = ? AND origin = ? AND ms IS NOT NULL ORDER BY id",
                (judge, origin),
            ).fetchall()
        return [row[0] for row in rows]

    def last(self, judge: str, origin: str) -> Judgment | None:
        """The last judgment of a judge."""
        with self._db.read() as connection:
            row = connection.execute(
                f"SELECT {_FIELDS} FROM judgments WHERE undone_at IS NULL AND judge = ? AND origin = ? ORDER BY id DESC LIMIT 1",
                (judge, origin),
            ).fetchone()
        return None if row is None else Judgment(*row)

    def counts(self) -> dict[str, tuple[int, int, int, int]]:
        """Origin -> grades, can't tell (the last word of each judge on a pair), judges, queries."""
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT origin, count(grade), count(*) - count(grade), count(DISTINCT judge), count(DISTINCT query_id) FROM ({_LAST})"
                " GROUP BY origin"
            ).fetchall()
        return {origin: tuple(counts) for origin, *counts in rows}

    def graded(self, origins: Sequence[str]) -> set[str]:
        """Queries with a grade of these origins; what nobody could tell is none."""
        marks = ",".join("?" * len(origins))
        with self._db.read() as connection:
            rows = connection.execute(f"SELECT DISTINCT query_id FROM ({_LAST}) WHERE grade IS NOT NULL AND origin IN ({marks})", origins)
            return {row[0] for row in rows}

    def __len__(self) -> int:
        with self._db.read() as connection:
            return connection.execute("SELECT count(*) FROM judgments WHERE undone_at IS NULL").fetchone()[0]

    def __bool__(self) -> bool:
        return True


_LAST = ("SELECT origin, query_id, item_id, judge, grade, max(id) FROM judgments WHERE undone_at IS NULL"
         " GROUP BY origin, query_id, item_id, judge")  # fmt: skip
"""SQLite takes the other columns from the row with the maximum."""


def _check(judgments: Sequence[Judgment]) -> None:
    for judgment in judgments:
        if isinstance(judgment.grade, bool) or judgment.grade not in GRADES:
            raise InputError(f'A grade is 0, 1, 2, 3 or None for "can\'t tell"; this one is {judgment.grade!r}.')
        if not judgment.query_id or not judgment.item_id:
            raise InputError("A judgment needs a query id and an item id; one of them is empty.")


def _insert(connection: sqlite3.Connection, j: Judgment, at: float, origin: str, copied_from: int | None) -> int:
    cursor = connection.execute(
        f"INSERT INTO judgments ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (j.query_id, j.item_id, j.grade, j.judge, at, j.note, origin, j.ms, copied_from),
    )
    return int(cursor.lastrowid)  # type: ignore[arg-type]

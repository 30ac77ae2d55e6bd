"""Saved queries in named sets, and the local log of searches."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from core.store.base import CollectionBase
from core.store.names import check_name
from core.types import Query, SavedQuery, Term, TextMatch


@dataclass(frozen=True, slots=True)
class LoggedSearch:
    """One line of the log. `ms` is the whole answer's time, `n` the number of items that matched."""

    query: Query
    query_id: str
    recipe: str
    generation: int
    ms: float
    n: int
    at: float


class QueriesPart(CollectionBase):
    """Query sets and the log."""

    # ------------------------------------------------------------ saved queries

    def save_queries(self, queries: Sequence[SavedQuery], name: str) -> None:
        """Add queries to the set `name`, which is made if it is new; a query that is in it is replaced."""
        name, now = check_name(name), time.time()
        with self._write() as connection:
            connection.executemany(
                "INSERT INTO queries (set_name, query_id, text, query, guideline, origin, added_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (set_name, query_id) DO UPDATE SET text = excluded.text,"
                " query = excluded.query, guideline = excluded.guideline, origin = excluded.origin",
                [(name, q.query_id, q.text, as_text(q.query), q.guideline, q.origin, now) for q in queries],
            )

    def saved_queries(self, name: str | None = None) -> list[SavedQuery]:
        """Queries of the set `name` (None: of all sets, each query once) in the order they were saved."""
        condition, params = ("", ()) if name is None else (" WHERE set_name = ?", (name,))
        rows = self.select(
            f"SELECT query_id, text, query, guideline, origin FROM queries{condition} ORDER BY n", params
        )
        found: dict[str, SavedQuery] = {}
        for query_id, text, query, guideline, origin in rows:
            found.setdefault(query_id, SavedQuery(query_id, text, from_text(query), guideline, origin))
        return list(found.values())

    def query_sets(self) -> list[tuple[str, int]]:
        """Every query set with its number of queries, oldest first."""
        return self.select("SELECT set_name, count(*) FROM queries GROUP BY set_name ORDER BY min(n)")

    def delete_query(self, query_id: str, name: str | None = None) -> None:
        """Take a query out of a set (None: out of all). Its judgments stay."""
        condition, params = ("", ()) if name is None else (" AND set_name = ?", (name,))
        with self._write() as connection:
            connection.execute(f"DELETE FROM queries WHERE query_id = ?{condition}", (query_id, *params))

    # ------------------------------------------------------------ log

    @property
    def log_enabled(self) -> bool:
        """Whether searches are written to the local log; nothing of it ever leaves this computer."""
        return bool(self.setting("log_enabled", True))

    @log_enabled.setter
    def log_enabled(self, on: bool) -> None:
        self.set_setting("log_enabled", bool(on))

    def log_search(self, query: Query, recipe: str, generation: int, ms: float, n: int) -> None:
        """Note a search, unless the log is switched off."""
        if not self.log_enabled:
            return
        with self._log_db.write() as connection:
            connection.execute(
                "INSERT INTO searches (at, query_id, query, recipe, generation, ms, n) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (time.time(), query.query_id, as_text(query), recipe, int(generation), float(ms), int(n)),
            )

    def searches(self, limit: int = 100) -> list[LoggedSearch]:
        """The latest searches, newest first."""
        with self._log_db.read() as connection:
            rows = connection.execute(
                "SELECT query, query_id, recipe, generation, ms, n, at FROM searches ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
        return [LoggedSearch(from_text(row[0]), *row[1:]) for row in rows]

    def n_searches(self) -> int:
        """A number that rises with every search that is noted."""
        with self._log_db.read() as connection:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM searches").fetchone()[0])

    def clear_log(self) -> None:
        """Forget every logged search."""
        with self._log_db.write() as connection:
            connection.execute("DELETE FROM searches")


def as_text(query: Query) -> str:
    """A query as JSON (the same text as `Query.canonical`)."""
    return json.dumps(asdict(query), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> Query:
    """The query that `as_text` wrote."""
    said = json.loads(text)
    return Query(
        terms=tuple(Term(**term) for term in said.get("terms", ())),
        literals=tuple(TextMatch(**match) for match in said.get("literals", ())),
        where=said.get("where", ""),
    )

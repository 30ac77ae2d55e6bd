"""Saved queries in named sets with all their versions, and the local log of searches."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from core.errors import InputError, NotFound
from core.store.base import CollectionBase, read_meta, write_meta
from core.store.names import check_name
from core.types import Query, SavedQuery, Term, TextMatch

SESSION_S = 30 * 60.0
"""A session of searching ends after so many seconds without a search, the usual cut in the study of query logs."""
_ALIASES, _PUT_AWAY = "query_aliases", "query_sets_put_away"
_AT = re.compile(r"(?P<name>.*)@(?P<version>[1-9]\d{0,8})\Z", re.DOTALL)
_KEPT = "query_id, text, query, guideline, origin, asked"


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


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query of the log: how often it was asked, in how many sessions, and when last."""

    query: Query
    query_id: str
    times: int
    sessions: int
    at: float


@dataclass(frozen=True, slots=True)
class SetVersion:
    """One version of a query set: when it was made and by what, and how many queries it has."""

    version: int
    at: float
    why: str
    n: int


class QueriesPart(CollectionBase):
    """Query sets and the log."""

    # ------------------------------------------------------------ saved queries

    def save_queries(self, queries: Sequence[SavedQuery], name: str, why: str = "added") -> int:
        """Add queries to the set `name`, which is made if it is new; a query that is in it is replaced.

        Returns
        -------
        int
            The set's version, a new one if anything has changed.
        """
        name, now = check_name(name, "query set"), time.time()
        with self._write() as connection:
            connection.executemany(
                f"INSERT INTO queries (set_name, {_KEPT}, added_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (set_name, query_id) DO UPDATE SET text = excluded.text,"
                " query = excluded.query, guideline = excluded.guideline, origin = excluded.origin, asked = excluded.asked",
                [(name, *_row(q), now) for q in queries],
            )
            return _note(connection, name, why)

    def saved_queries(self, name: str | None = None, version: int | None = None) -> list[SavedQuery]:
        """Queries of the set `name` (None: of all sets, each query once) in the order they were saved.

        Parameters
        ----------
        version : int, optional
            Of the set, as it was; by default as it is now.

        Raises
        ------
        NotFound
            The set has no such version.
        """
        if name is None:
            rows = self.select(f"SELECT {_KEPT} FROM queries ORDER BY n")
        elif version is None:
            rows = self.select(f"SELECT {_KEPT} FROM queries WHERE set_name = ? ORDER BY n", (name,))
        else:
            with self._db.read() as connection:
                _existing(connection, name, version)
                rows = [row[1:] for row in _as_of(connection, name, version)]
        found: dict[str, SavedQuery] = {}
        for query_id, text, query, guideline, origin, asked in rows:
            found.setdefault(query_id, SavedQuery(query_id, text, from_text(query), guideline, origin, asked))
        return list(found.values())

    def named_queries(self, name: str) -> tuple[str, int, list[SavedQuery]]:
        """(set, version, queries) of a set as it is now, or as it was in a version: ``set@3``; version 0: there is no such set.

        Raises
        ------
        NotFound
            The set has no such version.
        """
        versions, earlier = self.query_versions(name), _AT.match(name)
        if not versions and earlier:
            version = int(earlier["version"])
            return earlier["name"], version, self.saved_queries(earlier["name"], version)
        return name, versions[-1].version if versions else 0, self.saved_queries(name)

    def query_sets(self, *, emptied: bool = False) -> list[tuple[str, int]]:
        """Every query set with its number of queries, oldest first; with `emptied` also those without any that were not put away."""
        sets = self.select("SELECT set_name, count(*) FROM queries GROUP BY set_name ORDER BY min(n)")
        if not emptied:
            return sets
        but = {name for name, _ in sets} | set(self._meta(_PUT_AWAY, []))  # type: ignore[call-overload]
        ever = self.select("SELECT set_name FROM query_versions GROUP BY set_name ORDER BY min(at)")
        return [*sets, *((name, 0) for (name,) in ever if name not in but)]

    def put_query_set_away(self, name: str, *, away: bool = True) -> None:
        """List an emptied set no more, or again; one that gets queries again is listed anyway."""
        with self._write() as connection:
            _put_away(connection, name, away)

    def query_versions(self, name: str) -> list[SetVersion]:
        """Every version of a set, oldest first; none where there never was such a set."""
        return [
            SetVersion(*row)
            for row in self.select(
                "SELECT version, at, why, (SELECT count(*) FROM query_history h WHERE h.set_name = v.set_name AND since <= version"
                " AND (until IS NULL OR until > version)) FROM query_versions v WHERE set_name = ? ORDER BY version",
                (name,),
            )
        ]

    def delete_query(self, query_id: str, name: str | None = None) -> None:
        """Take a query out of a set (None: out of all). Its judgments stay."""
        names = [name] if name is not None else [row[0] for row in self.query_sets()]
        with self._write() as connection:
            for one in names:
                connection.execute("DELETE FROM queries WHERE query_id = ? AND set_name = ?", (query_id, one))
                _note(connection, one, "removed")

    def delete_queries(self, ids: Iterable[str], name: str) -> int:
        """Take queries out of a set; the version before, from which `restore_queries` brings them back. Judgments stay."""
        with self._write() as connection:
            before = _newest(connection, name)
            connection.executemany("DELETE FROM queries WHERE query_id = ? AND set_name = ?", [(one, name) for one in ids])
            _note(connection, name, "removed")
        return before

    def replace_query(self, query_id: str, name: str, by: SavedQuery) -> int:
        """Put another query in the place of one of a set; the version before.

        Raises
        ------
        NotFound
            The set has no such query.
        InputError
            The other one is in the set already.
        """
        with self._write() as connection:
            before = _newest(connection, name)
            if by.query_id != query_id and _has(connection, name, by.query_id):
                raise InputError(f"The query {by.text!r} is in {name} already.")
            changed = connection.execute(
                "UPDATE queries SET query_id = ?, text = ?, query = ?, guideline = ?, origin = ?, asked = ?"
                " WHERE set_name = ? AND query_id = ?",
                (*_row(by), name, query_id),
            ).rowcount
            if not changed:
                raise NotFound(f"The set {name} has no query {query_id} any more.")
            _note(connection, name, "changed")
        return before

    def restore_queries(self, name: str, version: int, ids: Iterable[str] | None = None) -> int:
        """Make queries what they were in an earlier version: all of them, or those named (one that was not there goes).

        Returns
        -------
        int
            The version that this makes. Nothing is lost by it: the versions in between stay readable.

        Raises
        ------
        NotFound
        """
        with self._write() as connection:
            _existing(connection, name, version)
            then = {row[1]: row for row in _as_of(connection, name, version)}
            now = {row[0] for row in connection.execute("SELECT query_id FROM queries WHERE set_name = ?", (name,))}
            for query_id in dict.fromkeys(ids if ids is not None else [*now, *then]):
                connection.execute("DELETE FROM queries WHERE set_name = ? AND query_id = ?", (name, query_id))
            for query_id, (place, *row) in then.items():
                if ids is None or query_id in set(ids):
                    free = connection.execute("SELECT 1 FROM queries WHERE n = ?", (place,)).fetchone() is None
                    connection.execute(
                        f"INSERT INTO queries (n, set_name, {_KEPT}, added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        (place if free else None, name, *row, time.time()),
                    )
            return _note(connection, name, f"as in version {version}")

    # ------------------------------------------------------------ other ids

    def query_aliases(self) -> dict[str, str]:
        """Other ids that files have for queries -> the id under which a query is kept."""
        return dict(self._meta(_ALIASES, {}))  # type: ignore[call-overload]

    def add_query_aliases(self, aliases: Mapping[str, str]) -> None:
        """Remember other ids of queries."""
        if new := {alias: query_id for alias, query_id in aliases.items() if alias != query_id}:
            with self._write() as connection:
                write_meta(connection, _ALIASES, {**read_meta(connection, _ALIASES, {}), **new})  # type: ignore[dict-item]

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

    def asked_queries(self, session_s: float = SESSION_S) -> list[AskedQuery]:
        """Every query of the log once, the most frequent first; of equally frequent ones the latest asked first.

        Parameters
        ----------
        session_s : float
            Searches further apart than this are of different sessions.
        """
        with self._log_db.read() as connection:
            rows = connection.execute("SELECT query_id, at FROM searches ORDER BY at, id").fetchall()
            texts = dict(connection.execute("SELECT query_id, query FROM searches GROUP BY query_id").fetchall())
        session, before = 0, None
        found: dict[str, tuple[int, set[int], float]] = {}
        for query_id, at in rows:
            session += before is not None and at - before > session_s
            before = at
            times, sessions, _ = found.get(query_id, (0, set(), 0.0))
            sessions.add(session)
            found[query_id] = times + 1, sessions, at
        asked = [AskedQuery(from_text(texts[q]), q, times, len(sessions), at) for q, (times, sessions, at) in found.items()]
        return sorted(asked, key=lambda one: (-one.times, -one.at, one.query_id))

    def n_searches(self) -> int:
        """A number that rises with every search that is noted."""
        with self._log_db.read() as connection:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM searches").fetchone()[0])

    def clear_log(self) -> None:
        """Forget every logged search."""
        with self._log_db.write() as connection:
            connection.execute("DELETE FROM searches")


# ---------------------------------------------------------------- versions


def _note(connection: sqlite3.Connection, name: str, why: str) -> int:
    """Write down the set as it is now: a new version if it differs from the newest; that version.

    Inside the transaction that changed it, so that no state of a set goes without a version.
    """
    newest = _newest(connection, name)
    now = set(connection.execute(f"SELECT n, {_KEPT} FROM queries WHERE set_name = ?", (name,)))
    then = set(_as_of(connection, name, newest))
    if now == then:
        return newest
    version = newest + 1
    if now:
        _put_away(connection, name, away=False)
    connection.execute("INSERT INTO query_versions VALUES (?, ?, ?, ?)", (name, version, time.time(), why))
    connection.executemany(
        "UPDATE query_history SET until = ? WHERE set_name = ? AND query_id = ? AND until IS NULL",
        [(version, name, row[1]) for row in then - now],
    )
    connection.executemany(
        f"INSERT INTO query_history (set_name, place, {_KEPT}, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(name, *row, version) for row in sorted(now - then)],
    )
    return version


def _put_away(connection: sqlite3.Connection, name: str, away: bool) -> None:
    listed = [one for one in read_meta(connection, _PUT_AWAY, []) if one != name]  # type: ignore[attr-defined]
    write_meta(connection, _PUT_AWAY, [*listed, name] if away else listed)


def _as_of(connection: sqlite3.Connection, name: str, version: int) -> list[tuple]:
    """Rows of (place, query_id, text, query, guideline, origin, asked) of a version, in order."""
    return connection.execute(
        f"SELECT place, {_KEPT} FROM query_history WHERE set_name = ? AND since <= ? AND (until IS NULL OR until > ?) ORDER BY place",
        (name, version, version),
    ).fetchall()


def _newest(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute("SELECT coalesce(max(version), 0) FROM query_versions WHERE set_name = ?", (name,)).fetchone()[0])


def _existing(connection: sqlite3.Connection, name: str, version: int) -> None:
    newest = _newest(connection, name)
    if not 1 <= version <= newest:
        has = f"has versions 1 to {newest}" if newest else "is not there"
        raise NotFound(f"There is no version {version} of the query set {name}; the set {has}.")


def _has(connection: sqlite3.Connection, name: str, query_id: str) -> bool:
    return connection.execute("SELECT 1 FROM queries WHERE set_name = ? AND query_id = ?", (name, query_id)).fetchone() is not None


def _row(q: SavedQuery) -> tuple[object, ...]:
    return q.query_id, q.text, as_text(q.query), q.guideline, q.origin, q.asked


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

"""Pools: which items a judge is to see for each query, and the recipes that found them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import NotFound
from core.store.base import CollectionBase

_FIELDS = ("pool_id, name, set_name, set_version, depth, arms, collapse, propagate, seed, judges, overlap, generation, made_at")


@dataclass(frozen=True)
class PoolRecord:
    """What a pool was made from.

    Attributes
    ----------
    set_name, set_version
        The query set, as it was then.
    depth : int
        Hits taken of each arm.
    arms : tuple of Mapping
        Each ``{"label", "recipe", "where"}``: the whole recipe as it was, and a filter.
    collapse, propagate : bool
        Near-duplicates are judged once; and the grade is given to the others, too.
    seed : int
        Of the order in which each judge sees a query's items.
    judges : tuple of str
        Among whom the pairs are divided; empty: everybody judges all.
    overlap : float
        Share of the pairs that all of `judges` see, 0..1.
    generation : int
        Of the collection, when the pool was made.
    """

    pool_id: str
    name: str
    set_name: str
    set_version: int
    depth: int
    arms: tuple[Mapping[str, object], ...]
    collapse: bool = True
    propagate: bool = False
    seed: int = 0
    judges: tuple[str, ...] = ()
    overlap: float = 1.0
    generation: int = 0
    made_at: float = field(default=0.0, compare=False)

    @property
    def set_at(self) -> str:
        """The query set with its version, ``set@version``."""
        return f"{self.set_name}@{self.set_version}"


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One pair to judge: the item, its rank from 1 in each arm (None: not found), and near-duplicates it stands for."""

    query_id: str
    item_id: str
    ranks: tuple[int | None, ...]
    copies: tuple[str, ...] = ()


class PoolsPart(CollectionBase):
    """Pools of a collection."""

    def add_pool(self, record: PoolRecord, rows: Iterable[PoolRow]) -> bool:
        """Keep a pool, all of it or nothing; False if one of that id is there already."""
        with self._write() as connection:
            added = connection.execute(
                f"INSERT OR IGNORE INTO pools ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (record.pool_id, record.name, record.set_name, record.set_version, record.depth,
                 json.dumps([dict(arm) for arm in record.arms], ensure_ascii=False, sort_keys=True), record.collapse,
                 record.propagate, record.seed, json.dumps(list(record.judges), ensure_ascii=False), record.overlap,
                 record.generation, record.made_at or time.time()),
            ).rowcount  # fmt: skip
            if not added:
                return False
            connection.executemany(
                "INSERT INTO pool_pairs VALUES (?, ?, ?, ?, ?)",
                [(record.pool_id, r.query_id, r.item_id, json.dumps(r.ranks), json.dumps(r.copies)) for r in rows],
            )
        return True

    def pools(self) -> list[PoolRecord]:
        """Every pool that was not removed, oldest first."""
        return [_record(row) for row in self.select(f"SELECT {_FIELDS} FROM pools WHERE removed_at IS NULL ORDER BY made_at, pool_id")]

    def pool(self, pool_id: str) -> PoolRecord:
        """A pool by its id, a removed one included.

        Raises
        ------
        NotFound
        """
        rows = self.select(f"SELECT {_FIELDS} FROM pools WHERE pool_id = ?", (pool_id,))
        if not rows:
            raise NotFound(f"There is no pool {pool_id[:40]!r} in this collection.")
        return _record(rows[0])

    def pool_rows(self, pool_id: str, query_id: str | None = None) -> list[PoolRow]:
        """Its pairs, by query and item id; of one query or of all."""
        condition, params = ("", ()) if query_id is None else (" AND query_id = ?", (query_id,))
        return [
            PoolRow(query, item, tuple(json.loads(ranks)), tuple(json.loads(copies)))
            for query, item, ranks, copies in self.select(
                f"SELECT query_id, item_id, ranks, copies FROM pool_pairs WHERE pool_id = ?{condition} ORDER BY query_id, item_id",
                (pool_id, *params),
            )
        ]

    def set_pool(self, pool_id: str, *, judges: Sequence[str], overlap: float, propagate: bool) -> None:
        """Divide a pool among judges anew, and say whether grades go to copies."""
        self._change_pool(
            pool_id, "judges = ?, overlap = ?, propagate = ?", json.dumps(list(judges), ensure_ascii=False), float(overlap), bool(propagate)
        )

    def remove_pool(self, pool_id: str) -> None:
        """Put a pool away; `restore_pool` brings it back. Judgments stay."""
        self._change_pool(pool_id, "removed_at = ?", time.time())

    def restore_pool(self, pool_id: str) -> None:
        """Bring a removed pool back."""
        self._change_pool(pool_id, "removed_at = ?", None)

    def _change_pool(self, pool_id: str, what: str, *values: object) -> None:
        with self._write() as connection:
            if not connection.execute(f"UPDATE pools SET {what} WHERE pool_id = ?", (*values, pool_id)).rowcount:
                raise NotFound(f"There is no pool {pool_id[:40]!r} in this collection.")


def _record(row: tuple) -> PoolRecord:
    pool_id, name, set_name, version, depth, arms, collapse, propagate, seed, judges, overlap, generation, made_at = row
    return PoolRecord(pool_id, name, set_name, version, depth, tuple(json.loads(arms)), bool(collapse), bool(propagate), seed,
                      tuple(json.loads(judges)), overlap, generation, made_at)  # fmt: skip

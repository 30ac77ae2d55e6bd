"""Pools as a service: make them, see what they hold, divide them among judges."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.judge import pools
from core.judge.judgments import ADJUDICATION, PERSON
from core.judge.pools import DEPTH_AT_MOST, Pooled, PoolStatistics
from core.search.filters import condition
from core.search.recipes import recipe, recipes, to_json
from core.store import Collection, PoolRecord, PoolRow
from core.types import Job, Query, Recipe, SavedQuery
from core.workbench.querysets import QuerySetService
from core.workbench.submitting import submit

ARMS_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of searching that a pool asks: a recipe, by name or whole, and a filter on top of the query's own."""

    recipe: str | Recipe
    where: str = ""
    label: str = ""


class PoolService:
    """``wb.pools``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    # ------------------------------------------------------------ before

    def choices(self) -> dict[str, Arm]:
        """What a pool can be made from, by label: every recipe, and every vector set that no recipe names."""
        found = {name: Arm(name, label=name) for name in recipes(self._collection)}
        for one in self._collection.sets():
            if not one.active and one.space == "joint" and one.has_text:
                label = f"plain on {one.encoder}"
                label = label if label not in found else f"{label} ({one.set_id})"
                found[label] = Arm(Recipe(name="plain", set=one.set_id), label=label)
        return found

    def nothing(self, query_set: str, where: str = "") -> list[SavedQuery]:
        """Queries of a set that no image passes, with this filter on top of their own.

        Raises
        ------
        QueryError
            The filter cannot be read.
        NotFound
            There is no such set.
        """
        condition(self._collection, Query(where=where.strip()))
        passes: dict[tuple[object, ...], bool] = {}
        out = []
        for one in QuerySetService(self._collection).get(query_set).queries:
            query = pools.narrowed(one.query, where)
            key = query.where, query.literals
            if key not in passes:
                asked = condition(self._collection, query)
                passes[key] = bool(self._collection.select(f"SELECT 1 FROM items WHERE items.trashed_at IS NULL AND {asked.sql} LIMIT 1",
                                                           asked.params))  # fmt: skip
            out += [one] * (not passes[key])
        return out

    # ------------------------------------------------------------ making

    def make(
        self, query_set: str, arms: Sequence[str | Recipe | Arm], depth: int = 20, *, name: str = "", collapse: bool = True,
        propagate: bool = False, seed: int = 0, judges: Sequence[str] = (), overlap: float = 1.0, start: bool = True,
    ) -> Job:
        """Queue the making of a pool: the first `depth` hits of every arm for every query of a set.

        Parameters
        ----------
        query_set : str
            A set's name, or ``set@version``.
        arms : sequence of recipe name, Recipe, or Arm
        name : str
            By default the set's name and the depth.
        collapse : bool
            Near-duplicates are judged once.
        propagate : bool
            The grade is given to the others, too; it can be told apart by its origin.
        judges, overlap
            Among whom the pairs are divided, and the share that each of them sees.

        Returns
        -------
        Job
            Its result names the pool.

        Raises
        ------
        InputError
            Something in it is not possible.
        NotFound
            There is no such set or recipe.
        """
        asked = QuerySetService(self._collection).get(query_set)
        if not asked.queries:
            raise InputError(f"The query set {asked.at} has no queries.")
        if not 1 <= len(arms) <= ARMS_AT_MOST:
            raise InputError(f"A pool is made from 1 to {ARMS_AT_MOST} recipes, not {len(arms)}.")
        if isinstance(depth, bool) or not 1 <= depth <= DEPTH_AT_MOST:
            raise InputError(f"A pool takes 1 to {DEPTH_AT_MOST} hits of each recipe, not {depth}.")
        if not self._collection.sets():
            raise InputError(f"{self._collection.name} has no vectors yet; index its images first.")
        said = [self._arm(arm) for arm in arms]
        labels = [str(arm["label"]) for arm in said]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise InputError(f"{twice} is in the pool twice; once is enough, or give them other labels.")
        who = _judges(judges, overlap)
        args = {
            "pool_id": "p" + hashlib.sha256(secrets.token_bytes(16)).hexdigest()[:16],
            "name": name.strip()[:80] or f"{asked.name}, top {depth}", "set": asked.name, "version": asked.version, "depth": int(depth),
            "arms": said, "collapse": bool(collapse), "propagate": bool(propagate and collapse), "seed": int(seed), "judges": who,
            "overlap": float(overlap),
        }  # fmt: skip
        return submit(self._collection, "pool", args, start=start)

    def _arm(self, arm: str | Recipe | Arm) -> dict[str, object]:
        arm = arm if isinstance(arm, Arm) else Arm(arm)
        whole = recipe(self._collection, arm.recipe) if isinstance(arm.recipe, str) else arm.recipe
        if whole.set not in ("active", "joint"):
            self._collection.set(whole.set)
        if arm.where.strip():
            condition(self._collection, Query(where=arm.where.strip()))
        label = arm.label.strip() or whole.name
        if arm.where.strip() and not arm.label.strip():
            label = f"{label}, {arm.where.strip()}"
        # What search uses when the pool is made is written down whole: a recipe may be changed afterwards.
        return {"label": label[:120], "recipe": to_json(whole), "where": arm.where.strip()}

    def job(self) -> Job | None:
        """The last pool's job, live or not."""
        from core.jobs import Queue

        return next((job for job in Queue(self._collection.home).jobs(self._collection.key) if job.kind == "pool"), None)

    # ------------------------------------------------------------ what there is

    def list(self) -> list[PoolRecord]:
        """Every pool, oldest first."""
        return self._collection.pools()

    def get(self, pool_id: str) -> PoolRecord:
        """A pool by its id."""
        return self._collection.pool(pool_id)

    def rows(self, pool_id: str, query_id: str | None = None) -> list[PoolRow]:
        """Its pairs with the ranks that found them."""
        return self._collection.pool_rows(pool_id, query_id)

    def pairs(self, pool_id: str) -> list[tuple[str, str]]:
        """Its pairs of query id and item id."""
        return [(row.query_id, row.item_id) for row in self.rows(pool_id)]

    def has(self, pool_id: str, query_id: str) -> bool:
        """Whether a pool holds anything for a query."""
        return bool(self._collection.select("SELECT 1 FROM pool_pairs WHERE pool_id = ? AND query_id = ? LIMIT 1", (pool_id, query_id)))

    def queue(self, pool_id: str, judge: str) -> dict[str, list[str]]:
        """What a judge is to judge: query id -> item ids in this judge's own order; queries in the order of the set.

        A judge whom the pool is not divided among sees all of it.
        """
        record = self.get(pool_id)
        pairs = self.pairs(pool_id)
        if judge in record.judges:
            pairs = pools.assign(pairs, record.judges, record.overlap, record.seed)[judge]
        mine: dict[str, list[str]] = {}
        for query_id, item_id in pairs:
            mine.setdefault(query_id, []).append(item_id)
        order = [q.query_id for q in self._collection.saved_queries(record.set_name, record.set_version)]
        return {q: pools.shuffled(mine[q], record.seed, q, judge) for q in order if q in mine}

    def copies(self, pool_id: str, query_id: str) -> Mapping[str, tuple[str, ...]]:
        """Item id -> near-duplicates that get its grade, too; empty where the pool does not hand grades on."""
        if not self.get(pool_id).propagate:
            return {}
        return {row.item_id: row.copies for row in self.rows(pool_id, query_id) if row.copies}

    def statistics(self, pool_id: str) -> PoolStatistics:
        """How large it is, what each recipe gave, and how much is judged by people."""
        record = self.get(pool_id)
        judged = self._collection.judgments.pairs((PERSON, ADJUDICATION))
        rows = [(row.query_id, Pooled(row.item_id, row.ranks, row.copies)) for row in self.rows(pool_id)]
        return pools.statistics(rows, [str(arm["label"]) for arm in record.arms], judged.__contains__)

    # ------------------------------------------------------------ changing

    def divide(self, pool_id: str, judges: Sequence[str], overlap: float, propagate: bool | None = None) -> None:
        """Divide a pool among judges; with no judges everybody judges all. What is judged stays.

        Raises
        ------
        InputError
        """
        record = self.get(pool_id)
        kept = record.propagate if propagate is None else propagate and record.collapse
        self._collection.set_pool(pool_id, judges=_judges(judges, overlap), overlap=overlap, propagate=kept)

    def remove(self, pool_id: str) -> None:
        """Put a pool away; `restore` brings it back. Judgments stay."""
        self._collection.remove_pool(pool_id)

    def restore(self, pool_id: str) -> None:
        """Bring a removed pool back."""
        self._collection.restore_pool(pool_id)


def _judges(judges: Sequence[str], overlap: float) -> list[str]:
    who = [name.strip() for name in judges if name.strip()]
    if who:
        pools.assign([], who, overlap)
    return who

"""Making a pool: every query of a set, asked with every arm.

Arguments: ``pool_id``, ``name``, ``set``, ``version``, ``depth``, ``arms`` (each ``{"label", "recipe", "where"}``),
``collapse``, ``propagate``, ``seed``, ``judges``, ``overlap``. The pool is kept when all of it is there, in one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict

from core.errors import Cancelled, InputError, LoupeError
from core.jobs.progress import HandOver, Progress
from core.jobs.worker import Context
from core.judge import pools
from core.rank import fold as folding
from core.search.engine import run as search
from core.search.recipes import from_json
from core.store import Collection, PoolRecord, PoolRow
from core.types import SavedQuery

ASKING = "asking the queries"
LEFT_OUT_NAMED = 20


def run(context: Context) -> dict:
    """Do a ``pool`` job."""
    return make(Collection.open_key(context.job.collection, context.home), context.job.args, context.progress)


def make(collection: Collection, args: Mapping[str, object], progress: Progress) -> dict:
    """Make a pool and keep it.

    Raises
    ------
    InputError
        No query could be asked, or none finds anything.
    """
    began = time.monotonic()
    arms = tuple(dict(arm) for arm in args["arms"])  # type: ignore[attr-defined, union-attr, call-overload]
    recipes = [from_json(arm["recipe"]) for arm in arms]
    record = PoolRecord(
        str(args["pool_id"]), str(args["name"]), str(args["set"]), int(str(args["version"])), int(str(args["depth"])), arms,
        bool(args["collapse"]), bool(args["propagate"]), int(str(args["seed"])),
        tuple(map(str, args["judges"])),  # type: ignore[arg-type, call-overload]
        float(str(args["overlap"])), collection.generation, time.time(),
    )  # fmt: skip
    queries = collection.saved_queries(record.set_name, record.set_version)
    folds = folding.load(collection) if record.collapse else None
    progress.stage(ASKING, len(queries))
    rows: list[PoolRow] = []
    left_out: list[dict[str, str]] = []
    empty: list[str] = []
    warnings: dict[str, None] = {}
    for n, saved in enumerate(queries):
        try:
            runs = [_asked(collection, saved, recipe, str(arm.get("where") or ""), record.depth, warnings, progress)
                    for recipe, arm in zip(recipes, arms)]  # fmt: skip
        except (Cancelled, HandOver):
            raise
        except LoupeError as error:  # an image it asks with is gone, say: the others are judged all the same
            left_out.append({"query": saved.text[:200], "reason": str(error)})
        else:
            found = pools.pooled(runs, record.depth, folds)
            rows += [PoolRow(saved.query_id, **asdict(one)) for one in found]
            empty += [saved.text[:200]] * (not found)
        progress.at(n + 1)
    if not rows:
        why = f" The first one: {left_out[0]['reason']}" if left_out else ""
        who = f"The only query of {record.set_at}, {queries[0].text[:200]!r}," if len(queries) == 1 else ""
        raise InputError(f"{who} finds nothing to judge.{why}" if who
                         else f"None of the {len(queries):,} queries of {record.set_at} finds anything to judge.{why}")  # fmt: skip
    progress.check()
    collection.add_pool(record, rows)
    return {
        "pool": record.pool_id, "pairs": len(rows), "queries": len(queries) - len(left_out), "left_out": left_out[:LEFT_OUT_NAMED],
        "n_left_out": len(left_out), "empty": empty[:LEFT_OUT_NAMED], "n_empty": len(empty),
        "warnings": list(warnings), "seconds": round(time.monotonic() - began, 2),
    }  # fmt: skip


def _asked(
    collection: Collection, saved: SavedQuery, recipe: object, where: str, depth: int, warnings: dict[str, None], progress: Progress
) -> tuple[str, ...]:
    progress.check()
    result = search(collection, pools.narrowed(saved.query, where), depth, recipe=recipe)  # type: ignore[arg-type]
    warnings.update(dict.fromkeys(result.warnings))
    return result.item_ids

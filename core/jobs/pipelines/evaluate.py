"""Running every query of a set with every recipe, and keeping the rankings.

Arguments: ``query_set`` (empty: the judged queries of all sets), ``recipes`` (names) and ``depth``; or ``part`` ``pools``
with ``seed``: captions against the images most like their own; or ``part`` ``unseen``, for which see
`core.jobs.pipelines.unseen`. What is kept are rankings, so grades that are given later count at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from core.encode import load_encoder
from core.errors import InputError, LoupeError
from core.jobs.pipelines.wording import encoded
from core.jobs.progress import Progress
from core.jobs.worker import Context
from core.judge import kept, serving
from core.judge.hardpools import pool_recalls
from core.rank import fold
from core.search import engine, recipes
from core.store import Collection
from core.types import SavedQuery

POOLS = "evaluation.pools"
"""Setting: what hard and random pools gave last."""
CAPTIONS_AT_MOST = 1_000
IMAGES_AT_MOST = 20_000
FEWEST = 20
DEPTH_AT_MOST = 1_000


def run(context: Context) -> dict:
    """Do an ``evaluate`` job."""
    collection = Collection.open_key(context.job.collection, context.home)
    if context.job.args.get("part") == "pools":
        return pools(collection, context.job.args, context.progress)
    if context.job.args.get("part") == "unseen":
        from core.jobs.pipelines.unseen import unseen

        return unseen(collection, context.job.args, context.progress)
    return evaluate(collection, context.job.args, context.progress)


def queries_of(collection: Collection, query_set: str) -> tuple[list[SavedQuery], int]:
    """The queries of a set with its version (``set@3``: as it was then), or every saved query that anybody graded something for."""
    if query_set != kept.ALL:
        _, version, saved = collection.named_queries(query_set)
        return saved, version
    judged = {judgment.query_id for judgment in collection.judgments.all()}
    return [query for query in collection.saved_queries() if query.query_id in judged], 0


def evaluate(collection: Collection, args: Mapping[str, object], progress: Progress) -> dict:
    """Search, and keep the rankings.

    Raises
    ------
    InputError
        There are no queries or recipes, or a recipe answers no query.
    """
    began = time.monotonic()
    query_set, depth = str(args.get("query_set") or kept.ALL), int(str(args.get("depth") or 50))
    names = [str(name) for name in args.get("recipes") or ()]  # type: ignore[attr-defined]
    saved, version = queries_of(collection, query_set)
    if not saved or not names:
        raise InputError("An evaluation needs a query or more, and a recipe or more.")
    if not 1 <= depth <= DEPTH_AT_MOST:
        raise InputError(f"Rankings have 1 to {DEPTH_AT_MOST:,} hits, not {depth:,}.")
    generation, answers = collection.generation, serving.answers(collection, "judgments", "")
    progress.stage("running the queries", len(saved) * len(names))
    ran, done, n_items = {}, 0, 0
    for name in names:
        recipe = recipes.recipe(collection, name)
        hits: dict[str, tuple[tuple[str, ...], tuple[float, ...]]] = {}
        failed: dict[str, str] = {}
        warnings: dict[str, None] = {}
        set_id = ""
        for query in saved:
            try:
                result = engine.run(collection, query.query, depth, recipe=recipe)
            except LoupeError as error:
                failed[query.query_id] = str(error)
            else:
                hits[query.query_id] = (result.item_ids, tuple(hit.score for hit in result))
                set_id, n_items = set_id or result.set_id, max(n_items, result.total)
                warnings |= dict.fromkeys(result.warnings)
            done += 1
            progress.at(done)
        if not hits:
            raise InputError(f"The recipe {name} answers none of the queries: {next(iter(failed.values()))}")
        ran[name] = kept.Ran(recipes.to_json(recipe), set_id, hits, failed, tuple(warnings))
    sets = {one.set_id: one.encoder for one in collection.sets()}
    encoder = sets.get(next((one.set_id for one in ran.values() if one.set_id), ""), "")
    progress.check()
    seconds = round(time.monotonic() - began, 2)
    kept.keep(collection, kept.Kept(query_set, depth, {q.query_id: q.text for q in saved}, ran, generation, n_items, answers, encoder,
                                    time.time(), seconds, version))  # fmt: skip
    return {"query_set": query_set, "queries": len(saved), "recipes": names, "depth": depth, "seconds": seconds}


def pools(collection: Collection, args: Mapping[str, object], progress: Progress) -> dict:
    """Captions in hard and random pools; what came out is kept as a setting.

    Raises
    ------
    InputError
        Too few images have a caption.
    """
    began, seed = time.monotonic(), int(str(args.get("seed") or 0))
    view = collection.view(serving.vectors_for(collection, "captions").set_id)
    generation = view.generation
    ids = [item for item in collection.ids() if view.position(item) is not None]
    rng = np.random.default_rng(seed)
    texts_of = {item: texts[0] for item, texts in collection.captions_of(ids).items() if texts and texts[0].strip()}
    if len(texts_of) < FEWEST:
        raise InputError(f"{len(texts_of):,} images have a caption, and this needs {FEWEST} or more.")
    asking = sorted(texts_of)
    if len(asking) > CAPTIONS_AT_MOST:
        asking = sorted(rng.permutation(asking)[:CAPTIONS_AT_MOST].tolist())
    if len(ids) > IMAGES_AT_MOST:
        ids = sorted({*asking, *rng.permutation(sorted(ids))[: IMAGES_AT_MOST - len(asking)].tolist()})
    encoder = load_encoder(view.set.encoder)
    if encoder.fingerprint != view.set.weights:
        raise InputError("The vectors in use were made with other weights of their encoder; index the images again first.")
    texts = encoded(encoder, [texts_of[item] for item in asking], progress, "reading the captions")
    place = {item: n for n, item in enumerate(ids)}
    progress.stage("comparing with the most similar images", len(asking))
    found = pool_recalls(
        texts, view.rows(view.positions(ids)), np.array([place[item] for item in asking]), _groups(collection, ids), seed=seed,
        on_progress=progress.at,
    )  # fmt: skip
    said = {
        "rows": [[one.size, round(one.hard, 4), round(one.random, 4)] for one in found], "captions": len(asking), "images": len(ids),
        "seed": seed, "generation": generation, "set": view.set.set_id, "encoder": view.set.encoder, "made_at": time.time(),
        "seconds": round(time.monotonic() - began, 2),
    }  # fmt: skip
    progress.check()
    collection.set_setting(POOLS, said)
    return said


def _groups(collection: Collection, ids: Sequence[str]) -> np.ndarray:
    """int64 (n,): the same number for images with the same bytes or folded together."""
    folds, same = fold.load(collection), dict(collection.select("SELECT item_id, sha256 FROM items"))
    names = [folds.group_of.get(item) or f"bytes {same.get(item, item)}" for item in ids]
    return np.unique(names, return_inverse=True)[1]

"""Adapting again without each kind of query, and measuring a query set on it.

Arguments: ``query_set``, ``labels`` (a metadata column instead of the captions), ``rel``, ``buckets`` and ``seed``. Nothing that is
searched changes; what came out is kept as a setting.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict

from core.encode.adapt import fit
from core.errors import InputError
from core.jobs.pipelines.align import base_of, encoder_of, words_for
from core.jobs.pipelines.evaluate import queries_of
from core.jobs.pipelines.wording import encoded
from core.jobs.progress import Progress
from core.judge import kept, serving
from core.judge.graded import grades_by_query
from core.judge.protocols.unseen import BUCKETS, Asked
from core.judge.protocols.unseen import unseen as measure
from core.store import Collection
from core.types import SavedQuery

UNSEEN = "evaluation.unseen"
"""Setting: what came out last."""


def unseen(collection: Collection, args: Mapping[str, object], progress: Progress) -> dict:
    """See `core.judge.protocols.unseen.unseen`.

    Raises
    ------
    InputError
        There is too little to train on or to measure, or there are no vectors of an encoder that reads words.
    NotFound
        There is no such query set.
    """
    began = time.monotonic()
    query_set, column = str(args.get("query_set") or kept.ALL), str(args.get("labels") or "")
    rel, k, seed = (int(str(args.get(name, usual))) for name, usual in (("rel", 1), ("buckets", BUCKETS), ("seed", 0)))
    progress.stage("reading the words")
    base = base_of(collection)
    generation, answers = collection.generation, serving.answers(collection, "judgments", "")
    saved, _ = queries_of(collection, query_set)
    grades = grades_by_query(collection)
    able = [q for q in saved if _in_words(q) and max(grades.get(q.query_id, {"": 0}).values()) >= rel]
    words = words_for(collection, base, column, seed=seed)
    encoder = encoder_of(base)
    texts = encoded(encoder, words.texts, progress, "reading the words")
    asked = encoded(encoder, [q.query.terms[0].value for q in able], progress, "reading the queries")
    view = collection.view(base.set_id)
    ids = sorted(item for item in collection.ids() if view.position(item) is not None)
    progress.stage("training without each kind of query")
    found = measure(view.rows(view.positions(ids)), ids, texts, words,
                    Asked(tuple(q.query_id for q in able), asked, {q.query_id: grades[q.query_id] for q in able}),
                    k=k, rel=rel, seed=seed, fit=fit, on_progress=progress.at)  # fmt: skip
    said = {
        "collection": collection.name, "query_set": query_set, "learned_from": column or "captions", "encoder": base.encoder,
        "set": base.set_id, "rel": rel, "buckets": k, "seed": seed, "queries": found.n_queries, "queries_left_out": len(saved) - len(able),
        "images": len(words.item_ids), "kept_apart": found.n_kept_apart, "figures": [_plain(asdict(one)) for one in found.figures],
        "trained": [_plain(asdict(one)) for one in found.trained], "generation": generation, "answers": answers,
        "seconds": round(time.monotonic() - began, 2), "made_at": time.time(),
    }  # fmt: skip
    progress.check()
    collection.set_setting(UNSEEN, said)
    return said


def _in_words(saved: SavedQuery) -> bool:
    """One term of words, asked of everything: what the heads are for, and scores are plain cosines."""
    terms = saved.query.terms
    return len(terms) == 1 and terms[0].kind == "text" and terms[0].weight > 0 and not saved.query.where


def _plain(said: Mapping[str, object]) -> dict[str, object]:
    """Rounded; None for what is no number."""
    out: dict[str, object] = {}
    for name, value in said.items():
        if isinstance(value, dict):
            out[name] = _plain(value)
        else:
            out[name] = value if not isinstance(value, float) else round(value, 6) if math.isfinite(value) else None
    return out


def check(args: Mapping[str, object]) -> None:
    """Raise `InputError` where an argument cannot be."""
    if args["rel"] not in (1, 2, 3):
        raise InputError(f"The lowest grade that is relevant is 1, 2 or 3, not {args['rel']!r}.")
    if not 2 <= int(str(args["buckets"])) <= 20:
        raise InputError(f"Queries are put into 2 to 20 kinds, not {args['buckets']}.")

"""Learning where good results end from a collection's judgments.

Arguments: ``recipe``, ``recall``, ``rel`` (the lowest grade that is relevant) and ``seed``. The models are kept as
artifacts of their vector sets, what is said about them in a setting; nothing is shown in searches until somebody uses it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from core.errors import InputError
from core.jobs.progress import Progress
from core.jobs.worker import Context
from core.judge import graded, serving
from core.rank.cutoff import Learned, ends, learn, split, wording
from core.rank.cutoff.learning import RULE, Tried, strength
from core.search import cutoffs
from core.search.recipes import recipe as recipe_named
from core.store import Collection

LAST = "cutoff.last"
"""Setting: what was learned last, by all parts."""
EMPTY_AT_MOST = 20
MUCH = 0.5
"""Share of the first results that is judged, below which it is said what that means."""
SCORING, LEARNING = "scoring the judged results", "learning where good results end"


def run(context: Context) -> dict:
    """Do a ``cutoff`` job."""
    collection = Collection.open_key(context.job.collection, context.home)
    return learn_all(collection, context.job.args, context.progress)


def learn_all(collection: Collection, args: Mapping[str, object], progress: Progress) -> dict:
    """Learn for each kind of query, and keep it.

    Raises
    ------
    InputError
        There are no vectors, or an argument is not possible.
    """
    began = time.monotonic()
    recall, rel, seed = float(str(args.get("recall", 0.95))), int(str(args.get("rel", 1))), int(str(args.get("seed", 0)))
    progress.stage(SCORING)
    if not collection.sets():
        raise InputError(f"{collection.name} has no vectors yet; index its images first.")
    recipe = recipe_named(collection, str(args.get("recipe") or "plain"))
    fingerprint = serving.answers(collection, "judgments", "")  # before they are read: what changes meanwhile makes this stale
    generation = collection.generation
    progress.stage(SCORING, len({one.query_id for one in collection.judgments.all()}))
    found, left_out = graded.gather(collection, recipe, rel=rel, on_progress=lambda done, total: progress.at(done))
    names = {saved.query_id: saved.text for saved in collection.saved_queries()}
    parts = []
    for one in found:
        progress.stage(LEARNING)
        learned = learn(one.rows, recall=recall, seed=seed, on_progress=progress.at)
        said = {**_part(learned), "set": one.key.set_id, "kind": one.key.kind, "signature": one.key.signature, "hub": asdict(one.hub),
                "judged": round(one.judged, 4), "empty": _empty(one, learned, seed, names), **_ends(one, learned)}  # fmt: skip
        said["notes"] = [*said["notes"], *_shown(one)]
        account = {"recall": recall, "rel": rel, "seed": seed, "recipe": recipe.name, "fingerprint": fingerprint, "words": said["words"]}
        progress.check()
        cutoffs.save(collection, one.key, learned.models, account, generation)
        parts.append(said)
    said = {
        "collection": collection.name, "recipe": recipe.name, "recall": recall, "rel": rel, "seed": seed, "rule": RULE,
        "fingerprint": fingerprint, "generation": generation, "left_out": left_out, "parts": parts,
        "seconds": round(time.monotonic() - began, 2), "made_at": time.time(),
    }  # fmt: skip
    collection.set_setting(LAST, said)
    return said


def _shown(one: graded.Graded) -> list[str]:
    """What it means that of the results which people look at many are not judged."""
    if not len(one.rows) or one.judged >= MUCH:
        return []
    return [f"Only {one.judged:.0%} of the first {graded.SHOWN} results of these queries are judged. If those that are not are less "
            "relevant, the probabilities are too high and the line lies too low: judge the first results before relying on it."]


def _ends(one: graded.Graded, learned: Learned) -> dict[str, object]:
    """Where each line falls in the rankings of all judged queries, and that of what is recommended in words."""
    if not one.rankings:
        return {"ends": {}, "falls": ""}
    depth = graded.LOOKED_AT
    found = {model.kind: ends(model, one.rows, one.rankings, shown=graded.SHOWN, depth=depth) for model in learned.models}
    return {"ends": {kind: asdict(each) for kind, each in found.items()},
            "falls": wording.falls(found[learned.recommended], learned.recommended, depth)}  # fmt: skip


def _empty(one: graded.Graded, learned: Learned, seed: int, names: Mapping[str, str]) -> list[str]:
    """Test queries that the recommended cut leaves with nothing, as people know them; the first `EMPTY_AT_MOST`."""
    if not learned.tried:
        return []
    test = one.rows.of_queries(split(one.rows, seed).test)
    model = learned.model(learned.recommended)
    kept = np.unique(test.query[strength(model, test) >= model.cut])
    return [names.get(one.query_ids[n], one.query_ids[n]) for n in np.setdiff1d(test.queries, kept)[:EMPTY_AT_MOST]]


def _part(learned: Learned) -> dict[str, object]:
    return {
        "rung": learned.rung.name, "why": learned.rung.why, "reach": learned.rung.reach,
        "recommended": learned.recommended, "better": learned.better,
        "n_labels": learned.n_labels, "n_relevant": learned.n_relevant, "n_queries": list(learned.n_queries),
        "n_test": learned.n_test_groups, "steps": learned.steps, "f1": None if learned.f1 is None else [_number(x) for x in learned.f1],
        "sentence": wording.sentence(learned), "notes": list(wording.notes(learned)),
        "words": {model.kind: wording.words(learned, model.kind) for model in learned.models},
        "models": [{"kind": model.kind, "cut": _number(model.cut)} for model in learned.models],
        "tried": [_tried(one) for one in learned.tried],
    }  # fmt: skip


def _tried(one: Tried) -> dict[str, object]:
    at = one.model.probability(one.model.cut)
    return {
        "kind": one.model.kind, "cut": _number(one.model.cut), "probability": None if at is None else _number(float(at)),
        "figures": {name: _plain(asdict(interval)) for name, interval in one.figures.items()},
        "gain": None if one.gain is None else _plain(asdict(one.gain)), "ece": _number(one.error), "miscalibration": _number(one.off),
        "reliability": [_plain(asdict(row)) for row in one.table],
    }  # fmt: skip


def _plain(said: Mapping[str, object]) -> dict[str, object]:
    return {name: _number(value) if isinstance(value, float) else value for name, value in said.items()}


def _number(value: float | None) -> float | None:
    """Rounded, and None where it is no number: JSON has no nan."""
    return None if value is None or not math.isfinite(value) else round(float(value), 6)

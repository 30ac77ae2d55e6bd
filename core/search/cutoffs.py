"""Learned cut-offs as they are kept with a collection, and the line they draw through a search.

A cut-off belongs to what its scores came from: a vector set, a kind of query (words, one image, several terms: their
scores lie on different scales), and how the recipe composes, corrects and reranks. For other scores it would mean nothing,
so it is not shown there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from core.errors import Damaged
from core.rank.cutoff import Model
from core.search.banks import sample_of
from core.search.filters import remembered, state_of
from core.store import Collection, VectorView
from core.types import Cutoff, Hit, HubSetting, Query, Recipe

USED = "cutoff.used"
"""Setting: name of a key -> what is shown for it: ``method``, ``recipe``, ``kind``, ``set``, ``signature``."""
_DRAFT, _SHOWN = "cutoff-learned", "cutoff-shown"
KINDS = {"words": "words", "image": "one image", "composed": "several terms"}
"""What kind of query -> what people call it."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a cut-off belongs to: a vector set, a kind of query, and all of a recipe that makes scores what they are."""

    set_id: str
    kind: str
    signature: str

    @classmethod
    def of(cls, set_id: str, query: Query, recipe: Recipe, hub: HubSetting) -> Key:
        """The key of a query under a recipe; `hub` is the correction really applied, with the bank it uses."""
        kind = kind_of(query)
        corrected = [] if hub.method == "none" else [hub.method, 0.0 if hub.method == "csls" else float(hub.beta), hub.bank]
        said = [kind, recipe.compose if kind == "composed" else "", corrected, recipe.rerank]
        return cls(set_id, kind, hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12])

    @property
    def name(self) -> str:
        """One text for it."""
        return f"{self.set_id} {self.signature}"


@dataclass(frozen=True)
class Kept:
    """A learned cut-off: its models by kind, with all that was written down."""

    models: Mapping[str, Model]
    account: Mapping[str, object]


def kind_of(query: Query) -> str:
    """``words``, ``image`` or ``composed``: queries whose scores lie on one scale."""
    if len(query.terms) != 1:
        return "composed"
    return "words" if query.terms[0].kind == "text" else "image"


def save(collection: Collection, key: Key, models: Sequence[Model], account: Mapping[str, object], generation: int) -> None:
    """Keep what was learned for a key, replacing what was; searches show it only after `show`."""
    _put(collection, _DRAFT, key.set_id, key.signature, models, account, generation)


def show(collection: Collection, lines: Mapping[str, Mapping[str, str]]) -> None:
    """Let searches draw what was learned last for these keys; see `USED`.

    Raises
    ------
    Damaged
        What was learned cannot be read.
    """
    for how in lines.values():
        kept = load(collection, how["set"], how["signature"], _DRAFT)
        if kept is None:
            raise Damaged("What was learned about where good results end cannot be read any more; learn it again.")
        _put(collection, _SHOWN, how["set"], how["signature"], list(kept.models.values()), kept.account, collection.generation)
    collection.set_setting(USED, {**used(collection), **{name: dict(how) for name, how in lines.items()}})


def hide(collection: Collection, names: Set[str]) -> dict[str, dict[str, str]]:
    """Let searches draw no line for these keys; what was drawn."""
    there = used(collection)
    collection.set_setting(USED, {name: how for name, how in there.items() if name not in names})
    return {name: how for name, how in there.items() if name in names}


def _put(
    collection: Collection, what: str, set_id: str, signature: str, models: Sequence[Model], account: Mapping[str, object], generation: int
) -> None:
    said, arrays = {}, {}
    for model in models:
        plain, own = model.to_plain()
        said[model.kind] = plain
        arrays.update({f"{model.kind}.{name}": array for name, array in own.items()})
    collection.put_artifact(f"{what}-{signature}", set_id, arrays, {"models": said, "account": dict(account)}, generation)


def load(collection: Collection, set_id: str, signature: str, what: str = _SHOWN) -> Kept | None:
    """What is shown (or what was learned last); None where there is nothing, or it is damaged."""
    try:
        found = collection.artifact(f"{what}-{signature}", set_id)
        if found is None:
            return None
        models = {}
        for kind, said in found.meta["models"].items():  # type: ignore[attr-defined]
            own = {name.partition(".")[2]: found.arrays[name] for name in found.arrays if name.partition(".")[0] == kind}
            models[kind] = Model.from_plain(said, own)
        return Kept(models, found.meta["account"])  # type: ignore[arg-type]
    except (Damaged, KeyError, ValueError, TypeError):
        return None


def used(collection: Collection) -> dict[str, dict[str, str]]:
    """What is shown, by name of its key."""
    kept = collection.setting(USED, {})
    return {str(name): dict(how) for name, how in kept.items() if isinstance(how, dict)} if isinstance(kept, dict) else {}


def background(collection: Collection, view: VectorView, q: np.ndarray, bias: np.ndarray | None) -> tuple[float, float]:
    """Mean and standard deviation of a query's scores over a sample of up to 2,000 live items."""
    positions = sample_of(collection, view)
    if not len(positions):
        return 0.0, 1.0
    key = (collection.path, view.uid, "cutoff-background", view.set.set_id, view.epoch, view.changed)
    scores = remembered(key, lambda: view.rows(positions).astype(np.float64)) @ np.asarray(q, np.float64)
    if bias is not None:
        scores = scores + bias[positions]
    return float(scores.mean()), float(scores.std())


def line_of(
    collection: Collection, view: VectorView, query: Query, key: Key, q: np.ndarray, bias: np.ndarray | None, hits: Sequence[Hit],
) -> tuple[Cutoff | None, str]:
    """The line through the hits of a search, if one is in use for such searches; else perhaps why there is none."""
    shown = used(collection)
    if not shown or not query.terms or all(term.weight < 0 for term in query.terms):
        return None, ""
    how = shown.get(key.name)
    if how is None:
        return None, _elsewhere(key, shown)
    kept = remembered((*state_of(collection), "cutoff", key.name), lambda: load(collection, key.set_id, key.signature))
    model = None if kept is None else kept.models.get(how.get("method", ""))
    if kept is None or model is None or (model.head is not None and model.head.w1.shape[1] != len(q) + 2):
        return None, "What was learned about where good results end cannot be read any more; learn it again."
    mean, sd = background(collection, view, q, bias)
    moments = np.array([mean]), np.maximum(np.array([sd]), 1e-6)
    scores = np.array([hit.score for hit in hits], np.float64)
    strength = model.strength(scores, np.zeros(len(hits), np.int64), q[None], *moments)
    above = int((strength >= model.cut).sum())  # it rises with the score, so these are the first
    p, at = model.probability(strength), model.probability(model.cut)
    account = kept.account
    return Cutoff(
        after=above if not hits else hits[0].rank - 1 + above, below=above < len(hits),
        score=round(model.score_at_cut(q, float(moments[0][0]), float(moments[1][0])), 6),
        probability=None if at is None else float(at), probabilities=() if p is None else tuple(np.round(p, 4).tolist()),
        rung=model.kind, recall=float(account.get("recall", 0.95)),  # type: ignore[arg-type]
        words=str(account.get("words", {}).get(model.kind, "")),  # type: ignore[attr-defined]
        fingerprint=str(account.get("fingerprint", "")),
    ), ""  # fmt: skip


def _elsewhere(key: Key, shown: Mapping[str, Mapping[str, str]]) -> str:
    """Why there is no line here although there is one elsewhere."""
    same_set = [how for name, how in shown.items() if name.startswith(f"{key.set_id} ")]
    if not same_set:
        return "Where good results end was learned with other vectors; the line is not shown with these."
    if any(how.get("kind") == key.kind for how in same_set):
        names = ", ".join(dict.fromkeys(how.get("recipe", "") for how in same_set if how.get("kind") == key.kind))
        return f"Where good results end was learned with the recipe {names}; the line is not shown with this one."
    kinds = ", ".join(dict.fromkeys(KINDS.get(how.get("kind", ""), "") for how in same_set))
    return f"Where good results end was learned for queries of {kinds}; the line is not shown for {KINDS[key.kind]}."

"""Trying every hub correction on a collection's own right answers.

Arguments: ``truth`` (``captions``, ``judgments``, or ``labels`` with ``column``), ``metric`` and ``seed``. What came out
is the job's result, and is kept with the collection, with the generation and the vectors it was measured on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from core.encode import Encoder, load_encoder
from core.encode.adapt_data import tidy
from core.errors import EncoderError, InputError
from core.jobs.pipelines.wording import encoded
from core.jobs.progress import Progress
from core.jobs.worker import Context
from core.judge import proof, serving, truth
from core.query.compose import compose
from core.store import Collection, VectorView

LAST = "proof.last"
"""Setting: what the last proof gave."""
READING = "reading the words"


def run(context: Context) -> dict:
    """Do a ``prove`` job."""
    collection = Collection.open_key(context.job.collection, context.home)
    return prove(collection, context.job.args, context.progress)


def prove(collection: Collection, args: Mapping[str, object], progress: Progress) -> dict:
    """Measure, and keep what came out; nothing that is searched changes.

    Raises
    ------
    InputError
        There is too little to measure with; the message has both numbers.
    """
    began = time.monotonic()
    seed, kind, column = int(str(args.get("seed") or 0)), str(args.get("truth") or "captions"), str(args.get("column") or "")
    progress.stage("reading the right answers")
    if not collection.sets():
        raise InputError(f"{collection.name} has no vectors yet; index its images first.")
    if kind not in ("captions", "labels", "judgments"):
        raise InputError(f"Right answers come from captions, labels or judgments; {kind!r} is none of them.")
    view = collection.view(serving.vectors_for(collection, kind).set_id)
    answers = serving.answers(collection, kind, column)  # of before they are read: what changes meanwhile makes this stale
    trial, left_out = _trial(collection, view, kind, column, progress, seed)
    progress.stage("trying corrections")
    metric = str(args.get("metric") or ("nDCG@10" if kind == "judgments" else "R@1"))
    found = proof.prove(trial, metric=metric, seed=seed, on_progress=progress.at)
    said = {
        **asdict(found),
        "raw": _row(found.raw),
        "rows": [_row(row) for row in found.rows],
        "rule": proof.RULE,
        "truth": kind,
        "column": column,
        "left_out": left_out,
        "answers": answers,
        "n_collection": len(view.live),
        "collection": collection.name,
        "encoder": view.set.encoder,
        "set": view.set.set_id,
        "space": view.set.space,
        "generation": view.generation,
        "seconds": round(time.monotonic() - began, 2),
        "made_at": time.time(),
    }
    progress.check()
    collection.set_setting(LAST, said)
    return said


def _row(row: proof.Row) -> dict[str, object]:
    return {**_rounded(asdict(row)), "words": row.words}  # type: ignore[dict-item]


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


def _trial(
    collection: Collection, view: VectorView, kind: str, column: str, progress: Progress, seed: int
) -> tuple[proof.Trial, dict[str, int]]:
    """The questions; and what of the judged queries is left out."""
    ids = [item for item in collection.ids() if view.position(item) is not None]

    def vectors(some: Sequence[str]) -> np.ndarray:
        return view.rows(view.positions(some))

    if kind == "labels":
        if column not in [c.name for c in collection.columns()]:
            there = ", ".join(c.name for c in collection.columns()) or "none"
            raise InputError(f"There is no column {column!r} in {collection.name}; there are: {there}.")
        known = dict(collection.select("SELECT item_id, json_extract(meta, ?) FROM items", (f'$."{column}"',)))
        return truth.of_labels({item: known.get(item) for item in ids}, _same(collection), vectors, seed), {}
    encoder = _fitting(view)
    if kind == "judgments":
        return _judged(collection, view, sorted(ids), encoder, progress, seed)

    def embed(texts: Sequence[str]) -> np.ndarray:
        return encoded(encoder, texts, progress, READING)

    return truth.of_captions(collection.captions_of(ids), _same(collection), vectors, embed, seed), {}


def _judged(
    collection: Collection, view: VectorView, ids: list[str], encoder: Encoder, progress: Progress, seed: int
) -> tuple[proof.Trial, dict[str, int]]:
    able, graded, left_out = serving.judged_queries(collection)
    place = {item: n for n, item in enumerate(ids)}
    grades = {name: {place[item]: grade for item, grade in graded[name].items() if item in place} for name in able}
    for name in [name for name in able if max(grades[name].values(), default=0) < 1]:
        left_out["whose right answers have no vector"] = left_out.get("whose right answers have no vector", 0) + 1
        del able[name]
    if wrong := truth.enough(len(able), "judgment"):
        raise InputError(f"{wrong} {serving.left_out_words(left_out)}".strip())
    words = sorted({term.value for query in able.values() for term in query.terms})
    vector_of = dict(zip(words, encoded(encoder, words, progress, READING)))
    queries = [
        compose(query.terms, np.stack([vector_of[term.value] for term in query.terms]), ["text"] * len(query.terms), view.mean,
                encoder.text_mean).q
        for query in able.values()
    ]  # fmt: skip
    # As search has it, the first caption of each image; but none that asks here.
    asked = {tidy(word) for word in words}
    firsts = {texts[0] for texts in collection.captions_of(ids).values() if texts and texts[0].strip() and tidy(texts[0]) not in asked}
    texts = truth.sampled(firsts, truth.BANK_AT_MOST, seed)
    captions = encoded(encoder, texts, progress, READING) if texts else None
    alike = [tuple(sorted(tidy(term.value) for term in query.terms)) for query in able.values()]  # weights apart the same query
    return truth.of_judgments(
        np.stack(queries), [grades[name] for name in able], view.rows(view.positions(ids)), captions, seed, alike
    ), left_out


def _same(collection: Collection) -> list[list[str]]:
    """Copies and near-duplicates, which must not stand on both sides of a split."""
    groups: dict[str, list[str]] = {}
    for item_id, sha256 in collection.select("SELECT item_id, sha256 FROM items WHERE trashed_at IS NULL"):
        groups.setdefault(f"bytes {sha256}", []).append(item_id)
    for item_id, group in collection.select("SELECT item_id, group_id FROM folds WHERE group_id <> ''"):
        groups.setdefault(f"fold {group}", []).append(item_id)
    return [group for group in groups.values() if len(group) > 1]


def _fitting(view: VectorView) -> Encoder:
    encoder = load_encoder(view.set.encoder)
    if encoder.fingerprint != view.set.weights:
        raise EncoderError(
            f"The vectors {view.set.set_id} were made with weights {view.set.weights} of {view.set.encoder}, and this "
            f"installation has {encoder.fingerprint}; index the images again first."
        )
    return encoder

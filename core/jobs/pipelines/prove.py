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
from core.encode.protocol import TEXT_CHUNK
from core.errors import EncoderError, InputError
from core.jobs.progress import Progress
from core.jobs.worker import Context
from core.judge import consolidate, proof, truth
from core.query.compose import compose
from core.store import Collection, VectorView

LAST = "proof.last"
"""Setting: what the last proof gave."""


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
    view = collection.view()
    trial = _trial(collection, view, kind, column, progress, seed)
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
        "collection": collection.name,
        "encoder": view.set.encoder,
        "set": view.set.set_id,
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


def _trial(collection: Collection, view: VectorView, kind: str, column: str, progress: Progress, seed: int) -> proof.Trial:
    ids = [item for item in collection.ids() if view.position(item) is not None]

    def vectors(some: Sequence[str]) -> np.ndarray:
        return view.rows(view.positions(some))

    def embed(texts: Sequence[str]) -> np.ndarray:
        return _encoded(encoder, texts, progress)

    if kind == "labels":
        if column not in [c.name for c in collection.columns()]:
            there = ", ".join(c.name for c in collection.columns()) or "none"
            raise InputError(f"There is no column {column!r} in {collection.name}; there are: {there}.")
        known = dict(collection.select("SELECT item_id, json_extract(meta, ?) FROM items", (f'$."{column}"',)))
        return truth.of_labels({item: known.get(item) for item in ids}, _same(collection), vectors, seed)
    if kind not in ("captions", "judgments"):
        raise InputError(f"Right answers come from captions, labels or judgments; {kind!r} is none of them.")
    encoder = _fitting(view)
    if kind == "captions":
        return truth.of_captions(collection.captions_of(ids), _same(collection), vectors, embed, seed)
    return _judged(collection, view, sorted(ids), encoder, progress, seed)


def _judged(
    collection: Collection, view: VectorView, ids: list[str], encoder: Encoder, progress: Progress, seed: int
) -> proof.Trial:
    """Saved queries of words alone, with the one grade of each item; filters would need a gallery of their own each."""
    place = {item: n for n, item in enumerate(ids)}
    grades: dict[str, dict[int, int]] = {}
    for said in consolidate(collection.judgments.all()):
        if said.grade is not None and said.grade >= 1 and said.item_id in place:
            grades.setdefault(said.query_id, {})[place[said.item_id]] = said.grade
    saved = {q.query_id: q.query for q in collection.saved_queries() if q.query_id in grades}
    able = {name: query for name, query in saved.items()
            if query.terms and not query.where and all(term.kind == "text" for term in query.terms)}  # fmt: skip
    if wrong := truth.enough(len(able), "judgment"):
        raise InputError(wrong)
    words = sorted({term.value for query in able.values() for term in query.terms})
    vector_of = dict(zip(words, _encoded(encoder, words, progress)))
    queries = [
        compose(query.terms, np.stack([vector_of[term.value] for term in query.terms]), ["text"] * len(query.terms), view.mean,
                encoder.text_mean).q
        for query in able.values()
    ]  # fmt: skip
    said_in = {text for texts in collection.captions_of(ids).values() for text in texts if text.strip()} - set(words)
    texts = truth.sampled(said_in, truth.BANK_AT_MOST, seed)
    captions = _encoded(encoder, texts, progress) if texts else None
    return truth.of_judgments(np.stack(queries), [grades[name] for name in able], view.rows(view.positions(ids)), captions, seed)


def _same(collection: Collection) -> list[list[str]]:
    """Copies and near-duplicates, which must not stand on both sides of a split."""
    groups: dict[str, list[str]] = {}
    for item_id, sha256 in collection.select("SELECT item_id, sha256 FROM items WHERE trashed_at IS NULL"):
        groups.setdefault(f"bytes {sha256}", []).append(item_id)
    for item_id, group in collection.select("SELECT item_id, group_id FROM folds WHERE group_id <> ''"):
        groups.setdefault(f"fold {group}", []).append(item_id)
    return [group for group in groups.values() if len(group) > 1]


def _fitting(view: VectorView) -> Encoder:
    if not view.set.has_text:
        raise InputError(
            f"The vectors in use, {view.set.set_id}, have no encoder that reads words; choose a column of labels, or index the "
            "images with an encoder such as starter."
        )
    encoder = load_encoder(view.set.encoder)
    if encoder.fingerprint != view.set.weights:
        raise EncoderError(
            f"The vectors {view.set.set_id} were made with weights {view.set.weights} of {view.set.encoder}, and this "
            f"installation has {encoder.fingerprint}; index the images again first."
        )
    return encoder


def _encoded(encoder: Encoder, texts: Sequence[str], progress: Progress) -> np.ndarray:
    """float32 (n_texts, dim), in pieces so that cancelling is prompt."""
    progress.stage("reading the words", len(texts))
    out = np.empty((len(texts), encoder.dim), np.float32)
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # texts of like length go together
    for start in range(0, len(order), TEXT_CHUNK):
        piece = order[start : start + TEXT_CHUNK]
        out[piece] = encoder.encode_texts([texts[n] for n in piece])
        progress.at(start + len(piece))
    return out

"""Adapting the encoder to a collection, and bringing its vectors over once that was accepted.

Arguments: ``action`` is ``adapt`` (with ``labels``, a metadata column instead of the captions, ``prompt`` and ``seed``) or
``accept`` (with ``digest``). What was found is the job's result, and is kept with the collection.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from core.encode import Encoder, load_encoder
from core.encode.adapt import as_tensors, fit, mean_shift
from core.encode.adapt_data import PROMPT, Split, Words, split, words_of_captions, words_of_labels
from core.encode.adapt_eval import Report, compare
from core.encode.adapted import AdaptedEncoder, is_adapted, name_of, pack
from core.encode.protocol import TEXT_CHUNK, vector_sets
from core.errors import EncoderError, InputError
from core.jobs.pipelines import deriving
from core.jobs.progress import Progress
from core.jobs.worker import Context
from core.store import Collection
from core.types import Scalar, VectorSet

LAST = "adapt.last"
"""Setting: what the last adaptation gave."""
KIND_SHARE, KNOWN_SHARE = 0.2, 0.8
"""A column tells kinds of images where at least 80 % have a value and there are at most a fifth as many values."""


def run(context: Context) -> dict:
    """Do an ``align`` job."""
    collection = Collection.open_key(context.job.collection, context.home)
    if context.job.args.get("action") == "accept":
        return accept(context, collection, str(context.job.args.get("digest", "")))
    return adapt(collection, context.job.args, context.progress)


# ---------------------------------------------------------------- adapt


def adapt(collection: Collection, args: Mapping[str, object], progress: Progress) -> dict:
    """Fit heads, measure them on images that were kept apart, and offer them; nothing that is searched changes.

    Raises
    ------
    InputError
        There is too little to learn from; the message has both numbers.
    """
    began = time.monotonic()
    seed = int(str(args.get("seed") or 0))
    column = str(args.get("labels") or "")
    progress.stage("reading the words")
    base_set = base_of(collection)
    words = words_for(collection, base_set, column, str(args.get("prompt") or PROMPT), seed)
    parts = split(words, seed)
    progress.stage(f"loading the encoder {base_set.encoder}")
    encoder = encoder_of(base_set)
    images, texts = _vectors(collection, base_set, words), _encoded(encoder, words, progress)
    progress.stage("training")
    fitted = fit(images, texts, words, parts, on_progress=progress.at)
    progress.stage("measuring before and after")
    kind_column, kinds = _kinds(collection, words, column)
    report = compare(images, texts, words, parts, fitted, kinds, kind_column, seed)
    said = _said(collection, base_set, words, parts, report, column, seed) | {
        "steps": fitted.steps,
        "share": fitted.share,
        "validation": {"before": round(fitted.before, 4), "after": round(fitted.after, 4)},
        "made_at": time.time(),
    }
    progress.check()
    for digest, record in collection.adaptations().items():
        if record.get("state") == "offered":
            collection.drop_adaptation(digest)
    if fitted.steps:
        heads = dict(as_tensors(fitted)) | _means(encoder, fitted, images, texts, words, parts)
        heads |= {f"split.{part}": _named(words, getattr(parts, part)) for part in ("train", "validation", "test")}
        record = {"state": "offered", "encoder": encoder.name, "weights": encoder.fingerprint, "base_set": base_set.set_id}
        said["digest"] = collection.put_adaptation(pack(heads, encoder, said), record)
    said["seconds"] = round(time.monotonic() - began, 2)
    collection.set_setting(LAST, said)
    return said


def base_of(collection: Collection) -> VectorSet:
    """The vectors an adaptation starts from: those in use, or what they were adapted from, for adaptations are not stacked.

    Raises
    ------
    InputError
        There are no vectors, or none whose encoder reads words.
    """
    sets = collection.sets()
    if not sets:
        raise InputError(f"{collection.name} has no vectors yet; index its images first.")
    chosen = collection.set()
    if is_adapted(chosen.encoder):
        record = collection.adaptations().get(chosen.encoder.rpartition(":")[2], {})
        plain = [s for s in sets if not is_adapted(s.encoder) and s.space == "joint"]
        same = [s for s in plain if s.set_id == record.get("base_set")] or [s for s in plain if s.weights == record.get("weights")]
        if not record:  # its heads were lost before the collection was copied
            same = [s for s in plain if s.dim == chosen.dim and s.has_text]
        if not same:
            raise InputError(f"The vectors that {chosen.encoder} was adapted from are not in {collection.name}; index its images again.")
        chosen = same[0]
    if not chosen.has_text:
        raise InputError(
            f"The vectors in use, {chosen.set_id}, have no encoder that reads words, so there is nothing to adapt; index the "
            "images with an encoder such as starter."
        )
    return chosen


def words_for(
    collection: Collection, base_set: VectorSet, column: str = "", prompt: str = PROMPT, seed: int = 0
) -> Words:
    """What there is to learn from: live images that have a vector and words.

    Raises
    ------
    InputError
        Too few of them, or there is no such column.
    """
    with_vector = {
        item_id for (item_id,) in collection.select("SELECT item_id FROM vectors WHERE set_id = ? AND dead = 0", (base_set.set_id,))
    }
    ids = [item_id for item_id in collection.ids() if item_id in with_vector]
    if column:
        return words_of_labels(_column(collection, column, ids), _same(collection), prompt, seed)
    return words_of_captions(collection.captions_of(ids), _same(collection), seed)


def _column(collection: Collection, column: str, ids: list[str]) -> dict[str, Scalar]:
    there = [c.name for c in collection.columns()]
    if column not in there:
        raise InputError(f"There is no column {column!r} in {collection.name}; there are: {', '.join(there) or 'none'}.")
    known = dict(collection.select("SELECT item_id, json_extract(meta, ?) FROM items", (f'$."{column}"',)))
    return {item_id: known[item_id] for item_id in ids if known.get(item_id) not in (None, "")}


def _same(collection: Collection) -> list[list[str]]:
    """Copies and near-duplicates, which must not stand on both sides of a split."""
    groups: dict[str, list[str]] = {}
    for item_id, sha256 in collection.select("SELECT item_id, sha256 FROM items WHERE trashed_at IS NULL"):
        groups.setdefault(f"bytes {sha256}", []).append(item_id)
    for item_id, group in collection.select("SELECT item_id, group_id FROM folds WHERE group_id <> ''"):
        groups.setdefault(f"fold {group}", []).append(item_id)
    return [group for group in groups.values() if len(group) > 1]


def encoder_of(base_set: VectorSet) -> Encoder:
    """The encoder of some vectors, with the weights they were made with.

    Raises
    ------
    EncoderError
        This installation has others.
    """
    encoder = load_encoder(base_set.encoder)
    if encoder.fingerprint != base_set.weights:
        raise EncoderError(
            f"The vectors {base_set.set_id} were made with weights {base_set.weights} of {base_set.encoder}, and this "
            f"installation has {encoder.fingerprint}; index the images again, then adapt."
        )
    return encoder


def _vectors(collection: Collection, base_set: VectorSet, words: Words) -> np.ndarray:
    view = collection.view(base_set.set_id)
    return view.rows(view.positions(words.item_ids))


def _encoded(encoder: Encoder, words: Words, progress: Progress) -> np.ndarray:
    """float32 (n_texts, dim), in pieces so that cancelling is prompt."""
    progress.stage("reading the words", len(words.texts))
    out = np.empty((len(words.texts), encoder.dim), np.float32)
    order = sorted(range(len(words.texts)), key=lambda n: len(words.texts[n]))  # texts of like length go together
    for start in range(0, len(order), TEXT_CHUNK):
        piece = order[start : start + TEXT_CHUNK]
        out[piece] = encoder.encode_texts([words.texts[n] for n in piece])
        progress.at(start + len(piece))
    return out


def _kinds(collection: Collection, words: Words, column: str) -> tuple[str, list[Scalar] | None]:
    """The column by which images are of the same kind, with its values: the one learned from, or the first that tells kinds."""
    ids = list(words.item_ids)
    for name in [column] if column else [c.name for c in collection.columns() if c.kind in ("text", "boolean")]:
        values = _column(collection, name, ids)
        n_kinds = len(Counter(map(str, values.values())))
        if column or (len(values) >= KNOWN_SHARE * len(ids) and 2 <= n_kinds <= KIND_SHARE * len(ids)):
            return name, [values.get(item_id) for item_id in ids]
    return "", None


def _means(
    encoder: Encoder, fitted: object, images: np.ndarray, texts: np.ndarray, words: Words, parts: Split
) -> dict[str, np.ndarray]:
    """The encoder's mean vectors, moved as the training images and their texts move on average."""
    seen = words.texts_of(parts.train)
    found = {
        "image_mean": mean_shift(fitted.image, images[parts.train], encoder.image_mean),  # type: ignore[attr-defined]
        "text_mean": mean_shift(fitted.text, texts[seen], encoder.text_mean),  # type: ignore[attr-defined]
    }
    return {name: mean for name, mean in found.items() if mean is not None}


def _named(words: Words, items: np.ndarray) -> np.ndarray:
    """Item ids, one a line, as bytes in an array."""
    return np.frombuffer("\n".join(words.item_ids[item] for item in items).encode(), dtype=np.uint8)


def _said(
    collection: Collection, base_set: VectorSet, words: Words, parts: Split, report: Report, column: str, seed: int
) -> dict[str, object]:
    return {
        "collection": collection.name,
        "encoder": base_set.encoder,
        "base_set": base_set.set_id,
        "learned_from": column or "captions",
        "kind": words.kind,
        "images": len(words.item_ids),
        "left_out": words.left_out,
        "texts": len(words.texts),
        "split": {
            "seed": seed,
            "train": len(parts.train),
            "validation": len(parts.validation),
            "test": len(parts.test),
        },
        "verdict": report.verdict,
        "figures": [_rounded(asdict(figure)) for figure in report.figures],
        "overall": _rounded(asdict(report.overall)),
        "test_texts": report.n_texts,
        "digest": "",
    }


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return round(value, 2) if isinstance(value, float) else value


# ---------------------------------------------------------------- accept


def accept(context: Context, collection: Collection, digest: str) -> dict:
    """Make the adapted vectors of everything that is there, beside the old ones, and search with them from then on."""
    began = time.monotonic()
    record = collection.adaptations().get(digest)
    if record is None:
        raise InputError(f"{collection.name} has no adaptation {digest or 'to accept'}; adapt it first.")
    name = str(record.get("name") or name_of(collection.key, digest))
    context.progress.stage("loading the adapted encoder")
    encoder = load_encoder(name)
    assert isinstance(encoder, AdaptedEncoder)
    collection.note_adaptation(digest, state=deriving.IN_USE, name=name)
    derived = deriving.Derived(encoder, vector_sets(encoder))
    for vector_set in derived.sets:
        collection.add_set(vector_set)
    context.progress.stage("making adapted vectors", len(collection) * len(derived.sets))
    made = deriving.catch_up(collection, derived, context.progress.at)
    collection.activate(derived.sets[0].set_id)
    for other, older in collection.adaptations().items():
        if other != digest and older.get("state") == deriving.IN_USE:  # the way back leads to the original
            collection.note_adaptation(other, state="retired")
    context.queue.add("refresh", collection.key)
    return {
        "collection": collection.name,
        "encoder": name,
        "digest": digest,
        "set": derived.sets[0].set_id,
        "vectors": made,
        "seconds": round(time.monotonic() - began, 2),
    }

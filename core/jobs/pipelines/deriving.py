"""Adapted vectors: made from those of the base encoder, never from the images, so they are there as soon as the base's are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.encode import load_encoder
from core.encode.adapted import AdaptedEncoder, digest_of, is_adapted, name_of
from core.encode.protocol import Encoder, vector_sets
from core.errors import EncoderError
from core.store import Collection
from core.types import VectorSet

ROWS_AT_A_TIME = 4096
IN_USE = "accepted"
"""State of an adaptation whose vectors are kept up to date, even while the original is used."""


@dataclass(frozen=True)
class Derived:
    """An adapted encoder and the vector sets of a collection that it fills."""

    encoder: AdaptedEncoder
    sets: tuple[VectorSet, ...]


def derived_from(collection: Collection, base: Encoder) -> tuple[Derived, ...]:
    """What is to be filled beside the vectors of this encoder.

    Raises
    ------
    EncoderError
        The heads of the vectors in use are missing or damaged. Others are passed over: nobody is waiting for them.
    """
    found = []
    active = collection.set().encoder if collection.sets() else ""
    for digest, record in collection.adaptations().items():
        if record.get("state") != IN_USE or record.get("weights") != base.fingerprint:
            continue
        name = str(record.get("name") or name_of(collection.key, digest))
        try:
            encoder = load_encoder(name)
        except EncoderError:
            if name == active:
                raise
            continue
        assert isinstance(encoder, AdaptedEncoder)
        found.append(Derived(encoder, vector_sets(encoder)))
    return tuple(found)


def original(collection: Collection, encoder: Encoder) -> Encoder:
    """The encoder that images are to go through: for one that is adapted, its base, whose vectors the others are made from.

    An adapted encoder of another collection is taken over with its heads, and its vectors become the active ones.
    """
    if not isinstance(encoder, AdaptedEncoder):
        return encoder
    if digest_of(encoder.name) not in collection.adaptations():
        take_over(collection, encoder)
    return encoder.base


def take_over(collection: Collection, encoder: AdaptedEncoder) -> None:
    """Give a collection the heads of an adapted encoder, and its (empty) vector sets."""
    from core.encode.adapted import heads_of

    record = {"name": encoder.name, "encoder": encoder.base.name, "weights": encoder.base.fingerprint, "state": IN_USE}
    collection.put_adaptation(heads_of(encoder.name), record)
    for vector_set in vector_sets(encoder.base):
        collection.add_set(vector_set)
    sets = vector_sets(encoder)
    for vector_set in sets:
        collection.add_set(vector_set)
    collection.activate(sets[0].set_id)


def catch_up(
    collection: Collection, derived: Derived, on_progress: Callable[[int], object] | None = None
) -> int:
    """Make the vectors that a derived set lacks and its base has, those of items in the trash too; how many.

    Stopping between two pieces loses nothing: what was made is committed.
    """
    made = 0
    for target in derived.sets:
        for source in _bases(collection, derived.encoder.base, target.space):
            missing = collection.select(_MISSING, (source.set_id, target.set_id))
            if not missing:
                continue
            view = collection.view(source.set_id)
            for start in range(0, len(missing), ROWS_AT_A_TIME):
                piece = missing[start : start + ROWS_AT_A_TIME]
                rows = view.rows(np.array([position for position, _ in piece]))
                adapted = derived.encoder.adapt({target.space: rows})[target.space]
                collection.commit(vectors={target.set_id: ([item_id for _, item_id in piece], adapted)})
                made += len(piece)
                if on_progress is not None:
                    on_progress(made)
        collection.compact(target.set_id)
    return made


_MISSING = """
    SELECT position, item_id FROM vectors WHERE set_id = ? AND dead = 0
    AND item_id NOT IN (SELECT item_id FROM vectors WHERE set_id = ? AND dead = 0) ORDER BY position"""


def _bases(collection: Collection, base: Encoder, space: str) -> list[VectorSet]:
    return [
        s for s in collection.sets() if not is_adapted(s.encoder) and (s.weights, s.space) == (base.fingerprint, space)
    ]

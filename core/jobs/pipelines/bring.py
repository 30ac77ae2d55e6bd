"""Vectors that people bring: joined to the items by id or file name, as a vector set of their own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.encode import load_encoder
from core.errors import InputError
from core.ingest.sources import Candidate
from core.ingest.vectors import read_vectors
from core.store import Collection
from core.types import Skipped, VectorSet

NO_ENCODER = "none"
_OF_BYTES = re.compile(r"i[a-z2-7]{16}")
"""An id that is made from the bytes, so that nobody knows it before they are read."""


@dataclass(frozen=True)
class Brought:
    """Vectors with the names they came under.

    Attributes
    ----------
    file : str
    names : ndarray of str, shape (n,)
        Item ids or file names.
    vectors : ndarray of float32, shape (n, d)
        Unit rows.
    digest : str
        Of the vectors.
    weights : str
        Fingerprint of the encoder they are said to come from, or of themselves.
    """

    file: str
    names: np.ndarray
    vectors: np.ndarray
    digest: str
    weights: str


def read(path: Path, encoder_name: str) -> Brought:
    """Read a file of vectors, and check that a named encoder makes vectors of the same width.

    Raises
    ------
    InputError
        The file cannot be read, or the dimensions differ.
    """
    names, vectors = read_vectors(path)
    digest = hashlib.sha256(np.ascontiguousarray(vectors)).hexdigest()
    weights = digest[:16]
    if encoder_name != NO_ENCODER:
        encoder = load_encoder(encoder_name)
        weights = encoder.fingerprint
        if encoder.dim != vectors.shape[1]:
            raise InputError(
                f"{path.name} has vectors of {vectors.shape[1]:,} dimensions and the encoder {encoder_name} makes "
                f"{encoder.dim:,}; name the encoder they were made with, or none (without text queries)."
            )
    return Brought(path.name, names, vectors, digest, weights)


def check(collection: Collection, brought: Brought, candidates: Sequence[Candidate]) -> None:
    """See before anything comes in that one vector may belong to an image.

    Raises
    ------
    InputError
        Not one of the names can be an item's id or file.
    """
    there = set(collection.ids())
    bare = {candidate.file.rsplit("/", 1)[-1] for candidate in candidates}
    bare |= {file.rsplit("/", 1)[-1] for (file,) in collection.select("SELECT file FROM items WHERE trashed_at IS NULL")}
    own = {candidate.item_id for candidate in candidates}
    if candidates and not any(
        name in there or name in own or name.rsplit("/", 1)[-1] in bare or _OF_BYTES.fullmatch(name)
        for name in map(str, brought.names)
    ):
        raise _strangers(brought, candidates[0].file)


def _strangers(brought: Brought, file: str) -> InputError:
    return InputError(
        f"None of the {len(brought.names):,} ids in {brought.file} is an item's id or file name; the first is "
        f"{str(brought.names[0])!r}, and the items are called like {file!r}."
    )


def commit(collection: Collection, brought: Brought, encoder_name: str) -> tuple[str, tuple[Skipped, ...]]:
    """Store the vectors of items that are there.

    Returns
    -------
    set_id : str
    unmatched : tuple of Skipped
        Vectors without an item, and items without a vector.

    Raises
    ------
    InputError
        Not one of the names is an item's id or file.
    """
    ids = collection.ids()
    known = set(ids)
    by_file = dict(collection.select("SELECT file, item_id FROM items WHERE trashed_at IS NULL ORDER BY n DESC"))
    by_name: dict[str, str] = {}
    for file, item_id in by_file.items():
        # A bare file name means an item where only one has it.
        bare = file.rsplit("/", 1)[-1]
        by_name[bare] = "" if bare in by_name else item_id
    rows: dict[str, int] = {}
    unmatched = []
    for row, name in enumerate(map(str, brought.names)):
        item_id = name if name in known else by_file.get(name) or by_name.get(name.rsplit("/", 1)[-1])
        if not item_id:
            unmatched.append(Skipped(name, f"a vector in {brought.file}, but no item of this id or file name"))
        elif item_id not in rows:
            rows[item_id] = row
    if not rows:
        raise _strangers(brought, next(iter(by_file), "nothing"))
    slug = "".join(c if c.isalnum() else "-" for c in encoder_name.lower()).strip("-")[:40]
    vector_set = VectorSet(
        set_id=f"brought-{slug}-{brought.digest[:8]}",
        encoder=encoder_name,
        weights=brought.weights,
        preprocessing=f"vectors from {brought.file}",
        space="joint",
        dim=brought.vectors.shape[1],
        engine="brought",
        has_text=encoder_name != NO_ENCODER,
    )
    collection.add_set(vector_set)
    lacking = [item_id for item_id in collection.vectorless(vector_set.set_id) if item_id in rows]
    if lacking:
        matrix = brought.vectors[[rows[item_id] for item_id in lacking]]
        collection.commit(vectors={vector_set.set_id: (lacking, matrix)})
    file_of = {item_id: file for file, item_id in by_file.items()}
    unmatched += [Skipped(file_of.get(i, i), f"no vector in {brought.file}") for i in ids if i not in rows]
    return vector_set.set_id, tuple(unmatched)

"""The query under test is left out of its own bank.

A query that was asked before, is a caption or stands on a pasted list is a row of the bank, and so is an image that asks
where the images are the bank. Every hit would be held back for being what this very query finds: the inverted softmax
keeps its order then but levels its scores, the dual forms and CSLS do not even keep the order. The nearest items get a
bias from the rest of the bank; of all items, where they are few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from core.errors import Damaged
from core.index.corrected import highest
from core.search import correction
from core.search.banks import Bank, name_of
from core.search.correction import Correction
from core.search.filters import remembered, state_of
from core.store import Collection, VectorView
from core.types import Query

PAIRS = 2_000_000
"""Pairs of an item and a bank row that one search compares anew: about 50 ms."""


def without_query(
    collection: Collection, view: VectorView, query: Query, found: Correction, nearest: Callable[[int], np.ndarray],
    key: Sequence[object] = (),
) -> Correction:
    """The correction from a bank without the terms of the query; itself where none is in the bank.

    Parameters
    ----------
    nearest : callable
        Gives the positions of so many rows, the most similar to the query.
    key : sequence
        What else `nearest` depends on, to find the answer again.
    """
    bank = found.bank
    if bank is None:
        return found
    own = _own(view, query, bank)
    if not own.any() or len(own) - own.sum() < 2:
        return found

    def make() -> tuple[np.ndarray, np.ndarray]:
        return _anew(collection, view, found, bank, own, nearest) or (found.bias, found.lifted)

    asked = (*state_of(collection), view.set.set_id, "own", correction.kind_of(found.setting), bank.fingerprint, query.canonical)
    bias, lifted = remembered((*asked, *key), make)
    return replace(found, bias=bias, lifted=lifted)


def _own(view: VectorView, query: Query, bank: Bank) -> np.ndarray:
    """bool (B,): the rows of the bank that the query asks for itself."""
    asks = [term for term in query.terms if term.weight > 0]
    if bank.positions is not None:
        return np.isin(bank.positions, view.find(term.value for term in asks if term.kind == "item"))
    words = {term.value for term in asks if term.kind == "text"}
    asked, rows = (set(map(name_of, words)), bank.kept) if bank.kept else (words, bank.texts)
    return np.fromiter((row in asked for row in rows), bool, len(rows))


def _anew(
    collection: Collection, view: VectorView, found: Correction, bank: Bank, own: np.ndarray,
    nearest: Callable[[int], np.ndarray],
) -> tuple[np.ndarray, np.ndarray] | None:
    """(bias, lifted) from the rest of the bank; None where it cannot be had now."""
    setting = found.setting
    stored = correction.stored(collection, setting, view)
    try:
        vectors = correction.bank_vectors(collection, view, bank, _never, 0)[~own]
    except (correction.Later, Damaged):
        return None
    if stored is None:
        return None
    rest = Bank(bank.name, (), None if bank.positions is None else bank.positions[~own], "")
    gallery = correction.gallery_of(collection, view, setting)
    pairs = correction.pairs(setting, bank, gallery)
    if len(view) * pairs <= PAIRS:
        fresh = correction.biases(view, setting, rest, vectors, gallery, 0)
        bias = (fresh - fresh[view.live].mean()).astype(np.float32)
        return bias, highest(bias, view.live)
    if setting.method == "sinkhorn":  # its items share one scaling; a row of the bank has little say in it
        return None
    chosen = np.sort(nearest(max(1, PAIRS // pairs)))
    bias = found.bias.copy()
    if len(chosen):
        fresh = correction.bias_of(view, setting, rest.positions, vectors, gallery, chosen)
        bias[chosen] = fresh - float(stored[1]["centre"])  # type: ignore[arg-type]
    return bias, found.lifted


def _never(texts: Sequence[str]) -> np.ndarray:
    raise correction.Later

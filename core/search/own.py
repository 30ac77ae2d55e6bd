"""The query under test is left out of its own bank.

A query that was asked before, is a caption or stands on a pasted list is a row of the bank, and so is an image that asks
where the images are the bank. Every hit would be held back for being what this very query finds: the inverted softmax
keeps its order then but levels its scores, the dual forms and CSLS do not even keep the order. So what the query's own
rows took is given back (`core.rank.hubness.removal`) to the rows that may be hits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import Damaged
from core.rank.hubness import from_the_rest, given_back, local
from core.search import correction
from core.search.banks import Bank, name_of
from core.search.correction import Correction
from core.search.filters import remembered
from core.store import Collection, VectorView
from core.types import Query


@dataclass(frozen=True, eq=False)
class OwnRows:
    """What a query's own rows of the bank took from each item.

    Attributes
    ----------
    rows : ndarray of int64, shape (m,)
        In the bank.
    vectors : ndarray of float32, shape (m, d)
    alone : bool
        The query is nothing else, so that its cosines are those of the one row.
    """

    collection: Collection
    view: VectorView
    found: Correction
    bank: Bank
    rows: np.ndarray
    vectors: np.ndarray
    alone: bool

    def __call__(self, positions: np.ndarray, cosines: np.ndarray) -> np.ndarray:
        """float64 (n,): to be added to the bias at these positions of the view, whose cosines with the query are given."""
        setting, scalings, parts = self.found.setting, self.found.scalings, self.found.parts[positions]
        own = cosines[:, None].copy() if self.alone else self.view.rows(positions) @ self.vectors.T
        risen, sure = given_back(
            setting.method, parts, self._others(positions, self.rows, own), setting.beta, k=local.K,
            scalings=None if scalings is None else scalings[self.rows],
        )
        if not sure.all():
            risen[~sure] = self._from_the_rest(positions[~sure], parts[~sure])
        return risen

    def _from_the_rest(self, positions: np.ndarray, parts: np.ndarray) -> np.ndarray:
        key = (self.collection.path, self.view.uid, self.view.set.set_id, "hub-bank-vectors", self.bank.fingerprint)
        try:
            everything = remembered(key, lambda: correction.bank_vectors(self.collection, self.view, self.bank, _never, 0))
        except (correction.Later, Damaged):
            return np.zeros(len(positions))
        rest = np.delete(np.arange(len(self.bank)), self.rows)
        scalings = None if self.found.scalings is None else self.found.scalings[rest]
        cosines = self._others(positions, rest, self.view.rows(positions) @ everything[rest].T)
        return from_the_rest(self.found.setting.method, parts, cosines, self.found.setting.beta, scalings=scalings)

    def _others(self, positions: np.ndarray, rows: np.ndarray, cosines: np.ndarray) -> np.ndarray:
        """The cosines of items and rows of the bank, without those of an item with itself, which never counted."""
        if self.bank.positions is not None:
            cosines[positions[:, None] == self.bank.positions[rows]] = -np.inf
        return cosines


def own_rows(
    collection: Collection, view: VectorView, query: Query, vectors: np.ndarray, found: Correction | None
) -> OwnRows | None:
    """The rows of the bank that the query asks for itself; None where there are none, or nothing else is in the bank.

    Parameters
    ----------
    vectors : ndarray of float32, shape (t, d)
        Of the query's terms.
    """
    if found is None or found.bank is None or found.parts is None:
        return None
    places: dict[int, np.ndarray] = {}
    for term, vector in zip(query.terms, vectors, strict=True):
        if term.weight > 0:
            places.update(dict.fromkeys(_places(view, found.bank, term.kind, term.value), vector))
    if not places or len(found.bank) - len(places) < 2:
        return None
    alone = len(query.terms) == len(places) == 1
    return OwnRows(collection, view, found, found.bank, np.array(list(places)), np.stack(list(places.values())), alone)


def _places(view: VectorView, bank: Bank, kind: str, value: str) -> Sequence[int]:
    if bank.positions is not None:
        return np.flatnonzero(np.isin(bank.positions, view.find([value]))).tolist() if kind == "item" else []
    if kind != "text":
        return []
    asked, there = (name_of(value), bank.kept) if bank.kept else (value, bank.texts)
    return [there.index(asked)] if asked in there else []


def _never(texts: Sequence[str]) -> np.ndarray:
    raise correction.Later

"""The corrections that are tried: their names, strengths, and the scores they give.

Where search can serve one, it is tried in the form search uses, similarity plus one number per item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.rank import hubness

GALLERY_AT_MOST = 2_000
"""Items of the second bank of the dual methods; an even sample of more."""
TABLE_AT_MOST = 20_000_000
"""Numbers in a table of bank and items; beyond it, what needs the whole table is not tried."""


@dataclass(frozen=True, slots=True)
class Named:
    """A correction as people meet it: whether search can serve it, and what it does in one line."""

    title: str
    meaning: str
    served: bool


NAMES: Mapping[str, Named] = {
    "is": Named("Inverted softmax", "An item gives away what all bank queries together find in it; beta: the higher, the more its "
                "nearest queries count.", True),
    "dual_is": Named("Dual inverted softmax", "As inverted softmax, and also by what other images find in it.", True),
    "csls": Named("CSLS", "An item gives away half of its mean similarity to its 10 nearest bank queries.", True),
    "csls_k": Named("CSLS", "As CSLS, with another number of nearest bank queries. Measured only.", False),
    "sinkhorn": Named("Sinkhorn prior", "Items are weighted until the bank finds all of them equally often.", True),
    "dis": Named("Dynamic inverted softmax", "Inverted softmax, only for queries whose first answer is an item that the bank finds first "
                 "too. Measured only.", False),
    "dual_dis": Named("Dual dynamic inverted softmax", "The dual form with a gate for each bank, as its authors' program has it: where "
                      "one is open, that half times the similarity, where none is, the similarity squared. Measured only.", False),
    "dual_dis_case": Named("Dual dynamic inverted softmax, by cases", "The dual form with a gate for each bank: where one is open, "
                           "that half alone, where none is, no correction. Measured only.", False),
    "gc": Named("Globally corrected", "An item is ranked by how many bank queries find more in it. Measured only.", False),
}  # fmt: skip
GRID: Mapping[str, tuple[float, ...]] = {
    "is": (5, 10, 20, 40, 80),
    "dual_is": (5, 10, 20, 40, 80),
    "csls": (10,),
    "csls_k": (5, 20, 1, 50),
    "sinkhorn": (10, 20, 50, 100),
    "dis": (5, 10, 20, 40, 80),
    "dual_dis": (5, 10, 20, 40, 80),
    "dual_dis_case": (5, 10, 20, 40, 80),
    "gc": (0,),
}
"""Method -> strengths: inverse temperatures, the weakest first, and neighbours for csls. Of equals the first is taken."""


@dataclass(frozen=True)
class Correction:
    """A method at a strength; `scores` gives the corrected table (n, G) of the queries at these places."""

    strength: float
    scores: Callable[[np.ndarray], np.ndarray]


def corrections(
    method: str, strengths: Sequence[float], S: np.ndarray, items: np.ndarray, bank: np.ndarray, positions: np.ndarray | None, seed: int
) -> Iterator[Correction]:
    """A method at each strength; none where it would need a table that is too large.

    Parameters
    ----------
    method : str
        One of `NAMES`.
    S : ndarray, shape (Q, G)
        Similarity of the queries and the items. What a query was made of is far below all others (-2), for its best item
        decides in the dynamic methods.
    items : ndarray of float32, shape (G, d)
    bank : ndarray of float32, shape (B, d)
    positions : ndarray of int64, shape (B,), optional
        See `core.judge.proof.Bank`.
    seed : int
        Of the sample that is the dual method's second bank.
    """
    if method in ("gc", "dual_dis", "dual_dis_case"):
        if len(bank) * len(items) <= TABLE_AT_MOST:
            yield from _by_tables(method, strengths, S, items, bank, positions, seed)
        return
    active = hubness.active_from_vectors(bank, items, bank_positions=positions) if method == "dis" else None
    for strength in strengths:
        bias = _bias(method, strength, items, bank, positions, seed)
        yield Correction(strength, _by_bias(S, bias, active))


def _by_tables(
    method: str, strengths: Sequence[float], S: np.ndarray, items: np.ndarray, bank: np.ndarray, positions: np.ndarray | None, seed: int
) -> Iterator[Correction]:
    if method == "gc":
        table = _table(bank, items, positions, np.float64)  # it counts what is above a query's own similarity
        for strength in strengths:
            yield Correction(strength, lambda which: hubness.globally_corrected(S[which], table))
        return
    some = _gallery(len(items), seed)
    table, second = _table(bank, items, positions, np.float32), _table(items[some], items, some, np.float32)
    form = "case" if method == "dual_dis_case" else "code"
    for strength in strengths:
        yield Correction(strength, lambda which, beta=strength: hubness.dual_dynamic_inverted_softmax(
            S[which], table, second, beta, form=form))


def _table(bank: np.ndarray, items: np.ndarray, positions: np.ndarray | None, kind: type) -> np.ndarray:
    """Similarities (B, G); -inf where an item would be compared with itself."""
    table = bank.astype(kind, copy=False) @ items.T.astype(kind, copy=False)
    if positions is not None:
        rows = np.flatnonzero(positions >= 0)
        table[rows, positions[rows]] = -np.inf
    return table


def _gallery(n: int, seed: int) -> np.ndarray:
    """Places of the items that are the second bank of the dual methods."""
    if n <= GALLERY_AT_MOST:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, GALLERY_AT_MOST, replace=False))


def _bias(
    method: str, strength: float, items: np.ndarray, bank: np.ndarray, positions: np.ndarray | None, seed: int
) -> np.ndarray:
    if method in ("csls", "csls_k"):
        return hubness.item_bias(bank, items, "csls", k=int(strength), bank_positions=positions)
    if method == "dual_is":
        some = _gallery(len(items), seed)
        return hubness.item_bias(
            bank, items, "dual_is", strength, bank_positions=positions, gallery_vectors=items[some], gallery_positions=some
        )
    return hubness.item_bias(bank, items, "is" if method == "dis" else method, strength, bank_positions=positions)


def _by_bias(S: np.ndarray, bias: np.ndarray, active: np.ndarray | None) -> Callable[[np.ndarray], np.ndarray]:
    def scores(which: np.ndarray) -> np.ndarray:
        raw = S[which]
        if active is None:
            return raw + bias
        return np.where(active[raw.argmax(axis=1)][:, None], raw + bias, raw)

    return scores

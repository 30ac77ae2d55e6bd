"""Corrections by an item's own neighbourhood in the bank: CSLS and globally corrected retrieval."""

from __future__ import annotations

import numpy as np

from core.errors import InputError
from core.rank.hubness.tables import bank_table, blocks, checked, count

K = 10
"""Neighbours of an item that CSLS averages, the published default."""
_GROUP = 16


def csls(S: np.ndarray, bank: np.ndarray, k: int = K) -> np.ndarray:
    """Cross-domain similarity local scaling: 2 S - r(g); Conneau et al., ICLR 2018 (MUSE).

    Parameters
    ----------
    S, bank : ndarray, shapes (Q, G) and (B, G)
    k : int
        r(g) is the mean of the `k` highest similarities of an item in the bank, of all where there are fewer.

    Returns
    -------
    ndarray of float64, shape (Q, G)
        Without the published term r(q), which is the same for all items of a query.

    Notes
    -----
    Half of an item's own level is taken off (2 S - r), so a hub that all queries like equally well stays one.
    """
    S, bank = checked(S, bank=bank)
    return np.multiply(S, 2.0, dtype=np.float64) - neighbourhood_mean(bank, k)


def neighbourhood_mean(bank: np.ndarray, k: int = K) -> np.ndarray:
    """float64 (G,): r(g), the mean of an item's `k` highest similarities in the bank (B, G)."""
    bank, k = bank_table(bank), count(k)
    mean = np.empty(bank.shape[1])
    for columns in blocks(bank.shape[1], len(bank)):
        mean[columns] = mean_of_highest(np.asarray(bank[:, columns], np.float64).T, k)
    return mean


def mean_of_highest(rows: np.ndarray, k: int) -> np.ndarray:
    """float64 (n,): mean of the `k` highest numbers of each row; -inf is none."""
    mean = mean_of_first(highest(rows, k), k)
    if np.isnan(mean).any():
        raise InputError("An item has nothing in the bank to be compared with; the bank needs more rows.")
    return mean


def mean_of_first(descending: np.ndarray, k: int) -> np.ndarray:
    """float64 (n,): mean of the first `k` numbers of each row that are not -inf; NaN where none is."""
    there = np.isfinite(descending)
    there &= there.cumsum(axis=1) <= k
    n = there.sum(axis=1)
    total = np.where(there, descending, 0.0).sum(axis=1, dtype=np.float64)
    return np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)


def highest(rows: np.ndarray, k: int) -> np.ndarray:
    """The `k` highest numbers of each row, descending, all where there are fewer."""
    n, width = rows.shape
    groups = width // _GROUP
    if groups > 4 * k:
        # The k highest are in the k groups with the highest maxima: finding those first halves the work.
        body, rest = rows[:, : groups * _GROUP].reshape(n, _GROUP, groups), rows[:, groups * _GROUP :]
        best = np.argpartition(body.max(axis=1), groups - k, axis=1)[:, None, groups - k :]
        rows = np.hstack([np.take_along_axis(body, best, axis=2).reshape(n, -1), rest])
    first = rows.shape[1] - k
    rows = np.partition(rows, first, axis=1)[:, first:] if first > 0 else np.array(rows)
    return -np.sort(-rows, axis=1)


def globally_corrected(S: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """Globally corrected retrieval: S - rank, rank = how many bank rows give the item more than the query does.

    Dinu et al., ICLR workshop 2015, in the form Bogolin et al., CVPR 2022, give it. It depends on the query's
    own score, so it is not an item bias.

    Parameters
    ----------
    S, bank : ndarray, shapes (Q, G) and (B, G)

    Returns
    -------
    ndarray of float64, shape (Q, G)
    """
    S, bank = checked(S, bank=bank)
    out = np.array(S, np.float64)
    for columns in blocks(bank.shape[1], len(bank)):
        ascending = np.sort(np.asarray(bank[:, columns], np.float64).T, axis=1)
        for g, row in enumerate(ascending, columns.start):
            out[:, g] -= len(row) - np.searchsorted(row, out[:, g], side="right")
    return out

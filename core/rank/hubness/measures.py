"""How unevenly items are found: measures on the k-occurrence N_k.

N_k(item) is how many queries have the item among their k best. Definitions follow scikit-hubness
(`skhubness/analysis/estimation.py`), where it and the literature differ the difference is said below; the term
"hub" is Radovanovic et al., JMLR 2010.
"""

from __future__ import annotations

import numpy as np

from core.errors import InputError
from core.types import HubnessReport


def k_occurrence(neighbors: np.ndarray, n_items: int, k: int | None = None) -> np.ndarray:
    """Count in how many rankings each item stands among the first `k`.

    Parameters
    ----------
    neighbors : ndarray of int, shape (n_queries, depth)
        Positions of the items each query finds, best first; -1 where a ranking is shorter.
    n_items : int
    k : int, optional
        Depth to count to; all of `neighbors` by default.

    Returns
    -------
    ndarray of int64, shape (n_items,)
        Sums to n_queries * k where no ranking is shorter.

    Raises
    ------
    InputError
        If a position is not below `n_items`.
    """
    neighbors = np.asarray(neighbors)
    if neighbors.ndim != 2:
        raise InputError(f"Rankings must be a table of (queries, depth), not {neighbors.ndim}-dimensional.")
    found = neighbors[:, :k].ravel()
    found = found[found >= 0]
    if found.size and int(found.max()) >= n_items:
        raise InputError(f"A ranking names position {int(found.max())}, but there are {n_items} items.")
    return np.bincount(found, minlength=n_items).astype(np.int64)


def skewness(counts: np.ndarray, *, nonzero_only: bool = False) -> float:
    """E(N - mean)^3 / sd^3, with the population's moments; 0 where all counts are equal.

    Parameters
    ----------
    counts : ndarray of int, shape (n,)
    nonzero_only : bool
        Only over items that were found at all, as DBNorm's `get_skewness` does. The usual form counts zeros too.
    """
    values = np.asarray(counts, np.float64)
    values = values[values > 0] if nonzero_only else values
    if values.size == 0:
        return 0.0
    centred = values - values.mean()
    variance = float(np.mean(centred**2))
    return 0.0 if variance < 1e-15 else float(np.mean(centred**3) / variance**1.5)


def robin_hood(counts: np.ndarray) -> float:
    """Share of all places that would have to be taken from items above the mean so that all had the same, 0..1."""
    values = np.asarray(counts, np.float64)
    total = values.sum()
    return 0.0 if total <= 0 else float(0.5 * np.abs(values - values.mean()).sum() / total)


def gini(counts: np.ndarray) -> float:
    """Gini coefficient, 2 sum_i i N_(i) / (n sum N) - (n + 1) / n with N ascending and i from 1: 0 (all equal) .. 1."""
    values = np.sort(np.asarray(counts, np.float64))
    n, total = len(values), values.sum()
    if n == 0 or total <= 0:
        return 0.0
    value = 2.0 * float(np.arange(1, n + 1) @ values) / (n * total) - (n + 1) / n
    return max(0.0, float(value))


def atkinson(counts: np.ndarray) -> float:
    """Atkinson index with epsilon 0.5, 1 - mean(sqrt N)^2 / mean(N): 0 (all equal) .. 1."""
    values = np.asarray(counts, np.float64)
    if values.size == 0 or values.sum() <= 0:
        return 0.0
    return max(0.0, float(1.0 - np.sqrt(values).mean() ** 2 / values.mean()))


def lorenz(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Lorenz curve: the share of all places that the least found share of items holds.

    Returns
    -------
    items, places : ndarray of float64, shape (n + 1,)
        Both from 0 to 1 and never falling; the diagonal where nothing was found.
    """
    values = np.sort(np.asarray(counts, np.float64))
    items = np.linspace(0.0, 1.0, len(values) + 1)
    total = values.sum()
    return (items, items.copy()) if total <= 0 else (items, np.concatenate([[0.0], np.cumsum(values) / total]))


def hub_threshold(k: int, n_queries: int, n_items: int, *, factor: float = 2.0, by_mean: bool = True) -> float:
    """From which N_k on an item counts as a hub.

    Parameters
    ----------
    factor : float
        h in the formulas.
    by_mean : bool
        h times the mean k * n_queries / n_items; False gives h * k, which is the same where items are their own
        queries and is scikit-hubness' rule.
    """
    return factor * (k * n_queries / n_items if by_mean and n_items else k)


def hubness_report(
    n_k: np.ndarray, *, k: int | None = None, n_queries: int | None = None, h: float = 2.0
) -> HubnessReport:
    """All measures of one set of counts.

    Parameters
    ----------
    n_k : ndarray of int, shape (n_items,)
        N_k of every item, zeros included.
    k, n_queries : int, optional
        How many results were looked at of how many queries; the counts sum to at most k * n_queries. Without both,
        what is measured against them stays None.
    h : float
        An item with N_k >= h * k is a hub for `hub_occurrence` (scikit-hubness' code; its docstring says ">"),
        with N_k >= h * mean for `hub_occurrence_mean`, which suits n_queries != n_items.

    Returns
    -------
    HubnessReport
        `hub_occurrence` is the share of all places that hubs hold, `largest_hub_reach` the share of queries that
        find the most found item; both None without `k`, `n_queries` or queries.

    Raises
    ------
    InputError
        If `k` is below 1, `n_queries` is negative, or the counts hold more places than k * n_queries.
    """
    counts = np.asarray(n_k)
    if (k is not None and k < 1) or (n_queries is not None and n_queries < 0):
        raise InputError(f"Hubness needs k of at least 1 and queries, not k={k} and {n_queries} queries.")
    places = k * n_queries if k is not None and n_queries is not None else None
    if places is not None and counts.sum() > places:
        raise InputError(f"The counts hold {int(counts.sum())} places, but {n_queries} queries with k={k} "
                         f"have only {places}.")

    def held_by(*, by_mean: bool) -> float | None:
        if not places or not counts.size:
            return None
        threshold = hub_threshold(k, n_queries, counts.size, factor=h, by_mean=by_mean)
        return float(counts[counts >= threshold].sum() / places)

    return HubnessReport(
        skewness=skewness(counts),
        skewness_nonzero=skewness(counts, nonzero_only=True),
        robin_hood=robin_hood(counts),
        antihub_share=float(np.mean(counts == 0)) if counts.size else 0.0,
        gini=gini(counts),
        atkinson=atkinson(counts),
        hub_occurrence=held_by(by_mean=False),
        hub_occurrence_mean=held_by(by_mean=True),
        largest_hub_reach=float(counts.max() / n_queries) if places and counts.size else None,
    )

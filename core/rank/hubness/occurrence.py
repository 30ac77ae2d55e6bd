"""N_k from vectors: who finds whom, before or after a correction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.errors import InputError
from core.graph import knn
from core.rank.hubness.measures import k_occurrence
from core.rank.hubness.tables import BUDGET_BYTES, best_columns, blocks, count

_DECIMALS = 6


def k_occurrence_from_vectors(
    item_vectors: np.ndarray,
    k: int = 10,
    *,
    query_vectors: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    budget_bytes: int = BUDGET_BYTES,
    on_progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Count in how many queries' `k` best each item is; exact, ties to the lower position at 6 decimals.

    Parameters
    ----------
    item_vectors : ndarray, shape (G, d)
        Unit rows.
    k : int
        At most as many as there are items to find.
    query_vectors : ndarray, shape (Q, d), optional
        Default: the items ask, each for the others (`core.graph.knn.nearest`).
    bias : ndarray, shape (G,), optional
        Of `item_bias`: counts what the corrected search finds.
    budget_bytes : int
        Most that one block of scores may take; working memory is at most four times that.
    on_progress : callable, optional
        Called with (queries done, queries); may raise to stop.

    Returns
    -------
    ndarray of int64, shape (G,)
    """
    items = np.ascontiguousarray(item_vectors, np.float32)
    n, k = len(items), count(k)
    themselves = query_vectors is None
    queries = items if themselves else np.asarray(query_vectors, np.float32)
    if items.ndim != 2 or queries.ndim != 2 or items.shape[1] != queries.shape[1]:
        raise InputError(f"Items {items.shape} and queries {queries.shape} must be rows of as many dimensions.")
    if bias is not None and np.shape(bias) != (n,):
        raise InputError(f"A bias of shape {np.shape(bias)} does not fit {n} items.")
    k = min(k, max(n - themselves, 0))
    if themselves and bias is None:
        return k_occurrence(knn.nearest(items, k, on_progress).neighbors, n)
    counts = np.zeros(n, np.int64)
    if not k:
        return counts
    # A constant changes no ranking; this one keeps float32 numbers small.
    shift = None if bias is None else (np.asarray(bias, np.float64) - np.mean(bias)).astype(np.float32)
    for rows in blocks(len(queries), n, budget_bytes, 4):
        scores = queries[rows] @ items.T
        if shift is not None:
            scores += shift
        if themselves:
            scores[np.arange(len(scores)), np.arange(rows.start, rows.stop)] = -np.inf
        counts += k_occurrence(best_columns(scores, k, _DECIMALS), n)
        if on_progress is not None:
            on_progress(rows.stop, len(queries))
    return counts

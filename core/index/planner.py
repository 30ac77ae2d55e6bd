"""Who answers a vector search: exact search, or the HNSW index and exact search for what it does not know.

With a filter the subset is searched exactly: USearch's Python binding has no predicate, and a subset is small work.
Without one, exact search answers up to `EXACT_BELOW` rows. Above that the index answers for the rows it covers, exact
search for the rows that came since, and every score is computed anew from the stored vector: an index can only miss
an item, never misplace one.
"""

from __future__ import annotations

import numpy as np

from core.errors import InputError
from core.index import exact
from core.index import usearch as approximate
from core.store import Collection, VectorView

EXACT_BELOW = 50_000
"""Live rows up to which ``auto`` searches exactly: about 9 ms at 512 dimensions on two cores."""

MODES = ("auto", "exact", "usearch")


def search_vectors(
    collection: Collection,
    view: VectorView,
    query_vec: np.ndarray,
    k: int,
    subset: np.ndarray | None = None,
    mode: str = "auto",
    *,
    exclude: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, str]:
    """The `k` live rows nearest to a query vector.

    Parameters
    ----------
    query_vec : ndarray of float32, shape (d,)
        Unit length.
    subset : ndarray of int64, optional
        Ascending positions of live rows that pass a filter. Default: all live rows.
    mode : {"auto", "exact", "usearch"}
        ``usearch`` uses the index whatever the size; with a subset, or where there is no index that fits the view,
        the answer is exact all the same.
    exclude : ndarray of int64, optional
        Positions left out of the answer (the query's own references).

    Returns
    -------
    positions : ndarray of int64
    scores : ndarray of float32
        In the order (-round(score, 6), item_id).
    plan : {"exact", "approximate"}

    Raises
    ------
    InputError
        There is no such mode.
    """
    if mode not in MODES:
        raise InputError(f"There is no way to search called {mode!r}; use one of {', '.join(MODES)}.")
    allowed = view.live if subset is None else subset
    excluded = np.empty(0, np.int64) if exclude is None else np.unique(exclude)
    excluded = exact.within(excluded, allowed)
    # What is excluded can take that many places at most: fetch as many more, and drop them.
    k = max(0, min(k, len(allowed) - len(excluded)))
    wanted, plan = k + len(excluded), "exact"
    found = None
    if subset is None and (mode == "usearch" or (mode == "auto" and len(allowed) > EXACT_BELOW)):
        index = approximate.load(collection, view)
        if index is not None and k and wanted < len(allowed):
            found = _with_index(index, view, query_vec, wanted)
            plan = "approximate"
            if len(found[0]) < wanted:
                found = None
    if found is None:
        everything = len(allowed) == len(view)
        plan = "exact"
        found = exact.top_k(
            view.matrix, query_vec, wanted if k else 0, None if everything else allowed, ids=view.item_ids
        )
    positions, scores = found
    if len(excluded):
        kept = ~np.isin(positions, excluded)
        positions, scores = positions[kept][:k], scores[kept][:k]
    return positions, scores, plan


def _with_index(
    index: approximate.VectorIndex, view: VectorView, query: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The index for the rows it covers, exact search for the live rows after them."""
    border = int(np.searchsorted(view.live, index.covered))
    dead = index.covered - border
    found, _ = index.candidates(query, 4 * k + min(dead, 4 * k))
    found = found[view.alive[found]]
    tail = view.live[border:]
    if len(tail):
        found = np.concatenate([found, exact.top_k(view.matrix, query, k, tail, ids=view.item_ids)[0]])
    scores = exact.score(view.matrix, query, found)
    order = exact.rank_order(scores, found, view.item_ids)[:k]
    return found[order], scores[order]

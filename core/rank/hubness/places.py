"""Where items stand: near the middle of all or not, and at which rank of a query, before and after a correction."""

from __future__ import annotations

import numpy as np

from core.errors import InputError
from core.rank.hubness.tables import BUDGET_BYTES, blocks

_DECIMALS = 6


def centroid_distances(vectors: np.ndarray, centre: np.ndarray | None = None) -> np.ndarray:
    """1 - cosine of every item and the centroid, 0..2. Hubs tend to lie near it (Radovanovic et al., JMLR 2010).

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
    centre : ndarray, shape (d,), optional
        The mean of the vectors by default.

    Returns
    -------
    ndarray of float64, shape (n,)
        1 for a row of zeros, and for all where the centroid is zero: it has no direction then.
    """
    vectors = np.asarray(vectors, np.float64)
    if vectors.ndim != 2 or (centre is not None and np.shape(centre) != vectors.shape[1:]):
        raise InputError(f"Vectors of shape {vectors.shape} and a centroid of shape {np.shape(centre)} do not fit.")
    if not len(vectors):
        return np.zeros(0)
    middle = vectors.mean(axis=0) if centre is None else np.asarray(centre, np.float64)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(middle)
    products = vectors @ middle
    # a mean of opposite vectors is zero up to rounding, and the direction of that is noise
    there = lengths > 1e-9
    return 1.0 - np.divide(products, lengths, out=np.zeros(len(vectors)), where=there)


def share_nearer(distances: np.ndarray) -> np.ndarray:
    """For every item the share of the others that have a smaller distance: 0 for the nearest, 1 for the farthest.

    Returns
    -------
    ndarray of float64, shape (n,)
        Equal distances have equal shares.
    """
    distances = np.round(np.asarray(distances, np.float64), 9)
    return np.searchsorted(np.sort(distances), distances, side="left") / max(len(distances) - 1, 1)


def ranks(
    items: np.ndarray, queries: np.ndarray, asked: np.ndarray, sought: np.ndarray, *, bias: np.ndarray | None = None,
    skip: np.ndarray | None = None, budget_bytes: int = BUDGET_BYTES,
) -> np.ndarray:
    """At which rank queries find items: 1 + how many come before, by (-round(score, 6), position).

    Parameters
    ----------
    items : ndarray, shape (G, d)
    queries : ndarray, shape (Q, d)
    asked, sought : ndarray of int, shape (P,)
        Pairs: which query, and which item's rank is wanted.
    bias : ndarray, shape (G,), optional
        Of `item_bias`: the ranks of the corrected search.
    skip : ndarray of int, shape (Q,), optional
        An item that a query leaves out, as a query that is an item leaves itself out; -1 for none.
    budget_bytes : int
        Most that one block of scores may take.

    Returns
    -------
    ndarray of int64, shape (P,)
    """
    items, queries = np.asarray(items), np.asarray(queries, np.float64)
    asked, sought = np.asarray(asked, np.int64), np.asarray(sought, np.int64)
    if items.ndim != 2 or queries.ndim != 2 or items.shape[1] != queries.shape[1]:
        raise InputError(f"Items {items.shape} and queries {queries.shape} must be rows of as many dimensions.")
    if asked.shape != sought.shape or asked.ndim != 1:
        raise InputError(f"Pairs need as many queries as items, not {asked.shape} and {sought.shape}.")
    if bias is not None and np.shape(bias) != (len(items),):
        raise InputError(f"A bias of shape {np.shape(bias)} does not fit {len(items)} items.")
    before = np.zeros(len(asked), np.int64)
    if not len(asked):
        return before
    added = np.zeros(len(items)) if bias is None else np.asarray(bias, np.float64)
    own = np.round(np.einsum("ij,ij->i", queries[asked], items[sought].astype(np.float64)) + added[sought], _DECIMALS)
    left_out = np.full(len(queries), -1) if skip is None else np.asarray(skip)
    for part in blocks(len(items), len(queries) + len(asked), budget_bytes, 8):
        scores = np.round(queries @ items[part].astype(np.float64).T + added[part], _DECIMALS)
        mine = np.flatnonzero((left_out >= part.start) & (left_out < part.stop))
        scores[mine, left_out[mine] - part.start] = -np.inf
        scores, places = scores[asked], np.arange(part.start, part.stop)
        earlier = (scores == own[:, None]) & (places < sought[:, None])
        before += np.count_nonzero((scores > own[:, None]) | earlier, axis=1)
    return before + 1

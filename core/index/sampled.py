"""Who is near whom in a collection too large to compare every pair: some rows ask the index for their neighbours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.errors import Damaged
from core.index import exact
from core.index.usearch import VectorIndex
from core.store import Collection, VectorView

ASKED = 20_000
"""Rows that ask, unless told otherwise: drawn at random, the same ones every time."""
SAMPLED_FROM = 200_000
"""Items from which on a sample is counted before all pairs are compared, which takes minutes then."""
DEPTH = 20
"""Neighbours kept of each row that asks."""
CHECKED = 64
"""Rows of the sample whose neighbours are compared with the true ones, to say what the index finds."""
ARTIFACT = "sample"
_AT_ONCE = 256
_EXPANSION = 1024  # of a million clustered rows it finds 90 %; the 256 of a search 80 %, in 60 % of the time
_RECALL_AT = 10
_SPARE = 3  # times k: candidates beside the wanted ones, since the index orders by rough scores


def neighbours_of_some(
    index: VectorIndex,
    view: VectorView,
    k: int,
    n_asked: int = ASKED,
    *,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` nearest others of a random sample of the live rows, by the index.

    Counts of them estimate those of all rows: with a share p of the rows asking, an item that n of all would find is
    found by about n p of them, give or take the square root of that.

    Parameters
    ----------
    k : int
    n_asked : int
        At most all live rows.
    seed : int
    on_progress : callable, optional
        Called with (rows done, rows in all); may raise to stop.

    Returns
    -------
    asked : ndarray of int64, shape (m,)
        Ascending positions of the rows that ask.
    neighbours : ndarray of int64, shape (m, k)
        Positions by (-round(cosine, 6), item_id), the row itself left out; -1 where the index found fewer. Cosines
        are those of the stored vectors; the index may have missed a row.
    """
    asked = np.sort(np.random.default_rng(seed).choice(view.live, min(n_asked, len(view.live)), replace=False))
    place = np.empty(len(view), np.int64)  # by id, which settles ties
    place[np.argsort(view.item_ids, kind="stable")] = np.arange(len(view))
    tail = view.live[np.searchsorted(view.live, index.covered) :]  # came after the index was built
    newest = view.rows(tail)
    out = np.full((len(asked), k), -1, np.int64)
    for start in range(0, len(asked), _AT_ONCE):
        at = asked[start : start + _AT_ONCE]
        rows = view.rows(at)
        found = index.many(rows, (1 + _SPARE) * k + 1, _EXPANSION)
        scores = np.einsum("bd,bcd->bc", rows, view.rows(np.maximum(found, 0).ravel()).reshape(*found.shape, -1))
        if len(tail):
            more = rows @ newest.T
            best = np.argsort(-more, axis=1)[:, : (1 + _SPARE) * k + 1]
            found = np.hstack([found, tail[best]])
            scores = np.hstack([scores, np.take_along_axis(more, best, axis=1)])
        scores[(found < 0) | ~view.alive[found] | (found == at[:, None])] = -np.inf
        order = np.lexsort((place[found], -exact.rounded(scores)), axis=1)[:, :k]
        near = np.take_along_axis(found, order, axis=1)
        near[np.isinf(np.take_along_axis(scores, order, axis=1))] = -1
        out[start : start + len(at), : near.shape[1]] = near
        if on_progress is not None:
            on_progress(start + len(at), len(asked))
    return asked, out


def recall(view: VectorView, asked: np.ndarray, near: np.ndarray, seed: int = 0) -> float:
    """recall@k of `neighbours_of_some`, 0..1: the share of true neighbours it found, of `CHECKED` of the rows that asked.

    Each of those is compared with all others for it.
    """
    chosen = np.random.default_rng(seed).choice(len(asked), min(CHECKED, len(asked)), replace=False)
    k = near.shape[1]
    shares = []
    for row in chosen:
        true, _ = exact.top_k(view.matrix, view.rows(asked[row : row + 1])[0], k + 1, view.live, ids=view.item_ids)
        true = true[true != asked[row]][:k]
        shares.append(np.isin(true, near[row]).mean() if len(true) else 1.0)
    return float(np.mean(shares)) if shares else 1.0


def save(
    collection: Collection, index: VectorIndex, view: VectorView, on_progress: Callable[[int, int], None] | None = None
) -> None:
    """Ask with a sample and keep the answers as an artifact of the vector set; replaces the one before."""
    asked, near = neighbours_of_some(index, view, min(DEPTH, len(view.live) - 1), on_progress=on_progress)
    meta = {"epoch": view.epoch, f"recall@{_RECALL_AT}": recall(view, asked, near[:, :_RECALL_AT])}
    arrays = {"asked": asked, "neighbours": near.astype(np.int32)}
    collection.put_artifact(ARTIFACT, view.set.set_id, arrays, meta, view.generation)


@dataclass(frozen=True, eq=False)
class Sample:
    """What a sample found.

    Attributes
    ----------
    asked : ndarray of int64, shape (m,)
    neighbours : ndarray of int64, shape (m, k)
        See `neighbours_of_some`.
    recall : float or None
        recall@10 when it was made, see `recall`; None where it was not noted.
    """

    asked: np.ndarray
    neighbours: np.ndarray
    recall: float | None


def load(collection: Collection, view: VectorView) -> Sample | None:
    """What was kept; None where there is nothing, or rows have moved since.

    Rows that have gone since are left out: who asked is dropped, who was found is -1.
    """
    try:
        stored = collection.artifact(ARTIFACT, view.set.set_id)
    except Damaged:
        return None
    if stored is None or stored.meta.get("epoch") != view.epoch:
        return None
    asked, near = np.asarray(stored.arrays["asked"], np.int64), np.asarray(stored.arrays["neighbours"], np.int64)
    still = view.alive[asked]
    asked, near = asked[still], near[still]
    near = np.where((near >= 0) & view.alive[near], near, -1)
    noted = stored.meta.get(f"recall@{_RECALL_AT}")
    return Sample(asked, near, noted if isinstance(noted, float) else None)

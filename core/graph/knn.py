"""The exact k-nearest-neighbour graph of a vector set.

Every pair is compared, in float32 and once for both its items (`pairs`). Large sets are compared roughly first (bfloat16,
`rough`) where the processor multiplies such numbers itself and torch can be had. The best few candidates of each row are
scored again in float32 then, and a bound on the rounding error proves per row that no better neighbour was missed; a row
without proof is computed in full. So both ways give the same graph, up to the last bit of a product.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.encode.machine import has_bf16
from core.errors import InputError
from core.graph.pairs import nearest_pairs
from core.graph.rough import rough_blocks
from core.graph.selecting import select
from core.types import KnnGraph

if TYPE_CHECKING:
    from core.store import Collection, VectorView

Progress = Callable[[int, int], None]

DEFAULT_K = 30
ARTIFACT = "graph"
_BLOCK_ROWS = 8192  # of float16 rows made float32 at once
_ROUGH_FROM = 50_000  # rows from which on rough products save more than importing torch takes
_ROUGH_FROM_LOADED = 10_000  # where torch is there already


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest others of every row of a matrix.

    Attributes
    ----------
    neighbors : ndarray of int32, shape (n, k)
    similarities : ndarray of float32, shape (n, k)
    in_full : int
        Rows whose products were all taken in float32; for the others rough products and the error bound were enough.
    """

    neighbors: np.ndarray
    similarities: np.ndarray
    in_full: int


def build(view: VectorView, k: int = DEFAULT_K, on_progress: Progress | None = None, *,
          rough: bool | None = None) -> KnnGraph:
    """Find the `k` nearest neighbours of every live item, the item itself left out.

    Neighbours are ordered by (-round(similarity, 6), item_id), also where more than `k` are equally near.

    Parameters
    ----------
    view : VectorView
        Of the vector set; dead rows are left out.
    k : int
        Neighbours per item; at most n - 1 are kept.
    on_progress : callable, optional
        Called with (rows done, rows in all); may raise `core.errors.Cancelled` to stop.
    rough : bool, optional
        Use bfloat16 products first. Default: where that is faster, which may load torch.

    Returns
    -------
    KnnGraph
        `item_ids` ascending, so that the same items give the same graph in whatever order they came.

    Raises
    ------
    InputError
        If `k` is below 1.
    """
    if k < 1:
        raise InputError(f"A neighbour graph needs k of at least 1, not {k}.")
    live = np.asarray(view.live, dtype=np.int64)
    ids = np.asarray(view.item_ids)[live].astype(str)
    order = np.argsort(ids, kind="stable")
    ids, vectors = ids[order], np.asarray(view.rows(live[order]), dtype=np.float32)
    n = len(ids)
    found = nearest(vectors, min(k, max(n - 1, 0)), on_progress, rough=rough)
    return KnnGraph(set_id=view.set.set_id, generation=view.generation, item_ids=ids, neighbors=found.neighbors,
                    similarities=found.similarities, exact=True, in_full=found.in_full)


def nearest(vectors: np.ndarray, k: int, on_progress: Progress | None = None, *, rough: bool | None = None) -> Nearest:
    """Find the `k` nearest other rows of every row.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        Unit rows. Ties are broken by the lower row number.
    k : int
        0 <= k < n (0 if n is 0).

    Returns
    -------
    Nearest
    """
    n = len(vectors)
    neighbors = np.empty((n, k), np.int32)
    similarities = np.empty((n, k), np.float32)
    if k == 0:
        return Nearest(neighbors, similarities, 0)
    torch = _torch() if (_rough_is_faster(n) if rough is None else rough) else None
    if torch is None:
        return Nearest(*nearest_pairs(vectors, k, on_progress), n)
    in_full = 0
    for rows, columns, values, whole in rough_blocks(torch, vectors, k):
        neighbors[rows] = columns
        similarities[rows] = values
        in_full += whole
        if on_progress is not None:
            on_progress(int(rows[-1]) + 1, n)
    return Nearest(neighbors, similarities, in_full)


def around(view: VectorView, item_ids: Sequence[str], k: int) -> dict[str, list[str]]:
    """The `k` nearest live items of a few items, where no graph of their vectors is kept.

    Parameters
    ----------
    view : VectorView
    item_ids : sequence of str
        Those without a live row are left out.

    Returns
    -------
    dict
        Item id -> ids of its nearest others, in the graph's order.
    """
    at = np.unique(view.find(item_ids))
    if not len(at):
        return {}
    order = view.live[np.argsort(view.item_ids[view.live], kind="stable")]
    few, products = view.rows(at), np.empty((len(at), len(order)), np.float32)
    for start in range(0, len(order), _BLOCK_ROWS):
        products[:, start : start + _BLOCK_ROWS] = few @ view.rows(order[start : start + _BLOCK_ROWS]).T
    products[order[None, :] == at[:, None]] = -np.inf  # the item itself
    columns, _ = select(products, np.broadcast_to(np.arange(len(order)), products.shape), min(k, len(order) - 1))
    ids = view.item_ids[order]
    return {str(item_id): ids[row].astype(str).tolist() for item_id, row in zip(view.item_ids[at], columns)}


def _torch() -> object | None:
    """The torch module, or None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    return torch


def _rough_is_faster(n: int) -> bool:
    return has_bf16() and n >= (_ROUGH_FROM_LOADED if "torch" in sys.modules else _ROUGH_FROM)


def k_occurrence(graph: KnnGraph, k: int = 10) -> np.ndarray:
    """Count how many other items have each item among their `k` nearest neighbours (N_k).

    Parameters
    ----------
    graph : KnnGraph
    k : int
        At most the graph's own k counts; a smaller graph is used as it is.

    Returns
    -------
    ndarray of int64, shape (n,)
        In the order of ``graph.item_ids``.
    """
    return np.bincount(graph.neighbors[:, :k].ravel(), minlength=len(graph.item_ids)).astype(np.int64)


def save(collection: Collection, graph: KnnGraph) -> None:
    """Store the graph as an artifact of its vector set; replaces the one before."""
    arrays = {"item_ids": graph.item_ids.astype("S"), "neighbors": graph.neighbors,
              "similarities": graph.similarities.astype(np.float32)}
    meta = {"k": int(graph.neighbors.shape[1]), "exact": bool(graph.exact), "in_full": graph.in_full}
    collection.put_artifact(ARTIFACT, graph.set_id, arrays, meta, graph.generation)


def load(collection: Collection, set_id: str | None = None) -> KnnGraph | None:
    """The stored graph of a vector set (the active one by default), or None if it was never built.

    A graph of an older generation is returned too: compare ``.generation`` with the collection's.
    """
    set_id = collection.set(set_id).set_id
    stored = collection.artifact(ARTIFACT, set_id)
    if stored is None:
        return None
    return KnnGraph(set_id=set_id, generation=stored.generation,
                    item_ids=np.asarray(stored.arrays["item_ids"]).astype(str),
                    neighbors=np.asarray(stored.arrays["neighbors"]),
                    similarities=np.asarray(stored.arrays["similarities"]),
                    exact=bool(stored.meta.get("exact", True)), in_full=int(stored.meta.get("in_full", -1)))

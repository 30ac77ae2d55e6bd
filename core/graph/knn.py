"""The exact k-nearest-neighbour graph of a vector set, built block by block.

Every pair is compared, in float32. For large sets the products are first taken roughly (bfloat16) where the processor
multiplies such numbers itself and torch can be had; elsewhere that takes ten times as long. The best few candidates of
each row are scored again in float32 then, and a bound on the rounding error proves per row that no better neighbour was
missed; a row without proof is computed in full. So both ways give the same graph, up to the last bit of a product.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from core.encode.machine import has_bf16
from core.encode.threads import cpu_threads
from core.errors import InputError
from core.types import KnnGraph

if TYPE_CHECKING:
    from core.store import Collection, VectorView

Progress = Callable[[int, int], None]

DEFAULT_K = 30
ARTIFACT = "graph"
_BLOCK_BYTES = 64 * 2**20  # of one block of similarities
_BLOCK_ROWS = 8192  # of float16 rows made float32 at once
_GROUP = 16  # columns whose highest product is looked at first
_ROWS_OF_KERNEL = 256
_SPARE_GROUPS = 8  # groups beyond k, whose best prove that nothing in the others is missed
_ROUGH_FROM = 50_000  # rows from which on rough products save more than importing torch takes
_ROUGH_FROM_LOADED = 10_000  # where torch is there already
_SCALE = 1e6  # similarities are compared after rounding to 6 decimals
# float32 dot products of unit rows err by less than this for any d we meet (d * eps * sum|x_i y_i| <= 2e-6 at d = 4096
# in the worst case of plain summation; BLAS sums pairwise and does far better)
_FLOAT32_ERROR = 4e-6
_BFLOAT16_HALF_ULP = 2.0**-9


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
    blocks = _rough_blocks(torch, vectors, k) if torch is not None else _exact_blocks(vectors, k)
    in_full = 0
    for rows, columns, values, whole in blocks:
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
    columns, _ = _select(products, np.broadcast_to(np.arange(len(order)), products.shape), min(k, len(order) - 1))
    ids = view.item_ids[order]
    return {str(item_id): ids[row].astype(str).tolist() for item_id, row in zip(view.item_ids[at], columns)}


def _torch() -> object | None:
    """The torch module, or None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    return torch


def _block_rows(n: int, itemsize: int) -> int:
    return int(max(1, min(1024, _BLOCK_BYTES // max(1, n * itemsize))))


def _rough_is_faster(n: int) -> bool:
    return has_bf16() and n >= (_ROUGH_FROM_LOADED if "torch" in sys.modules else _ROUGH_FROM)


def _exact_blocks(vectors: np.ndarray, k: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """Yield (rows, neighbours, similarities, how many of them in full) with every product in float32."""
    n = len(vectors)
    step = _block_rows(n, 4)
    # One buffer for all blocks; -inf up to a multiple of the group size, since whole groups are looked at.
    buffer = np.full((min(step, n), -(-n // _GROUP) * _GROUP), -np.inf, np.float32)
    with ThreadPoolExecutor(cpu_threads()) as pool:
        for start in range(0, n, step):
            rows = np.arange(start, min(start + step, n))
            products = buffer[: len(rows)]
            np.matmul(vectors[start : start + step], vectors.T, out=products[:, :n])
            products[np.arange(len(rows)), rows] = -np.inf  # the item itself, by its number: duplicates stay
            parts = [part for part in np.array_split(products, cpu_threads()) if len(part)]
            found = list(pool.map(_best, parts, repeat(n), repeat(k)))
            yield rows, np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found]), len(rows)


def _best(products: np.ndarray, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """`_select` of the first `n` columns; what comes after them is -inf.

    The k highest lie in the k groups of columns whose highest are highest, so only these and a few are sorted. Rounding
    makes ties: where the last of these groups may hold one, all columns of the row are.
    """
    groups, taken = products.shape[1] // _GROUP, k + _SPARE_GROUPS
    if groups < 2 * taken:
        return _select(products[:, :n], np.broadcast_to(np.arange(n), (len(products), n)), k)
    # Group j holds columns j, j + groups, j + 2 groups ...: maxima are then taken along whole stretches of memory.
    highest = products.reshape(-1, _GROUP, groups).max(axis=1)
    best = np.argpartition(highest, groups - taken, axis=1)[:, groups - taken :]
    members = (best[:, :, None] + np.arange(_GROUP) * groups).reshape(len(products), -1)
    chosen, values = _select(np.take_along_axis(products, members, axis=1), members, k)
    lowest = np.take_along_axis(highest, best[:, :1], axis=1)[:, 0]  # nothing in the other groups is above it
    unsure = np.flatnonzero(lowest >= values[:, -1] - 1.0 / _SCALE)
    if len(unsure):
        chosen[unsure], values[unsure] = _select(products[unsure, :n], np.broadcast_to(np.arange(n), (len(unsure), n)), k)
    return chosen, values


def _exact_rows(vectors: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    products = vectors[rows] @ vectors.T
    products[np.arange(len(rows)), rows] = -np.inf  # the item itself, by its number: duplicates stay
    return _select(products, np.broadcast_to(np.arange(len(vectors)), products.shape), k)


def _select(values: np.ndarray, columns: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each row by (-rounded value, column).

    Parameters
    ----------
    values : ndarray of float32, shape (b, c)
    columns : ndarray of int, shape (b, c)
        Which column of the whole matrix each value belongs to.
    """
    with np.errstate(invalid="ignore"):
        rounded = np.round(np.maximum(values.astype(np.float64), -2.0) * _SCALE).astype(np.int64)
    # one integer that orders by (rounded value descending, column ascending): no two are equal in a row
    key = -rounded * np.int64(2**32) + columns
    if key.shape[1] > 4 * k:
        best = np.argpartition(key, k - 1, axis=1)[:, :k]
        best = np.take_along_axis(best, np.argsort(np.take_along_axis(key, best, axis=1), axis=1), axis=1)
    else:
        best = np.argsort(key, axis=1)[:, :k]
    chosen = np.take_along_axis(columns, best, axis=1).astype(np.int32)
    return chosen, np.clip(np.take_along_axis(values, best, axis=1), -1.0, 1.0).astype(np.float32)


def _rough_blocks(torch: object, vectors: np.ndarray, k: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
    """Yield (rows, neighbours, similarities, how many of them in full), candidates taken from bfloat16 products."""
    n = len(vectors)
    vectors = np.ascontiguousarray(vectors)
    whole = torch.from_numpy(vectors)
    # Rows of zeros up to a multiple of the group size: `_highest` looks at whole groups.
    half = torch.zeros((-(-n // _GROUP) * _GROUP, vectors.shape[1]), dtype=torch.bfloat16)
    half[:n] = whole
    # |x.y - x'.y'| <= |x - x'| |y| + |x'| |y - y'| (Cauchy-Schwarz), then the product itself is rounded
    error = max(float((whole[i : i + _BLOCK_ROWS] - half[i : min(i + _BLOCK_ROWS, n)].float()).norm(dim=1).max())
                for i in range(0, n, _BLOCK_ROWS))  # fmt: skip
    bound = error * (2.0 + error) + _FLOAT32_ERROR
    few, many = min(n, k + max(k, 32)), min(n, 8 * k + 64)
    step = _block_rows(n, 2)
    if step > _ROWS_OF_KERNEL:  # the kernel takes rows by so many; a rest costs a third more time
        step -= step % _ROWS_OF_KERNEL
    buffer = torch.empty((min(step, n), len(half)), dtype=torch.bfloat16)  # a new one each time costs half as much again
    space = torch.empty((len(buffer) * few, vectors.shape[1]))
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        products = torch.matmul(half[start : start + len(rows)], half.T, out=buffer[: len(rows)])
        products[:, n:] = float("-inf")
        products[torch.arange(len(rows)), torch.from_numpy(rows)] = float("-inf")
        columns, values, proven = _rescored(torch, products, vectors, rows, k, few, bound, space)
        whole_rows = 0
        for wider in (many, None):
            open_rows = np.flatnonzero(~proven)
            if len(open_rows) == 0:
                break
            if wider is None:
                whole_rows = len(open_rows)
                columns[open_rows], values[open_rows] = _exact_rows(vectors, rows[open_rows], k)
            else:
                part = products[torch.from_numpy(open_rows)]
                columns[open_rows], values[open_rows], proven[open_rows] = _rescored(
                    torch, part, vectors, rows[open_rows], k, wider, bound)
        yield rows, columns, values, whole_rows


def _rescored(torch: object, products: object, vectors: np.ndarray, rows: np.ndarray, k: int, n_candidates: int,
              bound: float, space: object = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score the best `n_candidates` of each row again; say for which rows the k best are proven to be among them.

    `space` is memory for the candidates' vectors, (at least b * n_candidates, d): memory that is new each time costs
    more than reading the vectors does.
    """
    n = len(vectors)
    rough, columns = _highest(torch, products, n, n_candidates)
    last = rough.float().amin(dim=1).numpy()  # nothing left out has a rough product above this
    out = None if space is None else space[: columns.numel()]
    read = torch.index_select(torch.from_numpy(vectors), 0, columns.view(-1), out=out).numpy()
    columns = columns.numpy()
    values = np.matmul(read.reshape(*columns.shape, -1), vectors[rows][:, :, None])[:, :, 0]
    values[columns == rows[:, None]] = -np.inf
    chosen, similarities = _select(values, columns, k)
    complete = n_candidates >= n
    left_out = last + np.abs(last) * _BFLOAT16_HALF_ULP * 2 + bound if not complete else np.full(len(rows), -np.inf)
    proven = left_out < similarities[:, -1] - 1.0 / _SCALE
    return chosen, similarities, proven


def _highest(torch: object, products: object, n: int, count: int) -> tuple[object, object]:
    """The `count` highest of the first `n` products of each row: in no order, and their columns.

    The `count` highest lie in the `count` groups of columns whose highest are highest, so only these are sorted: about
    half the time of sorting all.

    Returns
    -------
    values : tensor, shape (b, count)
        Nothing left out is above the lowest of a row.
    columns : tensor of int64, shape (b, count)
    """
    width = products.shape[1]
    groups = width // _GROUP
    if groups < 2 * count:
        values, columns = torch.topk(products[:, :n], count, dim=1, sorted=False)
    else:
        # Group j holds columns j, j + groups, j + 2 groups ...: maxima are then taken along whole stretches of memory.
        highest = products.view(-1, _GROUP, groups).amax(dim=1)
        best = torch.topk(highest, count, dim=1, sorted=False).indices
        members = (best[:, :, None] + torch.arange(_GROUP) * groups).view(len(products), -1)
        values, place = torch.topk(torch.gather(products, 1, members), count, dim=1, sorted=False)
        columns = torch.gather(members, 1, place)
    return values, columns


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

"""The nearest neighbours of every row by bfloat16 products, with a proof per row that none was missed.

Only where a processor multiplies such numbers itself: elsewhere they take ten times as long as float32.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.graph.selecting import SCALE, select

BLOCK_BYTES = 64 * 2**20  # of one block of products
_BLOCK_ROWS = 8192  # of rows made float32 again at once
_GROUP = 16  # columns whose highest product is looked at first
_ROWS_OF_KERNEL = 256
# float32 dot products of unit rows err by less than this for any d we meet (d * eps * sum|x_i y_i| <= 2e-6 at d = 4096
# in the worst case of plain summation; BLAS sums pairwise and does far better)
_FLOAT32_ERROR = 4e-6
_BFLOAT16_HALF_ULP = 2.0**-9


def rough_blocks(torch: object, vectors: np.ndarray, k: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
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
    chosen, similarities = select(values, columns, k)
    complete = n_candidates >= n
    left_out = last + np.abs(last) * _BFLOAT16_HALF_ULP * 2 + bound if not complete else np.full(len(rows), -np.inf)
    proven = left_out < similarities[:, -1] - 1.0 / SCALE
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


def _block_rows(n: int, itemsize: int) -> int:
    return int(max(1, min(1024, BLOCK_BYTES // max(1, n * itemsize))))


def _exact_rows(vectors: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    products = vectors[rows] @ vectors.T
    products[np.arange(len(rows)), rows] = -np.inf  # the item itself, by its number: duplicates stay
    return select(products, np.broadcast_to(np.arange(len(vectors)), products.shape), k)

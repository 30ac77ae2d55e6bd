"""The nearest neighbours of every row in float32, each pair of rows multiplied once.

A product is the similarity of both its rows, so half of the products is enough: a block of rows meets only itself and
the rows after it, and what it finds counts for both sides. Only products that could be among the k best of a row or of a
column are looked at: those not below the k-th best that is known so far. Rows come in random order (of a fixed seed),
for then the m-th product of a row is among its k best with a chance of k / m, whatever the data and however sorted: on
average each row is offered k ln(n / m0) products beyond its first m0, and some more while the thresholds lag behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from core.encode.threads import cpu_threads
from core.graph.selecting import SCALE

Progress = Callable[[int, int], None]

BLOCK_BYTES = 64 * 2**20  # of one block of products
_ROWS_AT_MOST = 2048  # of a block; the products within it are taken twice
_FIRST_ROWS = 128  # of the block that gives the first thresholds; four times k, if that is more
_SCANNED = 2**19  # products a thread looks at together, so that what it makes of them stays in its cache
_SETTLED = 4096  # rows that are sorted together
_NUMBER_BITS = 26
_KEY_BITS = 22 + _NUMBER_BITS  # a rounded similarity, and a row's number
_SLACK = 2.0 / SCALE  # a product that is rounded up to the k-th best is no more than this below it


def nearest_pairs(vectors: np.ndarray, k: int, on_progress: Progress | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Find the `k` nearest other rows of every row, ordered by (-round(product, 6), row number).

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
        Unit rows; n below 2**26.
    k : int
        1 <= k < n.
    on_progress : callable, optional
        Called with (rows' worth of products done, n); may raise to stop.

    Returns
    -------
    neighbors : ndarray of int32, shape (n, k)
    similarities : ndarray of float32, shape (n, k)
    """
    n = len(vectors)
    numbers = np.random.default_rng(0).permutation(n)
    mixed, best = vectors[numbers], _Best(numbers, k)
    first = min(n, max(_FIRST_ROWS, 4 * k))
    buffer = np.empty(max(BLOCK_BYTES // 4, first * n), np.float32)
    start = settled = 0
    with ThreadPoolExecutor(cpu_threads()) as pool:
        while start < n:
            width = n - start
            stop = start + min(width, max(1, min(_ROWS_AT_MOST, buffer.size // width, start)) if start else first)
            products = np.matmul(mixed[start:stop], mixed[start:].T, out=buffer[: (stop - start) * width].reshape(-1, width))
            products[np.arange(stop - start), np.arange(stop - start)] = -np.inf  # the item itself: duplicates stay
            if not start:
                best.begin(products)
            best.offer(products, start, pool)
            # Thresholds rise quickly while few products are known: no more rows at once than there were, then sort.
            if stop == n or stop >= 2 * settled or best.n_offered >= 2 * n * k:
                best.settle(pool)
                settled = stop
            start = stop
            if on_progress is not None:
                on_progress(n - round((n - start) ** 2 / n), n)
    neighbors, similarities = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    neighbors[numbers], similarities[numbers] = best.neighbors(), np.clip(best.values, -1.0, 1.0)
    return neighbors, similarities


class _Best:
    """The k best products of every row so far, and those offered since they were sorted.

    Rows are places in the mixed order. A key orders products by (-rounded value, number): the lower the better.
    """

    def __init__(self, numbers: np.ndarray, k: int) -> None:
        n = len(numbers)
        self._numbers, self._k = numbers, k
        self.values = np.full((n, k), -np.inf, np.float32)
        self._keys = np.full((n, k), (1 << _KEY_BITS) - 1, np.int64)
        self._lowest = np.full(n, -np.inf, np.float32)  # what a product must reach to be looked at
        self._offered: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.n_offered = 0

    def begin(self, products: np.ndarray) -> None:
        """Take thresholds from the products of the first rows with all rows."""
        rows, k = len(products), self._k
        self._lowest[:rows] = np.partition(products, -k, axis=1)[:, -k]
        for left in range(rows, products.shape[1], _SETTLED):
            strip = np.ascontiguousarray(products[:, left : left + _SETTLED].T)
            self._lowest[left : left + _SETTLED] = np.partition(strip, -k, axis=1)[:, -k]
        self._lowest -= np.float32(_SLACK)

    def offer(self, products: np.ndarray, start: int, pool: ThreadPoolExecutor) -> None:
        """Look at a block: rows from `start` on, columns from `start` on; the square on the left has each pair twice."""
        rows, width = products.shape
        of_rows, of_columns = self._lowest[start : start + rows], self._lowest[start:].copy()
        of_columns[:rows] = np.inf
        step = max(1, _SCANNED // width)

        def scan(top: int) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]:
            part = products[top : top + step]
            high = part >= of_rows[top : top + step, None]
            high |= part >= of_columns
            at = np.flatnonzero(high)
            values = part.ravel()[at]
            i, j = np.divmod(at, width)
            i += top
            across, down = values >= of_rows[i], values >= of_columns[j]
            i, j = i + start, j + start
            return self._better(i[across], j[across], values[across]), self._better(j[down], i[down], values[down])

        for both in pool.map(scan, range(0, rows, step)):
            self._offered += both
            self.n_offered += len(both[0][0]) + len(both[1][0])

    def _better(self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What comes before the k-th best of its row, by number too: else level ones would all be kept."""
        level = np.rint(np.clip(values, -2.0, 2.0).astype(np.float64) * SCALE).astype(np.int64)
        keys = ((np.int64(2 * SCALE) - level) << np.int64(_NUMBER_BITS)) | self._numbers[columns]
        better = keys < self._keys[rows, -1]
        return rows[better].astype(np.int32), keys[better], values[better]

    def settle(self, pool: ThreadPoolExecutor) -> None:
        """Sort what was offered into the best."""
        rows, keys, values = (np.concatenate(parts) for parts in zip(*self._offered))
        self._offered, self.n_offered = [], 0
        part = (rows // _SETTLED).astype(np.uint16)  # numbers of 16 bits are sorted by their digits
        order = np.argsort(part, kind="stable")
        n_parts = -(-len(self._keys) // _SETTLED)
        ends = np.searchsorted(part[order], np.arange(n_parts + 1))

        def sort(number: int) -> None:
            mine = order[ends[number] : ends[number + 1]]
            low, high = number * _SETTLED, min((number + 1) * _SETTLED, len(self._keys))
            here = np.concatenate([np.repeat(np.arange(high - low), self._k), rows[mine] - low])
            all_keys = np.concatenate([self._keys[low:high].ravel(), keys[mine]])
            all_values = np.concatenate([self.values[low:high].ravel(), values[mine]])
            by_row = np.argsort((here.astype(np.int64) << np.int64(_KEY_BITS)) | all_keys)
            firsts = np.searchsorted(here[by_row], np.arange(high - low))
            taken = by_row[firsts[:, None] + np.arange(self._k)]
            self._keys[low:high], self.values[low:high] = all_keys[taken], all_values[taken]
            self._lowest[low:high] = self.values[low:high, -1] - np.float32(_SLACK)

        _all(pool.map(sort, range(n_parts)))

    def neighbors(self) -> np.ndarray:
        """The numbers of the best, (n, k)."""
        return (self._keys & ((1 << _NUMBER_BITS) - 1)).astype(np.int32)


def _all(done: Iterable[None]) -> None:
    """Wait for every part; an error in one is raised here."""
    for _ in done:
        pass

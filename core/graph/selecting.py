"""The order of neighbours: (-round(similarity, 6), number), so that the last bit of a product decides nothing."""

from __future__ import annotations

import numpy as np

SCALE = 1e6  # similarities are compared after rounding to 6 decimals


def select(values: np.ndarray, columns: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each row by (-rounded value, column).

    Parameters
    ----------
    values : ndarray of float32, shape (b, c)
    columns : ndarray of int, shape (b, c)
        Which column of the whole matrix each value belongs to.
    """
    with np.errstate(invalid="ignore"):
        rounded = np.round(np.maximum(values.astype(np.float64), -2.0) * SCALE).astype(np.int64)
    # one integer that orders by (rounded value descending, column ascending): no two are equal in a row
    key = -rounded * np.int64(2**32) + columns
    if key.shape[1] > 4 * k:
        best = np.argpartition(key, k - 1, axis=1)[:, :k]
        best = np.take_along_axis(best, np.argsort(np.take_along_axis(key, best, axis=1), axis=1), axis=1)
    else:
        best = np.argsort(key, axis=1)[:, :k]
    chosen = np.take_along_axis(columns, best, axis=1).astype(np.int32)
    return chosen, np.clip(np.take_along_axis(values, best, axis=1), -1.0, 1.0).astype(np.float32)

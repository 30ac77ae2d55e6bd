"""What all corrections share: similarities checked at the door, read in blocks of a stated size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.errors import InputError

BUDGET_BYTES = 64 * 2**20
"""Most that one temporary table of similarities may take; a single row or column is always allowed."""

_SPARE = 16  # candidates beyond k, among which ties are settled


def blocks(n: int, width: int, budget: int = BUDGET_BYTES, itemsize: int = 8) -> Iterator[slice]:
    """Cut `n` rows of `width` numbers into slices that stay under `budget` bytes."""
    step = max(1, int(budget) // max(1, width * itemsize))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def checked(scores: np.ndarray, **banks: np.ndarray) -> tuple[np.ndarray, ...]:
    """The table of scores and its banks as arrays: numbers, two-dimensional, of the same items.

    Parameters
    ----------
    scores : ndarray, shape (Q, G)
        Finite.
    **banks : ndarray, shape (B, G)
        Finite, or -inf for a pair that does not count (see `without_self`).

    Raises
    ------
    InputError
    """
    scores = _table("scores", scores)
    if scores.size and not (np.isfinite(scores.min()) and np.isfinite(scores.max())):
        raise InputError("The scores hold a number that is not finite.")
    tables = [scores]
    for name, bank in banks.items():
        bank = bank_table(bank, name.replace("_", " "))
        if bank.shape[1] != scores.shape[1]:
            raise InputError(f"The {name.replace('_', ' ')} scores {bank.shape[1]} items, the queries {scores.shape[1]}.")
        tables.append(bank)
    return tuple(tables)


def bank_table(bank: np.ndarray, name: str = "bank") -> np.ndarray:
    """A bank's similarities (B, G) as an array; -inf marks a pair that does not count."""
    bank = _table(name, bank)
    if bank.size:
        highest, lowest = bank.max(), bank.min()  # either is NaN if any number is
        if np.isnan(highest) or np.isnan(lowest) or highest == np.inf:
            raise InputError(f"The {name} holds a number that is not finite.")
    return bank


def not_negative(**numbers: float) -> None:
    """Raise unless every number is finite and at least 0."""
    for name, value in numbers.items():
        if not (np.isfinite(value) and value >= 0):
            raise InputError(f"{name} must be a number from 0 on, not {value}.")


def count(k: int, name: str = "k") -> int:
    """`k` as an int of at least 1."""
    if int(k) != k or k < 1:
        raise InputError(f"{name} must be a whole number from 1 on, not {k}.")
    return int(k)


def best_columns(scores: np.ndarray, k: int, decimals: int | None = None) -> np.ndarray:
    """Which columns hold the `k` highest scores of each row, best first, ties to the lower column.

    Parameters
    ----------
    scores : ndarray, shape (n, m)
    k : int
    decimals : int, optional
        Scores count as level when they round to the same.

    Returns
    -------
    ndarray of int, shape (n, min(k, m))
    """
    width = scores.shape[1]
    k = min(k, width)
    if k == 1 and decimals is None:
        return scores.argmax(axis=1)[:, None]
    few = min(width, k + _SPARE)
    columns = np.sort(np.argpartition(scores, width - few, axis=1)[:, width - few :], axis=1)
    values = _rounded(np.take_along_axis(scores, columns, axis=1), decimals)
    order = np.argsort(-values, axis=1, kind="stable")
    best = np.take_along_axis(columns, order[:, :k], axis=1)
    if 0 < k < width and few < width:
        # As many level ones as there were spare places: some may have been left out, so these rows are ordered whole.
        values = np.take_along_axis(values, order, axis=1)
        for row in np.flatnonzero(values[:, k - 1] == values[:, -1]):
            best[row] = np.argsort(-_rounded(scores[row], decimals), kind="stable")[:k]
    return best


def _rounded(scores: np.ndarray, decimals: int | None) -> np.ndarray:
    return scores if decimals is None else np.round(scores.astype(np.float64), decimals)


def without_self(bank: np.ndarray, columns: np.ndarray | None = None) -> np.ndarray:
    """A copy of a bank in which no item is compared with itself.

    An item's similarity to itself is 1, far above all others: left in, it fills the item's normaliser, the normaliser
    becomes the same for all items and corrects nothing.

    Parameters
    ----------
    bank : ndarray, shape (B, G)
    columns : ndarray of int, shape (B,), optional
        Which item each bank row is, -1 for none. Default: row i is item i, and the bank is square.

    Returns
    -------
    ndarray of float64, shape (B, G)
        With -inf at those pairs, which every correction here leaves out.
    """
    bank = np.array(bank, np.float64)
    columns = np.arange(len(bank)) if columns is None else np.asarray(columns)
    if columns.shape != (len(bank),) or (columns >= bank.shape[1]).any():
        raise InputError(f"{columns.size} bank rows are said to be items, but the bank has {bank.shape[0]} rows "
                         f"of {bank.shape[1]} items.")
    rows = np.flatnonzero(columns >= 0)
    bank[rows, columns[rows]] = -np.inf
    return bank


def _table(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise InputError(f"The {name} must be a table of numbers (rows, items), not {values.dtype} of shape {values.shape}.")
    return values

"""Bank rows taken out of a bias again, in closed form: a query must not be held back for being a row of its own bank.

Softmax methods (``is``, the dual forms): with p the share of the rows in an item's normaliser,

    Z'(g) = Z(g) + log(1 - p),   p = sum_own exp(beta s(own, g) + w(own) - Z(g)),   w = 0.

``sinkhorn``: the same with w the scaling of each bank row. Those of the other rows are kept, which would be a little
different without these: approximate, about half of the error of leaving the rows in remains. ``csls``: rows among an
item's k highest make way for the next highest.

Taking rows out never lowers a bias, but for ``csls`` where fewer than k are left.
"""

from __future__ import annotations

import numpy as np

from core.rank.hubness.local import mean_of_first
from core.rank.hubness.softmax import BETA_GALLERY

SPARE = 3
"""Rows of a bank that can be taken out of CSLS: so many similarities beyond the k highest are kept."""
MOST_SHARE = 0.9
"""Share of a normaliser up to which the rest of it is known: an error of p grows by 1 / (1 - p)."""
_SAME = 1e-5  # cosines of one pair from two products


def given_back(
    method: str, parts: np.ndarray, own: np.ndarray, beta: float, beta2: float = BETA_GALLERY, *, k: int = 0,
    scalings: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """By how much the bias of items rises without some rows of the bank.

    Parameters
    ----------
    method : str
        One of `core.rank.hubness.BIAS_METHODS`.
    parts : ndarray, shape (n, p)
        Of `core.rank.hubness.ItemBias`, for these items.
    own : ndarray, shape (n, m)
        Cosines of the items and the rows; -inf where a row is the item itself. Of ``csls`` the first `SPARE` count.
    beta, beta2 : float
        As in `item_bias`.
    k : int
        Of ``csls``, as in `item_bias`.
    scalings : ndarray, shape (m,), optional
        Of ``sinkhorn``: `ItemBias.scalings` of the rows.

    Returns
    -------
    risen : ndarray of float64, shape (n,)
    sure : ndarray of bool, shape (n,)
        False where the rows are more than `MOST_SHARE` of a normaliser; `from_the_rest` says how much it is there.
    """
    if method == "csls":
        return _csls(parts, own[:, :SPARE], k), np.ones(len(own), bool)
    if not beta:
        return np.zeros(len(own)), np.ones(len(own), bool)
    powers = beta * own.astype(np.float64) + (0.0 if scalings is None else scalings) - parts[:, :1]
    share = np.exp(np.minimum(powers, 0.0)).sum(axis=1)
    return -_weight(method, beta, beta2) * np.log1p(-np.minimum(share, MOST_SHARE)), share <= MOST_SHARE


def from_the_rest(
    method: str, parts: np.ndarray, rest: np.ndarray, beta: float, beta2: float = BETA_GALLERY, *,
    scalings: np.ndarray | None = None,
) -> np.ndarray:
    """float64 (n,): as `given_back` of a softmax, from the cosines `rest` (n, B - m) of the rows that are left.

    An item that has nothing left to be compared with keeps its bias.
    """
    powers = beta * rest.astype(np.float64) + (0.0 if scalings is None else scalings)
    highest = powers.max(axis=1, initial=-np.inf)
    some = np.isfinite(highest)
    left = parts[:, 0].astype(np.float64)
    left[some] = highest[some] + np.log(np.exp(powers[some] - highest[some, None]).sum(axis=1))
    return _weight(method, beta, beta2) * np.maximum(parts[:, 0] - left, 0.0)


def _weight(method: str, beta: float, beta2: float) -> float:
    """What the normaliser of the query bank counts in the bias; see `softmax.joined`."""
    return 1.0 / (beta + beta2 if method == "dual_is" else beta) if beta else 0.0


def _csls(parts: np.ndarray, own: np.ndarray, k: int) -> np.ndarray:
    """parts: the k + SPARE highest similarities of each item, descending, -inf where there are fewer rows."""
    left = parts.astype(np.float64)
    before = mean_of_first(left, k)
    for column in range(own.shape[1]):
        apart = np.abs(left - own[:, column, None])
        nearest = apart.argmin(axis=1)[:, None]
        hit = np.take_along_axis(apart, nearest, axis=1) <= _SAME
        np.put_along_axis(left, nearest, np.where(hit, -np.inf, np.take_along_axis(left, nearest, axis=1)), axis=1)
    return np.nan_to_num(before - mean_of_first(left, k)) / 2.0  # nothing left to be compared with: as it was

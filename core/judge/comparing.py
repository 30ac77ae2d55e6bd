"""Is one ranking better than another, or was it luck: paired randomisation by sign flips, Holm's correction, who won.

Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval evaluation"
(2007), for the test; Holm (1979) for many tests at once; Phipson and Smyth (2010) for the one that is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError

EXACT_AT_MOST = 20_000
"""Sign patterns that are all looked at; with more of them, `DRAWS` are drawn."""
DRAWS = 10_000
_SAME = 1e-9
"""Differences up to this are none: metrics are sums of floats."""
_AT_A_TIME = 4_000_000


@dataclass(frozen=True, slots=True)
class Sides:
    """For how many queries the second ranking is better, equal, worse."""

    wins: int
    ties: int
    losses: int


def sides(before: Sequence[float] | np.ndarray, after: Sequence[float] | np.ndarray) -> Sides:
    """Count wins, ties and losses of `after`.

    Raises
    ------
    InputError
        The two are not of the same queries.
    """
    gains = _differences(before, after)
    wins, losses = int((gains > 0).sum()), int((gains < 0).sum())
    return Sides(wins, len(gains) - wins - losses, losses)


def randomisation_p(before: Sequence[float] | np.ndarray, after: Sequence[float] | np.ndarray, *, seed: int = 0) -> float:
    """Two-sided p of the paired randomisation test: how often a difference this large comes of swapping at random.

    Under the null hypothesis the two figures of a query could have been swapped, so the sign of each difference is a coin.
    Queries without a difference cannot change the sum and are left out first. All sign patterns are looked at where there
    are at most `EXACT_AT_MOST`; else `DRAWS` are drawn, and the pattern that was seen counts as one more, so that p is
    never 0.

    Parameters
    ----------
    before, after : sequence of float, shape (n,)
        A metric of two rankings for the same queries in the same order.

    Returns
    -------
    float
        In (0, 1]; 1 where nothing differs.

    Raises
    ------
    InputError
        They are not of the same length.
    """
    gains = _differences(before, after)
    gains = gains[gains != 0]
    n = len(gains)
    if not n:
        return 1.0
    seen = abs(gains.sum()) - _SAME
    if 2**n <= EXACT_AT_MOST:
        patterns = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return float((np.abs((1 - 2 * patterns) @ gains) >= seen).mean())
    rng, extreme = np.random.default_rng(seed), 0
    step = max(1, _AT_A_TIME // n)
    for start in range(0, DRAWS, step):
        signs = 1.0 - 2.0 * rng.integers(0, 2, (min(step, DRAWS - start), n))
        extreme += int((np.abs(signs @ gains) >= seen).sum())
    return (1 + extreme) / (1 + DRAWS)


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down correction: each p as it stands when all of them are looked at.

    The smallest is multiplied by their number m, the next by m - 1, and so on; none is smaller than the one before it in
    that order, and none above 1.

    Raises
    ------
    InputError
        One is not between 0 and 1.
    """
    values = np.asarray(ps, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError(f"p values lie between 0 and 1; these are {list(ps)}.")
    order = np.argsort(values, kind="stable")
    raised = np.minimum(1.0, np.maximum.accumulate(values[order] * (len(values) - np.arange(len(values)))))
    out = np.empty_like(values)
    out[order] = raised
    return tuple(float(p) for p in out)


def _differences(before: Sequence[float] | np.ndarray, after: Sequence[float] | np.ndarray) -> np.ndarray:
    one, two = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if one.shape != two.shape or one.ndim != 1:
        raise InputError(f"{one.shape} figures before and {two.shape} after cannot be paired.")
    gains = two - one
    gains[np.abs(gains) <= _SAME] = 0.0
    return gains

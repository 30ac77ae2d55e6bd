"""What N_k would be without hubs: every item equally likely in every ranking."""

from __future__ import annotations

from bisect import bisect_left

from core.errors import InputError

SHARE = 0.999
"""By chance alone one item in a thousand is found more often than `chance_bound`."""


def expected_occurrence(k: int, n_queries: int, n_items: int) -> float:
    """The mean of N_k, n_queries * k / n_items: with no hubs every item expects as much; 0 without items."""
    return n_queries * min(k, n_items) / n_items if n_items else 0.0


def chance_bound(k: int, n_queries: int, n_items: int, *, themselves: bool = False, share: float = SHARE) -> int:
    """Up to how often an item is found by chance: the smallest m with P(N_k <= m) >= `share`.

    If every query drew its `k` results evenly from all items, an item's N_k would be binomial: `n_queries` trials, each
    with probability k / n_items.

    Parameters
    ----------
    themselves : bool
        The items ask, each for the others: n_items - 1 trials with k / (n_items - 1). The mean stays the same.
    share : float
        In (0, 1).

    Raises
    ------
    InputError
        If `k` is below 1, a count negative, or `share` outside (0, 1).
    """
    from scipy.special import bdtr

    if k < 1 or n_queries < 0 or n_items < 0 or not 0 < share < 1:
        raise InputError(f"Chance needs k of at least 1, counts and a share in (0, 1), not k={k}, {n_queries} queries, "
                         f"{n_items} items, share {share}.")
    trials, of = (n_queries - 1, n_items - 1) if themselves else (n_queries, n_items)
    if trials <= 0 or of <= 0:
        return 0
    if k >= of:
        return trials
    return bisect_left(range(trials), share, key=lambda m: float(bdtr(m, trials, k / of)))

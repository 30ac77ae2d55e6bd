"""Intervals for means and for differences of means, by resampling what was measured (Efron, 1979).

What is resampled are groups: measurements of one group (captions of one image, copies of one picture) hang together,
and taking them for independent would make every interval too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import InputError

RESAMPLES = 2_000
LEVEL = 0.95
_AT_A_TIME = 2_000_000
"""Draws held in memory at once."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the bounds between which it would fall in `level` of all repetitions.

    Attributes
    ----------
    value, low, high : float
    n : int
        Groups that were resampled.
    level : float
    """

    value: float
    low: float
    high: float
    n: int
    level: float = LEVEL

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below 0."""
        return self.high < 0


def bootstrap_mean(
    values: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The mean of some measurements with its percentile interval.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    groups : ndarray of int, shape (n,), optional
        Measurements of the same group are drawn together; each on its own by default.
    seed : int
        The same seed gives the same interval, and two calls with the same groups draw the same groups.

    Raises
    ------
    InputError
        There is nothing to average, or the shapes do not fit.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InputError(f"An interval needs measurements in a row, one or more; these have shape {values.shape}.")
    if groups is None:
        groups = np.arange(len(values))
    if np.shape(groups) != values.shape:
        raise InputError(f"There are {len(values)} measurements and groups of shape {np.shape(groups)}; give one each.")
    if not 0 < level < 1:
        raise InputError(f"The level is {level}; give a share between 0 and 1, such as 0.95.")
    _, group_of = np.unique(groups, return_inverse=True)
    n = int(group_of.max()) + 1
    sums = np.bincount(group_of, weights=values, minlength=n)
    sizes = np.bincount(group_of, minlength=n).astype(np.float64)
    rng = np.random.default_rng(seed)
    step = max(1, _AT_A_TIME // n)
    means = []
    for start in range(0, resamples, step):
        drawn = rng.integers(0, n, (min(step, resamples - start), n))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high), n, level)


def paired_difference(
    before: np.ndarray,
    after: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Mean of ``after - before``, measured on the same things, with its percentile interval.

    Pairing takes out what makes one query harder than another, so a small change can be seen among few queries.
    Parameters as `bootstrap_mean`; `before` and `after` are in the same order.

    Raises
    ------
    InputError
        They are not of the same length.
    """
    before, after = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if before.shape != after.shape:
        raise InputError(f"{before.shape} measurements before and {after.shape} after cannot be paired.")
    return bootstrap_mean(after - before, groups, resamples=resamples, level=level, seed=seed)

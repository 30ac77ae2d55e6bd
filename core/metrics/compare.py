"""Is one ranking better than another on the same queries? Paired randomisation, bootstrap, Holm, effect size.

Methods: Fisher's randomisation test on paired differences (Smucker, Allan, Carterette, CIKM 2007); the ``+1`` of sampled tests
(Phipson, Smyth 2010); Holm's step-down correction (Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import InputError
from core.metrics.intervals import Interval, paired_difference

EXACT_UP_TO = 20
"""Differences other than 0 up to which all 2^n sign flips are looked at."""
DRAWS = 20_000
ALPHA = 0.05
_SAME = 1e-9
"""Differences up to here are ties: sums of the same numbers in another order differ by less."""
_AT_A_TIME = 4_000_000


@dataclass(frozen=True, slots=True)
class Compared:
    """Two measurements of the same queries.

    Attributes
    ----------
    before, after : str
        What is compared: two recipes.
    metric : str
    n : int
        Queries.
    mean_before, mean_after : float
    difference : Interval
        Mean of after - before with its paired bootstrap interval.
    p : float
        Two-sided p of the paired randomisation test.
    exact : bool
        Whether all sign flips were looked at; else `draws` of them.
    draws : int
    effect : float or None
        Mean difference in units of the differences' standard deviation (d_z); None where that is 0 or there is one query.
    wins, ties, losses : int
        Queries that `after` answers better, equally, worse.
    p_holm : float or None
        `p` corrected for `n_comparisons` comparisons; None where nothing was corrected yet.
    """

    before: str
    after: str
    metric: str
    n: int
    mean_before: float
    mean_after: float
    difference: Interval
    p: float
    exact: bool
    draws: int
    effect: float | None
    wins: int
    ties: int
    losses: int
    p_holm: float | None = None
    n_comparisons: int = 1

    def verdict(self, alpha: float = ALPHA) -> str:
        """``better``, ``worse`` or ``no difference shown``: by the corrected p where there is one."""
        p = self.p if self.p_holm is None else self.p_holm
        if p > alpha or abs(self.difference.value) <= _SAME:
            return "no difference shown"
        return "better" if self.difference.value > 0 else "worse"


def randomisation_test(differences: np.ndarray, *, draws: int = DRAWS, exact_up_to: int = EXACT_UP_TO, seed: int = 0) -> tuple[float, bool]:
    """Two-sided p of the mean of paired differences: how often signs given by chance lead as far from 0.

    Parameters
    ----------
    differences : ndarray of float, shape (n,)
        After - before, a query each. Those that are 0 say nothing either way and change no sum.
    draws : int
        Sign flips sampled where there are too many; then ``p = (1 + as far) / (1 + draws)``, which is never 0.
    exact_up_to : int
        Differences other than 0 up to which all 2^n sign flips are counted, at most 24.

    Returns
    -------
    p : float
        In (0, 1]; 1.0 where no difference is other than 0.
    exact : bool

    Raises
    ------
    InputError
        There is no difference, or one is no number.
    """
    differences = np.asarray(differences, dtype=np.float64)
    if differences.ndim != 1 or not len(differences):
        raise InputError(f"A comparison needs one query or more; the differences have shape {differences.shape}.")
    if not np.isfinite(differences).all():
        raise InputError("A difference is no number; leave out the queries that one side has no value for.")
    moved = differences[np.abs(differences) > _SAME]
    if not len(moved):
        return 1.0, True
    observed = abs(moved.sum())
    reached = observed - 1e-9 * np.abs(moved).sum()
    if len(moved) <= min(exact_up_to, 24):
        # The first sign stays: its flip gives the same sums with the other sign.
        sums = moved[:1]
        for one in moved[1:]:
            sums = np.concatenate([sums + one, sums - one])
        return float(np.mean(np.abs(sums) >= reached)), True
    rng = np.random.default_rng(seed)
    step = max(1, _AT_A_TIME // len(moved))
    as_far = 0
    for start in range(0, draws, step):
        plus = rng.integers(0, 2, (min(step, draws - start), len(moved)), dtype=np.int8)
        as_far += int(np.sum(np.abs(2.0 * (plus @ moved) - moved.sum()) >= reached))
    return (1 + as_far) / (1 + draws), False


def holm(ps: Sequence[float]) -> list[float]:
    """p values corrected for all being looked at: sorted, times (m, m-1, ..., 1), never falling, at most 1.

    Returns
    -------
    list of float
        In the order of `ps`.
    """
    adjusted, highest = [0.0] * len(ps), 0.0
    for place, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[i]))
        adjusted[i] = highest
    return adjusted


def compare(
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    names: tuple[str, str] = ("before", "after"),
    metric: str = "",
    draws: int = DRAWS,
    seed: int = 0,
) -> Compared:
    """Compare two recipes by one metric, query by query.

    Parameters
    ----------
    before, after : Mapping of query id to value
        Of the same queries.

    Raises
    ------
    InputError
        They are not of the same queries; the message has both numbers.
    """
    if before.keys() != after.keys():
        raise InputError(f"{names[0]} has values for {len(before):,} queries and {names[1]} for {len(after):,}, "
                         f"{len(before.keys() & after.keys()):,} of them the same; compare on the same queries.")  # fmt: skip
    order = sorted(before)
    a, b = (np.array([values[q] for q in order], dtype=np.float64) for values in (before, after))
    difference = b - a
    p, exact = randomisation_test(difference, draws=draws, seed=seed)
    spread = float(difference.std(ddof=1)) if len(order) > 1 else 0.0
    wins, losses = int(np.sum(difference > _SAME)), int(np.sum(difference < -_SAME))
    return Compared(
        names[0], names[1], metric, len(order), float(a.mean()), float(b.mean()), paired_difference(a, b, seed=seed), p, exact,
        0 if exact else draws, float(difference.mean()) / spread if spread > _SAME else None,
        wins, len(order) - wins - losses, losses,
    )  # fmt: skip


def corrected(found: Sequence[Compared]) -> list[Compared]:
    """The same comparisons with `p_holm`, taken as one family: all that are looked at together."""
    return [replace(one, p_holm=p, n_comparisons=len(found)) for one, p in zip(found, holm([one.p for one in found]))]


def against(
    baseline: str, values: Mapping[str, Mapping[str, Mapping[str, float]]], *, draws: int = DRAWS, seed: int = 0
) -> list[Compared]:
    """Every recipe against one of them by every metric, corrected together.

    Parameters
    ----------
    baseline : str
        A key of `values`.
    values : Mapping of recipe to Mapping of metric to Mapping of query id to value
        As `core.metrics.evaluate.Evaluation.per_query`.

    Raises
    ------
    InputError
        There is no such baseline, or a recipe lacks a metric of it or was measured on other queries.
    """
    if baseline not in values:
        raise InputError(f"There is no recipe {baseline!r} to compare with; there are: {', '.join(values)}.")
    found = []
    for name, by_metric in values.items():
        if name == baseline:
            continue
        for metric, before in values[baseline].items():
            if metric not in by_metric:
                raise InputError(f"{name} was not measured by {metric}, and {baseline} was; measure both alike.")
            found.append(compare(before, by_metric[metric], names=(baseline, name), metric=metric, draws=draws, seed=seed))
    return corrected(found)


def by_difference(before: Mapping[str, float], after: Mapping[str, float]) -> list[tuple[str, float]]:
    """Queries that both have with after - before, the largest gain first, then by id: the order of the per-query bars."""
    return sorted(((q, after[q] - before[q]) for q in before if q in after), key=lambda one: (-one[1], one[0]))

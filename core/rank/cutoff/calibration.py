"""Whether probabilities mean what they say: bins, the expected error, and isotonic regression (PAV)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs whose probability lies in low .. high: how many, their mean probability, and the share that is relevant."""

    low: float
    high: float
    n: int
    said: float
    true: float


def reliability(probability: np.ndarray, relevant: np.ndarray, bins: int = BINS) -> tuple[Bin, ...]:
    """Equal-width bins of probability, those without a pair left out; 1.0 belongs to the last."""
    probability, relevant = np.asarray(probability, np.float64), np.asarray(relevant, np.float64)
    which = np.minimum((probability * bins).astype(int), bins - 1)
    return tuple(
        Bin(b / bins, (b + 1) / bins, int(here.sum()), float(probability[here].mean()), float(relevant[here].mean()))
        for b in range(bins) if (here := which == b).any()
    )  # fmt: skip


def expected_error(table: tuple[Bin, ...]) -> float:
    """Expected calibration error: the mean gap between what is said and what is true, weighted by pairs, 0..1."""
    n = sum(one.n for one in table)
    return sum(one.n * abs(one.said - one.true) for one in table) / n if n else float("nan")


def isotonic(values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The least-squares fit to `targets` that never falls as `values` rise: pool adjacent violators.

    Parameters
    ----------
    values, targets : ndarray of float, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        In the order of `values`; equal values have equal fits.
    """
    values, targets = np.asarray(values, np.float64), np.asarray(targets, np.float64)
    distinct, which = np.unique(values, return_inverse=True)
    if not len(distinct):
        return np.empty(0)
    sizes = np.bincount(which).astype(np.float64)
    sums = np.bincount(which, weights=targets)
    blocks: list[tuple[float, float, int]] = []  # sum, weight, distinct values in it
    for total, weight in zip(sums, sizes):
        n = 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / weight:
            before = blocks.pop()
            total, weight, n = total + before[0], weight + before[1], n + before[2]
        blocks.append((total, weight, n))
    fitted = np.concatenate([np.full(n, total / weight) for total, weight, n in blocks])
    return fitted[which]


def miscalibration(probability: np.ndarray, relevant: np.ndarray) -> float:
    """What of the Brier score would go if each probability were replaced by what isotonic regression makes of it; 0 is ideal.

    Unlike the expected error it hangs on no bins. Source: Dimitriadis, Gneiting and Jordan, "Stable reliability diagrams"
    (PNAS 2021), the MCB term.
    """
    probability, relevant = np.asarray(probability, np.float64), np.asarray(relevant, np.float64)
    better = isotonic(probability, relevant)
    return float(((probability - relevant) ** 2 - (better - relevant) ** 2).mean())

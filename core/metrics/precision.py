"""Average precision of one ranking, with the number it is divided by named: papers differ in it, and figures with it.

Papers: INQUIRE (54) and Google Landmarks v2 (38) divide by min(R, k); trec_eval and ir-measures by R; CriSp (37) by the smaller of
R and the results that are there; revisited Oxford and Paris (3) take the trapezoid, without junk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError

NORMALISERS: Mapping[str, str] = {
    "relevant": "divided by R, the number of all relevant items (trec_eval, ir-measures)",
    "cutoff": "divided by min(R, k): 1 is reached by k right results (INQUIRE, Google Landmarks v2)",
    "shown": "divided by min(R, results that were shown), at most k of them",
}
"""What a sum of precisions is divided by: its name, and words for it."""


def average_precision(
    ranking: Sequence[str], relevant: Collection[str], k: int | None = None, *, by: str = "relevant"
) -> float | None:
    """Sum of the precision at each relevant result among the first `k`, divided as `by` says.

    Parameters
    ----------
    ranking : sequence of str
        Item ids, best first; where one stands twice, only its first place counts.
    relevant : collection of str
        All relevant items, found or not.
    k : int, optional
        Results looked at; all by default, and then ``cutoff`` divides as ``relevant`` does.
    by : {"relevant", "cutoff", "shown"}
        See `NORMALISERS`.

    Returns
    -------
    float or None
        0..1; None where nothing is relevant.

    Raises
    ------
    InputError
    """
    if by not in NORMALISERS:
        raise InputError(f"AP cannot be divided by {by!r}; there are: {', '.join(NORMALISERS)}.")
    if k is not None and k < 1:
        raise InputError(f"k is {k}; give 1 or more.")
    wanted = set(relevant)
    if not wanted:
        return None
    first = list(dict.fromkeys(ranking))[:k]
    right, total = 0, 0.0
    for rank, item in enumerate(first, 1):
        if item in wanted:
            right += 1
            total += right / rank
    divisor = {"relevant": len(wanted), "cutoff": min(len(wanted), k or len(wanted)), "shown": min(len(wanted), len(first))}[by]
    return total / divisor if divisor else 0.0


def mean(values: Sequence[float | None], *, none_is: float | None = None) -> tuple[float | None, int]:
    """Mean over queries, and how many were left out because nothing is relevant for them.

    Parameters
    ----------
    values : sequence of float or None
    none_is : float, optional
        What such a query counts instead of being left out.
    """
    counted = [none_is if value is None else value for value in values if value is not None or none_is is not None]
    return (float(np.mean(counted)) if counted else None), len(values) - len(counted)


# ---------------------------------------------------------------- with junk: revisited Oxford and Paris


LEVELS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "easy": (("easy",), ("hard", "junk")),
    "medium": (("easy", "hard"), ("junk",)),
    "hard": (("hard",), ("easy", "junk")),
}
"""For each level: what is right, and what is taken out of the ranking before anything is counted."""


@dataclass(frozen=True, slots=True)
class Graded:
    """What is known of one query's items. What is in none of the three is wrong."""

    easy: frozenset[str] = frozenset()
    hard: frozenset[str] = frozenset()
    junk: frozenset[str] = frozenset()

    def at(self, level: str) -> tuple[frozenset[str], frozenset[str]]:
        """(right, taken out) at a level of `LEVELS`."""
        if level not in LEVELS:
            raise InputError(f"There is no level {level!r}; there are: {', '.join(LEVELS)}.")
        right, out = LEVELS[level]
        return frozenset().union(*(getattr(self, name) for name in right)), frozenset().union(*(getattr(self, name) for name in out))


def trapezoid_ap(positions: Sequence[int], n_relevant: int) -> float:
    """AP by trapezoids: the mean of the precision just before and at each right result (Oxford buildings; paper 3).

    Parameters
    ----------
    positions : sequence of int
        Places of right results from 0, rising, after junk is taken out.
    n_relevant : int
        All right items, 1 or more.
    """
    if n_relevant < 1:
        raise InputError("Nothing is relevant for this query; leave it out of the mean.")
    total = 0.0
    for j, position in enumerate(positions):
        before = 1.0 if position == 0 else j / position
        total += (before + (j + 1) / (position + 1)) / 2
    return total / n_relevant


def junk_aware(ranking: Sequence[str], graded: Graded, level: str, ks: Sequence[int] = (1, 5, 10)) -> tuple[float | None, dict[int, float]]:
    """AP and P@k of one query at a level, junk taken out of the ranking first (revisited Oxford and Paris; paper 3).

    Parameters
    ----------
    ranking : sequence of str
        All items, best first; right ones that are not in it count as never found.
    level : {"easy", "medium", "hard"}
    ks : sequence of int
        As in the benchmark, P@k looks at no more results than down to the last right one.

    Returns
    -------
    ap : float or None
        None where nothing is right at this level: the query does not count.
    precisions : dict of int to float
        Empty then.
    """
    right, out = graded.at(level)
    if not right:
        return None, {}
    kept = [item for item in dict.fromkeys(ranking) if item not in out]
    positions = [place for place, item in enumerate(kept) if item in right]
    if not positions:
        return 0.0, dict.fromkeys(ks, 0.0)
    last = positions[-1] + 1
    return trapezoid_ap(positions, len(right)), {k: sum(p < min(k, last) for p in positions) / min(k, last) for k in ks}


def junk_aware_map(
    rankings: Mapping[str, Sequence[str]], graded: Mapping[str, Graded], ks: Sequence[int] = (1, 5, 10)
) -> dict[str, dict[str, float | int | None]]:
    """``{"easy": {"mAP": ..., "mP@1": ..., "queries": ..., "left_out": ...}, "medium": ..., "hard": ...}``.

    A query without an answer counts 0; one for which nothing is right at a level is left out there.
    """
    table: dict[str, dict[str, float | int | None]] = {}
    for level in LEVELS:
        found = [junk_aware(rankings.get(query, ()), one, level, ks) for query, one in graded.items()]
        counted = [one for one in found if one[0] is not None]
        table[level] = {"mAP": float(np.mean([ap for ap, _ in counted])) if counted else None,
                        **{f"mP@{k}": float(np.mean([p[k] for _, p in counted])) if counted else None for k in ks},
                        "queries": len(counted), "left_out": len(found) - len(counted)}  # fmt: skip
    return table

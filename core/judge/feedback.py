"""Whether refining a query by its judgments finds more of what was not used for it.

The judged items of a query are cut in two: one half makes the refined query, the other measures. What made it is taken out
of both rankings (the residual collection), or it would only be shown to find again what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.metrics.intervals import LEVEL, Interval
from core.metrics.ranking import per_query
from core.wording import verb

METRIC, DEPTH = "nDCG@10", 10
SPLITS = 20
LEAST, LEAST_RELEVANT = 4, 2
"""Judged items, and relevant ones among them, that two halves need."""
Ranking = Callable[[Mapping[str, int] | None, Set[str]], Sequence[str]]
"""(grades to refine by, or None for the query as it is; items left out) -> ids of the best `DEPTH`."""


@dataclass(frozen=True, slots=True)
class Gain:
    """nDCG@10 on the held-back halves before and after.

    Attributes
    ----------
    before, after : float
        Means over the splits, 0..1.
    change : Interval
        Mean difference, and where it falls in 95 of 100 splits. The splits share one query's judgments: this says how much
        hangs on which half is used, not how other queries would fare.
    judged : float
        Share of the refined rankings' first ten that anybody judged, 0..1. What nobody judged counts as not relevant.
    """

    before: float
    after: float
    change: Interval
    judged: float


def halves(grades: Mapping[str, int], seed: int) -> tuple[dict[str, int], dict[str, int]]:
    """Cut judged items in two, relevant and other ones apart, so that both halves have a relevant one.

    Raises
    ------
    InputError
        There are too few; the message has both numbers.
    """
    relevant = sorted(item for item, grade in grades.items() if grade >= 1)
    if len(grades) < LEAST or len(relevant) < LEAST_RELEVANT:
        raise InputError(f"Measuring what refining does takes {LEAST} judged images or more, {LEAST_RELEVANT} of them relevant; here "
                         f"{len(grades)} {verb(len(grades))} judged and {len(relevant)} relevant.")  # fmt: skip
    rng = np.random.default_rng(seed)
    feedback: dict[str, int] = {}
    test: dict[str, int] = {}
    for some in (relevant, sorted(set(grades) - set(relevant))):
        dealt = [some[i] for i in rng.permutation(len(some))]
        middle = (len(dealt) + 1) // 2 if some is not relevant else max(1, len(dealt) // 2)
        feedback |= {item: grades[item] for item in dealt[:middle]}
        test |= {item: grades[item] for item in dealt[middle:]}
    return feedback, test


def measure(
    grades: Mapping[str, int], ranking: Ranking, *, splits: int = SPLITS, seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Gain:
    """nDCG@10 before and after refining, over seeded splits.

    Parameters
    ----------
    ranking : callable
        See `Ranking`.

    Raises
    ------
    InputError
        Too little is judged.
    """
    qrels: dict[str, dict[str, int]] = {}
    runs: dict[str, dict[str, dict[str, float]]] = {"before": {}, "after": {}}
    for n in range(splits):
        feedback, test = halves(grades, seed + n)
        name, out = f"s{n}", frozenset(feedback)
        qrels[name] = test
        for when, used in (("before", None), ("after", feedback)):
            found = [item for item in ranking(used, out) if item not in out][:DEPTH]
            runs[when][name] = {item: float(-rank) for rank, item in enumerate(found)}
        if on_progress is not None:
            on_progress(n + 1, splits)
    names = list(qrels)
    before, after = (np.array([per_query(qrels, runs[when], [METRIC])[METRIC][name] for name in names]) for when in ("before", "after"))
    change = after - before
    low, high = np.quantile(change, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    looked = sum(len(run) for run in runs["after"].values())
    judged = sum(item in grades for run in runs["after"].values() for item in run)
    return Gain(float(before.mean()), float(after.mean()), Interval(float(change.mean()), float(low), float(high), splits),
                judged / looked if looked else 0.0)  # fmt: skip

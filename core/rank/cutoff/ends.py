"""Where a line falls in whole rankings, judged or not: what somebody who searches sees of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.rank.cutoff.models import Model
from core.rank.cutoff.rows import Rows


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a line falls in the rankings of some queries.

    Attributes
    ----------
    n : int
        Queries.
    shown : int
        Results that are looked at.
    within : int
        Queries whose line has results above it and falls before the last of those shown.
    empty : int
        Queries with nothing above their line.
    further : int
        Queries whose line falls after those shown.
    whole : int
        Queries with all of their results above, so that there is no line.
    median : int or None
        Results above the line of the middle query (of two the lower one); None where it lies beyond what was ranked.
    """

    n: int
    shown: int
    within: int
    empty: int
    further: int
    whole: int
    median: int | None


def ends(model: Model, rows: Rows, rankings: Sequence[np.ndarray], *, shown: int, depth: int) -> Ends:
    """Lay a model's line through rankings.

    Parameters
    ----------
    rows : Rows
        For the queries' vectors and backgrounds.
    rankings : sequence of ndarray of float, length Q
        Scores of each query's best results, falling; `depth` of them, fewer only where there are no more.
    shown : int
        At most `depth`.
    """
    sizes = np.array([len(scores) for scores in rankings], int)
    query = np.repeat(np.arange(len(rankings)), sizes)
    strength = model.strength(np.concatenate([np.empty(0), *rankings]), query, rows.vectors, rows.mean, rows.sd)
    above = np.bincount(query[strength >= model.cut], minlength=len(rankings))
    empty = above == 0
    whole = ~empty & (above == sizes) & (sizes < depth)
    within = ~empty & ~whole & (above < shown)
    middle = int(np.sort(above)[(len(above) - 1) // 2]) if len(above) else 0
    # All that was ranked is above: the line is somewhere beyond, or nowhere.
    return Ends(len(above), shown, int(within.sum()), int(empty.sum()), int((~empty & ~whole & ~within).sum()), int(whole.sum()),
                None if middle >= depth else middle)  # fmt: skip

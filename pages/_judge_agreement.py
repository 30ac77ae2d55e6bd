"""How far judges agree, in a line for the side panel."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.workbench import Workbench


def agreement_line(wb: Workbench, query_id: str) -> str:
    """Raw agreement on a query: of every two grades that two judges gave to the same image, the share that is equal.

    Empty where no image was graded by two.
    """
    pairs = [
        (one.grade, other.grade)
        for given in wb.judgments.said(query_id).values()
        for one, other in combinations([j for j in given if j.grade is not None], 2)
    ]
    if not pairs:
        return ""
    same = sum(one == other for one, other in pairs)
    return f"{same / len(pairs):.0%} raw agreement on this query ({same:,} of {len(pairs):,} pairs of grades are equal)"

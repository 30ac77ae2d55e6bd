"""Revisited Oxford and Paris (paper 3) on one's own judgments: easy, hard, junk and wrong from grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.judge.judgments import Consolidated
from core.metrics.precision import Graded, junk_aware_map

DEFINITION = (
    "mAP by trapezoids with junk taken out of the ranking first. Easy: grades 2 and 3 are right, grade 1 and \"can't tell\" are junk."
    " Medium: grades 1 to 3 are right, \"can't tell\" is junk. Hard: grade 1 is right, grades 2 and 3 and \"can't tell\" are junk."
    " Everything else is wrong, unjudged items too. A query with nothing right at a level is left out there."
)


def of_grades(consolidated: Sequence[Consolidated]) -> dict[str, Graded]:
    """What is easy, hard and junk for each query: grade 2 or 3, grade 1, and what nobody could tell.

    Returns
    -------
    dict of query id to Graded
        Every query with a judgment.
    """
    sets: dict[str, dict[str, set[str]]] = {}
    for one in consolidated:
        kinds = sets.setdefault(one.query_id, {"easy": set(), "hard": set(), "junk": set()})
        kind = "junk" if one.grade is None else {0: "", 1: "hard"}.get(one.grade, "easy")
        if kind:
            kinds[kind].add(one.item_id)
    return {query: Graded(*(frozenset(kinds[name]) for name in ("easy", "hard", "junk"))) for query, kinds in sets.items()}


def measure(
    rankings: Mapping[str, Sequence[str]], consolidated: Sequence[Consolidated], ks: Sequence[int] = (1, 5, 10)
) -> dict[str, dict[str, float | int | None]]:
    """`core.metrics.precision.junk_aware_map` on judgments; `DEFINITION` says in words what it is."""
    return junk_aware_map(rankings, of_grades(consolidated), ks)

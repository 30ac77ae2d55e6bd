"""The ladder: what can be learned from so many judgments, and why not more."""

from __future__ import annotations

from dataclasses import dataclass

from core.wording import counted, verb

RECALLS = (0.9, 0.95, 0.99)
"""Shares of what is relevant that pages offer to keep."""
LABELS_PLATT, LABELS_ADAPTER = 20, 200
"""Judged pairs from which on a curve is fitted, and above which its shape may hang on the query."""
QUERIES_PLATT, QUERIES_ADAPTER = 6, 20
"""Queries with a relevant result that each needs."""
RELEVANT_STEADY = 20
"""Relevant pairs below which a threshold is unsteady (paper 32 warns there)."""
Z_CUT = 2.5
"""Deviations above the mean of a query's scores, where nothing was judged."""


@dataclass(frozen=True, slots=True)
class Rung:
    """``zscore``, ``platt`` or ``adapter``, and why it is that one, in a sentence; `reach` says so where the counts stand beside it."""

    name: str
    why: str
    reach: str = ""


def rung_for(labels: int, queries: int, relevant: int) -> Rung:
    """The rung for so many judged pairs, queries with a relevant one among them, and relevant pairs."""
    graded = f"{counted(labels, 'result')} {verb(labels)} judged"
    of = counted(queries, "query", "queries")
    if labels < LABELS_PLATT:
        return _rung("zscore", f"{graded}, and", f"learning a probability takes {LABELS_PLATT} or more.")
    if queries < QUERIES_PLATT:
        needs = "learning a probability takes {} or more{}, so that some can test it.".format
        return _rung("zscore", f"{of} with a relevant result {verb(queries)} judged, and", needs(QUERIES_PLATT, ""),
                     needs(f"{QUERIES_PLATT} queries", " with a relevant result"))  # fmt: skip
    if relevant == labels:
        return _rung("zscore", f"All {labels:,} judged results are relevant, and", "learning where they end takes some that are not.",
                     "learning where they end takes some that are not relevant.")  # fmt: skip
    if labels <= LABELS_ADAPTER:
        return _rung("platt", f"{graded};", f"a curve for each query takes more than {LABELS_ADAPTER}.")
    if queries < QUERIES_ADAPTER:
        return _rung("platt", f"{of} with a relevant result {verb(queries)} judged;",
                     f"a curve for each query takes {QUERIES_ADAPTER} or more.",
                     f"a curve for each query takes {QUERIES_ADAPTER} queries or more with a relevant result.")  # fmt: skip
    return _rung("adapter", f"{graded} on {of} with a relevant one:", "enough for a curve for each query.",
                 "that is enough for a curve for each query.")  # fmt: skip


def _rung(name: str, counts: str, needs: str, alone: str = "") -> Rung:
    """`alone`: `needs` as it is said where the counts stand beside it."""
    alone = alone or needs
    return Rung(name, f"{counts} {needs}", alone[0].upper() + alone[1:])

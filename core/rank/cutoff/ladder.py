"""The ladder: what can be learned from so many judgments, and why not more."""

from __future__ import annotations

from dataclasses import dataclass

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
    graded = "1 result is judged" if labels == 1 else f"{labels:,} results are judged"
    of = "1 query" if queries == 1 else f"{queries:,} queries"
    if labels < LABELS_PLATT:
        needs = f"earning a probability takes {LABELS_PLATT} or more."
        return Rung("zscore", f"{graded}, and l{needs}", f"L{needs}")
    if queries < QUERIES_PLATT:
        needs = f"earning a probability takes {QUERIES_PLATT} or more, so that some can test it."
        return Rung("zscore", f"{of} with a relevant result {'is' if queries == 1 else 'are'} judged, and l{needs}",
                    f"L{needs.replace(' or more', ' queries or more with a relevant result')}")  # fmt: skip
    if relevant == labels:
        needs = "earning where they end takes some that are not"
        return Rung("zscore", f"All {labels:,} judged results are relevant, and l{needs}.", f"L{needs} relevant.")
    if labels <= LABELS_ADAPTER:
        return Rung("platt", f"{graded}; a curve for each query takes more than {LABELS_ADAPTER}.",
                    f"A curve for each query takes more than {LABELS_ADAPTER}.")  # fmt: skip
    if queries < QUERIES_ADAPTER:
        return Rung("platt", f"{of} with a relevant result {'is' if queries == 1 else 'are'} judged; a curve for each query takes "
                    f"{QUERIES_ADAPTER} or more.", f"A curve for each query takes {QUERIES_ADAPTER} queries or more with a relevant "
                    "result.")  # fmt: skip
    return Rung("adapter", f"{graded} on {of} with a relevant one: enough for a curve for each query.",
                "That is enough for a curve for each query.")  # fmt: skip

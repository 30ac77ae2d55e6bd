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
    """``zscore``, ``platt`` or ``adapter``, and why it is that one, in a sentence."""

    name: str
    why: str


def rung_for(labels: int, queries: int, relevant: int) -> Rung:
    """The rung for so many judged pairs, queries with a relevant one among them, and relevant pairs."""
    graded = "1 result is judged" if labels == 1 else f"{labels:,} results are judged"
    of = "1 query" if queries == 1 else f"{queries:,} queries"
    if labels < LABELS_PLATT:
        return Rung("zscore", f"{graded}, and learning a probability takes {LABELS_PLATT} or more.")
    if queries < QUERIES_PLATT:
        return Rung("zscore", f"{of} with a relevant result {'is' if queries == 1 else 'are'} judged, and learning a probability "
                    f"takes {QUERIES_PLATT} or more, so that some can test it.")  # fmt: skip
    if relevant == labels:
        return Rung("zscore", f"All {labels:,} judged results are relevant, and learning where they end takes some that are not.")
    if labels <= LABELS_ADAPTER:
        return Rung("platt", f"{graded}; a curve for each query takes more than {LABELS_ADAPTER}.")
    if queries < QUERIES_ADAPTER:
        return Rung("platt", f"{of} with a relevant result are judged; a curve for each query takes {QUERIES_ADAPTER} or more.")
    return Rung("adapter", f"{graded} on {of} with a relevant one: enough for a curve for each query.")

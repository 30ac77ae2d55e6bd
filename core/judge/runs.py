"""From searches to a TREC run that every tool orders as the search did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from core.errors import InputError, LoupeError
from core.judge.trec import RunLine
from core.types import Query, SavedQuery, SearchResult


def answered(
    queries: Sequence[SavedQuery], search: Callable[[Query], SearchResult]
) -> Iterator[tuple[SavedQuery, SearchResult]]:
    """Each query with its answer.

    Raises
    ------
    InputError
        A query cannot be answered; the message says which.
    """
    for n, query in enumerate(queries, 1):
        try:
            yield query, search(query.query)
        except LoupeError as error:
            raise InputError(f"Query {n} of {len(queries)} ({query.query_id}) cannot be answered: {error}") from error


def run_lines(query_id: str, result: SearchResult, tag: str) -> list[RunLine]:
    """Hits as lines of a run whose scores fall strictly, so that every tool keeps the order of the ranking.

    Others order equal scores their own way (trec_eval by id, from behind, and in single precision); where our scores are
    equal or as good as equal, the next lower single-precision number is written.
    """
    lines, above = [], np.float32(np.inf)
    for hit in result:
        score = min(np.float32(hit.score), np.nextafter(above, np.float32(-np.inf)))
        text = np.format_float_positional(score, unique=True, trim="0")
        lines.append(RunLine(query_id, hit.item_id, hit.rank, text, tag))
        above = score
    return lines

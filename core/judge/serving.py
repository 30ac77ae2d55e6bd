"""What is served: which vectors answer the questions of a proof, and which judged queries it can ask."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from core.judge.judgments import consolidate
from core.search import sets
from core.search.filters import remembered, state_of
from core.store import Collection
from core.types import Query, Recipe, Term, VectorSet

NOT_KEPT = "not kept as a query any more"


def vectors_for(collection: Collection, truth: str) -> VectorSet:
    """The vectors that search answers such questions with: labels ask with images of the collection, all else with words.

    Raises
    ------
    QueryError
        There are none; the message says why and what can be done.
    NotFound
        The collection has no vectors.
    """
    return sets.choose(collection, Query((Term("item" if truth == "labels" else "text", "any"),)), Recipe())[0]


def answers(collection: Collection, truth: str, column: str) -> str:
    """A short text that is another one when the right answers are: 16 hexadecimal characters."""
    if truth == "judgments":
        said = [(j.query_id, j.item_id, j.grade, j.judge, j.at) for j in collection.judgments.all()]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    def read() -> str:
        if truth == "labels":
            rows = collection.select("SELECT item_id, json_extract(meta, ?) FROM items WHERE trashed_at IS NULL ORDER BY item_id",
                                     (f'$."{column}"',))  # fmt: skip
        else:
            rows = collection.select("SELECT item_id, position, text FROM captions ORDER BY item_id, position")
        return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]

    return remembered((*state_of(collection), "proof-answers", truth, column), read)


def unfit(query: Query) -> str:
    """Why a judged query cannot be measured with the others, as what it is: ``with a filter``; empty where it can."""
    if query.where:
        return "with a filter"
    if query.literals:
        return "with file: or caption:"
    if not query.terms:
        return "without words"
    if any(term.kind != "text" for term in query.terms):
        return "with an image"
    return "" if any(term.weight > 0 for term in query.terms) else "of minus terms alone"


def judged_queries(collection: Collection) -> tuple[dict[str, Query], dict[str, dict[str, int]], dict[str, int]]:
    """Queries with a right answer that can be measured together, everything graded for them, and what is left out.

    Filters and file: or caption: would need a gallery of their own each; queries with images are answered by other
    vectors, and a correction is never used for minus terms alone.

    Returns
    -------
    queries : dict of query id to Query
    grades : dict of query id to dict of item id to grade
        Only of these queries.
    left_out : dict of str to int
        What the others are, such as ``with a filter``, and how many.
    """
    grades: dict[str, dict[str, int]] = {}
    for said in consolidate(collection.judgments.all()):
        if said.grade is not None:
            grades.setdefault(said.query_id, {})[said.item_id] = said.grade
    right = [name for name, given in grades.items() if max(given.values()) >= 1]
    saved: Mapping[str, Query] = {one.query_id: one.query for one in collection.saved_queries()}
    able: dict[str, Query] = {}
    left_out: dict[str, int] = {}
    for name in right:
        why = unfit(saved[name]) if name in saved else NOT_KEPT
        if why:
            left_out[why] = left_out.get(why, 0) + 1
        else:
            able[name] = saved[name]
    return able, {name: grades[name] for name in able}, left_out


def left_out_words(left_out: Mapping[str, int]) -> str:
    """``3 judged queries are left out: 2 with a filter, 1 with an image.``; empty where none is."""
    n = sum(left_out.values())
    if not n:
        return ""
    these = "1 judged query is" if n == 1 else f"{n:,} judged queries are"
    return f"{these} left out: {', '.join(f'{some:,} {what}' for what, some in left_out.items())}."

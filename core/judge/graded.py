"""Judged pairs with the scores that search gives them, sorted by what a cut-off belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.encode.adapt_data import tidy
from core.errors import LoupeError, NotFound, QueryError
from core.judge.judgments import consolidate
from core.judge.serving import NOT_KEPT
from core.rank.cutoff import Rows
from core.search import sets
from core.search.asking import ask
from core.search.cutoffs import Key, background, kind_of
from core.search.engine import EncoderFor
from core.store import Collection
from core.types import HubSetting, Query, Recipe, Term

LOOKED_AT = 100
"""Ranks down to which judged results count. What lies beyond is never looked at: zeros drawn from far away would make every
result that is looked at seem relevant."""
SHOWN = 40
"""Results that Search shows at first."""
_Scored = tuple[str, Query, np.ndarray, float, float, np.ndarray, np.ndarray, np.ndarray]
"""A query: id, query, vector, mean and deviation of its background, scores and relevance of judged pairs, scores of its ranking."""


@dataclass(frozen=True, eq=False)
class Graded:
    """The judged pairs of one key.

    Attributes
    ----------
    query_ids : tuple of str, length Q
        Of the rows' queries, sorted.
    rankings : tuple of ndarray of float64, length Q
        Scores of the first `LOOKED_AT` results of each, judged or not, falling.
    judged : float
        Share of the first `SHOWN` results of these queries that is judged.
    """

    key: Key
    hub: HubSetting
    rows: Rows
    query_ids: tuple[str, ...]
    judged: float = 0.0
    rankings: tuple[np.ndarray, ...] = ()


def grades_by_query(collection: Collection) -> dict[str, dict[str, int]]:
    """The one grade of each judged pair: query id -> item id -> grade; what nobody could tell is left out."""
    grades: dict[str, dict[str, int]] = {}
    for said in consolidate(collection.judgments.all()):
        if said.grade is not None:
            grades.setdefault(said.query_id, {})[said.item_id] = said.grade
    return grades


def counted_by_kind(collection: Collection, recipe: Recipe, *, rel: int = 1) -> list[tuple[str, str, Rows]]:
    """What `gather` would score, without asking any query: (vector set, kind of query, its pairs with scores of 0), most judged first.

    What lies beyond the first `LOOKED_AT` results is in it, for only a search can tell.
    """
    grades = grades_by_query(collection)
    saved = {one.query_id: one.query for one in collection.saved_queries() if one.query_id in grades and not _unfit(one.query)}
    shown = {query_id: {term.value for term in query.terms if term.kind == "item"} for query_id, query in saved.items()}
    there = collection.has({item for items in shown.values() for item in items} | {item for q in saved for item in grades[q]})
    set_of: dict[frozenset[str], str] = {}
    found: dict[tuple[str, str], list[tuple[Query, list[bool]]]] = {}
    for query_id in sorted(saved):
        query, asking = saved[query_id], frozenset(term.kind for term in saved[query_id].terms)
        if asking not in set_of:
            try:
                set_of[asking] = sets.choose(collection, query, recipe)[0].set_id
            except (QueryError, NotFound):
                set_of[asking] = ""
        judged = [grade >= rel for item, grade in grades[query_id].items() if item in there and item not in shown[query_id]]
        if judged and set_of[asking] and shown[query_id] <= there:
            found.setdefault((set_of[asking], kind_of(query)), []).append((query, judged))
    rows = [(set_id, kind, _unscored(some)) for (set_id, kind), some in found.items()]
    return sorted(rows, key=lambda one: (-len(one[2]), one[1] != "words", one[0]))


def _unscored(some: list[tuple[Query, list[bool]]]) -> Rows:
    n, each = len(some), [len(judged) for _, judged in some]
    return Rows.of(np.repeat(np.arange(n), each), np.zeros(sum(each)), np.concatenate([judged for _, judged in some]), np.zeros((n, 1)),
                   np.zeros(n), np.ones(n), _groups([query for query, _ in some]))  # fmt: skip


def gather(
    collection: Collection, recipe: Recipe, *, rel: int = 1, encoder_for: EncoderFor | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Graded], dict[str, int]]:
    """Score what was judged among the first `LOOKED_AT` results of a recipe, as search would.

    Parameters
    ----------
    rel : int
        The lowest grade that is relevant.
    on_progress : callable, optional
        Called with (queries done, all).

    Returns
    -------
    list of Graded
        A kind of query that can be asked but has no judgments comes with no rows; the most judged one first.
    dict of str to int
        What is left out, such as ``of minus terms alone``, and how many queries that is.
    """
    grades = grades_by_query(collection)
    saved = {one.query_id: one.query for one in collection.saved_queries()}
    found: dict[tuple[Key, HubSetting], list[_Scored]] = {}
    left_out: dict[str, int] = {}
    shares: dict[str, float] = {}

    def leave(why: str) -> None:
        left_out[why] = left_out.get(why, 0) + 1

    for n, query_id in enumerate(sorted(grades), 1):
        why = _unfit(saved.get(query_id))
        if why:
            leave(why)
        else:
            query = saved[query_id]
            try:
                asked = ask(collection, query, recipe, encoder_for)
            except (QueryError, NotFound):
                leave("that these vectors cannot answer")
            else:
                best, scores = asked.best(collection, LOOKED_AT)
                known = [str(item) in grades[query_id] for item in asked.view.item_ids[best]]
                positions = np.sort(best[known])
                items = asked.view.item_ids[positions].tolist()
                relevant = np.array([grades[query_id][item] >= rel for item in items], bool)
                if not items:
                    leave(f"with nothing judged among the first {LOOKED_AT}")
                    if on_progress is not None:
                        on_progress(n, len(grades))
                    continue
                shares.setdefault(query_id, sum(known[:SHOWN]) / max(1, len(known[:SHOWN])))
                mean, sd = background(collection, asked.view, asked.q, asked.bias)
                key = Key.of(asked.view.set.set_id, query, recipe, asked.hub)
                ranking = np.asarray(scores, np.float64)
                found.setdefault((key, asked.hub), []).append(
                    (query_id, query, asked.q, mean, sd, asked.scores(positions), relevant, ranking)
                )
        if on_progress is not None:
            on_progress(n, len(grades))
    made = [_graded(key, hub, some, float(np.mean([shares[one[0]] for one in some]))) for (key, hub), some in found.items()]
    made += _unjudged(collection, recipe, encoder_for, {key for key, _ in found})
    return sorted(made, key=lambda one: (-len(one.rows), one.key.kind != "words", one.key.name)), left_out


def _unfit(query: Query | None) -> str:
    if query is None:
        return NOT_KEPT
    if not query.terms:
        return "without words or images"
    return "" if any(term.weight > 0 for term in query.terms) else "of minus terms alone"


def _graded(
    key: Key, hub: HubSetting, some: list[_Scored], judged: float
) -> Graded:
    rows = Rows.of(
        np.repeat(np.arange(len(some)), [len(one[5]) for one in some]), np.concatenate([one[5] for one in some]),
        np.concatenate([one[6] for one in some]), np.stack([one[2] for one in some]), np.array([one[3] for one in some]),
        np.array([one[4] for one in some]), _groups([one[1] for one in some]),
    )  # fmt: skip
    return Graded(key, hub, rows, tuple(one[0] for one in some), judged, tuple(one[7] for one in some))


def _groups(queries: list[Query]) -> np.ndarray:
    """int64: the same number for queries that ask the same."""
    asking: dict[object, int] = {}
    return np.array([asking.setdefault(_alike(query), len(asking)) for query in queries], np.int64)


def _alike(query: Query) -> object:
    """Queries that are the same but for capitals, spaces, weights and filters ask the same."""
    return tuple(sorted((term.kind, tidy(term.value) if term.kind == "text" else term.value, term.weight > 0) for term in query.terms))


def _unjudged(collection: Collection, recipe: Recipe, encoder_for: EncoderFor | None, there: set[Key]) -> list[Graded]:
    """The kinds of queries that can be asked and have no judgments, with no rows."""
    (first,) = collection.select("SELECT item_id FROM items WHERE trashed_at IS NULL ORDER BY n LIMIT 1") or [("",)]
    item, word = Term("item", first[0]), Term("text", "a photograph")
    made = []
    for terms in ((word,), (item,), (word, item)):
        query = Query(terms)
        try:
            asked = ask(collection, query, recipe, encoder_for)
        except LoupeError:
            continue  # such queries cannot be asked here
        key = Key.of(asked.view.set.set_id, query, recipe, asked.hub)
        if key not in there and all(key.kind != other.kind for other in there):
            nothing = np.empty(0)
            made.append(Graded(key, asked.hub, Rows.of(nothing, nothing, nothing, np.empty((0, len(asked.q))), nothing, nothing), ()))
    return made

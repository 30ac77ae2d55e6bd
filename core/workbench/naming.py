"""The queries of an evaluation as people read them: words, and the images they ask with."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.errors import LoupeError
from core.query.parse import parse
from core.query.words import UPLOADED, by_example, in_words
from core.search.facts import facts
from core.store import Collection
from core.types import Query, SavedQuery, Term


@dataclass(frozen=True)
class Named:
    """What queries are called where people read of them.

    Attributes
    ----------
    words : Mapping of query id to text
    examples : Mapping of query id to terms
        The images it asks with; only of queries that do.
    files : Mapping of item id to the name people know it by
    """

    words: Mapping[str, str]
    examples: Mapping[str, tuple[Term, ...]]
    files: Mapping[str, str]

    def shown(self, query_id: str, source: Callable[[Term], str]) -> list[tuple[str, str, bool]]:
        """The images a query asks with: (what stands in ``src``, name, whether it asks for less of it)."""
        return [(source(term), UPLOADED if term.kind == "upload" else self.files[term.value], term.weight < 0)
                for term in self.examples.get(query_id, ())]  # fmt: skip


def named(collection: Collection, queries: Mapping[str, str]) -> Named:
    """Name queries.

    Parameters
    ----------
    queries : Mapping of query id to its line
    """
    asking = {query_id: text for query_id, text in queries.items() if by_example(text)}
    if not asking:
        return Named(queries, {}, {})
    saved = {one.query_id: one.query for one in collection.saved_queries() if one.query_id in asking}
    known = {query_id: saved.get(query_id) or _parsed(text) for query_id, text in asking.items()}
    examples = {query_id: tuple(term for term in query.terms if term.kind != "text") for query_id, query in known.items()}
    ids = list(dict.fromkeys(term.value for terms in examples.values() for term in terms if term.kind == "item"))
    files = {item_id: posixpath.basename(file) or item_id for item_id, (file, _, _) in zip(ids, facts(collection, ids))}
    words = {query_id: in_words(SavedQuery(query_id, asking[query_id], query), files.__getitem__)
             for query_id, query in known.items()}  # fmt: skip
    return Named({**queries, **words}, {query_id: terms for query_id, terms in examples.items() if terms}, files)


def _parsed(text: str) -> Query:
    """A query that is not kept any more, from its line."""
    try:
        return parse(text)
    except LoupeError:
        return Query()

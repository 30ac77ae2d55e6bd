"""Queries that say the same: a set keeps one of them, for what is there twice is judged and counted twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.types import Query, SavedQuery


@dataclass(frozen=True)
class Once:
    """Queries without those that say the same.

    Attributes
    ----------
    queries : tuple of SavedQuery
        In order, each once; of what a set holds already, as it is there.
    repeats : int
        Left out because the same query, with no other id, comes before.
    aliases : Mapping of str to str
        Ids of their own that others of the same query had -> the id that is kept.
    """

    queries: tuple[SavedQuery, ...]
    repeats: int = 0
    aliases: Mapping[str, str] = field(default_factory=dict)


def once(queries: Sequence[SavedQuery], held: Sequence[SavedQuery] = (), aliases: Mapping[str, str] | None = None) -> Once:
    """Each query once: what a set holds already stays, of new ones the first is taken.

    Two queries are the same where words, images and filter are; with two different guidelines they are two topics, which are
    judged differently, as long as each has an id.

    Parameters
    ----------
    queries : sequence of SavedQuery
    held : sequence of SavedQuery
        Those of the set they are brought to.
    aliases : Mapping of str to str, optional
        Other ids that are known for queries.
    """
    there = {one.query_id: one for one in held}
    same: dict[str, list[str]] = {}
    for one in held:
        same.setdefault(one.query.query_id, []).append(one.query_id)
    out: dict[str, SavedQuery] = {}
    repeats, others = 0, {}
    for one in queries:
        content, query_id = one.query.query_id, one.query_id
        if query_id in out:
            repeats += 1
            continue
        alike = [out.get(other) or there[other] for other in same.get(content, ())]
        twin = None if query_id in there else _twin(one, alike, (aliases or {}).get(query_id))
        if twin is None:
            out[query_id] = one
            if query_id not in there:
                there[query_id] = one
                same.setdefault(content, []).append(query_id)
            continue
        before = twin.query_id in out
        if query_id != content:
            others[query_id] = twin.query_id
        else:
            repeats += before
        # Of a file the first guideline stays; one that is brought for what the set holds replaces it, as it does under one id.
        guideline = (twin.guideline or one.guideline) if before else (one.guideline or twin.guideline)
        out[twin.query_id] = replace(twin, guideline=guideline)
    return Once(tuple(out.values()), repeats, others)


def nearly(queries: Sequence[SavedQuery], held: Sequence[SavedQuery] = ()) -> list[tuple[SavedQuery, SavedQuery]]:
    """Those of `queries` that differ from one before them, or from one that is held, only in letter case or spaces, with that one.

    They are different queries to an encoder that reads letter case, so both are kept.
    """
    first: dict[Query, SavedQuery] = {}
    for one in held:
        first.setdefault(_loosely(one.query), one)
    out = []
    for one in queries:
        other = first.setdefault(_loosely(one.query), one)
        if other.query != one.query:
            out.append((one, other))
    return out


def _loosely(query: Query) -> Query:
    """The query with its words in one case and with single spaces."""

    def words(text: str) -> str:
        return " ".join(text.casefold().split())

    terms = tuple(replace(term, value=words(term.value)) if term.kind == "text" else term for term in query.terms)
    return Query(terms, tuple(replace(match, value=words(match.value)) for match in query.literals), query.where)


def _twin(one: SavedQuery, same: Sequence[SavedQuery], alias: str | None) -> SavedQuery | None:
    """The query that this one is once more."""
    own_id = one.query_id != one.query.query_id
    for other in same:
        if other.query_id == alias or not own_id or not (one.guideline and other.guideline and one.guideline != other.guideline):
            return other
    return None

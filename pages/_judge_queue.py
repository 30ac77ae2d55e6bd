"""What lies in front of a judge: their own pairs, pairs in dispute, pairs to decide."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from core.judge.judgments import ADJUDICATION, PERSON
from core.judge.pools import shuffled
from core.store import PoolRecord
from core.types import SavedQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from core.workbench import Workbench

OWN, DIFFER, DECIDE, SUGGESTED = "Mine", "Disagreements", "Adjudicate", "Suggested"
QUEUES = (OWN, DIFFER, DECIDE, SUGGESTED)
_KEPT, KEPT_SUGGESTED = "judge_queue_kept", "judge_suggested_kept"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Setting:
    """What is on the screen: a query, a judge, a queue, and how images are shown.

    Attributes
    ----------
    pool : PoolRecord or None
        None: the results of `recipe`, `depth` of them.
    pairs : Mapping of query id to item ids, or None
        What is to be judged, in this judge's order; None where each query has to be searched for it. Suggested images are
        those of the query that is judged now only.
    found : Mapping of item id to text
        Where suggested images were found, for a judge who is not blind.
    nothing : str
        What to say where there is nothing to judge for the query.
    says : str
        What the queue counts, or what about it is not as a judge would expect.
    opened : Mapping of query id to item ids
        The suggested images of each query that was opened.
    outside : frozenset of item ids
        Suggested images that are not in the pool of these queries.
    """

    query_set: str
    queries: tuple[SavedQuery, ...]
    at: int
    judge: str
    grid: bool
    blind: bool
    depth: int
    recipe: str
    pool: PoolRecord | None = None
    queue: str = OWN
    names: bool = False
    pairs: Mapping[str, list[str]] | None = field(default=None, repr=False)
    found: Mapping[str, str] = field(default_factory=dict, repr=False)
    nothing: str = "This query finds nothing here: 0 results to judge."
    says: str = ""
    opened: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    outside: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def query(self) -> SavedQuery:
        """The query that is judged now."""
        return self.queries[self.at]

    @property
    def origin(self) -> str:
        """What a grade given here counts as."""
        return ADJUDICATION if self.queue == DECIDE else PERSON


def pairs_of(wb: Workbench, pool: PoolRecord | None, judge: str, queries: Sequence[str]) -> dict[str, list[str]] | None:
    """Query id -> items to judge in a queue of one's own; None without a pool."""
    if pool is None:
        return None

    def read() -> dict[str, list[str]]:
        there, mine = set(wb.collection.ids()), wb.pools.queue(pool.pool_id, judge)
        return {q: kept for q in queries if (kept := [item for item in mine.get(q, ()) if item in there])}

    return kept((wb.key, OWN, judge, (pool.pool_id, pool.judges, pool.overlap), tuple(queries)), read)


def kept(key: tuple, read: Callable[[], _T]) -> _T:
    """What a queue was made of, as long as a judge is at it: a pair that is settled must not vanish under the hand of who
    settles it."""
    held = st.session_state.get(_KEPT)
    if held is None or held[0] != key:
        held = st.session_state[_KEPT] = (key, read(), time.time())
    return held[1]


def begun() -> float:
    """When the queue was made: what was said before it is to be looked at again."""
    return float(st.session_state[_KEPT][2])


def look_again() -> None:
    """Make the queue anew: what is settled goes, what others have said comes."""
    st.session_state.pop(_KEPT, None)
    st.session_state.pop(KEPT_SUGGESTED, None)


def place(
    wb: Workbench, ids: list[str], judge: str, pairs: Mapping[str, list[str]] | None, queue: str,
    found: Callable[[str], Sequence[str]],
) -> int:
    """The query to begin with: the one this judge stopped in, while there is something left in it, else the first that has
    something left. An adjudicator, whose own grades say nothing of where they stopped, begins with the first.

    Parameters
    ----------
    found : callable
        Query id -> items to judge, where `pairs` is None.
    """
    judged = wb.judgments.judged(judge, ADJUDICATION if queue == DECIDE else PERSON)
    last = wb.judgments.last_judged(judge) if queue != DECIDE else None
    if queue == DIFFER:
        return 0
    if queue == SUGGESTED:  # which of its images are left would take a search of every query
        return ids.index(last) if last in ids else 0
    if pairs is None:
        started = {query_id for query_id, _ in judged}
        if last in ids and not {(last, item) for item in found(last)} <= judged:
            return ids.index(last)
        fresh = next((n for n, query_id in enumerate(ids) if query_id not in started), None)
        if fresh is not None:
            return fresh
        return next((n for n, query_id in enumerate(ids) if not {(query_id, item) for item in found(query_id)} <= judged), 0)
    left = [any((q, item) not in judged for item in pairs[q]) for q in ids]
    if last in ids and left[ids.index(last)]:
        return ids.index(last)
    return left.index(True) if True in left else 0


def in_order(setting: Setting, found: tuple[str, ...]) -> list[str]:
    """The results of a search in the order they are judged in: by rank, or blind in an order that does not tell it."""
    return shuffled(found, 0, setting.query.query_id, setting.judge) if setting.blind else list(found)

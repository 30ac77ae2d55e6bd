"""What is judged, as the link says it: the queue, and a pool or the queries of a set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.search.recipes import recipes
from pages._judge_queue import DECIDE, DIFFER, OWN, QUEUES, SUGGESTED

if TYPE_CHECKING:
    from core.store import PoolRecord
    from core.workbench import Workbench

_RESULTS, _NO_POOL = "Results of a recipe", "none"
_QUEUE, _SET, _POOL = "judge_queue", "judge_set", "judge_pool"
_OF_SUGGESTED = ("by", "recipes", "people")
"""Parts of a link that mean something in that queue only."""


def what(wb: Workbench) -> tuple[str, PoolRecord | None, str, int | None, str, int]:
    """Queue, pool, query set, its version, recipe and depth, with their widgets."""
    linked = st.query_params.get("queue")
    queue = linked if linked in QUEUES else st.session_state.get(_QUEUE) or OWN
    pool = None if queue == SUGGESTED else _pool(wb)
    if pool is not None:
        name, version, recipe, depth = pool.set_name, pool.set_version, "plain", 10
        # Suggestions for what is judged here are for its queries, too.
        st.session_state[_SET] = name
        st.query_params.pop("set", None)
    else:
        name, version = _query_set(wb), None
        recipe, depth = ("plain", 10) if queue == SUGGESTED else _results(wb)
    st.session_state[_QUEUE] = queue
    st.segmented_control("Queue", QUEUES, key=_QUEUE, required=True, persist_state="page", wrap=True, on_change=_queue_written, help=(
        "Mine: what you are to judge. Disagreements: what you and another judge see differently, to look at again. "
        "Adjudicate: decide what judges differ on; your word then counts. Suggested: images whose grade would tell most."))  # fmt: skip
    return queue, pool, name, version, recipe, depth


def _queue_written() -> None:
    """The link follows the widget."""
    queue = st.session_state[_QUEUE]
    if {DIFFER, DECIDE} & {queue, st.query_params.get("queue")}:
        st.query_params.pop("query", None)  # the query that happened to be open is not where these begin
    if queue == OWN:
        st.query_params.pop("queue", None)
    else:
        st.query_params["queue"] = queue
    for name in _OF_SUGGESTED:
        st.query_params.pop(name, None)


def _pool(wb: Workbench) -> PoolRecord | None:
    """The pool to judge: of the link, the one chosen, or the newest that has the query of the link; none where no pool has it."""
    there = {pool.pool_id: pool for pool in reversed(wb.pools.list())}
    if not there:
        return None
    names = {pool_id: f"{pool.name} ({pool.set_at})" for pool_id, pool in there.items()} | {"": _RESULTS}
    wanted, linked = st.query_params.get("query"), st.query_params.get("pool")
    if linked in there or linked == _NO_POOL:
        st.session_state[_POOL] = linked if linked in there else ""
    elif st.session_state.get(_POOL) not in names:
        st.session_state[_POOL] = next((pool_id for pool_id in there if wanted is None or wb.pools.has(pool_id, wanted)), "")
    chosen = st.selectbox("What to judge", list(names), key=_POOL, format_func=names.get, persist_state="page", on_change=_pool_written,
                          help="A pool holds what several recipes found. Make one under Pools.")  # fmt: skip
    return there.get(chosen or "")


def judge_pool(pool_id: str) -> None:
    """Choose a pool, for now and for when the page is loaded again."""
    st.session_state[_POOL], st.query_params["pool"] = pool_id, pool_id or _NO_POOL


def _pool_written() -> None:
    judge_pool(st.session_state[_POOL] or "")


def pool_of(wb: Workbench, query_set: str) -> PoolRecord | None:
    """The pool of a query set that is judged beside the suggestions: the one chosen, or the newest."""
    there = {pool.pool_id: pool for pool in reversed(wb.pools.list())}
    chosen = st.session_state.get(_POOL, next(iter(there), ""))
    if not chosen:
        return None  # the results of a recipe were chosen
    of_set = {pool_id: pool for pool_id, pool in there.items() if pool.set_name == query_set}
    return of_set.get(chosen) or next(iter(of_set.values()), None)


def _query_set(wb: Workbench) -> str:
    """The set whose queries are judged: of those that have the query of the link, and else of all, the link's comes first, then
    the one chosen before."""
    sets, wanted = dict(wb.querysets.names()), st.query_params.get("query")
    order = [name for name in dict.fromkeys((st.query_params.get("set"), st.session_state.get(_SET), *sets)) if name in sets]
    value = order[0]
    if wanted:
        value = next((name for name in order if any(q.query_id == wanted for q in wb.querysets.get(name).queries)), value)
    st.session_state[_SET] = value
    st.selectbox("Query set", list(sets), key=_SET, format_func=lambda s: f"{s} ({sets[s]})", persist_state="page", on_change=_set_written)
    return value


def _set_written() -> None:
    st.query_params["set"] = st.session_state[_SET]
    st.query_params.pop("query", None)  # it would bring its own set back


def _results(wb: Workbench) -> tuple[str, int]:
    with st.popover("Results", width="stretch"):
        recipe = st.selectbox("Recipe", list(recipes(wb.collection)), key="judge_recipe", bind="query-params",
                              help="How the results are made. To judge what several recipes find, make a pool.")
        depth = st.slider("Results judged for each query", 5, 50, 10, key="judge_depth", bind="query-params")
    return recipe, depth

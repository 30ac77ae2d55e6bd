"""The part Pools: make one, see what its recipes gave, divide it among judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError, QueryError
from core.judge.pools import DEPTH_AT_MOST
from core.workbench.pooling import ARMS_AT_MOST, Arm
from pages import _jobs
from pages._judge_brought import some
from pages._judge_pool import names, one_pool
from pages._polling import polled
from pages._search_state import plain
from pages._shared import count, open_workbench

if TYPE_CHECKING:
    from core.jobs import Job
    from core.store import PoolRecord
    from core.workbench import Workbench

_EMPTY, _AWAITED, _SHOWN, _FORM = "judge_pool_empty", "judge_pool_awaited", "judge_pools_shown", "judge_pool_form"


def show(wb: Workbench) -> None:
    """The pools there are, and a form for another."""
    job = wb.pools.job()
    live = job is not None and job.live
    st.caption("A pool is what several recipes find for the queries of a set, each image once, to be judged blind. So no recipe has more "
               "of its hits judged than another. What none of them finds is not in it: recall is only over the pool.")
    polled(_under_way, 1.0 if live else None)(wb.key, live)
    there = {pool.pool_id: pool for pool in reversed(wb.pools.list())}
    _made(job, there)
    with st.expander("Make a pool", expanded=not there, key=_FORM, on_change="rerun"):
        _make(wb, live)
    if there:
        pool_id = st.selectbox("Pool", list(there), key=_SHOWN, persist_state="page", width=420,
                               format_func=lambda p: f"{there[p].name} ({there[p].set_at})")
        one_pool(wb, there[pool_id])


def _made(job: Job | None, there: dict[str, PoolRecord]) -> None:
    """Open the pool that was asked for here as soon as it is there."""
    if job is None or st.session_state.get(_AWAITED) != job.job_id or job.live:
        return
    del st.session_state[_AWAITED]
    if job.state == "done" and (made := there.get(str(job.result.get("pool")))) is not None:
        st.session_state[_SHOWN], st.session_state[_FORM] = made.pool_id, False
        st.success(plain(f"The pool {made.name} is made: {count(int(job.result['pairs']), 'pair')} of query and image, in "
                         f"{count(int(job.result['queries']), 'query', 'queries')}."))  # fmt: skip


def _under_way(key: str, was_busy: bool) -> None:
    wb = open_workbench(key)
    job = wb.pools.job()
    if job is not None and job.live:
        st.progress(_jobs.share(job), text=_jobs.sentence(job, _jobs.behind(job, _jobs.live_jobs(), {})))
        st.button("Cancel", key="judge_pool_cancel", on_click=_jobs.cancel, args=(job.job_id,), help="Nothing of the pool is kept then.")
        return
    if was_busy:
        st.rerun()
    if job is not None and job.state == "failed" and job.message:
        st.error(plain(job.message))
    if job is None or job.state != "done":
        return
    left = [f"{one['query']}: {one['reason']}" for one in job.result.get("left_out", ())]
    if left:
        st.warning(f"{count(int(job.result['n_left_out']), 'query', 'queries')} could not be asked. {plain(' '.join(left[:3]))}")
    if n := int(job.result.get("n_empty", 0)):
        texts = [repr(text[:60]) for text in job.result["empty"]]
        st.warning(plain(f"{count(n, 'query', 'queries')} {'finds nothing and is' if n == 1 else 'find nothing and are'} not in the pool: "
                         f"{some(texts, n)}."))  # fmt: skip
    for warning in job.result.get("warnings", ())[:3]:
        st.caption(plain(warning))


def _make(wb: Workbench, busy: bool) -> None:
    sets, choices = dict(wb.querysets.names()), wb.pools.choices()
    usual = [name for name in ("plain", "hubs-corrected", "sum") if name in choices]
    with st.form("judge_pool_make", border=False):
        name = st.selectbox("Query set", list(sets), format_func=lambda s: f"{s} ({sets[s]})", key="judge_pool_set")
        arms = st.multiselect("Recipes", list(choices), default=usual, key="judge_pool_arms", max_selections=ARMS_AT_MOST,
                              help="Ways of searching: hub corrections, ways to add terms, other encoders' vectors.")
        where = st.text_input("Filter (optional)", key="judge_pool_where", placeholder="width > 1000", help=(
            "On top of each query's own; the grammar is that of the filter on Search."))  # fmt: skip
        below = st.container()  # what is wrong with the filter stands under its field
        if (kept := st.session_state.get(_EMPTY)) and kept[0] == (name, where):
            below.warning(plain(kept[1]))
        depth = st.slider("Depth: hits taken of each recipe", 5, DEPTH_AT_MOST, 20, key="judge_pool_depth")
        collapse = st.toggle("Judge near-duplicates once", value=True, key="judge_pool_collapse")
        propagate = st.toggle("Give the grade to the near-duplicates, too", key="judge_pool_propagate", help=(
            "Such a grade is marked as copied: it can be left out of the qrels, yields to anybody's own look, and goes when the "
            "grade it came from is undone."))  # fmt: skip
        judges = st.text_input("Judges (optional)", key="judge_pool_judges", placeholder="ann, bob", help=(
            "Names, with commas between: the pairs are divided among them. Empty: everybody judges all."))  # fmt: skip
        overlap = st.slider("Share that every judge sees, %", 0, 100, 20, key="judge_pool_overlap",
                            help="Agreement between judges is measured on it.")
        seed = st.number_input("Seed", 0, 10**6, 0, key="judge_pool_seed", help="Of the order in which each judge sees the images.")
        if not st.form_submit_button("Make the pool", type="primary", disabled=busy):
            return
        st.session_state.pop(_EMPTY, None)
        who = names(judges)
        try:
            empty = wb.pools.nothing(name, where)
            if where.strip() and empty:
                said = _finding_nothing([one.text for one in empty], sets[name])
                if len(empty) == sets[name]:
                    below.error(plain(f"{said} No pool is made."))
                    return
                st.session_state[_EMPTY] = (name, where), f"{said} The pool is made of the others."
        except LoupeError as error:
            below.error(plain(str(error)))
            if isinstance(error, QueryError) and error.column is not None:
                below.code(error.pointer(), language=None)
            return
        arms = [Arm(choices[label].recipe, where, ", ".join(filter(None, (label, where.strip())))) for label in arms]
        try:
            called = ", ".join(filter(None, (name, f"top {int(depth)}", where.strip())))
            job = wb.pools.make(name, arms, int(depth), name=called, collapse=collapse, propagate=propagate, seed=int(seed), judges=who,
                                overlap=overlap / 100 if who else 1.0)  # fmt: skip
        except LoupeError as error:
            st.error(plain(str(error)))
            return
    st.session_state[_AWAITED] = job.job_id
    st.rerun()


def _finding_nothing(texts: list[str], n: int) -> str:
    named = some([repr(text[:60]) for text in texts])
    if n == 1:
        return f"The query {named} finds nothing with this filter."
    verb = "finds" if len(texts) == 1 else "find"
    return f"{len(texts):,} of {count(n, 'query', 'queries')} {verb} nothing with this filter: {named}."

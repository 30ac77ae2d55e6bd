"""The part of the Evaluate page that runs an evaluation: what is compared, how far it is, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from core.judge.kept import ALL
from core.workbench.evaluating import RECIPES_AT_MOST
from pages import _evaluate_state as state
from pages import _jobs
from pages._polling import polled
from pages._search_state import plain
from pages._shared import PICKED, count, empty_state, link_to, open_workbench

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.evaluating import Asked, EvaluationService

_WRONG = "evaluate_wrong"
USUAL = ("plain", "hubs-corrected", "hub-corrected")
"""Recipes that are chosen at first, where they are there."""


def not_yet(asked: tuple[Asked, ...]) -> None:
    """Nothing is judged: what to do."""
    if not asked:
        empty_state("No queries to evaluate with", "An evaluation runs queries whose right answers are known. Write a few on Judge, then "
                                                   "say of "
                    "each result how well it answers.", page="judge", label="Write queries on Judge")  # fmt: skip
        return
    n = sum(one.n_queries for one in asked)
    empty_state("No judgments yet", f"There {'is' if n == 1 else 'are'} {count(n, 'query', 'queries')}, and no grade. Judge the first "
                                    f"results of ten "
                "queries or more: with fewer a difference can hardly be told from luck.", page="judge", label="Judge results")  # fmt: skip


def choose_set(wb: Workbench) -> str:
    """The query set to look at, first one that was run already; named only where there is a choice."""
    names = {one.name or state.ALL_SETS: one for one in wb.evaluations.asked()}
    first = next((name for name, one in names.items() if wb.evaluations.was_run(one.name)), next(iter(names)))
    value = state.bound("set", list(names), first)
    if (linked := st.query_params.get("set", value)) not in names:
        shown = _called(names[value])
        st.warning(plain(f"The query set {linked[:80]} of this link has no queries here. These are the figures of {shown}."))
    if len(names) > 1:
        st.selectbox("Query set", list(names), key=state.key("set"), format_func=lambda name: _called(names[name]), width=320,
                     on_change=state.written, args=("set", first), help="The queries that are run.")  # fmt: skip
    return ALL if value == state.ALL_SETS else value


def _called(one: Asked) -> str:
    if not one.name:
        return f"All judged queries ({one.n_judged:,})"
    return f"{one.name} ({one.n_judged:,} of {one.n_queries:,} judged)"


def running(wb: Workbench, query_set: str, *, there: bool) -> None:
    """Choose recipes and run, or watch; open where nothing was run yet."""
    job = wb.evaluations.job()
    live = job is not None and job.live
    polled(_body, 1.0 if live else None)(wb.key, query_set, live, there)


def _body(key: str, query_set: str, was_busy: bool, there: bool) -> None:
    service = open_workbench(key).evaluations
    job = service.job()
    if st.session_state.pop("evaluate_started", False):
        st.rerun()  # the part is drawn again and asks every second while there is work
    if job is not None and job.live:
        st.progress(_jobs.share(job), text=_jobs.sentence(job, _jobs.behind(job, _jobs.live_jobs(), {})))
        st.caption("You can leave this page; the result waits here.")
        st.button("Cancel", key="evaluate_cancel", on_click=_jobs.cancel, args=(job.job_id,))
        return
    if was_busy:
        st.rerun()
    if wrong := st.session_state.pop(_WRONG, "") or (job.message if job is not None and job.state == "failed" else ""):
        st.error(plain(wrong))
    with st.expander("Run again, or with other recipes", expanded=False) if there else st.container():
        _form(service, query_set, there)


def _form(service: EvaluationService, query_set: str, there: bool) -> None:
    known = service.recipes()
    kept = service.rankings(query_set) if there else None
    first = [name for name in (kept.ran if kept is not None else USUAL) if name in known or name.startswith("hub:")]
    if not there:
        st.markdown("Every query is run with each recipe you choose, and the results are measured by the grades. A recipe is a way to "
                    "answer a query.")
    picked = st.multiselect(
        "Recipes to compare", list(dict.fromkeys([*known, *first])), default=first,
        key=f"evaluate_recipes_{st.session_state.get(PICKED)}_{query_set}",
        max_selections=RECIPES_AT_MOST, accept_new_options=True,
        help="The first is what others are compared with, unless you choose another. A hub correction without a name is written "
             "hub:METHOD:BETA:BANK.",
    )  # fmt: skip
    for name in picked:
        if name in known:
            st.caption(f"**{plain(name)}** {plain(known[name])}")
    depth = st.select_slider("Depth of the rankings", (10, 20, 50, 100, 200), 50, key="evaluate_depth",
                             help="How many hits of each query are kept. AP@50 needs 50.")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Evaluate again" if there else "Evaluate", key="evaluate_start", type="secondary" if there else "primary",
                  disabled=not picked,
                  on_click=_start, args=(service, query_set, tuple(picked), int(depth)), help="Takes seconds to a few "
                                                                                              "minutes.")  # fmt: skip
        link_to("judge", "Judge more results", icon=":material/checklist:")


def _start(service: EvaluationService, query_set: str, picked: tuple[str, ...], depth: int) -> None:
    try:
        service.start(query_set, picked, depth=depth)
        st.session_state["evaluate_started"] = True
    except LoupeError as error:
        st.session_state[_WRONG] = str(error)

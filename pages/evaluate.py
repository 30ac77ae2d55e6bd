"""Evaluate: recipes measured on judged queries, looked into query by query, and told to others."""

from __future__ import annotations

from pages._shared import guard

guard()

import streamlit as st  # noqa: E402

from core.errors import Damaged  # noqa: E402
from pages import _evaluate_more as more  # noqa: E402
from pages import _evaluate_state as state  # noqa: E402
from pages._cutoff import cutoff_panel  # noqa: E402
from pages._evaluate_queries import queries  # noqa: E402
from pages._evaluate_run import choose_set, not_yet, running  # noqa: E402
from pages._evaluate_story import story  # noqa: E402
from pages._evaluate_table import figures, headline, outcome  # noqa: E402
from pages._search_state import plain  # noqa: E402
from pages._shared import empty_state, workbench  # noqa: E402

VIEWS = {"figures": "Figures", "queries": "Query by query", "story": "Story"}

st.title("Evaluate", anchor=False)
wb = workbench()
if wb is None:
    empty_state("No collection yet", "Evaluating says whether a change made search better. Bring images first.", page="home")
elif not any(one.n_judged for one in wb.evaluations.asked()):
    not_yet(wb.evaluations.asked())
else:
    query_set = choose_set(wb)
    try:
        there = wb.evaluations.rankings(query_set) is not None
    except Damaged as error:  # they can be made again
        st.error(plain(str(error)))
        there = False
    running(wb, query_set, there=there)
    if there and (found := outcome(wb, query_set)) is not None:
        headline(found)
        view = state.bound("view", list(VIEWS), "figures")
        st.segmented_control("View", list(VIEWS), key=state.key("view"), format_func=VIEWS.get, required=True, label_visibility="collapsed",
                             on_change=state.written, args=("view", "figures"))  # fmt: skip
        {"figures": lambda: figures(wb, found), "queries": lambda: queries(wb, found), "story": lambda: story(wb, found)}[view]()
        st.divider()
        more.exports(wb, found)
        more.trained(wb, found)
        more.protocols(wb, found)
    cutoff_panel(wb)
    more.pools(wb)

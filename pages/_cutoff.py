"""The part "Where do good results end?" of the Evaluate page: learn it from judgments, watch, read the table, use it or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.judge.graded import LOOKED_AT
from core.rank.cutoff.ladder import RECALLS
from core.search.recipes import recipes
from pages._cutoff_result import result
from pages._measured import measured

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.cutoffs import CutoffService
    from pages._measured import Press

_LINE = (
    "From the grades given on Judge a probability of relevance is learned, and one cut on it. Searches then show a line: "
    "what is below it is likely irrelevant, or less likely relevant than what is above. It hides and moves nothing, and nothing "
    "changes until you use it."
)
_RELEVANT = {1: "related or better", 2: "relevant or better", 3: "perfect only"}


def cutoff_panel(wb: Workbench) -> None:
    """The whole part."""
    st.subheader("Where do good results end?", anchor=False)
    st.caption(_LINE)
    measured(wb, "cutoff", lambda wb: wb.cutoffs.job(), _drawn)


def _drawn(wb: Workbench, press: Press) -> None:
    outcome = wb.cutoffs.result()
    said = _start(wb, press, again=outcome is not None)
    if outcome is not None:
        result(wb.cutoffs, outcome, said, press)


def _start(wb: Workbench, press: Press, again: bool) -> dict[str, int]:
    """Choose and start; the kinds of query that something is judged of, with the judged results that are spoken of here."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        recipe = st.selectbox("Recipe", list(recipes(wb.collection)), key="cutoff_recipe", width=190, bind="query-params",
                              help="A cut-off belongs to the scores of one recipe.")
        recall = st.selectbox("Keep", list(RECALLS), index=1, key="cutoff_recall", width=190, bind="query-params",
                              format_func=lambda share: f"{share:.0%} of the relevant",
                              help="The recall target: how much of what is relevant should stay above the line.")
        rel = st.selectbox("Relevant is", list(_RELEVANT), key="cutoff_rel", width=190, format_func=_RELEVANT.get, bind="query-params",
                           help="The lowest grade that counts as relevant.")
        st.button("Learn again" if again else "Learn", key="cutoff_start", type="secondary" if again else "primary",
                  on_click=press, args=(_learn, wb.cutoffs, recipe, recall, rel), help="Takes seconds.")
    there = wb.cutoffs.sources(rel, recipe)
    st.caption("\n".join(f"- {one.sentence}" for one in there))
    st.caption(_ELSE if any(one.counting < one.labels for one in there) else f"{_ELSE} {_COUNT}")
    return {one.kind: one.counting for one in there if one.labels}


_ELSE = "Where no curve is learned, the line is drawn by how far a score stands above the query's other scores."
_COUNT = f"Only judged results among the first {LOOKED_AT:,} of a query count."


def _learn(service: CutoffService, recipe: str, recall: float, rel: int) -> None:
    service.start(recipe, recall=recall, rel=rel)

"""The Judge page's "Refine this query": what its judgments make of it, measured on judgments held back, and a search with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from core.judge.feedback import LEAST, LEAST_RELEVANT
from pages._search_state import plain
from pages._shared import count, link_to

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.suggesting import Refined
    from pages._judge_parts import Setting

_KEPT = "judge_refined"


def refine(wb: Workbench, setting: Setting) -> None:
    """Offer it once something relevant is judged; otherwise say what it takes, where anything is judged at all."""
    query = setting.query
    grades = wb.judgments.grades_for(query.query_id)
    if not grades or not query.query.terms:
        return
    relevant = sum(grade >= 1 for grade in grades.values())
    state = (wb.key, query.query_id, setting.recipe, wb.generation, tuple(sorted(grades.items())))
    kept = st.session_state.get(_KEPT)
    shown = kept[1] if kept is not None and kept[0] == state else None
    with st.expander("Refine this query", expanded=shown is not None, key=f"judge_refine_{query.query_id}"):
        st.caption("Images graded 1 and more are added to the query, by their grade; those graded 0 are taken from it (Rocchio).")
        if not relevant:
            st.markdown(f"It takes a relevant image, one or more; {count(len(grades), 'image')} {_is(len(grades))} graded and 0 are "
                        "relevant.")
            return
        if shown is None:
            pressed = st.button("Refine and measure", key="judge_refine_go", help="Takes a moment.")
            if not pressed:
                return
            shown = _made(wb, setting)
            if shown is None:
                return
            st.session_state[_KEPT] = (state, shown)
        _show(shown, setting)


def _made(wb: Workbench, setting: Setting) -> Refined | None:
    bar = st.progress(0.0, text="Measuring on judgments held back ...")
    try:
        return wb.judgments.refine(setting.query, setting.recipe, on_progress=lambda done, total: bar.progress(
            done / total, text=f"Measuring on judgments held back: {done} of {total} splits"))
    except LoupeError as error:
        st.error(plain(str(error)))
        return None
    finally:
        bar.empty()


def _show(found: Refined, setting: Setting) -> None:
    gain = found.gain
    if gain is None:
        st.markdown(f"Not measured: {plain(found.why)}")
    else:
        row = st.container(horizontal=True, gap="medium")
        row.metric("nDCG@10 before", f"{gain.before:.3f}", width="content", help="How good the order of the first ten is on judgments held "
                   "back, 1 is ideal. Images used for refining are taken out of both rankings.")
        row.metric("After", f"{gain.after:.3f}", f"{gain.change.value:+.3f}", width="content",
                   help=f"Mean of {gain.change.n} ways to cut the graded images in two halves: one refines, one measures.")
        st.markdown(_verdict(found))
        st.caption(f"In 95 of 100 splits the difference lies between {gain.change.low:+.3f} and {gain.change.high:+.3f}. Of the refined "
                   f"first ten {gain.judged:.0%} are graded; what nobody graded counts as not relevant.")
    weights = found.weights
    made = f"{count(found.n_more, 'image')} added" + (f", {found.n_less:,} taken away" if found.n_less else "")
    st.caption(f"{made}; weights alpha {weights.alpha:g} for the query, beta {weights.beta:g} for relevant images, gamma {weights.gamma:g} "
               "for others. These images are the question now, so they are left out of its results.")
    link_to("search", "Search with it", q=found.line, recipe=setting.recipe, where=found.query.where)
    with st.popover("As text", key="judge_refine_text"):
        st.code(found.line, language=None, wrap_lines=True)


def _verdict(found: Refined) -> str:
    assert found.gain is not None
    change = found.gain.change
    if change.above_zero:
        return "Refining finds more of what was held back."
    if change.below_zero:
        return "Refining finds less of what was held back: better leave the query as it is."
    return (f"Whether refining helps hangs on which judgments are used; grade more images (it takes {LEAST}, {LEAST_RELEVANT} of them "
            "relevant, to measure at all, and many more to be sure).")  # fmt: skip


def _is(n: int) -> str:
    return "is" if n == 1 else "are"

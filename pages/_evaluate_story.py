"""The evaluation as a story: five steps with next and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.judge import markup
from core.judge.report import fix_html
from pages import _evaluate_state as state
from pages._evaluate_table import html
from pages._judge_words import source
from pages._shared import thumb_url

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.evaluating import Outcome


def story(wb: Workbench, found: Outcome) -> None:
    """One step at a time."""
    steps = wb.evaluations.story(found)
    numbers = [str(n) for n in range(1, len(steps) + 1)]
    at = int(state.chosen("step", numbers, "1"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Back", key="evaluate_back", disabled=at == 1, on_click=state.put, args=("step", str(at - 1), "1"))
        st.button("Next", key="evaluate_next", type="primary", disabled=at == len(steps), on_click=state.put,
                  args=("step", str(at + 1), "1"))
        st.caption(f"Step {at} of {len(steps)}: " + " \u00b7 ".join(f"**{s.name}**" if n == at else s.name for n, s in enumerate(steps, 1)),
                   width="content")  # fmt: skip
    step = steps[at - 1]
    rankings = fix_html(step, found.table, found.rankings, found.grades, thumb_url, wb.evaluations.called)
    html(markup.step_html(step, at, thumb_url, wb.evaluations.called, rankings, found.named.shown(step.query_id, source)))

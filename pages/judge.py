"""Judge: queries, the images found for them, a grade for each; and what that needs: query sets and pools."""

from __future__ import annotations

from pages._shared import guard

guard()

import streamlit as st  # noqa: E402

from pages import _judge_pools as pools  # noqa: E402
from pages import _judge_queries as queries  # noqa: E402
from pages import _judge_undo as undo  # noqa: E402
from pages._judge_agreement import agreement_panel  # noqa: E402
from pages._judge_exports import afterwards  # noqa: E402
from pages._judge_parts import controls  # noqa: E402
from pages._judge_refine import refine  # noqa: E402
from pages._judge_screen import screen  # noqa: E402
from pages._shared import empty_state, workbench  # noqa: E402

wb = workbench()
with st.container(horizontal=True, vertical_alignment="center"):
    st.title("Judge", anchor=False, width="content")
    part, sets = "Judge", wb.querysets.names(emptied=True) if wb is not None else []
    if any(n for _, n in sets):
        part = st.segmented_control("Part", ["Judge", "Queries", "Pools"], default="Judge", key="judge_part", required=True,
                                    bind="query-params", label_visibility="collapsed")
if wb is None:
    empty_state("Nothing to judge yet", "Bring images or try the demo, then come back.", page="home")
    st.stop()
undo.bar(wb)
if not sets:
    queries.first(wb)
elif part == "Queries" or not any(n for _, n in sets):
    queries.show(wb)
elif part == "Pools":
    pools.show(wb)
else:
    main, side = st.columns([4, 1.25], gap="medium")
    with main:
        setting = controls(wb, side)
        if setting is not None:
            screen(wb, setting)
            refine(wb, setting)
            agreement_panel(wb)
            afterwards(wb)

"""Judge: a query, its results, a grade for each."""

from __future__ import annotations

from pages._shared import guard

guard()

import streamlit as st  # noqa: E402

from pages import _judge_parts as parts  # noqa: E402
from pages._judge_queries import first_queries  # noqa: E402
from pages._shared import empty_state, workbench  # noqa: E402

st.title("Judge", anchor=False)
wb = workbench()
if wb is None:
    empty_state("Nothing to judge yet", "Bring images or try the demo, then come back.", page="home")
elif not wb.judgments.query_sets():
    first_queries(wb)
else:
    setting = parts.controls(wb)
    if setting is not None:
        parts.screen(wb, setting)
        parts.afterwards(wb, setting)

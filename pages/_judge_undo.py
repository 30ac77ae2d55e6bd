"""What was just done to queries and pools, said in a line with a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from pages._search_state import plain

if TYPE_CHECKING:
    from core.workbench import Workbench

_DONE = "judge_undo"
SHOWN_SET = "judge_queries_set"
"""Of the widget that says which query set is open; its options count the queries, so it loses its place when they change."""


def offer(text: str, *back: object) -> None:
    """Say what was done.

    `back` is ``"queries", set, version, ids``, ``"set", name``, ``"pool", id`` or ``"grades", rows``, or nothing where there
    is no way back.
    """
    st.session_state[_DONE] = (text, back)


def bar(wb: Workbench) -> None:
    """The line: until it is dismissed or something else is done."""
    place = st.empty()  # also where there is no line: panels below would fold up as it comes and goes
    if _DONE not in st.session_state:
        return
    text, back = st.session_state[_DONE]
    if not back:
        del st.session_state[_DONE]
        place.success(plain(text))
        return
    with place.container(horizontal=True, vertical_alignment="center", key="judge_undo_bar"):
        st.text(text, width="content")
        st.button("Undo", key="judge_undo_press", on_click=_undo, args=(wb, back))
        st.button("Dismiss", key="judge_undo_off", type="tertiary", on_click=lambda: st.session_state.pop(_DONE, None))


def _undo(wb: Workbench, back: tuple) -> None:
    st.session_state.pop(_DONE, None)
    try:
        if back[0] == "pool":
            wb.pools.restore(back[1])
        elif back[0] == "grades":
            wb.judgments.undo_many(back[1])
        else:
            if back[0] == "set":
                wb.querysets.put_away(back[1], away=False)
            else:
                wb.querysets.restore(*back[1:])
            st.session_state[SHOWN_SET] = back[1]
        offer("Undone.")
    except LoupeError as error:
        offer(str(error))

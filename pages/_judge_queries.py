"""Queries for judging, typed one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import QueryError

if TYPE_CHECKING:
    from core.workbench import Workbench


def first_queries(wb: Workbench) -> None:
    """No query set yet: explain, and take queries typed one a line."""
    st.markdown("Judging needs queries: what people would look for in this collection. Type a few, one a line.")
    add_queries(wb, "My queries")


def add_queries(wb: Workbench, name: str) -> None:
    """A form that adds typed queries to a set."""
    with st.form(f"judge_add_{name}", border=False):
        typed = st.text_area("Queries, one a line", placeholder="a dog on the beach\nred car -night", height=140)
        if st.form_submit_button("Add queries", type="primary") and typed.strip():
            try:
                n = wb.judgments.add_typed_queries(typed, name)
            except QueryError as error:
                st.error(str(error))
                if error.column is not None:
                    st.code(error.pointer(), language=None)
                return
            st.toast(f"{n} queries added to {name}.")
            st.rerun()

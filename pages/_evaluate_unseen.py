"""Kinds of queries that were not trained on: adapt again without each of them, and what that gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from core.workbench import unseen as words
from pages._evaluate_table import column_help
from pages._search_state import plain

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.evaluating import Outcome

_WRONG = "evaluate_unseen_wrong"


def unseen(wb: Workbench, found: Outcome, labels: str) -> None:
    """The part; `labels` is the column the encoder was adapted to, empty for the captions."""
    st.markdown("**Kinds of queries it was not trained on.** The adaptation is made again without each kind of query, and measured on that "
                "kind: the fairer test. Nothing that is searched changes.")  # fmt: skip
    said = wb.evaluations.unseen()
    if said is not None:
        _result(said, found)
    busy = (job := wb.evaluations.job()) is not None and job.live
    st.button("Train without each kind again" if said is not None else "Train without each kind", key="evaluate_unseen_start",
              disabled=busy, on_click=_start, args=(wb, found.kept.query_set, labels, found.table.rel),
              help="Five trainings on the stored vectors; takes a minute or a few.")  # fmt: skip
    if wrong := st.session_state.pop(_WRONG, ""):
        st.error(plain(wrong))


def _result(said: dict, found: Outcome) -> None:
    st.info(plain(words.sentence(said)))
    if said["stale"]:
        st.caption("Images or judgments have changed since.")
    if (said["query_set"], said["rel"]) != (found.kept.query_set, found.table.rel):
        of = f"the query set {said['query_set']}" if said["query_set"] else "all judged queries"
        st.caption(plain(f"Measured on {of}, relevant from grade {said['rel']} on."))
    metrics = " ".join(f"{name}: {text}." for name, text in words.meanings(said))
    st.dataframe(words.rows(said), hide_index=True, key="evaluate_unseen", column_config=column_help({**words.MEANS, "Metric": metrics}))
    st.caption(plain(" ".join(words.account(said))))


def _start(wb: Workbench, query_set: str, labels: str, rel: int) -> None:
    try:
        wb.evaluations.start_unseen(query_set, labels, rel=rel)
        st.session_state["evaluate_started"] = True
    except LoupeError as error:
        st.session_state[_WRONG] = str(error)

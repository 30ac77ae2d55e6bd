"""Below the judging screen: how much is judged, the keys, and the files to take along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages._shared import count

if TYPE_CHECKING:
    from core.workbench import Workbench

_KEYS = "Keys: 0 1 2 3 grade, x can't tell, u undo, arrows or j k move, m note, n next query, p previous query."


def afterwards(wb: Workbench) -> None:
    """How far this is, the keys, and the qrels."""
    summary = wb.judgments.summary()
    columns = st.columns([4, 3], vertical_alignment="center")
    more = [
        f"{summary.adjudicated:,} decided by adjudication." * bool(summary.adjudicated),
        f"{summary.copied:,} copied to near-duplicates." * bool(summary.copied),
        f"{summary.made:,} more are made from names and keywords." * bool(summary.made),
    ]
    columns[0].caption(
        f"{count(summary.grades, 'grade')} by {count(summary.judges, 'judge')} on {count(summary.queries, 'query', 'queries')}. "
        f"{' '.join(filter(None, more))} {_KEYS}"
    )
    with columns[1]:
        _exports(wb, with_made=not (summary.made or summary.copied) or _with_made())


def _with_made() -> bool:
    return not st.toggle("Grades by people only", key="judge_people_only", persist_state="page",
                         help="Leave out grades that were made from names and keywords, and those copied to near-duplicates.")


def _exports(wb: Workbench, *, with_made: bool) -> None:
    """The qrels, and the words of the queries that they name by their ids; made when they are asked for."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Export qrels", lambda: wb.judgments.export_qrels(with_made=with_made)[0], file_name=f"{wb.key}.qrels", mime="text/plain",
            on_click="ignore", help="TREC format: query, 0, item, grade. One grade for each pair: the adjudicated one, else the median "
            "of the judges' latest, rounded down. Pairs nobody could tell are left out.",
        )  # fmt: skip
        st.download_button(
            "Export queries", wb.judgments.export_queries, file_name=f"{wb.key}.queries.tsv", mime="text/plain",
            on_click="ignore", help="Query id, tab, query: what the ids in the qrels stand for.",
        )  # fmt: skip

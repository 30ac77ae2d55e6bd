"""Below the judging screen: how much is judged, the keys, and the files to take along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from core.workbench.drafts import text_of
from pages._judge_brought import grades_said
from pages._judge_undo import offer
from pages._search_state import plain

if TYPE_CHECKING:
    from core.workbench import Workbench

BYTES_AT_MOST = 50_000_000
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
        f"{summary.by_people}. {' '.join(filter(None, more))} {_KEYS}"
    )
    with columns[1]:
        _exports(wb, with_made=not (summary.made or summary.copied) or _with_made())


def _with_made() -> bool:
    return not st.toggle("Grades by people only", key="judge_people_only", persist_state="page",
                         help="Leave out grades that were made from names and keywords, and those copied to near-duplicates.")


def _exports(wb: Workbench, *, with_made: bool) -> None:
    """The qrels, the words of the queries that they name by their ids, every grade by itself; made when they are asked for."""
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
        with st.popover("More", key="judge_files"):
            for kind, mime in (("csv", "text/csv"), ("jsonl", "application/jsonl")):
                st.download_button(f"Every judge's grades ({kind.upper()})", lambda kind=kind: wb.judgments.export_judgments(kind),
                                   file_name=f"{wb.key}-judgments.{kind}", mime=mime, on_click="ignore", key=f"judge_all_{kind}",
                                   help="With judge, time, note and how long each took, in milliseconds.")  # fmt: skip
            _bring(wb)


def _bring(wb: Workbench) -> None:
    """Grades from a file; they can be taken back."""
    brought = st.file_uploader("Bring grades", type=["csv", "jsonl", "ndjson", "qrels", "txt"], key="judge_bring", help=(
        "TREC qrels; or CSV or JSON lines with query_id or query, item_id or file, grade (0 to 3, or can't tell), and perhaps judge, time, "
        "note, ms (how long it took)."))  # fmt: skip
    if brought is None:
        return
    if brought.size > BYTES_AT_MOST:
        st.error(f"The file has {brought.size:,} bytes, and {BYTES_AT_MOST:,} are possible.")
        return
    who = st.text_input("Whose grades, where the file does not say", key="judge_bring_who", max_chars=60)
    if not st.button("Add these grades", key="judge_bring_add", type="primary"):
        return
    try:
        found = wb.judgments.bring(text_of(brought.getvalue(), brought.name, BYTES_AT_MOST), brought.name, who)
    except LoupeError as error:
        st.error(plain(str(error)))
        return
    offer(" ".join(grades_said(found)), "grades", found.rows)
    st.rerun()

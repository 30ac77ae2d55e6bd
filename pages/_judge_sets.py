"""One query set: its queries, changing them, its versions."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError, QueryError
from pages import _judge_undo as undo
from pages._judge_brought import some
from pages._search_state import plain
from pages._shared import count

if TYPE_CHECKING:
    from core.types import SavedQuery
    from core.workbench import Workbench


_GRADES = "Grades by people, every judge's; can't tell is none."
_MADE = "Grades made without people, as from names and keywords; those by people replace them."


def one_set(wb: Workbench, name: str) -> None:
    """The queries as a table; what is selected can be changed or removed."""
    versions = wb.querysets.versions(name)
    queries = wb.querysets.get(name).queries
    if not queries:
        st.info("There are no queries in this set any more. Add some, or use an earlier version again.")
        st.button("Put the set away", key="judge_set_away", on_click=_away, args=(wb, name), help="It can be undone; grades stay.")
        _versions(wb, name)
        return
    grades, made = wb.judgments.by_query()
    st.caption(f"{count(len(queries), 'query', 'queries')} · version {versions[-1].version} · runs and evaluations name it "
               f"{plain(f'{name}@{versions[-1].version}')}")
    _graded(wb, name)
    if twice := wb.querysets.twice(name):
        n = len(twice)
        st.caption(plain(f"{count(n, 'query', 'queries')} {'is' if n == 1 else 'are'} in this set twice, and judged and counted twice: "
                         f"{some([f'{other} = {first}' for other, first in twice.items()])}. Remove one of each."))  # fmt: skip
    table = {
        "Query": [q.text for q in queries], "Guideline": [q.guideline for q in queries], "From": [q.origin for q in queries],
        "Asked": [q.asked for q in queries], "Grades": [grades[q.query_id] for q in queries],
        "Made": [made[q.query_id] for q in queries],
    }  # fmt: skip
    for perhaps in ("Asked", "Made"):
        if not any(table[perhaps]):
            del table[perhaps]
    shown = st.dataframe(table, hide_index=True, on_select="rerun", selection_mode="multi-row",
                         key=f"judge_set_table_{name}_{versions[-1].version}",
                         column_config={"Asked": st.column_config.NumberColumn(help="How often it was searched for."),
                                        "Grades": st.column_config.NumberColumn(help=_GRADES),
                                        "Made": st.column_config.NumberColumn(help=_MADE)})  # fmt: skip
    chosen = [queries[at] for at in shown.selection.rows if at < len(queries)]
    with st.container(horizontal=True):
        if st.button("Edit", key="judge_set_edit", disabled=len(chosen) != 1, help="Select one query in the table."):
            _edit(wb, name, chosen[0])
        if st.button("Guideline", key="judge_set_guideline", disabled=not chosen, help="What a judge has to know about these queries."):
            _guideline(wb, name, chosen)
        st.button("Remove", key="judge_set_remove", disabled=not chosen, on_click=_remove, args=(wb, name, [q.query_id for q in chosen]),
                  help="Grades stay, and it can be undone.")
        for kind, (label, ending) in {"jsonl": ("JSON lines", "jsonl"), "csv": ("CSV", "csv"), "topics": ("TREC topics", "trec")}.items():
            st.download_button(f"Export {label}", partial(wb.querysets.export, name, kind), file_name=f"{wb.key}-queries.{ending}",
                               on_click="ignore", type="tertiary", key=f"judge_set_export_{kind}")
    if len(versions) > 1:
        _versions(wb, name)


def _graded(wb: Workbench, name: str) -> None:
    """How many have grades, and which sets these are shared with."""
    found = wb.querysets.graded(name)
    if not found.n:
        return
    others = [f"{other} ({n:,})" for other, n in found.others.items()]
    shared = (f" already, shared with the {'set' if len(others) == 1 else 'sets'} {some(others)}: a grade belongs to a query, "
              "and counts in every set that has it.") if others else " by people."  # fmt: skip
    st.caption(plain(f"{found.n:,} of {count(found.n_queries, 'query', 'queries')} {'has' if found.n == 1 else 'have'} grades{shared}"))


def _remove(wb: Workbench, name: str, ids: list[str]) -> None:
    before = wb.querysets.remove(name, ids)
    st.session_state[undo.SHOWN_SET] = name
    undo.offer(f"Removed {count(len(ids), 'query', 'queries')} from {name}. Their grades are kept.", "queries", name, before, ids)


def _away(wb: Workbench, name: str) -> None:
    wb.querysets.put_away(name)
    undo.offer(f"The query set {name} is put away.", "set", name)


@st.dialog("Edit the query")
def _edit(wb: Workbench, name: str, query: SavedQuery) -> None:
    line = st.text_area("Query", wb.querysets.line(query), key="judge_edit_line", height=90)
    guideline = st.text_area("Guideline", query.guideline, key="judge_edit_guideline", height=110, max_chars=2000,
                             placeholder="What counts as relevant, and what does not.")
    st.caption("Other words make another query: grades stay with the old one. A guideline changes nothing else.")
    if st.button("Save", type="primary", key="judge_edit_save"):
        try:
            ids = {q.query_id for q in wb.querysets.get(name).queries}
            before = wb.querysets.edit(name, query.query_id, line=line, guideline=guideline)
        except LoupeError as error:
            st.error(plain(str(error)))
            if isinstance(error, QueryError) and error.column is not None:
                st.code(error.pointer(), language=None)
            return
        new = {q.query_id for q in wb.querysets.get(name).queries} - ids
        undo.offer(f"Changed {query.text[:60]!r}.", "queries", name, before, [query.query_id, *new])
        st.rerun()


@st.dialog("Guideline")
def _guideline(wb: Workbench, name: str, chosen: list[SavedQuery]) -> None:
    text = st.text_area(f"For {count(len(chosen), 'query', 'queries')}", chosen[0].guideline, key="judge_guideline_text", height=140,
                        max_chars=2000, placeholder="What counts as relevant, and what does not.")
    if st.button("Save", type="primary", key="judge_guideline_save"):
        before = wb.querysets.guide(name, [q.query_id for q in chosen], text)
        undo.offer(f"The guideline of {count(len(chosen), 'query', 'queries')} is changed.", "queries", name, before,
                   [q.query_id for q in chosen])  # fmt: skip
        st.rerun()


def _versions(wb: Workbench, name: str) -> None:
    versions = wb.querysets.versions(name)[::-1]
    with st.expander(f"Versions ({len(versions)})"):
        said = {v.version: f"{v.version} · {time.strftime('%Y-%m-%d %H:%M', time.localtime(v.at))} · {v.why} · "
                           f"{count(v.n, 'query', 'queries')}" for v in versions}  # fmt: skip
        version = st.selectbox("Version", list(said), key=f"judge_version_{name}", format_func=said.get)
        st.dataframe({"Query": [q.text for q in wb.querysets.get(f"{name}@{version}").queries]}, hide_index=True, height=220)
        now = versions[0].version
        st.button("Use this version again", key=f"judge_version_use_{name}", disabled=version == now, on_click=_use,
                  args=(wb, name, version, now), help="Makes a new version with these queries; nothing is lost.")


def _use(wb: Workbench, name: str, version: int, now: int) -> None:
    wb.querysets.restore(name, version)
    st.session_state[undo.SHOWN_SET] = name
    undo.offer(f"{name} is as it was in version {version}.", "queries", name, now, None)

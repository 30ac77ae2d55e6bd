"""The part Queries: bring them, sample them, take them from the search log; and the sets there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError, QueryError
from core.workbench.drafts import EXTENSIONS, text_of
from pages import _judge_undo as undo
from pages._judge_brought import queries_said
from pages._judge_sets import one_set
from pages._search_state import plain
from pages._shared import count

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.querysets import Added

_NEW, _NEXT = "A new set", "judge_queries_next"
BYTES_AT_MOST = 5_000_000


def first(wb: Workbench) -> None:
    """No query set yet: explain, and take some."""
    st.markdown("Judging needs queries: what people would look for in this collection. Type a few, bring a file, or let some be drawn "
                "from what the collection knows.")
    _bring(wb, "My queries")


def show(wb: Workbench) -> None:
    """The sets, one of them open, and the ways to add to it."""
    sets = dict(wb.querysets.names(emptied=True))
    if (added_to := st.session_state.pop(_NEXT, "")) in sets:
        st.session_state[undo.SHOWN_SET] = added_to
    row = st.container(horizontal=True, vertical_alignment="bottom")
    chosen = row.selectbox("Query set", [*sets, _NEW], key=undo.SHOWN_SET, persist_state="page", width=320,
                           format_func=lambda s: s if s == _NEW else f"{s} ({sets.get(s, 0)})",
                           help="Queries that are judged and measured together. Every change makes a new version; earlier ones stay. "
                                "A grade belongs to a query: it counts in every set that has the query under the same id.")
    if chosen != _NEW:
        row.button("New set", key="judge_queries_new_set", icon=":material/add:",
                   on_click=lambda: st.session_state.update({undo.SHOWN_SET: _NEW}))  # fmt: skip
    if chosen == _NEW:
        name = st.text_input("Name of the new set", key="judge_queries_new", max_chars=80, width=320).strip()
        if name:
            _bring_new(wb, name)
        return
    with st.expander("Add queries", expanded=not sets[chosen]):
        _bring(wb, chosen)
    one_set(wb, chosen)


def _bring_new(wb: Workbench, name: str) -> None:
    try:
        name = wb.querysets.check_name(name)
    except LoupeError as error:
        st.error(plain(str(error)))
        return
    _bring(wb, name)


def _bring(wb: Workbench, name: str) -> None:
    typed, file, sample, log = st.tabs(["Type or paste", "File", "Sample", "From searches"])
    with typed, st.form(f"judge_add_{name}", border=False):
        text = st.text_area("Queries, one a line", placeholder="a dog on the beach\nred car -night", height=140)
        if st.form_submit_button("Add queries", type="primary") and text.strip():
            _add(wb, name, lambda: wb.querysets.add(text, name))
    with file:
        _file(wb, name)
    with sample:
        _sample(wb, name)
    with log:
        _harvest(wb, name)


def _add(wb: Workbench, name: str, do: Callable[[], Added]) -> None:
    try:
        added = do()
    except LoupeError as error:
        st.error(plain(str(error)))
        if isinstance(error, QueryError) and error.column is not None:
            st.code(error.pointer(), language=None)
        return
    text = " ".join(filter(None, [*queries_said(added), f"It is at version {added.version} now."]))
    # A set that is new has no version to go back to; its queries can be removed one by one.
    undo.offer(text, *(("queries", added.name, added.before, None) if added.before and added.version > added.before else ()))
    st.session_state[_NEXT] = added.name
    st.rerun()


def _file(wb: Workbench, name: str) -> None:
    brought = st.file_uploader("A file of queries", type=list(EXTENSIONS), key=f"judge_file_{name}", help=(
        "Plain text: one a line. CSV or JSON lines: query (or image), and perhaps query_id, guideline, where. TREC topics: "
        "number and title. A topic's own id is kept; the same query under a second id is kept once."))  # fmt: skip
    if brought is None:
        return
    try:
        text = text_of(brought.getvalue(), brought.name, BYTES_AT_MOST)
    except LoupeError as error:
        st.error(plain(str(error)))
        return
    if st.button("Add the file's queries", type="primary", key=f"judge_file_add_{name}"):
        _add(wb, name, lambda: wb.querysets.add(text, name, file=brought.name))


def _sample(wb: Workbench, name: str) -> None:
    columns = [one.name for one in wb.collection.columns()]
    ways = ["Captions", *(["Labels"] if columns else []), "Images"]
    way = st.segmented_control("Sample from", ways, default=ways[0], key=f"judge_sample_{name}", required=True, help=(
        "Captions: words that describe an image. Labels: each value of a column. Images: queries by example. "
        "Of near-duplicates one is taken."))  # fmt: skip
    row = st.container(horizontal=True, vertical_alignment="bottom")
    column = ""
    if way == "Labels":
        column = row.selectbox("Column", columns, key=f"judge_sample_column_{name}", width=200)
    elif way == "Images" and columns:
        column = row.selectbox("Evenly over", ["", *columns], key=f"judge_sample_over_{name}", width=200,
                               format_func=lambda c: c or "all images")
    n = row.number_input("How many", 1, 1000, 20, key=f"judge_sample_n_{name}", width=120)
    seed = row.number_input("Seed", 0, 10**6, 0, key=f"judge_sample_seed_{name}", width=120,
                            help="The same seed draws the same queries; another draws others.")
    if not row.button("Draw", type="primary", key=f"judge_sample_draw_{name}"):
        return
    sets, n, seed = wb.querysets, int(n), int(seed)
    draw = {
        "Captions": lambda: sets.sample_captions(name, n, seed),
        "Labels": lambda: sets.sample_labels(name, column, n, seed),
        "Images": lambda: sets.sample_images(name, n, seed, column),
    }
    _add(wb, name, draw[way])


def _harvest(wb: Workbench, name: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    n = row.number_input("At most", 1, 1000, 20, key=f"judge_log_n_{name}", width=120)
    times = row.number_input("Asked at least", 1, 1000, 1, key=f"judge_log_times_{name}", width=140)
    several = row.toggle("Not from one session only", key=f"judge_log_several_{name}", help=(
        "Leave out what was asked in a single session. A session ends after 30 minutes without a search."))  # fmt: skip
    found = wb.querysets.asked(times=int(times), sessions=2 if several else 1)
    st.caption(f"{count(len(found), 'different query', 'different queries')} in this collection's search log, which stays on this "
               "computer. The most frequent come first.")
    if row.button("Add them", type="primary", key=f"judge_log_add_{name}", disabled=not found):
        _add(wb, name, lambda: wb.querysets.harvest(name, int(n), times=int(times), sessions=2 if several else 1))

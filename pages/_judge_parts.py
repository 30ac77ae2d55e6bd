"""The Judge page's side panel and the line above the screen: who judges, what, and how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from pages._judge_agreement import agreement_line
from pages._judge_disputes import disputes
from pages._judge_queue import DECIDE, DIFFER, OWN, SUGGESTED, Setting, look_again, pairs_of, place
from pages._judge_skipped import done
from pages._judge_suggested import suggested
from pages._judge_what import what
from pages._search_state import plain
from pages._shared import count

if TYPE_CHECKING:
    from types import ModuleType

    from streamlit.delta_generator import DeltaGenerator

    from core.workbench import Workbench

_DONE = {DIFFER: "looked at again", DECIDE: "decided"}


def controls(wb: Workbench, panel: DeltaGenerator) -> Setting | None:
    """Who judges what; None (with words) until a judge has given a name, and where there is nothing to judge."""
    known = str(st.session_state.get("judge_name") or st.query_params.get("judge_name") or "").strip()
    if not known:
        st.markdown("You are shown a query and images for it, and say with one key how well each answers it. The grades tell whether "
                    "a search is good, here and in trec_eval.")
        judge = _judge_name(st)
        if not judge:
            st.info("Write your name first: grades are kept under it, and you continue where you stopped.")
            waiting = [f"{name} ({count(n, 'query', 'queries')})" for name, n in wb.querysets.names()]
            st.caption(plain(f"Waiting here: {', '.join(waiting)}."))
            return None
    with panel:
        judge = _judge_name(st) if known else judge
        if not judge:
            st.info("Write your name first: grades are kept under it, and you continue where you stopped.")
            return None
        queue, pool, name, version, recipe, depth = what(wb)
        way_there = st.container()
        mode = st.segmented_control("Show", ["One image", "Grid"], default="One image", key="judge_mode", required=True,
                                    bind="query-params")
        blind = st.toggle("Blind", value=True, key="judge_blind", bind="query-params",
                          help="Rank, score, recipe and name are hidden: a judge who sees the rank tends to agree with it.")
        names = queue == DECIDE and st.toggle("Show who said what", key="judge_names", persist_state="page")
        queries, pairs, says = tuple(wb.collection.saved_queries(name, version)), None, ""
        ids = [query.query_id for query in queries]
        if queue in (DIFFER, DECIDE):
            pairs, says = disputes(wb, queue, judge, ids)
        elif queue == OWN:
            pairs = pairs_of(wb, pool, judge, ids)
    if pairs is not None:
        queries = tuple(query for query in queries if query.query_id in pairs)
    if not queries:
        _nothing(queue, name, says)
        return None

    def found(query_id: str) -> tuple[str, ...]:
        asked = next(query.query for query in queries if query.query_id == query_id)
        return wb.search(asked, depth, recipe=recipe, log=False).item_ids

    ids = [query.query_id for query in queries]
    wanted = st.query_params.get("query")
    at = ids.index(wanted) if wanted in ids else place(wb, ids, judge, pairs, queue, found)
    st.query_params["query"] = ids[at]
    setting = Setting(name, queries, at, judge, mode == "Grid", blind, depth, recipe, pool, queue, names, pairs, says=says)
    if queue == SUGGESTED:
        with way_there:
            setting = suggested(wb, setting)
    _line(setting)
    with panel:
        _so_far(wb, setting)
    return setting


def _judge_name(on: DeltaGenerator | ModuleType) -> str:
    return on.text_input("Your name", key="judge_name", bind="query-params", max_chars=60,
                         help="Every grade is kept under the name of who gave it.").strip()


def _nothing(queue: str, name: str, says: str) -> None:
    if queue in (OWN, SUGGESTED):
        st.info(f"There is nothing for you to judge in {plain(name)}: it has no queries left, or all of it is with other judges.")
        return
    what = "you and another judge see differently" if queue == DIFFER else "judges differ on"
    st.info(f"There is nothing here that {what}. {says}")
    st.button("Look again", key="judge_look_again", on_click=look_again)


def _line(setting: Setting) -> None:
    alone = len(setting.queries) < 2
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Previous", key="judge_previous", disabled=alone, on_click=turn, args=(setting, -1))
        st.button("Next", key="judge_next", disabled=alone, on_click=turn, args=(setting, 1))
        st.caption(f"Query {setting.at + 1} of {len(setting.queries)} · {plain(setting.query_set)}", width="content")
        if setting.queue != OWN:
            st.button("Look again", key="judge_look_again", on_click=look_again,
                      help="Suggest anew, by what is graded by now." if setting.queue == SUGGESTED else "Leave out what is settled by now.")
    if setting.says:
        st.caption(plain(setting.says))


def turn(setting: Setting, step: int) -> None:
    """Go to the next query, or the one before."""
    at = (setting.at + step) % len(setting.queries)
    st.query_params["query"] = setting.queries[at].query_id


def _so_far(wb: Workbench, setting: Setting) -> None:
    said = []
    if setting.pairs is not None:
        pairs = {(q, item) for q, items in setting.pairs.items() for item in items}
        if pairs:
            n = len(pairs & done(wb, setting))
            st.progress(n / len(pairs), text=f"{n:,} of {len(pairs):,} {_DONE.get(setting.queue, 'judged')}")
    if (seconds := wb.judgments.median_seconds(setting.judge)) is not None:
        said.append(f"{seconds:.1f} s for a judgment (median).")
    try:
        said.append(agreement_line(wb, setting.query.query_id))
    except LoupeError as error:
        said.append(str(error))
    if setting.pool is not None and setting.pool.judges and setting.judge not in setting.pool.judges:
        said.append(f"This pool is divided among {', '.join(setting.pool.judges)}; as a guest you see all of it.")
    for one in filter(None, said):
        st.caption(plain(one))

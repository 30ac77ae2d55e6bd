"""The Judge page's side panel and the line above the screen: who judges, what, and how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from core.search.recipes import recipes
from pages._judge_agreement import agreement_line
from pages._judge_queue import DECIDE, DIFFER, OWN, QUEUES, Setting, look_again, pairs_of, place
from pages._search_state import plain
from pages._shared import count

if TYPE_CHECKING:
    from types import ModuleType

    from streamlit.delta_generator import DeltaGenerator

    from core.store import PoolRecord
    from core.workbench import Workbench

_RESULTS = "Results of a recipe"


def controls(wb: Workbench, panel: DeltaGenerator) -> Setting | None:
    """Who judges what; None (with words) until a judge has given a name, and where there is nothing to judge."""
    known = str(st.session_state.get("judge_name") or st.query_params.get("judge_name") or "").strip()
    if not known:
        st.markdown("You are shown a query and images for it, and say with one key how well each answers it. The grades tell whether "
                    "a search is good, here and in trec_eval.")
        judge = _judge_name(st)
        if not judge:
            st.info("Write your name first: grades are kept under it, and you continue where you stopped.")
            return None
    with panel:
        judge = _judge_name(st) if known else judge
        if not judge:
            st.info("Write your name first: grades are kept under it, and you continue where you stopped.")
            return None
        pool = _pool(wb)
        name, version, recipe, depth = (pool.set_name, pool.set_version, "plain", 10) if pool is not None else _results(wb)
        queue = st.segmented_control("Queue", QUEUES, default=OWN, key="judge_queue", required=True, persist_state="page", wrap=True, help=(
            "Mine: what you are to judge. Disagreements: what you and another judge see differently, to look at again. "
            "Adjudicate: decide what judges differ on; your word then counts."))  # fmt: skip
        mode = st.segmented_control("Show", ["One image", "Grid"], default="One image", key="judge_mode", required=True,
                                    persist_state="page")
        blind = st.toggle("Blind", value=True, key="judge_blind", persist_state="page",
                          help="Rank, score, recipe and name are hidden: a judge who sees the rank tends to agree with it.")
        names = queue == DECIDE and st.toggle("Show who said what", key="judge_names", persist_state="page")
    queries = tuple(wb.collection.saved_queries(name, version))
    pairs = pairs_of(wb, pool, queue, judge, [query.query_id for query in queries])
    if pairs is not None:
        queries = tuple(query for query in queries if query.query_id in pairs)
    if not queries:
        _nothing(queue, name)
        return None

    def found(query_id: str) -> tuple[str, ...]:
        asked = next(query.query for query in queries if query.query_id == query_id)
        return wb.search(asked, depth, recipe=recipe, log=False).item_ids

    ids = [query.query_id for query in queries]
    wanted = st.query_params.get("query")
    at = ids.index(wanted) if wanted in ids else place(wb, ids, judge, pairs, queue, found)
    st.query_params["query"] = ids[at]
    setting = Setting(name, queries, at, judge, mode == "Grid", blind, depth, recipe, pool, queue, names, pairs)
    _line(setting)
    with panel:
        _so_far(wb, setting)
    return setting


def _judge_name(on: DeltaGenerator | ModuleType) -> str:
    return on.text_input("Your name", key="judge_name", bind="query-params", max_chars=60,
                         help="Every grade is kept under the name of who gave it.").strip()


def _pool(wb: Workbench) -> PoolRecord | None:
    """The pool to judge: the newest, unless the link names a query that is not in it, or another is chosen."""
    there = {pool.pool_id: pool for pool in reversed(wb.pools.list())}
    if not there:
        return None
    names = {pool_id: f"{pool.name} ({pool.set_at})" for pool_id, pool in there.items()} | {"": _RESULTS}
    wanted = st.query_params.get("query")
    newest = next(iter(there))
    fits = wanted is None or wb.pools.has(newest, wanted)
    chosen = st.selectbox("What to judge", list(names), index=0 if fits else len(names) - 1, key="judge_pool", format_func=names.get,
                          persist_state="page", help="A pool holds what several recipes found. Make one under Pools.")  # fmt: skip
    return there.get(chosen or "")


def _results(wb: Workbench) -> tuple[str, int | None, str, int]:
    sets = dict(wb.querysets.names())
    name = st.selectbox("Query set", list(sets), key="judge_set", format_func=lambda s: f"{s} ({sets[s]})", persist_state="page")
    with st.popover("Results", width="stretch"):
        recipe = st.selectbox("Recipe", list(recipes(wb.collection)), key="judge_recipe", persist_state="page",
                              help="How the results are made. To judge what several recipes find, make a pool.")
        depth = st.slider("Results judged for each query", 5, 50, 10, key="judge_depth", persist_state="page")
    return name, None, recipe, depth


def _nothing(queue: str, name: str) -> None:
    if queue == OWN:
        st.info(f"There is nothing for you to judge in {plain(name)}: it has no queries left, or all of it is with other judges.")
        return
    what = "you and another judge see differently" if queue == DIFFER else "judges differ on"
    st.info(f"There is nothing here that {what}. Two grades differ where they are 2 or more apart, or one says not relevant (0) "
            "and the other does not.")  # fmt: skip
    st.button("Look again", key="judge_look_again", on_click=look_again)


def _line(setting: Setting) -> None:
    alone = len(setting.queries) < 2
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Previous", key="judge_previous", disabled=alone, on_click=turn, args=(setting, -1))
        st.button("Next", key="judge_next", disabled=alone, on_click=turn, args=(setting, 1))
        st.caption(f"Query {setting.at + 1} of {len(setting.queries)} · {plain(setting.query_set)}", width="content")
        if setting.queue != OWN:
            st.button("Look again", key="judge_look_again", on_click=look_again, help="Leave out what is settled by now.")


def turn(setting: Setting, step: int) -> None:
    """Go to the next query, or the one before."""
    at = (setting.at + step) % len(setting.queries)
    st.query_params["query"] = setting.queries[at].query_id


def _so_far(wb: Workbench, setting: Setting) -> None:
    said = []
    if setting.pairs is not None:
        pairs = {(q, item) for q, items in setting.pairs.items() for item in items}
        if setting.queue != DIFFER:
            done = len(pairs & wb.judgments.judged(setting.judge, setting.origin))
            st.progress(done / len(pairs), text=f"{done:,} of {len(pairs):,} judged")
        else:
            said.append(f"{count(len(pairs), 'pair')} to look at again.")
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

"""The parts of the Judge page: what is judged and by whom, the screen, and the qrels to take along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from core.search.recipes import recipes
from core.types import SavedQuery
from pages._judge_queries import add_queries
from pages._judging import judging_screen, save_presses
from pages._search_state import plain
from pages._shared import count, full_url, thumb_url

if TYPE_CHECKING:
    from types import ModuleType

    from streamlit.delta_generator import DeltaGenerator

    from core.workbench import Workbench

GUIDELINE = "How well does the image answer the query? 3 perfect, 2 relevant, 1 related, 0 not relevant."
_ACKED = 400
"""Presses the screen is told are saved; it never has more than a few that it does not know of yet."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is on the screen: a query of a set, a judge, and how results are shown."""

    query_set: str
    queries: tuple[SavedQuery, ...]
    at: int
    judge: str
    grid: bool
    blind: bool
    depth: int
    recipe: str

    @property
    def query(self) -> SavedQuery:
        """The query that is judged now."""
        return self.queries[self.at]


def controls(wb: Workbench) -> Setting | None:
    """Who judges what, on one line that wraps on a phone; None (with words) until a judge has given a name."""
    sets = dict(wb.judgments.query_sets())
    row = st.container(horizontal=True, vertical_alignment="bottom")
    # Once given, the name moves into the options: the picture needs the room.
    known = str(st.session_state.get("judge_name") or st.query_params.get("judge_name") or "").strip()
    judge = "" if known else _judge_name(row)
    with row.popover(f"Judging as {plain(known)}" if known else "Options"):
        if known:
            judge = _judge_name(st)
        name = st.selectbox("Query set", list(sets), key="judge_set", format_func=lambda s: f"{s} ({sets[s]})")
        mode = st.segmented_control("Show", ["One image", "Grid"], default="One image", key="judge_mode", required=True)
        recipe = st.selectbox("Recipe", list(recipes(wb.collection)), key="judge_recipe", help="How the results are made.")
        depth = st.slider("Results judged for each query", 5, 50, 10, key="judge_depth")
        blind = st.toggle("Blind: hide rank, score and name", key="judge_blind",
                          help="A judge who sees the rank tends to agree with it.")
        add_queries(wb, name)
    queries = tuple(wb.judgments.queries(name))
    if not queries:
        st.info("This set has no queries left; add some under Options.")
        return None
    if not judge:
        st.markdown(f"You are shown a query and the images found for it, and say with one key how well each answers it. The "
                    f"grades tell whether a search is good, here and in trec_eval. First comes **{plain(queries[0].text)}**.")
        st.info("Write your name first: grades are kept under it, and you continue where you stopped.")
        return None
    at = _position(wb, queries, judge, depth, recipe)
    setting = Setting(name, queries, at, judge, mode == "Grid", blind, depth, recipe)
    alone = len(queries) < 2
    row.button("Previous", key="judge_previous", disabled=alone, on_click=_turn, args=(setting, -1))
    row.button("Next", key="judge_next", disabled=alone, on_click=_turn, args=(setting, 1))
    row.caption(f"Query {at + 1} of {len(queries)} · {name}", width="content")
    return setting


def _judge_name(place: DeltaGenerator | ModuleType) -> str:
    return place.text_input("Your name", key="judge_name", bind="query-params", max_chars=60, width=200,
                            help="Every grade is kept under the name of who gave it.").strip()


def _position(wb: Workbench, queries: tuple[SavedQuery, ...], judge: str, depth: int, recipe: str) -> int:
    """The query to show: the link's, else the one this judge stopped in, else the first with no grade of theirs."""
    ids = [query.query_id for query in queries]
    wanted = st.query_params.get("query")
    if wanted in ids:
        return ids.index(wanted)
    started, stopped_in = wb.judgments.judged_queries(judge), wb.judgments.last_judged(judge)
    at = next((i for i, query_id in enumerate(ids) if query_id not in started), 0)
    if stopped_in in ids:
        found = wb.search(queries[ids.index(stopped_in)].query, depth, recipe=recipe, log=False).item_ids
        if not wb.judgments.for_query(stopped_in, judge).keys() >= set(found):
            at = ids.index(stopped_in)
    st.query_params["query"] = ids[at]
    return at


def _turn(setting: Setting, step: int) -> None:
    at = (setting.at + step) % len(setting.queries)
    st.query_params["query"] = setting.queries[at].query_id


def screen(wb: Workbench, setting: Setting) -> None:
    """The query's results with a grade each; every press is saved before anything is drawn."""
    query, ledger = setting.query, st.session_state.setdefault("judge_ledger", {})
    result = wb.search(query.query, setting.depth, recipe=setting.recipe, log=False)
    key = f"judging_{wb.key}_{query.query_id}"

    def on_presses() -> None:
        save_presses(wb.judgments, st.session_state[key].presses, ledger, frozenset(result.item_ids))

    def on_go() -> None:
        _turn(setting, 1 if st.session_state[key].go == "next" else -1)

    if not result.hits:
        st.info("This query finds nothing here: 0 results to judge.")
        return
    given = wb.judgments.for_query(query.query_id, setting.judge)
    order = {item_id: place for place, item_id in enumerate(given)}
    judging_screen(
        {
            "query": {"id": query.query_id, "text": query.text, "guideline": query.guideline or GUIDELINE},
            "collection": wb.key,
            "judge": setting.judge,
            "mode": "grid" if setting.grid else "one",
            "blind": setting.blind,
            "acked": list(ledger.get("saved", {}))[-_ACKED:],
            "hasNext": setting.at + 1 < len(setting.queries),
            "hasPrevious": setting.at > 0,
            "items": [
                {
                    "id": hit.item_id, "thumb": thumb_url(hit.item_id), "full": full_url(hit.item_id),
                    "title": hit.caption or hit.file, "rank": hit.rank, "score": f"{hit.score:.3f}",
                    "judged": hit.item_id in given, "order": order.get(hit.item_id), "grade": given.get(hit.item_id),
                }
                for hit in result
            ],
        },
        key=key, on_presses=on_presses, on_go=on_go,
    )  # fmt: skip


def afterwards(wb: Workbench, setting: Setting) -> None:
    """How far this is, the keys, and the qrels."""
    summary = wb.judgments.summary()
    columns = st.columns([4, 2], vertical_alignment="center")
    made = f" {summary.made:,} more are made from names and keywords." if summary.made else ""
    columns[0].caption(
        f"{count(summary.grades, 'grade')} by {count(summary.judges, 'judge')} on "
        f"{summary.queries:,} {'query' if summary.queries == 1 else 'queries'}.{made} Keys: 0 1 2 3 grade, "
        "x can't tell, u undo, arrows or j k move, n next query."
    )
    with columns[1]:
        _exports(wb, with_made=not summary.made or _with_made())


def _with_made() -> bool:
    return not st.toggle("Grades by people only", key="judge_people_only",
                         help="Leave out the grades that were made from names and keywords.")


def _exports(wb: Workbench, *, with_made: bool) -> None:
    """The qrels, and the words of the queries that they name by their ids."""
    qrels, n_cant_tell = wb.judgments.export_qrels(with_made=with_made)
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Export qrels", qrels, file_name=f"{wb.key}.qrels", mime="text/plain", on_click="ignore",
            help="TREC format: query, 0, item, grade. One grade for each pair: the adjudicated one, else the median of the "
            f"judges' latest, rounded down. {n_cant_tell} pairs nobody could tell are left out.",
        )  # fmt: skip
        st.download_button(
            "Export queries", wb.judgments.export_queries(), file_name=f"{wb.key}.queries.tsv", mime="text/plain",
            on_click="ignore", help="Query id, tab, query: what the ids in the qrels stand for.",
        )  # fmt: skip

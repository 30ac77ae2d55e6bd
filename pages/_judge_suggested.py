"""The Judge page's queue "Suggested": how images are chosen, and the list of a query, which stays while it is judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from core.judge.pools import shuffled
from core.search.cutoffs import KINDS, kind_of
from pages._judge_queue import KEPT_SUGGESTED, Setting
from pages._judge_recipes import compared
from pages._judge_what import pool_of
from pages._search_state import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.judge.sampling import Suggestion
    from core.types import SavedQuery
    from core.workbench import Workbench

WAYS = {"differ": "Where recipes differ most", "cutoff": "Nearest to the cut-off", "missing": "No grade in the first 10"}
NOTHING = {
    "differ": "Nothing to suggest for this query: the recipes rank all that is not judged alike.",
    "cutoff": "Nothing to suggest for this query: all that it finds is judged.",
    "missing": "Nothing is missing for this query: the first 10 of these recipes all have a grade.",
}
_BY, _N = "judge_by", "judge_suggest_n"


@dataclass(frozen=True)
class Way:
    """How images are chosen: `by` a key of `WAYS`, with which recipes, how many; `people`: made grades are no grades."""

    by: str
    recipes: tuple[str, ...]
    n: int
    people: bool = False


def suggested(wb: Workbench, setting: Setting) -> Setting:
    """The setting with the images that are suggested for its query, in an order that does not tell why; with the widgets."""
    st.caption("Images whose grade would tell most.")
    way = _way(wb, setting.query_set, setting.query)
    try:
        listed = _kept(wb, setting.query, setting.judge, way)
    except LoupeError as error:
        return replace(setting, pairs={setting.query.query_id: []}, nothing=str(error))
    found = {one.item_id: " · ".join(f"{name} {rank}" for name, rank in one.ranks.items()) for one in listed}
    order = shuffled(found, 0, setting.query.query_id, setting.judge)
    held = st.session_state[KEPT_SUGGESTED]
    opened = {query.query_id: [one.item_id for one in held[key]] for query in setting.queries
              if (key := (wb.key, setting.judge, query.query_id, way)) in held}  # fmt: skip
    pool = pool_of(wb, setting.query_set)
    inside = {row.item_id for row in wb.pools.rows(pool.pool_id, setting.query.query_id)} if pool is not None else set(order)
    outside = frozenset(order) - inside
    says = _outside(len(outside), len(order), pool.name, blind=setting.blind) if pool is not None and outside else ""
    return replace(setting, pairs={setting.query.query_id: order}, found=found, nothing=NOTHING[way.by], says=says, opened=opened,
                   outside=outside)  # fmt: skip


def _outside(n: int, of: int, pool: str, *, blind: bool) -> str:
    """Said of all together to a judge who is blind: that no recipe of the pool found it would tell something of an image."""
    if n == of:
        these = "The image that is suggested here is" if n == 1 else f"All {of} images that are suggested here are"
        hidden = ""
    else:
        these = f"{n:,} of the {of:,} images that are suggested here {'is' if n == 1 else 'are'}"
        hidden = " Which ones is hidden while you are blind." if blind else ""
    return f"{these} not in the pool {pool}; {'its grade counts' if n == 1 else 'their grades count'} for the query all the same.{hidden}"


def _kept(wb: Workbench, query: SavedQuery, judge: str, way: Way) -> Sequence[Suggestion]:
    """The list of a query as it was when it was first asked for: grades must not change it under the hand of who gives them."""
    kept = st.session_state.setdefault(KEPT_SUGGESTED, {})
    key = (wb.key, judge, query.query_id, way)
    if key not in kept:
        with st.spinner("Looking for images whose grade would tell most ..."):
            kept[key] = _asked(wb, query, way)
    return kept[key]


def _asked(wb: Workbench, query: SavedQuery, way: Way) -> Sequence[Suggestion]:
    if way.by == "missing":
        return wb.judgments.ungraded(query, way.recipes, with_made=not way.people)
    return wb.judgments.suggest(query, way.recipes, way.n, "cutoff" if way.by == "cutoff" else "disagreement")


def _way(wb: Workbench, query_set: str, query: SavedQuery) -> Way:
    of_cutoff, why = _cutoff(wb, query)
    linked = st.query_params.get("by")
    by = linked if linked in WAYS else st.session_state.get(_BY, "differ")
    by = "differ" if by == "cutoff" and why else by
    st.session_state[_BY] = by
    for one, label in WAYS.items():
        st.button(label, key=f"{_BY}_{one}", width="stretch", icon=":material/check:" if one == by else None, on_click=_by_written,
                  args=(one,), disabled=one == "cutoff" and bool(why))  # fmt: skip
    if why:
        st.caption(plain(why))
    if by == "cutoff":
        st.caption(f"The cut-off of the recipe {plain(of_cutoff)}.")
    names = (of_cutoff,) if by == "cutoff" else compared(wb, query_set)
    n = 0 if by == "missing" else st.slider("Images suggested", 1, 50, 10, key=_N, persist_state="page")
    people = by == "missing" and st.query_params.get("people") == "1"
    if people:
        st.caption("Grades that were made without people do not count.")
    return Way(by, names, n, people)


def _by_written(by: str) -> None:
    st.session_state[_BY] = st.query_params["by"] = by


def _cutoff(wb: Workbench, query: SavedQuery) -> tuple[str, str]:
    """A recipe with a cut-off for such queries; or why there is none."""
    kind, shown = kind_of(query.query), wb.cutoffs.shown().values()
    if of_this := [how["recipe"] for how in shown if how.get("kind") == kind and "recipe" in how]:
        return of_this[-1], ""
    if shown:
        return "", f"The cut-off was not learned for queries of {KINDS[kind]}, so nothing is near to it."
    outcome = wb.cutoffs.result()
    if outcome is None:
        return "", f"No cut-off is learned yet. Learn it {_THERE}"
    if not outcome.learned:
        return "", f"No cut-off could be learned: too little is judged. What it takes is said {_THERE}"
    kinds = " and ".join(KINDS[one] for one in outcome.learned)
    if kind not in outcome.learned:
        return "", f"A cut-off is learned for queries of {kinds}, not for queries of {KINDS[kind]}. What it takes is said {_THERE}"
    return "", f"A cut-off is learned for queries of {kinds}, but searches do not show it. Use it {_THERE}"


_THERE = "on Evaluate, under \"Where do good results end?\""

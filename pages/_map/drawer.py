"""The drawer beside a map: the selected images, and what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.workbench import Workbench
from pages import _search_dialogs as dialogs
from pages import _search_state as link
from pages import _search_undo as undo
from pages._grid import GridEvent, card_grid
from pages._map import state
from pages._map.points import Selection
from pages._search_cards import card
from pages._shared import go_to

PAGE = 48
MOST_IN_A_LINK = 300
_PAGE = "map_drawer_page"


def turn_to(page: int) -> None:
    """Show a page of the selection."""
    st.session_state[_PAGE] = page


def select(chosen: Selection | None) -> None:
    """Keep what was drawn on the map; its images are shown from the first."""
    state.select(chosen)
    turn_to(1)


def drawer(workbench: Workbench, ids: Sequence[str], total: int, note: str = "") -> None:
    """Draw it.

    Parameters
    ----------
    ids : sequence of str
        Selected images, in the order shown.
    total : int
        Images on the map.
    note : str
        What is to be said besides, such as how many of them are drawn.
    """
    with st.container(key="map_drawer"):
        st.markdown(f"**{len(ids):,} of {total:,} selected**")
        if note:
            st.caption(note)
        if not len(ids):
            st.caption("No image lies inside. Draw round some points, or press Esc on the map to clear.")
            return
        _actions(list(ids))
        undo.bar(workbench, "map")
        _images(workbench, list(ids))


def _actions(ids: list[str]) -> None:
    with st.container(horizontal=True):
        for kind, label in (("tag", "Tag"), ("export", "Export"), ("collection", "New collection")):
            st.button(label, key=f"map_{kind}", on_click=dialogs.ask, args=(kind, ids))
        fits = len(ids) <= MOST_IN_A_LINK
        within = st.button("Search within", key="map_within", disabled=not fits, help=(
            "Search among these images only." if fits else
            f"A link holds at most {MOST_IN_A_LINK} images. Tag these {len(ids):,}, then filter Search by the tag."))
    if within:
        go_to("search", q=str(link.state()["q"]), where="id in (" + ", ".join(f"'{i}'" for i in ids) + ")")


def _images(workbench: Workbench, ids: list[str]) -> None:
    n_pages = -(-len(ids) // PAGE)
    page = min(int(st.session_state.get(_PAGE, 1)), n_pages)
    shown = ids[(page - 1) * PAGE:page * PAGE]

    def handle(event: GridEvent) -> None:
        kind, chosen = event["type"], event["ids"]
        if kind == "open":
            link.put(item=chosen[0])
        elif kind == "more":
            link.add_term("item", chosen[0])
        elif kind in ("tag", "export", "collection"):
            dialogs.ask(kind, chosen)

    card_grid([card(item) for item in workbench.items.many(shown)], key="map_grid", height=110, actions=("more", "open"),
              bar=("tag", "export", "collection"), on_event=handle, label="Selected images")
    if n_pages > 1:
        key = f"map_page_{page}"  # named by the page, so that a new selection moves the widget too
        st.pagination(n_pages, default=page, key=key, on_change=lambda: turn_to(int(st.session_state[key])))

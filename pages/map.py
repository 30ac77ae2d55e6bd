"""Map: the whole collection in the plane, and one query among its neighbours."""

from __future__ import annotations

import streamlit as st

from pages._shared import guard

guard()

from core.errors import LoupeError  # noqa: E402
from core.types import Query  # noqa: E402
from pages import _search_dialogs as dialogs  # noqa: E402
from pages import _search_state as link  # noqa: E402
from pages._map import collection_tab, query_tab, state  # noqa: E402
from pages._search_item import show_item  # noqa: E402
from pages._shared import empty_state, workbench  # noqa: E402

wb = workbench()
if wb is None:
    empty_state("No map yet", "Bring images on the Home page, or try the demo there; their map is made on the way.", page="home")
    st.stop()

arrived = "map_tab" not in st.session_state
if arrived:
    state.fresh()
link.read_link(wb.key, arrived)
state.read_link(wb.key)
if message := st.session_state.pop("map_message", None) or st.session_state.pop("search_message", None):
    st.toast(message)

asked = link.state()["q"]
if not arrived and st.session_state.get("map_asked") != asked:  # "more like this" on an image of the map
    state.put(t=state.QUERY, sel="")
    state.fresh()
st.session_state["map_asked"] = asked

TABS = {state.COLLECTION: "Collection", state.QUERY: "This query"}
st.session_state["map_tab"] = state.tab()


def switch() -> None:
    """Show the other tab; what was selected on this one is let go."""
    chosen = st.session_state["map_tab"] or state.tab()
    state.put(t=state.QUERY if chosen == state.QUERY else "", sel="")
    state.fresh()


with st.container(horizontal=True, vertical_alignment="center"):
    st.segmented_control("Map of", list(TABS), key="map_tab", format_func=TABS.get, on_change=switch,
                         label_visibility="collapsed", required=True)
    if state.tab() == state.QUERY:
        query_tab.query_box()
    else:
        collection_tab.choose_colours(wb)
result = None
try:
    if state.tab() == state.QUERY:
        result = query_tab.show(wb)
    else:
        collection_tab.show(wb)
except LoupeError as error:
    st.error(str(error))
link.write_link(wb.generation)
state.write_link()
if not dialogs.show_asked(wb, result.query if result else Query()) and link.state()["item"]:
    show_item(wb, result, tuple(result.item_ids) if result else (), wb.generation)

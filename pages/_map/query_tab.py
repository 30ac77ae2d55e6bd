"""The tab "This query": the hits of the query, their neighbours, and how they hang together."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.atlas.colours import two_kinds
from core.atlas.selection import enclosed
from core.errors import QueryError
from core.types import Neighbourhood, Query, SearchResult
from core.workbench import Workbench
from pages import _search_results as results
from pages import _search_state as link
from pages._map import MapPoints, map_view, state
from pages._map.drawer import drawer, select
from pages._map.points import HUB, UnitSquare
from pages._search_nothing import say_error
from pages._shared import empty_state, link_to, thumb_url

MOST_HITS = 60
PRESERVED = ("Each image's 10 most similar images in this picture are compared with the 10 that lie nearest to it here. The "
             "share that is the same tells how far the picture can be trusted.")


def show(workbench: Workbench) -> SearchResult | None:
    """Draw the tab; the result that is shown."""
    try:
        query = link.query()
    except QueryError as error:
        say_error(error)
        return None
    if not query.terms:
        empty_state("Ask something", "Type a query above, or search on the Search page and come back: the map shows its "
                    "results among their neighbours.", page="search")
        return None
    result = workbench.search(query, k=min(int(link.state()["k"]), MOST_HITS), recipe=str(link.state()["recipe"]),
                              wait=False)
    if not len(result):
        empty_state("Nothing found", "No image passes the filters of this query.", page="search")
        return result
    near = workbench.maps.neighbourhood(result)
    square = UnitSquare.around(np.vstack([near.coords, near.query_xy[None]]))
    points = _points(query, near, square)
    selection = state.selection()
    left, right = st.columns([3, 2] if selection else [1000, 1], gap="medium" if selection else None)
    with left:
        map_view(points, key="map_query_view", on_select=select,
                 on_open=lambda item_id: link.put(item=item_id))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{near.preserved:.0%} of true neighbours are neighbours here too", help=PRESERVED, width="content")
            st.caption(results.summary(result), width="content")
            link_to("search", "Open in Search", q=str(link.state()["q"]), where=str(link.state()["where"]),
                    k=int(link.state()["k"]), recipe=str(link.state()["recipe"]))
    if selection is not None:
        with right:
            rows = enclosed(near.coords, square.outward(selection.polygon), _kinds(near).codes, selection.hidden)
            drawer(workbench, near.item_ids[rows].tolist(), len(near.item_ids))
    return result


def query_box() -> None:
    """The query as text; the same as on Search."""
    st.session_state["map_query"] = str(link.state()["q"])
    st.text_input("Query", key="map_query", placeholder='Type a query, such as "red car" -night', label_visibility="collapsed",
                  on_change=lambda: (link.put(q=st.session_state["map_query"]), state.put(sel="")))


def _kinds(near: Neighbourhood):  # noqa: ANN202
    return two_kinds(near.n_hits, len(near.item_ids) - near.n_hits, ("hits", "their neighbours"))


def _points(query: Query, near: Neighbourhood, square: UnitSquare) -> MapPoints:
    threshold = max(20.0, float(np.percentile(near.n_k, 95))) if len(near.n_k) else np.inf
    map_id = f"{query.query_id}-{near.n_hits}-{square.middle}-{square.side}"
    star = square.inward(near.query_xy[None])[0]
    return MapPoints(
        ids=near.item_ids, xy=square.inward(near.coords), colouring=_kinds(near),
        flags=np.where(near.n_k >= threshold, HUB, 0).astype(np.uint8), thumb=thumb_url(""),
        map_id=map_id, status=f"{len(near.edges):,} links between "
        "similar images: rest on one to see its own. The star is the query, at the middle of its hits.",
        ranks=near.n_hits, star=(float(star[0]), float(star[1])), edges=near.edges,
        hubs_label=f"hubs, found {threshold:,.0f} times or more", selection=state.first_selection(map_id), mode="pan", pictures=True)

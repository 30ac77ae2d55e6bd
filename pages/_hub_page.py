"""A hub's own page: how often it is found, by whom, and whose right answers it stands before."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from pages import _hub_link as link
from pages._hub_around import around
from pages._hub_queries import captured, displaced
from pages._hub_tables import CENTRAL
from pages._hub_top import start_at_top
from pages._search_state import plain
from pages._shared import count, full_url, go_to

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.correcting import CorrectedView
    from core.workbench.hub_page import HubPage
    from core.workbench.hubs import HubsView


def back() -> None:
    """The way to all hubs."""
    st.button("All hubs", key="hub_back", icon=":material/arrow_back:", on_click=link.show_hub, args=("",), shortcut="Escape")


def show(wb: Workbench, view: HubsView, after: CorrectedView | None) -> None:
    """The page of the item that the link names."""
    try:
        with st.spinner("Looking at its queries ..."):
            page = wb.hub_pages.page(view, link.hub(), after)
    except LoupeError as error:
        st.info(plain(str(error)))
        return
    start_at_top(page.row.item.item_id)
    _facts(wb, view, page)
    displaced(view, page, after)
    captured(view, page)
    if view.query_side == "items":
        victims, called = [case.asker.item.item_id for case in page.cases if case.asker.item], "images that find it"
    else:
        victims, called = [case.right.item_id for case in page.displaced if case.right], "right answers below it"
    around(wb, view, page.row.item.item_id, victims, called)


def _facts(wb: Workbench, view: HubsView, page: HubPage) -> None:
    row = page.row
    item = row.item
    left, right = st.columns([2, 3], gap="medium")
    left.html(
        f'<img src="{escape(full_url(item.item_id))}" alt="{escape(item.caption or item.file)}"'
        ' style="width:100%;height:min(40vh,320px);object-fit:contain;display:block;border-radius:6px">'
    )
    with right:
        st.subheader(plain(item.caption or item.file), anchor=False)
        for caption in item.captions[1:4]:
            st.text(caption)
        what = "A hub" if row.n_k >= view.threshold else "Never found" if not row.n_k else "No hub"
        st.markdown(f"{what}: {row.n_k:,} of {count(view.n_queries, 'query', 'queries')} have it in their top {view.k}; "
                    f"{view.mean:,.1f} would be expected, by luck seldom more than {view.chance:,}.")
        with st.container(horizontal=True, gap="medium"):
            now = f"{row.n_k:,}" if row.after is None else f"{row.n_k:,} \u2192 {row.after:,}"
            st.metric("N_k", now, width="content", help="The k-occurrence: how many queries have it in their top k"
                      + ("." if row.after is None else "; without the correction and with it."))
            st.metric("Expected", f"{view.mean:,.1f}", width="content", help="N_k of every image if there were no hubs. If every query "
                      f"drew its results by lot, one image in a thousand would have more than {view.chance:,}.")
            st.metric("Of queries", f"{row.share:.1%}", width="content", help="Share of all queries that it captures.")
            if row.distance is not None:
                st.metric("Centroid distance", f"{row.distance:.3f}", width="content", help="1 - cosine of its embedding and the "
                          "centroid, the mean of all. " + CENTRAL)
        if row.nearer is not None:
            st.caption(f"{row.nearer:.1%} of the other images lie nearer to the middle of the collection.")
        with st.container(horizontal=True):
            if st.button("Search with it", key="hub_search"):
                go_to("search", q=f"image:{item.item_id}")
            if st.button("Open in Search", key="hub_open", type="tertiary"):
                go_to("search", item=item.item_id)
            if page.cases:
                st.download_button("CSV", lambda: wb.hub_pages.page_csv(page), "hub.csv", "text/csv", key="hub_csv", on_click="ignore",
                                   icon=":material/download:", type="tertiary", help="Its queries with all ranks, for a spreadsheet.")

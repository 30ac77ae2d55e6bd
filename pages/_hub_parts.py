"""The parts of the Hubs page: the sentence on top, the measures, the hubs, one hub's queries, the items never found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from pages import _jobs
from pages._grid import card_grid
from pages._search_state import plain
from pages._shared import count, empty_state, go_to, link_to, thumb_url

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.hubs import HubsView

SIDES = {"items": "the items themselves", "captions": "their captions", "queries": "saved and logged queries"}

def settings(wb: Workbench) -> HubsView | None:
    """Choose k and what asks; None while the neighbours are not there."""
    one, two, _ = st.columns([2, 3, 4])
    k = one.select_slider("Results per query", [1, 5, 10, 20], value=10, key="hubs_k", help="How many results of each query are looked at.")
    side = two.selectbox("Queries", list(SIDES), key="hubs_side", format_func=SIDES.get,
                         help="Whose results are counted. N_k, the k-occurrence, is how many of them have an item in their top k.")
    with st.spinner(f"Asking with {SIDES[side]} ..."):
        return wb.hubs.report(k=k, query_side=side)


def not_yet(wb: Workbench) -> None:
    """Say why there is nothing to show, and what will change that."""
    jobs = _jobs.live_jobs(wb.key)
    if any(job.kind in ("ingest", "demo") for job in jobs):
        empty_state("Not measured yet", "Hubs are counted when all images are in; the line on top says how far that is.")
    elif jobs:
        empty_state("Not measured yet", "The neighbours of every image are being found; this takes seconds to minutes.")
    elif not wb.collection.ids():
        empty_state("No images yet", "Hubs are images that turn up in far too many results. Bring images first.", page="home")
    else:
        empty_state("Not measured yet", "The neighbours of the images have not been found yet.")
        with st.container(horizontal_alignment="center"):
            if st.button("Find them now", key="hubs_refresh", type="primary"):
                wb.maps.refresh()
                st.rerun()


def headline(view: HubsView) -> None:
    """The finding in words."""
    n = view.n_hubs
    if view.n_items <= max(1, 2 * view.k):
        st.subheader(f"Too few images to speak of hubs: {view.n_items:,}", anchor=False)
        finds = f"Each query finds {view.k:,} of them. " if view.k else ""
        st.caption(f"{finds}Bring more images{', or look at fewer results of each query' if view.k > 1 else ''}.")
        return
    if not n:
        st.subheader(f"No item stands out: none is found {view.threshold:.0f} times or more.", anchor=False)
        st.caption(f"{count(view.n_queries, 'query', 'queries')} ({SIDES[view.query_side]}), {view.n_items:,} items, top {view.k}; "
                   f"an item is found {view.mean:.1f} times on average.")
        return
    take = "1 item takes" if n == 1 else f"{n:,} items take"
    never = f"{view.report.antihub_share:.1%} of the items are never found."
    st.subheader(f"{take} {view.share_captured:.0%} of all places in results; {never}", anchor=False)
    st.caption(f"{count(view.n_queries, 'query', 'queries')} ({SIDES[view.query_side]}), {view.n_items:,} items, top {view.k}. "
               f"A hub here: found at least {view.threshold:.0f} times, twice the mean of {view.mean:.1f} or more.")


def hub_table(view: HubsView, after: Mapping[str, int]) -> None:
    """The hubs as pictures, with their N_k before and after a correction; a click on one opens what it captures."""
    if not view.hubs:
        return
    st.subheader("Hubs", anchor=False)
    shown = view.hubs[:24]
    event = card_grid(
        [_card(item, n_k, view, after.get(item.item_id)) for item, n_k in shown], key="hubs_grid", height=130,
        selectable=False, actions=("open",), label="Hubs, the largest first",
    )  # fmt: skip
    if event and event["id"]:
        st.query_params["hub"] = event["id"]
    if view.n_hubs > len(shown):
        st.caption(f"The {len(shown)} largest of {view.n_hubs:,} hubs.")
    link_to("map", "See the largest ringed on the map", by="n_k")


def _card(item: object, n_k: int, view: HubsView, after: int | None) -> dict[str, object]:
    count = f"{n_k:,} · {n_k / view.n_queries:.1%} of queries" if after is None else f"{n_k:,} \u2192 {after:,}"
    return {"id": item.item_id, "thumb": thumb_url(item.item_id), "title": item.caption or item.file,
            "score": f"N_k {count}", "width": item.width, "height": item.height,
            "tip": f"Found by {n_k:,} of {view.n_queries:,} queries; the mean is {view.mean:.1f}."}


def one_hub(wb: Workbench, view: HubsView) -> None:
    """One hub's own part: the queries that it captures."""
    ids = [item.item_id for item, _ in view.hubs]
    if not ids:
        return
    chosen = st.query_params.get("hub")
    place = ids.index(chosen) if chosen in ids else 0
    item, n_k = view.hubs[place]
    captured = wb.hubs.captured(item.item_id, k=view.k, query_side=view.query_side, limit=48)
    st.subheader(f"What {plain(item.caption or item.file)} captures", anchor=False)
    left, right = st.columns([1, 4])
    left.image(str(wb.items.thumb_path(item.item_id)), caption=f"{plain(item.caption or item.file)}, N_k {n_k:,}")
    if left.button("Search with it", key="hubs_search", width="stretch"):
        go_to("search", q=f"image:{item.item_id}")
    with right:
        st.caption(f"{n_k:,} queries have it in their top {view.k}; {len(captured):,} shown, nearest first.")
        if view.query_side == "items":
            event = card_grid(
                [{"id": c.item.item_id, "thumb": thumb_url(c.item.item_id), "title": c.item.caption or c.item.file, "rank": c.rank,
                  "width": c.item.width, "height": c.item.height} for c in captured],
                key="hubs_captured", height=90, selectable=False, actions=("open",), label="Items that find it",
            )  # fmt: skip
            if event and event["id"]:
                go_to("search", item=event["id"])
        else:
            st.dataframe([{"query": c.text, "its rank": c.rank} for c in captured], hide_index=True)


def antihubs(wb: Workbench, view: HubsView) -> None:
    """Items that nobody finds."""
    n = round(view.report.antihub_share * view.n_items)
    st.subheader(f"Never found: {n:,} of {view.n_items:,}", anchor=False)
    if not view.antihubs:
        st.caption(f"Every item is in somebody's top {view.k}.")
        return
    event = card_grid(
        [{"id": item.item_id, "thumb": thumb_url(item.item_id), "title": item.caption or item.file, "width": item.width,
          "height": item.height} for item in view.antihubs],
        key="hubs_antihubs", height=90, selectable=False, actions=("open",), strip=True, label="Items that nobody finds",
    )  # fmt: skip
    if event and event["id"]:
        go_to("search", item=event["id"])
    if n > len(view.antihubs):
        st.caption(f"{len(view.antihubs)} of {n:,} shown, in the order of their names.")

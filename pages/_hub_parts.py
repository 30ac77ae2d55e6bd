"""What stands on top of the Hubs page: who asks, the finding in words, or why there is none yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages import _hub_link as link
from pages import _jobs
from pages._shared import count, empty_state

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.hubs import HubsView

SIDES = {"items": "the items themselves", "captions": "their captions", "queries": "saved and logged queries"}
K_CHOICES = (1, 5, 10, 20)


def settings(wb: Workbench) -> HubsView | None:
    """Choose k and what asks; None while the neighbours are not there."""
    k = int(link.get(link.K, [str(k) for k in K_CHOICES], "10"))
    side = link.get(link.SIDE, list(SIDES), "items")
    st.session_state["hubs_k"], st.session_state["hubs_side"] = k, side
    one, two, _ = st.columns([2, 3, 4])
    one.select_slider("Results per query", K_CHOICES, key="hubs_k", help="How many results of each query are looked at.",
                      on_change=lambda: link.put(link.K, str(st.session_state["hubs_k"]), "10"))
    two.selectbox("Queries", list(SIDES), key="hubs_side", format_func=SIDES.get,
                  on_change=lambda: link.put(link.SIDE, st.session_state["hubs_side"], "items"),
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
    _finding(view)
    if view.is_sample:
        found = "" if view.recall is None else f", which finds {view.recall:.0%} of the true 10 nearest"
        st.caption(f"Only {view.n_queries:,} of the {view.n_items:,} items ask, a random sample, and the approximate index answers{found}. "
                   "All pairs are not compared yet: an item that nobody of the sample finds may still be found by others.")
    elif 0 <= view.in_full < view.n_items:
        st.caption(f"Every pair was compared: {view.in_full:,} items in full precision; for the other {view.n_items - view.in_full:,} "
                   "rough cosines and their error bound prove the same neighbours.")


def _finding(view: HubsView) -> None:
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
               f"A hub here: found at least {view.threshold:.0f} times, "
               + ("more than by chance." if view.is_sample else f"twice the mean of {view.mean:.1f} or more."))

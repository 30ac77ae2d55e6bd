"""The map of the Hubs page: all images with their N_k as size, before and after a correction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from core.atlas.colours import PALETTE, Colouring
from core.atlas.projection import FEWEST_FOR_UMAP
from core.types import MapFit
from pages import _hub_link as link
from pages._jobs import live_jobs
from pages._map import MapPoints, map_view
from pages._map.points import HUB, UnitSquare, sample, sizes_by_count
from pages._shared import empty_state, thumb_url

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.correcting import CorrectedView
    from core.workbench.hubs import HubsView

_NEVER, _NEVER_DARK = "#C9CDD2", "#5A6068"
_PARTS = {0.0: "none", 0.25: "a quarter", 0.5: "half", 0.75: "three quarters", 1.0: "all of it"}


def sizes(wb: Workbench, view: HubsView, after: CorrectedView | None) -> None:
    """The collection's map, an image the larger the more often it is found; a slider brings the correction in."""
    st.subheader("Where the hubs lie", anchor=False)
    fit = wb.maps.collection_map()
    if fit is None or not len(fit.item_ids):
        no_map(wb)
        return
    st.fragment(_sized)(wb, view, after, fit)


def _sized(wb: Workbench, view: HubsView, after: CorrectedView | None, fit: MapFit) -> None:
    if link.hub():  # a point was clicked: the whole page changes
        st.rerun()
    ids, n_k = view.item_ids, view.n_k
    if after is not None:
        part = _part(wb.correcting.parts(view))
        with st.spinner("Counting with a part of the correction ..."):
            shown = after if part == 1.0 else None if part == 0.0 else wb.correcting.corrected(view, after.setting, part)
        if shown is not None:
            ids, n_k = shown.item_ids, shown.n_k
        elif part:
            st.caption("The correction is being prepared again; this is the search without it.")
    found = dict(zip(ids.tolist(), n_k.tolist()))
    counts = np.array([found.get(item_id, 0) for item_id in fit.item_ids.tolist()], np.int64)
    hubs = counts >= view.threshold
    drawn = sample(len(counts))
    rows = np.arange(len(counts)) if drawn is None else drawn
    square = UnitSquare.around(fit.coords)
    never = int((counts == 0).sum())
    colours = Colouring("", "category", (counts == 0).astype(np.uint8), ("found", "never found"), (len(counts) - never, never),
                        (PALETTE[0], _NEVER), (PALETTE[4], _NEVER_DARK))  # fmt: skip
    map_view(
        MapPoints(
            ids=fit.item_ids[rows], xy=square.inward(fit.coords[rows]), colouring=colours, drawn=drawn,
            flags=np.where(hubs, HUB, 0).astype(np.uint8)[rows], sizes=sizes_by_count(counts[rows], float(view.n_k.max(initial=1))),
            counts=counts[rows], thumb=thumb_url(""), map_id=f"hubs-{wb.key}-{fit.set_id}-{square.middle}-{square.side}", mode="pan",
            hubs_label=f"hubs, found {view.threshold:,.0f} times or more",
            status="The larger a point, the more often it is found. A click opens the image's own page."
            + ("" if drawn is None else f" {len(rows):,} of {len(counts):,} points shown (random sample)."),
        ), key="hubs_map", on_open=link.show_hub,
    )  # fmt: skip
    method(wb, fit)


def _part(parts: Sequence[float]) -> float:
    """How much of the correction the map shows."""
    part = float(link.get(link.PART, [f"{one:g}" for one in parts], "1"))
    st.session_state["hubs_part"] = part
    st.select_slider("How much of the correction", parts, key="hubs_part", format_func=_PARTS.get, width=360,
                     on_change=lambda: link.put(link.PART, f"{st.session_state['hubs_part']:g}", "1"),
                     help="What the correction adds to each image's score is multiplied by so much; none is the search without it.")
    return part


def no_map(wb: Workbench) -> None:
    """Say why there is no map, and the button that makes one."""
    if live_jobs(wb.key):
        empty_state("No map yet", "The map is being made; the line on top says how far that is.")
        return
    empty_state("No map yet", "Nobody has made the map of this collection yet.")
    with st.container(horizontal_alignment="center"):
        _make(wb, "primary")


def method(wb: Workbench, fit: MapFit) -> None:
    """Say what the map is; a button makes a better one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if fit.method == "pca":
            waits, enough = bool(live_jobs(wb.key)), len(fit.item_ids) >= FEWEST_FOR_UMAP
            why = ": too few images for more" if not enough else " until the map is ready" if waits else ""
            st.caption(f"First two principal axes{why}", width="content")
            if enough and not waits:
                _make(wb, "tertiary")
        elif fit.trustworthiness is not None:
            st.caption(f"Neighbours on the map are true ones to {fit.trustworthiness:.0%}", width="content",
                       help="A map in the plane always tears some neighbours apart; the Map page says more.")


def _make(wb: Workbench, kind: str) -> None:
    if st.button("Make the map", key="hubs_make_map", type=kind):
        wb.maps.refresh()
        st.rerun()

"""The tab "Collection": every image as a point, coloured by what is known of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from core.atlas.clusters import load as load_clusters
from core.atlas.colours import LONG_PALETTE, NO_VALUE, PALETTE, Colouring, colouring
from core.atlas.projection import FEWEST_FOR_UMAP
from core.atlas.selection import enclosed
from core.rank.hubness import hub_threshold
from core.types import MapFit
from core.workbench import Workbench
from pages import _search_state as link
from pages._jobs import live_jobs
from pages._map import MapPoints, map_view, state
from pages._map.drawer import drawer, select
from pages._map.points import HUB, PLACED_LATER, UnitSquare, sample
from pages._shared import count, empty_state, thumb_url

FEW = 150
"""So few images are shown as pictures from the start, where they do not cover each other."""
NAMES = {"cluster": "group", "n_k": "times found", "judgment": "best grade", "date": "year of the date", "none": "nothing"}
HELP = {
    "trust": "Of the images that lie next to each other on the map, how many are similar in the model's full space too "
             "(trustworthiness, 10 neighbours; 1 is perfect). A map in the plane always tears some neighbours apart.",
    "refit": "Makes the map anew from all images. It is turned to lie as the old one did, but places will change.",
}


def show(workbench: Workbench) -> None:
    """Draw the tab."""
    fit = workbench.maps.collection_map()
    if fit is None or len(fit.item_ids) == 0:
        empty_state("No map yet", "A map is made as soon as images are indexed. Follow the indexing on Home.", page="home")
        return
    by = state.values()["by"] or "cluster"
    values, kind = workbench.maps.colours(by, fit) if by != "none" else (None, "none")
    colours = colouring(values, _label(by), kind, n_items=len(fit.item_ids),
                        n_colours=len(LONG_PALETTE) if by == "cluster" else len(PALETTE))
    if by == "cluster":
        colours = replace(colours, labels=tuple("no group" if label == NO_VALUE else label for label in colours.labels))
    square, drawn = UnitSquare.around(fit.coords), sample(len(fit.item_ids))
    points = _points(workbench, fit, colours, square, drawn)
    selection = state.selection()
    # always two columns, so that the map is not drawn anew when the drawer opens
    left, right = st.columns([3, 2] if selection else [1000, 1], gap="medium" if selection else None)
    with left:
        map_view(points, key="map_collection_view", on_select=select,
                 on_open=lambda item_id: link.put(item=item_id))
        _below(workbench, fit)
    if selection is not None:
        with right:
            rows = enclosed(fit.coords, square.outward(selection.polygon), colours.codes, selection.hidden)
            note = "" if drawn is None else f"{np.isin(rows, drawn).sum():,} of them among the {len(drawn):,} points drawn"
            drawer(workbench, fit.item_ids[rows].tolist(), len(fit.item_ids), note)


def choose_colours(workbench: Workbench) -> None:
    """The picker of what colours show; "group" is meant where the link says nothing."""
    choices = [*workbench.maps.colour_choices(), "none"]
    if state.values()["by"] not in choices:
        state.put(by="")
    st.session_state["map_by"] = state.values()["by"] or "cluster"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.caption("Colour by", width="content")
        st.selectbox("Colour by", choices, key="map_by", format_func=_label, width=200, label_visibility="collapsed",
                     on_change=lambda: state.put(by=st.session_state["map_by"].removeprefix("cluster")))


def _label(by: str) -> str:
    return NAMES.get(by, by)


def _points(workbench: Workbench, fit: MapFit, colours: Colouring, square: UnitSquare, drawn: np.ndarray | None) -> MapPoints:
    rows = np.arange(len(fit.item_ids)) if drawn is None else drawn
    n_k = np.array([value or 0 for value in workbench.maps.colours("n_k", fit)[0]], np.float64)
    threshold = _hub_from(n_k)
    flags = np.where(n_k >= threshold, HUB, 0) | np.where(fit.fitted, 0, PLACED_LATER)
    groups = load_clusters(workbench.collection, fit.set_id)
    names = groups.middles(fit) if groups is not None else []
    places = square.inward(np.array([name[:2] for name in names]).reshape(-1, 2))
    map_id = f"{workbench.key}-{fit.set_id}-{fit.method}-{square.middle}-{square.side}"
    return MapPoints(
        ids=fit.item_ids[rows], xy=square.inward(fit.coords[rows]), colouring=colours, flags=flags[rows].astype(np.uint8),
        thumb=thumb_url(""), map_id=map_id,
        status=_status(workbench, fit, drawn), drawn=drawn, hubs_label=f"top hubs, found {threshold:,.0f} times or more",
        pictures=len(rows) <= FEW,
        names=tuple((float(x), float(y), name[2]) for (x, y), name in zip(places, names)), selection=state.first_selection(map_id))


def _hub_from(n_k: np.ndarray) -> float:
    """Ring what is found twice as often as the mean, and no more than about the top hundredth."""
    if not n_k.any():
        return np.inf
    return float(np.ceil(max(hub_threshold(1, int(n_k.sum()), len(n_k)), np.percentile(n_k, 99), 2.0)))


def _status(workbench: Workbench, fit: MapFit, drawn: np.ndarray | None) -> str:
    """How many images the map shows, and of how many."""
    n, in_all = len(fit.item_ids), len(workbench.collection.view().live)
    parts = [count(n, "image") if drawn is None else f"{len(drawn):,} of {n:,} points shown (random sample)"]
    if in_all > n:
        parts.append(f"{in_all - n:,} new ones come onto the map when indexing is done")
    return " · ".join(parts)


def _below(workbench: Workbench, fit: MapFit) -> None:
    """What the map is, and making it anew."""
    later = int((~fit.fitted).sum())
    with st.container(horizontal=True, vertical_alignment="center"):
        if fit.method == "pca":
            waits, enough = bool(live_jobs(workbench.key)), len(fit.item_ids) >= FEWEST_FOR_UMAP
            st.caption("First two principal axes" + (
                ": too few images for more" if not enough else " until the map is ready" if waits else ""), width="content")
            if enough and not waits and st.button("Make the map", key="map_make", type="tertiary", help=HELP["refit"]):
                workbench.maps.refresh()
                st.rerun()
        elif fit.trustworthiness is not None:
            st.caption(f"Neighbours on the map are true ones to {fit.trustworthiness:.0%}", help=HELP["trust"], width="content")
        if later:
            st.caption(f"{later:,} placed after the map was made", width="content")
        if fit.method == "umap" and st.button("Make the map anew", key="map_refit", type="tertiary", help=HELP["refit"]):
            workbench.maps.refit()
            st.session_state["map_message"] = "The map is being made anew; it appears here when it is ready."
            st.rerun()

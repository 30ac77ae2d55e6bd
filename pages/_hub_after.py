"""The measures of the Hubs page, and what a correction makes of them: side by side, and the same two pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core import figures
from core.errors import LoupeError
from core.search.recipes import AD_HOC, BUILT_IN, describe, recipe
from core.types import HubSetting
from pages import _jobs
from pages._hub_control import hub_control, named
from pages._polling import polled
from pages._search_state import state as search_state
from pages._shared import go_to

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from core.workbench import Workbench
    from core.workbench.correcting import CorrectedView
    from core.workbench.hubs import HubsView

MEASURES = (
    ("skewness", "Skewness of N_k", "0: everything is found equally often. Above about 1.4: hubs. "
     "Third standardised moment of N_k over all items, those never found included."),
    ("robin_hood", "Robin Hood index", "Share of all places in results that would have to be handed over for every item to be found "
     "equally often; half the sum of |N_k - mean| over the sum of N_k."),
    ("antihub_share", "Never found", "Anti-hubs: share of items that are in nobody's top k."),
    ("gini", "Gini", "0: equal, 1: one item has every place."),
    ("largest_hub_reach", "Largest hub", "Share of all queries that have the largest hub in their top k."),
)
MORE = (
    ("skewness_nonzero", "Skewness without the never found", "The same over the items that are found at all. Studies that leave the "
     "others out report this one: it is lower, and blind to anti-hubs."),
    ("atkinson", "Atkinson", "0: equal, 1: one item has every place. 1 - (mean of sqrt N_k) squared / mean of N_k: it weighs the "
     "items at the low end, so it tells whether rarely found items gain, where Gini looks at the middle."),
)
_PARAMETER = "recipe"


def setting(wb: Workbench) -> HubSetting:
    """The correction that the link names."""
    name = str(st.query_params.get(_PARAMETER, "plain"))
    try:
        return recipe(wb.collection, name).hub
    except LoupeError as error:
        st.warning(str(error))
        return HubSetting()


def corrected(wb: Workbench, view: HubsView) -> CorrectedView | None:
    """Choose a correction; how evenly items are found with it, or None."""
    now = setting(wb)

    def changed(made: HubSetting) -> None:
        st.query_params[_PARAMETER] = describe(made)

    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Correct for hubs", key="hubs_correct", icon=":material/balance:"):
            hub_control(wb, now, changed, key="hubs_correction")
        if now.method == "none":
            st.caption("Choose a correction to see what it changes.", width="content")
            return None
        st.caption(named(now), width="content")
        if st.button("Use this correction in search", key="hubs_use"):
            asked = search_state()
            go_to("search", q=str(asked["q"]), where=str(asked["where"]), k=int(asked["k"]), recipe=_name_of(now))
    try:
        with st.spinner("Counting with the correction ..."):
            found = wb.correcting.corrected(view, now)
    except LoupeError as error:
        st.info(str(error))
        return None
    if found is None:
        _waiting(wb)
        return None
    for said in found.said:
        st.caption(said)
    st.markdown(_sentence(view, found))
    return found


def _name_of(now: HubSetting) -> str:
    name = str(st.query_params.get(_PARAMETER, ""))
    return name if name in BUILT_IN or name.startswith(AD_HOC) else describe(now)


def _waiting(wb: Workbench) -> None:
    if not any(job.kind == "correct" for job in _jobs.live_jobs(wb.key)):
        st.info("There is too little to compare the images with; choose another bank.")
        return
    st.info("The correction is being prepared; the line on top says how far that is.")

    def look() -> None:
        if not any(job.kind == "correct" for job in _jobs.live_jobs(wb.key)):
            st.rerun()

    polled(look, 1.0)()


def _sentence(view: HubsView, found: CorrectedView) -> str:
    """What the correction changes, in words."""
    items = "1 item" if found.n_hubs == 1 else f"{found.n_hubs:,} items"
    text = (f"With the correction {items} {'is' if found.n_hubs == 1 else 'are'} found that often, instead of {view.n_hubs:,}, and "
            f"take{'s' if found.n_hubs == 1 else ''} {found.share_captured:.0%} of all places, instead of {view.share_captured:.0%}.")
    if found.setting.bank == view.query_side:
        text += " The queries counted are those of its bank: with others it changes less."
    return text


def measures(view: HubsView, after: CorrectedView | None) -> None:
    """Numbers with their meaning behind a hover, before and after, and the two pictures of the same fact."""
    row = st.container(horizontal=True, gap="medium")
    for measure in MEASURES:
        _metric(row, measure, view, after)
    with st.expander("More measures"):
        for measure in MORE:
            _metric(st.container(), measure, view, after)
            st.caption(measure[2])
    dark = st.context.theme.type == "dark"
    counts, curves = {"now" if after is None else "before": view.n_k}, {"these results" if after is None else "before": view.lorenz}
    if after is not None:
        counts["after"], curves["after"] = after.n_k, after.lorenz
    left, right = st.columns(2)
    left.caption("How many items are found how often")
    left.plotly_chart(figures.occurrence_histogram(counts, k=view.k, dark=dark), key="hubs_histogram",
                      config={"displayModeBar": False})
    right.caption("Share of all places held by the least found items (Lorenz curve)")
    right.plotly_chart(figures.lorenz_curve(curves, dark=dark), key="hubs_lorenz", config={"displayModeBar": False})


def _metric(row: DeltaGenerator, measure: tuple[str, str, str], view: HubsView, after: CorrectedView | None) -> None:
    """One number, before and after; what it means is behind a hover."""
    field, label, meaning = measure
    value = getattr(view.report, field)
    now = None if after is None else getattr(after.report, field)
    share = field in ("antihub_share", "largest_hub_reach")
    shown, change = _number(value, share), None
    if now is not None and value is not None:
        shown, change = f"{shown} \u2192 {_number(now, share)}", f"{(now - value) * (100 if share else 1):+.2f}"
        change += " points" if share else ""
    row.metric(label, shown, change, delta_color="inverse", help=meaning, width="content")


def _number(value: float | None, share: bool) -> str:
    return "\u2013" if value is None else f"{value:.1%}" if share else f"{value:.2f}"

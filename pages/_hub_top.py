"""A hub's own page starts at its top, also where the click that opened it was far down."""

from __future__ import annotations

import streamlit as st

_mount = st.components.v2.component(
    "loupe_hub_top",
    html="<span></span>",
    js="""
export default function ({ parentElement, data }) {
  if (parentElement.loupeHub === data.hub) return;    // a rerun of the same page stays where it is
  parentElement.loupeHub = data.hub;
  document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 });
}
""",
)


def start_at_top(item_id: str) -> None:
    """Scroll up when the page of another item is shown."""
    _mount(key="hub_top", data={"hub": item_id}, height=1)

"""Home's first way in: the demo collection, one click away."""

from __future__ import annotations

import base64

import streamlit as st

from pages import _jobs
from pages._shared import PICKED, collections, collections_changed, demo_pictures, go_to


def demo() -> None:
    """Show a few of its pictures and the button that builds or opens it."""
    from data.demo import ATTRIBUTION, NAME

    st.subheader("Try the demo", anchor=False)
    pictures, n = demo_pictures()
    st.html(_strip(pictures))
    there = next((info for info in collections() if info.name == NAME), None)
    st.markdown(f"{n:,} drawings with names, and 60 queries with judged results. Everything works on them offline.")
    if there is None:
        if st.button("Try the demo", key="home_demo", type="primary"):
            st.session_state[PICKED] = _jobs.start_demo().collection
            collections_changed()
            go_to("search")
    elif st.button("Open the demo", key="home_demo", type="primary" if len(collections()) == 1 else "secondary"):
        st.session_state[PICKED] = there.key
        go_to("search")
    st.caption("Drawings by OpenMoji, CC BY-SA 4.0", help=ATTRIBUTION)


def _strip(pictures: tuple[bytes, ...]) -> str:
    images = "".join(
        f'<img alt="" style="width:100%;aspect-ratio:1;object-fit:contain;border-radius:6px;background:#fff" '
        f'src="data:image/png;base64,{base64.b64encode(data).decode()}">'
        for data in pictures
    )
    return f'<div style="display:grid;grid-template-columns:repeat(4,1fr);gap:6px;max-width:22rem">{images}</div>'

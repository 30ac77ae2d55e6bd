"""What was just done to images, said in a line with a way back."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import LoupeError
from core.workbench import Workbench

_DONE = "search_undo"


def counted(n: int) -> str:
    """``1 image``, ``1,204 images``."""
    return f"{n:,} image" if n == 1 else f"{n:,} images"


def offer(text: str, batches: Sequence[str]) -> None:
    """Say what was done; `batches` are what `wb.items.undo` takes back."""
    st.session_state[_DONE] = {"text": text, "batches": [batch for batch in batches if batch]}


def trash(workbench: Workbench, ids: Sequence[str]) -> None:
    """Move images to the trash, with a way back."""
    offer(f"Moved {counted(len(ids))} to the trash.", [workbench.items.trash(list(ids))])


def at_the_bottom(workbench: Workbench) -> None:
    """The line at the lower edge of the window: seen however far down the images go, and it moves none of them."""
    if st.session_state.get(_DONE):
        with st.bottom:
            bar(workbench, "page")


def bar(workbench: Workbench, place: str) -> None:
    """The line: with a way back until it is dismissed or something else is done, otherwise once.

    `place` tells two bars of one run apart.
    """
    done = st.session_state.get(_DONE)
    if not done:
        return

    def back() -> None:
        st.session_state.pop(_DONE, None)
        try:
            for batch in reversed(done["batches"]):
                workbench.items.undo(batch)
            offer("Undone.", [])  # nothing is drawn in a callback: inside a dialog the browser would not survive it
        except LoupeError as error:
            offer(str(error), [])

    if not done["batches"]:
        st.session_state.pop(_DONE)
        st.caption(done["text"])
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"search_undo_{place}"):
        st.text(done["text"], width="content")
        st.button("Undo", on_click=back, key=f"search_undo_{place}_press")
        st.button("Dismiss", on_click=lambda: st.session_state.pop(_DONE, None), type="tertiary",
                  key=f"search_undo_{place}_off")

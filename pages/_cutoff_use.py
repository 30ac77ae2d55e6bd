"""Whether searches draw the line that was learned: use it, leave it off, and take that back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages._search_state import plain
from pages._shared import link_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.workbench.cutoffs import CutoffService, Outcome

_LEFT = "cutoff_left"


def use_it(service: CutoffService, outcome: Outcome, press: Callable[..., None]) -> None:
    """The buttons; `press` is called with what one does."""

    def leave(recipe: str) -> None:
        st.session_state[_LEFT] = (outcome.account["made_at"], service.leave_off(recipe))

    def back() -> None:
        service.bring_back(st.session_state.pop(_LEFT)[1])

    left = st.session_state.get(_LEFT)
    with st.container(horizontal=True, vertical_alignment="center"):
        if outcome.in_use:
            st.markdown(f"Searches with the recipe **{plain(outcome.recipe)}** show the line.")
            link_to("search", "Search with it", recipe=outcome.recipe)
        st.button("Use what was learned last" if outcome.in_use else "Use it in search", key="cutoff_use",
                  type="secondary" if outcome.in_use else "primary", on_click=press, args=(service.adopt,))
        if outcome.in_use:
            st.button("Leave it off", key="cutoff_off", on_click=press, args=(leave, outcome.recipe),
                      help="Searches with this recipe show no line any more.")
        others = sorted({how["recipe"] for how in service.shown().values()} - {outcome.recipe})
        for recipe in others:
            st.button(f"Leave it off for {plain(recipe)}", key=f"cutoff_off_{recipe}", on_click=press, args=(leave, recipe),
                      help="Learned before, for another recipe, and still shown.")
        if left is not None and left[0] == outcome.account["made_at"] and not set(left[1]) <= set(service.shown()):
            st.button("Undo: show the line again", key="cutoff_undo", on_click=press, args=(back,))

"""The line "likely irrelevant below" of the Search page: where it stands, what it rests on, and its switch."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.types import Cutoff, Hit, SearchResult
from core.workbench import Workbench
from pages import _search_state as link
from pages._grid import Divider
from pages._search_state import plain

_KEY, _SAID = "search_line", "search_line_said"


def control(workbench: Workbench, result: SearchResult) -> None:
    """One line under the toolbar where a cut-off is in use: how many results are above it, and the switch."""
    cut = result.cutoff
    if cut is None:
        _once(workbench, result)
        return
    if not len(result):
        return
    on = str(link.state()["line"]) != "off"
    st.session_state[_KEY] = on
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="search_line_row"):
        st.toggle("Line", key=_KEY, on_change=lambda: link.put(line="on" if st.session_state[_KEY] else "off"),
                  help="A line between the results below which they are likely irrelevant. It hides and moves nothing.")
        if on:
            st.caption(_sentence(cut, result), width="content", help=plain(cut.words))
            if not workbench.cutoffs.current(cut.fingerprint):
                st.caption("The judgments have changed since it was learned.", width="content")


def divider(result: SearchResult, hits: Sequence[Hit]) -> Divider | None:
    """The line among the hits of one page; None where it is not on this page, or switched off."""
    cut = result.cutoff
    if cut is None or not cut.below or not hits or str(link.state()["line"]) == "off":
        return None
    before = cut.after - (hits[0].rank - 1)
    if not 0 <= before < len(hits):
        return None
    return Divider(before=before, label=f"{_below(cut)}{_probability(cut)}", title=cut.words)


def _sentence(cut: Cutoff, result: SearchResult) -> str:
    above = cut.after
    if not cut.below:
        return f"All {above:,} shown are above the line{_probability(cut)}."
    if above == 0:
        return f"None of the {len(result):,} shown reaches the line; {_below(cut)}{_probability(cut)}."
    return f"{above:,} of {len(result):,} shown are above the line; {_below(cut)}{_probability(cut)}."


def _below(cut: Cutoff) -> str:
    """What is said of the results below: a low recall target can lay the line where most are still relevant."""
    return "less likely relevant below" if cut.probability is not None and cut.probability > 0.5 else "likely irrelevant below"


def _probability(cut: Cutoff) -> str:
    """`` (12% relevant at the line)``, or nothing."""
    return "" if cut.probability is None else f" ({cut.probability:.0%} relevant at the line)"


def _once(workbench: Workbench, result: SearchResult) -> None:
    """Why there is no line, with the first search that has none for this reason."""
    if not result.cutoff_note:
        return
    said = st.session_state.setdefault(_SAID, {})
    asked = (str(link.state()["q"]), result.recipe)
    if said.setdefault((workbench.key, result.cutoff_note), asked) == asked:
        st.caption(plain(result.cutoff_note))

"""Hubs: which items get in the way of the others, and which are never found."""

from __future__ import annotations

from pages._shared import guard

guard()

import streamlit as st  # noqa: E402

from pages import _hub_after as after  # noqa: E402
from pages import _hub_parts as parts  # noqa: E402
from pages._hub_finding import proof_line  # noqa: E402
from pages._hub_proof import proof  # noqa: E402
from pages._shared import empty_state, workbench  # noqa: E402

st.title("Hubs", anchor=False)
wb = workbench()
if wb is None:
    empty_state("No collection yet", "Hubs are the items that turn up in far too many results. Bring images first.", page="home")
else:
    view = parts.settings(wb)
    if view is None:
        parts.not_yet(wb)
    else:
        parts.headline(view)
        proof_line(wb)
        if view.n_items > 1:
            corrected = after.corrected(wb, view)
            after.measures(view, corrected)
            parts.hub_table(view, after.n_k_after(corrected))
            parts.one_hub(wb, view)
            parts.antihubs(wb, view)
            proof(wb)

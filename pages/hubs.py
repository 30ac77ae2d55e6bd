"""Hubs: which items get in the way of the others, and which are never found."""

from __future__ import annotations

from pages._shared import guard

guard()

import streamlit as st  # noqa: E402

from pages import _hub_after as after  # noqa: E402
from pages import _hub_link as link  # noqa: E402
from pages import _hub_map, _hub_page, _hub_tables  # noqa: E402
from pages import _hub_parts as parts  # noqa: E402
from pages._hub_finding import proof_line  # noqa: E402
from pages._hub_proof import proof  # noqa: E402
from pages._shared import empty_state, workbench  # noqa: E402

st.title("Hubs", anchor=False)
wb = workbench()
if wb is None:
    empty_state("No collection yet", "Hubs are the items that turn up in far too many results. Bring images first.", page="home")
else:
    if link.hub():
        _hub_page.back()
    view = parts.settings(wb)
    if view is None:
        parts.not_yet(wb)
    elif link.hub():
        _hub_page.show(wb, view, after.corrected(wb, view))
    else:
        parts.headline(view)
        proof_line(wb)
        if view.n_items > 1:
            corrected = after.corrected(wb, view)
            after.measures(view, corrected)
            _hub_tables.hubs(wb, view, corrected)
            _hub_map.sizes(wb, view, corrected)
            _hub_tables.antihubs(wb, view, corrected)
            proof(wb)

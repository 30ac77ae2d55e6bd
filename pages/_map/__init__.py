"""The map as a component: points go in as one block of bytes, a selection or an opened image comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages._map.points import MapPoints, Selection, pack, selection_of

_HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "loupe_map",
    html='<div class="loupe-map"></div>',
    css=(_HERE / "map.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("parts.js", "map.js")),
)


def map_view(points: MapPoints, *, key: str, on_select: Callable[[Selection | None], None] | None = None,
             on_open: Callable[[str], None] | None = None) -> None:
    """Draw a map.

    Parameters
    ----------
    points : MapPoints
    on_select : callable, optional
        Called with the new selection, or None when it was cleared, before the script runs again.
    on_open : callable, optional
        Called with the id of the image that was clicked, if it is one of those drawn.
    """

    def selected() -> None:
        if on_select is not None:
            on_select(selection_of(_read(key, "selection")))

    def opened() -> None:
        item_id = _read(key, "open")
        if on_open is not None and isinstance(item_id, str) and item_id in points:
            on_open(item_id)

    _mount(key=key, data=pack(points), on_selection_change=selected, on_open_change=opened)


def _read(key: str, name: str) -> Any:
    state = st.session_state.get(key)
    return state.get(name) if isinstance(state, Mapping) else None


__all__ = ["MapPoints", "Selection", "map_view"]

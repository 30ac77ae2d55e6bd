"""What the Map page adds to the link: the tab, what colours show, and the selection."""

from __future__ import annotations

import streamlit as st

from pages._map.points import Selection

COLLECTION, QUERY = "collection", "query"
KEYS = ("t", "by", "sel")
_STATE, _WRITTEN, _OF, _FIRST = "map_link", "map_link_written", "map_link_of", "map_link_first"


def values() -> dict[str, str]:
    """``t``, ``by`` and ``sel`` as text; empty where they are as usual. Change them with `put`."""
    return st.session_state.setdefault(_STATE, dict.fromkeys(KEYS, ""))


def put(**changes: str) -> None:
    """Change values."""
    values().update(changes)


def read_link(collection: str) -> None:
    """Take the values from the address, if it is not the one this page wrote; forget them for another collection."""
    asked = {name: st.query_params.get(name, "") for name in KEYS}
    if st.session_state.setdefault(_OF, collection) != collection:
        st.session_state[_OF] = collection
        put(sel="", by="")
    if any(asked.values()) and asked != st.session_state.get(_WRITTEN):
        put(**asked)
    if values()["t"] not in ("", QUERY):
        put(t="")


def write_link() -> None:
    """Bring the address up to date.

    What this page wrote last counts too: a quick second gesture is sent with the address from before the first one's
    answer, which then looks right here and is overtaken in the browser.
    """
    asked = dict(values())
    overtaken = st.session_state.get(_WRITTEN, asked) != asked
    st.session_state[_WRITTEN] = asked
    link = st.query_params.to_dict()
    wanted = {**{name: text for name, text in link.items() if name not in KEYS}, **{n: t for n, t in asked.items() if t}}
    if wanted != link or overtaken:
        st.query_params.from_dict(wanted)


def tab() -> str:
    """COLLECTION or QUERY."""
    return QUERY if values()["t"] == QUERY else COLLECTION


def selection() -> Selection | None:
    """What is selected on the tab that is shown."""
    return Selection.from_link(values()["sel"]) if values()["sel"] else None


def select(chosen: Selection | None) -> None:
    """Keep a new selection."""
    put(sel=chosen.as_link() if chosen else "")


def fresh() -> None:
    """The map is about to be drawn anew: it is then told of the selection."""
    st.session_state[_FIRST] = {}


def first_selection(map_id: str) -> Selection | None:
    """The selection a map started with; what is drawn later the browser knows, so the points need not be sent again.

    Another map in the place of one that was shown starts without a selection: the old one means other points.
    """
    seen: dict[str, str] = st.session_state.setdefault(_FIRST, {})
    if seen and map_id not in seen:
        put(sel="")
    if map_id not in seen:
        seen.clear()
        seen[map_id] = values()["sel"]
    return Selection.from_link(seen[map_id]) if seen[map_id] else None

"""Keys that work on every page: ``/`` goes to the query, ``?`` lists the keys."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent / "_keys"

KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "Everywhere": (("/", "go to the query"), ("?", "this list"), ("Esc", "close, or clear the selection")),
    "In a grid of images": (
        ("Arrows", "move"), ("Enter", "open"), ("Space", "select"), ("Shift + arrows", "select a range"),
        ("Ctrl + A", "select all"), ("M", "more like this"), ("L", "less like this"), ("+ and -", "larger, smaller"),
    ),
    "On the map": (
        ("L B V", "lasso, box, move"), ("Arrows", "move the map"), ("+ and -", "closer, further"), ("0", "show all"),
        ("P", "pictures on the points"), ("Enter", "open the image under the pointer"),
    ),
    "Judging": (
        ("0 1 2 3", "not relevant, related, relevant, perfect"), ("X", "can't tell"), ("U", "undo"),
        ("J and K", "next, previous image"), ("N and P", "next, previous query"), ("M", "write a note"),
    ),
}

_listener = st.components.v2.component(
    "loupe_keys",
    html='<button type="button" class="open">Keys <kbd>?</kbd></button><dialog aria-label="Keys"></dialog>',
    css=(_HERE / "keys.css").read_text(encoding="utf-8"),
    js=(_HERE / "keys.js").read_text(encoding="utf-8"),
)


def keys() -> None:
    """Listen for the keys, and show the small button that lists them."""
    _listener(key="frame_keys", data={"sections": [[title, list(rows)] for title, rows in KEYS.items()]})

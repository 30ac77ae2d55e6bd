"""The card grid: same-height pictures that can be opened, selected and used as a query, as one small component.

Used wherever images are listed: Search, the drawer of the Map, Hubs, the grid mode of Judge. Forty cards of native
buttons would be two hundred widgets; this is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import streamlit as st

_HERE = Path(__file__).parent / "_grid"

_mount = st.components.v2.component(
    "loupe_grid",
    html='<div class="loupe-grid"></div>',
    css=(_HERE / "grid.css").read_text(encoding="utf-8"),
    js=(_HERE / "grid.js").read_text(encoding="utf-8"),
)

CARD_ACTIONS = ("more", "less", "open", "keep", "remove", "grade", "alike")
BAR_ACTIONS = ("tag", "export", "collection", "judge", "search", "remove")


class Card(TypedDict, total=False):
    """One picture. Only `id` and `thumb` are needed; all text is shown as text, whatever it holds."""

    id: str
    thumb: str
    title: str  # caption or file name, one line under the picture
    tip: str  # shown when the pointer rests on the card
    rank: int
    score: str
    badge: str  # such as "+3 alike"; a click on it gives the event "alike"
    parts: list[list[str | float]]  # what each term of the query gave: its name and its share of the score
    moved: str  # such as "1 → 7": the rank before a correction and after; `moved_up` says which way
    moved_up: bool
    hub: str  # why it is marked as a hub; absent: no mark
    demoted: bool  # it is a hub that a correction moved down
    grade: int  # 0..3
    width: int  # pixels of the image: with both known nothing moves while pictures load
    height: int


class Divider(TypedDict):
    """A line before the card at place `before` (from 0), with a few words on it and more behind a hover. It moves nothing."""

    before: int
    label: str
    title: str


class GridEvent(TypedDict):
    """What a user did: `type` is one of the card or bar actions, or ``select``.

    `id` is the card's for card actions, None for actions of the selection bar; `ids` are all cards meant, in the order
    shown.
    """

    type: str
    id: str | None
    ids: list[str]
    grade: int | None


def card_grid(
    cards: Sequence[Mapping[str, Any]],
    *,
    key: str,
    height: int = 180,
    selectable: bool = True,
    actions: Sequence[str] = ("more", "less", "open"),
    bar: Sequence[str] = ("tag", "export", "collection", "judge", "remove"),
    on_event: Callable[[GridEvent], None] | None = None,
    label: str = "Images",
    resizable: bool = True,
    strip: bool = False,
    report_selection: bool = False,
    divider: Divider | None = None,
) -> GridEvent | None:
    """Show cards and return what was done with one of them in this run, or None.

    Parameters
    ----------
    cards : sequence of Card
    height : int
        Height of a row in pixels; readers change it with + and -, and their browser remembers it.
    selectable : bool
        False: a click opens, and there is no selection.
    actions : sequence of str
        Buttons on a card, from `CARD_ACTIONS`. ``grade`` adds the keys 0-3 and x.
    bar : sequence of str
        Buttons of the selection bar, from `BAR_ACTIONS`; none: no bar.
    on_event : callable, optional
        Called before the script runs again, so that it can change the state the page is drawn from.
    strip : bool
        One row that scrolls sideways.
    report_selection : bool
        Send a ``select`` event whenever the selection changes. Off by default: a selection then costs no rerun.
    """
    shown = frozenset(card["id"] for card in cards)

    def handle() -> None:
        event = _checked(st.session_state[key].get("event"), shown)
        if event is not None and on_event is not None:
            on_event(event)

    result = _mount(
        key=key,
        data={
            "cards": [dict(card) for card in cards], "height": height, "selectable": selectable,
            "actions": list(actions), "bar": list(bar) if selectable else [], "label": label,
            "resizable": resizable and not strip, "strip": strip, "report": report_selection,
            "divider": None if divider is None else dict(divider),
        },
        on_event_change=handle,
    )
    return _checked(result.get("event"), shown)


def _checked(raw: Any, shown: frozenset[str]) -> GridEvent | None:
    """The browser's message, if it has the right form and means cards that were shown."""
    if not isinstance(raw, Mapping) or raw.get("type") not in {*CARD_ACTIONS, *BAR_ACTIONS, "select"}:
        return None
    ids = [i for i in raw.get("ids") or () if isinstance(i, str) and i in shown]
    item_id = raw.get("id")
    if (item_id is not None and item_id not in shown) or (not ids and raw["type"] != "select"):
        return None
    grade = raw.get("grade")
    return GridEvent(type=raw["type"], id=item_id, ids=ids, grade=grade if grade in (0, 1, 2, 3) else None)

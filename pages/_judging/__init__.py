"""The judging screen as a component, and what happens to its presses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import streamlit as st

_HERE = Path(__file__).parent

# A press that comes while the page is still being drawn starts a second run beside the first, and both bring the
# same presses: one after the other, or a grade is kept twice and an undo finds nothing yet to take back.
_saving = threading.Lock()

_screen = st.components.v2.component(
    "loupe_judging",
    html='<div class="judging" tabindex="0" aria-label="Judging"></div>',
    css=(_HERE / "judging.css").read_text(encoding="utf-8"),
    js=(_HERE / "judging.js").read_text(encoding="utf-8"),
)


class JudgmentDoor(Protocol):
    """The part of the judgments service that saving needs."""

    def add(self, query_id: str, item_id: str, grade: int | None, judge: str, note: str = "") -> int: ...

    def undo_last(self, query_id: str, item_id: str, judge: str) -> bool: ...


def judging_screen(data: Mapping[str, Any], *, key: str, on_presses: Callable[[], None], on_go: Callable[[], None]) -> None:
    """Show the screen; its presses arrive in ``st.session_state[key].presses`` before the callback runs.

    Parameters
    ----------
    data : mapping
        ``collection``, ``query`` {id, text, guideline}, ``judge``, ``mode`` ("one" or "grid"), ``blind``, ``acked``
        (uids that are saved), ``hasNext``, ``hasPrevious`` and ``items``: {id, thumb, full, title, rank, score,
        judged, order, grade}, `order` being the place among what this judge has judged, from 0.
    """
    _screen(data=dict(data), key=key, default={"presses": []}, on_presses_change=on_presses, on_go_change=on_go)


def save_presses(
    door: JudgmentDoor, presses: Sequence[Mapping[str, Any]], ledger: MutableMapping[str, Any], allowed: frozenset[str]
) -> int:
    """Save every press that has not been saved yet, in order.

    Parameters
    ----------
    presses : sequence of mapping
        From the browser: ``uid``, ``query``, ``judge``, ``item`` and either ``grade`` (0..3 or None) or ``undo``.
    ledger : mutable mapping
        Kept in the session: ``saved``, the uids of presses that are saved.
    allowed : frozenset of str
        Items that were shown. A press on any other item is not a press.

    Returns
    -------
    int
        Presses saved now.
    """
    with _saving:
        return _save(door, presses, ledger.setdefault("saved", {}), allowed)


def _save(
    door: JudgmentDoor, presses: Sequence[Mapping[str, Any]], saved: MutableMapping[str, None], allowed: frozenset[str]
) -> int:
    n = 0
    for press in presses:
        uid, item = str(press.get("uid", "")), str(press.get("item", ""))
        if not uid or uid in saved or item not in allowed:
            continue
        judge, query = str(press.get("judge", "")), str(press.get("query", ""))
        if press.get("undo"):
            door.undo_last(query, item, judge)
        else:
            grade = press.get("grade")
            if grade is not None and grade not in (0, 1, 2, 3):
                continue
            door.add(query, item, None if grade is None else int(grade), judge)
        saved[uid] = None
        n += 1
    return n

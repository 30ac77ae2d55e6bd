"""The judging screen as a component, and what happens to its presses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import streamlit as st

_HERE = Path(__file__).parent
NOTE_AT_MOST = 1_000
MS_AT_MOST = 3_600_000
"""An hour: who took longer was not looking."""

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

    def add(
        self, query_id: str, item_id: str, grade: int | None, judge: str, note: str = "", *, origin: str = "judge",
        ms: int | None = None, copies: Sequence[str] = (),
    ) -> int: ...

    def undo_last(self, query_id: str, item_id: str, judge: str, origin: str = "judge") -> bool: ...


def judging_screen(data: Mapping[str, Any], *, key: str, on_presses: Callable[[], None], on_go: Callable[[], None]) -> None:
    """Show the screen; its presses arrive in ``st.session_state[key].presses`` before the callback runs.

    Parameters
    ----------
    data : mapping
        ``collection``, ``query`` {id, text, guideline, pictures}, ``judge``, ``queue``, ``pool``, ``mode`` ("one" or
        "grid"), ``blind``, ``acked`` (uids that are saved), ``hasNext``, ``hasPrevious``, ``left`` (what was skipped in
        other queries, None: not known) and ``items``: {id, thumb, full, judged, order, grade, note, copies}, `order` being
        the place among what this judge has judged, from 0; {title, found} and perhaps ``outside`` (not in the pool) where it
        is not blind; ``given``, and ``own`` where they said something of it, for an adjudicator.
    """
    _screen(data=dict(data), key=key, default={"presses": []}, on_presses_change=on_presses, on_go_change=on_go)


def save_presses(
    door: JudgmentDoor, presses: Sequence[Mapping[str, Any]], ledger: MutableMapping[str, Any], allowed: frozenset[str], *,
    origin: str = "judge", copies: Mapping[str, Sequence[str]] | None = None,
) -> int:
    """Save every press that has not been saved yet, in order.

    Parameters
    ----------
    presses : sequence of mapping
        From the browser: ``uid``, ``query``, ``judge``, ``item`` and either ``grade`` (0..3 or None), perhaps with
        ``note`` and ``ms``, or ``undo``.
    ledger : mutable mapping
        Kept in the session: ``saved``, the uids of presses that are saved.
    allowed : frozenset of str
        Items that were shown. A press on any other item is not a press.
    origin : str
        What a grade counts as.
    copies : mapping of item id to item ids, optional
        Near-duplicates that get an item's grade, too.

    Returns
    -------
    int
        Presses saved now.
    """
    n, saved = 0, ledger.setdefault("saved", {})
    with _saving:
        for press in presses:
            uid, item = str(press.get("uid", "")), str(press.get("item", ""))
            if uid and uid not in saved and item in allowed and _save(door, press, item, origin, (copies or {}).get(item, ())):
                saved[uid] = None
                n += 1
    return n


def _save(door: JudgmentDoor, press: Mapping[str, Any], item: str, origin: str, copies: Sequence[str]) -> bool:
    judge, query = str(press.get("judge", "")), str(press.get("query", ""))
    if press.get("undo"):
        door.undo_last(query, item, judge, origin)
        return True
    grade = press.get("grade")
    if isinstance(grade, bool) or grade not in (0, 1, 2, 3, None):
        return False
    ms = press.get("ms")
    taken = min(int(ms), MS_AT_MOST) if isinstance(ms, int | float) and not isinstance(ms, bool) and 0 <= ms < float("inf") else None
    note = str(press.get("note") or "")[:NOTE_AT_MOST]
    door.add(query, item, None if grade is None else int(grade), judge, note, origin=origin, ms=taken, copies=copies)
    return True

"""Near-duplicates: the images folded under one result, and the list of all groups, to keep or to remove."""

from __future__ import annotations

import streamlit as st

from core.types import Item
from core.workbench import Workbench
from pages import _search_undo as undo
from pages._grid import GridEvent, card_grid
from pages._search_cards import card

GROUPS_SHOWN = 8


def look_alikes(workbench: Workbench, ids: list[str]) -> None:
    """One group: the result and those folded under it."""
    items = [item for item in workbench.items.many(ids) if item.status != "trashed"]
    st.caption("What you remove goes to the trash and can be brought back.")
    undo.bar(workbench, "alike")
    here = {item.item_id for item in items}
    decided = {item.item_id: decision for group in workbench.items.duplicates()
               for item, decision in zip(group.items, group.decisions) if item.item_id in here}
    _group(workbench, items, "search_alike", decided)


def all_duplicates(workbench: Workbench) -> None:
    """Every group of near-duplicates, some at a time."""
    groups = workbench.items.duplicates()
    if not groups:
        st.text("No two images look alike, or they have not been compared yet: that is done after indexing.")
        return
    extra = sum(len(group.items) - 1 for group in groups)
    st.text(f"{len(groups):,} groups; without the doubles there would be {undo.counted(extra)} fewer.")
    undo.bar(workbench, "alike")
    pages = -(-len(groups) // GROUPS_SHOWN)
    page = st.pagination(pages, key="search_duplicates_page") if pages > 1 else 1
    for group in groups[(page - 1) * GROUPS_SHOWN:page * GROUPS_SHOWN]:
        decided = {item.item_id: decision for item, decision in zip(group.items, group.decisions)}
        _group(workbench, list(group.items), f"search_group_{group.group_id}", decided)


def _group(workbench: Workbench, items: list[Item], key: str, decided: dict[str, str]) -> None:
    def handle(event: GridEvent) -> None:
        if event["type"] in ("keep", "remove"):
            # A second press on "keep" takes it back.
            kept = event["type"] == "keep" and decided.get(event["ids"][0]) == "keep"
            batch = workbench.items.decide(event["ids"], "" if kept else event["type"])
            if event["type"] == "remove":
                undo.offer("Moved 1 image to the trash.", [batch])

    cards = []
    for item in items:
        shown = card(item)
        shown["title"] = f"{item.width} x {item.height}  {item.file}"
        if decided.get(item.item_id) == "keep":
            shown["badge"] = "kept"
        cards.append(shown)
    card_grid(cards, key=key, height=130, strip=True, selectable=False, actions=("keep", "remove"), on_event=handle,
              label="Images that look alike")

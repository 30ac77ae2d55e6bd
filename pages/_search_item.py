"""One image at large: what is known of it, why it was found, what is near it, and what can be done with it."""

from __future__ import annotations

from html import escape

import streamlit as st

from core.errors import LoupeError, NotFound
from core.types import Item, SearchResult
from core.workbench import Workbench
from pages import _search_state as link
from pages import _search_undo as undo
from pages._grid import GridEvent, card_grid
from pages._search_cards import card, hub_from
from pages._search_dialogs import WHO
from pages._search_item_facts import facts, why_found
from pages._shared import full_url

NEIGHBOURS = 12


def _closed() -> None:
    link.put(item="")


@st.dialog("Image", width="large", on_dismiss=_closed)
def show_item(workbench: Workbench, result: SearchResult | None, shown: tuple[str, ...], generation: int) -> None:
    """Show the item that the link names. Stepping to the next one runs only this again."""
    item_id = str(link.state()["item"])
    if not item_id:  # an action in here closed it
        st.rerun()
    try:
        item = workbench.items.get(item_id)
    except NotFound as error:
        st.info(str(error))
        return
    _steps(item_id, shown)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _picture(item)
        if item.status != "trashed":
            _near(workbench, item_id)
    with right:
        _words(item)
        _actions(workbench, item)
        why_found(result, item_id, hub_from(workbench))
        _tags(workbench, item)
        facts(item)
    link.write_link(generation)


def _steps(item_id: str, shown: tuple[str, ...]) -> None:
    if item_id not in shown:
        return
    at = shown.index(item_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, step, key in (("Previous", -1, "Left"), ("Next", 1, "Right")):
            to = shown[at + step] if 0 <= at + step < len(shown) else ""
            st.button(label, disabled=not to, on_click=lambda to=to: link.put(item=to), shortcut=key,
                      key=f"search_item_{label.lower()}")
        st.caption(f"{at + 1} of {len(shown)} shown")


def _picture(item: Item) -> None:
    st.html(  # a fixed height: stepping to the next image moves nothing
        f'<img src="{escape(full_url(item.item_id))}" alt="{escape(item.caption or item.file)}"'
        ' style="width:100%;height:min(54vh,88vw);object-fit:contain;display:block;border-radius:6px">'
    )


def _words(item: Item) -> None:
    for caption in item.captions[:6]:
        st.text(caption)
    if not item.captions:
        st.text(item.file)
    if item.status == "missing":
        st.caption("The original file is gone; this is what was kept of it.")


def _actions(workbench: Workbench, item: Item) -> None:
    def leave(weight: float, alone: bool = False) -> None:
        if alone:
            link.put(q="", item="")
        link.add_term("item", item.item_id, weight)

    def remove() -> None:
        undo.trash(workbench, [item.item_id])
        link.put(item="")

    if item.status == "trashed":
        st.info("This image is in the trash: no search finds it.")
        st.button("Take it out of the trash", on_click=workbench.items.restore, args=([item.item_id],), type="primary",
                  key="search_item_restore")
        return
    with st.container(horizontal=True):
        st.button("More like this", on_click=leave, args=(1.0,), type="primary", key="search_item_more")
        st.button("Less like this", on_click=leave, args=(-1.0,), key="search_item_less")
        st.button("Use as query", on_click=leave, args=(1.0, True), key="search_item_only",
                  help="Search with this image alone.")
        st.button("Delete", on_click=remove, type="tertiary", key="search_item_delete", help="To the trash.")


def _near(workbench: Workbench, item_id: str) -> None:
    try:
        near = workbench.items.neighbours(item_id, NEIGHBOURS)
    except LoupeError as error:
        st.caption(str(error))
        return

    def step(event: GridEvent) -> None:
        if event["type"] == "more":
            link.put(item="")
            link.add_term("item", event["ids"][0])
        else:
            link.put(item=event["ids"][0])

    if near:
        st.caption("Most similar", help="By looks, where the encoder has a visual space; otherwise by meaning.")
        card_grid([card(item, score=cosine) for item, cosine in near], key="search_item_near", height=84, strip=True,
                  selectable=False, actions=("more",), on_event=step, label="Most similar images")


def _tags(workbench: Workbench, item: Item) -> None:
    key = f"search_item_tags_{item.item_id}"

    def changed() -> None:
        asked, had = {tag.strip() for tag in st.session_state[key] if tag.strip()}, set(item.tags)
        added, removed = sorted(asked - had), sorted(had - asked)
        batches = [workbench.items.tag([item.item_id], tag, WHO) for tag in added]
        batches += [workbench.items.untag([item.item_id], tag, WHO) for tag in removed]
        done = ", ".join([f"tagged {tag}" for tag in added] + [f"tag {tag} removed" for tag in removed])
        undo.offer(f"{item.file.rsplit('/', 1)[-1]}: {done}", batches)  # it still stands there at the next image

    st.session_state[key] = list(item.tags)
    known = sorted({tag for tag, _ in workbench.items.tags()} | set(item.tags))
    st.multiselect("Tags", known, key=key, accept_new_options=True, on_change=changed, placeholder="Add a tag")
    undo.bar(workbench, "item")

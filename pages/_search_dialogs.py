"""What can be done with selected images: tag, export, a new collection, judging their query."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import streamlit as st

from core.errors import LoupeError
from core.types import Query, SearchResult
from core.workbench import Workbench
from pages import _search_undo as undo
from pages._search_duplicates import all_duplicates, look_alikes
from pages._shared import collections_changed, go_to

ASKED = "search_dialog"
WHO = "me"
QUERY_SET = "From search"
FORMATS = {
    "csv": ("CSV table", "text/csv", ":material/table:"),
    "jsonl": ("JSON lines", "application/jsonl", ":material/data_object:"),
    "zip": ("Zip with the images", "application/zip", ":material/folder_zip:"),
}


def ask(kind: str, ids: Sequence[str] = ()) -> None:
    """Open a dialog in this run: tag, export, collection, judge, alike or duplicates."""
    st.session_state[ASKED] = {"kind": kind, "ids": list(ids)}


def close() -> None:
    """Forget the dialog that was asked for."""
    st.session_state.pop(ASKED, None)


def show_asked(workbench: Workbench, query: Query) -> bool:
    """Show the dialog that was asked for; whether there is one."""
    asked = st.session_state.get(ASKED)
    if not asked:
        return False
    kind, ids = asked["kind"], asked["ids"]
    if kind == "judge":
        _judge(workbench, query)
    elif kind in ("alike", "duplicates"):
        dialog = st.dialog("Images that look alike", width="large", on_dismiss=close)
        dialog(look_alikes)(workbench, ids) if kind == "alike" else dialog(all_duplicates)(workbench)
    elif kind in _DIALOGS:
        _DIALOGS[kind](workbench, ids)
    return True


@st.dialog("Tag", on_dismiss=close)
def _tag(workbench: Workbench, ids: list[str]) -> None:
    known = [tag for tag, _ in workbench.items.tags()]
    st.text(f"{undo.counted(len(ids))} selected.")
    tag = st.selectbox("Tag", known, index=None, accept_new_options=True, placeholder="Choose a tag, or type a new one",
                       key="search_tag_name")
    with st.container(horizontal=True):
        add = st.button("Add the tag", type="primary", disabled=not tag, key="search_tag_add")
        remove = st.button("Remove the tag", disabled=tag not in known, key="search_tag_remove")
    if not (add or remove):
        return
    try:
        batch = (workbench.items.tag if add else workbench.items.untag)(ids, str(tag).strip(), WHO)
    except LoupeError as error:
        st.error(str(error))
        return
    undo.offer(f"{'Tagged' if add else 'Removed the tag from'} {undo.counted(len(ids))}: {tag}", [batch])
    close()
    st.rerun()


@st.dialog("Export", on_dismiss=close)
def _export(workbench: Workbench, ids: list[str]) -> None:
    st.text(f"{undo.counted(len(ids))} selected.")
    export_buttons(workbench, lambda: ids, "selection")


@st.dialog("New collection", on_dismiss=close)
def _collection(workbench: Workbench, ids: list[str]) -> None:
    st.text(f"{undo.counted(len(ids))} with their captions, tags and vectors; nothing is encoded again.")
    with st.form("search_collection_form", border=False):  # so that Return makes it, and the first click counts
        name = st.text_input("Name", key="search_collection_name", max_chars=80)
        make = st.form_submit_button("Make it", type="primary")
    if not make:
        return
    if not name.strip():
        st.error("Give it a name first.")
        return
    try:
        made = workbench.items.new_collection(name.strip(), ids)
    except LoupeError as error:
        st.error(str(error))
        return
    collections_changed()
    close()
    undo.offer(f"The collection {made.name} is ready: choose it at the top.", [])
    st.rerun()


_DIALOGS = {"tag": _tag, "export": _export, "collection": _collection}


def _judge(workbench: Workbench, query: Query) -> None:
    """Keep the query in the set of queries from here, unless another has it, and go where it is judged."""
    close()
    if not query.terms:
        undo.offer("A grade says how well an image answers a query: search for something first, then judge.", [])
        st.rerun()
    st.session_state["judge_set"], query_id = workbench.querysets.keep_asked(query, QUERY_SET)
    go_to("judge", query=query_id)


def export_buttons(workbench: Workbench, what: Callable[[], SearchResult | list[str]], name: str) -> None:
    """One button for each format; a file is made only when its button is pressed."""
    for kind, (label, mime, icon) in FORMATS.items():
        st.download_button(label, data=_file(workbench, what, kind), file_name=f"{workbench.key}-{name}.{kind}",
                           mime=mime, icon=icon, on_click="ignore", width="stretch", key=f"search_export_{name}_{kind}")


def _file(workbench: Workbench, what: Callable[[], SearchResult | list[str]], kind: str) -> Callable[[], bytes]:
    def write() -> bytes:
        out = io.BytesIO()
        workbench.items.export_hits(what(), kind, out)
        return out.getvalue()

    return write

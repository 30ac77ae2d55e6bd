"""Home's third way in: a folder on the computer that runs Loupe. Its images stay where they are."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import LoupeError
from pages import _jobs, _roots
from pages._encoder_dialogs import chosen_encoder
from pages._shared import PICKED, collections, collections_changed, count, go_to, pictures_in, tables_in

_PATH = "home_path"


@st.fragment
def index() -> None:
    """A path with completion, what is there, and the button."""
    st.subheader("Index a folder on this computer", anchor=False)
    typed = st.text_input(
        "Folder, zip or table", key=_PATH, placeholder=str(Path.home() / "Pictures"), live=True, autocomplete="off",
        label_visibility="collapsed",
    ) or ""
    found = _roots.complete(typed)
    if found:
        st.pills("Folders", found, key=f"home_paths_{hash(tuple(found))}", format_func=_short(typed),
                 label_visibility="collapsed", on_change=_take, args=(f"home_paths_{hash(tuple(found))}",))
    path = _there(typed)
    if path is None:
        st.caption(
            "Images are read where they are, not copied, with all subfolders. "
            f"Allowed: {', '.join(str(root) for root in _roots.roots()) or 'nothing; set LOUPE_ROOTS'}."
        )
        return
    if path.is_dir():
        n, more = pictures_in(path)
        st.caption(f"{'More than ' if more else ''}{count(n, 'image')} in {path.name or path}, subfolders included.")
        if not n:
            return
    captions = _table_of(path) if path.is_dir() else None
    name = st.text_input("Name of the collection", value=_suggested(path), key=f"home_folder_name_{path}", max_chars=80)
    encoder = chosen_encoder("folder")
    if st.button("Index this folder" if path.is_dir() else f"Index {path.name}", key="home_folder_go", type="primary"):
        try:
            job = _jobs.start_ingest(name.strip(), [path], encoder=encoder, captions=captions, uploaded=False)
        except LoupeError as error:
            st.error(str(error))
            return
        st.session_state[PICKED] = job.collection
        collections_changed()
        go_to("search")


def _table_of(folder: Path) -> Path | None:
    """The table in the folder whose captions and metadata its images are to get, if there is one and it is wanted."""
    found = tables_in(folder)
    if not found:
        return None
    chosen = st.selectbox("Captions and metadata from", [*found, "no table"], key=f"home_folder_table_{folder}")
    return folder / chosen if chosen in found else None


def _there(typed: str) -> Path | None:
    if not typed.strip():
        return None
    try:
        return _roots.checked(typed)
    except LoupeError as error:
        if not _roots.complete(typed):
            st.caption(str(error))
        return None


def _take(key: str) -> None:
    chosen = st.session_state.get(key)
    if chosen:
        st.session_state[_PATH] = f"{chosen}/"


def _short(typed: str):  # noqa: ANN202 - a function for format_func
    parent = str(Path(typed).expanduser().parent) if typed.strip() else ""
    home = str(Path.home())

    def label(path: str) -> str:
        if parent and path.startswith(parent):
            return Path(path).name
        return f"~{path[len(home):]}" if path.startswith(home) and path != home else path

    return label


def _suggested(path: Path) -> str:
    wish = path.name if path.is_dir() else path.stem
    taken, name, n = {info.name for info in collections()}, (wish or "My images")[:70], 1
    while name in taken:
        n += 1
        name = f"{wish[:70]} {n}"
    return name

"""What every page needs: the guard, the picked collection, addresses of pictures, links, words for empty states.

This is the only file with ``st.cache_*``.
"""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import streamlit as st
from streamlit.navigation.page import Page
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import LoupeError
from core.store import Collection, home, list_collections
from core.types import CollectionInfo
from core.wording import counted

if TYPE_CHECKING:
    from core.workbench import Workbench

PROJECT = Path(__file__).resolve().parents[1]
RAIL = {
    "home": ("Home", ":material/home:"),
    "search": ("Search", ":material/search:"),
    "map": ("Map", ":material/scatter_plot:"),
    "hubs": ("Hubs", ":material/hub:"),
    "judge": ("Judge", ":material/checklist:"),
    "evaluate": ("Evaluate", ":material/leaderboard:"),
}
"""Pages in the order of the rail; one whose file is not there is left out."""
PICKED = "frame_collection"
"""Session key of the picked collection's key."""


# ---------------------------------------------------------------- pages and links


def pages() -> list[Page]:
    """The pages that are there, Home first; the address of each is its file's name."""
    return [
        st.Page(_file(name), title=title, icon=icon, default=name == "home")
        for name, (title, icon) in RAIL.items()
        if _file(name).is_file()
    ]


def guard() -> None:
    """Make sure that this page runs inside the frame; the first line of every page.

    Streamlit runs a file of ``pages/`` alone where nothing has called ``st.navigation`` yet: at the first visit of a
    server that was not started through ``st.App``, and at every run of an AppTest. Then the frame is drawn here, with
    the page in it. (A rerun would do as well, but it would forget which button was pressed.)
    """
    if not PagesManager.uses_pages_directory:
        return
    from pages._frame import show

    context = get_script_run_ctx()
    if context is not None:
        with context.run_with_active_hash(context.pages_manager.main_script_hash):
            show()
    st.stop()


def go_to(page: str, **params: str | int) -> None:
    """Show another page (by its file's name) with these values in the link; the collection goes along."""
    st.switch_page(str(_file(page)), query_params=_with_collection(params))


def link_to(page: str, label: str | None = None, *, icon: str | None = None, **params: str | int) -> None:
    """Draw a link to another page; the collection goes along."""
    st.page_link(_file(page), label=label, icon=icon, query_params=_with_collection(params))


def _file(page: str) -> Path:
    return PROJECT / "pages" / f"{page}.py"


def _with_collection(params: dict[str, str | int]) -> dict[str, str]:
    asked = {name: str(value) for name, value in params.items() if value not in ("", None)}
    key = st.session_state.get(PICKED)
    return asked if key is None or "c" in asked else {"c": key, **asked}


# ---------------------------------------------------------------- collections


@st.cache_data(ttl=2, max_entries=4, show_spinner=False)
def _listed(home_folder: str, stamp: tuple[tuple[int, str], ...]) -> tuple[CollectionInfo, ...]:
    return list_collections(Path(home_folder))


def collections() -> tuple[CollectionInfo, ...]:
    """Every collection, the latest used first; at most two seconds old, and never from before the end of a job."""
    from core.jobs import Queue

    return _listed(str(home()), tuple((job.job_id, job.state) for job in Queue().jobs(limit=20)))


def collections_changed() -> None:
    """Call after making, renaming or removing a collection: the next `collections` is fresh."""
    _listed.clear()


def picked() -> CollectionInfo | None:
    """What the list says about the collection picked in the frame."""
    key = st.session_state.get(PICKED)
    return next((info for info in collections() if info.key == key), None)


def workbench() -> Workbench | None:
    """The collection picked in the frame, opened; None if there is no collection, or it cannot be opened.

    What is wrong with a damaged one is shown on the page.
    """
    info = picked()
    if info is None:
        return None
    if info.problem:
        st.error(f"{info.name} cannot be opened: {info.problem}")
        return None
    try:
        return open_workbench(info.key)
    except LoupeError as error:
        st.error(str(error))
        return None


def open_workbench(key: str) -> Workbench:
    """The collection of that key, opened.

    Raises
    ------
    NotFound, Damaged
    """
    from core.workbench import Workbench

    return Workbench(Collection.open_key(key))


# ---------------------------------------------------------------- pictures


def thumb_url(item_id: str, collection: str | None = None) -> str:
    """Address of an item's thumbnail (JPEG, longest side 320)."""
    return _address("thumb", item_id, collection)


def full_url(item_id: str, collection: str | None = None) -> str:
    """Address of an item's image, in a format that browsers show."""
    return _address("full", item_id, collection)


def upload_url(upload: str, collection: str | None = None) -> str:
    """Address of an image that is kept as a query, by its hash."""
    return _address("upload", upload, collection)


def _address(kind: str, name: str, collection: str | None) -> str:
    key = collection or st.session_state.get(PICKED) or "-"
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{'/' + base if base else ''}/api/{kind}/{quote(key, safe='')}/{quote(name, safe='')}"


@st.cache_data(ttl=30, max_entries=32, show_spinner="Looking into the folder ...")
def pictures_in(folder: Path) -> tuple[int, bool]:
    """How many pictures lie in a folder, and whether there may be more; at most half a minute old."""
    from pages._roots import glance

    return glance(folder)


@st.cache_data(ttl=30, max_entries=32, show_spinner="Looking into the folder ...")
def tables_in(folder: Path) -> list[str]:
    """Names of the tables in a folder that have captions or metadata for its images; at most half a minute old."""
    from pages._roots import tables

    return tables(folder)


@st.cache_data(max_entries=1, show_spinner=False)
def demo_pictures(n: int = 8) -> tuple[tuple[bytes, ...], int]:
    """PNGs of the demo collection's first images, drawn on the spot, and how many it has in all."""
    from data.demo import catalogue, render

    with tempfile.TemporaryDirectory() as folder:
        return tuple(candidate.path.read_bytes() for candidate in islice(render(Path(folder)), n)), len(catalogue())


# ---------------------------------------------------------------- words


count = counted


def vectors_of(info: CollectionInfo) -> str:
    """What made a collection's vectors: the encoder's name, or words where there is none."""
    if info.encoder.startswith("adapted:"):
        return "adapted encoder"
    return {"": "no vectors yet", "none": "vectors of your own"}.get(info.encoder, info.encoder)


def megabytes(n_bytes: int) -> str:
    """Bytes for people: ``12 kB``, ``3.4 MB``, ``1.2 GB``."""
    for size, unit in ((1e9, "GB"), (1e6, "MB")):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{max(0, round(n_bytes / 1e3))} kB"


def empty_state(title: str, text: str, *, page: str | None = None, label: str | None = None) -> None:
    """Say in words that there is nothing here, why, and where to go."""
    with st.container(horizontal_alignment="center", gap="small"):
        st.space("large")
        st.subheader(title, anchor=False, text_alignment="center")
        st.markdown(text, text_alignment="center")
        if page is not None:
            link_to(page, label or RAIL[page][0], icon=RAIL[page][1])

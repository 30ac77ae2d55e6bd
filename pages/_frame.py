"""The frame around every page: the rail, the collection picker, what is being built, and the keys."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import LoupeError
from core.types import CollectionInfo
from pages import _jobs, _warm
from pages._keys import keys
from pages._polling import polled
from pages._shared import PICKED, collections, collections_changed, count, pages, picked, vectors_of

_PARTS = Path(__file__).parent / "_frame_parts"
_PICKER, _WRITTEN, _SEEN = "frame_picker", "frame_written", "frame_seen"
_WORTH_A_LOOK = (1, 48)


def show() -> None:
    """Draw the frame and run the page in it."""
    st.set_page_config(page_title="Loupe", page_icon=str(_PARTS / "icon.svg"), layout="wide")
    st.logo(str(_PARTS / "logo.svg"), icon_image=str(_PARTS / "icon.svg"), size="large")
    page = st.navigation(pages())
    with st.sidebar:
        keys()
    busy = bool(_jobs.live_jobs())  # before the list: what ends in between is then in the list, or is polled for
    found = collections()
    _read_link(found)
    if (info := picked()) is not None and not info.problem:
        _warm.warm(info.encoder)  # after a switch, or a look at another collection
    _top(found, busy, page.title == "Search")
    try:
        page.run()
    except LoupeError as error:
        st.error(str(error))


def _read_link(found: tuple[CollectionInfo, ...]) -> None:
    """Settle which collection is shown: the link's, else the one picked before, else the latest used."""
    keys = [info.key for info in found]
    asked = st.query_params.get("c")
    if asked is not None and asked != st.session_state.get(_WRITTEN) and asked in keys:
        st.session_state[PICKED] = asked
    if st.session_state.get(PICKED) not in keys:
        st.session_state[PICKED] = keys[0] if keys else None
    if asked is not None and asked not in keys:
        st.warning(f"The link asks for a collection named {asked!r}, which is not here; pick one of those there are.")


def _top(found: tuple[CollectionInfo, ...], busy: bool, searching: bool) -> None:
    names = {info.key: info.name for info in found}
    with st.container(key="frame", horizontal=True, vertical_alignment="center"):
        if found:
            st.session_state[_PICKER] = st.session_state[PICKED]
            st.selectbox(
                "Collection", list(names), key=_PICKER, format_func=lambda key: names.get(key, key),
                label_visibility="collapsed", width=210, on_change=_pick,
            )
        # Asked once a second while something is being built, and not at all otherwise.
        st.session_state[_SEEN] = next((info.n_items for info in found if info.key == st.session_state[PICKED]), 0)
        polled(_status, 1.0 if busy else None)(busy, searching)
    if found:
        _write_link()


def _status(busy: bool, searching: bool) -> None:
    """One line: how many images, which encoder, what is being built.

    Runs by itself once a second; the page is drawn again when there is something new on it: the first images, enough
    for a whole page of them, everything. In between the results are of fewer images than this line says, so they can be
    asked for again.
    """
    jobs = _jobs.live_jobs()
    info = picked()
    seen, now = st.session_state.get(_SEEN, 0), info.n_items if info else 0
    if busy and (not jobs or any(seen < n <= now for n in _WORTH_A_LOOK)):
        collections_changed()
        st.session_state[_SEEN] = now
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if info is None:
            st.caption("No collection yet", width="content")
        else:
            st.caption(f"{count(info.n_items, 'image')} · {vectors_of(info)}", width="content")
        if not jobs:
            return
        mine = [job for job in jobs if info is not None and job.collection == info.key]
        job = (mine or jobs)[0]
        names = {other.key: other.name for other in collections()}
        of = "" if mine or not job.collection else f"{names.get(job.collection, job.collection)}: "
        st.caption(of + _jobs.sentence(job, _jobs.behind(job, jobs, names)), width="content",
                   help="This goes on when you leave the page or close the browser.")
        if searching and seen < now and st.button(f"Include {now - seen:,} new", key="frame_more", type="tertiary",
                                                   help="The results are of the images that were there when you searched."):
            collections_changed()
            st.rerun()
        st.button("Cancel", key="frame_cancel", type="tertiary", on_click=_jobs.cancel, args=(job.job_id,),
                  help="What is done already stays; indexing the same source again goes on from there.")


def _pick() -> None:
    st.session_state[PICKED] = st.session_state[_PICKER]
    _write_link()


def _write_link() -> None:
    st.session_state[_WRITTEN] = st.session_state[PICKED]
    if st.query_params.get("c") != st.session_state[PICKED]:
        st.query_params["c"] = st.session_state[PICKED]

"""Home's collections: a card for each, with what can be done with it, and the trash."""

from __future__ import annotations

import html
import time

import streamlit as st

from core.errors import LoupeError
from core.store import restore_collection, trashed_collections
from core.types import CollectionInfo, Job
from pages import _encoder_dialogs as encoder_dialogs
from pages import _home_dialogs as dialogs
from pages import _jobs
from pages._polling import polled
from pages._shared import (
    PICKED,
    collections,
    collections_changed,
    count,
    go_to,
    megabytes,
    open_workbench,
    thumb_url,
    vectors_of,
)

_UNDO, _SHOWN = "home_undo", 24
_UNDO_S = 300
_AGAIN = "Look for new images"
_ENCODER, _ADAPT = "Encoder", "Adapt..."
_DO = (_AGAIN, _ENCODER, _ADAPT, "Rename", "Export", "Skipped files", "Delete")
_GONE = "The files are not here any more; bring them again."


def show(found: tuple[CollectionInfo, ...]) -> None:
    """The cards of all collections, the latest used first."""
    _undo_bar()
    if not found:
        return
    st.subheader("Your collections", anchor=False)
    busy, brought = {job.collection for job in _jobs.live_jobs()}, _jobs.last_brought()
    growing = {key for key, job in brought.items() if job.live}
    polled(_work, 1.0 if busy else None)()
    for job in _jobs.failed():
        _failure(job, {info.key: info.name for info in found})
    shown = found if st.session_state.get("home_all") else found[:_SHOWN]
    with st.grid("auto", min_column_width=210, gap="medium", key="home_cards") as grid:
        pass
    for info in shown:
        with grid.container(key=f"home_card_{info.key}", gap="xsmall"):
            _card(info, brought.get(info.key), growing=info.key in growing)
    if len(found) > len(shown):
        st.button(f"Show all {len(found)}", key="home_more", on_click=lambda: st.session_state.update(home_all=True))


def trash() -> None:
    """Collections that were deleted in the last 30 days."""
    gone = trashed_collections()
    if not gone:
        return
    with st.expander(f"Trash ({len(gone)})"):
        st.caption("Deleted collections stay here for 30 days.")
        for info in gone:
            with st.container(horizontal=True, vertical_alignment="center"):
                said = f"{_escaped(info.name)}, {count(info.n_items, 'image')}, deleted {ago(info.used_at)}"
                st.markdown(said, width="stretch")
                st.button("Restore", key=f"home_restore_{info.key}", on_click=_restore, args=(info.key,))


def _work() -> None:
    jobs = _jobs.live_jobs()
    _jobs.progress(jobs, {info.key: info.name for info in collections()}, key="home_job")


def _failure(job: Job, names: dict[str, str]) -> None:
    if job.job_id in st.session_state.get("home_seen", ()):
        return
    with st.container(key=f"home_failed_{job.job_id}"):
        said, what_to_do = st.columns([5, 1], vertical_alignment="center")
        said.error(f"{names.get(job.collection, job.collection)}: {job.message}")
        with what_to_do.container(horizontal=True, vertical_alignment="center", gap="small"):
            do = (_ask, (_ADAPT, job.collection)) if job.kind == "align" else (_bring_again, (job.collection,))
            st.button("Try again", key=f"home_again_{job.job_id}", on_click=do[0], args=do[1])
            st.button("Dismiss", key=f"home_dismiss_{job.job_id}", type="tertiary", on_click=_seen, args=(job.job_id,))


def _seen(job_id: int) -> None:
    st.session_state["home_seen"] = (*st.session_state.get("home_seen", ()), job_id)


def _bring_again(collection: str) -> None:
    if not _jobs.retry(collection):
        st.session_state[_UNDO] = ("", _GONE, time.time())


def _card(info: CollectionInfo, brought: Job | None, *, growing: bool) -> None:
    st.html(_mosaic(info))
    st.markdown(f"**{_escaped(info.name)}**")
    if info.problem:
        st.error(info.problem)
    else:
        polled(_facts, 2.0 if growing else None)(info)
    there = brought is not None and not growing and not info.problem and _jobs.source_there(brought)
    if there and brought.state == "cancelled":
        st.button(f"Continue at {brought.done:,} of {brought.total:,}" if brought.total else "Continue", type="tertiary",
                  key=f"home_continue_{info.key}", on_click=_bring_again, args=(info.key,), icon=":material/resume:",
                  help="The indexing was stopped. What is done is left alone.")
    if info.n_skipped:
        st.button(f"{count(info.n_skipped, 'file')} skipped", type="tertiary", key=f"home_skipped_{info.key}",
                  on_click=_ask, args=("Skipped files", info.key))
    if not info.problem and open_workbench(info.key).adapt.waiting:
        st.button("Adapted: see before and after", type="tertiary", key=f"home_adapted_{info.key}", on_click=_ask,
                  args=(_ADAPT, info.key), icon=":material/compare_arrows:")
    with st.container(horizontal=True, gap="small"):
        if st.button("Open", key=f"home_open_{info.key}", disabled=bool(info.problem)):
            st.session_state[PICKED] = info.key
            go_to("search")
        possible = {_AGAIN: there and not brought.args.get("keep") and brought.state == "done", "Skipped files": info.n_skipped}
        options = [do for do in _DO if possible.get(do, True)]
        if info.problem:
            options = ["Delete"]
        st.menu_button("More", options, key=f"home_do_{info.key}", type="tertiary", on_click=_do,
                       args=(info.key, info.name))
    what, key = st.session_state.get("home_dialog", ("", ""))
    if key == info.key:
        if what != _ADAPT:  # that one stays open over what is drawn anew while it works, until it is dismissed
            st.session_state.pop("home_dialog")
        dialogs.open_asked(what, info)


def _facts(info: CollectionInfo) -> None:
    """How much there is of it; drawn again by itself while it grows."""
    info = next((other for other in collections() if other.key == info.key), info)
    st.caption(
        f"{count(info.n_items, 'image')} · {vectors_of(info)}"
        f"  \n{megabytes(info.n_bytes)} · used {ago(info.used_at)}"
    )


def _ask(what: str, key: str) -> None:
    st.session_state["home_dialog"] = (what, key)


def _do(key: str, name: str) -> None:
    what = st.session_state.get(f"home_do_{key}")
    if what == "Delete":
        _delete(key, name)
    elif what == _ENCODER:
        encoder_dialogs.ask_for_collection(key)
    elif what == _AGAIN:
        _bring_again(key)
    elif what:
        _ask(what, key)


def _delete(key: str, name: str) -> None:
    try:
        for job in _jobs.live_jobs(key):
            _jobs.cancel(job.job_id)
        open_workbench(key).collection.trash()
    except LoupeError as error:
        st.session_state[_UNDO] = ("", str(error), time.time())
        return
    collections_changed()
    moved = next((info.key for info in trashed_collections() if info.key.partition("~")[0] == key), "")
    st.session_state[_UNDO] = (moved, f"{name} is in the trash, for 30 days.", time.time())


def _restore(trash_key: str) -> None:
    try:
        restored = restore_collection(trash_key)
        st.session_state[PICKED] = restored.key
        st.session_state.pop(_UNDO, None)
    except LoupeError as error:
        st.session_state[_UNDO] = ("", str(error), time.time())
    collections_changed()


def _undo_bar() -> None:
    trash_key, said, at = st.session_state.get(_UNDO, ("", "", 0.0))
    if said and time.time() - at < _UNDO_S:
        with st.container(horizontal=True, vertical_alignment="center", key="home_undo_bar"):
            st.markdown(_escaped(said))
            if trash_key:
                st.button("Undo", key="home_undo_button", on_click=_restore, args=(trash_key,))


def _mosaic(info: CollectionInfo) -> str:
    n = len(info.cover[:4])
    cells = "".join(
        f'<img alt="" loading="lazy" src="{html.escape(thumb_url(item_id, info.key))}" style="width:100%;height:100%;'
        f'object-fit:cover;min-height:0;min-width:0{";grid-row:span 2" if n == 3 and not at else ""}">'
        for at, item_id in enumerate(info.cover[:4])
    )
    grid = {0: "1fr / 1fr", 1: "1fr / 1fr", 2: "1fr / 1fr 1fr"}.get(n, "1fr 1fr / 1fr 1fr")
    return (
        f'<div style="display:grid;grid-template:{grid};gap:2px;aspect-ratio:3/2;overflow:hidden;border-radius:6px;'
        f'background:rgb(128 128 128 / .15);position:relative">{cells}'
        '<div style="position:absolute;inset:0;border-radius:6px;box-shadow:inset 0 0 0 1px rgb(128 128 128 / .2)"></div>'
        "</div>"
    )


def _escaped(text: str) -> str:
    """`text` with the marks that mean something in Markdown made plain."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>~:$&" else c for c in text)


def ago(at: float) -> str:
    """A time as people say it: ``2 h ago``."""
    seconds = max(0.0, time.time() - at)
    for size, word in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            n = int(seconds // size)
            return f"{n} {word}{'s' if word == 'day' and n > 1 else ''} ago"
    return "just now"

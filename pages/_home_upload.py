"""Home's second way in: images of one's own, from the browser."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import LoupeError, NotFound
from core.ingest.folders import TABLE_EXTENSIONS
from core.ingest.formats import EXTENSIONS
from core.store import home
from pages import _jobs, _spool
from pages._dropzone import drop_zone
from pages._encoder_dialogs import chosen_encoder
from pages._shared import PICKED, collections, collections_changed, count, go_to, megabytes, open_workbench

_BATCH, _ARRIVED = "home_batch", "home_arrived"
_NEW = "A new collection"


def bring() -> None:
    """The drop zone, then what arrived and what to do with it."""
    st.subheader("Bring your images", anchor=False)
    batch = _batch()
    if st.session_state.get(_ARRIVED) == batch.batch_id:
        _arrived(batch)
        return
    added = st.session_state.pop("home_added", None)
    if added:
        st.success(added)
    drop_zone(batch, key="home_drop", on_done=_done, on_discard=lambda: _over(True))
    st.caption(
        "Any number of files: JPEG, PNG, WebP, GIF, BMP, TIFF, PPM, JPEG 2000, AVIF, HEIC with its extra. At most 20 MB"
        " an image and 1 GB a zip. A table (CSV, JSONL, Parquet) among the images brings captions and metadata; a table"
        " alone adds them to a collection you have. Files stay on the computer that runs Loupe."
    )


def _batch() -> _spool.Batch:
    try:
        return _spool.find(st.session_state.get(_BATCH, ""))
    except NotFound:
        batch = _spool.open_batch(home())
        st.session_state[_BATCH] = batch.batch_id
        return batch


def _done() -> None:
    st.session_state[_ARRIVED] = st.session_state.get(_BATCH)


def _over(remove: bool) -> None:
    _spool.close(st.session_state.pop(_BATCH, ""), remove=remove)
    st.session_state.pop(_ARRIVED, None)


def _arrived(batch: _spool.Batch) -> None:
    pictures = batch.named(EXTENSIONS)
    zips, tables = batch.named({".zip"}), batch.named(TABLE_EXTENSIONS)
    st.markdown(_summary(batch, len(pictures), len(zips), len(tables)))
    if batch.refused:
        with st.expander(f"{count(len(batch.refused), 'file')} not taken"):
            st.dataframe([{"file": s.file, "reason": s.reason} for s in batch.skipped], hide_index=True)
    if not batch.files:
        st.button("Choose again", key="home_again", on_click=_over, args=(True,))
    elif not pictures and not zips:
        _table_alone(tables)
    else:
        _into_a_collection(batch, pictures, zips, tables)


def _summary(batch: _spool.Batch, pictures: int, zips: int, tables: int) -> str:
    counted = [(pictures, "image"), (zips, "zip"), (tables, "table")]
    said = ", ".join(count(n, word) for n, word in counted if n)
    return f"Received {said}, {megabytes(batch.n_bytes)}." if said else "Nothing that can be indexed has arrived."


def _into_a_collection(batch: _spool.Batch, pictures: list[Path], zips: list[Path], tables: list[Path]) -> None:
    there = [info for info in collections() if not info.problem]
    target = st.selectbox("Into", [_NEW, *(info.name for info in there)], key="home_target") if there else _NEW
    name = target
    encoder = next((info.encoder for info in there if info.name == target), "") or None
    if target == _NEW:
        name = st.text_input("Name of the collection", value=_suggested(batch, zips), key="home_name", max_chars=80)
    captions = None
    if tables:
        named = {path.name: path for path in tables}
        chosen = st.selectbox("Captions and metadata from", [*named, "no table"], key="home_table")
        captions = named.get(chosen)
    if target == _NEW:
        encoder = chosen_encoder("upload")
    with st.container(horizontal=True):
        go = st.button(f"Index {_what(pictures, zips)}", key="home_index", type="primary")
        st.button("Discard", key="home_discard", type="tertiary", on_click=_over, args=(True,))
    if not go:
        return
    try:
        sources = [*zips, *([_root(batch)] if pictures else [])]
        job = _jobs.start_ingest(str(name).strip(), sources, encoder=encoder, captions=captions, uploaded=True)
        open_workbench(job.collection).collection.commit(skipped=batch.skipped)
    except LoupeError as error:
        st.error(str(error))
        return
    st.session_state[PICKED] = job.collection
    collections_changed()
    _over(remove=False)
    go_to("search")


def _table_alone(tables: list[Path]) -> None:
    there = [info for info in collections() if not info.problem]
    if not there:
        st.markdown("A table alone adds captions and metadata to a collection. There is none yet: bring images first.")
        st.button("Choose again", key="home_again", on_click=_over, args=(True,))
        return
    keys = [info.key for info in there]
    names = {info.key: info.name for info in there}
    picked = st.session_state.get(PICKED)
    key = st.selectbox("Add captions and metadata to", keys, index=keys.index(picked) if picked in keys else 0,
                       format_func=names.get, key="home_table_to")
    with st.container(horizontal=True):
        go = st.button(f"Add to {names[key]}", key="home_table_add", type="primary")
        st.button("Discard", key="home_discard", type="tertiary", on_click=_over, args=(True,))
    if not go:
        return
    try:
        added = [open_workbench(key).items.attach_table(path) for path in tables]
    except LoupeError as error:
        st.error(str(error))
        return
    n, lost = sum(one.updated for one in added), [row for one in added for row in one.unmatched_rows]
    st.session_state["home_added"] = (
        f"{count(n, 'image')} of {names[key]} got captions and metadata."
        + (f" {count(len(lost), 'row')} without an image, such as {lost[0].file}: {lost[0].reason}." if lost else "")
    )
    _over(remove=True)
    st.rerun()


def _root(batch: _spool.Batch) -> Path:
    """The folder to index: a single folder that was dropped stands for itself, so that names are relative to it."""
    tops = {name.partition("/")[0] for name in batch.files}
    if len(tops) == 1 and all("/" in name for name in batch.files):
        return batch.root / tops.pop()
    return batch.root


def _suggested(batch: _spool.Batch, zips: list[Path]) -> str:
    root = _root(batch)
    if root != batch.root:
        wish = root.name
    else:
        wish = zips[0].stem if len(zips) == 1 else "My images"
    taken, name, n = {info.name for info in collections()}, wish[:70], 1
    while name in taken:
        n += 1
        name = f"{wish[:70]} {n}"
    return name


def _what(pictures: list[Path], zips: list[Path]) -> str:
    return " and ".join(count(len(some), word) for some, word in ((pictures, "image"), (zips, "zip")) if some)

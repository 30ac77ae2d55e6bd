"""What the menu of a collection's card opens: rename, export, skipped files, adapting."""

from __future__ import annotations

import csv
import io

import streamlit as st

from core.errors import LoupeError
from core.types import CollectionInfo
from pages import _jobs
from pages._home_adapt import adapt
from pages._shared import collections_changed, open_workbench


def open_asked(what: str, info: CollectionInfo) -> None:
    """Open the dialog of that name for a collection."""
    {"Rename": _rename, "Export": _export, "Skipped files": _skipped, "Adapt...": adapt}[what](info)


@st.dialog("Rename the collection")
def _rename(info: CollectionInfo) -> None:
    name = st.text_input("Name", value=info.name, key="home_rename", max_chars=80)
    if st.button("Rename", type="primary", key="home_rename_go"):
        try:
            open_workbench(info.key).collection.rename(name.strip())
        except LoupeError as error:
            st.error(str(error))
            return
        collections_changed()
        st.rerun()


@st.dialog("Export the collection")
def _export(info: CollectionInfo) -> None:
    st.markdown(
        "One Parquet file with a row for each image: id, file, captions, tags, metadata, its vector, its place on the "
        "map and how many results it turns up in. It can be read by pandas, Polars, DuckDB and Loupe itself."
    )
    st.download_button("Download Parquet", data=lambda: _parquet(info.key), file_name=f"{info.key}.parquet",
                       mime="application/vnd.apache.parquet", type="primary", key="home_export_go", on_click="ignore")


def _parquet(key: str) -> bytes:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collection.parquet"
        open_workbench(key).items.export_parquet(path)
        return path.read_bytes()


@st.dialog("Skipped files", width="large")
def _skipped(info: CollectionInfo) -> None:
    wb = open_workbench(info.key)
    rows = [{"file": skipped.file, "reason": skipped.reason} for skipped in wb.items.skipped()]
    st.markdown("These files could not be used. Everything else is indexed.")
    st.dataframe(rows, hide_index=True, width="stretch", alt="Skipped files and why")
    with st.container(horizontal=True):
        if st.button("Try again", key="home_retry", help="Reads the source again and takes what can be read now."):
            if _jobs.retry(info.key):
                st.rerun()
            st.error("The files that were skipped are not here any more; bring them again.")
        st.download_button("Download as CSV", data=_csv(rows), file_name=f"{info.key}-skipped.csv", mime="text/csv",
                           key="home_skipped_csv", on_click="ignore")


def _csv(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["file", "reason"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()

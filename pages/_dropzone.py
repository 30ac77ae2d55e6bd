"""The drop zone, one small component: pictures, folders, zips and tables go to the spool, file by file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages import _spool

_HERE = Path(__file__).parent / "_dropzone"

_zone = st.components.v2.component(
    "loupe_dropzone",
    html='<div class="zone"></div>',
    css=(_HERE / "dropzone.css").read_text(encoding="utf-8"),
    js=(_HERE / "dropzone.js").read_text(encoding="utf-8"),
)


def drop_zone(batch: _spool.Batch, *, key: str, on_done: Callable[[], None], on_discard: Callable[[], None]) -> None:
    """Show the drop zone of a batch.

    Parameters
    ----------
    on_done : callable
        Called when all chosen files have arrived or were refused.
    on_discard : callable
        Called when an upload was stopped or broke off and others are to be chosen.
    """
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    _zone(
        key=key,
        data={
            "url": f"{'/' + base if base else ''}/api/import/{batch.batch_id}",
            "token": batch.token,
            "limits": _spool.LIMITS,
        },
        on_done_change=on_done,
        on_discard_change=on_discard,
    )

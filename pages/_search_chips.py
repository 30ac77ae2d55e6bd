"""The query as chips, one for each term and each condition of the filter; images come in by paste, by drop, or dragged
from the results.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import ImageError, LoupeError
from core.ingest.images import open_image
from core.types import Query, Term
from core.workbench import Workbench
from pages import _search_state as link
from pages._search_where import conditions, joined
from pages._shared import thumb_url, upload_url

_HERE = Path(__file__).parent / "_search_chips"
_KEY = "search_chips"
MAX_UPLOAD = 20 * 1024 * 1024

_mount = st.components.v2.component(
    "loupe_chips",
    html='<div class="loupe-chips"></div>',
    css=(_HERE / "chips.css").read_text(encoding="utf-8"),
    js=(_HERE / "chips.js").read_text(encoding="utf-8"),
)


def query_chips(workbench: Workbench, query: Query) -> None:
    """Show the query's terms and filters; a change made here is a change of the query's text."""
    _mount(
        key=_KEY,
        data={
            "terms": [_chip(workbench, term) for term in query.terms],
            "literals": [{"field": m.field, "value": m.value, "negated": m.negated} for m in query.literals],
            "filters": _conditions(query.where),
            "uploads": True,
        },
        on_event_change=lambda: _handle(workbench, st.session_state[_KEY].get("event")),
    )


def add_upload(workbench: Workbench, data: bytes) -> str:
    """Keep an image and make it a term of the query; what is wrong with it, or nothing."""
    if len(data) > MAX_UPLOAD:
        return (f"The image has {len(data) / 1e6:.0f} MB, and {MAX_UPLOAD / 1e6:.0f} MB are possible;"
                " use a smaller copy.")
    try:
        link.add_term("upload", workbench.collection.keep_upload(open_image(data)))
    except ImageError as error:
        return f"That file cannot be used as a query: {error}"
    except LoupeError as error:
        return str(error)
    return ""


def link_message(text: str) -> None:
    """Say something once, above the results, in the next run."""
    st.session_state["search_message"] = text


def _chip(workbench: Workbench, term: Term) -> dict[str, Any]:
    chip = {"kind": term.kind, "weight": term.weight, "label": term.value, "thumb": None, "tip": term.value}
    if term.kind == "item":
        chip.update(label="this image", thumb=thumb_url(term.value))
        try:
            item = workbench.items.get(term.value)
            chip.update(label=item.caption or item.file, tip=f"{item.file} ({term.value})")
        except LoupeError:
            chip.update(label=f"{term.value} (not here)", thumb=None)
    elif term.kind == "upload":
        chip.update(label="your image", thumb=upload_url(term.value), tip=f"upload:{term.value}")
    return chip


def _handle(workbench: Workbench, event: Any) -> None:
    if not isinstance(event, Mapping):
        return
    change: Callable[[Mapping[str, Any]], None] | None = {
        "flip": lambda e: _change(e, lambda term: replace(term, weight=-term.weight)),
        "weight": lambda e: _change(e, lambda term: replace(term, weight=float(e["weight"]))),
        "remove": lambda e: _change(e, lambda term: None),
        "remove_literal": _remove_literal,
        "remove_filter": _remove_filter,
        "clear": lambda e: link.put(q="", where="", item=""),
        "item": lambda e: link.add_term("item", str(e["id"])),
        "upload": lambda e: link_message(add_upload(workbench, base64.b64decode(str(e["data"]), validate=True))),
        "refused": lambda e: link_message(f"{e.get('name', 'The file')} is too large ({int(e['bytes']) / 1e6:.0f} MB);"
                                          " use a smaller copy."),
    }.get(str(event.get("type")))
    if change is None:
        return
    try:
        change(event)
    except LoupeError as error:
        link_message(str(error))
    except (KeyError, TypeError, ValueError, binascii.Error):
        link_message("That change of the query could not be read; try again.")


def _conditions(where: str) -> list[str]:
    try:
        return conditions(where)
    except LoupeError:  # it cannot be read: the page says so below
        return []


def _change(event: Mapping[str, Any], how: Callable[[Term], Term | None]) -> None:
    terms = link.query().terms
    changed = [how(term) if i == event["index"] else term for i, term in enumerate(terms)]
    link.change_terms(tuple(term for term in changed if term is not None))


def _remove_literal(event: Mapping[str, Any]) -> None:
    query = link.query()
    rest = tuple(match for i, match in enumerate(query.literals) if i != event["index"])
    link.put(q=link.render(replace(query, literals=rest)))


def _remove_filter(event: Mapping[str, Any]) -> None:
    parts = conditions(str(link.state()["where"]))
    link.put(where=joined([part for i, part in enumerate(parts) if i != event["index"]]), item="")

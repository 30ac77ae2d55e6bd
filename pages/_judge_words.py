"""The images that a query asks with, for pages that show them beside its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages._shared import thumb_url, upload_url

if TYPE_CHECKING:
    from core.types import SavedQuery, Term


def pictures(query: SavedQuery) -> list[dict[str, object]]:
    """The images that the query asks with."""
    return [{"src": source(term), "minus": term.weight < 0} for term in query.query.terms if term.kind != "text"]


def source(term: Term) -> str:
    """The address of an image that a query asks with."""
    return thumb_url(term.value) if term.kind == "item" else upload_url(term.value)

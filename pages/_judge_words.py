"""A query as a judge reads it: its words, and the images it asks with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.query.parse import render
from pages._shared import thumb_url, upload_url

if TYPE_CHECKING:
    from core.types import SavedQuery


def words(query: SavedQuery) -> str:
    """The query to read: ids of images mean nothing to a person, and the images stand beside it."""
    if "image:" not in query.text and "upload:" not in query.text:
        return query.text
    words = replace(query.query, terms=tuple(term for term in query.query.terms if term.kind == "text"))
    said = render(words) if words.terms or words.literals else "like this image"
    return said + (f" where {words.where}" if words.where else "")


def pictures(query: SavedQuery) -> list[dict[str, object]]:
    """The images that the query asks with."""
    address = {"item": thumb_url, "upload": upload_url}
    return [{"src": address[term.kind](term.value), "minus": term.weight < 0} for term in query.query.terms if term.kind in address]

"""A query as people read it: ids of images mean nothing to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.types import SavedQuery, Term

UPLOADED = "an uploaded image"


def by_example(text: str) -> bool:
    """Whether a line of the query language asks with images."""
    return "image:" in text or "upload:" in text


def in_words(saved: SavedQuery, called: Callable[[str], str] | None = None) -> str:
    """``like beach.jpg, with: a dog``; what a query says in words alone stays as it was typed.

    Parameters
    ----------
    called : callable, optional
        Item id to the name people know it by; without it the images are taken to stand beside the words.
    """
    query = saved.query
    images = [term for term in query.terms if term.kind != "text"]
    if not by_example(saved.text) or not images:
        return saved.text

    def name(term: Term) -> str:
        if term.kind == "text":
            return term.value
        return "this image" if called is None else UPLOADED if term.kind == "upload" else called(term.value)

    texts = [term for term in query.terms if term.kind == "text"]
    like, unlike = ([t for t in images if t.weight > 0], [t for t in images if t.weight < 0])
    more, less = ([t for t in texts if t.weight > 0], [t for t in texts if t.weight < 0])
    parts = (("like ", like), ("with: " if like else "", more), ("unlike ", unlike), ("without: ", less))
    said = [lead + _and([name(term) + _weight(term) for term in terms]) for lead, terms in parts if terms]
    said += [f"{'not ' * match.negated}{match.field}: {match.value}" for match in query.literals]
    return ", ".join([*said, f"where {query.where}"] if query.where else said)


def _weight(term: Term) -> str:
    return "" if abs(term.weight) == 1 else f" \u00d7{abs(term.weight):g}"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

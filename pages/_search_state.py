"""What the Search page shows, as a few plain values: kept in the session, written to the link and read from it.

The link is the state. Every control changes the values here in a callback; the page is then drawn from them, and the
address is brought up to date at the end of the run. An address that somebody opened, or went back to, is read first.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import streamlit as st

from core.errors import QueryError
from core.query.parse import parse, render
from core.types import Query, Term

DEFAULTS: dict[str, str | int] = {
    "q": "", "where": "", "k": 40, "recipe": "plain", "sort": "name", "page": 1, "item": "", "line": "on", "g": 0,
}
MAX_K = 1000
PAGE_SIZE = 48

_STATE, _WRITTEN, _TOUCHED, _FOLLOWED = "search_state", "search_written", "search_touched", "search_followed"
_OPENED_AT = "search_opened_at"


def state() -> dict[str, str | int]:
    """The values; change them with `put`."""
    return st.session_state.setdefault(_STATE, dict(DEFAULTS))


def put(**changes: str | int) -> None:
    """Change values. What changes the list of results goes back to its first page and closes the open item."""
    values = state()
    if any(values[name] != value for name, value in changes.items() if name in ("q", "where", "sort", "recipe", "k")):
        changes = {"page": 1, **changes}
    values.update(changes)
    st.session_state[_TOUCHED] = True


def read_link(collection: str, arrived: bool) -> None:
    """Take the values from the address, if it is not the one that this page wrote itself.

    Parameters
    ----------
    collection : str
        Key of the collection shown. A query that names its images means nothing in another one.
    arrived : bool
        The page was just entered: an address without a query then keeps the last one.
    """
    values = state()
    if st.session_state.setdefault("search_collection", collection) != collection:
        st.session_state["search_collection"] = collection
        values.update(DEFAULTS, q=_words_only(str(values["q"])), k=values["k"])
        st.session_state.pop(_OPENED_AT, None)
        if not arrived:
            return
    link = {name: text for name in DEFAULTS if (text := st.query_params.get(name)) is not None}
    if st.session_state.pop(_TOUCHED, False) or link == st.session_state.get(_WRITTEN):
        return
    if arrived and not link:
        values["item"] = ""  # it was opened, and left
        return
    if arrived and set(link) == {"item"}:
        values["item"] = link["item"]  # a picture that another page points at opens over the query that stands here
        return
    values.update(DEFAULTS)
    st.session_state[_FOLLOWED] = True
    for name, text in link.items():
        values[name] = _number(name, text) if isinstance(DEFAULTS[name], int) else text
    st.session_state[_OPENED_AT] = values["g"]


def write_link(generation: int) -> None:
    """Bring the address up to date, in one step so that Back goes back one change.

    What this page wrote last counts too: a quick second gesture is sent with the address from before the first one's
    answer, which then looks right here and is overtaken in the browser. An address that was opened, or gone back to, is
    not written again: that would cut off the way forward.
    """
    values = state()
    asked = {name: str(values[name]) for name in DEFAULTS if name != "g" and values[name] != DEFAULTS[name]}
    before = {name: text for name, text in st.session_state.get(_WRITTEN, {}).items() if name != "g"}
    if asked != before:
        values["g"] = generation
    if asked:
        asked["g"] = str(values["g"] or generation)
    overtaken = not st.session_state.pop(_FOLLOWED, False) and st.session_state.get(_WRITTEN, asked) != asked
    st.session_state[_WRITTEN] = asked
    others = {name: text for name, text in st.query_params.to_dict().items() if name not in DEFAULTS}
    if overtaken or st.query_params.to_dict() != {**others, **asked}:
        st.query_params.from_dict({**others, **asked})


def opened_at() -> int:
    """The generation that the opened link was made at, or 0."""
    return int(st.session_state.get(_OPENED_AT) or 0)


def full_link(collection: str, generation: int) -> str:
    """An address that shows the same to somebody else."""
    values = state()
    asked = {name: str(values[name]) for name in DEFAULTS if name != "g" and values[name] != DEFAULTS[name]}
    parts = urlsplit(st.context.url or "")
    base = f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else ""
    return f"{base}?{urlencode({'c': collection, **asked, 'g': str(generation)})}"


# ---------------------------------------------------------------- the query


def query() -> Query:
    """The query that the page shows.

    Raises
    ------
    QueryError
    """
    values = state()
    return parse(str(values["q"]), where=str(values["where"]))


def change_terms(terms: tuple[Term, ...]) -> None:
    """Show the same query with other terms."""
    put(q=render(replace(query(), terms=terms)), item="")


def add_term(kind: str, value: str, weight: float = 1.0) -> None:
    """Add a term; one that is there already changes its sign if need be."""
    try:
        terms = query().terms
    except QueryError:
        terms = ()  # what stands in the box cannot be read; the picture is the query now
        put(q="")
    same = [i for i, term in enumerate(terms) if (term.kind, term.value) == (kind, value)]
    if same:
        old = terms[same[0]]
        weight = abs(old.weight) if weight > 0 else -abs(old.weight)
        change_terms(tuple(replace(t, weight=weight) if i == same[0] else t for i, t in enumerate(terms)))
    else:
        change_terms((*terms, Term(kind, value, weight)))  # type: ignore[arg-type]


def plain(text: str) -> str:
    """Text that Markdown leaves as it is: names and captions are strangers' text."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!|<>$~:" else c for c in text)


def _words_only(text: str) -> str:
    try:
        asked = parse(text)
    except QueryError:
        return text
    return render(replace(asked, terms=tuple(term for term in asked.terms if term.kind == "text")))


def _number(name: str, text: str) -> int:
    most = {"k": MAX_K}.get(name, 10**9)
    try:
        return min(max(int(text), 0 if name == "g" else 1), most)
    except ValueError:
        return int(DEFAULTS[name])

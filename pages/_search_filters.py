"""Filters with live counts: a choice of values for words, a range for numbers, and the text that both make."""

from __future__ import annotations

import streamlit as st

from core.errors import LoupeError
from core.types import Facet, Query
from core.workbench import Workbench
from pages import _search_state as link
from pages._search_dialogs import ask
from pages._search_where import NONE, Choice, Range, as_text, read, write

MAX_OPTIONS = 200
HELP = ("= != < <= > >= in ('a', 'b') ~ (contains) is null, joined by and, or, not and parentheses. "
        "Text stands in 'single quotes', a column's name with spaces in \"double quotes\".")


def filters(workbench: Workbench, query: Query) -> None:
    """The filters, folded; counts are made only while they are open."""
    # The label stays the same: Streamlit takes an expander with another label for another one, and folds it.
    area = st.expander("Filters", key="search_filters", type="compact", on_change="rerun")
    if not area.open:
        return
    with area:
        try:
            choices, rest = read(query.where)
            facets = [f for f in workbench.items.facets(query) if _worth_choosing(f) or f.column in choices]
        except LoupeError:  # the text cannot be read: the page says so, and the box below mends it
            facets = []
        if facets:
            numbers = frozenset(facet.column for facet in facets if facet.kind in ("number", "boolean"))
            columns = st.columns(4)
            for i, facet in enumerate(facets):
                with columns[i % 4]:
                    _control(facet, choices, rest, numbers)
        st.session_state["search_where"] = query.where
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Filter as text", key="search_where", help=HELP,
                          placeholder="colour = 'red' and width >= 400",
                          on_change=lambda: _write(st.session_state["search_where"]))
            st.button("No filter", key="search_where_none", disabled=not query.where, on_click=lambda: _write(""))
            st.button("Look-alikes", key="search_duplicates", on_click=lambda: ask("duplicates"),
                      help="The list of near-duplicates, to keep or to remove.")


def _write(where: str) -> None:
    link.put(where=where.strip(), item="")


def _control(facet: Facet, choices: dict[str, Choice], rest: list[str], numbers: frozenset[str]) -> None:
    if facet.kind == "number" and facet.minimum is not None and facet.maximum is not None:
        if facet.minimum < facet.maximum:
            _range(facet, choices, rest, numbers)
        return
    key = f"search_facet_{facet.column}"
    counts = {as_text(value): n for value, n in facet.values[:MAX_OPTIONS]}
    now = choices.get(facet.column, ())
    picked = [] if isinstance(now, Range) else list(now)
    options = [*counts, *(text for text in picked if text not in counts)]

    def chosen() -> None:
        _write(write({**choices, facet.column: tuple(st.session_state[key])}, rest, numbers))

    st.session_state[key] = picked
    more = f"The {MAX_OPTIONS} most frequent of {len(facet.values):,}; write others as text."
    st.multiselect(facet.column, options, key=key, on_change=chosen, placeholder="Any",
                   format_func=lambda text: f"{'(none)' if text == NONE else text} ({counts.get(text, 0):,})",
                   help=more if len(facet.values) > MAX_OPTIONS else None)


def _range(facet: Facet, choices: dict[str, Choice], rest: list[str], numbers: frozenset[str]) -> None:
    key = f"search_facet_{facet.column}"
    whole = float(facet.minimum).is_integer() and float(facet.maximum).is_integer()
    kind = int if whole else float
    least, most = kind(facet.minimum), kind(facet.maximum)
    now = choices.get(facet.column)
    low, high = (now.low, now.high) if isinstance(now, Range) else (None, None)

    def changed() -> None:
        picked = st.session_state[key]
        bounds = Range(str(picked[0]) if picked[0] > least else None, str(picked[1]) if picked[1] < most else None)
        others = {column: choice for column, choice in choices.items() if column != facet.column}
        _write(write(others if bounds == Range() else {**others, facet.column: bounds}, rest, numbers))

    st.session_state[key] = (_within(low, kind, least, most, least), _within(high, kind, least, most, most))
    st.slider(facet.column, least, most, key=key, on_change=changed)


def _worth_choosing(facet: Facet) -> bool:
    """Not a column of names, where nearly every item has a value of its own."""
    if facet.kind == "number":
        return True
    return bool(facet.values) and (len(facet.values) <= MAX_OPTIONS or facet.values[0][1] > 1)


def _within(text: str | None, kind: type, least: float, most: float, otherwise: float) -> float:
    try:
        return min(max(kind(float(text)), least), most) if text is not None else otherwise
    except ValueError:
        return otherwise

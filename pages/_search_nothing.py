"""Why the Search page shows nothing: the filter leaves nothing, or the query cannot be read; and what to change."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.errors import LoupeError, QueryError
from core.types import Query, SearchResult
from core.workbench import Workbench
from pages import _search_state as link
from pages._jobs import live_jobs
from pages._search_state import plain
from pages._search_where import conditions, joined
from pages._shared import count, empty_state


def say_nothing_found(workbench: Workbench, query: Query, result: SearchResult) -> None:
    """Why there is no result, and what to take away so that there are some."""
    if not result.total:
        if live_jobs(workbench.key):
            empty_state("The first images are on their way",
                        "They appear here by themselves, and can be searched while the rest comes in.")
        elif skipped := workbench.items.skipped():
            first = skipped[0]
            said = f"{count(len(skipped), 'file')} skipped. {plain(first.file)}: {plain(first.reason)}."
            more = " Home has the others and their reasons." if len(skipped) > 1 else ""
            empty_state("No image could be read", said + more, page="home")
        else:
            empty_state("No images here yet", "Bring some on the Home page; they can be searched while they come in.", page="home")
        return
    found_without = []
    parts = conditions(query.where)
    for i, part in enumerate(parts):
        rest = joined(parts[:i] + parts[i + 1:])
        found_without.append((part, {"where": rest}, replace(query, where=rest)))
    for i, match in enumerate(query.literals):
        rest = replace(query, literals=query.literals[:i] + query.literals[i + 1:])
        name = f'{"-" * match.negated}{match.field}:"{match.value}"'
        found_without.append((name, {"q": link.render(rest)}, rest))
    if not found_without:
        st.info(f"None of the {result.total:,} images could be searched; the ones in the query are left out.")
        return
    what = " and ".join(name for name, _, _ in found_without)
    st.info(f"The filter leaves 0 of {result.total:,} images:\n\n`{what.replace('`', ' ')}`")
    with st.container(horizontal=True):
        for i, (name, change, rest) in enumerate(found_without):
            n = workbench.items.browse(replace(rest, terms=()), sort="name", seed=0, limit=1, offset=0).matched
            st.button(link.plain(f"Without {name}: {n:,}"), key=f"search_relax_{i}",
                      disabled=not n and len(found_without) > 1,
                      on_click=lambda change=change: link.put(item="", **change))
        if len(found_without) > 1:
            st.button("Without any filter", key="search_relax_all",
                      on_click=lambda: link.put(item="", where="", q=link.render(replace(query, literals=()))))


def say_error(error: LoupeError) -> None:
    """What is wrong with the query; for one that cannot be read, a caret under the place."""
    st.error(link.plain(str(error)))
    if isinstance(error, QueryError) and error.column is not None:
        st.code(error.pointer(), language=None)
        if link.state()["where"]:
            st.button("Without the filter", key="search_no_filter", on_click=lambda: link.put(where="", item=""))
    elif not isinstance(error, QueryError):
        if link.state()["recipe"] != link.DEFAULTS["recipe"]:  # its list or its vectors may be gone, or it was forgotten
            st.button("Search without the recipe", key="search_no_recipe",
                      on_click=lambda: link.put(recipe=link.DEFAULTS["recipe"], item=""))
        st.button("Show everything", key="search_reset",
                  on_click=lambda: link.put(**{name: value for name, value in link.DEFAULTS.items() if name != "g"}))


"""The results of the Search page: what was found in one line, the pictures, and the pages."""

from __future__ import annotations

import math

import streamlit as st

from core.errors import LoupeError
from core.types import Query, SearchResult
from core.workbench import Workbench
from pages import _jobs
from pages import _search_dialogs as dialogs
from pages import _search_line as line
from pages import _search_state as link
from pages import _search_undo as undo
from pages._grid import GridEvent, card_grid
from pages._hub_control import bank_name
from pages._search_cards import card

SORTS = {"name": "by name", "date": "newest first", "n_k": "most often found first", "random": "in random order"}


def find(workbench: Workbench, query: Query) -> SearchResult:
    """One page of everything for a query without terms; otherwise the best k.

    Raises
    ------
    LoupeError
    """
    values = link.state()
    sort, seed = _order()

    def page() -> SearchResult:
        if query.terms:
            return workbench.search(query, k=int(values["k"]), recipe=str(values["recipe"]), wait=False)
        offset = (int(values["page"]) - 1) * link.PAGE_SIZE
        return workbench.items.browse(query, sort=sort, seed=seed, limit=link.PAGE_SIZE, offset=offset)

    result = page()
    _follow_correction(workbench)
    if int(values["page"]) > pages_of(result):  # the link is older than a deletion, or was made up
        values["page"] = pages_of(result)
        result = result if query.terms else page()
    return result


def _follow_correction(workbench: Workbench) -> None:
    """Draw the page once more where this search had a correction queued, so that the line on top follows the work."""
    now = max((job.job_id for job in _jobs.live_jobs(workbench.key) if job.kind == "correct"), default=0)
    if now > st.session_state.get("search_correcting", 0):
        st.session_state["search_correcting"] = now
        st.rerun()


def all_that_match(workbench: Workbench, result: SearchResult) -> SearchResult:
    """A browse result with every page of it, in the order shown."""
    sort, seed = _order()
    return workbench.items.browse(result.query, sort=sort, seed=seed, limit=result.matched, offset=0)


def _order() -> tuple[str, int]:
    sort, _, seed = str(link.state()["sort"]).partition(":")
    return (sort if sort in SORTS else "name"), (int(seed) if seed.isdigit() else 0)


def summary(result: SearchResult) -> str:
    """``96 of 3,195 · exact · 38 ms``, how many of them are listed, and what images of the query were compared by."""
    parts = [f"{result.matched:,} of {result.total:,}"]
    if result.query.terms and len(result) < result.matched:
        parts.append(f"best {len(result):,} shown")
    if any(term.kind != "text" for term in result.query.terms):
        parts.append("by looks" if result.space == "visual" else "by meaning")
    if result.hub.method != "none":
        parts.append(f"corrected by {bank_name(result.hub.bank)}")
    parts += ["approximate" if result.plan == "approximate" else "exact", f"{result.timings.get('total', 0):.0f} ms"]
    return " · ".join(parts)


def pages_of(result: SearchResult) -> int:
    """How many pages the results take."""
    n = len(result) if result.query.terms else result.matched
    return max(1, math.ceil(n / link.PAGE_SIZE))


def shown_hits(result: SearchResult) -> tuple:
    """The hits of the current page; a browse result holds one page only."""
    if not result.query.terms:
        return result.hits
    start = (int(link.state()["page"]) - 1) * link.PAGE_SIZE
    return result.hits[start:start + link.PAGE_SIZE]


def show_hits(workbench: Workbench, result: SearchResult, hub_from: float | None) -> tuple[str, ...]:
    """Draw the current page of pictures; the ids shown, in order."""
    hits = shown_hits(result)
    items = workbench.items.many([hit.item_id for hit in hits])
    alike = {hit.item_id: hit.alike for hit in hits}

    def handle(event: GridEvent) -> None:
        kind, ids = event["type"], event["ids"]
        try:
            if kind in ("more", "less"):
                link.add_term("item", ids[0], 1.0 if kind == "more" else -1.0)
            elif kind == "open":
                link.put(item=ids[0])
            elif kind == "remove":
                undo.trash(workbench, ids)
            elif kind == "alike":
                dialogs.ask("alike", (ids[0], *alike.get(ids[0], ())))
            else:
                dialogs.ask(kind, ids)
        except LoupeError as error:
            st.session_state["search_message"] = str(error)

    grades = workbench.judgments.grades_for(result.query.query_id) if result.query.terms else {}
    cards = [card(item, hit, hub_from=hub_from, grade=grades.get(item.item_id), terms=result.query.terms)
             for item, hit in zip(items, hits, strict=True)]
    card_grid(cards, key="search_grid", on_event=handle, label="Results", divider=line.divider(result, hits))
    return tuple(hit.item_id for hit in hits)


def show_pages(result: SearchResult) -> None:
    """The pages, when there is more than one."""
    n = pages_of(result)
    if n < 2:
        return
    page = min(int(link.state()["page"]), n)
    key = f"search_page_{page}"  # named by the page, so that a new search or Back moves the widget too
    with st.container(horizontal_alignment="center"):
        st.pagination(n, default=page, key=key, on_change=lambda: link.put(page=int(st.session_state[key]), item=""))

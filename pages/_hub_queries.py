"""The queries of one hub: whose right answers it stands before, and all that find it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.query.parse import render
from core.types import Query, Term
from pages import _hub_link as link
from pages._grid import GridEvent, card_grid
from pages._shared import count, go_to, link_to, thumb_url

if TYPE_CHECKING:
    from core.workbench.correcting import CorrectedView
    from core.workbench.hub_page import Case, HubPage
    from core.workbench.hubs import HubsView

_PICTURES = 60


def displaced(view: HubsView, page: HubPage, after: CorrectedView | None) -> None:
    """Whose right answers it stands before, or how to get to know that."""
    if not page.cases:
        return
    st.subheader("Right answers it stands before", anchor=False)
    if view.query_side == "items":
        st.caption("What the right results for an image are is not known here; choose captions as the queries above, whose right answer "
                   "is their own image.")
        return
    if not page.known:
        if view.query_side == "queries":
            st.caption("None of these queries has an image with a grade of 1 or more; grade some of their results to see.")
            link_to("judge", "Judge results")
        else:
            st.caption("The images of these captions have no vectors, so their ranks are not known.")
        return
    found = page.displaced
    of = count(page.known, "query whose right answer is known", "queries whose right answer is known")
    if not found:
        st.caption(f"None: in no one of {of} does the right answer rank below it.")
        return
    alone = f" In {page.alone_before:,} it alone stands before the right answer." if page.alone_before else ""
    freed = sum(case.after is not None and case.right_after is not None and case.right_after < case.after for case in found)
    then = f" With the correction the right answer ranks above it in {freed:,} of these {len(found):,}." if found[0].after else ""
    st.markdown(f"In {len(found):,} of {of} the right answer ranks below this image.{alone}{then}")
    if after is not None and after.setting.bank == view.query_side:
        st.caption("Each of these queries is in the bank of the correction, where it holds its own right answer back. With another bank, "
                   "such as the images themselves, the corrected ranks are fairer.")
    _queries(found, "hub_displaced")


def captured(view: HubsView, page: HubPage) -> None:
    """Everybody who finds it."""
    n = page.row.n_k
    st.subheader("Queries that find it" if view.query_side != "items" else "Images that find it", anchor=False)
    if not n:
        st.caption(f"No query has it in its top {view.k}.")
        return
    few = len(page.cases) if view.query_side != "items" else min(len(page.cases), _PICTURES)
    st.caption(f"{few:,} of {n:,}, those that rank it highest first." if few < n else "Those that rank it highest first.")
    if view.query_side != "items":
        with st.expander("All of them", expanded=not page.displaced):
            _queries(page.cases, "hub_queries")
        return

    def opened(event: GridEvent) -> None:
        if event["id"]:
            link.show_hub(event["id"])

    card_grid([_card(case) for case in page.cases[:_PICTURES]], key="hub_captured", height=90, selectable=False, actions=("open",),
              label="Images that find it", on_event=opened)  # fmt: skip


def _card(case: Case) -> dict[str, object]:
    item, rank = case.asker.item, case.asker.rank
    moved = {} if case.after in (None, rank) else {"moved": f"{rank} \u2192 {case.after}", "moved_up": case.after < rank}
    return {"id": item.item_id, "thumb": thumb_url(item.item_id), "title": item.caption or item.file, "rank": rank,
            "width": item.width, "height": item.height, **moved}  # fmt: skip


def _queries(cases: tuple[Case, ...], key: str) -> None:
    """Queries with the ranks of the hub and of the right answer; a row searches with it."""
    number = st.column_config.NumberColumn
    columns = {
        "right": (st.column_config.ImageColumn("Right answer", width=90), lambda c: c.right and thumb_url(c.right.item_id)),
        "query": (st.column_config.TextColumn("Query", width="large"), lambda c: c.asker.text),
        "hub": (number("Its rank", format="localized", help="Where this image stands among the results."), lambda c: c.asker.rank),
        "after": (number("Corrected", format="localized", help="Its rank with the correction."), lambda c: c.after),
        "rank": (number("Right answer's rank", format="localized"), lambda c: c.asker.rank if c.itself else c.right_rank),
        "then": (number("Right, corrected", format="localized", help="The right answer's rank with the correction."),
                 lambda c: c.after if c.itself else c.right_after),
    }  # fmt: skip
    shown = {name: (config, value) for name, (config, value) in columns.items() if any(value(case) is not None for case in cases)}
    event = st.dataframe(
        [{name: value(case) for name, (_, value) in shown.items()} for case in cases], key=key, hide_index=True,
        row_height=56 if "right" in shown else None, height=min(56 * len(cases) + 38, 420) if "right" in shown else "auto",
        on_select="rerun", selection_mode="single-row", column_config={name: config for name, (config, _) in shown.items()},
    )  # fmt: skip
    if event.selection.rows and event.selection.rows[0] < len(cases):
        go_to("search", q=render(Query((Term("text", cases[event.selection.rows[0]].asker.text),))))

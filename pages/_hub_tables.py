"""The hubs and the items never found, as a table or as pictures; a click opens an item's own page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages import _hub_link as link
from pages._grid import GridEvent, card_grid
from pages._shared import count, thumb_url

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.correcting import CorrectedView
    from core.workbench.hub_page import HubRow
    from core.workbench.hubs import HubsView

SHOWN = 200
_LISTS = {"table": "Table", "pictures": "Pictures"}
CENTRAL = "Where images ask, hubs tend to lie near it; where words ask they may not, for words gather elsewhere than images."
_NEARER = f"Share of the other images that lie nearer to the centroid. {CENTRAL}"
_DISTANCE = "1 - cosine of the image's embedding and the centroid, the mean of all embeddings; 0: right in the middle."


def hubs(wb: Workbench, view: HubsView, after: CorrectedView | None) -> None:
    """The hubs, the largest first."""
    if not view.n_hubs:
        return
    rows = wb.hub_pages.hubs(view, after, SHOWN)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Hubs", anchor=False, width="content")
        listed = _choose()
        _csv("hubs.csv", lambda: wb.hub_pages.csv(view, wb.hub_pages.hubs(view, after)))
    st.caption(f"{_chance(view)} {'Tick' if listed == 'table' else 'Click'} one to see what it captures.")
    if listed == "pictures":
        _pictures([_card(row, view) for row in rows[:24]], "hubs_grid", 130, "Hubs, the largest first")
        shown = 24
    else:
        _table(rows, view, "hubs_table", chance=True)
        shown = SHOWN
    if view.n_hubs > shown:
        st.caption(f"The {shown} largest of {view.n_hubs:,} hubs; the CSV file has all.")


def _chance(view: HubsView) -> str:
    """How many items are found more often than chance explains."""
    above, by_luck = int((view.n_k > view.chance).sum()), view.n_items / 1_000
    few = f"about {by_luck:,.0f}" if by_luck >= 1 else "hardly any"
    are = "is" if above == 1 else "are"
    return (f"With no hubs every image would be found about {view.mean:,.1f} times, and by luck {few} of {view.n_items:,} more than "
            f"{view.chance:,} times. Here {above:,} {are}.")


def antihubs(wb: Workbench, view: HubsView, after: CorrectedView | None) -> None:
    """The items that nobody finds."""
    n = int((view.n_k == 0).sum())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Never found: {n:,} of {view.n_items:,}", anchor=False, width="content")
        if n:
            _csv("never_found.csv", lambda: wb.hub_pages.csv(view, wb.hub_pages.antihubs(view, after)))
    if not n:
        st.caption(f"Every item is in somebody's top {view.k}.")
        return
    listed = link.get(link.LIST, list(_LISTS), "table")
    rows = wb.hub_pages.antihubs(view, after, SHOWN if listed == "table" else 48)
    if listed == "table":
        _table(rows, view, "hubs_never", chance=False)
    else:
        _pictures([_card(row, view) for row in rows], "hubs_antihubs", 90, "Images that nobody finds", strip=True)
    order = "those farthest from the middle of the collection first"
    st.caption(f"{len(rows)} of {n:,} shown, {order}." if n > len(rows) else f"{count(n, 'image')}, {order}.")


def _choose() -> str:
    listed = link.get(link.LIST, list(_LISTS), "table")
    st.session_state["hubs_list"] = listed
    st.segmented_control("Listed as", list(_LISTS), key="hubs_list", format_func=_LISTS.get, label_visibility="collapsed", required=True,
                         on_change=lambda: link.put(link.LIST, st.session_state["hubs_list"] or "table", "table"))
    return listed


def _csv(name: str, make: Callable[[], bytes]) -> None:
    """A button that makes the whole table when it is pressed."""
    st.download_button("CSV", make, name, "text/csv", key=f"hubs_csv_{name}", icon=":material/download:", on_click="ignore",
                       help="All of them, for a spreadsheet.")


def _table(rows: Sequence[HubRow], view: HubsView, key: str, *, chance: bool) -> None:
    """A table whose columns sort; a row opens the page of its item."""

    def opened() -> None:
        chosen = st.session_state[key].selection.rows
        if chosen and chosen[0] < len(rows):
            link.show_hub(rows[chosen[0]].item.item_id)

    number = st.column_config.NumberColumn
    after = any(row.after is not None for row in rows)
    st.dataframe(
        [_line(row, view, chance, after) for row in rows], key=key, hide_index=True, row_height=56, on_select=opened,
        selection_mode="single-row", height=min(56 * len(rows) + 38, 480),
        column_config={
            "picture": st.column_config.ImageColumn("", width=72),
            "image": st.column_config.TextColumn("Image", width="medium"),
            "N_k": number("N_k", format="localized", help="How many queries have it among their first results."),
            "after": number("N_k after", format="localized", help="With the correction chosen above."),
            "expected": number("Expected", format="%.1f", help="N_k of every image if there were no hubs: the mean."),
            "chance": number("By luck up to", format="localized",
                             help="If every query drew its results by lot, one image in a thousand would have a larger N_k (binomial)."),
            "share": number("Of queries", format="percent", help="Share of all queries that it captures."),
            "distance": number("Centroid distance", format="%.3f", help=_DISTANCE),
            "nearer": number("Images nearer", format="percent", help=_NEARER),
        },
    )  # fmt: skip


def _line(row: HubRow, view: HubsView, chance: bool, after: bool) -> dict[str, object]:
    counted = {"N_k": row.n_k, **({"after": row.after} if after else {})}
    by_chance = {"expected": view.mean, "chance": view.chance, "share": row.share} if chance else {}
    return {"picture": thumb_url(row.item.item_id), "image": row.item.caption or row.item.file, **counted, **by_chance,
            "distance": row.distance, "nearer": row.nearer}  # fmt: skip


def _card(row: HubRow, view: HubsView) -> dict[str, object]:
    item = row.item
    found = f"{row.n_k:,} · {row.share:.1%} of queries" if row.after is None else f"{row.n_k:,} \u2192 {row.after:,}"
    away = "" if row.nearer is None else f" {row.nearer:.0%} of the others lie nearer to the middle of the collection."
    return {"id": item.item_id, "thumb": thumb_url(item.item_id), "title": item.caption or item.file,
            "score": f"N_k {found}", "width": item.width, "height": item.height,
            "tip": f"Found by {row.n_k:,} of {view.n_queries:,} queries; {view.mean:.1f} are expected.{away}"}  # fmt: skip


def _pictures(cards: Sequence[dict[str, object]], key: str, height: int, label: str, *, strip: bool = False) -> None:
    def opened(event: GridEvent) -> None:
        if event["id"]:
            link.show_hub(event["id"])

    card_grid(cards, key=key, height=height, selectable=False, actions=("open",), label=label, strip=strip, on_event=opened)

"""Search: find images by words, by example, or by both; nothing asked shows everything."""

from __future__ import annotations

import streamlit as st

from pages._shared import guard

guard()

from core.errors import LoupeError, QueryError  # noqa: E402
from core.types import Query  # noqa: E402
from pages import _search_dialogs as dialogs  # noqa: E402
from pages import _search_line as line  # noqa: E402
from pages import _search_nothing as nothing  # noqa: E402
from pages import _search_results as results  # noqa: E402
from pages import _search_state as link  # noqa: E402
from pages import _search_undo as undo  # noqa: E402
from pages._search_bar import query_box, toolbar  # noqa: E402
from pages._search_cards import hub_from  # noqa: E402
from pages._search_chips import query_chips  # noqa: E402
from pages._search_filters import filters  # noqa: E402
from pages._search_item import show_item  # noqa: E402
from pages._shared import empty_state, workbench  # noqa: E402

wb = workbench()
if wb is None:
    empty_state("No collection yet", "Bring images on the Home page, or try the demo there; then search them here.")
    st.stop()

link.read_link(wb.key, arrived="search_box" not in st.session_state)
query_box(wb)
try:
    query = link.query()
except QueryError as error:
    nothing.say_error(error)
    query_chips(wb, Query())
    link.write_link(wb.generation)
    st.stop()

query_chips(wb, query)
filters(wb, query)
try:
    result = results.find(wb, query)
except LoupeError as error:
    nothing.say_error(error)
    link.write_link(wb.generation)
    st.stop()

toolbar(wb, query, result)
line.control(wb, result)
undo.at_the_bottom(wb)
for warning in result.warnings:
    st.caption(link.plain(warning))
if link.opened_at() not in (0, result.generation):
    st.caption(f"This link was made when the collection stood at generation {link.opened_at()}; it is at"
               f" {result.generation} now, so the results may differ.")
if len(result):
    shown = results.show_hits(wb, result, hub_from=hub_from(wb))
    results.show_pages(result)
else:
    shown = ()
    nothing.say_nothing_found(wb, query, result)
link.write_link(result.generation)
if not dialogs.show_asked(wb, query) and link.state()["item"]:
    show_item(wb, result, shown, result.generation)

"""One pool: what its recipes gave, who judges it, and putting it away."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from pages import _judge_undo as undo
from pages._judge_queue import look_again
from pages._judge_what import judge_pool
from pages._search_state import plain
from pages._shared import count

if TYPE_CHECKING:
    from core.store import PoolRecord
    from core.workbench import Workbench


def one_pool(wb: Workbench, pool: PoolRecord) -> None:
    """Its numbers, its recipes, its judges."""
    said = wb.pools.statistics(pool.pool_id)
    alone = f"; {said.alone / said.n_pairs:.0%} found by one recipe alone" if said.n_pairs and len(said.arms) > 1 else ""
    spared = f"; {count(said.collapsed, 'near-duplicate')} not judged themselves" if said.collapsed else ""
    st.markdown(f"**{said.judged:,} of {said.n_pairs:,}** pairs of query and image judged, in "
                f"{count(said.n_queries, 'query', 'queries')}{alone}{spared}.")
    st.caption(f"Query set {plain(pool.set_at)} · top {pool.depth} of each recipe · made at generation {pool.generation} · seed {pool.seed}"
               + (f"; the collection is at generation {wb.generation} now" if wb.generation != pool.generation else ""))
    _recipes(said)
    _judges(wb, pool)
    with st.container(horizontal=True):
        st.button("Judge this pool", type="primary", key="judge_pool_go", on_click=_go, args=(pool.pool_id,))
        st.download_button("Export pairs", lambda: _csv(wb, pool), file_name=f"{wb.key}-pool.csv", mime="text/csv", on_click="ignore",
                           help="Query, image, and its rank in each recipe.")
        st.button("Remove", key="judge_pool_remove", on_click=_remove, args=(wb, pool), help="Grades stay, and it can be undone.")


def _recipes(said) -> None:  # noqa: ANN001 - PoolStatistics
    st.dataframe(
        {
            "Recipe": [arm.label for arm in said.arms], "Pairs found": [arm.found for arm in said.arms],
            "By it alone": [arm.alone for arm in said.arms],
            "Judged": [round(100 * arm.judged / arm.found) if arm.found else None for arm in said.arms],
        },
        hide_index=True, column_config={"Judged": st.column_config.NumberColumn(format="%d %%", help="Of the pairs it found."),
                                        "By it alone": st.column_config.NumberColumn(help="Pairs that no other recipe found.")},
    )  # fmt: skip
    if len(said.arms) > 1:
        with st.expander("Overlap of the recipes"):
            st.caption("Of what either of two recipes found, the share both found (Jaccard). Where it is high, the second adds little.")
            rows: dict[str, list[object]] = {"Recipe": [arm.label for arm in said.arms]}
            for n, arm in enumerate(said.arms):
                rows[arm.label if arm.label != "Recipe" else "Recipe "] = [round(row[n], 2) for row in said.overlap]
            st.dataframe(rows, hide_index=True)


def _judges(wb: Workbench, pool: PoolRecord) -> None:
    title = f"Judges: {plain(', '.join(pool.judges))}, {pool.overlap:.0%} seen by all" if pool.judges else "Judges: everybody judges all"
    with st.expander(title), st.form(f"judge_divide_{pool.pool_id}", border=False):
        who = st.text_input("Judges", ", ".join(pool.judges), placeholder="ann, bob",
                            help="Names, with commas between: the pairs are divided among them. Empty: everybody judges all.")
        overlap = st.slider("Share that every judge sees, %", 0, 100, round(100 * pool.overlap) if pool.judges else 20)
        propagate = st.toggle("Give the grade to the near-duplicates, too", pool.propagate, disabled=not pool.collapse)
        st.caption("What is judged already stays. Dividing anew changes who is asked for the rest.")
        if st.form_submit_button("Save"):
            try:
                wb.pools.divide(pool.pool_id, names(who), overlap / 100 if names(who) else 1.0, propagate)
            except LoupeError as error:
                st.error(plain(str(error)))
                return
            look_again()
            st.rerun()


def names(text: str) -> list[str]:
    """Names of judges with commas between."""
    return list(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))


def _go(pool_id: str) -> None:
    st.session_state["judge_part"] = "Judge"
    judge_pool(pool_id)
    st.query_params.pop("query", None)


def _remove(wb: Workbench, pool: PoolRecord) -> None:
    wb.pools.remove(pool.pool_id)
    undo.offer(f"Removed the pool {pool.name}. Grades are kept.", "pool", pool.pool_id)


def _csv(wb: Workbench, pool: PoolRecord) -> str:
    out = io.StringIO()
    sheet = csv.writer(out)
    texts = {q.query_id: q.text for q in wb.querysets.get(pool.set_at).queries}
    sheet.writerow(["query_id", "query", "item_id", *(_cell(str(arm["label"])) for arm in pool.arms), "near_duplicates"])
    for row in wb.pools.rows(pool.pool_id):
        ranks = ["" if rank is None else rank for rank in row.ranks]
        sheet.writerow([row.query_id, _cell(texts.get(row.query_id, "")), row.item_id, *ranks, " ".join(row.copies)])
    return out.getvalue()


def _cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

"""How far judges agree: a line for the side panel, and the figures for all queries."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import streamlit as st

from core.workbench.naming import named
from pages._search_state import plain
from pages._shared import count

if TYPE_CHECKING:
    from core.judge.agreement import Agreement, Coefficient
    from core.workbench import Workbench

FIGURES = {
    "raw": ("Raw agreement", "Of every two grades that two judges gave to the same image, the share that is equal."),
    "cohen": ("Cohen's kappa", "Agreement beyond chance of two judges; of more, the mean over all pairs. 1 is full, 0 is chance."),
    "cohen_quadratic": ("Weighted kappa", "As Cohen's, where grades that lie far apart count for more (squared distance)."),
    "fleiss": ("Fleiss' kappa", "Agreement beyond chance of any number of judges, on images graded by equally many."),
    "alpha_ordinal": ("Krippendorff's alpha", "Agreement beyond chance of any number of judges, gaps allowed, grades taken as an order. "
                      "From 0.8 on it is usually called reliable."),
}


def agreement_line(wb: Workbench, query_id: str) -> str:
    """Agreement on a query in words; empty where no image was graded by two."""
    found = wb.judgments.agreement({query_id}).overall
    if found.raw.value is None:
        return ""
    alpha = found.alpha_ordinal
    more = f", Krippendorff's alpha {alpha.value:.2f}" if alpha.value is not None else ""
    return f"{found.raw.value:.0%} raw agreement on this query{more} ({count(found.n_shared, 'image')} graded by two or more)"


def agreement_panel(wb: Workbench) -> None:
    """All figures over everything and query by query, to take along."""
    with st.expander("How far judges agree", key="judge_agreement"):
        report = wb.judgments.agreement()
        found = report.overall
        if found.n_judges < 2:
            st.caption("It takes two judges, each under a name of their own, on the same images. A pool can give some to every judge.")
            return
        if not found.n_shared:
            st.caption(f"{count(found.n_judges, 'judge')}, but no image was graded by two of them.")
            return
        row = st.container(horizontal=True, gap="medium")
        for name, (title, meaning) in FIGURES.items():
            one: Coefficient = getattr(found, name)
            why = "" if one.value is not None else f" Not defined: {one.reason}."
            row.metric(title, _number(one), help=meaning + why, width="content")
        st.caption(f"{count(found.n_judges, 'judge')}, {count(found.n_items, 'pair')} of query and image with a grade, "
                   f"{found.n_shared:,} of them with two or more. The latest grade of each judge counts; can't tell counts as none.")
        words = named(wb.collection, {q.query_id: q.text for q in wb.judgments.queries()}).words
        rows = [{"Query": words.get(query, query), "Judges": one.n_judges, "Shared images": one.n_shared, **_figures(one)}
                for query, one in report.per_query.items() if one.n_shared]  # fmt: skip
        st.dataframe(sorted(rows, key=lambda r: r["Raw agreement"] or 0.0), hide_index=True, key="judge_agreement_table")
        st.download_button("CSV", lambda: _csv(rows), file_name=f"{plain(wb.key)}-agreement.csv", mime="text/csv", on_click="ignore",
                           key="judge_agreement_csv", icon=":material/download:")  # fmt: skip


def _figures(found: Agreement) -> dict[str, float | None]:
    return {title: None if (one := getattr(found, name)).value is None else round(one.value, 3) for name, (title, _) in FIGURES.items()}


def _number(found: Coefficient) -> str:
    return "\u2013" if found.value is None else f"{found.value:.2f}"


def _csv(rows: list[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()

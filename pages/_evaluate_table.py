"""The table of the Evaluate page: how it is counted, recipes by metrics, what has to be known to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import LoupeError
from core.judge import markup
from pages import _evaluate_state as state
from pages._search_state import plain
from pages._shared import count, link_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.workbench import Workbench
    from core.workbench.evaluating import Outcome

_REL = {"1": "1 or more", "2": "2 or more", "3": "3"}
_FEW = 10


def html(body: str) -> None:
    """A piece of `core.judge.markup` with its style."""
    ground = "#151817" if st.context.theme.type == "dark" else "#ffffff"
    st.html(f"<style>{markup.STYLE}</style><div style='--lp-ground:{ground}'>{body}</div>")


def column_help(meanings: Mapping[str, str]) -> dict[str, object]:
    """Columns of a table with what they mean, for a hover on their heads."""
    return {name: st.column_config.Column(name, help=plain(text)) for name, text in meanings.items()}


def outcome(wb: Workbench, query_set: str) -> Outcome | None:
    """The evaluation under the options that are chosen here; None with words where it cannot be measured."""
    kept = wb.evaluations.rankings(query_set)
    if kept is None:
        return None
    names = list(kept.ran)
    first = "plain" if "plain" in names else names[0]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        baseline = state.bound("base", names, first)
        if len(names) > 1:
            st.selectbox("Baseline", names, key=state.key("base"), width=200, on_change=state.written, args=("base", first),
                         help="The recipe that the others are compared with.")  # fmt: skip
        rel = state.bound("rel", list(_REL), "1")
        st.selectbox("Relevant: graded", list(_REL), key=state.key("rel"), format_func=_REL.get, width=150, on_change=state.written,
                     args=("rel", "1"), help="From which grade an item counts as relevant; ir-measures' own default is 1. nDCG uses the "
                                             "grades "
                     "themselves.")  # fmt: skip
        people = _toggle("people", "Grades by people only", "Leave out grades that were made from names, keywords or captions.") \
            if wb.judgments.summary().made else False  # fmt: skip
        skip = _toggle("skip", "Leave out queries without a right answer", "Otherwise they count 0 in every metric, as in trec_eval.")
    try:
        return wb.evaluations.result(query_set, baseline=baseline, rel=int(rel), people_only=people, skip_bare=skip)
    except LoupeError as error:
        st.info(plain(str(error)))
        link_to("judge", "Judge results", icon=":material/checklist:")
        return None


def _toggle(name: str, label: str, meaning: str) -> bool:
    on = state.chosen(name, ("0", "1"), "0") == "1"
    st.session_state[state.key(name)] = on
    st.toggle(label, key=state.key(name), help=meaning,
              on_change=lambda: state.put(name, "1" if st.session_state[state.key(name)] else "0", "0"))  # fmt: skip
    return on


def headline(found: Outcome) -> None:
    """The finding in one sentence."""
    table, metric = found.table, found.table.metrics[0]
    best = table.best(metric.key)
    mean = table.cells[best, metric.key].mean.value
    if len(table.recipes) == 1:
        text, more = f"{best} has {metric.title} {mean:.3f}.", ""
    elif best == table.baseline:
        text, more = f"No recipe has a higher {metric.title} than {table.baseline}, {mean:.3f}.", ""
    else:
        against = table.cells[best, metric.key].against
        assert against is not None
        clear = against.p_holm < 0.05
        text = (f"{best} is better than {table.baseline}: {metric.title} {mean:.3f}, {against.difference.value:+.3f}." if clear else
                f"No clear winner: {best} has the highest {metric.title}, {mean:.3f}, and that may be chance.")  # fmt: skip
        more = (f"{against.difference.value:+.3f} against {table.baseline}, 95 % interval {against.difference.low:+.3f} to "
                f"{against.difference.high:+.3f}; {markup.p_words(against.p_holm)} among {table.n_comparisons} comparisons.")  # fmt: skip
    st.subheader(plain(text), anchor=False, help=plain(f"{metric.title}: {metric.meaning}"))
    if more:
        st.caption(plain(more))
    for said in found.stale:
        st.warning(f"{plain(said)} Run it again to be up to date.")
    if len(table.queries) < _FEW:
        st.caption(f"Only {count(len(table.queries), 'query', 'queries')} measured: hardly any difference can be told from luck.")


def figures(wb: Workbench, found: Outcome) -> None:
    """The table, and what to know."""
    html(markup.table_html(found.table))
    st.caption(plain(markup.below_table(found.table)))
    for note in found.notes:
        st.caption(plain(note))
    missing = wb.evaluations.missing(found)
    if missing:
        n = sum(missing.values())
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{n:,} of the items that any recipe has in its first 10 {'is' if n == 1 else 'are'} unjudged, in "
                       f"{count(len(missing), 'query', 'queries')}.",
                       width="content")  # fmt: skip
            state.judge_missing("Judge what is missing", found, next(iter(missing)), list(found.rankings))
    with st.expander("What the metrics mean"):
        st.markdown("\n".join(f"- **{plain(one.title)}** {plain(one.meaning)}" for one in found.table.metrics))

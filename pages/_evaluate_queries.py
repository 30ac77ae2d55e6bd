"""Query by query: bars sorted by difference, and the two rankings of one query side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core import figures
from core.judge import markup
from core.judge.markup import LONG
from core.judge.report import by_difference
from core.wording import shortened
from pages import _evaluate_state as state
from pages._evaluate_table import html
from pages._judge_words import source
from pages._search_state import plain
from pages._shared import count, link_to, thumb_url

if TYPE_CHECKING:
    from core.workbench import Workbench
    from core.workbench.evaluating import Outcome

SHOWN = 10


def queries(wb: Workbench, found: Outcome) -> None:
    """Choose a recipe and a metric, see where it gains and loses, look into one query."""
    table = found.table
    others = [name for name in table.recipes if name != table.baseline]
    metrics, meanings = ({one.key: text(one) for one in table.metrics} for text in (lambda one: one.title, lambda one: one.meaning))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        recipe = state.bound("recipe", others, others[-1]) if others else table.baseline
        if others:
            st.selectbox(f"Recipe, against {plain(table.baseline)}", others, key=state.key("recipe"), width=240, on_change=state.written,
                         args=("recipe", others[-1]))  # fmt: skip
        metric = state.bound("metric", list(metrics), table.metrics[0].key)
        st.selectbox("Metric", list(metrics), key=state.key("metric"), format_func=metrics.get, width=180, on_change=state.written,
                     args=("metric", table.metrics[0].key), help=plain(meanings[metric]))  # fmt: skip
    order = by_difference(table, recipe, metric) if others else _worst_first(found, metric)
    ids = [query for query, _ in order]
    chosen = state.chosen("query", ids, ids[0])
    names = [found.named.words[query] for query in ids]
    st.caption(_words(found, recipe, metric) if others else f"{metrics[metric]} of each query, the worst first.")
    event = st.plotly_chart(
        figures.difference_bars(names, [value for _, value in order], chosen=ids.index(chosen), dark=st.context.theme.type == "dark"),
        key=f"evaluate_bars_{recipe}_{metric}_{table.baseline}",
        on_select=_pressed(ids, f"evaluate_bars_{recipe}_{metric}_{table.baseline}"),
        selection_mode="points", config={"displayModeBar": False},
    )  # fmt: skip
    del event
    state.bound("query", ids, ids[0])
    value = dict(order)
    st.selectbox("Query", ids, key=state.key("query"), on_change=state.written, args=("query", ""),
                 format_func=lambda q: f"{shortened(found.named.words[q], LONG)}  ({value[q]:{'+' if others else ''}.3f})",
                 help="In the order of the bars; a press on a bar chooses it too.")  # fmt: skip
    drill(wb, found, recipe, chosen)


def _worst_first(found: Outcome, metric: str) -> list[tuple[str, float]]:
    table = found.table
    values = table.values[table.baseline, metric]
    return sorted(zip(table.queries, map(float, values)), key=lambda one: one[1])


def _pressed(ids: list[str], key: str) -> object:
    def read() -> None:
        points = st.session_state[key].selection.points
        if points:
            at = points[0].get("point_index", points[0].get("customdata"))
            if isinstance(at, int) and 0 <= at < len(ids):
                state.put("query", ids[at])

    return read


def _words(found: Outcome, recipe: str, metric: str) -> str:
    against = found.table.cells[recipe, metric].against
    assert against is not None
    who = against
    return (f"A bar for each query: up where {plain(recipe)} is better ({who.wins:,}), down where it is worse ({who.losses:,}); "
            f"{who.ties:,} {'stays' if who.ties == 1 else 'stay'} equal. Press one.")  # fmt: skip


def drill(wb: Workbench, found: Outcome, recipe: str, query: str) -> None:
    """One query: baseline left, recipe right, lines between the places of each item."""
    table, given = found.table, found.grades[query]
    at = table.queries.index(query)
    words = found.named.words[query]
    st.subheader(f"\u201c{plain(shortened(words, LONG))}\u201d", anchor=False, help=plain(words) if len(words) > LONG else None)
    if asks := markup.asks_html(found.named.shown(query, source)):
        html(asks)
    figure = table.metrics[0]
    scores = " \u2192 ".join(f"{table.values[name, figure.key][at]:.3f}" for name in dict.fromkeys((table.baseline, recipe)))
    n = sum(grade >= table.rel for grade in given.values())
    st.caption(f"{figure.title} {scores}. {count(len(given), 'grade')}, of which {n:,} relevant.", help=plain(figure.meaning))
    left, right = (tuple(found.rankings[name].get(query, ())[: table.depth]) for name in (table.baseline, recipe))
    if recipe == table.baseline:
        from core.judge.story import Entry, Panel

        panel = Panel(recipe, tuple(Entry(item, rank, given.get(item)) for rank, item in enumerate(left[:SHOWN], 1)))
        html(markup.panel_html(panel, thumb_url, wb.evaluations.called))
    else:
        html(markup.rankings_html(left, right, (f"Baseline: {table.baseline}", recipe), given, thumb_url, wb.evaluations.called,
                                  shown=SHOWN))
    unjudged = len({*left[:SHOWN], *right[:SHOWN]} - given.keys())
    with st.container(horizontal=True, vertical_alignment="center"):
        if unjudged:
            state.judge_missing(f"Judge what is missing ({unjudged})", found, query, list(dict.fromkeys((table.baseline, recipe))))
        link_to("search", "Search for it", icon=":material/search:", q=found.words[query], recipe=recipe)

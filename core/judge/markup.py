"""Pieces of HTML that the page Evaluate and the report share. Everything that comes from a collection is escaped here.

No script, no address: pictures come through a function that gives what stands in ``src``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape

from core.judge.evaluation import Cell, Table
from core.judge.judgments import GRADE_WORDS
from core.judge.story import Entry, Panel, Step
from core.wording import shortened

Picture = Callable[[str], str]
Called = Callable[[str], str]
Asks = Sequence[tuple[str, str, bool]]
"""Images that a query asks with: what stands in ``src``, name, whether it asks for less of it."""

ROW_PX = 92
LONG = 80
"""Letters of a query's words from which on their middle is left out."""
UNJUDGED = "unjudged"

STYLE = """
.lp-scroll{overflow-x:auto;max-width:100%}
.lp-table{border-collapse:collapse;font-size:.95rem;font-variant-numeric:tabular-nums}
.lp-table th,.lp-table td{padding:.5rem .9rem;text-align:right;vertical-align:top;border-bottom:1px solid rgba(128,128,128,.28)}
.lp-table th{font-weight:600}.lp-table th:first-child{text-align:left;padding-left:0}
.lp-table tbody th{white-space:nowrap}.lp-table td{overflow-wrap:normal}
.lp-table td b,.lp-table td span{font-size:1.05rem}
.lp-table small{display:block;opacity:.78;font-size:.8rem;white-space:nowrap}
.lp-table thead th{max-width:13rem;overflow-wrap:break-word;vertical-align:bottom}
.lp-badge{display:inline-block;padding:.05rem .5rem;border-radius:1rem;font-size:.8rem;line-height:1.35rem;white-space:nowrap}
.lp-g3{background:#0b5d36;color:#fff}.lp-g2{background:#2f9e6a;color:#06140d}.lp-g1{background:#e8b93c;color:#201600}
.lp-g0{background:#8f2f24;color:#fff}.lp-gn{border:1px dashed currentColor;opacity:.85}
.lp-strip{display:flex;flex-wrap:wrap;gap:.8rem;margin:.3rem 0 1rem}
.lp-card{width:150px;font-size:.85rem}
.lp-card img,.lp-none{width:150px;height:130px;object-fit:contain;background:rgba(128,128,128,.12);border-radius:6px}
.lp-card .lp-name,.lp-row .lp-name{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.lp-none{display:flex;align-items:center;justify-content:center;font-size:.75rem;opacity:.7}
.lp-marked{outline:3px solid #d55e00;outline-offset:3px;border-radius:6px}
.lp-two{display:grid;grid-template-columns:minmax(0,1fr) 110px minmax(0,1fr)}
.lp-lines{display:block;max-width:none}
.lp-head{font-weight:600;padding:.2rem 0 .5rem;overflow-wrap:anywhere}
.lp-row{height:92px;display:flex;gap:.7rem;align-items:center;font-size:.9rem;overflow:hidden}
.lp-row img,.lp-row .lp-none{width:84px;height:84px;flex:none;object-fit:contain;background:rgba(128,128,128,.12);border-radius:6px}
.lp-rank{width:1.7rem;text-align:right;font-weight:600;flex:none;font-variant-numeric:tabular-nums}
.lp-about{min-width:0;flex:1}.lp-about small{opacity:.8}
.lp-legend{font-size:.85rem;opacity:.78}.lp-table th[title]{cursor:help;text-decoration:underline dotted 1px;text-underline-offset:.2em}
.lp-quote{margin:.2rem 0 .8rem;padding-left:1.2rem}
@media (max-width:700px){.lp-two{grid-template-columns:minmax(0,1fr)}.lp-two>.lp-gap,.lp-wide{display:none}
.lp-card,.lp-card img{width:132px}.lp-table th,.lp-table td{padding:.4rem .6rem}
.lp-table small{white-space:normal}.lp-hint{display:block!important}
.lp-table th:first-child{position:sticky;left:0;background:var(--lp-ground,Canvas)}}
"""


def badge(grade: int | None) -> str:
    """A grade as a coloured word; nobody's is dashed."""
    if grade is None:
        return f'<span class="lp-badge lp-gn">{UNJUDGED}</span>'
    return f'<span class="lp-badge lp-g{min(max(grade, 0), 3)}">{grade} {GRADE_WORDS[min(max(grade, 0), 3)]}</span>'


# ---------------------------------------------------------------- the table


def table_html(table: Table) -> str:
    """Recipes as columns, metrics as rows; the best of a row is bold."""
    heads = "".join(
        f'<th scope="col">{escape(name)}{"<small>baseline</small>" if name == table.baseline and len(table.recipes) > 1 else ""}</th>'
        for name in table.recipes
    )
    rows = []
    for one in table.metrics:
        cells = "".join(f"<td>{_cell(table.cells[recipe, one.key])}</td>" for recipe in table.recipes)
        rows.append(f'<tr><th scope="row" title="{escape(one.meaning)}">{escape(one.title)}</th>{cells}</tr>')
    hint = '<small class="lp-hint" style="display:none">Scroll sideways for the other recipes.</small>' if len(table.recipes) > 2 else ""
    return (f'{hint}<div class="lp-scroll"><table class="lp-table"><thead><tr><th></th>{heads}</tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table></div>')  # fmt: skip


def _cell(cell: Cell) -> str:
    value = f"{cell.mean.value:.3f}"
    parts = [f"<b>{value}</b>" if cell.best else f"<span>{value}</span>"]
    if cell.against is None:
        parts.append(f"<small>{cell.mean.low:.3f} to {cell.mean.high:.3f}</small>")
    else:
        found, who = cell.against.difference, cell.against
        if who.wins or who.losses:
            parts.append(f"<small>{found.value:+.3f} ({found.low:+.3f} to "
                         f"{found.high:+.3f})</small><small>{p_words(cell.against.p_holm)}</small>")
        else:
            parts.append("<small>equal for every query</small>")
    parts.append(f"<small>{cell.unjudged:.0%} unjudged</small>")
    return "".join(parts)


def p_words(p: float) -> str:
    """``p < 0.001``, ``p 0.012``, ``p 0.31``."""
    return "p < 0.001" if p < 0.001 else f"p {p:.3f}" if p < 0.1 else f"p {p:.2f}"


def below_table(table: Table) -> str:
    """What the small figures are, in plain text."""
    n = len(table.queries)
    asked = "1 query" if n == 1 else f"{n:,} queries"
    text = f"Means over {asked}; relevant is what was graded {table.rel} or more."
    if table.n_bare:
        text += f" {_queries(table.n_bare)} nothing graded that high and count{'s' if table.n_bare == 1 else ''} 0, as trec_eval has it."
    if table.n_left_out:
        text += f" {_queries(table.n_left_out)} nothing graded that high and {'is' if table.n_left_out == 1 else 'are'} left out."
    if table.n_comparisons:
        text += (f" Bold: the best of its row. Below a figure: its difference to {table.baseline} with where it would fall in 95 of 100 "
                 f"repetitions on "
                 f"other queries (paired bootstrap); p of a paired randomisation test, corrected for all {table.n_comparisons:,} "
                 f"comparisons of "
                 "the table (Holm).")  # fmt: skip
    else:
        text += " Below a figure: where it would fall in 95 of 100 repetitions on other queries (bootstrap)."
    return (f"{text} Unjudged: share of the hits a metric looks at that nobody graded; they count as not relevant (bpref and infAP: see "
            "there). A metric with @10 looks at the first 10; RR down to the first relevant one, or at all where there is none; the others "
            "at all.")  # fmt: skip


def _queries(n: int) -> str:
    return "1 of them has" if n == 1 else f"{n:,} of them have"


# ---------------------------------------------------------------- items


def image(item_id: str, picture: Picture, called: Called) -> str:
    """A picture, or words where there is none."""
    return _img(picture(item_id), called(item_id))


def _img(source: str, name: str) -> str:
    if not source:
        return '<span class="lp-none">no picture</span>'
    return f'<img src="{escape(source)}" alt="{escape(name)}">'


def panel_html(panel: Panel, picture: Picture, called: Called) -> str:
    """Items in a row, each with rank, grade and name."""
    cards = "".join(_card(entry, picture, called) for entry in panel.entries)
    return f'<div class="lp-head">{escape(panel.label)}</div><div class="lp-strip">{cards or "no hits"}</div>'


def _card(entry: Entry, picture: Picture, called: Called) -> str:
    rank = f"{entry.rank} " if entry.rank else ""
    note = f"<div>{escape(entry.note)}</div>" if entry.note else ""
    return (f'<div class="lp-card{" lp-marked" if entry.marked else ""}">{image(entry.item_id, picture, called)}'
            f'<div><b>{rank}</b>{badge(entry.grade)}</div>'
            f'<span class="lp-name">{escape(called(entry.item_id))}</span>{note}</div>')  # fmt: skip


def rankings_html(
    left: Sequence[str], right: Sequence[str], labels: tuple[str, str], grades: Mapping[str, int], picture: Picture, called: Called,
    *, shown: int = 10, marked: str = "",
) -> str:
    """Two rankings side by side with a line between the two places of each item; on a narrow screen one below the other.

    Parameters
    ----------
    left, right : sequence of item id, best first
        May be longer than `shown`: where an item went beyond it is said in words.
    """
    lists = []
    for mine, other, label, verb in ((left, right, labels[0], "goes to"), (right, left, labels[1], "was")):
        rows = "".join(_row(item, n, _elsewhere(item, n, other, verb), grades.get(item), item == marked, picture, called)
                       for n, item in enumerate(mine[:shown], 1))  # fmt: skip
        lists.append(f'<div class="lp-list"><div class="lp-head">{escape(label)}</div>{rows or "no hits"}</div>')
    legend = (f'<p class="lp-legend">Beside a grade: the rank of the item in the other ranking, where it is another one. <span '
              f'class="lp-wide">A line joins the two places of an item; a dashed one leaves the first {shown}. Its colour is the grade.'
              f"</span></p>")  # fmt: skip
    return (f'<div class="lp-two">{lists[0]}<div class="lp-gap"><div class="lp-head">&nbsp;</div>{_lines(left, right, grades, shown)}</div>'
            f"{lists[1]}</div>{legend}")  # fmt: skip


def _elsewhere(item: str, rank: int, other: Sequence[str], verb: str) -> str:
    """``was 7``, ``goes beyond 50``; empty where it did not move."""
    if item not in other:
        return f"{verb.removesuffix(' to')} beyond {len(other)}" if other else ""
    there = other.index(item) + 1
    return "" if there == rank else f"{verb} {there}"


def _row(item: str, rank: int, moved: str, grade: int | None, marked: bool, picture: Picture, called: Called) -> str:
    note = f" <small>{moved}</small>" if moved else ""
    return (f'<div class="lp-row"><span class="lp-rank">{rank}</span>{image(item, picture, called)}<span class="lp-about">'
            f'{badge(grade)}{note}<span class="lp-name"{_HUB if marked else ""}>{escape(called(item))}'
            f'{" (the hub)" if marked else ""}</span></span></div>')  # fmt: skip


_HUB = ' style="color:#d55e00;font-weight:600"'


def _lines(left: Sequence[str], right: Sequence[str], grades: Mapping[str, int], shown: int) -> str:
    """A line from each item's place on the left to its place on the right; what leaves the list ends at its foot."""
    height, lines = shown * ROW_PX, []
    for item in dict.fromkeys([*left[:shown], *right[:shown]]):
        at = [list(side).index(item) if item in side else shown for side in (left, right)]
        y = [min(place, shown) * ROW_PX + (ROW_PX / 2 if place < shown else 0) for place in at]
        grade = grades.get(item)
        colour = "#8a8f8c" if grade is None else ("#8f2f24", "#c9971b", "#2f9e6a", "#0b7a47")[min(grade, 3)]
        away = ' stroke-dasharray="5 5"' if max(at) >= shown else ""
        width = 1.5 if at[0] == at[1] else 3
        lines.append(f'<path d="M4 {y[0]:.0f} C55 {y[0]:.0f} 55 {y[1]:.0f} 106 {y[1]:.0f}" fill="none" stroke="{colour}" '
                     f'stroke-width="{width}"{away}></path>')  # fmt: skip
    # As a picture: what pages put through Streamlit's cleaner loses inline SVG.
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 110 {height}" width="110" height="{height}">{"".join(lines)}</svg>'
    source = f"data:image/svg+xml;base64,{b64encode(drawn.encode()).decode()}"
    return f'<img class="lp-lines" alt="" src="{source}" width="110" height="{height}">'


# ---------------------------------------------------------------- the story


def asks_html(asks: Asks) -> str:
    """The images that a query asks with, in a row; empty where it asks with words alone."""
    cards = "".join(
        f'<div class="lp-card">{_img(source, name)}<span class="lp-name" title="{escape(name)}">{"less like " if minus else ""}'
        f"{escape(shortened(name, 24))}</span></div>" for source, name, minus in asks
    )  # fmt: skip
    return f'<div class="lp-head">The query asks with</div><div class="lp-strip">{cards}</div>' if cards else ""


def step_html(step: Step, number: int, picture: Picture, called: Called, rankings: str = "", asks: Asks = ()) -> str:
    """One step; `rankings` stands in place of its panels where two rankings side by side tell more."""
    head = f'<div class="lp-head" style="font-size:1.15rem">{number}. {escape(step.name)}</div>'
    body = rankings or "".join(panel_html(panel, picture, called) for panel in step.panels)
    if step.others:
        found = "".join(f"<li>{_short(words)}</li>" for words in step.others)
        body += f'<div class="lp-head">Other queries that find it</div><ul class="lp-quote">{found}</ul>'
    text = escape(step.text)
    if len(step.query) > LONG:
        text = text.replace(escape(step.query), _short(step.query))
    return f'<section>{head}<p style="max-width:46rem">{text}</p>{asks_html(asks)}{body}</section>'


def _short(words: str) -> str:
    """A query's words; where they are long without their middle, and whole in a hover."""
    if len(words) <= LONG:
        return escape(words)
    return f'<span title="{escape(words)}">{escape(shortened(words, LONG))}</span>'


# ---------------------------------------------------------------- bars


def bars_svg(names: Sequence[str], differences: Sequence[float], label: str) -> str:
    """Horizontal bars, one a query, in the order given: to the right where the recipe is better."""
    most = max((abs(d) for d in differences), default=0.0) or 1.0
    row, middle, half, left, width_px = 22, 268, 92, 168, 420
    bars = []
    for n, (name, difference) in enumerate(zip(names, differences)):
        y, width = 8 + n * row, abs(difference) / most * half
        x = middle if difference >= 0 else middle - width
        bars.append(f'<text x="{left}" y="{y + 14}" text-anchor="end">{escape(shortened(name, 23))}<title>{escape(name)}</title></text>'
                    f'<rect x="{x:.1f}" y="{y + 3}" width="{max(width, 1):.1f}" height="14" '
                    f'fill="{"#0072b2" if difference >= 0 else "#d55e00"}"></rect>'
                    f'<text x="{width_px - 2}" y="{y + 14}" text-anchor="end">{difference:+.3f}</text>')  # fmt: skip
    height = 16 + row * len(names)
    return (f'<svg viewBox="0 0 {width_px} {height}" style="max-width:620px;width:100%" role="img" aria-label="{escape(label)}" '
            f'font-size="12" fill="currentColor"><line x1="{middle}" x2="{middle}" y1="0" y2="{height}" stroke="currentColor" '
            f"opacity=\".4\"></line>{''.join(bars)}</svg>")  # fmt: skip

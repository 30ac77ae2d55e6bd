"""An evaluation as one HTML file for people who will never open Loupe: nothing in it is fetched, nothing in it runs.

Pictures are in the file, small, as JPEG; a policy in its head forbids everything else that a browser could load.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from core.judge import markup
from core.judge.evaluation import Table
from core.judge.judgments import GRADE_WORDS
from core.judge.story import Step
from core.wording import counted, verb

PICTURE_PX = 180
PICTURES_BYTES = 6_000_000
"""All pictures of a report together; what comes after stands without one."""
BARS_AT_MOST = 40
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_PAGE = """
:root{color-scheme:light}body{margin:0 auto;max-width:1080px;padding:2rem 1.2rem 4rem;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;
color:#1d2321;background:#fff;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}h2{font-size:1.25rem;margin:2.4rem 0 .6rem}
p{margin:.4rem 0 .8rem}.quiet{color:#56605c;font-size:.92rem}dt{font-weight:600;margin-top:.6rem}dd{margin:0}section{margin:1.6rem 0}
.lp-table{--lp-ground:#fff}footer{margin-top:3rem;border-top:1px solid #dfe3e1;padding-top:1rem}
@media print{body{max-width:none;padding:0;font-size:11pt}
section,.lp-row,.lp-card,tr{break-inside:avoid}h2{break-after:avoid}.lp-scroll{overflow:visible}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes
    ----------
    words : Mapping of query id to what people typed
    recipes : Mapping of recipe to what it does, in words
    notes : sequence of str
        What has to be known: where the judgments are from, what has changed since.
    rankings : Mapping of recipe to Mapping of query id to item ids
    attribution : str
        Of the images; empty where the collection states none.
    """

    title: str
    collection: str
    encoder: str
    query_set: str
    n_items: int
    words: Mapping[str, str]
    recipes: Mapping[str, str]
    notes: Sequence[str]
    rankings: Mapping[str, Mapping[str, Sequence[str]]]
    grades: Mapping[str, Mapping[str, int]]
    attribution: str = ""
    manifest: Sequence[tuple[str, str]] = ()
    made_at: float = 0.0


class Pictures:
    """Thumbnails as ``data:`` addresses, each made smaller once, all together at most `PICTURES_BYTES`.

    Parameters
    ----------
    path : callable
        Item id to its thumbnail's file; may raise or name a file that cannot be read: there is no picture then.
    """

    def __init__(self, path: Callable[[str], Path], *, at_most: int = PICTURES_BYTES, px: int = PICTURE_PX) -> None:
        self._path, self._left, self._px = path, at_most, px
        self._made: dict[tuple[Callable[[str], Path], str], str] = {}
        self.n_left_out = 0

    def __call__(self, item_id: str) -> str:
        return self.of(self._path, item_id)

    def of(self, path: Callable[[str], Path], name: str) -> str:
        """The same of an image whose file is found otherwise."""
        if (path, name) not in self._made:
            self._made[path, name] = self._data(path, name)
        # Each place in the file carries the bytes again.
        source = self._made[path, name]
        if len(source) > self._left:
            self.n_left_out += 1
            return ""
        self._left -= len(source)
        return source

    def _data(self, path: Callable[[str], Path], name: str) -> str:
        from PIL import Image

        try:
            with Image.open(path(name)) as opened:
                small = opened.convert("RGB")
                small.thumbnail((self._px, self._px))
                out = io.BytesIO()
                small.save(out, "JPEG", quality=80)
        except Exception:  # noqa: BLE001 - a lost or broken thumbnail must not cost the report
            return ""
        return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def report_html(
    subject: Subject, table: Table, story: Sequence[Step], picture: markup.Picture, called: markup.Called,
    asks: Callable[[str], markup.Asks] = lambda query_id: (),
) -> str:
    """The whole file as text, to be written as UTF-8. `asks`: query id to the images it asks with."""
    made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(subject.made_at)) if subject.made_at else ""
    parts = [
        f"<h1>{escape(subject.title)}</h1>",
        f'<p class="quiet">{escape(_about(subject, table))}{f" Rankings made {made} UTC." if made else ""}</p>',
        "<h2>What was compared</h2>", _recipes(subject, table),
        *(f'<p class="quiet">{escape(note)}</p>' for note in subject.notes),
        "<h2>The figures</h2>", markup.table_html(table), f'<p class="quiet">{escape(markup.below_table(table))}</p>',
        "<h2>The story</h2>", *_story(subject, table, story, picture, called, asks),
        *_bars(subject, table),
        "<h2>Words</h2>", _definitions(table),
        "<h2>How this was made</h2>", _manifest(subject, table),
        _footer(subject, picture),
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(subject.title)}</title><style>{_PAGE}{markup.STYLE}</style></head><body>\n"
        + "\n".join(parts) + "\n</body></html>\n"
    )  # fmt: skip


def _about(subject: Subject, table: Table) -> str:
    queries = counted(len(table.queries), "judged query", "judged queries")
    what = f" of \u201c{subject.query_set}\u201d" if subject.query_set else ""
    return f"{queries}{what} asked of {subject.collection}, {counted(subject.n_items, 'image')}, encoder {subject.encoder}."


def _recipes(subject: Subject, table: Table) -> str:
    several = len(table.recipes) > 1
    rows = "".join(
        f"<dt>{escape(name)}{' (baseline: the others are compared with it)' if several and name == table.baseline else ''}</dt>"
        f"<dd>{escape(subject.recipes.get(name, ''))}</dd>"
        for name in table.recipes
    )
    return f"<p>A recipe is a way to answer a query.</p><dl>{rows}</dl>"


def _story(
    subject: Subject, table: Table, story: Sequence[Step], picture: markup.Picture, called: markup.Called,
    asks: Callable[[str], markup.Asks],
) -> list[str]:
    return [markup.step_html(step, n, picture, called, fix_html(step, table, subject.rankings, subject.grades, picture, called),
                             asks(step.query_id))
            for n, step in enumerate(story, 1)]  # fmt: skip


def fix_html(
    step: Step, table: Table, rankings: Mapping[str, Mapping[str, Sequence[str]]], grades: Mapping[str, Mapping[str, int]],
    picture: markup.Picture, called: markup.Called,
) -> str:
    """The two rankings of the step "The fix" side by side; empty for the other steps."""
    if step.name != "The fix" or not step.told:
        return ""
    recipes = [panel.label.partition(": ")[2] for panel in step.panels]
    left, right = (rankings[recipe].get(step.query_id, ())[: table.depth] for recipe in recipes)
    return markup.rankings_html(left, right, (step.panels[0].label, step.panels[1].label), grades[step.query_id], picture, called,
                                marked=step.hub)


def _bars(subject: Subject, table: Table) -> list[str]:
    metric = table.metrics[0]
    others = [recipe for recipe in table.recipes if recipe != table.baseline]
    out = []
    for recipe in others:
        order = by_difference(table, recipe, metric.key)
        moved = [one for one in order if abs(one[1]) > 1e-9]
        label = f"{metric.title}, query by query: {recipe} minus {table.baseline}"
        out.append(f"<h2>{escape(label)}</h2>")
        if not moved:
            out.append("<p>Equal for every query.</p>")
            continue
        shown = moved if len(moved) <= BARS_AT_MOST else moved[: BARS_AT_MOST // 2] + moved[-BARS_AT_MOST // 2 :]
        equal = len(order) - len(moved)
        said = [f"{equal:,} of {len(order):,} queries {verb(equal)} equal."] if equal else []
        said += [f"Of the {len(moved):,} others the {BARS_AT_MOST // 2} at each end."] if len(shown) < len(moved) else []
        if said:
            out.append(f'<p class="quiet">{" ".join(said)}</p>')
        out.append(markup.bars_svg([subject.words.get(q, q) for q, _ in shown], [d for _, d in shown], label))
    return out


def by_difference(table: Table, recipe: str, metric: str) -> list[tuple[str, float]]:
    """(query id, recipe minus baseline), the largest gain first."""
    gains = table.values[recipe, metric] - table.values[table.baseline, metric]
    return [(table.queries[at], float(gains[at])) for at in np.argsort(-gains, kind="stable")]


def _definitions(table: Table) -> str:
    grades = "; ".join(f"{n} {word}" for n, word in enumerate(GRADE_WORDS))
    rows = [("Grade", f"What a judge says of an image for a query: {grades}."),
            ("Relevant", f"Graded {table.rel} or more."),
            ("Unjudged", "Found, and graded by nobody. The more of it, the less a figure says."),
            ("Hub", "An image that turns up for far more queries than others do."),
            *((one.title, one.meaning) for one in table.metrics)]  # fmt: skip
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(meaning)}</dd>' for name, meaning in rows)}</dl>"


def _manifest(subject: Subject, table: Table) -> str:
    rows = [*subject.manifest, ("Depth of the rankings", f"{table.depth}"), ("Comparisons corrected for (Holm)", f"{table.n_comparisons}")]
    return f'<dl class="quiet">{"".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)}</dl>'


def _footer(subject: Subject, picture: markup.Picture) -> str:
    text = "Made with Loupe."
    if left_out := getattr(picture, "n_left_out", 0):
        text += f" {left_out:,} {'picture is' if left_out == 1 else 'pictures are'} left out to keep the file small."
    rights = f"<p>Images: {escape(subject.attribution)}</p>" if subject.attribution else ""
    return f'<footer class="quiet">{rights}<p>{escape(text)}</p></footer>'

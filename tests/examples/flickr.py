"""A whole evaluation on real photographs: ``python -m tests.examples.flickr [REPORT.html]``.

Flickr8k dev (1,000 images, from ``LOUPE_DATA`` or ``../shared/data``) is indexed with the starter; 50 captions are
queries; four recipes make the pools; grades are derived from captions; the table is printed and the report written. It
takes one or two minutes and leaves nothing behind but the report, by default ``build/flickr.html``.

The rule of the grades, exactly. A query is the last caption of an image that has three content words or more; that caption
is taken out of the collection. Content words: runs of letters, without case, without the small words below, without a
plural s. For another image, its overlap is the largest share of the query's content words that one of its captions has.

    3   the query's own image, whether any recipe found it or not
    2   overlap of 0.6 or more, with three words or more in common
    1   overlap of 0.4 or more, with two words or more in common
    0   everything else in the pool

A caption is one person's choice of words, so grades 2 and 1 are no ground truth: images that fit may be graded 0. They
carry the judge's name "caption words", and every table and report says that no person gave them.
"""

from __future__ import annotations

import csv
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from core.judge import markup
from core.types import Judgment, Query, SavedQuery, Term
from core.workbench import Workbench
from core.workbench.evaluating import Outcome
from core.workbench.submitting import finish_here
from tests.conftest import data_folder

RECIPES = ("plain", "hubs-corrected", "hub:csls:20:auto", "hub:dual_is:20:auto")
JUDGE = "caption words"
QUERY_SET = "Captions"
N_QUERIES, POOL_DEPTH, SEED = 50, 20, 0
_WORD = re.compile(r"[a-z]+")
_SMALL = frozenset(
    "a an and are as at be by down for from her his in into is it its near next of off on one out over some that the their there they"
    " this three through to two up while who with".split()
)


def content(text: str) -> frozenset[str]:
    """The words of a caption that say something."""
    words = (word for word in _WORD.findall(text.lower()) if word not in _SMALL and len(word) > 1)
    return frozenset(word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in words)


def grade(query: str, captions: Sequence[str]) -> int:
    """0, 1 or 2 for an image that is not the query's own, by the rule above."""
    wanted = content(query)
    shared = max((len(wanted & content(caption)) for caption in captions), default=0)
    share = shared / len(wanted) if wanted else 0.0
    if share >= 0.6 and shared >= 3:
        return 2
    return 1 if share >= 0.4 and shared >= 2 else 0


def read(folder: Path) -> dict[str, list[str]]:
    """File -> captions, of the dev part."""
    found: dict[str, list[str]] = {}
    with open(folder / "captions.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["split"] == "dev":
                found.setdefault(row["file"], []).append(row["caption"])
    return found


def sample(captions: Mapping[str, Sequence[str]], n: int = N_QUERIES, seed: int = SEED) -> dict[str, str]:
    """File -> its caption that is a query."""
    able = sorted(file for file, texts in captions.items() if len(texts) > 1 and len(content(texts[-1])) >= 3)
    return {able[at]: captions[able[at]][-1] for at in sorted(np.random.default_rng(seed).permutation(len(able))[:n])}


def judge(
    queries: Mapping[str, SavedQuery], own: Mapping[str, str], pools: Mapping[str, set[str]], captions: Mapping[str, Sequence[str]]
) -> list[Judgment]:
    """A grade for everything in the pools, and for each query's own image.

    Parameters
    ----------
    own : Mapping of query id to item id
    captions : Mapping of item id to all its captions, that of the query too
    """
    out = []
    for query_id, saved in queries.items():
        for item in sorted(pools[query_id] | {own[query_id]}):
            given = 3 if item == own[query_id] else grade(saved.text, captions[item])
            out.append(Judgment(query_id, item, given, JUDGE, time.time(), "by rule: tests/examples/flickr.py", JUDGE))
    return out


def build(folder: Path, work: Path) -> tuple[Workbench, Outcome]:
    """Index, sample, pool, judge, evaluate."""
    captions = read(folder)
    asked = sample(captions)
    table, images = work / "dev.csv", work / "images"
    images.mkdir()
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "caption"])
        for name, texts in captions.items():
            (images / Path(name).name).symlink_to((folder / name).resolve())
            writer.writerows([Path(name).name, text] for text in (texts[:-1] if name in asked else texts))
    wb = Workbench.create("Flickr8k dev", images, captions=table)
    wb.collection.set_attribution("Flickr8k (Hodosh, Young and Hockenmaier, 2013); photographs by their Flickr authors, for research.")
    item_of = {Path(item.file).name: item.item_id for item in wb.collection.items(wb.collection.ids())}
    queries, own = {}, {}
    for name, text in asked.items():
        query = Query((Term("text", text),))
        queries[query.query_id] = SavedQuery(query.query_id, text, query, origin="captions")
        own[query.query_id] = item_of[Path(name).name]
    wb.judgments.save_queries(list(queries.values()), QUERY_SET)
    pools: dict[str, set[str]] = {query_id: set() for query_id in queries}
    for recipe in RECIPES:
        for query_id, saved in queries.items():
            pools[query_id] |= set(wb.search(saved.query, POOL_DEPTH, recipe=recipe, log=False).item_ids)
    texts = {item_of[Path(name).name]: given for name, given in captions.items()}
    wb.collection.judgments.add_many(judge(queries, own, pools, texts))
    finish_here(wb.evaluations.start(QUERY_SET, RECIPES, start=False))
    outcome = wb.evaluations.result(QUERY_SET)
    assert outcome is not None
    return wb, outcome


def as_text(outcome: Outcome) -> str:
    """The table for a terminal."""
    table = outcome.table
    lines = [f"{'':10}" + "".join(f"{name:>34}" for name in table.recipes)]
    for one in table.metrics:
        row = f"{one.title:10}"
        for recipe in table.recipes:
            cell = table.cells[recipe, one.key]
            more = "" if cell.against is None else f" {cell.against.difference.value:+.3f} {markup.p_words(cell.against.p_holm)}"
            row += f"{f'{cell.mean.value:.3f}' + ('*' if cell.best else ' ') + more + f' u{cell.unjudged:.0%}':>34}"
        lines.append(row)
    return "\n".join(lines)


def _main(report: str = "build/flickr.html") -> None:
    folder = data_folder() / "flickr8k"
    if not folder.is_dir():
        sys.exit(f"This needs Flickr8k at {folder}; set LOUPE_DATA.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        os.environ["LOUPE_HOME"] = f"{work}/home"
        wb, outcome = build(folder, Path(work))
        print(as_text(outcome))
        for step in wb.evaluations.story(outcome):
            print(f"\n{step.name}: {step.text}")
        Path(report).parent.mkdir(parents=True, exist_ok=True)
        Path(report).write_text(wb.evaluations.report(outcome, "How well does search answer captions of Flickr8k dev?"), encoding="utf-8")
    print(f"\n{report} is written; {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    _main(*sys.argv[1:2])

"""What is taken along from an evaluation, and what it says about an encoder that was trained on the collection's words."""

from __future__ import annotations

import csv
import io
import json
import platform
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.encode.adapt_data import prompt_of, tidy
from core.encode.adapted import digest_of, is_adapted
from core.errors import Damaged, NotFound
from core.jobs.exporting import cell
from core.judge import Qrel, format_qrels
from core.judge.evaluation import FIRST, NOT_KNOWN, Gap, gap, ir_name, ungraded
from core.judge.kept import tags_of, trec_run
from core.judge.report import Pictures, Subject, report_html
from core.judge.story import Step
from core.search.recipes import from_json
from core.store import Collection
from core.types import Term

if TYPE_CHECKING:
    from core.workbench.evaluating import Outcome

_WHEN = (1980, 1, 1, 0, 0, 0)
"""Time of every file in a zip, so that the same evaluation is the same bytes."""
_WORD = re.compile(r"\w+")
_SMALL = frozenset("a an and at for from in is of on or the to with photo".split())


# ---------------------------------------------------------------- tables


def as_csv(outcome: Outcome) -> bytes:
    """A row for each query and recipe, a column for each metric; UTF-8 with a mark that spreadsheets know it by."""
    table, text = outcome.table, io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    depths = {one.depth or table.depth: one.depth for one in table.metrics}  # a depth of 0 is all of the ranking
    names = {depth: f"unjudged@{depth}" for depth in sorted(depths) if depth != FIRST} | {FIRST: "unjudged to first relevant"}
    writer.writerow(["query_id", "query", "recipe", *(one.title for one in table.metrics),
                     *names.values()])  # fmt: skip
    for at, query in enumerate(table.queries):
        for recipe in table.recipes:
            figures = [round(float(table.values[recipe, one.key][at]), 6) for one in table.metrics]
            shares = [round(float(table.unjudged[recipe, depths[depth]][at]), 6) for depth in names]
            writer.writerow([cell(query), cell(outcome.words[query]), cell(recipe), *figures, *shares])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_json(outcome: Outcome) -> str:
    """Everything that the table shows, and what it was made from."""
    table, kept = outcome.table, outcome.kept
    cells = {
        recipe: {one.title: _rounded(asdict(table.cells[recipe, one.key])) for one in table.metrics} for recipe in table.recipes
    }
    said = {
        "query_set": kept.query_set, "n_queries": len(table.queries), "relevant_from": table.rel, "depth": table.depth,
        "baseline": table.baseline,
        "ir_measures": {one.title: ir_name(one.key, table.rel) for one in table.metrics if "(of" not in one.key},
        "ap_divisor": "all relevant items", "comparisons": table.n_comparisons, "without_right_answer": table.n_bare,
        "left_out": table.n_left_out,
        "generation": kept.generation, "n_items": kept.n_items, "encoder": kept.encoder, "made_at": kept.made_at,
        "recipes": {name: dict(ran.recipe) for name, ran in kept.ran.items()}, "metrics": cells,
        "queries": {query: outcome.words[query] for query in table.queries},
        "per_query": {recipe: {one.title: dict(zip(table.queries,
                                                   _rounded(table.values[recipe, one.key].tolist()))) for one in table.metrics}
                      for recipe in table.recipes},
        "notes": list(outcome.notes), "stale": list(outcome.stale),
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False, indent=1)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return round(value, 6) if isinstance(value, float) else value


def as_runs(outcome: Outcome) -> bytes:
    """A zip: the qrels and queries that were measured, and a TREC run of each recipe; ir_measures gives our figures from them.

    Those of infAP from ``qrels.infAP.txt``, where what was found and not graded stands with -1: unknown.
    """
    table, out = outcome.table, io.BytesIO()
    tags = tags_of(list(outcome.kept.ran))
    qrels = [Qrel(query, item, outcome.grades[query][item]) for query in table.queries for item in sorted(outcome.grades[query])]
    cut = {name: {query: items[: table.depth] for query, items in runs.items()} for name, runs in outcome.rankings.items()}
    judged = {query: outcome.grades[query] for query in table.queries}
    unknown = [Qrel(query, item, NOT_KNOWN) for query, items in ungraded(cut, judged).items() for item in items]
    files = {"qrels.txt": format_qrels(qrels),
             "qrels.infAP.txt": format_qrels(sorted([*qrels, *unknown], key=lambda q: (q.topic, q.docno))),
             "queries.tsv": "".join(f"{q}\t{' '.join(outcome.words[q].split())}\n" for q in table.queries)}
    files |= {f"{tags[name]}.run": trec_run(ran, table.queries, tags[name]) for name, ran in outcome.kept.ran.items()}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _WHEN), text, compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


# ---------------------------------------------------------------- the report


def report(collection: Collection, outcome: Outcome, story: Sequence[Step], called: Callable[[str], str], title: str = "") -> str:
    """See `core.judge.report.report_html`."""
    from core.workbench.evaluating import EvaluationService

    kept = outcome.kept
    subject = Subject(
        title=title or f"How well does search answer in {collection.name}?", collection=collection.name, encoder=kept.encoder,
        query_set=kept.query_set, n_items=kept.n_items, words=outcome.named.words,
        recipes={name: EvaluationService.describe(from_json(ran.recipe)) for name, ran in kept.ran.items()},
        notes=(*outcome.stale, *outcome.notes), rankings=outcome.rankings, grades=outcome.grades, attribution=collection.attribution,
        manifest=_manifest(collection, outcome), made_at=kept.made_at,
    )  # fmt: skip
    pictures = Pictures(collection.thumb_path)

    def source(term: Term) -> str:
        return pictures(term.value) if term.kind == "item" else pictures.of(collection.upload_path, term.value)

    return report_html(subject, outcome.table, story, pictures, called, lambda query_id: outcome.named.shown(query_id, source))


def _manifest(collection: Collection, outcome: Outcome) -> list[tuple[str, str]]:
    """What somebody needs to get the same figures (paper 59)."""
    from importlib.metadata import version

    kept = outcome.kept
    used = {ran.set_id for ran in kept.ran.values()}
    rows = [(f"Vectors {one.set_id}", f"{one.encoder}, weights {one.weights}, {one.preprocessing}, {one.dim} dimensions, {one.precision}")
            for one in collection.sets() if one.set_id in used]  # fmt: skip
    rows += [(f"Recipe {name}", json.dumps(dict(ran.recipe), ensure_ascii=False)) for name, ran in kept.ran.items()]
    return [*rows, ("Collection", f"generation {kept.generation}, {kept.n_items:,} "
                                  f"images"), ("Judgments", f"fingerprint {kept.answers} when run"),
            ("Programs", f"Python {platform.python_version()}, ir-measures {version('ir-measures')}, numpy {np.__version__}"),
            ("Resampling", "2,000 bootstrap samples of queries, 10,000 sign patterns or all of them, seed 0")]  # fmt: skip


# ---------------------------------------------------------------- trained on queries


@dataclass(frozen=True)
class Overlap:
    """Measured queries beside what an adapted encoder was trained on (paper 46).

    Attributes
    ----------
    inside : ndarray of bool, shape (n_queries,)
        Queries that share a relevant item or their words with the training part: interpolation. The others: extrapolation.
    shares_items, shares_words : ndarray of bool, shape (n_queries,)
    gaps : Mapping of (recipe, metric key) to Gap
    n_images, n_texts : int
        Of the training part.
    learned_from : str
        The metadata column; empty: the captions.
    """

    encoder: str
    recipes: tuple[str, ...]
    inside: np.ndarray
    shares_items: np.ndarray
    shares_words: np.ndarray
    gaps: Mapping[tuple[str, str], Gap]
    n_images: int
    n_texts: int
    learned_from: str = ""


def overlap(collection: Collection, outcome: Outcome) -> Overlap | None:
    """See `core.workbench.evaluating.EvaluationService.trained_on`. One shared item is enough."""
    sets = {one.set_id: one.encoder for one in collection.sets()}
    adapted = {name: sets[ran.set_id] for name, ran in outcome.kept.ran.items() if is_adapted(sets.get(ran.set_id, ""))}
    if not adapted:
        return None
    encoder = next(iter(adapted.values()))
    try:
        items, column = _training(collection, encoder)
    except (NotFound, Damaged):
        return None
    if not items:
        return None
    texts = _texts(collection, items, column)
    words_of = [frozenset(_content(text)) for text in texts]
    table = outcome.table
    shares_items = np.array([any(grade >= table.rel and item in items for item, grade in outcome.grades[q].items()) for q in table.queries])
    shares_words = np.array([_said(outcome.words[q], words_of) for q in table.queries])
    inside = shares_items | shares_words
    gaps = {(recipe, one.key): gap(table.values[recipe, one.key], inside) for recipe in table.recipes for one in table.metrics}
    return Overlap(encoder, tuple(adapted), inside, shares_items, shares_words, gaps, len(items), len(texts), column)


def _training(collection: Collection, encoder: str) -> tuple[frozenset[str], str]:
    """Items of the training part, and the column they were learned from (empty: captions)."""
    from safetensors.numpy import load

    data = collection.read_heads(digest_of(encoder))
    tensors = load(data)
    head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    column = str(json.loads(head.get("said", "{}")).get("learned_from", "captions"))
    ids = tensors["split.train"].tobytes().decode().split("\n") if "split.train" in tensors else []
    return frozenset(filter(None, ids)), "" if column == "captions" else column


def _texts(collection: Collection, items: frozenset[str], column: str) -> list[str]:
    if column:
        known = dict(collection.select("SELECT item_id, json_extract(meta, ?) FROM items", (f'$."{column}"',)))
        return sorted({prompt_of(known[item]) for item in items if known.get(item) not in (None, "")})
    there = collection.captions_of([item for item in sorted(items) if collection.has([item])])
    return sorted({tidy(text) for texts in there.values() for text in texts if tidy(text)})


def _content(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.casefold()) if word not in _SMALL]


def _said(query: str, training: Sequence[frozenset[str]]) -> bool:
    """Whether all words of a query (small ones apart) stand together in one text of the training part."""
    wanted = frozenset(_content(query))
    return bool(wanted) and any(wanted <= words for words in training)

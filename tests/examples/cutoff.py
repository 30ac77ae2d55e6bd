"""Is a learned cut-off worth it where queries are judged well? ``python -m tests.examples.cutoff``.

Flickr8k dev (1,000 images, from ``LOUPE_DATA`` or ``../shared/data``) with the starter. Every image's last caption with three
content words or more is a query, and all 1,000 images are graded for it by the rule of `tests.examples.flickr`: nothing is
unjudged. Cut-offs are learned as Loupe does it from 50 and from 200 of these queries, and measured on those that are not
among the 200; five draws of the queries, the same test queries for both sizes. It takes a few minutes, prints a table and
writes nothing.

Figures. Counted over the first 100 results of all test queries together, which is what Loupe looks at; but "Found" is of all
1,000 images:

    Recall    share of the relevant results above the line; it is laid to keep 95 %
    Prec.     share of the results above the line that are relevant
    PR-AUC    area under precision over recall
    P@R95     precision at the cut that keeps 95 % of the relevant results of the test queries themselves
    Filtered  share of the results below the line
    Empty     share of the test queries with nothing above the line
    Found     share of the relevant ones of all 1,000 images that are above the line and among the first 100
    In 40     share of the test queries whose line falls within the first 40 results, and the median place of it

Each is the mean of the draws, with the least and the most of them behind. A caption is one person's choice of words, so the
grades are no ground truth: images that fit may be graded 0, and precision is too low for every way of cutting alike.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import InputError
from core.judge.graded import LOOKED_AT, SHOWN
from core.rank.cutoff import Model, Rows, ends, learn
from core.rank.cutoff.curve import Cut, resampled
from core.rank.cutoff.ladder import Z_CUT
from core.rank.cutoff.learning import strength
from tests.conftest import data_folder
from tests.examples.flickr import content, read, sample

SIZES, DRAWS, RECALL = (50, 200), 5, 0.95
UNLEARNED = f"z-score of {Z_CUT:g}, unlearned"
NAMES = {"cosine": "plain cosine cut", "zscore": "z-score", "platt": "learned: one curve", "adapter": "learned: a curve each"}
COLUMNS = ("recall", "precision_at_cut", "pr_auc", "precision", "filtered", "emptied", "found", "within", "median")


@dataclass(frozen=True, eq=False)
class World:
    """Queries and images with every grade.

    Attributes
    ----------
    queries : ndarray of float32, shape (q, d)
    images : ndarray of float32, shape (n, d)
        Unit rows.
    grades : ndarray of int8, shape (q, n)
    """

    queries: np.ndarray
    images: np.ndarray
    grades: np.ndarray


@dataclass(frozen=True)
class Row:
    """One way of cutting, learned from `size` queries: each figure in each draw."""

    size: int
    name: str
    figures: Mapping[str, np.ndarray]


def grade_all(texts: Sequence[str], own: Sequence[int], captions: Sequence[Sequence[str]]) -> np.ndarray:
    """The rule of `tests.examples.flickr` for every query and every image: int8 (q, n).

    Parameters
    ----------
    own : sequence of int
        The image of each query.
    captions : sequence of sequence of str, length n
    """
    wanted = [content(text) for text in texts]
    place = {word: n for n, word in enumerate(sorted(set().union(*wanted)))}

    def bags(some: Sequence[frozenset[str]]) -> np.ndarray:
        out = np.zeros((len(some), len(place)), np.float32)
        for row, words in enumerate(some):
            out[row, [place[word] for word in words if word in place]] = 1
        return out

    asked, shared = bags(wanted), np.zeros((len(texts), len(captions)), np.float32)
    for n in range(max(map(len, captions))):
        shared = np.maximum(shared, asked @ bags([content(said[n]) if n < len(said) else frozenset() for said in captions]).T)
    share = shared / np.maximum(np.array([len(words) for words in wanted]), 1)[:, None]
    grades = np.where((share >= 0.6) & (shared >= 3), 2, np.where((share >= 0.4) & (shared >= 2), 1, 0)).astype(np.int8)
    grades[np.arange(len(texts)), list(own)] = 3
    return grades


def compare(world: World, *, rel: int = 2, depth: int = LOOKED_AT, sizes: Sequence[int] = SIZES, draws: int = DRAWS) -> list[Row]:
    """Learn and measure.

    Parameters
    ----------
    rel : int
        The lowest grade that is relevant.
    depth : int
        Results of each query that are looked at.
    """
    found: dict[tuple[int, str], list[dict[str, float]]] = {}
    scores = world.queries.astype(np.float64) @ world.images.T.astype(np.float64)
    for draw in range(draws):
        order = np.random.default_rng(draw).permutation(len(world.queries))
        test, best = _rows(world, scores, np.sort(order[max(sizes):]), rel, depth)
        n_relevant = int((world.grades[order[max(sizes):]] >= rel).sum())
        for size in sizes:
            learned = learn(_rows(world, scores, np.sort(order[:size]), rel, depth)[0], recall=RECALL, seed=draw)
            if not learned.tried:
                raise InputError(learned.rung.why)
            models = {NAMES[model.kind]: model for model in learned.models} | {UNLEARNED: Model("zscore", Z_CUT)}
            for name, model in models.items():
                found.setdefault((size, name), []).append(_figures(model, test, best, n_relevant, depth))
            gains = found[size, NAMES[learned.rung.name]], found[size, NAMES["cosine"]]
            gains[0][-1]["gain"] = gains[0][-1]["precision"] - gains[1][-1]["precision"]
    return [Row(size, name, {key: np.array([one[key] for one in each]) for key in each[0]}) for (size, name), each in found.items()]


def _rows(world: World, scores: np.ndarray, which: np.ndarray, rel: int, depth: int) -> tuple[Rows, list[np.ndarray]]:
    """The first results of these queries with their grades, and their scores by query."""
    mine = scores[which]
    best = np.argsort(-np.round(mine, 6), axis=1, kind="stable")[:, :depth]
    ranked = np.take_along_axis(mine, best, axis=1)
    relevant = np.take_along_axis(world.grades[which], best, axis=1) >= rel
    query = np.repeat(np.arange(len(which)), best.shape[1])
    rows = Rows.of(query, ranked.ravel(), relevant.ravel(), world.queries[which], mine.mean(axis=1), mine.std(axis=1))
    return rows, list(ranked)


def _figures(model: Model, test: Rows, best: Sequence[np.ndarray], n_relevant: int, depth: int) -> dict[str, float]:
    cut = Cut(strength(model, test), test.relevant, model.cut, test.query)
    said = {name: float(values[0]) for name, values in resampled(cut, np.ones((1, len(best))), RECALL).items()}
    falls = ends(model, test, best, shown=SHOWN, depth=depth)
    kept = int((test.relevant & (cut.values >= model.cut)).sum())
    return {**said, "found": kept / n_relevant, "within": falls.within / falls.n, "median": float(depth if falls.median is None else
                                                                                                 falls.median)}  # fmt: skip


def as_text(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    heads = ("Recall", "Prec.", "PR-AUC", "P@R95", "Filtered", "Empty", "Found", "In 40", "Median")
    lines = []
    for size in dict.fromkeys(row.size for row in rows):
        lines.append(f"{f'{size} queries':<26}" + "".join(f"{head:>19}" for head in heads))
        for row in (row for row in rows if row.size == size):
            lines.append(f"{row.name:<26}" + "".join(f"{_spread(row.figures[key], key):>19}" for key in COLUMNS))
        for row in (row for row in rows if row.size == size and "gain" in row.figures):
            gain = 100 * row.figures["gain"]
            lines.append(f"P@R95 of the {row.name} minus that of the plain cosine cut: {gain.mean():+.1f} points, "
                         f"{gain.min():+.1f} to {gain.max():+.1f} in {len(gain)} draws.")  # fmt: skip
    return "\n".join(lines)


def _spread(values: np.ndarray, key: str) -> str:
    times, digits = (1, 3) if key == "pr_auc" else (1, 0) if key == "median" else (100, 1)
    mean, low, high = (f"{times * value:.{digits}f}" for value in (values.mean(), values.min(), values.max()))
    return f"{mean} {low}-{high}"


def flickr(folder: Path) -> World:
    """The real one."""
    from core.encode import load_encoder

    captions = read(folder)
    files, asked = sorted(captions), sample(captions, len(captions))
    encoder = load_encoder("starter")
    texts, own = [*asked.values()], [files.index(name) for name in asked]
    return World(encoder.encode_texts(texts), encoder.encode_images([folder / name for name in files]),
                 grade_all(texts, own, [captions[name] for name in files]))  # fmt: skip


def _main() -> None:
    folder = data_folder() / "flickr8k"
    if not folder.is_dir():
        sys.exit(f"This needs Flickr8k at {folder}; set LOUPE_DATA.")
    began = time.monotonic()
    world = flickr(folder)
    print(f"{len(world.queries):,} queries, {len(world.images):,} images, {time.monotonic() - began:.0f} s to read them.", flush=True)
    for rel in (2, 1):
        relevant = (world.grades >= rel).sum(axis=1)
        print(f"\nRelevant is grade {rel} or more: {relevant.mean():.1f} images a query, {np.median(relevant):.0f} at the median.")
        print(as_text(compare(world, rel=rel)), flush=True)
    print(f"\n{time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    _main()

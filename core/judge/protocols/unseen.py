"""Kinds of queries that were not trained on: an adaptation is learned again without each of them, and measured on them (paper 46).

Queries and what is learned from are put into k buckets by k-means on the text vectors of the encoder as it is. For each bucket
heads are trained on the others; the queries of those are of kinds that were trained on (interpolation), the queries of the bucket
are not (extrapolation). So each query is measured both ways, and pairing takes out what makes one query harder than another.
Images that answer a measured query, and their copies, are trained on in no bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.encode import adapt
from core.encode.adapt_data import Split, Words
from core.encode.heads import unit_rows
from core.errors import InputError
from core.judge.evaluation import ir_name
from core.judge.protocols import splits
from core.metrics.intervals import Interval, paired_difference
from core.metrics.ranking import per_query
from core.wording import counted

BUCKETS, DEPTH = 5, 50
METRICS = ("nDCG@10", "P@10", "R@10", "AP@50", "RR", "Judged@10")
QUERIES_AT_LEAST, TRAIN_AT_LEAST = 10, 40
VALIDATION_SHARE = 0.2
FitHeads = Callable[..., adapt.Fitted]


@dataclass(frozen=True)
class Asked:
    """Queries that are measured.

    Attributes
    ----------
    ids : tuple of str, length m
    vectors : ndarray of float32, shape (m, d)
        Unit rows of the encoder as it is.
    grades : Mapping of query id to Mapping of item id to grade
    """

    ids: tuple[str, ...]
    vectors: np.ndarray
    grades: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric, the mean over the queries: as it is, adapted with their kind among the training, and without.

    Attributes
    ----------
    gap : Interval
        With their kind minus without.
    gain_inside, gain_outside : Interval
        Adapted minus as it is.
    """

    metric: str
    before: float
    inside: float
    outside: float
    gap: Interval
    gain_inside: Interval
    gain_outside: Interval


@dataclass(frozen=True, slots=True)
class Trained:
    """One training: the images, those that decide when to stop, the queries of either part, the steps that were kept.

    `near_inside` and `near_outside` are the mean cosines of a query and what of the training is nearest to it.
    """

    n_train: int
    n_validation: int
    n_inside: int
    n_outside: int
    steps: int
    near_inside: float
    near_outside: float


@dataclass(frozen=True)
class Unseen:
    """What came out.

    Attributes
    ----------
    n_queries : int
        Measured both ways.
    n_kept_apart : int
        Images that were trained on in no bucket because they, or copies of them, answer a query.
    """

    figures: tuple[Figure, ...]
    trained: tuple[Trained, ...]
    n_queries: int
    n_kept_apart: int


def unseen(
    images: np.ndarray, item_ids: Sequence[str], texts: np.ndarray, words: Words, asked: Asked, *, k: int = BUCKETS, rel: int = 1,
    seed: int = 0, fit: FitHeads = adapt.fit, on_progress: Callable[[int, int], None] | None = None,
) -> Unseen:
    """Train without each bucket, and measure.

    Parameters
    ----------
    images : ndarray of float32, shape (n, d)
        All that can be found, unit rows of the encoder as it is; `item_ids` names them.
    texts : ndarray of float32, shape (len(words.texts), d)
    words : Words
        What is learned from; its items are among `item_ids`.
    rel : int
        Grade from which an item answers a query.
    fit : callable
        As `core.encode.adapt.fit`.
    on_progress : callable, optional
        Called with (steps done, steps at most).

    Raises
    ------
    InputError
        There are too few queries, or too few images to train on; the message has both numbers.
    """
    if len(asked.ids) < QUERIES_AT_LEAST:
        raise InputError(f"{counted(len(asked.ids), 'query', 'queries')} in words with a relevant image can be measured, and this takes "
                         f"{QUERIES_AT_LEAST} or more.")  # fmt: skip
    place = {item: n for n, item in enumerate(item_ids)}
    answers = {item for given in asked.grades.values() for item, grade in given.items() if grade >= rel}
    groups = np.unique(words.groups[[item in answers for item in words.item_ids]])
    able = np.flatnonzero(~np.isin(words.groups, groups))
    said = unit_rows(np.stack([texts[list(words.fitting[n])].mean(axis=0) for n in able])) if len(able) else texts[:0]
    is_test = np.arange(len(able) + len(asked.ids)) >= len(able)
    label = splits.buckets(np.concatenate([said, asked.vectors]), k, seed)
    if len(np.unique(label[: len(able)])) < 2:
        raise InputError(f"The words of the {len(able):,} images to train on are all of one kind of {k}, so none can be left out; learn "
                         "from captions, or from a column with more values.")  # fmt: skip
    folds = splits.folds(label, is_test, seed)
    if min(len(fold.train) for fold in folds) < TRAIN_AT_LEAST:
        raise InputError(f"{len(able):,} of {len(words.item_ids):,} images with words answer none of the queries, of which "
                         f"{min(len(fold.train) for fold in folds):,} can be trained on without one of {k} kinds; it takes "
                         f"{TRAIN_AT_LEAST} or more.")  # fmt: skip
    rows = images[[place[item] for item in words.item_ids]]
    nothing = adapt.Residual.identity(images.shape[1])
    before = _measured(images, item_ids, nothing, nothing, asked, rel)
    inside: dict[str, dict[str, list[float]]] = {name: {} for name in METRICS}
    outside: dict[str, dict[str, float]] = {name: {} for name in METRICS}
    trained = []
    steps = adapt.FitSettings().steps
    for n, fold in enumerate(fold for fold in folds if len(fold.extrapolation)):
        parts = _parts(words, able[fold.train], seed)
        told = None if on_progress is None else lambda done, _, n=n: on_progress(n * steps + done, len(folds) * steps)
        heads = fit(rows, texts, words, parts, on_progress=told)
        found = _measured(images, item_ids, heads.image, heads.text, asked, rel)
        queries = [np.array(part) - len(able) for part in (fold.interpolation, fold.extrapolation)]
        for name in METRICS:
            for at in queries[0]:
                inside[name].setdefault(asked.ids[at], []).append(found[name][asked.ids[at]])
            outside[name].update({asked.ids[at]: found[name][asked.ids[at]] for at in queries[1]})
        near = [float(splits.nearest_train(said[fold.train], asked.vectors[at]).mean()) if len(at) else float("nan") for at in queries]
        trained.append(Trained(len(parts.train), len(parts.validation), len(queries[0]), len(queries[1]), heads.steps, *near))
    both = [query for query in asked.ids if query in outside[METRICS[0]] and query in inside[METRICS[0]]]
    if not both:
        raise InputError("All queries are of one kind, so there is nothing to compare; take other queries.")
    figures = tuple(_figure(name, before[name], inside[name], outside[name], both, seed) for name in METRICS)
    return Unseen(figures, tuple(trained), len(both), len(words.item_ids) - len(able))


def _figure(
    name: str, before: Mapping[str, float], inside: Mapping[str, Sequence[float]], outside: Mapping[str, float], both: Sequence[str],
    seed: int,
) -> Figure:
    one, two, three = (np.array([each(q) for q in both]) for each in (lambda q: before[q], lambda q: np.mean(inside[q]), outside.get))
    return Figure(name, float(one.mean()), float(two.mean()), float(three.mean()), splits.gap(inside, outside, seed=seed),
                  paired_difference(one, two, seed=seed), paired_difference(one, three, seed=seed))  # fmt: skip


def _parts(words: Words, train: np.ndarray, seed: int) -> Split:
    """A fifth of what is trained on decides when to stop: whole groups."""
    groups = np.random.default_rng(seed).permutation(np.unique(words.groups[train]))
    sizes = np.cumsum([int((words.groups[train] == group).sum()) for group in groups])
    held = np.isin(words.groups[train], groups[sizes <= max(1, round(VALIDATION_SHARE * len(train)))])
    if not held.any() or held.all():
        raise InputError(f"The {len(train):,} images to train on are copies of one another, so none can be kept apart; bring others.")
    return Split(train[~held], train[held], np.empty(0, np.int64), seed)


def _measured(
    images: np.ndarray, item_ids: Sequence[str], image: adapt.Residual, text: adapt.Residual, asked: Asked, rel: int
) -> dict[str, dict[str, float]]:
    """Metric -> query id -> value, of the first `DEPTH` by adapted cosine."""
    scores = np.round(text(asked.vectors) @ image(images).T, 6)
    run = {}
    for query, row in zip(asked.ids, scores):
        best = np.lexsort((np.asarray(item_ids), -row))[:DEPTH]
        run[query] = {item_ids[n]: float(DEPTH - rank) for rank, n in enumerate(best)}
    names = {ir_name(name, rel) if not name.startswith("Judged") else name: name for name in METRICS}
    return {names[name]: values for name, values in per_query(asked.grades, run, list(names)).items()}

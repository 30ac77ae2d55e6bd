"""Interpolation and extrapolation (paper 46): does something that was trained on queries hold for queries unlike them?

For a frozen encoder the gap is about 0, which is a check of the split; for heads, calibrators and cut-offs it says how far to trust
them on new kinds of queries.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.metrics.intervals import Interval, paired_difference
from core.wording import counted, verb

STARTS = 4
"""Starts of k-means, of which the one whose buckets are closest counts: a single one often joins two kinds and cuts a third."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One bucket set apart: what to train on, and where to measure (positions of queries).

    Attributes
    ----------
    train : ndarray of int
        Training queries of the other buckets; as many in every fold.
    interpolation : ndarray of int
        Test queries of the other buckets: of kinds that were trained on.
    extrapolation : ndarray of int
        Test queries of this bucket: of a kind that was not.
    """

    train: np.ndarray
    interpolation: np.ndarray
    extrapolation: np.ndarray


def buckets(vectors: np.ndarray, k: int = 5, seed: int = 0, rounds: int = 100) -> np.ndarray:
    """k-means of unit rows by cosine: the bucket of each, ndarray of int, shape (n,); the same seed gives the same buckets.

    Raises
    ------
    InputError
        There are fewer different rows than buckets.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or k < 2 or len(np.unique(vectors, axis=0)) < k:
        n = len(np.unique(vectors, axis=0)) if vectors.ndim == 2 else 0
        raise InputError(f"{counted(n, 'different query', 'different queries')} cannot be put into {k} buckets;"
                         " 2 buckets or more, and as many queries, are needed.")  # fmt: skip
    rng = np.random.default_rng(seed)
    found = [_k_means(vectors, k, rng, rounds) for _ in range(STARTS)]
    return found[int(np.argmax([close for _, close in found]))][0]


def _k_means(vectors: np.ndarray, k: int, rng: np.random.Generator, rounds: int) -> tuple[np.ndarray, float]:
    """Buckets from one start, and the sum of the cosines to their centres."""
    centres = vectors[[int(rng.integers(len(vectors)))]]
    while len(centres) < k:  # each further start by its distance from those there are (k-means++)
        far = np.clip(1.0 - (vectors @ centres.T).max(axis=1), 0.0, None)
        far = far if far.sum() > 1e-12 else np.array([not (centres == row).all(axis=1).any() for row in vectors], dtype=float)
        centres = np.vstack([centres, vectors[rng.choice(len(vectors), p=far / far.sum())]])
    label = np.full(len(vectors), -1)
    for _ in range(rounds):
        close = vectors @ centres.T
        new = close.argmax(axis=1)
        for empty in set(range(k)) - set(new.tolist()):  # it takes the row that fits its own bucket worst
            several = np.flatnonzero(np.bincount(new, minlength=k)[new] > 1)
            new[several[close[several, new[several]].argmin()]] = empty
        if (new == label).all():
            break
        label = new
        centres = np.stack([vectors[label == b].mean(axis=0) for b in range(k)])
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    return label, float((vectors * centres[label]).sum())


def folds(label: np.ndarray, is_test: np.ndarray, seed: int = 0) -> list[Fold]:
    """Each bucket set apart once (ReSTTest); training sets are cut to one size, as they must be to be compared.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
        As `buckets` gives it.
    is_test : ndarray of bool, shape (n,)
        The queries that are measured; the others can be trained on.

    Raises
    ------
    InputError
        A bucket leaves nothing to train on.
    """
    label, is_test = np.asarray(label), np.asarray(is_test, dtype=bool)
    if label.shape != is_test.shape:
        raise InputError(f"There are {len(label)} buckets and {len(is_test)} marks of test queries; give one each.")
    rng = np.random.default_rng(seed)
    trains = {b: np.flatnonzero((label != b) & ~is_test) for b in np.unique(label).tolist()}
    size = min(map(len, trains.values()))
    if not size:
        raise InputError("Without one of the buckets there is no query left to train on; give more training queries.")
    return [
        Fold(np.sort(rng.choice(train, size, replace=False)), *(np.flatnonzero(part & is_test) for part in (label != b, label == b)))
        for b, train in trains.items()
    ]


def near_and_far(train: np.ndarray, test: np.ndarray, each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two training sets of one size (ReSTrain): the `each` training queries nearest to every test query, and as many of the rest.

    Parameters
    ----------
    train, test : ndarray of float, shapes (n, d) and (m, d)
        Unit rows.

    Returns
    -------
    near, far : ndarray of int
        Positions in `train`, ascending, disjoint.

    Raises
    ------
    InputError
        More than half of the training queries are near, so that there are not as many others.
    """
    if each < 1:
        raise InputError(f"{each} near training queries for each test query cannot be; give 1 or more.")
    close = np.argsort(-(np.asarray(test) @ np.asarray(train).T), axis=1, kind="stable")[:, :each]
    near = np.unique(close)
    rest = np.setdiff1d(np.arange(len(train)), near)
    if len(rest) < len(near):
        raise InputError(f"{len(near)} of {counted(len(train), 'training query', 'training queries')} {verb(len(near))} near to a test"
                         f" query, and only {len(rest)} {verb(len(rest))} not;"
                         " take fewer for each.")  # fmt: skip
    return near, np.sort(np.random.default_rng(seed).choice(rest, len(near), replace=False))


def gap(interpolation: Mapping[str, Sequence[float]], extrapolation: Mapping[str, float], *, seed: int = 0) -> Interval:
    """Mean of interpolation minus extrapolation over queries measured both ways, with its paired bootstrap interval.

    Parameters
    ----------
    interpolation : Mapping of query id to its values in the folds in which its bucket was trained on
    extrapolation : Mapping of query id to its value in the fold in which it was not

    Raises
    ------
    InputError
        No query has both.
    """
    both = sorted(q for q in extrapolation if len(interpolation.get(q, ())))
    if not both:
        raise InputError("No query was measured both ways, so there is no gap to show.")
    return paired_difference(
        np.array([extrapolation[q] for q in both]), np.array([float(np.mean(interpolation[q])) for q in both]), seed=seed
    )


def overlap(
    train: Sequence[Collection[str]], test: Sequence[Collection[str]], least: int = 1
) -> float:
    """Share of test queries with `least` or more relevant items that are relevant for a training query, too.

    Raises
    ------
    InputError
        There is no test query.
    """
    if not test:
        raise InputError("There is no test query to look at.")
    seen = set().union(*train) if train else set()
    return sum(len(seen & set(items)) >= least for items in test) / len(test)


def nearest_train(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The cosine of each test query and the training query nearest to it: ndarray of float, shape (m,)."""
    return (np.asarray(test) @ np.asarray(train).T).max(axis=1)

"""Judged pairs as arrays, and their split: by query, never by pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import InputError

FIT, CALIBRATE = 0.4, 0.3
"""Shares of the queries; the others test."""
SD_AT_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class Rows:
    """What was judged of queries of one kind. Make it with `of`, which checks and orders.

    Attributes
    ----------
    query : ndarray of int64, shape (n,)
        Which query a pair belongs to, from 0 to Q - 1.
    score : ndarray of float64, shape (n,)
        What the ranking is made from.
    relevant : ndarray of bool, shape (n,)
    vectors : ndarray of float32, shape (Q, d)
        The query vectors.
    mean, sd : ndarray of float64, shape (Q,)
        Of the scores each query gives to a background of items.
    groups : ndarray of int64, shape (Q,)
        Queries of one group ask the same: they stay together in a split and are resampled together.
    """

    query: np.ndarray
    score: np.ndarray
    relevant: np.ndarray
    vectors: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(
        cls, query: np.ndarray, score: np.ndarray, relevant: np.ndarray, vectors: np.ndarray, mean: np.ndarray, sd: np.ndarray,
        groups: np.ndarray | None = None,
    ) -> Rows:
        """Rows in one order whatever the order they come in, so that sums do not hang on it.

        Raises
        ------
        InputError
            Shapes do not fit, a pair names no query, or a number is not finite.
        """
        query, score = np.asarray(query, np.int64), np.asarray(score, np.float64)
        relevant, vectors = np.asarray(relevant, bool), np.asarray(vectors, np.float32)
        mean, sd = np.asarray(mean, np.float64), np.asarray(sd, np.float64)
        groups = np.arange(len(vectors)) if groups is None else np.asarray(groups, np.int64)
        if not (query.ndim == 1 and query.shape == score.shape == relevant.shape):
            raise InputError(f"Judged pairs need one query, score and grade each; there are {query.shape}, {score.shape} and "
                             f"{relevant.shape}.")  # fmt: skip
        if vectors.ndim != 2 or not (len(vectors),) == mean.shape == sd.shape == groups.shape:
            raise InputError(f"{vectors.shape} query vectors do not fit means {mean.shape}, deviations {sd.shape} and groups "
                             f"{groups.shape}.")  # fmt: skip
        if len(query) and not (query.min() >= 0 and query.max() < len(vectors)):
            raise InputError(f"A pair names query {query.max()}, and there are {len(vectors)}.")
        if not all(np.isfinite(part).all() for part in (score, vectors, mean, sd)):
            raise InputError("A score, a query vector or a background has a number that is not finite.")
        order = np.lexsort((relevant, score, query))
        return cls(query[order], score[order], relevant[order], vectors, mean, np.maximum(sd, SD_AT_LEAST), groups)

    def __len__(self) -> int:
        return len(self.query)

    def of_queries(self, which: np.ndarray) -> Rows:
        """The pairs of these queries only; queries keep their numbers."""
        keep = np.isin(self.query, which)
        return Rows(self.query[keep], self.score[keep], self.relevant[keep], self.vectors, self.mean, self.sd, self.groups)

    @property
    def queries(self) -> np.ndarray:
        """int64: the queries that have a pair, ascending."""
        return np.unique(self.query)

    @property
    def n_relevant(self) -> int:
        """Pairs that are relevant."""
        return int(self.relevant.sum())


@dataclass(frozen=True, eq=False)
class Parts:
    """Queries to fit on, to calibrate on and to test on: int64 numbers, ascending, no group in two of them."""

    fit: np.ndarray
    calibrate: np.ndarray
    test: np.ndarray


def split(rows: Rows, seed: int = 0) -> Parts:
    """Cut the queries in three: 40 % fit, 30 % calibrate, 30 % test.

    Groups with something relevant are dealt out first and those without apart from them, so that each part has its share
    of both.

    Returns
    -------
    Parts
        The same for the same seed, whatever the order of the pairs.
    """
    queries = rows.queries
    good = np.unique(rows.groups[np.unique(rows.query[rows.relevant])])
    every = np.unique(rows.groups[queries])
    rng = np.random.default_rng(seed)
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for stratum in (good, np.setdiff1d(every, good)):
        dealt = rng.permutation(stratum)
        first, second = round(FIT * len(dealt)), round((FIT + CALIBRATE) * len(dealt))
        for part, some in zip(parts, (dealt[:first], dealt[first:second], dealt[second:])):
            part.append(some)
    return Parts(*(queries[np.isin(rows.groups[queries], np.concatenate(part))] for part in parts))

"""Precision and recall as a cut moves: thresholds, the area under the curve, and the same for many resamples at once.

A cut keeps what has a value of at least the cut, so equal values fall together: the curve has a point only where the next
value is another one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import InputError

_SLACK = 1e-9
_AT_A_TIME = 2_000_000
"""Numbers held in memory at once when resampling."""
FIGURES = ("pr_auc", "precision", "recall", "precision_at_cut", "filtered", "emptied")


def threshold(values: np.ndarray, relevant: np.ndarray, recall: float) -> float:
    """The highest cut that keeps at least this share of what is relevant.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    relevant : ndarray of bool, shape (n,)
    recall : float
        Above 0, at most 1.

    Raises
    ------
    InputError
        Nothing is relevant, or the recall is not possible.
    """
    if not 0 < recall <= 1:
        raise InputError(f"The share of relevant results to keep is {recall:g}; give one above 0 and at most 1, such as 0.95.")
    good = np.sort(np.asarray(values, np.float64)[np.asarray(relevant, bool)])[::-1]
    if not len(good):
        raise InputError("A cut-off needs relevant results, one or more; there are 0.")
    return float(good[max(1, int(np.ceil(recall * len(good) - _SLACK))) - 1])


def pr_auc(values: np.ndarray, relevant: np.ndarray) -> float:
    """Area under precision over recall by steps (average precision over all pairs pooled), 0..1; nan if none is relevant."""
    figures = resampled(Cut(np.asarray(values, np.float64), np.asarray(relevant, bool), np.inf), np.ones((1, len(values))), 1.0)
    return float(figures["pr_auc"][0])


def precision_at(values: np.ndarray, relevant: np.ndarray, recall: float) -> float:
    """Precision at the highest cut that keeps this share of what is relevant (P@R95 for 0.95), 0..1."""
    kept = np.asarray(values) >= threshold(values, relevant, recall)
    return float(np.asarray(relevant, bool)[kept].mean())


def best_f1(values: np.ndarray, relevant: np.ndarray) -> tuple[float, float]:
    """The cut with the highest F1, 2PR / (P + R + 1e-8), and that F1; of equal ones the highest cut.

    Source: the threshold calibrator of "Contrastive learning and mixture of experts enables precise vector embeddings"
    (its metrics.py).
    """
    values, relevant = np.asarray(values, np.float64), np.asarray(relevant, bool)
    if not relevant.any():
        raise InputError("A cut-off needs relevant results, one or more; there are 0.")
    order, ends = _ordered(values)
    found = np.cumsum(relevant[order])[ends]
    precision, recall = found / (ends + 1), found / relevant.sum()
    f1 = 2 * precision * recall / (precision + recall + 1e-8)
    at = int(np.argmax(f1))
    return float(values[order][ends[at]]), float(f1[at])


@dataclass(frozen=True, eq=False)
class Cut:
    """Values of pairs, which of them are relevant, and a cut on the values.

    `query` says which query each pair belongs to, as numbers from 0; without it queries are not counted.
    """

    values: np.ndarray
    relevant: np.ndarray
    at: float
    query: np.ndarray | None = None


def resampled(cut: Cut, weights: np.ndarray, recall: float) -> dict[str, np.ndarray]:
    """The figures of a cut for each of several weightings of the queries.

    Parameters
    ----------
    weights : ndarray of float, shape (b, Q)
        How often each query counts; without `Cut.query` how often each pair does.
    recall : float
        Of ``precision``.

    Returns
    -------
    dict of str to ndarray of float64, shape (b,)
        ``pr_auc``; ``precision`` at the cut that keeps `recall` of the relevant ones of that very resample; and at the cut
        itself: ``recall``, ``precision_at_cut``, ``filtered`` (share of pairs below), ``emptied`` (share of queries with no
        pair above). nan where there is nothing to divide by.
    """
    order, ends = _ordered(cut.values)
    relevant, kept = cut.relevant[order], cut.values[order] >= cut.at
    query = np.arange(len(order)) if cut.query is None else cut.query[order]
    alive = np.zeros(weights.shape[1], bool)
    alive[query[kept]] = True
    there = np.zeros(weights.shape[1], bool)
    there[query] = True
    out: dict[str, list[np.ndarray]] = {name: [] for name in FIGURES}
    step = max(1, _AT_A_TIME // max(1, len(order)))
    with np.errstate(invalid="ignore", divide="ignore"):
        for start in range(0, len(weights), step):
            some = weights[start : start + step]
            w = some[:, query]
            good = w * relevant
            found, seen = np.cumsum(good, axis=1)[:, ends], np.cumsum(w, axis=1)[:, ends]
            total = found[:, -1]
            precision = np.where(seen > 0, found / seen, 0.0)
            steps = np.diff(found, axis=1, prepend=0.0)
            out["pr_auc"].append((steps * precision).sum(axis=1) / total)
            at = np.argmax(found >= recall * total[:, None] - _SLACK, axis=1)
            out["precision"].append(np.where(total > 0, precision[np.arange(len(some)), at], np.nan))
            out["recall"].append(good[:, kept].sum(axis=1) / total)
            out["precision_at_cut"].append(good[:, kept].sum(axis=1) / w[:, kept].sum(axis=1))
            out["filtered"].append(w[:, ~kept].sum(axis=1) / w.sum(axis=1))
            out["emptied"].append(some[:, there & ~alive].sum(axis=1) / some[:, there].sum(axis=1))
    return {name: np.concatenate(parts) for name, parts in out.items()}


def _ordered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order from the highest value down, and the places in it that are the last of their value."""
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True)) if len(order) else np.empty(0, np.int64)
    return order, ends

"""Instance retrieval and large catalogues: mAP@100 and GAP of Google Landmarks v2 (38), mAP@50 of INQUIRE (54), INP (26)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.metrics.precision import average_precision, mean


@dataclass(frozen=True, slots=True)
class MeanAp:
    """A mean of average precisions.

    Attributes
    ----------
    value : float or None
        0..1; None where no query counts.
    per_query : Mapping of str to float
    left_out : tuple of str
        Queries for which nothing is relevant.
    definition : str
    """

    value: float | None
    per_query: Mapping[str, float]
    left_out: tuple[str, ...]
    definition: str


def mean_ap_at(k: int, relevant: Mapping[str, Collection[str]], rankings: Mapping[str, Sequence[str]]) -> MeanAp:
    """mAP@k with AP = (1 / min(R, k)) * sum over the first k of P(i) rel(i): mAP@100 of GLDv2, mAP@50 of INQUIRE.

    Parameters
    ----------
    relevant : Mapping of query id to all its relevant items
        A query with none is left out and named; one without a ranking counts 0.
    rankings : Mapping of query id to item ids, best first
        An item that stands twice counts at its first place.
    """
    values = {q: average_precision(rankings.get(q, ()), items, k, by="cutoff") for q, items in relevant.items()}
    value, _ = mean(list(values.values()))
    return MeanAp(
        value, {q: v for q, v in values.items() if v is not None}, tuple(q for q, v in values.items() if v is None),
        f"mAP@{k}: mean over queries of (1 / min(R, {k})) times the sum of precision at each relevant item among the first {k}",
    )  # fmt: skip


def oracle_at(k: int, relevant: Mapping[str, Collection[str]], rankings: Mapping[str, Sequence[str]], from_k: int) -> MeanAp:
    """The most that reranking the first `from_k` can reach: mAP@k of their perfect order."""
    perfect = {
        q: sorted(list(dict.fromkeys(rankings.get(q, ())))[:from_k], key=lambda item, wanted=set(items): item not in wanted)
        for q, items in relevant.items()
    }
    found = mean_ap_at(k, relevant, perfect)
    return MeanAp(found.value, found.per_query, found.left_out, f"{found.definition}; the first {from_k} in perfect order")


def global_ap(
    predictions: Mapping[str, tuple[str, float]], labels: Mapping[str, Collection[str]], *, ignore_unlabelled: bool = False
) -> float | None:
    """GAP (micro-AP) of recognition: one guess an image, all guesses in one ranking by score.

    Parameters
    ----------
    predictions : Mapping of image to (class, score)
        Ordered by falling score, then image.
    labels : Mapping of image to its classes; none for an image that shows nothing known
    ignore_unlabelled : bool
        Leave guesses on such images out, instead of counting them as errors.

    Returns
    -------
    float or None
        (1 / M) * sum of P(i) rel(i), M = images with a label; None where there is none.
    """
    m = sum(bool(classes) for classes in labels.values())
    if not m:
        return None
    right, total, seen = 0, 0.0, 0
    for image, (guess, _) in sorted(predictions.items(), key=lambda one: (-one[1][1], one[0])):
        known = labels.get(image, ())
        if ignore_unlabelled and not known:
            continue
        seen += 1
        if guess in known:
            right += 1
            total += right / seen
    return total / m


def inverse_negative_penalty(ranking: Sequence[str], relevant: Collection[str]) -> float | None:
    """INP: relevant items divided by the rank of the last of them, how deep one must look to find all; its mean is mINP.

    Returns
    -------
    float or None
        In (0, 1]; 0.0 where one was not found at all; None where nothing is relevant.
    """
    wanted = set(relevant)
    if not wanted:
        return None
    places = [rank for rank, item in enumerate(dict.fromkeys(ranking), 1) if item in wanted]
    return len(wanted) / places[-1] if len(places) == len(wanted) else 0.0


def first_hits(relevant: Mapping[str, Collection[str]], rankings: Mapping[str, Sequence[str]], k: int = 100) -> tuple[float, float]:
    """Mean and median rank of the first relevant item among `k`; a miss counts k + 1.

    Raises
    ------
    InputError
        There is no query.
    """
    if not relevant:
        raise InputError("There is no query to measure.")
    ranks = [
        next((rank for rank, item in enumerate(list(dict.fromkeys(rankings.get(q, ())))[:k], 1) if item in set(items)), k + 1)
        for q, items in relevant.items()
    ]
    return float(np.mean(ranks)), float(np.median(ranks))

"""Recipes by metrics: every recipe's run measured on the same qrels, and each compared with one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from re import fullmatch

import numpy as np

from core.errors import InputError
from core.metrics.compare import Compared, against
from core.metrics.evaluate import Evaluation, evaluate, order, unjudged_share
from core.metrics.intervals import bootstrap_mean
from core.metrics.names import describe
from core.metrics.precision import NORMALISERS, average_precision

METRICS = ("nDCG@10", "P@5", "P@10", "R@20", "AP@50", "AP(by=cutoff)@50", "RR", "Bpref", "infAP", "Judged@10")
"""What a table shows first. ``AP(by=...)@k`` is ours: AP with another divisor than ir-measures'; see
`core.metrics.precision.NORMALISERS`."""
_OURS = r"AP\(by=([a-z]+)\)(?:@([1-9]\d{0,5}))?"


@dataclass(frozen=True, slots=True)
class Table:
    """What recipes are worth.

    Attributes
    ----------
    rows : Mapping of recipe to Evaluation
        With the share of unjudged results beside every figure.
    baseline : str
    compared : tuple of Compared
        Every other recipe against the baseline by every metric that is a mean, corrected together (Holm).
    meanings : Mapping of metric to one line
    """

    rows: Mapping[str, Evaluation]
    baseline: str
    compared: tuple[Compared, ...]
    meanings: Mapping[str, str]


def table(
    qrels: Sequence[tuple[str, str, int]],
    runs: Mapping[str, Sequence[tuple[str, str, float]]],
    metrics: Sequence[str] = METRICS,
    *,
    baseline: str | None = None,
    rel: int = 1,
    seed: int = 0,
) -> Table:
    """Measure every run and compare it with the baseline's.

    Parameters
    ----------
    qrels : sequence of (query id, item id, grade)
    runs : Mapping of recipe to (query id, item id, score) rows
        Scores that fall strictly (`core.judge.runs.run_lines`), else trec_eval breaks ties its own way.
    metrics : sequence of str
        In ir-measures' spelling, and ``AP(by=cutoff)@50``.
    baseline : str, optional
        Default: the first run.

    Raises
    ------
    InputError
        There is no run or no judgment, or a metric is unknown.
    """
    if not runs:
        raise InputError("There is no run to measure; give one recipe or more.")
    baseline = next(iter(runs)) if baseline is None else baseline
    rows = {name: measured(qrels, run, metrics, rel=rel, seed=seed) for name, run in runs.items()}
    means = [name for name, interval in rows.get(baseline, next(iter(rows.values()))).intervals.items() if interval is not None]
    values = {name: {metric: row.per_query[metric] for metric in means} for name, row in rows.items()}
    return Table(rows, baseline, tuple(against(baseline, values, seed=seed)), {name: meaning(name) for name in rows[baseline].metrics})


def measured(
    qrels: Sequence[tuple[str, str, int]], run: Sequence[tuple[str, str, float]], metrics: Sequence[str], *, rel: int = 1, seed: int = 0
) -> Evaluation:
    """`core.metrics.evaluate.evaluate` with our own divisors of AP among the metrics, in the order asked for.

    A query without a relevant item counts 0 by ours, too, as by those of ir-measures, so that all means are over the same queries.
    """
    metrics = list(dict.fromkeys(metrics))
    ours = {name: found for name in metrics if (found := fullmatch(_OURS, name)) is not None}
    theirs = [name for name in metrics if name not in ours]
    found = evaluate(qrels, run, theirs or (["RR"] if ours else []), rel=rel, seed=seed)
    judged: dict[str, dict[str, int]] = {}
    for query_id, item_id, grade in qrels:
        judged.setdefault(query_id, {})[item_id] = grade
    ranked = order(run)
    figures, intervals, per_query, unjudged = dict(found.metrics), dict(found.intervals), dict(found.per_query), dict(found.unjudged)
    named: dict[str, str] = {}
    for name, parts in ours.items():
        k = int(parts[2]) if parts[2] else None
        label = named[name] = name if rel == 1 else f"AP(by={parts[1]},rel={rel}){'' if k is None else f'@{k}'}"
        values = {q: average_precision(ranked.get(q, ()), [item for item, grade in grades.items() if grade >= rel], k, by=parts[1]) or 0.0
                  for q, grades in judged.items()}  # fmt: skip
        per_query[label] = values
        intervals[label] = bootstrap_mean(np.array(list(values.values())), seed=seed)
        figures[label], unjudged[label] = intervals[label].value, unjudged_share(judged, ranked, k)
    asked = list(found.metrics) if theirs else []
    labels = [named[name] if name in ours else asked.pop(0) for name in metrics if name in ours or asked]
    return replace(found, **{
        field: {label: held[label] for label in labels}
        for field, held in (("metrics", figures), ("intervals", intervals), ("per_query", per_query), ("unjudged", unjudged))
    })  # fmt: skip


def meaning(name: str) -> str:
    """One line on a metric, ours included."""
    ours = fullmatch(r"AP\(by=([a-z]+)(?:,rel=\d+)?\)(?:@\d+)?", name)
    if ours is None:
        return describe(name).meaning
    return f"Precision at each relevant item, summed and {NORMALISERS[ours[1]]}"

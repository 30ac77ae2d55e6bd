"""Ranking metrics by name, through ir-measures: one front for qrels and runs held as plain mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.metrics.names import Metric, describe, measure

Qrels = Mapping[str, Mapping[str, int]]
Run = Mapping[str, Mapping[str, float]]

__all__ = ["DEFAULTS", "Metric", "Qrels", "Run", "aggregate", "describe", "per_query"]

DEFAULTS = ("nDCG@10", "R@10", "P@10", "AP", "RR", "Judged@10")


def aggregate(qrels: Qrels, run: Run, metrics: Sequence[str] = DEFAULTS) -> dict[str, float]:
    """Mean of each metric over the queries of `qrels`; a query the run does not answer counts 0.

    Parameters
    ----------
    qrels : Mapping of query id to Mapping of item id to grade
    run : Mapping of query id to Mapping of item id to score
        Higher is better; equal scores are ordered by item id, as everywhere here.

    Returns
    -------
    dict of str to float
        In the order of `metrics`; 0.0 everywhere if there are no judged queries.
    """
    by_query = per_query(qrels, run, metrics)
    n = len(qrels)
    return {name: sum(by_query[name].values()) / n if n else 0.0 for name in by_query}


def per_query(qrels: Qrels, run: Run, metrics: Sequence[str] = DEFAULTS) -> dict[str, dict[str, float]]:
    """Each metric for each query of `qrels`; queries without judgments are left out.

    Returns
    -------
    dict of metric name to dict of query id to float
        A query that the run does not answer has 0.0.
    """
    import ir_measures

    parsed = {name: measure(name) for name in metrics}
    values = {name: dict.fromkeys(qrels, 0.0) for name in metrics}
    if not qrels or not parsed:
        return values
    names = {str(one): name for name, one in parsed.items()}
    judged = [ir_measures.Qrel(q, item, int(grade)) for q, grades in qrels.items() for item, grade in grades.items()]
    ranked = list(_scored(qrels, run))
    if not judged or not ranked:
        return values
    for found in ir_measures.iter_calc(list(parsed.values()), judged, ranked):
        if found.query_id in qrels:
            values[names[str(found.measure)]][found.query_id] = float(found.value)
    return values


def _scored(qrels: Qrels, run: Run) -> Iterable[tuple]:
    """Rankings of the judged queries, with scores replaced by falling numbers so that no engine breaks ties its way."""
    import ir_measures

    for query_id in qrels:
        scores = run.get(query_id, {})
        order = sorted(scores, key=lambda item: (-round(scores[item], 6), item))
        for rank, item_id in enumerate(order):
            yield ir_measures.ScoredDoc(query_id, item_id, float(len(order) - rank))

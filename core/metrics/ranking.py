"""Ranking metrics by name, through ir-measures: one front for qrels and runs held as plain mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.errors import InputError

Qrels = Mapping[str, Mapping[str, int]]
Run = Mapping[str, Mapping[str, float]]

DEFAULTS = ("nDCG@10", "R@10", "P@10", "AP", "RR", "Judged@10")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as a page shows it: its name in ir-measures' spelling, and what it says in one line."""

    name: str
    meaning: str


_MEANINGS = {
    "nDCG": "How good the order is, 1 is ideal: grades count, and count less further down",
    "R": "Share of all relevant items that were found",
    "P": "Share of the results that are relevant",
    "AP": "Precision at each relevant item, averaged; rewards finding all of them early",
    "RR": "One divided by the rank of the first relevant item",
    "Judged": "Share of the results that anybody has judged",
    "Success": "Share of queries with at least one relevant item",
}


def describe(name: str) -> Metric:
    """Name and meaning of a metric such as ``nDCG@10``.

    Raises
    ------
    InputError
        If ir-measures does not know it.
    """
    parsed = _parse(name)
    return Metric(str(parsed), _MEANINGS.get(parsed.NAME, (type(parsed).__doc__ or "").strip().split("\n")[0]))


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

    parsed = {name: _parse(name) for name in metrics}
    values = {name: dict.fromkeys(qrels, 0.0) for name in metrics}
    if not qrels or not parsed:
        return values
    names = {str(measure): name for name, measure in parsed.items()}
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


@lru_cache(maxsize=256)
def _parse(name: str) -> object:
    import ir_measures

    try:
        return ir_measures.parse_measure(name)
    except (NameError, ValueError, SyntaxError, TypeError) as error:
        raise InputError(f"There is no metric {name!r}; known are {', '.join(DEFAULTS)} and others of "
                         "ir-measures.") from error

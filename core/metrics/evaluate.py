"""A run against qrels, as the command line of ir-measures does it: the same figures, with intervals and the unjudged share.

Nothing here knows a collection. Scores go to ir-measures as they are, so its engines break ties their own way: trec_eval takes
scores in single precision and, where they are equal, the larger id first (`order` does the same).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from subprocess import SubprocessError

import numpy as np

from core.errors import InputError
from core.metrics.intervals import Interval, bootstrap_mean
from core.metrics.names import measure

DEFAULTS = ("nDCG@10", "P@5", "R@20", "AP@50", "RR")
MAX_GRADE = 1_000
"""Beyond it trec_eval, which counts the items of each grade in a table, would take memory for every grade below."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a run is worth.

    Attributes
    ----------
    metrics : Mapping of str to float
        Means over all queries of the qrels, by the metric's name in ir-measures' spelling. A query the run does not answer
        counts what ir-measures gives it, 0; a query of the run without qrels does not count.
    intervals : Mapping of str to Interval or None
        By bootstrap over queries; None where a metric is a sum.
    per_query : Mapping of str to Mapping of str to float
        Metric, then query id.
    unjudged : Mapping of str to float or None
        The share of unjudged ones among the results a metric looked at (`looked_at`), the mean over the queries that have
        results; None where none has.
    n_queries : int
        Queries of the qrels.
    rel : int
        The grade from which an item is relevant.
    notes : tuple of str
        Sentences on what is unequal between the two files.
    """

    metrics: Mapping[str, float]
    intervals: Mapping[str, Interval | None]
    per_query: Mapping[str, Mapping[str, float]]
    unjudged: Mapping[str, float | None]
    n_queries: int
    rel: int = 1
    notes: tuple[str, ...] = ()


def evaluate(
    qrels: Sequence[tuple[str, str, int]],
    run: Sequence[tuple[str, str, float]],
    metrics: Sequence[str] = DEFAULTS,
    *,
    rel: int = 1,
    seed: int = 0,
) -> Evaluation:
    """Evaluate a run.

    Parameters
    ----------
    qrels : sequence of (query id, item id, grade)
        Where a pair stands twice, its last grade counts, as in ir-measures.
    run : sequence of (query id, item id, score)
        Higher is better; where a pair stands twice, its last score counts.
    metrics : sequence of str
        In ir-measures' spelling.
    rel : int
        The grade from which an item is relevant, 1 or more; nDCG takes grades as they are.
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        There are no qrels, a metric is unknown or cannot be had here, or a score is no number.
    """
    import ir_measures

    if not qrels:
        raise InputError("There is no judgment in the qrels; a run cannot be measured without.")
    if isinstance(rel, bool) or not 1 <= rel <= MAX_GRADE:
        raise InputError(f"Relevant from grade {rel} on cannot be; give 1 to {MAX_GRADE:,}.")
    measures = list(dict.fromkeys(measure(name, rel) for name in metrics))
    if not measures:
        raise InputError(f"There is no metric to measure with; give one or more, such as {' '.join(DEFAULTS)}.")
    for query_id, item_id, grade in qrels:
        if abs(grade) > MAX_GRADE:
            raise InputError(f"The grade of {query_id} {item_id} is {grade}; grades beyond {MAX_GRADE:,} cannot be measured with.")
    for query_id, item_id, score in run:
        if score != score:
            raise InputError(f"The score of {query_id} {item_id} is no number; a ranking needs numbers.")
    try:
        found = ir_measures.calc(
            measures, [ir_measures.Qrel(*one) for one in qrels], [ir_measures.ScoredDoc(*one) for one in run]
        )
    except (ValueError, TypeError, AssertionError, RuntimeError, LookupError, ImportError, OSError, SubprocessError) as error:
        why = "the program behind one of the metrics does not take these files" if isinstance(error, SubprocessError) else error
        raise InputError(f"ir-measures cannot measure this here: {' '.join(str(why).split())}") from error
    per_query: dict[str, dict[str, float]] = {str(one): {} for one in measures}
    for one in found.per_query:
        per_query[str(one.measure)][one.query_id] = float(one.value)
    judged: dict[str, dict[str, int]] = defaultdict(dict)
    for query_id, item_id, grade in qrels:
        judged[query_id][item_id] = grade
    ranked = order(run)
    return Evaluation(
        {str(one): float(found.aggregated[one]) for one in measures},
        {str(one): _interval(one, list(per_query[str(one)].values()), seed) for one in measures},
        per_query,
        {str(one): unjudged_share(judged, ranked, partial(looked_at, one)) for one in measures},
        len(judged),
        rel,
        tuple(_notes(judged, ranked, qrels, run, rel, any(one.NAME == "infAP" for one in measures))),
    )


def order(run: Iterable[tuple[str, str, float]]) -> dict[str, list[str]]:
    """The rankings trec_eval sees: by score in single precision, where equal the larger id (in UTF-8 bytes) first.

    Returns
    -------
    dict of query id to list of item ids, best first
    """
    held: dict[str, dict[str, float]] = defaultdict(dict)
    for query_id, item_id, score in run:
        held[query_id][item_id] = score
    with np.errstate(over="ignore"):
        return {
            query_id: sorted(scores, key=lambda item, scores=scores: (float(np.float32(scores[item])), item.encode()), reverse=True)
            for query_id, scores in held.items()
        }


def looked_at(one: object, items: Sequence[str], grades: Mapping[str, int]) -> int | None:
    """How many of a query's first results a metric of ir-measures looks at; None: all of them.

    P@5 looks at 5. RR looks down to the first relevant one, or at all where there is none; Rprec at as many as there are
    relevant ones.
    """
    cut = one.params.get("cutoff")
    rel = one.params.get("rel", 1)
    if one.NAME == "Rprec":
        return sum(grade >= rel for grade in grades.values())
    return to_first(items, grades, rel, cut) if one.NAME == "RR" else cut


def to_first(items: Sequence[str], grades: Mapping[str, int], rel: int = 1, cut: int | None = None) -> int:
    """The rank of the first item graded `rel` or more; that of the last item, or `cut`, where there is none."""
    first = items[:cut]
    return next((rank for rank, item in enumerate(first, 1) if grades.get(item, rel - 1) >= rel), len(first))


def unjudged_share(
    judged: Mapping[str, Mapping[str, int]],
    ranked: Mapping[str, Sequence[str]],
    k: int | None | Callable[[Sequence[str], Mapping[str, int]], int | None],
) -> float | None:
    """Share of items nobody judged among the first `k` results, the mean over judged queries with results.

    Parameters
    ----------
    k : int, None or callable
        None: all. A callable says it for each query from its ranking and its grades; a query of which nothing is looked at
        does not count.

    Returns
    -------
    float or None
        0..1; None where no judged query has a result.
    """
    shares = []
    for query_id, grades in judged.items():
        items = list(ranked.get(query_id, ()))
        first = items[: k(items, grades) if callable(k) else k]
        if first:
            shares.append(sum(item not in grades for item in first) / len(first))
    return float(np.mean(shares)) if shares else None


def _interval(one: object, values: list[float], seed: int) -> Interval | None:
    import ir_measures

    if not isinstance(one.aggregator(), ir_measures.MeanAgg) or not np.isfinite(values).all():
        return None
    return bootstrap_mean(np.array(values), seed=seed)


def _notes(
    judged: Mapping[str, Mapping[str, int]], ranked: Mapping[str, Sequence[str]], qrels: Sequence, run: Sequence, rel: int, inferred: bool
) -> Iterable[str]:
    unanswered = [query_id for query_id in judged if query_id not in ranked]
    extra = [query_id for query_id in ranked if query_id not in judged]
    without = [query_id for query_id, grades in judged.items() if max(grades.values()) < rel]
    for some, of, what, does in (
        (unanswered, judged, "queries of the qrels", ("is not in the run and counts 0", "are not in the run and count 0")),
        (extra, ranked, "queries of the run", ("has no judgment and does not count", "have no judgment and do not count")),
        (without, judged, "queries", tuple(f"{have} no item of grade {rel} or more and {count} 0 wherever relevant items are counted"
                                           for have, count in (("has", "counts"), ("have", "count")))),
    ):  # fmt: skip
        if some:
            yield f"{len(some):,} of {len(of):,} {what} {does[len(some) > 1]}: {_few(some)}."
    if inferred and not any(grade < 0 for given in judged.values() for grade in given.values()):
        yield "The qrels name nothing as unknown (-1), and without it infAP is AP: what nobody judged counts as not relevant."
    for rows, what in ((qrels, "grade"), (run, "score")):
        twice = [pair for pair, n in Counter((row[0], row[1]) for row in rows).items() if n > 1]
        if twice:
            pairs = "1 pair stands" if len(twice) == 1 else f"{len(twice):,} pairs stand"
            yield f"{pairs} twice, of which the last {what} counts: {_few([' '.join(pair) for pair in twice])}."


def _few(names: Sequence[str], n: int = 5) -> str:
    return ", ".join(names[:n]) + (f" and {len(names) - n:,} more" if len(names) > n else "")

"""A table of recipes and metrics from rankings and grades, with what could be luck said beside every figure.

Figures are ir-measures' own. Two of them have a convention that has to be named. AP@50 divides by all relevant items, as
trec_eval does; where a query has more of them than places, INQUIRE's divisor, min(relevant, places), is given too, for
with it a perfect ranking has 1 (paper 54). infAP (Yilmaz and Aslam, 2006) takes what the pool holds and nobody graded as
not known instead of wrong; the pool here is what any compared recipe has in its ranking, and what was graded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.metrics.compare import Compared, compare, corrected
from core.metrics.evaluate import to_first
from core.metrics.intervals import Interval, bootstrap_mean
from core.metrics.ranking import per_query

Ranking = Sequence[str]
Rankings = Mapping[str, Mapping[str, Ranking]]
"""Recipe -> query id -> item ids, best first."""
Grades = Mapping[str, Mapping[str, int]]

AP_CUT = 50
FIRST = -1
"""Depth of RR, which looks no further than the first relevant item."""
NOT_KNOWN = -1
"""In qrels for infAP: in the pool, and graded by nobody."""


@dataclass(frozen=True, slots=True)
class Named:
    """A metric as people meet it.

    Attributes
    ----------
    key : str
        ir-measures' name without the grade from which an item is relevant, such as ``P@10``; ``AP@50 (of at most 50)``
        is ours.
    depth : int
        Ranks it looks at; 0: all there are; `FIRST`: down to the first relevant one, or all where there is none. The unjudged
        share beside it is of these.
    """

    key: str
    title: str
    meaning: str
    depth: int


def metrics_for(depth: int, capped: bool = False) -> tuple[Named, ...]:
    """The rows of the table for rankings of `depth` hits; `capped` adds AP with the other divisor."""
    cut = min(AP_CUT, depth)
    ten = min(10, depth)
    rows = [
        Named(f"nDCG@{ten}", f"nDCG@{ten}", f"How good the order of the first {ten} is, 1 is ideal: grades count, and count less further "
              "down.", ten),
        Named(f"P@{ten}", f"P@{ten}", f"Share of the first {ten} that are relevant.", ten),
        Named(f"R@{ten}", f"R@{ten}", f"Share of all relevant items that are among the first {ten}.", ten),
        Named(f"AP@{cut}", f"AP@{cut}", f"Precision at each relevant item of the first {cut}, summed and divided by all relevant items: "
              "rewards finding all of them early.", cut),
        Named("RR", "RR", "One divided by the rank of the first relevant item; its mean is MRR.", FIRST),
        Named("Bpref", "bpref", "How seldom an item judged not relevant stands above a relevant one. Unjudged items are left out.", 0),
        Named("infAP", "infAP", "AP where the pool was judged in part: an unjudged item of the pool counts as likely relevant as the "
                                "judged "
              "ones above it. Exact only if what was judged is a random part of the pool.", 0),
    ]  # fmt: skip
    if capped:
        rows.insert(4, Named(f"AP@{cut} (of at most {cut})", f"AP@{cut}, of at most "
                                                             f"{cut}", f"As AP@{cut}, divided by the relevant items or {cut}, "
                             "whichever is less: a perfect ranking has 1 however many are relevant.", cut))  # fmt: skip
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: mean over the queries, its interval, the share nobody judged, and how it stands to the baseline."""

    mean: Interval
    unjudged: float
    best: bool
    against: Compared | None = None


@dataclass(frozen=True)
class Table:
    """What came out.

    Attributes
    ----------
    queries : tuple of str
        Measured, in the order of `values`.
    values : Mapping of (recipe, metric key) to ndarray of float, shape (n_queries,)
    unjudged : Mapping of (recipe, depth) to ndarray of float, shape (n_queries,)
        Share of the first ranks that nobody graded; `depth` as in `Named`.
    rel : int
        Grade from which an item is relevant.
    n_bare : int
        Measured queries with nothing graded that high: 0 in every metric, as trec_eval has it.
    n_left_out : int
        The same, where they are left out.
    """

    recipes: tuple[str, ...]
    baseline: str
    metrics: tuple[Named, ...]
    queries: tuple[str, ...]
    values: Mapping[tuple[str, str], np.ndarray]
    unjudged: Mapping[tuple[str, int], np.ndarray]
    cells: Mapping[tuple[str, str], Cell]
    rel: int
    depth: int
    n_bare: int
    n_left_out: int

    @property
    def n_comparisons(self) -> int:
        """Tests that Holm's correction is for."""
        return sum(cell.against is not None for cell in self.cells.values())

    def best(self, metric: str) -> str:
        """The recipe with the highest mean; the baseline, then the first, of equals."""
        order = [self.baseline, *(r for r in self.recipes if r != self.baseline)]
        return max(order, key=lambda recipe: self.cells[recipe, metric].mean.value)


def evaluate(
    rankings: Rankings, grades: Grades, *, baseline: str, rel: int = 1, depth: int, skip_bare: bool = False, seed: int = 0
) -> Table:
    """Measure every recipe on the same judged queries and compare each with the baseline.

    Parameters
    ----------
    rankings : Mapping
        Recipe -> query id -> item ids, best first. A judged query that a recipe has no ranking for counts 0.
    grades : Mapping of query id to Mapping of item id to grade 0..3
        Queries with none are not measured.
    rel : {1, 2, 3}
        Grade from which an item is relevant; nDCG uses the grades themselves.
    depth : int
        Longest ranking; longer ones are cut.
    skip_bare : bool
        Leave out queries with nothing relevant.

    Raises
    ------
    InputError
        There is no such baseline, or no judged query.
    """
    if baseline not in rankings:
        raise InputError(f"The baseline {baseline!r} is not among what was run: {', '.join(rankings)}.")
    if rel not in (1, 2, 3) or depth < 1:
        raise InputError(f"Relevant begins at grade 1, 2 or 3 and the depth is 1 or more; these are {rel} and {depth}.")
    asked = {query for found in rankings.values() for query in found}
    judged = {query: given for query, given in grades.items() if given and query in asked}
    bare = [query for query, given in judged.items() if max(given.values()) < rel]
    if skip_bare:
        judged = {query: given for query, given in judged.items() if query not in set(bare)}
    if not judged:
        raise InputError("No query of these has a grade that can be measured with; judge some results first.")
    queries = tuple(judged)
    cut = {recipe: {query: tuple(found[query][:depth]) for query in queries if query in found} for recipe, found in rankings.items()}
    named = metrics_for(depth, capped=any(_n_relevant(given, rel) > min(AP_CUT, depth) for given in judged.values()))
    values = {
        (recipe, name): figures for recipe in cut for name, figures in _measured(cut, recipe, judged, named, rel).items()
    }
    unjudged = {
        (recipe, k): _unjudged(cut[recipe], judged, k, rel) for recipe in cut for k in {one.depth for one in named}
    }
    recipes = tuple(rankings)
    cells = _cells(recipes, baseline, named, values, unjudged, seed)
    return Table(recipes, baseline, named, queries, values, unjudged, cells, rel, depth, 0 if skip_bare else len(bare),
                 len(bare) if skip_bare else 0)  # fmt: skip


def _n_relevant(given: Mapping[str, int], rel: int) -> int:
    return sum(grade >= rel for grade in given.values())


def ir_name(key: str, rel: int) -> str:
    """ir-measures' name of a metric with its grade of relevance: ``P(rel=2)@10``; nDCG has none."""
    if rel == 1 or key.startswith("nDCG"):
        return key
    name, at, cut = key.partition("@")
    return f"{name}(rel={rel}){at}{cut}"


def _measured(
    cut: Mapping[str, Mapping[str, Ranking]], recipe: str, judged: Grades, named: Sequence[Named], rel: int
) -> dict[str, np.ndarray]:
    """Metric key -> float (n_queries,)."""
    # Falling numbers keep the order of the search, whatever rounding its scores had.
    run = {query: {item: float(len(items) - n) for n, item in enumerate(items)} for query, items in cut[recipe].items()}
    plain = [one.key for one in named if one.key != "infAP" and "(of" not in one.key]
    found = per_query(judged, run, [ir_name(key, rel) for key in plain])
    out = {key: np.array([found[ir_name(key, rel)][query] for query in judged]) for key in plain}
    unknown = {query: dict.fromkeys(items, NOT_KNOWN) for query, items in ungraded(cut, judged).items()}
    inferred = ir_name("infAP", rel)
    pooled = per_query({query: {**given, **unknown[query]} for query, given in judged.items()}, run, [inferred])[inferred]
    out["infAP"] = np.array([pooled[query] for query in judged])
    for one in named:
        if "(of" in one.key:
            n = np.array([_n_relevant(given, rel) for given in judged.values()], dtype=np.float64)
            out[one.key] = out[one.key.split(" ")[0]] * np.maximum(n, 1) / np.maximum(np.minimum(n, one.depth), 1)
    return out


def ungraded(rankings: Mapping[str, Mapping[str, Ranking]], judged: Grades) -> dict[str, list[str]]:
    """What any recipe found for a query and nobody graded, by id: unknown to infAP, which other metrics take for not relevant."""
    pools = {query: {item for runs in rankings.values() for item in runs.get(query, ())} for query in judged}
    return {query: sorted(pools[query] - given.keys()) for query, given in judged.items()}


def _unjudged(found: Mapping[str, Ranking], judged: Grades, depth: int, rel: int) -> np.ndarray:
    shares = []
    for query, given in judged.items():
        items = found.get(query, ())
        first = items[: to_first(items, given, rel) if depth == FIRST else depth or None]
        shares.append(sum(item not in given for item in first) / len(first) if first else 0.0)
    return np.array(shares)


def _cells(
    recipes: Sequence[str], baseline: str, named: Sequence[Named], values: Mapping[tuple[str, str], np.ndarray],
    unjudged: Mapping[tuple[str, int], np.ndarray], seed: int,
) -> dict[tuple[str, str], Cell]:
    tests = [(recipe, one.key) for recipe in recipes if recipe != baseline for one in named]
    named_values = {pair: {f"{n:09d}": float(value) for n, value in enumerate(some)} for pair, some in values.items()}
    found = [compare(named_values[baseline, key], named_values[recipe, key], names=(baseline, recipe), metric=key, seed=seed)
             for recipe, key in tests]  # fmt: skip
    against = dict(zip(tests, corrected(found)))
    cells = {}
    for one in named:
        top = max(values[recipe, one.key].mean() for recipe in recipes)
        for recipe in recipes:
            mean = bootstrap_mean(values[recipe, one.key], seed=seed)
            best = bool(len(recipes) > 1 and mean.value >= top - 1e-9)
            cells[recipe, one.key] = Cell(mean, float(unjudged[recipe, one.depth].mean()), best, against.get((recipe, one.key)))
    return cells


# ---------------------------------------------------------------- parts of the queries


@dataclass(frozen=True, slots=True)
class Gap:
    """A metric on two parts of the queries: mean on each, and the second minus the first with its interval."""

    inside: float
    outside: float
    difference: Interval | None
    n_inside: int
    n_outside: int


def gap(values: np.ndarray, inside: np.ndarray, *, resamples: int = 2_000, seed: int = 0) -> Gap:
    """Does a metric fall on queries that are not like what was trained on (paper 46)?

    The parts have different queries, so each is resampled by itself.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    inside : ndarray of bool, shape (n,)
        Queries like those of the training.

    Returns
    -------
    Gap
        `difference` is outside minus inside, None where one part is empty.
    """
    one, two = values[inside], values[~inside]
    if not len(one) or not len(two):
        return Gap(float(one.mean()) if len(one) else 0.0, float(two.mean()) if len(two) else 0.0, None, len(one), len(two))
    rng = np.random.default_rng(seed)
    drawn = (two[rng.integers(0, len(two), (resamples, len(two)))].mean(axis=1)
             - one[rng.integers(0, len(one), (resamples, len(one)))].mean(axis=1))  # fmt: skip
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Gap(float(one.mean()), float(two.mean()), Interval(float(two.mean() - one.mean()), float(low), float(high), len(values)),
               len(one), len(two))  # fmt: skip

"""How far judges agree: raw agreement, Cohen's and Fleiss' kappa, Krippendorff's alpha.

Written from: Cohen, Educational and Psychological Measurement 20 (1960), and Psychological Bulletin 70 (1968) for weights; Fleiss,
Psychological Bulletin 76 (1971); Krippendorff, Computing Krippendorff's Alpha-Reliability (2011). "Can't tell" is a missing value.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.errors import InputError
from core.judge.judgments import PERSON, latest
from core.types import Judgment

CATEGORIES = (0, 1, 2, 3)
WEIGHTS = ("none", "linear", "quadratic")
LEVELS = ("nominal", "ordinal", "interval")


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One figure, or why there is none.

    Attributes
    ----------
    value : float or None
        1 is full agreement; for all but raw agreement 0 is what chance gives, and less than 0 is worse than chance.
    reason : str
        Why it is not defined; empty where it is.
    n : int
        Items that went into it.
    """

    value: float | None
    n: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of some judges on some items.

    Attributes
    ----------
    n_judges : int
        Judges with a grade.
    n_items : int
        (query, item) pairs with a grade.
    n_shared : int
        Of them, those with two grades or more.
    raw : Coefficient
        Share of pairs of grades of one item that are the same.
    cohen, cohen_linear, cohen_quadratic : Coefficient
        Of two judges; of more, the mean over the pairs of judges for which it is defined (Light's kappa).
    fleiss : Coefficient
        Over the items with the number of grades that is the most frequent.
    alpha_nominal, alpha_ordinal, alpha_interval : Coefficient
        Krippendorff's alpha, over all items with two grades or more.
    """

    n_judges: int
    n_items: int
    n_shared: int
    raw: Coefficient
    cohen: Coefficient
    cohen_linear: Coefficient
    cohen_quadratic: Coefficient
    fleiss: Coefficient
    alpha_nominal: Coefficient
    alpha_ordinal: Coefficient
    alpha_interval: Coefficient


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An item that judges graded differently, for the queue that settles it."""

    query_id: str
    item_id: str
    grades: Mapping[str, int]
    spread: int


@dataclass(frozen=True, slots=True)
class Report:
    """Agreement over everything and for each query."""

    overall: Agreement
    per_query: Mapping[str, Agreement]


# ---------------------------------------------------------------- from judgments


def agreement(judgments: Iterable[Judgment], origins: Sequence[str] = (PERSON,)) -> Report:
    """Agreement of the judges' latest words.

    Parameters
    ----------
    judgments : iterable of Judgment
    origins : sequence of str
        Whose words count; by default people's own, not adjudications or grades that were made.

    Returns
    -------
    Report
        `per_query` has every query with a grade, by id.
    """
    said = _graded(judgments, origins)
    by_query: dict[str, list[Judgment]] = defaultdict(list)
    for judgment in said:
        by_query[judgment.query_id].append(judgment)
    return Report(measure(said), {query: measure(by_query[query]) for query in sorted(by_query)})


def disagreements(judgments: Iterable[Judgment], origins: Sequence[str] = (PERSON,), least: int = 1) -> list[Disagreement]:
    """Items whose grades lie `least` or more apart, the widest apart first, then by (query, item)."""
    pairs: dict[tuple[str, str], dict[str, int]] = {}
    for j in _graded(judgments, origins):
        pairs.setdefault((j.query_id, j.item_id), {})[j.judge] = j.grade
    found = [Disagreement(*pair, dict(sorted(grades.items())), max(grades.values()) - min(grades.values()))
             for pair, grades in pairs.items()]  # fmt: skip
    return sorted((one for one in found if one.spread >= max(least, 1)), key=lambda one: (-one.spread, one.query_id, one.item_id))


def table(judgments: Sequence[Judgment]) -> np.ndarray:
    """Grades as a table, one row for each (query, item) and one column for each judge, both sorted.

    Returns
    -------
    ndarray of float, shape (n_items, n_judges)
        NaN where a judge said nothing or could not tell.
    """
    pairs = {pair: i for i, pair in enumerate(sorted({(j.query_id, j.item_id) for j in judgments}))}
    judges = {judge: i for i, judge in enumerate(sorted({j.judge for j in judgments}))}
    values = np.full((len(pairs), len(judges)), np.nan)
    for j in judgments:
        if j.grade is not None:
            values[pairs[j.query_id, j.item_id], judges[j.judge]] = j.grade
    return values


def measure(judgments: Sequence[Judgment]) -> Agreement:
    """Every figure for some judgments, one for each judge and item."""
    values = table(judgments)
    pairs = list(combinations(range(values.shape[1]), 2))
    cohens = {weights: _light([cohen(values[:, a], values[:, b], weights) for a, b in pairs], values) for weights in WEIGHTS}
    alphas = [krippendorff(values, level) for level in LEVELS]
    shared = int(np.sum(np.sum(~np.isnan(values), axis=1) >= 2))
    return Agreement(int(np.sum(np.any(~np.isnan(values), axis=0))), int(np.sum(np.any(~np.isnan(values), axis=1))), shared,
                     raw(values), *cohens.values(), fleiss(counts(values)), *alphas)  # fmt: skip


def _graded(judgments: Iterable[Judgment], origins: Sequence[str]) -> list[Judgment]:
    """Latest words that are a grade. The latest counts even where it is "can't tell": then there is none."""
    said = latest(j for j in judgments if j.origin in origins)
    return [j for j in said if j.grade is not None]


def _light(found: Sequence[Coefficient], values: np.ndarray) -> Coefficient:
    defined = [one for one in found if one.value is not None]
    shared = int(np.sum(np.sum(~np.isnan(values), axis=1) >= 2))
    if not defined:
        return Coefficient(None, shared, found[0].reason if len(found) == 1 else _NOT_SHARED if not shared else
                           "it is defined for no pair of judges")  # fmt: skip
    return Coefficient(float(np.mean([one.value for one in defined])), shared)


# ---------------------------------------------------------------- the coefficients

_NOT_SHARED = "no item has grades of two judges"
_ALL_ALIKE = "every grade is the same, so chance would agree as well"


def raw(values: np.ndarray) -> Coefficient:
    """Share of pairs of grades of the same item that are equal.

    Parameters
    ----------
    values : ndarray of float, shape (n_items, n_judges)
        NaN where missing.
    """
    equal = total = n = 0
    for row in values:
        grades = row[~np.isnan(row)]
        if len(grades) >= 2:
            n += 1
            total += len(grades) * (len(grades) - 1) // 2
            equal += sum(m * (m - 1) // 2 for m in Counter(grades.tolist()).values())
    return Coefficient(equal / total, n) if total else Coefficient(None, 0, _NOT_SHARED)


def cohen(
    a: np.ndarray, b: np.ndarray, weights: str | np.ndarray = "none", categories: Sequence[float] = CATEGORIES
) -> Coefficient:
    """Cohen's kappa of two judges, ``1 - sum(w O) / sum(w E)`` with w the weight of each disagreement.

    Parameters
    ----------
    a, b : ndarray of float, shape (n_items,)
        NaN where missing; only items that both graded count.
    weights : {"none", "linear", "quadratic"} or ndarray of float, shape (n_categories, n_categories)
        Every disagreement alike; by distance; by squared distance; or given.
    categories : sequence of float
        All grades there can be, in order.

    Raises
    ------
    InputError
        A grade is none of the categories, or there are no such weights.
    """
    both = ~(np.isnan(a) | np.isnan(b))
    place = {category: i for i, category in enumerate(categories)}
    k = len(categories)
    observed = np.zeros((k, k))
    for x, y in zip(a[both].tolist(), b[both].tolist()):
        if x not in place or y not in place:
            raise InputError(f"The grades {x:g} and {y:g} are not both among {', '.join(f'{c:g}' for c in categories)}.")
        observed[place[x], place[y]] += 1
    return cohen_of_table(observed, weights)


def cohen_of_table(observed: np.ndarray, weights: str | np.ndarray = "none") -> Coefficient:
    """Cohen's kappa of a table of counts: rows are one judge's grades, columns the other's."""
    n = int(observed.sum())
    if not n:
        return Coefficient(None, 0, _NOT_SHARED)
    share = observed / n
    expected = np.outer(share.sum(axis=1), share.sum(axis=0))
    distance = np.abs(np.subtract.outer(np.arange(len(share)), np.arange(len(share)))).astype(float)
    if isinstance(weights, str):
        if weights not in WEIGHTS:
            raise InputError(f"There are no weights {weights!r}; there are: {', '.join(WEIGHTS)}.")
        weights = {"none": (distance > 0).astype(float), "linear": distance, "quadratic": distance**2}[weights]
    by_chance = float(np.sum(weights * expected))
    if by_chance <= 1e-12:
        return Coefficient(None, n, _ALL_ALIKE)
    return Coefficient(1.0 - float(np.sum(weights * share)) / by_chance, n)


def counts(values: np.ndarray, categories: Sequence[float] = CATEGORIES) -> np.ndarray:
    """How many judges gave each grade to each item: ndarray of int, shape (n_items, n_categories)."""
    return np.stack([np.sum(values == category, axis=1) for category in categories], axis=1).astype(np.int64)


def fleiss(given: np.ndarray) -> Coefficient:
    """Fleiss' kappa: ``(P - Pe) / (1 - Pe)``, for as many judges of every item, not always the same ones.

    Parameters
    ----------
    given : ndarray of int, shape (n_items, n_categories)
        Judges by grade. Of items with different numbers of judges those with the most frequent number (2 or more; of
        equally frequent ones the larger) count, as the coefficient needs one number for all.
    """
    per_item = given.sum(axis=1)
    sizes = Counter(per_item[per_item >= 2].tolist())
    if not sizes:
        return Coefficient(None, 0, _NOT_SHARED)
    m = max(sizes, key=lambda size: (sizes[size], size))
    kept = given[per_item == m].astype(float)
    agreed = float(np.mean((np.sum(kept**2, axis=1) - m) / (m * (m - 1))))
    by_chance = float(np.sum((kept.sum(axis=0) / kept.sum()) ** 2))
    if 1.0 - by_chance <= 1e-12:
        return Coefficient(None, len(kept), _ALL_ALIKE)
    return Coefficient((agreed - by_chance) / (1.0 - by_chance), len(kept))


def krippendorff(values: np.ndarray, level: str = "ordinal") -> Coefficient:
    """Krippendorff's alpha, ``1 - (n - 1) sum(o d) / sum(n_c n_k d)``, from the coincidences of values within items.

    Parameters
    ----------
    values : ndarray of float, shape (n_items, n_judges)
        NaN where missing; items with fewer than two values cannot be paired and do not count.
    level : {"nominal", "ordinal", "interval"}
        Whether grades are names, an order, or numbers with meaningful distances.

    Raises
    ------
    InputError
        There is no such level.
    """
    if level not in LEVELS:
        raise InputError(f"Grades cannot be taken as {level!r}; there are: {', '.join(LEVELS)}.")
    rows = [row[~np.isnan(row)] for row in values]
    rows = [row for row in rows if len(row) >= 2]
    if not rows:
        return Coefficient(None, 0, _NOT_SHARED)
    there = np.unique(np.concatenate(rows))
    coincidences = np.zeros((len(there), len(there)))
    for row in rows:
        held = np.sum(row[:, None] == there[None], axis=0).astype(float)
        coincidences += (np.outer(held, held) - np.diag(held)) / (len(row) - 1)
    n_c = coincidences.sum(axis=1)
    n = n_c.sum()
    if level == "nominal":
        distance = 1.0 - np.eye(len(there))
    elif level == "interval":
        distance = np.subtract.outer(there, there) ** 2
    else:
        # Between two grades lie all values given from one to the other, the two ends by half.
        middle = np.cumsum(n_c) - n_c / 2
        distance = np.subtract.outer(middle, middle) ** 2
    by_chance = float(np.sum(np.outer(n_c, n_c) * distance))
    if by_chance <= 1e-12:
        return Coefficient(None, len(rows), _ALL_ALIKE)
    return Coefficient(1.0 - float(n - 1) * float(np.sum(coincidences * distance)) / by_chance, len(rows))


def split_half(values: np.ndarray, *, splits: int = 100, seed: int = 0) -> Coefficient:
    """How well the mean grade of all judges would be repeated by as many others: the ceiling of what can predict it (paper 41).

    Each item's judges are dealt into two halves by chance; r is the correlation of the halves' means over the items, the mean
    over `splits` deals; the value is 2 r / (1 + r) (Spearman, Brown), for halves are fewer judges than there are.

    Parameters
    ----------
    values : ndarray of float, shape (n_items, n_judges)
        NaN where missing; items with fewer than two grades do not count.
    """
    rows = [row[~np.isnan(row)] for row in values]
    rows = [row for row in rows if len(row) >= 2]
    if len(rows) < 3:
        return Coefficient(None, len(rows), _NOT_SHARED if not rows else "fewer than 3 items have grades of two judges")
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(splits):
        halves = np.empty((2, len(rows)))
        for i, row in enumerate(rows):
            dealt = rng.permutation(row)
            halves[:, i] = dealt[: len(row) // 2].mean(), dealt[len(row) // 2 :].mean()
        if halves.std(axis=1).min() <= 1e-12:
            continue
        found.append(float(np.corrcoef(halves)[0, 1]))
    if not found or 1.0 + np.mean(found) <= 1e-12:
        return Coefficient(None, len(rows), "the grades do not differ between items" if not found else "the halves say the opposite")
    r = float(np.mean(found))
    return Coefficient(2 * r / (1 + r), len(rows))

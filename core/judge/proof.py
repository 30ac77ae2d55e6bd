"""Does a hub correction help here: every method and strength on questions whose right answers are known.

The questions are cut in two by what they are about. Strengths are chosen on the tuning part; only the test part is
reported on, paired with the ranking as it is. The bank a correction is computed from is made of neither's questions.

The rule of the recommendation is fixed beforehand: of the corrections that search can serve, the one that did best on
the tuning part is looked at, and it is recommended only if the interval of its difference on the test part lies above 0
and the test part has enough independent questions. Choosing by the test part instead would let the luckiest of many
methods through; so one comparison is made, however many are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.judge.corrections import GRID, NAMES, Correction, corrections
from core.metrics.intervals import Interval, paired_difference
from core.metrics.ranking import per_query
from core.rank import hubness

DEPTH = 10
ENOUGH_TEST, LEAST_A_PART = 50, 10
"""Independent questions (groups of them) in the test part, below which nothing is recommended: a percentile interval of
fewer is too narrow for what it says. And in either part, below which nothing is measured."""
METRICS: Mapping[str, str] = {"R@1": "Success@1", "R@5": "Success@5", "R@10": "Success@10", "nDCG@10": "nDCG@10"}
"""What is measured -> the metric of `core.metrics`. R@k as retrieval papers use it: a right answer among the first k."""
RULE = ("Of the corrections that search can serve, the one that did best on the tuning part is taken; it is recommended "
        "only if the 95 % interval of its difference on the test part lies above 0, and that part has "
        f"{ENOUGH_TEST} independent questions or more.")  # fmt: skip
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Bank:
    """What a correction is computed from.

    Attributes
    ----------
    name : str
        As the table shows it: ``captions of other images``.
    vectors : ndarray of float32, shape (B, d)
    positions : ndarray of int64, shape (B,), optional
        Where rows are items of the gallery themselves: which ones, -1 for none. Such a pair is left out.
    served : str
        The recipe's name of such a bank; empty where search has none like it, so that it is measured only.
    """

    name: str
    vectors: np.ndarray
    positions: np.ndarray | None = None
    served: str = ""


@dataclass(frozen=True)
class Trial:
    """Questions with known answers over a gallery.

    Attributes
    ----------
    queries : ndarray of float32, shape (Q, d)
    items : ndarray of float32, shape (G, d)
        In the order of their ids, which is how equal scores are ordered.
    relevant : tuple of Mapping of int to int, length Q
        Position of each right answer -> its grade, 1 or more; one answer or more.
    groups : ndarray of int64, shape (Q,)
        Questions of one group hang together (captions of one image): they are in one part and are resampled together.
    is_test : ndarray of bool, shape (Q,)
    banks : tuple of Bank
    own : ndarray of int64, shape (Q,), optional
        Position of the item a question was made of, which cannot be its answer; -1 for none.
    graded : tuple of set of int, length Q, optional
        Where answers come from judgments: positions of all items that somebody graded, wrong ones too.
    """

    queries: np.ndarray
    items: np.ndarray
    relevant: tuple[Mapping[int, int], ...]
    groups: np.ndarray
    is_test: np.ndarray
    banks: tuple[Bank, ...]
    own: np.ndarray | None = None
    graded: tuple[Set[int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure on the test part, in per cent, and its difference to the ranking as it is, in points."""

    name: str
    before: float
    after: float
    change: Interval


@dataclass(frozen=True)
class Row:
    """One method with one bank, at the strength that was best on the tuning part.

    Attributes
    ----------
    method : str
        As in recipes: is, dual_is, csls, sinkhorn; and csls_k, dis, dual_dis, dual_dis_case, gc, which are measured only.
    strength : float
        Inverse temperature; the number of neighbours for ``csls``; 0 where the method has none.
    served : str
        The bank a recipe names to have this; empty where search cannot serve it.
    tuned : float
        The chosen measure on the tuning part, in per cent.
    figures : tuple of Figure
        On the test part, in the order of `METRICS`.
    skewness, antihub_share : float
        Of the 10-occurrence over all questions.
    graded : float or None
        Judged@10 on the test part, in per cent: how much of the first ten somebody graded. None without judgments.
    """

    method: str
    bank: str
    strength: float
    served: str
    tuned: float
    figures: tuple[Figure, ...]
    skewness: float
    antihub_share: float
    graded: float | None = None

    def figure(self, name: str) -> Figure:
        """The figure of that name."""
        return next(figure for figure in self.figures if figure.name == name)

    @property
    def words(self) -> str:
        """Method and strength as one says them: ``csls at k 10``."""
        name = self.method.removesuffix("_k")
        return name + {"csls": f" at k {self.strength:g}", "gc": "", "none": ""}.get(name, f" at beta {self.strength:g}")


@dataclass(frozen=True)
class Proof:
    """What came out.

    Attributes
    ----------
    metric : str
        The measure that decides, one of `METRICS`.
    raw : Row
        The ranking as it is; its differences are 0.
    rows : tuple of Row
    judged : int
        Place in `rows` of the one the decision rests on; -1 where none did better than raw on the tuning part.
    recommended : bool
    n_items, n_tuning, n_test : int
        Items of the gallery, and questions of each part.
    n_unasked : int
        Items of the gallery that are no question's right answer.
    n_groups : int
        Independent questions of the test part: questions of one group count once.
    untried : tuple of str
        ``method with bank`` of what needs a table that is too large.
    banks : Mapping of bank name to its number of rows
    seed : int
    """

    metric: str
    raw: Row
    rows: tuple[Row, ...]
    judged: int
    recommended: bool
    n_items: int
    n_tuning: int
    n_test: int
    banks: Mapping[str, int]
    seed: int
    n_unasked: int = 0
    n_groups: int = 0
    untried: tuple[str, ...] = ()


def cut(groups: np.ndarray, shares: Sequence[float], seed: int = 0) -> np.ndarray:
    """Which part each thing is in, drawn by group: nothing of a group is in two parts.

    Parameters
    ----------
    groups : ndarray of int64, shape (n,)
    shares : sequence of float
        Of each part; they sum to 1. A part is full when a group would overfill it, the last part takes what is left.

    Returns
    -------
    ndarray of int64, shape (n,)
        0 .. len(shares) - 1.
    """
    names, sizes = np.unique(groups, return_counts=True)
    room = np.round(np.asarray(shares) * len(groups)).astype(np.int64)
    part_of = np.full(len(names), len(shares) - 1)
    for at in np.random.default_rng(seed).permutation(len(names)):
        fits = np.flatnonzero(room[:-1] >= sizes[at])
        if len(fits):
            part_of[at] = fits[0]
            room[fits[0]] -= sizes[at]
    return part_of[np.searchsorted(names, groups)]


def prove(
    trial: Trial,
    *,
    metric: str = "R@1",
    grid: Mapping[str, Sequence[float]] = GRID,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Proof:
    """Measure every method of `grid` with every bank, and decide.

    Parameters
    ----------
    metric : str
        One of `METRICS`: what strengths and the method are chosen by, and what decides.
    grid : Mapping of method to strengths
    seed : int
        Of the bootstrap.
    on_progress : callable, optional
        Called with (settings tried, settings); may raise to stop.

    Raises
    ------
    InputError
        A part has no questions, a group is in both, or there is no such measure.
    """
    _check(trial, metric, grid)
    S = _similarities(trial)
    tuning, test = np.flatnonzero(~trial.is_test), np.flatnonzero(trial.is_test)
    plain = _top(trial, np.arange(len(S)), S)
    before = _measured(trial, test, plain[test])
    raw = _row(trial, "none", "", 0.0, "", _tuned(trial, tuning, plain[tuning], metric), before, before, plain, seed)
    total = len(trial.banks) * sum(map(len, grid.values()))
    rows, done, untried = [], 0, []

    def tell(n: int) -> None:
        if on_progress is not None:
            on_progress(n, total)

    for bank in trial.banks:
        for method, strengths in grid.items():
            best = _at_its_best(trial, S, method, strengths, bank, metric, seed, lambda n, done=done: tell(done + n))
            done += len(strengths)
            if best is None:
                untried.append(f"{NAMES[method].title} with {bank.name}")
                continue
            strength, tuned, ranking = best
            served = bank.served if NAMES[method].served else ""
            after = _measured(trial, test, ranking[test])
            rows.append(_row(trial, method, bank.name, strength, served, tuned, before, after, ranking, seed))
    judged = _judged(raw, rows)
    n_groups = len(np.unique(trial.groups[test]))
    clear = judged >= 0 and rows[judged].figure(metric).change.above_zero
    return Proof(
        metric, raw, tuple(rows), judged, clear and n_groups >= ENOUGH_TEST, len(trial.items), len(tuning), len(test),
        {bank.name: len(bank.vectors) for bank in trial.banks}, seed, len(trial.items) - len(set().union(*trial.relevant)),
        n_groups, tuple(untried),
    )  # fmt: skip


def _at_its_best(
    trial: Trial, S: np.ndarray, method: str, strengths: Sequence[float], bank: Bank, metric: str, seed: int, tell: Callable[[int], None]
) -> tuple[float, float, np.ndarray] | None:
    """The strength that is best on the tuning part, the measure there, and the ranking of all questions with it."""
    tuning, test = np.flatnonzero(~trial.is_test), np.flatnonzero(trial.is_test)
    best: tuple[float, Correction, np.ndarray] | None = None
    for n, made in enumerate(corrections(method, strengths, S, trial.items, bank.vectors, bank.positions, seed), 1):
        top = _top(trial, tuning, made.scores(tuning))
        tuned = _tuned(trial, tuning, top, metric)
        if best is None or tuned > best[0]:  # of equals the first
            best = (tuned, made, top)
        tell(n)
    if best is None:
        return None
    ranking = np.empty((len(S), best[2].shape[1]), np.int64)
    ranking[tuning], ranking[test] = best[2], _top(trial, test, best[1].scores(test))
    return best[1].strength, best[0], ranking


def _check(trial: Trial, metric: str, grid: Mapping[str, Sequence[float]]) -> None:
    if metric not in METRICS:
        raise InputError(f"Measures are {', '.join(METRICS)}; {metric!r} is none of them.")
    if unknown := [method for method in grid if method not in NAMES]:
        raise InputError(f"Corrections are {', '.join(NAMES)}; {unknown[0]!r} is none of them.")
    n = len(trial.queries)
    if not (len(trial.relevant) == len(trial.groups) == len(trial.is_test) == n):
        raise InputError(f"{n} questions need as many answers, groups and parts.")
    if not trial.is_test.any() or trial.is_test.all():
        raise InputError("Questions are needed to tune on, and others to test on; one of the parts is empty.")
    if both := set(trial.groups[trial.is_test].tolist()) & set(trial.groups[~trial.is_test].tolist()):
        raise InputError(f"{len(both)} groups have questions in both parts, so what was tuned on would be tested on.")
    if not all(trial.relevant):
        raise InputError("A question without a right answer measures nothing; leave it out.")
    n_tuning, n_test = (len(np.unique(trial.groups[part])) for part in (~trial.is_test, trial.is_test))
    if min(n_tuning, n_test) < LEAST_A_PART:
        raise InputError(
            f"{n_tuning:,} independent questions would tune and {n_test:,} test, and each takes {LEAST_A_PART} or more. "
            "Questions about one image, its copies and near-duplicates count as one."
        )


def _similarities(trial: Trial) -> np.ndarray:
    """float64 (Q, G). What a question was made of is below everything else: it opens no gate and is in no ranking."""
    S = np.empty((len(trial.queries), len(trial.items)))
    queries = trial.queries.astype(np.float64)
    for start in range(0, len(trial.items), 8192):  # no second copy of all vectors
        S[:, start : start + 8192] = queries @ trial.items[start : start + 8192].T.astype(np.float64)
    if trial.own is not None:
        rows = np.flatnonzero(trial.own >= 0)
        S[rows, trial.own[rows]] = -2.0
    return S


def _judged(raw: Row, rows: Sequence[Row]) -> int:
    able = [n for n, row in enumerate(rows) if row.served and row.tuned > raw.tuned]
    return max(able, key=lambda n: (rows[n].tuned, -n), default=-1)


def _top(trial: Trial, which: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """int64 (len(which), <= 10): best items first as search orders them, by (-round(score, 6), id); -1 where there are fewer."""
    n = scores.shape[1]
    depth = min(DEPTH, n)
    out = np.empty((len(which), depth), np.int64)
    step = max(1, 4_000_000 // max(1, n))
    for start in range(0, len(which), step):
        some = slice(start, start + step)
        keys = np.rint(scores[some] * -1e6).astype(np.int64) * n + np.arange(n)
        if trial.own is not None:
            own = trial.own[which[some]]
            rows = np.flatnonzero(own >= 0)
            keys[rows, own[rows]] = np.iinfo(np.int64).max
        first = np.argpartition(keys, depth - 1, axis=1)[:, :depth]
        values = np.take_along_axis(keys, first, axis=1)
        order = np.argsort(values, axis=1)
        found = np.take_along_axis(first, order, axis=1)
        found[np.take_along_axis(values, order, axis=1) == np.iinfo(np.int64).max] = -1
        out[some] = found
    return out


def _measured(trial: Trial, which: np.ndarray, ranking: np.ndarray, metrics: Sequence[str] = tuple(METRICS)) -> dict[str, np.ndarray]:
    """Each measure for each of these questions, float64 (len(which),)."""
    qrels, run = {}, {}
    for query, found in zip(which.tolist(), ranking.tolist()):
        right = trial.relevant[query]
        if len(right) > 2 * DEPTH:  # the ideal of nDCG@10 rests on the ten best, so no more are handed over
            best = sorted(right, key=right.get, reverse=True)[:DEPTH]  # type: ignore[arg-type]
            right = {item: right[item] for item in (*best, *(item for item in found if item in right))}
        name = str(query)
        qrels[name] = {f"{item:09d}": grade for item, grade in right.items()}
        run[name] = {f"{item:09d}": float(-rank) for rank, item in enumerate(found) if item >= 0}
    values = per_query(qrels, run, [METRICS[name] for name in metrics])
    return {name: np.array([values[METRICS[name]][str(query)] for query in which.tolist()]) for name in metrics}


def _tuned(trial: Trial, tuning: np.ndarray, ranking: np.ndarray, metric: str) -> float:
    return float(100 * _measured(trial, tuning, ranking, (metric,))[metric].mean())


def _row(
    trial: Trial, method: str, bank: str, strength: float, served: str, tuned: float, before: Mapping[str, np.ndarray],
    after: Mapping[str, np.ndarray], ranking: np.ndarray, seed: int,
) -> Row:  # fmt: skip
    groups = trial.groups[trial.is_test]
    figures = tuple(
        Figure(name, float(100 * before[name].mean()), float(100 * after[name].mean()),
               paired_difference(100 * before[name], 100 * after[name], groups, seed=seed))
        for name in METRICS
    )  # fmt: skip
    report = hubness.hubness_report(hubness.k_occurrence(ranking, len(trial.items)))
    graded = None if trial.graded is None else _graded(trial, ranking)
    return Row(method, bank, strength, served, tuned, figures, report.skewness, report.antihub_share, graded)


def _graded(trial: Trial, ranking: np.ndarray) -> float:
    """Judged@10 on the test part, in per cent."""
    shares = []
    for query in np.flatnonzero(trial.is_test).tolist():
        found = ranking[query][ranking[query] >= 0].tolist()
        shares.append(sum(item in trial.graded[query] for item in found) / max(1, len(found)))  # type: ignore[index]
    return float(100 * np.mean(shares))

"""Learning a cut-off and saying what it is worth: fit, calibrate and test on different queries.

The rule is fixed beforehand: the rung's model is compared with the plain cosine cut on the test queries, by the precision
at the recall that is asked for. Only if the whole interval of the difference lies above 0, and enough queries test it, is
it recommended; otherwise the plain cosine cut is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.errors import InputError
from core.metrics.intervals import LEVEL, Interval
from core.rank.cutoff.calibration import Bin, expected_error, miscalibration, reliability
from core.rank.cutoff.curve import FIGURES, Cut, best_f1, resampled, threshold
from core.rank.cutoff.fitting import fit_adapter, platt
from core.rank.cutoff.ladder import RELEVANT_STEADY, Z_CUT, Rung, rung_for
from core.rank.cutoff.models import Model
from core.rank.cutoff.rows import Rows, split

ENOUGH_TEST = 15
"""Independent test queries below which nothing but the plain cut is recommended: an interval of fewer is too narrow."""
RESAMPLES = 1_000
RULE = ("The learned cut is recommended only if the 95 % interval of its difference in precision to the plain cosine cut, at "
        f"the same recall on the test queries, lies above 0, and {ENOUGH_TEST} independent queries or more test it.")  # fmt: skip


@dataclass(frozen=True)
class Tried:
    """One way of cutting, with what it gave on the test queries.

    Attributes
    ----------
    figures : Mapping of str to Interval
        See `core.rank.cutoff.curve.resampled`; intervals from resampling the queries.
    gain : Interval or None
        Precision at the recall target minus that of the plain cosine cut, paired; None for that one itself.
    error, off : float or None
        Expected calibration error, and the part of the Brier score that miscalibration makes.
    """

    model: Model
    figures: Mapping[str, Interval]
    gain: Interval | None
    error: float | None
    off: float | None
    table: tuple[Bin, ...]


@dataclass(frozen=True)
class Learned:
    """What came of it.

    Attributes
    ----------
    rung : Rung
        The one used, and why.
    models : tuple of Model
        What was tried: the plain cosine cut, the z-score, and the rung's own; only the z-score where too little is judged.
    tried : tuple of Tried
        The same with their figures; empty where nothing could be tested.
    recommended : str
        The kind of model.
    better : bool
        Whether the rung's model is recommended over the plain cosine cut.
    n_labels, n_relevant : int
    n_queries : tuple of int
        Queries of the fitting, calibrating and testing part.
    n_test_groups : int
    steps : int
        Training steps of the adapter; 0 elsewhere.
    f1 : tuple of float or None
        The cosine with the highest F1 on the fitting and calibrating queries, that F1, and the cosine's interval.
    """

    rung: Rung
    recall: float
    models: tuple[Model, ...]
    tried: tuple[Tried, ...] = ()
    recommended: str = "zscore"
    better: bool = False
    n_labels: int = 0
    n_relevant: int = 0
    n_queries: tuple[int, int, int] = (0, 0, 0)
    n_test_groups: int = 0
    steps: int = 0
    f1: tuple[float, float, float, float] | None = None

    @property
    def unsteady(self) -> bool:
        """Whether so few relevant results were judged that the cut would be another one with a few more."""
        return bool(self.tried) and self.n_relevant < RELEVANT_STEADY

    def model(self, kind: str) -> Model:
        """The model of that kind."""
        return next(model for model in self.models if model.kind == kind)


def learn(
    rows: Rows, *, recall: float = 0.95, seed: int = 0, on_progress: Callable[[int, int], None] | None = None
) -> Learned:
    """Learn where good results end from judged pairs.

    Parameters
    ----------
    recall : float
        Share of the relevant results that should be kept.
    seed : int
        Of the split, the adapter's start and the resampling.

    Raises
    ------
    InputError
        The recall is not above 0 and below 1.
    """
    if not 0 < recall < 1:
        raise InputError(f"The share of relevant results to keep is {recall:g}; give one above 0 and below 1, such as 0.95.")
    rung = reached(rows, seed)
    counts = {"n_labels": len(rows), "n_relevant": rows.n_relevant}
    if rung.name == "zscore":
        return Learned(rung, recall, (Model("zscore", Z_CUT),), **counts)
    parts = split(rows, seed)
    fit, calibrate, test = (rows.of_queries(which) for which in (parts.fit, parts.calibrate, parts.test))
    learning = rows.of_queries(np.concatenate([parts.fit, parts.calibrate]))
    models, steps = [], 0
    for kind in dict.fromkeys(("cosine", "zscore", rung.name)):
        model = Model(kind)
        if kind == "adapter":
            head, steps = fit_adapter(fit, seed=seed, on_progress=on_progress)
            model = replace(model, head=head)
        # The adapter has seen the fitting part, so its probability comes from the other alone.
        base = calibrate if kind == "adapter" else learning
        slope, offset = platt(strength(model, base), base.relevant)
        cut = threshold(strength(model, calibrate), calibrate.relevant, recall)
        models.append(replace(model, cut=cut, slope=slope, offset=offset))
    tried, groups = _tested(models, test, recall, seed)
    gain = tried[-1].gain
    better = gain is not None and gain.above_zero and groups >= ENOUGH_TEST
    return Learned(
        rung, recall, tuple(models), tried, rung.name if better else "cosine", better, **counts,
        n_queries=(len(parts.fit), len(parts.calibrate), len(parts.test)), n_test_groups=groups, steps=steps,
        f1=_best_f1(learning, seed),
    )  # fmt: skip


def reached(rows: Rows, seed: int = 0) -> Rung:
    """What is learned from these pairs, and why; scores and vectors are not looked at."""
    rung = rung_for(len(rows), queries_with_relevant(rows), rows.n_relevant)
    if rung.name == "zscore":
        return rung
    parts = split(rows, seed)
    for which, name in ((parts.fit, "fitting"), (parts.calibrate, "calibrating"), (parts.test, "test")):
        part = rows.of_queries(which)
        if not 0 < part.n_relevant < len(part):
            needs = f"he {name} queries have {part.n_relevant:,} of {len(part):,}: each part needs relevant results and others."
            return Rung("zscore", f"{rows.n_relevant:,} of {len(rows):,} judged results are relevant, and t{needs}", f"T{needs}")
    return rung


def queries_with_relevant(rows: Rows) -> int:
    """Queries with a relevant result, those that ask the same counted once."""
    return len(np.unique(rows.groups[np.unique(rows.query[rows.relevant])]))


def strength(model: Model, rows: Rows) -> np.ndarray:
    """F of every pair, float64 (n,)."""
    return model.strength(rows.score, rows.query, rows.vectors, rows.mean, rows.sd)


def _tested(models: list[Model], test: Rows, recall: float, seed: int) -> tuple[tuple[Tried, ...], int]:
    """The figures of each model, resampling groups of queries together; and how many groups there are."""
    queries, query = np.unique(test.query, return_inverse=True)
    weights, n_groups = _drawn(test.groups[queries], seed)
    found = []
    for model in models:
        values = strength(model, test)
        found.append(resampled(Cut(values, test.relevant, model.cut, query), weights, recall))
    tried = []
    for model, figures in zip(models, found):
        p = model.probability(strength(model, test))
        assert p is not None
        table = reliability(p, test.relevant)
        gain = None if model.kind == "cosine" else _interval(figures["precision"] - found[0]["precision"], n_groups)
        tried.append(Tried(model, {name: _interval(figures[name], n_groups) for name in FIGURES}, gain, expected_error(table),
                           miscalibration(p, test.relevant), table))  # fmt: skip
    return tuple(tried), n_groups


def _drawn(groups: np.ndarray, seed: int) -> tuple[np.ndarray, int]:
    """How often each query counts: once in the first row, then as its group was drawn."""
    _, which = np.unique(groups, return_inverse=True)
    n = int(which.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    return np.vstack([np.ones(len(groups)), drawn[:, which]]), n


def _interval(values: np.ndarray, n: int) -> Interval:
    """The first value, with percentiles of the others; draws with nothing to divide by are left out."""
    others = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(others, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(others) else (np.nan, np.nan)
    return Interval(float(values[0]), float(low), float(high), n)


def _best_f1(rows: Rows, seed: int) -> tuple[float, float, float, float]:
    """The cosine of the highest F1, that F1, and where the cosine falls when queries are drawn again (200 times)."""
    at, f1 = best_f1(rows.score, rows.relevant)
    groups = rows.groups[rows.query]
    every = np.unique(groups)
    rng = np.random.default_rng(seed)
    cuts = []
    for _ in range(200):
        times = np.bincount(np.searchsorted(every, rng.choice(every, len(every))), minlength=len(every))
        drawn = np.repeat(np.arange(len(rows)), times[np.searchsorted(every, groups)])
        if rows.relevant[drawn].any():
            cuts.append(best_f1(rows.score[drawn], rows.relevant[drawn])[0])
    low, high = np.quantile(cuts, [0.025, 0.975])
    return at, f1, float(low), float(high)

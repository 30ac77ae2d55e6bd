"""Fitting: Platt's logistic curve by Newton steps, and the query-dependent adapter by Adam with its own gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.errors import InputError
from core.rank.cutoff.models import A_LEAST, Head, sigmoid, softplus
from core.rank.cutoff.rows import Rows

HIDDEN, STEPS, RATE, DECAY = 64, 300, 1e-2, 1e-3
"""Units, steps, step size and weight decay of the adapter. The paper's sizes are not known to us; these are ours."""
LOOK = 10
FOLDS = 3
SLOPE_LEAST = 1e-6


def targets(relevant: np.ndarray) -> np.ndarray:
    """What is fitted instead of 1 and 0: (n+ + 1) / (n+ + 2) and 1 / (n- + 2), so that separable data has an answer.

    Source: Platt, "Probabilistic outputs for support vector machines" (1999), section 2.2.
    """
    relevant = np.asarray(relevant, bool)
    n_good = int(relevant.sum())
    n_bad = len(relevant) - n_good
    return np.where(relevant, (n_good + 1) / (n_good + 2), 1 / (n_bad + 2))


def platt(values: np.ndarray, relevant: np.ndarray, *, smooth: bool = True) -> tuple[float, float]:
    """Slope and offset of sigmoid(slope * value + offset), by maximum likelihood.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    relevant : ndarray of bool, shape (n,)
    smooth : bool
        Fit Platt's targets instead of 1 and 0.

    Returns
    -------
    slope, offset : float
        A slope is above 0: where higher values are no more often relevant it is `SLOPE_LEAST`, and the probability is the
        share that is relevant.

    Raises
    ------
    InputError
        There is nothing relevant, or nothing else.
    """
    values, relevant = np.asarray(values, np.float64), np.asarray(relevant, bool)
    if not relevant.any() or relevant.all():
        raise InputError(f"A probability needs relevant and other results; {int(relevant.sum())} of {len(relevant)} are relevant.")
    aim = targets(relevant) if smooth else relevant.astype(np.float64)
    centre, width = float(values.mean()), float(values.std())
    base = float(np.log(aim.mean() / (1 - aim.mean())))
    if width < 1e-12:
        return SLOPE_LEAST, base - SLOPE_LEAST * centre
    x = (values - centre) / width
    slope, offset = 0.0, base
    for _ in range(100):
        p = sigmoid(slope * x + offset)
        gradient = np.array([((p - aim) * x).sum(), (p - aim).sum()])
        v = np.maximum(p * (1 - p), 1e-12)
        hessian = np.array([[(v * x * x).sum() + 1e-12, (v * x).sum()], [(v * x).sum(), v.sum() + 1e-12]])
        step = np.linalg.solve(hessian, gradient)
        before = _loss(slope * x + offset, aim)
        for _ in range(40):  # halved until it helps: far from the optimum a full Newton step can overshoot
            if _loss((slope - step[0]) * x + offset - step[1], aim) <= before + 1e-15:
                break
            step = step / 2
        slope, offset = slope - step[0], offset - step[1]
        if np.abs(step).max() < 1e-10:
            break
    if slope / width < SLOPE_LEAST:
        return SLOPE_LEAST, base - SLOPE_LEAST * centre
    return float(slope / width), float(offset - slope * centre / width)


def _loss(logit: np.ndarray, aim: np.ndarray) -> float:
    """Mean cross-entropy."""
    return float((softplus(logit) - aim * logit).mean())


def fit_adapter(
    rows: Rows, *, seed: int = 0, steps: int = STEPS, on_progress: Callable[[int, int], None] | None = None
) -> tuple[Head, int]:
    """Learn the head from judged pairs; it begins as Platt's curve, and is trained as long as that helps other queries.

    How many steps that is, is found on queries of `rows` left out in turn. So where the queries say nothing about their
    curves, no step is made and the head is Platt's curve on the centred score.

    Parameters
    ----------
    rows : Rows
        Of the fitting part only, with relevant and other pairs.
    on_progress : callable, optional
        Called with (done, total) steps.

    Returns
    -------
    Head
    int
        Steps made.
    """
    groups = np.unique(rows.groups[rows.queries])
    folds = min(FOLDS, len(groups))
    total = steps * (folds + 1)
    dealt = np.array_split(np.random.default_rng(seed).permutation(groups), folds) if folds > 1 else []
    curves = []
    for n, out in enumerate(dealt):
        held = np.isin(rows.groups[rows.queries], out)
        inner, outer = rows.of_queries(rows.queries[~held]), rows.of_queries(rows.queries[held])
        if not (0 < inner.n_relevant < len(inner)):
            continue
        said = None if on_progress is None else lambda done, n=n: on_progress(n * steps + done, total)
        curves.append(_train(inner, steps, seed, outer, said)[1] * len(outer))
    best = int(np.argmin(np.sum(curves, axis=0))) * LOOK if curves else 0
    said = None if on_progress is None else lambda done: on_progress(folds * steps + done, total)
    head = _train(rows, best, seed, None, said)[0]
    if on_progress is not None:
        on_progress(total, total)
    return head, best


def _start(rows: Rows, seed: int) -> tuple[Head, np.ndarray]:
    """Platt's curve as a head, and the inputs of all queries."""
    queries = rows.queries
    raw = np.column_stack([rows.vectors.astype(np.float64), rows.mean, rows.sd])
    centre = raw[queries].mean(axis=0)
    spread = raw[queries].std(axis=0)
    d = rows.vectors.shape[1]
    width = np.full(d + 2, max(float(np.sqrt((spread[:d] ** 2).mean())), 1e-9))  # one for all of the vector: its shape is kept
    width[d:] = np.maximum(spread[d:], 1e-9)
    centred = rows.score - rows.mean[rows.query]
    s0 = max(float(centred.std()), 1e-9)
    slope, offset = platt(centred / s0, rows.relevant)
    rng = np.random.default_rng(seed)
    w1 = rng.standard_normal((HIDDEN, d + 2)) / np.sqrt(np.r_[np.full(d, d), 2.0, 2.0])
    slope = max(slope - A_LEAST, 1e-6)
    b2 = np.array([slope + np.log(-np.expm1(-slope)), offset, 0.0])
    head = Head(centre, width, w1, np.zeros(HIDDEN), np.zeros((3, HIDDEN)), b2, s0)
    return head, (raw - centre) / width


def _train(
    rows: Rows, steps: int, seed: int, held: Rows | None, on_progress: Callable[[int], None] | None
) -> tuple[Head, np.ndarray]:
    """The head after so many steps, and the loss on `held` every `LOOK` steps, from step 0 on."""
    head, inputs = _start(rows, seed)
    weights = [head.w1, head.b1, head.w2, head.b2]
    aim = targets(rows.relevant)
    momentum, square = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    curve = []
    for step in range(steps + 1):
        if held is not None and step % LOOK == 0:
            logit = _forward(weights, inputs, held, head.s0)[0]
            curve.append(_loss(logit, held.relevant.astype(np.float64)))
        if step == steps:
            break
        gradient = _gradient(weights, inputs, rows, head.s0, aim)
        for i, part in enumerate(gradient):
            part = part + DECAY * weights[i] if i in (0, 2) else part
            momentum[i] = 0.9 * momentum[i] + 0.1 * part
            square[i] = 0.999 * square[i] + 0.001 * part * part
            rate = RATE * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
            weights[i] = weights[i] - rate * momentum[i] / (np.sqrt(square[i]) + 1e-8)
        if on_progress is not None and step % LOOK == 0:
            on_progress(step)
    return Head(head.centre, head.width, *weights, s0=head.s0), np.array(curve)


def _forward(weights: list[np.ndarray], inputs: np.ndarray, rows: Rows, s0: float) -> tuple[np.ndarray, ...]:
    """F of the pairs, and what the gradient needs again."""
    w1, b1, w2, b2 = weights
    hidden = np.tanh(inputs @ w1.T + b1)
    u = hidden @ w2.T + b2
    a, k = softplus(u[:, 0]) + A_LEAST, 2 * sigmoid(u[:, 2])
    x = (rows.score - rows.mean[rows.query]) / s0
    powered = np.sign(x) * np.abs(x) ** k[rows.query]
    return a[rows.query] * powered + u[rows.query, 1], hidden, u, a, k, x, powered


def _gradient(weights: list[np.ndarray], inputs: np.ndarray, rows: Rows, s0: float, aim: np.ndarray) -> list[np.ndarray]:
    """Of the mean cross-entropy, by each of the weights."""
    w2 = weights[2]
    logit, hidden, u, a, k, x, powered = _forward(weights, inputs, rows, s0)
    off = (sigmoid(logit) - aim) / len(aim)
    log = np.log(np.where(x == 0, 1.0, np.abs(x)))
    n = len(inputs)
    da = np.bincount(rows.query, weights=off * powered, minlength=n) * sigmoid(u[:, 0])
    db = np.bincount(rows.query, weights=off, minlength=n)
    dk = np.bincount(rows.query, weights=off * a[rows.query] * powered * log, minlength=n) * k * (1 - k / 2)
    du = np.column_stack([da, db, dk])
    back = (du @ w2) * (1 - hidden**2)
    return [back.T @ inputs, back.sum(axis=0), du.T @ hidden, du.sum(axis=0)]

"""Sinkhorn item prior: scale the bank's table until every item gets the same share, and keep the items' scaling.

K = exp(beta * bank), rows a = 1 / (K b), items b = 1 / (K^T a), repeated; the item bias is log b. Two published forms,
which part only short of convergence (``n_iters=None``, also published, by the second):

- ``ucofia``: Wang et al., ICCV 2023, program `eval_t2v/main_ucofia.py`. Items first, then 4 repetitions. With none it
  is the inverted softmax' normaliser.
- ``dbsn``: Sinkhorn normalisation, Pan et al., ACM MM 2025, program `Image_Retrieval/dbsn.py`. Rows first, 10
  repetitions; the dual-bank form puts items of another bank beside the gallery (`target_bank`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.rank.hubness.tables import bank_table, blocks, checked, count, not_negative

BETA = 100.0
"""Inverse temperature of both published programs."""
N_ITERS = 4
FORMS = ("ucofia", "dbsn")
TOLERANCE = 1e-6
MOST_ITERS = 1_000

Blocks = Callable[[], Iterable[tuple[slice, np.ndarray]]]
"""Gives the table beta * similarity anew: (which items, their rows (c, B)), -inf where a pair does not count."""


@dataclass(frozen=True)
class Scalings:
    """Logarithms of the two scalings: the plan exp(log_rows + beta * bank + log_items) has nearly uniform marginals.

    Attributes
    ----------
    log_rows, log_items : ndarray of float64, shapes (B,) and (G,)
        Column sums are 1 / G up to rounding.
    n_iters : int
        Repetitions done.
    error : float
        Largest relative deviation of a row sum from 1 / B.
    """

    log_rows: np.ndarray
    log_items: np.ndarray
    n_iters: int
    error: float

    @property
    def converged(self) -> bool:
        return self.error <= TOLERANCE

    @property
    def log_prior(self) -> np.ndarray:
        """float64 (G,): log softmax of `log_items`, UCoFiA's prior."""
        return self.log_items - _log_sum(self.log_items[None, :])


def sinkhorn_scalings(
    bank: np.ndarray, beta: float = BETA, n_iters: int | None = N_ITERS, *, form: str = "ucofia"
) -> Scalings:
    """Scale exp(beta * bank) to uniform marginals.

    Parameters
    ----------
    bank : ndarray, shape (B, G)
    beta : float
        Above 0.
    n_iters : int, optional
        Repetitions; None goes on until row sums agree within 1e-6, at most 1,000 times (see `Scalings.converged`).
    form : {"ucofia", "dbsn"}
        Which side is scaled first.
    """
    bank = bank_table(bank)
    positive(beta)

    def parts() -> Iterable[tuple[slice, np.ndarray]]:
        for columns in blocks(bank.shape[1], len(bank)):
            yield columns, np.multiply(bank[:, columns].T, beta, dtype=np.float64)

    return scaled(parts, *bank.shape, n_iters, form)


def positive(beta: float) -> None:
    """Raise unless beta is above 0."""
    not_negative(beta=beta)
    if beta == 0:
        raise InputError("beta must be above 0 here; to leave the ranking as it is, use no correction.")


def scaled(parts: Blocks, n_bank: int, n_items: int, n_iters: int | None, form: str = "ucofia") -> Scalings:
    """`sinkhorn_scalings` over blocks, each read once a repetition."""
    if form not in FORMS:
        raise InputError(f"Sinkhorn priors have the forms {' and '.join(FORMS)}, not {form!r}.")
    if n_iters is not None and not (n_iters == 0 and form == "ucofia"):
        n_iters = count(n_iters, "n_iters")
    log_rows, log_items = np.zeros(n_bank), np.empty(n_items)
    if not n_items:
        return Scalings(log_rows, log_items, 0, 0.0)
    done = -1  # the first pass only sets the items: no repetition yet
    if form == "dbsn":
        sums = np.full(n_bank, -np.inf)
        for _, powers in parts():
            sums = np.logaddexp(sums, _log_sum(powers.T))
        log_rows, done = -np.log(n_bank) - sums, 0
    while True:
        sums = np.full(n_bank, -np.inf)
        for columns, powers in parts():
            log_items[columns] = -np.log(n_items) - _log_sum(powers + log_rows)
            _something(log_items[columns])
            sums = np.logaddexp(sums, _log_sum((powers + log_items[columns, None]).T))
        _something(sums)
        done += 1
        error = float(np.abs(np.exp(np.minimum(log_rows + sums + np.log(n_bank), 700.0)) - 1.0).max(initial=0.0))
        limit = MOST_ITERS if n_iters is None else n_iters
        if done >= limit or (n_iters is None and error <= TOLERANCE):
            return Scalings(log_rows, log_items, done, error)
        log_rows = -np.log(n_bank) - sums


def sinkhorn_prior(
    S: np.ndarray,
    bank: np.ndarray,
    beta: float = BETA,
    n_iters: int | None = N_ITERS,
    *,
    form: str = "ucofia",
    strength: float = 1.0,
    target_bank: np.ndarray | None = None,
) -> np.ndarray:
    """beta * S + strength * prior(g).

    Parameters
    ----------
    S, bank : ndarray, shapes (Q, G) and (B, G)
    beta : float
        Above 0.
    n_iters : int, optional
        4 is UCoFiA's, 10 DBSN's; None goes on until the scaling converges.
    form : {"ucofia", "dbsn"}
    strength : float
        0 gives the ranking of `S`, 1 the published one.
    target_bank : ndarray, shape (B, T), optional
        Similarity of the same bank queries and other items of the gallery's kind, scaled together with the gallery
        (DBSN).

    Returns
    -------
    ndarray of float64, shape (Q, G)
    """
    S, bank = checked(S, bank=bank)
    not_negative(strength=strength)
    together = bank
    if target_bank is not None:
        target_bank = bank_table(target_bank, "target bank")
        if len(target_bank) != len(bank):
            raise InputError(f"The target bank must be scored by the bank's {len(bank)} queries, not by {len(target_bank)}.")
        together = np.concatenate([bank, target_bank], axis=1)
    prior = sinkhorn_scalings(together, beta, n_iters, form=form).log_prior[: S.shape[1]]
    return np.multiply(S, beta, dtype=np.float64) + strength * prior


def _something(sums: np.ndarray) -> None:
    if not np.isfinite(sums).all():
        raise InputError("A bank row or an item has nothing to be compared with; the bank needs more rows.")


def _log_sum(table: np.ndarray) -> np.ndarray:
    """log sum exp over the last axis; -inf where a row holds nothing else."""
    highest = table.max(axis=1, initial=-np.inf)
    base = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(table - base[:, None]).sum(axis=1)) + base

"""The inverted softmax family: an item's score is divided by what a bank of other queries gives it.

Written from the equations; scores are similarities (cosines), beta is an inverse temperature.

- Inverted softmax: Smith et al., ICLR 2017: exp(beta S) / sum_b exp(beta SQ).
- Dynamic inverted softmax: Bogolin et al., CVPR 2022 (QB-Norm), program `dynamic_inverted_softmax.py`.
- Dual and dual dynamic inverted softmax: Wang, Jian and Xue, EMNLP 2023 (DBNorm), program `DBNorm/dbnorm.py`; the
  program passes the gallery bank as the queries and overwrites its input, so what is meant is its parts on copies.
- Additive dual form: Pan et al., ACM MM 2025 (DBSN), program `Image_Retrieval/dbsn.py`.

Scores that hold a softmax are returned as its logarithm, so that no beta overflows. Rank inside a row only: rows with
an open and with a closed gate are on different scales.
"""

from __future__ import annotations

import numpy as np

from core.errors import InputError
from core.rank.hubness.tables import bank_table, best_columns, blocks, checked, count, not_negative

BETA = 20.0
"""Default inverse temperature for the query bank on cosines (QB-Norm's own); 5 to 100 is the useful range."""
BETA_GALLERY = 1.0
"""Default for the gallery bank; 0 switches that half off."""
ADDITIVE_WEIGHT = 0.01
"""Weight of the gallery half in the additive dual form, as published."""


def log_normalizer(bank: np.ndarray, beta: float) -> np.ndarray:
    """Z(g) = log sum_b exp(beta * bank[b, g]), the logarithm of the inverted softmax' denominator.

    Parameters
    ----------
    bank : ndarray, shape (B, G)
        Similarities; -inf where a pair does not count.
    beta : float
        From 0 on.

    Returns
    -------
    ndarray of float64, shape (G,)

    Raises
    ------
    InputError
        If an item has nothing in the bank that counts.
    """
    bank = bank_table(bank)
    not_negative(beta=beta)
    total = np.empty(bank.shape[1])
    for columns in blocks(bank.shape[1], len(bank)):
        part = np.asarray(bank[:, columns], np.float64)
        counted = np.isfinite(part)
        if not counted.any(axis=0).all():
            raise InputError("An item has nothing in the bank to be compared with; the bank needs more rows.")
        powers = np.multiply(part, beta, out=np.full(part.shape, -np.inf), where=counted)
        highest = powers.max(axis=0)
        total[columns] = highest + np.log(np.exp(powers - highest).sum(axis=0))
    return total


def active_items(bank: np.ndarray, k: int = 1) -> np.ndarray:
    """A(k): the items that are among the `k` best of any bank row, ties to the lower column (QB-Norm).

    Parameters
    ----------
    bank : ndarray, shape (B, G)
    k : int

    Returns
    -------
    ndarray of bool, shape (G,)
        All False where the bank is empty, all True where `k` reaches G.
    """
    bank, k = bank_table(bank), count(k)
    active = np.zeros(bank.shape[1], bool)
    for rows in blocks(len(bank) if bank.size else 0, bank.shape[1]):
        part = np.asarray(bank[rows], bank.dtype if bank.dtype.kind == "f" else np.float64)
        best = best_columns(part, k)
        active[best[np.isfinite(np.take_along_axis(part, best, axis=1))]] = True
    return active


def inverted_softmax(S: np.ndarray, bank: np.ndarray, beta: float = BETA) -> np.ndarray:
    """Inverted softmax, logarithm of exp(beta S) / sum_b exp(beta bank).

    Parameters
    ----------
    S : ndarray, shape (Q, G)
        Similarity of queries and items.
    bank : ndarray, shape (B, G)
        Similarity of bank queries and items.
    beta : float
        Inverse temperature. At 0 all published scores are equal, and `S` itself is returned: no correction. (As beta
        nears 0 the published ranking is not that of `S` but of `S` less each item's mean in the bank.)

    Returns
    -------
    ndarray of float64, shape (Q, G)
        beta * S - Z(g).
    """
    S, bank = checked(S, bank=bank)
    return _log_softmax(S, (bank, beta))


def dual_inverted_softmax(
    S: np.ndarray,
    query_bank: np.ndarray,
    gallery_bank: np.ndarray,
    beta1: float = BETA,
    beta2: float = BETA_GALLERY,
    *,
    form: str = "product",
) -> np.ndarray:
    """Inverted softmax against two banks.

    Parameters
    ----------
    S, query_bank : ndarray, shapes (Q, G) and (B1, G)
    gallery_bank : ndarray, shape (B2, G)
        Similarity of other items of the gallery's kind and the items. If these are the items themselves, take self
        out first (`without_self`), or this half does nothing.
    beta1, beta2 : float
        0 leaves that half out.
    form : {"product", "additive"}
        ``product``: DBNorm, the logarithm of the product of two inverted softmaxes,
        (beta1 + beta2) S - Z_Q(g) - Z_G(g). ``additive``: DBSN's published code,
        S - Z_Q(g) / beta1 - 0.01 * Z_G(g) / beta2; another ranking.

    Returns
    -------
    ndarray of float64, shape (Q, G)
    """
    S, query_bank, gallery_bank = checked(S, query_bank=query_bank, gallery_bank=gallery_bank)
    if form == "product":
        return _log_softmax(S, (query_bank, beta1), (gallery_bank, beta2))
    if form != "additive":
        raise InputError(f"The dual inverted softmax has the forms product and additive, not {form!r}.")
    return S + dual_bias(query_bank, gallery_bank, beta1, beta2, form)


def dual_bias(query_bank: np.ndarray, gallery_bank: np.ndarray, beta1: float, beta2: float, form: str) -> np.ndarray:
    """float64 (G,): S plus this ranks as `dual_inverted_softmax` does."""
    not_negative(beta1=beta1, beta2=beta2)
    halves = [log_normalizer(bank, beta) if beta else np.zeros(bank.shape[1])
              for bank, beta in ((query_bank, beta1), (gallery_bank, beta2))]
    return joined(*halves, beta1, beta2, form)


def joined(z_query: np.ndarray, z_gallery: np.ndarray, beta1: float, beta2: float, form: str) -> np.ndarray:
    """The additive bias of two normalisers; a half with beta 0 is left out."""
    betas = np.array([beta1, beta2], np.float64)
    used = betas > 0
    if form == "additive":
        weights = np.divide([1.0, ADDITIVE_WEIGHT], betas, out=np.zeros(2), where=used)
    else:
        weights = used / max(betas.sum(), np.finfo(np.float64).tiny)
    return -(weights[0] * z_query + weights[1] * z_gallery)


def dynamic_inverted_softmax(S: np.ndarray, bank: np.ndarray, beta: float = BETA, k: int = 1) -> np.ndarray:
    """QB-Norm: rows whose best item is one the bank finds get the inverted softmax, the others stay as they are.

    Parameters
    ----------
    S, bank : ndarray, shapes (Q, G) and (B, G)
    beta : float
    k : int
        Depth of the activation set, see `active_items`.

    Returns
    -------
    ndarray of float64, shape (Q, G)
        An open row is `inverted_softmax`' (the logarithm of the published one), a closed row is that of `S`.
    """
    S, bank = checked(S, bank=bank)
    not_negative(beta=beta)
    gate = _gate(S, bank, k)
    out = np.array(S, np.float64)
    if gate.any():
        out[gate] = _log_softmax(S[gate], (bank, beta))
    return out


def dual_dynamic_inverted_softmax(
    S: np.ndarray,
    query_bank: np.ndarray,
    gallery_bank: np.ndarray,
    beta1: float = BETA,
    beta2: float = BETA_GALLERY,
    k: int = 1,
    form: str = "code",
) -> np.ndarray:
    """DBNorm's dynamic form: each bank has a gate of its own, as in `dynamic_inverted_softmax`.

    Parameters
    ----------
    S, query_bank, gallery_bank : ndarray, shapes (Q, G), (B1, G) and (B2, G)
    beta1, beta2 : float
    k : int
    form : {"code", "case"}
        What a row becomes. Both gates open: the dual inverted softmax. ``code``, the published program: the product
        of the two dynamic inverted softmaxes, so one open gate gives IS * S and none S * S. ``case``, how the paper's
        equation is remembered (not verified against its text): one open gate gives that bank's IS alone, none S.

    Returns
    -------
    ndarray of float64, shape (Q, G)
        Order within a row is that of the published product, whatever the sign of S. A row IS * S is given as a signed
        logarithm of the product (see `_signed_log`), since the product itself underflows.
    """
    if form not in ("code", "case"):
        raise InputError(f"The dual dynamic inverted softmax has the forms code and case, not {form!r}.")
    S, query_bank, gallery_bank = checked(S, query_bank=query_bank, gallery_bank=gallery_bank)
    not_negative(beta1=beta1, beta2=beta2)
    banks = ((query_bank, beta1), (gallery_bank, beta2))
    gates = [_gate(S, bank, k) for bank, _ in banks]
    both, neither = gates[0] & gates[1], ~(gates[0] | gates[1])
    out = np.array(S, np.float64)
    if both.any():
        out[both] = _log_softmax(S[both], *banks)
    for gate, bank in zip(gates, banks):
        alone = gate & ~both
        if alone.any():
            scores = _log_softmax(S[alone], bank)
            out[alone] = scores if form == "case" else _signed_log(S[alone], scores if bank[1] else np.zeros_like(scores))
    if form == "code":
        out[neither] *= out[neither]
    return out


def _log_softmax(S: np.ndarray, *banks: tuple[np.ndarray, float]) -> np.ndarray:
    """sum of betas * S - sum of Z; `S` itself where every beta is 0."""
    not_negative(**{f"beta{i}": beta for i, (_, beta) in enumerate(banks, 1)})
    used = [(bank, beta) for bank, beta in banks if beta]
    out = np.multiply(S, sum(beta for _, beta in used) if used else 1.0, dtype=np.float64)
    for bank, beta in used:
        out -= log_normalizer(bank, beta)
    return out


def _gate(S: np.ndarray, bank: np.ndarray, k: int) -> np.ndarray:
    """bool (Q,): is the query's best item, by the raw similarity, one of the bank's active ones."""
    active = active_items(bank, k)
    return active[S.argmax(axis=1)] if S.shape[1] else np.zeros(len(S), bool)


def _signed_log(S: np.ndarray, log_factor: np.ndarray) -> np.ndarray:
    """Numbers that rank within a row as S * exp(log_factor) does, at any size.

    sign(S) * (log|S| + log_factor - lowest of the row + 1), 0 where S is 0: positive products stay above 0 and rise,
    negative ones below and fall. (Clipping S at 0 before taking logarithms would lose the order of the negative ones.)
    """
    S = np.asarray(S, np.float64)
    some = S != 0
    size = np.log(np.abs(S), out=np.full(S.shape, np.inf), where=some) + log_factor
    lowest = size.min(axis=1, keepdims=True, initial=np.inf, where=some)
    return np.sign(S) * np.subtract(size, lowest - 1.0, out=np.zeros(S.shape), where=some)

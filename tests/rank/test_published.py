"""Numbers that the published programs gave on seeded tables, against ours.

Computed once, outside this project, with numpy and torch on float64, each program given copies of the tables of
`seeded`:

- IS, QB-Norm, DualIS, DualDIS: yimuwangcs/Better_Cross_Modal_Retrieval@c055b86c, `DBNorm/dbnorm.py`: ``IS``, ``qb_norm``,
  and their products (its ``db_norm`` passes the gallery bank as the queries, so it was not used).
- additive DualIS and Sinkhorn normalisation: ppanzx/DBSN@44aacaad, `Image_Retrieval/dbsn.py`: ``Inverted_Softmax`` at
  tau 0.02 for both halves, gallery weight 0.01; ``Sinkhorn_Normalization`` (POT 0.9.7) on items x bank, tau 0.05.
- UCoFiA's prior: Ziyang412/UCoFiA@6098be26, `eval_t2v/main_ucofia.py`: ``sinkhorn_knopp`` of 100 * bank.
- CSLS: facebookresearch/MUSE@3159355b, `src/utils.py`: 2 S - ``get_nn_avg_dist`` of the items in the bank, 10 neighbours.
"""

from __future__ import annotations

import numpy as np
import pytest

from core.rank import hubness

AT = ([0, 17, 199], [0, 203, 299])


def seeded() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """S (200, 300), query bank (120, 300), gallery bank (150, 300), query bank by target bank (120, 150)."""
    rng = np.random.default_rng(22)

    def unit(n: int) -> np.ndarray:
        rows = rng.standard_normal((n, 16))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    queries, items, bank, target = unit(200), unit(300), unit(120), unit(150)
    return queries @ items.T, bank @ items.T, target @ items.T, bank @ target.T


S, SQ, SG, QT = seeded()


def agree(scores: np.ndarray, at: list[float], total: float) -> None:
    np.testing.assert_allclose(scores[AT], at, rtol=1e-10)
    assert scores.sum() == pytest.approx(total, rel=1e-10)


def test_inverted_softmax():
    agree(np.exp(hubness.inverted_softmax(S, SQ, 20)), [0.000167323226859, 2.44273658274e-07, 6.06674152658e-07], 2794.40585978)


@pytest.mark.parametrize("k, n_open, total", [(1, 54, 267.168271187), (2, 101, 620.664591114)])
def test_dynamic_inverted_softmax(k, n_open, total):
    gate = hubness.active_items(SQ, k)[S.argmax(1)]
    assert gate.sum() == n_open
    scores = hubness.dynamic_inverted_softmax(S, SQ, 20, k)
    scores[gate] = np.exp(scores[gate])
    agree(scores, [0.24573805732, 2.44273658274e-07, 6.06674152658e-07], total)


def test_dual_inverted_softmax():
    scores = np.exp(hubness.dual_inverted_softmax(S, SQ, SG, 20, 3))
    agree(scores, [1.84247983343e-06, 1.18561688061e-09, 2.23212325871e-09], 122.687226315)


def test_additive_dual_inverted_softmax():
    scores = hubness.dual_inverted_softmax(S, SQ, SG, 50, 50, form="additive")
    agree(scores, [-0.42975951682, -0.756503840014, -0.687559260215], -36898.5950617)


def test_dual_dynamic_inverted_softmax_ranks_as_the_program():
    query, gallery = (hubness.active_items(bank)[S.argmax(1)] for bank in (SQ, SG))
    rows = [query & gallery, query & ~gallery, ~query & gallery, ~query & ~gallery]
    assert [int(r.sum()) for r in rows] == [28, 26, 50, 96]
    ranks = np.argsort(-hubness.dual_dynamic_inverted_softmax(S, SQ, SG, 20, 3), axis=1, kind="stable")
    # sum over ranks (from 1) of rank * column: any two items exchanged would show
    assert [int((ranks[r] * np.arange(1, 301)).sum()) for r in rows] == [190232378, 175094816, 337641890, 645417463]
    ends = {row: ranks[row, [0, 1, 2, 3, 4, 5, -6, -5, -4, -3, -2, -1]].tolist() for row in (10, 19, 1, 0)}
    assert ends == {
        10: [276, 180, 2, 87, 135, 162, 0, 139, 175, 155, 281, 134],  # both gates open
        19: [71, 264, 125, 180, 210, 244, 151, 143, 88, 294, 32, 13],  # only the queries'
        1: [290, 166, 199, 118, 288, 66, 203, 96, 143, 204, 98, 32],  # only the gallery's
        0: [284, 209, 87, 243, 44, 191, 12, 3, 65, 178, 171, 234],  # none
    }
    case = np.argsort(-hubness.dual_dynamic_inverted_softmax(S, SQ, SG, 20, 3, form="case"), axis=1, kind="stable")
    assert (case == ranks)[rows[0]].all() and not (case == ranks)[rows[3]].all(axis=1).any()


@pytest.mark.parametrize("n_iters, at, squares", [
    (1, [-26.4921581825, -14.0778322133, -14.6029394974], 139099.696579),
    (4, [-25.9069519179, -14.631819327, -14.9539377158], 136790.121625),
])
def test_ucofias_prior(n_iters, at, squares):
    prior = hubness.sinkhorn_scalings(SQ, 100, n_iters).log_prior
    np.testing.assert_allclose(prior[[0, 150, 299]], at, rtol=1e-10)
    assert (prior**2).sum() == pytest.approx(squares, rel=1e-10)


@pytest.mark.parametrize("target, n_iters, wanted, near", [
    (False, 10, [0.0794471157317, -0.0754608655649, -0.0414567640451], 1e-12),
    (False, None, [0.0788604814821, -0.076331677521, -0.0422082865417], 1e-6),  # the program's 1e-12, ours 1e-6
    (True, 10, [0.0480433363824, -0.0932727024402, -0.052064438453], 1e-12),
    (True, None, [0.0468510192, -0.0943189731879, -0.0530412383494], 1e-6),
])
def test_sinkhorn_normalization(target, n_iters, wanted, near):
    scores = hubness.sinkhorn_prior(np.zeros((1, 300)), SQ, 20, n_iters, form="dbsn", target_bank=QT if target else None)[0]
    hubs = -0.05 * scores
    np.testing.assert_allclose((hubs - hubs[0])[[1, 150, 299]], wanted, atol=near)


def test_csls():
    agree(hubness.csls(S, SQ, 10), [0.0394059006153, -0.546593514966, -0.69154187751], -26897.1530509)


def test_skewness_of_found_items():
    counts = hubness.k_occurrence(np.argsort(-S, axis=1, kind="stable")[:, :10], 300)
    assert hubness.skewness(counts, nonzero_only=True) == pytest.approx(0.434716030323, abs=1e-10)

"""Corrections on tables of similarities: a fixture of numbers, hand cases, and what must hold for any table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import InputError
from core.rank import hubness
from core.rank.hubness import softmax, tables
from tests.rank.planted import planted

S = np.array([[.30, .28, .10], [.05, .26, .24]])
SQ = np.array([[.20, .31, .05], [.10, .29, .12], [.22, .27, .08]])
SG = np.array([[.40, .55, .20], [.35, .60, .10], [.30, .50, .45]])

ONE_BANK = {
    "is": hubness.inverted_softmax,
    "dis": hubness.dynamic_inverted_softmax,
    "csls": hubness.csls,
    "gc": hubness.globally_corrected,
    "sinkhorn": hubness.sinkhorn_prior,
}
TWO_BANKS = {
    "dual": hubness.dual_inverted_softmax,
    "additive": lambda *a: hubness.dual_inverted_softmax(*a, form="additive"),
    "code": hubness.dual_dynamic_inverted_softmax,
    "case": lambda *a: hubness.dual_dynamic_inverted_softmax(*a, form="case"),
}
ALL = {**{name: lambda s, q, g, f=f: f(s, q) for name, f in ONE_BANK.items()}, **TWO_BANKS}


def order(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, axis=1, kind="stable")


def tables_of(values: st.SearchStrategy, *, most: int = 6) -> st.SearchStrategy:
    """(S, query bank, gallery bank) of the same items."""
    sizes = st.tuples(*[st.integers(1, most)] * 4)
    return sizes.flatmap(lambda n: st.tuples(*[arrays(np.float64, (rows, n[3]), elements=values) for rows in n[:3]]))


# Hundredths: numbers are equal or clearly apart, so that rounding cannot swap them.
HUNDREDTHS = st.integers(-100, 100).map(lambda i: i / 100)


# ------------------------------------------------------------ the fixture


def test_inverted_softmax_of_the_fixture():
    wanted = [[2.812564, .258916, .395253], [.018951, .173557, 6.499798]]
    np.testing.assert_allclose(np.exp(hubness.inverted_softmax(S, SQ, 20)), wanted, atol=1e-6)


def test_dynamic_inverted_softmax_of_the_fixture():
    assert hubness.active_items(SQ, 1).tolist() == [False, True, False]
    scores = hubness.dynamic_inverted_softmax(S, SQ, 20)
    assert scores[0].tolist() == S[0].tolist()
    np.testing.assert_array_equal(scores[1], hubness.inverted_softmax(S, SQ, 20)[1])


def test_dual_inverted_softmax_of_the_fixture():
    scores = hubness.dual_inverted_softmax(S, SQ, SG, 20, 3)
    np.testing.assert_allclose(np.exp(scores), [[.800914, .038107, .075901], [.002549, .024057, 1.899649]], atol=1e-6)
    np.testing.assert_allclose(softmax.dual_bias(SQ, SG, 20, 3, "product"), [-.309652, -.422059, -.212101], atol=1e-6)
    np.testing.assert_allclose(scores, 23 * (S + softmax.dual_bias(SQ, SG, 20, 3, "product")), atol=1e-12)


def test_csls_and_gc_of_the_fixture():
    np.testing.assert_allclose(hubness.csls(S, SQ, 2), [[.39, .26, .10], [-.11, .22, .38]], atol=1e-12)
    np.testing.assert_allclose(S - hubness.globally_corrected(S, SQ), [[0, 2, 1], [3, 3, 0]], atol=1e-12)


def test_the_hub_of_the_fixture_loses_a_query():
    assert S.argmax(1).tolist() == [0, 1]
    for name in ("is", "dis", "csls", "gc", "sinkhorn", "dual", "additive", "code", "case"):
        assert ALL[name](S, SQ, SG).argmax(1).tolist() == [0, 2], name


# ------------------------------------------------------------ hand cases on 2 x 3


def test_powers_of_two_by_hand():
    # beta = log 2, so that exp(beta s) = 2**s
    s, bank = np.array([[1., 2, 3], [0, 2, 1]]), np.array([[0., 1, 2], [1, 1, 2]])
    # denominators 1 + 2, 2 + 2, 4 + 4
    np.testing.assert_allclose(np.exp(hubness.inverted_softmax(s, bank, np.log(2))), [[2 / 3, 1, 1], [1 / 3, 1, .25]])
    gallery = np.array([[3., 0, 0]])  # denominators 8, 1, 1
    dual = hubness.dual_inverted_softmax(s, bank, gallery, np.log(2), np.log(2))
    np.testing.assert_allclose(np.exp(dual), [[4 / 24, 4, 8], [1 / 24, 4, .5]])
    # A_Q(1) = {2}, A_G(1) = {0}: row 0 has its best at 2 (open to Q alone), row 1 at 1 (closed to both)
    assert order(hubness.dual_dynamic_inverted_softmax(s, bank, gallery, np.log(2), np.log(2)))[0].tolist() == [2, 1, 0]
    code = hubness.dual_dynamic_inverted_softmax(s, bank, gallery, np.log(2), np.log(2))
    # 1 * 2/3, 2 * 1, 3 * 1 as logarithms over the smallest
    np.testing.assert_allclose(code[0], np.log(np.array([1, 3, 4.5])) + 1)
    assert code[1].tolist() == [0, 4, 1]
    case = hubness.dual_dynamic_inverted_softmax(s, bank, gallery, np.log(2), np.log(2), form="case")
    np.testing.assert_allclose(np.exp(case[0]), [2 / 3, 1, 1])
    assert case[1].tolist() == [0, 2, 1]


def test_csls_and_gc_by_hand():
    s, bank = np.array([[.5, .4, .3], [.1, .2, .3]]), np.array([[.6, .1, .3], [.2, .3, .2], [.4, .2, .1]])
    np.testing.assert_allclose(hubness.csls(s, bank, 2), [[.5, .55, .35], [-.3, .15, .35]])  # means .5, .25, .25
    np.testing.assert_allclose(hubness.csls(s, bank, 99), hubness.csls(s, bank, 3))
    np.testing.assert_allclose(hubness.globally_corrected(s, bank), [[-.5, .4, .3], [-2.9, -.8, .3]])


@pytest.mark.parametrize("n_bank", [9, 10, 11, 640, 657, 2_000])
def test_the_highest_of_large_banks_are_those_of_a_sort(n_bank):
    bank = np.random.default_rng(n_bank).integers(-100, 100, (n_bank, 30)) / 100
    bank[3:, 4] = -np.inf  # an item that few may be compared with
    wanted = np.sort(bank, axis=0)[::-1][:10].copy()
    wanted[~np.isfinite(wanted)] = np.nan
    np.testing.assert_allclose(hubness.csls(np.zeros((1, 30)), bank, 10)[0], -np.nanmean(wanted, axis=0), atol=1e-12)


def test_sinkhorn_by_hand():
    # one bank row: every item's scaling undoes its own similarity
    scalings = hubness.sinkhorn_scalings(np.array([[.1, .2, .4]]), 10, None)
    np.testing.assert_allclose(scalings.log_items - scalings.log_items[0], [0, -1, -3], atol=1e-12)
    assert scalings.converged and np.exp(scalings.log_prior).sum() == pytest.approx(1)


def test_products_of_negative_scores_keep_the_published_order():
    # open to Q alone: scores times the softmax; among negative ones the larger softmax is the lower rank
    s = np.array([[.5, -.4, -.4, 0., .1]])
    bank = np.array([[.9, .1, -.5, 0., 0.]])
    gallery = np.array([[0., 0, 0, 0, 1.]])
    published = np.exp(20 * s) / np.exp(20 * bank) * s
    scores = hubness.dual_dynamic_inverted_softmax(s, bank, gallery, 20, 1)
    assert order(scores).tolist() == order(published).tolist() == [[4, 0, 3, 1, 2]]
    assert np.sign(scores).tolist() == np.sign(s).tolist()


def test_rows_without_a_gate_are_squared_by_the_program_and_left_by_the_case_form():
    s, bank = np.array([[-.3, -.2, -.9]]), np.array([[1., 0, 0]])
    assert hubness.dual_dynamic_inverted_softmax(s, bank, bank).tolist() == (s * s).tolist()
    assert hubness.dual_dynamic_inverted_softmax(s, bank, bank, form="case").tolist() == s.tolist()


# ------------------------------------------------------------ properties


@pytest.mark.parametrize("name", ALL)
def test_inputs_stay_and_the_answer_is_float64(name):
    for kind in (np.float32, np.float64):
        given_tables = [table.astype(kind) for table in (S, SQ, SG)]
        before = [table.copy() for table in given_tables]
        for table in given_tables:
            table.flags.writeable = False
        scores = ALL[name](*given_tables)
        assert scores.dtype == np.float64 and scores.shape == S.shape
        assert scores.flags.writeable and not any(np.shares_memory(scores, table) for table in given_tables)
        for table, old in zip(given_tables, before):
            np.testing.assert_array_equal(table, old)


@given(tables_of(HUNDREDTHS), st.randoms())
def test_permuting_items_permutes_scores(drawn, random):
    mixed = list(range(drawn[0].shape[1]))
    random.shuffle(mixed)
    for name, correct in ALL.items():
        # Ties for a place in the activation set go by column, so gates need a unique best.
        if name in ("dis", "code", "case") and any(len(set(row)) < len(row) for table in drawn for row in table.tolist()):
            continue
        one, other = correct(*drawn)[:, mixed], correct(*[table[:, mixed] for table in drawn])
        np.testing.assert_allclose(one, other, atol=1e-9, err_msg=name)


@given(tables_of(HUNDREDTHS))
def test_one_query_at_a_time_gives_the_same(drawn):
    """No correction looks at other test queries."""
    s, query_bank, gallery_bank = drawn
    for name, correct in ALL.items():
        together = correct(s, query_bank, gallery_bank)
        for i in range(len(s)):
            np.testing.assert_array_equal(correct(s[i : i + 1], query_bank, gallery_bank)[0], together[i], err_msg=name)


@given(tables_of(HUNDREDTHS), st.randoms())
def test_the_order_of_a_bank_does_not_matter(drawn, random):
    s, *used = drawn
    mixed = [np.array(random.sample(bank.tolist(), len(bank))) for bank in used]
    for name, correct in ALL.items():
        np.testing.assert_allclose(correct(s, *used), correct(s, *mixed), atol=1e-9, err_msg=name)


@given(tables_of(HUNDREDTHS), st.sampled_from([0.5, 20.0, 5_000.0]))
def test_a_bank_that_is_the_test_gives_columns_that_sum_to_one(drawn, beta):
    table = drawn[0]
    np.testing.assert_allclose(np.exp(hubness.inverted_softmax(table, table, beta)).sum(axis=0), 1, rtol=1e-9)


@given(tables_of(HUNDREDTHS), st.floats(-1, 1))
def test_a_hub_of_the_bank_falls_in_every_query(drawn, more):
    """The more the bank likes an item, the lower it stands: its score falls as its column rises, others' stay."""
    s, query_bank, gallery_bank = drawn
    liked = query_bank.copy()
    liked[:, 0] += abs(more) + 0.01
    for name in ("is", "csls", "dual", "additive"):
        before, after = ALL[name](s, query_bank, gallery_bank), ALL[name](s, liked, gallery_bank)
        assert (after[:, 0] < before[:, 0]).all(), name
        np.testing.assert_array_equal(after[:, 1:], before[:, 1:], err_msg=name)
    raised = hubness.globally_corrected(s, liked)
    assert (raised[:, 0] <= hubness.globally_corrected(s, query_bank)[:, 0]).all()


@given(tables_of(HUNDREDTHS), st.sampled_from([-2.0, -0.5, 0.25, 3.0]))
def test_a_constant_on_all_of_bank_and_scores_changes_no_ranking(drawn, constant):
    s, query_bank, gallery_bank = drawn
    moved = [table + constant for table in drawn]
    for name in ("is", "csls", "sinkhorn", "dual", "additive"):
        one, other = ALL[name](s, query_bank, gallery_bank), ALL[name](*moved)
        difference = other - one
        np.testing.assert_allclose(difference - difference[:, :1], 0, atol=1e-8, err_msg=name)
    ranks = s - hubness.globally_corrected(s, query_bank)
    moved_ranks = np.round(moved[0], 6) - hubness.globally_corrected(np.round(moved[0], 6), np.round(moved[1], 6))
    np.testing.assert_allclose(ranks, moved_ranks, atol=1e-9)


@given(tables_of(HUNDREDTHS), st.data())
def test_a_constant_on_one_bank_row(drawn, data):
    """It moves neither the activation set nor the converged prior; with one row in the bank it moves no ranking."""
    s, bank, _ = drawn
    row = data.draw(st.integers(0, len(bank) - 1))
    moved = bank.copy()
    moved[row] += 0.5
    np.testing.assert_array_equal(hubness.active_items(bank), hubness.active_items(moved))
    one, other = (hubness.sinkhorn_scalings(b, 2, None) for b in (bank, moved))  # a larger beta converges slowly
    if one.converged and other.converged:
        np.testing.assert_allclose(one.log_prior, other.log_prior, atol=1e-4)
    alone, alone_moved = (hubness.inverted_softmax(s, b[row : row + 1], 20) for b in (bank, moved))
    np.testing.assert_allclose(alone - alone_moved, 10, atol=1e-9)


def test_a_constant_on_a_bank_row_moves_a_prior_that_has_not_converged():
    bank = np.random.default_rng(3).uniform(-1, 1, (20, 30))
    moved = bank.copy()
    moved[4] += 0.5
    assert np.abs(hubness.sinkhorn_scalings(bank, 20, 4).log_prior - hubness.sinkhorn_scalings(moved, 20, 4).log_prior).max() > 1e-3


@given(tables_of(HUNDREDTHS))
def test_no_beta_is_no_correction(drawn):
    s, query_bank, gallery_bank = drawn
    for scores in (
        hubness.inverted_softmax(s, query_bank, 0),
        hubness.dynamic_inverted_softmax(s, query_bank, 0),
        hubness.dual_inverted_softmax(s, query_bank, gallery_bank, 0, 0),
        hubness.dual_inverted_softmax(s, query_bank, gallery_bank, 0, 0, form="additive"),
        hubness.dual_dynamic_inverted_softmax(s, query_bank, gallery_bank, 0, 0, form="case"),
    ):
        np.testing.assert_array_equal(scores, s)
    np.testing.assert_allclose(hubness.sinkhorn_prior(s, query_bank, strength=0) / 100, s, atol=1e-12)
    np.testing.assert_array_equal(hubness.dual_inverted_softmax(s, query_bank, gallery_bank, 20, 0),
                                  hubness.inverted_softmax(s, query_bank, 20))


@given(tables_of(HUNDREDTHS))
def test_beta_near_zero_takes_each_items_mean_off(drawn):
    """The limit is the ranking of S - mean of the item in the bank; that of S itself only where those means agree."""
    s, bank, _ = drawn
    beta = 1e-5
    scores = hubness.inverted_softmax(s, bank, beta) / beta + np.log(len(bank)) / beta
    np.testing.assert_allclose(scores, s - bank.mean(axis=0), atol=1e-4)
    balanced = np.vstack([bank, -bank])
    np.testing.assert_allclose(hubness.inverted_softmax(s, balanced, beta) / beta + np.log(len(balanced)) / beta, s, atol=1e-4)


@given(tables_of(HUNDREDTHS), st.integers(0, 3))
def test_k_from_the_number_of_items_on_opens_every_gate(drawn, more):
    s, query_bank, gallery_bank = drawn
    k = s.shape[1] + more
    assert hubness.active_items(query_bank, k).all()
    np.testing.assert_array_equal(hubness.dynamic_inverted_softmax(s, query_bank, 20, k), hubness.inverted_softmax(s, query_bank, 20))
    for form in ("code", "case"):
        np.testing.assert_array_equal(
            hubness.dual_dynamic_inverted_softmax(s, query_bank, gallery_bank, 20, 1, k, form),
            hubness.dual_inverted_softmax(s, query_bank, gallery_bank, 20, 1))


@given(tables_of(HUNDREDTHS), st.integers(1, 7))
def test_the_activation_set_is_that_of_a_sort(drawn, k):
    bank = drawn[1]
    wanted = np.unique(np.argsort(-bank, axis=1, kind="stable")[:, :k])
    assert np.flatnonzero(hubness.active_items(bank, k)).tolist() == wanted.tolist()


def test_an_empty_bank_opens_no_gate():
    nothing = np.empty((0, 3))
    np.testing.assert_array_equal(hubness.dynamic_inverted_softmax(S, nothing), S)
    np.testing.assert_array_equal(hubness.dual_dynamic_inverted_softmax(S, nothing, nothing, form="case"), S)
    with pytest.raises(InputError, match="bank needs more rows"):
        hubness.inverted_softmax(S, nothing)


@given(tables_of(HUNDREDTHS))
def test_dynamic_products_are_the_published_ones(drawn):
    """The gates and products of the program, written out plainly."""
    s, query_bank, gallery_bank = drawn
    halves = []
    for bank, beta in ((query_bank, 20.0), (gallery_bank, 1.0)):
        found = set(np.argmax(bank, axis=1).tolist())
        softmaxed = np.exp(beta * s) / np.exp(beta * bank).sum(0)
        halves.append(np.stack([softmaxed[i] if s[i].argmax() in found else s[i] for i in range(len(s))]))
    published = halves[0] * halves[1]
    scores = hubness.dual_dynamic_inverted_softmax(s, query_bank, gallery_bank, 20, 1)
    for row, wanted in zip(scores, published):
        for i in range(len(row)):
            clearly = np.abs(wanted - wanted[i]) > 1e-9 * np.maximum(np.abs(wanted), np.abs(wanted[i]))
            np.testing.assert_array_equal(np.sign(row - row[i])[clearly], np.sign(wanted - wanted[i])[clearly])


def test_bank_as_test_gives_columns_that_sum_to_one():
    table = np.random.default_rng(0).uniform(-1, 1, (40, 30))
    np.testing.assert_allclose(np.exp(hubness.inverted_softmax(table, table, 20)).sum(0), 1)


@pytest.mark.parametrize("beta", [1e3, 5e3, 1e6])
def test_no_beta_overflows(beta):
    for scores in (
        hubness.inverted_softmax(S, SQ, beta),
        hubness.dynamic_inverted_softmax(S, SQ, beta),
        hubness.dual_inverted_softmax(S, SQ, SG, beta, beta),
        hubness.dual_dynamic_inverted_softmax(S - .2, SQ, SG, beta, beta),
        hubness.sinkhorn_prior(S, SQ, beta),
    ):
        assert np.isfinite(scores).all()
        assert all(len(set(row)) == 3 for row in scores.tolist())  # and nothing is level that was not


@settings(max_examples=25)
@given(tables_of(HUNDREDTHS), st.sampled_from(["ucofia", "dbsn"]))
def test_sinkhorn_marginals_are_uniform(drawn, form):
    bank = drawn[1]
    scalings = hubness.sinkhorn_scalings(bank, 5, None, form=form)
    plan = np.exp(scalings.log_rows[:, None] + 5 * bank + scalings.log_items)
    np.testing.assert_allclose(plan.sum(0), 1 / bank.shape[1], rtol=1e-12)
    if scalings.converged:
        np.testing.assert_allclose(plan.sum(1), 1 / len(bank), rtol=2e-6)


def test_sinkhorn_without_repetition_is_the_inverted_softmax():
    prior = hubness.sinkhorn_scalings(SQ, 20, 0).log_prior + hubness.log_normalizer(SQ, 20)
    np.testing.assert_allclose(prior, prior[0], atol=1e-12)


def test_a_target_bank_is_scaled_with_the_gallery():
    bank, target = np.random.default_rng(1).uniform(-1, 1, (2, 8, 5))
    together = hubness.sinkhorn_scalings(np.hstack([bank, target]), 20, 10, form="dbsn").log_items[:5]
    scores = hubness.sinkhorn_prior(np.zeros((1, 5)), bank, 20, 10, form="dbsn", target_bank=target)[0]
    np.testing.assert_allclose(scores - scores[0], together - together[0], atol=1e-12)
    with pytest.raises(InputError, match="8 queries, not by 7"):
        hubness.sinkhorn_prior(np.zeros((1, 5)), bank, target_bank=target[:7])


@pytest.mark.parametrize("name", ALL)
def test_blocks_do_not_show(name, monkeypatch):
    rng = np.random.default_rng(4)
    drawn = [rng.uniform(-1, 1, (rows, 23)) for rows in (17, 31, 29)]
    whole = ALL[name](*drawn)
    small = lambda n, width, *_: (slice(i, min(i + 3, n)) for i in range(0, n, 3))  # noqa: E731
    for module in ("softmax", "local", "sinkhorn"):
        monkeypatch.setattr(f"core.rank.hubness.{module}.blocks", small)
    np.testing.assert_allclose(ALL[name](*drawn), whole, rtol=1e-12, atol=1e-12)


def test_blocks_stay_under_the_budget():
    parts = list(tables.blocks(1_000, 50, 8 * 50 * 7))
    assert [p.stop - p.start for p in parts[:2]] == [7, 7] and parts[-1].stop == 1_000
    assert [p.stop - p.start for p in tables.blocks(3, 10**9, 1)] == [1, 1, 1]


# ------------------------------------------------------------ self-similarity


def test_a_gallery_half_with_self_left_in_silently_does_nothing():
    vectors = np.random.default_rng(5).standard_normal((300, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    itself = vectors @ vectors.T
    left_in = hubness.log_normalizer(itself, 20) / 20
    taken_out = hubness.log_normalizer(hubness.without_self(itself), 20) / 20
    assert left_in.std() < 1e-5 < 1e-2 < taken_out.std()
    np.testing.assert_allclose(itself.diagonal(), 1)  # a copy was changed
    rng = np.random.default_rng(6)
    s, bank = rng.uniform(-.5, .5, (20, 300)), rng.uniform(-.5, .5, (40, 300))
    # what a gallery half that is one number for all items gives
    constant = order(40 * s - hubness.log_normalizer(bank, 20))
    assert (order(hubness.dual_inverted_softmax(s, bank, itself, 20, 20)) == constant).mean() > 0.999
    assert (order(hubness.dual_inverted_softmax(s, bank, hubness.without_self(itself), 20, 20)) == constant).mean() < 0.9


def test_pairs_that_do_not_count_are_left_out_of_every_correction():
    rng = np.random.default_rng(7)
    s, bank = rng.uniform(-1, 1, (4, 6)), rng.uniform(-1, 1, (6, 6))
    cut = hubness.without_self(bank)
    for name, correct in ONE_BANK.items():
        scores = correct(s, cut)
        assert np.isfinite(scores).all(), name
        lower = cut.copy()
        np.fill_diagonal(lower, -50.0)
        if name not in ("csls",):
            np.testing.assert_allclose(scores, correct(s, lower), atol=1e-6, err_msg=name)
    np.testing.assert_allclose(hubness.csls(s, cut, 99), 2 * s - (bank.sum(0) - bank.diagonal()) / 5)
    part = hubness.without_self(bank[:3], np.array([4, -1, 0]))
    assert np.argwhere(np.isneginf(part)).tolist() == [[0, 4], [2, 0]]
    with pytest.raises(InputError, match="3 rows of 6 items"):
        hubness.without_self(bank[:3], np.array([0, 1]))


# ------------------------------------------------------------ a planted hub


@pytest.mark.parametrize("name", ALL)
def test_every_correction_takes_a_planted_hub_down(name):
    world = planted()
    query_bank, gallery_bank = world.bank @ world.items.T, world.gallery @ world.items.T

    def told(scores: np.ndarray) -> tuple[int, float, float]:
        n_k = hubness.k_occurrence(order(scores)[:, :10], len(world.items))
        return int(n_k[world.hub]), float(np.mean(scores.argmax(1) == world.right)), hubness.skewness(n_k)

    raw, corrected = told(world.S), told(ALL[name](world.S, query_bank, gallery_bank))
    assert raw[0] > 110 and raw[1] < 0.5
    assert corrected[0] < 0.7 * raw[0]
    assert corrected[1] > raw[1] + 0.3
    assert corrected[2] < raw[2]


# ------------------------------------------------------------ at the door


def test_what_cannot_be_corrected_is_refused():
    with pytest.raises(InputError, match="scores 2 items, the queries 3"):
        hubness.inverted_softmax(S, SQ[:, :2])
    with pytest.raises(InputError, match="table of numbers"):
        hubness.csls(S[0], SQ)
    with pytest.raises(InputError, match="not finite"):
        hubness.csls(S * np.nan, SQ)
    with pytest.raises(InputError, match="not finite"):
        hubness.csls(S, SQ * np.inf)
    with pytest.raises(InputError, match="from 0 on, not -1"):
        hubness.inverted_softmax(S, SQ, -1)
    with pytest.raises(InputError, match="above 0"):
        hubness.sinkhorn_prior(S, SQ, 0)
    with pytest.raises(InputError, match="from 1 on, not 0"):
        hubness.csls(S, SQ, 0)
    with pytest.raises(InputError, match="code and case, not 'paper'"):
        hubness.dual_dynamic_inverted_softmax(S, SQ, SG, form="paper")
    with pytest.raises(InputError, match="product and additive"):
        hubness.dual_inverted_softmax(S, SQ, SG, form="code")
    with pytest.raises(InputError, match="ucofia and dbsn"):
        hubness.sinkhorn_prior(S, SQ, form="x")


@pytest.mark.parametrize("name", ALL)
def test_no_queries_or_no_items(name):
    assert ALL[name](S[:0], SQ, SG).shape == (0, 3)
    assert ALL[name](S[:, :0], SQ[:, :0], SG[:, :0]).shape == (2, 0)

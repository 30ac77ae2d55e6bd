"""Corrections as one number per item: the ranking of the tables, from vectors, in bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Cancelled, InputError
from core.rank import hubness
from core.rank.hubness import tables
from tests.rank.planted import planted, unit


def vectors(n: int, d: int = 16, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((n, d)))


def scores_of(method: str, s: np.ndarray, query_bank: np.ndarray, gallery_bank: np.ndarray) -> np.ndarray:
    """The published scores of the method, from tables."""
    if method == "is":
        return hubness.inverted_softmax(s, query_bank, 30)
    if method == "dual_is":
        return hubness.dual_inverted_softmax(s, query_bank, gallery_bank, 30, 3)
    if method == "dual_is_additive":
        return hubness.dual_inverted_softmax(s, query_bank, gallery_bank, 30, 3, form="additive")
    return hubness.csls(s, query_bank, 5) if method == "csls" else hubness.sinkhorn_prior(s, query_bank, 30)


def same_ranking(one: np.ndarray, other: np.ndarray, *, near: float) -> bool:
    """Whether two tables rank alike, pairs nearer than `near` in the first left open."""
    steps = np.sign(one[:, :, None] - one[:, None, :])
    clear = np.abs(one[:, :, None] - one[:, None, :]) > near
    return bool((np.sign(other[:, :, None] - other[:, None, :])[clear] == steps[clear]).all())


@pytest.mark.parametrize("method", hubness.BIAS_METHODS)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([np.float64, np.float32, np.float16]))
def test_the_bias_ranks_as_the_table_does(method, seed, kind):
    rng = np.random.default_rng(seed)
    items, queries, bank, gallery = (vectors(int(n), 8, seed + i).astype(kind).astype(np.float64)
                                     for i, n in enumerate(rng.integers(2, 14, 4)))
    bias = hubness.item_bias(bank.astype(kind), items.astype(kind), method, 30, 5, gallery_vectors=gallery.astype(kind), beta2=3)
    assert bias.dtype == np.float64 and bias.shape == (len(items),)
    s = queries @ items.T
    published = scores_of(method, s, bank @ items.T, gallery @ items.T)
    assert same_ranking(s + bias, published, near=1e-12 if kind is np.float64 else 2e-5)


@pytest.mark.parametrize("method", hubness.BIAS_METHODS)
def test_blocks_do_not_show_and_inputs_stay(method):
    items, bank, gallery = vectors(70), vectors(40, seed=1), vectors(30, seed=2)
    for rows in (items, bank, gallery):
        rows.flags.writeable = False
    more = {"gallery_vectors": gallery, "bank_positions": np.r_[[3, 69, 0], np.full(37, -1)]}
    whole = hubness.item_bias(bank, items, method, **more)
    seen = []
    parts = hubness.item_bias(bank, items, method, **more, budget_bytes=40 * 8 * 6, on_progress=lambda *n: seen.append(n))
    np.testing.assert_allclose(parts, whole, atol=1e-12)
    assert seen[0] != (70, 70) and seen[-1] == (70, 70)
    single = hubness.item_bias(bank.astype(np.float32), items.astype(np.float32), method, **more)
    np.testing.assert_allclose(single, whole, atol=1e-5)


def test_memory_stays_under_the_stated_budget():
    items, bank = vectors(20_000, 32).astype(np.float16), vectors(400, 32, seed=1).astype(np.float32)
    budget = 2**20  # the whole table would take 32 MB
    for method in ("is", "csls", "sinkhorn"):
        tracemalloc.start()
        hubness.item_bias(bank, items, method, budget_bytes=budget)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 4 * budget + 2 * bank.nbytes + 4 * 8 * len(items), method


@pytest.mark.parametrize("method", hubness.BIAS_METHODS)
def test_rows_that_are_read_block_by_block_are_never_all_in_memory(method):
    items, bank, gallery = (vectors(n, seed=n).astype(np.float32) for n in (900, 40, 30))
    read: list[int] = []

    def block(part: slice) -> np.ndarray:
        read.append(part.stop - part.start)
        return items[part]

    lazy = hubness.LazyRows(items.shape, block)
    bias = hubness.item_bias(bank, lazy, method, gallery_vectors=gallery, budget_bytes=40 * 8 * 50)
    assert max(read) <= 100 and len(read) > 8
    np.testing.assert_allclose(bias, hubness.item_bias(bank, items, method, gallery_vectors=gallery), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(hubness.BIAS_METHODS), st.integers(1, 4_000))
def test_neither_blocks_nor_the_order_of_bank_or_items_matter(seed, method, budget):
    rng = np.random.default_rng(seed)
    items, bank, gallery = (vectors(int(n), 6, seed + i) for i, n in enumerate(rng.integers(2, 30, 3)))
    whole = hubness.item_bias(bank, items, method, 25, 3, gallery_vectors=gallery)
    parts = hubness.item_bias(bank, items, method, 25, 3, gallery_vectors=gallery, budget_bytes=budget)
    np.testing.assert_allclose(parts, whole, atol=1e-12)
    mixed = hubness.item_bias(rng.permutation(bank), items, method, 25, 3, gallery_vectors=rng.permutation(gallery))
    np.testing.assert_allclose(mixed, whole, atol=1e-12)
    order = rng.permutation(len(items))
    np.testing.assert_allclose(hubness.item_bias(bank, items[order], method, 25, 3, gallery_vectors=gallery), whole[order], atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 5.0, 20.0]))
def test_a_query_in_its_own_bank_levels_the_inverted_softmax_and_keeps_its_order(seed, beta):
    """x / (x + c) rises with x / c: the ranking is that of the bank without the query."""
    rng = np.random.default_rng(seed)
    items, bank = vectors(12, 6, seed), vectors(5, 6, seed + 1)
    query = items[3] + 0.3 * unit(rng.standard_normal((1, 6)))[0]
    query /= np.linalg.norm(query)
    s = query @ items.T
    with_it = s + hubness.item_bias(np.vstack([bank, query]), items, "is", beta)
    without = s + hubness.item_bias(bank, items, "is", beta)
    assert same_ranking(without[None], with_it[None], near=1e-9 * np.exp(beta * np.ptp(without)) / beta)
    assert with_it.max() <= 1e-12 and np.ptp(with_it) <= np.ptp(without) + 1e-12


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_vectors_that_are_not_finite_are_refused(wrong, kind):
    items, bank = vectors(8).astype(kind), vectors(5, seed=1).astype(kind)
    broken = items.copy()
    broken[3, 2] = wrong
    for method in hubness.BIAS_METHODS:
        with pytest.raises(InputError, match="not finite"):
            hubness.item_bias(bank, broken, method)
        with pytest.raises(InputError, match="not finite"):
            hubness.item_bias(broken, items, method)
    with pytest.raises(InputError, match="not finite"):
        hubness.active_from_vectors(bank, broken)


def test_numbers_of_the_fixture():
    # vectors whose products are the fixture's tables
    items = np.array([[.40, .35, .30, .20, .10, .22], [.55, .60, .50, .31, .29, .27], [.20, .10, .45, .05, .12, .08]])
    gallery, bank = np.eye(6)[:3], np.eye(6)[3:]
    bias = hubness.item_bias(bank, items, "dual_is", 20, gallery_vectors=gallery, beta2=3)
    np.testing.assert_allclose(bias, [-.309652, -.422059, -.212101], atol=1e-6)
    np.testing.assert_allclose(hubness.item_bias(bank, items, "csls", k=2), [-.105, -.15, -.05])


def test_which_are_exact():
    assert [m for m in hubness.BIAS_METHODS + hubness.OTHER_METHODS if hubness.exact_as_bias(m)] == list(hubness.BIAS_METHODS)
    with pytest.raises(InputError, match="depends on the query"):
        hubness.item_bias(vectors(3), vectors(4), "gc")
    with pytest.raises(InputError, match="none of them"):
        hubness.exact_as_bias("magic")


@pytest.mark.parametrize("beta", [0, 0.0])
def test_no_beta_is_no_bias(beta):
    assert not hubness.item_bias(vectors(9), vectors(4), "is", beta).any()
    assert not hubness.item_bias(vectors(9), vectors(4), "dual_is", beta, beta2=0).any()
    np.testing.assert_allclose(hubness.item_bias(vectors(9), vectors(4), "dual_is", 20, beta2=0),
                               hubness.item_bias(vectors(9), vectors(4), "is", 20))


def test_the_collection_as_its_own_bank():
    items = vectors(200, 64)
    cut = hubness.without_self(items @ items.T)
    own = hubness.item_bias(items, items, "is", 20, bank_positions=np.arange(200))
    np.testing.assert_allclose(own, -hubness.log_normalizer(cut, 20) / 20, atol=1e-12)
    left_in = hubness.item_bias(items, items, "is", 20)
    assert left_in.std() < 1e-4 < 1e-2 < own.std()
    # the gallery half is the collection with self left out, unless told otherwise
    queries = vectors(50, 64, seed=1)
    given = hubness.item_bias(queries, items, "dual_is", 20, beta2=20, gallery_vectors=items, gallery_positions=np.arange(200))
    np.testing.assert_array_equal(hubness.item_bias(queries, items, "dual_is", 20, beta2=20), given)
    # with self left in, it is half of the inverted softmax' bias and a constant: the half does nothing
    silent = hubness.item_bias(queries, items, "dual_is", 20, beta2=20, gallery_vectors=items)
    alone = hubness.item_bias(queries, items, "is", 20)
    assert (silent - alone / 2).std() < 1e-4 < 1e-2 < (given - alone / 2).std()


@pytest.mark.parametrize("method", hubness.BIAS_METHODS)
def test_a_sample_of_the_collection_as_bank(method):
    items = vectors(60)
    chosen = np.array([7, 0, 59, 31])
    queries = vectors(5, seed=9)
    bank = hubness.without_self(items[chosen] @ items.T, chosen)
    bias = hubness.item_bias(items[chosen], items, method, 30, 5, bank_positions=chosen, beta2=3, budget_bytes=4 * 8 * 10)
    published = scores_of(method, queries @ items.T, bank, hubness.without_self(items @ items.T))
    assert same_ranking(queries @ items.T + bias, published, near=1e-11)


def test_gates_from_vectors():
    items, bank = vectors(50), vectors(30, seed=1)
    for k in (1, 3, 50):
        active = hubness.active_from_vectors(bank, items, k, budget_bytes=50 * 4 * 4 * 7)
        np.testing.assert_array_equal(active, hubness.active_items(bank @ items.T, k))
    own = hubness.active_from_vectors(items, items, bank_positions=np.arange(50))
    np.testing.assert_array_equal(own, hubness.active_items(hubness.without_self(items @ items.T)))
    assert not own.all()
    assert hubness.active_from_vectors(items, items).all()  # every item finds itself


@pytest.mark.parametrize("method", hubness.BIAS_METHODS)
def test_a_planted_hub_goes_and_the_right_neighbours_return(method):
    world = planted()
    items, queries, bank, gallery = (x.astype(np.float32) for x in (world.items, world.queries, world.bank, world.gallery))
    bias = hubness.item_bias(bank, items, method, gallery_vectors=gallery)
    before = hubness.k_occurrence_from_vectors(items, 10, query_vectors=queries)
    after = hubness.k_occurrence_from_vectors(items, 10, query_vectors=queries, bias=bias)
    assert after[world.hub] < 0.7 * before[world.hub] and before[world.hub] > 110
    s = queries @ items.T
    assert np.mean((s + bias).argmax(1) == world.right) > np.mean(s.argmax(1) == world.right) + 0.3
    assert bias.argmin() == world.hub


# ------------------------------------------------------------ who finds whom


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.booleans(), st.booleans(), st.booleans())
def test_counts_are_those_of_a_plain_sort(seed, k, themselves, corrected, few_values):
    rng = np.random.default_rng(seed)
    n, q = (int(x) for x in rng.integers(2, 40, 2))
    items, queries = vectors(n, 6, seed), vectors(q, 6, seed + 1)
    if few_values:  # many ties
        items, queries = np.round(3 * items) / 8, np.round(3 * queries) / 8
    items, queries = items.astype(np.float32), queries.astype(np.float32)
    bias = rng.choice([-3.0, 0.0, 0.25], n) if corrected else None
    asked = items if themselves else queries
    scores = (asked @ items.T).astype(np.float64) + (0 if bias is None else bias)
    if themselves:
        np.fill_diagonal(scores, -np.inf)
    shift = 0 if bias is None else bias.mean()
    top = np.argsort(-np.round(scores - shift, 6), axis=1, kind="stable")[:, : min(k, n - themselves)]
    wanted = np.bincount(top.ravel(), minlength=n)
    counts = hubness.k_occurrence_from_vectors(items, k, query_vectors=None if themselves else queries, bias=bias, budget_bytes=n * 4 * 3)
    assert counts.dtype == np.int64 and counts.sum() == top.size
    if few_values or bias is None:
        np.testing.assert_array_equal(counts, wanted)
    else:
        assert np.abs(counts - wanted).sum() <= 2  # a score that rounds the other way


@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([None, 2]))
def test_best_columns_are_those_of_a_stable_sort(seed, k, decimals):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, rng.choice([2, 5, 10_000]), (4, 50)) / 1_000
    level = scores if decimals is None else np.round(scores, decimals)
    np.testing.assert_array_equal(tables.best_columns(scores, k, decimals), np.argsort(-level, axis=1, kind="stable")[:, :k])


def test_as_many_level_items_as_there_are_go_by_position():
    items = np.tile(unit(np.ones((1, 4))), (90, 1)).astype(np.float32)
    counts = hubness.k_occurrence_from_vectors(items, 3, query_vectors=items[:5], bias=np.zeros(90))
    assert counts.tolist() == [5, 5, 5] + [0] * 87


def test_a_correction_counts_the_items_themselves_too():
    items = planted().items.astype(np.float32)
    plain = hubness.k_occurrence_from_vectors(items)
    np.testing.assert_array_equal(plain, hubness.k_occurrence_from_vectors(items, bias=np.full(len(items), 5.0)))
    bias = hubness.item_bias(items, items, "is", 20, bank_positions=np.arange(len(items)))
    assert hubness.k_occurrence_from_vectors(items, bias=bias)[0] < plain[0]


# ------------------------------------------------------------ at the door


def test_what_cannot_be_a_bank_is_refused():
    items = vectors(5)
    with pytest.raises(InputError, match="8 dimensions, the items 16"):
        hubness.item_bias(vectors(3, 8), items)
    with pytest.raises(InputError, match="empty"):
        hubness.item_bias(items[:0], items)
    with pytest.raises(InputError, match="item 5, but there are 5"):
        hubness.item_bias(items[:1], items, bank_positions=np.array([5]))
    with pytest.raises(InputError, match="1 rows, but 2 positions"):
        hubness.item_bias(items[:1], items, bank_positions=np.array([0, 1]))
    for method in ("is", "csls", "sinkhorn"):
        with pytest.raises(InputError, match="nothing"):
            hubness.item_bias(items[:1], items, method, bank_positions=np.array([0]))
    with pytest.raises(InputError, match="shape \\(4,\\) does not fit 5"):
        hubness.k_occurrence_from_vectors(items, bias=np.zeros(4))
    assert hubness.item_bias(items, items[:0]).shape == (0,)


def test_it_can_be_stopped():
    def stop(done: int, total: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        hubness.item_bias(vectors(5), vectors(6), on_progress=stop)


def test_a_single_row_is_always_allowed():
    assert len(list(tables.blocks(4, 10**6, 1))) == 4

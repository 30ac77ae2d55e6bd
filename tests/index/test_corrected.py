"""Cosine plus a bias: the order of all rows, found without scoring all of them exactly, and the ranks before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.index import corrected, exact, usearch
from core.store import Collection
from core.types import VectorSet
from tests.search.conftest import new_item


def world(n: int, d: int = 32, seed: int = 0, spread: float = 0.05):  # noqa: ANN201
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, d)) + 0.7
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    query = rng.standard_normal(d) + 0.7
    return (rows.astype(np.float16), (query / np.linalg.norm(query)).astype(np.float32),
            (spread * rng.standard_normal(n)).astype(np.float32), np.array([f"i{x:05d}" for x in rng.permutation(n)]))


def brute(matrix, query, bias, allowed, ids):  # noqa: ANN001, ANN201
    cosines = exact.score(matrix, query, allowed)
    scores = cosines.astype(np.float64) + bias[allowed]
    plain = exact.rank_order(cosines, allowed, ids)
    before = np.empty(len(allowed), np.int64)
    before[plain] = np.arange(1, len(allowed) + 1)
    order = exact.rank_order(scores, allowed, ids)
    return allowed[order], cosines[order], scores[order], before[order]


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 900), k=st.integers(1, 950), seed=st.integers(0, 99), spread=st.sampled_from([0.0, 1e-7, 0.01, 0.05, 2.0]),
       share=st.sampled_from([1.0, 0.8, 0.2]), twins=st.booleans())
def test_the_answer_is_that_of_all_rows(n, k, seed, spread, share, twins):
    matrix, query, bias, ids = world(n, seed=seed, spread=spread)
    if twins:  # many equal rows: the id decides
        matrix[n // 2 :] = matrix[0]
        bias[n // 2 :] = bias[0]
    allowed = np.flatnonzero(np.random.default_rng(seed).random(n) <= share)
    found = corrected.top_k(matrix, query, bias, k, allowed, ids=ids)
    positions, cosines, scores, before = brute(matrix, query, bias, allowed, ids)
    k = min(k, len(allowed))
    assert found.positions.tolist() == positions[:k].tolist()
    np.testing.assert_array_equal(found.cosines, cosines[:k])
    np.testing.assert_allclose(found.scores, scores[:k], atol=1e-9)
    assert found.before.tolist() == before[:k].tolist()


def test_a_row_from_far_down_is_lifted_to_the_top():
    matrix, query, bias, ids = world(5_000, d=64)
    cosines = exact.score(matrix, query, np.arange(5_000))
    last = int(np.argmin(cosines))
    bias[last] = 5.0
    found = corrected.top_k(matrix, query, bias, 3, np.arange(5_000), ids=ids)
    assert found.positions[0] == last and found.before[0] == 5_000


def test_ranks_before_are_near_where_too_many_rows_are_alike():
    matrix, query, bias, ids = world(9_000)
    matrix[:] = matrix[0]
    found = corrected.top_k(matrix, query, bias, 5, np.arange(9_000), ids=ids)
    assert found.positions.tolist() == brute(matrix, query, bias, np.arange(9_000), ids)[0][:5].tolist()
    assert (found.before >= 1).all() and (found.before <= 9_000).all()


def test_what_is_given_back_is_asked_for_the_best_alone_and_the_answer_is_that_of_all():
    matrix, query, bias, ids = world(5_000, d=64)
    cosines = exact.score(matrix, query, np.arange(5_000)).astype(np.float64)
    p = np.exp(20.0 * (cosines + bias) - 20.0 * (cosines + bias).max() - 0.1)
    given_back = -np.log1p(-p) / 20.0  # as of the inverted softmax: it rises with cosine + bias
    asked: list[np.ndarray] = []

    def own(positions: np.ndarray, given: np.ndarray) -> np.ndarray:
        np.testing.assert_allclose(given, cosines[positions], atol=1e-7)
        asked.append(positions)
        return given_back[positions]

    found = corrected.top_k(matrix, query, bias, 20, np.arange(5_000), ids=ids, own=own)
    positions, _, scores, before = brute(matrix, query, bias + given_back, np.arange(5_000), ids)
    assert found.positions.tolist() == positions[:20].tolist() and found.before.tolist() == before[:20].tolist()
    np.testing.assert_allclose(found.scores, scores[:20], atol=1e-9)
    assert given_back[found.positions].min() > 0.0 and len(asked[0]) == corrected._OWN_DEPTH < 5_000
    assert sum(map(len, asked)) < 600 and len(np.unique(np.concatenate(asked))) == sum(map(len, asked))


@pytest.mark.parametrize("k", [0, 3])
def test_nothing_is_found_in_nothing(k):
    matrix, query, bias, ids = world(10)
    found = corrected.top_k(matrix, query, bias, k, np.arange(0 if k else 10), ids=ids)
    assert len(found.positions) == len(found.before) == 0


def test_with_the_index_rows_with_a_high_bias_are_looked_at_too(home):
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((3_000, 16)) + 0.5
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    collection = Collection.create("Many")
    collection.add_set(VectorSet("s-1", "", "", "", "joint", 16))
    ids = [f"i{x:05d}" for x in range(3_000)]
    collection.commit([new_item(i) for i in ids], {"s-1": (ids, rows.astype(np.float32))})
    collection.activate("s-1")
    view, query = collection.view(), rows[7].astype(np.float32)
    bias = (0.02 * rng.standard_normal(3_000)).astype(np.float32)
    far = int(np.argmin(exact.score(view.matrix, query, view.live)))
    bias[far] = 3.0
    usearch.save(collection, view)
    near = corrected.search_corrected(collection, view, query, 10, bias, mode="usearch", exclude=np.array([7]))
    whole = corrected.search_corrected(collection, view, query, 10, bias, mode="exact", exclude=np.array([7]))
    assert (near.plan, whole.plan) == ("approximate", "exact")
    assert near.positions[0] == whole.positions[0] == far and 7 not in near.positions
    assert len(set(near.positions.tolist()) & set(whole.positions.tolist())) >= 9
    # A filter is small work and exact.
    some = np.arange(0, 3_000, 3)
    assert corrected.search_corrected(collection, view, query, 10, bias, some, "usearch").plan == "exact"


def indexed(n: int = 3_000, d: int = 16, dead: int = 0):  # noqa: ANN201
    """A collection with an index; the `dead` rows nearest to the query were put in the trash after it was built."""
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((n, d)) + 0.5
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    collection = Collection.create("Many")
    collection.add_set(VectorSet("s-1", "", "", "", "joint", d))
    ids = [f"i{x:05d}" for x in range(n)]
    collection.commit([new_item(i) for i in ids], {"s-1": (ids, rows.astype(np.float32))})
    collection.activate("s-1")
    view, query = collection.view(), rows[7].astype(np.float32)
    usearch.save(collection, view)
    if dead:
        collection.trash_items(view.item_ids[np.argsort(-exact.score(view.matrix, query, view.live))[:dead]].tolist())
    return collection, collection.view(), query


@pytest.mark.parametrize("dead", [200, 1_500])
def test_with_the_index_rows_in_the_trash_never_shorten_the_answer(home, dead):
    collection, view, query = indexed(dead=dead)
    bias = np.zeros(3_000, np.float32)
    bias[~view.alive] = 5.0  # they would be lifted first
    found = corrected.search_corrected(collection, view, query, 60, bias, mode="usearch")
    assert len(found.positions) == 60 and view.alive[found.positions].all()
    whole = corrected.search_corrected(collection, view, query, 60, bias, mode="exact")
    assert len(set(found.positions.tolist()) & set(whole.positions.tolist())) >= 55


def test_rows_in_the_trash_are_not_lifted(home):
    collection, view, _ = indexed()
    bias = np.arange(3_000, dtype=np.float32)
    collection.trash_items([str(view.item_ids[2_999]), str(view.item_ids[2_997])])
    lifted = corrected.highest(bias, collection.view())
    assert lifted.positions[:3].tolist() == [2_998, 2_996, 2_995] and len(lifted.positions) == 2_998
    assert len(lifted.rows) == corrected._INDEX_LIFTED
    np.testing.assert_array_equal(lifted.rows[1], view.rows([2_996])[0])


def test_with_the_index_a_rank_before_is_right_or_said_to_be_the_least(home):
    collection, view, query = indexed()
    rng = np.random.default_rng(4)
    bias = (0.05 * rng.standard_normal(3_000)).astype(np.float32)
    far = np.argsort(exact.score(view.matrix, query, view.live))[:40]
    bias[far] += 3.0
    found = corrected.search_corrected(collection, view, query, 80, bias, mode="usearch")
    whole = corrected.search_corrected(collection, view, query, 3_000, bias, mode="exact")
    true = dict(zip(whole.positions.tolist(), whole.before.tolist()))
    assert (found.plan, whole.plan, whole.deeper) == ("approximate", "exact", None)
    assert set(found.positions[:40].tolist()) == set(far.tolist()) and found.deeper[:40].all()
    for position, before, deeper in zip(found.positions.tolist(), found.before.tolist(), found.deeper.tolist()):
        if deeper:
            assert 256 < before <= true[position]
        else:
            assert abs(before - true[position]) <= 2  # the index may miss one
    some = found.take(slice(30, 50))
    assert some.deeper.tolist() == found.deeper[30:50].tolist()


def test_ranks_before_are_exact_at_the_top_and_near_further_down():
    matrix, query, bias, ids = world(30_000, spread=0.3)
    found = corrected.top_k(matrix, query, bias, 60, np.arange(30_000), ids=ids)
    positions, _, _, before = brute(matrix, query, bias, np.arange(30_000), ids)
    assert found.positions.tolist() == positions[:60].tolist()
    true = before[:60]
    assert true.max() > 10 * corrected._RESCORED, "so many that not all are scored again"
    exactly = true <= 100
    assert exactly.sum() >= 3 and found.before[exactly].tolist() == true[exactly].tolist()
    assert np.abs(found.before - true).max() <= 0.01 * 30_000

"""The kNN graph against hand cases and a plain oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Cancelled, InputError
from core.graph import knn, pairs
from core.graph.selecting import select
from tests.graph.fakes import FakeCollection, FakeView, clustered, unit


def oracle(vectors: np.ndarray, k: int) -> list[list[int]]:
    """Sort every row by (-round(cosine, 6), number), the item itself left out."""
    products = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    rows = []
    for i, row in enumerate(products):
        others = [j for j in range(len(row)) if j != i]
        rows.append(sorted(others, key=lambda j: (-round(float(row[j]), 6), j))[:k])
    return rows


def test_hand_case_on_a_circle():
    angles = np.deg2rad([0, 10, 30, 90])
    graph = knn.build(FakeView(np.column_stack([np.cos(angles), np.sin(angles)]), ["a", "b", "c", "d"]), k=2)
    assert graph.item_ids.tolist() == ["a", "b", "c", "d"]
    assert graph.neighbors.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    np.testing.assert_allclose(graph.similarities[0], np.cos(np.deg2rad([10, 30])), atol=1e-6)
    assert graph.neighbors.dtype == np.int32 and graph.similarities.dtype == np.float32


def test_order_of_arrival_does_not_matter():
    vectors = clustered(40)
    ids = [f"i{j:02d}" for j in range(40)]
    mixed = np.random.default_rng(1).permutation(40)
    one = knn.build(FakeView(vectors, ids), k=5)
    two = knn.build(FakeView(vectors[mixed], [ids[j] for j in mixed]), k=5)
    assert one.item_ids.tolist() == two.item_ids.tolist()
    assert one.neighbors.tolist() == two.neighbors.tolist()


def test_dead_rows_are_neither_listed_nor_found():
    vectors = clustered(20)
    alive = np.ones(20, bool)
    alive[[3, 7]] = False
    graph = knn.build(FakeView(vectors, alive=alive), k=4)
    assert len(graph.item_ids) == 18 and "i00003" not in graph.item_ids
    kept = np.flatnonzero(alive)
    assert graph.neighbors.tolist() == oracle(vectors[kept], 4)


def test_self_is_left_out_among_identical_images_and_ties_go_to_the_lower_id():
    vectors = unit(np.ones((6, 3)))
    graph = knn.build(FakeView(vectors), k=3)
    assert graph.neighbors.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2], [0, 1, 2]]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_fewer_items_than_neighbours(n):
    graph = knn.build(FakeView(clustered(n) if n else np.zeros((0, 4))), k=30)
    assert graph.neighbors.shape == (n, max(n - 1, 0))
    assert all(sorted([*row, i]) == list(range(n)) for i, row in enumerate(graph.neighbors.tolist()))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any), min_size=2, max_size=30),
       st.integers(1, 8), st.booleans())
def test_both_ways_equal_the_oracle_on_small_integer_vectors_full_of_ties(rows, k, rough):
    vectors = unit(np.array(rows))
    k = min(k, len(rows) - 1)
    found = knn.nearest(vectors, k, rough=rough)
    neighbors, similarities = found.neighbors, found.similarities
    # equal up to the last bit of float32: the oracle's similarity at each place is the same
    products = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    expected = np.take_along_axis(products, np.array(oracle(vectors, k)), axis=1)
    np.testing.assert_allclose(similarities, np.clip(expected, -1, 1), atol=3e-6)
    assert all(i not in row and len(set(row)) == k for i, row in enumerate(neighbors.tolist()))


def test_rough_products_lose_no_neighbour():
    vectors = clustered(700, d=64, n_clusters=6, spread=0.5)
    vectors[100:270] = vectors[3]  # more identical images than candidates
    exact, rough = knn.nearest(vectors, 10, rough=False), knn.nearest(vectors, 10, rough=True)
    np.testing.assert_allclose(exact.similarities, rough.similarities, atol=2e-6)
    assert np.mean(exact.neighbors == rough.neighbors) > 0.999
    # the identical ones cannot be told apart by rough products, and some that have them among their nearest cannot either
    assert exact.in_full == 700 and 171 <= rough.in_full < 250


@pytest.mark.parametrize(("n", "alike"), [(700, 0), (701, 40), (1_003, 500), (1_003, 1_003)])
def test_each_pair_multiplied_once_loses_no_neighbour_also_where_many_are_level(monkeypatch, n, alike):
    monkeypatch.setattr(pairs, "BLOCK_BYTES", 4 * 64 * n)
    monkeypatch.setattr(pairs, "_FIRST_ROWS", 24)
    monkeypatch.setattr(pairs, "_SCANNED", 4 * n)
    monkeypatch.setattr(pairs, "_SETTLED", 128)
    vectors = clustered(n)
    vectors[:alike] = vectors[0]  # many level ones: the lower numbers, wherever they stand
    products = vectors @ vectors.T
    products[np.arange(n), np.arange(n)] = -np.inf
    columns, _ = select(products, np.broadcast_to(np.arange(n), (n, n)), 6)
    found = knn.nearest(vectors, 6, rough=False)
    assert np.mean(found.neighbors == columns) > 0.999  # products of other blocks may differ in the last bit
    np.testing.assert_allclose(found.similarities, np.take_along_axis(products, columns, axis=1), atol=2e-6)
    if alike:
        assert found.neighbors[alike - 1].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("alike", [False, True])
def test_what_is_kept_grows_with_the_logarithm_however_the_rows_are_sorted(monkeypatch, alike):
    """Sorted by cluster, as folders are, a block of neighbours would else all be kept; so would level products."""
    monkeypatch.setattr(pairs, "BLOCK_BYTES", 4 * 40 * 3_000)
    vectors = np.repeat(unit(np.eye(6)), 500, axis=0)
    if not alike:
        vectors = unit(vectors + 0.1 * np.random.default_rng(0).standard_normal((3_000, 6)))
    kept = []
    settle = pairs._Best.settle
    monkeypatch.setattr(pairs._Best, "settle", lambda best, pool: (kept.append(best.n_offered), settle(best, pool)))
    pairs.nearest_pairs(vectors.astype(np.float32), 5)
    # k ln(n / m0) + k a row and some from thresholds that lag behind, where 500 are near
    assert sum(kept[1:]) < 3_000 * 5 * (np.log(3_000 / 128) + 1) * 2


@pytest.mark.parametrize(("bf16", "loaded", "wanted"), [(False, True, False), (True, True, True), (True, False, False)])
def test_rough_products_are_taken_only_where_the_processor_makes_them_fast(monkeypatch, bf16, loaded, wanted):
    """Where it has no bfloat16 a processor takes ten times as long for them as for float32."""
    monkeypatch.setattr(knn, "has_bf16", lambda: bf16)
    monkeypatch.setattr(knn, "_ROUGH_FROM_LOADED", 100)
    monkeypatch.setattr(knn.sys, "modules", {"torch": None} if loaded else {})
    assert knn._rough_is_faster(200) is wanted
    monkeypatch.setattr(knn, "_ROUGH_FROM", 150)
    assert knn._rough_is_faster(200) is bf16


def test_progress_reaches_the_end_and_can_cancel(monkeypatch):
    monkeypatch.setattr(pairs, "BLOCK_BYTES", 50 * 4 * 10)
    monkeypatch.setattr(pairs, "_FIRST_ROWS", 10)
    seen = []
    knn.nearest(clustered(50), 2, lambda done, total: seen.append((done, total)))
    assert seen[0] == (18, 50), "a tenth of the rows and 1 - 0.8 ** 2 of the products"
    assert seen[-1] == (50, 50) and [done for done, _ in seen] == sorted({done for done, _ in seen})

    def stop(done: int, total: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        knn.build(FakeView(clustered(50)), on_progress=stop)


def test_k_below_one_is_refused():
    with pytest.raises(InputError, match="not 0"):
        knn.build(FakeView(clustered(5)), k=0)


def test_the_nearest_of_a_few_are_those_of_the_whole_graph(monkeypatch):
    monkeypatch.setattr(knn, "_BLOCK_ROWS", 64)
    alive = np.ones(300, bool)
    alive[[3, 77]] = False
    vectors = clustered(300)
    vectors[11] = vectors[10]  # identical: the other one is a neighbour, the item itself is not
    view = FakeView(vectors, [f"i{(7 * j) % 300:05d}" for j in range(300)], alive)
    graph = knn.build(view, k=6)
    asked = [str(view.item_ids[at]) for at in (10, 250, 11, 3)]
    near = knn.around(view, [*asked, asked[0], "no-such-item"], 6)
    assert set(near) == set(asked[:3])
    for item_id, others in near.items():
        row = int(np.flatnonzero(graph.item_ids == item_id)[0])
        assert others == graph.item_ids[graph.neighbors[row]].tolist()
    assert knn.around(view, ["no-such-item"], 6) == {}
    assert knn.around(FakeView(clustered(2)), ["i00000"], 6) == {"i00000": ["i00001"]}
    assert knn.around(FakeView(clustered(1)), ["i00000"], 6) == {"i00000": []}


def test_k_occurrence_counts_others_only():
    angles = np.deg2rad([0, 10, 30, 90])
    graph = knn.build(FakeView(np.column_stack([np.cos(angles), np.sin(angles)])), k=2)
    assert knn.k_occurrence(graph, 2).tolist() == [2, 3, 3, 0]
    assert knn.k_occurrence(graph, 1).tolist() == [1, 2, 1, 0]
    assert knn.k_occurrence(graph, 99).sum() == 8


def test_saved_and_loaded_graph_is_the_same():
    collection, graph = FakeCollection(), knn.build(FakeView(clustered(12), generation=7), k=4)
    assert knn.load(collection) is None
    knn.save(collection, graph)
    again = knn.load(collection)
    assert again.generation == 7 and again.set_id == "fake-1" and again.exact
    assert again.item_ids.dtype.kind == "U" and again.item_ids.tolist() == graph.item_ids.tolist()
    assert again.neighbors.tolist() == graph.neighbors.tolist()
    assert again.in_full == graph.in_full == 12

"""The layout of one query's neighbourhood."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.atlas import neighbourhood
from core.graph import knn
from tests.graph.fakes import FakeView, clustered, unit


@pytest.fixture(scope="module")
def view() -> FakeView:
    return FakeView(clustered(400, d=24, n_clusters=8, spread=0.5))


@pytest.fixture(scope="module")
def graph(view):
    return knn.build(view, k=15)


def test_hits_come_first_in_order_then_neighbours_of_the_best(view, graph):
    hits = ["i00008", "i00016", "i00000"]
    near = neighbourhood.layout(view, graph, hits, per_hit=2)
    assert near.item_ids[:3].tolist() == hits and near.n_hits == 3
    first = [str(graph.item_ids[graph.neighbors[position, 0]]) for position in (8, 16, 0)]
    expected = list(dict.fromkeys([*hits, *first]))
    assert near.item_ids[:len(expected)].tolist() == expected
    assert len(set(near.item_ids)) == len(near.item_ids) <= 9


def test_never_more_than_asked_for(view, graph):
    near = neighbourhood.layout(view, graph, list(view.item_ids[:40]), per_hit=15, max_items=60)
    assert len(near.item_ids) == 60 and near.coords.shape == (60, 2)
    assert neighbourhood.layout(view, graph, list(view.item_ids), max_items=50).n_hits == 50


def test_it_is_repeatable_finite_and_better_than_two_principal_axes(view, graph):
    hits = [f"i{j:05d}" for j in range(40)]
    one, two = (neighbourhood.layout(view, graph, hits) for _ in range(2))
    assert np.array_equal(one.coords, two.coords) and np.isfinite(one.coords).all()
    vectors = view.rows(view.positions(one.item_ids))
    similarities = vectors @ vectors.T
    assert one.preserved == neighbourhood.preserved(similarities, one.coords)
    assert one.preserved > 0.45
    assert one.preserved > neighbourhood.preserved(similarities, neighbourhood._principal_coordinates(similarities)) + 0.1


def test_query_stands_at_the_rank_weighted_mean_of_its_hits(view, graph):
    near = neighbourhood.layout(view, graph, ["i00000", "i00001", "i00002"])
    weights = np.array([1.0, 1 / np.log2(3), 0.5])
    np.testing.assert_allclose(near.query_xy, weights @ near.coords[:3] / weights.sum(), rtol=1e-5, atol=1e-6)


def test_links_are_graph_links_inside_the_picture(view, graph):
    near = neighbourhood.layout(view, graph, ["i00000", "i00008", "i00016"], per_hit=3)
    at = view.positions(near.item_ids)
    expected = {(min(i, j), max(i, j)) for i in range(len(at)) for j in range(len(at))
                if at[j] in graph.neighbors[at[i], :neighbourhood.LINKS_EACH]}
    assert {tuple(edge) for edge in near.edges.tolist()} == expected and near.edges.dtype == np.int32
    assert near.n_k.tolist() == knn.k_occurrence(graph)[at].tolist()


def test_hits_newer_than_the_graph_and_items_gone_since(view, graph):
    alive = np.ones(401, bool)
    gone = str(graph.item_ids[graph.neighbors[0, 0]])
    newer = FakeView(np.vstack([view.matrix, view.matrix[:1]]), alive=alive, generation=2)
    alive[newer.positions([gone])] = False
    newer.live = np.flatnonzero(alive)
    near = neighbourhood.layout(newer, graph, ["i00400", "i00000", "no-such-item"])
    assert near.item_ids[:2].tolist() == ["i00400", "i00000"] and near.n_hits == 2
    assert gone not in near.item_ids
    assert any(0 in edge for edge in near.edges.tolist())  # linked by its own nearest
    assert near.n_k[0] == 0


def test_another_space_brings_its_own_neighbours_and_links(view, graph):
    """`near` stands for the graph of another space: from the graph given beside it comes N_k, and nothing else."""
    other = FakeView(clustered(400, d=12, n_clusters=5, spread=0.7, seed=9))
    hits = ["i00008", "i00016", "i00000"]
    near = neighbourhood.layout(other, graph, hits, 2, near=knn.around(other, hits, neighbourhood.LINKS_EACH))
    own = neighbourhood.layout(other, knn.build(other, k=15), hits, 2)
    assert near.item_ids.tolist() == own.item_ids.tolist() and np.array_equal(near.coords, own.coords)
    of_hits = {tuple(edge) for edge in own.edges.tolist() if edge[0] < 3} & {tuple(edge) for edge in near.edges.tolist()}
    nearest = knn.around(other, hits, neighbourhood.LINKS_EACH)
    ids = near.item_ids.tolist()
    assert of_hits >= {tuple(sorted((ids.index(hit), ids.index(to)))) for hit in hits for to in nearest[hit] if to in ids}
    assert near.n_k.tolist() == knn.k_occurrence(graph)[view.positions(near.item_ids)].tolist()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 6])
def test_few_hits_without_a_graph(n):
    view = FakeView(clustered(8))
    near = neighbourhood.layout(view, None, list(view.item_ids[:n]))
    assert near.coords.shape == (n, 2) and np.isfinite(near.coords).all() and np.isfinite(near.query_xy).all()
    assert near.n_hits == n and (near.preserved == 1.0 if n < 3 else 0 <= near.preserved <= 1)


def test_identical_items_do_not_share_one_point():
    near = neighbourhood.layout(FakeView(unit(np.ones((12, 5)))), None, [f"i{j:05d}" for j in range(12)])
    assert np.isfinite(near.coords).all() and len(np.unique(np.round(near.coords, 4), axis=0)) == 12


def test_preserved_by_hand():
    line = np.array([[0.0, 0], [1, 0], [3, 0], [7, 0]], np.float32)
    similarities = -np.abs(line[:, :1] - line[:, 0]).astype(np.float32)
    assert neighbourhood.preserved(similarities, line, k=1) == 1.0
    swapped = line[[0, 3, 2, 1]]  # nearest: 0->3 (true 1), 1->2 (true 0), 2->3 (true 1), 3->0 (true 2)
    assert neighbourhood.preserved(similarities, swapped, k=1) == 0.0
    assert neighbourhood.preserved(similarities, swapped, k=3) == 1.0


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(2, 8), st.integers(0, 5))
def test_any_small_set_gives_a_finite_picture(n, d, seed):
    vectors = unit(np.random.default_rng(seed).standard_normal((n, d)).round(1) + 1e-3)
    coords = neighbourhood.place(vectors @ vectors.T)
    assert coords.shape == (n, 2) and np.isfinite(coords).all() and np.abs(coords).max(initial=0) <= 1 + 1e-6


def test_nothing_heavy_is_loaded():
    code = ("import sys; from core.atlas import neighbourhood, placement, selection, colours, clusters, projection; "
            "bad = {'umap', 'numba', 'torch', 'sklearn', 'plotly', 'pandas'} & set(sys.modules); sys.exit(str(bad) if bad else 0)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

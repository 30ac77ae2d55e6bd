"""Fitting, placing, aligning and storing the map of a collection."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from core.atlas import placement, projection, quality
from core.errors import Cancelled
from core.graph import knn
from core.types import KnnGraph, MapFit
from tests.graph.fakes import FakeCollection, FakeView, clustered, unit


@pytest.fixture(scope="module")
def view() -> FakeView:
    return FakeView(clustered(120, d=16, n_clusters=4, spread=0.3))


@pytest.fixture(scope="module")
def graph(view: FakeView) -> KnnGraph:
    return knn.build(view, k=30)


@pytest.fixture(scope="module")
def fitted(graph: KnnGraph, view: FakeView) -> MapFit:
    return projection.fit(graph, view, seed=3)


def test_umap_keeps_clusters_apart_and_says_how_good_it_is(fitted, graph):
    assert fitted.method == "umap" and fitted.coords.shape == (120, 2) and fitted.coords.dtype == np.float32
    assert np.isfinite(fitted.coords).all() and fitted.fitted.all()
    assert fitted.item_ids.tolist() == graph.item_ids.tolist()
    cluster = np.arange(120) % 4
    nearest = np.linalg.norm(fitted.coords[:, None] - fitted.coords[None], axis=2)
    np.fill_diagonal(nearest, np.inf)
    assert np.mean(cluster[nearest.argmin(axis=1)] == cluster) > 0.95
    assert fitted.trustworthiness > 0.85


def test_same_seed_same_map_and_progress(fitted, graph, view):
    seen = []
    again = projection.fit(graph, view, seed=3, on_progress=lambda done, total: seen.append((done, total)))
    assert np.array_equal(again.coords, fitted.coords)
    assert seen and all(0 <= done <= total == 500 for done, total in seen)


def test_a_fit_can_be_cancelled(graph, view):
    def stop(done: int, total: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        projection.fit(graph, view, on_progress=stop)
    # and it stands in the way of nobody: the next one, in another thread, comes to its end
    seen = []
    next_one = threading.Thread(target=projection.fit, args=(graph, view),
                                kwargs={"on_progress": lambda *at: seen.append(at)}, daemon=True)
    next_one.start()
    next_one.join(60)
    assert not next_one.is_alive() and seen


@pytest.mark.parametrize("n", [0, 1, 2, 3, 15])
def test_few_items_use_pca(n):
    small = FakeView(clustered(n) if n else np.zeros((0, 4)))
    made = projection.fit(knn.build(small), small)
    assert made.method == "pca" and made.coords.shape == (n, 2) and np.isfinite(made.coords).all()


@pytest.mark.parametrize("n", [16, 17, 40])
def test_identical_images_still_give_a_finite_map(n):
    same = FakeView(unit(np.ones((n, 4))))
    made = projection.fit(knn.build(same), same)
    assert made.method == "umap" and np.isfinite(made.coords).all()


def test_pca_of_a_line_is_the_line():
    along = np.linspace(-1, 1, 9)
    coords = projection.principal_axes((along[:, None] * np.array([3.0, 4.0, 0.0]) / 5).astype(np.float32))
    np.testing.assert_allclose(coords[:, 0], along, atol=1e-5)
    np.testing.assert_allclose(coords[:, 1], 0, atol=1e-5)


def test_pca_is_the_same_whether_taken_from_rows_or_columns():
    wide = clustered(12, d=40)
    centred = wide - wide.mean(axis=0)
    left, strength, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(projection.principal_axes(wide)), np.abs(left[:, :2] * strength[:2]), atol=1e-4)
    tall = clustered(60, d=8)
    left, strength, _ = np.linalg.svd(tall - tall.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(projection.principal_axes(tall)), np.abs(left[:, :2] * strength[:2]), atol=1e-4)


def test_pca_map_of_a_view_leaves_the_dead_out():
    alive = np.ones(10, bool)
    alive[4] = False
    made = projection.pca(FakeView(clustered(10), alive=alive, generation=3))
    assert made.method == "pca" and made.generation == 3 and "i00004" not in made.item_ids and len(made.item_ids) == 9


def test_new_items_go_to_their_own_cluster_and_nothing_else_moves(fitted):
    more = FakeView(clustered(160, d=16, n_clusters=4, spread=0.3), generation=2)
    more.matrix[:120] = clustered(120, d=16, n_clusters=4, spread=0.3)
    more.matrix[120:] = unit(more.matrix[np.arange(40)] + 0.02 * np.random.default_rng(1).standard_normal((40, 16)))
    placed = placement.transform(fitted, knn.build(more, k=30))
    assert placed.generation == 2 and placed.fitted.sum() == 120 and not placed.fitted[120:].any()
    assert np.array_equal(placed.coords[:120], fitted.coords)
    nearest = np.linalg.norm(placed.coords[120:, None] - fitted.coords[None], axis=2).argmin(axis=1)
    assert np.mean(nearest % 4 == np.arange(40) % 4) > 0.95


def test_gone_items_leave_the_map(fitted, view):
    alive = np.ones(120, bool)
    alive[::3] = False
    fewer = placement.transform(fitted, knn.build(FakeView(view.matrix, alive=alive), k=10))
    assert len(fewer.item_ids) == 80 and fewer.fitted.all()
    assert np.array_equal(fewer.coords, fitted.coords[alive])


def test_items_that_only_know_each_other_are_placed_all_the_same(fitted):
    ids = np.append(fitted.item_ids, ["z1", "z2"])
    neighbors = np.vstack([np.zeros((120, 1), np.int32), [[121], [120]]]).astype(np.int32)
    lonely = KnnGraph("fake-1", 2, ids, neighbors, np.ones((122, 1), np.float32))
    placed = placement.transform(fitted, lonely)
    np.testing.assert_allclose(placed.coords[120:], np.median(fitted.coords, axis=0)[None].repeat(2, 0), rtol=1e-5)


def test_a_chain_of_new_items_is_placed_step_by_step():
    old = MapFit("s", 1, np.array(["a"]), np.array([[2.0, 3.0]], np.float32), "umap", np.ones(1, bool))
    chain = KnnGraph("s", 2, np.array(["a", "b", "c"]), np.array([[1], [0], [1]], np.int32), np.ones((3, 1), np.float32))
    assert placement.transform(old, chain).coords.tolist() == [[2, 3], [2, 3], [2, 3]]


def test_a_turned_mirrored_scaled_and_moved_map_is_turned_back(fitted):
    angle = 1.1
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag([1, -1])
    moved = replace(fitted, coords=(2.5 * fitted.coords @ turn + [7, -3]).astype(np.float32))
    np.testing.assert_allclose(placement.align(moved, fitted).coords, fitted.coords, atol=1e-3)


def test_alignment_needs_three_common_items(fitted):
    other = replace(fitted, item_ids=np.array([f"x{i}" for i in range(120)]))
    assert placement.align(fitted, other) is fitted


def test_a_refit_is_aligned_to_the_map_before_it(fitted, graph, view):
    refit = projection.fit(graph, view, seed=11, previous=fitted)
    apart = np.linalg.norm(refit.coords - fitted.coords, axis=1).mean()
    alone = projection.fit(graph, view, seed=11)
    assert apart <= np.linalg.norm(alone.coords - fitted.coords, axis=1).mean() + 1e-3


def test_trustworthiness_is_sklearns():
    from sklearn.manifold import trustworthiness
    vectors = clustered(90, d=12, spread=1.0)
    coords = projection.principal_axes(vectors)
    expected = trustworthiness(vectors, coords, n_neighbors=10, metric="cosine")
    assert quality.trustworthiness(vectors, coords, 10) == pytest.approx(expected, abs=1e-6)


def test_saved_and_loaded_map_is_the_same(fitted):
    collection = FakeCollection()
    assert projection.load(collection) is None
    projection.save(collection, fitted)
    again = projection.load(collection)
    assert np.array_equal(again.coords, fitted.coords) and again.item_ids.tolist() == fitted.item_ids.tolist()
    assert (again.method, again.seed, again.generation) == ("umap", 3, 1)
    assert again.trustworthiness == pytest.approx(fitted.trustworthiness)

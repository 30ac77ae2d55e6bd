"""Who answers: exact search or the index; and the index against exact search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.index import exact, planner
from core.index import usearch as approximate
from core.index.planner import search_vectors
from core.store import Collection
from core.types import VectorSet
from tests.search.conftest import new_item

N, D = 1500, 32


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def clusters(rng: np.random.Generator, n: int) -> np.ndarray:
    centres = np.random.default_rng(0).normal(size=(40, D))
    return unit(centres[rng.integers(0, 40, n)] + 0.6 * rng.normal(size=(n, D)))


def add(collection: Collection, first: int, n: int, seed: int) -> None:
    ids = [f"i{first + x:05d}" for x in range(n)]
    collection.commit([new_item(i) for i in ids], {"s-1": (ids, clusters(np.random.default_rng(seed), n))})


@pytest.fixture
def collection(home: Path) -> Collection:
    made = Collection.create("Many")
    made.add_set(VectorSet("s-1", "", "", "", "joint", D))
    add(made, 0, N, 1)
    made.activate("s-1")
    return made


def same(found: tuple, expected: tuple) -> bool:
    return np.array_equal(found[0], expected[0]) and np.array_equal(found[1], expected[1])


def truth(view: object, query: np.ndarray, k: int) -> np.ndarray:
    return exact.top_k(view.matrix, query, k, view.live, ids=view.item_ids)[0]  # type: ignore[attr-defined]


def test_small_sets_filters_and_sets_without_index_are_exact(collection: Collection) -> None:
    view = collection.view()
    query = clusters(np.random.default_rng(2), 1)[0]
    *found, plan = search_vectors(collection, view, query, 10)
    assert plan == "exact" and same(found, exact.top_k(view.matrix, query, 10, ids=view.item_ids))
    *found, plan = search_vectors(collection, view, query, 10, mode="usearch")
    assert plan == "exact"  # there is none
    approximate.save(collection, view)
    subset = np.arange(5, 900, 7)
    *found, plan = search_vectors(collection, view, query, 10, subset, "usearch")
    assert plan == "exact" and same(found, exact.top_k(view.matrix, query, 10, subset, ids=view.item_ids))
    left_out = found[0][:3]
    *found, plan = search_vectors(collection, view, query, 10, subset, exclude=left_out)
    assert not set(left_out) & set(found[0]) and len(found[0]) == 10
    with pytest.raises(InputError, match="auto, exact, usearch"):
        search_vectors(collection, view, query, 10, mode="faiss")


def test_the_index_finds_nearly_all_and_scores_exactly(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    view = collection.view()
    approximate.save(collection, view)
    monkeypatch.setattr(planner, "EXACT_BELOW", N - 1)
    recall = []
    for query in clusters(np.random.default_rng(3), 40):
        positions, scores, plan = search_vectors(collection, view, query, 10)
        assert plan == "approximate" and len(positions) == 10
        assert np.array_equal(scores, exact.score(view.matrix, query, positions))
        assert exact.rank_order(scores, positions, view.item_ids).tolist() == list(range(10))
        recall.append(len(set(positions) & set(truth(view, query, 10))) / 10)
    assert np.mean(recall) >= 0.95
    assert search_vectors(collection, view, query, 10, mode="exact")[2] == "exact"
    assert search_vectors(collection, view, query, N, mode="usearch")[2] == "exact"  # everything is asked for


def test_rows_that_came_since_and_rows_that_went(collection: Collection) -> None:
    approximate.save(collection, collection.view())
    add(collection, N, 200, 4)
    probe = clusters(np.random.default_rng(5), 1)[0]
    first = truth(collection.view(), probe, 30)
    gone = [str(i) for i in collection.view().item_ids[first[:15]]]
    collection.trash_items(gone)
    collection.commit(vectors={"s-1": (["i00007"], probe[None])})  # an item's vector is replaced by the probe itself
    view = collection.view()
    index = approximate.load(collection, view)
    assert index is not None and index.covered == N < len(view)
    positions, scores, plan = search_vectors(collection, view, probe, 20, mode="usearch")
    ids = view.item_ids[positions].tolist()
    assert plan == "approximate" and not set(ids) & set(gone)
    assert ids[0] == "i00007" and scores[0] == pytest.approx(1, abs=1e-3) and len(set(ids)) == 20
    assert len(set(positions) & set(truth(view, probe, 20))) >= 19
    tail = clusters(np.random.default_rng(4), 200)[17]
    found = search_vectors(collection, view, tail, 1, mode="usearch")[0]
    assert view.item_ids[found[0]] == f"i{N + 17:05d}"


def test_an_index_that_does_not_fit_is_not_used(collection: Collection) -> None:
    view = collection.view()
    approximate.save(collection, view)
    assert approximate.load(collection, view) is approximate.load(collection, view)  # mapped once
    path, meta, generation = collection.artifact_path(approximate.ARTIFACT, "s-1")
    good = path.read_bytes()
    assert generation == view.generation and meta["epoch"] == view.epoch

    def put(writer: object, said: dict) -> None:
        collection.put_artifact_file(approximate.ARTIFACT, "s-1", writer, said, generation)

    for wrong in ({"epoch": view.epoch + 1}, {"covered": N + 1}, {"dim": 7}, {"rows": 5}, {"covered": 0}):
        put(lambda p: p.write_bytes(good), {**meta, **wrong})
        assert approximate.load(collection, view) is None, wrong
    put(lambda p: p.write_bytes(b"not an index"), meta)
    assert approximate.load(collection, view) is None
    put(lambda p: p.write_bytes(good), meta)
    assert approximate.load(collection, view) is not None
    path = collection.artifact_path(approximate.ARTIFACT, "s-1")[0]
    data = bytearray(good)
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert approximate.load(collection, view) is None  # the checksum is compared
    assert search_vectors(collection, view, view.rows([3])[0], 5, mode="usearch")[2] == "exact"


def test_building_with_one_thread_is_reproducible(collection: Collection, tmp_path: Path) -> None:
    view = collection.view()
    steps: list[tuple[int, int]] = []
    approximate.build(view, tmp_path / "a", lambda *step: steps.append(step), threads=1)
    approximate.build(view, tmp_path / "b", threads=1)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert steps[-1] == (N, N)

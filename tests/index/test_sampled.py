"""A sample that asks the index, against every pair compared."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import Cancelled
from core.index import sampled
from core.index import usearch as approximate
from core.store import Collection
from tests.index.test_planner import N, add, collection  # noqa: F401 - a fixture


def _oracle(view: object, row: int, k: int) -> list[str]:
    vectors = view.rows(view.live).astype(np.float64)
    scores = np.round(vectors @ view.rows(np.array([row]))[0].astype(np.float64), 6)
    ids = view.item_ids[view.live]
    order = [i for i in np.lexsort((ids, -scores)) if view.live[i] != row]
    return ids[order[:k]].tolist()


def test_the_sample_finds_what_comparing_all_finds(collection: Collection):  # noqa: F811
    approximate.save(collection, collection.view())
    add(collection, N, 40, seed=9)  # the index does not know these
    collection.trash_items([f"i{x:05d}" for x in range(30, 60)])
    view = collection.view()
    index = approximate.load(collection, view)
    asked, near = sampled.neighbours_of_some(index, view, 10, 400, seed=3)
    assert len(asked) == 400 == len(set(asked.tolist())) and near.shape == (400, 10)
    assert (np.diff(asked) > 0).all() and view.alive[asked].all() and view.alive[near].all()
    assert not (near == asked[:, None]).any()
    shared = [len({*view.item_ids[row].tolist()} & {*_oracle(view, at, 10)}) for at, row in zip(asked.tolist(), near)]
    assert np.mean(shared) > 9.8  # of ten; the index may miss one
    assert (near >= N).any(), "rows that came since are found as well"


def test_counts_of_a_sample_estimate_those_of_all(collection: Collection):  # noqa: F811
    approximate.save(collection, collection.view())
    view = collection.view()
    index = approximate.load(collection, view)
    some, all_of_them = (
        np.bincount(sampled.neighbours_of_some(index, view, 10, n, seed=1)[1].ravel(), minlength=N) for n in (500, N)
    )
    assert some.sum() == 5_000 and all_of_them.sum() == 10 * N
    large = np.argsort(-all_of_them)[:50]
    assert some[large].sum() / all_of_them[large].sum() == pytest.approx(1 / 3, abs=0.05)


def test_the_same_rows_ask_every_time_and_it_can_be_stopped(collection: Collection):  # noqa: F811
    approximate.save(collection, collection.view())
    view = collection.view()
    index = approximate.load(collection, view)
    one, two = (sampled.neighbours_of_some(index, view, 5, 300) for _ in range(2))
    assert one[0].tolist() == two[0].tolist() and one[1].tolist() == two[1].tolist()

    def stop(done: int, total: int) -> None:
        assert (done, total) == (256, 300)
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        sampled.neighbours_of_some(index, view, 5, 300, on_progress=stop)


def test_what_the_index_finds_of_the_true_neighbours_is_noted(collection: Collection, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    approximate.save(collection, collection.view())
    collection.trash_items([f"i{x:05d}" for x in range(30, 60)])
    view = collection.view()
    index = approximate.load(collection, view)
    asked, near = sampled.neighbours_of_some(index, view, 10, 50)
    true = np.array([view.positions(_oracle(view, at, 10)) for at in asked.tolist()])
    assert sampled.recall(view, asked, true) == 1.0
    half = true.copy()
    half[:, ::2] = -1  # five of each ten
    assert sampled.recall(view, asked, half) == 0.5
    monkeypatch.setattr(sampled, "ASKED", 50)
    monkeypatch.setattr(sampled.neighbours_of_some, "__defaults__", (50,))
    sampled.save(collection, index, view)
    kept = sampled.load(collection, view)
    assert kept.recall == sampled.recall(view, asked, near) > 0.9 and kept.neighbours.shape == (50, 20)
    assert index.index.expansion_search == approximate.EXPANSION_SEARCH  # as searches have it

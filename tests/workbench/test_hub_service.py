"""Hubs through the workbench, on a collection whose neighbours are planted."""

from __future__ import annotations

import numpy as np
import pytest

from core import encode
from core.encode import vector_sets
from core.errors import InputError
from core.graph import knn
from core.store import Collection
from core.types import NewItem
from core.workbench.hubs import HubService
from tests import fakes


def planted(n: int = 40) -> Collection:
    """A crowd of directions that all point a little towards one item, which is therefore everybody's neighbour."""
    encoder = fakes.FakeEncoder()
    encode._loaded[encoder.name] = encoder
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((n, 16)).astype(np.float32)
    vectors[0] = 0
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    hub = np.full(16, 0.25, np.float32)
    vectors = vectors + 0.8 * hub
    vectors[0] = hub
    collection = Collection.create("Planted")
    vector_set = vector_sets(encoder)[0]
    collection.add_set(vector_set)
    collection.activate(vector_set.set_id)
    ids = [f"x{i:02d}" for i in range(n)]
    items = [
        NewItem(item_id=i, sha256=i, file=f"{i}.png", path=f"/nowhere/{i}.png", width=8, height=8, n_bytes=1, date="",
                captions=(f"{list(fakes.COLOURS)[at % 12]} {at}",))
        for at, i in enumerate(ids)
    ]  # fmt: skip
    collection.commit(items, {vector_set.set_id: (ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))})
    knn.save(collection, knn.build(collection.view(), k=10))
    return collection


def test_the_planted_hub_is_found_and_its_victims_named():
    collection = planted()
    service = HubService(collection)
    view = service.report(k=5)
    assert view.hubs[0][0].item_id == "x00"
    graph = knn.load(collection)
    expected = np.bincount(graph.neighbors[:, :5].ravel(), minlength=40)
    assert view.n_k.tolist() == expected.tolist()
    assert view.n_k.sum() == 5 * 40
    assert view.mean == 5.0
    assert view.threshold == 10.0
    assert all(n_k >= 10 for _, n_k in view.hubs)
    assert view.share_captured == pytest.approx(sum(n_k for _, n_k in view.hubs) / 200)
    captured = service.captured("x00", k=5)
    assert len(captured) == min(48, view.hubs[0][1])
    for one in captured:
        row = graph.neighbors[graph.item_ids.tolist().index(one.item.item_id)]
        assert graph.item_ids[row[one.rank - 1]] == "x00"
    assert [one.rank for one in captured] == sorted(one.rank for one in captured)


def test_captions_as_queries_agree_with_a_search_by_hand():
    collection = planted()
    service = HubService(collection)
    view = service.report(k=3, query_side="captions")
    assert (view.n_queries, view.n_items) == (40, 40)
    texts = [text for (text,) in collection.select("SELECT text FROM captions ORDER BY item_id")]
    scores = encode.load_encoder("fake").encode_texts(texts) @ collection.view().rows(collection.view().live).T
    counts = np.bincount(np.argsort(-np.round(scores, 6), axis=1, kind="stable")[:, :3].ravel(), minlength=40)
    assert view.n_k.tolist() == counts.tolist()
    assert {one.text for one in service.captured(view.hubs[0][0].item_id, k=3, query_side="captions")} <= set(texts)


def test_all_hubs_are_counted_though_only_the_largest_are_shown():
    service = HubService(planted())
    every, few = service.report(k=1), service.report(k=1, n_hubs=1)
    assert every.n_hubs == len(every.hubs) > 1
    assert (few.n_hubs, len(few.hubs)) == (every.n_hubs, 1)


def test_words_are_encoded_once_for_every_run_of_a_page(monkeypatch):
    collection = planted()
    encoder, asked = encode.load_encoder("fake"), []
    real = encoder.encode_texts
    monkeypatch.setattr(encoder, "encode_texts", lambda texts: asked.append(len(texts)) or real(texts))
    for k in (3, 5, 3):
        HubService(collection).report(k=k, query_side="captions")
    assert asked == [40]


def test_nothing_to_ask_with_is_said():
    service = HubService(planted())
    with pytest.raises(InputError, match="saved or logged text queries"):
        service.report(query_side="queries")
    with pytest.raises(InputError, match="'neighbours' is none of them"):
        service.report(query_side="neighbours")


def test_before_the_graph_there_is_no_report():
    assert HubService(Collection.create("Empty")).report() is None


def test_a_k_beyond_the_stored_graph_is_counted_all_the_same():
    hubs = HubService(planted())
    view = hubs.report(k=25)
    assert (view.k, int(view.n_k.sum())) == (25, 40 * 25)
    everybody = hubs.report(k=1000)
    assert everybody.k == 39
    assert set(everybody.n_k) == {39}


def test_a_k_that_would_take_too_long_is_refused(monkeypatch):
    from core.workbench import hubs as module

    monkeypatch.setattr(module, "PLACES_AT_MOST", 40 * 20)
    assert HubService(planted()).report(k=20).k == 20
    with pytest.raises(InputError, match="k is 21; with 40 items the most is 30"):
        HubService(Collection.open("Planted")).report(k=21)


@pytest.mark.parametrize("chunk", [7, 40, 1_000])
def test_words_find_what_exact_search_finds_in_any_chunk(monkeypatch, chunk):
    from core.index.exact import top_k
    from core.workbench import hubs as module

    monkeypatch.setattr(module, "_CHUNK", chunk)
    view = planted().view()
    asked = encode.load_encoder("fake").encode_texts([f"{colour} {n}" for colour in ("red", "blue", "none") for n in range(9)])
    asked[-1] = 0  # all level: by id
    for k in (1, 3, 100):
        found = module._top_lists(view, asked, k)
        exact = [top_k(view.matrix, vector, k, view.live, ids=view.item_ids)[0] for vector in asked]
        assert view.live[found].tolist() == np.stack(exact).tolist()


def test_before_all_pairs_are_compared_a_sample_asks_the_index(monkeypatch):
    from core.index import sampled, usearch

    collection = planted(400)
    whole = HubService(collection).report(k=5)
    assert not whole.is_sample
    view = collection.view()
    usearch.save(collection, view)
    monkeypatch.setattr(sampled, "ASKED", 120)
    index = usearch.load(collection, view)
    asked, near = sampled.neighbours_of_some(index, view, 20, 120)
    monkeypatch.setattr(sampled, "neighbours_of_some", lambda *given, **named: (asked, near))
    sampled.save(collection, index, view)
    collection.drop_artifact(knn.ARTIFACT, view.set.set_id)
    seen = HubService(collection).report(k=5)
    assert seen.recall > 0.9 and whole.recall is None and (whole.in_full, seen.in_full) == (400, -1)
    assert seen.is_sample and (seen.n_items, seen.n_queries, seen.k) == (400, 120, 5)
    assert seen.mean == 1.5 and seen.threshold > 3.0  # twice the mean is reached by chance
    assert seen.hubs[0][0].item_id == whole.hubs[0][0].item_id
    assert seen.hubs[0][1] / 120 == pytest.approx(whole.hubs[0][1] / 400, abs=0.1)
    captured = HubService(collection).captured(seen.hubs[0][0].item_id, k=5, limit=500)
    assert len(captured) == seen.hubs[0][1] and {c.item.item_id for c in captured} <= set(view.item_ids[asked].tolist())
    gone = str(view.item_ids[asked[0]])
    collection.trash_items([gone])
    after = HubService(collection).report(k=5)
    assert (after.n_items, after.n_queries) == (399, 119)

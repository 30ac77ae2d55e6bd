"""Refresh and refit: what is kept, what is transformed, when a map is fitted anew. UMAP itself is tested in tests/atlas."""

from __future__ import annotations

import os

import numpy as np
import pytest

from core.atlas import clusters, projection
from core.graph import knn
from core.jobs import Queue
from core.jobs.pipelines import maps
from core.jobs.worker import do
from core.store import Collection
from tests.fakes import make_images

pytestmark = pytest.mark.usefixtures("fake", "no_worker")


@pytest.fixture
def fits(monkeypatch):
    """UMAP left out: a fit is PCA by another name. The list has one entry for each."""
    made = []

    def umap(graph, start, seed, on_progress):
        made.append(seed)
        return start

    monkeypatch.setattr(projection, "_umap", umap)
    return made


def do_all():
    queue = Queue()
    done = []
    while (job := queue.claim(os.getpid())) is not None:
        done.append(do(queue, job, reraise=True))
    return done


BUILD = maps.knn.build


def index(collection, folder, n):
    make_images(folder, n)
    Queue().add("ingest", collection.key, {"source": str(folder), "encoder": "fake"})
    return do_all()


def test_a_map_is_fitted_once_then_new_items_are_placed_in_it(tmp_path, fits):
    collection = Collection.create("c")
    jobs = index(collection, tmp_path / "p", 20)
    assert [job.kind for job in jobs] == ["ingest", "refresh"]
    assert jobs[1].result["map"] == "umap"
    assert fits == [0]
    first = projection.load(collection)
    assert first.fitted.all()
    assert clusters.load(collection) is not None
    assert dict(collection.select("SELECT item_id, n_k FROM n_k")).keys() == set(collection.ids())

    index(collection, tmp_path / "p", 23)
    assert fits == [0]
    second = projection.load(collection)
    assert (len(second.item_ids), int(second.fitted.sum())) == (23, 20)
    at = {str(i): xy for i, xy in zip(second.item_ids, second.coords)}
    for item_id, xy in zip(first.item_ids, first.coords):
        np.testing.assert_allclose(at[str(item_id)], xy, atol=1e-5)

    index(collection, tmp_path / "p", 48)  # most of it was never seen by the fit
    assert len(fits) == 2
    assert projection.load(collection).fitted.all()


def test_a_refit_is_asked_for(tmp_path, fits):
    collection = Collection.create("c")
    index(collection, tmp_path / "p", 20)
    Queue().add("refit", collection.key, {"seed": 5})
    do_all()
    assert fits == [0, 5]
    assert projection.load(collection).seed == 5


def test_the_graph_is_not_built_twice_for_the_same_vectors(tmp_path, fits, monkeypatch):
    collection = Collection.create("c")
    index(collection, tmp_path / "p", 20)
    monkeypatch.setattr(knn, "build", lambda *_, **__: pytest.fail("it was built again"))
    collection.tag(collection.ids()[:3], "changes nothing a graph depends on")
    Queue().add("refresh", collection.key)
    do_all()


def test_a_damaged_graph_and_map_are_made_again(tmp_path, fits):
    collection = Collection.create("c")
    index(collection, tmp_path / "p", 20)
    for path in collection.artifacts_folder.iterdir():
        path.write_bytes(b"damaged")
    Queue().add("refresh", collection.key)
    (job,) = do_all()
    assert job.state == "done"
    assert collection.verify() == []


def test_large_collections_get_an_index(tmp_path, fits, monkeypatch):
    from core.index import usearch

    monkeypatch.setattr(maps, "EXACT_BELOW", 10)
    collection = Collection.create("c")
    index(collection, tmp_path / "p", 20)
    assert usearch.load(collection, collection.view()).covered == 20
    visual = collection.view(next(s.set_id for s in collection.sets() if s.space == "visual"))
    assert usearch.load(collection, visual).covered == 20


def test_very_large_collections_can_be_searched_and_sampled_before_all_pairs_are_compared(tmp_path, fits, monkeypatch):
    from core.index import sampled
    from core.jobs.pipelines import ingest

    monkeypatch.setattr(maps, "EXACT_BELOW", 10)
    monkeypatch.setattr(sampled, "SAMPLED_FROM", 10)
    monkeypatch.setattr(ingest, "GRAPH_AT_ONCE", 10)
    collection = Collection.create("c")
    seen = []
    monkeypatch.setattr(maps.knn, "build", lambda view, on_progress: (seen.append(sampled.load(collection, view)), BUILD(view))[1])
    index(collection, tmp_path / "p", 24)
    (sample,) = seen
    assert sample is not None and len(sample.asked) == 24 and sample.neighbours.shape == (24, sampled.DEPTH) and sample.recall > 0.9


def test_nothing_to_draw(fits):
    collection = Collection.create("empty")
    Queue().add("refresh", collection.key)
    (job,) = do_all()
    assert job.result["items"] == 0


def test_everything_in_the_trash(tmp_path, fits):
    collection = Collection.create("c")
    index(collection, tmp_path / "p", 20)
    collection.trash_items(collection.ids())
    Queue().add("refresh", collection.key)
    (job,) = do_all()
    assert job.result["items"] == 0

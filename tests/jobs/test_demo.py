"""The demo job, with a dozen drawings: searchable while it grows, judged queries loaded once; export and verify jobs."""

from __future__ import annotations

import os

import pytest

import data.demo
import data.demo.openmoji
from core.errors import InputError
from core.jobs import Queue
from core.jobs.worker import do
from core.store import Collection
from core.workbench import Workbench

pytestmark = pytest.mark.usefixtures("no_worker")


@pytest.fixture
def few(monkeypatch, fake):
    """Twelve drawings, encoded by the fake encoder under the starter's name."""
    import core.encode

    some = data.demo.openmoji.catalogue()[:12]
    monkeypatch.setattr(data.demo.openmoji, "catalogue", lambda: some)
    monkeypatch.setattr(data.demo, "catalogue", lambda: some)
    monkeypatch.setitem(core.encode._loaded, "starter", fake)
    return some


def do_next(queue):
    return do(queue, queue.claim(os.getpid()), reraise=True)


def test_the_demo_comes_with_captions_queries_and_grades(few):
    queue = Queue()
    job = Workbench.submit_demo()
    done = do_next(queue)
    assert (done.job_id, done.result["indexed"], done.result["added"]) == (job.job_id, 12, 12)
    wb = Workbench.open(job.collection)
    item = wb.items.get(few[0].item_id)
    assert item.captions == (few[0].caption,)
    assert item.meta["category"] == few[0].category
    assert wb.collection.original_path(item.item_id).is_file()
    assert [n for _, n in wb.judgments.query_sets()] == [60]
    n_grades = len(wb.collection.judgments)
    assert n_grades > 60
    assert wb.collection.sweep() == []

    # Again: nothing new, nothing twice.
    queue.cancel(queue.jobs(live=True)[0].job_id)
    Workbench.submit_demo()
    assert do_next(queue).result["unchanged"] == 12
    assert len(wb.collection.judgments) == n_grades


def test_an_export_and_a_check_are_jobs_too(few, tmp_path):
    queue = Queue()
    key = Workbench.submit_demo().collection
    do_next(queue)
    queue.cancel(queue.jobs(live=True)[0].job_id)
    queue.add("export", key, {"path": str(tmp_path / "x" / "all.parquet")})
    assert do_next(queue).result["rows"] == 12
    assert (tmp_path / "x" / "all.parquet").is_file()
    queue.add("export", key)
    with pytest.raises(InputError, match="needs a path"):
        do_next(queue)

    collection = Collection.open_key(key)
    queue.add("verify", key)
    assert do_next(queue).result == {"problems": [], "done": []}
    collection.thumb_path(few[0].item_id).write_bytes(b"damaged")
    queue.add("verify", key, {"deep": True})
    assert [p["kind"] for p in do_next(queue).result["problems"]] == ["thumbnail"]
    queue.add("verify", key, {"repair": True})
    repaired = do_next(queue).result
    assert repaired["problems"] == []
    assert len(repaired["done"]) == 1

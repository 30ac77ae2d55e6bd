"""Tidying: old trash goes, files nobody names go, what is on its way in stays."""

from __future__ import annotations

import time

from core.jobs import Queue
from core.jobs.tidying import tidy
from core.store import Collection, trashed_collections


def test_garbage_goes_unless_a_job_waits(home):
    collection, queue = Collection.create("c"), Queue()
    stray = collection.originals_folder / "zip-1" / "a.png"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    left = home / ".spool" / "job-77"
    left.mkdir(parents=True)

    job = queue.add("ingest", collection.key)
    assert tidy(queue) == []
    assert stray.exists()
    assert not left.exists()

    queue.cancel(job.job_id)
    assert tidy(queue) == ["c"]
    assert not stray.exists()


def test_trash_lasts_thirty_days(home, monkeypatch, tmp_path):
    Collection.create("old").trash()
    queue = Queue()
    tidy(queue)
    assert len(trashed_collections()) == 1
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31 * 86400)
    tidy(queue)
    assert trashed_collections() == ()


def test_a_damaged_collection_is_left_as_it_is(home):
    Collection.create("fine")
    (home / "broken").mkdir()
    (home / "broken" / "collection.db").write_bytes(b"no database" * 100)
    (home / "broken" / "originals").mkdir()
    (home / "broken" / "originals" / "a.png").write_bytes(b"x")
    assert tidy(Queue()) == ["fine"]
    assert (home / "broken" / "originals" / "a.png").exists()

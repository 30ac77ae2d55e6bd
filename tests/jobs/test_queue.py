"""The queue: order, claiming, cancelling, heartbeats, and what happens to jobs whose worker died."""

from __future__ import annotations

import threading

import pytest

from core.errors import NotFound
from core.jobs.queue import ATTEMPTS, Queue


def test_a_job_is_queued_claimed_and_finished():
    queue = Queue()
    job = queue.add("ingest", "photos", {"source": "/pictures"})
    assert (job.state, job.kind, job.collection, job.args) == ("queued", "ingest", "photos", {"source": "/pictures"})
    assert job.live

    claimed = queue.claim(pid=7)
    assert claimed.job_id == job.job_id
    assert claimed.state == "running"
    assert queue.claim(pid=7) is None

    assert queue.beat(job.job_id, "indexing", 3, 10, 1.5, 4.7) is False
    told = queue.get(job.job_id)
    assert (told.stage, told.done, told.total, told.rate, told.eta) == ("indexing", 3, 10, 1.5, 4.7)
    assert told.heartbeat >= job.created_at

    done = queue.finish(job.job_id, "done", result={"indexed": 10})
    assert done.state == "done"
    assert done.result == {"indexed": 10}
    assert done.eta is None
    assert not done.live


def test_images_come_before_maps_and_older_before_newer():
    queue = Queue()
    refresh = queue.add("refresh", "a")
    first = queue.add("ingest", "a")
    second = queue.add("ingest", "b")
    order = [queue.claim(1).job_id for _ in range(3)]
    assert order == [first.job_id, second.job_id, refresh.job_id]


def test_a_waiting_refresh_is_not_queued_twice():
    queue = Queue()
    one = queue.add("refresh", "a")
    assert queue.add("refresh", "a").job_id == one.job_id
    assert queue.add("refresh", "b").job_id != one.job_id
    queue.claim(1)
    # One that runs already may have read the collection before the latest change.
    assert queue.add("refresh", "a").job_id != one.job_id


def test_jobs_are_listed_newest_first_by_collection_and_by_life():
    queue = Queue()
    a = queue.add("ingest", "a")
    b = queue.add("ingest", "b")
    queue.claim(1)
    queue.finish(a.job_id, "done")
    assert [job.job_id for job in queue.jobs()] == [b.job_id, a.job_id]
    assert [job.job_id for job in queue.jobs("a")] == [a.job_id]
    assert [job.job_id for job in queue.jobs(live=True)] == [b.job_id]
    assert queue.jobs("a", live=True) == ()


def test_cancelling_a_waiting_job_ends_it_and_a_running_one_is_told():
    queue = Queue()
    waiting, running = queue.add("ingest", "a"), queue.add("ingest", "b")
    queue.claim(1, only=running.job_id)
    assert queue.cancel(waiting.job_id).state == "cancelled"
    assert queue.cancel(running.job_id).state == "running"
    assert queue.beat(running.job_id) is True
    # A job that is over is told to stop too: nobody may go on with it.
    assert queue.beat(waiting.job_id) is True


def test_unknown_jobs_and_kinds():
    queue = Queue()
    with pytest.raises(NotFound, match="no job number 99"):
        queue.get(99)
    with pytest.raises(NotFound, match="no kind of job 'dance'"):
        queue.add("dance", "a")


def test_orphans_are_queued_again_keep_their_cancellation_and_give_up_in_the_end():
    queue = Queue()
    job = queue.add("ingest", "a")
    queue.claim(1)
    assert queue.resume_orphans() == [job.job_id]
    assert queue.get(job.job_id).state == "queued"

    queue.claim(1)
    queue.cancel(job.job_id)
    queue.resume_orphans()
    assert queue.get(job.job_id).state == "cancelled"

    doomed = queue.add("ingest", "a")
    for _ in range(ATTEMPTS):
        assert queue.get(doomed.job_id).state == "queued"
        queue.claim(1)
        queue.resume_orphans()
    assert queue.get(doomed.job_id).state == "failed"
    assert "ended 5 times" in queue.get(doomed.job_id).message


def test_handing_over_is_no_attempt():
    queue = Queue()
    job = queue.add("ingest", "a")
    for _ in range(ATTEMPTS + 2):
        queue.claim(1)
        queue.release(job.job_id)
    assert queue.get(job.job_id).state == "queued"


def test_a_worker_cannot_leave_while_something_waits_and_whoever_comes_later_sees_that_it_left():
    queue = Queue()
    queue.enter(5, "code")
    queue.add("ingest", "a")
    assert queue.leave(5) is False
    queue.claim(5)
    assert queue.leave(5) is True
    assert queue.worker().leaving
    assert queue.told_to_leave(5)
    assert not queue.told_to_leave(6)
    queue.enter(6, "code")
    assert not queue.worker().leaving


def test_two_claimants_never_get_the_same_job():
    queue = Queue()
    jobs = {queue.add("ingest", str(n)).job_id for n in range(20)}
    got: list[int] = []

    def claim():
        mine = Queue()
        while (job := mine.claim(1)) is not None:
            got.append(job.job_id)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(jobs)

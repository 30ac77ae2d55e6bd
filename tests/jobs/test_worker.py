"""The worker: one per home, hands over, stops when told, survives every job, and is killed without loss."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.errors import Cancelled, InputError, LoupeError
from core.jobs import launch, wait, waiting, worker
from core.jobs.lock import WorkerLock
from core.jobs.progress import HandOver, Progress
from core.jobs.queue import Queue
from core.store import Collection
from core.store import home as home_of
from tests.fakes import make_images


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# ---------------------------------------------------------------- lock and loop


def test_only_one_holds_the_lock_and_looking_does_not_take_it():
    one, other = WorkerLock(home_of()), WorkerLock(home_of())
    assert not one.is_held()
    assert one.acquire()
    assert other.is_held()
    assert not other.acquire()
    one.release()
    assert other.acquire(1.0)
    other.release()


def test_a_second_worker_gives_way():
    lock = WorkerLock(home_of())
    assert lock.acquire()
    assert worker.run_worker(wait_s=0.0, idle_s=0.0) is False
    lock.release()
    assert worker.run_worker(wait_s=0.0, idle_s=0.0) is True


def script(monkeypatch, **kinds):
    """Give kinds of jobs other functions to run."""

    class Module:
        def __init__(self, run):
            self.run = run

    monkeypatch.setattr(worker, "import_module", lambda name: Module(kinds[name]))
    monkeypatch.setattr(worker, "PIPELINES", {kind: kind for kind in kinds})


def test_the_worker_goes_on_after_errors_and_says_what_happened(monkeypatch, no_worker):
    def bad(context):
        if context.job.collection == "input":
            raise InputError("the folder is empty; choose another")
        raise ZeroDivisionError("secret detail")

    script(monkeypatch, ingest=bad, refresh=lambda context: {"fine": True})
    queue = Queue()
    wrong, broken, fine = queue.add("ingest", "input"), queue.add("ingest", "bug"), queue.add("refresh", "a")
    worker.run_worker(idle_s=0.0)

    with pytest.raises(InputError, match="the folder is empty; choose another"):
        wait(queue, wrong.job_id)
    with pytest.raises(LoupeError, match=r"unexpected error \(reference [0-9a-f]{6}"):
        wait(queue, broken.job_id)
    assert "secret" not in queue.get(broken.job_id).message
    assert wait(queue, fine.job_id).result == {"fine": True}


def test_a_full_disk_is_said_in_words(monkeypatch, no_worker):
    def full(context):
        raise OSError(28, "No space left on device")

    script(monkeypatch, ingest=full)
    queue = Queue()
    job = queue.add("ingest", "a")
    worker.run_worker(idle_s=0.0)
    with pytest.raises(LoupeError, match="No space left on device; check that the disk has room"):
        wait(queue, job.job_id)


def test_nobody_waits_for_ever_for_workers_that_end_at_once(monkeypatch, no_worker):
    monkeypatch.setattr(waiting, "WAITING_AFTER_S", 0.02)
    monkeypatch.setattr(waiting, "GIVE_UP_AFTER_S", 0.3)
    queue = Queue()
    job = queue.add("ingest", "a")
    with pytest.raises(LoupeError, match=r"No worker could be kept running for 0 s\. The job waits"):
        wait(queue, job.job_id)
    (queue.home / launch.LOG).write_text("2026 worker 1 serves\nloupe: The list of jobs cannot be written (disk full).\n  more\n")
    with pytest.raises(LoupeError, match=r"for 0 s: The list of jobs cannot be written \(disk full\)\. The job waits"):
        wait(queue, job.job_id)
    # While a worker is there, however busy, it goes on waiting.
    lock = WorkerLock(queue.home)
    assert lock.acquire()
    threading.Timer(1.0, lambda: queue.cancel(job.job_id)).start()
    with pytest.raises(Cancelled):
        wait(queue, job.job_id)
    lock.release()


def test_a_running_job_is_cancelled_and_the_heart_beats(monkeypatch, no_worker):
    started = threading.Event()

    def long(context):
        context.progress.stage("working", 1000)
        started.set()
        for n in range(10_000):
            time.sleep(0.01)
            context.progress.at(min(n, 1000))
        raise AssertionError("it was never cancelled")

    script(monkeypatch, ingest=long)
    queue = Queue()
    job = queue.add("ingest", "a")
    thread = threading.Thread(target=worker.run_worker, kwargs={"idle_s": 0.0})
    thread.start()
    started.wait(10)
    until(lambda: queue.get(job.job_id).done > 5)
    seen = queue.get(job.job_id)
    assert seen.stage == "working"
    assert seen.rate > 0
    assert seen.eta > 0
    until(lambda: queue.get(job.job_id).heartbeat > seen.heartbeat)
    queue.cancel(job.job_id)
    with pytest.raises(Cancelled):
        wait(queue, job.job_id)
    thread.join()


def test_a_worker_that_is_told_to_leave_hands_its_job_over(monkeypatch):
    runs = []

    def long(context):
        runs.append(context.job.job_id)
        while len(runs) == 1:
            time.sleep(0.01)
            context.progress.check()
        return {"by": "the second"}

    script(monkeypatch, ingest=long)
    queue = Queue()
    job = queue.add("ingest", "a")
    first = threading.Thread(target=worker.run_worker, kwargs={"idle_s": 60.0})
    first.start()
    until(lambda: runs)
    queue.ask_to_leave()
    first.join(10)
    assert not first.is_alive()
    assert queue.get(job.job_id).state == "queued"
    worker.run_worker(idle_s=0.0)
    assert queue.get(job.job_id).result == {"by": "the second"}


def test_a_worker_of_a_home_that_is_gone_ends(monkeypatch, tmp_path):
    import shutil

    home = tmp_path / "elsewhere"
    thread = threading.Thread(target=worker.run_worker, args=(home,), kwargs={"idle_s": 60.0})
    thread.start()
    until(lambda: (home / "jobs.db").exists() and Queue(home).worker() is not None)
    shutil.rmtree(home)
    thread.join(10)
    assert not thread.is_alive()


def test_progress_stops_the_job_only_at_its_own_places():
    queue = Queue()
    job = queue.add("ingest", "a")
    queue.claim(1)
    with Progress(queue, job.job_id) as progress:
        progress.stage("one", 5)
        progress.at(2)
        queue.cancel(job.job_id)
        until(progress.cancelled)
        with pytest.raises(Cancelled):
            progress.at(3)
        progress._cancel.clear()
        progress.hand_over.set()
        with pytest.raises(HandOver):
            progress.check()


# ---------------------------------------------------------------- starting


def test_a_worker_is_started_only_where_none_fits(monkeypatch):
    started = []
    monkeypatch.setattr(launch, "_start", lambda home, wait_s: started.append(wait_s))
    queue, lock = Queue(), WorkerLock(home_of())
    assert launch.ensure_worker() is True

    lock.acquire()
    assert launch.ensure_worker() is False  # it has the lock and has not said a word yet
    queue.enter(1, launch.code_version())
    assert launch.ensure_worker() is False
    assert len(started) == 1

    queue.enter(1, "other code")
    assert launch.ensure_worker() is True
    assert queue.told_to_leave(1)
    assert started[-1] > started[0]  # it waits for the old one to hand over

    queue.enter(1, launch.code_version())
    queue.leave(1)
    assert launch.ensure_worker() is True
    lock.release()


def test_the_code_version_changes_with_the_code(monkeypatch, tmp_path):
    before = launch.code_version()
    assert before == launch.code_version()
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "a.py").write_text("x = 1")
    monkeypatch.setattr(launch, "PROJECT", tmp_path)
    other = launch.code_version()
    assert other != before
    (tmp_path / "core" / "a.py").write_text("x = 12")
    assert launch.code_version() != other


def test_a_full_log_is_put_aside(home):
    home.mkdir()
    (home / launch.LOG).write_bytes(b"x" * (launch.LOG_BYTES + 1))
    assert launch._log_file(home) == home / launch.LOG
    assert not (home / launch.LOG).exists()
    assert (home / "worker.log.1").stat().st_size == launch.LOG_BYTES + 1


# ---------------------------------------------------------------- killing


def start_fake_worker(home: Path, delay: float) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.fake_worker", str(home), str(delay)],
        cwd=launch.PROJECT,
        env=os.environ | {"LOUPE_HOME": str(home)},
    )


def test_kill_9_loses_nothing_and_the_next_worker_adds_only_what_is_new(tmp_path, fake):
    folder = tmp_path / "pictures"
    make_images(folder, 120)
    home = home_of()
    collection = Collection.create("killed")
    job = Queue().add("ingest", collection.key, {"source": str(folder), "encoder": "fake"})

    process = start_fake_worker(home, 0.15)
    try:
        until(lambda: len(collection) >= 16)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    there = set(collection.ids())
    assert 16 <= len(there) < 120
    view = collection.view()
    assert set(view.item_ids[view.live]) <= there
    rows = {i: view.rows([view.position(i)])[0].tolist() for i in view.item_ids[view.live]}
    assert Queue().get(job.job_id).state == "running"  # nobody could say that it ended

    process = start_fake_worker(home, 0.0)
    try:
        done = wait(Queue(), job.job_id)
    finally:
        process.terminate()
        process.wait()
    assert done.result["unchanged"] == len(there)
    assert done.result["added"] == 120 - len(there)
    assert done.result["indexed"] == 120
    view = collection.view()
    assert len(view.live) == 120
    for item_id, row in rows.items():
        assert view.rows([view.position(item_id)])[0].tolist() == row
    assert collection.verify() == []


def test_the_last_count_is_told_too():
    queue = Queue()
    queue.add("ingest", "c")
    job = queue.claim(os.getpid())
    with Progress(queue, job.job_id) as progress:
        progress.stage("indexing", 22)
        time.sleep(0.05)  # the thread has told the queue by then, and waits
        progress.at(22)
    told = queue.get(job.job_id)
    assert (told.stage, told.done, told.total) == ("indexing", 22, 22)

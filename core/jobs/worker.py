"""The worker: one process per home that takes jobs from the queue until there have been none for a while."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from core import errors
from core.errors import Cancelled, LoupeError
from core.jobs.launch import code_version
from core.jobs.lock import WorkerLock
from core.jobs.progress import HandOver, Progress
from core.jobs.queue import Queue
from core.jobs.tidying import tidy
from core.store import homes
from core.types import Job

IDLE_S = 150.0
LOOK_S = 0.25
NICENESS = 5

_log = logging.getLogger("loupe.worker")

PIPELINES = {
    "ingest": "core.jobs.pipelines.ingest",
    "demo": "core.jobs.pipelines.demo",
    "encode": "core.jobs.pipelines.encode",
    "fetch": "core.jobs.pipelines.encoders",
    "probe": "core.jobs.pipelines.encoders",
    "refresh": "core.jobs.pipelines.maps",
    "refit": "core.jobs.pipelines.maps",
    "export": "core.jobs.pipelines.upkeep",
    "verify": "core.jobs.pipelines.upkeep",
    "align": "core.jobs.pipelines.align",
    "prove": "core.jobs.pipelines.prove",
    "correct": "core.jobs.pipelines.correct",
    "pool": "core.jobs.pipelines.pool",
    "cutoff": "core.jobs.pipelines.cutoff",
}
"""Kind of job -> module with ``run(context) -> dict``; imported when the first job of the kind comes."""


@dataclass(frozen=True)
class Context:
    """What a pipeline gets."""

    home: Path
    queue: Queue
    job: Job
    progress: Progress


def run_worker(
    home: Path | None = None, *, wait_s: float = 2.0, idle_s: float = IDLE_S, told: threading.Event | None = None
) -> bool:
    """Be the worker of a home until the queue has been empty for `idle_s` seconds, or until asked to leave.

    Parameters
    ----------
    wait_s : float
        How long to try to get the lock, where another worker is about to end.
    told : Event, optional
        Set to make the worker hand its job over and end.

    Returns
    -------
    bool
        False if another worker holds the lock.
    """
    home = homes.resolve(home)
    lock = WorkerLock(home)
    if not lock.acquire(wait_s):
        return False
    try:
        return _serve(home, idle_s, told or threading.Event())
    finally:
        lock.release()


def _serve(home: Path, idle_s: float, told: threading.Event) -> bool:
    queue, pid, code = Queue(home), os.getpid(), code_version()
    queue.enter(pid, code)
    for job_id in queue.resume_orphans():
        _log.info("job %d was left by a worker that is gone", job_id)
    _log.info("worker %d serves %s", pid, home)
    busy = time.monotonic()
    while not told.is_set() and (home / "jobs.db").exists():
        if queue.told_to_leave(pid):
            break
        job = queue.claim(pid)
        if job is not None:
            do(queue, job, pid=pid, told=told)
            busy = time.monotonic()
        elif time.monotonic() - busy > idle_s:
            tidy(queue)
            if queue.leave(pid):
                break
        else:
            told.wait(LOOK_S)
    _log.info("worker %d ends", pid)
    return True


def run_here(queue: Queue, job_id: int, on_progress: Callable[[Job], None] | None = None) -> Job | None:
    """Do one job in this process, for callers that wait for it anyway; None if a worker is at work in this home.

    Raises
    ------
    LoupeError
        What the job failed with.
    """
    lock = WorkerLock(queue.home)
    if not lock.acquire():
        return None
    try:
        queue.enter(os.getpid(), "in-process")
        queue.resume_orphans()
        job = queue.claim(os.getpid(), only=job_id)
        if job is None:
            return None
        with _Watch(queue, job_id, on_progress):
            return do(queue, job, reraise=True)
    finally:
        lock.release()


def do(queue: Queue, job: Job, *, pid: int = 0, told: threading.Event | None = None, reraise: bool = False) -> Job:
    """Run a claimed job to its end and write down how it ended."""
    began = time.monotonic()
    error: BaseException | None = None
    with Progress(queue, job.job_id, pid) as progress:
        if told is not None:
            progress.hand_over = told
        try:
            result = import_module(PIPELINES[job.kind]).run(Context(queue.home, queue, job, progress))
            state, message, name = "done", "", ""
        except HandOver:
            queue.release(job.job_id)
            return queue.get(job.job_id)
        except Cancelled as stop:
            state, message, name, result, error = "cancelled", str(stop), "Cancelled", {}, stop
        except LoupeError as wrong:
            state, message, name, error = "failed", str(wrong), _class_of(wrong), wrong
            result = getattr(wrong, "result", {})
        except KeyboardInterrupt as stop:
            state, message, name, result, error = "cancelled", "interrupted; run it again to continue", "", {}, stop
        except MemoryError as wrong:
            state, name, result, error = "failed", "LoupeError", {}, wrong
            message = "there was not enough memory for this; what was committed stays, and running it again continues"
        except OSError as wrong:
            _log.exception("job %d (%s) failed", job.job_id, job.kind)
            state, name, result, error = "failed", "LoupeError", {}, wrong
            where = f"{wrong.filename}: " if wrong.filename else ""
            message = (f"{where}{wrong.strerror or wrong}; check that the disk has room and that it may be read and written. "
                       "What was committed stays, and running it again continues")  # fmt: skip
        except Exception as wrong:  # noqa: BLE001 - the worker goes on with the next job whatever happens in one
            reference = secrets.token_hex(3)
            _log.exception("job %d (%s) failed, reference %s", job.job_id, job.kind, reference)
            state, name, result, error = "failed", "LoupeError", {}, wrong
            message = f"an unexpected error (reference {reference}; the details are in {queue.home / 'worker.log'})"
    finished = queue.finish(job.job_id, state, message=message, error=name, result=result)
    _log.info("job %d %s %s: %s in %.1f s %s", job.job_id, job.kind, job.collection, state, time.monotonic() - began, message)
    if reraise and error is not None:
        raise error
    return finished


def _class_of(error: LoupeError) -> str:
    """The nearest class of `core.errors`, by which `core.jobs.waiting` raises it again."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)


class _Watch:
    """Calls `on_progress` with the job from a thread, as somebody who polls would."""

    def __init__(self, queue: Queue, job_id: int, on_progress: Callable[[Job], None] | None) -> None:
        self._ask = (queue, job_id)
        self._tell = on_progress
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> None:
        if self._tell is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._tell is not None:
            self._thread.join()
            queue, job_id = self._ask
            self._tell(queue.get(job_id))

    def _look(self) -> None:
        queue, job_id = self._ask
        told = None
        while not self._ended.wait(LOOK_S):
            job = queue.get(job_id)
            if job != told:
                self._tell(job)
                told = job


def told_by_signal() -> threading.Event:
    """An event that a polite wish to end (SIGTERM, Ctrl-C) sets: the job is handed over, not lost."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    return told


def be_nice() -> None:
    """Let searches and the web server go first."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)

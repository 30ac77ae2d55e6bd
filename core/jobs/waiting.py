"""Waiting for a job, for callers that have nothing else to do."""

from __future__ import annotations

import time
from collections.abc import Callable

from core import errors
from core.errors import Cancelled, LoupeError
from core.jobs.launch import ensure_worker, last_words
from core.jobs.lock import WorkerLock
from core.jobs.queue import Queue
from core.types import Job

POLL_S = 0.1
DEAD_AFTER_S = 15.0
WAITING_AFTER_S = 5.0
GIVE_UP_AFTER_S = 60.0
"""So long no worker may be at work: those that were started ended at once, as on a full disk."""


def wait(queue: Queue, job_id: int, on_progress: Callable[[Job], None] | None = None) -> Job:
    """Wait until a job is over, starting a worker again where it died.

    Parameters
    ----------
    on_progress : callable, optional
        Called with the job whenever it has changed.

    Returns
    -------
    Job
        In state ``done``.

    Raises
    ------
    LoupeError
        The job failed: the error it failed with, of the same class.
    Cancelled
        It was cancelled.
    """
    told, looked = None, time.monotonic()
    alive = looked
    while True:
        job = queue.get(job_id)
        if job != told:
            if on_progress is not None:
                on_progress(job)
            told, alive = job, time.monotonic()
        if not job.live:
            return finished(queue, job)
        if time.monotonic() - looked > WAITING_AFTER_S:
            looked = time.monotonic()
            if WorkerLock(queue.home).is_held():
                alive = looked
            elif looked - alive > GIVE_UP_AFTER_S:
                raise LoupeError(
                    f"No worker could be kept running for {GIVE_UP_AFTER_S:.0f} s{last_words(queue.home)} "
                    "The job waits in the queue, and what is done stays."
                )
            if job.state == "queued" or time.time() - job.heartbeat > DEAD_AFTER_S:
                ensure_worker(queue.home)
        time.sleep(POLL_S)


def finished(queue: Queue, job: Job) -> Job:
    """The job if it is done; otherwise the error that says why not."""
    if job.state == "done":
        return job
    if job.state == "cancelled":
        raise Cancelled(job.message or "cancelled")
    kind = getattr(errors, queue.error_of(job.job_id), LoupeError)
    raise kind(job.message)

"""Handing work to the queue on behalf of the workbench, and waiting for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from core.errors import InputError, NotFound
from core.store import Collection
from core.types import Job

NO_ENCODER = "none"


def submit_ingest(
    name: str,
    source: str | Path,
    *,
    encoder: str | None,
    captions: str | Path | None,
    vectors: str | Path | None,
    keep: bool,
    confine: bool,
    start: bool,
) -> Job:
    """See `core.workbench.Workbench.submit_ingest`."""
    from core.jobs import Queue, ensure_worker

    args = {
        "source": _there(source, "source"),
        "encoder": encoder or (NO_ENCODER if vectors is not None else _encoder_of(name)),
        "captions": None if captions is None else _there(captions, "table of captions"),
        "vectors": None if vectors is None else _there(vectors, "file of vectors"),
        "keep": keep,
        "confine": confine,
    }
    collection, made = opened_or_made(name)
    job = Queue(collection.home).add("ingest", collection.key, args | {"made": made})
    if start:
        ensure_worker(collection.home)
    return job


def _encoder_of(name: str) -> str:
    """The encoder that the collection of that name uses, so that going on with it adds no vector set; else the starter."""
    try:
        collection = Collection.open(name)
        used = collection.set().encoder if collection.sets() else NO_ENCODER
    except NotFound:
        used = NO_ENCODER
    return "starter" if used == NO_ENCODER else used


def submit_demo(*, start: bool) -> Job:
    """See `core.workbench.Workbench.submit_demo`."""
    from core.jobs import Queue, ensure_worker
    from data.demo import ATTRIBUTION, NAME

    collection, made = opened_or_made(NAME, attribution=ATTRIBUTION)
    queue = Queue(collection.home)
    job = next((job for job in queue.jobs(collection.key, live=True) if job.kind == "demo"), None)
    if job is None:
        job = queue.add("demo", collection.key, {"made": made})
    if start:
        ensure_worker(collection.home)
    return job


def submit(collection: Collection, kind: str, args: dict[str, object] | None = None, *, start: bool = True) -> Job:
    """Queue a job of a collection and see that there is a worker."""
    from core.jobs import Queue, ensure_worker

    job = Queue(collection.home).add(kind, collection.key, args)
    if start:
        ensure_worker(collection.home)
    return job


def finish_here(job: Job, on_progress: Callable[[Job], None] | None = None) -> Job:
    """Wait for a job: done in this process where no worker is at work, else by the worker.

    What follows from it (graph, map) is left to a worker process, which is started.

    Raises
    ------
    LoupeError
        What the job failed with.
    """
    from core.jobs import Queue, ensure_worker, wait
    from core.jobs.worker import run_here

    queue = Queue()
    done = run_here(queue, job.job_id, on_progress) or wait(queue, job.job_id, on_progress)
    if queue.jobs(job.collection, live=True):
        ensure_worker(queue.home)
    return done


def opened_or_made(name: str, *, attribution: str = "") -> tuple[Collection, bool]:
    """The collection of that name, and whether it was made for this."""
    try:
        return Collection.open(name), False
    except NotFound:
        pass
    try:
        return Collection.create(name, attribution=attribution), True
    except InputError:
        # Somebody else may have made it at the same moment.
        try:
            return Collection.open(name), False
        except NotFound:
            pass
        raise


def _there(path: str | Path, what: str) -> str:
    """An absolute path to something that is there: the worker has another current folder."""
    if not os.fspath(path):  # else it would be the current folder: a variable of a script that is not set, say
        raise InputError(f"An empty path was given as the {what}; write a dot for the current folder.")
    full = os.path.abspath(os.path.expanduser(os.fspath(path)))
    if not os.path.exists(full):
        raise InputError(f"There is nothing at {path}, which was given as the {what}; check the path.")
    return full

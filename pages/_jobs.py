"""Long work as pages see it: start it, say in a sentence how far it is, cancel it. The worker does it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.ingest.formats import EXTENSIONS
from core.store import list_collections
from core.types import Job
from pages._shared import megabytes

_DOING = {
    "ingest": "Indexing", "demo": "Indexing", "refresh": "Drawing the map", "refit": "Drawing the map again",
    "export": "Exporting", "verify": "Checking files", "align": "Adapting the encoder", "correct": "Preparing the hub correction",
    "prove": "Trying hub corrections", "cutoff": "Learning where good results end", "pool": "Making a pool",
    "encode": "Encoding", "fetch": "Downloading", "probe": "Measuring",
}
_BRINGING = ("ingest", "demo")
_MANY_STEPS = ("refresh", "refit", "align", "prove", "correct", "cutoff")
"""Kinds of jobs whose steps are works of their own: the step is named instead of the job."""
_BYTES = "downloading"
_STEPS_OF_ENCODERS = ("comparing", "measuring")


def encoder_jobs() -> dict[tuple[str, str], Job]:
    """(``fetch`` or ``probe``, encoder) -> the latest of each."""
    from core.workbench.encoders import encoder_jobs

    return encoder_jobs()


def live_jobs(collection: str | None = None) -> list[Job]:
    """Jobs that are queued or running, the running ones first; of one collection or of all."""
    from core.jobs import Queue

    found = Queue().jobs(collection=collection, live=True)
    return sorted(found, key=lambda job: (job.state != "running", job.job_id))


def cancel(job_id: int) -> None:
    """Ask the worker to stop; what it has done stays."""
    from core.jobs import Queue

    Queue().cancel(job_id)


def start_ingest(
    name: str, sources: Sequence[Path], *, encoder: str | None = None, captions: Path | None = None, uploaded: bool
) -> Job:
    """Queue the indexing of these sources into the collection of that name, made if it is not there; the first job.

    Parameters
    ----------
    encoder : str, optional
        By default the one in use.
    uploaded : bool
        The files wait in the spool and are moved into the collection; else they are read where they are, and links that
        lead out of the folder are not followed.
    """
    from core.workbench import Workbench

    jobs = [
        Workbench.submit_ingest(name, source, encoder=encoder, captions=captions, keep=uploaded, confine=not uploaded)
        for source in sources
    ]
    return jobs[0]


def start_demo() -> Job:
    """Queue the making of the demo collection."""
    from core.workbench import Workbench

    return Workbench.submit_demo()


def retry(collection: str) -> bool:
    """Queue the last indexing of a collection again: what is there is left alone. False if its source is gone."""
    from core.jobs import Queue, ensure_worker

    queue = Queue()
    last = next((job for job in queue.jobs(collection) if job.kind in (*_BRINGING, "encode")), None)
    if last is None or not source_there(last):
        return False
    queue.add(last.kind, collection, dict(last.args))
    ensure_worker()
    return True


def source_there(job: Job) -> bool:
    """Whether what a job indexed can be read again: of an upload only what was not indexed is left, and for a day."""
    if job.kind in ("demo", "encode"):
        return True
    source = Path(str(job.args.get("source")))
    if job.args.get("keep") and source.is_dir():
        return any(path.suffix.lower() in EXTENSIONS for path in source.rglob("*"))
    return source.exists()


def last_brought() -> dict[str, Job]:
    """The latest indexing of each collection, by the collection's key."""
    from core.jobs import Queue

    latest: dict[str, Job] = {}
    for job in Queue().jobs(limit=500):
        if job.kind in _BRINGING:
            latest.setdefault(job.collection, job)
    return latest


def failed(within_s: float = 86_400) -> list[Job]:
    """The latest job of each collection, where it failed today."""
    from core.jobs import Queue

    latest: dict[str, Job] = {}
    for job in Queue().jobs():
        if job.kind not in ("prove", "cutoff", "pool"):  # Hubs, Evaluate or Judge, where it was asked for, says what became of it
            latest.setdefault(job.collection, job)
    there = {info.key for info in list_collections()}  # what follows an indexing is nobody's loss where all is gone
    return [
        job for job in latest.values()
        if job.state == "failed" and job.created_at > time.time() - within_s
        and (job.kind in _BRINGING or job.collection in there)
    ]


def sentence(job: Job, behind: str = "") -> str:
    """How far a job is: ``Indexing 1,204 of 1,696, 24/s, 20 s left``; `behind` names what a queued one waits for."""
    doing = _DOING.get(job.kind, job.kind.capitalize())
    if job.kind in ("fetch", "probe"):
        doing = f"{doing} {str(job.args.get('encoder', '')).rpartition('/')[0].removeprefix('openclip:') or 'the starter'}"
    if job.state == "queued":
        return f"{doing}: waiting for {behind}" if behind else f"{doing}: waiting to start"
    if job.stage and (job.kind in _MANY_STEPS or job.stage.startswith(_STEPS_OF_ENCODERS)):
        doing = job.stage[0].upper() + job.stage[1:]
    if not job.total:
        return f"{doing}: {job.stage}" if job.stage and job.stage.lower() != doing.lower() else doing
    said = f"{doing} {job.done:,} of {job.total:,}"
    if job.stage.startswith(_BYTES):
        said = f"{doing}: {megabytes(job.done)} of {megabytes(job.total)}"
        said += f", {megabytes(round(job.rate))}/s" if job.rate else ""
    elif job.rate >= 0.05:
        said += f", {job.rate:,.0f}/s" if job.rate >= 10 else f", {job.rate:,.1f}/s"
    if job.eta is not None and job.done < job.total:
        said += f", {duration(job.eta)} left"
    return said


def behind(job: Job, jobs: Sequence[Job], names: dict[str, str]) -> str:
    """The name of the collection that is worked on first; empty if it is this job's own."""
    running = next((other for other in jobs if other.state == "running" and other.collection != job.collection), None)
    return names.get(running.collection, running.collection) if running is not None else ""


def share(job: Job) -> float:
    """Done, in [0, 1]."""
    return min(1.0, job.done / job.total) if job.total else 0.0


def duration(seconds: float) -> str:
    """Seconds in words: ``20 s``, ``4 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def progress(jobs: Sequence[Job], names: dict[str, str], *, key: str) -> None:
    """Bars of live jobs with a way to stop each; for a fragment that runs every second."""
    for job in jobs:
        with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_{job.job_id}"):
            name = names.get(job.collection, job.collection)
            said = sentence(job, behind(job, jobs, names))
            st.progress(share(job), text=f"{name}: {said}" if name else said)
            st.button("Cancel", key=f"{key}_cancel_{job.job_id}", type="tertiary", on_click=cancel, args=(job.job_id,),
                      help="What is done already stays.")

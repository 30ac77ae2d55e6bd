"""What the worker does before it ends: thirty days of trash are over, files nobody names, leftovers of zips."""

from __future__ import annotations

import logging
import shutil

from core.errors import LoupeError
from core.jobs.queue import Queue
from core.store import Collection, homes, purge_collections

_log = logging.getLogger("loupe.worker")


def tidy(queue: Queue) -> list[str]:
    """Tidy a home; the keys of the collections that were looked at.

    One with a waiting job is left alone: its files may be on their way in. A damaged one is left as it is.
    """
    busy = {job.collection for job in queue.jobs(live=True)}
    done = []
    for key in homes.keys(queue.home):
        if key in busy:
            continue
        try:
            collection = Collection.open_key(key, queue.home)
            collection.purge()
            collection.purge_uploads()
            collection.purge_sets()
            collection.sweep()
            done.append(key)
        except (LoupeError, OSError) as error:
            _log.info("%s was not tidied: %s", key, error)
    purge_collections(home=queue.home)
    live = {f"job-{job.job_id}" for job in queue.jobs(live=True)}
    for folder in (queue.home / ".spool").glob("job-*"):
        if folder.name not in live:
            shutil.rmtree(folder, ignore_errors=True)
    return done

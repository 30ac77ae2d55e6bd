"""Long work: a queue in SQLite, and one worker process per home that does it."""

from core.jobs.launch import ensure_worker
from core.jobs.queue import Queue
from core.jobs.waiting import wait

__all__ = ["Queue", "ensure_worker", "wait"]

"""How far a job is: set by the job as often as it likes, told to the queue by a thread a few times a second."""

from __future__ import annotations

import threading
import time
from collections import deque

from core.errors import Cancelled
from core.jobs.queue import Queue

TICK_S = 0.25
QUIET_TICKS = 4
"""Without news the queue hears from the job once in so many ticks; that is also how soon a wish to cancel is seen."""
WINDOW_S = 8.0
"""Rate and remaining time come from what was done in this many last seconds."""


class HandOver(Exception):
    """The worker was asked to end: the job goes back into the queue. Not an error, and never shown."""


class Progress:
    """Counts of one running job, and whether it should stop.

    Use as a context manager: inside it, a thread tells the queue and keeps the heartbeat.

    Parameters
    ----------
    queue : Queue
    job_id : int
    pid : int
        Of the worker, to hear when it is asked to leave; 0 where it cannot be.
    """

    def __init__(self, queue: Queue, job_id: int, pid: int = 0) -> None:
        self._queue = queue
        self._job_id = job_id
        self._pid = pid
        self._stage = ""
        self._done = 0
        self._total = 0
        self._history: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self.hand_over = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="heartbeat", daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._tell(self._measured())  # the last count, which the thread may not have seen

    # ------------------------------------------------------------ for the job

    def stage(self, name: str, total: int = 0) -> None:
        """Begin another part of the work; its count starts at 0."""
        with self._lock:
            self._stage, self._done, self._total = name, 0, total
            self._history = deque([(time.monotonic(), 0)])
        self.check()

    def at(self, done: int, total: int | None = None) -> None:
        """So many are done; also the place to stop at. Fits as an ``on_progress(done, total)`` callback."""
        with self._lock:
            self._done = done
            if total is not None:
                self._total = total
        self.check()

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked for it, `HandOver` if the worker has to end."""
        if self._cancel.is_set():
            raise Cancelled("cancelled; what was done stays")
        if self.hand_over.is_set():
            raise HandOver

    def cancelled(self) -> bool:
        """Whether `check` would raise."""
        return self._cancel.is_set() or self.hand_over.is_set()

    # ------------------------------------------------------------ for the queue

    def _tick(self) -> None:
        told, quiet = None, QUIET_TICKS
        while True:
            state = self._measured()
            quiet += 1
            if state != told or quiet >= QUIET_TICKS:
                self._tell(state)
                told, quiet = state, 0
            if self._ended.wait(TICK_S):
                return

    def _tell(self, state: tuple[str, int, int, float, float | None]) -> None:
        try:
            if self._queue.beat(self._job_id, *state):
                self._cancel.set()
            if self._pid and self._queue.told_to_leave(self._pid):
                self.hand_over.set()
        except Exception:  # noqa: BLE001, S110 - a disk that is full for a moment must not end the heartbeat
            pass

    def _measured(self) -> tuple[str, int, int, float, float | None]:
        now = time.monotonic()
        with self._lock:
            stage, done, total = self._stage, self._done, self._total
            self._history.append((now, done))
            while len(self._history) > 2 and now - self._history[1][0] > WINDOW_S:
                self._history.popleft()
            since, before = self._history[0]
        rate = (done - before) / (now - since) if now > since else 0.0
        if done <= before:
            return stage, done, total, 0.0, None
        return stage, done, total, round(rate, 2), round((total - done) / rate, 1) if total else None

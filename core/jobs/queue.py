"""The queue of long work: ``<home>/jobs.db``, written by whoever asks and by the one worker that answers."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotFound
from core.store import homes
from core.store.db import Database
from core.types import Job

KINDS = ("ingest", "demo", "encode", "refit", "export", "verify", "refresh", "align", "fetch", "probe", "correct", "prove", "pool", "cutoff")
_PRIORITY = {"refresh": 2, "verify": 1, "export": 1, "align": 1, "prove": 1, "pool": 1, "cutoff": 1, "fetch": 3}
"""Lower goes first: images that people wait for come before maps."""
FINISHED_KEPT = 500
ATTEMPTS = 5
"""How often a job may lose its worker without a word before it counts as failed."""

_SCHEMA = (
    (
        """CREATE TABLE jobs (
            job_id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            collection TEXT NOT NULL,
            priority INTEGER NOT NULL DEFAULT 0,
            state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
            stage TEXT NOT NULL DEFAULT '',
            done INTEGER NOT NULL DEFAULT 0,
            total INTEGER NOT NULL DEFAULT 0,
            rate REAL NOT NULL DEFAULT 0,
            eta REAL,
            message TEXT NOT NULL DEFAULT '',
            error TEXT NOT NULL DEFAULT '',
            args TEXT NOT NULL DEFAULT '{}',
            result TEXT NOT NULL DEFAULT '{}',
            created_at REAL NOT NULL,
            started_at REAL,
            finished_at REAL,
            heartbeat REAL NOT NULL DEFAULT 0,
            pid INTEGER NOT NULL DEFAULT 0,
            cancel INTEGER NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 0)""",
        "CREATE INDEX jobs_live ON jobs (state, priority, job_id) WHERE state IN ('queued', 'running')",
        "CREATE INDEX jobs_collection ON jobs (collection, job_id)",
        """CREATE TABLE worker (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            pid INTEGER NOT NULL,
            code TEXT NOT NULL,
            started_at REAL NOT NULL,
            leaving INTEGER NOT NULL DEFAULT 0)""",
    ),
)
_FIELDS = "job_id, kind, collection, state, stage, done, total, rate, eta, message, args, result, created_at, heartbeat"


@dataclass(frozen=True, slots=True)
class WorkerNote:
    """What the worker says about itself. `leaving`: it takes no more jobs and is about to end."""

    pid: int
    code: str
    started_at: float
    leaving: bool


class Queue:
    """Jobs of one home. Cheap to make; every call is a transaction of its own, from any thread or process.

    Parameters
    ----------
    home : Path, optional
        The folder of collections; `core.store.home` by default.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = homes.resolve(home)
        self._db = Database(
            self.home / "jobs.db", _SCHEMA, label="The list of jobs", synchronous="NORMAL", create=True
        )

    # ------------------------------------------------------------ asking for work

    def add(self, kind: str, collection: str, args: Mapping[str, object] | None = None) -> Job:
        """Queue a job. A refresh that waits already for the same collection with the same arguments is given instead.

        Parameters
        ----------
        kind : str
            One of `KINDS`.
        collection : str
            The collection's key.
        args : Mapping, optional
            Anything JSON can say.
        """
        if kind not in KINDS:
            raise NotFound(f"There is no kind of job {kind!r}; there are: {', '.join(KINDS)}.")
        said = json.dumps(dict(args or {}), ensure_ascii=False, sort_keys=True)
        with self._db.write() as connection:
            if kind == "refresh":
                waiting = connection.execute(
                    f"SELECT {_FIELDS} FROM jobs WHERE kind = 'refresh' AND state = 'queued' AND collection = ? AND args = ?",
                    (collection, said),
                ).fetchone()
                if waiting is not None:
                    return _job(waiting)
            job_id = connection.execute(
                "INSERT INTO jobs (kind, collection, priority, args, created_at) VALUES (?, ?, ?, ?, ?)",
                (kind, collection, _PRIORITY.get(kind, 0), said, time.time()),
            ).lastrowid
            connection.execute(
                "DELETE FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND job_id <= ?", (job_id - FINISHED_KEPT,)
            )
            return _read(connection, job_id)

    def get(self, job_id: int) -> Job:
        """One job as it is now.

        Raises
        ------
        NotFound
        """
        with self._db.read() as connection:
            return _read(connection, job_id)

    def jobs(self, collection: str | None = None, live: bool = False, limit: int = 100) -> tuple[Job, ...]:
        """Jobs, the latest first; of one collection or of all, perhaps only those queued or running."""
        conditions, params = ["1"], []
        if collection is not None:
            conditions.append("collection = ?")
            params.append(collection)
        if live:
            conditions.append("state IN ('queued', 'running')")
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT {_FIELDS} FROM jobs WHERE {' AND '.join(conditions)} ORDER BY job_id DESC LIMIT ?", (*params, limit)
            ).fetchall()
        return tuple(_job(row) for row in rows)

    def cancel(self, job_id: int) -> Job:
        """Ask for a job to be stopped: at once if it waits, else the worker does it soon. What it has done stays."""
        with self._db.write() as connection:
            _read(connection, job_id)
            connection.execute(
                "UPDATE jobs SET state = 'cancelled', finished_at = ?, message = 'cancelled before it began'"
                " WHERE job_id = ? AND state = 'queued'",
                (time.time(), job_id),
            )
            connection.execute("UPDATE jobs SET cancel = 1 WHERE job_id = ? AND state = 'running'", (job_id,))
            return _read(connection, job_id)

    def error_of(self, job_id: int) -> str:
        """The name of the error class a failed job ended with, or an empty string."""
        with self._db.read() as connection:
            row = connection.execute("SELECT error FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        return row[0] if row else ""

    # ------------------------------------------------------------ doing it

    def claim(self, pid: int, *, only: int | None = None) -> Job | None:
        """Take the next job: the most urgent, then the oldest. Only the holder of the worker's lock may call this.

        Parameters
        ----------
        pid : int
            Of the process that will do it.
        only : int, optional
            Take this job or none.
        """
        now = time.time()
        with self._db.write() as connection:
            row = connection.execute(
                "SELECT job_id FROM jobs WHERE state = 'queued' AND (? IS NULL OR job_id = ?) ORDER BY priority, job_id LIMIT 1",
                (only, only),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE jobs SET state = 'running', pid = ?, heartbeat = ?, started_at = coalesce(started_at, ?),"
                " attempts = attempts + 1, message = '' WHERE job_id = ?",
                (pid, now, now, row[0]),
            )
            return _read(connection, row[0])

    def resume_orphans(self) -> list[int]:
        """Queue again what a worker that is gone left running; the ids. Only the holder of the worker's lock may call this.

        The lock is the proof: while it is held there is no other worker, so whatever runs has nobody who does it.
        """
        with self._db.write() as connection:
            rows = connection.execute("SELECT job_id, cancel, attempts FROM jobs WHERE state = 'running'").fetchall()
            for job_id, cancelled, attempts in rows:
                state, message = "queued", "resumed after the worker ended"
                if cancelled:
                    state, message = "cancelled", "cancelled"
                elif attempts >= ATTEMPTS:
                    state = "failed"
                    message = (f"the worker ended {attempts} times in the middle of this, perhaps for lack of memory; what was "
                               "committed stays, and running it again continues")  # fmt: skip
                connection.execute(
                    "UPDATE jobs SET state = ?, message = ?, pid = 0, finished_at = CASE ? WHEN 'queued' THEN NULL ELSE ? END"
                    " WHERE job_id = ?",
                    (state, message, state, time.time(), job_id),
                )
        return [row[0] for row in rows]

    def release(self, job_id: int) -> None:
        """Put a running job back, for the next worker; it does not count as an attempt."""
        with self._db.write() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'queued', pid = 0, attempts = max(0, attempts - 1) WHERE job_id = ? AND"
                " state = 'running'",
                (job_id,),
            )

    def beat(
        self, job_id: int, stage: str = "", done: int = 0, total: int = 0, rate: float = 0.0, eta: float | None = None
    ) -> bool:
        """Say that the job is alive and how far it is; True if somebody asked to cancel it."""
        with self._db.write() as connection:
            row = connection.execute(
                "UPDATE jobs SET heartbeat = ?, stage = ?, done = ?, total = ?, rate = ?, eta = ?"
                " WHERE job_id = ? AND state = 'running' RETURNING cancel",
                (time.time(), stage, done, total, rate, eta, job_id),
            ).fetchone()
        return row is None or bool(row[0])

    def finish(
        self, job_id: int, state: str, *, message: str = "", error: str = "", result: Mapping[str, object] | None = None
    ) -> Job:
        """Close a job as ``done``, ``failed`` or ``cancelled``.

        Parameters
        ----------
        message : str
            For people.
        error : str
            Name of the error's class, where it failed.
        result : Mapping, optional
            Anything JSON can say.
        """
        now = time.time()
        with self._db.write() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, message = ?, error = ?, result = ?, finished_at = ?, heartbeat = ?, eta = NULL,"
                " pid = 0 WHERE job_id = ?",
                (state, message, error, json.dumps(dict(result or {}), ensure_ascii=False), now, now, job_id),
            )
            return _read(connection, job_id)

    # ------------------------------------------------------------ the worker

    def worker(self) -> WorkerNote | None:
        """What the last worker said about itself; it may be gone (the lock tells)."""
        with self._db.read() as connection:
            row = connection.execute("SELECT pid, code, started_at, leaving FROM worker").fetchone()
        return None if row is None else WorkerNote(row[0], row[1], row[2], bool(row[3]))

    def enter(self, pid: int, code: str) -> None:
        """Note the worker that holds the lock now."""
        with self._db.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO worker (one, pid, code, started_at, leaving) VALUES (1, ?, ?, ?, 0)",
                (pid, code, time.time()),
            )

    def leave(self, pid: int) -> bool:
        """The idle worker's wish to end: False if a job came meanwhile.

        In one transaction with the look at the queue, so whoever adds a job afterwards sees that the worker leaves.
        """
        with self._db.write() as connection:
            if connection.execute("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1").fetchone():
                return False
            connection.execute("UPDATE worker SET leaving = 1 WHERE pid = ?", (pid,))
        return True

    def ask_to_leave(self) -> None:
        """Ask the worker to hand its job over and end (it runs other code than is on the disk now)."""
        with self._db.write() as connection:
            connection.execute("UPDATE worker SET leaving = 1")

    def told_to_leave(self, pid: int) -> bool:
        """Whether the worker of this process was asked to leave."""
        note = self.worker()
        return note is not None and note.pid == pid and note.leaving


def _read(connection: sqlite3.Connection, job_id: int) -> Job:
    row = connection.execute(f"SELECT {_FIELDS} FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no job number {job_id}; it may have been finished long ago.")
    return _job(row)


def _job(row: tuple) -> Job:
    return Job(
        job_id=row[0], kind=row[1], collection=row[2], state=row[3], stage=row[4], done=row[5], total=row[6], rate=row[7],
        eta=row[8], message=row[9], args=json.loads(row[10]), result=json.loads(row[11]), created_at=row[12], heartbeat=row[13],
    )  # fmt: skip

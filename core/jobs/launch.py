"""Starting the worker: detached from whoever starts it, so that it outlives the app and the command line."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

from core.jobs.lock import WorkerLock
from core.jobs.queue import Queue
from core.store import homes

PROJECT = Path(__file__).resolve().parents[2]
LOG = "worker.log"
LOG_BYTES = 1_000_000
_CODE = ("core", "data/demo", "data/starter")


def code_version() -> str:
    """Which code is on the disk now: a digest over project folder, names, sizes and times of the files a worker runs."""
    digest = hashlib.sha256(str(PROJECT).encode())
    for folder in _CODE:
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.suffix in (".py", ".safetensors"):
                status = path.stat()
                digest.update(f"{path}\n{status.st_size}\n{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def ensure_worker(home: Path | None = None) -> bool:
    """Start the home's worker unless a fitting one runs. Cheap; call it after every job that is added.

    A worker that was started from other code is asked to hand its job over and end; the new one waits for it.

    Returns
    -------
    bool
        Whether a process was started.
    """
    home = homes.resolve(home)
    queue = Queue(home)
    wait_s = 2.0
    if WorkerLock(home).is_held():
        note = queue.worker()
        if note is None:
            return False  # it has just taken the lock and will look at the queue next
        if not note.leaving and note.code == code_version():
            return False
        if not note.leaving:
            queue.ask_to_leave()
        wait_s = 60.0
    _start(home, wait_s)
    return True


def _start(home: Path, wait_s: float) -> None:
    command = [sys.executable, "-m", "core", "worker", "--home", str(home), "--wait", str(wait_s)]
    with open(_log_file(home), "ab") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            # One thread for each of numpy's products: the work is spread over images, and OpenBLAS' threads wait by
            # spinning, which cost up to a quarter of the CPU time of ingest here.
            env={"OPENBLAS_NUM_THREADS": "1", **os.environ, "PYTHONUNBUFFERED": "1"},
        )
    # Somebody must ask how it ended, or it stays a zombie for as long as this process lives.
    threading.Thread(target=process.wait, name="worker-reaper", daemon=True).start()


def last_words(home: Path) -> str:
    """What the worker said last, to be put behind a statement: ``: sentence`` or only the full stop."""
    try:
        with open(home / LOG, "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4000))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    said = next((line.strip().rstrip(".") for line in reversed(lines) if line.startswith("loupe: ")), "")
    return f": {said.removeprefix('loupe: ')}." if said else "."


def _log_file(home: Path) -> Path:
    """The worker's log; a full one is put aside, one generation is kept."""
    path = home / LOG
    try:
        if path.stat().st_size > LOG_BYTES:
            os.replace(path, path.with_suffix(".log.1"))
    except FileNotFoundError:
        pass
    return path

"""The worker's lock: one holder per home over all processes, freed by the system when its process dies."""

from __future__ import annotations

import os
import time
from pathlib import Path

NAME = "worker.lock"


class WorkerLock:
    """Who holds it is the worker of the home.

    Parameters
    ----------
    home : Path
    """

    def __init__(self, home: Path) -> None:
        self.path = home / NAME
        self._handle: int | None = None

    def acquire(self, wait_s: float = 0.0) -> bool:
        """Take the lock, trying again for `wait_s` seconds; whether it is held now."""
        until = time.monotonic() + wait_s
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            if _try(handle):
                self._handle = handle
                return True
            os.close(handle)
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)

    def release(self) -> None:
        """Give it back; nothing happens where it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def is_held(self) -> bool:
        """Whether anybody holds it. The look takes it for an instant, so a starting worker tries more than once."""
        if self._handle is not None:
            return True
        probe = WorkerLock(self.path.parent)
        if probe.acquire():
            probe.release()
            return False
        return True


def _try(handle: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

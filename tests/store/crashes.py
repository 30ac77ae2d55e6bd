"""Killing a process before each step it takes, one step after the other.

A step is whatever reaches the disk or the database: opening a file for writing, writing, fsync, rename, unlink, mkdir,
every SQL statement. The process is a fork that ends with ``os._exit``: no ``finally``, no rollback, as with kill -9.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from core.store import db, files, view

KILLED = 77
_HARMLESS = (
    "SELECT",
    "PRAGMA user_version",
    "PRAGMA sync",
    "PRAGMA temp",
    "PRAGMA cache",
    "PRAGMA query_only",
    "BEGIN",
    "ROLLBACK",
    "CREATE INDEX",
    "CREATE UNIQUE",
    "CREATE TABLE",
    "CREATE VIRTUAL",
)
_STEPS = ("replace", "fsync", "unlink", "mkdir", "rename", "open")


def _arm(kill_at: int, trace: list[str]) -> None:
    """From now on count steps; before step number `kill_at` (from 1) the process is gone."""

    def step(name: str) -> None:
        trace.append(name)
        if len(trace) == kill_at:
            os._exit(KILLED)

    for name in _STEPS:
        real = getattr(os, name)

        def stepping(*args: object, _real: Callable = real, _name: str = name, **more: object) -> object:
            if _name != "open" or args[1] & (os.O_WRONLY | os.O_RDWR):
                step(f"os.{_name}")
            return _real(*args, **more)

        setattr(os, name, stepping)

    real_write = files._HashingFile.write

    def torn_write(self: object, data: bytes) -> int:
        if len(trace) + 1 == kill_at:
            self.file.write(bytes(memoryview(data).cast("B")[: memoryview(data).nbytes // 2]))
            self.file.flush()
        step("write")
        return real_write(self, data)

    files._HashingFile.write = torn_write

    class Stepping(db.Connection):
        def execute(self, sql: str, *args: object) -> object:
            step(" ".join(sql.split())[:60])
            return super().execute(sql, *args)

        def executemany(self, sql: str, *args: object) -> object:
            step(" ".join(sql.split())[:60])
            return super().executemany(sql, *args)

    db.Connection = Stepping


def _in_a_fork(action: Callable[[Path], object], home: Path, kill_at: int) -> tuple[int, list[str]]:
    """Run `action` in a child: its exit code, and its steps if it lived to the end."""
    view.forget()
    db.close_idle()
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            os.close(read_end)
            trace: list[str] = []
            _arm(kill_at, trace)
            action(home)
            told = "\n".join(trace).encode()
            while told:
                told = told[os.write(write_end, told) :]
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        told = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), told.splitlines()


def steps_of(action: Callable[[Path], object], home: Path, scratch: Path) -> list[str]:
    """The steps `action` takes when nothing stops it."""
    copy = scratch / "uncut"
    shutil.copytree(home, copy)
    code, trace = _in_a_fork(action, copy, kill_at=-1)
    shutil.rmtree(copy)
    assert code == 0 and trace, "the action itself fails"
    return trace


def killed_before_each_step(action: Callable[[Path], object], home: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    """(what the next step would have been, the home as the killed process left it), for every step of `action`.

    Steps that change nothing on the disk are passed over: what a kill before them leaves, a kill before the next step
    leaves too.
    """
    steps = steps_of(action, home, scratch)
    for n, name in enumerate(steps, start=1):
        if name.startswith(_HARMLESS):
            continue
        copy = scratch / f"killed-{n}"
        shutil.copytree(home, copy)
        code, _ = _in_a_fork(action, copy, kill_at=n)
        assert code == KILLED, f"step {n} of {len(steps)} ({name}) was not reached"
        yield f"step {n} of {len(steps)}: {name}", copy
        view.forget()
        db.close_idle()
        shutil.rmtree(copy)

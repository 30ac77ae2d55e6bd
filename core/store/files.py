"""Files that are there whole or not at all: temporary name, fsync, rename; and a lock between processes."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.errors import NotFound

TEMPORARY = ".tmp-"
"""How the name of an unfinished file begins; whoever holds the writer's lock may delete every one of them."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`: one holder at a time over all threads and processes; freed when a process dies.

    Raises
    ------
    NotFound
        If the folder of the lock is not there (the collection was deleted or moved).
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        raise NotFound(f"The folder {path.parent} is not there any more; it was deleted or moved.") from None
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary(folder: Path) -> Path:
    """A fresh temporary name in `folder`, which is made if it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{TEMPORARY}{secrets.token_hex(8)}"


def publish(temporary_path: Path, path: Path) -> None:
    """Give a finished temporary file its name, for good: fsync the file, rename it, fsync the folder."""
    with open(temporary_path, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary_path, path)
    sync_folder(path.parent)


def write_durably(path: Path, write: Callable[[BinaryIO], object]) -> tuple[int, str]:
    """Write a file that is whole or absent after any crash.

    Parameters
    ----------
    path : Path
    write : callable
        Gets the open file.

    Returns
    -------
    n_bytes : int
    sha256 : str
        Of what reached the file.
    """
    name = temporary(path.parent)
    try:
        with open(name, "wb") as file:
            hashing = _HashingFile(file)
            write(hashing)
        publish(name, path)
    except BaseException:
        name.unlink(missing_ok=True)
        raise
    return hashing.n_bytes, hashing.digest.hexdigest()


def write_lightly(path: str, data: bytes) -> None:
    """Write a file that can be made again: never half there after a crash of the process, but without an fsync.

    Plain strings and calls, because ingest does this once per image.
    """
    folder, name = os.path.split(path)
    unfinished = os.path.join(folder, TEMPORARY + name)
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)
    with open(handle, "wb") as file:
        file.write(data)
    os.replace(unfinished, path)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _HashingFile:
    """A file for writing from front to end that hashes what goes through."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.n_bytes = 0

    def write(self, data: bytes | memoryview) -> int:
        self.digest.update(data)
        self.n_bytes += memoryview(data).nbytes
        return self.file.write(data)

"""The one door to SQLite: connections, transactions, format versions, and what a database error means.

Write-ahead logging, a busy timeout of ten seconds, ``BEGIN IMMEDIATE`` for every write. A call has a
connection for itself as long as it runs; afterwards the connection waits in a small pool of this process for the next
call, because opening one per call would make SQLite checkpoint and delete its log each time the last one closes. A
pooled connection is thrown away when the file behind its path is another one than it was opened on.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.errors import Damaged, LoupeError, NotFound

BUSY_TIMEOUT_S = 10.0
IDLE_PER_FILE = 4
IDLE_IN_ALL = 32
"""Waiting connections of this process; each holds up to three files open."""

Migration = Sequence[str] | Callable[[sqlite3.Connection], None]
"""What brings a database from one format version to the next: statements, or a function."""

REPAIR = "repair the collection (python -m core verify NAME --repair)"
"""The remedy in messages about files that the rest can do without."""

_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


class Connection(sqlite3.Connection):
    """An SQLite connection that remembers which file it was opened on."""

    opened_on: tuple[int, int] = (0, 0)


_lock = threading.Lock()
_idle: OrderedDict[Path, list[Connection]] = OrderedDict()
_inherited: list[object] = []


def _after_fork() -> None:
    """A forked child must neither use nor close its parent's connections; keep them out of reach of both."""
    global _idle, _lock
    _inherited.append(_idle)
    _idle = OrderedDict()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def close_idle(folder: Path | None = None) -> None:
    """Close the waiting connections to every database in `folder`, before it is moved (None: all there are)."""
    with _lock:
        paths = [path for path in _idle if folder is None or path.parent == folder]
        gone = [connection for path in paths for connection in _idle.pop(path)]
    for connection in gone:
        connection.close()


class Database:
    """One SQLite file with a format version.

    Parameters
    ----------
    path : Path
    migrations : sequence of Migration
        ``migrations[v]`` brings the file from version ``v`` to ``v + 1``; version 0 is an empty file.
    label : str
        What the file is to a person, for messages.
    synchronous : {"FULL", "NORMAL"}
        FULL: a finished write survives a power cut. NORMAL: it survives a crash of the process.
    create : bool
        Make the file where it is absent; otherwise its absence is an error.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Migration],
        *,
        label: str,
        synchronous: str = "FULL",
        create: bool = False,
    ) -> None:
        self.path = path
        self.migrations = migrations
        self.label = label
        self.synchronous = synchronous
        self.create = create

    # ------------------------------------------------------------ transactions

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A read transaction: everything in it sees one state of the database. Writing in it fails."""
        with self._borrowed() as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.execute("PRAGMA query_only = OFF")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it happens or nothing of it, and only one at a time over all processes."""
        with self._borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def initialise(self) -> None:
        """Make the file if `create` allows it, and bring it to the newest format."""
        with self._borrowed():
            pass

    def check(self) -> str:
        """SQLite's own integrity check: an empty string, or the first thing that is wrong."""
        with self.read() as connection:
            first = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        return "" if first == "ok" else first

    def flush(self) -> None:
        """Write the log into the database file, so that the file alone holds everything."""
        with self._borrowed() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # ------------------------------------------------------------ connections

    @contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        connection = None
        try:
            connection = self._take()
            yield connection
        except sqlite3.DatabaseError as error:
            self._drop(connection)
            connection = None
            told = self._explained(error)
            if told is None:
                raise
            raise told from error
        finally:
            if connection is not None:
                self._give(connection)

    def _identity(self) -> tuple[int, int] | None:
        try:
            stat = os.stat(self.path)
        except FileNotFoundError:
            return None
        return stat.st_dev, stat.st_ino

    def _take(self) -> Connection:
        identity = self._identity()
        if identity is None and not self.create:
            if not self.path.parent.is_dir():
                raise NotFound(f"The collection in {self.path.parent} is not there any more; it was deleted or moved.")
            lost = self.path.name == "collection.db"  # nothing says any more what the other files are
            remedy = "delete the collection and index its images again" if lost else REPAIR
            raise Damaged(f"{self.label} ({self.path}) is missing; put the file back from a copy, or {remedy}.")
        while True:
            with _lock:
                waiting = _idle.get(self.path)
                connection = waiting.pop() if waiting else None
            if connection is None:
                return self._open()
            if connection.opened_on == identity:
                return connection
            connection.close()

    def _give(self, connection: Connection) -> None:
        gone = []
        with _lock:
            waiting = _idle.setdefault(self.path, [])
            _idle.move_to_end(self.path)
            (waiting if len(waiting) < IDLE_PER_FILE and not connection.in_transaction else gone).append(connection)
            while sum(map(len, _idle.values())) > IDLE_IN_ALL:
                gone += _idle.popitem(last=False)[1]
        for connection in gone:
            connection.close()

    @staticmethod
    def _drop(connection: Connection | None) -> None:
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error:
                pass  # it was being given up because of an error already

    def _open(self) -> Connection:
        mode = "rwc" if self.create else "rw"
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
        )
        try:
            connection.execute(f"PRAGMA synchronous = {self.synchronous}")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA cache_size = -32768")
            connection.create_function("casefold", 1, _casefold, deterministic=True)
            if connection.execute("PRAGMA user_version").fetchone()[0] != len(self.migrations):
                self._migrate(connection)
            connection.opened_on = self._identity() or (0, 0)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: Connection) -> None:
        newest = len(self.migrations)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Asked again inside the transaction: another process may have migrated meanwhile.
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > newest:
                raise LoupeError(
                    f"{self.label} ({self.path}) has format {version} and this Loupe reads up to format {newest}; "
                    "update Loupe to open it."
                )
            for step in self.migrations[version:]:
                if callable(step):
                    step(connection)
                else:
                    for statement in step:
                        connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {newest}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _explained(self, error: sqlite3.DatabaseError) -> LoupeError | None:
        """The error as a sentence for a user, or None where it is a mistake of the program."""
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return None
        if code & 0xFF in _CORRUPT:
            return Damaged(
                f"{self.label} ({self.path}) is damaged ({error}); put the file back from a copy, "
                "or index the images again under a new name."
            )
        if code & 0xFF == sqlite3.SQLITE_BUSY:
            return LoupeError(
                f"{self.label} ({self.path}) was in use by another process for more than "
                f"{BUSY_TIMEOUT_S:.0f} s; try again."
            )
        failed = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
        # Writing in a read transaction gives READONLY as well; that is a mistake of the program.
        if code & 0xFF in failed or (code & 0xFF == sqlite3.SQLITE_READONLY and not os.access(self.path, os.W_OK)):
            return LoupeError(
                f"{self.label} ({self.path}) cannot be read or written ({error}); check that the disk has room and "
                "that you may write there."
            )
        return None


def _casefold(text: object) -> object:
    """SQL function ``casefold(x)``: text without case, for every alphabet; other values unchanged."""
    return text.casefold() if isinstance(text, str) else text

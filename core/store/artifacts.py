"""Derived arrays and index files (graph, map, groups, means, index): named in SQLite with generation and checksum.

Each is one immutable file. A new one is written beside the old, named in one transaction, and the old one removed; a
file nobody names is swept. They can all be made again from the vectors, so a damaged one is said and replaced.
"""

from __future__ import annotations

import json
import os
import secrets
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import Damaged, InputError
from core.store.base import CollectionBase
from core.store.files import publish, sha256_of, temporary
from core.store.names import check_id

_checked: dict[Path, tuple[str, int, int]] = {}
"""Files whose checksum this process has compared already: path -> (sha256, bytes, mtime)."""


class LazyArrays(Mapping[str, np.ndarray]):
    """Arrays of an ``.npz`` file, each read when it is asked for first. Holds the file open, so it cannot vanish."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = np.load(path, allow_pickle=False)
        self._read: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._read:
            self._read[name] = self._file[name]
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.files)

    def __len__(self) -> int:
        return len(self._file.files)


@dataclass(frozen=True)
class Artifact:
    """Derived arrays with what is said about them.

    Attributes
    ----------
    generation : int
        Of the collection, when they were computed.
    """

    kind: str
    set_id: str
    generation: int
    meta: Mapping[str, object]
    arrays: Mapping[str, np.ndarray]


class ArtifactsPart(CollectionBase):
    """Derived data of a collection."""

    def put_artifact(
        self, kind: str, set_id: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, object], generation: int
    ) -> None:
        """Keep derived arrays, replacing those of the same kind and set.

        Raises
        ------
        InputError
            An array of Python objects: only plain numbers, booleans and text are kept.
        """
        plain = {name: np.asarray(array) for name, array in arrays.items()}
        bad = next((name for name, array in plain.items() if array.dtype.hasobject), None)
        if bad is not None:
            raise InputError(f"The array {bad!r} holds Python objects; give it a plain dtype.")

        def write(path: Path) -> None:
            with open(path, "wb") as file:
                np.savez(file, **plain)

        self._put(kind, set_id, ".npz", write, meta, generation)

    def put_artifact_file(
        self, kind: str, set_id: str, writer: Callable[[Path], object], meta: Mapping[str, object], generation: int
    ) -> None:
        """Keep a file that `writer` writes to the path it is given, replacing the one of the same kind and set."""
        self._put(kind, set_id, ".bin", writer, meta, generation)

    def _put(
        self,
        kind: str,
        set_id: str,
        suffix: str,
        writer: Callable[[Path], object],
        meta: Mapping[str, object],
        generation: int,
    ) -> None:
        check_id(kind, "kind of artifact")
        if set_id:
            check_id(set_id, "vector set")
        said = json.dumps(dict(meta), ensure_ascii=False)
        name = f"{kind}-{set_id or 'all'}-{secrets.token_hex(4)}{suffix}"
        path = self.artifacts_folder / name
        with self._files_lock():
            unfinished = temporary(self.artifacts_folder)
            try:
                writer(unfinished)
                n_bytes, sha256 = unfinished.stat().st_size, sha256_of(unfinished)
                publish(unfinished, path)
            finally:
                unfinished.unlink(missing_ok=True)
            with self._write() as connection:
                old = connection.execute(
                    "SELECT file FROM artifacts WHERE kind = ? AND set_id = ?", (kind, set_id)
                ).fetchone()
                connection.execute(
                    "INSERT OR REPLACE INTO artifacts (kind, set_id, file, n_bytes, sha256, generation, meta, made_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (kind, set_id, name, n_bytes, sha256, int(generation), said, time.time()),
                )
            if old is not None:
                (self.artifacts_folder / old[0]).unlink(missing_ok=True)

    def artifact(self, kind: str, set_id: str) -> Artifact | None:
        """Derived arrays, or None where there are none.

        Raises
        ------
        Damaged
            The file is missing or not the one that was written.
        """
        for last in (False, False, True):
            found = self._artifact_row(kind, set_id)
            if found is None:
                return None
            path, n_bytes, sha256, generation, meta = found
            try:
                check_artifact(path, n_bytes, sha256, kind)
                return Artifact(kind, set_id, generation, meta, LazyArrays(path))
            except FileNotFoundError:
                if last:  # otherwise it was replaced since the database was read
                    raise missing_artifact(path, kind) from None
            except (ValueError, zipfile.BadZipFile) as error:
                raise Damaged(f"The file {path} ({kind}) cannot be read ({error}); {REMEDY}") from error
        return None

    def artifact_path(self, kind: str, set_id: str) -> tuple[Path, dict[str, object], int] | None:
        """(path, meta, generation) of a derived file, or None where there is none.

        Raises
        ------
        Damaged
            The file is missing or not the one that was written.
        """
        for last in (False, False, True):
            found = self._artifact_row(kind, set_id)
            if found is None:
                return None
            path, n_bytes, sha256, generation, meta = found
            try:
                check_artifact(path, n_bytes, sha256, kind)
                return path, meta, generation
            except FileNotFoundError:
                if last:
                    raise missing_artifact(path, kind) from None
        return None

    def drop_artifact(self, kind: str, set_id: str) -> None:
        """Forget a derived file; nothing happens where there is none."""
        with self._files_lock():
            found = self._artifact_row(kind, set_id)
            with self._write() as connection:
                connection.execute("DELETE FROM artifacts WHERE kind = ? AND set_id = ?", (kind, set_id))
            if found is not None:
                found[0].unlink(missing_ok=True)

    def _artifact_row(self, kind: str, set_id: str) -> tuple[Path, int, str, int, dict[str, object]] | None:
        rows = self.select(
            "SELECT file, n_bytes, sha256, generation, meta FROM artifacts WHERE kind = ? AND set_id = ?",
            (kind, set_id),
        )
        if not rows:
            return None
        file, n_bytes, sha256, generation, meta = rows[0]
        return self.artifacts_folder / file, n_bytes, sha256, generation, json.loads(meta)


REMEDY = "it is made again from the vectors by the next refresh."


def missing_artifact(path: Path, kind: str) -> Damaged:
    """The error for a derived file the database names and the disk does not have."""
    return Damaged(f"The file {path} ({kind}) is missing; {REMEDY}")


def check_artifact(path: Path, n_bytes: int, sha256: str, kind: str, *, again: bool = False) -> None:
    """Compare a derived file with what the database says; the checksum once per process unless `again`.

    Raises
    ------
    Damaged
    FileNotFoundError
    """
    stat = os.stat(path)
    if stat.st_size != n_bytes:
        raise Damaged(f"The file {path} ({kind}) has {stat.st_size} bytes where the database says {n_bytes}; {REMEDY}")
    seen = (sha256, stat.st_size, stat.st_mtime_ns)
    if not again and _checked.get(path) == seen:
        return
    if sha256_of(path) != sha256:
        raise Damaged(f"The file {path} ({kind}) does not have the checksum the database names; {REMEDY}")
    _checked[path] = seen

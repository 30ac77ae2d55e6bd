"""Segments: the immutable float16 files a vector set is made of, and the list of them in SQLite.

A row of a set has a *position*. Rows are only appended, so a position keeps its meaning as long as the set's *epoch*
stays the same; merging segments keeps positions, dropping dead rows starts a new epoch (`core.store.compaction`).
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.errors import Damaged
from core.store.db import REPAIR
from core.store.files import write_durably

STORED = np.dtype("<f2")
ROWS_AT_A_TIME = 8192
AGAIN = f"{REPAIR}, then index its source again"
REMEDY = f"{AGAIN}: the images in it will be encoded anew"


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a vector set: rows ``start`` to ``start + n_rows`` of it.

    `sha256` is of the file, `ids_sha256` of the item ids that belong to its rows (`ids_digest`).
    """

    seq: int
    start: int
    n_rows: int
    n_bytes: int
    sha256: str
    ids_sha256: str = ""


SEGMENT_FIELDS = "seq, start, n_rows, n_bytes, sha256, ids_sha256"


def ids_digest(ids: Iterable[str]) -> str:
    """What ties a segment's rows to their items: SHA-256 of the ids, one a line."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def write_segment(path: Path, pieces: Iterable[np.ndarray], n_rows: int, dim: int) -> tuple[int, str]:
    """Write rows as one float16 ``.npy``, whole or not at all; its size in bytes and SHA-256."""

    def write(file: BinaryIO) -> None:
        np.lib.format.write_array_header_1_0(
            file, {"descr": STORED.str, "fortran_order": False, "shape": (n_rows, dim)}
        )
        for piece in pieces:
            file.write(memoryview(np.ascontiguousarray(piece, dtype=STORED)).cast("B"))

    return write_durably(path, write)


def read_segment(path: Path, segment: Segment, out: np.ndarray) -> None:
    """Read a segment into `out`, checking header, size and checksum against what the database says.

    Parameters
    ----------
    out : ndarray of float16, shape (n_rows, dim), C-contiguous

    Raises
    ------
    Damaged
        The file is not the one that was written.
    FileNotFoundError
        There is no such file: merged meanwhile, or lost.
    """
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        try:
            version = np.lib.format.read_magic(file)
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        except ValueError as error:
            raise Damaged(f"The vector segment {path} is not a vector file any more ({error}); {REMEDY}.") from error
        if version != (1, 0) or fortran or dtype != STORED or shape != out.shape:
            raise Damaged(
                f"The vector segment {path} holds {dtype} {shape} where the database says "
                f"{STORED} {out.shape}; {REMEDY}."
            )
        header = file.tell()
        file.seek(0)
        digest.update(file.read(header))
        body = memoryview(out.reshape(-1)).cast("B") if out.size else memoryview(b"")
        got = file.readinto(body) if out.size else 0
        digest.update(body)
        rest = len(file.read())
    if got != out.nbytes or rest:
        raise Damaged(
            f"The vector segment {path} has {header + got + rest} bytes where the database says "
            f"{segment.n_bytes}; {REMEDY}."
        )
    if digest.hexdigest() != segment.sha256:
        raise Damaged(f"The vector segment {path} does not have the checksum the database names; {REMEDY}.")


def load_segment(path: Path, segment: Segment, dim: int) -> np.ndarray:
    """A segment's rows, float16 (n_rows, dim), checked as `read_segment` does; a missing file is Damaged too."""
    try:
        size = path.stat().st_size
        # Before memory is taken for what may be nonsense in a damaged database.
        if segment.n_rows < 0 or size < segment.n_rows * dim * STORED.itemsize:
            raise Damaged(
                f"The vector segment {path} has {size} bytes where the database says "
                f"{segment.n_rows} rows of {dim}; {REMEDY}."
            )
        rows = np.empty((segment.n_rows, dim), dtype=STORED)
        read_segment(path, segment, rows)
    except FileNotFoundError:
        raise missing_segment(path) from None
    return rows


def name_segment(connection: sqlite3.Connection, set_id: str, segment: Segment) -> None:
    """Make a written segment part of the set; its number is used from now on."""
    connection.execute(
        f"INSERT INTO segments (set_id, {SEGMENT_FIELDS}, added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (set_id, *astuple(segment), time.time()),
    )
    connection.execute("UPDATE sets SET last_seq = max(last_seq, ?) WHERE set_id = ?", (segment.seq, set_id))


def missing_segment(path: Path) -> Damaged:
    """The error for a segment the database names and the disk does not have."""
    return Damaged(f"The vector segment {path} is missing; {REMEDY}.")


def all_segments(connection: sqlite3.Connection, set_id: str) -> list[Segment]:
    """The segments of a set as the database names them, in order, right or wrong."""
    sql = f"SELECT {SEGMENT_FIELDS} FROM segments WHERE set_id = ? ORDER BY start, seq"
    return [Segment(*row) for row in connection.execute(sql, (set_id,))]


def segments_of(connection: sqlite3.Connection, set_id: str) -> list[Segment]:
    """The segments of a set in order, which must follow each other without a gap.

    Raises
    ------
    Damaged
    """
    segments = all_segments(connection, set_id)
    expected = 0
    for segment in segments:
        if segment.start != expected or segment.n_rows < 0:
            raise Damaged(
                f"The list of vector segments of {set_id} is damaged: segment {segment.seq} starts at row "
                f"{segment.start} where row {expected} was due; {AGAIN}."
            )
        expected += segment.n_rows
    return segments


def check_ids(set_id: str, segment: Segment, ids: Iterable[str]) -> None:
    """Raise Damaged unless these ids are the ones the segment's rows were written for."""
    if ids_digest(ids) != segment.ids_sha256:
        raise Damaged(
            f"The list of vectors of {set_id} is damaged: the items of segment {segment.seq} are not those it was "
            f"written for; {AGAIN}."
        )


def end_of(connection: sqlite3.Connection, set_id: str) -> int:
    """How many rows the segments of a set have, dead ones included: the next position."""
    row = connection.execute("SELECT max(start + n_rows) FROM segments WHERE set_id = ?", (set_id,)).fetchone()
    return row[0] or 0

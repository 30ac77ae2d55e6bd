"""An HNSW index of a vector set as a file beside it (USearch): built by the worker, read by searches.

The file names the epoch of the set and the rows it covers. Positions keep their meaning within an epoch, so an index
of the same epoch is right for the rows it covers however many came after it; one of another epoch is not used.
Metric, dtype and graph settings are all named: USearch's defaults depend on the processor.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.encode.threads import cpu_threads
from core.errors import Damaged
from core.index.native import usearch_index
from core.store import Collection, VectorView

if TYPE_CHECKING:
    from usearch.index import Index

ARTIFACT = "usearch"
CONNECTIVITY = 16
EXPANSION_ADD = 128
EXPANSION_SEARCH = 256
_BATCH = 4096
_KEPT = 4

_loaded: OrderedDict[tuple[Path, int], VectorIndex] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """A loaded index.

    Attributes
    ----------
    covered : int
        It knows the rows at positions 0 .. covered - 1, as they were when it was built.
    """

    covered: int
    index: Index
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def candidates(self, query: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """int64 positions of about the `count` nearest rows and their rough cosines, descending; dead rows may be among them."""
        with self._turn:  # USearch keeps the state of a search by thread number: two callers would share number 0
            matches = self.index.search(query.astype(np.float16), min(count, len(self.index)), threads=1)
        return matches.keys.astype(np.int64), 1.0 - matches.distances.astype(np.float64)

    def many(self, queries: np.ndarray, count: int, expansion: int = EXPANSION_SEARCH) -> np.ndarray:
        """int64 (n, count): positions of about the nearest rows of each query; -1 where fewer were found.

        Other searches wait for it, so ask for a few hundred at a time. A wider `expansion` finds more of the true ones.
        """
        with self._turn:
            try:
                self.index.expansion_search = expansion
                matches = self.index.search(queries.astype(np.float16), count, threads=cpu_threads())
            finally:
                self.index.expansion_search = EXPANSION_SEARCH
        keys = np.atleast_2d(matches.keys).astype(np.int64)
        out = np.full((len(queries), count), -1, np.int64)
        out[:, : keys.shape[1]] = keys
        out[np.arange(count) >= np.atleast_1d(matches.counts)[:, None]] = -1
        return out


def build(
    view: VectorView, path: Path, on_progress: Callable[[int, int], None] | None = None, *, threads: int | None = None
) -> None:
    """Write an index of the live rows of a view.

    Parameters
    ----------
    on_progress : callable, optional
        Called with (rows done, rows in all); may raise `core.errors.Cancelled`.
    threads : int, optional
        1 builds the same graph every time. Default: all that are available.
    """
    index = _empty(view.set.dim)
    threads = threads or cpu_threads()
    for start in range(0, len(view.live), _BATCH):
        positions = view.live[start : start + _BATCH]
        index.add(positions.astype(np.uint64), view.matrix[positions], threads=threads)
        if on_progress is not None:
            on_progress(start + len(positions), len(view.live))
    index.save(str(path))


def save(collection: Collection, view: VectorView, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Build an index of the view and keep it as an artifact of its set; replaces the one before."""
    meta = {"epoch": view.epoch, "covered": len(view), "rows": len(view.live), "dim": view.set.dim}
    collection.put_artifact_file(
        ARTIFACT, view.set.set_id, lambda path: build(view, path, on_progress), meta, view.generation
    )


def load(collection: Collection, view: VectorView) -> VectorIndex | None:
    """The stored index if it fits the view; None where there is none, or it is damaged or of another epoch.

    The file is mapped into memory, not read, and kept open by this process until another one takes its place.
    """
    try:
        found = collection.artifact_path(ARTIFACT, view.set.set_id)
    except Damaged:
        return None
    if found is None:
        return None
    path, meta, _ = found
    covered = int(meta.get("covered", -1))  # type: ignore[call-overload]
    if meta.get("epoch") != view.epoch or meta.get("dim") != view.set.dim or not 0 < covered <= len(view):
        return None
    try:
        key = (path, path.stat().st_mtime_ns)
        with _lock:
            if key not in _loaded:
                index = _empty(view.set.dim)
                index.view(str(path))
                if len(index) != meta.get("rows"):
                    return None
                _loaded[key] = VectorIndex(covered, index)
                while len(_loaded) > _KEPT:
                    _loaded.popitem(last=False)
            _loaded.move_to_end(key)
            return _loaded[key]
    except (OSError, RuntimeError, ValueError):
        return None  # replaced or removed since the database was read, or not an index: exact search answers


def _empty(dim: int) -> Index:
    return usearch_index().Index(
        ndim=dim,
        metric="cos",
        dtype="f16",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSION_SEARCH,
        multi=False,
    )

"""Committing what was encoded: small at first so that search can answer, then every two seconds, beside the model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from core.store import Collection
from core.types import NewItem, Skipped

FIRST_AFTER_S = 0.3
AFTER_S = 2.0
AFTER_ITEMS = 512
COMPACT_EVERY = 40
"""Commits between mergings of small segments."""


class Committer:
    """Gathers items, vectors and skipped files, and commits them on a thread of its own.

    Use as a context manager. Leaving it commits what is left, also when the work was cancelled: what was encoded is
    not lost.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._items: dict[str, list[NewItem]] = {}
        self._rows: dict[str, dict[str, np.ndarray]] = {}
        self._skipped: list[Skipped] = []
        self._since = time.monotonic()
        self._commits = 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._under_way: Future[None] | None = None

    def __enter__(self) -> Committer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self._send()
            self._wait()
        except Exception:
            if kind is None:  # otherwise the first error is the one to tell
                raise
        finally:
            self._pool.shutdown()

    def add(self, item: NewItem | None, item_id: str, vectors: Mapping[str, np.ndarray]) -> None:
        """One item (None: it is there already) with its vectors by set id."""
        if item is not None:
            self._items.setdefault(item_id, []).append(item)
        for set_id, row in vectors.items():
            self._rows.setdefault(set_id, {})[item_id] = row

    def skip(self, skipped: Skipped) -> None:
        """A file that could not be used."""
        self._skipped.append(skipped)

    def tick(self) -> None:
        """Commit if it is time."""
        n = max(len(self._items), *(len(rows) for rows in self._rows.values()), 0, 0)
        after = FIRST_AFTER_S if self._commits == 0 else AFTER_S
        if n >= AFTER_ITEMS or (n and time.monotonic() - self._since >= after):
            self._send()

    def _send(self) -> None:
        self._wait()
        self._since = time.monotonic()
        if not (self._items or self._rows or self._skipped):
            return
        items = [item for many in self._items.values() for item in many]
        vectors = {set_id: (list(rows), np.stack(list(rows.values()))) for set_id, rows in self._rows.items() if rows}
        skipped, self._items, self._rows, self._skipped = self._skipped, {}, {}, []
        self._commits += 1
        compact = tuple(vectors) if self._commits % COMPACT_EVERY == 0 else ()
        self._under_way = self._pool.submit(self._commit, items, vectors, skipped, compact)

    def _wait(self) -> None:
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            under_way.result()

    def _commit(self, items: list, vectors: dict, skipped: list, compact: tuple[str, ...]) -> None:
        self._collection.commit(items, vectors, skipped)
        for set_id in compact:
            self._collection.compact(set_id)

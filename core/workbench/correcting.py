"""Hub corrections as a service: what they can be made from, making them, and how evenly items are found with one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.encode import load_encoder
from core.errors import InputError
from core.rank import hubness
from core.search import banks
from core.search.engine import prepare
from core.search.filters import remembered, state_of
from core.store import Collection
from core.types import HubnessReport, HubSetting, Job, VectorSet
from core.workbench.hubs import HubService, HubsView
from core.workbench.submitting import submit

AGAIN_AFTER_S = 300.0
"""A bias that could not be made, or that somebody did not want made, is not tried again for so long: every search would."""
TAGS_AT_MOST = 20
"""Tags that are offered as banks; a link may name others."""
ITEMS_AT_MOST = 20_000
"""Items that ask for each other while somebody waits."""
SIMILARITIES_AT_MOST = 25_000_000
"""Queries times items of a count that is soon done, so that parts of a correction can be tried as well."""


@dataclass(frozen=True)
class CorrectedView:
    """How evenly items are found with a correction; the same queries and k as the `HubsView` beside it.

    Attributes
    ----------
    setting : HubSetting
        With the bank that was used.
    said : tuple of str
    item_ids : ndarray of str, shape (n_items,)
        Ascending.
    bias : ndarray of float32, shape (n_items,)
        What was added to the score of each item.
    n_k : ndarray of int64, shape (n_items,)
    report : HubnessReport
    lorenz : tuple of ndarray
        See `core.rank.hubness.lorenz`.
    n_hubs : int
        Items found as often as a hub of the `HubsView`.
    share_captured : float
        Share of all places that these hold.
    """

    setting: HubSetting
    said: tuple[str, ...]
    item_ids: np.ndarray
    bias: np.ndarray
    n_k: np.ndarray
    report: HubnessReport
    lorenz: tuple[np.ndarray, np.ndarray]
    n_hubs: int
    share_captured: float


class CorrectionService:
    """``wb.correcting``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def banks(self) -> tuple[str, ...]:
        """Banks that there is something in, ``auto`` first."""
        queries = self._collection.n_searches() or self._collection.query_sets()
        captions = self._collection.select("SELECT 1 FROM captions LIMIT 1")
        return ("auto", *(["captions"] if captions else []), *(["queries"] if queries else []), "items",
                *(banks.LIST + name for name in sorted(self.lists())),
                *(banks.TAG + tag for tag, n in self._collection.tags()[:TAGS_AT_MOST] if n > 1))

    def lists(self) -> dict[str, list[str]]:
        """Lists of queries kept as banks, by name."""
        return banks.lists(self._collection)

    def keep_list(self, name: str, lines: str | Sequence[str]) -> str:
        """Keep a pasted list, one query a line; the name of the bank. See `core.search.banks.keep_list`."""
        return banks.keep_list(self._collection, name, lines)

    def delete_list(self, name: str) -> None:
        """Forget a list."""
        banks.delete_list(self._collection, name)

    def queue(self, vector_set: VectorSet, setting: HubSetting) -> Job:
        """Have the worker make the bias of a setting; the job that does it already, or that failed or was cancelled just now."""
        from core.jobs import Queue

        args = {"set": vector_set.set_id, "method": setting.method, "beta": float(setting.beta), "bank": setting.bank}
        known = Queue(self._collection.home).jobs(self._collection.key)
        same = next((job for job in known if job.kind == "correct" and dict(job.args) == args), None)
        if same is not None and same.state != "done" and (same.live or same.created_at > time.time() - AGAIN_AFTER_S):
            return same
        return submit(self._collection, "correct", args)

    def bias(self, setting: HubSetting, *, wait: bool = True) -> tuple[np.ndarray, np.ndarray] | None:
        """(ids of the live items, float32 bias of each) in the vectors in use.

        Parameters
        ----------
        wait : bool
            Make it now, however long it takes; False leaves what is large to the worker.

        Returns
        -------
        tuple or None
            None where it is being made, or there is too little to compare the items with.
        """
        view = self._collection.view()
        later = None if wait else (lambda asked: self.queue(view.set, asked))
        found = prepare(self._collection, view, setting, load_encoder, later=later)
        return None if found is None else (view.item_ids[view.live], found.bias[view.live])

    def parts(self, before: HubsView) -> tuple[float, ...]:
        """How much of a correction there is time to count with: quarters, or none and all in a large collection."""
        return (0.0, 0.25, 0.5, 0.75, 1.0) if before.n_queries * before.n_items <= SIMILARITIES_AT_MOST else (0.0, 1.0)

    def corrected(self, before: HubsView, setting: HubSetting, part: float = 1.0) -> CorrectedView | None:
        """Count N_k again, with a correction; None while that is being prepared.

        One bias for all queries: a query that is in the bank counts there, where a search with it would leave it out.

        Parameters
        ----------
        part : float
            How much of the correction, 0..1: its bias is multiplied by this.

        Raises
        ------
        InputError
            More items would have to ask for each other than a page can wait for.
        """
        view = self._collection.view()
        if before.query_side == "items" and len(view.live) > ITEMS_AT_MOST:
            raise InputError(
                f"With {len(view.live):,} items asking, the counts with a correction take too long here; choose captions "
                "or queries as the queries."
            )
        found = prepare(self._collection, view, setting, load_encoder, later=lambda asked: self.queue(view.set, asked))
        if found is None:
            return None
        rows = view.live[np.argsort(view.item_ids[view.live], kind="stable")]
        found = replace(found, bias=found.bias * np.float32(part))

        def count() -> np.ndarray:
            asking = None if before.query_side == "items" else HubService(self._collection).asking(before.query_side)
            return hubness.k_occurrence_from_vectors(
                view.rows(rows), max(before.k, 1), query_vectors=asking, bias=found.bias[rows]
            )

        key = (*state_of(self._collection), view.set.set_id, "corrected", found.setting, before.query_side, before.k,
               before.n_queries, hashlib.sha256(found.bias.tobytes()).digest())
        n_k = remembered(key, count)
        big = n_k >= before.threshold
        return CorrectedView(
            setting=found.setting, said=found.said, item_ids=view.item_ids[rows], bias=found.bias[rows], n_k=n_k,
            report=hubness.hubness_report(n_k, k=max(before.k, 1), n_queries=before.n_queries),
            lorenz=hubness.lorenz(n_k), n_hubs=int(big.sum()),
            share_captured=float(n_k[big].sum() / max(1, n_k.sum())),
        )

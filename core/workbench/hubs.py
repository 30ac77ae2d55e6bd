"""Hubs as a service: how unevenly items are found, by whom, and which queries a hub captures."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encode import load_encoder
from core.errors import InputError
from core.graph import knn
from core.index import sampled
from core.index.exact import DECIMALS
from core.rank import hubness
from core.rank.hubness.tables import best_columns
from core.search.filters import remembered
from core.store import Collection, VectorView
from core.types import HubnessReport, Item, KnnGraph

QUERY_SIDES = ("items", "captions", "queries")
CAPTIONS_AT_MOST = 2_000
"""Captions that are asked; beyond that an even sample of the items, which the view states by its n_queries."""
_CHUNK = 8_192  # items that all queries are compared with at once
PLACES_AT_MOST = 20_000_000
"""Items times k of a graph that is made while somebody waits."""


@dataclass(frozen=True)
class HubsView:
    """Everything the Hubs page says.

    Attributes
    ----------
    report : HubnessReport
    item_ids : ndarray of str, shape (n_items,)
    n_k : ndarray of int64, shape (n_items,)
        In the order of `item_ids`.
    mean, threshold : float
        Mean N_k, which is what every item would expect without hubs, and from which N_k on an item is called a hub
        (twice the mean).
    chance : int
        N_k that by chance alone one item in a thousand exceeds: see `core.rank.hubness.chance_bound`.
    n_hubs : int
        How many items are hubs.
    hubs : tuple of (Item, int)
        The largest of them with their N_k, the largest first; ties by id.
    antihubs : tuple of Item
        Some of the items with N_k = 0, in the order of their ids.
    share_captured : float
        Share of all places in results that the hubs hold, 0..1.
    lorenz : tuple of ndarray
        See `core.rank.hubness.lorenz`.
    in_full : int
        Items that were compared with all others in float32; -1 where that is not known, or others ask. For the rest
        rough cosines and their error bound proved the same neighbours.
    recall : float or None
        Of a sample: the share of the true 10 nearest that the index found, by `core.index.sampled.CHECKED` items.

    Of a large collection a random sample of the items asks until all pairs were compared: `is_sample`.
    """

    k: int
    space: str
    query_side: str
    n_items: int
    n_queries: int
    report: HubnessReport
    item_ids: np.ndarray
    n_k: np.ndarray
    mean: float
    threshold: float
    chance: int
    n_hubs: int
    hubs: tuple[tuple[Item, int], ...]
    antihubs: tuple[Item, ...]
    share_captured: float
    lorenz: tuple[np.ndarray, np.ndarray]
    in_full: int = -1
    recall: float | None = None

    @property
    def is_sample(self) -> bool:
        """Whether only some of the items ask, by the index."""
        return self.query_side == "items" and self.n_queries < self.n_items


@dataclass(frozen=True, slots=True)
class Captured:
    """A query that has a hub in its results: an item, or words; and the rank it gives the hub."""

    rank: int
    item: Item | None = None
    text: str = ""


@dataclass(frozen=True)
class _Lists:
    """Who finds whom: for every query its k nearest items as positions in `item_ids`."""

    item_ids: np.ndarray
    top: np.ndarray
    askers: Sequence[str]
    in_full: int = -1
    recall: float | None = None


class HubService:
    """``wb.hubs``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._graphs: dict[tuple, KnnGraph] = {}
        self._lock = threading.Lock()

    def report(self, k: int = 10, query_side: str = "items", *, n_hubs: int = 200, n_antihubs: int = 48) -> HubsView | None:
        """Count N_k and say how uneven it is; None until there are vectors to count with.

        Parameters
        ----------
        k : int
            Results of each query that are looked at.
        query_side : {"items", "captions", "queries"}
            Who asks: every item for its neighbours, the captions as text, or the saved and logged text queries.

        Raises
        ------
        InputError
            There is no such side, or nothing on it to ask with.
        """
        lists = self._lists(k, query_side)
        if lists is None or not len(lists.item_ids):
            return None
        n_items, n_queries, k = len(lists.item_ids), len(lists.top), lists.top.shape[1]
        counts = hubness.k_occurrence(lists.top, n_items)
        threshold = max(2.0, hubness.hub_threshold(max(k, 1), n_queries, n_items))
        if query_side == "items" and n_queries < n_items:  # few ask: twice a mean below 1 is soon reached by chance
            threshold = max(threshold, 1.0 + hubness.chance_bound(max(k, 1), n_queries, n_items))
        order = np.lexsort((lists.item_ids, -counts))
        big = [int(i) for i in order if counts[i] >= threshold]
        none = [str(i) for i in np.sort(lists.item_ids[counts == 0])[:n_antihubs]]
        hubs = self._collection.items([str(lists.item_ids[i]) for i in big[:n_hubs]])
        return HubsView(
            k=k,
            space=self._collection.set().space,
            query_side=query_side,
            n_items=n_items,
            n_queries=n_queries,
            report=hubness.hubness_report(counts, k=max(k, 1), n_queries=n_queries),
            item_ids=lists.item_ids,
            n_k=counts,
            mean=float(counts.mean()),
            threshold=threshold,
            chance=hubness.chance_bound(max(k, 1), n_queries, n_items, themselves=query_side == "items"),
            n_hubs=len(big),
            hubs=tuple((item, int(counts[i])) for item, i in zip(hubs, big)),
            antihubs=tuple(self._collection.items(none)),
            share_captured=float(counts[big].sum() / max(1, counts.sum())),
            lorenz=hubness.lorenz(counts),
            in_full=lists.in_full,
            recall=lists.recall,
        )

    def captured(self, item_id: str, k: int = 10, query_side: str = "items", limit: int = 48) -> tuple[Captured, ...]:
        """The queries that have this item in their top k, those that rank it highest first."""
        lists = self._lists(k, query_side)
        if lists is None:
            return ()
        place = np.flatnonzero(lists.item_ids == item_id)
        if not len(place):
            return ()
        rows, ranks = np.nonzero(lists.top == place[0])
        first = sorted(zip(ranks.tolist(), (lists.askers[r] for r in rows.tolist())))[:limit]
        if query_side != "items":
            return tuple(Captured(rank + 1, text=asker) for rank, asker in first)
        items = self._collection.items([asker for _, asker in first])
        return tuple(Captured(rank + 1, item=item) for (rank, _), item in zip(first, items))

    # ------------------------------------------------------------ who asks

    def asking(self, query_side: str) -> np.ndarray:
        """float32 (n_queries, d): the texts of a side in the space of the vectors in use.

        Raises
        ------
        InputError
            There are none.
        """
        texts, vector_set = self.texts(query_side), self._collection.set()
        # Pages make a service for every run, and encoding is most of the work: it is remembered for the process.
        asked = (self._collection.path, self._collection.uid, vector_set.set_id, "asked", tuple(texts))
        return remembered(asked, lambda: load_encoder(vector_set.encoder).encode_texts(texts))

    def asked(self) -> list[tuple[str, str]]:
        """(text, query id) of the saved and logged queries that are one text, each wanted and not "less like"."""
        queries = [query.query for query in self._collection.saved_queries()]
        queries += [search.query for search in self._collection.searches(1_000)]
        return [(q.terms[0].value, q.query_id) for q in queries
                if len(q.terms) == 1 and q.terms[0].kind == "text" and q.terms[0].weight > 0]

    def _lists(self, k: int, query_side: str) -> _Lists | None:
        if query_side not in QUERY_SIDES:
            raise InputError(f"Hubs can be counted from {', '.join(QUERY_SIDES)}; {query_side!r} is none of them.")
        sets = self._collection.sets()
        if not sets:
            return None
        if query_side == "items":
            graph = knn.load(self._collection)
            if graph is None:
                return self._sampled(k)
            if min(k, len(graph.item_ids) - 1) > graph.neighbors.shape[1]:
                graph = self._wider(k)
            return _Lists(graph.item_ids, graph.neighbors[:, :k], graph.item_ids.tolist(), graph.in_full)
        view = self._collection.view()
        texts = self.texts(query_side)
        asked = (self._collection.path, self._collection.uid, view.set.set_id, "listed", tuple(texts))
        return remembered((*asked, view.generation, k), lambda: _Lists(
            view.item_ids[view.live], _top_lists(view, self.asking(query_side), k), texts,
        ))

    def _sampled(self, k: int) -> _Lists | None:
        """What a random sample of the items finds by the index, where all pairs are not compared yet."""
        view = self._collection.view()
        found = sampled.load(self._collection, view)
        if found is None:
            return None
        near = found.neighbours[:, :k]
        top = np.where(near < 0, -1, np.searchsorted(view.live, near))
        return _Lists(view.item_ids[view.live], top, view.item_ids[found.asked].tolist(), recall=found.recall)

    def _wider(self, k: int) -> KnnGraph:
        """A graph with more neighbours than the stored one has, for this question only."""
        view = self._collection.view()
        if k * len(view.live) > PLACES_AT_MOST:
            raise InputError(
                f"k is {k:,}; with {len(view.live):,} items the most is {max(knn.DEFAULT_K, PLACES_AT_MOST // len(view.live)):,}."
            )
        key = (view.set.set_id, view.generation, k, "wider")
        with self._lock:
            if key not in self._graphs:
                self._graphs = {key: knn.build(view, k, rough=False)}
            return self._graphs[key]

    def texts(self, query_side: str) -> list[str]:
        """The different texts of a side, in the order of `asking`.

        Raises
        ------
        InputError
            There are none.
        """
        if query_side == "captions":
            rows = self._collection.select(
                "SELECT text FROM captions JOIN items USING (item_id) WHERE trashed_at IS NULL AND position = 0 ORDER BY item_id"
            )
            step = max(1, -(-len(rows) // CAPTIONS_AT_MOST))
            texts = list(dict.fromkeys(row[0] for row in rows[::step]))
        else:
            texts = list(dict.fromkeys(text for text, _ in self.asked()))
        if not texts:
            what = "captions" if query_side == "captions" else "saved or logged text queries"
            raise InputError(f"This collection has no {what} to ask with; choose another side.")
        return texts


def _top_lists(view: VectorView, vectors: np.ndarray, k: int) -> np.ndarray:
    """int64 (n_queries, min(k, n_live)): the nearest live items of each query, as positions among the live ones.

    By matrix products, as the counts with a correction are, and with their ties: by id, at 6 decimals.
    """
    order = np.argsort(view.item_ids[view.live], kind="stable")
    columns, values = [], []
    for start in range(0, len(order), _CHUNK):
        scores = np.asarray(vectors, np.float32) @ view.rows(view.live[order[start : start + _CHUNK]]).T
        best = best_columns(scores, k, DECIMALS)
        columns.append(best + start)
        values.append(np.round(np.take_along_axis(scores, best, axis=1).astype(np.float64), DECIMALS))
    found = np.concatenate(columns, axis=1)
    first = np.argsort(-np.concatenate(values, axis=1), axis=1, kind="stable")[:, :k]
    return order[np.take_along_axis(found, first, axis=1)]

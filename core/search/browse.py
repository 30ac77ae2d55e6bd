"""Everything, a page at a time: filtered, sorted, and the same on every page."""

from __future__ import annotations

import time
import zlib

import numpy as np

from core.errors import InputError
from core.search.facts import facts
from core.search.filters import condition, filtered, matching, n_live, numbers
from core.store import Collection
from core.types import Hit, Query, SearchResult

SORTS = ("name", "date", "n_k", "random")
_MOST = 2**63 - 1
"""The largest integer SQLite takes."""

_ORDER = {
    # What most people want first stands first: names from A, the newest, the items found most often.
    "name": "items.file COLLATE NOCASE {0}, items.file {0}",
    "date": "(items.date = '') ASC, items.date {1}",
    "n_k": "n_k.n_k IS NULL ASC, n_k.n_k {1}",
}


def browse(
    collection: Collection,
    query: Query = Query(),
    *,
    sort: str = "name",
    seed: int = 0,
    limit: int = 48,
    offset: int = 0,
) -> SearchResult:
    """One page of the items that pass the query's filter text and literals; its terms are not looked at.

    Parameters
    ----------
    sort : {"name", "date", "n_k", "random"}
        By file name; newest first; most often found first; by a hash of id and `seed`. A minus in front turns it
        round (``-date`` is oldest first). Items without a date or N_k come last either way.
    limit, offset : int
        0 or more.

    Returns
    -------
    SearchResult
        With the plan ``browse`` and scores of 0; `total` counts all live items, with or without vectors.

    Raises
    ------
    InputError
        There is no such sort, or `limit` or `offset` is negative.
    QueryError
        The filter text cannot be read.
    """
    backwards = sort.startswith("-")
    name = sort.removeprefix("-")
    if name not in SORTS:
        raise InputError(f"There is no order {sort!r}; use {', '.join(SORTS)}, or a minus before one of them.")
    if limit < 0 or offset < 0:
        raise InputError(f"limit and offset must be 0 or more, not {limit} and {offset}.")
    began = time.perf_counter()
    generation, total = collection.generation, n_live(collection)
    if name == "random":
        passing = matching(collection, query)
        ids = [passing[i] for i in shuffled(passing, seed, backwards)[offset : offset + limit]]
        matched = len(passing)
    else:
        ids = _page(collection, query, name, backwards, limit, offset)
        matched = len(numbers(collection, query)) if filtered(query) else total
    found = time.perf_counter()
    hits = tuple(
        Hit(item_id, rank, 0.0, 0.0, file=file, caption=caption, n_k=n_k)
        for rank, (item_id, (file, caption, n_k)) in enumerate(zip(ids, facts(collection, ids)), start=offset + 1)
    )
    filled = time.perf_counter()
    timings = {"encode": 0.0, "filter": (found - began) * 1e3, "search": 0.0, "rank": (filled - found) * 1e3}
    timings["total"] = sum(timings.values())
    return SearchResult(query, limit, hits, total, matched, "browse", timings, (), generation)


def _page(collection: Collection, query: Query, name: str, backwards: bool, limit: int, offset: int) -> list[str]:
    asked = condition(collection, query)
    directions = ("DESC", "ASC") if backwards else ("ASC", "DESC")
    rows = collection.select(
        f"SELECT items.item_id FROM items {'LEFT JOIN n_k ON n_k.item_id = items.item_id' if name == 'n_k' else ''}"
        f" WHERE items.trashed_at IS NULL AND {asked.sql}"
        f" ORDER BY {_ORDER[name].format(*directions)}, items.item_id LIMIT ? OFFSET ?",
        (*asked.params, min(limit, _MOST), min(offset, _MOST)),
    )
    return [row[0] for row in rows]


def shuffled(ids: tuple[str, ...], seed: int, backwards: bool = False) -> np.ndarray:
    """The order of `ids` by a hash of id and seed: an item's place does not hang on which others are there."""
    data = np.array([zlib.crc32(i.encode()) | zlib.adler32(i.encode()) << 32 for i in ids], dtype=np.uint64)
    with np.errstate(over="ignore"):
        x = data + np.uint64(seed % 2**64) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        x ^= x >> np.uint64(31)
    order = np.lexsort((np.array(ids, dtype=str), x)) if len(ids) else np.empty(0, np.int64)
    return order[::-1] if backwards else order

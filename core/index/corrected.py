"""Top-k by cosine plus one number per row, a hub correction: exact, and with the rank each row has without it.

A row far down by cosine may come up by its bias, so the scan gives every row's rough cosine (float16, unsorted: about
what the plain search takes) and the bias is added. Rows that may belong to the answer are scored again from the
unrounded query:

    rough cosine + bias  >=  k-th exact score found so far - 1e-6 - error bound

so no row that is left out can belong to it. No second copy of the vectors is held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from core.errors import InputError
from core.index import exact
from core.index import usearch as approximate
from core.index.native import usearch_index
from core.index.planner import EXACT_BELOW, MODES
from core.store import Collection, VectorView

_CHUNK = 8192  # rows gathered at once
_SCAN_FROM = 0.5  # of the rows: from this share on scanning all is cheaper than copying those that are meant
_RESCORED = 512  # rows scored to settle the ranks before, the nearest first, beside those that are scored anyway
_INDEX_DEPTH = 256  # rows asked of the index; the search of USearch looks at as many anyway
_LAST = 16  # of the index's nearest: the last of them is among these
_INDEX_LIFTED = 512  # rows with the highest bias looked at beside them
_OWN_DEPTH = 128  # rows, the best by cosine and bias, that what the query's own rows took is given back to
Own = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Positions and their cosines with the query to what is added to their scores besides the bias."""
LIFTED = 4096
"""Rows with the highest bias that are candidates beside the index's nearest, at most."""


@dataclass(frozen=True, eq=False)
class Lifted:
    """The rows with the highest bias.

    Attributes
    ----------
    positions : ndarray of int64, shape (m,)
        The highest first.
    rows : ndarray of float32, shape (few, d)
        The vectors of the first of them, of length 1: every query is compared with these.
    """

    positions: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Corrected:
    """An answer in the order (-round(cosine + bias, 6), item_id).

    Attributes
    ----------
    positions : ndarray of int64, shape (k,)
    cosines : ndarray of float32, shape (k,)
    scores : ndarray of float64, shape (k,)
        Cosine plus bias.
    before : ndarray of int64, shape (k,), or None
        The rank, from 1, by the cosine alone among the same rows. Exact, unless five hundred rows and more are too
        close to tell apart by rough cosines (an error of about 1e-4): then those further down are counted by these. None
        where nothing was corrected.
    plan : {"exact", "approximate"}
    deeper : ndarray of bool, shape (k,), or None
        With the index: True for rows that are level with or below the last that it gave. Their rank by cosine is not
        known; `before` is the least it can be.
    """

    positions: np.ndarray
    cosines: np.ndarray
    scores: np.ndarray
    before: np.ndarray | None
    plan: str
    deeper: np.ndarray | None = None

    def take(self, chosen: np.ndarray | slice) -> Corrected:
        """Some of the rows, in that order."""
        before = None if self.before is None else self.before[chosen]
        deeper = None if self.deeper is None else self.deeper[chosen]
        return Corrected(self.positions[chosen], self.cosines[chosen], self.scores[chosen], before, self.plan, deeper)


def search_corrected(
    collection: Collection,
    view: VectorView,
    query_vec: np.ndarray,
    k: int,
    bias: np.ndarray,
    subset: np.ndarray | None = None,
    mode: str = "auto",
    *,
    exclude: np.ndarray | None = None,
    lifted: Lifted | None = None,
    own: Own | None = None,
) -> Corrected:
    """As `core.index.planner.search_vectors`, by cosine plus `bias`.

    With the index, its nearest rows and those with the highest bias are candidates, and the answer is approximate:
    a row that is in neither may be missed, and below the index's nearest the rank before is not known. Where these are
    too few (rows in the trash are among them), all rows are looked at.

    Parameters
    ----------
    bias : ndarray of float32, shape (n,)
        By position in the view.
    lifted : Lifted, optional
        Of `highest`, where the caller has it.
    own : callable, optional
        What is added besides, hardly ever below 0: asked for the best few hundred rows only, and those that may be
        among the `k`.
    """
    if mode not in MODES:
        raise InputError(f"There is no way to search called {mode!r}; use one of {', '.join(MODES)}.")
    allowed = view.live if subset is None else subset
    if exclude is not None and len(exclude):
        allowed = allowed[~np.isin(allowed, exclude)]
    k = min(k, len(allowed))
    if subset is None and k and (mode == "usearch" or (mode == "auto" and len(allowed) > EXACT_BELOW)):
        index = approximate.load(collection, view)
        depth = max(4 * k, _INDEX_DEPTH)
        if index is not None and 2 * depth < len(allowed):
            lifted = highest(bias, view) if lifted is None else lifted
            near, some, rough = _candidates(index, view, query_vec, depth, allowed, lifted)
            if len(some) >= k and len(near):
                found = top_k(
                    view.matrix, query_vec, bias, k, some, ids=view.item_ids, plan="approximate", own=own, rough=rough
                )
                # Above the last of the index's nearest a row's place among the candidates is its place among all.
                last = exact.score(view.matrix, query_vec, near[-_LAST:]).min()  # rough cosines order them
                deeper = found.cosines <= last + exact.TIE
                least = np.minimum(found.before, len(near) + 1)
                return replace(found, before=np.where(deeper, least, found.before), deeper=deeper)
    return top_k(view.matrix, query_vec, bias, k, allowed, ids=view.item_ids, own=own)


def top_k(
    matrix: np.ndarray,
    query: np.ndarray,
    bias: np.ndarray,
    k: int,
    allowed: np.ndarray,
    *,
    ids: np.ndarray,
    plan: str = "exact",
    own: Own | None = None,
    rough: np.ndarray | None = None,
) -> Corrected:
    """The `k` best of the rows `allowed` (ascending positions) by ``cosine + bias``.

    `own` as in `search_corrected`; `rough` are rough cosines of the rows, where the caller has them.
    """
    query = exact.checked(matrix, query, k)
    allowed = np.asarray(allowed, np.int64)
    k = min(k, len(allowed))
    if not k:
        return Corrected(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0), np.empty(0, np.int64), plan)
    bias = np.asarray(bias, np.float64)[allowed]
    rough = _rough(matrix, query, allowed) if rough is None else rough
    total = rough + bias
    few = min(len(allowed), max(4 * k, k + 32, 0 if own is None else _OWN_DEPTH))
    near = np.argpartition(-total, few - 1)[:few]
    cosines = exact.score(matrix, query, allowed[near])
    error = exact.error_bound(query, rough[near], cosines)
    if own is not None:
        bias[near] += own(allowed[near], cosines)
    reached = np.partition(cosines + bias[near], few - k)[few - k]  # k-th best score among these
    # Rounding to six decimals decides ties by the id, so rows that close are wanted too.
    wanted = np.flatnonzero(total >= reached - 2 * exact.TIE - error)
    more = np.setdiff1d(wanted, near, assume_unique=True)
    if len(more):
        theirs = exact.score(matrix, query, allowed[more])
        if own is not None:
            bias[more] += own(allowed[more], theirs)
        near = np.concatenate([near, more])
        cosines = np.concatenate([cosines, theirs])
    scores = cosines.astype(np.float64) + bias[near]
    order = exact.rank_order(scores, allowed[near], ids)[:k]
    before = _ranks_before(matrix, query, allowed, rough, near, cosines, order, error, ids)
    return Corrected(allowed[near[order]], cosines[order], scores[order], before, plan)


def _rough(matrix: np.ndarray, query: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """float64 rough cosines of the rows `allowed`."""
    if len(allowed) >= _SCAN_FROM * len(matrix):
        everything = _scan(matrix, query)
        return everything if len(allowed) == len(matrix) else everything[allowed]
    pieces = (allowed[start : start + _CHUNK] for start in range(0, len(allowed), _CHUNK))
    return np.concatenate([_scan(matrix[piece], query) for piece in pieces])


def _scan(matrix: np.ndarray, query: np.ndarray) -> np.ndarray:
    native = usearch_index()

    # Every row asks for its nearest among one: all distances, in the order of the rows and without sorting them.
    one = np.ascontiguousarray(query.astype(np.float16)[None])
    matches = native.search(
        one, np.ascontiguousarray(matrix), 1, native.MetricKind.Cos, exact=True, threads=exact.search_threads(len(matrix))
    )
    return 1.0 - np.asarray(matches.distances, np.float64).reshape(-1)


def _ranks_before(
    matrix: np.ndarray, query: np.ndarray, allowed: np.ndarray, rough: np.ndarray, near: np.ndarray,
    cosines: np.ndarray, order: np.ndarray, error: float, ids: np.ndarray,
) -> np.ndarray:
    """int64 (k,): the rank by cosine of the rows ``near[order]``; only rows that rough cosines cannot tell apart are
    scored again."""
    margin = error + 2 * exact.TIE
    mine = cosines[order].astype(np.float64)
    region = np.flatnonzero(rough >= mine.min() - margin)
    region = region[np.argsort(-rough[region])]
    falling = -rough[region]
    first = np.searchsorted(falling, -(mine + margin), side="left")  # rows before it are surely above
    last = np.searchsorted(falling, -(mine - margin), side="right")  # rows from it on are surely below
    unsure = np.zeros(len(region) + 1, np.int64)
    np.add.at(unsure, first, 1)
    np.add.at(unsure, last, -1)
    open_ones = np.cumsum(unsure[:-1]) > 0
    rough_rank = np.searchsorted(falling, -mine, side="left") + 1
    known = np.full(len(allowed), np.nan)
    known[near] = cosines
    beyond = np.flatnonzero(open_ones & np.isnan(known[region]))[_RESCORED : _RESCORED + 1]
    border = int(beyond[0]) if len(beyond) else len(region)
    open_ones[border:] = False
    asked = region[open_ones]
    lacking = asked[np.isnan(known[asked])]
    known[lacking] = exact.score(matrix, query, allowed[lacking])
    # Among those that were scored in full a row has its true place, and no other row is near enough to be misplaced.
    place = np.zeros(len(allowed), np.int64)
    place[asked[exact.rank_order(known[asked].astype(np.float32), allowed[asked], ids)]] = np.arange(len(asked))
    exact_rank = place[near[order]] + np.searchsorted(falling[~open_ones], -mine, side="left") + 1
    return np.where(last <= border, exact_rank, rough_rank)


def highest(bias: np.ndarray, view: VectorView) -> Lifted:
    """The `LIFTED` highest biases of rows that are alive."""
    there = bias[view.live]
    few = min(LIFTED, len(there))
    found = np.argpartition(-there, few - 1)[:few] if few else np.empty(0, np.int64)
    positions = view.live[found[np.argsort(-there[found], kind="stable")]].astype(np.int64)
    return Lifted(positions, view.rows(positions[:_INDEX_LIFTED]))


def _candidates(
    index: approximate.VectorIndex, view: VectorView, query: np.ndarray, depth: int, allowed: np.ndarray, lifted: Lifted
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions among `allowed`: the index's nearest, these first; ascending, they, rows with the highest bias and those
    that it does not know. And the rough cosines of the latter."""
    dead = index.covered - int(np.searchsorted(view.live, index.covered))
    near, given = index.candidates(query, depth + min(dead, depth))
    known = len(lifted.rows)
    others = np.concatenate([lifted.positions[known : max(depth, known)], allowed[np.searchsorted(allowed, index.covered) :]])
    rough = _scan(view.matrix[others], exact.checked(view.matrix, query, 1)) if len(others) else np.empty(0)
    positions = np.concatenate([near, lifted.positions[:known], others])
    unit = np.asarray(query, np.float32) / max(float(np.linalg.norm(query)), np.finfo(np.float32).tiny)
    some, first = np.unique(positions, return_index=True)
    some_rough = np.concatenate([given, lifted.rows @ unit, rough])[first]
    places = np.minimum(np.searchsorted(allowed, some), len(allowed) - 1)
    kept = allowed[places] == some
    return exact.within(near, allowed), some[kept], some_rough[kept]

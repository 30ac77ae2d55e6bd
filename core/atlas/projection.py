"""The map of a whole collection: UMAP from the stored neighbour graph, PCA until there is one.

UMAP compiles with numba and two fits at once can abort a process, so `fit` belongs in the worker; `pca`,
`core.atlas.placement` and the reading side need numpy only. No fitted model is kept: a map is its coordinates.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.atlas.placement import align
from core.atlas.quality import trustworthiness
from core.types import KnnGraph, MapFit

if TYPE_CHECKING:
    from core.store import Collection, VectorView

ARTIFACT = "map"
N_NEIGHBORS = 15
MIN_DIST = 0.1
FEWEST_FOR_UMAP = 16
Progress = Callable[[int, int], None]


# ---------------------------------------------------------------- fitting


def fit(graph: KnnGraph, view: VectorView, seed: int = 0, *, previous: MapFit | None = None,
        on_progress: Progress | None = None) -> MapFit:
    """Fit the map of a vector set.

    UMAP (McInnes et al. 2018) with 15 neighbours, cosine distance and min_dist 0.1, from the exact graph instead of
    an approximate search, started from PCA: so the same items and seed give the same map, and what is far apart in
    PCA starts far apart.

    Parameters
    ----------
    graph : KnnGraph
    view : VectorView
        Must hold the vectors of all items of `graph`.
    seed : int
    previous : MapFit, optional
        A map to align to: the new one is rotated, mirrored, scaled and moved onto the items both have (Procrustes).
    on_progress : callable, optional
        Called with (epochs done, epochs in all); may raise `core.errors.Cancelled`.

    Returns
    -------
    MapFit
        In the order of ``graph.item_ids``, coordinates finite; PCA for fewer than 16 items.
    """
    n = len(graph.item_ids)
    vectors = view.rows(view.positions(graph.item_ids)) if n else np.empty((0, 1), np.float32)
    start = principal_axes(vectors, seed)
    method, coords = "pca", start
    if n >= FEWEST_FOR_UMAP:
        method, coords = "umap", _umap(graph, start, seed, on_progress)
    made = MapFit(set_id=graph.set_id, generation=graph.generation, item_ids=graph.item_ids, coords=coords,
                  method=method, fitted=np.ones(n, bool), seed=seed)
    made = replace(made, trustworthiness=trustworthiness(vectors, coords) if n > 3 else None)
    return made if previous is None else align(made, previous)


def pca(view: VectorView, seed: int = 0) -> MapFit:
    """The first two principal axes of the live items: a map at once, without a graph."""
    ids = np.asarray(view.item_ids)[view.live].astype(str)
    order = np.argsort(ids, kind="stable")
    coords = principal_axes(view.rows(np.asarray(view.live)[order]), seed)
    return MapFit(set_id=view.set.set_id, generation=view.generation, item_ids=ids[order], coords=coords,
                  method="pca", fitted=np.ones(len(ids), bool), seed=seed)


def principal_axes(vectors: np.ndarray, seed: int = 0, n_sample: int = 20_000) -> np.ndarray:
    """Project rows on their first two principal axes.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, d)
    n_sample : int
        The axes are taken from at most this many rows, drawn with `seed`.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Centred; each axis signed so that its largest loading is positive. Zeros where there is no second axis.
    """
    n = len(vectors)
    coords = np.zeros((n, 2), np.float32)
    if n < 2:
        return coords
    sample = vectors
    if n > n_sample:
        sample = vectors[np.sort(np.random.default_rng(seed).choice(n, n_sample, replace=False))]
    mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = sample - mean
    if len(sample) <= centred.shape[1]:
        values, left = np.linalg.eigh((centred @ centred.T).astype(np.float64))
        axes = centred.T @ left[:, ::-1][:, :2].astype(np.float32)
    else:
        values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        axes = axes[:, ::-1][:, :2].astype(np.float32)
    real = np.flatnonzero(values[::-1][:2] > 1e-9 * max(float(values[-1]), 1e-12))
    for axis in real:
        direction = axes[:, axis] / np.linalg.norm(axes[:, axis])
        direction *= np.sign(direction[np.argmax(np.abs(direction))])
        coords[:, axis] = (vectors - mean) @ direction
    return coords


def _umap(graph: KnnGraph, start: np.ndarray, seed: int, on_progress: Progress | None) -> np.ndarray:
    """UMAP's two halves, the fuzzy graph and its layout, given neighbours and a start.

    The estimator class is passed by because it wants all vectors once more and ignores neighbours it is given for
    small sets.
    """
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding

    n = len(graph.item_ids)
    k = min(N_NEIGHBORS, graph.neighbors.shape[1] + 1)
    # umap counts the item itself as its own first neighbour
    indices = np.column_stack([np.arange(n, dtype=np.int32), graph.neighbors[:, :k - 1]])
    distances = np.column_stack([np.zeros(n, np.float32), np.clip(1.0 - graph.similarities[:, :k - 1], 0.0, 2.0)])
    random = np.random.RandomState(seed)  # noqa: NPY002 - umap asks for this kind
    fuzzy, _, _ = fuzzy_simplicial_set(start, k, random, "cosine", knn_indices=indices,
                                       knn_dists=distances.astype(np.float32))
    span = float(np.abs(start).max()) or 1.0
    # the noise keeps identical images apart at the start; umap divides by the spread, which must not be zero
    begin = (10.0 * start / span + random.normal(scale=1e-3, size=start.shape)).astype(np.float32)
    a, b = find_ab_params(1.0, MIN_DIST)
    n_epochs = 500 if n <= 10_000 else 200
    coords, _ = simplicial_set_embedding(
        begin, fuzzy, n_components=2, initial_alpha=1.0, a=a, b=b, gamma=1.0, negative_sample_rate=5,
        n_epochs=n_epochs, init=begin, random_state=random, metric="cosine", metric_kwds={}, densmap=False,
        densmap_kwds={}, output_dens=False, tqdm_kwds=_ticks(on_progress, n_epochs))
    coords = np.nan_to_num(np.asarray(coords, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return (coords - coords.mean(axis=0)).astype(np.float32)


def _ticks(on_progress: Progress | None, total: int) -> dict[str, object]:
    """Settings for umap's progress bar that turn its output into calls of `on_progress`."""
    if on_progress is None:
        return {"disable": True}
    from tqdm import tqdm

    caller = threading.get_ident()

    class Ticks:
        def write(self, text: str) -> None:
            done = text.strip()
            if not done.isdigit() or threading.get_ident() != caller:  # a thread of tqdm's own refreshes old bars
                return
            try:
                on_progress(int(done), total)
            except BaseException:
                # tqdm writes with its lock held and does not let go of it when that fails: every later map of another
                # thread would wait for ever.
                tqdm.get_lock().release()
                raise

        def flush(self) -> None:
            pass

    return {"disable": False, "file": Ticks(), "bar_format": "{n}", "mininterval": 0.3, "leave": False}


# ---------------------------------------------------------------- storage


def save(collection: Collection, made: MapFit) -> None:
    """Store the map as an artifact of its vector set; replaces the one before."""
    arrays = {"item_ids": made.item_ids.astype("S"), "coords": made.coords.astype(np.float32), "fitted": made.fitted}
    meta = {"method": made.method, "seed": made.seed, "trustworthiness": made.trustworthiness}
    collection.put_artifact(ARTIFACT, made.set_id, arrays, meta, made.generation)


def load(collection: Collection, set_id: str | None = None) -> MapFit | None:
    """The stored map of a vector set (the active one by default), or None. It may be of an older generation."""
    set_id = collection.set(set_id).set_id
    stored = collection.artifact(ARTIFACT, set_id)
    if stored is None:
        return None
    meta = stored.meta
    return MapFit(set_id=set_id, generation=stored.generation,
                  item_ids=np.asarray(stored.arrays["item_ids"]).astype(str),
                  coords=np.asarray(stored.arrays["coords"]), method=meta["method"],
                  fitted=np.asarray(stored.arrays["fitted"]), seed=int(meta.get("seed", 0)),
                  trustworthiness=meta.get("trustworthiness"))

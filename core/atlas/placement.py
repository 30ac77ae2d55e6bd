"""Changing a map without fitting it anew: placing new items, and turning a refit onto the map it replaces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.types import KnnGraph, MapFit

_NEIGHBORS = 15  # looked at for a new item, as many as the fit looks at


def transform(fitted: MapFit, graph: KnnGraph) -> MapFit:
    """Bring a fitted map up to a newer graph: gone items leave, new ones are placed, the others stay where they are.

    A new item goes where most of its placed neighbours are: to their weighted medoid, then to the mean of the
    neighbours near it. (The plain weighted mean puts an item with friends in two clusters into the gap between
    them.) Neighbours of a new item that are new themselves count once they are placed; items that never meet a
    placed neighbour go to the middle of the map.

    Parameters
    ----------
    fitted : MapFit
    graph : KnnGraph
        Of the same vector set.

    Returns
    -------
    MapFit
        In the order of ``graph.item_ids``; ``fitted`` is False for items placed here.
    """
    n = len(graph.item_ids)
    coords = np.zeros((n, 2), np.float32)
    was_fitted = np.zeros(n, bool)
    order = np.argsort(fitted.item_ids)
    at = np.clip(np.searchsorted(fitted.item_ids, graph.item_ids, sorter=order), 0, max(len(order) - 1, 0))
    known = fitted.item_ids[order[at]] == graph.item_ids if len(order) else np.zeros(n, bool)
    coords[known] = fitted.coords[order[at[known]]] if len(order) else 0.0
    was_fitted[known] = fitted.fitted[order[at[known]]] if len(order) else False
    placed = known.copy()
    while not placed.all():
        waiting = np.flatnonzero(~placed & placed[graph.neighbors].any(axis=1)) if n else np.empty(0, np.int64)
        if len(waiting) == 0:
            coords[~placed] = np.median(coords[placed], axis=0) if placed.any() else 0.0
            break
        coords[waiting] = _beside_neighbors(coords, placed, graph, waiting)
        placed[waiting] = True
    return MapFit(set_id=fitted.set_id, generation=graph.generation, item_ids=graph.item_ids, coords=coords,
                  method=fitted.method, fitted=was_fitted, seed=fitted.seed,
                  trustworthiness=fitted.trustworthiness)


def _beside_neighbors(coords: np.ndarray, placed: np.ndarray, graph: KnnGraph, rows: np.ndarray) -> np.ndarray:
    """Where to put `rows`, given the coordinates of those of their neighbours that are placed."""
    near = graph.neighbors[rows, :_NEIGHBORS]
    usable = placed[near]
    if not usable.any(axis=1).all():
        near, usable = graph.neighbors[rows], placed[graph.neighbors[rows]]
    distance = 1.0 - graph.similarities[rows, :near.shape[1]]
    nearest = np.min(np.where(usable, distance, np.inf), axis=1, keepdims=True)
    scale = np.maximum(np.median(distance - nearest, axis=1, keepdims=True), 1e-6)
    weights = np.where(usable, np.exp(-np.maximum(distance - nearest, 0.0) / scale), 0.0)
    points = coords[near].astype(np.float64)  # (rows, neighbours, 2)
    apart = np.linalg.norm(points[:, :, None, :] - points[:, None, :, :], axis=3)
    cost = np.where(usable, np.einsum("rij,rj->ri", apart, weights), np.inf)
    medoid = np.argmin(cost, axis=1)
    from_medoid = apart[np.arange(len(rows)), medoid]
    reach = np.maximum(np.nanmedian(np.where(usable, from_medoid, np.nan), axis=1, keepdims=True), 1e-9)
    weights = weights * np.exp(-0.5 * (from_medoid / reach) ** 2)
    return (np.einsum("rj,rjc->rc", weights, points) / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def align(new: MapFit, old: MapFit) -> MapFit:
    """Rotate, mirror, scale and move `new` so that the items both maps have come closest to where they were.

    Orthogonal Procrustes with scale and translation; least squares over the common items. With fewer than three of
    them `new` is returned as it is.
    """
    _, in_new, in_old = np.intersect1d(new.item_ids, old.item_ids, return_indices=True)
    if len(in_new) < 3:
        return new
    source, target = new.coords[in_new].astype(np.float64), old.coords[in_old].astype(np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    source, target = source - source_mean, target - target_mean
    spread = float((source**2).sum())
    if spread < 1e-12 or float((target**2).sum()) < 1e-12:
        return new
    left, strength, right = np.linalg.svd(source.T @ target)
    turn = (left @ right) * (strength.sum() / spread)
    coords = (new.coords.astype(np.float64) - source_mean) @ turn + target_mean
    return replace(new, coords=coords.astype(np.float32))

"""What follows from new items: neighbour graph, N_k, near-duplicates, map, groups, and an index where there are many."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from core.encode import load_encoder
from core.errors import Damaged, EncoderError, LoupeError
from core.graph import knn
from core.index import sampled, usearch
from core.index.planner import EXACT_BELOW
from core.jobs.progress import Progress
from core.jobs.worker import Context
from core.rank import duplicates
from core.search.sets import visual_of
from core.store import Collection, VectorView
from core.types import KnnGraph, MapFit

N_K_DEPTH = 10
"""The k of the N_k that items show and filters use."""
_N_K_OF = "n_k.set"
"""Setting: the vector set whose N_k the items show."""
REFIT_SHARE = 0.5
"""A map whose fit saw fewer of its items than this is fitted anew without being asked."""


def run(context: Context) -> dict:
    """Do a refresh, or a refit (arguments ``seed``) that fits the whole map anew."""
    began, progress = time.monotonic(), context.progress
    collection = Collection.open_key(context.job.collection, context.home)
    if not collection.sets():
        return {"items": 0, "seconds": 0.0}
    refit = context.job.kind == "refit"
    view = collection.view()
    large = len(view.live) >= sampled.SAMPLED_FROM
    if large:  # searches and hubs do not wait for all pairs to be compared
        _index(collection, view, progress)
        _sample(collection, view, progress)
    graph = fresh_graph(collection, view, progress)
    made = _map(context, collection, view, graph, refit)
    progress.stage("naming groups")
    _groups(collection, made)
    progress.stage("looking for near-duplicates")
    _folds(collection, view, graph)
    if len(view.live) >= EXACT_BELOW:
        if not large:
            _index(collection, view, progress)
        visual = visual_of(collection, view.set)
        if visual is not None:
            looks = collection.view(visual.set_id)
            progress.stage("building the index of looks", len(looks.live))
            usearch.save(collection, looks, progress.at)
    return {
        "items": len(graph.item_ids),
        "map": made.method,
        "trustworthiness": made.trustworthiness,
        "seconds": round(time.monotonic() - began, 2),
    }


def _index(collection: Collection, view: VectorView, progress: Progress) -> None:
    progress.stage("building the index", len(view.live))
    usearch.save(collection, view, progress.at)


def _sample(collection: Collection, view: VectorView, progress: Progress) -> None:
    index = usearch.load(collection, view)
    if index is not None:
        progress.stage("asking with a sample", min(sampled.ASKED, len(view.live)))
        sampled.save(collection, index, view, progress.at)


def fresh_graph(collection: Collection, view: VectorView, progress: Progress) -> KnnGraph:
    """The neighbour graph of a view, built where there is none that fits; N_k is noted with it."""
    progress.stage("finding neighbours", len(view.live))
    graph = _stored(collection, view)
    known = graph is not None
    if graph is None:
        graph = knn.build(view, on_progress=progress.at)
        knn.save(collection, graph)
    # There is one N_k for the whole collection: that of the vectors in use, so it changes hands when these do.
    if not known or collection.setting(_N_K_OF, graph.set_id) != graph.set_id:
        collection.set_n_k(graph.item_ids, knn.k_occurrence(graph, N_K_DEPTH))
        collection.set_setting(_N_K_OF, graph.set_id)
    return graph


def _stored(collection: Collection, view: VectorView) -> KnnGraph | None:
    """The graph there is, if no vector has come or gone since."""
    try:
        graph = knn.load(collection, view.set.set_id)
    except Damaged:
        return None
    return graph if graph is not None and graph.generation >= view.changed else None


def _folds(collection: Collection, view: VectorView, graph: KnnGraph) -> None:
    encoder = None
    if not view.set.engine == "brought":
        try:
            encoder = load_encoder(view.set.encoder)
        except EncoderError:
            pass  # without it the threshold is the usual one
    duplicates.refresh(collection, view, graph, encoder)


def _map(context: Context, collection: Collection, view: VectorView, graph: KnnGraph, refit: bool) -> MapFit:
    """The map, brought up to date or fitted; PCA first where there is none, since UMAP takes its time."""
    from core.atlas import placement, projection

    progress = context.progress
    try:
        old = projection.load(collection, view.set.set_id)
    except Damaged:
        old = None
    if old is not None and old.method == "umap" and not refit:
        moved = placement.transform(old, graph)
        if np.count_nonzero(moved.fitted) >= REFIT_SHARE * len(moved.fitted):
            if moved.generation != old.generation or len(moved.item_ids) != len(old.item_ids):
                projection.save(collection, moved)
            return moved
    if old is None:
        progress.stage("drawing a first map")
        projection.save(collection, projection.pca(view))
    progress.stage("drawing the map")
    fitted = projection.fit(
        graph,
        view,
        seed=int(context.job.args.get("seed", 0)),
        previous=old if old is not None and old.method == "umap" else None,
        on_progress=progress.at,
    )
    fitted = replace(fitted, generation=max(fitted.generation, view.generation))
    projection.save(collection, fitted)
    return fitted


def _groups(collection: Collection, made: MapFit) -> None:
    from core.atlas import clusters

    captions = collection.captions_of([str(item_id) for item_id in made.item_ids])
    try:
        clusters.save(collection, clusters.clusters(made, captions), made.set_id, made.generation)
    except LoupeError:
        pass  # groups are an extra of the map

"""Maps as a service: where the items lie, how they are coloured, what a lasso holds, and the surroundings of one query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from core.errors import Damaged, InputError
from core.search.filters import remembered, state_of
from core.store import Collection
from core.types import Job, MapFit, Neighbourhood, Scalar, SearchResult
from core.workbench.submitting import submit

PCA_AT_MOST = 50_000
"""A map is made at once, by PCA, for up to so many items where the worker has not made one yet."""
BUILT_IN = ("cluster", "n_k", "tag", "judgment", "date", "width", "height", "status")
ALWAYS = ("cluster", "n_k")
TELLS_APART = 0.2
"""A text column with more values than this share of the items is a name, not a kind."""


class MapService:
    """``wb.maps``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def collection_map(self) -> MapFit | None:
        """The map of the active vector set, items in the trash left out; None where there are no vectors.

        It may be older than the collection: compare ``generation``. Until the worker has made one it is PCA.
        """
        from core.atlas import projection

        if not self._collection.sets():
            return None
        view = self._collection.view()
        made = projection.load(self._collection)
        if made is None:
            if not len(view.live) or len(view.live) > PCA_AT_MOST:
                return None
            kept = (self._collection.path, self._collection.uid, "pca", view.set.set_id, view.generation)
            return remembered(kept, lambda: projection.pca(view))
        there = np.fromiter((view.position(str(i)) is not None for i in made.item_ids), bool, len(made.item_ids))
        if there.all():
            return made
        return replace(made, item_ids=made.item_ids[there], coords=made.coords[there], fitted=made.fitted[there])

    def colour_choices(self) -> tuple[str, ...]:
        """What a map can be coloured by: the built-in choices, then the metadata columns.

        What would draw all items alike is left out, and so is what tells nearly every item from every other.
        """
        columns = {column.name: column.kind for column in self._collection.columns()}
        names = (*BUILT_IN, *(name for name in columns if name not in BUILT_IN))
        return tuple(name for name in names if name in ALWAYS or self._tells(name, columns.get(name)))

    def _tells(self, by: str, kind: str | None) -> bool:
        """Whether colours by this would show anything."""
        if by in ("tag", "judgment"):
            return bool(self._values(by)[0])

        def tells() -> bool:
            values = Counter(self._values(by)[0].values())
            n = values.total()
            known = len([value for value in values if value not in (None, "")])
            return known > 0 and len(values) > 1 and not (kind == "text" and known > max(50, n * TELLS_APART))

        return remembered((*state_of(self._collection), "tells", by), tells)

    def colours(self, by: str, shown: MapFit | None = None) -> tuple[list[Scalar], str]:
        """A value for every item of the map.

        Parameters
        ----------
        by : str
            One of `colour_choices`. An item with several tags has the most frequent of them.
        shown : MapFit, optional
            The map whose items are meant; the collection's by default.

        Returns
        -------
        values : list
            In the order of the map's ``item_ids``; None where an item has no value.
        kind : {"number", "text", "boolean", "date"}

        Raises
        ------
        InputError
            There is no such thing to colour by.
        """
        shown = shown or self.collection_map()
        if shown is None:
            return [], "text"
        value_of, kind = self._values(by)
        return [value_of.get(str(item_id)) for item_id in shown.item_ids], kind

    def _values(self, by: str) -> tuple[dict[str, Scalar], str]:
        select = self._collection.select
        columns = {column.name: column.kind for column in self._collection.columns()}
        if by in columns:
            path = f'$."{by}"'
            return dict(select("SELECT item_id, json_extract(meta, ?) FROM items", (path,))), columns[by]
        if by == "cluster":
            from core.atlas import clusters

            made = clusters.load(self._collection)
            return ({}, "text") if made is None else (dict(zip(map(str, made.item_ids), made.values)), "text")
        if by == "n_k":
            return dict(select("SELECT item_id, n_k FROM n_k")), "number"
        if by == "tag":
            order = [tag for tag, _ in self._collection.tags()]
            found: dict[str, Scalar] = {}
            rows = select("SELECT item_id, tag FROM tags WHERE undone_at IS NULL")
            for item_id, tag in sorted(rows, key=lambda row: -order.index(row[1]) if row[1] in order else -len(order)):
                found[item_id] = tag  # the most frequent comes last and stays
            return found, "text"
        if by == "judgment":
            from core.judge import GRADE_WORDS, consolidate

            best: dict[str, int] = {}
            for said in consolidate(self._collection.judgments.all()):
                if said.grade is not None:
                    best[said.item_id] = max(said.grade, best.get(said.item_id, 0))
            return {item_id: f"{grade} {GRADE_WORDS[grade]}" for item_id, grade in best.items()}, "text"
        if by == "date":
            return dict(select("SELECT item_id, substr(date, 1, 4) FROM items WHERE date <> ''")), "text"
        if by in ("width", "height"):
            return dict(select(f"SELECT item_id, {by} FROM items")), "number"
        if by == "status":
            return dict(select("SELECT item_id, status FROM items")), "text"
        raise InputError(f"The map cannot be coloured by {by!r}; there are: {', '.join(self.colour_choices())}.")

    def select(
        self,
        polygon: Sequence[Sequence[float]] | None = None,
        box: Sequence[float] | None = None,
        shown: MapFit | None = None,
    ) -> list[str]:
        """Ids of all items inside a lasso or a box, drawn or not, in the map's order.

        Parameters
        ----------
        polygon : sequence of (x, y), optional
        box : (x1, y1, x2, y2), optional
            Two opposite corners.
        """
        from core.atlas import selection

        if (polygon is None) == (box is None):
            raise InputError("A selection is a polygon or a box; give one of them.")
        shown = shown or self.collection_map()
        if shown is None:
            return []
        corners = selection.box(*box) if box is not None else polygon
        return [str(i) for i in shown.item_ids[selection.inside(shown.coords, corners)]]

    def neighbourhood(self, result: SearchResult | Sequence[str], per_hit: int = 5, max_items: int = 300) -> Neighbourhood:
        """The hits of a query with their neighbours, laid out by their own similarities in the space of the answer.

        N_k is always that of the vectors in use.

        Parameters
        ----------
        result : SearchResult or ids in rank order
            Ids alone are compared in the vectors in use.
        """
        from core.atlas import neighbourhood
        from core.graph import knn

        ids = result.item_ids if isinstance(result, SearchResult) else tuple(result)
        active = self._collection.set().set_id
        answered = (result.set_id if isinstance(result, SearchResult) else "") or active
        view, graph, near = self._collection.view(answered), knn.load(self._collection), None
        if answered != active:  # neighbours are kept for the vectors in use only; those of a few hits are soon found
            asked = (self._collection.path, self._collection.uid, answered, view.epoch, view.changed, ids[:max_items])
            near = remembered(asked, lambda: knn.around(view, ids[:max_items], neighbourhood.LINKS_EACH))
        return neighbourhood.layout(view, graph, ids, per_hit, max_items, near)

    def refit(self, seed: int = 0) -> Job:
        """Queue a new fit of the whole map, turned so that what both maps have stays in place."""
        return submit(self._collection, "refit", {"seed": int(seed)})

    def refresh(self) -> Job:
        """Queue what follows from new items: graph, N_k, near-duplicates, map."""
        return submit(self._collection, "refresh")

    def wait_for_graph(self, on_progress: Callable[[Job], None] | None = None) -> None:
        """Wait until there is a neighbour graph of the vectors as they are now, started where nobody is at it.

        For the command line and scripts: pages show what there is and poll.
        """
        import time

        from core.graph import knn
        from core.jobs import Queue, ensure_worker
        from core.jobs.waiting import DEAD_AFTER_S, POLL_S, finished

        if not self._collection.sets():
            return
        queue, asked = Queue(self._collection.home), None
        while True:
            try:
                graph = knn.load(self._collection)
            except Damaged:  # the refresh makes another one
                graph = None
            if graph is not None and graph.generation >= self._collection.view().changed:
                return
            live = [job for job in queue.jobs(self._collection.key, live=True) if job.kind == "refresh"]
            if asked is not None and not live:
                finished(queue, queue.get(asked.job_id))  # raises what went wrong
            asked = live[0] if live else self.refresh()
            if on_progress is not None:
                on_progress(asked)
            if time.time() - max(asked.heartbeat, asked.created_at) > DEAD_AFTER_S:
                ensure_worker(queue.home)
            time.sleep(POLL_S)

"""The facade: one object per collection, with a small service for each thing people do.

>>> wb = Workbench.create("holiday", "~/Pictures/holiday")
>>> for hit in wb.search("a dog on the beach -night", k=5):
...     print(hit.rank, hit.score, hit.file)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from numbers import Integral
from pathlib import Path

from core.errors import InputError, LoupeError
from core.store import Collection, list_collections
from core.types import CollectionInfo, Job, Query, Recipe, SearchResult
from core.workbench import submitting
from core.workbench.adapting import AdaptService
from core.workbench.correcting import CorrectionService
from core.workbench.cutoffs import CutoffService
from core.workbench.encoders import EncoderService
from core.workbench.hub_page import HubPageService
from core.workbench.hubs import HubService
from core.workbench.items import ItemService
from core.workbench.maps import MapService
from core.workbench.pooling import PoolService
from core.workbench.proving import ProofService
from core.workbench.querysets import QuerySetService
from core.workbench.suggesting import JudgingService

__all__ = ["Workbench"]


class Workbench:
    """A collection with its services: `items`, `maps`, `hubs`, `hub_pages`, `correcting`, `querysets`, `pools`, `judgments`,
    `encoders`, `adapt`, `proof`, `cutoffs`.

    Cheap to make and safe to share between threads; nothing is held open.

    Parameters
    ----------
    collection : Collection
        Use `create` and `open` instead of calling this.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def __repr__(self) -> str:
        return f"Workbench({self.collection.path.name!r})"

    # ------------------------------------------------------------ open, create, list

    @classmethod
    def create(
        cls,
        name: str,
        source: str | Path,
        encoder: str = "starter",
        captions: str | Path | None = None,
        on_progress: Callable[[Job], None] | None = None,
        vectors: str | Path | None = None,
    ) -> Workbench:
        """Index a source and wait until it can be searched. A collection of that name is continued.

        Parameters
        ----------
        name : str
        source : path
            A folder, an image, a zip, or a table (CSV, Parquet, JSONL) with a column of image paths.
        encoder : str
            See `core.encode.load_encoder`. Another one than before adds a vector set, which becomes the active one when it
            covers everything. Weights that are not on this computer are fetched.
        captions : path, optional
            A table with captions and metadata for the images.
        on_progress : callable, optional
            Called with the job whenever it has got further.
        vectors : path, optional
            ``.npy`` or Parquet with (id, vector), used instead of encoding; see `submit_ingest`.

        Raises
        ------
        InputError
            The source cannot be read, or nothing in it could be indexed.
        EncoderError
            There is no such encoder, or its weights cannot be had.
        """
        job = cls.submit_ingest(name, source, encoder=encoder, captions=captions, vectors=vectors, fetch=True, start=False)
        submitting.finish_here(job, on_progress)
        return cls(Collection.open_key(job.collection))

    @classmethod
    def open(cls, name: str) -> Workbench:
        """Open the collection of that name (or key).

        Raises
        ------
        NotFound
            The message says which collections there are.
        Damaged
        """
        return cls(Collection.open(name))

    @staticmethod
    def list() -> tuple[CollectionInfo, ...]:
        """Every collection, the latest used first; a damaged one has `problem` set."""
        return list_collections()

    @staticmethod
    def submit_ingest(
        name: str,
        source: str | Path,
        *,
        encoder: str | None = None,
        captions: str | Path | None = None,
        vectors: str | Path | None = None,
        keep: bool = False,
        confine: bool = False,
        fetch: bool = False,
        start: bool = True,
    ) -> Job:
        """Queue the indexing of a source into the collection of that name, which is made if it is new.

        Parameters
        ----------
        encoder : str, optional
            By default the one whose vectors the collection's searches use, ``starter`` for a new collection; with
            `vectors`, ``none`` (no text queries).
        vectors : path, optional
            Vectors brought along, by item id or file name. With an encoder named, their dimension must be its own.
        keep : bool
            The source is temporary (uploads): its files are moved into the collection's own folder.
        confine : bool
            Leave out links that lead outside the folder.
        fetch : bool
            Download the encoder's weights where they are not on this computer. Pages leave this to a button of its own.
        start : bool
            Start the worker.

        Raises
        ------
        InputError
            There is nothing at `source`, or the name cannot be used.
        """
        return submitting.submit_ingest(
            name, source, encoder=encoder, captions=captions, vectors=vectors, keep=keep, confine=confine, fetch=fetch, start=start
        )

    @staticmethod
    def submit_demo(*, start: bool = True) -> Job:
        """Queue the making of the demo collection; the job that makes it already, where there is one."""
        return submitting.submit_demo(start=start)

    # ------------------------------------------------------------ about it

    @property
    def name(self) -> str:
        """The name people gave it."""
        return self.collection.name

    @property
    def key(self) -> str:
        """Its key in links and on the disk."""
        return self.collection.key

    @property
    def generation(self) -> int:
        """Raised whenever what a search can find changes."""
        return self.collection.generation

    def info(self) -> CollectionInfo:
        """What Home shows of it."""
        return self.collection.info()

    def jobs(self, live: bool = False) -> tuple[Job, ...]:
        """Its jobs, the latest first; perhaps only those queued or running."""
        from core.jobs import Queue

        return Queue(self.collection.home).jobs(self.key, live=live)

    # ------------------------------------------------------------ services

    @cached_property
    def items(self) -> ItemService:
        """Items: browsing, tags, trash, exports, copies."""
        return ItemService(self.collection)

    @cached_property
    def maps(self) -> MapService:
        """The map of the collection and of one query."""
        return MapService(self.collection)

    @cached_property
    def hubs(self) -> HubService:
        """How unevenly items are found."""
        return HubService(self.collection)

    @cached_property
    def hub_pages(self) -> HubPageService:
        """One hub at a time: its facts, its queries, whose right answers it stands before."""
        return HubPageService(self.collection)

    @cached_property
    def correcting(self) -> CorrectionService:
        """Hub corrections: their banks, their biases, and what they change."""
        return CorrectionService(self.collection)

    @cached_property
    def querysets(self) -> QuerySetService:
        """Query sets and their versions."""
        return QuerySetService(self.collection)

    @cached_property
    def pools(self) -> PoolService:
        """What is to be judged, and by whom."""
        return PoolService(self.collection)

    @cached_property
    def judgments(self) -> JudgingService:
        """Query sets, grades, qrels; what to judge next, and what a query becomes by its judgments."""
        return JudgingService(self.collection)

    @cached_property
    def encoders(self) -> EncoderService:
        """Its vector sets: add one with another encoder, switch, remove."""
        return EncoderService(self.collection)

    @cached_property
    def adapt(self) -> AdaptService:
        """The encoder adapted to the collection's own words."""
        return AdaptService(self.collection)

    @cached_property
    def cutoffs(self) -> CutoffService:
        """Where good results end, learned from judgments."""
        return CutoffService(self.collection)

    @cached_property
    def proof(self) -> ProofService:
        """Whether a hub correction helps here, on the collection's own right answers."""
        return ProofService(self.collection)

    # ------------------------------------------------------------ searching

    def search(
        self, query: str | Query, k: int = 20, *, where: str | None = None, recipe: str | Recipe = "plain", log: bool = True,
        wait: bool = True,
    ) -> SearchResult:
        """Find images: by words, by example, by both, or all that pass a filter.

        Parameters
        ----------
        query : str or Query
            A line of the query language (`core.query.parse`), or a query that is put together. Without terms it
            means: all items, by name.
        k : int
            Most hits. Exactly ``min(k, matched)`` come back.
        where : str, optional
            A filter (`core.query.where`), on top of the query's own.
        recipe : str or Recipe
            How to answer; ``plain`` is the default, and ``hub:is:20:captions`` describes a hub correction.
        log : bool
            Note the search in the collection's local log, where that is switched on.
        wait : bool
            Where a hub correction has to be made first and that takes long, make it now; False has the worker make it,
            and the answer is without it and says so.

        Raises
        ------
        QueryError
            The query or the filter cannot be read.
        NotFound
            The query names an item, an upload or a recipe that is not there.
        """
        from core.query.parse import parse
        from core.search.engine import run
        from core.search.recipes import recipe as recipe_named

        if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
            raise InputError(f"k is {k!r}; ask for 1 hit or more.")
        query = parse(query) if isinstance(query, str) else query
        if where is not None and where.strip():
            both = f"({query.where}) and ({where.strip()})" if query.where.strip() else where.strip()
            query = Query(query.terms, query.literals, both)
        chosen = recipe_named(self.collection, recipe) if isinstance(recipe, str) else recipe
        result = run(self.collection, query, int(k), recipe=chosen, later=None if wait else self.correcting.queue)
        if log and query.terms:
            try:
                self.collection.log_search(
                    query, result.recipe, result.generation, result.timings.get("total", 0.0), result.matched
                )
            except LoupeError as error:  # a full disk, say: the answer stands
                result = replace(result, warnings=(*result.warnings, f"This search was not noted: {error}"))
        return result

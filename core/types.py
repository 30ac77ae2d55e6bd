"""The words of Loupe as frozen dataclasses: what the rooms hand to each other.

Nothing here computes, reads or writes; numpy is the only import.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np

Scalar = str | int | float | bool | None
TermKind = Literal["text", "upload", "item"]
Space = Literal["joint", "visual"]


# ---------------------------------------------------------------- items


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a collection, as the pages show it.

    Attributes
    ----------
    item_id : str
        ``i`` and 16 base32 characters of the bytes' SHA-256, or the id a table gave.
    file : str
        The first source path, relative to its root where it has one; for people, not for opening.
    captions : tuple of str
    meta : Mapping of str to Scalar
        The table's other columns.
    tags : tuple of str
    width, height : int
        Pixels, after EXIF orientation.
    n_bytes : int
    added_at : float
        Seconds since the epoch.
    date : str
        ISO 8601: EXIF date where there is one, else the file's modification time.
    status : str
        ``ok``, ``missing`` (the source file is gone) or ``trashed``.
    n_k : int or None
        k-occurrence in the kNN graph of the active vector set, None until it is built.
    """

    item_id: str
    file: str
    captions: tuple[str, ...] = ()
    meta: Mapping[str, Scalar] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    n_bytes: int = 0
    added_at: float = 0.0
    date: str = ""
    status: Literal["ok", "missing", "trashed"] = "ok"
    n_k: int | None = None

    @property
    def caption(self) -> str:
        """The first caption, or an empty string."""
        return self.captions[0] if self.captions else ""


@dataclass(frozen=True, slots=True)
class NewItem:
    """What ingest knows of an image before it is committed."""

    item_id: str
    sha256: str
    file: str
    path: str
    width: int
    height: int
    n_bytes: int
    date: str
    captions: tuple[str, ...] = ()
    meta: Mapping[str, Scalar] = field(default_factory=dict)
    mtime_ns: int = 0
    root: str = ""
    thumbnail: bytes = b""
    supersedes: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that could not be used, and why."""

    file: str
    reason: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Column:
    """A metadata column: its name, and what its values are."""

    name: str
    kind: Literal["text", "number", "boolean", "date"]


@dataclass(frozen=True, slots=True)
class Facet:
    """One column with the values that can be chosen, most frequent first, and how many items have each."""

    column: str
    kind: str
    values: tuple[tuple[Scalar, int], ...]
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """A collection as Home lists it."""

    key: str
    name: str
    n_items: int
    encoder: str
    generation: int
    created_at: float
    used_at: float
    n_bytes: int
    cover: tuple[str, ...] = ()
    n_skipped: int = 0
    attribution: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class VectorSet:
    """Encoder, weights, preprocessing and space that a set of vectors was made with."""

    set_id: str
    encoder: str
    weights: str
    preprocessing: str
    space: Space
    dim: int
    engine: str = ""
    precision: str = "float32"
    has_text: bool = True
    active: bool = False


# ---------------------------------------------------------------- queries


@dataclass(frozen=True, slots=True)
class Term:
    """One signed, weighted part of a query.

    Attributes
    ----------
    kind : {"text", "upload", "item"}
    value : str
        The words; the hash of a kept upload; or an item id.
    weight : float
        Negative means "less like this". Never zero.
    """

    kind: TermKind
    value: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TextMatch:
    """Words that must stand in the file name or a caption (FTS5), or must not (`negated`)."""

    field: Literal["file", "caption"]
    value: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that rank and conditions that filter. Without terms it means: browse all.

    `where` is filter text in the grammar of `core.query.where`; `literals` are the ``file:`` and
    ``caption:`` parts.
    """

    terms: tuple[Term, ...] = ()
    literals: tuple[TextMatch, ...] = ()
    where: str = ""

    @property
    def canonical(self) -> str:
        """The same query as JSON with sorted keys: equal queries have equal text."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @property
    def query_id(self) -> str:
        """``q`` and 16 hexadecimal characters of the SHA-256 of `canonical`."""
        return "q" + hashlib.sha256(self.canonical.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class HubSetting:
    """Hub correction of a recipe. ``none`` leaves the ranking as it is.

    Attributes
    ----------
    method : str
        ``none``, or one of `core.rank.hubness.BIAS_METHODS`.
    beta : float
        Strength, an inverse temperature, above 0; ``csls`` has none.
    bank : str
        What the items are compared with: see `core.search.banks`.
    """

    method: str = "none"
    beta: float = 20.0
    bank: str = "captions"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a query is answered. ``plain`` is the default: the active set, exact or planned, nothing on top.

    Attributes
    ----------
    set : str
        ``active``: the vectors in use, and for images alone those of the same encoder's visual space, where there are any.
        ``joint``: the vectors in use, whatever is asked. Otherwise the id of a vector set.
    """

    name: str = "plain"
    version: int = 1
    set: str = "active"
    index: Literal["auto", "exact", "usearch"] = "auto"
    compose: Literal["centred", "sum"] = "centred"
    hub: HubSetting = HubSetting()
    rerank: str = "none"
    fold: bool = False
    cutoff: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer.

    Attributes
    ----------
    item_id : str
    rank : int
        From 1.
    score : float
        What the order is made from; higher is better.
    cosine : float
        Raw cosine of the composed query and the item, in [-1, 1].
    terms : tuple of float
        What each term of the query gave and, where a hub correction was applied, last what that gave; they sum to
        `score` within 1e-5.
    rank_before : int or None
        The rank without the hub correction, where one was applied.
    before_at_least : bool
        The index was not asked that deep: `rank_before` is the least it can have been.
    alike : tuple of str
        Near-duplicates folded under this hit.
    """

    item_id: str
    rank: int
    score: float
    cosine: float
    terms: tuple[float, ...] = ()
    file: str = ""
    caption: str = ""
    rank_before: int | None = None
    alike: tuple[str, ...] = ()
    n_k: int | None = None
    before_at_least: bool = False


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Where the good results of one search end. It moves and hides nothing.

    Attributes
    ----------
    after : int
        Rank of the last hit above the line; 0 where the line is above all hits.
    below : bool
        Whether a hit that came back is below the line.
    score : float
        Hits with a lower score are likely irrelevant.
    probability : float or None
        Of relevance at the line; None where nothing was judged to learn it from.
    probabilities : tuple of float
        Of each hit, in order; empty where they are not known.
    rung : str
        What the line comes from: ``cosine``, ``zscore``, ``platt`` or ``adapter``.
    recall : float
        Share of the relevant results it is meant to keep.
    words : str
        How it was learned and what it is worth, in a sentence or two.
    fingerprint : str
        Of the judgments it was learned from.
    """

    after: int
    below: bool
    score: float
    probability: float | None
    probabilities: tuple[float, ...] = ()
    rung: str = "zscore"
    recall: float = 0.95
    words: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class SearchResult(Sequence[Hit]):
    """Hits in order, with everything a page says about them.

    Attributes
    ----------
    total : int
        Items in the collection that could have been found (live, in the set).
    matched : int
        Items that pass the filters; references of the query are not counted.
    plan : str
        ``exact``, ``approximate`` or ``browse``.
    timings : Mapping of str to float
        Milliseconds by step: ``encode``, ``filter``, ``search``, ``rank``, ``total``.
    generation : int
        Of the collection, when the answer was made.
    space : {"joint", "visual"}
        What images were compared by: meaning, as words can ask for it, or looks alone.
    set_id : str
        The vector set that answered; empty where nothing was compared.
    hub : HubSetting
        The hub correction that was applied, with the bank it used; ``none`` where there was none.
    cutoff : Cutoff or None
        Where good results end, if that was learned for this recipe and is in use.
    cutoff_note : str
        Why there is no such line, where there is one for other searches of the collection.
    """

    query: Query
    k: int
    hits: tuple[Hit, ...]
    total: int
    matched: int
    plan: str
    timings: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    generation: int = 0
    recipe: str = "plain"
    space: str = "joint"
    set_id: str = ""
    hub: HubSetting = HubSetting()
    cutoff: Cutoff | None = None
    cutoff_note: str = ""

    def __getitem__(self, i):  # noqa: ANN001, ANN204 - the Sequence protocol
        return self.hits[i]

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The hits' ids in order."""
        return tuple(hit.item_id for hit in self.hits)


# ---------------------------------------------------------------- graph and maps


@dataclass(frozen=True)
class KnnGraph:
    """The k nearest neighbours of every live item of a vector set, self left out.

    Attributes
    ----------
    item_ids : ndarray of str, shape (n,)
    neighbors : ndarray of int32, shape (n, k)
        Positions in `item_ids`, nearest first.
    similarities : ndarray of float32, shape (n, k)
        Cosines, descending.
    in_full : int
        Items whose similarities were all taken in float32; for the others rough ones and an error bound were enough
        to prove the same neighbours. -1 where it was not noted.
    """

    set_id: str
    generation: int
    item_ids: np.ndarray
    neighbors: np.ndarray
    similarities: np.ndarray
    exact: bool = True
    in_full: int = -1


@dataclass(frozen=True)
class MapFit:
    """Two coordinates for every item of a vector set.

    Attributes
    ----------
    item_ids : ndarray of str, shape (n,)
    coords : ndarray of float32, shape (n, 2)
    method : {"umap", "pca"}
    fitted : ndarray of bool, shape (n,)
        False for items that were transformed into a map fitted before they came.
    trustworthiness : float or None
        How far neighbours on the map are true ones, 0..1, when the map was fitted.
    """

    set_id: str
    generation: int
    item_ids: np.ndarray
    coords: np.ndarray
    method: Literal["umap", "pca"]
    fitted: np.ndarray
    seed: int = 0
    trustworthiness: float | None = None


@dataclass(frozen=True)
class Neighbourhood:
    """One query's hits and their neighbours, laid out in the plane.

    Attributes
    ----------
    item_ids : ndarray of str, shape (n,)
        Hits first, in rank order; then their neighbours.
    coords : ndarray of float32, shape (n, 2)
    n_hits : int
    query_xy : ndarray of float32, shape (2,)
        Rank-weighted mean of the hits.
    edges : ndarray of int32, shape (m, 2)
        kNN links as pairs of positions in `item_ids`.
    preserved : float
        Share of the true nearest neighbours (within this set) that are also nearest in the plane, 0..1.
    """

    item_ids: np.ndarray
    coords: np.ndarray
    n_hits: int
    query_xy: np.ndarray
    edges: np.ndarray
    preserved: float
    n_k: np.ndarray


@dataclass(frozen=True, slots=True)
class HubnessReport:
    """How unevenly items are found. Definitions: `core.rank.hubness.hubness_report`."""

    skewness: float
    skewness_nonzero: float
    robin_hood: float
    antihub_share: float
    gini: float
    atkinson: float
    hub_occurrence: float | None = None
    hub_occurrence_mean: float | None = None
    largest_hub_reach: float | None = None


# ---------------------------------------------------------------- judging and jobs


@dataclass(frozen=True, slots=True)
class Judgment:
    """(query, item, grade, judge, time). `grade` None means "can't tell".

    Attributes
    ----------
    ms : int or None
        How long the item was looked at, in milliseconds, where that was measured.
    copied_from : int or None
        The row of the judgment that this one repeats for a near-duplicate.
    """

    query_id: str
    item_id: str
    grade: int | None
    judge: str
    at: float = 0.0
    note: str = ""
    origin: str = "judge"
    ms: int | None = None
    copied_from: int | None = None


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query of a query set: what a judge sees and what is searched. `asked`: how often, where it is from the search log."""

    query_id: str
    text: str
    query: Query
    guideline: str = ""
    origin: str = "typed"
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work as the queue knows it.

    `state` is queued, running, done, failed or cancelled; `rate` is units per second; `eta` seconds left.
    """

    job_id: int
    kind: str
    collection: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str = ""
    done: int = 0
    total: int = 0
    rate: float = 0.0
    eta: float | None = None
    message: str = ""
    args: Mapping[str, object] = field(default_factory=dict)
    result: Mapping[str, object] = field(default_factory=dict)
    created_at: float = 0.0
    heartbeat: float = 0.0

    @property
    def live(self) -> bool:
        """True while the job is queued or running."""
        return self.state in ("queued", "running")

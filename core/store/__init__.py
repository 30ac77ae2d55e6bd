"""Collections on disk: SQLite is the truth, vectors are immutable segments, everything else can be made again."""

from __future__ import annotations

from core.store.artifacts import Artifact
from core.store.collection import Collection
from core.store.homes import home
from core.store.judgments import Judgments
from core.store.lists import list_collections, purge_collections, restore_collection, trashed_collections
from core.store.pools import PoolRecord, PoolRow
from core.store.queries import AskedQuery, LoggedSearch, SetVersion
from core.store.verify import Problem
from core.store.view import VectorView

__all__ = [
    "Artifact",
    "AskedQuery",
    "Collection",
    "Judgments",
    "LoggedSearch",
    "PoolRecord",
    "PoolRow",
    "Problem",
    "SetVersion",
    "VectorView",
    "home",
    "list_collections",
    "purge_collections",
    "restore_collection",
    "trashed_collections",
]

"""Tiny stand-ins for the store: a snapshot of vectors, and a shelf for artifacts."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from core.types import VectorSet


class FakeView:
    """Vectors in memory with the parts of `VectorView` that graph and atlas read."""

    def __init__(self, vectors: np.ndarray, ids: list[str] | None = None, alive: np.ndarray | None = None,
                 generation: int = 1) -> None:
        self.matrix = np.asarray(vectors, np.float32)
        self.set = VectorSet("fake-1", "fake", "w", "p", "joint", self.matrix.shape[1])
        self.generation = generation
        self.item_ids = np.array(ids if ids is not None else [f"i{j:05d}" for j in range(len(vectors))], dtype=str)
        self.alive = np.ones(len(vectors), bool) if alive is None else alive
        self.live = np.flatnonzero(self.alive)

    def rows(self, positions: np.ndarray) -> np.ndarray:
        return self.matrix[positions]

    def position(self, item_id: str) -> int | None:
        found = np.flatnonzero((self.item_ids == item_id) & np.isin(np.arange(len(self.item_ids)), self.live))
        return int(found[0]) if len(found) else None

    def find(self, ids: np.ndarray) -> np.ndarray:
        found = [self.position(str(item_id)) for item_id in ids]
        return np.array([position for position in found if position is not None], dtype=np.int64)

    def positions(self, ids: np.ndarray) -> np.ndarray:
        where = {item_id: position for position, item_id in enumerate(self.item_ids)}
        return np.array([where[str(item_id)] for item_id in ids], dtype=np.int64)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their lengths."""
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clustered(n: int, d: int = 16, n_clusters: int = 5, spread: float = 0.6, seed: int = 0) -> np.ndarray:
    """Unit rows around a few centres; row i belongs to centre i mod n_clusters."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((n_clusters, d))
    return unit(centres[np.arange(n) % n_clusters] + spread * rng.standard_normal((n, d)))


class FakeCollection:
    """Keeps artifacts in a dictionary, as the store would on disk."""

    def __init__(self) -> None:
        self.kept: dict = {}

    def set(self, set_id: str | None = None):
        return SimpleNamespace(set_id=set_id or "fake-1")

    def put_artifact(self, kind, set_id, arrays, meta, generation):
        self.kept[kind, set_id] = SimpleNamespace(arrays=dict(arrays), meta=dict(meta), generation=generation)

    def artifact(self, kind, set_id):
        return self.kept.get((kind, set_id))

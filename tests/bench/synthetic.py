"""Collections of made-up vectors for measuring: clustered as real embeddings are, without any image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.store import Collection
from core.types import NewItem, VectorSet

DIM = 512


def clustered(n: int, dim: int = DIM, *, n_clusters: int = 200, seed: int = 0) -> np.ndarray:
    """float32 (n, dim) unit rows around `n_clusters` directions, of unequal sizes and a common mean as embeddings have."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(dim)
    centres = 0.7 * common + rng.standard_normal((n_clusters, dim))
    sizes = rng.pareto(1.5, n_clusters) + 0.2
    chosen = rng.choice(n_clusters, size=n, p=sizes / sizes.sum())
    vectors = np.empty((n, dim), np.float32)
    for start in range(0, n, 20_000):  # a million at once would take 12 GB on the way
        some = chosen[start : start + 20_000]
        vectors[start : start + 20_000] = centres[some] + 0.9 * rng.standard_normal((len(some), dim))
        vectors[start : start + 20_000] /= np.linalg.norm(vectors[start : start + 20_000], axis=1, keepdims=True)
    return vectors


def collection(home: Path, n: int, *, encoder: str = "starter") -> Collection:
    """A collection of `n` items with two metadata columns, captions and vectors of a set that claims to be `encoder`'s."""
    from core.encode import load_encoder, vector_sets

    made = Collection.create(f"bench {n}", home)
    vector_set: VectorSet = vector_sets(load_encoder(encoder))[0]
    made.add_set(vector_set)
    made.activate(vector_set.set_id)
    vectors = clustered(n, vector_set.dim)
    colours = ("red", "green", "blue", "black", "white")
    for start in range(0, n, 20_000):
        rows = range(start, min(n, start + 20_000))
        items = [
            NewItem(
                item_id=f"i{i:016d}", sha256=f"{i:064x}", file=f"photos/{i:07d}.jpg", path=f"/nowhere/{i:07d}.jpg", width=640,
                height=480, n_bytes=100_000, date="2026-01-01T00:00:00", captions=(f"picture number {i}",),
                meta={"colour": colours[i % 5], "price": float(i % 97)},
            )
            for i in rows
        ]  # fmt: skip
        made.commit(items, {vector_set.set_id: ([item.item_id for item in items], vectors[rows.start : rows.stop])})
    return made

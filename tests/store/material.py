"""Items and vectors made from a number, so that a vector that stands at the wrong item is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from core.store import Collection, VectorView
from core.types import NewItem, VectorSet

JOINT = VectorSet("fake-joint", "fake", "w1", "squash", "joint", 24)
VISUAL = VectorSet("fake-visual", "fake", "w1", "squash", "visual", 8, has_text=False)


def new_item(n: int, **changes: object) -> NewItem:
    """The `n`-th item."""
    said = {
        "item_id": f"i{n:06d}",
        "sha256": hashlib.sha256(str(n).encode()).hexdigest(),
        "file": f"folder/picture_{n}.jpg",
        "path": f"/source/folder/picture_{n}.jpg",
        "width": 640,
        "height": 480,
        "n_bytes": 1000 + n,
        "date": f"2024-01-{n % 28 + 1:02d}",
        "captions": (f"picture number {n}",),
        "meta": {"number": n, "parity": "even" if n % 2 == 0 else "odd"},
        "mtime_ns": 10**18 + n,
        "root": "/source",
        "thumbnail": b"\xff\xd8" + str(n).encode() * 40 + b"\xff\xd9",
    }
    return NewItem(**(said | changes))


def vector(item_id: str, dim: int, version: int = 0) -> np.ndarray:
    """The unit vector an item has, float32 (dim,)."""
    seed = int(hashlib.sha256(f"{item_id}/{dim}/{version}".encode()).hexdigest()[:12], 16)
    row = np.random.default_rng(seed).normal(size=dim)
    return (row / np.linalg.norm(row)).astype(np.float32)


def vectors(ids: Iterable[str], dim: int, version: int = 0) -> tuple[list[str], np.ndarray]:
    """Ids and their vectors, as `Collection.commit` wants them."""
    ids = list(ids)
    return ids, np.array([vector(i, dim, version) for i in ids], dtype=np.float32).reshape(len(ids), dim)


def add(collection: Collection, numbers: Iterable[int]) -> int:
    """Commit these items with both vectors."""
    items = [new_item(n) for n in numbers]
    ids = [item.item_id for item in items]
    return collection.commit(items, {s.set_id: vectors(ids, s.dim) for s in (JOINT, VISUAL)})


def misaligned(view: VectorView, version_of: dict[str, int] | None = None) -> list[str]:
    """Ids whose live row is not their own vector."""
    dim = view.matrix.shape[1]
    rows = view.rows(view.live)
    wanted = [vector(i, dim, (version_of or {}).get(i, 0)) for i in view.item_ids[view.live]]
    if not wanted:
        return []
    close = (rows * np.array(wanted)).sum(axis=1) > 0.999
    return [str(i) for i in view.item_ids[view.live][~close]]

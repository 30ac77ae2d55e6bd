"""A collection with a planted hub, or without one: captions that find their image, one image in everybody's way."""

from __future__ import annotations

import numpy as np

from core import encode
from core.encode import vector_sets
from core.graph import knn
from core.store import Collection
from core.types import NewItem
from core.workbench import Workbench
from tests.fakes import FakeEncoder


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


class LeaningEncoder(FakeEncoder):
    """"number 7 ..." finds image 7, but for the direction that all texts lean to by `lean`."""

    name = "leaning"
    dim = 48
    spaces = {"joint": 48}
    fingerprint = "1ea4e00000000001"

    def __init__(self, lean: float = 1.2) -> None:
        self.shared = _unit(np.random.default_rng(0).standard_normal(48))
        self.lean = lean

    def topic(self, n: int) -> np.ndarray:
        return _unit(np.random.default_rng(1000 + n).standard_normal(48))

    def encode_texts(self, texts):
        rows = []
        for text in texts:
            rng = np.random.default_rng(list(text.encode()))
            found = [int(word) for word in text.split() if word.isdigit()]
            topic = self.topic(found[0]) if found else _unit(rng.standard_normal(48))
            lean = self.lean * rng.uniform(0.3, 1.7)
            rows.append(_unit(topic + lean * self.shared + 0.8 * _unit(rng.standard_normal(48))))
        return np.stack(rows) if rows else np.zeros((0, 48), np.float32)


class LookingEncoder(LeaningEncoder):
    """As above, and a space for looks, in which images of one kind lie together, all of them leaning to one direction."""

    name = "looking"
    spaces = {"joint": 48, "visual": 24}
    fingerprint = "1ea4e00000000002"

    def looks(self, n: int) -> np.ndarray:
        """float32 (n, 24); every 24th lies along what all share, so it is in everybody's way."""
        rng = np.random.default_rng(7)
        kinds, shared = _unit(rng.standard_normal((8, 24))), _unit(rng.standard_normal(24))
        own = 0.7 * kinds[np.arange(n) % 8] + 1.2 * _unit(rng.standard_normal((n, 24)))
        own[23::24] *= 0.2
        return _unit(own + self.lean * shared).astype(np.float32)


def proof_world(
    n: int = 240, *, lean: float = 1.2, captions: int = 1, name: str = "Proof", visual: bool = False, bare: int = 0
) -> Workbench:
    """`n` images, each in one of 8 kinds; the last is the hub, which has no caption.

    Parameters
    ----------
    lean : float
        0 makes the hub an image like any other.
    captions : int
        Of each image.
    visual : bool
        With a space for looks.
    bare : int
        Images of these without a caption, the first ones.
    """
    encoder = LookingEncoder(lean) if visual else LeaningEncoder(lean)
    encode._loaded[encoder.name] = encoder
    collection = Collection.create(name)
    joint, *others = vector_sets(encoder)
    for one in (joint, *others):
        collection.add_set(one)
    collection.activate(joint.set_id)
    ids = [f"x{at:03d}" for at in range(n)]
    rng = np.random.default_rng(5)
    rows = np.stack([_unit(encoder.topic(at) + 0.6 * _unit(rng.standard_normal(48))) for at in range(n - 1)] + [encoder.shared])
    items = [
        NewItem(item_id=i, sha256=i, file=f"{i}.png", path="", width=8, height=8, n_bytes=1, date="", meta={"kind": f"k{at % 8}"},
                captions=tuple(f"number {at} said {j}" for j in range(captions)) if bare <= at < n - 1 else ())
        for at, i in enumerate(ids)
    ]  # fmt: skip
    vectors = {joint.set_id: (ids, rows)}
    if others:
        vectors[others[0].set_id] = (ids, encoder.looks(n))
    collection.commit(items, vectors)
    graph = knn.build(collection.view(), k=10)
    knn.save(collection, graph)
    collection.set_n_k(graph.item_ids.tolist(), knn.k_occurrence(graph, 10).tolist())
    return Workbench(collection)

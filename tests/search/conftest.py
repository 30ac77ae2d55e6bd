"""Twenty-four pictures of twelve colours with captions, metadata and tags, encoded by the fake encoder."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.encode import vector_sets
from core.store import Collection
from core.types import NewItem, VectorSet
from tests import fakes

YEARS = ("2022-03-01", "2023-07-15T10:00:00", "2024-12-31")


def new_item(item_id: str, file: str = "", **more: object) -> NewItem:
    given = {"sha256": hashlib.sha256(item_id.encode()).hexdigest(), "path": f"/gone/{item_id}", "width": 64,
             "height": 48, "n_bytes": 9, "date": "2024-01-01", **more}
    return NewItem(item_id=item_id, file=file or f"{item_id}.png", **given)  # type: ignore[arg-type]


@pytest.fixture
def pictures(home: Path, tmp_path: Path, fake_encoder: fakes.FakeEncoder) -> Collection:
    """Items ``p00`` .. ``p23``: picture n is of colour n % 12; both vector sets; the joint one is active."""
    collection = Collection.create("Pictures")
    for vector_set in vector_sets(fake_encoder):
        collection.add_set(vector_set)
    paths = fakes.make_images(tmp_path / "pictures", 24)
    items = []
    for n, path in enumerate(paths):
        colour = list(fakes.COLOURS)[n % 12]
        thumb = io.BytesIO()
        items.append(new_item(
            f"p{n:02d}", path.name, path=str(path), date=YEARS[n % 3], thumbnail=thumb.getvalue(),
            captions=(f"a {colour} thing",) if n != 7 else (),
            meta={"colour": colour, "price": n * 10, "sold": n % 2 == 0, "note": f"note {n}"} if n != 5 else {},
        ))
    ids = [item.item_id for item in items]
    joint, visual = vector_sets(fake_encoder)
    collection.commit(items, {joint.set_id: (ids, fake_encoder.encode_images(paths)),
                              visual.set_id: (ids, fake_encoder.encode_visual(paths))})
    collection.activate(joint.set_id)
    collection.tag(["p00", "p12", "p03"], "best")
    collection.tag(["p03"], "old")
    return collection


@pytest.fixture
def encoder_for(fake_encoder: fakes.FakeEncoder) -> Callable[[str], fakes.FakeEncoder]:
    """As `core.encode.load_encoder`, and it counts what it was asked for."""
    asked: list[str] = []

    def load(name: str) -> fakes.FakeEncoder:
        asked.append(name)
        assert name == "fake"
        return fake_encoder

    load.asked = asked  # type: ignore[attr-defined]
    return load


@pytest.fixture
def brought(home: Path) -> Callable[..., Collection]:
    """Makes a collection of given vectors, by item id, without an encoder."""

    def make(
        vectors: Mapping[str, Sequence[float]], metas: Mapping[str, dict] | None = None, **more: object
    ) -> Collection:
        collection = Collection.create(str(more.pop("name", "Brought")))
        dim = len(next(iter(vectors.values())))
        collection.add_set(VectorSet("brought-1", "", "", "", "joint", dim, has_text=False))
        rows = np.array(list(vectors.values()), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        items = [new_item(item_id, meta=(metas or {}).get(item_id, {}), **more) for item_id in vectors]
        collection.commit(items, {"brought-1": (list(vectors), rows)})
        collection.activate("brought-1")
        return collection

    return make
